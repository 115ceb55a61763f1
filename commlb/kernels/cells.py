"""Arithmetic of recurrent cells: one text, compiled or plain, and the same bits from both.

Arrays are (features, runs). Compiled, ``x[i, r]`` is a number. Plain, arrays have one axis more, (features, 1,
runs): r takes the value 0 only, and ``x[i, 0]`` is the row of all runs, on which NumPy works. So a kernel is
written for numbers, branches on no data, and loops over the runs innermost. Sums are in the order of the text.

Besides + − × / and comparisons there is only what IEEE 754 rounds correctly, and the bits of a number: no library
function whose last bit may differ between machines, and no product fused with a sum. All constants are globals,
which ``commlb.kernels.special`` gives the kernel in float32 or float64, with the functions named after the two.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Given by ``constants`` below; the names are here so that the text can be read.
ZERO = ONE = TWO = MAGIC = EXP_LOW = EXP_HIGH = LOG2_E = LN2_HIGH = LN2_LOW = np.float64(0)
polynomial: Any = None
odd_series: Any = None
power_of_two: Any = None
bits_of: Any = None
number_of: Any = None
choose: Any = None


def exp(x: Any) -> Any:
    """e^x = 2^n·e^r with n = x·log₂e rounded to nearest and |r| ≤ ln 2 / 2, e^r by its Taylor series.

    Outside [EXP_LOW, EXP_HIGH] x counts as the nearer end, so that no 0, no infinity and no subnormal number comes
    out, nor out of its inverse: those are slow.
    """
    x = np.minimum(np.maximum(x, EXP_LOW), EXP_HIGH)
    shifted = x * LOG2_E + MAGIC
    return (polynomial(remainder(x, shifted)) + ONE) * power_of_two(shifted)


def remainder(x: Any, shifted: Any) -> Any:
    """x − n·ln 2 for ``shifted`` = MAGIC + n."""
    n = shifted - MAGIC
    return (x - n * LN2_HIGH) - n * LN2_LOW


def polynomial64(r: Any) -> Any:
    """e^r − 1."""
    p = r * np.float64(1 / 6227020800) + np.float64(1 / 479001600)
    p = p * r + np.float64(1 / 39916800)
    p = p * r + np.float64(1 / 3628800)
    p = p * r + np.float64(1 / 362880)
    p = p * r + np.float64(1 / 40320)
    p = p * r + np.float64(1 / 5040)
    p = p * r + np.float64(1 / 720)
    p = p * r + np.float64(1 / 120)
    p = p * r + np.float64(1 / 24)
    p = p * r + np.float64(1 / 6)
    p = p * r + np.float64(0.5)
    return (p * r) * r + r


def polynomial32(r: Any) -> Any:
    p = r * np.float32(1 / 5040) + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + np.float32(0.5)
    return (p * r) * r + r


def power_of_two64(shifted: Any) -> Any:
    """2^n for ``shifted`` = MAGIC + n, whose last bits are n: they become the exponent."""
    return np.int64((np.float64(shifted).view(np.int64) + np.int64(1023)) << np.int64(52)).view(np.float64)


def power_of_two32(shifted: Any) -> Any:
    return np.int32((np.float32(shifted).view(np.int32) + np.int32(127)) << np.int32(23)).view(np.float32)


def sigmoid(x: Any) -> Any:
    return ONE / (ONE + exp(-x))


def tanh(x: Any) -> Any:
    """m / (m + 2) with m = e^2|x| − 1, which is exact to the last bits also where x is small; and x's sign."""
    y = np.minimum(TWO * np.abs(x), EXP_HIGH)
    shifted = y * LOG2_E + MAGIC
    power = power_of_two(shifted)
    m = power * polynomial(remainder(y, shifted)) + (power - ONE)
    return np.copysign(m / (m + TWO), x)


def softplus(x: Any) -> Any:
    """log(1 + e^x) = max(x, 0) + log(1 + z), z = e^−|x|, with log(1 + z) = 2·artanh(z / (2 + z))."""
    z = exp(-np.abs(x))
    t = z / (TWO + z)
    return np.maximum(x, ZERO) + TWO * odd_series(t, t * t)


def odd_series64(t: Any, s: Any) -> Any:
    """artanh t = t + t³/3 + t⁵/5 + … for |t| ≤ 1/3, s = t²."""
    p = s * np.float64(1 / 35) + np.float64(1 / 33)
    p = p * s + np.float64(1 / 31)
    p = p * s + np.float64(1 / 29)
    p = p * s + np.float64(1 / 27)
    p = p * s + np.float64(1 / 25)
    p = p * s + np.float64(1 / 23)
    p = p * s + np.float64(1 / 21)
    p = p * s + np.float64(1 / 19)
    p = p * s + np.float64(1 / 17)
    p = p * s + np.float64(1 / 15)
    p = p * s + np.float64(1 / 13)
    p = p * s + np.float64(1 / 11)
    p = p * s + np.float64(1 / 9)
    p = p * s + np.float64(1 / 7)
    p = p * s + np.float64(1 / 5)
    p = p * s + np.float64(1 / 3)
    return (p * s) * t + t


