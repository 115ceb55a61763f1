"""The proof: right reductions are proved, broken ones refused with an input on which they fail."""

from __future__ import annotations

import dataclasses
import time

import pytest
from hypothesis import HealthCheck, given, settings
from reference import answers_right, first_failure
from strategies import table_reductions

from commlb.alike import Alike
from commlb.errors import BadInput, LimitError
from commlb.machines.base import Letter
from commlb.proof import LayerWalk, prove
from commlb.reductions import build, reduction_classes
from commlb.reductions.index_to_ar import IndexToAR
from commlb.reductions.index_to_cgram import IndexToCGram
from commlb.reductions.index_to_counting import IndexToCounting
from commlb.reductions.index_to_index import IndexToIndex
from commlb.reductions.index_to_istree import Doubled, Hubs, TwoHub, edge
from commlb.symbolic import Atom, Undetermined, Unknown
from commlb.walk import Transducer, walk

CLASSES = list(reduction_classes().values())


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)
def test_registered_reductions_are_proved(cls, n):
    variants = [cls(n)]
    variants += [cls(n, k) for k in (3, 7) if "symbols" in cls.options]
    variants += [cls(n, c=c) for c in (3, 6) if "c" in cls.options]
    for reduction in variants:
        check = prove(reduction)
        assert check.holds
        assert check.counterexample is None
        assert check.every_n
        assert check.scope == (
            f"with blocks of {reduction.block} bits" if cls is Hubs and n > 5 else check.scope
        )
        assert (check.inputs, check.queries) == (f"{reduction.symbols}^{n}", n)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)
def test_all_queries_at_ten_thousand(cls):
    assert prove(cls(10_000 if cls is not Hubs else 2000)).holds


@pytest.mark.slow
def test_hubs_at_ten_thousand():
    started = time.perf_counter()
    assert prove(Hubs(10_000)).holds
    assert time.perf_counter() - started < 60, "this is a matter of seconds; something has become quadratic"


@pytest.mark.parametrize("n", [1, 2, 5, 9])
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)
def test_plain_walk_agrees(cls, n):
    reduction = cls(n)
    alice = Transducer(reduction)
    layers = LayerWalk(Alike(reduction))
    for i in range(1, n + 1):
        width, counterexample = walk(reduction, i, alice)
        assert counterexample is None
        assert width <= layers.query(n, i)[1]


# Mutants: each a small mistake in a gadget, by class and with what is wrong.


class OffByOneEdge(TwoHub):
    def bob(self, i):
        return [edge(Atom("v", i - 1), Atom("v", i + 1))]


class EdgeOneBack(TwoHub):
    def bob(self, i):
        return [edge(Atom("v", i - 2), Atom("v", i - 1))]


class EdgeToHub(TwoHub):
    def bob(self, i):
        return [edge(Atom("hub", 0), Atom("v", i))]


class Loop(TwoHub):
    def bob(self, i):
        return [edge(Atom("v", i), Atom("v", i))]


class NoParity(TwoHub):
    def emit(self, e, j, x):
        parity, letters = super().emit(e, j, x)
        return parity if e is None else x, letters


class SwappedHubAtThree(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, 1 - x if j == 3 else x)


class SwappedHubAtTheEnd(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, 1 - x if j == self.n else x)


class SwappedForLargeN(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, 1 - x if self.n > 4 else x)


class WrongDecode(TwoHub):
    def answer(self, task_answer):
        return 1 - int(task_answer)


class LostFirstEdge(TwoHub):
    def emit(self, e, j, x):
        parity, letters = super().emit(e, j, x)
        return parity, letters[-1:]


class LostEdgeIfOne(TwoHub):
    def emit(self, e, j, x):
        parity, letters = super().emit(e, j, x)
        return parity, letters[:-1] if x and e is not None else letters


class TwiceBob(TwoHub):
    def bob(self, i):
        return super().bob(i) * 2


class WrongCut(TwoHub):
    @property
    def cut(self):
        return self.n


class OneVertexMore(TwoHub):
    @property
    def layout(self):
        hub, v = super().layout
        return [hub, v._replace(size=v.size + 1)]


