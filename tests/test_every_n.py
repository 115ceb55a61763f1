"""What is said of every n must hold for every n: against reductions that are right only at first."""

from __future__ import annotations

import dataclasses
import time

import pytest
from later import (
    AnswerLooksAtN,
    ByCatching,
    ByIsInstance,
    ByItsName,
    Countdown,
    Derived,
    FewKeys,
    FewTypes,
    HarmlessByIsInstance,
    IntoFadingIndex,
    IntoFlippingIndex,
    ItemsBeyondTheAlphabet,
    Late,
    OddAtHundred,
    OddBeyondFour,
    OddByTable,
    StartLooksAtN,
    ThirdOfFive,
)
from reference import answers_right, first_failure, treats_positions_alike

from commlb.alike import Alike, AlikeLive
from commlb.errors import BadInput, Malformed
from commlb.machines.base import BROKEN, GONE, UNDEFINED, LetterAutomaton
from commlb.proof import LayerWalk, Orbit, prove
from commlb.reductions import reduction_classes
from commlb.reductions.base import Family
from commlb.reductions.index_to_ar import IndexToAR
from commlb.reductions.index_to_index import IndexToIndex
from commlb.reductions.index_to_istree import Doubled, Hubs, IsTreeReduction, TwoHub, edge
from commlb.symbolic import Atom, Relative, Undetermined
from commlb.tasks.ar import AssociativeRecall
from commlb.tasks.index import Index
from commlb.tasks.istree import IsTree

ALIKE = [cls for cls in reduction_classes().values() if treats_positions_alike(cls)]
FALSE_LATER = [
    IntoFadingIndex, AnswerLooksAtN,
    OddBeyondFour, OddAtHundred, OddByTable, FewTypes, FewKeys, ItemsBeyondTheAlphabet, StartLooksAtN,
    Countdown, Derived, IntoFlippingIndex, Late, ThirdOfFive, ByItsName,
]  # fmt: skip


@pytest.mark.parametrize("cls", FALSE_LATER, ids=lambda cls: cls.__name__)
def test_every_n_is_not_claimed_where_it_is_false(cls):
    size = 2 if cls is ThirdOfFive else 4
    check = prove(cls(size))
    assert check.holds
    assert first_failure(cls(size)) is None
    assert not check.every_n


@pytest.mark.parametrize(
    "cls", [OddBeyondFour, StartLooksAtN, Countdown, Derived, IntoFlippingIndex, ThirdOfFive]
)
def test_and_it_is_refused_where_it_fails(cls):
    found = prove(cls(8)).counterexample
    assert found is not None
    assert not answers_right(cls(8), found.x, found.y)


@pytest.mark.parametrize("cls", [ByIsInstance, ByCatching, ByItsName], ids=lambda cls: cls.__name__)
def test_even_a_reduction_that_hides_from_unknown_integers_is_refused_at_the_n_asked(cls):
    check = prove(cls(60))
    found = check.counterexample
    assert not check.holds
    assert not check.every_n
    assert found is not None
    assert not answers_right(cls(60), found.x, found.y)


class EndsBeyondTheLayout(ThirdOfFive):
    """Its last key does not exist."""

    def finish(self, e):
        return [("key", Atom("key", self.n + 2)), ("value", Atom("value", 0))]


class EndsDiffer(IndexToIndex):
    """After a last symbol 1 one symbol too many is written."""

    def start(self):
        return 0

    def emit(self, e, j, x):
        return x, super().emit(e, j, x)[1]

    def finish(self, e):
        return [("symbol", Atom("position", self.n), 0)] * e


class NoteInBetween(AssociativeRecall):
    """At position 50 stands a token of another role."""

    def letter(self, token, t):
        return ("note", token) if t == 50 else super().letter(token, t)


class IntoNoteInBetween(IndexToAR):
    @property
    def task(self):
        return NoteInBetween(self.n, self.n, self.symbols)


class EdgeOnlySometimes(IsTreeReduction):
    """The last edge of Alice is written only if x has odd parity (encoder state 0)."""

    name = "sometimes"
    source = "test"
    describe = TwoHub.describe
    bob = TwoHub.bob

    @property
    def cut(self):
        return self.n + 2

    @property
    def layout(self):
        return [Family("hub", 0, 2), Family("v", 0, self.n + 1), Family("w", 0, 1)]

    def start(self):
        return None

    def emit(self, e, j, x):
        parity, letters = TwoHub.emit(self, None if e is None else 1 - e, j, x)
        return 1 - parity, letters

    def finish(self, e):
        return [edge(Atom("w", 0), Atom("hub", 0))] if e == 0 else []


