"""Merging states that answer alike, from the last layer up, by Myhill and Nerode for machines that know t."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.bits import bits_needed, pack, unpack
from commlb.errors import BadInput
from commlb.kernels import WORTH_COMPILING, blocks, compiled
from commlb.kernels.distinct import groups
from commlb.layers import Ids, Layers, Progress, silent

DIRECT = 2**16
"""Signatures up to this many are looked up in a table at any size of layer."""


def merge(layers: Layers, progress: Progress = silent) -> Layers:
    """The quotient of ``layers``: distinct rows, one state a class. Exact minimum of a total task.

    Rows include where a suffix is valid; states that differ only in that stay apart.
    """
    following: list[Ids] = []
    answered: dict[int, Ids] = {}
    ids: NDArray[Any] = np.zeros(0, np.int32)
    classes = 0
    for t in range(layers.length, -1, -1):
        rows, radices = np.empty((layers.widths[t], 0), np.int32), []
        if t in layers.answered:
            rows, radices = layers.answered[t][:, None] + 1, [len(layers.answers) + 1]
        if t < layers.length:
            after = np.append(ids.astype(np.int32) + 1, np.int32(0))  # the last, place −1: not allowed
            rows = np.hstack([rows, after[layers.following[t]]])
            radices += [classes + 1] * len(layers.alphabets[t])
        found, ids = signatures(rows, radices)
        classes = len(found)
        _keep(found, t, layers.length, t in layers.answered, following, answered)
        progress(layers.length - t, layers.length)
    return Layers(layers.alphabets, tuple(reversed(following)), answered, layers.answers)


def _keep(
    found: Ids, t: int, length: int, is_answered: bool, following: list[Ids], answered: dict[int, Ids]
) -> None:
    """Take the distinct signatures apart again into a class's answer and successors."""
    if is_answered:
        answered[t] = found[:, 0] - 1
    if t < length:
        following.append(np.ascontiguousarray(found[:, int(is_answered) :]) - 1)


def signatures(rows: NDArray[Any], radices: Sequence[int]) -> tuple[Ids, NDArray[Any]]:
    """The distinct rows of ``rows`` (N, m), shape (R, m), and for each row its place among them, (N,).

    Column k has entries in 0 … radices[k]−1. Rows are compared in full: as the numbers whose digits they are
    where there are few such numbers, else packed into words.

    >>> found, place = signatures(np.array([[1, 2], [0, 2], [1, 2]]), [2, 3])
    >>> found.tolist(), place.tolist()
    ([[0, 2], [1, 2]], [1, 0, 1])
    """
    space = math.prod(radices)
    if space > max(DIRECT, len(rows)):
        widths = [bits_needed(radix) for radix in radices]
        words, place = groups(pack(list(rows.T), widths))
        return np.array(unpack(words, widths)).astype(np.int32).T, place
    run = compiled if rows.size >= WORTH_COMPILING else _in_numpy
    keys, seen = np.empty(len(rows), np.int64), np.zeros(space, bool)
    run(blocks.mark)(rows, np.array(radices, np.int64), keys, seen)
    numbers = np.flatnonzero(seen)
    number = np.cumsum(seen, dtype=np.int64) - 1
    place = np.empty(len(rows), np.min_scalar_type(len(numbers)))
    run(blocks.fetch)(keys, number, place)
    found = []
    for radix in reversed(radices):
        numbers, digit = np.divmod(numbers, radix)
        found.append(digit)
    return np.array(found[::-1], np.int32).T.reshape(-1, len(radices)), place


def _in_numpy(kernel: Any) -> Callable[..., None]:
    return _mark if kernel is blocks.mark else _fetch


def _mark(
    rows: NDArray[Any], radices: NDArray[np.int64], keys: NDArray[np.int64], seen: NDArray[np.bool_]
) -> None:
    """``blocks.mark`` in NumPy, for jobs that do not repay loading numba."""
    keys[...] = 0
    for column, radix in zip(rows.T, radices.tolist(), strict=True):
        keys *= radix
        keys += column
    seen[keys] = True


def _fetch(keys: NDArray[np.int64], number: NDArray[np.int64], out: NDArray[Any]) -> None:
    """``blocks.fetch`` in NumPy."""
    out[...] = number[keys]


def merge_table(
    table: NDArray[np.integer], alphabets: Sequence[Sequence[Any]], answers: Sequence[Any]
) -> tuple[Layers, tuple[int, ...]]:
    """``merge`` for the tree of all prefixes, given by its leaves, which is never stored.

    ``table``: for each stream in dictionary order (the last token changes fastest) the place of its answer in
    ``answers``, −1 outside the promise. Returns the quotient and the prefixes within the promise at each cut.
    Raises ``BadInput`` for a table of the wrong length, with other entries, or all outside the promise.

    >>> alphabets = [(0, 1), (0, 1)]
    >>> layers, prefixes = merge_table(np.array([0, 0, 0, 1]), alphabets, (False, True))
    >>> layers.widths, prefixes
    ((1, 2, 2), (1, 2, 4))
    """
    lowest = _check_table(table, alphabets, answers)
    holes = int(lowest < 0)
    ids: NDArray[Any] = table + holes if holes else table
    classes = len(answers) + holes
    following: list[Ids] = []
    answered: dict[int, Ids] = {}
    prefixes = []
    n = len(alphabets)
    for t in range(n, -1, -1):
        size = len(alphabets[t]) if t < n else 1
        found, ids = signatures(ids.reshape(-1, size), [classes] * size)
        if holes:  # number 0 stays for what is outside the promise
            inside = found.any(axis=1)
            ids = (np.cumsum(inside) * inside)[ids]
            found = found[inside]
        classes = len(found) + holes
        _keep(found + (1 - holes), t, n, t == n, following, answered)
        prefixes.append(int(np.count_nonzero(ids)) if holes else len(ids))
    tokens = tuple(tuple(alphabet) for alphabet in alphabets)
    return Layers(tokens, tuple(reversed(following)), answered, tuple(answers)), tuple(reversed(prefixes))


def _check_table(
    table: NDArray[np.integer], alphabets: Sequence[Sequence[Any]], answers: Sequence[Any]
) -> int:
    """The least entry of a table that is as it must be."""
    streams = math.prod(map(len, alphabets))
    if table.shape != (streams,) or not np.issubdtype(table.dtype, np.integer):
        raise BadInput(f"the table must hold {streams:,} integers, one a stream; its shape is {table.shape}")
    lowest, highest = int(table.min()), int(table.max())
    if lowest < -1 or highest >= len(answers):
        raise BadInput(f"the table's entries must be in -1..{len(answers) - 1}; given {lowest}..{highest}")
    if highest < 0:
        raise BadInput("no stream is within the promise: every answer is UNDEFINED")
    return lowest
