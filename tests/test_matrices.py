"""Communication matrices: of lists, functions, problems, and of every task at every cut."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import commlb
from commlb import bounds
from commlb.errors import BadInput, LimitError
from commlb.matrices import Matrix, dense, distinct, from_function, from_problem
from commlb.matrices.cuts import of_classes, of_task
from commlb.problems import Disjointness, Equality, Index
from commlb.records_bounds import METHODS, MatrixSource
from commlb.tasks import task_classes

SMALL = [task for cls in task_classes().values() for task in cls.examples()]


@pytest.mark.parametrize("problem", [Index(3), Index(2, 3), Equality(3), Disjointness(3)])
def test_problems_on_all_pairs(problem):
    matrix = from_problem(problem)
    for (r, x), (c, y) in itertools.product(enumerate(matrix.row_labels), enumerate(matrix.column_labels)):
        assert matrix.answers[matrix.values[r, c]] == problem.value(x, y)
    assert len(set(matrix.row_labels)) == problem.symbols**problem.n
    assert len(matrix.column_labels) == (problem.n if isinstance(problem, Index) else 2**problem.n)
    assert (matrix.whole, matrix.promise) == (True, False)


def test_known_functions():
    greater, inner = from_problem("GT", 3), from_problem("IP", 3)
    for a, b in itertools.product(range(8), repeat=2):
        assert greater.values[a, b] == (a > b)
        assert inner.values[a, b] == (a & b).bit_count() % 2


def streams(task):
    return math.prod(len(task.alphabet(t)) for t in range(task.length))


@pytest.mark.parametrize("task", [t for t in SMALL if streams(t) <= 3000], ids=repr)
def test_classes_are_all_streams_without_repetition(task):
    several = len(task.answered_at) > 1
    for cut in range(task.length + 1):
        due = [t for t in task.answered_at if t > cut] or [task.length]
        for read_at in range(len(due)) if several else [None]:
            every = of_task(task, cut, read_at=read_at)
            some = of_classes(task, cut, read_at=read_at)
            wanted = {tuple(row) for row in numbered(every, every.values)}
            columns = {tuple(column) for column in numbered(every, every.values.T)}
            assert {tuple(column) for column in numbered(some, some.values.T)} == {
                restricted(every, some, column) for column in columns
            }
            assert len({tuple(row) for row in some.values.tolist()}) == len(wanted)
            assert len(some.column_labels) == len(columns) == len(distinct(some)[1])
            for (r, x), (c, y) in itertools.product(
                enumerate(some.row_labels), enumerate(some.column_labels)
            ):
                answer = task.solve(x + y)
                if some.values[r, c] < 0:
                    assert answer is commlb.UNDEFINED
                else:
                    answer = answer[len(task.answered_at) - len(due) + read_at] if several else answer
                    assert answer == some.answers[some.values[r, c]]


def numbered(matrix, values):
    """Entries as answers themselves, None outside the promise."""
    return [[None if entry < 0 else matrix.answers[entry] for entry in line] for line in values.tolist()]


def restricted(every, some, column):
    """A column of all prefixes on those of ``some``."""
    place = {label: k for k, label in enumerate(every.row_labels)}
    return tuple(column[place[label]] for label in some.row_labels)


def test_prefixes_and_suffixes_are_taken_as_they_are_needed():
    matrix = of_task("istree", 2, 4, prefixes=iter([(0, 1), (0, 0)]), suffixes=iter([(2,), (5,)]))
    assert (matrix.shape, matrix.whole, matrix.source.rows) == ((2, 2), False, "given")
    with pytest.raises(LimitError, match="may have 10 entries"):
        of_task("istree", 2, 4, prefixes=itertools.repeat((0, 1)), max_entries=10)
    with pytest.raises(LimitError, match=r"lower n, raise max_entries"):
        of_task("istree", 4, 9)
    with pytest.raises(LimitError, match="more than 5 different columns"):
        of_classes("istree", 2, 4, max_columns=5)
    for tokens in [(0,), (0, 6), (0, -1), (0, 1.0), ("0", 1)]:
        with pytest.raises(BadInput, match="a prefix and a suffix of istree have as many tokens"):
            of_task("istree", 2, 4, prefixes=[tokens])
    with pytest.raises(BadInput, match="at least one prefix and one suffix"):
        of_task("istree", 2, 4, prefixes=[])


class Greater:
    """A user's task: is the first letter after the second?"""

    def __init__(self, n):
        self.length, self.alphabet = 2, ("a", "b", "c")

    def answer(self, stream):
        return commlb.UNDEFINED if stream[0] == stream[1] else stream[0] > stream[1]


