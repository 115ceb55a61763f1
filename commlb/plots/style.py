"""What the panels share: colours, sizes, and text that fits. Lengths are inches, fonts points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib import style as mpl_style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart.
ALICE, BOB, JOIN, WARN = "#0072B2", "#A4508B", "#007A5A", "#D55E00"
FIRST, OTHER = "#56B4E9", "#E69F00"
INK, GREY, PALE = "#000000", "#666666", "#EBEBEB"

SMALL, TEXT, TITLE = 8.0, 9.0, 12.0
CHARACTER = 0.0088
"""Width of an average character of the default font, in inches a point."""

TASKS = {
    "istree": "IsTree", "index": "Index", "ar": "AR", "cgram": "c-gram", "counting": "Counting",
    "mqar": "MQAR", "equality": "Equality", "disjointness": "Disjointness", "copying": "Copying",
    "dyck": "Dyck",
}  # fmt: skip
"""Names of tasks as the papers write them; others are called as they are typed."""

PLURALS = {"leaf": "leaves", "vertex": "vertices"}
"""Those that do not just add an s."""

SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "commlb",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "hatch.linewidth": 0.8,
}


@contextmanager
def settings() -> Iterator[None]:
    """matplotlib as it comes, whatever the user's own configuration, and ids that do not vary."""
    with mpl_style.context("default"), matplotlib.rc_context(SETTINGS):
        yield


def panel(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Bare axes whose data units are inches, so that text and shapes can be fitted to each other."""
    wide, high = figure.get_size_inches()
    axes = figure.add_axes((left / wide, bottom / high, width / wide, height / high))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    return axes


def text_width(text: str, size: float) -> float:
    """About how many inches a text takes, on the safe side."""
    return len(text) * size * CHARACTER


def fitted(text: str, width: float, size: float) -> tuple[str, float]:
    """The text and a font size (at least 8) at which it fits; a longer one loses its end."""
    room = width / CHARACTER
    size = max(SMALL, min(size, room / max(1, len(text))))
    most = int(room / size + 1e-9)
    return (text if len(text) <= most else text[: most - 1] + "…"), size


def clipped(text: str, most: int) -> str:
    """The text, or its start with an ellipsis, in at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def task_name(task: str) -> str:
    """A task's name in a title; of a user's own, ``folder/file.py:Name``, the end."""
    return TASKS.get(task, clipped(task.rsplit("/", 1)[-1], 30))


def sized(size: Mapping[str, Any]) -> str:
    """A task's size in words.

    >>> sized({"vertices": 8}), sized({"pairs": 3, "keys": 1, "fixed": True}), sized({"depth": None})
    ('8 vertices', '3 pairs, 1 key, fixed', 'depth = None')
    """
    words = []
    for key, value in size.items():
        noun = key.replace("_", " ")
        whole = isinstance(value, int) and not isinstance(value, bool)
        plural = noun.endswith("s") or noun in PLURALS.values()
        words.append(
            noun if value is True else counted(value, noun) if whole and plural else f"{noun} = {value}"
        )
    return ", ".join(words)


def count(number: int, noun: str) -> str:
    """``1 leaf``, ``2,000 leaves``."""
    return f"{number:,} {noun if number == 1 else PLURALS.get(noun, noun + 's')}"


def counted(number: int, plural: str) -> str:
    """``1 vertex``, ``67 vertices``: a count whose noun is given as for many.

    >>> counted(1, "leaves"), counted(1, "block bits"), counted(1, "bits a block"), counted(2, "hubs")
    ('1 leaf', '1 block bit', '1 bit a block', '2 hubs')
    """
    words = plural.split()
    for place in range(len(words) if number == 1 else 0):
        one = next((one for one, many in PLURALS.items() if many == words[place]), None)
        words[place] = one or words[place].removesuffix("s")
    return f"{number:,} {' '.join(words)}"
