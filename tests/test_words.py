"""Reductions from pairs of words, and suffixes longer than what is read: right ones proved, broken ones refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import answers_right, first_failure

import commlb
from commlb import problems
from commlb.errors import CommlbError, Malformed
from commlb.machines.base import Letter
from commlb.proof import prove
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import WordReduction
from commlb.reductions.index_to_copying import IndexToCopying
from commlb.reductions.index_to_index import IndexToIndex
from commlb.reductions.index_to_nearest import IndexToNearest
from commlb.reductions.to_mqar import DisjToMQAR, IndexToMQAR
from commlb.reductions.to_two_words import DisjToDisjointness, EqToEquality
from commlb.symbolic import Atom
from commlb.tasks.disjointness import Disjointness
from commlb.tasks.equality import Equality


def position(k):
    return Atom("position", k)


class Shifted(EqToEquality):
    def reply(self, j, bit):
        return [(f"second{bit}", position(j % self.n + 1))]


class LastBitLost(EqToEquality):
    def emit(self, e, j, x):
        return e, [(f"first{0 if j == self.n else x}", position(j))]


class Flipped(DisjToDisjointness):
    def reply(self, j, bit):
        return [(f"second{1 - bit}", position(j))]


class EqOnSets(DisjToDisjointness):
    @property
    def problem(self):
        return problems.Equality(self.n)


class TooLong(EqToEquality):
    def finish(self, e):
        return [("first0", position(1))]


class OneShortOnOnes(DisjToDisjointness):
    def emit(self, e, j, x):
        return e, [] if x and j == 2 else [(f"first{x}", position(j))]


class ByParity(EqToEquality):
    """Alice's letter depends on all that she has read: wrong from n = 2 on."""

    def start(self):
        return 0

    def emit(self, e, j, x):
        return e ^ x, [(f"first{e ^ x}", position(j))]


WORDS = [Shifted, LastBitLost, Flipped, EqOnSets, TooLong, OneShortOnOnes, ByParity]


class KeyAskedTwice(IndexToMQAR):
    def whole(self, i):
        letters = super().whole(i)
        return [*letters[:-1], letters[-2]]


class RestForgotten(IndexToMQAR):
    def whole(self, i):
        return self.bob(i)


class ReadsTheSecond(IndexToMQAR):
    def whole(self, i):
        first, second, *rest = super().whole(i)
        return [second, first, *rest] if i == 2 else [first, second, *rest]

    def bob(self, i):
        return [("query", Atom("key", i))] if i != 2 else [("query", Atom("key", 1))]


class KeyByBit(IndexToMQAR):
    """The key depends on x: one key comes twice for some inputs."""

    def emit(self, e, j, x):
        key = 1 if x and j == self.n else j
        return e, [("key", Atom("key", key)), ("value", Atom("value", x))]


class SuffixByPosition(DisjToMQAR):
    def whole(self, i):
        letters = super().whole(i)
        return letters if i == 1 else letters[::-1]


class NeighbourOutside(IndexToNearest):
    def whole(self, i):
        return [*super().whole(i)[:-1], ("spent", Atom("vertex", 2**self.dimension + 1))]


class OneGoTooMany(IndexToCopying):
    def whole(self, i):
        return [*super().whole(i), ("skip", Atom("position", 1))]


PADDED = [KeyAskedTwice, RestForgotten, KeyByBit, NeighbourOutside, OneGoTooMany]


