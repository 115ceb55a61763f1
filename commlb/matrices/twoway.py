"""D(f): the bits that Alice and Bob must exchange, whoever speaks, until both know the answer. Small matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb.bits import bits_needed
from commlb.errors import LimitError
from commlb.matrices import Matrix, Values
from commlb.matrices.rank import MAX_RATIONAL, pivots
from commlb.matrices.sets import fooling_pairs

MAX_SIDE = 12
"""Rows, and columns, of which all splits are tried."""

BUDGET = 200_000
"""Splits that are tried in all."""

ALICE, BOB = "Alice", "Bob"

Tree = Mapping[str, Any]
"""A protocol, as ``commlb.records_bounds`` writes it."""


@dataclass(frozen=True)
class TwoWay:
    """D(f) = ``bits``, a protocol ``tree`` of that depth, and by what D(f) is no less.

    ``at_least_by``: "rank", "two-way fooling set" or "search". ``sets``: the fooling sets, for each answer's place
    its pairs, where they say it.
    """

    bits: int
    tree: Tree
    at_least_by: str
    sets: Mapping[int, Sequence[tuple[int, int]]]


def complexity(matrix: Matrix, budget: int = BUDGET) -> TwoWay:
    """The exact deterministic two-way complexity D(f), counted until both know the answer, and a protocol.

    Outside the promise any answer is right. Rank, fooling sets and the protocol in which one side says its row or
    column and the other the answer may decide it at any size; else all protocols are searched, of matrices
    of at most ``MAX_SIDE`` different rows and columns, by iterative deepening over the depth. Raises
    ``LimitError`` for larger ones, and when ``budget`` splits did not suffice.
    Source: Kushilevitz, Nisan 1997, Sec. 1.1.

    >>> from commlb.matrices import from_problem
    >>> [complexity(from_problem("DISJ", n)).bits for n in (1, 2, 3)]
    [2, 3, 4]
    """
    search = _Search(matrix.values, budget)
    rows, columns = tuple(range(matrix.shape[0])), tuple(range(matrix.shape[1]))
    depth, by, sets = _at_least(matrix)
    most = search.at_most(rows, columns)
    while depth < most:
        search.known_so_far = f"{depth} to {most} bits so far"
        search.check_size(rows, columns)
        if search.solves(rows, columns, depth):
            break
        depth, by, sets = depth + 1, "search", {}
    return TwoWay(depth, search.tree(rows, columns, depth), by, sets)


def _at_least(matrix: Matrix) -> tuple[int, str, Mapping[int, Sequence[tuple[int, int]]]]:
    """A lower bound on D(f), and by what: rank if it is as good as fooling sets."""
    sets = {value: pairs for value in range(len(matrix.answers)) if (pairs := fooling_pairs(matrix, value))}
    bits = bits_needed(max(1, sum(map(len, sets.values()))))
    if not matrix.promise and len(matrix.answers) == 2 and min(matrix.shape) <= MAX_RATIONAL:
        by_rank = bits_needed(max(1, 2 * len(pivots(matrix.values.tolist())[0]) - 1))
        if by_rank >= bits:
            return by_rank, "rank", {}
    return bits, "two-way fooling set", sets


Side = tuple[int, ...]
"""Places of rows, or of columns, in order."""


class _Search:
    """Which rectangles a protocol of so many bits can solve; what was found is kept."""

    def __init__(self, values: Values, budget: int):
        self.values, self.budget = values, budget
        self.known: dict[tuple[Side, Side, int], bool] = {}
        self.least: dict[tuple[Side, Side], int] = {}
        self.known_so_far = ""

    def check_size(self, rows: Side, columns: Side) -> None:
        """Refuse a rectangle of which not all splits can be tried."""
        kept = self.reduced(rows, columns)
        sizes = len(kept[0]), len(kept[1])
        if max(sizes) > MAX_SIDE:
            raise LimitError(
                f"two-way protocols are searched for matrices of at most {MAX_SIDE} different rows and columns, "
                f"given {sizes[0]} and {sizes[1]}; {self.known_so_far}; take a smaller n"
            )

    def answers(self, rows: Side, columns: Side) -> list[int]:
        """The different answers on a rectangle."""
        found = np.unique(self.values[np.ix_(rows, columns)]).tolist()
        return found[1:] if found[0] < 0 else found

    def reduced(self, rows: Side, columns: Side) -> tuple[Side, Side, dict[int, int], dict[int, int]]:
        """Rows and columns without those that another can stand for, and for each the one that does.

        Row r' stands for r if it is defined and the same wherever r is defined.
        """
        row_of = {row: row for row in rows}
        column_of = {column: column for column in columns}
        while True:
            size = len(rows), len(columns)
            rows = _undominated(self.values[np.ix_(rows, columns)], rows, row_of)
            columns = _undominated(self.values[np.ix_(rows, columns)].T, columns, column_of)
            if (len(rows), len(columns)) == size:
                return rows, columns, row_of, column_of

    def at_most(self, rows: Side, columns: Side) -> int:
        """Bits with which one side says its row or column, and the other the answer."""
        several = bits_needed(max(1, len(self.answers(rows, columns))))
        if not several:
            return 0
        kept = self.reduced(rows, columns)
        return bits_needed(min(len(kept[0]), len(kept[1]))) + several

    def at_least(self, rows: Side, columns: Side) -> int:
        """Bits without which no protocol does, by a greedy fooling set of each answer."""
        if (rows, columns) not in self.least:
            leaves = 0
            block = self.values[np.ix_(rows, columns)]
            for answer in self.answers(rows, columns):
                left = np.argwhere(block == answer)
                other = (block >= 0) & (block != answer)
                while len(left):
                    r, c = left[0]
                    leaves += 1
                    left = left[other[r, left[:, 1]] | other[left[:, 0], c]]
            self.least[rows, columns] = bits_needed(max(1, leaves))
        return self.least[rows, columns]

    def solves(self, rows: Side, columns: Side, depth: int) -> bool:
        """Whether ``depth`` bits suffice for the rectangle."""
        rows, columns, _, _ = self.reduced(rows, columns)
        key = (rows, columns, depth)
        if key not in self.known:
            if self.at_most(rows, columns) <= depth:
                self.known[key] = True
            elif self.at_least(rows, columns) > depth:
                self.known[key] = False
            else:
                self.known[key] = self.split(rows, columns, depth) is not None
        return self.known[key]

    def split(self, rows: Side, columns: Side, depth: int) -> tuple[str, Side] | None:
        """A first bit after which ``depth`` − 1 more suffice: who sends it, and where it is 1; or None.

        Of a rectangle that is ``reduced``.
        """
        for party, side in ((ALICE, rows), (BOB, columns)):
            for zeros, ones in _halves(side):
                self.budget -= 1
                if self.budget < 0:
                    raise LimitError(
                        "the search for a two-way protocol came to the end of its budget of splits; "
                        f"{self.known_so_far}; take a smaller matrix, or raise budget"
                    )
                parts = [(half, columns) if party == ALICE else (rows, half) for half in (zeros, ones)]
                if all(self.solves(*part, depth - 1) for part in parts):
                    return party, ones
        return None

    def tree(self, rows: Side, columns: Side, depth: int) -> Tree:
        """A protocol of at most ``depth`` bits for a rectangle that has one."""
        answers = self.answers(rows, columns)
        if len(answers) <= 1:
            return {"answer": answers[0] if answers else None}
        kept_rows, kept_columns, row_of, column_of = self.reduced(rows, columns)
        if self.at_most(rows, columns) <= depth:
            party, chosen = _said_first(kept_rows, kept_columns)
        else:
            party, chosen = self.split(kept_rows, kept_columns, depth) or ("", ())  # there is one
        side, stands_for = (rows, row_of) if party == ALICE else (columns, column_of)
        ones = tuple(place for place in side if stands_for[place] in chosen)
        zeros = tuple(place for place in side if stands_for[place] not in chosen)
        parts = [(half, columns) if party == ALICE else (rows, half) for half in (zeros, ones)]
        children = [self.tree(*part, depth - 1) for part in parts]
        return {"party": party, "ones": list(ones), "children": children}


def _said_first(rows: Side, columns: Side) -> tuple[str, Side]:
    """The first bit of the name of a row, or of a column if they are fewer; of one row, of the column."""
    party, side = (ALICE, rows) if 1 < len(rows) <= len(columns) or len(columns) == 1 else (BOB, columns)
    return party, side[(len(side) + 1) // 2 :]


def _halves(side: Side) -> Iterator[tuple[Side, Side]]:
    """All ways to part a side in two, neither empty; the first place stays in the first part."""
    for chosen in range(1, 2 ** (len(side) - 1)):
        ones = tuple(place for k, place in enumerate(side[1:]) if chosen >> k & 1)
        yield tuple(place for place in side if place not in ones), ones


def _undominated(block: Values, places: Side, stands_for: dict[int, int]) -> Side:
    """The places of rows for which no other can stand; ``stands_for`` is brought up to date."""
    firsts: dict[bytes, int] = {}
    heir = {places[k]: places[firsts.setdefault(row.tobytes(), k)] for k, row in enumerate(block)}
    kept = list(firsts.values())
    block = block[kept]
    counts = (block >= 0).sum(axis=1)
    same = np.zeros((len(block), len(block)), np.float32)
    for answer in np.unique(block[block >= 0]):
        has = (block == answer).astype(np.float32)
        same += has @ has.T
    below = (same == counts[:, None]) & (counts[:, None] < counts)
    leaves = below.any(axis=1)
    best = (below & ~leaves).argmax(axis=1)
    better = {places[kept[k]]: places[kept[best[k]]] for k in np.flatnonzero(leaves)}
    for place, other in stands_for.items():
        first = heir.get(other, other)
        stands_for[place] = better.get(first, first)
    return tuple(places[k] for k in kept if places[k] not in better)
