"""What the pictures over cuts or sizes share: curves on axes, and their labels beside the ends.

A curve is told by its dash and its marker as well as by its colour; where curves coincide the later ones
are thinner, so that the earlier ones show beneath.
"""

from __future__ import annotations

import itertools
import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

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

LONG = re.compile(r"\b\d{1,3}(?:,\d{3}){5,}\b")
"""A count of more digits than anyone reads."""

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
    "capacity": Look(OTHER, (0, (7, 1.5)), 3.8, "^", 7.0, 3),
    "reachable": Look(INK, "solid", 2.0, "o", 5.0, 4),
    "entropy": Look(JOIN, (0, (3, 1.5)), 1.8, "s", 3.6, 5),
    "read": Look("#B8B8B8", (0, (0.5, 0.5)), 5.6, "", 0, 2),
    "need": Look(ALICE, "none", 0, "D", 7.5, 7),
    "closed form": Look(ALICE, "none", 0, "o", 10.0, 6, hollow=True),
    "closed bound": Look(ALICE, (0, (1.2, 1.2)), 1.5, "", 0, 2),
    "reduction": Look(BOB, (0, (6, 1.5, 1, 1.5)), 1.5, "", 0, 2),
    "reduction 2": Look(JOIN, (0, (4, 1.2)), 1.5, "", 0, 2),
    "reduction 3": Look(WARN, (0, (2, 1)), 1.7, "", 0, 2),
    "formula": Look(ALICE, "solid", 2.6, "", 0, 3),
    "machine": Look(OTHER, (0, (5, 1)), 4.6, "^", 7.5, 3),
    "at least": Look(INK, "solid", 2.0, "s", 4.5, 5),
    "at most": Look(INK, (0, (3, 1.5)), 1.2, "v", 4.5, 4),
    "guess": Look(INK, "solid", 1.4, "o", 4.0, 4),
    "ceiling": Look(ALICE, (0, (4, 1.5)), 3.2, "", 0, 3),
    "minima": Look(INK, "none", 0, "s", 5.5, 6),
    "maxima": Look(INK, "none", 0, "v", 5.5, 5, hollow=True),
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
    sentence = LONG.sub(_power, sentence)
    size = TEXT if len(sentence) <= 2 * wide / CHARACTER / TEXT - 30 else SMALL
    rows = textwrap.wrap(sentence, int(wide / CHARACTER / size), max_lines=2, placeholder=" …")
    look: dict[str, Any] = {"color": WARN, "weight": "bold"} if warn else {"color": INK}
    for k, row in enumerate(rows):
        top.text(0, HEAD - 0.6 - 0.18 * k, row, size=size, va="baseline", **look)


def _power(found: re.Match[str]) -> str:
    """``2^100`` or ``>2^99`` for the many digits that were found."""
    value = int(found[0].replace(",", ""))
    power = value.bit_length() - 1
    return f"2^{power}" if value == 2**power else f">2^{power}"


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
    axes.yaxis.set_major_locator(MaxNLocator(8 if high > 2 else 3, steps=[1, 2, 5, 10]))
    return axes


def across_ticks(axes: Axes, first: int, last: int, name: str | None) -> None:
    """Whole numbers below the axes, with what they are; without ``name`` the ticks alone."""
    most = int(WIDE / (0.2 + SMALL * CHARACTER * len(f"{last:,}")))
    places = ticks(first, last, min(most, 21))
    axes.set_xticks(places, [f"{place:,}" for place in places] if name else [""] * len(places))
    if name:
        axes.set_xlabel(name, size=TEXT)


def ticks(first: int, last: int, most: int) -> list[int]:
    """At most ``most`` whole numbers from ``first`` to ``last``, both among them, the others round.

    >>> ticks(0, 8, 10), ticks(1, 64, 8), ticks(0, 2000, 6)
    ([0, 1, 2, 3, 4, 5, 6, 7, 8], [1, 10, 20, 30, 40, 50, 64], [0, 500, 1000, 1500, 2000])
    """
    span, step = last - first, 1
    steps = (k * 10**power for power in itertools.count() for k in (1, 2, 5))
    step = next(step for step in steps if span <= step * max(1, most - 1))
    inner = range(-(-first // step) * step, last, step)
    return sorted(
        {first, last, *(k for k in inner if 2 * (k - first) >= step and 3 * (last - k) >= 2 * step)}
    )


def ceiling(curves: Sequence[Curve], last: float, own: Sequence[str], near: Sequence[str] = ()) -> float:
    """The top of the axes up to the place ``last``: above all values, but not so far that the looks ``own``
    lie flat on the ground: at most five times above them, or twelve times where looks ``near`` are there.
    """
    mine, beside, most = (
        max((v for c in curves if looks is None or c.look in looks for v in _seen(c, last)), default=0.0)
        for looks in (own, near, None)
    )
    mine = max(mine, 1.0)
    return 1.1 * max(min(most, 5 * mine), beside if beside <= 12 * mine else 0, 1.0)


def _seen(curve: Curve, last: float) -> list[float]:
    """The values up to a place."""
    return [v for x, v in zip(curve.at, curve.values, strict=True) if v is not None and x <= last]


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
    box, tall = axes.get_position(), made.get_size_inches()[1]
    high = box.height * tall
    side = panel(made, LEFT + WIDE, box.y0 * tall, SIDE, high)
    (x0, x1), (low, top) = axes.get_xlim(), axes.get_ylim()
    ends = []
    for curve in curves:
        seen = [(x, v) for x, v in zip(curve.at, curve.values, strict=True) if v is not None and x <= x1]
        x, value = max(seen, default=(x1, next((v for v in curve.values if v is not None), low)))
        ends.append(((x - x1) / (x1 - x0) * WIDE, (min(value, top) - low) / (top - low) * high, value > top))
    if any(above for _, _, above in ends):
        side.text(0.8, -0.05, "↑: ends above the axes", size=SMALL, va="top", color=GREY)
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


def missing(axes: Axes, start: float, words: str = "", taken: Sequence[float] = ()) -> None:
    """Grey from ``start`` to the right end: cuts or sizes that were not finished. ``words`` say so, at a height
    away from the values ``taken``.
    """
    (_, x1), (low, top) = axes.get_xlim(), axes.get_ylim()
    where, size = (start, min(low, top)), (x1 - start, abs(top - low))
    axes.add_patch(Rectangle(where, *size, fc=PALE, ec="none", zorder=1.5))
    if words:
        heights = [low + share * (top - low) for share in (0.5, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2, 0.9)]
        y = max(heights, key=lambda height: min((abs(height - value) for value in taken), default=0))
        axes.text((start + x1) / 2, y, words, size=SMALL, ha="center", va="center", zorder=8)
