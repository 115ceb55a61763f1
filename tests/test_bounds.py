"""Bounds on small matrices against brute force, known values, witnesses that show them, and mutants that do not."""

from __future__ import annotations

import copy
import itertools
import json
import math

import networkx as nx
import numpy as np
import pytest
from brute import chromatic_number
from hypothesis import given, settings
from hypothesis import strategies as st
from test_twoway import tables, written
from witnesses import determinant, fault

from commlb import bounds
from commlb.errors import BadInput, LimitError
from commlb.matrices import Matrix, dense, from_problem
from commlb.matrices.cuts import of_classes, of_task
from commlb.matrices.sets import shattered, telling_columns
from commlb.problems import Index
from commlb.records_bounds import MatrixSource
from commlb.sealed import unseal
from commlb.tasks.istree import IsTree

NAMES = ("INDEX", "EQ", "DISJ", "GT", "IP")


def vc(rows, symbols=2):
    """The largest number of columns on which all words of so many answers are read off the rows, by trying all."""
    width = len(rows[0])
    for n in range(width, 0, -1):
        for columns in itertools.combinations(range(width), n):
            seen = {tuple(row[c] for c in columns) for row in rows}
            kinds = [sorted({word[k] for word in seen} - {None}) for k in range(n)]
            for readings in itertools.product(*(itertools.combinations(kind, symbols) for kind in kinds)):
                if all(word in seen for word in itertools.product(*readings)):
                    return n
    return 0


def conflict_graph(rows):
    def differ(a, b):
        return any(x is not None and y is not None and x != y for x, y in zip(a, b, strict=True))

    return np.array([[differ(a, b) for b in rows] for a in rows])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([(0, 1), (0, 1, None), (0, 1, 2), (0, 1, 2, None)]).flatmap(lambda a: tables(6, a)))
def test_one_way_bounds_against_brute_force(rows):
    matrix = dense(rows)
    graph = conflict_graph(rows)
    cliques = nx.find_cliques(nx.from_numpy_array(graph))
    largest, chromatic = max(map(len, cliques)), chromatic_number(graph)

    fooling = bounds.one_way_fooling_set(matrix)
    assert (fooling.bits, fooling.direction) == (math.log2(largest), "at least")
    colours = bounds.colouring(matrix)
    assert (colours.bits, colours.direction) == (math.log2(chromatic), "exactly")
    made = [fooling, colours]
    for symbols in (2, 3):
        bound = bounds.shattered_set(matrix, symbols)
        assert bound.bits == vc(rows, symbols) * math.log2(symbols)
        assert bound.witness["at_most"] == bound.witness["n"]
        assert bound.bits <= colours.bits + 1e-9
        made.append(bound)
    if not matrix.promise:
        distinct = bounds.distinct_rows(matrix)
        assert (distinct.bits, distinct.direction) == (math.log2(len(set(map(tuple, rows)))), "exactly")
        assert distinct.bits == colours.bits
        made.append(distinct)
    assert [fault(written(matrix, bound)) for bound in made] == [None] * len(made)


def slow_rank(rows, modulus):
    """The largest square with a determinant that is not 0, by trying all."""
    height, width = len(rows), len(rows[0])
    for r in range(min(height, width), 0, -1):
        for some in itertools.combinations(range(height), r):
            for others in itertools.combinations(range(width), r):
                found = determinant([[rows[a][b] for b in others] for a in some])
                if found % modulus if modulus else found:
                    return r
    return 0


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([(0, 1), (-1, 0, 2, 7)]).flatmap(lambda a: tables(4, a)), st.sampled_from([None, 2, 3, 7])
)
def test_rank_against_all_minors(rows, modulus):
    matrix = dense(rows)
    bound = bounds.rank(matrix, modulus)
    assert bound.witness["rank"] == slow_rank(rows, modulus)
    assert fault(written(matrix, bound)) is None
    if {entry for row in rows for entry in row} <= {0, 1}:
        assert bound.bits <= bounds.two_way(matrix).bits


