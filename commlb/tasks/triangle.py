"""Triangle: edges, one a token, some tokens being none; do three of them form a triangle?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb.errors import require_at_least
from commlb.machines.base import (
    BROKEN,
    UNDEFINED,
    Array,
    Letter,
    LetterAutomaton,
    Live,
    Machine,
    Namer,
    abridged,
)
from commlb.records import Bound
from commlb.tasks.base import Task, log2_subsets
from commlb.tasks.istree import ends
from commlb.tasks.symmetries import mixing, on_edges

CLOSED = "triangle"
"""The state in which a triangle is closed."""


@dataclass(frozen=True)
class Triangle(Task):
    """Triangle(N, M): M tokens, each an edge on the vertices 0 … N−1 or "no edge"; True iff some triangle.

    The edge {u, v} with u < v is the token v(v−1)/2 + u as in IsTree, "no edge" the token N(N−1)/2; an edge
    may come again. Source: Bar-Yossef, Kumar, Sivakumar 2002.

    >>> Triangle(4, 4).solve([0, 6, 1, 2]), Triangle(4, 4).solve([0, 0, 1, 6])
    (True, False)
    """

    vertices: int
    tokens: int

    name = "triangle"
    summary = "M tokens, each an edge on N vertices or none: is there a triangle"
    source = "Bar-Yossef, Kumar, Sivakumar 2002"
    roles_by_position = False
    options = {"length": "tokens in the stream (default n+1)"}

    def __post_init__(self) -> None:
        require_at_least("vertices", self.vertices, 2)
        require_at_least("tokens", self.tokens, 1)

    @classmethod
    def of_size(cls, n: int, length: int | None = None) -> Task:
        return cls(n, n + 1 if length is None else length)

    @classmethod
    def examples(cls) -> list[Task]:
        return [cls(n, m) for n, m in ((2, 2), (3, 1), (3, 4), (4, 4), (5, 3))]

    @property
    def length(self) -> int:
        return self.tokens

    @property
    def alphabet_size(self) -> int:
        return self.edges + 1

    @property
    def edges(self) -> int:
        """The number of edges there are; also the token for "no edge"."""
        return self.vertices * (self.vertices - 1) // 2

    @property
    def answers(self) -> range:
        return range(2)

    def alphabet(self, t: int) -> range:
        return range(self.edges + 1)

    def letter(self, token: int, t: int) -> Letter:
        if token == self.edges:
            return ("none",)
        v = (1 + math.isqrt(8 * token + 1)) // 2
        return ("edge", token - v * (v - 1) // 2, v)

    def token(self, letter: Letter) -> int:
        if letter[0] == "none":
            return self.edges
        u, v = sorted(letter[1:])
        return v * (v - 1) // 2 + u

    def symmetries(self) -> list[Any]:
        """The vertices may be renamed."""
        return list(on_edges(self.vertices, mixing(range(self.vertices))))

    def solve(self, stream: Sequence[int]) -> bool:
        """By networkx, which counts the triangles at each vertex of the simple graph."""
        import networkx as nx

        self.check_stream(stream)
        graph = nx.Graph(self.letter(token, t)[1:] for t, token in enumerate(stream) if token < self.edges)
        return any(nx.triangles(graph).values())

    def automaton(self) -> LetterAutomaton:
        return TriangleAutomaton(self.letter)

    def machine(self) -> Machine:
        return TriangleMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        """A triangle inside the window settles it; none does only if what came before cannot matter."""
        near: dict[int, set[int]] = {}
        for token in tokens:
            if token < self.edges:
                u, v = self.letter(int(token), 0)[1:]
                if near.setdefault(u, set()) & near.setdefault(v, set()):
                    return 1
                near[u].add(v)
                near[v].add(u)
        return 0 if t == 0 else None

    def memory_bound(self) -> Bound:
        """log of the number of subgraphs of K_{a,b} with M − 2 edges or fewer; a + b = N − 1, ab largest.

        Alice writes such a graph, filled up with "no edge". Two of them differ in some (u, v), and with w the
        vertex left over the edges (w, u), (w, v) close a triangle on the one that has it, on the other none,
        since it is bipartite. With all ab edges allowed, M ≥ ab + 2, these are ab bits.
        """
        most = max(0, min(self.tokens - 2, self.split))
        method = "bipartite graphs of at most M-2 edges on N-1 vertices"
        bits = log2_subsets(self.split, most)[0]
        return Bound(bits, "deterministic", method, "formula", "proof: Triangle.memory_bound")

    @property
    def split(self) -> int:
        """Most edges that a bipartite graph on N − 1 vertices has."""
        return (self.vertices - 1) ** 2 // 4


class TriangleAutomaton(LetterAutomaton):
    """State: the edges, as pairs of vertices, or CLOSED."""

    def start(self) -> Any:
        return frozenset()

    def read(self, state: Any, letter: Letter) -> Any:
        if not isinstance(state, frozenset) or letter[0] == "none":
            return state
        _, u, v = letter
        if u == v:
            return BROKEN
        if beside(state, u) & beside(state, v):
            return CLOSED
        return state | {frozenset((u, v))}

    def answer(self, state: Any) -> Any:
        return UNDEFINED if state is BROKEN else state == CLOSED

    def project(self, state: Any, live: Live) -> Any:
        """Keep the edges that a triangle may still contain.

        Beside an edge {u, v} a triangle has two more, at a third vertex w. Both may come: then u and v are
        live. One is there, say {u, w}, and the other may come: then v and w are live.
        """
        if not isinstance(state, frozenset):
            return state
        together = getattr(live, "together", None)
        if together is not None:  # which edges may come is known, not only which vertices they name
            near = {v: beside(state, v) | together("edge", v) for edge in state for v in edge}
            return frozenset([edge for edge in state if not set.isdisjoint(*[near[v] for v in edge])])
        alive = {v for edge in state for v in edge if live("edge", v)}

        def may_close(edge: frozenset) -> bool:
            u, v = edge
            return (
                (u in alive and v in alive)
                or (v in alive and not alive.isdisjoint(beside(state, u) - {v}))
                or (u in alive and not alive.isdisjoint(beside(state, v) - {u}))
            )

        return frozenset([edge for edge in state if may_close(edge)])


def beside(edges: frozenset, vertex: Any) -> set:
    """The neighbours of ``vertex``."""
    return {w for edge in edges if vertex in edge for w in edge if w != vertex}


class TriangleMachine(Machine):
    """Row e: whether edge e is there; last row: 1 once a triangle is closed (the edges are then cleared)."""

    name = "exact"
    summary = "which edges are there, or that a triangle is closed"
    errs = False
    dtype = np.uint8
    capacity_evidence = "upper bound"

    def __init__(self, task: Triangle):
        self.task = task
        self.rows = task.edges + 1
        self.widths = [1] * self.rows
        vertices = np.arange(task.vertices)
        low = np.minimum(vertices, vertices[:, None])
        high = np.maximum(vertices, vertices[:, None])
        self._edge = np.where(low < high, high * (high - 1) // 2 + low, task.edges)

    def capacity_bits(self, t: int) -> float:
        """At most: graphs of t or fewer edges, none above ⌊N²/4⌋ (Mantel's theorem), or a triangle."""
        most = min(t, self.task.vertices**2 // 4)
        graphs = log2_subsets(self.task.edges, most)[1]
        with_closed = math.log2(2**graphs + 1) if graphs < 40 else graphs + 2.0**-39
        return min(with_closed if t >= 3 else graphs, float(self.storage_bits), t * math.log2(self.rows))

    def largest_capacity_bits(self) -> float:
        return self.capacity_bits(self.task.length - 1)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        runs = np.flatnonzero((tokens < self.task.edges) & (states[-1] == 0))
        u, v = ends(tokens[runs])
        closes = (states[self._edge[u].T, runs] & states[self._edge[v].T, runs]).any(axis=0)
        states[tokens[runs], runs] = 1
        states[:-1, runs[closes]] = 0
        states[-1, runs[closes]] = 1

    def output(self, states: Array) -> Array:
        return states[-1].astype(np.int64)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if state[-1]:
            return "a triangle is closed"
        pairs = zip(*ends(np.flatnonzero(state[:-1])), strict=True)
        return abridged([f"{named(int(u))}-{named(int(v))}" for u, v in pairs]) or "no edge"
