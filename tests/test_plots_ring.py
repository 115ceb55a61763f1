"""Gadgets without hubs: vertices on a circle, components, and the first cycle whoever closes it."""

from __future__ import annotations

import itertools

import pytest
from matplotlib.figure import Figure
from tables import registered, star

import commlb
from commlb.chains import drawing
from commlb.plots import figure
from commlb.plots.gadget import draw_gadget, line_kinds, outcome
from commlb.plots.layout import HEIGHT, WIDTH, read_graph
from commlb.plots.ring import MOST_NAMED, layout_ring
from commlb.plots.style import JOIN, WARN, panel, settings
from commlb.reductions.index_to_istree_star import Star
from commlb.reductions.table import of_table
from commlb.tasks.istree import IsTree


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_every_gadget_is_drawn_and_says_what_is_so(n):
    made = of_table(star(n), IsTree(n + 1))
    for x, i in itertools.product(itertools.product((0, 1), repeat=n), range(1, n + 1)):
        found = drawing(made, x, i)
        graph = read_graph(found)
        words, colour = outcome(found, graph)
        assert colour == (JOIN if x[i - 1] else WARN)
        if x[i - 1]:
            assert (words, graph.cycle) == ("tree: the edge joins two components", frozenset())
            assert graph.first == {"v0", *(f"v{j}" for j in range(1, n + 1) if not x[j - 1])}
        elif any(x):
            assert words == f"cycle closed: the edge (v0, v{i}) comes twice"
            assert n - 1 in graph.cycle
        else:
            assert words == "no tree: Alice's edges close a cycle"
            assert graph.cycle == {0, 1}
        kinds = dict(line_kinds(graph, colour))
        assert "Alice's edge" in kinds or n == 3
        assert "Bob's last edge" in kinds
        looks = [look for some in kinds.values() for look in some]
        assert len({(wide, str(dash)) for _, wide, dash in looks}) == len(looks), "told apart without colour"


@pytest.mark.parametrize("n", [3, 6, 12, 40, 100])
def test_vertices_stand_apart_inside_the_panel(n):
    found = drawing(Star(n), (0, 1) * (n // 2) + (1,) * (n % 2), 2)
    layout = layout_ring(found)
    assert list(layout.positions) == [f"v{k}" for k in range(n + 1)]
    assert len({(round(x, 3), round(y, 3)) for x, y in layout.positions.values()}) == n + 1
    assert all(0.1 < x < WIDTH - 0.1 and 0.4 < y < HEIGHT - 0.2 for x, y in layout.names.values())
    assert set(layout.names) == (set(layout.positions) if n < MOST_NAMED else {"v0", "v2"})
    with settings():
        axes = panel(Figure(figsize=(WIDTH, HEIGHT)), 0, 0, WIDTH, HEIGHT)
        draw_gadget(axes, found)
    assert {text.get_text() for text in axes.texts} >= {"v0", "v2", "v0's component", "all others"}


def test_no_token_of_a_table_is_framed():
    for made, table in registered():
        found = of_table(table, made.task)
        drawn = drawing(found, (0,) * made.n, 1)
        assert not drawn.placed
        if not drawn.vertices:
            from commlb.plots.strip import cells

            assert not any(cell.answers for cell in cells(drawn))


def test_the_whole_picture():
    with settings():
        made = figure(commlb.reduce("istree", 4, reduction="star", x="0101", i=2, draw=True))
    texts = [text.get_text() for axes in made.axes for text in axes.texts]
    assert "INDEX with 4 bits inside IsTree, gadget star: 5 vertices" in texts
    assert "tree: the edge joins two components" in texts
