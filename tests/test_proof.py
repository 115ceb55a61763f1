"""The proof: right reductions are proved, broken ones refused with an input on which they fail."""

from __future__ import annotations

import dataclasses
import time

import pytest
from hypothesis import HealthCheck, given, settings
from mutants import MISTAKES, MUTANTS, lose_a_letter, repeat_a_letter_of_one
from reference import answers_right, first_failure, treats_positions_alike
from strategies import table_reductions
from wild import wild_reductions

from commlb.alike import Alike
from commlb.errors import BadInput, LimitError
from commlb.machines.base import Letter
from commlb.proof import LayerWalk, prove
from commlb.reductions import build, reduction_classes
from commlb.reductions.bob import WordReduction
from commlb.reductions.index_to_index import IndexToIndex
from commlb.reductions.index_to_istree import Hubs
from commlb.reductions.index_to_istree_star import Star
from commlb.symbolic import Undetermined, Unknown
from commlb.walk import Transducer, walk

CLASSES = list(reduction_classes().values())
ALIKE = [cls for cls in CLASSES if treats_positions_alike(cls)]


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
        assert check.every_n == (cls in ALIKE and not reduction.is_padded)
        assert check.scope == (
            f"with blocks of {reduction.block} bits" if cls is Hubs and n > 5 else check.scope
        )
        queries = f"2^{n}" if issubclass(cls, WordReduction) else reduction.problem.inputs_of_bob
        assert (check.inputs, check.queries) == (f"{reduction.symbols}^{n}", queries)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)
def test_all_queries_at_a_large_n(cls):
    """10,000 where positions are alike and nothing is padded; what is quadratic or worse stays smaller.

    The star's Alice remembers a position, so that the walk of all queries is cubic.
    """
    quick = cls in ALIKE and cls is not Hubs and not cls(3).is_padded
    assert prove(cls(10_000 if quick else {Hubs: 2000, Star: 40}.get(cls, 200))).holds


@pytest.mark.parametrize("n", [4, 5, 9, 20])
def test_what_alice_may_still_name_depends_on_her_state(n, monkeypatch):
    """The star's layers: v_f is forgotten but where it is f. Without that they have 2^n nodes."""
    assert prove(Star(n)).width == 4 * n - 4
    if n < 10:
        monkeypatch.setattr("commlb.walk.MAX_MARKS", 0)
        check = prove(Star(n))
        assert (check.holds, check.width) == (True, 2**n)


@pytest.mark.slow
def test_hubs_at_ten_thousand():
    started = time.perf_counter()
    assert prove(Hubs(10_000)).holds
    assert time.perf_counter() - started < 60, "this is a matter of seconds; something has become quadratic"


@pytest.mark.parametrize("n", [1, 2, 5, 9])
@pytest.mark.parametrize("cls", ALIKE, ids=lambda cls: cls.name)
def test_plain_walk_agrees(cls, n):
    reduction = cls(n)
    alice = Transducer(reduction)
    layers = LayerWalk(Alike(reduction))
    for i in range(1, n + 1):
        width, counterexample = walk(reduction, i, alice)
        right, widest = layers.query(n, i)
        assert counterexample is None
        assert right
        assert width <= widest


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("n", [5, 6, 64])
def test_mutants_are_refused_with_an_input_on_which_they_fail(mutant, n):
    reduction = mutant(n, block=2 + (n > 6)) if issubclass(mutant, Hubs) else mutant(n)
    check = prove(reduction)
    assert not check.holds
    assert not check.every_n
    found = check.counterexample
    assert found is not None
    assert not answers_right(reduction, found.x, found.y)
    assert found.expected == found.x[found.y - 1]
    if n <= 6:
        assert first_failure(reduction) is not None


def writes(reduction, step):
    """Whether Alice writes a letter in that step, for some x."""
    plain = type(reduction).__bases__[0](
        **{f.name: getattr(reduction, f.name) for f in dataclasses.fields(reduction)}
    )
    return any(letters for _, letters, _ in Transducer(plain).moves[step].values())


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)
def test_each_mistake_in_each_registered_reduction_is_refused(cls, mistake):
    """Over the registry, so a new reduction is mutated without a new test."""
    for n in (4, 30):
        for step in (1, 2, n):
            mutant = type(f"Mutant{cls.__name__}", (cls,), mistake(cls, step))
            reduction = mutant(n, block=2) if cls is Hubs else mutant(n)
            if mistake in (lose_a_letter, repeat_a_letter_of_one) and not writes(reduction, step):
                continue  # there is no letter that could be lost: a block is not full, or edges are kept back
            found = prove(reduction).counterexample
            assert found is not None
            assert not answers_right(reduction, found.x, found.y)


def test_there_are_plenty_of_hand_made_mutants():
    assert len(MUTANTS) >= 30


def agrees_with_brute_force(reduction, largest):
    try:
        _ = reduction.task
    except BadInput:
        return
    check = prove(reduction)
    assert check.holds == (first_failure(reduction) is None)
    if check.counterexample is not None:
        assert not answers_right(reduction, check.counterexample.x, check.counterexample.y)
    if check.every_n:
        for n in range(1, largest + 1):
            assert first_failure(dataclasses.replace(reduction, n=n)) is None


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(table_reductions() | wild_reductions())
def test_proof_agrees_with_brute_force_on_random_reductions(reduction):
    agrees_with_brute_force(reduction, 6)


@pytest.mark.slow
@settings(max_examples=2500, suppress_health_check=list(HealthCheck))
@given(wild_reductions())
def test_proof_agrees_with_brute_force_on_many_random_reductions(reduction):
    agrees_with_brute_force(reduction, 8)


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
    assert (3 - j).shown() == "-1·j+3"
    assert (2 * j + 1).at(5) == 11


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
