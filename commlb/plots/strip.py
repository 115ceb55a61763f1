"""The left panel for streams that are no graph: the tokens as cells, the cut, and what answers the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from commlb.plots.style import ALICE, BOB, GREY, INK, OTHER, SMALL, TEXT, count, text_width
from commlb.records import Drawing

PITCH, HIGH, GAP = 0.46, 0.28, 0.08
ALICE_CELL = ("#DCEFFB", ALICE, 0.6, "normal", 1)
BOB_CELL = ("#F1E1ED", BOB, 0.6, "normal", 1)
FOUND = (OTHER, INK, 2.0, "bold", 3)
"""Fill, outline and its width, weight of the text, order."""

MOST_ROWS = 6
"""Rows of Alice's cells that fit, the lines for what is left out among them."""


@dataclass(frozen=True)
class Cell:
    """Token t: who wrote it, what it says, and whether it answers Bob's query."""

    t: int
    party: str
    text: str
    answers: bool


@dataclass(frozen=True)
class Line:
    """One line of the strip: cells, or how many are left out here."""

    cells: tuple[Cell, ...]
    omitted: int = 0


def block(drawing: Drawing) -> int:
    """Tokens that Alice writes for one position: a pair, a c-gram, or one."""
    roles = {role for party, role, _ in drawing.tokens if party == "Alice"}
    bob = [role for party, role, _ in drawing.tokens if party == "Bob"]
    if "value" in roles:
        return 2
    return len(bob) + 1 if set(bob) == {"ask"} else 1


def answering(drawing: Drawing) -> frozenset[int]:
    """Positions of the tokens that answer Bob's query; empty if none does, as when a count is 0.

    The symbol at i for INDEX; else the first block that starts as Bob's query, where Alice writes blocks;
    else all tokens that equal the query.
    """
    alice = [(role, names) for party, role, names in drawing.tokens if party == "Alice"]
    query = [names for party, role, names in drawing.tokens if party == "Bob" and role != "threshold"]
    if not query or not alice:
        return frozenset()
    if all(role == "symbol" for role, _ in alice):
        return frozenset({drawing.i - 1} if drawing.i <= len(alice) else ())
    size = block(drawing)
    if size == 1:
        return frozenset(t for t, (_, names) in enumerate(alice) if names == query[0])
    for t in range(len(alice) - size + 1):
        if [names for _, names in alice[t : t + size - 1]] == query and alice[t][0] != "value":
            return frozenset(range(t, t + size))
    return frozenset()


def cells(drawing: Drawing) -> tuple[Cell, ...]:
    """All tokens in order."""
    found = answering(drawing)
    return tuple(
        Cell(t, party, " ".join(names), t in found) for t, (party, _, names) in enumerate(drawing.tokens)
    )


def lines(row: Sequence[Cell], columns: int, most: int) -> tuple[Line, ...]:
    """The cells wrapped after ``columns``; of more than ``most`` lines the first, the last, those around the
    answer, and between them how many tokens are left out.
    """
    wrapped = [tuple(row[k : k + columns]) for k in range(0, len(row), columns)]
    if len(wrapped) <= most:
        return tuple(map(Line, wrapped))
    last = len(wrapped) - 1
    found = next((k for k, line in enumerate(wrapped) if any(cell.answers for cell in line)), 1)
    kept = {0, last, found}
    spare = [found + 1] if any(c.answers for c in wrapped[min(found + 1, last)]) else []
    for k in [*spare, 1, last - 1, 2, last - 2]:
        more = kept | {k}
        if 0 <= k <= last and len(more) + _breaks(more) <= most:
            kept = more
    shown: list[Line] = []
    before = -1
    for k in sorted(kept):
        if k > before + 1:
            shown.append(Line((), sum(map(len, wrapped[before + 1 : k]))))
        shown.append(Line(wrapped[k]))
        before = k
    return tuple(shown)


def _breaks(kept: set[int]) -> int:
    """How many runs of lines are left out between the kept ones."""
    return sum(k - 1 not in kept for k in kept) - 1


def draw_strip(axes: Axes, drawing: Drawing) -> None:
    """Alice's cells line by line, the cut, Bob's cells; what answers Bob is framed and shaded."""
    width, top = axes.get_xlim()[1], axes.get_ylim()[1]
    every, size = cells(drawing), block(drawing)
    alice = [cell for cell in every if cell.party == "Alice"]
    bob = [cell for cell in every if cell.party != "Alice"]
    margin = max(0.55, text_width(f"{len(every):,}", SMALL) + 0.12)
    wide = max(0.3, max(text_width(cell.text, TEXT) for cell in every) + 0.1)
    groups = max(1, int((width - margin) / (wide * size + (GAP if size > 1 else 0))))
    columns = groups * size
    axes.text(0, top - 0.02, "Alice writes", size=TEXT + 1, weight="bold", color=ALICE, va="top")
    y = _lines(axes, lines(alice, columns, MOST_ROWS), top - 0.52, margin, wide, size)
    y -= 0.2
    axes.plot([0, width], [y] * 2, color=INK, lw=2.2, ls=(0, (4, 1.5)))
    axes.text(width, y + 0.04, "cut: the message is the state here", size=TEXT, ha="right", va="bottom")
    axes.text(0, y - 0.08, "Bob writes", size=TEXT + 1, weight="bold", color=BOB, va="top")
    y = _lines(axes, lines(bob, columns, 2), y - 0.56, margin, wide, size)
    some = any(cell.answers for cell in every)
    note = "framed: what answers Bob's query" if some else "no token is what Bob asks for"
    axes.text(0, 0.02, f"{note}   grey: the position of a line's first token", size=SMALL, color=GREY)


def _lines(axes: Axes, shown: Sequence[Line], y: float, left: float, wide: float, size: int) -> float:
    """Draw lines from y downwards; returns where the next would be."""
    for line in shown:
        if line.omitted:
            axes.text(left, y + HIGH / 2, f"… {count(line.omitted, 'token')} …", size=TEXT, va="center")
        else:
            first = f"{line.cells[0].t + 1:,}"
            axes.text(left - 0.08, y + HIGH / 2, first, size=SMALL, color=GREY, ha="right", va="center")
        for place, cell in enumerate(line.cells):
            x = left + place * wide + (place // size * GAP if size > 1 else 0)
            _cell(axes, cell, x, y, wide)
        y -= PITCH
    return y + PITCH - 0.12


def _cell(axes: Axes, cell: Cell, x: float, y: float, wide: float) -> None:
    fill, line, wide_line, weight, order = ALICE_CELL if cell.party == "Alice" else BOB_CELL
    if cell.answers:
        fill, line, wide_line, weight, order = FOUND
    axes.add_patch(Rectangle((x, y), wide, HIGH, fc=fill, ec=line, lw=wide_line, zorder=order))
    middle = x + wide / 2, y + HIGH / 2
    axes.text(*middle, cell.text, size=TEXT, weight=weight, ha="center", va="center_baseline", zorder=4)
