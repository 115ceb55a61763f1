"""Is the error of every query at most ε? A test on random runs that stops as soon as it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from commlb.fano import fano_bits
from commlb.information import error_upper_limit

FIRST_LOOK = 64
"""Trials of each query before the first look; each later look has twice as many."""


@dataclass(frozen=True)
class Decision:
    """What a test found: ``accepted`` (None: undecided), errors (queries,) in so many ``trials`` of each query.

    ``worst_error``: upper limit of the largest error, of all queries together at the level of the test.
    """

    accepted: bool | None
    errors: NDArray[np.int64]
    trials: int
    worst_error: float


def looks(most_trials: int) -> list[int]:
    """The numbers of trials at which the test looks.

    >>> looks(300), looks(10)
    ([64, 128, 256, 300], [10])
    """
    found = [FIRST_LOOK]
    while found[-1] < most_trials:
        found.append(2 * found[-1])
    return [*found[:-1], most_trials]


def at_most(
    run: Callable[[int], NDArray[np.int64]], queries: int, error: Fraction, level: float, most_trials: int
) -> Decision:
    """Whether each of ``queries`` errors is at most ``error``: a wrong answer has probability ≤ ``level``.

    ``run(trials)`` gives the errors of each query in so many fresh, independent trials of it; queries may share
    their runs. At each of L looks the worst query is held against Clopper and Pearson's limits at level
    ``level``/(2·L·queries) a side: accepted if its upper limit is at most ``error``, refused if its lower one is
    above. By the union bound over looks, queries and sides the level holds however the test stops.

    >>> at_most(lambda trials: np.array([0, trials // 2]), 2, Fraction(1, 10), 0.01, 4096).accepted
    False
    >>> at_most(lambda trials: np.zeros(2, np.int64), 2, Fraction(1, 10), 0.01, 4096).trials
    128
    """
    errors, done, stops = np.zeros(queries, np.int64), 0, looks(most_trials)
    confidence = 1 - level / (2 * len(stops) * queries)
    limit = 1.0
    for trials in stops:
        errors = errors + run(trials - done)
        done, worst = trials, int(errors.max())
        limit = error_upper_limit(worst, done, confidence)
        if limit <= error:
            return Decision(True, errors, done, limit)
        if (error == 0 and worst) or 1 - error_upper_limit(done - worst, done, confidence) > error:
            return Decision(False, errors, done, limit)
    return Decision(None, errors, done, limit)


def bits_shown(decision: Decision, symbols: int, level: float) -> float:
    """Σ g(U_i): bits about x that the answers show to be in the message, false with probability ≤ ``level``.

    U_i is the upper limit of query i's error at level ``level``/queries.
    """
    confidence = 1 - level / len(decision.errors)
    return sum(_shown(decision, symbols, confidence))


def _shown(decision: Decision, symbols: int, confidence: float) -> Iterator[float]:
    found, times = np.unique(decision.errors, return_counts=True)
    for errors, queries in zip(found.tolist(), times.tolist(), strict=True):
        yield queries * fano_bits(error_upper_limit(errors, decision.trials, confidence), symbols)
