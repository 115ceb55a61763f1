"""The states that a machine reaches, layer by layer, each with the exact number of prefixes that lead to it.

A node is a pair (state, control), the control saying which prefixes may go on how (``commlb.prefixes``). All
successors of a layer are packed into 64-bit words and equal ones merged, their counts added
(``commlb.kernels.distinct``); keys are compared in full. Counts are as wide as the number of prefixes needs,
which is known beforehand, and their sum is compared with it at every layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from commlb.errors import CommlbError, OverLimit
from commlb.kernels.distinct import Workspace, dense_counts, dense_distinct, distinct, groups, sum_groups
from commlb.layers import Limits
from commlb.limbs import Words, total
from commlb.machines.base import Array, Machine
from commlb.prefixes import Edges, Prefixes

CHUNK, CHUNK_CELLS = 2**16, 2**22
"""Runs that a machine steps at a time, and rows times runs: few enough to stay in the cache."""

DENSE_BITS = 28
"""State spaces of up to 2^28 states may be counted in a table of all of them."""


MAX_STATES = 2**28
"""Distinct nodes of a layer, unless another limit is given."""


@dataclass(frozen=True)
class Layer:
    """The nodes after t tokens: keys (words, R), the last word the control where ``controls`` > 1.

    counts (limbs, R): the prefixes that lead to each, 64-bit limbs, lowest first. joint ((V−1)·r, limbs, R):
    for each symbol read and each value but 0, the prefixes that have it; empty unless asked for. ``mass``: the
    number of prefixes.
    """

    t: int
    keys: Words
    counts: Words
    joint: Words
    controls: int
    mass: int

    def states(self) -> tuple[Words, Words, Words]:
        """Distinct machine states with their counts and joint counts, the controls forgotten."""
        if self.controls == 1:
            return self.keys, self.counts, self.joint
        found, which = groups(self.keys[:-1])
        counts = np.zeros((1, len(self.counts), found.shape[1]), np.uint64)
        joint = np.zeros((*self.joint.shape[:2], found.shape[1]), np.uint64)
        sum_groups(which, self.counts[None], counts)
        sum_groups(which, self.joint, joint)
        return found, counts[0], joint


@dataclass
class Stepping:
    """One layer's step, whole or in parts: along every edge, and equal nodes merged.

    ``limbs``: 64-bit limbs of a count. ``has_controls``: whether the last word of a key is its control. Of
    ``limits``, ``max_memory`` bounds the bytes of one call and ``timeout`` is looked at on the way. ``whole``:
    whether a call gets a whole layer, as messages then say.
    """

    machine: Machine
    limbs: int
    has_controls: bool
    symbols: int
    information: bool
    limits: Limits
    whole: bool = True

    def __post_init__(self) -> None:
        self._workspace = Workspace()
        self._seen = -1

    @classmethod
    def of(cls, machine: Machine, prefixes: Prefixes, information: bool, limits: Limits) -> Stepping:
        """With counts as wide as the largest layer needs; ``OverLimit`` if the time is up before that is known."""
        most = 0
        for mass in prefixes.masses():
            limits.check_time("before layer 0")
            most = max(most, mass.bit_length())
        has_controls = any(edges.controls_after > 1 for edges in prefixes.layers)
        return cls(machine, max(1, -(-most // 64)), has_controls, prefixes.symbols, information, limits)

    def start(self) -> Layer:
        """Layer 0: the start state, reached by the empty prefix."""
        words = self._keys(self.machine.pack(self.machine.start(1)), np.zeros(1, np.int64))
        counts = np.zeros((self.limbs, 1), np.uint64)
        counts[0] = 1
        return self.layer(0, words, counts, 1)

    def layer(self, t: int, keys: Words, counts: Words, mass: int) -> Layer:
        """A layer, or some nodes of one, without joint counts."""
        joint = np.zeros((0, self.limbs, keys.shape[1]), np.uint64)
        return Layer(t, keys, counts, joint, 1 + self.has_controls, mass)

    def merged(self, t: int, keys: Words, counts: Words, mass: int) -> Layer:
        """The layer of these nodes, equal ones merged, their counts added."""
        return self.layer(t, *distinct(keys, counts, self._workspace), mass)

    def _keys(self, states: Words, controls: Array) -> Words:
        return np.vstack([states, controls.astype(np.uint64)]) if self.has_controls else states

    def after(self, layer: Layer, edges: Edges, mass: int) -> Layer:
        """The layer after ``layer``, of so many prefixes: step every node along every edge, merge what is equal."""
        t = layer.t
        controls = layer.keys[-1].astype(np.int64) if self.has_controls else np.zeros(1, np.int64)
        ways = (edges.following >= 0).sum(axis=1)
        successors = int(ways[controls].sum()) if self.has_controls else int(ways[0]) * layer.keys.shape[1]
        joint = len(layer.joint) + (len(edges.reads) * (self.symbols - 1) if self.information else 0)
        dense = self._is_dense(successors, joint)
        self._check_memory(layer, successors, joint, dense, t)
        table = np.zeros((self.limbs, 2**self.machine.storage_bits), np.uint64) if dense else None
        keys = np.empty((len(layer.keys), 0 if dense else successors), np.uint64)
        counts = np.empty((self.limbs, 0 if dense else successors), np.uint64)
        each = np.zeros((joint, self.limbs, successors if joint else 0), np.uint64)
        done = 0
        for k in range(edges.tokens.shape[1]):
            for chosen in self._chosen(edges.following[:, k], controls, layer.keys.shape[1]):
                self.limits.check_time(f"layer {t + 1}")
                here = controls[chosen] if self.has_controls else controls
                stepped = self._step(layer.keys[:, chosen], here, edges, k, t)
                found = layer.counts[:, chosen]
                if table is not None:
                    dense_counts(stepped[0], found, table)
                    continue
                place = slice(done, done + stepped.shape[1])
                keys[:, place], counts[:, place] = stepped, found
                if joint:
                    self._join(each[:, :, place], layer, chosen, edges.symbols[here, k])
                done = place.stop
        if table is not None:
            return self.layer(t + 1, *dense_distinct(table), mass)
        if not joint:
            return self.merged(t + 1, keys, counts, mass)
        merged, which = groups(keys, self._workspace)
        whole = np.zeros((1, self.limbs, merged.shape[1]), np.uint64)
        sums = np.zeros((joint, self.limbs, merged.shape[1]), np.uint64)
        sum_groups(which, counts[None], whole)
        sum_groups(which, each, sums)
        return Layer(t + 1, merged, whole[0], sums, layer.controls, mass)

    def _is_dense(self, successors: int, joint: int) -> bool:
        """Whether a table of all states is no larger than the list of successors."""
        bits = self.machine.storage_bits
        return not self.has_controls and not joint and bits <= DENSE_BITS and successors >= 2**bits // 4

    def _check_memory(self, layer: Layer, successors: int, joint: int, dense: bool, t: int) -> None:
        """Refuse a layer whose successors, merged layer and workspace together take too many bytes."""
        nodes, row = layer.keys.shape[1], 8 * (len(layer.keys) + self.limbs * (1 + joint))
        need = self.bytes_needed(nodes, successors, row)
        if dense:
            most = min(successors, 2**self.machine.storage_bits)
            need = nodes * row + 8 * self.limbs * 2**self.machine.storage_bits + most * row
        self.require(need, t + 1)

    @staticmethod
    def bytes_needed(nodes: int, successors: int, row: int) -> int:
        """For so many nodes of ``row`` bytes, their successors, those merged, and the workspace."""
        return nodes * row + successors * (3 * row + 12)

    def require(self, need: int, t: int) -> None:
        """Refuse work for layer t that needs too many bytes."""
        if need > self.limits.max_memory:
            what = f"layer {t}: bytes" if self.whole else f"a partition of layer {t}: bytes"
            instead = "take --cluster local" if self.whole and not self.information else ""
            raise OverLimit(what, need, self.limits.max_memory, "--max-memory", (), instead)

    def _chosen(self, following: Array, controls: Array, nodes: int) -> Iterator[slice | Array]:
        """The nodes that have a k-th edge, in chunks."""
        size = max(1, min(CHUNK, CHUNK_CELLS // self.machine.rows))
        if (following >= 0).all():
            for first in range(0, nodes, size):
                yield slice(first, first + size)
            return
        open_nodes = np.flatnonzero(following[controls] >= 0)
        for first in range(0, len(open_nodes), size):
            yield open_nodes[first : first + size]

    def _step(self, keys: Words, controls: Array, edges: Edges, k: int, t: int) -> Words:
        """The keys after the k-th edge of each node's control."""
        states = self.machine.unpack(keys[:-1] if self.has_controls else keys)
        if not self.has_controls:
            tokens = np.full(keys.shape[1], edges.tokens[0, k])
            return self._packed(self.machine.step(states, tokens, t, out=states), t)
        states = self.machine.step(states, edges.tokens[controls, k], t, out=states)
        return self._keys(self._packed(states, t), edges.following[controls, k])

    def _packed(self, states: Array, t: int) -> Words:
        """Packed states; of each layer's first chunk it is seen that they are packed without loss."""
        words = self.machine.pack(states)
        if t > self._seen:
            self._seen = t
            if not np.array_equal(self.machine.unpack(words), states, equal_nan=True):
                raise CommlbError(
                    f"machine {self.machine.name}: unpack(pack(states)) is not states after {t + 1} tokens; "
                    "are its widths too small for its values?"
                )
        return words

    def _join(self, out: Words, layer: Layer, chosen: slice | Array, symbols: Array) -> None:
        """Joint counts of successors: those of before, and for each symbol just read its value's."""
        before, values = len(layer.joint), self.symbols - 1
        out[:before] = layer.joint[:, :, chosen]
        counts = layer.counts[:, chosen]
        for place in range(symbols.shape[1]):
            for value in range(1, values + 1):
                row = before + place * values + value - 1
                out[row] = counts * (symbols[:, place] == value).astype(np.uint64)


