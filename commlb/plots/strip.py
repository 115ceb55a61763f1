"""The left panel for streams that are no graph: the tokens as cells, the cut, and what answers the query."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from commlb.plots.style import ALICE, BOB, GREY, INK, OTHER, SMALL, TEXT, count, text_width
from commlb.records import Drawing

PITCH, HIGH, GAP = 0.46, 0.28, 0.08
ALICE_CELL = ("#DCEFFB", ALICE, 0.6, "normal", 1)
BOB_CELL = ("#F1E1ED", BOB, 0.6, "normal", 1)
FOUND = (OTHER, INK, 2.0, "bold", 3)
"""Fill, outline and its width, weight of the text, order."""

SIDES = ("first0", "first1", "second0", "second1")
"""Roles of bits of two words, the bit last."""

MOST_ROWS = 6
"""Rows of Alice's cells that fit, the lines for what is left out among them."""

ENDS = 2
"""Tokens shown at each end of a block that is too long for a line."""


@dataclass(frozen=True)
class Cell:
    """Token t: who wrote it, what it says, and whether it answers Bob's query; or so many ``tokens`` from t
    on that stand in one cell.
    """

    t: int
    party: str
    text: str
    answers: bool
    tokens: int = 1


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
    """Positions of the tokens that answer Bob's query; empty if none does, as when a count is 0, and for a table.

    The token at i where Alice writes symbols or edges one a position; of two words the places that settle the
    answer; else the first block that starts as Bob's query, where Alice writes blocks; else all tokens that
    equal the query.
    """
    alice = [(role, names) for party, role, names in drawing.tokens if party == "Alice"]
    query = [names for party, role, names in drawing.tokens if party == "Bob" and role != "threshold"]
    if not query or not alice or not drawing.placed:
        return frozenset()
    roles = {role for role, _ in alice}
    if all(role in SIDES for role in roles):
        return _settling(drawing, len(alice))
    if roles <= {"symbol"} or roles <= {"edge", "none"}:
        place = int(drawing.y) - 1
        return frozenset({place} if place < len(alice) else ())
    size = block(drawing)
    if len(query) > 1 and size == 2:  # many queries: Bob's word says which matter, or the first one is read
        if drawing.problem != "INDEX":
            return frozenset(t for t in range(len(alice)) if drawing.y[t // 2] == "1")
        query = query[:1]
    if size == 1:
        return frozenset(t for t, (_, names) in enumerate(alice) if names == query[0])
    for t in range(len(alice) - size + 1):
        if [names for _, names in alice[t : t + size - 1]] == query and alice[t][0] != "value":
            return frozenset(range(t, t + size))
    return frozenset()


def _settling(drawing: Drawing, n: int) -> frozenset[int]:
    """The first places at which two words settle the answer: where they differ, or both have a 1."""
    bits = [role[-1] for _, role, _ in drawing.tokens]
    pairs = enumerate(zip(bits[:n], bits[n:], strict=False))
    if drawing.problem == "EQ":
        return frozenset(t for t, (a, b) in pairs if a != b)
    return frozenset(t for t, (a, b) in pairs if a == b == "1")


def said(role: str, names: tuple[str, ...]) -> str:
    """What stands in a token's cell."""
    if role in SIDES:
        return role[-1]
    if role in ("go", "skip"):
        return "sep" if names == ("1",) else "go"
    ends = {"edge": "–".join(names), "source": f"s–{' '.join(names)}", "target": f"{' '.join(names)}–t"}
    return ends.get(role, "s–t" if role == "join" else " ".join(names) or "·")


def cells(drawing: Drawing) -> tuple[Cell, ...]:
    """All tokens in order."""
    found = answering(drawing)
    return tuple(
        Cell(t, party, said(role, names), t in found) for t, (party, role, names) in enumerate(drawing.tokens)
    )


@dataclass(frozen=True)
class Strip:
    """The cells of both, and the widths of a block's cells, in inches: what stands in one line together."""

    alice: tuple[Cell, ...]
    bob: tuple[Cell, ...]
    widths: tuple[float, ...]

    @property
    def wide(self) -> float:
        """A block's width, with the gap after it."""
        return sum(self.widths) + (GAP if len(self.widths) > 1 else 0)

    @property
    def folded(self) -> bool:
        """Whether some cell stands for many tokens."""
        return any(cell.tokens > 1 for cell in (*self.alice, *self.bob))


def arrange(drawing: Drawing, room: float) -> Strip:
    """The cells so that a block fits in ``room`` inches: one a token; or runs of equal tokens in one cell; or
    the ends of each block with how many tokens are between them.
    """
    every, size = cells(drawing), block(drawing)
    sides = [[cell for cell in every if (cell.party == "Alice") == alice] for alice in (True, False)]
    whole, *shorter = [
        [[fold(row[k : k + size]) for k in range(0, len(row), size)] for row in sides]
        for fold in (tuple, _runs, _ends)
    ]
    strip = _strip(whole)
    for blocks in shorter:
        if strip.wide > room and len({len(cells) for cells in blocks[0]}) == 1:
            strip = _strip(blocks)
    return strip


def _strip(sides: list[list[tuple[Cell, ...]]]) -> Strip:
    """Each cell of a block as wide as the widest that stands at its place in any block."""
    blocks = [cells for side in sides for cells in side]
    places = [[len(c[k].text) for c in blocks if k < len(c)] for k in range(max(map(len, blocks), default=1))]
    widths = tuple(max(0.3, text_width("0" * max(place), TEXT) + 0.1) for place in places)
    alice, bob = (tuple(cell for cells in side for cell in cells) for side in sides)
    return Strip(alice, bob, widths or (0.3,))


def _runs(row: Sequence[Cell]) -> tuple[Cell, ...]:
    """A block with each run of equal tokens in one cell, ``27 ×49``."""
    made: list[Cell] = []
    for _, group in itertools.groupby(row, key=lambda cell: (cell.text, cell.answers)):
        first, *more = group
        text = f"{first.text} ×{len(more) + 1}" if more else first.text
        made.append(replace(first, text=text, tokens=len(more) + 1))
    return tuple(made)


def _ends(row: Sequence[Cell]) -> tuple[Cell, ...]:
    """A block's first and last tokens, between them how many are left out."""
    if len(row) <= 2 * ENDS + 1:
        return tuple(row)
    left = row[ENDS:-ENDS]
    answers = any(cell.answers for cell in left)
    gap = Cell(left[0].t, left[0].party, f"… {count(len(left), 'token')} …", answers, len(left))
    return *row[:ENDS], gap, *row[-ENDS:]


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
            left = itertools.chain.from_iterable(wrapped[before + 1 : k])
            shown.append(Line((), sum(cell.tokens for cell in left)))
        shown.append(Line(wrapped[k]))
        before = k
    return tuple(shown)


def _breaks(kept: set[int]) -> int:
    """How many runs of lines are left out between the kept ones."""
    return sum(k - 1 not in kept for k in kept) - 1


def draw_strip(axes: Axes, drawing: Drawing) -> None:
    """Alice's cells line by line, the cut, Bob's cells; what answers Bob is framed and shaded."""
    width, top = axes.get_xlim()[1], axes.get_ylim()[1]
    margin = max(0.55, text_width(f"{len(drawing.tokens):,}", SMALL) + 0.12)
    strip = arrange(drawing, width - margin)
    columns = max(1, int((width - margin) / strip.wide)) * len(strip.widths)
    axes.text(0, top - 0.02, "Alice writes", size=TEXT + 1, weight="bold", color=ALICE, va="top")
    y = _lines(axes, lines(strip.alice, columns, MOST_ROWS), top - 0.52, margin, strip)
    y -= 0.2
    axes.plot([0, width], [y] * 2, color=INK, lw=2.2, ls=(0, (4, 1.5)))
    axes.text(width, y + 0.04, "cut: the message is the state here", size=TEXT, ha="right", va="bottom")
    axes.text(0, y - 0.08, "Bob writes", size=TEXT + 1, weight="bold", color=BOB, va="top")
    y = _lines(axes, lines(strip.bob, columns, 2), y - 0.56, margin, strip)
    some = any(cell.answers for cell in strip.alice)
    note = "framed: what answers Bob's query   " if some else "no token is what Bob asks for   "
    note *= drawing.placed
    axes.text(0, 0.02, f"{note}grey: the position of a line's first token", size=SMALL, color=GREY)
    cell = next((cell for cell in strip.alice if " ×" in cell.text), None)
    if cell is not None:
        words = f"{cell.text}: the token {cell.text.split()[0]}, {cell.tokens} times in a row"
        axes.text(0, 0.2, words, size=SMALL, color=GREY)


def _lines(axes: Axes, shown: Sequence[Line], y: float, left: float, strip: Strip) -> float:
    """Draw lines from y downwards; returns where the next would be."""
    for line in shown:
        if line.omitted:
            axes.text(left, y + HIGH / 2, f"… {count(line.omitted, 'token')} …", size=TEXT, va="center")
        else:
            first = f"{line.cells[0].t + 1:,}"
            axes.text(left - 0.08, y + HIGH / 2, first, size=SMALL, color=GREY, ha="right", va="center")
        for place, cell in enumerate(line.cells):
            group, k = divmod(place, len(strip.widths))
            x = left + group * strip.wide + sum(strip.widths[:k])
            _cell(axes, cell, x, y, strip.widths[k])
        y -= PITCH
    return y + PITCH - 0.12


def _cell(axes: Axes, cell: Cell, x: float, y: float, wide: float) -> None:
    fill, line, wide_line, weight, order = ALICE_CELL if cell.party == "Alice" else BOB_CELL
    if cell.answers:
        fill, line, wide_line, weight, order = FOUND
    axes.add_patch(Rectangle((x, y), wide, HIGH, fc=fill, ec=line, lw=wide_line, zorder=order))
    middle = x + wide / 2, y + HIGH / 2
    axes.text(*middle, cell.text, size=TEXT, weight=weight, ha="center", va="center_baseline", zorder=4)
