"""The first token after which two of Alice's prefixes leave a machine in one state: all prefixes, layer by layer.

Until two prefixes meet there is a node for each, and nodes are kept in the order of the symbols read, so that a
node's place is its prefix: no pointers to parents are needed. A node is a machine state with the control that says
how the prefix may go on (``commlb.prefixes``); at the cut the state alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from commlb.errors import OverLimit
from commlb.kernels.distinct import Words, Workspace, groups
from commlb.layers import Limits, Progress, silent
from commlb.machines.base import Array, Machine
from commlb.prefixes import Edges, of_alice
from commlb.reachability import CHUNK, CHUNK_CELLS
from commlb.reductions.base import Reduction

STEP_CELLS = 1000
"""Cells of state that an array operation is worth, however few runs there are."""


@dataclass(frozen=True)
class Budget:
    """How far an enumeration goes before something else is tried: prefixes of a layer, and cells of state in all.

    It counts work and not time, so that what is found is the same on every machine.
    """

    prefixes: int
    cells: int


@dataclass(frozen=True)
class Enumerated:
    """How an enumeration ended. ``pair``: two inputs that merge after ``t`` tokens, or None.

    ``complete``: all prefixes of all layers up to the cut were looked at; otherwise layers 0 … ``t`` were.
    ``prefixes``: of the last layer.
    """

    pair: tuple[tuple[int, ...], tuple[int, ...]] | None
    t: int
    prefixes: int
    complete: bool


def first_merge(
    reduction: Reduction,
    machine: Machine,
    limits: Limits | None = None,
    budget: Budget | None = None,
    progress: Progress = silent,
) -> Enumerated:
    """The first layer at which two prefixes meet, and the first two that do: the lesser x least, then x'.

    What Alice reads after that is 0 in both. Without a pair, all of Alice's inputs lead to states of their own if
    the result is ``complete``; otherwise the ``budget`` was spent. Raises ``OverLimit`` at a limit.

    >>> from commlb import machines, reductions
    >>> r = reductions.build("index", None, 6, None, None)
    >>> first_merge(r, machines.build("window:w=2", r.task, r.cut))
    Enumerated(pair=((0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0)), t=3, prefixes=8, complete=False)
    >>> first_merge(r, machines.build("exact", r.task, r.cut)).complete
    True
    """
    return _Walk(reduction, machine, limits or Limits(), budget, progress).run()


@dataclass
class _Walk:
    reduction: Reduction
    machine: Machine
    limits: Limits
    budget: Budget | None
    progress: Progress
    cells: int = 0
    workspace: Workspace = field(default_factory=Workspace)

    def run(self) -> Enumerated:
        edges = of_alice(self.reduction)
        keys, controls = self.machine.pack(self.machine.start(1)), np.zeros(1, np.uint32)
        cut = len(edges.layers)
        for t, layer in enumerate(edges.layers, 1):
            prefixes = len(controls) * layer.tokens.shape[1]
            if self._spends(prefixes):
                return Enumerated(None, t - 1, len(controls), False)
            self._check(prefixes, len(keys), t)
            keys, controls = self._after(keys, controls, layer, t - 1)
            found = self._first_pair(keys, controls if t < cut else np.zeros_like(controls))
            if found is not None:
                return Enumerated(self._inputs(found, layer.reads.stop), t, prefixes, False)
            self.progress(t, cut)
        return Enumerated(None, cut, len(controls), True)

    def _spends(self, prefixes: int) -> bool:
        """Whether a layer of so many prefixes is beyond the budget; if not, its work is counted."""
        self.cells += prefixes * self.machine.work_per_token + STEP_CELLS * self.machine.operations
        budget = self.budget
        return budget is not None and (prefixes > budget.prefixes or self.cells > budget.cells)

    def _check(self, prefixes: int, words: int, t: int) -> None:
        """Refuse a layer that is too large, or would take too many bytes."""
        self.limits.check_time(f"layer {t}")
        if prefixes > self.limits.max_states:
            raise OverLimit(f"layer {t}: prefixes", prefixes, self.limits.max_states, "--max-states")
        chunk = min(prefixes, self._chunk()) * self.machine.rows * np.dtype(self.machine.dtype).itemsize
        need = prefixes * (8 * (3 * words + 3) + 24) + 4 * chunk
        if need > self.limits.max_memory:
            raise OverLimit(f"layer {t}: bytes", need, self.limits.max_memory, "--max-memory")

    def _chunk(self) -> int:
        return max(1, min(CHUNK, CHUNK_CELLS // self.machine.rows))

    def _after(self, keys: Words, controls: Array, edges: Edges, t: int) -> tuple[Words, Array]:
        """The nodes after all edges out of all nodes, in the order of what was read."""
        ways = edges.tokens.shape[1]
        following = np.empty((len(keys), keys.shape[1] * ways), np.uint64)
        after = np.empty(keys.shape[1] * ways, np.uint32)
        size = max(1, self._chunk() // ways)
        for first in range(0, keys.shape[1], size):
            self.limits.check_time(f"layer {t + 1}")
            here = slice(first, first + size)
            states = np.repeat(self.machine.unpack(keys[:, here]), ways, axis=1)
            place = slice(first * ways, first * ways + states.shape[1])
            tokens = edges.tokens[controls[here]].reshape(-1)
            states = self.machine.step(states, tokens, t, out=states)
            following[:, place] = self.machine.pack(states)
            after[place] = edges.following[controls[here]].reshape(-1)
        return following, after

    def _first_pair(self, keys: Words, controls: Array) -> tuple[int, int] | None:
        """The places of the first node that has an equal, and of the first of its equals."""
        whole = np.vstack([keys, controls.astype(np.uint64)]) if controls.any() else keys
        found, which = groups(whole, self.workspace)
        if found.shape[1] == whole.shape[1]:
            return None
        many = np.bincount(which, minlength=found.shape[1]) > 1
        here = int(np.argmax(many[which]))
        other = here + 1 + int(np.argmax(which[here + 1 :] == which[here]))
        return here, other

    def _inputs(self, pair: tuple[int, int], read: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The symbols read by two prefixes, from their places, and 0 for the rest."""
        n, v = self.reduction.n, self.reduction.symbols
        x, x_other = (tuple(_digits(place, v, read) + [0] * (n - read)) for place in pair)
        return x, x_other


def _digits(value: int, base: int, count: int) -> list[int]:
    """``count`` digits of ``value``, most significant first.

    >>> _digits(6, 2, 4)
    [0, 1, 1, 0]
    """
    found = [0] * count
    for place in range(count - 1, -1, -1):
        value, found[place] = divmod(value, base)
    return found