@pytest.mark.parametrize("cls", [*WORDS, *PADDED], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("n", [3, 4, 7, 40])
def test_mistakes_are_refused_with_a_counterexample(cls, n):
    check = prove(cls(n))
    assert not check.holds
    assert not check.every_n
    found = check.counterexample
    assert not answers_right(cls(n), found.x, found.y)


@pytest.mark.parametrize("cls", [ReadsTheSecond, SuffixByPosition])
def test_what_is_walked_must_be_what_is_written(cls):
    with pytest.raises(Malformed, match=r"whole|from names"):
        prove(cls(4))


class OwnSuffix(IndexToIndex):
    def suffix(self, y):
        return [y % self.n + 1]


class OwnAlice(IndexToIndex):
    def alice(self, x):
        return list(x)[::-1]


class OwnStream(IndexToIndex):
    def stream(self, xs):
        return reversed(list(super().stream(xs)))


class OwnSymbol(IndexToIndex):
    def symbol(self, task_answer):
        return 1 - super().symbol(task_answer)


class OwnConclusion(EqToEquality):
    def conclude(self, answers, ys):
        return 1 - super().conclude(answers, ys)


class OwnPlace(IndexToCopying):
    def read_at(self, y):
        return 0


@pytest.mark.parametrize("cls", [OwnSuffix, OwnAlice, OwnStream, OwnSymbol, OwnConclusion, OwnPlace])
def test_what_no_proof_looks_at_may_not_be_its_own(cls):
    with pytest.raises(Malformed, match="which no proof looks at"):
        prove(cls(4))


def test_an_exact_machine_that_errs_on_a_proved_reduction_is_noticed(monkeypatch):
    monkeypatch.setattr(
        "commlb.tasks.index.IndexMachine.output", lambda self, states: 0 * states[0].astype(int)
    )
    for how in ({}, {"trials": 50, "seed": 1}):
        with pytest.raises(CommlbError, match="one of them is wrong"):
            commlb.reduce("index", 4, **how)


class StrangerAsked(IndexToNearest):
    """Right at n = 1, though names do not show it: the vertex asked for was never written."""

    def bob(self, i):
        return [("query", Atom("vertex", 2**self.dimension))]

    def whole(self, i):
        return [*self.bob(i), *super().whole(i)[1:]]


def test_what_names_do_not_tell_is_not_called_a_counterexample():
    with pytest.raises(Malformed, match="cannot be told from names"):
        prove(StrangerAsked(1))


@pytest.mark.parametrize("cls", [EqToEquality, DisjToDisjointness, DisjToMQAR, IndexToMQAR, IndexToCopying])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_right_ones_are_proved_and_right(cls, n):
    assert prove(cls(n)).evidence == "proved"
    assert first_failure(cls(n)) is None


def test_long_words_stay_narrow():
    for cls in (EqToEquality, DisjToDisjointness):
        check = prove(cls(3000))
        assert (check.holds, check.width) == (True, 2)


@dataclass(frozen=True)
class Table(WordReduction):
    """A drawn reduction: Alice writes table[e][x], Bob replies[bit], at the position, one before or one after."""

    kind: str = "EQ"
    table: tuple = ()
    replies: tuple = ()
    name = "table"
    task_name = "drawn"
    source = "drawn"
    first_number = 1

    @property
    def problem(self) -> problems.WordProblem:
        return problems.Equality(self.n) if self.kind[0] == "E" else problems.Disjointness(self.n)

    @property
    def task(self) -> Any:
        return Equality(self.n) if self.kind[1] == "E" else Disjointness(self.n)

    @property
    def cut(self) -> int:
        return self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("position", 1, self.n)]

    def describe(self) -> tuple[str, str, str]:
        return "drawn", "drawn", "drawn"

    def start(self) -> Encoder:
        return 0

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        following, bit, shift = self.table[e][x]
        return following, [(f"first{bit}", position(j + shift))]

    def reply(self, j: Any, bit: int) -> list[Letter]:
        written, shift = self.replies[bit]
        return [(f"second{written}", position(j + shift))]


BIT = st.integers(0, 1)
SHIFT = st.sampled_from([0, 0, 0, 0, 1])


@settings(max_examples=150)
@given(
    st.sampled_from(["EE", "DD", "ED", "DE"]),
    st.tuples(*[st.tuples(*[st.tuples(BIT, BIT, SHIFT)] * 2)] * 2),
    st.tuples(st.tuples(BIT, SHIFT), st.tuples(BIT, SHIFT)),
    st.integers(1, 4),
)
def test_the_walk_agrees_with_brute_force_on_drawn_reductions(kind, table, replies, n):
    reduction = Table(n, kind=kind, table=table, replies=replies)
    check = prove(reduction)
    assert check.holds == (first_failure(reduction) is None)
    if check.counterexample is not None:
        assert not answers_right(reduction, check.counterexample.x, check.counterexample.y)