class DoubledOnOneHub(Doubled):
    def emit(self, e, j, x):
        return super().emit(e, j, 0)


class DoubledShifted(Doubled):
    def bob(self, i):
        return [edge(Atom("u", 2 * i), Atom("u", 2 * i + 1))]


class HubsOtherEnd(Hubs):
    def bob(self, i):
        *paths, _ = super().bob(i)
        return [*paths, edge(Atom("leaf", i + (-i) % self.block), Atom("hub", 2**self.block - 1))]


class HubsPathMissing(Hubs):
    def bob(self, i):
        return super().bob(i)[1:]


class HubsBitReversed(Hubs):
    def _hub(self, bits):
        return super()._hub(bits[::-1])


class HubsWrongLeaf(Hubs):
    def bob(self, i):
        *paths, _ = super().bob(i)
        return [*paths, edge(Atom("leaf", self.block), Atom("hub", 0))]


class IndexShifted(IndexToIndex):
    def bob(self, i):
        return [("query", Atom("position", i - 1))]


class IndexConstant(IndexToIndex):
    def emit(self, e, j, x):
        return e, [("symbol", Atom("position", j), 0)]


class IndexReversedNames(IndexToIndex):
    def emit(self, e, j, x):
        return e, [("symbol", Atom("position", self.n + 1 - j), x)]


class ARSameKey(IndexToAR):
    def emit(self, e, j, x):
        return e, [("key", Atom("key", 1)), ("value", Atom("value", x))]


class ARLostValue(IndexToAR):
    def emit(self, e, j, x):
        return e, super().emit(e, j, x)[1][: 1 + x]


class ARKeyByValue(IndexToAR):
    def emit(self, e, j, x):
        return e, [("key", Atom("key", j)), ("value", Atom("key", j))]


class ARDecode(IndexToAR):
    def answer(self, task_answer):
        return task_answer - self.n


class CGramShort(IndexToCGram):
    def bob(self, i):
        return super().bob(i)[:-1]


class CGramTwice(IndexToCGram):
    def emit(self, e, j, x):
        return e, [("text", Atom("key", 1))] * (self.c - 1) + [("text", Atom("value", x))]


class CountingTwo(IndexToCounting):
    def bob(self, i):
        return [("query", Atom("item", i)), ("threshold", 2)]


class CountingNoBlank(IndexToCounting):
    def emit(self, e, j, x):
        return e, [("item", Atom("item", j))]


class CountingNeighbour(IndexToCounting):
    def emit(self, e, j, x):
        return x, [("item", Atom("item", j if x else j - 1) if e else Atom("blank", 0))]


MUTANTS = [cls for cls in list(globals().values()) if isinstance(cls, type) and cls.__module__ == __name__]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("n", [5, 6, 64])
def test_mutants_are_refused_with_an_input_on_which_they_fail(mutant, n):
    reduction = mutant(n, block=2 + (n > 6)) if issubclass(mutant, Hubs) else mutant(n)
    check = prove(reduction)
    assert not check.holds
    assert not check.every_n
    found = check.counterexample
    assert found is not None
    assert not answers_right(reduction, found.x, found.i)
    assert found.expected == found.x[found.i - 1]
    if n <= 6:
        assert first_failure(reduction) is not None


def flip_a_symbol(cls, step):
    def emit(self, e, j, x):
        return cls.emit(self, e, j, (x + 1) % self.symbols if j == step else x)

    return {"emit": emit}


def lose_a_letter(cls, step):
    def emit(self, e, j, x):
        following, letters = cls.emit(self, e, j, x)
        return following, letters[:-1] if j == step else letters

    return {"emit": emit}


def repeat_a_letter_of_one(cls, step):
    def emit(self, e, j, x):
        following, letters = cls.emit(self, e, j, x)
        return following, letters + letters[-1:] * (j == step and x == 1)

    return {"emit": emit}


def shift_the_answer(cls, step):
    return {"answer": lambda self, a: (cls.answer(self, a) + 1) % self.symbols}


def ask_for_the_neighbour(cls, step):
    return {"bob": lambda self, i: cls.bob(self, i + 1)}


