"""Sets of rows, columns and pairs that bound communication from below: cliques, fooling sets, shattered sets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from commlb.conflicts import BUDGET, Chromatic, chromatic, greedy_colours, largest_clique
from commlb.errors import LimitError
from commlb.matrices import Matrix, Values, distinct

MAX_ROWS = 4096
"""Rows of which all pairs are compared."""

MAX_CELLS = 1500
"""Pairs (x, y) of one value of which all pairs are compared; of more, a fooling set is taken greedily."""

TESTS = 10_000_000
"""How often a search for a shattered set asks whether a column splits a cell."""

MAX_CHOICES = 2**14
"""Columns with readings that a search for a shattered set may choose from."""

Choice = tuple[int, tuple[int, ...], tuple[int, ...]]
"""A column, the answers that stand for 0, 1, …, and for each the rows that have it, as the bits of an integer."""


def conflicts(values: Values) -> NDArray[np.bool_]:
    """The conflict graph of rows: adjacent if in some column both are defined and differ. (rows, rows).

    Raises ``LimitError`` for more than ``MAX_ROWS`` rows.

    >>> conflicts(np.array([[0, -1], [1, 0], [-1, 0]])).astype(int).tolist()
    [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    """
    if len(values) > MAX_ROWS:
        raise LimitError(
            f"all pairs are compared of at most {MAX_ROWS:,} rows; given {len(values):,}; take fewer rows"
        )
    defined = (values >= 0).astype(np.float32)  # sums below 2^24 are exact
    differ = defined @ defined.T
    for answer in range(int(values.max()) + 1):
        has = (values == answer).astype(np.float32)
        differ -= has @ has.T
    return differ > 0


def masks(adjacent: NDArray[np.bool_]) -> list[int]:
    """The rows of a Boolean array as integers, entry k their bit k."""
    packed = np.packbits(adjacent, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def clique(adjacent: NDArray[np.bool_], budget: int = BUDGET) -> list[int]:
    """A clique, the largest if ``budget`` nodes suffice, one that is taken greedily at least; in order."""
    greedy = greedy_clique(adjacent)
    if len(greedy) == len(adjacent):
        return greedy
    order = np.argsort(-adjacent.sum(axis=1), kind="stable")
    found = largest_clique(masks(adjacent[np.ix_(order, order)]), budget)
    return greedy if len(greedy) >= len(found) else sorted(order[list(found)].tolist())


def greedy_clique(adjacent: NDArray[np.bool_]) -> list[int]:
    """Vertices by their degree, each that is adjacent to all before it; in order."""
    found: list[int] = []
    fits = np.ones(len(adjacent), bool)
    for v in np.argsort(-adjacent.sum(axis=1), kind="stable").tolist():
        if fits[v]:
            found.append(v)
            fits &= adjacent[v]
    return sorted(found)


def chromatic_number(adjacent: NDArray[np.bool_], budget: int) -> Chromatic:
    """Bounds on χ: a greedy clique and colouring if they meet, else ``conflicts.chromatic``."""
    greedy = tuple(greedy_clique(adjacent))
    colours = greedy_colours(adjacent)
    most = max(colours) + 1
    if len(greedy) == most:
        return Chromatic(most, most, "clique", "colouring", greedy, colours)
    found = chromatic(adjacent, budget)
    if found.at_least > len(greedy):
        return found
    return replace(found, at_least=len(greedy), at_least_by="clique", clique=greedy)


def telling_columns(values: Values) -> list[int]:
    """Columns by which all rows that conflict do so: each tells a pair apart that none before it does."""
    open_pairs = conflicts(values)
    found = []
    for place, column in enumerate(values.T):
        if not open_pairs.any():
            break
        defined = column >= 0
        told = (column[:, None] != column) & defined[:, None] & defined
        if (told & open_pairs).any():
            found.append(place)
            open_pairs &= ~told
    return found


def fooling_pairs(matrix: Matrix, value: int, budget: int = BUDGET) -> list[tuple[int, int]]:
    """A two-way fooling set for ``value``, a place in the answers: pairs (row, column), in order.

    Of any two pairs (r, c), (r', c'), the entry (r, c') or (r', c) is defined and not the value, so that no
    rectangle with one answer holds both. The largest if it comes to its end within ``budget`` nodes, a greedy
    one at least. Source: Kushilevitz, Nisan 1997, Sec. 1.3.

    >>> from commlb.matrices import from_problem
    >>> disjoint = fooling_pairs(from_problem("DISJ", 3), 0)
    >>> len(disjoint), [x ^ y for x, y in disjoint]
    (8, [7, 7, 7, 7, 7, 7, 7, 7])
    """
    rows, columns = distinct(matrix)
    values = matrix.values[np.ix_(rows, columns)]
    has = values == value
    other = (values >= 0) & ~has
    r, c = np.nonzero(has)
    order = np.argsort(has.sum(axis=1)[r] + has.sum(axis=0)[c], kind="stable")
    r, c = r[order], c[order]
    best = _greedy(other, r, c)
    if len(r) <= MAX_CELLS:
        apart = other[np.ix_(r, c)]
        found = largest_clique(masks(apart | apart.T), budget)
        best = max(best, list(found), key=len)
    return sorted((rows[r[k]], columns[c[k]]) for k in best)


def _greedy(other: NDArray[np.bool_], r: NDArray, c: NDArray) -> list[int]:
    """Pairs in order, each that fools all before it; those of rare rows and columns come first."""
    found: list[int] = []
    left = np.arange(len(r))
    while len(left):
        k = left[0]
        found.append(int(k))
        left = left[other[r[k], c[left]] | other[r[left], c[k]]]
    return found


@dataclass(frozen=True)
class Shattered:
    """A shattered set: ``columns``, their ``readings``, and ``rows``, one for each word of symbols, in order.

    ``at_most``: no larger set is there for as many symbols, by the number of rows or by a search to its end.
    """

    columns: tuple[int, ...]
    readings: tuple[tuple[int, ...], ...]
    rows: tuple[int, ...]
    symbols: int
    at_most: int
    tests: int

    @property
    def n(self) -> int:
        return len(self.columns)


def shattered(matrix: Matrix, symbols: int = 2, budget: int = TESTS) -> Shattered:
    """The largest set of columns on which the rows show all words of ``symbols`` answers, within ``budget`` tests.

    Branch and bound: columns are added one by one, each of which must split every cell of rows; a cell of m rows
    takes no more than log m further columns, a node no more than it has candidates. A test is that of one column
    on one cell. With two symbols and a
    total Boolean matrix n is the VC dimension, where ``at_most`` is n. Outside the promise a row shows no answer.
    Raises ``LimitError`` where there are too many columns to choose from.

    >>> from commlb.matrices import from_problem
    >>> [shattered(from_problem(name, 3)).n for name in ("EQ", "GT", "DISJ", "INDEX", "IP")]
    [1, 1, 3, 3, 3]
    """
    rows, columns = distinct(matrix)
    choices = _choices(matrix.values[np.ix_(rows, columns)], symbols)
    best: tuple[tuple[Choice, ...], tuple[int, ...]] = ((), ((1 << len(rows)) - 1,))
    most = _log(len(rows), symbols)
    stack = [(*best, choices)]
    tests = reach = 0
    while stack and len(best[0]) < most:
        chosen, cells, candidates = stack.pop()
        room = len(chosen) + min(_log(cell.bit_count(), symbols) for cell in cells)
        if room <= len(best[0]):
            continue
        tests += len(candidates) * len(cells)
        if tests > budget:
            reach = most
            break
        fit = [choice for choice in candidates if all(cell & part for cell in cells for part in choice[2])]
        if len(chosen) + len(fit) <= len(best[0]):
            continue
        for k in range(len(fit) - 1, -1, -1):
            split = tuple(cell & part for cell in cells for part in fit[k][2])
            stack.append(((*chosen, fit[k]), split, fit[k + 1 :]))
        if len(chosen) + 1 > len(best[0]):
            best = stack[-1][:2]
    firsts = tuple(rows[(cell & -cell).bit_length() - 1] for cell in best[1])
    found = tuple((columns[column], readings) for column, readings, _ in best[0])
    return Shattered(
        tuple(column for column, _ in found),
        tuple(readings for _, readings in found),
        firsts,
        symbols,
        max(len(found), reach),
        tests,
    )


def _choices(values: Values, symbols: int) -> list[Choice]:
    """All columns with ways to read ``symbols`` symbols off them, those that split the rows most evenly first."""
    found: dict[tuple[int, ...], Choice] = {}
    for column, entries in enumerate(values.T):
        for readings in _readings(entries, symbols):
            parts = tuple(masks(np.array([entries == answer for answer in readings])))
            found.setdefault(tuple(sorted(parts)), (column, readings, parts))
            if len(found) > MAX_CHOICES:
                raise LimitError(
                    f"a shattered set is searched for among at most {MAX_CHOICES:,} columns with readings; "
                    "take fewer columns or symbols"
                )
    return sorted(found.values(), key=lambda choice: -min(part.bit_count() for part in choice[2]))


def _readings(entries: NDArray, symbols: int) -> Iterator[tuple[int, ...]]:
    present: Sequence[int] = np.unique(entries[entries >= 0]).tolist()
    return itertools.combinations(present, symbols)


def _log(count: int, base: int) -> int:
    """⌊log count⌋ to the ``base``, of a count of at least 1."""
    found = 0
    while count >= base:
        count //= base
        found += 1
    return found
