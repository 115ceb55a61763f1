"""s–t connectivity: edges, one a token, some tokens being none; is there a path from s to t?"""

from __future__ import annotations

import functools
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
)
from commlb.records import Bound
from commlb.tasks.base import Task
from commlb.tasks.istree import EXACT_PARTITIONS, PartitionMachine, ends, stirling_row
from commlb.tasks.symmetries import mixing, on_edges

JOINED = "joined"
"""The state in which s and t are connected."""

ENDS = {0: "source", 1: "target"}
"""The vertices s and t, with the role of an edge at them."""


@dataclass(frozen=True)
class STConnectivity(Task):
    """st-connectivity(N, M): M tokens, each an edge on 0 … N−1 or "no edge"; True iff 0 and 1 are connected.

    The edge {u, v} with u < v is the token v(v−1)/2 + u as in IsTree, "no edge" the token N(N−1)/2; an edge
    may come again. Letters name the nameless vertices only: ("edge", u, v), ("source", v) at s = 0,
    ("target", v) at t = 1, ("join",) for the edge {s, t}, and ("none",).
    Source: Henzinger, Raghavan, Rajagopalan 1998; Sun, Woodruff 2015.

    >>> task = STConnectivity(4, 3)
    >>> [task.letter(token, 0) for token in (0, 1, 2, 5, 6)]
    [('join',), ('source', 2), ('target', 2), ('edge', 2, 3), ('none',)]
    >>> task.solve([1, 5, 4]), task.solve([1, 5, 6])
    (True, False)
    """

    vertices: int
    tokens: int

    name = "st-connectivity"
    summary = "M tokens, each an edge on N vertices or none: are the vertices 0 and 1 connected"
    source = "Henzinger, Raghavan, Rajagopalan 1998"
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
        return [cls(n, m) for n, m in ((2, 1), (2, 3), (3, 3), (4, 1), (4, 2), (4, 4), (5, 3))]

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
        u = token - v * (v - 1) // 2
        if v == 1:
            return ("join",)
        return (ENDS[u], v) if u in ENDS else ("edge", u, v)

    def token(self, letter: Letter) -> int:
        role, *named = letter
        if role == "none":
            return self.edges
        special = [vertex for vertex, name in ENDS.items() if name == role or role == "join"]
        u, v = sorted([*special, *named])
        return v * (v - 1) // 2 + u

    def symmetries(self) -> list[Any]:
        """The vertices other than s and t may be renamed, and these two exchanged."""
        moves = [{0: 1, 1: 0}, *mixing(range(2, self.vertices))]
        return list(on_edges(self.vertices, moves))

    def solve(self, stream: Sequence[int]) -> bool:
        """By networkx, which looks for a path."""
        import networkx as nx

        self.check_stream(stream)
        graph = nx.Graph()
        graph.add_nodes_from(range(self.vertices))
        tokens = np.array([token for token in stream if token < self.edges], np.int64)
        graph.add_edges_from(np.transpose(ends(tokens)).tolist())
        return nx.has_path(graph, 0, 1)

    def automaton(self) -> LetterAutomaton:
        return EndsAutomaton(self.letter)

    def machine(self) -> Machine:
        return EndsMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        """A path inside the window settles it; none does only if the window is the whole stream."""
        automaton = self.automaton()
        state = automaton.start()
        for token in tokens:
            state = automaton.step(state, int(token), 0)
        return 1 if automaton.answer(state) else 0 if t == 0 else None

    def classes(self, t: int) -> int | None:
        """Partitions that keep s and t apart, and from one token on that s and t are joined.

        Two or more tokens left: two edges tell two partitions apart. Say u, v are in one block of P and not
        of Q. The edges {s, u}, {v, t} join s and t on P, and so do {s, v}, {u, t}. On Q the first two do so
        only if v ~ s or u ~ t, the other two only if u ~ s or v ~ t; one of each would put u, v or s, t in
        one block, so one choice does not. (An edge from s to itself is "no edge".)
        One token left: only the blocks of s and t matter. At the end: yes or no.
        """
        left = self.tokens - t
        if left == 0:
            return 2
        if left == 1:
            free = self.vertices - 2
            return sum(math.comb(free, r) * 2**r for r in range(min(t, free) + 1)) + (t >= 1)
        return partitions_apart(self.vertices)[min(t, self.vertices)] + (t >= 1) if self._counted else None

    @property
    def _counted(self) -> bool:
        return self.vertices <= EXACT_PARTITIONS

    def memory_bound(self) -> Bound:
        """log of the largest number of classes over all cuts (proof in ``classes``); for many vertices, less.

        Then k vertices, s and t among them, head the blocks and the others choose freely: k^(N−k) partitions
        keep s and t apart, of N − k edges or fewer.
        """
        source = "proof: STConnectivity.classes"
        if self._counted:
            most = max(self.classes(t) or 0 for t in range(max(0, self.tokens - 2), self.tokens))
            method = "partitions with s, t apart + 1 classes, worst cut"
            return Bound(math.log2(most), "deterministic", method, "formula", source)
        blocks = np.arange(max(2, self.vertices - max(0, self.tokens - 2)), self.vertices + 1)
        bits = float(((self.vertices - blocks) * np.log2(blocks)).max())
        return Bound(bits, "deterministic", "k^(N-k) classes, best k", "formula", source)


