"""Makers of ``Bound``: lower bounds on communication, each with a witness that a stranger can check.

Every maker takes a ``Matrix`` (``commlb.matrices``, ``commlb.matrices.cuts``). A witness is a submatrix and what
shows the bound on it, in the words of ``commlb.records_bounds``; ``save`` writes both. What is found greedily is a
lower bound all the same; nothing bounds from above but a colouring, a protocol, or all distinct rows.

>>> from commlb.matrices import from_problem
>>> matrix = from_problem("DISJ", 3)
>>> [bound.bits for bound in (distinct_rows(matrix), shattered_set(matrix), two_way(matrix))]
[3.0, 3.0, 4.0]
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from commlb.conflicts import BUDGET
from commlb.errors import BadInput, require_at_least
from commlb.fano import fano_bits
from commlb.matrices import Matrix, distinct, twoway
from commlb.matrices.files import TWO_WAY, result, save
from commlb.matrices.rank import pivots
from commlb.matrices.sets import (
    TESTS,
    chromatic_number,
    clique,
    conflicts,
    fooling_pairs,
    shattered,
    telling_columns,
)
from commlb.records import Bound
from commlb.records_bounds import METHODS
from commlb.wording import small

__all__ = [
    "colouring",
    "distinct_rows",
    "one_way_fooling_set",
    "rank",
    "result",
    "save",
    "shattered_set",
    "two_way",
    "two_way_fooling_set",
]

ONE_WAY = "deterministic"
AT_LEAST, EXACTLY = "at least", "exactly"

Witness = Mapping[str, Any]


def distinct_rows(matrix: Matrix) -> Bound:
    """log₂ of the number of distinct rows: D→ = ⌈log #rows⌉ for a total function, exactly.

    Without error a one-way message tells distinct rows apart, and their number is enough. Raises ``BadInput``
    where there is a promise: two rows need not be told apart because they are defined in different places.

    >>> from commlb.matrices import dense
    >>> bound = distinct_rows(dense([[0, 1], [1, 0], [0, 1]]))
    >>> bound.bits, bound.direction, bound.witness["different"]
    (1.0, 'exactly', [0, 1])
    """
    if matrix.promise:
        raise BadInput(
            "distinct rows bound total functions; this one has a promise, under which distinct rows can be far too "
            "many; take one_way_fooling_set or colouring"
        )
    found = distinct(matrix)[0]
    witness: Witness
    if matrix.whole:
        witness = _all(matrix, "distinct rows", messages=len(found), different=found)
    else:
        columns = _separating(matrix.values[found])
        places = list(range(len(found)))
        witness = _part("distinct rows", found, columns, messages=len(found), different=places)
    direction = EXACTLY if matrix.whole else AT_LEAST
    return _bound(matrix, math.log2(len(found)), ONE_WAY, "distinct_rows", witness, direction)


def one_way_fooling_set(matrix: Matrix, budget: int = BUDGET) -> Bound:
    """log₂ of the size of a clique of the conflict graph of rows: x, x' with some y valid for both that differs.

    The largest if ``budget`` nodes suffice; a lower bound in any case, under a promise too.

    >>> from commlb.matrices import dense
    >>> bound = one_way_fooling_set(dense([[0, None], [1, 0], [None, 0]]))
    >>> bound.bits, bound.witness["rows"], bound.witness["columns"]
    (1.0, [0, 1], [0])
    """
    require_at_least("budget", budget, 1)
    found = _largest_clique(matrix, budget)
    tells = telling_columns if matrix.promise else _separating
    columns = tells(matrix.values[found]) or [0]
    witness = _part(
        "one-way fooling set", found, columns, messages=len(found), clique=list(range(len(found)))
    )
    return _bound(matrix, math.log2(len(found)), ONE_WAY, "one_way_fooling_set", witness)


def _largest_clique(matrix: Matrix, budget: int) -> list[int]:
    """Rows any two of which conflict; for a total function all that are distinct."""
    rows = distinct(matrix)[0]
    if not matrix.promise:
        return rows
    return [rows[k] for k in clique(conflicts(matrix.values[rows]), budget)]


def colouring(matrix: Matrix, budget: int = BUDGET) -> Bound:
    """log₂ χ, χ the chromatic number of the conflict graph of rows: D→ = ⌈log χ⌉, also under a promise.

    Exactly where a proper colouring meets a clique, or a search that finds no colouring with fewer; else at least
    what the clique or the search has shown.

    >>> from commlb.matrices import dense
    >>> ring = [[0, 1, None], [None, 0, 1], [1, None, 0]]
    >>> bound = colouring(dense(ring))
    >>> bound.bits == math.log2(3), bound.direction, bound.witness["colours"]
    (True, 'exactly', [0, 1, 2])
    """
    require_at_least("budget", budget, 1)
    rows = distinct(matrix)[0]
    found = chromatic_number(conflicts(matrix.values[rows]), budget)
    meets = found.at_least == found.at_most and matrix.whole
    colour_of = {matrix.values[row].tobytes(): found.colours[k] for k, row in enumerate(rows)}
    witness = _all(
        matrix,
        "colouring",
        messages=found.at_least,
        clique=[rows[k] for k in found.clique],
        at_least_by=found.at_least_by,
        colours=[colour_of[row.tobytes()] for row in matrix.values] if meets else None,
    )
    direction = EXACTLY if meets else AT_LEAST
    return _bound(matrix, math.log2(found.at_least), ONE_WAY, "colouring", witness, direction)


def shattered_set(matrix: Matrix, symbols: int = 2, error: float | None = None, budget: int = TESTS) -> Bound:
    """n·log₂ k bits for n columns on which the rows show all words of k = ``symbols`` answers: INDEX inside f.

    With an ``error`` ε ∈ [0, ½] on every input, public coins allowed: n·(1 − H₂(ε)) bits, for k symbols
    n·(log₂ k − H₂(ε) − ε·log₂(k−1)). Branch and bound within ``budget`` tests of columns on cells; the witness's
    ``at_most`` is n if no larger set is there. A promise is allowed.
    Source: Kremer, Nisan, Ron 1999; Fano's inequality.

    >>> from commlb.matrices import from_problem
    >>> shattered_set(from_problem("INDEX", 3)).bits, shattered_set(from_problem("GT", 3)).bits
    (3.0, 1.0)
    >>> round(shattered_set(from_problem("DISJ", 4), error=0.11).bits, 3)
    2.0
    """
    check_error(error)
    require_at_least("symbols", symbols, 2)
    require_at_least("budget", budget, 1)
    found = shattered(matrix, symbols, budget)
    witness = {
        "kind": "shattered set",
        "rows": list(found.rows),
        "columns": list(found.columns),
        "n": found.n,
        "symbols": symbols,
        "readings": [list(readings) for readings in found.readings],
        "error": error,
        "at_most": found.at_most,
    }
    bits, model = found.n * math.log2(symbols), ONE_WAY
    if error is not None:
        bits, model = found.n * fano_bits(error, symbols), f"randomised(ε={small(error)})"
    return _bound(matrix, bits, model, "shattered_set", witness)


def check_error(error: float | None) -> None:
    """Refuse what is no error in [0, ½]; None is no randomness."""
    fits = isinstance(error, int | float) and not isinstance(error, bool) and 0 <= error <= 0.5
    if error is not None and not fits:
        raise BadInput(f"error must be a number from 0 to 1/2, or None for no error; given {error!r:.40}")


def two_way_fooling_set(matrix: Matrix, value: Any = None, budget: int = BUDGET) -> Bound:
    """log₂ of the size of a two-way (rectangle) fooling set for the answer ``value``; for all, if None.

    No rectangle with one answer holds two of the pairs, nor pairs of different answers: sets for different answers
    add up. Each is the largest if ``budget`` nodes suffice; a lower bound in any case.
    Source: Kushilevitz, Nisan 1997, Sec. 1.3.

    >>> from commlb.matrices import from_problem
    >>> matrix = from_problem("DISJ", 3)
    >>> two_way_fooling_set(matrix, 0).bits, len(two_way_fooling_set(matrix).witness["sets"])
    (3.0, 2)
    """
    require_at_least("budget", budget, 1)
    places = range(len(matrix.answers))
    if value is not None:
        if value not in matrix.answers:
            raise BadInput(f"value must be one of the answers {matrix.answers!r:.80}; given {value!r:.40}")
        places = range(matrix.answers.index(value), matrix.answers.index(value) + 1)
    sets = {place: fooling_pairs(matrix, place, budget) for place in places}
    rows, columns, written = _sets(sets)
    size = sum(map(len, sets.values()))
    witness = _part("two-way fooling set", rows, columns, sets=written)
    return _bound(matrix, math.log2(max(1, size)), TWO_WAY, "two_way_fooling_set", witness)


def _sets(
    sets: Mapping[int, Sequence[tuple[int, int]]], whole: bool = False
) -> tuple[list[int], list[int], list[dict[str, Any]]]:
    """Rows, columns and the sets as a witness writes them, in places among these, or in all (``whole``)."""
    rows = sorted({row for pairs in sets.values() for row, _ in pairs}) or [0]
    columns = sorted({column for pairs in sets.values() for _, column in pairs}) or [0]
    row_at = {row: row if whole else place for place, row in enumerate(rows)}
    column_at = {column: column if whole else place for place, column in enumerate(columns)}
    written = [
        {"value": value, "pairs": [[row_at[row], column_at[column]] for row, column in pairs]}
        for value, pairs in sets.items()
        if pairs
    ]
    return rows, columns, written


def rank(matrix: Matrix, modulus: int | None = None, numbers: Sequence[int] | None = None) -> Bound:
    """log₂ of the leaves of any two-way protocol, by the rank of the matrix over ℚ, or GF(p) for ``modulus`` p.

    ``numbers``: for each answer, in the order of ``matrix.answers``, a whole number; else the answers themselves,
    if they are numbers or truth values, or their places. A protocol parts M into L rectangles with one answer, so M
    is a sum of L matrices of rank at most 1: L ≥ rank. If all numbers are 0 or 1, at least rank leaves are for 1,
    and those for 0 make up 1 − M, of rank at least rank − 1: L ≥ 2·rank − 1. Exact elimination. Raises ``BadInput``
    for a promise, a modulus that is no prime; ``LimitError``.
    Source: Mehlhorn, Schmidt 1982; Kushilevitz, Nisan 1997, Sec. 1.4.

    >>> from commlb.matrices import from_problem
    >>> inner = from_problem("IP", 3)
    >>> rank(inner, 2).witness["rank"], rank(inner).witness["rank"], rank(inner).bits == math.log2(13)
    (3, 7, True)
    """
    if matrix.promise:
        raise BadInput("the rank bounds total functions; this one has a promise; take two_way_fooling_set")
    numbers = _numbers(matrix, numbers)
    table = [[numbers[place] for place in row] for row in matrix.values.tolist()]
    rows, columns = pivots(table, modulus)
    r = len(rows)
    leaves = max(1, 2 * r - 1 if set(numbers) <= {0, 1} else r)
    witness = _part(
        "rank",
        rows,
        columns,
        field="Q" if modulus is None else f"GF({modulus})",
        modulus=modulus,
        numbers=list(numbers),
        rank=r,
        leaves=leaves,
    )
    return _bound(matrix, math.log2(leaves), TWO_WAY, "rank", witness)


def _numbers(matrix: Matrix, numbers: Sequence[int] | None) -> list[int]:
    if numbers is None:
        plain = all(isinstance(answer, int) for answer in matrix.answers)
        return [int(answer) for answer in matrix.answers] if plain else list(range(len(matrix.answers)))
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in numbers)
    if not whole or len(numbers) != len(matrix.answers):
        raise BadInput(
            f"numbers must be whole, one for each of {len(matrix.answers)} answers; given {numbers!r:.60}"
        )
    return list(numbers)


def two_way(matrix: Matrix, budget: int = twoway.BUDGET) -> Bound:
    """D(f), exactly: bits exchanged in either direction until both know the answer, whose own bit counts.

    The witness is a protocol of that depth. For small matrices, about 10 rows or columns; larger ones where rank
    or a fooling set meets the protocol in which one side says what it holds. If the matrix is not the whole of
    its source, D of this part is a lower bound. Raises ``LimitError``. See ``commlb.matrices.twoway.complexity``.

    >>> from commlb.matrices import from_problem
    >>> bound = two_way(from_problem("INDEX", 2))
    >>> bound.bits, bound.direction, bound.witness["tree"]["party"]
    (2.0, 'exactly', 'Bob')
    """
    require_at_least("budget", budget, 1)
    found = twoway.complexity(matrix, budget)
    witness = _all(
        matrix,
        "protocol tree",
        bits=found.bits,
        tree=found.tree,
        at_least_by=found.at_least_by,
        sets=_sets(found.sets, whole=True)[2],
    )
    direction = EXACTLY if matrix.whole else AT_LEAST
    return _bound(matrix, float(found.bits), TWO_WAY, "two_way", witness, direction)


def _bound(
    matrix: Matrix, bits: float, model: str, maker: str, witness: Witness, direction: str = AT_LEAST
) -> Bound:
    prefix_set = "all" if matrix.source.kind == "task" else "alice"
    source = METHODS[maker][1]
    return Bound(bits, model, witness["kind"], "exhaustive", source, prefix_set, direction, witness)


def _all(matrix: Matrix, kind: str, **more: Any) -> Witness:
    """A witness on the whole matrix."""
    return _part(kind, range(matrix.shape[0]), range(matrix.shape[1]), **more)


def _part(kind: str, rows: Sequence[int], columns: Sequence[int], **more: Any) -> Witness:
    return {"kind": kind, "rows": list(rows), "columns": list(columns), **more}


def _separating(values: Any) -> list[int]:
    """Columns that tell all distinct rows apart: each parts rows that those before it do not."""
    ids = np.zeros(len(values), np.int64)
    found: list[int] = []
    for place, column in enumerate(values.T):
        finer = np.unique(ids * (int(values.max()) + 1) + column, return_inverse=True)[1]
        if finer.max() > ids.max():
            found.append(place)
            ids = finer
    return found or [0]
