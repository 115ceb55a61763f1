"""A reduction on unknown positions: when it treats all positions alike, and its steps in canonical names.

A reduction whose code uses j, i and n only to name atoms runs on ``Unknown`` integers. Then step j of query
i is one of finitely many: atoms of the query are named by their distance from i, others by their distance
from j, and away from the query the step is the same for all j and i.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple

from commlb.errors import LimitError, Malformed
from commlb.machines.base import Letter
from commlb.reductions.base import Encoder
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom, Rational, Relative, Undetermined, Unknown, rename
from commlb.walk import uses

MAX_ENCODER_STATES = 20_000


class AlikeLive:
    """Which letters may still come (see ``Live``): named outright, or by their distance from step j."""

    def __init__(
        self,
        named: Iterable[tuple[str, Hashable]],
        offsets: dict[tuple[str, str], set[Rational]],
        scale: dict[str, int],
    ):
        self.named, self.offsets, self.scale = frozenset(named), offsets, scale
        self._found: dict[tuple[str, Any], bool] = {}

    def __call__(self, role: str, argument: Any) -> bool:
        key = (role, argument)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._may_come(role, argument)
        return found

    def _may_come(self, role: str, argument: Any) -> bool:
        if (role, argument) in self.named:
            return True
        if not (isinstance(argument, Atom) and isinstance(argument.index, Relative)):
            return False
        offsets = self.offsets.get((role, argument.family), ())
        if argument.index.base == "i":  # where the query lies is left open here: a later step may name it
            return bool(offsets)
        # A later step j' names the atom s·j + d as s·j' + d', that is with d − d' = s(j' − j) > 0.
        scale = self.scale[argument.family]
        gaps = [argument.index.offset - d for d in offsets]
        return any(gap * scale > 0 and gap % scale == 0 for gap in gaps)

    def arguments(self, role: str) -> Iterable[Any]:
        if any(r == role for r, _ in self.offsets):
            raise Undetermined(f"what may come as {role} depends on the position")
        return [argument for r, argument in self.named if r == role]


class Step(NamedTuple):
    """One step in canonical names: the moves of each encoder state, whether x_i is read, what stays live."""

    moves: dict[Encoder, list[tuple[int, Encoder, tuple[Letter, ...]]]]
    reads: bool
    live: AlikeLive
    key: Hashable


class Alike:
    """A reduction whose positions are all alike, laid out once for all n, j and i.

    Raises ``Undetermined`` if they are not, or if atoms cannot be told apart by name alone.
    """

    def __init__(self, reduction: IndexReduction):
        self.reduction = reduction
        with on_unknowns():
            self.unknown: Any = _resized(reduction, Unknown("n"))
            self.start = self.unknown.start()
            self.moves, self.ends = self._run_alice()
            self.queries = [self._run_bob(residue) for residue in range(reduction.period)]
        self._asked: dict[int, frozenset] = {}
        self.scale = self._scales()
        self.schedule, self.period_start = self._schedule()
        self.special = [self._special(residue) for residue in range(reduction.period)]
        self.steps: dict[tuple[int, int | None], Step] = {}
        self._shifted: dict[Any, Any] = {}
        self._live: dict[int, list[AlikeLive]] = {}

    def _run_alice(self) -> tuple[dict, dict]:
        j = Unknown("j")
        moves: dict[Encoder, list[tuple[int, Encoder, list[Letter]]]] = {}
        waiting = collections.deque([self.start])
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
        states = frozenset([self.start])
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
        """The atoms of Bob's letters that move with i, as (family, distance from i)."""
        if residue not in self._asked:
            found = set()

            def note(atom: Atom) -> Atom:
                if isinstance(atom.index, Unknown):
                    found.add((atom.family, atom.index.offset))
                return atom

            rename(tuple(self.queries[residue]), note)
            self._asked[residue] = frozenset(found)
        return self._asked[residue]

    def _special(self, residue: int) -> range:
        """The distances j − i at which step j may touch an atom of the query, or reads x_i."""
        gaps = {0}
        query = self._query_atoms(residue)
        for family, offset in self._alice_offsets():
            scale = self.scale[family]
            gaps |= {(q - offset) // scale for f, q in query if f == family and (q - offset) % scale == 0}
        return range(min(gaps), max(gaps) + 1)

    def _alice_offsets(self) -> set[tuple[str, Rational]]:
        return {(family, offset) for (_, family), offsets in self._alice_uses().items() for offset in offsets}

    def _alice_uses(self) -> dict[tuple[str, str], set[Rational]]:
        """For each role and family, the distances from j at which steps name atoms."""
        found: dict[tuple[str, str], set[Rational]] = {}
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
        key = (residue, gap)
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

    def last_letters(self, e: Encoder, residue: int, gap: int | None) -> tuple[Letter, ...]:
        """The letters of ``finish`` in canonical names; ``gap`` = n + 1 − i if that is special."""
        return self._canonical(self.ends[e], "n", self._query_atoms(residue), gap)

    def live_in_suffix(self, residue: int) -> list[AlikeLive]:
        """What Bob's letters from each place on can touch, the end included."""
        if residue not in self._live:
            rests: list[list[tuple[str, Hashable]]] = [[]]
            for letter in reversed(self.suffix(residue)):
                rests.append(rests[-1] + uses(letter))
            self._live[residue] = [AlikeLive(rest, {}, self.scale) for rest in reversed(rests)]
        return self._live[residue]

    def as_next(self, state: Any) -> Any:
        """A state with its atoms named as the next step sees them; few different states ask for it."""
        if state not in self._shifted:
            self._shifted[state] = rename(state, self._next_name)
        return self._shifted[state]

    def _next_name(self, atom: Atom) -> Atom:
        index = atom.index
        if isinstance(index, Relative) and index.base == "j":
            return Atom(atom.family, Relative("j", index.offset - self.scale[atom.family]))
        return atom

    def suffix(self, residue: int) -> tuple[Letter, ...]:
        """Bob's letters in canonical names."""
        return self._canonical(self.queries[residue], "i", frozenset(), None)

    def at(self, n: int) -> IndexReduction:
        """The reduction of size n."""
        same: IndexReduction = self.reduction if n == self.reduction.n else _resized(self.reduction, n)
        return same

    def with_unknown_n(self, residue: int) -> Any:
        """The reduction with n unknown but for its residue modulo the period."""
        return _resized(self.reduction, Unknown("n", modulus=self.reduction.period, residue=residue))


def _resized(reduction: Any, n: Any) -> Any:
    """The reduction for another n, the other parameters kept; it is made anew and checks itself again."""
    return dataclasses.replace(reduction, n=n)


@contextlib.contextmanager
def on_unknowns() -> Iterator[None]:
    """Whatever a program raises when run on unknown integers means that its answer depends on them."""
    try:
        yield
    except (Undetermined, Malformed, LimitError):
        raise
    except Exception as error:
        raise Undetermined(f"the reduction does not run on unknown integers: {error!r}") from error
