"""Two streams one above the other, the tokens in which they differ, and where the machine's states merge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from commlb.plots.style import (
    ALICE,
    BOB,
    GREY,
    INK,
    JOIN,
    OTHER,
    SMALL,
    TEXT,
    TITLE,
    count,
    fitted,
    panel,
    task_name,
    text_width,
)
from commlb.records import spec
from commlb.records_witness import CollideResult, Collision

WIDTH = 10.0
HIGH, PITCH, LINE, OMITTED = 0.26, 0.3, 0.86, 0.42
"""Of a cell, from one row to the other, from one pair of rows to the next, and of what is left out; inches."""

MARGIN = 0.62
MOST_LINES = 6
FILLS = {"x": "#DCEFFB", "x'": "#F1E1ED", "one": "#D5EFE6"}
EDGES = {"x": ALICE, "x'": BOB, "one": JOIN}
STATE_DIGITS = 40


@dataclass(frozen=True)
class Cell:
    """Token t of one of the streams: ``kind`` is "x", "x'" or, once the states have merged, "one"."""

    t: int
    text: str
    kind: str
    differs: bool


@dataclass(frozen=True)
class Pair:
    """Two rows of cells for the same tokens, or how many equal tokens are left out."""

    rows: tuple[tuple[Cell, ...], tuple[Cell, ...]]
    omitted: int = 0


def pairs(found: Collision, columns: int, most: int = MOST_LINES) -> tuple[Pair, ...]:
    """Both streams, ``columns`` tokens to a line; of more than ``most`` lines the first, the one of the merge, the
    last, and the first ones with differences; what is left out between them is counted.
    """
    cells = [
        tuple(
            Cell(t, str(token), "one" if t >= found.merged_at else name, token != other)
            for t, (token, other) in enumerate(zip(stream, against, strict=True))
        )
        for name, stream, against in (
            ("x", found.prefix, found.prefix_other),
            ("x'", found.prefix_other, found.prefix),
        )
    ]
    lines = [
        Pair((cells[0][k : k + columns], cells[1][k : k + columns])) for k in range(0, found.cut, columns)
    ]
    if len(lines) <= most:
        return tuple(lines)
    merge = (found.merged_at - 1) // columns
    differing = [k for k, line in enumerate(lines) if any(cell.differs for cell in line.rows[0])]
    kept: set[int] = set()
    for k in [0, merge, len(lines) - 1, *differing]:
        more = kept | {k}
        if len(more) + sum(j - 1 not in more for j in {*more, len(lines)} if j) <= most:
            kept = more
    shown: list[Pair] = []
    before = -1
    for k in sorted({*kept, len(lines)}):
        if k > before + 1:
            left = min(k * columns, found.cut) - (before + 1) * columns
            shown.append(Pair(((), ()), left))
        shown += lines[k : k + 1]
        before = k
    return tuple(shown)


def title(result: CollideResult) -> str:
    """``Two inputs that window:w=8 cannot tell apart: INDEX with 24 bits inside Index, gadget plain``."""
    size = count(result.n, "bit")
    if result.symbols > 2:
        size = f"{count(result.n, 'symbol')} of {result.symbols:,} kinds"
    where = f"{result.problem} with {size} inside {task_name(result.task)}, gadget {result.reduction}"
    name = spec(result.machine)
    if result.collision is None:
        return f"No two inputs found that {name} cannot tell apart: {where}"
    return f"Two inputs that {name} cannot tell apart: {where}"


def sentence(found: Collision) -> str:
    """What the machine must get wrong: the query, both right values, and what it says."""
    y = f"i = {found.y}" if isinstance(found.y, int) else "y = x" if found.y == found.x else "one set"
    if found.problem == "DISJ" and not isinstance(found.y, int) and sum(found.y) == 1:
        y = f"y = {{{found.y.index(1) + 1}}}"
    wrong = [
        name
        for name, value in (("x", found.value), ("x'", found.value_other))
        if value != found.machine_value
    ]
    return (
        f"Bob holds {y}: {found.problem} is {found.value} for x and {found.value_other} for x'. The machine says "
        f"{found.machine_value} for both: wrong on {' and '.join(wrong)}"
    )


def figure(result: CollideResult) -> Figure:
    """The picture. Call it inside ``style.settings()`` for the look that files have."""
    found = result.collision
    if found is None:
        return _without(result)
    cell = max(
        0.24, text_width("0" * max(len(str(t)) for t in (*found.prefix, *found.prefix_other)), TEXT) + 0.1
    )
    columns = max(1, int((WIDTH - 0.4 - MARGIN) / cell))
    shown = pairs(found, columns)
    high = 1.05 + sum(OMITTED if pair.omitted else LINE for pair in shown) + 0.45
    made = Figure(figsize=(WIDTH, high), facecolor="white")
    axes = panel(made, 0.2, 0.0, WIDTH - 0.4, high)
    _say(axes, high - 0.36, title(result), TITLE, "bold")
    _say(axes, high - 0.64, sentence(found), TEXT + 1, "normal")
    y = high - 1.26
    for pair in shown:
        if pair.omitted:
            words = f"… {count(pair.omitted, 'token')} of each …"
            axes.text(MARGIN, y + HIGH, words, size=TEXT, color=GREY, va="center")
            y -= OMITTED
            continue
        _rows(axes, pair, y, cell, found.merged_at)
        y -= LINE
    _foot(axes, found, y + 0.34)
    return made


def _without(result: CollideResult) -> Figure:
    made = Figure(figsize=(WIDTH, 1.1), facecolor="white")
    axes = panel(made, 0.2, 0.0, WIDTH - 0.4, 1.1)
    _say(axes, 0.72, title(result), TITLE, "bold")
    _say(axes, 0.34, result.verdict, TEXT + 1, "normal")
    return made


def _say(axes: Axes, y: float, text: str, size: float, weight: str) -> None:
    text, size = fitted(text, WIDTH - 0.4, size)
    axes.text(0, y, text, size=size, weight=weight, va="baseline")


def _rows(axes: Axes, pair: Pair, y: float, wide: float, merged_at: int) -> None:
    """Two rows of cells, the number of the first token before them, and a line where the states merge."""
    first = pair.rows[0][0].t
    axes.text(
        MARGIN - 0.3, y + HIGH + 0.07, f"{first + 1:,}", size=SMALL, color=GREY, ha="right", va="bottom"
    )
    for row, (name, cells) in enumerate(zip(("x", "x'"), pair.rows, strict=True)):
        low = y - row * PITCH
        axes.text(MARGIN - 0.1, low + HIGH / 2, name, size=TEXT, weight="bold", ha="right", va="center")
        _cells(axes, cells, low, wide)
    if first < merged_at <= first + len(pair.rows[0]):
        x = MARGIN + (merged_at - first) * wide
        axes.plot([x, x], [y - PITCH - 0.05, y + HIGH + 0.07], color=JOIN, lw=2.4, zorder=5)
        right = x > (WIDTH - 0.4) / 2
        words = f"one state after {count(merged_at, 'token')}"
        axes.text(
            x, y + HIGH + 0.09, words, size=SMALL, color=JOIN, weight="bold", ha="right" if right else "left",
            va="bottom",
        )  # fmt: skip


def _cells(axes: Axes, cells: Sequence[Cell], low: float, wide: float) -> None:
    for place, cell in enumerate(cells):
        x = MARGIN + place * wide
        fill, edge, thick, order = FILLS[cell.kind], EDGES[cell.kind], 0.6, 1
        if cell.differs:
            fill, edge, thick, order = OTHER, INK, 1.6, 3
        axes.add_patch(Rectangle((x, low), wide, HIGH, fc=fill, ec=edge, lw=thick, zorder=order))
        axes.text(
            x + wide / 2, low + HIGH / 2, cell.text, size=TEXT, ha="center", va="center_baseline", zorder=4,
            weight="bold" if cell.differs else "normal",
        )  # fmt: skip


def _foot(axes: Axes, found: Collision, y: float) -> None:
    """The state at the cut, and what the colours mean."""
    digits = found.state_hex
    if len(digits) > STATE_DIGITS:
        digits = f"{digits[: STATE_DIGITS // 2]}…{digits[-STATE_DIGITS // 2 :]}"
    after = f"after {count(found.cut, 'token')}"
    words = f"state at the cut, {after}, of both: 0x{digits} ({count(found.state_bits, 'bit')})"
    words, size = fitted(words, WIDTH - 0.4, TEXT)
    axes.text(0, y, words, size=size, va="top")
    note = "framed: tokens in which the streams differ   green: from here on the machine is in one state for both"
    axes.text(
        0, y - 0.24, f"{note}   grey: the position of a line's first token", size=SMALL, color=GREY, va="top"
    )
