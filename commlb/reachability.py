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
class Enumeration:
    """The enumeration of one machine over one set of prefixes; iterate ``layers``."""

    machine: Machine
    prefixes: Prefixes
    information: bool = False
    limits: Limits = field(default_factory=lambda: Limits(MAX_STATES))
    heard: Callable[[int, int], None] = lambda done, of: None

    def __post_init__(self) -> None:
        most = 0
        for mass in self.prefixes.masses():
            self.limits.check_time("before layer 0")
            most = max(most, mass.bit_length())
        self.limbs = max(1, -(-most // 64))
        self.has_controls = any(edges.controls_after > 1 for edges in self.prefixes.layers)
        self._workspace = Workspace()
        self._seen = -1

    def layers(self) -> Iterator[Layer]:
        """The layers t = 0 … cut.

        Raises ``OverLimit`` before a layer that would take too much memory, and after one that has too many
        nodes; ``CommlbError`` if the counts do not add up to the number of prefixes.
        """
        self._masses = self.prefixes.masses()
        next(self._masses)
        words = self._keys(self.machine.pack(self.machine.start(1)), np.zeros(1, np.int64))
        counts = np.zeros((self.limbs, 1), np.uint64)
        counts[0] = 1
        layer = Layer(0, words, counts, np.zeros((0, self.limbs, 1), np.uint64), 1 + self.has_controls, 1)
        yield layer
        for t, edges in enumerate(self.prefixes.layers):
            layer = self._after(layer, edges, t)
            self._check(layer)
            self.heard(t + 1, len(self.prefixes.layers))
            yield layer

    def _keys(self, states: Words, controls: Array) -> Words:
        return np.vstack([states, controls.astype(np.uint64)]) if self.has_controls else states

    def _check(self, layer: Layer) -> None:
        found = total(layer.counts)
        if found != layer.mass:
            raise CommlbError(
                f"the counts of layer {layer.t} add up to {found}, not to the {layer.mass} prefixes there are; "
                "please report it"
            )
        if layer.keys.shape[1] > self.limits.max_states:
            found = layer.keys.shape[1]
            raise OverLimit(f"layer {layer.t}: states", found, self.limits.max_states, "--max-states", ())

    def _after(self, layer: Layer, edges: Edges, t: int) -> Layer:
        """The next layer: step every node along every edge, merge what is equal."""
        controls = layer.keys[-1].astype(np.int64) if self.has_controls else np.zeros(1, np.int64)
        ways = (edges.following >= 0).sum(axis=1)
        successors = int(ways[controls].sum()) if self.has_controls else int(ways[0]) * layer.keys.shape[1]
        joint = len(layer.joint) + (len(edges.reads) * (self.prefixes.symbols - 1) if self.information else 0)
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
        mass = next(self._masses)
        if table is not None:
            merged, sums = dense_distinct(table)
            return Layer(t + 1, merged, sums, each, layer.controls, mass)
        if not joint:
            merged, sums = distinct(keys, counts, self._workspace)
            return Layer(
                t + 1,
                merged,
                sums,
                np.zeros((0, self.limbs, merged.shape[1]), np.uint64),
                layer.controls,
                mass,
            )
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
        need = nodes * row + successors * (3 * row + 12)
        if dense:
            most = min(successors, 2**self.machine.storage_bits)
            need = nodes * row + 8 * self.limbs * 2**self.machine.storage_bits + most * row
        if need > self.limits.max_memory:
            raise OverLimit(f"layer {t + 1}: bytes", need, self.limits.max_memory, "--max-memory", ())

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
        before, values = len(layer.joint), self.prefixes.symbols - 1
        out[:before] = layer.joint[:, :, chosen]
        counts = layer.counts[:, chosen]
        for place in range(symbols.shape[1]):
            for value in range(1, values + 1):
                row = before + place * values + value - 1
                out[row] = counts * (symbols[:, place] == value).astype(np.uint64)
