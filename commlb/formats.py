"""Number formats: p-bit fixed point and minifloats, each stored number in its own code."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.bits import run
from commlb.errors import BadInput, unknown_name
from commlb.kernels import codes

Codes = NDArray[np.uint64]
Values = NDArray[np.floating]

LARGEST_P = 32


@dataclass(frozen=True)
class Format:
    """A finite set of numbers, each with a code of ``bits`` bits.

    Below 2^``least`` (in magnitude) neighbours lie 2^(least − mantissa) apart; from there on the spacing doubles
    with every power of two, as it does in IEEE 754. Fixed point is the format that ends at 2^least, so that
    its spacing is the same everywhere. ``low`` and ``high`` are the least and the greatest number: what lies
    beyond becomes the nearest of them (it saturates). Numbers between two neighbours become the nearer one,
    at equal distance the one whose code is even. −0.0 becomes +0.0, and a NaN becomes the one NaN whose code is
    ``nan``, or +0.0 in a format without one. So codes of −0.0, of infinities and of other NaNs are never stored.

    Codes: fixed point in two's complement; else sign, exponent, mantissa, as in IEEE 754 and the OCP
    Microscaling Formats (2023).
    """

    name: str
    bits: int
    mantissa: int
    least: int
    low: float
    high: float
    nan: int | None
    fixed: bool = False

    @property
    def step(self) -> float:
        """The distance between neighbours below 2^least: the smallest positive number."""
        return 2.0 ** (self.least - self.mantissa)

    @property
    def dtype(self) -> type[np.floating]:
        """What steps compute in: float32 wherever 16 bits a number or fewer, or float32 itself, are stored."""
        return np.float32 if self.bits <= 16 or self.name == "float32" else np.float64

    @property
    def nan_value(self) -> float:
        """What a NaN becomes."""
        return 0.0 if self.nan is None else math.nan

    def words(self) -> str:
        """What it holds, for a person.

        >>> fixed(8, 4.0).words(), FORMATS["e4m3"].words()
        ('fixed point, multiples of 0.03125 in [-4, 4)', 'e4m3, up to 448')
        """
        if self.fixed:
            return f"fixed point, multiples of {self.step:g} in [{self.low:g}, {-self.low:g})"
        return self.name if self.high > 1e5 else f"{self.name}, up to {self.high:g}"

    def encode(self, values: Values) -> Codes:
        """The codes of ``values``, which must be numbers of the format; the same shape, uint64.

        >>> fixed(8, 4.0).encode(np.array([-4.0, -0.03125, 0.0, 3.96875])).tolist()
        [128, 255, 0, 127]
        >>> FORMATS["e4m3"].encode(np.array([448.0, 1.0, -1.0])).tolist()
        [126, 56, 184]
        """
        rows = _rows(np.asarray(values))
        out = np.zeros(rows.shape, np.uint64)
        self.pack(rows, out, 0, 64)
        return out.reshape(np.shape(values))

    def decode(self, given: Codes) -> Values:
        """The numbers of codes, float64; the inverse of ``encode``, and defined for every code.

        >>> FORMATS["e2m1"].decode(np.arange(8, dtype=np.uint64)).tolist()
        [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
        """
        rows = _rows(given)
        out = np.empty(rows.shape)
        self.unpack(rows, out, 0, 64)
        return out.reshape(given.shape)

    def pack(self, values: Values, words: Codes, offset: int, width: int) -> None:
        """Write the codes of ``values`` (rows, runs), ``width`` bits a row, into words from bit ``offset`` on.

        Words (words, runs) are as in ``bits.pack``, and 0 there; both arrays contiguous.
        """
        if self.fixed:
            limits: tuple[Any, ...] = np.float64(1 / self.step), np.uint64(2**self.bits - 1)
            run(values.shape, codes.encode_fixed, values, words, offset, width, *limits)
            return
        numbers = map(np.float64, (2.0**self.least, 2.0**-self.least, 2.0**self.mantissa))
        limits = np.uint64(52 - self.mantissa), self._bias(self.mantissa), *numbers
        ends = np.uint64(self.bits - 1), np.uint64(self.nan or 0)
        run(values.shape, codes.encode_float, values, words, offset, width, *limits, *ends)

    def unpack(self, words: Codes, values: Values, offset: int, width: int) -> None:
        """The inverse: write the numbers to ``values`` (rows, runs)."""
        field = np.uint64(2**width - 1)
        if self.fixed:
            shift = np.uint64(64 - self.bits)
            step = np.float64(2.0 ** -float(shift) * self.step)
            run(values.shape, codes.decode_fixed, words, values, offset, width, field, shift, step)
            return
        first, below = 2**self.mantissa, np.uint64(52 - self.mantissa)
        infinite = 0 if self.nan in (None, self._highest + 1) else self._highest + 1
        factors = np.float64(2.0**self.least), np.float64(1 / first)
        ends = map(np.uint64, (2 ** (self.bits - 1) - 1, self._highest, infinite))
        limits = below, self._bias(52), np.uint64(first), *factors, *ends
        run(values.shape, codes.decode_float, words, values, offset, width, field, *limits)

    def _bias(self, mantissa: int) -> np.uint64:
        """What the exponents of float64 and of the format differ by, above a mantissa of so many bits."""
        return np.uint64((1022 + self.least) << mantissa)

    @property
    def _highest(self) -> int:
        """The code of ``high``."""
        mantissa, exponent = math.frexp(self.high)
        return ((exponent - self.least) << self.mantissa) + int((2 * mantissa - 1) * 2.0**self.mantissa)


@dataclass(frozen=True)
class Integers:
    """Integers from 0 on below 2^bits; packed as numbers of a ``Format`` are."""

    bits: int

    def pack(self, values: Values, words: Codes, offset: int, width: int) -> None:
        if width:
            scale, mask = np.float64(1), np.uint64(2**width - 1)
            run(values.shape, codes.encode_fixed, values, words, offset, width, scale, mask)

    def unpack(self, words: Codes, values: Values, offset: int, width: int) -> None:
        values[...] = 0
        if width:
            field, shift, step = np.uint64(2**width - 1), np.uint64(0), np.float64(1)
            run(values.shape, codes.decode_fixed, words, values, offset, width, field, shift, step)


def _rows(array: NDArray) -> NDArray:
    """All axes but the last as one, also where an array is empty."""
    return np.ascontiguousarray(array).reshape(math.prod(array.shape[:-1]), array.shape[-1])


def _minifloat(name: str, bits: int, mantissa: int, least: int, high: float, nan: int | None) -> Format:
    return Format(name, bits, mantissa, least, -high, high, nan)


FORMATS = {
    made.name: made
    for made in (
        _minifloat("float64", 64, 52, -1022, float(np.finfo(np.float64).max), 0x7FF8 << 48),
        _minifloat("float32", 32, 23, -126, float(np.finfo(np.float32).max), 0x7FC0 << 16),
        _minifloat("bf16", 16, 7, -126, (2 - 2**-7) * 2.0**127, 0x7FC0),
        _minifloat("fp16", 16, 10, -14, 65504.0, 0x7E00),
        _minifloat("e4m3", 8, 3, -6, 448.0, 0x7F),
        _minifloat("e5m2", 8, 2, -14, 57344.0, 0x7E),
        _minifloat("e2m3", 6, 3, 0, 7.5, None),
        _minifloat("e3m2", 6, 2, -2, 28.0, None),
        _minifloat("e2m1", 4, 1, 0, 6.0, None),
    )
}
"""The formats by name. e4m3 is the one without infinities (OCP E4M3, ``float8_e4m3fn``)."""


OTHER_NAMES = {
    **dict.fromkeys(("fp32", "f32", "single", "float"), "float32"),
    **dict.fromkeys(("fp64", "f64", "double"), "float64"),
    **dict.fromkeys(("float16", "f16", "half"), "fp16"),
    **dict.fromkeys(("bfloat16", "bfloat"), "bf16"),
    **dict.fromkeys(("fp8", "float8", "f8", "e4m3fn", "float8_e4m3fn"), "e4m3"),
    **dict.fromkeys(("float8_e5m2", "e5m2fn"), "e5m2"),
    **dict.fromkeys(("fp4", "float4", "float4_e2m1fn"), "e2m1"),
    **dict.fromkeys(("fp6", "float6", "float6_e2m3fn"), "e2m3"),
    "float6_e3m2fn": "e3m2",
}
"""What other libraries call them: suggested, not taken, so that a machine is written in one way only."""


def fixed(bits: int, span: float) -> Format:
    """Fixed point with ``bits`` bits: the multiples of span·2^(1−bits) from −span to span less one of them.

    Raises ``BadInput`` unless 1 ≤ bits ≤ 32 and ``span`` is a power of two from 2^-30 to 2^30.

    >>> fixed(3, 1.0).decode(np.arange(8, dtype=np.uint64)).tolist()
    [0.0, 0.25, 0.5, 0.75, -1.0, -0.75, -0.5, -0.25]
    """
    whole = isinstance(bits, int) and not isinstance(bits, bool)
    if not whole or not 1 <= bits <= LARGEST_P:
        more = "; for more take format=float32 or float64" if whole and bits > LARGEST_P else ""
        raise BadInput(f"p must be 1 to {LARGEST_P} bits a number; given {bits}{more}")
    part, exponent = math.frexp(span) if math.isfinite(span) else (0.0, 0)
    if part != 0.5 or abs(exponent - 1) > 30:
        raise BadInput(f"range must be a power of two from 2^-30 to 2^30; given {span:g}")
    step = math.ldexp(span, 1 - bits)
    return Format(f"p={bits}", bits, bits - 1, exponent - 1, -span, span - step, None, fixed=True)


def named(name: str) -> Format:
    """The format of this name, such as ``bf16``. Raises ``BadInput`` if there is none."""
    if name not in FORMATS:
        raise unknown_name("format", name, FORMATS, OTHER_NAMES)
    return FORMATS[name]


def chosen(p: int | None, span: float | None, name: str | None) -> Callable[[float], Format]:
    """The format that a user asks for, given the range that an array should have in fixed point.

    ``p``: bits of fixed point, over ``span`` if that is given; ``name``: another format; neither: float32.
    """
    if p is not None and name is not None:
        raise BadInput(
            f"numbers have fixed point (p) or a format; given p={p} and format={name}; leave one out"
        )
    if span is not None and p is None:
        raise BadInput(
            f"range belongs to fixed point; given range={span:g} without p; add p=8, say, or leave range out"
        )
    if p is None:
        form = named(name or "float32")
        return lambda own: form
    return lambda own: fixed(p, own if span is None else span)
