"""Disjointness: two sets, each given by its n bits; do they intersect?"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

from commlb.tasks.two_words import TwoWords


@dataclass(frozen=True)
class Disjointness(TwoWords):
    """Disjointness(n): bits a_1 … a_n b_1 … b_n of two sets A, B ⊆ {1, …, n}; True iff A and B intersect.

    The convention is that of "intersect": False means disjoint. Two bits clash if both are 1.
    Source: Bhattamishra et al. 2024, §4.2.

    >>> Disjointness(2).solve([0, 1, 1, 1]), Disjointness(2).solve([0, 1, 1, 0])
    (True, False)
    """

    name = "disjointness"
    summary = "two subsets of n things, bit by bit: do they intersect"
    source = "Bhattamishra et al. 2024, Sec. 4.2"
    clash = operator.and_
    settled = True

    def solve(self, stream: Sequence[int]) -> bool:
        self.check_stream(stream)
        first = {place for place, bit in enumerate(stream[: self.bits]) if bit}
        second = {place for place, bit in enumerate(stream[self.bits :]) if bit}
        return not first.isdisjoint(second)
