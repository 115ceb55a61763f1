"""How far an accuracy may be from the share of right answers that was seen."""

from __future__ import annotations

import math
from collections.abc import Callable

from commlb.errors import BadInput

FACTOR = 1000.0
"""An accuracy is in the band if it makes what was seen at most so many times less likely than the best one."""


def likely(right: int, trials: int, factor: float = FACTOR) -> tuple[float, float]:
    """All p whose binomial likelihood of ``right`` in ``trials`` is within ``factor`` of the best, right/trials.

    The ends of that interval, rounded outwards by bisection. Raises ``BadInput`` unless 0 ≤ right ≤ trials ≥ 1.

    >>> [round(end, 3) for end in likely(50, 100)], likely(7, 7)[1]
    ([0.32, 0.68], 1.0)
    """
    if not 0 <= right <= trials or trials < 1:
        raise BadInput(f"right answers must be from 0 to the trials, at least 1; given {right} of {trials}")
    best = right / trials

    def far(p: float) -> bool:
        return _log(p, right, trials) < _log(best, right, trials) - math.log(factor)

    return _edge(far, 0.0, best), _edge(far, 1.0, best)


def _log(p: float, right: int, trials: int) -> float:
    """The logarithm of the likelihood, without the binomial coefficient."""
    parts = ((right, p), (trials - right, 1 - p))
    if any(count and not share for count, share in parts):
        return -math.inf
    return sum(count * math.log(share) for count, share in parts if count)


def _edge(far: Callable[[float], bool], outside: float, inside: float) -> float:
    """Where ``far`` begins to hold on the way from ``inside`` to ``outside``; ``outside`` if it never does."""
    if not far(outside):
        return outside
    for _ in range(60):
        middle = (outside + inside) / 2
        if far(middle):
            outside = middle
        else:
            inside = middle
    return outside