@pytest.mark.parametrize("modulus", [None, 2, 3, 5, 1_000_003, 2_147_483_647])
def test_rank_of_products(modulus):
    rng = np.random.default_rng(5)
    for r in (1, 3, 8):
        left, right = rng.integers(-3, 4, size=(24, r)), rng.integers(-3, 4, size=(r, 30))
        left[:r] = np.tril(left[:r], -1) + np.eye(r, dtype=int)
        right[:, :r] = np.triu(right[:, :r], 1) + np.eye(r, dtype=int)
        bound = bounds.rank(dense((left @ right).tolist()), modulus)
        assert bound.witness["rank"] == r


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_known_values(n):
    known = {name: from_problem(name, n) for name in NAMES}
    vc_of = {"INDEX": n, "EQ": 1, "DISJ": n, "GT": 1, "IP": n}
    over_two = {"INDEX": n, "EQ": 2**n, "DISJ": 2**n - 1, "GT": 2**n - 1, "IP": n}
    rational = over_two | {"IP": 2**n - 1}
    for name, matrix in known.items():
        distinct = bounds.distinct_rows(matrix)
        assert (distinct.bits, distinct.direction, distinct.prefix_set) == (n, "exactly", "alice")
        assert bounds.one_way_fooling_set(matrix).bits == n
        bound = bounds.shattered_set(matrix)
        assert (bound.bits, bound.witness["at_most"], bound.direction) == (
            vc_of[name],
            vc_of[name],
            "at least",
        )
        assert bounds.rank(matrix, 2).witness["rank"] == over_two[name]
        assert bounds.rank(matrix).witness["rank"] == rational[name]
    assert bounds.two_way_fooling_set(known["EQ"], 1).bits == n
    assert bounds.two_way_fooling_set(known["DISJ"], 0).bits == n


def test_symbols_and_errors():
    matrix = from_problem(Index(3, 4))
    assert bounds.shattered_set(matrix, 4).bits == 6
    assert bounds.shattered_set(matrix, 2).bits == 3
    for error in (0, 0.0, 0.1, 0.25, 0.5):
        for symbols in (2, 3, 4):
            bound = bounds.shattered_set(matrix, symbols, error)
            assert fault(written(matrix, bound)) is None
            assert bound.model.startswith("randomised(ε=")
    assert bounds.shattered_set(matrix, error=0).bits == 3
    assert bounds.shattered_set(matrix, error=0.5).bits == 0
    exact = 3 * (1 - (-0.1 * math.log2(0.1) - 0.9 * math.log2(0.9)))
    assert bounds.shattered_set(matrix, error=0.1).bits == pytest.approx(exact)


@pytest.mark.parametrize(
    ("vertices", "found"), [(4, [2, 3]), (5, [2, 4, 4]), (6, [3, 5, 5, 5]), (7, [4, None, None, None, 6])]
)
def test_shattered_sets_of_trees(vertices, found):
    for cut, bits in enumerate(found, 1):
        if bits is not None:
            bound = bounds.shattered_set(of_classes("istree", cut, vertices))
            assert (bound.bits, bound.witness["at_most"], bound.prefix_set) == (bits, bits, "all")


def test_a_search_cut_short_is_a_lower_bound_and_says_so():
    matrix = of_classes("istree", 3, 6)
    found = shattered(matrix, 2, 300)
    assert found.at_most == 6
    assert 1 <= found.n < 6
    bound = bounds.shattered_set(matrix, budget=300)
    assert fault(written(matrix, bound)) is None


def test_a_promise_without_a_clique_is_coloured_exactly():
    """A ring of five: no three rows conflict with each other, and two colours do not do."""
    rows = [[None] * 5 for _ in range(5)]
    for k in range(5):
        rows[k][k], rows[(k + 1) % 5][k] = 0, 1
    matrix = dense(rows)
    assert bounds.one_way_fooling_set(matrix).bits == 1
    bound = bounds.colouring(matrix)
    assert (bound.bits, bound.direction, bound.witness["at_least_by"]) == (
        math.log2(3),
        "exactly",
        "no 2-colouring",
    )
    assert fault(written(matrix, bound)) is None
    assert len(set(map(tuple, rows))) == 5  # distinct rows would have said more than is needed
    short = bounds.colouring(matrix, budget=1)
    assert (short.bits, short.direction, short.witness["colours"]) == (1, "at least", None)
    assert fault(written(matrix, short)) is None
    assert bounds.one_way_fooling_set(matrix, budget=1).bits == 1


