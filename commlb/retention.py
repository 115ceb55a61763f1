"""What a machine keeps: its reachable states at every cut, and what they tell about Alice's symbols."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np

from commlb import discovered, machines, reductions
from commlb.chains import machine_info
from commlb.cluster import ClusterEnumeration, connect
from commlb.errors import BadInput, CommlbError, OverLimit
from commlb.fano import ceiling_accuracy
from commlb.information import entropies, entropy, entropy_of_spectrum, spectrum
from commlb.layers import Limits
from commlb.limbs import Words, larger, minus, shares, total
from commlb.machines.base import Machine
from commlb.prefixes import Prefixes, of_alice, of_task
from commlb.reachability import MAX_STATES, Enumeration
from commlb.records_states import StatesCut, StatesResult
from commlb.reductions.base import Reduction
from commlb.requests import as_int, check_sizes, registered_task
from commlb.tasks import task_classes
from commlb.tasks.base import Task
from commlb.wording import kept

OVER = ("alice", "all")

AT_ONCE = 2**22
"""Counts that are looked at together."""


def states(
    task: str,
    n: int | None = None,
    *,
    reduction: str | None = None,
    symbols: int | None = None,
    c: int | None = None,
    machine: str = machines.EXACT,
    over: str | None = None,
    information: bool = False,
    max_states: int = MAX_STATES,
    max_memory: int = Limits.max_memory,
    timeout: float | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
    cluster: str | None = None,
) -> StatesResult:
    """The states that ``machine`` reaches at every cut, with the exact number of prefixes that lead to each.

    Over Alice's prefixes of the reduction (``over="alice"``, cuts 0 … its cut), each as often as inputs lead to
    it, or over all prefixes of the task (``over="all"``, cuts 0 … its length). A task to which no reduction is
    registered has only the second, and ``n`` is then its own size. A reduction may be
    a file, as in ``commlb.reduce``. ``information`` adds, for each symbol of x read so far, I(X_i; S_t) and the
    accuracy of the best guess of x_i from the state.
    ``cluster``: the address of a Dask scheduler, or "local" for worker processes of this machine; layers too
    large for one process are spread over its workers (``commlb.cluster``), and ``max_memory`` bounds one task.

    Raises ``BadInput`` for what cannot be run and ``OverLimit`` beyond ``max_states`` nodes in a layer,
    ``max_memory`` bytes or ``timeout`` seconds; what was finished is its ``partial``, as it is of a
    ``KeyboardInterrupt``.

    >>> found = states("index", 6, machine="window:w=2", information=True)
    >>> [cut.reachable_states for cut in found.cuts], found.cuts[-1].per_input_bit
    ([1, 2, 4, 4, 4, 4, 4], (0.0, 0.0, 0.0, 0.0, 1.0, 1.0))
    """
    n, symbols, c = map(as_int, (n, symbols, c))
    check_sizes(n, symbols, c)
    if over not in (None, *OVER):
        raise BadInput(f"over must be one of {', '.join(OVER)}; given {over!r}")
    limits = Limits(max_states, max_memory, timeout)
    if not discovered.is_file(reduction):
        registered_task(task, "states")
    if not discovered.is_file(reduction) and n is not None and not reductions.for_task(task):
        return _alone(task, n, reduction, symbols, c, machine, over, information, limits, progress, cluster)
    chosen = discovered.build(task, reduction, n, symbols, c)
    made = machines.build(machine, chosen.task, chosen.cut)
    over = over or "alice"
    return run(
        chosen, made, over=over, information=information, limits=limits, progress=progress, cluster=cluster
    )


def _alone(
    task: str,
    n: int,
    reduction: str | None,
    symbols: int | None,
    c: int | None,
    machine: str,
    over: str | None,
    information: bool,
    limits: Limits,
    progress: Callable[[int, int], None],
    cluster: str | None,
) -> StatesResult:
    """``states`` for a task without a reduction."""
    if reduction is not None:
        raise BadInput(f"no reduction to {task} is registered; given {reduction}; leave it out")
    options = {key: value for key, value in (("symbols", symbols), ("c", c)) if value is not None}
    sized = task_classes()[task].sized(n, **options)
    made = machines.build(machine, sized, sized.length - 1)
    over = over or "all"
    return run(
        sized, made, over=over, information=information, limits=limits, progress=progress, cluster=cluster
    )


def run(
    chosen: Reduction | Task,
    made: Machine,
    *,
    over: str = "alice",
    information: bool = False,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
    cluster: str | None = None,
) -> StatesResult:
    """``states`` for a reduction (or a task, over all prefixes) and a machine, registered or not."""
    if over not in OVER:
        raise BadInput(f"over must be one of {', '.join(OVER)}; given {over!r}")
    if over == "alice" and not isinstance(chosen, Reduction):
        raise BadInput(
            f"no reduction to {chosen.name} is given, so there is no Alice; take over=all (--over all)"
        )
    if information and over == "all":
        raise BadInput("information is about Alice's symbols; take over=alice, or leave it out")
    if information and cluster is not None:
        raise BadInput(
            "what states tell is counted in one process only; leave out --information or --cluster"
        )
    if cluster is not None and machines.is_own(made.name):
        raise BadInput(f"{made.name}, a machine of your own, runs in this process only; leave out --cluster")
    limits = limits or Limits(MAX_STATES)
    task = chosen.task if isinstance(chosen, Reduction) else chosen
    alice = isinstance(chosen, Reduction) and over == "alice"
    cuts: list[StatesCut] = []
    try:
        prefixes = of_alice(chosen) if alice else of_task(task, limits)  # type: ignore[arg-type]
        with connect(cluster) if cluster is not None else nullcontext() as client:
            for cut in _cuts(task, made, prefixes, information, limits, progress, client):
                cuts.append(cut)
                _compare(made, cut)
    except (OverLimit, KeyboardInterrupt) as stopped:
        why = str(stopped) if isinstance(stopped, OverLimit) else "interrupted"
        stopped.partial = _result(chosen, made, over, cuts, why)  # type: ignore[union-attr]
        raise
    return _result(chosen, made, over, cuts, None)


def _cuts(
    task: Task,
    made: Machine,
    prefixes: Prefixes,
    information: bool,
    limits: Limits,
    progress: Callable[[int, int], None],
    client: Any,
) -> Iterator[StatesCut]:
    """The rows of all layers, which are enumerated here, or by the workers of a Dask client."""
    if client is not None:
        for found in ClusterEnumeration(made, prefixes, client, limits, progress).layers():
            yield _cut(task, made, prefixes, found.t, found.mass, found.states, found.spectrum)
        return
    for layer in Enumeration(made, prefixes, information, limits, progress).layers():
        keys, counts, joint = layer.states()
        about = (counts, joint) if information else None
        yield _cut(task, made, prefixes, layer.t, layer.mass, keys.shape[1], spectrum(counts), about)


def _cut(
    task: Task,
    made: Machine,
    prefixes: Prefixes,
    t: int,
    mass: int,
    reached: int,
    times: dict[int, int],
    about: tuple[Words, Words] | None = None,
) -> StatesCut:
    """The row of one layer: ``times`` is its spectrum, ``about`` counts and joint counts of its states."""
    h = entropy_of_spectrum(times)
    read = sum(len(edges.reads) for edges in prefixes.layers[:t])
    each, best = _about_symbols(*about, prefixes.symbols, h, mass) if about else (None, None)
    over_all = prefixes.name == "all"
    ceiling = None
    if best:
        ceiling = ceiling_accuracy(min(h, read * math.log2(prefixes.symbols)), read, prefixes.symbols)
    return StatesCut(
        t=t,
        symbols_read=None if over_all else read,
        prefixes=mass,
        reachable_states=reached,
        reachable_bits=math.log2(reached),
        entropy_bits=h,
        capacity_bits=made.capacity_bits(t) if t < task.length else None,
        minimum_states=task.classes(t) if over_all else None,
        per_input_bit=each,
        best_accuracy=best,
        mean_best_accuracy=math.fsum(best) / len(best) if best else None,
        ceiling_accuracy=ceiling,
    )


def _about_symbols(
    counts: Words, joint: Words, symbols: int, h: float, mass: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """I(X_i; S) and the accuracy of the best guess of x_i from S, for each symbol that has been read.

    counts (limbs, R), joint ((V−1)·read, limbs, R): what has another value than 1 … V−1 has the value 0.
    """
    each, best = [], []
    by_value = joint.reshape(-1, symbols - 1, *joint.shape[1:])
    step = max(1, AT_ONCE // (symbols * counts.size))
    for first in range(0, len(by_value), step):
        rows = by_value[first : first + step]
        zero, most = np.broadcast_to(counts, (len(rows), *counts.shape)), np.zeros_like(rows[:, 0])
        for value in range(symbols - 1):
            zero, most = minus(zero, rows[:, value]), larger(most, rows[:, value])
        most = larger(most, zero)
        split = np.concatenate([rows, zero[:, None]], axis=1)
        both = entropies(shares(split, mass).reshape(len(rows), -1))
        for i, told in enumerate(both):
            alone = entropy([count for count in map(total, split[i]) if count])
            each.append(min(alone, max(0.0, alone + h - float(told))))
            best.append(total(most[i]) / mass)
    return tuple(each), tuple(best)


def _compare(made: Machine, cut: StatesCut) -> None:
    """Theory and code against each other: no more states than the capacity, no better guess than Fano's."""
    room = cut.capacity_bits
    if room is not None and cut.reachable_bits > room + 1e-9:
        raise CommlbError(
            f"{made.name} reaches {cut.reachable_states} states after {cut.t} tokens, more than its capacity of "
            f"{room:.6f} bits; one of them is wrong, please report it"
        )
    best, ceiling = cut.mean_best_accuracy, cut.ceiling_accuracy
    if best is not None and ceiling is not None and best > ceiling + 1e-9:
        raise CommlbError(
            f"the best guess from {made.name} after {cut.t} tokens is right on {best:.6f}, above Fano's "
            f"{ceiling:.6f}; one of them is wrong, please report it"
        )


def _result(
    chosen: Reduction | Task, made: Machine, over: str, cuts: list[StatesCut], stopped: str | None
) -> StatesResult:
    reduction = chosen if isinstance(chosen, Reduction) else None
    task = chosen.task if isinstance(chosen, Reduction) else chosen
    alice = reduction is not None and over == "alice"
    bound = reduction.problem.bound() if reduction and alice else task.memory_bound()
    of = reduction.cut if reduction and alice else task.length
    machine = machine_info(made, reduction.cut if reduction else task.length - 1)
    return StatesResult(
        task=task.name,
        task_size=task.size,
        reduction=reduction.name if reduction else None,
        problem=reduction.problem.name if reduction else None,
        n=reduction.n if reduction else next(iter(task.size.values())),
        symbols=reduction.symbols if reduction else 2,
        c=getattr(chosen, "c", None),
        cut=reduction.cut if reduction else None,
        stream_length=task.length,
        alphabet_size=task.alphabet_size,
        prefix_set=over,
        machine=machine,
        bound=bound,
        cuts=tuple(cuts),
        complete=stopped is None,
        stopped=stopped,
        evidence="exhaustive",
        verdict=kept(machine, cuts, of, over, bound, stopped),
    )