@pytest.mark.parametrize(
    ("cls", "n"),
    [(EndsBeyondTheLayout, 4), (EndsDiffer, 4), (EdgeOnlySometimes, 4), (EdgeOnlySometimes, 30)],
)
def test_what_does_not_fit_the_task_is_refused(cls, n):
    found = prove(cls(n)).counterexample
    assert found is not None
    assert not answers_right(cls(n), found.x, found.y)


@pytest.mark.parametrize("probes", [10, 10**6])
def test_roles_are_compared_at_every_position(monkeypatch, probes):
    """Also where letters are looked at in samples only: step 26 is not among them."""
    monkeypatch.setattr("commlb.fit.MOST_PROBES", probes)
    assert not prove(IntoNoteInBetween(200)).holds


def test_the_base_of_the_induction_outlasts_every_run():
    layers = LayerWalk(Alike(IntoFadingIndex(4)))
    assert not layers.holds_for_every_n(10**6)
    layers = LayerWalk(Alike(Fading(4)))
    assert layers.holds_for_every_n(10**6)
    longest = max(len(orbit.path) for orbit in layers.orbits.values())
    assert all(orbit.back is not None for orbit in layers.orbits.values())
    assert layers.base > 2 * longest


def test_what_differs_from_the_unknown_run_only_at_the_n_asked_is_proved_for_that_n_alone():
    check = prove(HarmlessByIsInstance(60))
    assert check.holds
    assert not check.every_n


class LongerOnEven(IsTreeReduction):
    """Bob writes one letter for odd i and two for even i: one of the two has the wrong length."""

    name = "longer"
    source = "test"
    emit = TwoHub.emit
    describe = TwoHub.describe

    @property
    def period(self):
        return 2

    @property
    def task(self):
        return IsTree(self.n + 4)

    @property
    def cut(self):
        return self.n + 1

    @property
    def layout(self):
        return [Family("hub", 0, 2), Family("v", 0, self.n + 1), Family("w", 0, 1)]

    def start(self):
        return None

    def bob(self, i):
        letters = [edge(Atom("v", i - 1), Atom("v", i))]
        return letters if i % 2 else [*letters, edge(Atom("w", 0), Atom("hub", 0))]


@pytest.mark.parametrize("n", [1, 4, 30])
def test_suffixes_of_different_lengths_are_refused(n):
    found = prove(LongerOnEven(n)).counterexample
    assert found is not None
    assert found.y % 2 == 1
    assert not answers_right(LongerOnEven(n), found.x, found.y)


class NumberForAHub(Doubled):
    def emit(self, e, j, x):
        first, second = super().emit(e, j, x)[1]
        return e, [first, ("edge", second[1], 0 if x else Atom("hub", 0))]


class NumberByBob(Doubled):
    def bob(self, i):
        return [("edge", Atom("u", 2 * i), 0)]


@pytest.mark.parametrize("cls", [NumberForAHub, NumberByBob])
def test_plain_numbers_in_place_of_atoms_are_refused_as_such(cls):
    with pytest.raises(Malformed, match="must name atoms"):
        prove(cls(3))


# Right reductions that do not run on unknown integers: proved for the n asked, by the plain walk.


class Shifts(TwoHub):
    @property
    def cut(self):
        return (self.n << 1) // 2 + 1


class OneFamilyEach(IndexToIndex):
    """A layout that runs through all positions: it cannot be made for 10^30 of them."""

    @property
    def layout(self):
        spare = [Family(f"spare{j}", j, 1) for j in range(1, self.n + 1)]
        return [Family("position", 1, self.n), *spare]


class Absolute(TwoHub):
    def bob(self, i):
        return [edge(Atom("v", abs(i - 1)), Atom("v", i))]


class ComparesWithNone(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, x if e != j else 1 - x)


class InsistsOnInt(TwoHub):
    def emit(self, e, j, x):
        if not isinstance(j, int):
            raise TypeError("j must be an int")
        return super().emit(e, j, x)


class ConstantSize(IndexToIndex):
    @property
    def task(self):
        return Index(4, 2)

    @property
    def cut(self):
        return 4


class SetsAttributes(TwoHub):
    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "extra", 1)

    @property
    def cut(self):
        return self.n + self.extra


@pytest.mark.parametrize(
    "cls", [Shifts, OneFamilyEach, Absolute, ComparesWithNone, InsistsOnInt, ConstantSize, SetsAttributes]
)
def test_what_does_not_run_on_unknown_integers_is_still_proved_for_its_n(cls):
    check = prove(cls(4))
    assert check.holds
    assert check.every_n == (cls is SetsAttributes)


