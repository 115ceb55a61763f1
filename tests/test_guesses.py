"""An optimal Bob's errors, the smallest machine of a family, and the sequential test, against plain counting."""

from __future__ import annotations

import sys
import types
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from brute import best_guesses
from hypothesis import given, settings
from hypothesis import strategies as st

from commlb import guesses, machines, reductions, sequential
from commlb.errors import BadInput, LimitError, OverLimit
from commlb.families import Family
from commlb.guesses import best
from commlb.layers import Limits
from commlb.machines.random import Random
from commlb.prefixes import of_alice
from commlb.sequential import Decision, at_most, bits_shown
from commlb.tasks.index import Index

CASES = [
    ("index", None, 7, None, "random:bits=5,seed=2"),
    ("index", None, 4, 3, "random:bits=6"),
    ("index", None, 6, None, "window:w=4"),
    ("ar", None, 5, None, "gru:d=2,p=4,seed=1"),
    ("ar", None, 3, 4, "window:w=3"),
    ("cgram", None, 4, None, "random:bits=7"),
    ("counting", None, 6, None, "bloom:bits=5,hashes=1,seed=3"),
    ("istree", "two-hub", 6, None, "random:bits=6"),
    ("istree", "hubs", 6, None, "lstm:d=1,p=6"),
    ("istree", "doubled", 5, None, "window:w=4"),
    ("disjointness", None, 5, None, "random:bits=4"),
    ("copying", None, 4, 3, "elman:d=2,p=4"),
    ("triangle", None, 4, None, "random:bits=3"),
    ("index", None, 5, None, "random:bits=64"),
    ("index", None, 6, None, "gru:d=3,format=float64"),
]


def made(task, reduction, n, symbols, machine):
    chosen = reductions.build(task, reduction, n, symbols, None)
    return chosen, machines.build(machine, chosen.task, chosen.cut)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_best_guesses_are_those_of_plain_counting(case):
    chosen, machine = made(*case)
    found = best(machine, of_alice(chosen), chosen.n, Limits())
    states, errors, sizes = best_guesses(chosen, machine)
    assert (found.reachable_states, found.errors, found.inputs) == (states, errors, chosen.symbols**chosen.n)
    assert found.entropy_bits == pytest.approx(scipy.stats.entropy(sizes, base=2), abs=1e-12)


@given(st.integers(1, 6), st.integers(1, 12), st.integers(0, 50), st.sampled_from(["index", "ar", "istree"]))
@settings(max_examples=25, deadline=None)
def test_best_guesses_on_random_machines(n, bits, seed, task):
    chosen, machine = made(task, None, n, None, f"random:bits={bits},seed={seed}")
    found = best(machine, of_alice(chosen), n, Limits())
    assert (found.reachable_states, found.errors) == best_guesses(chosen, machine)[:2]


def test_chunks_change_nothing(monkeypatch):
    chosen, machine = made("istree", None, 7, None, "random:bits=9")
    whole = best(machine, of_alice(chosen), 7, Limits())
    monkeypatch.setattr(guesses, "CHUNK", 3)
    assert best(machine, of_alice(chosen), 7, Limits()) == whole


def test_it_may_stop_at_the_first_query_that_errs_too_often():
    chosen, machine = made("index", None, 6, None, "window:w=3")
    assert best(machine, of_alice(chosen), 6, Limits(), 5).errors == (32,)
    assert best(machine, of_alice(chosen), 6, Limits(), 32).errors == (32, 32, 32, 0, 0, 0)


def test_too_many_inputs_are_refused():
    chosen, machine = made("index", None, 20, None, "random:bits=9")
    with pytest.raises(OverLimit, match="--max-memory"):
        best(machine, of_alice(chosen), 20, Limits(max_memory=2**20))


MUTANTS = [
    ("most, left = np.maximum(most, times), left + times", "most, left = times, left + times"),
    ("    where = which[where]\n", "    where = np.roll(which[where], 1)\n"),
    ("edges.following[controls[some], k]", "edges.following[controls[some] * 0, k]"),
    ("symbols**i, symbols, -1", "symbols ** (0 * i), symbols, -1"),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=[new for _, new in MUTANTS])
def test_mutants_are_caught(mutant):
    source = Path(guesses.__file__).read_text()
    assert source.count(mutant[0]) == 1
    broken = types.ModuleType("broken")
    sys.modules["broken"] = broken
    exec(compile(source.replace(*mutant), "broken", "exec"), vars(broken))
    wrong = 0
    for case in CASES:
        chosen, machine = made(*case)
        try:
            found = broken.best(machine, of_alice(chosen), chosen.n, Limits())
            wrong += (found.reachable_states, found.errors) != best_guesses(chosen, machine)[:2]
        except (IndexError, ValueError):
            wrong += 1
    assert wrong


