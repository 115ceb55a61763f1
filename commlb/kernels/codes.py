"""Numbers to codes and back, and codes to words and back: what packing a state takes.

Arrays are as in ``cells``: compiled (rows, runs), plain (rows, 1, runs), and the results are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

choose: Any = None  # given by ``commlb.kernels.special``: one of two numbers, or np.where on rows


def encode_fixed(x: Any, out: Any, scale: Any, mask: Any) -> None:
    """out = x·scale in two's complement, cut to the bits of ``mask``; x·scale are integers."""
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            out[i, r] = np.uint64(np.int64(np.float64(x[i, r]) * scale)) & mask


def decode_fixed(codes: Any, out: Any, shift: Any, step: Any) -> None:
    """The inverse: 64 − ``shift`` bits, of which the first is the sign; ``step`` is 2^−shift times the spacing."""
    for i in range(codes.shape[0]):
        for r in range(codes.shape[1]):
            out[i, r] = np.float64(np.int64(codes[i, r] << shift)) * step


def encode_float(
    x: Any, out: Any, below: Any, bias: Any, least: Any, up: Any, scale: Any, sign: Any, nan: Any
) -> None:
    """out = sign, exponent and mantissa of x, whose numbers are those of the format.

    From ``least`` on, exponent and mantissa are those of float64, cut by ``below`` bits, less ``bias``, what the
    biases differ by; under it, |x|·up·scale (one factor could be infinite). sign: the place of the sign's bit.
    """
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            number = np.float64(x[i, r])
            word = np.float64(number).view(np.uint64)
            size = np.abs(number)
            small = np.uint64((choose(size < least, size, 0.0) * up) * scale)
            code = choose(size < least, small, (np.float64(size).view(np.uint64) >> below) - bias)
            out[i, r] = choose(number == number, code | ((word >> np.uint64(63)) << sign), nan)


def decode_float(
    codes: Any,
    out: Any,
    below: Any,
    bias: Any,
    first: Any,
    least: Any,
    unit: Any,
    mask: Any,
    highest: Any,
    infinite: Any,
) -> None:
    """The inverse, for every code: subnormal below ``first``, NaN above ``highest`` if not ``infinite``.

    A subnormal is size·unit·least.
    """
    for i in range(codes.shape[0]):
        for r in range(codes.shape[1]):
            size = codes[i, r] & mask
            large = np.uint64((size << below) + bias).view(np.float64)
            value = choose(size < first, (np.float64(size) * unit) * least, large)
            value = choose(size > highest, choose(size == infinite, np.inf, np.nan), value)
            out[i, r] = choose(codes[i, r] > mask, -value, value)


def pack(codes: Any, widths: Any, words: Any) -> None:
    """Rows of ``codes`` side by side in ``words``, which are 0, lowest bits first; ``widths`` of 1 to 64 bits."""
    offset = 0
    for i in range(codes.shape[0]):
        place, code, row = offset % 64, codes[i], words[offset // 64]
        shift, rest = np.uint64(place), np.uint64(64 - place)
        for r in range(codes.shape[1]):
            row[r] = row[r] | (code[r] << shift)
        if place + widths[i] > 64:
            row = words[offset // 64 + 1]
            for r in range(codes.shape[1]):
                row[r] = row[r] | (code[r] >> rest)
        offset += widths[i]


def unpack(words: Any, widths: Any, masks: Any, codes: Any) -> None:
    """The inverse; ``masks`` have as many bits as ``widths`` say."""
    offset = 0
    for i in range(codes.shape[0]):
        place, code, row, mask = offset % 64, codes[i], words[offset // 64], masks[i]
        shift, rest = np.uint64(place), np.uint64(64 - place)
        for r in range(codes.shape[1]):
            code[r] = (row[r] >> shift) & mask
        if place + widths[i] > 64:
            row = words[offset // 64 + 1]
            for r in range(codes.shape[1]):
                code[r] = code[r] | ((row[r] << rest) & mask)
        offset += widths[i]
