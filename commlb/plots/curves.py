"""What the pictures over cuts or sizes share: curves on axes, and their labels beside the ends.

A curve is told by its dash and its marker as well as by its colour; where curves coincide the later ones
are thinner, so that the earlier ones show beneath.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from commlb.plots.style import (
    ALICE,
    BOB,
    CHARACTER,
    GREY,
    INK,
    JOIN,
    OTHER,
    PALE,
    SMALL,
    TEXT,
    TITLE,
    WARN,
    fitted,
    panel,
)

Dash = str | tuple[float, tuple[float, ...]]

WIDTH = 10.0
LEFT, WIDE, SIDE = 0.72, 5.95, 3.2
"""Inches: the left margin of the axes, their width, and the width of the column of labels beside them."""

FOOT, HEAD = 0.62, 1.12
"""Inches: below the lowest axes for the ticks, above the highest for the title."""

PITCH = 0.37
"""Inches from one label to the next."""

MOST_MARKERS = 36
"""Points of a curve that all have their markers; of more, evenly spread ones."""


@dataclass(frozen=True)
class Look:
    """How a curve is drawn; of two that coincide, the one of lower order is wider."""

    colour: str
    dash: Dash
    width: float
    marker: str
    size: float
    order: int
    hollow: bool = False


LOOKS = {
    "capacity": Look(OTHER, (0, (7, 1.5)), 4.2, "^", 7.0, 3),
    "reachable": Look(INK, "solid", 2.0, "o", 5.0, 4),
    "entropy": Look(JOIN, (0, (3, 1.5)), 1.8, "s", 3.6, 5),
    "read": Look(GREY, (0, (1, 1.2)), 1.6, "", 0, 2),
    "need": Look(ALICE, "none", 0, "D", 7.5, 7),
    "closed form": Look(ALICE, "none", 0, "o", 10.0, 6, hollow=True),
    "closed bound": Look(ALICE, (0, (1.2, 1.2)), 1.5, "", 0, 2),
    "reduction": Look(BOB, (0, (6, 1.5, 1, 1.5)), 1.5, "", 0, 2),
    "machine": Look(OTHER, (0, (7, 1.5)), 2.6, "^", 6.0, 3),
    "at least": Look(INK, "solid", 2.0, "s", 4.5, 5),
    "at most": Look(INK, (0, (3, 1.5)), 1.2, "v", 4.5, 4),
    "guess": Look(INK, "solid", 1.6, "o", 4.0, 4),
    "ceiling": Look(ALICE, (0, (4, 1.5)), 1.6, "", 0, 3),
    "best law": Look(WARN, "solid", 1.8, "", 0, 3),
    "law 2": Look(JOIN, (0, (6, 1.5)), 1.3, "", 0, 2),
    "law 3": Look(ALICE, (0, (3, 1.2)), 1.3, "", 0, 2),
    "law 4": Look(BOB, (0, (1, 1.2)), 1.5, "", 0, 2),
    "law 5": Look(GREY, (0, (6, 1.5, 1, 1.5)), 1.3, "", 0, 2),
}


@dataclass(frozen=True)
class Curve:
    """``values`` at the places ``at`` (None: unknown there), drawn as ``LOOKS[look]``; ``note`` is the second
    line of its label: the value that counts, and how it is known.
    """

    look: str
    name: str
    at: tuple[float, ...]
    values: tuple[float | None, ...]
    note: str


def head(made: Figure, title: str, sentence: str, warn: bool = False) -> None:
    """Title and a sentence of up to two lines above everything; ``warn``: in the colour and weight of one."""
    high = made.get_size_inches()[1]
    top, wide = panel(made, 0.2, high - HEAD, WIDTH - 0.4, HEAD - 0.05), WIDTH - 0.4
    text, size = fitted(title, wide, TITLE)
    top.text(0, HEAD - 0.37, text, size=size, weight="bold", va="baseline")
    size = TEXT if len(sentence) <= 2 * wide / CHARACTER / TEXT - 30 else SMALL
    rows = textwrap.wrap(sentence, int(wide / CHARACTER / size), max_lines=2, placeholder=" …")
    look = {"color": WARN, "weight": "bold"} if warn else {"color": INK}
    for k, row in enumerate(rows):
        top.text(0, HEAD - 0.6 - 0.18 * k, row, size=size, va="baseline", **look)


def chart(
    made: Figure, bottom: float, high: float, across: tuple[float, float], up: tuple[float, float]
) -> Axes:
    """Axes at ``bottom`` inches, ``high`` inches high, over these ranges."""
    wide, tall = made.get_size_inches()
    axes = made.add_axes((LEFT / wide, bottom / tall, WIDE / wide, high / tall))
    axes.set_xlim(*across)
    axes.set_ylim(*up)
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=PALE, lw=0.8)
    axes.set_axisbelow(True)
    return axes


def across_ticks(axes: Axes, first: int, last: int, name: str | None) -> None:
    """Whole numbers below the axes, with what they are; without ``name`` the ticks alone."""
    most = int(WIDE / (0.2 + SMALL * CHARACTER * len(f"{last:,}")))
    places = ticks(first, last, min(most, 22))
    axes.set_xticks(places, [f"{place:,}" for place in places] if name else [""] * len(places))
    if name:
        axes.set_xlabel(name, size=TEXT)


def ticks(first: int, last: int, most: int) -> list[int]:
    """At most ``most`` whole numbers from ``first`` to ``last``, both among them, the others round.

    >>> ticks(0, 8, 10), ticks(1, 64, 8), ticks(0, 2000, 6)
    ([0, 1, 2, 3, 4, 5, 6, 7, 8], [1, 10, 20, 30, 40, 50, 64], [0, 500, 1000, 1500, 2000])
    """
    span, step = last - first, 1
    steps = (k * 10**power for power in range(20) for k in (1, 2, 5))
    step = next(step for step in steps if span <= step * max(1, most - 1))
    inner = range(-(-first // step) * step, last, step)
    return sorted({first, last, *(k for k in inner if 3 * min(k - first, last - k) >= 2 * step)})


def ceiling(curves: Sequence[Curve], own: Sequence[str], room: float = 1.1) -> float:
    """The top of the axes: above all values, but at most five times above those of the looks ``own``, which
    would else lie flat on the ground.
    """
    known = [(c.look in own, v) for c in curves for v in c.values if v is not None]
    most = max((v for _, v in known), default=0.0)
    mine = max((v for is_own, v in known if is_own), default=most)
    return room * max(min(most, 5 * max(mine, 1.0)), 0.5)


def draw_curve(axes: Axes, curve: Curve) -> None:
    """The line and its markers."""
    look = LOOKS[curve.look]
    values = [math.nan if value is None else value for value in curve.values]
    every = max(1, math.ceil(len(values) / MOST_MARKERS))
    axes.plot(
        curve.at,
        values,
        color=look.colour,
        ls=look.dash,
        lw=look.width,
        marker=look.marker or "none",
        ms=look.size,
        mew=1.4 if look.hollow else 0.6,
        mfc="none" if look.hollow else look.colour,
        mec=look.colour if look.hollow else "white",
        markevery=((len(values) - 1) % every, every),
        zorder=look.order,
        label=curve.name,
    )


def draw_labels(made: Figure, axes: Axes, curves: Sequence[Curve]) -> None:
    """Each curve's name and note beside its end, moved apart, with a swatch of the line and a leader to it.

    A curve whose end lies above the axes has an arrow for it.
    """
    box, (wide, tall) = axes.get_position(), made.get_size_inches()
    high = box.height * tall
    side = panel(made, LEFT + WIDE, box.y0 * tall, SIDE, high)
    (x0, x1), (low, top) = axes.get_xlim(), axes.get_ylim()
    ends = []
    for curve in curves:
        seen = [(x, v) for x, v in zip(curve.at, curve.values, strict=True) if v is not None and x <= x1]
        x, value = max(seen, default=(x1, next((v for v in curve.values if v is not None), low)))
        ends.append(((x - x1) / (x1 - x0) * WIDE, (min(value, top) - low) / (top - low) * high, value > top))
    for curve, (x, y, above), at in zip(curves, ends, spread([y for _, y, _ in ends], high), strict=True):
        look = LOOKS[curve.look]
        side.plot([x + 0.06, 0.08, 0.26], [y, y, at], color=GREY, lw=0.5, clip_on=False, zorder=1)
        _swatch(side, look, 0.3, at)
        room = SIDE - 0.86
        name, size = fitted(("↑ " if above else "") + curve.name, room, TEXT)
        side.text(0.8, at + 0.015, name, size=size, va="bottom")
        note, size = fitted(curve.note, room, SMALL)
        side.text(0.8, at - 0.015, note, size=size, va="top", color=GREY)


def _swatch(side: Axes, look: Look, x: float, y: float) -> None:
    fill, edge = ("none", look.colour) if look.hollow else (look.colour, "white")
    side.plot([x, x + 0.42], [y, y], color=look.colour, ls=look.dash, lw=look.width, zorder=2)
    if look.marker:
        side.plot(
            [x + 0.21],
            [y],
            marker=look.marker,
            ms=look.size,
            mfc=fill,
            mec=edge,
            mew=1.0,
            ls="none",
            zorder=3,
        )


def spread(wanted: Sequence[float], high: float) -> list[float]:
    """Heights near those wanted, ``PITCH`` apart and within 0 … ``high``; of equal ones the first is lowest."""
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    placed: list[float] = []
    for k in order:
        placed.append(max(wanted[k], PITCH / 2, placed[-1] + PITCH if placed else 0))
    limit = high - PITCH / 2
    for place in range(len(placed) - 1, -1, -1):
        placed[place] = min(placed[place], limit)
        limit = placed[place] - PITCH
    found = [0.0] * len(wanted)
    for k, y in zip(order, placed, strict=True):
        found[k] = y
    return found


def missing(axes: Axes, start: float, words: str) -> None:
    """Dotted from ``start`` to the right end: cuts or sizes that were not finished."""
    (_, x1), (low, top) = axes.get_xlim(), axes.get_ylim()
    where, size = (start, min(low, top)), (x1 - start, abs(top - low))
    axes.add_patch(Rectangle(where, *size, fc="white", ec=GREY, hatch="..", lw=0, alpha=0.55, zorder=1))
    if words:
        box = {"boxstyle": "square,pad=0.25", "fc": "white", "ec": "none"}
        axes.text(
            (start + x1) / 2,
            low + 0.5 * (top - low),
            words,
            size=SMALL,
            ha="center",
            va="center",
            bbox=box,
            zorder=8,
        )
