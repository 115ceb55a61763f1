"""Two inputs that leave a machine in one state, by walks to distinguished points: about 2^{s/2} runs.

The machine's state after a(x) is made into the next x, and so on. Two such walks that come to one state stay
together from there on, and so end at the same word of a kind that is rare (distinguished), where each walk stops.
Only ends are kept. From two walks with one end, the two inputs are found by going through both again.
Source: van Oorschot and Wiener, J. Cryptology 12 (1999) 1–28, §4.1.
"""

from __future__ import annotations

import copy
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commlb.colliding import trails
from commlb.colliding.birthday import MOST_WORK, Plan, expected_runs, planned, state_bits
from commlb.colliding.trails import Lengths, Trails, Words
from commlb.colliding.walks import Map
from commlb.errors import BadInput, LimitError, OverLimit, require_at_least
from commlb.layers import Limits, Progress, silent
from commlb.machines.base import Machine
from commlb.reductions.base import Reduction

__all__ = ["Found", "expected_runs", "search", "state_bits"]

HOPELESS = 16
"""Times the expected runs, after which the map is no random one, unless the user allows more."""

SAVED_EVERY = 5.0
"""Seconds between two savings."""


@dataclass(frozen=True)
class Found:
    """A collision: inputs ``x`` and ``x_other``, other words, with one state. ``runs`` of Alice's prefix were made.

    ``runs`` are those of the ``walks`` in all blocks up to the one that found it, those to go through two walks
    again left out. ``expected_runs``: √(π/2)·2^{s/2}, s = the log of the number of states, for a random map.
    """

    x: tuple[int, ...]
    x_other: tuple[int, ...]
    runs: int
    expected_runs: float
    walks: int


def search(
    reduction: Reduction,
    machine: Machine,
    *,
    seed: int,
    workers: int = 1,
    resume: str | Path | None = None,
    max_work: int | None = None,
    limits: Limits | None = None,
    announce: Callable[[float], None] = lambda expected: None,
    progress: Progress = silent,
) -> Found:
    """Two inputs of Alice that leave ``machine`` in one state bit for bit, confirmed by its own step.

    ``announce`` is told the expected runs (as many as a random map needs; a machine that forgets needs fewer)
    before the work starts, ``progress`` the runs made and the expected ones. What is found depends on ``seed`` and
    on nothing else: not on ``workers`` (threads), nor on how often the search was stopped. ``resume``: a file
    (``trails.SUFFIX``) to which walks are saved at times and at the end, and from which the search goes on; it must
    be of the same seed, which ``trails.seed`` tells.

    Raises ``BadInput`` if Alice's inputs are too few to count on a collision, and for a file of another search;
    ``OverLimit`` where more than ``max_work`` runs are needed, looked at before each block of walks (by default
    2^36, and at most 16 times the expected), or more than ``limits.timeout`` seconds.

    >>> from commlb.reductions.index_to_index import IndexToIndex
    >>> from commlb import machines
    >>> reduction = IndexToIndex(24)
    >>> machine = machines.build("random:bits=20", reduction.task, reduction.cut)
    >>> found = search(reduction, machine, seed=0)
    >>> found.x != found.x_other, found.runs, round(found.expected_runs)
    (True, 352, 1283)
    """
    require_at_least("seed", seed, 0)
    require_at_least("workers", workers, 1)
    if max_work is not None:
        require_at_least("max_work", max_work, 1)
    if resume is not None:
        trails.check(resume)
    limits = limits or Limits()
    follow = Map(reduction, machine, seed)
    plan = planned(reduction, machine, follow.bits, known=follow.is_random)
    if max_work is None and plan.expected_runs > MOST_WORK:
        raise _over(plan.expected_runs, MOST_WORK)
    announce(plan.expected_runs)
    follow.compile_for(plan.expected_runs)
    job = _Search(follow, plan, _named(follow, plan, seed), resume, limits)
    hopeless = HOPELESS * (plan.expected_runs + (plan.block << plan.d))
    allowed = min(MOST_WORK, hopeless) if max_work is None else max_work
    try:
        return job.run(workers, allowed, progress)
    finally:
        job.save()


def _over(need: float, limit: float, instead: str = "") -> OverLimit:
    whole = round(need) if need < 2**63 else float(f"{need:.3g}")
    return OverLimit("runs of Alice's prefix", whole, round(limit), "--max-work", instead=instead)


def _named(follow: Map, plan: Plan, seed: int) -> dict[str, Any]:
    """What the walks depend on; the probe tells maps apart that have one name."""
    reduction, machine = follow.reduction, follow.machine
    probe, _ = follow.walk(follow.starts(0, 4), 0, 2)
    return {
        "task": reduction.task_name,
        "reduction": reduction.name,
        "n": reduction.n,
        "symbols": reduction.symbols,
        "machine": machine.name,
        "parameters": {key: str(value) for key, value in machine.parameters.items()},
        "weights_digest": machine.weights_digest,
        "seed": seed,
        "bits": plan.bits,
        "d": plan.d,
        "block": plan.block,
        "probe": [f"{word:016x}" for word in probe.tolist()],
    }


