"""The left panel for graph tasks: the gadget, and what Bob's last edge does to it.

Before Bob's last edge the vertices that hang together with the first hub (without hubs, with an end of that edge)
are drawn as circles, all others as squares; the last edge then joins two components or closes a cycle.
"""

from __future__ import annotations

import math
from collections import Counter

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Polygon
from matplotlib.path import Path as Curve

from commlb.plots.layout import (
    HEIGHT,
    MIDDLE,
    WIDTH,
    Bundle,
    Graph,
    Layout,
    Point,
    layout_graph,
    polar,
    read_graph,
)
from commlb.plots.ring import layout_ring
from commlb.plots.style import BOB, FIRST, GREY, INK, JOIN, OTHER, SMALL, TEXT, TITLE, WARN, count, text_width
from commlb.records import Drawing

Dash = str | tuple[float, tuple[float, ...]]
SOLID: Dash = "solid"
DASHED: Dash = (0, (2.2, 1.2))
DOTTED: Dash = (0, (0.9, 0.6))

MOST_THICK = 16
"""Edges of a gadget without hubs up to which Alice's are thick."""

KINDS = (
    "Alice's edge",
    "Bob's paths through the hubs",
    "Bob's other edges",
    "Bob's last edge",
    "the cycle",
)
"""What the legend calls edges."""


def outcome(drawing: Drawing, graph: Graph) -> tuple[str, str]:
    """What the last edge does, in words, and its colour."""
    if graph.cycle and max(graph.cycle) < len(graph.edges) - 1:
        return f"no tree: {graph.edges[max(graph.cycle)][0]}'s edges close a cycle", WARN
    if len(graph.cycle) == 2:
        leaf, hub = sorted(
            graph.edges[-1][1:], key=lambda end: end in graph.hubs
        )  # without hubs as they come
        return f"cycle closed: the edge ({leaf}, {hub}) comes twice", WARN
    if graph.cycle:
        return "cycle closed: no tree", WARN
    if drawing.task_answer:
        return "tree: the edge joins two components", JOIN
    return "no tree", WARN


def draw_gadget(axes: Axes, drawing: Drawing) -> None:
    """The graph, the legend under it and the outcome above it."""
    graph = read_graph(drawing)
    layout = layout_graph(drawing, graph) if graph.hubs else layout_ring(drawing)
    words, colour = outcome(drawing, graph)
    for bundle in layout.bundles:
        _bundle(axes, layout.positions[bundle.hub], bundle, bundle.hub in graph.first)
    for gap in layout.gaps:
        x, y = gap.at
        axes.text(x, y + 0.05, "· · ·", size=TITLE, ha="center", weight="bold")
        side = 1 if y > MIDDLE else -1
        label = f"{count(len(gap.hubs), 'hub')},\n{count(len(gap.leaves), 'leaf')}"
        axes.text(x, y + side * 0.45, label, size=SMALL, ha="center", va="center")
    _draw_edges(axes, graph, layout, colour)
    for vertex, at in layout.positions.items():
        hub = vertex in graph.hubs
        _marker(axes, at, vertex in graph.first, layout.hub_radius if hub else 0.045, hub)
    for vertex, (x, y) in layout.names.items():
        weight = "bold" if vertex in graph.hubs or vertex in graph.touched else "normal"
        line = graph.hubs.count(vertex) and layout.hub_radius < 0.1
        box = {"fc": "white", "ec": "none", "pad": 0.6} if line else None
        axes.text(x, y, vertex, size=SMALL, ha="center", va="center", weight=weight, zorder=6, bbox=box)
    axes.text(
        WIDTH / 2, HEIGHT - 0.02, words, size=TEXT + 1, weight="bold", color=colour, ha="center", va="top"
    )
    _legend(axes, graph, layout, colour)


def _draw_edges(axes: Axes, graph: Graph, layout: Layout, colour: str) -> None:
    """Alice's edges solid, Bob's dashed and thick, those of the cycle thicker and red; repeated ones bent.

    Where hubs stand in rows the last edge leaves its hub straight down, past the hubs beside it.
    """
    seen: Counter[frozenset[str]] = Counter()
    times = Counter(frozenset(edge[1:]) for edge in graph.edges)
    drawn: set[tuple[Point, Point, str, bool]] = set()
    for k, (party, u, v) in enumerate(graph.edges):
        a, b = layout.place(u), layout.place(v)
        if a is None or b is None or a == b:
            continue
        pair = frozenset((u, v))
        bend = 0.32 * (seen[pair] - (times[pair] - 1) / 2)
        seen[pair] += 1
        key = min(a, b), max(a, b), party, k in graph.cycle
        if times[pair] == 1 and key in drawn:
            continue
        drawn.add(key)
        ink, wide, dash = _look(graph, k, colour)
        curve = Curve([a, towards(graph, k, layout, bend), b], [Curve.MOVETO, Curve.CURVE3, Curve.CURVE3])
        axes.add_patch(PathPatch(curve, fc="none", ec=ink, lw=wide, ls=dash, zorder=3 if wide > 1 else 2))


