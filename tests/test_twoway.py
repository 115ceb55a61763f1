"""D(f) against a slow recursion over all protocols, and on functions whose D is known."""

from __future__ import annotations

import functools
import itertools
import json

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from witnesses import fault

from commlb import bounds
from commlb.errors import BadInput, LimitError
from commlb.matrices import dense, from_problem
from commlb.matrices.twoway import complexity
from commlb.records import to_json


def slow_complexity(rows):
    """D by its definition, over all splits of all rectangles."""

    @functools.cache
    def bits(some, others):
        answers = {rows[r][c] for r in some for c in others} - {None}
        if len(answers) <= 1:
            return 0
        found = []
        for side, is_alice in ((some, True), (others, False)):
            for size in range(1, len(side)):
                for ones in itertools.combinations(side, size):
                    zeros = tuple(place for place in side if place not in ones)
                    pairs = [(half, others) if is_alice else (some, half) for half in (zeros, ones)]
                    found.append(1 + max(bits(*pair) for pair in pairs))
        return min(found)

    return bits(tuple(range(len(rows))), tuple(range(len(rows[0]))))


@st.composite
def tables(draw, most=4, answers=(0, 1, None)):
    height, width = draw(st.integers(1, most)), draw(st.integers(1, most))
    return [[draw(st.sampled_from(answers)) for _ in range(width)] for _ in range(height)]


def written(matrix, bound):
    """A bound's file, read again."""
    return json.loads(to_json("bound", bounds.result(matrix, bound), {}))["result"]


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([(0, 1), (0, 1, None), (0, 1, 2, 3), (0, 1, 2, None)]).flatmap(lambda a: tables(4, a)))
def test_it_is_the_least_depth_of_all_protocols(rows):
    matrix = dense(rows)
    bound = bounds.two_way(matrix)
    assert bound.bits == slow_complexity(rows)
    assert bound.direction == "exactly"
    assert fault(written(matrix, bound)) is None


def test_larger_ones_are_searched():
    rng = np.random.default_rng(3)
    by = set()
    for size in (5, 5, 6):
        for _ in range(8):
            rows = np.where(rng.random((size, size)) < 0.3, None, rng.integers(2, size=(size, size)))
            matrix = dense(rows.tolist())
            found = complexity(matrix)
            by.add(found.at_least_by)
            assert fault(written(matrix, bounds.two_way(matrix))) is None
            if size == 5:
                assert found.bits == slow_complexity([tuple(row) for row in rows.tolist()])
    assert "search" in by


@pytest.mark.parametrize(
    ("name", "n", "bits"),
    [("INDEX", n, (n - 1).bit_length() + 1) for n in (1, 2, 3, 4, 6)]
    + [(name, n, n + 1) for name in ("EQ", "DISJ", "GT", "IP") for n in (1, 2, 3, 5)],
)
def test_known_functions(name, n, bits):
    matrix = from_problem(name, n)
    bound = bounds.two_way(matrix)
    assert (bound.bits, bound.direction, bound.model) == (bits, "exactly", "two-way deterministic")
    assert fault(written(matrix, bound)) is None


def test_disjointness_on_three_bits_fools_with_complements_and_needs_the_answer_bit():
    matrix = from_problem("DISJ", 3)
    assert bounds.two_way(matrix).bits == 4
    bound = bounds.two_way_fooling_set(matrix, 0)
    assert bound.bits == 3
    pairs = written(matrix, bound)["submatrix"]
    named = [
        (pairs["row_labels"][r], pairs["column_labels"][c]) for r, c in bound.witness["sets"][0]["pairs"]
    ]
    assert all([1 - bit for bit in x] == y for x, y in named)
    assert len(named) == 8
    both = bounds.two_way_fooling_set(matrix)
    assert both.bits > 3  # with the other value, so that the fourth bit is proved
    assert fault(written(matrix, both)) is None


def test_more_than_two_answers():
    assert bounds.two_way(dense([[0, 1, 2, 3]])).bits == 2
    assert bounds.two_way(dense([[0], [1], [2]])).bits == 2
    assert bounds.two_way(dense([["a", "a"], ["a", "a"]])).bits == 0
    assert bounds.two_way(dense([[None, None]])).bits == 0
    assert bounds.two_way(dense([[0, None], [None, 1]])).bits == 1


def largest_fooling_set(rows, value):
    """By networkx, over all pairs with the value."""
    cells = [(r, c) for r, row in enumerate(rows) for c, entry in enumerate(row) if entry == value]
    graph = nx.Graph()
    graph.add_nodes_from(cells)
    for (r, c), (r2, c2) in itertools.combinations(cells, 2):
        if any(entry not in (None, value) for entry in (rows[r][c2], rows[r2][c])):
            graph.add_edge((r, c), (r2, c2))
    return max(map(len, nx.find_cliques(graph)), default=0)


@settings(max_examples=60, deadline=None)
@given(st.one_of(tables(5), tables(4, (0, 1, 2, None))))
def test_fooling_sets_are_the_largest_and_below_d(rows):
    matrix = dense(rows)
    bound = bounds.two_way_fooling_set(matrix)
    total = 0
    for value in matrix.answers:
        one = bounds.two_way_fooling_set(matrix, value)
        size = largest_fooling_set(rows, value)
        assert 2**one.bits == pytest.approx(size)
        assert fault(written(matrix, one)) is None
        total += size
    assert 2**bound.bits == pytest.approx(max(1, total))
    assert fault(written(matrix, bound)) is None
    assert bound.bits <= bounds.two_way(matrix).bits + 1e-9


def test_a_greedy_fooling_set_is_one_too(monkeypatch):
    monkeypatch.setattr("commlb.matrices.sets.MAX_CELLS", 0)
    matrix = from_problem("DISJ", 4)
    bound = bounds.two_way_fooling_set(matrix)
    assert (bound.direction, fault(written(matrix, bound))) == ("at least", None)
    assert bounds.two_way_fooling_set(matrix, 0).bits == 4


def test_what_is_too_large_is_refused_with_what_is_known():
    rng = np.random.default_rng(1)
    rows = np.where(rng.random((20, 20)) < 0.5, None, rng.integers(2, size=(20, 20))).tolist()
    with pytest.raises(LimitError, match=r"at most 12 .* given 20 and 20; \d+ to 6 bits so far"):
        bounds.two_way(dense(rows))
    rows = (rng.integers(2, size=(8, 3)) @ rng.integers(2, size=(3, 8)) % 2).tolist()
    with pytest.raises(LimitError, match="budget of splits; 3 to 4 bits so far"):
        bounds.two_way(dense(rows), budget=1)
    with pytest.raises(BadInput, match="budget must be an integer of at least 1"):
        bounds.two_way(dense(rows), budget=0)
    with pytest.raises(BadInput, match="value must be one of the answers"):
        bounds.two_way_fooling_set(dense([[0, 1]]), 2)
