"""Two-party problems f(x, y): Alice holds x, Bob holds y, Bob must know the value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from commlb.records import Bound


@dataclass(frozen=True)
class Index:
    """INDEX over k symbols: x ∈ {0, …, k−1}^n, y ∈ {1, …, n}, value x_y; D→ = ⌈n·log k⌉.

    The k^n rows of its communication matrix are distinct, so without error a one-way message has k^n
    values. Source: Kremer, Nisan, Ron 1999.

    >>> Index(3).value((0, 1, 1), 2), Index(3, 4).bound().bits
    (1, 6.0)
    """

    n: int
    symbols: int = 2

    name = "INDEX"

    def value(self, x: Sequence[int], y: int) -> int:
        return x[y - 1]

    def bound(self) -> Bound:
        """log₂ of the number of distinct rows: what any message without error must be able to say."""
        bits = self.n * math.log2(self.symbols)
        return Bound(
            bits,
            "deterministic",
            f"{self.symbols}^{self.n} distinct rows",
            "proved",
            "Kremer, Nisan, Ron 1999",
            "alice",
        )
