"""IsTree: the edges of a graph, one a token; is it a tree?"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb.bits import bits_needed
from commlb.errors import require_at_least
from commlb.machines.base import (
    UNDEFINED,
    Array,
    Letter,
    LetterAutomaton,
    Machine,
    Namer,
    abridged,
)
from commlb.records import Bound
from commlb.tasks.base import Task
from commlb.tasks.partitions import PartitionAutomaton, SimpleAutomaton
from commlb.tasks.symmetries import mixing, on_edges

EXACT_PARTITIONS = 700
"""Vertices up to which partitions are counted exactly (a quadratic number of big-integer steps)."""


@dataclass(frozen=True)
class IsTree(Task):
    """IsTree(N): N−1 edges on N vertices, one token each; True iff they form a tree.

    Vertices 0 … N−1; the edge {u, v} with u < v is the token v(v−1)/2 + u. A repeated edge closes a cycle.
    With ``simple`` it is outside the promise. Source: Wen, Dang, Lyu 2024, §4.2.

    >>> task = IsTree(4)
    >>> [task.letter(token, 0)[1:] for token in range(6)]
    [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
    >>> task.solve([0, 2, 5]), task.solve([0, 1, 2])
    (True, False)
    >>> IsTree(4, simple=True).solve([0, 2, 0])
    UNDEFINED
    """

    vertices: int
    simple: bool = False

    name = "istree"
    summary = "N-1 edges on N vertices: do they form a tree"
    source = "Wen, Dang, Lyu 2024, Sec. 4.2"
    default = 1
    flags = frozenset({"simple"})
    options = {"simple": "whether a repeated edge is outside the promise (default no)"}

    def __post_init__(self) -> None:
        require_at_least("vertices", self.vertices, 2)

    @classmethod
    def of_size(cls, n: int, simple: bool = False) -> Task:
        return cls(n, bool(simple))

    @classmethod
    def examples(cls) -> list[Task]:
        return [*(cls(n, True) for n in (2, 4, 5)), *(cls(n) for n in (2, 3, 4, 5))]

    @property
    def total(self) -> bool:
        return not self.simple

    @property
    def length(self) -> int:
        return self.vertices - 1

    @property
    def alphabet_size(self) -> int:
        return self.vertices * (self.vertices - 1) // 2

    @property
    def answers(self) -> range:
        return range(2)

    def alphabet(self, t: int) -> range:
        return range(self.alphabet_size)

    def letter(self, token: int, t: int) -> Letter:
        v = (1 + math.isqrt(8 * token + 1)) // 2
        return ("edge", token - v * (v - 1) // 2, v)

    def token(self, letter: Letter) -> int:
        u, v = sorted(letter[1:])
        return v * (v - 1) // 2 + u

    def symmetries(self) -> list[Any]:
        """The vertices may be renamed."""
        return list(on_edges(self.vertices, mixing(range(self.vertices))))

    def solve(self, stream: Sequence[int]) -> Any:
        """By networkx: connected with N−1 edges; on a multigraph, so that a repeated edge counts."""
        import networkx as nx

        self.check_stream(stream)
        if self.simple and len(set(stream)) < len(stream):
            return UNDEFINED
        graph = nx.MultiGraph()
        graph.add_nodes_from(range(self.vertices))
        graph.add_edges_from(self.letter(token, t)[1:] for t, token in enumerate(stream))
        return nx.is_tree(graph)

    def automaton(self) -> LetterAutomaton:
        return (SimpleAutomaton if self.simple else PartitionAutomaton)(self.letter)

    def machine(self) -> Machine:
        return PartitionMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        """A cycle inside the window settles it; a forest does only if the window is the whole stream."""
        parent: dict[int, int] = {}

        def root(vertex: int) -> int:
            while (above := parent.get(vertex, vertex)) != vertex:
                parent[vertex] = parent.get(above, above)
                vertex = above
            return vertex

        for token in tokens:
            u, v = (root(vertex) for vertex in self.letter(int(token), 0)[1:])
            if u == v:
                return 0
            parent[u] = v
        return 1 if t == 0 else None

    def classes(self, t: int) -> int | None:
        """S(N, N−t) partitions, and from two edges on the closed cycle; see ``memory_bound``."""
        return _classes(self.vertices)[t] if self.total and self.vertices <= EXACT_PARTITIONS else None

    def memory_bound(self) -> Bound:
        """log of the largest number of classes of prefixes over all cuts; for many vertices, less than that.

        After t edges without a cycle only the partition into N − t components matters, and each of the
        S(N, N−t) partitions is reached; two of them differ under some completion to a tree of one. With a
        cycle closed nothing matters any more: one more class, from two edges on. S(N, k) ≥ k^(N−k), since k
        vertices may head the blocks and the others choose freely.

        In a simple graph N − 3 bits: each of N − 2 vertices hangs on one of two hubs, the first one on hub 0.
        Two such graphs differ at some vertex, whose edge to the first vertex joins the stars of one of them
        and closes a cycle in the other.
        """
        if self.simple:
            bits, method = float(max(0, self.vertices - 3)), "2^(N-3) pairs of stars"
            return Bound(bits, "deterministic", method, "formula", "proof: IsTree.memory_bound")
        if self.vertices <= EXACT_PARTITIONS:
            bits, method = math.log2(max(_classes(self.vertices))), "S(N, N-t) + 1 classes, worst t"
            return Bound(bits, "deterministic", method, "formula", "proof: IsTree.memory_bound")
        blocks = np.arange(1, self.vertices + 1)
        bits = float(((self.vertices - blocks) * np.log2(blocks)).max())
        method = "S(N, k) >= k^(N-k) classes, best k"
        return Bound(bits, "deterministic", method, "formula", "proof: IsTree.memory_bound")


def stirling_row(n: int) -> list[int]:
    """S(n, k) for k = 0 … n: ways to split n things into k non-empty blocks, exact.

    >>> stirling_row(7)[1:]
    [1, 63, 301, 350, 140, 21, 1]
    """
    row = [1]
    for m in range(1, n + 1):
        row = [0, *(k * row[k] + row[k - 1] for k in range(1, m)), 1]
    return row


@functools.cache
def _classes(n: int) -> list[int]:
    """Classes of prefixes after t = 0 … n−1 edges: S(n, n−t), and from two edges on the dead class."""
    row = stirling_row(n)
    return [row[n - t] + (t >= 2) for t in range(n)]


class PartitionMachine(Machine):
    """Row v: the smallest vertex of v's component; row N: 1 once a cycle is closed (labels then 0)."""

    name = "exact"
    summary = "which vertices are joined (a partition), or that a cycle is closed"
    settled = "a cycle is closed"
    errs = False

    def __init__(self, task: Any):
        self.task = task
        n = task.vertices
        self.rows = n + 1
        self.work_per_token = self.rows
        self.dtype = np.min_scalar_type(n)
        self.widths = [bits_needed(v + 1) for v in range(n)] + [1]
        self.capacity_evidence = "formula" if n <= EXACT_PARTITIONS else "storage"

    def capacity_bits(self, t: int) -> float:
        """Partitions into N − t blocks, and from two edges on (simple: three) the closed cycle."""
        if self.capacity_evidence == "storage":
            return float(self.storage_bits)
        return math.log2(_classes(self.task.vertices)[t] - (self.task.simple and t == 2))

    def largest_capacity_bits(self) -> float:
        if self.capacity_evidence == "storage":
            return float(self.storage_bits)
        return max(map(self.capacity_bits, range(self.task.vertices - 1)))

    def start(self, runs: int) -> Array:
        states = np.zeros((self.rows, runs), self.dtype)
        states[:-1] = np.arange(self.rows - 1, dtype=self.dtype)[:, None]
        return states

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        u, v = ends(tokens)
        runs = np.arange(states.shape[1])
        labels, cycle = states[:-1], states[-1].astype(bool)
        of_u, of_v = labels[u, runs], labels[v, runs]
        low, high = np.minimum(of_u, of_v), np.maximum(of_u, of_v)
        cycle |= low == high
        np.copyto(labels, low, where=labels == np.where(cycle, self.task.vertices, high))
        if cycle.any():
            labels[:, cycle] = 0
        states[-1] = cycle

    def output(self, states: Array) -> Array:
        return 1 - states[-1].astype(np.int64)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if state[-1]:
            return self.settled
        blocks: dict[int, list[int]] = {}
        for vertex, label in enumerate(state[:-1].tolist()):
            blocks.setdefault(label, []).append(vertex)
        joined = [block for block in blocks.values() if len(block) > 1]
        return abridged(joined, lambda block: f"{{{abridged(block, named)}}}") or "no two vertices joined"


def ends(tokens: Array) -> tuple[Array, Array]:
    """The two vertices u < v of each edge token, the inverse of v(v−1)/2 + u.

    >>> [x.tolist() for x in ends(np.array([0, 1, 2, 5]))]
    [[0, 0, 1, 2], [1, 2, 2, 3]]
    """
    tokens = tokens.astype(np.int64)
    v = ((1 + np.sqrt(8 * tokens + 1)) / 2).astype(np.int64)
    v -= v * (v - 1) // 2 > tokens
    v += v * (v + 1) // 2 <= tokens
    return tokens - v * (v - 1) // 2, v
