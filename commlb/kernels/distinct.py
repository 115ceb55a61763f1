"""Which keys are there, how often, and in which group each one is: the engine's inner loop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def distinct(
    keys: NDArray[np.uint64], counts: NDArray[np.uint64] | None = None
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The distinct columns of ``keys`` (words, N) with the sums of their ``counts`` (limbs, N).

    A count is a number of ``limbs`` 64-bit limbs, lowest first; without ``counts`` each key counts 1.
    Returns (words, R) and (limbs, R). Keys are compared in full.

    >>> keys, counts = distinct(np.array([[7, 5, 7]], np.uint64))
    >>> keys.tolist(), counts.tolist()
    ([[5, 7]], [[1, 2]])
    """
    found, which = groups(keys)
    if counts is None:
        counts = np.ones((1, keys.shape[1]), np.uint64)
    half, carry = np.uint64(2**32 - 1), np.zeros(found.shape[1], np.uint64)
    sums = np.zeros((len(counts), found.shape[1]), np.uint64)
    for limb, row in enumerate(counts):
        for shift in (np.uint64(0), np.uint64(32)):
            np.add.at(carry, which, row >> shift & half)
            sums[limb] |= (carry & half) << shift
            carry >>= np.uint64(32)
    return found, sums


def groups(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The distinct columns of ``keys`` (words, N), shape (words, R), and for each column its group, 0 … R−1.

    >>> found, which = groups(np.array([[7, 5, 7]], np.uint64))
    >>> found[:, which].tolist()
    [[7, 5, 7]]
    """
    found, which = np.unique(keys, axis=1, return_inverse=True)
    return found, which.reshape(-1)
