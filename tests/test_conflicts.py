"""Chromatic numbers in bounds: against brute force, on graphs whose number is known, with no budget."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from brute import SimpleTree, chromatic_number
from hypothesis import given, settings
from hypothesis import strategies as st

from commlb.conflicts import chromatic, conflict_graphs, greedy_colours, undominated
from commlb.layers import unroll
from commlb.merging import merge
from commlb.minimum import cuts


@st.composite
def graphs(draw, most=9):
    size = draw(st.integers(1, most))
    bits = draw(st.integers(0, 2 ** (size * (size - 1) // 2) - 1))
    adjacent = np.zeros((size, size), bool)
    for place, (u, v) in enumerate(itertools.combinations(range(size), 2)):
        adjacent[u, v] = adjacent[v, u] = bits >> place & 1
    return adjacent


def check_witnesses(adjacent, found):
    colours = np.array(found.colours)
    assert not (adjacent & (colours[:, None] == colours)).any()
    assert set(found.colours) == set(range(found.at_most))
    assert all(adjacent[u, v] for u, v in itertools.combinations(found.clique, 2))
    assert len(found.clique) == found.at_least or found.at_least_by == f"no {found.at_least - 1}-colouring"


@settings(max_examples=200)
@given(graphs(), st.sampled_from([0, 1, 5, 20, 200_000]))
def test_bounds_hold_and_witnesses_show_them(adjacent, budget):
    found = chromatic(adjacent, budget)
    truth = chromatic_number(adjacent)
    assert found.at_least <= truth <= found.at_most
    assert found.at_least == found.at_most or budget < 200_000
    check_witnesses(adjacent, found)


@given(graphs())
def test_the_clique_is_the_largest(adjacent):
    kept, _ = undominated(adjacent)
    sizes = (len(clique) for clique in nx.find_cliques(nx.from_numpy_array(adjacent)))
    assert len(chromatic(adjacent).clique) == max(sizes)
    assert len(kept) >= 1


@given(graphs())
def test_dominated_vertices_take_a_colour_that_is_free_to_them(adjacent):
    kept, stands_for = undominated(adjacent)
    core = greedy_colours(adjacent[np.ix_(kept, kept)])
    colours = np.zeros(len(adjacent), int)
    colours[kept] = core
    assert set(stands_for) == set(kept)
    assert not (adjacent & (colours[stands_for][:, None] == colours[stands_for])).any()


@pytest.mark.parametrize(
    ("graph", "number", "clique"),
    [
        (nx.empty_graph(5), 1, 1),
        (nx.complete_graph(6), 6, 6),
        (nx.cycle_graph(7), 3, 2),
        (nx.petersen_graph(), 3, 2),
        (nx.mycielski_graph(4), 4, 2),
        (nx.mycielski_graph(5), 5, 2),
        (nx.complete_multipartite_graph(3, 4, 5), 3, 3),
    ],
)
def test_known_graphs(graph, number, clique):
    adjacent = nx.to_numpy_array(graph, dtype=bool)
    found = chromatic(adjacent)
    assert (found.at_least, found.at_most, len(found.clique)) == (number, number, clique)
    assert found.at_least_by == ("clique" if number == clique else f"no {number - 1}-colouring")
    check_witnesses(adjacent, found)


def test_a_search_cut_short_gives_an_interval():
    adjacent = nx.to_numpy_array(nx.mycielski_graph(6), dtype=bool)
    found = chromatic(adjacent, 300)
    assert (found.at_least, found.at_most, found.at_least_by, found.at_most_by) == (
        found.at_least,
        6,
        "no 3-colouring" if found.at_least == 4 else found.at_least_by,
        "colouring",
    )
    assert found.at_least < 6
    check_witnesses(adjacent, found)


def test_layers_that_are_too_wide_are_looked_at_in_part():
    merged = merge(unroll(SimpleTree(5), [range(10)] * 4, [4]))
    whole = cuts(merged)
    for most in (1, 3, 20, 60):
        for t, graph in conflict_graphs(merged, most):
            if graph is not None:
                assert len(graph.members) == min(most, merged.widths[t])
                assert graph.whole == all(width <= most for width in merged.widths[t:-1])
        for cut, true in zip(cuts(merged, most_vertices=most), whole, strict=True):
            assert cut.classes_at_least <= true.classes_at_least
            assert cut.classes_at_most >= true.classes_at_most
