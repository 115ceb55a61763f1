"""Exact integers: how many bits a choice needs, and fields packed side by side into 64-bit words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.kernels import codes, special

MANY, MANY_ROWS = 2**13, 2**12
"""Runs, or rows, from which packing is done by compiled kernels."""


def bits_needed(choices: int) -> int:
    """⌈log₂ choices⌉, the bits that name one of ``choices`` things, in exact integer arithmetic.

    >>> [bits_needed(k) for k in (1, 2, 3, 4, 5)]
    [0, 1, 2, 2, 3]
    """
    return (choices - 1).bit_length()


def pack(rows: Sequence[NDArray] | NDArray, widths: Sequence[int] | NDArray) -> NDArray[np.uint64]:
    """Lay rows of unsigned fields side by side in uint64 words, lowest bits first.

    ``rows`` are arrays of shape (runs,) with row r below 2**widths[r], widths at most 64; the result
    has shape (⌈Σ widths / 64⌉, runs) and is injective. ``unpack`` is its inverse.

    >>> words = pack([np.array([1, 0]), np.array([5, 6])], [1, 3])
    >>> words.tolist(), [row.tolist() for row in unpack(words, [1, 3])]
    ([[11, 12]], [[1, 0], [5, 6]])
    """
    if len(widths) == 1 and widths[0] <= 64:
        return rows[0].astype(np.uint64)[None]
    sizes = np.asarray(widths, np.int64)
    words = np.zeros((max(1, -(-int(sizes.sum()) // 64)), len(rows[0])), np.uint64)
    if not sizes.all():
        rows, sizes = [rows[k] for k in np.flatnonzero(sizes).tolist()], sizes[sizes > 0]
    if len(sizes):
        found = np.ascontiguousarray(rows, np.uint64)
        run(found.shape, codes.pack, found, sizes, words)
    return words


def unpack(words: NDArray[np.uint64], widths: Sequence[int] | NDArray) -> NDArray[np.uint64]:
    """The fields that ``pack`` laid into ``words``, shape (fields, runs)."""
    sizes = np.asarray(widths, np.int64)
    kept = sizes > 0
    rows = np.empty((int(kept.sum()), words.shape[1]), np.uint64)
    masks = np.uint64(2**64 - 1) >> (64 - sizes[kept]).astype(np.uint64)
    run(rows.shape, codes.unpack, np.ascontiguousarray(words), sizes[kept], masks, rows)
    if kept.all():
        return rows
    fields = np.zeros((len(sizes), words.shape[1]), np.uint64)
    fields[kept] = rows
    return fields


def run(shape: tuple[int, int], kernel: Callable[..., None], *arguments: Any) -> None:
    """A kernel of ``kernels.codes`` for ``shape`` = (rows, runs), compiled if there are many of either.

    Arrays of two axes are (rows, runs), and contiguous; what the kernel writes, it writes to them.
    """
    compiled = shape[0] >= MANY_ROWS or shape[1] >= MANY
    forms = [a[:, None] if not compiled and np.ndim(a) == 2 else a for a in arguments]
    with np.errstate(over="ignore"):  # words wrap, of which NumPy warns where a number is alone (no compiler)
        special(kernel, "float64", compiled)(*forms)


def to_hex(words: NDArray[np.uint64], bits: int) -> str:
    """One packed message as a hexadecimal number of ``bits`` bits, most significant digit first.

    >>> to_hex(np.array([11], np.uint64), 9)
    '00b'
    """
    value = int.from_bytes(np.ascontiguousarray(words, dtype="<u8").tobytes(), "little")
    return f"{value:0{max(1, -(-bits // 4))}x}"
