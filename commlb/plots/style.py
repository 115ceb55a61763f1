"""What the panels share: colours, sizes, and text that fits. Lengths are inches, fonts points."""

from __future__ import annotations

from collections.abc import Iterator
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
