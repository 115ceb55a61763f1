"""Exact integers: how many bits a choice needs, and fields packed side by side into 64-bit words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


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
    runs = len(rows[0])
    words = np.zeros((max(1, -(-sum(widths) // 64)), runs), np.uint64)
    offset = 0
    for row, width in zip(rows, widths, strict=True):
        if width:
            word, shift = divmod(offset, 64)
            value = row.astype(np.uint64)
            words[word] |= value << np.uint64(shift)
            if shift + width > 64:
                words[word + 1] |= value >> np.uint64(64 - shift)
        offset += width
    return words


def unpack(words: NDArray[np.uint64], widths: Sequence[int]) -> list[NDArray[np.uint64]]:
    """The fields that ``pack`` laid into ``words``, in order, each of shape (runs,)."""
    rows = []
    offset = 0
    for width in widths:
        if not width:
            rows.append(np.zeros(words.shape[1], np.uint64))
            continue
        word, shift = divmod(offset, 64)
        value = words[word] >> np.uint64(shift)
        if shift + width > 64:
            value = value | (words[word + 1] << np.uint64(64 - shift))
        mask = np.uint64(2**width - 1)
        rows.append(value & mask)
        offset += width
    return rows


def to_hex(words: NDArray[np.uint64], bits: int) -> str:
    """One packed message as a hexadecimal number of ``bits`` bits, most significant digit first.

    >>> to_hex(np.array([11], np.uint64), 9)
    '00b'
    """
    value = int.from_bytes(np.ascontiguousarray(words, dtype="<u8").tobytes(), "little")
    return f"{value:0{max(1, -(-bits // 4))}x}"
