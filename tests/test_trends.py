"""Trends: the slope of what was made, and silence where the points do not say which law fits."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from commlb.errors import BadInput
from commlb.trends import LAWS, Trend, fits, trend

SIZES = {"few": range(2, 7), "many": range(2, 25), "powers": (2, 4, 8, 16, 32, 64)}


def noisy(law: str, sizes: object, seed: int, noise: float = 1.0) -> list[float]:
    rng = np.random.default_rng(seed)
    return [3 * LAWS[law](n) + 1 + noise * rng.normal() for n in sizes]  # type: ignore[attr-defined]


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_a_line_without_noise_has_its_slope_and_no_interval(sizes):
    found = trend(sizes, noisy("n", sizes, 0, 0.0))
    assert found == Trend(3.0, 1.0, 3.0, 3.0, "n")
    assert found.words() == "slope 3"


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_n_log_n_without_noise_is_said(sizes):
    found = trend(sizes, noisy("n log n", sizes, 0, 0.0))
    assert found is not None
    assert found.law == "n log n"
    assert found.low < found.slope < found.high
    assert found.words().endswith("; n log n fits better than n")


@pytest.mark.parametrize("law", ["n", "n log n"])
def test_laws_are_found_in_noise_where_there_are_many_points(law):
    found = [trend(SIZES["many"], noisy(law, SIZES["many"], seed, 0.3)) for seed in range(20)]
    assert sum(one is not None and one.law == law for one in found) >= 18
    assert not any(one is None or one.law not in (law, None) for one in found)


@pytest.mark.parametrize("law", LAWS)
def test_noise_is_not_taken_for_a_law(law):
    """Five points in noise of their own size: which law made them cannot be seen."""
    scale = 3 * (LAWS[law](6) - LAWS[law](2))
    found = [trend(SIZES["few"], noisy(law, SIZES["few"], seed, scale)) for seed in range(60)]
    assert sum(one is not None and one.law is not None for one in found) <= 3


def test_the_interval_holds_the_slope_about_as_often_as_it_says():
    found = [trend(SIZES["many"], noisy("n", SIZES["many"], seed)) for seed in range(100)]
    assert sum(one is not None and one.low <= 3 <= one.high for one in found) >= 85


def test_a_slope_is_least_squares_on_the_points():
    bits = noisy("n", SIZES["many"], 5)
    found = trend(SIZES["many"], bits)
    assert found is not None
    assert (found.slope, found.start) == pytest.approx(np.polyfit(SIZES["many"], bits, 1), abs=1e-8)
    flat = trend(SIZES["many"], np.random.default_rng(3).normal(size=23).tolist())
    assert flat is not None
    assert flat.is_flat
    assert not found.is_flat


def test_the_same_points_have_the_same_trend_and_few_have_none():
    bits = noisy("n", SIZES["few"], 1)
    assert trend(SIZES["few"], bits) == trend(list(SIZES["few"]), bits)
    assert trend([2, 3, 4], [1.0, 2.0, 3.0]) is None
    assert trend([2, 3, 4, 4, 4], [1.0] * 5) is None
    assert trend([], []) is None
    four = trend([2, 3, 4, 5], [n * math.log2(n) for n in (2, 3, 4, 5)])
    assert four is not None
    assert four.law is None


@pytest.mark.parametrize(("law", "other"), [("n", "n log n"), ("n log n", "n")])
def test_the_law_is_said_where_the_points_show_it(law, other):
    found = trend(SIZES["many"], noisy(law, SIZES["many"], 2, 0.3))
    assert found is not None
    assert found.words().endswith(f"); {law} fits better than {other}")
    assert dataclasses.replace(found, law=None).words() == found.words().partition(";")[0]


def test_bits_that_do_not_grow():
    found = trend([2, 3, 4, 5, 6], [7.0] * 5)
    assert found == Trend(0.0, 7.0, 0.0, 0.0, None)
    assert found.is_flat


@pytest.mark.parametrize(("sizes", "bits"), [([1, 2], [1.0]), ([0, 1, 2, 3], [1.0] * 4), ([-1], [1.0])])
def test_what_is_no_size_is_refused(sizes, bits):
    with pytest.raises(BadInput, match="sizes from 1 on"):
        trend(sizes, bits)


def test_each_law_is_the_best_fit_of_itself():
    sizes = list(range(2, 12))
    for law, other in itertools.pairwise([*LAWS, "log n"]):
        found = fits(sizes, noisy(law, sizes, 0, 0.0))
        assert (found[0].law, found[0].a, found[0].b, found[0].rms) == (law, 3.0, 1.0, 0.0)
        assert next(fit.rms for fit in found if fit.law == other) > 0
