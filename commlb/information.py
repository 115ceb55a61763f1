"""From errors to bits: Fano's inequality, exact confidence limits, entropy of counted states."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from commlb.kernels.distinct import distinct
from commlb.machines.base import Array

CONFIDENCE = 0.99
"""Confidence of every sampled statement, unless it says another."""


def error_upper_limit(errors: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """Clopper and Pearson's one-sided upper limit U: P(at most ``errors`` errors | U) = 1 − confidence.

    With probability ≥ ``confidence`` over independent trials, the true error is at most U.

    >>> round(error_upper_limit(0, 1000), 5)
    0.00459
    """
    if errors >= trials:
        return 1.0
    counts = np.arange(errors + 1)
    lgamma = np.array([math.lgamma(k + 1) + math.lgamma(trials - k + 1) for k in counts])
    choose = math.lgamma(trials + 1) - lgamma

    def tail(p: float) -> float:
        return float(np.exp(choose + counts * math.log(p) + (trials - counts) * math.log1p(-p)).sum())

    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if not 0 < middle < 1:
            break
        if tail(middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def entropy(counts: Iterable[int]) -> float:
    """H in bits of the distribution with these multiplicities.

    Summed from the sorted spectrum of multiplicities with exact rounding, so that the order in which
    states were met cannot change the last bit.

    >>> entropy([1, 1, 2])
    1.5
    """
    found: dict[int, int] = {}
    for count in counts:
        found[int(count)] = found.get(int(count), 0) + 1
    return entropy_of_spectrum(found)


def entropy_of_spectrum(spectrum: dict[int, int]) -> float:
    """``entropy`` from how often each multiplicity occurs; exact integers of any size.

    >>> entropy_of_spectrum({1: 2, 2: 1}), entropy_of_spectrum({2**2000: 4})
    (1.5, 2.0)
    """
    total = sum(count * times for count, times in spectrum.items())
    whole = math.log2(total)
    return math.fsum(
        count * times / total * (whole - math.log2(count)) for count, times in sorted(spectrum.items())
    )


def entropies(shares: Array) -> Array:
    """H in bits of each row of probabilities (rows, N), summed from the smallest up.

    So the order in which states were met cannot change the last bit.

    >>> entropies(np.array([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]])).tolist()
    [1.0, 1.5]
    """
    ordered = np.sort(shares, axis=1)
    logs = np.log2(ordered, where=ordered > 0, out=np.zeros_like(ordered))
    return -(ordered * logs).sum(axis=1)


def spectrum(counts: Array) -> dict[int, int]:
    """How often each multiplicity occurs among ``counts`` (limbs, R), 64-bit limbs, lowest first.

    >>> spectrum(np.array([[1, 1, 2]], np.uint64))
    {1: 2, 2: 1}
    """
    found, times = distinct(counts)
    values = [sum(limb << 64 * k for k, limb in enumerate(column)) for column in found.T.tolist()]
    return dict(sorted(zip(values, times[0].tolist(), strict=True)))


def about_inputs(xs: Array, ids: Array, symbols: int) -> tuple[list[float], list[float]]:
    """I(X_i; S) for each i, and how often the best guess of x_i from the state is right.

    From all inputs: xs of shape (n, V^n), and for each the number of its state, ids (V^n,). Exact counts; the
    logarithms are floating point.

    >>> about_inputs(np.array([[0, 0, 1, 1], [0, 1, 0, 1]]), np.array([0, 0, 1, 1]), 2)
    ([1.0, 0.0], [1.0, 0.5])
    """
    states = int(ids.max()) + 1
    state = entropy(np.bincount(ids, minlength=states).tolist())
    found, best = [], []
    for row in xs:
        joint = np.bincount(ids * symbols + row, minlength=states * symbols)
        both, symbol = entropy(joint[joint > 0].tolist()), entropy(np.bincount(row).tolist())
        found.append(max(0.0, symbol + state - both))
        best.append(int(joint.reshape(states, symbols).max(axis=1).sum()) / len(ids))
    return found, best
