"""From errors to bits: Fano's inequality, exact confidence limits, entropy of counted states."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from commlb.kernels.distinct import distinct
from commlb.machines.base import Array

CONFIDENCE = 0.99
"""Confidence of every sampled statement, unless it says another."""


def binary_entropy(p: float) -> float:
    """H₂(p) = −p·log p − (1−p)·log(1−p), in bits."""
    return -sum(q * math.log2(q) for q in (p, 1 - p) if q > 0)


def fano_bits(error: float, symbols: int = 2) -> float:
    """g(ε) = log k − H₂(ε) − ε·log(k−1): bits about a uniform symbol that a guess with error ε has.

    0 from ε = 1 − 1/k on, where a blind guess stands; convex and falling before. Source: Fano's inequality,
    Cover and Thomas 2006, Sec. 2.10.

    >>> fano_bits(0.0), fano_bits(0.5), round(fano_bits(0.11), 3)
    (1.0, 0.0, 0.5)
    """
    if error >= 1 - 1 / symbols:
        return 0.0
    return max(0.0, math.log2(symbols) - binary_entropy(error) - error * math.log2(max(1, symbols - 1)))


def ceiling_accuracy(bits: float, n: int, symbols: int = 2) -> float:
    """The best mean accuracy over n queries that ``bits`` bits about x allow: 1 − ε*, g(ε*) = bits/n.

    By Fano's inequality, convexity of g and independence of the symbols; 1 if bits ≥ n·log k. Found by
    bisection, rounded towards 1, so that it stays an upper bound.

    >>> ceiling_accuracy(64, 64), ceiling_accuracy(0, 64), round(ceiling_accuracy(32, 64), 3)
    (1.0, 0.5, 0.89)
    """
    target = bits / n
    low, high = 0.0, 1 - 1 / symbols
    if target >= math.log2(symbols):
        return 1.0
    if target <= 0:
        return 1 / symbols
    for _ in range(200):
        middle = (low + high) / 2
        if fano_bits(middle, symbols) > target:
            low = middle
        else:
            high = middle
    return 1 - low


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
