"""How the minimum grows with n: which of a few laws fits the computed sizes best. An observation only."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR
from typing import Any

from commlb.errors import OverLimit
from commlb.layers import Progress, silent
from commlb.minimum import exact, task_of
from commlb.records_exact import ExactResult, GrowthResult
from commlb.trends import fits
from commlb.wording import number

SEARCH = frozenset({"engine", "max_states", "max_memory", "timeout", "budget"})
"""Options of the search; the others are the task's."""


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