def towards(graph: Graph, k: int, layout: Layout, bend: float) -> Point:
    """What edge k is drawn towards on its way, ``bend`` to the side of its middle."""
    _, *ends = graph.edges[k]
    (x, y), (other_x, other_y) = (layout.place(end) or (0.0, 0.0) for end in sorted(ends))
    if k == len(graph.edges) - 1 and not bend and len(graph.hubs) > 2:
        at = {end in graph.hubs: layout.place(end) for end in ends}
        hub, leaf = at.get(True), at.get(False)
        if hub and leaf:
            return hub[0], leaf[1]
    long = math.dist((x, y), (other_x, other_y)) / bend if bend else math.inf
    return (x + other_x) / 2 + (y - other_y) / long, (y + other_y) / 2 + (other_x - x) / long


def _look(graph: Graph, k: int, colour: str) -> tuple[str, float, Dash]:
    """Colour, width and dashes of edge k; the last edge's colour is the outcome's."""
    party = graph.edges[k][0]
    last = k == len(graph.edges) - 1
    dash = DOTTED if last else SOLID if party == "Alice" else DASHED
    if k in graph.cycle:
        return colour, 3.0, dash
    if last:
        return colour, 2.6, dash
    thin = 0.8 if graph.hubs or len(graph.edges) > MOST_THICK else 1.6
    return (GREY, thin, dash) if party == "Alice" else (BOB, 2.4, dash)


def line_kinds(graph: Graph, colour: str) -> list[tuple[str, list[tuple[str, float, Dash]]]]:
    """What the legend says of the lines: the name of each kind that is drawn, and its looks."""
    looks: dict[str, list[tuple[str, float, Dash]]] = {}
    hubs = set(graph.hubs)
    for k, (party, *ends) in enumerate(graph.edges):
        name = KINDS[0]
        if k == len(graph.edges) - 1:
            name = KINDS[3]
        elif k in graph.cycle:
            name = KINDS[4]
        elif party != "Alice":
            name = KINDS[1] if hubs.issuperset(ends) else KINDS[2]
        look = _look(graph, k, colour)
        if look not in looks.setdefault(name, []):
            looks[name].append(look)
    return [(name, looks[name]) for name in KINDS if name in looks]


def fan_note(layout: Layout) -> str:
    """What the numbers at fans mean, and whether all leaves are drawn; empty where it goes without saying."""
    words = []
    if any(bundle.label.isdigit() for bundle in layout.bundles):
        words.append("a fan's number counts its leaves")
    if any(bundle.dots < len(bundle.leaves) for bundle in layout.bundles):
        words.append("not all are drawn" if words else "not all leaves of a fan are drawn")
    return "; ".join(words)


def _marker(axes: Axes, at: Point, first: bool, radius: float, hub: bool) -> None:
    """A circle for the first hub's component, a square for the others; a large hub's inside is pale."""
    colour = FIRST if first else OTHER
    shape = "o" if first else "s"
    size = 2 * radius * 72 * (1 if first else 0.9)
    fill = ("#D6EDFA" if first else "#FBE8C0") if hub and radius > 0.1 else colour
    axes.plot(*at, shape, ms=size, mfc=fill, mec=INK, mew=1.2 if hub else 0.6, zorder=5)


def _bundle(axes: Axes, at: Point, bundle: Bundle, first: bool) -> None:
    """A wedge of small dots on a few arcs, with how many leaves it stands for."""
    colour = FIRST if first else OTHER
    arc = [bundle.angle + bundle.spread * (k / 12 - 1) for k in range(25)]
    wedge = [at, *(polar(at, angle, bundle.radius) for angle in arc)]
    axes.add_patch(Polygon(wedge, closed=True, fc=colour, ec="none", alpha=0.25, zorder=1))
    ends = bundle.ends(at)
    for end in ends:
        axes.plot([at[0], end[0]], [at[1], end[1]], color=GREY, lw=0.5, zorder=2)
    shape = "o" if first else "s"
    axes.plot([x for x, _ in ends], [y for _, y in ends], shape, ms=3, mfc=colour, mec=INK, mew=0.3, zorder=4)
    axes.text(*bundle.label_at, bundle.label, size=SMALL, ha="center", va="center", zorder=6)


def _legend(axes: Axes, graph: Graph, layout: Layout, colour: str) -> None:
    """Two lines under the gadget: the kinds of edges; the components and what fans leave out."""
    x, y = 0.0, 0.24
    for words, looks in line_kinds(graph, colour):
        part = 0.27 / len(looks)
        for k, (ink, wide, dash) in enumerate(looks):
            ends = [x + k * part, x + (k + 1) * part]
            axes.plot(ends, [y, y], color=ink, lw=wide, ls=dash, dash_capstyle="butt", solid_capstyle="butt")
        axes.text(x + 0.32, y, words, size=SMALL, va="center")
        x += 0.36 + text_width(words, SMALL)
    x, y = 0.0, 0.06
    for words, first in (
        (f"{graph.root}'s component", True),
        ("the other" if graph.hubs else "all others", False),
    ):
        _marker(axes, (x + 0.06, y), first, 0.05, False)
        axes.text(x + 0.15, y, words, size=SMALL, va="center")
        x += 0.19 + text_width(words, SMALL)
    axes.text(x + 0.1, y, fan_note(layout), size=SMALL, va="center", color=GREY)
