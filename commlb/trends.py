"""How bits grow with n: laws fitted to computed sizes, and a slope with its interval. Observations only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput
from commlb.records_exact import GrowthFit
from commlb.wording import number

LAWS: dict[str, Callable[[float], float]] = {
    "log n": math.log2,
    "n": float,
    "n log n": lambda n: n * math.log2(n),
    "n^2": lambda n: float(n) ** 2,
}
"""The laws of growth that are compared, each a function of n ≥ 1."""

RESAMPLES, SEED = 2000, 0
"""Of the bootstrap; the seed is fixed, so that one set of points has one interval."""

LEAST_SLOPE, LEAST_LAW = 4, 5
"""Different sizes that a slope, and a comparison of two laws, need."""

SURE = 0.975
"""Share of the resamples in which a law must fit better before that is said."""

ROUNDING = 1e-9
"""Bits below which a residual is a rounding error."""


@dataclass(frozen=True)
class Trend:
    """bits ≈ ``slope``·n + ``start`` by least squares; the slope is from ``low`` to ``high`` with 95 %.

    ``law``: "n log n" or "n" where that one of the two fits the points better in at least ``SURE`` of the
    resamples, else None. An observation over the sizes that were computed, never a theorem.
    """

    slope: float
    start: float
    low: float
    high: float
    law: str | None
    evidence: str = "observation"

    @property
    def is_flat(self) -> bool:
        """Whether a slope of 0 is as good, so that the slope says nothing."""
        return self.low <= 0 <= self.high

    def words(self) -> str:
        """``slope 2.03 (1.98 to 2.07); n log n fits better``; one number where the interval has no width.

        >>> trend([2, 4, 6, 8, 10], [2.0, 4.0, 6.0, 8.0, 10.0]).words()
        'slope 1'
        """
        ends = [number(end, digits=3).replace("-", "−") for end in (self.low, self.high)]
        text = f"slope {number(self.slope, digits=3)}".replace("-", "−")
        if self.high - self.low <= ROUNDING:
            return text
        text += f" ({ends[0]} to {ends[1]})"
        other = {"n": "n log n", "n log n": "n"}.get(self.law or "")
        return f"{text}; {self.law} fits better than {other}" if other else text


def fits(sizes: Sequence[int], bits: Sequence[float]) -> tuple[GrowthFit, ...]:
    """Least squares of bits = a·g(n) + b for each law g, the smallest residual first, of equals the slowest.

    Raises ``BadInput`` for fewer than three different sizes.

    >>> fits([2, 3, 4, 5], [5.0, 7.0, 9.0, 11.0])[0]
    GrowthFit(law='n', a=2.0, b=1.0, rms=0.0, evidence='observation')
    """
    if len(sizes) != len(bits) or len(set(sizes)) < 3 or min(sizes) < 1:
        raise BadInput(f"a fit needs at least 3 different sizes from 1 on, with bits; given {list(sizes)}")
    found = [_fit(law, np.array([g(n) for n in sizes]), np.array(bits, float)) for law, g in LAWS.items()]
    return tuple(sorted(found, key=lambda fit: fit.rms))


def _fit(law: str, g: NDArray[np.float64], bits: NDArray[np.float64]) -> GrowthFit:
    """Residuals are rounded to 1e-9 bits, so that rounding errors do not choose between laws."""
    a, b, rms = (float(value) for value in _least_squares(g, bits))
    return GrowthFit(law, round(a, 9) + 0.0, round(b, 9) + 0.0, round(rms, 9))


def _least_squares(
    g: NDArray[np.float64], bits: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """a, b and the root mean square of the residuals of bits = a·g + b, along the last axis."""
    from_mean = g - g.mean(-1, keepdims=True)
    above = bits - bits.mean(-1, keepdims=True)
    a = (from_mean * above).sum(-1) / (from_mean**2).sum(-1)
    b = bits.mean(-1) - a * g.mean(-1)
    return a, b, np.sqrt(np.mean((a[..., None] * from_mean - above) ** 2, -1))


def trend(sizes: Sequence[int], bits: Sequence[float]) -> Trend | None:
    """The slope of bits against n with its 95 % interval, and which of n and n log n fits better.

    The points are resampled with replacement (those of at least three different sizes count). None for fewer
    than four different sizes; of laws nothing is said below five. Raises ``BadInput`` for sizes below 1.

    >>> found = trend(range(2, 20), [n * math.log2(n) for n in range(2, 20)])
    >>> found.law, found.low < found.slope < found.high
    ('n log n', True)
    """
    if len(sizes) != len(bits) or min(sizes, default=1) < 1:
        raise BadInput(f"a trend needs sizes from 1 on, each with its bits; given {list(sizes)}")
    distinct = len(set(sizes))
    if distinct < LEAST_SLOPE:
        return None
    n, values = np.array(sizes, float), np.array(bits, float)
    steep = np.array([LAWS["n log n"](size) for size in sizes])
    slope, start, residual = _least_squares(n, values)
    chosen = _resamples(n)
    slopes, _, straight = _least_squares(n[chosen], values[chosen])
    _, _, bent = _least_squares(steep[chosen], values[chosen])
    low, high = np.quantile(slopes, (0.025, 0.975))
    law = None
    if distinct >= LEAST_LAW and max(residual, _least_squares(steep, values)[2]) > ROUNDING:
        if np.mean(bent < straight - ROUNDING) >= SURE:
            law = "n log n"
        elif np.mean(straight < bent - ROUNDING) >= SURE:
            law = "n"
    a, b, least, most = (round(float(value), 9) + 0.0 for value in (slope, start, low, high))
    return Trend(a, b, least, most, law)


def _resamples(n: NDArray[np.float64]) -> NDArray[np.int64]:
    """(``RESAMPLES``, points): places of points, drawn with replacement until at least three sizes differ."""
    rng = np.random.default_rng(SEED)
    kept: list[NDArray[np.int64]] = []
    while sum(map(len, kept)) < RESAMPLES:
        drawn = rng.integers(0, len(n), (RESAMPLES, len(n)))
        ordered = np.sort(n[drawn], -1)
        kept.append(drawn[1 + np.count_nonzero(np.diff(ordered, axis=-1), axis=-1) >= 3])
    return np.concatenate(kept)[:RESAMPLES]
