"""How each machine is drawn in every picture: its colour, marker and dash, by its registered name.

No two machines share both marker and dash, so that they can be told apart without colour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from commlb.plots.curves import Dash, Look

BLACK, ORANGE, SKY, GREEN, BLUE, RED, PURPLE = (
    "#000000", "#D98E00", "#3B9BDC", "#007A5A", "#0072B2", "#D55E00", "#A4508B",
)  # fmt: skip
"""Okabe and Ito's colours, those that are too light for thin lines a little darker; yellow is left out."""

DASHES: tuple[Dash, ...] = (
    "solid",
    (0, (5, 1.5)),
    (0, (1.5, 1.2)),
    (0, (6, 1.5, 1.5, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (9, 2)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "*", "h", "p", "<", ">", "d")

SIZES = {"*": 6.5, "P": 5.6}
"""Of markers that would else look smaller than others, in points."""

MACHINES: dict[str, tuple[str, str, int]] = {
    "exact": (BLACK, "o", 0),
    "window": (BLUE, "s", 1),
    "random": (RED, "^", 2),
    "gru": (GREEN, "D", 0),
    "lstm": (PURPLE, "v", 3),
    "mamba": (ORANGE, "P", 1),
    "linear-attention": (SKY, "*", 2),
    "bloom": (PURPLE, "h", 4),
    "reservoir": (ORANGE, "p", 0),
    "fingerprint": (BLACK, "d", 5),
    "store": (GREEN, "<", 2),
    "countmin": (SKY, ">", 3),
    "elman": (RED, "o", 1),
    "slstm": (PURPLE, "s", 2),
    "mlstm": (PURPLE, "D", 4),
    "mamba2": (ORANGE, "v", 2),
    "s4d": (BLUE, "^", 3),
    "dss": (BLUE, "P", 5),
    "lru": (BLUE, "*", 0),
    "rg-lru": (GREEN, "h", 1),
    "retnet": (SKY, "s", 4),
    "gla": (SKY, "^", 0),
    "deltanet": (RED, "D", 2),
    "gated-deltanet": (RED, "v", 5),
    "rwkv4": (GREEN, "o", 3),
    "rwkv5": (GREEN, "s", 5),
    "rwkv6": (GREEN, "^", 4),
    "rwkv7": (GREEN, "v", 1),
    "rmt": (BLACK, "D", 3),
    "sliding-window": (BLUE, "d", 2),
    "streaming-llm": (RED, "P", 3),
    "tova": (ORANGE, "<", 4),
    "linear": (BLACK, "p", 2),
}
"""Colour, marker and place in ``DASHES`` of every registered machine."""


def machine_name(family: str) -> str:
    """``gru`` of ``gru:d,p=8``; of a user's own, ``folder/my.py:build``, all of it.

    >>> machine_name("gru:d,p=8"), machine_name("my.py:build")
    ('gru', 'my.py:build')
    """
    name = family.partition(":")[0]
    return name if name in MACHINES else family


def look(name: str, variant: int = 0) -> Look:
    """How the machine of that name is drawn; of an unknown name a look that is the same each time.

    ``variant``: another marker and dash in the same colour, for the second family of one machine.
    """
    colour, marker, dash = MACHINES.get(name) or _by_digest(name)
    turn = variant // len(MARKERS)  # markers and dashes would otherwise repeat together
    marker = MARKERS[(MARKERS.index(marker) + variant) % len(MARKERS)]
    dashed = DASHES[(dash + variant + turn) % len(DASHES)]
    return Look(colour, dashed, 1.3, marker, SIZES.get(marker, 4.6), 5)


def _by_digest(name: str) -> tuple[str, str, int]:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    number, colour = divmod(number, 7)
    number, marker = divmod(number, len(MARKERS))
    colours = (BLACK, ORANGE, SKY, GREEN, BLUE, RED, PURPLE)
    return colours[colour], MARKERS[marker], number % len(DASHES)


def looks(families: Sequence[str]) -> list[Look]:
    """A look for each family of one picture, no two (of at most 72) with the same marker and dash.

    The first family of each machine has the machine's own look, which is the same in all pictures. The later are
    thinner, so that where they coincide the earlier ones show beneath.
    """
    names = [machine_name(family) for family in families]
    taken = {(own.marker, own.dash) for own in map(look, names)}
    found: list[Look] = []
    for place, name in enumerate(names):
        chosen = look(name)
        if name in names[:place] or any(_same(chosen, other) for other in found):
            options = (look(name, variant) for variant in range(1, len(MARKERS) * len(DASHES)))
            chosen = next((one for one in options if (one.marker, one.dash) not in taken), chosen)
            taken.add((chosen.marker, chosen.dash))
        share = 1 - place / max(1, len(names) - 1)
        thick, size = 1.1 + 0.8 * share, chosen.size + 1.7 * share - 0.3
        found.append(replace(chosen, order=5 + place, width=thick, size=size))
    return found


def _same(one: Look, other: Look) -> bool:
    return (one.marker, one.dash) == (other.marker, other.dash)
