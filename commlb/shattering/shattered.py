"""Shattered sets in a communication matrix: the largest number of columns that the rows tell to show every pattern.

A set of d columns, each with k designated answers, is shattered if for each of the k^d patterns some row shows
it: an INDEX instance over k symbols. To its end the search is a proof; annealing only finds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from commlb.shattering.columns import Columns
from commlb.shattering.symmetry import Permutation

Words = NDArray[np.uint64]

CHUNK = 2**22
"""Entries that are unpacked at a time."""


@dataclass(frozen=True)
class Choices:
    """Columns with ``symbols`` of their answers each, equal ones once: what a shattered set is chosen from.

    ``planes`` (V, k, W) uint64: the rows at which a choice shows each symbol, row r as bit r mod 64 of word
    r div 64. ``column`` (V,): its place in the ``Columns``; ``answers`` (V, k): the answers designated, as places
    in ``Layers.answers``. Choices that differ in the names of symbols only are equal. ``complete``: these are all.
    """

    rows: int
    symbols: int
    planes: Words
    column: NDArray[np.int64]
    answers: NDArray[np.int64]
    complete: bool

    def __len__(self) -> int:
        return len(self.planes)


def choices(columns: Columns, symbols: int, ranks: Sequence[int], max_memory: int = 2**30) -> Choices:
    """The choices of a cut; ``ranks``: the place of each answer in the order that symbols follow."""
    words = -(-columns.rows // 64)
    most = max(1, max_memory // (8 * symbols * words))
    order = np.argsort(np.array(ranks))
    found: dict[frozenset[bytes], tuple[int, tuple[int, ...]]] = {}
    of_task = columns.of_task
    size = max(1, CHUNK // (columns.rows * len(order)))
    for first in range(0, len(of_task), size):
        some = of_task[first : first + size]
        codes = columns.codes(some)
        masks = np.stack([_packed(codes == answer + 1, words) for answer in order], 1)
        for column, row in zip(some.tolist(), masks, strict=True):
            shown = [k for k in range(len(order)) if row[k].any()]
            for some_answers in itertools.combinations(shown, symbols):
                key = frozenset(row[k].tobytes() for k in some_answers)
                if len(found) >= most:
                    break
                found.setdefault(key, (column, some_answers))
    complete = columns.complete and len(found) < most
    return _choices(columns, order, words, symbols, list(found.values()), complete)


def _choices(
    columns: Columns,
    order: NDArray[np.int64],
    words: int,
    symbols: int,
    found: list[tuple[int, tuple[int, ...]]],
    complete: bool,
) -> Choices:
    column = np.array([pair[0] for pair in found], np.int64)
    answers = order[np.array([pair[1] for pair in found], np.int64).reshape(-1, symbols)]
    planes = np.empty((len(found), symbols, words), np.uint64)
    size = max(1, CHUNK // columns.rows)
    for first in range(0, len(found), size):
        codes = columns.codes(column[first : first + size])
        for s in range(symbols):
            shown = codes == answers[first : first + size, s, None] + 1
            planes[first : first + size, s] = _packed(shown, words)
    return Choices(columns.rows, symbols, planes, column, answers, complete)


def _packed(bits: NDArray[np.bool_], words: int) -> Words:
    """Bits (C, R) as words (C, W), bit r of a row in word r div 64."""
    packed = np.packbits(bits, axis=1, bitorder="little")
    packed = np.pad(packed, ((0, 0), (0, 8 * words - packed.shape[1])))
    return np.ascontiguousarray(packed).view("<u8").astype(np.uint64)


def _bits(planes: Words, rows: int) -> NDArray[np.bool_]:
    """The inverse of ``_packed``: words (C, W) as bits (C, rows)."""
    octets = np.ascontiguousarray(planes.astype("<u8")).view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little", count=rows).astype(bool)


def permuted(given: Choices, rows: Permutation) -> Permutation | None:
    """Where a permutation of rows takes each choice; None if it takes one to what is none."""
    place = {_key(planes): k for k, planes in enumerate(given.planes)}
    back = np.argsort(rows)
    words = given.planes.shape[2]
    found = np.empty(len(given), np.int64)
    size = max(1, CHUNK // (given.symbols * given.rows))
    for first in range(0, len(given), size):
        some = given.planes[first : first + size].reshape(-1, words)
        moved = _packed(np.take(_bits(some, given.rows), back, axis=1), words)
        for k, planes in enumerate(moved.reshape(-1, given.symbols, words), first):
            found[k] = place.get(_key(planes), -1)
    if len(given) and found.min() < 0:
        return None
    return found if len(np.unique(found)) == len(found) else None


def _key(planes: Words) -> frozenset[bytes]:
    return frozenset(plane.tobytes() for plane in planes)


def patterns(given: Choices, chosen: Sequence[int]) -> dict[tuple[int, ...], int]:
    """For each pattern of the chosen that occurs the first row that shows it.

    Patterns are tuples of symbols. The set is shattered if there are symbols^len(chosen).
    """
    found: dict[tuple[int, ...], int] = {}
    shown = np.full((len(chosen), given.rows), -1, np.int64)
    for j, choice in enumerate(chosen):
        for s in range(given.symbols):
            shown[j][_bits(given.planes[choice, s : s + 1], given.rows)[0]] = s
    for row in np.flatnonzero((shown >= 0).all(axis=0)).tolist():
        found.setdefault(tuple(shown[:, row].tolist()), row)
    return found