def odd_series32(t: Any, s: Any) -> Any:
    p = s * np.float32(1 / 15) + np.float32(1 / 13)
    p = p * s + np.float32(1 / 11)
    p = p * s + np.float32(1 / 9)
    p = p * s + np.float32(1 / 7)
    p = p * s + np.float32(1 / 5)
    p = p * s + np.float32(1 / 3)
    return (p * s) * t + t


def bits_of64(x: Any) -> Any:
    return np.float64(x).view(np.uint64)


def bits_of32(x: Any) -> Any:
    return np.float32(x).view(np.uint32)


def number_of64(bits: Any) -> Any:
    return np.uint64(bits).view(np.float64)


def number_of32(bits: Any) -> Any:
    return np.uint32(bits).view(np.float32)


def choose_number(condition: Any, this: Any, other: Any) -> Any:
    """What np.where does to rows, for numbers: compiled, np.where would make arrays."""
    return this if condition else other


def each_exp(x: Any, out: Any) -> None:
    """out[i, r] = exp(x[i, r]); the others likewise."""
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            out[i, r] = exp(x[i, r])


def each_sigmoid(x: Any, out: Any) -> None:
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            out[i, r] = sigmoid(x[i, r])


def each_tanh(x: Any, out: Any) -> None:
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            out[i, r] = tanh(x[i, r])


def each_softplus(x: Any, out: Any) -> None:
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            out[i, r] = softplus(x[i, r])


def round_fixed(x: Any, out: Any, low: Any, high: Any, magic: Any) -> None:
    """out = x rounded to fixed point, nearest even, saturating; a NaN and −0.0 become +0.0.

    Adding magic = 1.5·2^(bits of the mantissa)·step leaves no room for what is below a step.
    """
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            y = choose(x[i, r] == x[i, r], x[i, r], ZERO)
            y = np.minimum(np.maximum(y, low), high)
            out[i, r] = ((y + magic) - magic) + ZERO


def round_float(
    x: Any, out: Any, low: Any, high: Any, magic: Any, least: Any, nan: Any, below: Any, cut: Any, one: Any
) -> None:
    """out = x rounded to a minifloat, nearest even, saturating; −0.0 becomes +0.0, every NaN becomes ``nan``.

    From ``least`` on the bits of the number are rounded: ``below`` of them are cut off (``cut`` masks the others,
    ``one`` = 1 of their type); under it, as in fixed point.
    """
    half = (one << below >> one) - one
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            y = choose(x[i, r] == x[i, r], x[i, r], nan)
            y = np.minimum(np.maximum(y, low), high)
            bits = bits_of(y)
            large = number_of((bits + half + ((bits >> below) & one)) & cut)
            out[i, r] = choose(np.abs(y) < least, (y + magic) - magic, large) + ZERO


def round_none(x: Any, out: Any, low: Any, high: Any, nan: Any) -> None:
    """out = x; infinities saturate, −0.0 becomes +0.0, every NaN becomes ``nan``."""
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            y = choose(x[i, r] == x[i, r], x[i, r], nan)
            out[i, r] = np.minimum(np.maximum(y, low), high) + ZERO


