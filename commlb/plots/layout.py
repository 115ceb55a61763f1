"""A gadget's graph as data: its components, its cycle, and where each vertex is drawn.

The family of vertices called "hub", where there is one, comes first; all others are leaves. Leaves that Bob does
not touch are bundled where there is no room for names.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass

from commlb.plots.style import SMALL, count, text_width
from commlb.records import Drawing

Point = tuple[float, float]
WIDTH, HEIGHT = 6.0, 4.4
MOST_NAMED = 16
"""Leaves of a hub up to which each is drawn with its name."""

MOST_DOTS = 126
"""Of a larger bundle, the leaves that are drawn."""

RINGS = (1.0, 0.85, 0.7)
"""Arcs on which a bundle's dots take turns, as shares of its radius."""

MIDDLE, APART = HEIGHT / 2 + 0.08, 0.74
"""Where two rows of hubs are: the middle between them, and how far each is from it."""

MOST_COLUMNS = 32
"""Hubs of a row up to which all are drawn."""

HEAD, AROUND, TAIL, GAP_COLUMNS = 8, 2, 4, 5
"""Of a longer row: hubs at its start, beside those that matter, at its end; and columns for a gap."""


@dataclass(frozen=True)
class Graph:
    """A drawing's edges (party, u, v), each leaf's hub, the leaves that Bob touches, the component of the
    ``root`` before the last edge, and the edges (by position) of the cycle that the last edge closes.

    The root is the first hub. Without hubs it is an end of the last edge, and the cycle the first that is closed.
    """

    hubs: tuple[str, ...]
    root: str
    edges: tuple[tuple[str, str, str], ...]
    hub_of: dict[str, str]
    touched: frozenset[str]
    first: frozenset[str]
    cycle: frozenset[int]


@dataclass(frozen=True)
class Bundle:
    """Leaves of ``hub`` drawn as one wedge: ``angle`` outward and half its ``spread``, radians. Of them
    ``dots`` are drawn one by one, on ``rings`` arcs.
    """

    hub: str
    leaves: tuple[str, ...]
    angle: float
    spread: float
    radius: float
    dots: int
    rings: int
    label: str
    label_at: Point

    def ends(self, at: Point) -> list[Point]:
        """Where the dots are, from the hub at ``at``."""
        turns = [self.spread * (2 * (k + 0.5) / self.dots - 1) for k in range(self.dots)]
        radii = [self.radius * RINGS[k % self.rings] for k in range(self.dots)]
        return [polar(at, self.angle + turn, far) for turn, far in zip(turns, radii, strict=True)]


@dataclass(frozen=True)
class Gap:
    """Hubs of a row that are left out, with their leaves, at one place."""

    hubs: tuple[str, ...]
    leaves: tuple[str, ...]
    at: Point


@dataclass(frozen=True)
class Layout:
    """Where things go, in inches: vertices drawn one by one, their names (with a place), bundles and gaps."""

    positions: dict[str, Point]
    names: dict[str, Point]
    bundles: tuple[Bundle, ...]
    gaps: tuple[Gap, ...]
    hub_radius: float

    def place(self, vertex: str) -> Point | None:
        """Where an edge to ``vertex`` ends; a left-out hub's at its gap, a bundled leaf's nowhere."""
        if vertex in self.positions:
            return self.positions[vertex]
        return next((gap.at for gap in self.gaps if vertex in gap.hubs), None)


def read_graph(drawing: Drawing) -> Graph:
    """The structure of a drawing's graph, by one search before the last edge."""
    family, names = drawing.vertices[0]
    hubs = names if family == "hub" else ()
    edges = tuple((party, u, v) for party, role, (u, v, *_) in _edges(drawing) if role == "edge")
    among = set(hubs)
    hub_of: dict[str, str] = {}
    for _, u, v in (edge for edge in edges if edge[0] == "Alice"):
        for leaf, hub in ((u, v), (v, u)):
            if hub in among and leaf not in among:
                hub_of.setdefault(leaf, hub)
    ends = Counter(end for _, *pair in edges for end in pair)
    touched = {end for party, *pair in edges if party != "Alice" for end in pair if end not in among}
    touched |= {leaf for leaf in hub_of if ends[leaf] > 1}
    root = hubs[0] if hubs else edges[-1][1]
    first = _search(edges[:-1], root)
    closing = [len(edges) - 1] if hubs else range(len(edges))
    cycle = next((found for k in closing if (found := _cycle(edges[: k + 1]))), frozenset())
    return Graph(hubs, root, edges, hub_of, frozenset(touched), frozenset(first), cycle)


