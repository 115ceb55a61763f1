"""Equality: two words of bits; are they the same?"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

from commlb.tasks.two_words import TwoWords


@dataclass(frozen=True)
class Equality(TwoWords):
    """Equality(n): a_1 … a_n b_1 … b_n, bits; True iff a = b. Two bits clash if they differ.

    Source: Bhattamishra et al. 2024, §4.2.

    >>> Equality(2).solve([0, 1, 0, 1]), Equality(2).solve([0, 1, 1, 1])
    (True, False)
    >>> Equality(2).letter(1, 3), [Equality(3).classes(t) for t in range(7)]
    (('second1', 2), [1, 2, 4, 8, 5, 3, 2])
    """

    name = "equality"
    summary = "two words of n bits: are they the same"
    source = "Bhattamishra et al. 2024, Sec. 4.2"
    clash = operator.ne
    settled = False

    def solve(self, stream: Sequence[int]) -> bool:
        self.check_stream(stream)
        return list(stream[: self.bits]) == list(stream[self.bits :])
