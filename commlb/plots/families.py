"""Machines side by side: what each tells of every symbol at the cut, beside its bits; and all their heat maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from commlb.plots.curves import HEAD, WIDTH, head, ticks
from commlb.plots.heat import COLOURS, UNREAD, remembered
from commlb.plots.style import ALICE, GREY, PALE, SMALL, TEXT, clipped, count, panel, task_name
from commlb.records import spec
from commlb.records_states import StatesResult
from commlb.wording import number

ROW = 0.25
"""Inches of a machine's row."""

NAMES, CELLS, BARS, BETWEEN = 1.75, 4.2, 2.2, 0.3
"""Inches across: the machines' names, the heat map, the bars, and what is between them."""

UNDER = 1.1
"""Inches below the rows: ticks, the axes' names, and the colours explained."""

COLUMNS, SIDE, GAP, ABOVE = 6, 1.3, 0.24, 0.4
"""Of small maps: how many beside each other; inches of a map's side, between two, and for the words above."""


def ordered(results: Sequence[StatesResult]) -> list[StatesResult]:
    """Those that keep the most of x first; of equal ones in the order given."""
    return sorted(results, key=lambda result: -result.cuts[-1].entropy_bits)


def told(results: Sequence[StatesResult]) -> NDArray[np.float64]:
    """I(X_i; S) at the last cut: a row for each machine, a column for each symbol."""
    return np.array([result.cuts[-1].per_input_bit for result in results], float)


def name(result: StatesResult) -> str:
    """``gru, seed 3`` of machines with a seed; others as they are typed."""
    machine = result.machine
    seed = machine.parameters.get("seed")
    return clipped(spec(machine) if seed is None else f"{machine.name}, seed {seed}", 24)


def figure(results: Sequence[StatesResult]) -> Figure:
    """Rows of machines, the best first. Call it inside ``style.settings()`` for the look that files have.

    ``results``: complete, over Alice's prefixes of one reduction, with information.
    """
    results = ordered(results)
    high = ROW * len(results)
    made = Figure(figsize=(WIDTH, UNDER + high + HEAD), facecolor="white")
    head(made, f"What machines of about equal capacity keep of {_what(results[0])}", _how(results[0]))
    _rows(made, results, high)
    _bars(made, results, high)
    _key(made, results[0], NAMES, 0.25)
    return made