def lose_bobs_last_letter(cls, step):
    return {"bob": lambda self, i: cls.bob(self, i)[:-1]}


def repeat_bob(cls, step):
    return {"bob": lambda self, i: cls.bob(self, i) * 2}


def move_the_cut(cls, step):
    return {"cut": property(lambda self: cls.cut.fget(self) + 1)}


MISTAKES = [
    flip_a_symbol, lose_a_letter, repeat_a_letter_of_one, shift_the_answer, ask_for_the_neighbour,
    lose_bobs_last_letter, repeat_bob, move_the_cut,
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)
def test_each_mistake_in_each_registered_reduction_is_refused(cls, mistake):
    """Over the registry, so a new reduction is mutated without a new test."""
    for n in (4, 30):
        for step in (1, 2, n):
            mutant = type(f"Mutant{cls.__name__}", (cls,), mistake(cls, step))
            reduction = mutant(n, block=2) if cls is Hubs else mutant(n)
            if mistake in (lose_a_letter, repeat_a_letter_of_one) and cls is Hubs and step % 2:
                continue  # a block that is not full writes no letter that could be lost
            found = prove(reduction).counterexample
            assert found is not None
            assert not answers_right(reduction, found.x, found.i)


def test_there_are_plenty_of_hand_made_mutants():
    assert len(MUTANTS) >= 30


class OddBeyondFour(TwoHub):
    """Right for n ≤ 4 only, and it looks at n: no claim may reach beyond the n that was walked."""

    def emit(self, e, j, x):
        return super().emit(e, j, 0 if self.n > 4 else x)


class OddAtHundred(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, 0 if j == 100 else x)


class OddByTable(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, {100: 0}.get(j, x))


@pytest.mark.parametrize("cls", [OddBeyondFour, OddAtHundred, OddByTable], ids=lambda cls: cls.__name__)
def test_every_n_is_not_claimed_where_it_is_false(cls):
    check = prove(cls(4))
    assert check.holds
    assert not check.every_n


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(table_reductions())
def test_proof_agrees_with_brute_force_on_random_reductions(reduction):
    try:
        _ = reduction.task
    except BadInput:
        return
    check = prove(reduction)
    assert check.holds == (first_failure(reduction) is None)
    if check.counterexample is not None:
        assert not answers_right(reduction, check.counterexample.x, check.counterexample.i)
    if check.every_n:
        for n in range(1, 7):
            assert first_failure(dataclasses.replace(reduction, n=n)) is None


def test_an_unknown_integer_refuses_to_be_looked_at():
    j = Unknown("j")
    for look in (
        lambda: j == 1,
        lambda: j != 1,
        lambda: j == 1,
        lambda: j < 1,
        lambda: j in (1, 2),
        lambda: {1: 2}.get(j),
        lambda: bool(j),
        lambda: range(j),
        lambda: j % 2,
        lambda: f"{j}",
        lambda: j // 2,
        lambda: j + Unknown("n"),
        lambda: j.bit_length(),
        lambda: [0, 1][j],
        lambda: int(j),
    ):
        with pytest.raises(Undetermined):
            look()
    assert j + 1 - j == 1
    assert (2 * j + 1) - j == j + 1
    assert repr(3 - j) == "-1·j+3"


class RemembersAll(IndexToIndex):
    """An encoder that remembers everything: its states double with each symbol."""

    def start(self):
        return ()

    def emit(self, e, j, x) -> tuple[tuple, list[Letter]]:
        return (*e, x), super().emit(e, j, x)[1]


def test_an_encoder_with_unbounded_states_is_walked_for_small_n_and_refused_for_large(monkeypatch):
    monkeypatch.setattr("commlb.walk.MAX_MOVES", 10_000)
    monkeypatch.setattr("commlb.alike.MAX_ENCODER_STATES", 500)
    check = prove(RemembersAll(6))
    assert check.holds
    assert not check.every_n
    with pytest.raises(LimitError, match="smaller n or an encoder with fewer states"):
        prove(RemembersAll(40))


def test_proof_at_a_million_is_quick_and_names_every_n():
    check = prove(build("index", None, 1_000_000, None, None))
    assert check.holds
    assert check.every_n