def test_symbols_out_of_order_are_put_in_order():
    """Edges may stand in any order; who is where must follow the symbols."""
    chosen, machine = made("index", None, 5, None, "window:w=2")
    prefixes = of_alice(chosen)
    turned = [
        type(e)(e.tokens[:, ::-1], e.following[:, ::-1], e.symbols[:, ::-1], e.reads) for e in prefixes.layers
    ]
    other = type(prefixes)(prefixes.name, tuple(turned), prefixes.symbols)
    assert best(machine, other, 5, Limits()) == best(machine, prefixes, 5, Limits())


# Families.


def specs(text, task=None, cut=4, bits=8.0):
    return [member.spec for member in Family(text).members(task or Index(4), cut, bits)]


def test_members_are_counted_up_by_capacity():
    assert specs("window:w")[:4] == ["window:w=1", "window:w=2", "window:w=3", "window:w=4"]
    assert specs("random:bits,seed=3", bits=3) == [f"random:bits={b},seed=3" for b in (1, 2, 3)]
    assert specs("random:bits=4:10:3", bits=1) == [f"random:bits={b}" for b in (4, 7, 10)]
    found = Family("gru:d,p").members(Index(4), 4, 6)
    assert [m.capacity_bits for m in found] == sorted(m.capacity_bits for m in found)
    assert {m.spec for m in found} == {
        f"gru:d={d},p={p}" for d in range(1, 7) for p in range(1, 7) if d * p <= 6
    }
    assert all(m.machine.capacity_bits(4) == m.capacity_bits <= 6 for m in found)


def test_values_that_a_machine_does_not_take_are_passed_over():
    """Heads must divide d."""
    found = specs("retnet:d,heads=2,p=2", bits=40)
    assert found
    assert all(int(spec.split("d=")[1].split(",")[0]) % 2 == 0 for spec in found)


def test_a_size_that_adds_no_room_is_counted_up_for_a_while():
    from commlb.tasks.counting import Counting

    assert len(specs("bloom:bits=8,hashes", Counting(5, 6), 5)) == 64
    assert len(specs("bloom:bits=8,hashes=1:3", Counting(5, 6), 5)) == 3
    assert len(specs("window:w")) == 4 + 64
    with pytest.raises(LimitError, match="more than 8,192 machines"):
        specs("gru:d=1:100,p=1:100")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("window:v", "no parameter 'v'"),
        ("wondow:w", "did you mean 'window'"),
        ("random:bits=5:3", "is no range"),
        ("random:bits=1:9:0", "is no range"),
        ("gru:p", "needs d"),
        ("random:bits=65:70", "1 to 64 bits"),
        ("gru:d,p=40:50", "p must be"),
    ],
)
def test_what_is_no_family_is_refused(text, said):
    with pytest.raises(BadInput, match=said):
        specs(text)


# The sequential test.


def coin(p, rng):
    return lambda trials: rng.binomial(trials, np.array(p))


def test_looks_double_and_end_where_they_must():
    assert sequential.looks(64) == [64]
    assert sequential.looks(65) == [64, 65]
    assert sequential.looks(2**14)[-2:] == [2**13, 2**14]


@pytest.mark.parametrize(("p", "right"), [([0.0, 0.001], True), ([0.0, 0.2], False), ([0.05, 0.05], None)])
def test_decisions(p, right):
    found = at_most(coin(p, np.random.default_rng(1)), 2, Fraction("0.05"), 0.01, 2**13)
    assert found.accepted is right
    assert found.trials <= 2**13
    assert (found.errors <= found.trials).all()


def test_wrong_decisions_are_as_rare_as_is_said():
    """At the very edge, where the test is easiest to fool: p just above and just below ε, level 20 %."""
    rng = np.random.default_rng(2)
    wrong = {True: 0, False: 0}
    for p, verdict in ((0.101, True), (0.099, False)):
        for _ in range(400):
            found = at_most(coin([p], rng), 1, Fraction("0.1"), 0.2, 1024)
            wrong[verdict] += found.accepted is verdict
    assert all(times <= scipy.stats.binom.ppf(0.9999, 400, 0.2) for times in wrong.values()), wrong


def test_one_error_refutes_no_error_and_nothing_shows_it():
    assert at_most(lambda trials: np.array([1]), 1, Fraction(0), 0.01, 256).accepted is False
    assert at_most(lambda trials: np.array([0]), 1, Fraction(0), 0.01, 256).accepted is None


def test_bits_shown_is_the_sum_over_queries():
    from commlb.fano import fano_bits
    from commlb.information import error_upper_limit

    decision = Decision(True, np.array([0, 3, 3, 50]), 100, 0.0)
    wanted = sum(fano_bits(error_upper_limit(k, 100, 1 - 1e-6 / 4)) for k in (0, 3, 3, 50))
    assert bits_shown(decision, 2, 1e-6) == pytest.approx(wanted)


def test_a_family_gives_the_machine_that_build_gives():
    member = Family("random:bits,seed=7").members(Index(4), 4, 5)[4]
    assert isinstance(member.machine, Random)
    assert member.machine.parameters == {"bits": 5, "seed": 7}
