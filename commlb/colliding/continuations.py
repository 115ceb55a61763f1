"""The continuations that keep two streams apart the longest, or bring them together the soonest: a beam search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.colliding.twins import Move, Node, gap, merged, move, written
from commlb.machines.base import Array, Machine
from commlb.reductions.base import Encoder, Reduction


def apart(states: Array) -> NDArray[np.float64]:
    """How far the states of each pair are apart: Σ δ/(1 + δ) over the rows. It guides a search, no more."""
    half = states.shape[1] // 2
    with np.errstate(all="ignore"):
        gap = np.abs(states[:, :half].astype(np.float64) - states[:, half:])
        return np.nan_to_num(gap / (1 + gap), nan=1.0).sum(axis=0)


@dataclass(frozen=True)
class Found:
    """A pair that merges late, or soon: ``token`` the first that differs (from 1), ``steps`` as in ``Horizon``.

    ``x`` is known up to where they merge, x' has ``other`` in its place after the prefix. ``complete``: no
    continuation was left out, so none within the budget does better.
    """

    x: tuple[int, ...]
    other: int
    token: int
    steps: int | None
    gap: float
    complete: bool


@dataclass
class _Layer:
    """What was tried for one symbol: of which element of the layer before, with which symbol; who was kept."""

    parents: NDArray[np.int64]
    symbols: NDArray[np.int64]
    others: NDArray[np.int64]
    kept: NDArray[np.int64]


@dataclass
class Search:
    """A beam of ``width`` pairs of states, those furthest apart (``longest``) or the nearest, over all symbols.

    From ``position`` on, after the symbols ``prefix``; its first pair of symbols is (0, 1), or any of two up to
    ``ALL_PAIRS`` symbols. As long as no more than ``width`` distinct pairs are alive it is exhaustive.
    """

    reduction: Reduction
    machine: Machine
    prefix: Sequence[int]
    longest: bool
    budget: int
    width: int
    layers: list[_Layer] = field(default_factory=list)
    cut_off: bool = False
    best: tuple[int, int, int, int] | None = None
    """Of the best merged pair: steps, the first token that differs, layer, and place in it."""

    ALL_PAIRS = 4

    def run(self, tick: Callable[[], bool] = lambda: True) -> Found:
        """The best pair that was found, before ``tick``, called after each token, says no."""
        position, n = len(self.prefix) + 1, self.reduction.n
        states, e, t = self._before()
        states = np.repeat(states, 2, axis=1)
        nodes: list[Node] = [(e, e, False)]
        ids, since = np.zeros(1, np.int64), np.full(1, -1)
        for j in range(position, n + 2):
            made = self._moves(nodes, j, t)
            following: dict[Node, int] = {}
            after = np.array([following.setdefault(m.after, len(following)) for _, m in made])
            of = np.array([k for k, _ in made])
            parents, which = np.nonzero(ids[:, None] == of[None])
            tokens = np.array([[m.tokens, m.tokens_other] for _, m in made], np.int64)
            symbols, others = np.array([[m.symbol, m.other] for _, m in made])[which].T
            old, since = len(ids), since[parents]
            states = states[:, np.concatenate([parents, parents + old])]
            alive, ended = np.arange(len(parents)), not len(parents)
            for place in range(tokens.shape[2]):
                pair = tokens[which[alive], :, place]
                states = self.machine.step(states, np.ascontiguousarray(pair.T).reshape(-1), t)
                t += 1
                since[alive] = np.where((since[alive] < 0) & (pair[:, 0] != pair[:, 1]), t, since[alive])
                states, alive = self._part(states, alive, since, t)
                if ended := not tick() or self._spent(since[alive], t):
                    break
            nodes, ids = list(following), after[which]
            kept = self._keep(states, ids[alive])
            half = len(alive)
            states, alive = states[:, np.concatenate([kept, kept + half])], alive[kept]
            self.layers.append(_Layer(parents, symbols, others, alive))
            ids, since = ids[alive], since[alive]
            if ended or (self.best and not self.longest):
                break
        return self._found(since, states)

    def _spent(self, since: NDArray, t: int) -> bool:
        """Whether no pair is left, or all have had the budget's tokens."""
        return bool((since > 0).all() and t - since.max(initial=-self.budget) + 1 >= self.budget)

    def _before(self) -> tuple[Array, Encoder, int]:
        """State, encoder state and position after the prefix."""
        states, e, t = self.machine.start(1), self.reduction.start(), 0
        for j, symbol in enumerate(self.prefix, 1):
            e, tokens = written(self.reduction, e, j, symbol, t)
            for token in tokens:
                states = self.machine.step(states, np.array([token]), t, out=states)
                t += 1
        return states, e, t

    def _moves(self, nodes: Sequence[Node], j: int, t: int) -> list[tuple[int, Move]]:
        """All that may be written at step j, each with the place of its node."""
        several = self.reduction.symbols
        if j == len(self.prefix) + 1:
            every = range(several if several <= self.ALL_PAIRS else 2)
            found: Any = [(0, move(self.reduction, nodes[0], j, a, t, b)) for b in every for a in range(b)]
        else:
            choices = range(several if j <= self.reduction.n else 1)
            found = [
                (k, move(self.reduction, node, j, s, t)) for k, node in enumerate(nodes) for s in choices
            ]
        left = [(k, made) for k, made in found if made is not None]
        self.cut_off = self.cut_off or len(left) < len(found)
        return left

    def _part(self, states: Array, alive: NDArray, since: NDArray, t: int) -> tuple[Array, NDArray]:
        """Leave out the pairs that have merged, and note the best of them."""
        same = merged(self.machine, states) & (since[alive] > 0)
        for place in alive[same]:
            first = int(since[place])
            steps = t - first + 1
            if self.best is None or ((steps > self.best[0]) == self.longest and steps != self.best[0]):
                self.best = (steps, first, len(self.layers), int(place))
        if not same.any():
            return states, alive
        left = np.flatnonzero(~same)
        return states[:, np.concatenate([left, left + len(alive)])], alive[left]

    def _keep(self, states: Array, ids: NDArray) -> NDArray[np.int64]:
        """The places of ``width`` distinct pairs, the furthest apart or the nearest."""
        half = len(ids)
        if not half:
            return np.zeros(0, np.int64)
        words = self.machine.pack(np.ascontiguousarray(states))
        keys = np.vstack([words[:, :half], words[:, half:], ids.astype(np.uint64)[None]]).T
        first: dict[bytes, int] = {}
        for place, key in enumerate(np.ascontiguousarray(keys)):
            first.setdefault(key.tobytes(), place)
        kept = np.fromiter(first.values(), np.int64)
        if len(kept) > self.width:
            self.cut_off = True
            gaps = apart(states)[kept]
            kept = kept[np.argsort(-gaps if self.longest else gaps, kind="stable")[: self.width]]
        return kept

    def _found(self, since: NDArray, states: Array) -> Found:
        several, open_still = self.reduction.symbols, len(self.layers[-1].kept) > 0
        whole = not self.cut_off and not self.prefix and several <= self.ALL_PAIRS
        if self.best is not None and not (self.longest and open_still):
            steps, first, layer, place = self.best
            return Found(*self._symbols(layer, place), first, steps, 0.0, whole)
        layer = len(self.layers) - 1
        chosen = self._symbols(layer, int(self.layers[layer].kept[0]))
        return Found(*chosen, int(since[0]), None, float(gap(states)[0]), whole or self.longest)

    def _symbols(self, layer: int, place: int) -> tuple[tuple[int, ...], int]:
        """x as far as it was chosen, back from a place in a layer, and the first symbol of x' after the prefix."""
        chosen, other = [], 0
        for k in range(layer, -1, -1):
            one = self.layers[k]
            chosen.append(int(one.symbols[place]))
            other = int(one.others[place])
            if k:
                place = int(self.layers[k - 1].kept[one.parents[place]])
        return (*self.prefix, *chosen[::-1])[: self.reduction.n], other
