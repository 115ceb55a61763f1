"""Numbers to codes and back, and codes to words and back: what packing a state takes.

Arrays are as in ``cells``: compiled (rows, runs), plain (rows, 1, runs), and the results are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

choose: Any = None  # given by ``commlb.kernels.special``: one of two numbers, or np.where on rows


def fixed_code(x: Any, scale: Any, mask: Any) -> Any:
    """x·scale, an integer, in two's complement, cut to the bits of ``mask``."""
    return np.uint64(np.int64(np.float64(x) * scale)) & mask


def fixed_number(code: Any, shift: Any, step: Any) -> Any:
    """The inverse: 64 − ``shift`` bits, of which the first is the sign; ``step`` is 2^−shift times the spacing."""
    return np.float64(np.int64(code << shift)) * step


def float_code(x: Any, below: Any, bias: Any, least: Any, up: Any, scale: Any, sign: Any, nan: Any) -> Any:
    """Sign, exponent and mantissa of x, a number of the format.

    From ``least`` on, exponent and mantissa are those of float64, cut by ``below`` bits, less ``bias``, what the
    biases differ by; under it, |x|·up·scale (one factor could be infinite). sign: the place of the sign's bit.
    """
    number = np.float64(x)
    word = np.float64(number).view(np.uint64)
    size = np.abs(number)
    small = np.uint64((choose(size < least, size, 0.0) * up) * scale)
    code = choose(size < least, small, (np.float64(size).view(np.uint64) >> below) - bias)
    return choose(number == number, code | ((word >> np.uint64(63)) << sign), nan)


def float_number(
    code: Any,
    below: Any,
    bias: Any,
    first: Any,
    least: Any,
    unit: Any,
    mask: Any,
    highest: Any,
    infinite: Any,
) -> Any:
    """The inverse, for every code: subnormal below ``first``, NaN above ``highest`` if not ``infinite``.

    A subnormal is size·unit·least.
    """
    size = code & mask
    large = np.uint64((size << below) + bias).view(np.float64)
    value = choose(size < first, (np.float64(size) * unit) * least, large)
    value = choose(size > highest, choose(size == infinite, np.inf, np.nan), value)
    return choose(code > mask, -value, value)


def encode_fixed(x: Any, words: Any, offset: Any, width: Any, scale: Any, mask: Any) -> None:
    """The codes of x (rows, runs), ``width`` bits each, side by side in words from bit ``offset`` on.

    Words (words, runs) hold 64 bits a run, lowest first, and are 0 where codes are written.
    """
    for i in range(x.shape[0]):
        place = offset + i * width
        row, by = words[place // 64], np.uint64(place % 64)
        for r in range(x.shape[1]):
            row[r] = row[r] | (fixed_code(x[i, r], scale, mask) << by)
        if place % 64 + width > 64:
            row, by = words[place // 64 + 1], np.uint64(64 - place % 64)
            for r in range(x.shape[1]):
                row[r] = row[r] | (fixed_code(x[i, r], scale, mask) >> by)


def decode_fixed(words: Any, x: Any, offset: Any, width: Any, field: Any, shift: Any, step: Any) -> None:
    """The inverse; ``field`` has ``width`` ones."""
    for i in range(x.shape[0]):
        place = offset + i * width
        row, by = words[place // 64], np.uint64(place % 64)
        if place % 64 + width > 64:
            more, up = words[place // 64 + 1], np.uint64(64 - place % 64)
            for r in range(x.shape[1]):
                x[i, r] = fixed_number(((row[r] >> by) | (more[r] << up)) & field, shift, step)
        else:
            for r in range(x.shape[1]):
                x[i, r] = fixed_number((row[r] >> by) & field, shift, step)


def encode_float(
    x: Any, words: Any, offset: Any, width: Any, below: Any, bias: Any, least: Any, up: Any, scale: Any,
    sign: Any, nan: Any,
) -> None:  # fmt: skip
    """As ``encode_fixed``, with ``float_code``."""
    for i in range(x.shape[0]):
        place = offset + i * width
        row, by = words[place // 64], np.uint64(place % 64)
        for r in range(x.shape[1]):
            row[r] = row[r] | (float_code(x[i, r], below, bias, least, up, scale, sign, nan) << by)
        if place % 64 + width > 64:
            row, by = words[place // 64 + 1], np.uint64(64 - place % 64)
            for r in range(x.shape[1]):
                row[r] = row[r] | (float_code(x[i, r], below, bias, least, up, scale, sign, nan) >> by)


def decode_float(
    words: Any, x: Any, offset: Any, width: Any, field: Any, below: Any, bias: Any, first: Any, least: Any,
    unit: Any, mask: Any, highest: Any, infinite: Any,
) -> None:  # fmt: skip
    """As ``decode_fixed``, with ``float_number``."""
    for i in range(x.shape[0]):
        place = offset + i * width
        row, by = words[place // 64], np.uint64(place % 64)
        if place % 64 + width > 64:
            more, up = words[place // 64 + 1], np.uint64(64 - place % 64)
            for r in range(x.shape[1]):
                code = ((row[r] >> by) | (more[r] << up)) & field
                x[i, r] = float_number(code, below, bias, first, least, unit, mask, highest, infinite)
        else:
            for r in range(x.shape[1]):
                code = (row[r] >> by) & field
                x[i, r] = float_number(code, below, bias, first, least, unit, mask, highest, infinite)


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