@functools.cache
def partitions_apart(n: int) -> list[int]:
    """Partitions of n vertices that keep two of them apart, into n − t blocks or more, for t = 0 … n.

    >>> partitions_apart(4)
    [1, 6, 10, 10, 10]
    """
    whole, merged = stirling_row(n), [*stirling_row(n - 1), 0]
    apart = [a - b for a, b in zip(whole, merged, strict=True)]
    return [sum(apart[n - t :]) for t in range(n + 1)]


class EndsAutomaton(LetterAutomaton):
    """State: the blocks of two or more vertices, s and t under the names "source" and "target"; or JOINED."""

    def start(self) -> Any:
        return frozenset()

    def read(self, state: Any, letter: Letter) -> Any:
        role, *named = letter
        if not isinstance(state, frozenset) or role in ("none", "join"):
            return JOINED if role == "join" else state
        pair = {*named} if role == "edge" else {role, *named}
        if len(pair) < 2:
            return BROKEN
        apart = [block for block in state if pair.isdisjoint(block)]
        joined = frozenset(pair).union(*(block for block in state if not pair.isdisjoint(block)))
        return JOINED if joined.issuperset(ENDS.values()) else frozenset([*apart, joined])

    def answer(self, state: Any) -> Any:
        return UNDEFINED if state is BROKEN else state == JOINED

    def project(self, state: Any, live: Live) -> Any:
        """Keep how s, t and the live vertices are joined."""
        if not isinstance(state, frozenset):
            return state

        def stays(v: Any) -> bool:
            return v in ENDS.values() or any(live(role, v) for role in ("edge", *ENDS.values()))

        alive = [frozenset(filter(stays, block)) for block in state]
        return frozenset([block for block in alive if len(block) > 1])


class EndsMachine(PartitionMachine):
    """Row v: the smallest vertex of v's component; row N: 1 once s and t are joined (labels then 0)."""

    summary = "which vertices are joined (a partition), or that s and t are"
    settled = "s and t are joined"

    def capacity_bits(self, t: int) -> float:
        """Partitions of N − t blocks or more with s, t apart, and from one token on that they are joined."""
        if self.capacity_evidence == "storage":
            return float(self.storage_bits)
        return math.log2(partitions_apart(self.task.vertices)[min(t, self.task.vertices)] + (t >= 1))

    def largest_capacity_bits(self) -> float:
        return self.capacity_bits(self.task.length - 1)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        none = tokens == self.task.edges
        u, v = ends(np.where(none, 0, tokens))
        v = np.where(none, u, v)
        runs = np.arange(states.shape[1])
        labels = states[:-1]
        of_u, of_v = labels[u, runs], labels[v, runs]
        low, high = np.minimum(of_u, of_v), np.maximum(of_u, of_v)
        np.copyto(labels, low, where=labels == high)
        joined = labels[1] == 0
        labels[:, joined] = 0
        states[-1] = joined

    def output(self, states: Array) -> Array:
        return states[-1].astype(np.int64)