def test_a_part_of_a_source_bounds_from_below_only():
    part = of_task("istree", 2, 5, prefixes=[(0, 1), (0, 0), (1, 2)])
    for bound in (bounds.distinct_rows(part), bounds.colouring(part), bounds.two_way(part)):
        assert bound.direction == "at least"
        assert fault(written(part, bound)) is None


def test_columns_that_tell():
    values = np.array([[0, 0, -1], [0, 1, 1], [0, -1, 0]])
    assert telling_columns(values) == [1, 2]


MUTANTS = {
    "distinct rows": [
        lambda r: r["bound"]["witness"].update(messages=5),
        lambda r: r["bound"]["witness"]["different"].pop(),
        lambda r: r["submatrix"]["values"][0].__setitem__(0, None),
        lambda r: r["submatrix"]["values"].__setitem__(0, r["submatrix"]["values"][1]),
    ],
    "one-way fooling set": [
        lambda r: r["submatrix"]["values"].__setitem__(0, r["submatrix"]["values"][1]),
        lambda r: r["bound"]["witness"]["clique"].append(0),
    ],
    "colouring": [
        lambda r: r["bound"]["witness"]["colours"].__setitem__(0, r["bound"]["witness"]["colours"][1]),
        lambda r: r["bound"]["witness"]["clique"].pop(),
    ],
    "shattered set": [
        lambda r: r["submatrix"]["values"].reverse(),
        lambda r: r["bound"]["witness"]["readings"][0].reverse(),
        lambda r: r["bound"]["witness"].update(n=4),
        lambda r: r["submatrix"]["values"][2].__setitem__(1, None),
    ],
    "two-way fooling set": [
        lambda r: r["bound"]["witness"]["sets"].append(r["bound"]["witness"]["sets"][0]),
        lambda r: r["bound"]["witness"]["sets"][0].update(value=7),
        lambda r: r["submatrix"]["values"].__setitem__(0, r["submatrix"]["values"][1]),
    ],
    "rank": [
        lambda r: r["submatrix"]["values"].__setitem__(0, r["submatrix"]["values"][1]),
        lambda r: r["bound"]["witness"].update(numbers=[1, 1]),
        lambda r: r["bound"]["witness"].update(leaves=r["bound"]["witness"]["leaves"] + 1),
    ],
    "protocol tree": [
        lambda r: r["bound"]["witness"]["tree"].update(ones=[]),
        lambda r: r["bound"]["witness"]["tree"]["children"].reverse(),
        lambda r: r["bound"]["witness"].update(bits=1),
        lambda r: r["bound"]["witness"]["tree"].update(party="Bob", ones=[7]),
    ],
}


@pytest.mark.parametrize("kind", MUTANTS)
def test_a_witness_that_was_changed_shows_nothing(kind):
    makers = {
        "distinct rows": bounds.distinct_rows,
        "one-way fooling set": bounds.one_way_fooling_set,
        "colouring": bounds.colouring,
        "shattered set": bounds.shattered_set,
        "two-way fooling set": bounds.two_way_fooling_set,
        "rank": bounds.rank,
        "protocol tree": bounds.two_way,
    }
    for name in ("DISJ", "INDEX"):
        matrix = from_problem(name, 2)
        good = written(matrix, makers[kind](matrix))
        assert fault(good) is None
        for mutate in (*MUTANTS[kind], lambda r: r["bound"].update(bits=r["bound"]["bits"] + 1)):
            bad = copy.deepcopy(good)
            mutate(bad)
            assert fault(bad) is not None, (name, mutate)


