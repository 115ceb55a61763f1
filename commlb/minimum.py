"""The exact minimum of a streaming task: classes of prefixes that no valid suffix tells apart, cut by cut.

Two prefixes of t tokens may share a state if and only if every suffix that is valid after both has the same
answers. The states of any machine that solves the task are found (``commlb.layers``) and those that answer
alike merged (``commlb.merging``): the minimum of a task without a promise. A promise leaves more freedom,
which ``commlb.conflicts`` bounds. ``exact`` does all of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_FLOOR
from typing import Any

from commlb.conflicts import BUDGET, MAX_VERTICES, chromatic, conflict_graphs
from commlb.errors import BadInput, CommlbError, require_at_least, unknown_name
from commlb.layers import Layers, Limits, Progress, silent, tabulate, unroll, unroll_machine
from commlb.merging import merge, merge_table
from commlb.records_exact import ExactCut, ExactResult
from commlb.tasks import task_classes
from commlb.tasks.base import Task
from commlb.userfile import UserTask, load
from commlb.wording import counted, number

LAYERS, TABLE = "layers", "table"


def exact(task: Any, n: int | None = None, **options: Any) -> ExactResult:
    """The minimum of a task at every cut; ``options`` as in ``solve``, or the task's own (``keys=3``).

    ``task``: a registered name with the task's own size ``n``, ``path/to/file.py:Name``,
    ``package.module:Name``; or a task that is made already, your own object or its class (with ``n``).

    >>> from commlb.tasks.istree import IsTree
    >>> result = exact(IsTree(7))
    >>> result.worst_cut, [cut.classes_at_least for cut in result.cuts]
    (3, [1, 21, 141, 351, 302, 64, 2])
    """
    return solve(task, n, **options)[0]


def solve(
    task: Any,
    n: int | None = None,
    *,
    engine: str | None = None,
    max_states: int = Limits.max_states,
    max_memory: int = Limits.max_memory,
    timeout: float | None = None,
    budget: int = BUDGET,
    progress: Progress = silent,
    **options: Any,
) -> tuple[ExactResult, Layers]:
    """``exact``, and with it the merged automaton (for ``commlb.export``).

    ``engine``: "layers" follows the states of the task's machine; "table" asks the task for its answer to
    every stream, and is what a task that is an opaque function needs. ``max_states`` bounds the states of all
    layers together (streams, for a table), ``max_memory`` the bytes, ``timeout`` the seconds
    (looked at after each layer), ``budget`` the nodes of each search in a
    conflict graph. ``progress(done, of)`` counts layers.

    Raises ``BadInput``; ``OverLimit`` with the finished layers' state counts; ``CommlbError`` if the result
    contradicts the task's closed form.
    """
    made = task_of(task, n, **options)
    if engine not in (None, LAYERS, TABLE):
        raise BadInput(f"engine must be '{LAYERS}' or '{TABLE}'; given {engine!r}")
    limits = Limits(max_states, max_memory, timeout)
    limits.check("one a layer", (), states=made.length + 1)
    engine = engine or engine_for(made)

    def part(k: int) -> Progress:
        def heard(done: int, of: int) -> None:
            limits.check_time(f"{made.name}, layer {done} of {of}")
            progress(made.length * k + made.length * done // of, 3 * made.length)

        return heard

    merged, states = merged_automaton(made, engine, limits, (part(0), part(1)))
    most = min(MAX_VERTICES, math.isqrt(max_memory // 8))
    found = cuts(merged, states, budget=budget, most_vertices=most, progress=part(2))
    found = tuple(replace(cut, closed_form=made.classes(cut.t)) for cut in found)
    result = _result(made, merged, engine, found)
    _compare(result)
    return result, merged


def task_of(task: Any, n: int | None = None, **options: Any) -> Task | UserTask:
    """The task that is meant by a name, or a task itself. Raises ``BadInput`` for what is none."""
    if not isinstance(task, str | Task | UserTask):
        if callable(task):
            if n is None:
                raise BadInput("n, the size of the task, is required")
            task = task(n)
        if not isinstance(task, Task | UserTask):
            task = UserTask(type(task).__name__, getattr(task, "length", 0), task)
        n = None
    if isinstance(task, Task | UserTask):
        if n is not None or options:
            raise BadInput(f"{task.name} is made already and takes no {', '.join(['n', *options])}")
        return task
    if n is None:
        raise BadInput(f"n, the size of {task}, is required")
    require_at_least("n", n, 1)
    if task.endswith(".py"):
        raise BadInput(f"which task of '{task}'? write {task}:Name")
    if ":" in task:
        if options:
            raise BadInput(f"{task} takes n only; given {', '.join(options)}")
        return load(task, n)
    known: dict[str, Any] = dict(task_classes())
    if task not in known:
        raise unknown_name("task", task, known)
    return known[task].sized(n, **options)


def engine_for(task: Task | UserTask) -> str:
    """The engine that serves ``task``: a table where there is no automaton to follow."""
    return TABLE if isinstance(task, UserTask) and not task.has_steps else LAYERS


def merged_automaton(
    task: Task | UserTask,
    engine: str,
    limits: Limits,
    progress: tuple[Progress, Progress] = (silent, silent),
) -> tuple[Layers, tuple[int, ...]]:
    """The merged automaton, and the states of the task's machine (or the prefixes) at each cut."""
    if isinstance(task, UserTask):
        with task._blamed("comparing its values"):  # what a token's or state's own __eq__ may raise
            return _merge_layers(task, engine, limits, progress)
    return _merge_layers(task, engine, limits, progress)


