"""Exact integers: how many bits a choice needs, and fields packed side by side into 64-bit words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from commlb.kernels import codes, special

MANY = 2**13
"""Runs from which packing is done by compiled kernels."""


def bits_needed(choices: int) -> int:
    """⌈log₂ choices⌉, the bits that name one of ``choices`` things, in exact integer arithmetic.

    >>> [bits_needed(k) for k in (1, 2, 3, 4, 5)]
    [0, 1, 2, 2, 3]
    """
    return (choices - 1).bit_length()


def pack(rows: Sequence[NDArray], widths: Sequence[int]) -> NDArray[np.uint64]:
    """Lay rows of unsigned fields side by side in uint64 words, lowest bits first.

    ``rows`` are arrays of shape (runs,) with row r below 2**widths[r], widths at most 64; the result
    has shape (⌈Σ widths / 64⌉, runs) and is injective. ``unpack`` is its inverse.

    >>> words = pack([np.array([1, 0]), np.array([5, 6])], [1, 3])
    >>> words.tolist(), [row.tolist() for row in unpack(words, [1, 3])]
    ([[11, 12]], [[1, 0], [5, 6]])
    """
    if len(widths) == 1 and widths[0] <= 64:
        return rows[0].astype(np.uint64)[None]
    kept = [k for k, width in enumerate(widths) if width]
    words = np.zeros((max(1, -(-sum(widths) // 64)), len(rows[0])), np.uint64)
    if kept:
        found = np.array([rows[k] for k in kept], np.uint64)
        run(codes.pack, lanes(found), np.array([widths[k] for k in kept]), lanes(words))
    return words


def unpack(words: NDArray[np.uint64], widths: Sequence[int]) -> NDArray[np.uint64]:
    """The fields that ``pack`` laid into ``words``, shape (fields, runs)."""
    kept = [k for k, width in enumerate(widths) if width]
    rows = np.empty((len(kept), words.shape[1]), np.uint64)
    sizes = np.array([widths[k] for k in kept], np.int64)
    masks = np.array([2 ** widths[k] - 1 for k in kept], np.uint64)
    run(codes.unpack, lanes(words), sizes, masks, lanes(rows))
    if len(kept) == len(widths):
        return rows
    fields = np.zeros((len(widths), words.shape[1]), np.uint64)
    fields[kept] = rows
    return fields


def lanes(array: NDArray) -> NDArray:
    """An array (rows, runs) in the form that ``run`` takes kernels in for so many runs."""
    return np.ascontiguousarray(array) if array.shape[1] >= MANY else array[:, None]


def run(kernel: Callable[..., None], *arguments: NDArray | np.generic) -> None:
    """A kernel of ``kernels.codes``, compiled if the first argument has an axis less: see ``lanes``."""
    with np.errstate(over="ignore"):  # words wrap, of which NumPy warns where a number is alone (no compiler)
        special(kernel, "float64", np.ndim(arguments[0]) == 2)(*arguments)


def to_hex(words: NDArray[np.uint64], bits: int) -> str:
    """One packed message as a hexadecimal number of ``bits`` bits, most significant digit first.

    >>> to_hex(np.array([11], np.uint64), 9)
    '00b'
    """
    value = int.from_bytes(np.ascontiguousarray(words, dtype="<u8").tobytes(), "little")
    return f"{value:0{max(1, -(-bits // 4))}x}"
