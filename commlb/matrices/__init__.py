"""Communication matrices: M(x, y) = f(x, y), a row for each x of Alice's, a column for each y of Bob's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput, LimitError, require_at_least, unknown_name
from commlb.machines.base import UNDEFINED
from commlb.problems import Disjointness, Equality, Index, Problem
from commlb.records_bounds import Label, MatrixSource

Values = NDArray[np.int32]

OUTSIDE = -1
"""The entry of a pair (x, y) outside the promise."""

MAX_ENTRIES = 2**24
"""Entries of the largest matrix that is made."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """A communication matrix: ``values`` (rows, columns), places in ``answers``, −1 outside the promise.

    ``row_labels``, ``column_labels``: what the rows and columns are called; ``source`` says where it is from.
    ``values`` is kept as it was given and made read-only.

    Raises ``BadInput`` for an empty matrix, entries that are no places, answers twice, labels too few or many.
    """

    values: Values
    answers: tuple[Any, ...]
    row_labels: tuple[Label, ...]
    column_labels: tuple[Label, ...]
    source: MatrixSource

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        if values.ndim != 2 or not values.size or not np.issubdtype(values.dtype, np.integer):
            raise BadInput(
                f"a communication matrix needs whole numbers in at least one row and one column; given "
                f"shape {values.shape} of {values.dtype}"
            )
        low, high = int(values.min()), int(values.max())
        if low < OUTSIDE or high >= len(self.answers):
            most = len(self.answers) - 1
            raise BadInput(f"entries must be places in the answers, -1..{most}; given {low}..{high}")
        if len(set(self.answers)) != len(self.answers):
            raise BadInput(f"the answers must differ from each other; given {self.answers!r:.80}")
        if (len(self.row_labels), len(self.column_labels)) != values.shape:
            raise BadInput(
                f"a matrix of shape {values.shape} needs as many labels; given {len(self.row_labels)} of rows "
                f"and {len(self.column_labels)} of columns"
            )
        values = values.astype(np.int32)
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape[0], self.values.shape[1]

    @property
    def promise(self) -> bool:
        """Whether some pair is outside the promise."""
        return bool((self.values < 0).any())

    @property
    def whole(self) -> bool:
        """Whether rows and columns are all that its source has; else only lower bounds say something of it."""
        return self.source.whole


def dense(
    rows: Iterable[Iterable[Any]],
    row_labels: Sequence[Label] | None = None,
    column_labels: Sequence[Label] | None = None,
) -> Matrix:
    """The matrix with these rows; ``None`` and ``UNDEFINED`` stand outside the promise.

    Answers are whole numbers, words or truth values, or tuples of them. Labels are the places, from 0, unless
    they are given. Raises ``BadInput`` for no rows, rows of different lengths, and other answers.

    >>> matrix = dense([[0, 1], [None, 1]])
    >>> matrix.shape, matrix.promise, matrix.answers, matrix.values.tolist()
    ((2, 2), True, (0, 1), [[0, 1], [-1, 1]])
    """
    table = [list(row) for row in rows]
    lengths = {len(row) for row in table}
    if len(lengths) != 1 or 0 in lengths:
        raise BadInput(
            "a communication matrix needs at least one row, and rows of one length, at least 1; given "
            f"{len(table)} rows of lengths {sorted(lengths)[:5]}"
        )
    _check_size(len(table), len(table[0]))
    return labelled(table, row_labels, column_labels, MatrixSource("dense"))


def labelled(
    table: Sequence[Sequence[Any]],
    row_labels: Sequence[Label] | None,
    column_labels: Sequence[Label] | None,
    source: MatrixSource,
) -> Matrix:
    """The matrix of a table of answers, which are numbered in their own order, or as they come."""
    found: dict[Any, Any] = {}
    for answer in itertools.chain.from_iterable(table):
        if answer is not None and answer is not UNDEFINED:
            plain = _plain(answer)
            found.setdefault(plain, plain)
    kinds = {type(answer) for answer in found}
    ordered = sorted(found) if kinds <= {int, bool} or kinds == {str} else list(found)
    places = {answer: place for place, answer in enumerate(ordered)}
    values = [
        [OUTSIDE if answer is None or answer is UNDEFINED else places[_plain(answer)] for answer in row]
        for row in table
    ]
    rows = tuple(range(len(table)) if row_labels is None else row_labels)
    columns = tuple(range(len(table[0])) if column_labels is None else column_labels)
    return Matrix(np.array(values), tuple(ordered), rows, columns, source)


def _plain(answer: Any) -> Any:
    """An answer as it can stand in a file."""
    if isinstance(answer, np.integer | np.bool_):
        return answer.item()
    if isinstance(answer, tuple):
        return tuple(_plain(part) for part in answer)
    if isinstance(answer, bool | int | str):
        return answer
    raise BadInput(
        f"an answer must be a whole number, a word, a truth value or a tuple of them, and None outside the "
        f"promise; given {answer!r:.60}"
    )


def from_function(value: Callable[[Any, Any], Any], xs: Iterable[Any], ys: Iterable[Any]) -> Matrix:
    """The matrix of f over the given x and y, which are its labels.

    >>> from_function(lambda x, y: int(x > y), range(3), range(3)).values.tolist()
    [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    """
    rows, columns = (tuple(itertools.islice(given, MAX_ENTRIES + 1)) for given in (xs, ys))
    _check_size(len(rows), len(columns))
    return dense([[value(x, y) for y in columns] for x in rows], rows, columns)


def from_problem(problem: Problem | str, n: int | None = None) -> Matrix:
    """The matrix of a problem on all x and all y; ``problem`` itself, or its name and ``n``.

    Names: INDEX, EQ, DISJ; and GT (1 iff x > y as numbers, their first bit the highest) and IP (Σ x_j·y_j mod
    2), both on n bits each. Raises ``BadInput`` for another name, ``LimitError`` for too many entries.

    >>> from_problem("INDEX", 2).values.tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> from_problem("DISJ", 3).shape
    (8, 8)
    """
    if isinstance(problem, str):
        if n is None:
            raise BadInput(f"n, the size of {problem}, is required")
        require_at_least("n", n, 1)
        if problem in FUNCTIONS:
            return _from_known(problem, n)
        known = {cls.name: cls for cls in (Index, Equality, Disjointness)}
        if problem not in known:
            names = [*known, *FUNCTIONS]
            raise unknown_name("problem", problem, names, {name.lower(): name for name in names})
        problem = known[problem](n)
    elif n is not None:
        raise BadInput(f"{problem.name} has its n already; leave n out")
    positions = isinstance(problem, Index)
    _check_size(problem.symbols**problem.n, problem.n if positions else 2**problem.n)
    ys: list[Any] = list(range(1, problem.n + 1)) if positions else _words(problem.n)
    xs = _words(problem.n, problem.symbols)
    batch = np.array(xs).T
    columns = [problem.values(batch, np.repeat(np.array(y)[..., None], len(xs), axis=-1)) for y in ys]
    size = {"n": problem.n, "symbols": problem.symbols}
    source = MatrixSource("problem", problem.name, size, rows="all", columns="all")
    answers = tuple(range(problem.symbols if positions else 2))
    return Matrix(np.array(columns).T, answers, tuple(xs), tuple(ys), source)


def _greater(x: Sequence[int], y: Sequence[int]) -> int:
    return int(tuple(x) > tuple(y))


def _inner(x: Sequence[int], y: Sequence[int]) -> int:
    return sum(a & b for a, b in zip(x, y, strict=True)) % 2


FUNCTIONS: dict[str, Callable[[Sequence[int], Sequence[int]], int]] = {"GT": _greater, "IP": _inner}
"""Functions of two words that no reduction starts from: greater than, inner product."""


def _from_known(name: str, n: int) -> Matrix:
    _check_size(2**n, 2**n)
    words = _words(n)
    values = np.array([[FUNCTIONS[name](x, y) for y in words] for x in words])
    source = MatrixSource("function", name, {"n": n, "symbols": 2}, rows="all", columns="all")
    return Matrix(values, (0, 1), tuple(words), tuple(words), source)


def _words(n: int, symbols: int = 2) -> list[tuple[int, ...]]:
    return list(itertools.product(range(symbols), repeat=n))


def _check_size(rows: int, columns: int) -> None:
    """Refuse what is too large, before it is made."""
    if rows * columns > MAX_ENTRIES:
        raise LimitError(
            f"a communication matrix may have {MAX_ENTRIES:,} entries; {rows:,} rows and {columns:,} columns "
            "are more; take a smaller n or fewer of them"
        )


def distinct(matrix: Matrix) -> tuple[list[int], list[int]]:
    """The places of the first of equal rows, and those of the first of equal columns."""
    return _firsts(matrix.values), _firsts(np.ascontiguousarray(matrix.values.T))


def _firsts(values: Values) -> list[int]:
    seen: dict[bytes, int] = {}
    for place, row in enumerate(values):
        seen.setdefault(row.tobytes(), place)
    return list(seen.values())