class SplitAutomaton(LetterAutomaton):
    """Associative recall with keys and pairs kept, and forgotten, apart."""

    def start(self):
        return (None, frozenset(), frozenset())

    def read(self, state, letter):
        if state is BROKEN or state[0] == "answer":
            return BROKEN
        waiting, seen, pairs = state
        role, atom = letter
        if role == "key":
            return BROKEN if waiting is not None or atom in seen else (atom, seen | {atom}, pairs)
        if role == "value":
            return BROKEN if waiting is None else (None, seen, pairs | {(waiting, atom)})
        found = [value for key, value in pairs if key == atom]
        return ("answer", found[0], 0) if waiting is None and found else BROKEN

    def answer(self, state):
        return state[1] if state is not BROKEN and state[0] == "answer" else UNDEFINED

    def project(self, state, live):
        if state is BROKEN or state[0] == "answer":
            return state
        waiting, seen, pairs = state
        if waiting is not None and not live("query", waiting):
            waiting = GONE
        seen = frozenset(key for key in seen if live("key", key))
        return (waiting, seen, frozenset(pair for pair in pairs if live("query", pair[0])))


class SplitRecall(AssociativeRecall):
    def automaton(self):
        return SplitAutomaton(self.letter)


class RepeatsTheLastKey(IndexToAR):
    """At the end Alice repeats key n, which breaks the promise; for i = n it is the query's own key."""

    @property
    def cut(self):
        return 2 * self.n + 2

    @property
    def task(self):
        return SplitRecall(self.n + 1, self.n + 1, 2)

    @property
    def layout(self):
        return [Family("key", 1, self.n + 1), Family("value", 0, 2)]

    def finish(self, e):
        return [("key", Atom("key", self.n)), ("value", Atom("value", 0))]

    def answer(self, task_answer):
        return task_answer - self.n - 2


@pytest.mark.parametrize("n", [1, 2, 9])
def test_a_query_atom_may_be_named_again_by_alice_in_another_role(n):
    assert not prove(RepeatsTheLastKey(n)).holds


def test_live_speaks_of_the_querys_atoms_role_by_role():
    """What Bob names is live in his role; what Alice may still name, in hers, wherever the query lies."""
    asked = Atom("key", Relative("i", 0))
    live = AlikeLive([("query", asked)], {("key", "key"): {0, -1}}, {"key": 1})
    assert live("query", asked)
    assert live("key", asked)
    assert not live("value", asked)
    assert live("key", Atom("key", Relative("j", 0)))
    assert not live("key", Atom("key", Relative("j", -1)))
    assert not live("query", Atom("key", Relative("j", 0)))
    assert live.arguments("query") == [asked]
    with pytest.raises(Undetermined):
        live.arguments("key")


class Remembers(IndexToIndex):
    """The last 8 symbols as encoder state: 511 states whatever n."""

    def emit(self, e, j, x):
        return (*e, x)[-8:], super().emit(e, j, x)[1]


def test_a_large_encoder_does_not_hold_up_a_small_n():
    started = time.perf_counter()
    assert prove(Remembers(3)).holds
    assert time.perf_counter() - started < 20, "a second or two is usual"


class Fading(IndexToIndex):
    """A preperiod of four steps, then a lap of three."""

    def start(self):
        return 0

    def emit(self, e, j, x):
        return (e + 1 if e < 6 else 4), super().emit(e, j, x)[1]


def test_runs_of_equal_steps_are_followed_as_if_walked():
    layers = LayerWalk(Alike(Fading(40)))
    step = layers.alike.step(0, None)
    layer = layers.start
    orbit = Orbit(layers, layer, step)
    widest = layers.widths[layer]
    for times in range(1, 40):
        layer = layers.advance(layer, step)
        widest = max(widest, layers.widths[layer])
        assert Orbit(layers, layers.start, step).at(times) == orbit.at(times) == (layer, widest)
    assert (orbit.back, len(orbit.path)) == (4, 7)
    assert prove(Fading(40)).every_n


@pytest.mark.parametrize("cls", ALIKE, ids=lambda cls: cls.name)
def test_before_counts_what_alice_has_written(cls):
    reduction = cls(23, block=3) if cls is Hubs else cls(23)
    alike = Alike(reduction)
    e, written = reduction.start(), 0
    for j in range(1, 24):
        states, count = alike.before(j)
        assert e in states
        assert count == written
        e, letters = reduction.emit(e, j, j % 2)
        written += len(letters)


@pytest.mark.slow
@pytest.mark.parametrize("cls", [cls for cls in ALIKE if not cls(3).is_padded], ids=lambda cls: cls.name)
def test_every_n_that_is_claimed_holds_at_the_first_eleven(cls):
    for reduction in (cls(5), *([cls(5, block=b) for b in (1, 2, 3, 4)] if cls is Hubs else [])):
        assert prove(reduction).every_n
        for n in range(1, 12):
            try:
                resized = dataclasses.replace(reduction, n=n)
            except BadInput:
                continue
            assert first_failure(resized) is None