def _cycle(edges: tuple[tuple[str, str, str], ...]) -> frozenset[int]:
    """The edges of the cycle that the last edge closes, if it does."""
    *_, (_, u, v) = edges
    back = _search(edges[:-1], u)
    if v not in back:
        return frozenset()
    cycle = {len(edges) - 1}
    while v != u:
        k = back[v]
        cycle.add(k)
        v = edges[k][2] if edges[k][1] == v else edges[k][1]
    return frozenset(cycle)


def _edges(drawing: Drawing) -> list[tuple[str, str, tuple[str, ...]]]:
    return [token for token in drawing.tokens if len(token[2]) >= 2]


def _search(edges: tuple[tuple[str, str, str], ...], start: str) -> dict[str, int]:
    """The vertices that hang together with ``start``, each with the edge that first reached it."""
    beside: dict[str, list[tuple[int, str]]] = {}
    for k, (_, u, v) in enumerate(edges):
        beside.setdefault(u, []).append((k, v))
        beside.setdefault(v, []).append((k, u))
    reached = {start: -1}
    queue = deque([start])
    while queue:
        for k, v in beside.get(queue.popleft(), []):
            if v not in reached:
                reached[v] = k
                queue.append(v)
    return reached


def layout_graph(drawing: Drawing, graph: Graph | None = None) -> Layout:
    """Two hubs left and right with their leaves around them; more hubs in two rows, by component."""
    graph = graph or read_graph(drawing)
    leaves: dict[str, list[str]] = {hub: [] for hub in graph.hubs}
    orphans = []
    for _, names in drawing.vertices[1:]:
        for leaf in names:
            if leaf in graph.hub_of:
                leaves[graph.hub_of[leaf]].append(leaf)
            else:
                orphans.append(leaf)
    made = _Maker(graph, leaves)
    if len(graph.hubs) == 2:
        made.pair()
    else:
        made.rows()
    for k, leaf in enumerate(orphans):
        made.positions[leaf] = WIDTH * (k + 1) / (len(orphans) + 1), HEIGHT / 2
        if len(orphans) <= MOST_NAMED:
            made.names[leaf] = made.positions[leaf][0], HEIGHT / 2 + 0.14
    return Layout(made.positions, made.names, tuple(made.bundles), tuple(made.gaps), made.hub_radius)


