"""Is a reduction right on all inputs, at once for all queries, and for every n?

The walk of ``commlb.walk`` with two observations that make it short.

**Alike positions** (``commlb.alike``). A reduction that uses positions only to name atoms has finitely many
kinds of steps. Layers and steps are interned, so what was computed for one query serves all.

**Repeating layers.** A layer that comes back under the same step makes the rest periodic: a run of equal
steps is followed in the time of its first period, whatever its length. That is also the induction step of
a proof for every n. Let B bound the steps after which each run's layers have come back (in step with Bob's
residue), and let n₀ exceed twice B plus all positions that are special. For n > n₀, each query has a run
longer than B; taking one period out of it leaves the final layer the same and gives a query at a smaller n.
So if all queries of all n ≤ n₀ are right, all queries of all n are. Lengths of streams are compared on the
unknown n.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Iterable
from typing import Any

from commlb import consistency, exhaustion, padding, words
from commlb.alike import Alike, Step, on_unknowns
from commlb.errors import BadInput, LimitError
from commlb.fit import fits, fits_every_n
from commlb.machines.base import UNDEFINED, LetterAutomaton
from commlb.records import ReductionCheck
from commlb.reductions.base import Encoder, Reduction
from commlb.reductions.bob import IndexReduction, RecoveringReduction, WordReduction
from commlb.reductions.table import TableReduction
from commlb.symbolic import Atom, Relative, Undetermined
from commlb.walk import MAX_STEPS, Transducer, walk

FIRST_BUDGET = 200_000
"""Steps that the induction over n may take before the n that was asked for is walked."""

MAX_BASE = 400
"""Sizes up to which the induction looks for its base."""

Group = int
"""An interned set of pairs (x_i or None, automaton state)."""
Layer = int
"""An interned map from encoder states to groups."""


def prove(reduction: Reduction) -> ReductionCheck:
    """Whether ``reduction`` tells f(x, y) for all inputs x and y, and whether it does so for every n.

    One given as a table is asked about all of them, one by one (``commlb.exhaustion``).
    A reduction that fails is refused with an (x, y) on which it does. Raises ``LimitError`` when the layers
    are too large to walk.

    >>> from commlb.reductions import build
    >>> check = prove(build("istree", "two-hub", 64, None, None))
    >>> check.holds, check.inputs, check.queries, check.every_n
    (True, '2^64', 64, True)
    """
    if type(reduction) is TableReduction:
        return exhaustion.prove(reduction)
    consistency.check_derived(reduction)
    if isinstance(reduction, WordReduction):
        return words.prove(reduction)
    if isinstance(reduction, IndexReduction):
        return _prove_queries(reduction)
    raise BadInput(f"{reduction.name} is neither an IndexReduction nor a WordReduction")


def _prove_queries(reduction: IndexReduction) -> ReductionCheck:
    padding.check_length(reduction)
    width, every_n, suspects = 0, False, range(1, reduction.n + 1)
    try:
        layers = LayerWalk(Alike(reduction))
        every_n = layers.holds_for_every_n(FIRST_BUDGET)
        suspects, width = layers.suspects(reduction.n, settled=every_n), layers.width
        every_n = every_n or (not suspects and layers.holds_for_every_n(4 * layers.work))
    except Undetermined:
        # Perhaps only at the n asked, after the induction: what it said was then of another program.
        every_n = False
    counterexample = None
    if suspects:
        alice = Transducer(reduction)
        for i in suspects:
            one, counterexample = walk(reduction, i, alice)
            width = max(width, one)
            if counterexample:
                consistency.check_failure(reduction, counterexample)
                break
            if one * reduction.n * len(suspects) > MAX_STEPS:
                raise LimitError(
                    f"walking {len(suspects)} queries one by one takes more than {MAX_STEPS} steps; to prove "
                    "it, take a smaller n or use positions only to name atoms"
                )
    counterexample = counterexample or padding.refusal(reduction)
    if counterexample and isinstance(reduction, RecoveringReduction):
        counterexample = dataclasses.replace(counterexample, y=reduction.question(counterexample.y))
    return ReductionCheck(
        holds=counterexample is None,
        evidence="counterexample" if counterexample else "proved",
        inputs=f"{reduction.symbols}^{reduction.n}",
        queries=reduction.problem.inputs_of_bob,
        width=width,
        every_n=every_n and counterexample is None,
        scope=reduction.scope,
        counterexample=counterexample,
    )


class Orbit:
    """The layers under one step repeated, walked as far as asked and no further than until one comes back."""

    def __init__(self, walk: LayerWalk, layer: Layer, step: Step):
        self.walk, self.step = walk, step
        self.path, self.places = [layer], {layer: 0}
        self.widest = [walk.widths[layer]]
        self.back: int | None = None

    def at(self, times: int) -> tuple[Layer, int]:
        """The layer after ``times`` steps, and the widest on the way."""
        while self.back is None and len(self.path) <= times:
            layer = self.walk.advance(self.path[-1], self.step)
            self.back = self.places.get(layer)
            if self.back is None:
                self.places[layer] = len(self.path)
                self.path.append(layer)
                self.widest.append(max(self.widest[-1], self.walk.widths[layer]))
        if self.back is None or times < len(self.path):
            return self.path[times], self.widest[times]
        period = len(self.path) - self.back
        return self.path[self.back + (times - self.back) % period], self.widest[-1]


class LayerWalk:
    """The walk of all queries of a reduction whose positions are all alike."""

    def __init__(self, alike: Alike):
        self.alike, self.reduction = alike, alike.reduction
        self.automaton: LetterAutomaton = self.reduction.task.automaton()
        self.groups: list[frozenset] = []
        self.group_ids: dict[frozenset, Group] = {}
        self.layers: list[dict[Encoder, Group]] = []
        self.layer_ids: dict[frozenset, Layer] = {}
        self.widths: list[int] = []
        self.applied: dict[Hashable, Group] = {}
        self.after: dict[Hashable, Layer] = {}
        self.orbits: dict[Hashable, Orbit] = {}
        self.concluded: dict[Hashable, bool] = {}
        self.answered: dict[Hashable, bool] = {}
        self.answers: set[Any] = set()
        self.work = self.width = self.base = 0
        self.limit = MAX_STEPS
        first = self._group(frozenset([(None, self.automaton.start())]))
        self.start = self._layer({alike.start: {first}})

    def _group(self, members: frozenset) -> Group:
        if members not in self.group_ids:
            self.group_ids[members] = len(self.groups)
            self.groups.append(members)
        return self.group_ids[members]

    def _apply(self, group: Group, letters: tuple, step: Step, x: int) -> Group:
        key = (group, letters, step.key, x if step.reads else None)
        if key not in self.applied:
            members = set()
            for known, state in self.groups[group]:
                for letter in letters:
                    state = self.automaton.read(state, letter)
                state = self.alike.as_next(self.automaton.project(state, step.live))
                members.add((x if step.reads else known, state))
            self._count(len(self.groups[group]))
            self.applied[key] = self._group(frozenset(members))
        return self.applied[key]

    def _count(self, steps: int) -> None:
        self.work += steps
        if self.work > self.limit:
            raise LimitError(f"the walk takes more than {self.limit} automaton steps; try a smaller n")

    def advance(self, layer: Layer, step: Step) -> Layer:
        key = (layer, step.key)
        if key not in self.after:
            reached: dict[Encoder, set[Group]] = {}
            for e, group in self.layers[layer].items():
                for x, following, letters in step.moves[e]:
                    reached.setdefault(following, set()).add(self._apply(group, letters, step, x))
            self.after[key] = self._layer(reached)
        return self.after[key]

    def _layer(self, reached: dict[Encoder, set[Group]]) -> Layer:
        merged = {
            e: next(iter(ids))
            if len(ids) == 1
            else self._group(frozenset().union(*(self.groups[g] for g in ids)))
            for e, ids in reached.items()
        }
        key = frozenset(merged.items())
        if key not in self.layer_ids:
            self.layer_ids[key] = len(self.layers)
            self.layers.append(merged)
            self.widths.append(sum(len(self.groups[group]) for group in merged.values()))
        return self.layer_ids[key]

    def run(self, layer: Layer, step: Step, times: int) -> tuple[Layer, int]:
        """The layer after ``times`` equal steps, walked until a layer comes back; and the widest met."""
        if times <= 0:
            return layer, self.widths[layer]
        key = (layer, step.key)
        if key not in self.orbits:
            self.orbits[key] = Orbit(self, layer, step)
        return self.orbits[key].at(times)

    def query(self, n: int, i: int) -> tuple[bool, int]:
        """Whether all inputs of length n lead to the answer x_i; and the widest layer."""
        residue = i % self.reduction.period
        special = self.alike.special[residue]
        plain = self.alike.step(residue, None)
        layer, widest = self.run(self.start, plain, min(n, i + special.start - 1))
        for gap in range(max(special.start, 1 - i), min(special.stop, n - i + 1)):
            layer = self.advance(layer, self.alike.step(residue, gap))
            widest = max(widest, self.widths[layer])
        layer, after = self.run(layer, plain, n - i - special.stop + 1)
        end = n + 1 - i
        right = self.conclude(layer, residue, end if end in special else None)
        return right, max(widest, after)

    def conclude(self, layer: Layer, residue: int, gap: int | None) -> bool:
        """Whether each node of the last layer, after ``finish`` and Bob's letters, answers its own x_i."""
        key = (layer, residue, gap)
        if key not in self.concluded:
            self.concluded[key] = self._conclude(layer, residue, gap)
        return self.concluded[key]

    def _conclude(self, layer: Layer, residue: int, gap: int | None) -> bool:
        live = self.alike.live_in_suffix(residue)[0]
        reached: set[Any] = set()
        for e, group in self.layers[layer].items():
            letters = self.alike.last_letters(e, residue, gap)
            self._count(len(self.groups[group]))
            for known, state in self.groups[group]:
                for letter in letters:
                    state = self.automaton.read(state, letter)
                reached.add((known, self.automaton.project(state, live)))
        key = (self._group(frozenset(reached)), residue)
        if key not in self.answered:
            self.answered[key] = self._answer(*key)
        return self.answered[key]

    def _answer(self, group: Group, residue: int) -> bool:
        """Whether Bob's letters lead each member of a group to its own x_i."""
        reached: Iterable[Any] = self.groups[group]
        live = self.alike.live_in_suffix(residue)[1:]
        for letter, rest in zip(self.alike.suffix(residue), live, strict=True):
            read = [(known, self.automaton.read(state, letter)) for known, state in reached]
            self._count(len(read))
            reached = {(known, self.automaton.project(state, rest)) for known, state in read}
        for known, state in reached:
            answer = self.automaton.answer(state)
            if answer is UNDEFINED:
                return False
            if isinstance(answer, Atom) and isinstance(answer.index, Relative):
                raise Undetermined("an answer is named by its position")
            self.answers.add(answer)
            if self.reduction.read(answer) != known:
                return False
        return True

    def suspects(self, n: int, settled: bool = False) -> range:
        """The queries that may be wrong on some input of length n: none, one that is, or all.

        If every n is ``settled``, an n beyond the induction's base has its layers and is not walked again.
        """
        if settled and n > self.base:
            return range(0) if fits(self.alike, n, self._count) else range(1, n + 1)
        self.width = 0
        if not fits(self.alike, n, self._count):
            return range(1, n + 1)
        for i in range(1, n + 1):
            right, widest = self.query(n, i)
            self.width = max(self.width, widest)
            if not right:
                return range(i, i + 1)
        return range(0)

    def holds_for_every_n(self, budget: int) -> bool:
        """Whether the induction of this file's header closes within ``budget`` more steps."""
        self.limit = min(MAX_STEPS, self.work + budget)
        try:
            return fits_every_n(self.alike, self._count) and self._induction_closes()
        except LimitError:
            return False
        finally:
            self.limit = MAX_STEPS

    def _induction_closes(self) -> bool:
        for n in range(1, MAX_BASE):
            try:
                if self.suspects(n):
                    return False
            except BadInput:
                return False
            if n > self._base_needed():
                self.base = n
                return self._answers_agree()
        return False

    def _base_needed(self) -> float:
        """n₀: beyond it each query has a run of equal steps from which a period can be taken.

        A period keeps Bob's residue, so it is a multiple of the reduction's. Infinite while a run is open.
        """
        period = self.reduction.period
        longest = 0
        for orbit in self.orbits.values():
            if orbit.back is None:
                return math.inf
            longest = max(longest, orbit.back + math.lcm(len(orbit.path) - orbit.back, period))
        special, schedule = max(map(len, self.alike.special)), self.alike.schedule
        lap = math.lcm(len(schedule) - self.alike.period_start, period)
        return 2 * (longest + 1) + special + len(schedule) + lap

    def _answers_agree(self) -> bool:
        """Whether the answers that were met mean the same symbols at every n."""
        try:
            with on_unknowns():
                read = self.alike.unknown.read
                return all(read(answer) == self.reduction.read(answer) for answer in self.answers)
        except Undetermined:
            return False
