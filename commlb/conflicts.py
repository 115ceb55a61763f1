"""How few messages do when there is a promise: the chromatic number of the conflict graph, in bounds.

Two states conflict if some suffix that is valid after both has different answers. States may share a message
if and only if no two of them conflict: for each suffix, those for which it is valid then agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from commlb.layers import Layers

Adjacency = NDArray[np.bool_]

MAX_VERTICES = 3000
"""States of a layer up to which all pairs are compared; a larger layer is looked at in part."""

BUDGET = 200_000
"""Nodes that the search for a clique, and those for colourings together, may visit at one cut."""


@dataclass(frozen=True)
class Graph:
    """Conflicts among ``members`` (states of a layer), ``adjacent`` of shape (members, members), symmetric.

    ``whole``: all states are members and all conflicts are there; else some may be missing.
    """

    members: NDArray[np.int64]
    adjacent: Adjacency
    whole: bool


def conflict_graphs(layers: Layers, most: int = MAX_VERTICES) -> Iterator[tuple[int, Graph | None]]:
    """(t, graph) for t = N … 0 of merged layers; None where any two different states conflict.

    t: p and q conflict if an answer due at t differs, or some token allowed after both leads to states that
    conflict. Of more than ``most`` states only those with the most moves into the next graph are kept.
    """
    later: Graph | None = None
    total_from = layers.total_from
    for t in range(layers.length, -1, -1):
        if t >= total_from:
            yield t, None
            continue
        table, answers = layers.following[t], layers.answered.get(t)
        width = len(table)
        if later is not None:
            place = np.full(layers.widths[t + 1] + 1, -1, np.int32)
            place[later.members] = np.arange(len(later.members))
            table = place[table]
        members = np.arange(width)
        if width > most:
            moves = (table >= 0).sum(axis=1)
            members = np.sort(np.argsort(-moves, kind="stable")[:most])
        adjacent = np.zeros((len(members), len(members)), bool)
        if answers is not None:
            adjacent |= answers[members, None] != answers[members]
        for column in table[members].T:
            _add_conflicts(adjacent, column, later)
        later = Graph(members, adjacent, width <= most and (later is None or later.whole))
        yield t, later


def _add_conflicts(adjacent: Adjacency, after: NDArray[np.int32], later: Graph | None) -> None:
    """Conflicts by one token, which leads to ``after`` (−1: not allowed); in place."""
    (rows,) = np.nonzero(after >= 0)
    reached = after[rows]
    differ = reached[:, None] != reached if later is None else later.adjacent[reached][:, reached]
    adjacent[np.ix_(rows, rows)] |= differ


@dataclass(frozen=True)
class Chromatic:
    """at_least ≤ χ ≤ at_most, and what shows each: "clique", "no k-colouring" (exhausted), "colouring".

    ``clique``: vertices that are pairwise adjacent. ``colours``: a proper colouring with ``at_most`` colours.
    """

    at_least: int
    at_most: int
    at_least_by: str
    at_most_by: str
    clique: tuple[int, ...]
    colours: tuple[int, ...]


def chromatic(adjacent: Adjacency, budget: int = BUDGET) -> Chromatic:
    """Bounds on the chromatic number of a graph; ``adjacent`` is symmetric with a False diagonal.

    A clique from below and a colouring from above; then k-colourings are searched for, k from below, as long
    as ``budget`` nodes last: if there is none, χ > k. Deterministic.

    >>> ring = np.roll(np.eye(5, dtype=bool), 1, axis=1)
    >>> found = chromatic(ring | ring.T)
    >>> found.at_least, found.at_most, found.at_least_by, found.clique
    (3, 3, 'no 2-colouring', (3, 4))
    """
    kept, stands_for = undominated(adjacent)
    core = adjacent[np.ix_(kept, kept)]
    order = np.argsort(-core.sum(axis=1), kind="stable")
    masks = _masks(core[np.ix_(order, order)])
    clique = largest_clique(masks, budget)
    colours = greedy_colours(core[np.ix_(order, order)])
    low, high, by = len(clique), max(colours) + 1, "clique"
    upward = True
    while low < high and budget > 0:
        k = low if upward else high - 1
        found, finished, used = colouring(masks, k, clique, budget // 2 if upward else budget)
        budget -= used
        if found is not None:
            colours, high = found, k
        elif finished:
            low, by = k + 1, f"no {k}-colouring"
        elif upward:
            upward = False
        else:
            break
    original = kept[order]
    of_core = np.zeros(len(adjacent), np.int64)
    of_core[original] = colours
    witness = tuple(sorted(original[list(clique)].tolist()))
    return Chromatic(low, high, by, "colouring", witness, tuple(of_core[stands_for].tolist()))


def undominated(adjacent: Adjacency) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The vertices that must be coloured, and for every vertex the one whose colour it can take.

    v may take u's colour if all neighbours of v are neighbours of u (then u is not one of them). Being so
    dominated is transitive; of equals the first stays. So all that are dominated leave at once, again and
    again until none is.
    """
    kept = np.arange(len(adjacent))
    stands_for = np.arange(len(adjacent))
    while True:
        core = adjacent[np.ix_(kept, kept)]
        common = core.astype(np.float32) @ core.astype(np.float32)
        degree = core.sum(axis=1)
        below = common == degree[:, None]
        earlier = np.tri(len(kept), k=-1, dtype=bool)
        below &= (degree[:, None] < degree) | earlier
        leaves = below.any(axis=1)
        if not leaves.any():
            return kept, stands_for
        best = (below & ~leaves).argmax(axis=1)
        heir = np.arange(len(adjacent))
        heir[kept[leaves]] = kept[best[leaves]]
        stands_for = heir[stands_for]
        kept = kept[~leaves]


