"""The left panel for graph tasks: the gadget, and what Bob's last edge does to it.

Before Bob's last edge the vertices that hang together with the first hub are drawn as circles, all others as
squares; the last edge then joins two components or closes a cycle.
"""

from __future__ import annotations

from collections import Counter

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Polygon
from matplotlib.path import Path as Curve

from commlb.plots.layout import HEIGHT, WIDTH, Bundle, Graph, Layout, Point, layout_graph, polar, read_graph
from commlb.plots.style import BOB, FIRST, GREY, INK, JOIN, OTHER, SMALL, TEXT, TITLE, WARN, count, text_width
from commlb.records import Drawing

Dash = str | tuple[float, tuple[float, ...]]
SOLID: Dash = "solid"
DASHED: Dash = (0, (2.2, 1.2))


def outcome(drawing: Drawing, graph: Graph) -> tuple[str, str]:
    """What the last edge does, in words, and its colour."""
    if graph.cycle:
        return "cycle closed: no tree", WARN
    if drawing.task_answer:
        return "tree: the edge joins two components", JOIN
    return "no tree", WARN


def draw_gadget(axes: Axes, drawing: Drawing) -> None:
    """The graph, the legend under it and the outcome above it."""
    graph = read_graph(drawing)
    layout = layout_graph(drawing, graph)
    words, colour = outcome(drawing, graph)
    for bundle in layout.bundles:
        _bundle(axes, layout.positions[bundle.hub], bundle, bundle.hub in graph.first)
    for gap in layout.gaps:
        x, y = gap.at
        axes.text(x, y + 0.05, "· · ·", size=TITLE, ha="center", weight="bold")
        side = 1 if y > HEIGHT / 2 else -1
        label = f"{count(len(gap.hubs), 'hub')},\n{count(len(gap.leaves), 'leaf')}"
        axes.text(x, y + side * 0.45, label, size=SMALL, ha="center", va="center")
    _draw_edges(axes, graph, layout, colour)
    for vertex, at in layout.positions.items():
        hub = vertex in graph.hubs
        _marker(axes, at, vertex in graph.first, layout.hub_radius if hub else 0.045, hub)
    for vertex, (x, y) in layout.names.items():
        weight = "bold" if vertex in graph.hubs or vertex in graph.touched else "normal"
        axes.text(x, y, vertex, size=SMALL, ha="center", va="center", weight=weight, zorder=6)
    axes.text(
        WIDTH / 2, HEIGHT - 0.02, words, size=TEXT + 1, weight="bold", color=colour, ha="center", va="top"
    )
    _legend(axes, graph, colour, any(bundle.label.isdigit() for bundle in layout.bundles))


def _draw_edges(axes: Axes, graph: Graph, layout: Layout, colour: str) -> None:
    """Alice's edges solid, Bob's dashed and thick, those of the cycle thick and red; repeated ones bent."""
    seen: Counter[frozenset[str]] = Counter()
    times = Counter(frozenset(edge[1:]) for edge in graph.edges)
    drawn: set[tuple[Point, Point, str, bool]] = set()
    for k, (party, u, v) in enumerate(graph.edges):
        a, b = layout.place(u), layout.place(v)
        if a is None or b is None or a == b:
            continue
        pair = frozenset((u, v))
        bend = 0.16 * (seen[pair] - (times[pair] - 1) / 2)
        seen[pair] += 1
        key = min(a, b), max(a, b), party, k in graph.cycle
        if times[pair] == 1 and key in drawn:
            continue
        drawn.add(key)
        ink, wide, dash = (GREY, 0.8, SOLID) if party == "Alice" else (BOB, 2.4, DASHED)
        if k == len(graph.edges) - 1:
            ink = colour
        if k in graph.cycle:
            ink, wide, dash = colour, 3.0, SOLID if party == "Alice" else DASHED
        middle = ((a[0] + b[0]) / 2 + bend * 2, (a[1] + b[1]) / 2)
        curve = Curve([a, middle, b], [Curve.MOVETO, Curve.CURVE3, Curve.CURVE3])
        axes.add_patch(PathPatch(curve, fc="none", ec=ink, lw=wide, ls=dash, zorder=3 if wide > 1 else 2))


def _marker(axes: Axes, at: Point, first: bool, radius: float, hub: bool) -> None:
    """A circle for the first hub's component, a square for the others; a large hub's inside is pale."""
    colour = FIRST if first else OTHER
    shape = "o" if first else "s"
    size = 2 * radius * 72 * (1 if first else 0.9)
    fill = ("#D6EDFA" if first else "#FBE8C0") if hub and radius > 0.1 else colour
    axes.plot(*at, shape, ms=size, mfc=fill, mec=INK, mew=1.2 if hub else 0.6, zorder=5)


def _bundle(axes: Axes, at: Point, bundle: Bundle, first: bool) -> None:
    """A wedge of small dots on up to two arcs, with how many leaves it stands for."""
    colour = FIRST if first else OTHER
    arc = [bundle.angle + bundle.spread * (k / 12 - 1) for k in range(25)]
    wedge = [at, *(polar(at, angle, bundle.radius) for angle in arc)]
    axes.add_patch(Polygon(wedge, closed=True, fc=colour, ec="none", alpha=0.25, zorder=1))
    ends = []
    for k in range(bundle.dots):
        turn = bundle.spread * (2 * (k + 0.5) / bundle.dots - 1)
        far = bundle.radius * (0.86 if bundle.dots > 24 and k % 2 else 1.0)
        ends.append(polar(at, bundle.angle + turn, far))
    for end in ends:
        axes.plot([at[0], end[0]], [at[1], end[1]], color=GREY, lw=0.5, zorder=2)
    shape = "o" if first else "s"
    axes.plot([x for x, _ in ends], [y for _, y in ends], shape, ms=3, mfc=colour, mec=INK, mew=0.3, zorder=4)
    axes.text(*bundle.label_at, bundle.label, size=SMALL, ha="center", va="center", zorder=6)


def _legend(axes: Axes, graph: Graph, colour: str, numbers: bool) -> None:
    """One line under the gadget, item after item."""
    x, y = 0.0, 0.08
    bob = sum(party != "Alice" for k, (party, _, _) in enumerate(graph.edges) if k not in graph.cycle)
    lines = [("Alice's edge", GREY, 0.8, SOLID)]
    lines += [("Bob's edge", BOB if graph.cycle and bob else colour, 2.4, DASHED)]
    lines += [("the cycle", colour, 3.0, SOLID)] if graph.cycle else []
    for words, ink, wide, dash in lines:
        axes.plot([x, x + 0.27], [y, y], color=ink, lw=wide, ls=dash)
        axes.text(x + 0.32, y, words, size=SMALL, va="center")
        x += 0.36 + text_width(words, SMALL)
    for words, first in ((f"{graph.hubs[0]}'s component", True), ("the other", False)):
        _marker(axes, (x + 0.06, y), first, 0.05, False)
        axes.text(x + 0.15, y, words, size=SMALL, va="center")
        x += 0.19 + text_width(words, SMALL)
    if numbers:
        axes.text(0, HEIGHT - 0.04, "numbers count leaves", size=SMALL, va="top", color=GREY)