def _merge_layers(
    task: Task | UserTask, engine: str, limits: Limits, progress: tuple[Progress, Progress]
) -> tuple[Layers, tuple[int, ...]]:
    alphabets = [task.alphabet(t) for t in range(task.length)]
    limits.check("one state a layer", (), memory=4 * sum(map(len, alphabets)))
    if engine == TABLE:
        if len(task.answered_at) > 1:
            raise BadInput(f"{task.name} has several answers; engine '{TABLE}' is for one at the end")
        table, answers = tabulate(task.solve, alphabets, limits, progress[0])
        return merge_table(table, alphabets, answers)
    if isinstance(task, Task) and task.total:
        layers = unroll_machine(task.machine(), alphabets, task.answered_at, limits, progress[0])
    else:
        layers = unroll(task.automaton(), alphabets, task.answered_at, limits, progress[0])
    return merge(layers, progress[1]), layers.widths


def _result(task: Task | UserTask, merged: Layers, engine: str, found: tuple[ExactCut, ...]) -> ExactResult:
    low, high = max(cut.classes_at_least for cut in found), max(cut.classes_at_most for cut in found)
    worst = next(cut.t for cut in found if cut.classes_at_least == low)
    promise = merged.total_from > 0
    size = ", ".join(f"{key}={value}" for key, value in task.size.items())
    there = found[worst].classes_at_most
    states = counted(low, "state") if low == there else f"between {low:,} and {there:,} states"
    return ExactResult(
        task=task.name,
        task_size=task.size,
        length=task.length,
        alphabet_size=task.alphabet_size,
        engine=engine,
        promise=promise,
        cuts=found,
        worst_cut=worst,
        minimum_bits=math.log2(low),
        at_most_bits=math.log2(high),
        exact=all(cut.exact for cut in found),
        evidence="exhaustive",
        bound=task.memory_bound(),
        verdict=f"A machine that solves {task.name} ({size}) without error needs {states} "
        f"after {worst} of {task.length} tokens, at least {number(math.log2(low), ROUND_FLOOR)} bits"
        + ("; minima are per cut, since there is a promise." if promise else ", and no more there."),
    )


def _compare(result: ExactResult) -> None:
    """Theory and code against each other."""
    for cut in result.cuts:
        if cut.closed_form is not None:
            if not cut.classes_at_least <= cut.closed_form <= cut.classes_at_most:
                raise CommlbError(
                    f"{result.task} has {cut.classes_at_least} to {cut.classes_at_most} classes "
                    f"after {cut.t} tokens, its closed form says {cut.closed_form}; "
                    "one of them is wrong, please report it"
                )
    if result.bound is not None and result.bound.bits > result.at_most_bits + 1e-9:
        raise CommlbError(
            f"{result.task} needs at most {result.at_most_bits:.6f} bits, its closed bound says "
            f"{result.bound.bits:.6f}; one of them is wrong, please report it"
        )


def cuts(
    merged: Layers,
    machine_states: Sequence[int] | None = None,
    *,
    budget: int = BUDGET,
    most_vertices: int = MAX_VERTICES,
    progress: Progress = silent,
) -> tuple[ExactCut, ...]:
    """The minimum at each cut of merged layers: exact, or an interval with what bounds each side.

    ``machine_states``: the states of the given machine at each cut. ``budget`` and ``most_vertices`` bound
    the searches that a promise asks for.
    """
    found = []
    for t, graph in conflict_graphs(merged, most_vertices):
        width = merged.widths[t]
        low, high, low_by, high_by = width, width, "distinct rows", "distinct rows"
        if graph is not None:
            bounds = chromatic(graph.adjacent, budget)
            low, low_by = bounds.at_least, bounds.at_least_by
            if graph.whole:
                high, high_by = bounds.at_most, bounds.at_most_by
        alphabet = len(merged.alphabets[t]) if t < merged.length else 0
        states = machine_states[t] if machine_states is not None else width
        found.append(ExactCut(t, alphabet, states, low, high, low == high, low_by, high_by))
        progress(merged.length - t, merged.length)
    return tuple(reversed(found))


def minimum(layers: Layers, **options: Any) -> tuple[ExactCut, ...]:
    """The minimum of a task at each cut, from any machine for it; ``options`` as in ``cuts``.

    >>> from commlb.layers import unroll_machine
    >>> from commlb.tasks.istree import IsTree
    >>> task = IsTree(7)
    >>> layers = unroll_machine(task.machine(), [task.alphabet(t) for t in range(6)], task.answered_at)
    >>> [cut.classes_at_least for cut in minimum(layers)]
    [1, 21, 141, 351, 302, 64, 2]
    """
    return cuts(merge(layers), layers.widths, **options)
