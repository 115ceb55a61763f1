"""Reductions found by search: the largest INDEX instance inside a task, at its best cut.

``discover`` lists the rows and the columns of the task at every cut, hunts for large shattered sets everywhere, and
then searches the cuts that may hold a larger one to the end (``commlb.shattering``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from commlb.errors import BadInput, LimitError, OverLimit, require_at_least
from commlb.layers import Layers, Limits, Progress, silent
from commlb.minimum import engine_for, merged_automaton, task_of
from commlb.records_witness import DiscoverResult
from commlb.shattering.columns import MOST_WORK, columns
from commlb.shattering.finding import result_of
from commlb.shattering.pursuit import MAX_NODES, Pursuit
from commlb.shattering.symmetry import Permutation, row_permutations
from commlb.tasks.base import Task
from commlb.userfile import UserTask

COLUMN_BYTES = 2**30
"""Bytes of columns at one cut, and of choices among them, by default."""


def discover(
    task: Any,
    n: int | None = None,
    *,
    cut: int | None = None,
    over: int | None = None,
    engine: str | None = None,
    symmetric: bool = True,
    max_nodes: int = MAX_NODES,
    max_states: int = Limits.max_states,
    max_memory: int = COLUMN_BYTES,
    timeout: float | None = None,
    seed: int = 0,
    progress: Progress = silent,
    **options: Any,
) -> DiscoverResult:
    """The largest set of suffixes that prefixes shatter: an INDEX instance inside a task, as a table.

    ``task``, ``n``, ``engine`` and the task's own ``options`` are those of ``commlb.exact``. ``cut``: this one
    only; else all at which Bob has a token or more. ``over``: symbols of this many kinds only; else of 2 and up
    to as many as there are answers, whichever gives most bits. ``symmetric``: use the task's symmetries, after
    they are verified. ``max_nodes`` bounds the nodes of all searches, ``max_memory`` the bytes of the columns of a
    cut, ``timeout`` the seconds. ``seed`` drives annealing.

    Raises ``BadInput``; ``OverLimit`` if not even the columns could be listed; ``LimitError`` or
    ``KeyboardInterrupt`` where the search was stopped before the answer was certain: what it had found is then
    ``partial``, with the bounds that hold.

    >>> found = discover("istree", 5)
    >>> found.bits, found.optimal, found.upper_bound_bits, found.cut
    (4.0, True, 4.0, 2)
    >>> discover("ar", 2, symbols=3).symbols
    3
    """
    made = task_of(task, n, **options)
    _check(made, cut, over, max_nodes, max_memory)
    require_at_least("seed", seed, 0)
    limits = Limits(max_states, max(max_memory, Limits.max_memory), timeout)
    limits.check("one a layer", (), states=made.length + 1)
    clock = _clock(made, limits)
    engine = engine or engine_for(made)
    if engine not in ("layers", "table"):
        raise BadInput(f"engine must be 'layers' or 'table'; given {engine!r}")
    merged, _ = merged_automaton(made, engine, limits, (lambda done, of: clock(),) * 2)
    generators = symmetries(made, merged) if symmetric else []
    found = columns(merged, max_memory=max_memory, most_work=MOST_WORK, seed=seed, clock=clock)
    cuts = range(merged.length) if cut is None else [cut]
    kinds = range(2, max(2, len(merged.answers)) + 1) if over is None else [over]
    hunt = Pursuit(merged, found, cuts, kinds, generators, max_nodes, max_memory, clock, seed, progress)
    stopped: BaseException | None = None
    try:
        hunt.run()
    except (OverLimit, KeyboardInterrupt) as error:
        stopped = error
    result = result_of(made, merged, found, hunt, cut, seed, stopped)
    if stopped is None and result.stopped is not None:
        stopped = LimitError(result.stopped)
    if stopped is not None:
        stopped.partial = result  # type: ignore[attr-defined]
        raise stopped
    return result


def _check(task: Task | UserTask, cut: int | None, over: int | None, max_nodes: int, max_memory: int) -> None:
    if cut is not None and not 0 <= cut < task.length:
        raise BadInput(f"cut must be in 0..{task.length - 1}, so that a token is left for Bob; given {cut}")
    if over is not None:
        require_at_least("over", over, 2)
    require_at_least("max_nodes", max_nodes, 1)
    require_at_least("max_memory", max_memory, 1)


def _clock(task: Task | UserTask, limits: Limits) -> Callable[[], None]:
    return lambda: limits.check_time(f"{task.name}, search for a shattered set")


def symmetries(task: Task | UserTask, merged: Layers) -> list[tuple[Permutation, ...]]:
    """The symmetries that a task offers, as verified permutations of the states of each layer.

    A user's object offers them in an attribute ``symmetries``, a list or a function that gives one.
    Raises ``BadInput`` for one that is none.
    """
    if isinstance(task, UserTask):
        with task._blamed("symmetries"):
            given = getattr(task.made, "symmetries", ())
            offered: Sequence[Any] = list(given() if callable(given) else given)
    else:
        offered = task.symmetries()
    found = [row_permutations(merged, generator, task.name) for generator in offered]
    return [rows for rows in found if any((layer[1:] < layer[:-1]).any() for layer in rows)]