def dot(w: Any, x: Any, out: Any) -> None:
    """out[i, r] += Σ_j w[i, j]·x[j, r], added one after the other, j = 0, 1, …

    w (rows, columns), x (columns, runs), out (rows, runs). Two rows and eight columns at a time, so that a number
    is used more than once while it is in a register; the order of each sum stays.
    """
    rows, columns = w.shape
    pairs, eights = rows - rows % 2, columns - columns % 8
    for i in range(0, pairs, 2):
        v, u, p, q = w[i], w[i + 1], out[i], out[i + 1]
        for j in range(0, eights, 8):
            a, b, c, d, e, f, g, h = (
                x[j],
                x[j + 1],
                x[j + 2],
                x[j + 3],
                x[j + 4],
                x[j + 5],
                x[j + 6],
                x[j + 7],
            )
            v0, v1, v2, v3, v4, v5, v6, v7 = (
                v[j], v[j + 1], v[j + 2], v[j + 3], v[j + 4], v[j + 5], v[j + 6], v[j + 7],
            )  # fmt: skip
            u0, u1, u2, u3, u4, u5, u6, u7 = (
                u[j], u[j + 1], u[j + 2], u[j + 3], u[j + 4], u[j + 5], u[j + 6], u[j + 7],
            )  # fmt: skip
            for r in range(x.shape[1]):
                low = (((p[r] + v0 * a[r]) + v1 * b[r]) + v2 * c[r]) + v3 * d[r]
                p[r] = (((low + v4 * e[r]) + v5 * f[r]) + v6 * g[r]) + v7 * h[r]
                low = (((q[r] + u0 * a[r]) + u1 * b[r]) + u2 * c[r]) + u3 * d[r]
                q[r] = (((low + u4 * e[r]) + u5 * f[r]) + u6 * g[r]) + u7 * h[r]
        for j in range(eights, columns):
            a, v0, u0 = x[j], v[j], u[j]
            for r in range(x.shape[1]):
                p[r] = p[r] + v0 * a[r]
                q[r] = q[r] + u0 * a[r]
    for i in range(pairs, rows):
        p = out[i]
        for j in range(columns):
            a, v0 = x[j], w[i, j]
            for r in range(x.shape[1]):
                p[r] = p[r] + v0 * a[r]


def add_rows(x: Any, out: Any) -> None:
    """out[r] = x[0, r] + x[1, r] + …, in this order."""
    for r in range(x.shape[1]):
        out[r] = x[0, r]
    for i in range(1, x.shape[0]):
        row = x[i]
        for r in range(x.shape[1]):
            out[r] = out[r] + row[r]


def gather(table: Any, tokens: Any, out: Any) -> None:
    """out[i, r] = table[i, tokens[r]]; plain, ``tokens`` is the row of all runs, as ``out[i, 0]`` is."""
    for i in range(out.shape[0]):
        row = table[i]
        for r in range(out.shape[1]):
            out[i, r] = row[tokens[r]]


def gru(a: Any, b: Any, h: Any, out: Any) -> None:
    """out = (1 − z)·n + z·h with r, z = σ(a + b), n = tanh(a + r·b); a, b (3d, runs) in the order r, z, n."""
    d = h.shape[0]
    for i in range(d):
        ar, az, an, br, bz, bn = a[i], a[d + i], a[2 * d + i], b[i], b[d + i], b[2 * d + i]
        old, new = h[i], out[i]
        for k in range(h.shape[1]):
            z = sigmoid(az[k] + bz[k])
            n = tanh(an[k] + sigmoid(ar[k] + br[k]) * bn[k])
            new[k] = (ONE - z) * n + z * old[k]


def lstm_cell(a: Any, c: Any, out: Any) -> None:
    """out = σ(f)·c + σ(i)·tanh(g); a (4d, runs) in the order i, f, g, o."""
    d = c.shape[0]
    for i in range(d):
        ai, af, ag, old, new = a[i], a[d + i], a[2 * d + i], c[i], out[i]
        for k in range(c.shape[1]):
            new[k] = sigmoid(af[k]) * old[k] + sigmoid(ai[k]) * tanh(ag[k])


def lstm_output(a: Any, c: Any, out: Any) -> None:
    """out = σ(o)·tanh(c); a as in ``lstm_cell``."""
    d = c.shape[0]
    for i in range(d):
        ao, new_c, h = a[3 * d + i], c[i], out[i]
        for k in range(c.shape[1]):
            h[k] = sigmoid(ao[k]) * tanh(new_c[k])


def constants(kind: str, compile_it: bool) -> dict[str, Any]:
    """The globals of kernels for ``kind``, "float32" or "float64", compiled or plain.

    LN2_HIGH ends in enough zeros that n·LN2_HIGH is exact (Cody and Waite 1980).
    """
    number = np.float32 if kind == "float32" else np.float64
    single = kind == "float32"
    given = {
        "ZERO": 0.0,
        "ONE": 1.0,
        "TWO": 2.0,
        "MAGIC": 1.5 * 2.0 ** (23 if single else 52),
        "EXP_LOW": -87.0 if single else -708.0,
        "EXP_HIGH": 87.0 if single else 708.0,
        "LOG2_E": 1.4426950408889634,
        "LN2_HIGH": 0.693359375 if single else 0.6931471803691238,
        "LN2_LOW": -2.12194440e-4 if single else 1.9082149292705877e-10,
    }
    named: dict[str, Any] = {name: number(value) for name, value in given.items()}
    here = globals()
    for name in ("polynomial", "odd_series", "power_of_two", "bits_of", "number_of"):
        named[name] = here[name + ("32" if single else "64")]
    named["choose"] = choose_number if compile_it else np.where
    return named