class _Search:
    """A search under way: blocks of walks, computed by threads, looked at in their order."""

    def __init__(
        self, follow: Map, plan: Plan, named: dict[str, Any], path: str | Path | None, limits: Limits
    ):
        self.map, self.plan, self.path, self.limits = follow, plan, path, limits
        self.trails = Trails(plan.bound, plan.block)
        self._named, self._saved = named, 0
        self._stop, self._own = threading.Event(), threading.local()
        if path is not None and os.path.exists(path):
            ends, lengths = trails.read(path, named, plan.most)
            if len(ends) % plan.block:
                raise BadInput(f"'{path}' must hold blocks of {plan.block} walks; it holds {len(ends)} walks")
            for first in range(0, len(ends), plan.block):
                self.trails.add(ends[first : first + plan.block], lengths[first : first + plan.block])
            self._saved = len(ends)

    def run(self, workers: int, allowed: float, progress: Progress) -> Found:
        last, kept = time.perf_counter(), self.trails
        with closing(self._blocks(len(kept.ends), workers)) as blocks:
            while True:
                if kept.runs >= allowed:
                    raise _over(max(self.plan.expected_runs, kept.runs + 1), allowed, self._later())
                self._check()
                ends, lengths = next(blocks)
                pair = self._pair(ends, lengths)
                if pair is not None:
                    runs, walks = kept.runs + int(lengths.sum()), kept.walks + len(ends)
                    x, x_other = (self.map.x(word) for word in pair)
                    return Found(x, x_other, runs, self.plan.expected_runs, walks)
                kept.add(ends, lengths)
                progress(kept.runs, round(min(self.plan.expected_runs, 2**62)))
                if time.perf_counter() - last > SAVED_EVERY:
                    self.save()
                    last = time.perf_counter()

    def save(self) -> None:
        """Write the walks to the file, if there is one and there are more than it holds."""
        if self.path is not None and self.trails.walks > self._saved:
            self._saved = self.trails.walks
            ends, lengths = np.concatenate(self.trails.ends), np.concatenate(self.trails.lengths)
            trails.write(self.path, self._named, ends, lengths)

    def _check(self) -> None:
        if self._stop.is_set():
            raise LimitError("the search was stopped")
        try:
            self.limits.check_time(f"{self.trails.runs:,} runs of Alice's prefix")
        except OverLimit as error:
            what = f"{self.trails.runs:,} runs of Alice's prefix: seconds"
            raise OverLimit(what, error.need, error.limit, error.option, instead=self._later()) from None

    def _later(self) -> str:
        return "" if self.path is None else f"go on later with --resume {self.path}"

    def _walk(self, block: int) -> tuple[Words, Lengths]:
        """Block number ``block``; each thread has a machine of its own, as a machine may keep notes."""
        if not hasattr(self._own, "map"):
            self._own.map = copy.deepcopy(self.map)
        own: Map = self._own.map
        starts = own.starts(block * self.plan.block, self.plan.block)
        return own.walk(starts, self.plan.bound, self.plan.most, self._check)

    def _blocks(self, first: int, workers: int) -> Generator[tuple[Words, Lengths]]:
        """The blocks from number ``first`` on, in order."""
        if workers == 1:
            yield from map(self._walk, itertools.count(first))
        pool = ThreadPoolExecutor(workers)
        try:
            numbers = itertools.count(first)
            waiting = deque(pool.submit(self._walk, next(numbers)) for _ in range(workers + 1))
            while True:
                yield waiting.popleft().result()
                waiting.append(pool.submit(self._walk, next(numbers)))
        finally:
            self._stop.set()
            pool.shutdown(cancel_futures=True)

    def _pair(self, ends: Words, lengths: Lengths) -> tuple[int, int] | None:
        """Two words of one state from the walks of the next block, if there are any."""
        for number, earlier in self.trails.candidates(ends):
            pair = self._in_cycle(number) if earlier is None else self._merging(number, earlier, lengths)
            if pair is not None and self._have_one_state(*pair):
                return pair
        return None

    def _start(self, number: int) -> Words:
        return self.map.starts(number, 1)

    def _on(self, words: Words, steps: int) -> Words:
        """The words ``steps`` later."""
        return self.map.walk(words, 0, steps)[0] if steps else words

    def _merging(self, number: int, earlier: int, lengths: Lengths) -> tuple[int, int] | None:
        """The last words of two walks with one end before they meet; none if one begins on the other."""
        here, there = (self.trails.length(walk, lengths) for walk in (number, earlier))
        common = min(here, there)
        words = [self._on(self._start(number), here - common), self._on(self._start(earlier), there - common)]
        return self._before_meeting(np.concatenate(words), common)

    def _in_cycle(self, number: int) -> tuple[int, int] | None:
        """The two words that lead into the cycle of a walk that was given up; none if it began in the cycle."""
        most = self.plan.most
        start = self._start(number)
        first = word = self._on(start, most)
        for period in range(1, most + 1):
            self._check()
            word = self._on(word, 1)
            if word[0] == first[0]:
                return self._before_meeting(np.concatenate([start, self._on(start, period)]), most)
        return None

    def _before_meeting(self, words: Words, steps: int) -> tuple[int, int] | None:
        """Of two words that are equal ``steps`` later: their last successors that are not; none if they are equal.

        Once equal they stay so: bisection, in which each word takes ``steps`` steps in all.
        """
        if words[0] == words[1]:
            return None
        while steps > 1:
            half = steps // 2
            middle = self._on(words, half)
            if middle[0] != middle[1]:
                words, half = middle, steps - half
            steps = half
        return int(words[0]), int(words[1])

    def _have_one_state(self, word: int, other: int) -> bool:
        """Whether two inputs leave the machine in one state, all bits compared, by its own step."""
        packed = self.map.machine.pack(self.map.states(np.array([word, other], np.uint64)))
        return bool((packed[:, 0] == packed[:, 1]).all())
