"""Is a reduction right on all inputs, at once for all queries, and for every n?

The walk of ``commlb.walk`` with two observations that make it short.

**Alike positions.** A reduction whose code uses j, i and n only to name atoms runs on ``Unknown``
integers. Then step j of query i is one of finitely many: atoms of the query are named by their distance
from i, others by their distance from j, and away from the query the step is the same for all j and i.
Layers and steps are interned, so what was computed for one query serves all.

**Repeating layers.** A layer that comes back under the same step makes the rest periodic: a run of equal
steps is followed in the time of its first period, whatever its length. That is also the induction step of
a proof for every n. Let B bound the steps after which each run's layers have come back, and let n₀ exceed
twice B plus all positions that are special. For n > n₀, each query has a run longer than B; taking one
period out of it leaves the final layer the same and gives a query at a smaller n. So if all queries of all
n ≤ n₀ are right, all queries of all n are. Lengths of streams are compared on the unknown n.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

from commlb.errors import BadInput, LimitError
from commlb.machines.base import UNDEFINED, Letter, LetterAutomaton
from commlb.records import ReductionCheck
from commlb.reductions.base import Encoder, Reduction
from commlb.symbolic import Atom, Relative, Undetermined, Unknown, rename
from commlb.walk import MAX_STEPS, Transducer, is_well_written, uses, walk

MAX_ENCODER_STATES = 20_000
MAX_BASE = 400
"""Sizes up to which the induction looks for its base."""
Group = int
"""An interned set of pairs (x_i or None, automaton state)."""
Layer = int
"""An interned map from encoder states to groups."""


def prove(reduction: Reduction) -> ReductionCheck:
    """Whether ``reduction`` answers x_i for all |Σ|^n inputs x and all i, and whether it does so for every n.

    A reduction that fails is refused with an (x, i) on which it does. Raises ``LimitError`` when the layers
    are too large to walk.

    >>> from commlb.reductions import build
    >>> check = prove(build("istree", "two-hub", 64, None, None))
    >>> check.holds, check.inputs, check.queries, check.every_n
    (True, '2^64', 64, True)
    """
    width, every_n, suspects = 0, False, range(1, reduction.n + 1)
    try:
        alike = Alike(reduction)
        suspects, width = alike.suspects(reduction.n), alike.width
        every_n = not suspects and alike.holds_for_every_n()
    except Undetermined:
        pass
    counterexample = None
    if suspects:
        alice = Transducer(reduction)
        for i in suspects:
            one, counterexample = walk(reduction, i, alice)
            width = max(width, one)
            if counterexample:
                break
    return ReductionCheck(
        holds=counterexample is None,
        evidence="proved",
        inputs=f"{reduction.symbols}^{reduction.n}",
        queries=reduction.n,
        width=width,
        every_n=every_n,
        counterexample=counterexample,
    )


class AlikeLive:
    """Which letters may still come (see ``Live``): named outright, or by their distance from step j."""

    def __init__(
        self,
        named: Iterable[tuple[str, Hashable]],
        offsets: dict[tuple[str, str], set[int]],
        scale: dict[str, int],
    ):
        self.named, self.offsets, self.scale = frozenset(named), offsets, scale

    def __call__(self, role: str, argument: Any) -> bool:
        if isinstance(argument, Atom) and isinstance(argument.index, Relative) and argument.index.base == "j":
            # A later step j' names the atom s·j + d as s·j' + d', that is with d − d' = s(j' − j) > 0.
            scale = self.scale[argument.family]
            gaps = [argument.index.offset - d for d in self.offsets.get((role, argument.family), ())]
            return any(gap * scale > 0 and gap % scale == 0 for gap in gaps)
        return (role, argument) in self.named

    def arguments(self, role: str) -> Iterable[Any]:
        return [argument for r, argument in self.named if r == role]


class Step(NamedTuple):
    """One step in canonical names: the moves of each encoder state, whether x_i is read, what stays live."""

    moves: dict[Encoder, list[tuple[int, Encoder, tuple[Letter, ...]]]]
    reads: bool
    live: AlikeLive
    key: Hashable


class Orbit:
    """The layers under one step repeated, walked as far as asked and no further than until one comes back."""

    def __init__(self, walk: Alike, layer: Layer, step: Step):
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


class Alike:
    """The walk of all queries of a reduction whose positions are all alike.

    Raises ``Undetermined`` if they are not, or if atoms cannot be told apart by name alone.
    """

    def __init__(self, reduction: Reduction):
        self.reduction = reduction
        self.automaton: LetterAutomaton = reduction.task.automaton()
        self.unknown = _with_unknown_n(reduction)
        self.moves, self.ends = self._run_alice()
        self.queries = [self._run_bob(residue) for residue in range(reduction.period)]
        self.scale = self._scales()
        self.schedule, self.period_start = self._schedule()
        self.special = [self._special(residue) for residue in range(reduction.period)]
        self.groups: list[frozenset] = []
        self.group_ids: dict[frozenset, Group] = {}
        self.layers: list[dict[Encoder, Group]] = []
        self.layer_ids: dict[frozenset, Layer] = {}
        self.widths: list[int] = []
        self.applied: dict[Hashable, Group] = {}
        self.steps: dict[Hashable, Step] = {}
        self.after: dict[Hashable, Layer] = {}
        self.orbits: dict[Hashable, Orbit] = {}
        self.concluded: dict[Hashable, bool] = {}
        self.answers: set[Any] = set()
        self.work = 0
        first = self._group(frozenset([(None, self.automaton.start())]))
        self.start = self._layer({reduction.start(): {first}})

    # Running the reduction on unknown positions.

    def _run_alice(self) -> tuple[dict, dict]:
        j = Unknown("j")
        moves: dict[Encoder, list[tuple[int, Encoder, list[Letter]]]] = {}
        waiting = collections.deque([self.reduction.start()])
        while waiting:
            e = waiting.popleft()
            if e in moves:
                continue
            moves[e] = [(x, *self.unknown.emit(e, j, x)) for x in range(self.reduction.symbols)]
            waiting.extend(following for _, following, _ in moves[e])
            if len(moves) > MAX_ENCODER_STATES:
                raise Undetermined("the transducer has too many states to be the same for all n")
        return moves, {e: self.unknown.finish(e) for e in moves}

    def _run_bob(self, residue: int) -> list[Letter]:
        return self.unknown.bob(Unknown("i", modulus=self.reduction.period, residue=residue))

    def _schedule(self) -> tuple[list[tuple[frozenset, int]], int]:
        """The encoder states before step 1, 2, … with the tokens that the step writes, until they repeat.

        The second value is where they come back to. That the tokens written depend on x is refused.
        """
        schedule: list[tuple[frozenset, int]] = []
        places: dict[frozenset, int] = {}
        states = frozenset([self.reduction.start()])
        while states not in places:
            places[states] = len(schedule)
            written = {len(letters) for e in states for _, _, letters in self.moves[e]}
            if len(written) > 1 or len({len(self.ends[e]) for e in states}) > 1:
                raise Undetermined("the number of tokens written depends on x")
            schedule.append((states, written.pop()))
            states = frozenset([following for e in states for _, following, _ in self.moves[e]])
        return schedule, places[states]

    def before(self, j: int) -> tuple[frozenset, int]:
        """The encoder states before step j, and the tokens written by then."""
        first, lap = self.schedule[: self.period_start], self.schedule[self.period_start :]
        laps, rest = divmod(max(0, j - 1 - len(first)), len(lap))
        written = [count for _, count in first[: j - 1]] + [count for _, count in lap[:rest]]
        place = min(j - 1, len(first)) + rest
        return self.schedule[place][0], sum(written) + laps * sum(count for _, count in lap)

    def _scales(self) -> dict[str, int]:
        """For each family how its index moves with the position (0: fixed); mixtures are refused."""
        scale: dict[str, int] = {}

        def enter(base: str) -> Callable[[Atom], Atom]:
            def change(atom: Atom) -> Atom:
                moving = isinstance(atom.index, Unknown)
                if moving and atom.index.base != base:
                    raise Undetermined(f"{atom.family} is named by another position than {base}")
                found = atom.index.scale if moving else 0
                if scale.setdefault(atom.family, found) != found:
                    raise Undetermined(f"atoms of {atom.family} cannot be told apart by name")
                return atom

            return change

        for moves in self.moves.values():
            rename(tuple(letter for _, _, letters in moves for letter in letters), enter("j"))
        for letters in self.ends.values():
            rename(tuple(letters), enter("n"))
        for letters in self.queries:
            rename(tuple(letters), enter("i"))
        return scale

    # Canonical names.

    def _canonical(self, letters: Iterable[Letter], base: str, query: frozenset, gap: int | None) -> tuple:
        """Letters with atoms named from i if they are the query's (at j − i = ``gap``), else from j."""

        def change(atom: Atom) -> Atom:
            if not isinstance(atom.index, Unknown):
                return atom
            offset, scale = atom.index.offset, self.scale[atom.family]
            if base == "i":
                return Atom(atom.family, Relative("i", offset))
            if base == "n":  # the letters of ``finish`` belong to step j = n + 1
                offset -= scale
            if gap is not None and (atom.family, scale * gap + offset) in query:
                return Atom(atom.family, Relative("i", scale * gap + offset))
            return Atom(atom.family, Relative("j", offset))

        return tuple(rename(tuple(letter), change) for letter in letters)

    def _query_atoms(self, residue: int) -> frozenset:
        found = set()

        def note(atom: Atom) -> Atom:
            if isinstance(atom.index, Unknown):
                found.add((atom.family, atom.index.offset))
            return atom

        rename(tuple(self.queries[residue]), note)
        return frozenset(found)

    def _special(self, residue: int) -> range:
        """The distances j − i at which step j may touch an atom of the query, or reads x_i."""
        gaps = {0}
        query = self._query_atoms(residue)
        for family, offset in self._alice_offsets():
            scale = self.scale[family]
            gaps |= {(q - offset) // scale for f, q in query if f == family and (q - offset) % scale == 0}
        return range(min(gaps), max(gaps) + 1)

    def _alice_offsets(self) -> set[tuple[str, int]]:
        return {(family, offset) for (_, family), offsets in self._alice_uses().items() for offset in offsets}

    def _alice_uses(self) -> dict[tuple[str, str], set[int]]:
        """For each role and family, the distances from j at which steps name atoms."""
        found: dict[tuple[str, str], set[int]] = {}
        per_step = [letters for moves in self.moves.values() for _, _, letters in moves]
        for base, written in (("j", per_step), ("n", list(self.ends.values()))):
            for letters in written:
                for role, argument in (use for letter in letters for use in uses(letter)):
                    if isinstance(argument, Atom) and isinstance(argument.index, Unknown):
                        shift = self.scale[argument.family] if base == "n" else 0
                        found.setdefault((role, argument.family), set()).add(argument.index.offset - shift)
        return found

    def step(self, residue: int, gap: int | None) -> Step:
        """The step at distance ``gap`` = j − i from a query, None for all distances that are not special."""
        key = ("step", residue, gap)
        if key not in self.steps:
            query = self._query_atoms(residue)
            moves = {
                e: [(x, after, self._canonical(letters, "j", query, gap)) for x, after, letters in choices]
                for e, choices in self.moves.items()
            }
            named = [
                use
                for letters in (*(w for c in self.moves.values() for _, _, w in c), *self.ends.values())
                for letter in letters
                for use in uses(letter)
                if not (isinstance(use[1], Atom) and isinstance(use[1].index, Unknown))
            ]
            named += [use for letter in self.suffix(residue) for use in uses(letter)]
            live = AlikeLive(named, self._alice_uses(), self.scale)
            self.steps[key] = Step(moves, gap == 0, live, key)
        return self.steps[key]

    def suffix(self, residue: int) -> tuple[Letter, ...]:
        """Bob's letters in canonical names."""
        return self._canonical(self.queries[residue], "i", frozenset(), None)

    # Layers.

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
                state = rename(self.automaton.project(state, step.live), self._shift)
                members.add((x if step.reads else known, state))
            self._count(len(self.groups[group]))
            self.applied[key] = self._group(frozenset(members))
        return self.applied[key]

    def _count(self, steps: int) -> None:
        self.work += steps
        if self.work > MAX_STEPS:
            raise LimitError(f"the walk takes more than {MAX_STEPS} automaton steps; try a smaller n")

    def _shift(self, atom: Atom) -> Atom:
        """The atom's name as the next step sees it."""
        index = atom.index
        if isinstance(index, Relative) and index.base == "j":
            return Atom(atom.family, Relative("j", index.offset - self.scale[atom.family]))
        return atom

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

    # Queries.

    def query(self, n: int, i: int) -> tuple[bool, int]:
        """Whether all inputs of length n lead to the answer x_i; and the widest layer."""
        residue = i % self.reduction.period
        special = self.special[residue]
        plain = self.step(residue, None)
        layer, widest = self.run(self.start, plain, min(n, i + special.start - 1))
        for gap in range(max(special.start, 1 - i), min(special.stop, n - i + 1)):
            layer = self.advance(layer, self.step(residue, gap))
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
        query = self._query_atoms(residue)
        suffix = self.suffix(residue)
        uses_from = [[use for letter in suffix[k:] for use in uses(letter)] for k in range(len(suffix) + 1)]
        rest = [AlikeLive(named, {}, self.scale) for named in uses_from]
        reached: set[Any] = set()
        for e, group in self.layers[layer].items():
            letters = self._canonical(self.ends[e], "n", query, gap)
            for known, state in self.groups[group]:
                for letter in letters:
                    state = self.automaton.read(state, letter)
                reached.add((known, self.automaton.project(state, rest[0])))
        for place, letter in enumerate(suffix):
            self._count(len(reached))
            read = ((known, self.automaton.read(state, letter)) for known, state in reached)
            reached = {(known, self.automaton.project(state, rest[place + 1])) for known, state in read}
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

    def suspects(self, n: int) -> range:
        """The queries that may be wrong on some input of length n: none, one that is, or all."""
        self.width = 0
        reduction = self.at(n)
        if not self.is_well_written(reduction):
            return range(1, n + 1)
        for i in range(1, n + 1):
            right, widest = self.query(n, i)
            self.width = max(self.width, widest)
            if not right:
                return range(i, i + 1)
        return range(0)

    def at(self, n: int) -> Reduction:
        """The reduction of size n."""
        return self.reduction if n == self.reduction.n else dataclasses.replace(self.reduction, n=n)

    def is_well_written(self, reduction: Reduction) -> bool:
        """Whether streams have the right length and the task reads each letter as it was meant.

        An atom's number and a letter's position are affine in j (in i for Bob), so it is enough to look
        at the first and the last steps at which each encoder state occurs.
        """
        n, margin = reduction.n, 2 * len(self.schedule)
        states, written = self.before(n + 1)
        whole = written + len(self.ends[next(iter(states))])
        if whole != reduction.cut or whole + len(self.queries[0]) != reduction.task.length:
            return False
        for j in _both_ends(n, margin):
            states, written = self.before(j)
            for e in states:
                for x in range(reduction.symbols):
                    if not is_well_written(reduction, reduction.emit(e, j, x)[1], written):
                        return False
        states, written = self.before(n + 1)
        finished = all(is_well_written(reduction, reduction.finish(e), written) for e in states)
        asked = _both_ends(n, 2 * reduction.period)
        return finished and all(is_well_written(reduction, reduction.bob(i), whole) for i in asked)

    # Every n.

    def holds_for_every_n(self) -> bool:
        """Whether the induction of this file's header closes."""
        if self.reduction.period != 1:
            return False
        try:
            if not self._lengths_agree():
                return False
        except Undetermined:
            return False
        for n in range(1, MAX_BASE):
            try:
                if self.suspects(n):
                    return False
            except BadInput:
                return False
            all_closed = all(orbit.back is not None for orbit in self.orbits.values())
            longest = max((len(orbit.path) for orbit in self.orbits.values()), default=0)
            if all_closed and n > 2 * (longest + 1) + len(self.special[0]) + 2 * len(self.schedule):
                return self._answers_agree()
        return False

    def _lengths_agree(self) -> bool:
        """Whether prefix, suffix and task grow alike with n; the sizes up to n₀ are compared one by one."""
        cut, length = self.unknown.cut, self.unknown.task.length
        lap = self.schedule[self.period_start :]
        return (
            length - cut == len(self.queries[0])
            and cut - self.unknown.n * cut.scale == cut.offset
            and (sum(count for _, count in lap) == cut.scale * len(lap))
        )

    def _answers_agree(self) -> bool:
        """Whether the answers that were met mean the same symbols at every n."""
        try:
            return all(self.unknown.read(answer) == self.reduction.read(answer) for answer in self.answers)
        except Undetermined:
            return False


def _both_ends(n: int, margin: int) -> list[int]:
    """1 … margin and n − margin + 1 … n, as far as they exist."""
    return [*range(1, min(n, margin) + 1), *range(max(margin, n - margin) + 1, n + 1)]


def _with_unknown_n(reduction: Reduction) -> Any:
    """A copy of the reduction with n unknown and the other parameters kept; nothing cached is taken over."""
    copy = object.__new__(type(reduction))
    for column in dataclasses.fields(reduction):
        object.__setattr__(copy, column.name, getattr(reduction, column.name))
    object.__setattr__(copy, "n", Unknown("n"))
    return copy