@dataclass
class Enumeration:
    """The enumeration of one machine over one set of prefixes; iterate ``layers``."""

    machine: Machine
    prefixes: Prefixes
    information: bool = False
    limits: Limits = field(default_factory=lambda: Limits(MAX_STATES))
    heard: Callable[[int, int], None] = lambda done, of: None

    def __post_init__(self) -> None:
        self.stepping = Stepping.of(self.machine, self.prefixes, self.information, self.limits)

    def layers(self) -> Iterator[Layer]:
        """The layers t = 0 … cut.

        Raises ``OverLimit`` before a layer that would take too much memory, and after one that has too many
        nodes; ``CommlbError`` if the counts do not add up to the number of prefixes.
        """
        masses = self.prefixes.masses()
        next(masses)
        layer = self.stepping.start()
        yield layer
        for edges, mass in zip(self.prefixes.layers, masses, strict=True):
            layer = self.stepping.after(layer, edges, mass)
            check(layer.t, total(layer.counts), mass, layer.keys.shape[1], self.limits)
            self.heard(layer.t, len(self.prefixes.layers))
            yield layer


def check(t: int, found: int, mass: int, nodes: int, limits: Limits) -> None:
    """Refuse layer t if its counts add up to another number than its prefixes, or if it has too many nodes."""
    if found != mass:
        raise CommlbError(
            f"the counts of layer {t} add up to {found}, not to the {mass} prefixes there are; please report it"
        )
    if nodes > limits.max_states:
        raise OverLimit(f"layer {t}: states", nodes, limits.max_states, "--max-states", ())
