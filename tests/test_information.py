"""Fano, confidence limits and entropy against independent formulas."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from commlb.fano import binary_entropy, ceiling_accuracy, fano_bits
from commlb.information import about_inputs, entropy, error_upper_limit


@given(st.floats(0, 1), st.integers(2, 70))
def test_fano_bits_is_what_a_symmetric_channel_carries(error, symbols):
    """g(ε) is the mutual information of the channel that errs uniformly: log k − H(row)."""
    row = [1 - error] + [error / (symbols - 1)] * (symbols - 1)
    information = math.log2(symbols) - scipy.stats.entropy(row, base=2)
    wanted = information if error < 1 - 1 / symbols else 0.0
    assert fano_bits(error, symbols) == pytest.approx(max(0, wanted), abs=1e-9)


@given(st.floats(0, 20), st.integers(1, 40), st.integers(2, 9))
def test_ceiling_accuracy_inverts_fano_from_above(bits, n, symbols):
    best = ceiling_accuracy(bits, n, symbols)
    assert 1 / symbols - 1e-12 <= best <= 1
    assert n * fano_bits(1 - best, symbols) >= min(bits, n * math.log2(symbols)) - 1e-6


def test_ceiling_is_monotone_and_meets_its_ends():
    values = [ceiling_accuracy(bits, 16) for bits in range(17)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0.5, 1.0)
    assert ceiling_accuracy(1e9, 10_000_000) == 1.0


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 3000), st.floats(0, 1), st.sampled_from([0.9, 0.95, 0.99, 0.999]))
def test_upper_limit_is_clopper_and_pearsons(trials, share, confidence):
    errors = round(share * trials)
    wanted = 1.0 if errors == trials else scipy.stats.beta.ppf(confidence, errors + 1, trials - errors)
    assert error_upper_limit(errors, trials, confidence) == pytest.approx(wanted, rel=1e-7)


def test_upper_limit_covers():
    """Exactly computed: the chance that the limit falls below the true error is at most 1 − confidence."""
    trials = 40
    limits = [error_upper_limit(k, trials, 0.95) for k in range(trials + 1)]
    for p in np.linspace(0.01, 0.99, 60):
        miss = sum(scipy.stats.binom.pmf(k, trials, p) for k in range(trials + 1) if limits[k] < p)
        assert miss <= 0.05 + 1e-12


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_entropy_is_scipys_and_does_not_depend_on_order(counts):
    assert entropy(counts) == pytest.approx(scipy.stats.entropy(counts, base=2), abs=1e-12)
    assert entropy(counts) == entropy(sorted(counts)) == entropy(counts[::-1])


def test_information_about_each_input():
    """States x_1 ⊕ x_2 and x_3 of four bits: nothing about single bits but x_3."""
    xs = np.array(list(itertools.product((0, 1), repeat=4))).T
    ids = (xs[0] ^ xs[1]) * 2 + xs[2]
    bits, best = about_inputs(xs, ids, 2)
    assert bits == pytest.approx([0, 0, 1, 0])
    assert best == [0.5, 0.5, 1, 0.5]
    bits, best = about_inputs(xs, xs[0] & xs[1], 2)
    assert best == [0.75, 0.75, 0.5, 0.5]
    assert bits == pytest.approx([binary_entropy(0.25) - 0.5] * 2 + [0, 0], abs=1e-12)
