"""The sketches against slow twins, their errors over fresh coins against formulas, mutants to be caught."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import mix, run_one

import commlb
from commlb import chains, machines, retention
from commlb.errors import BadInput
from commlb.fano import ceiling_accuracy
from commlb.information import error_upper_limit
from commlb.machines.sketches import Fingerprint, Reservoir
from commlb.machines.sketches_of_counts import Bloom, CountMin, false_positive
from commlb.plots.chains import chain_rows
from commlb.problems import Equality as EQ
from commlb.protocol import OneWayProtocol
from commlb.reductions import build
from commlb.tasks.counting import Counting
from commlb.tasks.equality import Equality
from commlb.tasks.index import Index

SURE = 1 - 1e-6
"""Confidence of a limit beyond which a formula counts as refuted."""


def agrees(errors: int, trials: int, error: float) -> bool:
    """Whether an error rate is within both Clopper–Pearson limits of what was seen."""
    low = 1 - error_upper_limit(trials - errors, trials, SURE)
    return low <= error <= error_upper_limit(errors, trials, SURE)


# Twins in plain Python: one run, sets and lists, coins by integer arithmetic.


def coin(seed: int, j: int) -> int:
    return mix((mix(seed) + 0x9E3779B97F4A7C15 * (j + 1)) % 2**64)


def bloom(stream, bits, hashes, seed):
    *text, query, _ = stream
    held = {coin(seed, (q - 1) * hashes + j) % bits for q in text for j in range(hashes)}
    return int(all(coin(seed, (query - 1) * hashes + j) % bits in held for j in range(hashes)))


def count_min(stream, width, depth, seed):
    *text, query, threshold = stream
    rows = [Counter(coin(seed, (q - 1) * depth + j) % width for q in text) for j in range(depth)]
    least = min(row[coin(seed, (query - 1) * depth + j) % width] for j, row in enumerate(rows))
    return int(least >= threshold)


def reservoir(stream, k, seed):
    *word, query = stream
    held: list[tuple[int, int]] = []
    for t, symbol in enumerate(word):
        place = coin(seed, t) % (t + 1)
        if t < k:
            held.append((t + 1, symbol))
        elif place < k:
            held[place] = (t + 1, symbol)
    return dict(held).get(query, 0)


def fingerprint(stream, bits, seed):
    n = len(stream) // 2
    agree = []
    for place in range(bits):
        row = [coin(seed, j) >> (63 - place) & 1 for j in range(n)]
        agree.append(sum(r * b for r, b in zip(row * 2, stream, strict=True)) % 2 == 0)
    return int(all(agree))


seeds = st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1))


@settings(max_examples=80)
@given(st.data(), st.integers(1, 6), st.integers(1, 5), seeds)
def test_counting_sketches_are_their_twins(data, n, types, seed):
    task = Counting(n, types)
    stream = [data.draw(st.sampled_from(task.alphabet(t))) for t in range(task.length)]
    size, hashes = data.draw(st.integers(1, 140)), data.draw(st.integers(1, 4))
    found = run_one(Bloom(task, n, size, hashes, seed), stream)
    assert found == bloom(stream, size, hashes, seed)
    found = run_one(CountMin(task, n, size, hashes, seed), stream)
    assert found == count_min(stream, size, hashes, seed)


@settings(max_examples=80)
@given(st.data(), st.integers(1, 9), st.integers(2, 5), st.integers(1, 11), seeds)
def test_reservoir_is_its_twin(data, n, symbols, k, seed):
    task = Index(n, symbols)
    stream = [data.draw(st.sampled_from(task.alphabet(t))) for t in range(task.length)]
    machine = Reservoir(task, n, k, seed)
    assert run_one(machine, stream) == reservoir(stream, k, seed)
    held = {p + 1 for p in machine.kept(n).tolist()}
    assert held == {i for i in range(1, n + 1) if reservoir([1] * n + [i], k, seed)}


@settings(max_examples=80)
@given(st.data(), st.integers(1, 8), st.integers(1, 64), seeds)
def test_fingerprint_is_its_twin(data, n, bits, seed):
    stream = data.draw(st.lists(st.integers(0, 1), min_size=2 * n, max_size=2 * n))
    assert run_one(Fingerprint(Equality(n), n, bits, seed), stream) == fingerprint(stream, bits, seed)


# What holds whatever the coins, and mutants of it.


def says_no_wrongly(cls, *parameters) -> bool:
    """Whether a machine answers no somewhere where the count is reached, on all streams of three sizes."""
    for task in (Counting(3, 2), Counting(2, 3), Counting(4, 2)):
        streams = np.array(list(itertools.product(*[task.alphabet(t) for t in range(task.length)]))).T
        right = np.array([task.solve(stream) for stream in streams.T.tolist()])
        for seed in range(4):
            machine = cls(task, task.text_length, *parameters, seed)
            states = machine.start(streams.shape[1])
            for t, tokens in enumerate(streams):
                states = machine.step(states, tokens, t)
            if (right & (machine.output(states) == 0)).any():
                return True
    return False


class ForgetsRepeats(CountMin):
    """Counts a token once: under-counts."""

    def advance(self, states, tokens, t):
        super().advance(states, tokens, t)
        if t < self.task.text_length:
            np.minimum(states, 1, out=states)


class OneRowMissed(CountMin):
    """Does not count in the last row."""

    def advance(self, states, tokens, t):
        last = states[-self.width :].copy()
        super().advance(states, tokens, t)
        if t < self.task.text_length:
            states[-self.width :] = last


class ReadsOtherBits(Bloom):
    """Asks for the bits of the next token."""

    def advance(self, states, tokens, t):
        super().advance(states, tokens + (t == self.task.text_length), t)


@pytest.mark.parametrize("parameters", [(1, 1), (3, 2), (16, 3)])
def test_a_no_is_always_right(parameters):
    assert not says_no_wrongly(CountMin, *parameters)
    assert not says_no_wrongly(Bloom, *parameters)


@pytest.mark.parametrize("mutant", [ForgetsRepeats, OneRowMissed, ReadsOtherBits])
def test_a_sketch_that_counts_too_few_is_caught(mutant):
    assert says_no_wrongly(mutant, 16, 2)


def accepted(machine, xs, ys, rng) -> int:
    """How many of the pairs (xs, ys), (n, runs), a machine for equality accepts, fresh coins for each."""
    machine = machine.tossed(rng, xs.shape[1])
    states = machine.start(xs.shape[1])
    for t, tokens in enumerate([*xs, *ys]):
        states = machine.step(states, tokens, t)
    return int(machine.output(states).sum())


def misfit(cls, n=6, bits=2, runs=4000):
    """The first difference x ⊕ y on which the error of a fingerprint is not 2^-bits, None if there is none."""
    rng = np.random.default_rng(11)
    for difference in itertools.product((0, 1), repeat=n):
        xs = rng.integers(2, size=(n, runs))
        count = accepted(cls(Equality(n), n, bits), xs, xs ^ np.array(difference)[:, None], rng)
        if any(difference) and not agrees(count, runs, 2.0**-bits):
            return difference
        if not any(difference) and count < runs:
            return difference
    return None


class StuckCoin(Fingerprint):
    """The coins of one position are always zero."""

    def _coins(self, place):
        return super()._coins(place) * np.uint64(int(place[0]) != 3)


class SharedCoins(Fingerprint):
    """Two positions have the same coins."""

    def _coins(self, place):
        return super()._coins(np.where(place == 4, 1, place))


class DependsOnT(Fingerprint):
    """The second word has other coins than the first."""

    def advance(self, states, tokens, t):
        word = self._coins(np.array([t])) >> np.uint64(64 - self.bits)
        states[0] ^= tokens.astype(np.uint64) * word


def test_a_fingerprint_errs_on_every_unequal_pair_as_often_as_its_formula_says():
    assert misfit(Fingerprint) is None
    assert Fingerprint(Equality(6), 6, 2).error_formula().error == 0.25


@pytest.mark.parametrize(
    ("mutant", "caught"),
    [(StuckCoin, (0, 0, 0, 1, 0, 0)), (SharedCoins, (0, 1, 0, 0, 1, 0)), (DependsOnT, (0,) * 6)],
)
def test_a_fingerprint_with_bad_coins_is_caught(mutant, caught):
    assert misfit(mutant) == caught


# Measured errors against formulas.


def counting_error(false_yes, n: int) -> float:
    """P(x_i = 0 and a yes) for uniform x, i: then the blank and Bin(n−1, ½) other tokens have come."""
    ways = [math.comb(n - 1, ones) for ones in range(n)]
    return sum(w * false_yes(ones + 1) for ones, w in enumerate(ways)) / 2 ** (n - 1) / 2


@pytest.mark.parametrize(
    ("spec", "n", "false_yes"),
    [
        ("bloom:bits=32,hashes=2", 12, lambda d: false_positive(32, 2, d)),
        ("bloom:bits=70,hashes=3", 20, lambda d: false_positive(70, 3, d)),
        ("countmin:width=12,depth=2", 12, lambda d: (1 - (1 - 1 / 12) ** d) ** 2),
    ],
)
def test_measured_errors_of_counting_sketches_are_those_of_the_formulas(spec, n, false_yes):
    reduction = build("counting", None, n, None, None)
    machine = machines.build(spec, reduction.task, n)
    tally = OneWayProtocol(reduction, machine).tally(40_000, np.random.default_rng(3))
    assert tally[1, 1] == 0
    assert agrees(int(tally[0, 1]), 40_000, counting_error(false_yes, n)), tally
    assert machine.error_formula().error == pytest.approx(false_yes(n))


def false_yes_after(machine, distinct: int, runs: int, seed: int) -> int:
    """How often the token ``distinct`` + 1 is taken for one of 1 … distinct, fresh coins each run."""
    made = machine.tossed(np.random.default_rng(seed), runs)
    states = made.start(runs)
    for t, token in enumerate([*range(1, distinct + 1), distinct + 1, 1]):
        states = made.step(states, np.full(runs, token), t)
    return int(made.output(states).sum())


def test_the_textbook_formula_of_bloom_filters_is_an_approximation():
    """3 bits, 3 hash functions, 1 token: 103/243 = 0.4239 (measured 0.4256), not 0.2526 nor 0.3485."""
    machine, runs = Bloom(Counting(1, 2), 1, 3, 3), 60_000
    errors = false_yes_after(machine, 1, runs, 5)
    assert agrees(errors, runs, false_positive(3, 3, 1))
    for approximation in ((1 - math.exp(-1)) ** 3, (1 - (1 - 1 / 3) ** 3) ** 3):
        assert approximation < false_positive(3, 3, 1)
        assert not agrees(errors, runs, approximation)


@pytest.mark.parametrize(
    ("bits", "hashes", "distinct"), [(1, 2, 1), (2, 2, 2), (3, 2, 2), (4, 1, 4), (3, 3, 1)]
)
def test_false_positive_is_the_share_of_all_hash_values(bits, hashes, distinct):
    throws = hashes * distinct
    hits = sum(len(set(thrown)) ** hashes for thrown in itertools.product(range(bits), repeat=throws))
    share = Fraction(hits, bits ** (throws + hashes))
    assert false_positive(bits, hashes, distinct) == pytest.approx(float(share), abs=1e-14)


def test_count_min_keeps_its_textbook_promise():
    """Estimate − count > e·n/w with probability at most e^−depth (Cormode, Muthukrishnan 2005)."""
    n, width, depth, runs = 40, 20, 2, 20_000
    machine = CountMin(Counting(n, n + 1), n, width, depth).tossed(np.random.default_rng(2), runs)
    text = np.random.default_rng(4).integers(1, n + 1, size=(n, runs))
    states = machine.start(runs)
    for t, tokens in enumerate(text):
        states = machine.step(states, tokens, t)
    states = machine.step(states, text[0], n)
    excess = states[0].astype(np.int64) - (text == text[0]).sum(axis=0)
    assert excess.min() == 0
    errors = int((excess > math.e * n / width).sum())
    assert 1 - error_upper_limit(runs - errors, runs, SURE) <= math.exp(-depth)


@pytest.mark.parametrize(("n", "k", "symbols"), [(9, 4, 2), (10, 1, 3), (6, 6, 2)])
def test_a_reservoir_keeps_each_position_with_the_same_probability(n, k, symbols):
    runs, error = 20_000, 1 - k / n
    reduction = build("index", None, n, symbols, None)
    machine = Reservoir(reduction.task, n, k)
    assert machine.error_formula().error == pytest.approx(error)
    tally = OneWayProtocol(reduction, machine).tally(runs, np.random.default_rng(1))
    assert tally[0, 1] == 0
    assert agrees(int(tally[:, 1].sum()), runs, error * (1 - 1 / symbols))
    rng = np.random.default_rng(6)
    ones = np.ones((n, 4000), np.int64)
    for i in range(1, n + 1):
        protocol = OneWayProtocol(reduction, machine.tossed(rng, 4000))
        wrong = int((protocol.decode(protocol.send(ones), np.full(4000, i)) != 1).sum())
        assert agrees(wrong, 4000, error), i


def test_fresh_coins_are_the_same_for_alice_and_bob_and_others_in_each_run():
    """Were they not the same, equal words would be refused; were they fixed, all runs would err alike."""
    n, reduction = 8, build("equality", None, 8, None, None)
    tally = OneWayProtocol(reduction, Fingerprint(Equality(n), n, 4)).tally(20_000, np.random.default_rng(9))
    assert tally[1, 1] == 0
    assert agrees(int(tally[0, 1]), int(tally[0, 0]), 2.0**-4)
    xs = np.zeros((n, 500), np.int64)
    ys = xs.copy()
    ys[0] = 1
    machine = Fingerprint(Equality(n), n, 1)
    assert 0 < accepted(machine, xs, ys, np.random.default_rng(0)) < 500


# Bounds.


@pytest.mark.parametrize("n", [1, 2, 3])
def test_no_fewer_messages_do_for_one_sided_equality(n):
    """All ways to give 2^n words messages, up to their names: the share of x ≠ y with one message is no lower."""
    words = 2**n
    best = {}
    for sizes in partitions(words, words):
        pairs = sum(size * (size - 1) for size in sizes)
        best[len(sizes)] = min(best.get(len(sizes), pairs), pairs)
    for messages, pairs in best.items():
        share = Fraction(pairs, words * (words - 1))
        assert 2 ** EQ(n).one_sided_bound(math.nextafter(float(share), 1)).bits <= messages + 1e-9


def partitions(total: int, largest: int):
    """The partitions of a number, as lists of parts."""
    if total == 0:
        yield []
    for part in range(min(total, largest), 0, -1):
        for rest in partitions(total - part, part):
            yield [part, *rest]


def test_the_fingerprint_is_the_smallest_of_its_error():
    for n in range(1, 40):
        for bits in range(1, n + 1):
            least = EQ(n).one_sided_bound(2.0**-bits).bits
            assert math.ceil(least) == bits
            assert least == bits or n < 2 * bits
    assert EQ(10**5).one_sided_bound(2.0**-64).bits == 64
    assert EQ(7).one_sided_bound(0.0).bits == 7


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_with_its_coins_fixed_a_small_fingerprint_errs_on_some_pair(bits):
    result = commlb.reduce("equality", 5, machine=f"fingerprint:bits={bits}", seed=1)
    assert result.answers.evidence == "exhaustive"
    assert result.answers.errors > 0
    assert result.message.reachable_states <= 2**bits
    assert result.never_errs is False


def test_states_speak_of_the_machine_whose_coins_are_fixed():
    reduction = build("equality", None, 6, None, None)
    each = [
        retention.run(reduction, Fingerprint(reduction.task, 6, 3, seed)).cuts[-1].reachable_states
        for seed in range(6)
    ]
    assert set(each) <= {1, 2, 4, 8}
    assert each[0] == 8


# What is said.


def test_the_result_has_the_errors_over_fresh_coins():
    r = commlb.reduce("equality", 64, machine="fingerprint:bits=8", seed=1)
    coins = r.public_coins
    assert (coins.trials, coins.errors) == (r.answers.trials, r.answers.errors)
    assert coins.error < coins.error_at_most == pytest.approx(1 - r.answers.accuracy_at_least)
    assert sum(on.trials for on in coins.by_value) == coins.trials
    unequal, equal = coins.by_value
    assert (unequal.value, equal.value, equal.errors) == (0, 1, 0)
    assert 400 < unequal.trials < 600
    assert unequal.errors / unequal.trials < unequal.error_at_most
    assert coins.formula.error == 2**-8 < unequal.error_at_most
    assert (coins.bound.bits, coins.bound.evidence) == (8, "proved")
    assert r.machine.capacity_bits == 8 < r.bound.bits
    assert "It may have less, since it errs over its public coins" in r.verdict
    assert "is right on every input" not in r.verdict
    assert r == commlb.reduce("equality", 64, machine="fingerprint:bits=8", seed=1)
    assert json.loads(json.dumps(dataclasses.asdict(r)))["public_coins"]["formula"]["error"] == 2**-8


def test_fixed_and_fresh_coins_are_not_mixed():
    few = commlb.reduce("index", 6, machine="reservoir:k=3", seed=2)
    assert few.answers.evidence == few.message.evidence == few.information.evidence == "exhaustive"
    assert few.answers.accuracy == 0.75
    assert few.public_coins.trials == 1000
    drawn = commlb.reduce("index", 6, machine="reservoir:k=3", seed=2, trials=1000)
    assert drawn.answers.evidence == drawn.information.evidence == "sampled"
    assert drawn.message.evidence is None
    assert drawn.public_coins == few.public_coins
    assert drawn.public_coins.bound.bits == drawn.answers.fano_bits <= 3
    assert "with public coins or without, answers more than" in drawn.verdict
    assert drawn.answers.ceiling_accuracy == ceiling_accuracy(3, 6)


def test_without_trials_the_formula_stands_alone_and_other_machines_have_no_coins():
    r = commlb.reduce("equality", 64, machine="fingerprint:bits=8", trials=0)
    assert r.public_coins.trials is r.public_coins.error_at_most is r.seed is None
    assert r.public_coins.bound.bits == 8
    assert commlb.reduce("equality", 4, machine="window:w=2").public_coins is None
    r = commlb.reduce("counting", 30, machine="countmin:width=2,depth=1", trials=0)
    assert r.public_coins.bound is None


def test_a_filter_too_large_for_its_formula_has_none():
    machine = Bloom(Counting(5000, 5001), 5000, 10**6, 4)
    assert machine.error_formula() is None


@pytest.mark.parametrize(
    "args",
    [
        ("equality", "--n", "40", "--machine", "fingerprint:bits=5"),
        ("equality", "--n", "4", "--machine", "fingerprint:bits=2", "--x", "0110", "--y", "0111"),
        ("counting", "--n", "20", "--machine", "bloom:bits=30,hashes=2", "--i", "3"),
        ("counting", "--n", "5", "--machine", "countmin:width=3,depth=2", "--i", "3"),
        ("index", "--n", "30", "--symbols", "3", "--machine", "reservoir:k=7", "--i", "3"),
        ("equality", "--n", "40", "--machine", "fingerprint:bits=5", "--trials", "0"),
    ],
    ids=lambda args: " ".join(args[:5]),
)
def test_text_fits_and_says_what_coins_do(capsys, args):
    from commlb_cli import main

    with pytest.raises(SystemExit) as stop:
        main(["reduce", *args, "--seed", "1"])
    out, err = capsys.readouterr()
    assert (stop.value.code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "Public coins, read by both halves and no part of the message; fresh each trial:" in out
    assert "  formula error" in out
    words = " ".join(out.split())
    assert ("with 99% confidence" in words) == ("--trials" not in args)
    assert "by any machine, with public coins or without" in words


def test_a_picture_does_not_hold_a_machine_that_errs_against_bounds_without_error():
    r = commlb.reduce("equality", 20, machine="fingerprint:bits=5", seed=1)
    rows = {row.name: row.bits for row in chain_rows(r)}
    assert rows["EQ: must cross without error"] == rows["closed form: needed without error"] == 20
    assert rows["room needed with this error"] == rows["capacity bits"] == 5
    rows = {row.name for row in chain_rows(commlb.reduce("equality", 20, machine="window:w=5", seed=1))}
    assert {"EQ: must cross", "closed form: any machine needs"} <= rows


def test_the_list_says_which_task_a_sketch_serves():
    entries = {entry.name: entry.summary for entry in commlb.catalogue().machines}
    assert entries["bloom:bits=…,hashes=…"].startswith("for the task counting: ")
    assert entries["fingerprint:bits=…"].startswith("for the task equality: ")
    assert not entries["window:w=…"].startswith("for the task")


@pytest.mark.parametrize(
    ("task", "spec", "words"),
    [
        (
            "index",
            "bloom:bits=8,hashes=1",
            "bloom works for the task counting only; given index; take that task",
        ),
        ("counting", "fingerprint:bits=8", "fingerprint works for the task equality only; given counting"),
        ("counting", "bloom:bits=8", "machine bloom needs hashes"),
        ("counting", "bloom:bits=0,hashes=1", "bits must be an integer of at least 1; given 0"),
        (
            "counting",
            "bloom:bits=99999999,hashes=1",
            "bloom takes bits from 1 to 16777216; given bits=99999999",
        ),
        ("counting", "bloom:bits=8,hashes=65", "bloom takes hashes from 1 to 64; given hashes=65"),
        ("counting", "countmin:width=0,depth=1", "width must be an integer of at least 1"),
        ("counting", "countmin:width=99999999,depth=2", "countmin takes width from 1 to 8388608"),
        (
            "equality",
            "fingerprint:bits=65",
            "fingerprint takes bits from 1 to 64; given bits=65; choose fewer",
        ),
        ("index", "reservoir:k=0", "k must be an integer of at least 1"),
        ("index", "reservoir:k=2,seed=-1", "seed must be an integer of at least 0"),
    ],
)
def test_bad_sketches_are_refused_in_one_line(task, spec, words):
    with pytest.raises(BadInput, match=words) as caught:
        commlb.reduce(task, 4, machine=spec)
    assert "\n" not in str(caught.value)


def test_a_machine_is_run_as_it_is_given():
    """``chains.run`` takes a sketch of one's own, with no formula and no bound to set beside it."""

    class Mine(Fingerprint):
        def error_formula(self):
            return None

    reduction = build("equality", None, 30, None, None)
    r = chains.run(reduction, Mine(reduction.task, 30, 4), seed=1)
    assert r.public_coins.formula is r.public_coins.bound is None
    assert "it may err over its public coins" in r.verdict