def test_a_file_is_sealed_and_holds_all_that_is_needed(tmp_path):
    path = tmp_path / "bound.json"
    matrix = from_problem("EQ", 3)
    bounds.save(path, matrix, bounds.rank(matrix, 3))
    body = unseal(path.read_text(), "bound.json")
    assert (body["command"], body["schema"]) == ("bound", "commlb/1")
    assert fault(body["result"]) is None
    assert body["result"]["source"] == {
        "kind": "problem", "name": "EQ", "size": {"n": 3, "symbols": 2}, "cut": None, "read_at": None,
        "rows": "all", "columns": "all", "whole": True,
    }  # fmt: skip
    assert body["result"]["submatrix"]["row_labels"][1] == [0, 0, 1]
    assert body["result"]["verdict"].startswith("EQ needs at least 3.9")
    again = tmp_path / "again.json"
    bounds.save(again, matrix, bounds.rank(matrix, 3))
    assert again.read_bytes() == path.read_bytes()


def test_the_rows_of_a_task_are_named_by_their_tokens(tmp_path):
    path = tmp_path / "tree.json"
    matrix = of_classes("istree", 2, 5)
    bounds.save(path, matrix, bounds.shattered_set(matrix))
    result = json.loads(path.read_text())["result"]
    task, part = IsTree(**result["source"]["size"]), result["submatrix"]
    assert (result["source"]["name"], result["source"]["cut"]) == ("istree", 2)
    for prefix, row in zip(part["row_labels"], part["values"], strict=True):
        for suffix, value in zip(part["column_labels"], row, strict=True):
            assert task.solve(prefix + suffix) == part["answers"][value]


@pytest.mark.parametrize("error", [0.6, -0.1, math.nan, math.inf, True, "0.1", 1])
def test_errors_out_of_range_are_refused(error):
    with pytest.raises(BadInput, match="error must be a number from 0 to 1/2"):
        bounds.shattered_set(dense([[0, 1]]), error=error)


@pytest.mark.parametrize("modulus", [0, 1, -3, 4, 9, 2**31, 2.0, True, "2", 91])
def test_a_field_that_is_none_is_refused(modulus):
    with pytest.raises(BadInput, match="p a prime"):
        bounds.rank(dense([[0, 1]]), modulus)


def test_bad_requests_are_refused(tmp_path):
    promise, total = dense([[0, None], [1, 0]]), dense([[0, 1], [1, 0]])
    with pytest.raises(BadInput, match="distinct rows bound total functions"):
        bounds.distinct_rows(promise)
    with pytest.raises(BadInput, match="the rank bounds total functions"):
        bounds.rank(promise)
    for numbers in ([1], [1, 2, 3], [0.5, 1], [True, 0]):
        with pytest.raises(BadInput, match="numbers must be whole"):
            bounds.rank(total, numbers=numbers)
    with pytest.raises(BadInput, match="symbols must be an integer of at least 2"):
        bounds.shattered_set(total, 1)
    with pytest.raises(LimitError, match="at most 256 rows or columns"):
        bounds.rank(dense(np.eye(257, dtype=int).tolist()))
    with pytest.raises(BadInput, match="a bound to save needs a witness"):
        bounds.save(tmp_path / "a.json", total, Index(3).bound())
    with pytest.raises(BadInput, match="the bound is of another matrix"):
        bounds.result(total, bounds.colouring(from_problem("EQ", 3)))
    with pytest.raises(BadInput, match=r"must end in one of \.json"):
        bounds.save(tmp_path / "a.txt", total, bounds.colouring(total))
    with pytest.raises(BadInput, match="labels must be"):
        bounds.save(tmp_path / "a.json", dense([[0]], [object()]), bounds.distinct_rows(dense([[0]])))
    places = tuple(range(1025))
    large = Matrix(np.eye(1025, dtype=int), (0, 1), places, places, MatrixSource("dense"))
    with pytest.raises(LimitError, match="too large for a file"):
        bounds.save(tmp_path / "a.json", large, bounds.distinct_rows(large))
    assert not list(tmp_path.iterdir())
