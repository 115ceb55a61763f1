"""Fano's inequality: how many bits right answers show, and how many answers bits allow. Plain arithmetic."""

from __future__ import annotations

import math


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