def test_a_task_of_the_users_own_has_places_as_labels():
    for made in (of_task(Greater, 1, 1), of_classes(Greater, 1, 1)):
        assert made.row_labels == made.column_labels == ((0,), (1,), (2,))
        assert made.values.tolist() == [[-1, 0, 0], [1, -1, 0], [1, 1, -1]]
        assert made.answers == (False, True)


def test_cuts_and_answers_out_of_range_are_refused():
    for cut in (-1, 4, 1.5, True, None):
        with pytest.raises(BadInput, match=r"the cut of istree must be in 0\.\.3"):
            of_classes("istree", cut, 4)
    with pytest.raises(BadInput, match="leave read_at out"):
        of_task("istree", 1, 4, read_at=0)
    for read_at in (None, 2, -1, True):
        with pytest.raises(BadInput, match="read_at says which answer"):
            of_task("copying", 3, 2, read_at=read_at)


def test_functions_and_lists():
    matrix = from_function(
        lambda x, y: "even" if (x + y) % 2 == 0 else "odd", range(3), "01234"[:0] or range(2)
    )
    assert (matrix.answers, matrix.shape) == (("even", "odd"), (3, 2))
    assert dense([[np.int64(1), np.bool_(True), (1, 2)]]).answers == (1, (1, 2))
    assert dense([[None, commlb.UNDEFINED]]).promise


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "at least one row"),
        ([[]], "at least one row"),
        ([[0], [0, 1]], "rows of one length"),
        ([[0.5]], "an answer must be"),
        ([[math.nan]], "an answer must be"),
        ([[[1]]], "an answer must be"),
        ([[(1, math.nan)]], "an answer must be"),
    ],
)
def test_bad_lists_are_refused(rows, said):
    with pytest.raises(BadInput, match=said):
        dense(rows)


def test_bad_matrices_are_refused():
    source = MatrixSource("dense")
    for values, said in [
        (np.zeros((0, 2), int), "at least one row"),
        (np.zeros(3, int), "at least one row"),
        (np.zeros((1, 1)), "whole numbers"),
        (np.array([[5]]), "places in the answers"),
        (np.array([[-2]]), "places in the answers"),
        (np.zeros((2, 1), int), "as many labels"),
    ]:
        with pytest.raises(BadInput, match=said):
            Matrix(values, (0, 1), (0,), (0,), source)
    with pytest.raises(BadInput, match="answers must differ"):
        Matrix(np.zeros((1, 1), int), (1, True), (0,), (0,), source)
    with pytest.raises(ValueError, match="read-only"):
        dense([[0]]).values[0, 0] = 1


def test_methods_are_listed_with_their_sources():
    listed = {entry.name: entry.source for entry in commlb.catalogue().bounds}
    for name in bounds.__all__:
        if name not in ("result", "save"):
            assert listed[f"commlb.bounds.{name}"] == METHODS[name][1]


def test_bad_problems_are_refused():
    with pytest.raises(BadInput, match="did you mean 'DISJ'"):
        from_problem("disj", 3)
    with pytest.raises(BadInput, match="n, the size of EQ, is required"):
        from_problem("EQ")
    with pytest.raises(BadInput, match="leave n out"):
        from_problem(Equality(2), 3)
    with pytest.raises(BadInput, match="n must be an integer of at least 1"):
        from_problem("GT", 0)
    for name in ("EQ", "GT", "INDEX"):
        with pytest.raises(LimitError, match=r"16,777,216 entries"):
            from_problem(name, 40)
    with pytest.raises(LimitError, match="entries"):
        from_function(lambda x, y: 0, range(10**5), range(10**5))
