"""Which keys are there, how often, and in which group each one is: the engine's inner loop.

Keys are hashed by a bijection, so that the hash is the key; parted into buckets that fit the cache; numbered
in each bucket by a table of first places; and their counts added by number. Lines that collect writes before
they go to a bucket, and tables that hold the keys themselves, were tried: they made their step 2 to 3 times
and 1.1 to 2 times slower.
Each step is done in two halves by two threads, which what comes out does not show: with a core free this
took 3 to 5 ns a key instead of 5 to 8, and nothing longer without.
``tests/benchmarks/distinct_keys.py`` measures it beside NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput
from commlb.kernels import compiled, partition
from commlb.kernels.parts import Parts, Workspace, both

__all__ = ["Workspace", "dense_counts", "dense_distinct", "distinct", "groups", "sum_groups"]

Words = NDArray[np.uint64]

FROM = 2**16
"""Keys from which a call runs compiled; fewer are sorted by NumPy, so that a small job never loads numba."""


def distinct(
    keys: Words, counts: Words | None = None, workspace: Workspace | None = None
) -> tuple[Words, Words]:
    """The distinct columns of ``keys`` (words, N) with the sums of their ``counts`` (limbs, N).

    A count is a number of ``limbs`` 64-bit limbs, lowest first, summed modulo 2^(64·limbs); without
    ``counts`` each key counts 1, in one limb. Returns (words, R) and (limbs, R), new arrays. Keys are
    compared in full. Their order depends on ``keys`` alone: for N < ``FROM`` ascending, the first word most
    significant; else by the top half of a hash, then by first appearance.

    >>> keys, counts = distinct(np.array([[7, 5, 7]], np.uint64))
    >>> keys.tolist(), counts.tolist()
    ([[5, 7]], [[1, 2]])
    """
    _require(keys, counts)
    if keys.shape[1] < FROM:
        return _distinct_by_sorting(keys, counts)
    parts = Parts(keys, workspace or Workspace())
    parts.number()
    sums = np.zeros((1 if counts is None else len(counts), parts.found), np.uint64)
    scattered = None if counts is None else parts.scatter("counts", counts)

    def count(half: int) -> None:
        own, to = parts.group[parts.columns(half)], sums[:, parts.groups(half)]
        if scattered is None:
            compiled(partition.tally)(own, to)
        else:
            compiled(partition.add)(own, scattered[:, parts.columns(half)], to)

    both(count)
    return parts.keys(), sums


def groups(keys: Words, workspace: Workspace | None = None) -> tuple[Words, NDArray[np.int64]]:
    """The distinct columns of ``keys`` (words, N), and for each column which of them it is, 0 to R − 1.

    Returns (words, R) and (N,), new arrays. The order of the groups, and all else, is as in ``distinct``.

    >>> found, which = groups(np.array([[7, 5, 7]], np.uint64))
    >>> found[:, which].tolist()
    [[7, 5, 7]]
    """
    _require(keys, None)
    if keys.shape[1] < FROM:
        order, rows, firsts = _sort(keys)
        which = np.zeros(keys.shape[1], np.int64)
        which[order[firsts[1:]]] = 1
        which[order] = np.cumsum(which[order])
        return rows[:, firsts], which
    parts = Parts(keys, workspace or Workspace())
    parts.number()
    found = parts.keys()
    parts.group[parts.columns(1)] += np.uint32(parts.halves[0])
    return found, parts.gather(parts.group)


def sum_groups(which: NDArray[np.int64], values: Words, out: Words) -> None:
    """Add values[c, …, i] to out[c, …, which[i]], for each c a number of one limb or of several.

    which (N,) in 0 … R−1; values (C, N) and out (C, R) for one limb; values (C, l, N) and out (C, limbs, R)
    with l ≤ limbs, 64-bit limbs lowest first. Sums are modulo 2^(64·limbs).

    >>> out = np.zeros((1, 2), np.uint64)
    >>> sum_groups(np.array([1, 0, 1]), np.array([[5, 6, 7]], np.uint64), out)
    >>> out.tolist()
    [[6, 12]]
    """
    if values.ndim == out.ndim == 2:
        values, out = values[:, None], out[:, None]
    fits = values.ndim == out.ndim == 3 and len(values) == len(out) and values.shape[1] <= out.shape[1]
    if not fits or which.shape != values.shape[2:]:
        raise BadInput(
            f"values (C, l, N) go into out (C, limbs ≥ l, R) by which (N,); given values {values.shape}, "
            f"out {out.shape}, which {which.shape}"
        )
    _require_below(which, out.shape[2])
    for c in range(len(out)):
        _add(which, values[c], out[c])


def dense_counts(keys: Words, counts: Words | None, table: Words) -> None:
    """Count ``keys`` (N,) < 2^bits into ``table`` (limbs, 2^bits), where all keys have a place of their own.

    counts (l, N) with l ≤ limbs, or None: each key counts 1. Sums are modulo 2^(64·limbs). For layers that
    fill much of a small state space; ``dense_distinct`` reads the table.

    >>> table = np.zeros((1, 8), np.uint64)
    >>> dense_counts(np.array([7, 5, 7], np.uint64), None, table)
    >>> [found.tolist() for found in dense_distinct(table)]
    [[[5, 7]], [[1, 2]]]
    """
    if counts is not None and (counts.shape[1:] != keys.shape or len(counts) > len(table)):
        raise BadInput(
            f"counts (l, N) go with keys (N,) into a table (limbs ≥ l, 2^bits); given counts {counts.shape}, "
            f"keys {keys.shape}, table {table.shape}"
        )
    _require_below(keys, table.shape[1])
    if counts is not None:
        _add(keys, counts, table)
    elif len(keys) < FROM:
        _add(keys, np.ones((1, len(keys)), np.uint64), table)
    else:
        compiled(partition.tally)(keys, table)


def dense_distinct(table: Words) -> tuple[Words, Words]:
    """The keys (1, R) whose counts in ``table`` (limbs, 2^bits) are not 0, ascending, and those counts."""
    found = np.flatnonzero(table[0] != 0 if len(table) == 1 else table.any(axis=0))
    return found.astype(np.uint64)[None], table.take(found, axis=1)


def _add(which: NDArray[Any], values: Words, out: Words) -> None:
    """``partition.add``, by NumPy where N is small."""
    if len(which) >= FROM:
        compiled(partition.add)(which, values, out)
    elif len(out) == 1:
        np.add.at(out[0], which, values[0])
    else:
        padded = np.zeros((len(out), len(which)), np.uint64)
        padded[: len(values)] = values
        found, sums = _distinct_by_sorting(which.astype(np.uint64)[None], padded)
        columns = found[0].astype(np.int64)
        carry = np.zeros(len(columns), np.uint64)
        for k, term in enumerate(sums):
            partial = out[k, columns] + carry
            total = partial + term
            carry = (partial < carry).astype(np.uint64) + (total < term)
            out[k, columns] = total


def _sort(keys: Words) -> tuple[NDArray[np.int64], Words, NDArray[np.int64]]:
    """An order in which the columns ascend, the columns in it, and where in it each distinct one is first."""
    order = np.argsort(keys[0]) if len(keys) == 1 else np.lexsort(keys[::-1])
    rows = keys[:, order]
    new = np.ones(keys.shape[1], bool)
    new[1:] = (rows[:, 1:] != rows[:, :-1]).any(axis=0)
    return order, rows, np.flatnonzero(new)


def _distinct_by_sorting(keys: Words, counts: Words | None) -> tuple[Words, Words]:
    """``distinct`` by NumPy alone; halves of limbs are added, so that 2^32 of them fit a word."""
    if counts is None and len(keys) == 1:
        found, times = np.unique(keys[0], return_counts=True)
        return found[None], times.astype(np.uint64)[None]
    order, rows, firsts = _sort(keys)
    if counts is None:
        times = np.diff(firsts, append=keys.shape[1])
        return rows[:, firsts], times.astype(np.uint64)[None]
    sums = np.zeros((len(counts), len(firsts)), np.uint64)
    if len(firsts) == 0:
        return rows, sums
    half, carry = np.uint64(2**32 - 1), np.zeros(len(firsts), np.uint64)
    for k, limb in enumerate(counts[:, order]):
        for shift in (np.uint64(0), np.uint64(32)):
            carry += np.add.reduceat(limb >> shift & half, firsts)
            sums[k] |= (carry & half) << shift
            carry >>= np.uint64(32)
    return rows[:, firsts], sums


def _require(keys: Words, counts: Words | None) -> None:
    if keys.ndim != 2 or keys.dtype != np.uint64 or len(keys) == 0:
        raise BadInput(f"keys must be uint64 (words ≥ 1, N); given {keys.dtype} {keys.shape}")
    if counts is not None:
        if counts.ndim != 2 or counts.dtype != np.uint64 or counts.shape[1] != keys.shape[1]:
            raise BadInput(
                f"counts must be uint64 (limbs, {keys.shape[1]}); given {counts.dtype} {counts.shape}"
            )


def _require_below(which: NDArray[Any], size: int) -> None:
    if len(which) and not (which.min() >= 0 and which.max() < size):
        raise BadInput(f"places must be in 0 to {size - 1}; given {which.min()} to {which.max()}")
