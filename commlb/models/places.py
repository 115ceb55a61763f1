"""Where each tensor of a model lies in a machine's state, and what its numbers are rounded to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from commlb.formats import Format
from commlb.machines.base import Array
from commlb.models.base import DTYPES

Rounding = Callable[[float], Format]
"""The format for numbers up to a magnitude, as ``commlb.formats.chosen`` gives it."""


@dataclass(frozen=True)
class Place:
    """Where a tensor lies in a state: ``size`` rows from ``first`` on, as many as it has when it is largest.

    ``form``: the format that its numbers are rounded to; None where they stay as the model has them.
    """

    name: str
    kind: str
    dtype: str
    first: int
    size: int
    form: Format | None

    @property
    def width(self) -> int:
        return self.form.bits if self.form else DTYPES[self.dtype].bits


def magnitude(numbers: Array) -> float:
    """The greatest magnitude of the finite ones among ``numbers``."""
    sizes = np.abs(numbers.astype(np.float64))
    sizes = sizes[np.isfinite(sizes)]
    return float(sizes.max()) if sizes.size else 0.0


def span(greatest: float) -> float:
    """The least power of two above a magnitude, from 2^-30 to 2^30; 1 for 0."""
    return 2.0 ** min(max(math.frexp(greatest)[1] if greatest else 0, -30), 30)


def growth(sizes: Sequence[int]) -> int:
    """Bits a token by which states of these sizes, after 1, 2, … tokens, grew in the second half; rounded up.

    A window grows until it is full, and what gathers tokens in blocks shrinks now and then: so the largest states
    of the two halves are compared, and nothing is said of longer streams. 0: bounded, as far as was run.

    >>> growth([64, 128, 192, 256]), growth([64, 128, 128, 128]), growth([64, 192, 64, 192]), growth([64])
    (64, 0, 0, 0)
    """
    middle = len(sizes) // 2
    if not middle or max(sizes[middle:]) <= max(sizes[:middle]):
        return 0
    return -(-(max(sizes[middle:]) - max(sizes[:middle])) // (len(sizes) - middle))
