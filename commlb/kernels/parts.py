"""Keys parted into buckets by a hash, in two threads: the engine room of ``distinct.py``."""

from __future__ import annotations

import contextvars
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from commlb.errors import LimitError
from commlb.kernels import compiled, partition

Words = NDArray[np.uint64]

BUCKET, MOST_BUCKETS = 2**12, 2**10
"""Buckets hold about so many keys, so that all that is done in one stays in a core's cache; or more, where so
many buckets are too few: each bucket is written at a place of its own, which is to stay in the cache too."""


class Workspace:
    """Memory kept between calls: touching fresh memory costs more than the hashing. One for each thread.

    It holds 8·(1 + words + limbs) + 4 bytes a key of the largest call so far.
    """

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[Any]] = {}

    def room(self, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.uint64) -> NDArray[Any]:
        """An array with anything in it: for one ``name`` the same memory, as long as it is large enough."""
        size = math.prod(shape)
        if name not in self._kept or len(self._kept[name]) < size:
            self._kept.pop(name, None)
            self._kept[name] = np.empty(size, dtype)
        return self._kept[name][:size].reshape(shape)


class Parts:
    """``keys`` parted into buckets by the top half of a hash that takes the place of the first word.

    hash = mix(w_0 ^ mix(w_1 ^ mix(w_2 ^ …))), a bijection of w_0 for any other words: (hash, w_1, …) is the
    key in other letters, so comparing it compares the key, and w_0 is read back from it.
    """

    def __init__(self, keys: Words, workspace: Workspace):
        words, n = keys.shape
        if n >= 2**32:
            raise LimitError(f"at most 2^32 - 1 keys can be grouped at once; given {n}; group them in parts")
        self._workspace = workspace
        self._middle = n // 2
        self._hashed = workspace.room("hashed", (n,))
        fold_words(keys, self._hashed)
        buckets = min(n // BUCKET, MOST_BUCKETS - 1) | 1
        self._sizes = np.zeros((2, buckets), np.int64)  # of the keys' two halves
        both(lambda half: compiled(partition.sizes)(self._hashed[self._half(half)], self._sizes[half]))
        self._ends = np.cumsum(self._sizes.sum(axis=0))
        self._rows = workspace.room("rows", (words, n))
        self._scatter_row(self._hashed, self._rows[0])
        for w in range(1, words):
            self._scatter_row(keys[w], self._rows[w])

    def _half(self, half: int) -> slice:
        return slice(self._middle, None) if half else slice(0, self._middle)

    def _begins(self, half: int) -> NDArray[np.int64]:
        """Where each bucket has its first key of a half."""
        return self._ends - self._sizes[half:].sum(axis=0)

    def _scatter_row(self, row: Words, out: Words) -> None:
        def put(half: int) -> None:
            own = np.ascontiguousarray(row[self._half(half)])
            compiled(partition.scatter)(self._hashed[self._half(half)], self._begins(half), own, out)

        both(put)

    def scatter(self, name: str, rows: Words) -> Words:
        """``rows`` (any, N) in the order of the buckets."""
        out = self._workspace.room(name, rows.shape)
        for k in range(len(rows)):
            self._scatter_row(rows[k], out[k])
        return out

    def gather(self, row: NDArray[np.uint32]) -> NDArray[np.int64]:
        """``row`` (N,), in the order of the buckets, in the order of the keys."""
        out = np.empty(len(row), np.int64)

        def take(half: int) -> None:
            own = self._half(half)
            compiled(partition.gather)(self._hashed[own], self._begins(half), row, out[own])

        both(take)
        return out

    def number(self) -> None:
        """Number the keys of each half of the buckets: ``group`` of each key, ``halves`` how many there are."""
        self.group = self._workspace.room("group", self._hashed.shape, np.uint32)
        first = int(np.searchsorted(self._ends, self._middle)) + 1  # buckets of the first half
        self._split = int(self._ends[first - 1])
        slots = 4 * int(self._sizes.sum(axis=0).max())
        self.halves = [0, 0]

        def own(half: int) -> None:
            ends = self._ends[first:] if half else self._ends[:first]
            table = np.zeros(1 << (slots - 1).bit_length(), np.uint32)
            start = self._split if half else 0
            self.halves[half] = int(compiled(partition.number)(self._rows, start, ends, table, self.group))

        both(own)
        self.found = sum(self.halves)

    def columns(self, half: int) -> slice:
        """The keys in the order of the buckets that were numbered in a half."""
        return slice(self._split, None) if half else slice(0, self._split)

    def groups(self, half: int) -> slice:
        """The groups that a half has numbered, among all of them."""
        return slice(self.halves[0], None) if half else slice(0, self.halves[0])

    def keys(self) -> Words:
        """The keys of the groups (words, R)."""
        out = np.empty((len(self._rows), self.found), np.uint64)

        def put(half: int) -> None:
            for w in range(len(out)):
                own = out[w, self.groups(half)]
                compiled(partition.put)(
                    self.group[self.columns(half)], self._rows[w, self.columns(half)], own
                )
            compiled(partition.unmix)(out[0, self.groups(half)])

        both(put)
        if len(out) > 1:
            rest = np.empty(self.found, np.uint64)
            fold_words(out[1:], rest)
            out[0] ^= rest
        return out


def both(work: Callable[[int], None]) -> None:
    """``work`` on half 0 and half 1, each in a thread of its own; what they write does not depend on which
    comes first.
    """
    other = _OTHER.submit(contextvars.copy_context().run, work, 1)
    work(0)
    other.result()


_OTHER = ThreadPoolExecutor(1, "commlb-half")


def fold_words(keys: Words, out: Words) -> None:
    """mix(w_0 ^ mix(w_1 ^ …)) of each column of ``keys``."""
    middle = len(out) // 2

    def fold(half: int) -> None:
        own = slice(middle, None) if half else slice(0, middle)
        out[own] = keys[-1, own]
        compiled(partition.mix)(out[own])
        for row in keys[-2::-1]:
            out[own] ^= row[own]
            compiled(partition.mix)(out[own])

    both(fold)