class _Maker:
    """Builds a layout; ``leaves`` holds each hub's."""

    def __init__(self, graph: Graph, leaves: dict[str, list[str]]) -> None:
        self.graph, self.leaves = graph, leaves
        self.positions: dict[str, Point] = {}
        self.names: dict[str, Point] = {}
        self.bundles: list[Bundle] = []
        self.gaps: list[Gap] = []
        self.hub_radius = 0.17

    def put(self, vertex: str, at: Point, name: Point | None) -> None:
        self.positions[vertex] = at
        if name is not None:
            self.names[vertex] = name

    def pair(self) -> None:
        """Two hubs: touched leaves between them, the others outward."""
        for hub, x, out in zip(self.graph.hubs, (1.95, WIDTH - 1.95), (math.pi, 0.0), strict=True):
            at = x, HEIGHT / 2
            self.put(hub, at, at)
            touched = [leaf for leaf in self.leaves[hub] if leaf in self.graph.touched]
            for k, leaf in enumerate(touched):
                turn = (k - (len(touched) - 1) / 2) * min(1.3, 2.4 / len(touched))
                end = polar(at, out + math.pi + (turn if out else -turn), 0.72 if len(touched) == 1 else 0.95)
                self.put(leaf, end, (end[0], end[1] + (0.15 if end[1] >= at[1] - 0.01 else -0.17)))
            rest = [leaf for leaf in self.leaves[hub] if leaf not in self.graph.touched]
            if len(rest) > MOST_NAMED:
                text = count(len(rest), "leaf")
                label_at = x + math.cos(out) * (1.17 + text_width(text, SMALL) / 2), at[1]
                dots = min(MOST_DOTS, len(rest))
                rings = _rings(dots, 1 + MOST_DOTS // len(RINGS))
                self.bundles.append(Bundle(hub, tuple(rest), out, 1.3, 1.1, dots, rings, text, label_at))
                continue
            span = min(3.6, 0.3 * (len(rest) - 1))
            for k, leaf in enumerate(rest):
                turn = span * (0.5 - k / max(1, len(rest) - 1)) if len(rest) > 1 else 0.0
                angle = out + (-turn if out else turn)
                self.put(leaf, polar(at, angle, 1.35), polar(at, angle, 1.5 + 0.08 * abs(math.cos(angle))))

    def rows(self) -> None:
        """More hubs: those with the first hub above, the others below; touched leaves between the rows."""
        above = [hub for hub in self.graph.hubs if hub in self.graph.first]
        below = [hub for hub in self.graph.hubs if hub not in self.graph.first]
        matter = {self.graph.hubs[0]} | {
            self.graph.hub_of[v] for v in self.graph.touched if v in self.graph.hub_of
        }
        plans = [_columns(row, matter) for row in (above, below)]
        columns = max(sum(GAP_COLUMNS if len(item) > 1 else 1 for item in plan) for plan in plans)
        slot = (WIDTH - 0.6) / max(1, columns)
        self.hub_radius = 0.17 if slot > 0.4 else min(0.07, 0.27 * slot)
        for plan, y, up in zip(plans, (MIDDLE + APART, MIDDLE - APART), (1, -1), strict=True):
            x = (WIDTH - slot * sum(GAP_COLUMNS if len(item) > 1 else 1 for item in plan)) / 2
            for item in plan:
                wide = slot * (GAP_COLUMNS if len(item) > 1 else 1)
                at = x + wide / 2, y
                if len(item) > 1:
                    self.gaps.append(Gap(item, tuple(v for hub in item for v in self.leaves[hub]), at))
                else:
                    self.hub(item[0], at, up, slot)
                x += wide
            self.name_hubs([item[0] for item in plan if len(item) == 1], matter, up)

    def name_hubs(self, row: list[str], matter: set[str], up: int) -> None:
        """Names inside large hubs. Of small ones, those of the row's ends beside them, left and right, and
        those of others that matter centred under them, inward.
        """
        if self.hub_radius > 0.1:
            self.names.update({hub: self.positions[hub] for hub in row})
            return
        taken: list[float] = []
        for hub in row:
            x, y = self.positions[hub]
            if hub in (row[0], row[-1]):
                away = self.hub_radius + 0.04 + text_width(hub, SMALL) / 2
                self.names[hub] = x - away if hub == row[0] else x + away, y
            elif hub in matter and all(abs(x - other) > 0.42 for other in taken):
                taken.append(x)
                self.names[hub] = x, y - up * 0.2

    def hub(self, hub: str, at: Point, up: int, slot: float) -> None:
        """A hub of a row with its leaves: touched ones inward, the others outward."""
        self.positions[hub] = at
        touched = [leaf for leaf in self.leaves[hub] if leaf in self.graph.touched]
        for k, leaf in enumerate(touched):
            x = at[0] + 0.4 * (k - (len(touched) - 1) / 2)
            y = MIDDLE + up * 0.06
            self.put(leaf, (x, y), (x + 0.07 + text_width(leaf, SMALL) / 2, y))
        rest = [leaf for leaf in self.leaves[hub] if leaf not in self.graph.touched]
        if not rest:
            return
        step = 0.8 * slot / len(rest)
        if slot >= 0.3 and step >= 0.17:
            for k, leaf in enumerate(rest):
                far = 0.98 if step < 0.34 and k % 2 else 0.68
                x = at[0] + min(step, 0.45) * (k - (len(rest) - 1) / 2)
                self.put(leaf, (x, at[1] + up * far), (x, at[1] + up * (far + 0.14)))
            return
        radius = 0.62
        spread = min(0.9, math.atan(0.4 * slot / radius))
        text = count(len(rest), "leaf") if slot > 0.8 else str(len(rest))
        most = 1 + int(2 * radius * math.sin(spread) / 0.06)
        dots = min(len(rest), most * len(RINGS))
        label_at = at[0], at[1] + up * (radius + 0.17)
        angle = up * math.pi / 2
        rings = _rings(dots, most)
        self.bundles.append(Bundle(hub, tuple(rest), angle, spread, radius, dots, rings, text, label_at))


def _rings(dots: int, most: int) -> int:
    """Arcs for so many dots, if one takes at most ``most``."""
    return min(len(RINGS), -(-dots // most))


def _columns(row: list[str], matter: set[str]) -> list[tuple[str, ...]]:
    """The row's hubs one by one; of a long row the middle ones together, but for those that matter."""
    if len(row) <= MOST_COLUMNS:
        return [(hub,) for hub in row]
    centres = [k for k, hub in enumerate(row) if hub in matter]
    shown = {*range(HEAD), *range(len(row) - TAIL, len(row))}
    shown |= {j for k in centres[:3] for j in range(max(0, k - AROUND), min(len(row), k + AROUND + 1))}
    made: list[tuple[str, ...]] = []
    hidden: list[str] = []
    for k, hub in enumerate(row):
        if k not in shown:
            hidden.append(hub)
            continue
        if hidden:
            made.append(tuple(hidden))
            hidden = []
        made.append((hub,))
    return made


def polar(at: Point, angle: float, radius: float) -> Point:
    """The point ``radius`` away from ``at``."""
    return at[0] + radius * math.cos(angle), at[1] + radius * math.sin(angle)
