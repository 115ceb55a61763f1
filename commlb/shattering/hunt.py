"""The hunt for a shattered set of a given size: searches that end, are paused or find, and annealing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.kernels import WORTH_COMPILING, compiled, shatter
from commlb.shattering.shattered import Choices, Words, patterns
from commlb.shattering.symmetry import Permutation, orbits, stabiliser

ORBIT_LEVELS = 3
"""Columns of a set that are chosen up to symmetry."""

LOOK_EVERY = 0.2
"""Seconds between two looks at the clock, about."""

Clock = Callable[[], None]


def no_clock() -> None:
    """The clock that never stops anybody."""


@dataclass
class Effort:
    """What several hunts share: a clock, which raises when the time is up; inner steps to run not compiled."""

    clock: Clock = no_clock
    plain: int = WORTH_COMPILING


class OutOfNodes(Exception):
    """The nodes of a search are used up."""


class Hunter:
    """Searches among the choices of one cut; ``nodes`` counts those of all its searches."""

    def __init__(self, given: Choices, effort: Effort | None = None):
        self.given, self.effort, self.nodes = given, effort or Effort(), 0

    def search(
        self,
        size: int,
        most: int,
        generators: Sequence[Permutation] = (),
        rng: np.random.Generator | None = None,
        among: NDArray[np.int64] | None = None,
    ) -> tuple[tuple[int, ...] | None, bool]:
        """A shattered set of ``size`` choices, or None; and whether the search came to its end.

        (None, True) says that there is none, (None, False) that ``most`` nodes were not enough. ``generators``:
        permutations of the choices that keep which sets are shattered; ``rng`` picks elements of stabilisers.
        Sets are sought up to symmetry: once the sets with one choice are done, so are those with any of its orbit.
        ``among``: only these choices, which the generators must take to themselves.
        """
        limit = self.nodes + most
        rows = np.zeros((1, self.given.planes.shape[2] * 64), bool)
        rows[0, : self.given.rows] = True
        cells = np.packbits(rows, axis=1, bitorder="little").view("<u8").astype(np.uint64)
        among = np.arange(len(self.given)) if among is None else among
        candidates = self.keep(cells, among, self.given.symbols ** (size - 1))
        rng = rng or np.random.default_rng(0)
        try:
            return self._descend(cells, candidates, size, list(generators), rng, limit), True
        except OutOfNodes:
            return None, False

    def keep(self, cells: Words, candidates: NDArray[np.int64], need: int) -> NDArray[np.int64]:
        """The candidates that leave ``need`` rows in each part of each cell, those first that leave fewest."""
        scores = np.zeros(len(candidates), np.int64)
        stays = np.ones(len(candidates), bool)
        planes = self.given.planes
        size = max(1, 2**22 // (planes.shape[1] * planes.shape[2]))
        for first in range(0, len(candidates), size):
            some = slice(first, first + size)
            for cell in cells:
                counts = np.bitwise_count(planes[candidates[some]] & cell).sum(axis=2, dtype=np.int64)
                least = counts.min(axis=1)
                stays[some] &= least >= need
                scores[some] += least
        kept = np.flatnonzero(stays)
        return candidates[kept[np.argsort(scores[kept], kind="stable")]]

    def _descend(
        self,
        cells: Words,
        candidates: NDArray[np.int64],
        size: int,
        generators: list[Permutation],
        rng: np.random.Generator,
        limit: int,
        level: int = 0,
    ) -> tuple[int, ...] | None:
        """Choose ``size`` more columns from the candidates, which the ``generators`` take to themselves."""
        if not generators or level == ORBIT_LEVELS or size < 3:
            return self._kernel(cells, candidates, size, limit)
        label = orbits(len(self.given), generators)
        while len(candidates) >= size:
            if self.nodes >= limit:
                raise OutOfNodes
            self.effort.clock()
            self.nodes += 1
            first = int(candidates[0])
            below = (cells[:, None] & self.given.planes[first]).reshape(-1, cells.shape[1])
            rest = self.keep(below, candidates[1:], self.given.symbols ** (size - 2))
            fixing = stabiliser(generators, first, rng) if level + 1 < ORBIT_LEVELS else []
            found = self._descend(below, rest, size - 1, fixing, rng, limit, level + 1)
            if found is not None:
                return (first, *found)
            candidates = candidates[label[candidates] != label[first]]
        return None

    def _kernel(
        self, cells: Words, candidates: NDArray[np.int64], size: int, limit: int
    ) -> tuple[int, ...] | None:
        """``shatter.search``, a slice at a time."""
        planes, k = self.given.planes, self.given.symbols
        if len(candidates) < size:
            return None
        count = len(cells) * ((k**size - 1) // (k - 1))
        room = np.zeros((count, planes.shape[2]), np.uint64)
        room[: len(cells)] = cells
        lists = np.zeros((size, len(candidates)), np.int64)
        lists[0] = candidates
        lengths = np.zeros(size, np.int64)
        lengths[0] = len(candidates)
        places, keys = np.zeros(size, np.int64), np.zeros(max(len(candidates), count), np.int64)
        state = np.array([0, self.nodes, len(cells)])
        arrays = (planes, room, lists, lengths, places, keys, state, size)
        step = 8 * len(candidates) * planes[0].size
        few = self.effort.plain // step
        status, started = shatter.search(*arrays, min(limit, self.nodes + few)), time.perf_counter()
        self.effort.plain -= step * int(state[1] - self.nodes)
        run, some = shatter.search, 16
        if status == shatter.PAUSED:
            self.effort.plain, run = 0, compiled(shatter.search)
        while status == shatter.PAUSED:
            self.nodes = int(state[1])
            if self.nodes >= limit:
                raise OutOfNodes
            self.effort.clock()
            status = run(*arrays, min(limit, self.nodes + some))
            seconds, started = time.perf_counter() - started, time.perf_counter()
            some = (
                2 * some if seconds < LOOK_EVERY / 2 else max(1, some // 2) if seconds > LOOK_EVERY else some
            )
        self.nodes = int(state[1])
        if status == shatter.REFUTED:
            return None
        return tuple(int(lists[level, places[level] - 1]) for level in range(size))

    def anneal(
        self, size: int, moves: int, rng: np.random.Generator, start: Sequence[int] = ()
    ) -> tuple[int, ...] | None:
        """A shattered set of ``size`` choices by simulated annealing, or None if ``moves`` moves found none.

        From ``start`` and random choices on; one is exchanged at a time. What is maximised is the number of
        patterns that occur; the temperature falls from a fiftieth of all of them to a third of one.
        """
        k, whole = self.given.symbols, self.given.symbols**size
        missing = rng.integers(len(self.given), size=size - len(start[:size]))
        chosen = np.array([*start[:size], *missing], np.int64)
        powers = k ** np.arange(size, dtype=np.int64)
        codes, undefined = self._codes(chosen, powers)
        occurring = len(np.unique(codes[undefined == 0]))
        seen, state = np.zeros(whole, np.int64), np.array([0, occurring])
        high, low = max(0.5, whole / 50), 0.3
        run, done = compiled(shatter.anneal), 0
        slice_ = max(16, 2**24 // max(1, self.given.rows))
        while done < moves:
            self.effort.clock()
            some = min(slice_, moves - done)
            heat = high * (low / high) ** ((done + np.arange(some)) / moves)
            slacks = -heat * np.log(1 - rng.random(some))
            pairs = np.stack([rng.integers(size, size=some), rng.integers(len(self.given), size=some)], 1)
            if run(self.given.planes, chosen, powers, codes, undefined, seen, state, pairs, slacks):
                return tuple(chosen.tolist())
            done += some
        return None

    def _codes(
        self, chosen: NDArray[np.int64], powers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each row its pattern as a number, 0 where it is not defined, and at how many it is not."""
        codes, undefined = np.zeros((2, self.given.rows), np.int64)
        for choice, power in zip(chosen, powers, strict=True):
            bits = np.unpackbits(
                self.given.planes[choice].astype("<u8").view(np.uint8),
                axis=1,
                bitorder="little",
                count=self.given.rows,
            ).astype(np.int64)
            codes += power * (np.arange(self.given.symbols)[:, None] * bits).sum(axis=0)
            undefined += 1 - bits.sum(axis=0)
        return codes, undefined

    def holds(self, chosen: Sequence[int]) -> bool:
        """Whether the chosen are shattered, pattern by pattern."""
        return len(patterns(self.given, chosen)) == self.given.symbols ** len(chosen)


def widest(rows: int, symbols: int) -> int:
    """The largest d with symbols^d ≤ rows.

    >>> widest(351, 2), widest(0, 2), widest(27, 3)
    (8, 0, 3)
    """
    d: Any = 0
    while symbols ** (d + 1) <= rows:
        d += 1
    return int(d)
