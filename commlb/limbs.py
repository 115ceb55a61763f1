"""Exact numbers of several 64-bit limbs, lowest first, in columns: arrays of shape (…, limbs, N)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]


def minus(a: Words, b: Words) -> Words:
    """a − b, column by column, where a ≥ b.

    >>> minus(np.array([[0], [1]], np.uint64), np.array([[1], [0]], np.uint64)).tolist()
    [[18446744073709551615], [0]]
    """
    a, b = np.broadcast_arrays(a, b)
    found = np.empty(a.shape, np.uint64)
    borrow = np.zeros((), np.uint64)
    for limb in range(a.shape[-2]):
        above, below = a[..., limb, :], b[..., limb, :]
        less = above - below
        found[..., limb, :] = less - borrow
        borrow = ((above < below) | (less < borrow)).astype(np.uint64)
    return found


def larger(a: Words, b: Words) -> Words:
    """The larger of a and b, column by column.

    >>> larger(np.array([[5, 0], [0, 1]], np.uint64), np.array([[7, 9], [0, 0]], np.uint64)).tolist()
    [[7, 0], [0, 1]]
    """
    shape = (*a.shape[:-2], a.shape[-1])
    above, equal = np.zeros(shape, bool), np.ones(shape, bool)
    for limb in range(a.shape[-2] - 1, -1, -1):
        above |= equal & (a[..., limb, :] > b[..., limb, :])
        equal &= a[..., limb, :] == b[..., limb, :]
    return np.where(above[..., None, :], a, b)


def total(a: Words) -> int:
    """The sum of all columns (limbs, N), fewer than 2^32 of them.

    >>> total(np.array([[2**64 - 1, 1], [0, 3]], np.uint64)) == 4 * 2**64
    True
    """
    half = np.uint64(2**32 - 1)
    return sum(
        int((row & half).sum()) + (int((row >> np.uint64(32)).sum()) << 32) << 64 * k
        for k, row in enumerate(a)
    )


def shares(a: Words, whole: int) -> NDArray[np.float64]:
    """a / whole as floating-point numbers (…, N); equal numbers give equal shares.

    >>> shares(np.array([[0, 1], [1, 0]], np.uint64), 2**65).tolist()
    [0.5, 2.710505431213761e-20]
    """
    bits = whole.bit_length()
    scaled = np.zeros((*a.shape[:-2], a.shape[-1]))
    for limb in range(a.shape[-2]):
        scaled += np.ldexp(a[..., limb, :].astype(np.float64), 64 * limb - bits)
    return scaled / (whole / 2**bits)
