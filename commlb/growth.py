"""How the minimum grows with n: which of a few laws fits the computed sizes best. An observation only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_FLOOR
from typing import Any

import numpy as np

from commlb.errors import BadInput, OverLimit
from commlb.layers import Progress, silent
from commlb.minimum import exact, task_of
from commlb.records_exact import ExactResult, GrowthFit, GrowthResult
from commlb.wording import number

LAWS: dict[str, Callable[[int], float]] = {
    "log n": lambda n: math.log2(n),
    "n": lambda n: float(n),
    "n log n": lambda n: n * math.log2(n),
    "n^2": lambda n: float(n) ** 2,
}


SEARCH = frozenset({"engine", "max_states", "max_memory", "timeout", "budget"})
"""Options of the search; the others are the task's."""


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


def grow(task: str, sizes: Sequence[int], *, progress: Progress = silent, **options: Any) -> GrowthResult:
    """``commlb.exact`` at several sizes, and the laws of growth that fit the bits at the worst cuts.

    ``options`` as in ``minimum.solve``. Raises what that raises; what was finished is the ``partial`` of an
    ``OverLimit`` or a ``KeyboardInterrupt``.

    >>> found = grow("istree", range(3, 8))
    >>> [result.cuts[result.worst_cut].classes_at_least for result in found.results], found.fits[0].law
    ([3, 8, 26, 91, 351], 'n log n')
    """
    own = {key: value for key, value in options.items() if key not in SEARCH}
    for n in sizes:
        task_of(task, n, **own)  # what is no size is refused before any is computed
    results: list[ExactResult] = []
    try:
        for n in sizes:
            results.append(exact(task, n, progress=progress, **options))
    except (OverLimit, KeyboardInterrupt) as stopped:
        why = f"n = {n}: {stopped}" if isinstance(stopped, OverLimit) else "interrupted"
        if results:
            stopped.partial = _grown(sizes, results, why)  # type: ignore[union-attr]
        raise
    return _grown(sizes, results, None)


def _grown(sizes: Sequence[int], results: list[ExactResult], stopped: str | None) -> GrowthResult:
    done = tuple(sizes[: len(results)])
    bits = [result.minimum_bits for result in results]
    constant = max(bits) - min(bits) < 1e-9
    found = fits(done, bits) if len(set(done)) >= 3 and not constant else ()
    name = results[0].task
    verdict = f"The minimum of {name} from n = {done[0]} to {done[-1]}"
    settled = next(k for k in range(len(bits)) if max(bits[k:]) - min(bits[k:]) < 1e-9)
    if len(bits) - settled >= max(2, len(bits) // 2):
        since = "at each size" if settled == 0 else f"from n = {done[settled]} on"
        verdict += (
            f" is the same {since}, {number(bits[-1], ROUND_FLOOR)} bits; an observation, not a theorem."
        )
    elif found:
        verdict += f" grows most like {found[0].law} of these four laws; an observation, not a theorem."
    else:
        verdict += "; a law of growth needs at least three sizes."
    if any(result.minimum_bits != result.at_most_bits for result in results):
        verdict += " Where only an interval is known, its lower end was taken."
    if stopped is not None:
        verdict = f"Stopped ({stopped}). {verdict}"
    return GrowthResult(name, done, tuple(results), found, stopped is None, stopped, verdict)


def _fit(law: str, g: np.ndarray, bits: np.ndarray) -> GrowthFit:
    """Residuals are rounded to 1e-9 bits, so that rounding errors do not choose between laws."""
    from_mean = g - g.mean()
    a = float(from_mean @ (bits - bits.mean()) / (from_mean @ from_mean))
    b = float(bits.mean() - a * g.mean())
    rms = float(np.sqrt(np.mean((a * g + b - bits) ** 2)))
    return GrowthFit(law, round(a, 9) + 0.0, round(b, 9) + 0.0, round(rms, 9))