def _masks(adjacent: Adjacency) -> list[int]:
    """The neighbours of each vertex as the bits of an integer."""
    packed = np.packbits(adjacent, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def largest_clique(neighbours: Sequence[int], budget: int = BUDGET) -> tuple[int, ...]:
    """A clique, the largest if ``budget`` nodes suffice. Branch and bound, bounded by greedy colourings."""
    best: tuple[int, ...] = ()
    stack: list[tuple[tuple[int, ...], int, int]] = [((), (1 << len(neighbours)) - 1, len(neighbours))]
    while stack and budget > 0:
        chosen, candidates, most = stack.pop()
        if most <= len(best):
            continue
        best = max(best, chosen, key=len)
        earlier = 0
        for v, sets in _independent_sets(neighbours, candidates):
            stack.append(((*chosen, v), earlier & neighbours[v], len(chosen) + sets))
            earlier |= 1 << v
            budget -= 1
    return best


def _independent_sets(neighbours: Sequence[int], candidates: int) -> Iterator[tuple[int, int]]:
    """Candidates set by set, each with the number of sets so far: a clique among them is no larger."""
    sets = 0
    while candidates:
        sets += 1
        free = candidates
        while free:
            lowest = free & -free
            v = lowest.bit_length() - 1
            candidates ^= lowest
            free &= ~(neighbours[v] | lowest)
            yield v, sets


def greedy_colours(adjacent: Adjacency) -> tuple[int, ...]:
    """A proper colouring: the vertex that sees most colours comes first, of equals the one of largest degree.

    Source: Brelaz 1979 (DSATUR).
    """
    size = len(adjacent)
    degree = adjacent.sum(axis=1)
    sees = np.zeros((size, size), bool)
    rank = degree.astype(np.int64)
    colours = np.full(size, -1)
    for _ in range(size):
        v = int(np.where(colours < 0, rank, -1).argmax())
        colour = int(np.argmin(sees[v]))
        colours[v] = colour
        new = adjacent[v] & ~sees[:, colour]
        sees[new, colour] = True
        rank[new] += size
    return tuple(colours.tolist())


def colouring(
    neighbours: Sequence[int], k: int, clique: Sequence[int], budget: int = BUDGET
) -> tuple[tuple[int, ...] | None, bool, int]:
    """A proper colouring with ``k`` colours or None; whether the search came to its end; the nodes visited.

    Exhaustive but for symmetry: the vertices of ``clique`` have colours 0, 1, …, and a vertex takes a colour
    that is in use or the first that is not. None and True together prove that there is no k-colouring.
    """
    blocked, classes, free = [0] * k, [0] * k, (1 << len(neighbours)) - 1
    for colour, v in enumerate(clique[:k]):
        blocked[colour], classes[colour] = neighbours[v], 1 << v
        free ^= 1 << v
    if len(clique) > k:
        return None, True, 0
    stack = [(free, tuple(blocked), tuple(classes))]
    for node in range(budget):
        if not stack:
            return None, True, node
        state = stack.pop()
        if not state[0]:
            return _as_colours(state[2], len(neighbours)), True, node
        _branch(stack, state, neighbours)
    return None, not stack, budget


_Node = tuple[int, tuple[int, ...], tuple[int, ...]]


def _branch(stack: list[_Node], node: _Node, neighbours: Sequence[int]) -> None:
    """Push the node's children: the free vertex that most colours are barred from, in each colour left."""
    free, blocked, classes = node
    v = _most_barred(free, blocked)
    used = sum(map(bool, classes))
    bit = 1 << v
    for colour in range(min(used, len(classes) - 1), -1, -1):
        if not blocked[colour] & bit:
            barred = (*blocked[:colour], blocked[colour] | neighbours[v], *blocked[colour + 1 :])
            joined = (*classes[:colour], classes[colour] | bit, *classes[colour + 1 :])
            stack.append((free ^ bit, barred, joined))


def _most_barred(free: int, blocked: Sequence[int]) -> int:
    """The first free vertex in most masks of ``blocked``; the counts are kept bit by bit, plane by plane."""
    planes: list[int] = []
    for mask in blocked:
        carry = mask
        for place, plane in enumerate(planes):
            planes[place], carry = plane ^ carry, plane & carry
        if carry:
            planes.append(carry)
    for plane in reversed(planes):
        free = free & plane or free
    return (free & -free).bit_length() - 1


def _as_colours(classes: Sequence[int], size: int) -> tuple[int, ...]:
    return tuple(next(colour for colour, mask in enumerate(classes) if mask >> v & 1) for v in range(size))