def maps(results: Sequence[StatesResult]) -> Figure:
    """A small heat map for each machine, symbol i by cut t, the best first. As ``figure``."""
    results = ordered(results)
    columns = min(COLUMNS, max(3, len(results)))  # few are drawn larger
    side = (COLUMNS * (SIDE + GAP)) / columns - GAP
    deep = -(-len(results) // columns)
    pitch = side + ABOVE + GAP
    made = Figure(figsize=(WIDTH, UNDER + deep * pitch - GAP + HEAD - 0.15), facecolor="white")
    head(made, f"What is left of each symbol, cut by cut: {_what(results[0])}", _how(results[0]))
    left = (WIDTH - COLUMNS * SIDE - (COLUMNS - 1) * GAP) / 2 + 0.1
    for place, result in enumerate(results):
        row, column = divmod(place, columns)
        bottom = UNDER + (deep - 1 - row) * pitch
        lowest = place + columns >= len(results)
        _small(made, result, left + column * (side + GAP), bottom, side, column == 0, lowest)
    _key(made, results[0], left, 0.25, hatched=True)
    return made


def _what(result: StatesResult) -> str:
    held = count(result.n, "bit" if result.symbols == 2 else "symbol")
    return f"{held} in {task_name(result.task)}, {result.reduction}"


def _how(result: StatesResult) -> str:
    known = result.evidence.capitalize()
    return (
        f"Each machine reads {result.n} uniform symbols x and is then in a state S. {known}: "
        f"all {count(result.cuts[-1].prefixes, 'input')} were run. Weights, or coins, are random, of the seed that "
        "is named; of several seeds the one with the greatest I(X; S) is shown."
    )


def _axes(made: Figure, left: float, bottom: float, wide: float, high: float) -> Axes:
    total, tall = made.get_size_inches()
    axes = made.add_axes((left / total, bottom / tall, wide / total, high / tall))
    axes.tick_params(labelsize=SMALL)
    return axes


def _rows(made: Figure, results: Sequence[StatesResult], high: float) -> None:
    """The heat map, a machine a row."""
    values, n = told(results), results[0].n
    axes = _axes(made, NAMES, UNDER, CELLS, high)
    axes.imshow(
        values,
        cmap=COLOURS,
        vmin=0,
        vmax=math.log2(results[0].symbols),
        aspect="auto",
        interpolation="nearest",
        extent=(0.5, n + 0.5, len(results) - 0.5, -0.5),
    )
    for k in range(1, len(results)):
        axes.axhline(k - 0.5, color="white", lw=1.0)
    axes.set_yticks(range(len(results)), [name(result) for result in results])
    axes.tick_params(axis="y", length=0, labelsize=TEXT)
    axes.set_xticks(ticks(1, n, 16))
    axes.set_xlabel("symbol i of x: 1 is the oldest at the cut", size=TEXT)
    axes.spines[:].set_visible(False)


def _bars(made: Figure, results: Sequence[StatesResult], high: float) -> None:
    """I(X; S) beside the capacity, each with its number."""
    axes = _axes(made, NAMES + CELLS + BETWEEN, UNDER, BARS, high)
    room = [result.cuts[-1].capacity_bits or 0.0 for result in results]
    kept = [result.cuts[-1].entropy_bits for result in results]
    places = range(len(results))
    axes.barh(places, room, height=0.72, color=PALE, ec=GREY, lw=0.6, clip_on=False)
    axes.barh(places, kept, height=0.72, color=ALICE)
    axes.set_ylim(len(results) - 0.5, -0.5)
    axes.set_xlim(0, max(room))
    axes.set_yticks([])
    axes.set_xticks(ticks(0, math.floor(max(room)), 5))
    axes.set_xlabel("bits: I(X; S) blue, capacity grey", size=TEXT)
    axes.spines[["top", "right", "left"]].set_visible(False)
    side = panel(made, NAMES + CELLS + BETWEEN + BARS, UNDER, 1.4, high)
    for k, (bits, most) in enumerate(zip(kept, room, strict=True)):
        shown = f"{number(bits, ROUND_FLOOR, 3)} of {number(most, ROUND_CEILING, 4)}"
        side.text(0.12, high - (k + 0.5) * ROW, shown, size=SMALL, va="center")


def _small(
    made: Figure, result: StatesResult, left: float, bottom: float, side: float, first: bool, lowest: bool
) -> None:
    """One map: its machine and what it keeps above, ticks only at the edges of the grid."""
    values, last = remembered(result), result.cuts[-1]
    axes = _axes(made, left, bottom, side, side)
    cuts = len(result.cuts)
    axes.add_patch(Rectangle((-0.5, 0.5), cuts, result.n, zorder=-1, **(UNREAD | {"lw": 0})))
    axes.imshow(
        np.ma.masked_invalid(values),
        cmap=COLOURS,
        vmin=0,
        vmax=math.log2(result.symbols),
        aspect="auto",
        interpolation="nearest",
        extent=(-0.5, cuts - 0.5, result.n + 0.5, 0.5),
    )
    axes.set_xticks([0, last.t], ["0", f"{last.t}"] if lowest else ["", ""])
    axes.set_yticks([1, result.n], ["1", f"{result.n}"] if first else ["", ""])
    axes.tick_params(length=2)
    axes.spines[:].set_linewidth(0.5)
    over = panel(made, left, bottom + side, side + GAP - 0.05, ABOVE)
    over.text(0, 0.2, name(result), size=SMALL, va="baseline")
    bits = (
        f"{number(last.entropy_bits, ROUND_FLOOR, 3)} of {number(last.capacity_bits or 0, ROUND_CEILING, 4)}"
    )
    over.text(0, 0.05, f"{bits} bits", size=SMALL, color=GREY, va="baseline")


def _key(made: Figure, result: StatesResult, left: float, bottom: float, hatched: bool = False) -> None:
    """The colours from 0 to all of a symbol, and what hatching means."""
    whole = math.log2(result.symbols)
    bar = _axes(made, left, bottom, 1.4, 0.14)
    bar.imshow(np.linspace(0, whole, 256)[None], cmap=COLOURS, aspect="auto", extent=(0, whole, 0, 1))
    bar.set_yticks([])
    bar.set_xticks([0, whole / 2, whole], [number(mark, digits=3) for mark in (0, whole / 2, whole)])
    words = panel(made, left + 1.55, bottom - 0.1, WIDTH - left - 1.75, 0.34)
    about = "I(X_i; S_t), symbol i (down) after t tokens (across)" if hatched else "I(X_i; S)"
    text = f"{about} in bits, {result.evidence}; {number(whole, digits=3)}: known, 0: forgotten"
    words.text(0, 0.17, text, size=SMALL, va="center")
    if hatched:
        words.add_patch(Rectangle((5.85, 0.06), 0.34, 0.2, lw=0.5, **UNREAD))
        words.text(6.27, 0.17, "not yet read", size=SMALL, va="center")
