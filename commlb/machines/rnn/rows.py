"""What layers are written in: NumPy's + − × / on arrays, and these functions; see ``kernels.cells``."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.formats import Format
from commlb.kernels import cells, matrices, special
from commlb.machines.base import Array

quiet = np.errstate(all="ignore")
"""Around all that a machine computes: infinities and NaNs are values like others, stored as their format says, and
compiled kernels do not warn of them either."""


class Rows:
    """Functions on arrays (features…, runs), or plain (features…, 1, runs); the same bits from both.

    + − × / of NumPy round each element correctly, whatever stands beside it, so layers may use them freely; what
    sums over features or is no such operation must come from here.
    """

    def __init__(self, dtype: Any, compiled: bool):
        self.dtype, self.compiled = np.dtype(dtype), compiled
        self.kind, self.lanes = self.dtype.name, 1 if compiled else 2
        """The number of last axes that are not features."""

    def run(self, kernel: Callable[..., Any], *arguments: Any) -> None:
        """``kernel`` of ``kernels.cells`` on ``arguments``."""
        special(kernel, self.kind, self.compiled)(*arguments)

    def flat(self, x: Array) -> Array:
        """x with all features on one axis."""
        return x.reshape(math.prod(x.shape[: -self.lanes]), *x.shape[-self.lanes :])

    def empty(self, features: int, like: Array) -> Array:
        return np.empty((features, *like.shape[-self.lanes :]), self.dtype)

    def column(self, values: Array) -> Array:
        """Weights (features…), the same for all runs."""
        return np.ascontiguousarray(values, self.dtype).reshape(values.shape + (1,) * self.lanes)

    def _each(self, kernel: Callable[..., Any], x: Array) -> Array:
        out = np.empty(x.shape, self.dtype)
        self.run(kernel, self.flat(x), self.flat(out))
        return out

    def exp(self, x: Array) -> Array:
        return self._each(cells.each_exp, x)

    def sigmoid(self, x: Array) -> Array:
        return self._each(cells.each_sigmoid, x)

    def tanh(self, x: Array) -> Array:
        return self._each(cells.each_tanh, x)

    def softplus(self, x: Array) -> Array:
        """log(1 + e^x)."""
        return self._each(cells.each_softplus, x)

    def silu(self, x: Array) -> Array:
        """x·σ(x)."""
        return x * self.sigmoid(x)

    def gelu(self, x: Array) -> Array:
        """x·Φ(x) in its tanh form, ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (Hendrycks and Gimpel 2016)."""
        return 0.5 * x * (1.0 + self.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))

    def dot(self, w: Array, x: Array, start: Array | None = None) -> Array:
        """start[i] + Σ_j w[i, j]·x[j], added in the order of j: w (rows, columns), x (columns, …).

        ``start`` (rows, …), or (rows, 1…) the same for all runs; by default 0.
        """
        out = self.empty(len(w), x)
        out[...] = 0 if start is None else start
        self.run(cells.dot, w, x, out)
        return out

    def gather(self, table: Array, tokens: Array) -> Array:
        """The columns of ``table`` (features, kinds) that ``tokens`` (runs,) name: (features, …)."""
        shape = (len(table), len(tokens)) if self.compiled else (len(table), 1, len(tokens))
        out = np.empty(shape, self.dtype)
        self.run(cells.gather, table, tokens if self.compiled else tokens[None], out)
        return out

    def sum(self, x: Array) -> Array:
        """The sum over the first axis, in its order."""
        out, x = np.empty(x.shape[1:], self.dtype), np.ascontiguousarray(x)
        rest = (-1,) if self.compiled else (1, out.size)
        self.run(cells.add_rows, x.reshape(len(x), *rest), out.reshape(rest))
        return out

    def carried(self, s: Array, decay: Array, left: Array, right: Array, key: Array, value: Array) -> Array:
        """diag(decay)·S + left ⊗ (rightᵀ·S) + key ⊗ value: the next matrix of every matrix state.

        S (dk, dv, …); decay, left, right, key (dk, …), value (dv, …).
        """
        out = np.empty(s.shape, self.dtype)
        vectors = [np.ascontiguousarray(vector) for vector in (decay, left, right, key, value)]
        self.run(matrices.carry, self.flat(s), *vectors, self.flat(out))
        return out

    def read(self, s: Array, query: Array) -> Array:
        """queryᵀ·S, for S (dk, dv, …), query (dk, …): (dv, …)."""
        out = np.empty(s.shape[1:], self.dtype)
        self.run(matrices.read, self.flat(s), np.ascontiguousarray(query), out)
        return out

    def rms_norm(self, x: Array, weight: Array, epsilon: float) -> Array:
        """x / √(mean of x² + ε)·weight, over the first axis."""
        return x / np.sqrt(self.sum(x * x) / len(x) + self.dtype.type(epsilon)) * weight

    def layer_norm(self, x: Array, weight: Array, bias: Array, epsilon: float) -> Array:
        """(x − mean) / √(variance + ε)·weight + bias, over the first axis."""
        x = x - self.sum(x) / len(x)
        return x / np.sqrt(self.sum(x * x) / len(x) + self.dtype.type(epsilon)) * weight + bias

    def rounded(self, x: Array, form: Format, out: Array) -> None:
        """``out`` (features, …) = ``x`` as numbers of ``form``, canonical: see ``Format``."""
        kernel, limits = rounding(form, self.dtype.type)
        self.run(getattr(cells, kernel), np.ascontiguousarray(x), out, *limits)


@functools.cache
def rounding(form: Format, number: type[np.floating]) -> tuple[str, tuple[Any, ...]]:
    """Which kernel rounds to ``form``, and all that it takes beside its arrays, in the arithmetic ``number``."""
    low, high, nan = number(form.low), number(form.high), number(form.nan_value)
    digits = np.finfo(number).nmant
    if form.mantissa == digits:
        return "round_none", (low, high, nan)
    magic = number(1.5 * 2.0 ** (digits - form.mantissa + form.least))
    if form.fixed:
        return "round_fixed", (low, high, magic)
    word, below = np.uint32 if digits == 23 else np.uint64, digits - form.mantissa
    mask = word(2 ** (8 * word(0).itemsize) - 2**below)
    return "round_float", (low, high, magic, number(2.0**form.least), nan, word(below), mask, word(1))


HALF_PI = [float.fromhex(part) for part in ("0x1.921fb544p+0", "0x1.0b4611a6p-34", "0x1.3198a2e037073p-69")]
"""π/2 in three parts; n times the first two is exact up to n = 2^20 (Cody and Waite 1980)."""

SINE = [(-1) ** k / math.factorial(2 * k + 1) for k in range(9)]
COSINE = [(-1) ** k / math.factorial(2 * k) for k in range(9)]
"""Taylor coefficients; what is left out is below 10^-17 for |r| ≤ π/4."""


def exp64(x: Array) -> Array:
    """e^x of weights, in float64: ``Rows.exp`` there, so the same bits on every machine."""
    given = np.ascontiguousarray(x, np.float64)
    return Rows(np.float64, compiled=False).exp(given.reshape(1, 1, given.size)).reshape(given.shape)


def turn(theta: Array) -> tuple[Array, Array]:
    """(cos θ, sin θ) of weights, in float64, from + − × and rounding only: the same bits on every machine.

    With n = θ·2/π rounded and r = θ − n·π/2 it takes the Taylor series at r, and the quarter from n. Errors are
    below 10^-15 for |θ| ≤ 10^6; raises ``BadInput`` beyond.

    >>> cos, sin = turn(np.array([0.0, 1.0]))
    >>> cos.round(6).tolist(), sin.round(6).tolist()
    ([1.0, 0.540302], [0.0, 0.841471])
    """
    x = np.asarray(theta, np.float64)
    largest = float(np.abs(x).max(initial=0.0))
    if not largest <= 1e6:
        raise BadInput(
            "angles (a frequency times a step, exp(theta_log)) must be at most 10^6 in magnitude; "
            f"the weights give {largest:g}; make them smaller"
        )
    n = np.rint(x * (2 / math.pi))
    r = ((x - n * HALF_PI[0]) - n * HALF_PI[1]) - n * HALF_PI[2]
    s = r * r
    sin, cos = np.full_like(r, SINE[-1]), np.full_like(r, COSINE[-1])
    for a, b in zip(SINE[-2::-1], COSINE[-2::-1], strict=True):
        sin, cos = sin * s + a, cos * s + b
    sin = sin * r
    quarter = n - 4 * np.floor(n / 4)
    turned = np.where(quarter % 2 == 1, sin, cos), np.where(quarter % 2 == 1, cos, sin)
    left, below = (quarter == 1) | (quarter == 2), quarter >= 2
    return np.where(left, -turned[0], turned[0]), np.where(below, -turned[1], turned[1])
