"""Merging states that answer alike, from the last layer up, by Myhill and Nerode for machines that know t."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.bits import bits_needed, pack, unpack
from commlb.kernels.distinct import groups
from commlb.layers import Layers, Progress, silent

DIRECT = 2**16
"""Signatures up to this many are looked up in a table at any size of layer."""


def merge(layers: Layers, progress: Progress = silent) -> Layers:
    """The quotient of ``layers``: distinct rows, one state a class. Exact minimum of a total task.

    Rows include where a suffix is valid; states that differ only in that stay apart.
    """
    following: list[NDArray[np.int32]] = []
    answered: dict[int, NDArray[np.int32]] = {}
    ids, classes = np.zeros(0, np.int64), 0
    for t in range(layers.length, -1, -1):
        columns = [layers.answered[t] + 1] if t in layers.answered else []
        radices = [len(layers.answers) + 1] * len(columns)
        if t < layers.length:
            after = np.append(ids + 1, 0)  # place −1, the last, stands for "not allowed": 0
            columns += [after[column] for column in layers.following[t].T]
            radices += [classes + 1] * len(layers.alphabets[t])
        rows, ids = signatures(columns, radices)
        classes = rows.shape[1]
        _keep(rows, t, layers.length, t in layers.answered, following, answered)
        progress(layers.length - t, layers.length)
    return Layers(layers.alphabets, tuple(reversed(following)), answered, layers.answers)


def _keep(
    rows: NDArray[np.int32],
    t: int,
    length: int,
    is_answered: bool,
    following: list[NDArray[np.int32]],
    answered: dict[int, NDArray[np.int32]],
) -> None:
    """Take the distinct signatures apart again into a class's answer and successors."""
    if is_answered:
        answered[t] = rows[0] - 1
    if t < length:
        following.append(np.ascontiguousarray(rows[int(is_answered) :].T) - 1)


def signatures(
    columns: Sequence[NDArray[Any]], radices: Sequence[int]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The distinct rows of ``columns``, shape (columns, R), and for each row its place among them.

    ``columns[k]`` has entries in 0 … radices[k]−1. Rows are compared in full: by their number where there are
    few numbers, else packed into words.

    >>> rows, place = signatures([np.array([1, 0, 1]), np.array([2, 2, 2])], [2, 3])
    >>> rows.tolist(), place.tolist()
    ([[0, 1], [2, 2]], [1, 0, 1])
    """
    space = math.prod(radices)
    if space > max(DIRECT, len(columns[0])):
        widths = [bits_needed(radix) for radix in radices]
        words, place = groups(pack(columns, widths))
        return np.array(unpack(words, widths)).astype(np.int32), place
    key = np.zeros(len(columns[0]), np.intp)
    for column, radix in zip(columns, radices, strict=True):
        key *= radix
        key += column
    seen = np.zeros(space, bool)
    seen[key] = True
    keys = np.flatnonzero(seen)
    place = (np.cumsum(seen) - 1)[key]
    rows = []
    for radix in reversed(radices):
        keys, row = np.divmod(keys, radix)
        rows.append(row)
    return np.array(rows[::-1], np.int32), place


def merge_table(
    table: NDArray[np.integer], alphabets: Sequence[Sequence[Any]], answers: Sequence[Any]
) -> tuple[Layers, tuple[int, ...]]:
    """``merge`` for the tree of all prefixes, given by its leaves, which is never stored.

    ``table``: for each stream in dictionary order (the last token changes fastest) the place of its answer in
    ``answers``, −1 outside the promise. Returns the quotient and the prefixes within the promise at each cut.

    >>> alphabets = [(0, 1), (0, 1)]
    >>> layers, prefixes = merge_table(np.array([0, 0, 0, 1]), alphabets, (False, True))
    >>> layers.widths, prefixes
    ((1, 2, 2), (1, 2, 4))
    """
    holes = int(table.min() < 0)
    ids: NDArray[Any] = table + holes if holes else table
    classes = len(answers) + holes
    following: list[NDArray[np.int32]] = []
    answered: dict[int, NDArray[np.int32]] = {}
    prefixes = []
    n = len(alphabets)
    for t in range(n, -1, -1):
        size = len(alphabets[t]) if t < n else 1
        blocks = ids.reshape(-1, size)
        rows, ids = signatures(list(blocks.T), [classes] * size)
        if holes:  # number 0 stays for what is outside the promise
            inside = rows.any(axis=0)
            ids = (np.cumsum(inside) * inside)[ids]
            rows = rows[:, inside]
        classes = rows.shape[1] + holes
        _keep(rows + (1 - holes), t, n, t == n, following, answered)
        prefixes.append(int(np.count_nonzero(ids)) if holes else len(ids))
    tokens = tuple(tuple(alphabet) for alphabet in alphabets)
    return Layers(tokens, tuple(reversed(following)), answered, tuple(answers)), tuple(reversed(prefixes))
