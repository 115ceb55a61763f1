"""How the minimum grows with n: which of a few laws fits the computed sizes best. An observation only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from commlb.errors import BadInput
from commlb.records_exact import GrowthFit

LAWS: dict[str, Callable[[int], float]] = {
    "log n": lambda n: math.log2(n),
    "n": lambda n: float(n),
    "n log n": lambda n: n * math.log2(n),
    "n^2": lambda n: float(n) ** 2,
}


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


def _fit(law: str, g: np.ndarray, bits: np.ndarray) -> GrowthFit:
    """Residuals are rounded to 1e-9 bits, so that rounding errors do not choose between laws."""
    from_mean = g - g.mean()
    a = float(from_mean @ (bits - bits.mean()) / (from_mean @ from_mean))
    b = float(bits.mean() - a * g.mean())
    rms = float(np.sqrt(np.mean((a * g + b - bits) ** 2)))
    return GrowthFit(law, round(a, 9) + 0.0, round(b, 9) + 0.0, round(rms, 9))
