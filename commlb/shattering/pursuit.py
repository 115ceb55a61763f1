"""The order of the search: quick looks at every cut, then proofs where more may be, then what is left open."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from commlb.layers import Layers, Progress
from commlb.shattering.columns import Columns
from commlb.shattering.hunt import Effort, Hunter, widest
from commlb.shattering.shattered import Choices, choices, permuted
from commlb.shattering.symmetry import Permutation, orbits

MAX_NODES = 2**23
"""Nodes of all searches together, by default."""

QUICK = 2000
"""Nodes of a first look for one size."""

SETTLING = 32
"""A cut that can hold no larger set than the one found is given max_nodes over this."""

MOST_ORBITS = 64
"""Orbits of choices that are looked at alone."""

QUICK_WORK = 2**24
"""Rows that a first annealing looks at."""

KEPT_BYTES = 2**27
"""Choices of this many bytes, of all cuts together, are kept; others are made again."""


@dataclass
class Case:
    """A cut, over symbols of one number of kinds: the largest set found, and no more than which there are.

    ``by``: what ``upper`` is known by, "rows" or "search".
    """

    t: int
    symbols: int
    rows: int
    upper: int
    by: str = "rows"
    n: int = 0
    chosen: tuple[int, ...] = ()
    complete: bool = True
    columns: int = 0
    generators: list[Permutation] | None = field(default=None, repr=False)

    @property
    def patterns(self) -> int:
        """symbols^n, whose logarithm is the bits; exact, so that sets over different symbols compare."""
        return int(self.symbols**self.n)

    @property
    def most(self) -> int:
        """The patterns that there are at most."""
        return int(self.symbols**self.upper)


class Pursuit:
    """The search of a task; ``cases`` and ``nodes`` hold what came of it, also when it was stopped."""

    def __init__(
        self,
        merged: Layers,
        found: list[Columns],
        cuts: Sequence[int],
        kinds: Sequence[int],
        generators: Sequence[tuple[Permutation, ...]],
        max_nodes: int,
        max_memory: int,
        clock: Callable[[], None],
        seed: int,
        progress: Progress,
    ):
        self.merged, self.found, self.generators = merged, found, generators
        self.max_nodes, self.max_memory, self.progress = max_nodes, max_memory, progress
        self.effort, self.nodes, self.seed = Effort(clock), 0, seed
        self.ranks = ranks(merged)
        widths = merged.widths
        self.cases = [Case(t, k, widths[t], widest(widths[t], k)) for t in cuts for k in kinds]
        self.kept: dict[tuple[int, int], Choices] = {}

    @property
    def best(self) -> Case:
        """The case with most bits; of equal ones that over fewer symbols, at the earlier cut."""
        return max(self.cases, key=lambda case: (case.patterns, -case.symbols, -case.t))

    def run(self) -> None:
        """All of it. What the clock raises, or an interrupt, leaves what was found so far."""
        of = 3 * len(self.cases)
        for done, case in enumerate(sorted(self.cases, key=lambda case: -case.most)):
            self._look(case)
            self.progress(done + 1, of)
        self._prove()
        for done, case in enumerate(self.cases):
            self._settle(case)
            self.progress(2 * len(self.cases) + done + 1, of)

    def given(self, case: Case) -> Choices:
        """The choices of a case."""
        key = case.t, case.symbols
        if key not in self.kept:
            found = choices(self.found[case.t], case.symbols, self.ranks, self.max_memory)
            if sum(one.planes.nbytes for one in self.kept.values()) + found.planes.nbytes > KEPT_BYTES:
                self.kept.clear()
            self.kept[key] = found
            case.complete, case.columns = found.complete, len(found)
        return self.kept[key]

    def _look(self, case: Case) -> None:
        """Larger and larger sets, as long as they are found easily."""
        given = self.given(case)
        rng = np.random.default_rng([self.seed, case.t, case.symbols])
        while case.n < case.upper and len(given):
            if self._search(case, case.n + 1, QUICK):
                continue
            if self._look_at_orbits(case):
                continue
            moves = max(100, QUICK_WORK // given.rows)
            found = Hunter(given, self.effort).anneal(case.n + 1, moves, rng, case.chosen)
            if found is None:
                return
            case.n, case.chosen = len(found), found

    def _look_at_orbits(self, case: Case) -> bool:
        """Whether a set one larger is found among the choices that symmetries take to each other.

        Large sets tend to be of one kind, and one orbit is searched fast.
        """
        generators = self._generators(case)
        if not generators:
            return False
        label = orbits(len(self.given(case)), generators)
        for first in np.unique(label)[:MOST_ORBITS].tolist():
            among = np.flatnonzero(label == first)
            if len(among) > case.n and self._search(case, case.n + 1, QUICK, among):
                return True
        return False

    def _prove(self) -> None:
        """Sets larger than the best, until there are none or the nodes are spent: first where most was found."""
        open_ones = [case for case in self.cases if case.complete]
        while True:
            best = self.best.patterns
            larger = [case for case in open_ones if case.most > best]
            if not larger or self.nodes >= self.max_nodes:
                return
            case = min(larger, key=lambda case: (-case.patterns, case.rows * case.columns, case.t))
            share = max(QUICK, (self.max_nodes - self.nodes) // len(larger))
            if not self._search(case, _beyond(best, case.symbols), share):
                open_ones.remove(case)
            self.progress(2 * len(self.cases) - len(larger), 3 * len(self.cases))

    def _settle(self, case: Case) -> None:
        """The exact value of one cut, where it is cheap."""
        while case.n < case.upper and case.complete and self.nodes < self.max_nodes:
            share = min(self.max_nodes - self.nodes, max(QUICK, self.max_nodes // SETTLING))
            if not self._search(case, case.n + 1, share):
                return

    def _search(self, case: Case, size: int, most: int, among: NDArray[np.int64] | None = None) -> bool:
        """Look for a set of ``size`` choices; True if that settled it, or, ``among`` some of them, found one."""
        most = min(most, self.max_nodes - self.nodes)
        if most < 1:
            return False
        hunter = Hunter(self.given(case), self.effort)
        generators = self._generators(case)
        try:
            found, ended = hunter.search(size, most, generators, np.random.default_rng(self.seed), among)
        finally:
            self.nodes += hunter.nodes
        if found is not None:
            case.n, case.chosen = size, found
        elif among is None and ended and case.complete:
            case.upper, case.by = size - 1, "search"
            return True
        return found is not None

    def _generators(self, case: Case) -> list[Permutation]:
        if case.generators is None:
            moved = [permuted(self.given(case), rows[case.t]) for rows in self.generators]
            case.generators = [move for move in moved if move is not None]
        return case.generators


def _beyond(patterns: int, symbols: int) -> int:
    """The least n with symbols^n > patterns."""
    return widest(patterns, symbols) + 1


def bits(patterns: int) -> float:
    """log₂ of a number of patterns."""
    return math.log2(patterns)


def ranks(merged: Layers) -> list[int]:
    """The places of the answers in the order that symbols follow: ascending, or as the answers came up."""
    order = list(range(len(merged.answers)))
    if any(all(isinstance(answer, kind) for answer in merged.answers) for kind in (int, str)):
        order.sort(key=lambda k: merged.answers[k])
    places = [0] * len(order)
    for place, answer in enumerate(order):
        places[answer] = place
    return places
