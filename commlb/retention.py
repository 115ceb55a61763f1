"""What a machine keeps: its reachable states at every cut, and what they tell about Alice's symbols."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb import machines, reductions
from commlb.chains import check_sizes, machine_info
from commlb.errors import BadInput, CommlbError, OverLimit
from commlb.information import ceiling_accuracy, entropy_of_spectrum, spectrum
from commlb.layers import Limits
from commlb.machines.base import Machine
from commlb.prefixes import of_alice, of_task
from commlb.reachability import MAX_STATES, Enumeration, Layer
from commlb.records_states import StatesCut, StatesResult
from commlb.reductions.base import Reduction
from commlb.wording import kept

OVER = ("alice", "all")


def states(
    task: str,
    n: int,
    *,
    reduction: str | None = None,
    symbols: int | None = None,
    c: int | None = None,
    machine: str = machines.EXACT,
    over: str = "alice",
    information: bool = False,
    max_states: int = MAX_STATES,
    max_memory: int = Limits.max_memory,
    timeout: float | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> StatesResult:
    """The states that ``machine`` reaches at every cut, with the exact number of prefixes that lead to each.

    Over Alice's prefixes of the reduction (``over="alice"``, cuts 0 … its cut), each as often as inputs lead to
    it, or over all prefixes of the task (``over="all"``, cuts 0 … its length). ``information`` adds, for each
    symbol of x read so far, I(X_i; S_t) and the accuracy of the best guess of x_i from the state.

    Raises ``BadInput`` for what cannot be run and ``OverLimit`` beyond ``max_states`` nodes in a layer,
    ``max_memory`` bytes or ``timeout`` seconds; what was finished is its ``partial``, as it is of a
    ``KeyboardInterrupt``.

    >>> found = states("index", 6, machine="window:w=2", information=True)
    >>> [cut.reachable_states for cut in found.cuts], found.cuts[-1].information_bits
    ([1, 2, 4, 4, 4, 4, 4], (0.0, 0.0, 0.0, 0.0, 1.0, 1.0))
    """
    check_sizes(n, symbols, c)
    chosen = reductions.build(task, reduction, n, symbols, c)
    made = machines.build(machine, chosen.task, chosen.cut)
    limits = Limits(max_states, max_memory, timeout)
    return run(chosen, made, over=over, information=information, limits=limits, progress=progress)


def run(
    chosen: Reduction,
    made: Machine,
    *,
    over: str = "alice",
    information: bool = False,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> StatesResult:
    """``states`` for a reduction and a machine that are already made, registered or not."""
    if over not in OVER:
        raise BadInput(f"over must be one of {', '.join(OVER)}; given {over!r}")
    if information and over == "all":
        raise BadInput("information is about Alice's symbols; take over=alice, or leave it out")
    limits = limits or Limits(MAX_STATES)
    prefixes = of_alice(chosen) if over == "alice" else of_task(chosen.task, limits)
    search = Enumeration(made, prefixes, information, limits, progress)
    cuts: list[StatesCut] = []
    try:
        for layer in search.layers():
            cuts.append(_cut(chosen, made, search, layer))
            _compare(made, cuts[-1])
    except (OverLimit, KeyboardInterrupt) as stopped:
        why = str(stopped) if isinstance(stopped, OverLimit) else "interrupted"
        stopped.partial = _result(chosen, made, over, cuts, why)  # type: ignore[union-attr]
        raise
    return _result(chosen, made, over, cuts, None)


def _cut(chosen: Reduction, made: Machine, search: Enumeration, layer: Layer) -> StatesCut:
    """The row of one layer."""
    keys, counts, joint = layer.states()
    h = entropy_of_spectrum(spectrum(counts))
    read = sum(len(edges.reads) for edges in search.prefixes.layers[: layer.t])
    each: tuple[float, ...] | None = None
    best: tuple[float, ...] | None = None
    if search.information:
        each, best = _about_symbols(counts, joint, chosen.symbols, h, layer.mass)
    over_all = search.prefixes.name == "all"
    reached = keys.shape[1]
    ceiling = None
    if best:
        ceiling = ceiling_accuracy(min(h, read * math.log2(chosen.symbols)), read, chosen.symbols)
    return StatesCut(
        t=layer.t,
        symbols_read=None if over_all else read,
        prefixes=layer.mass,
        reachable_states=reached,
        reachable_bits=math.log2(reached),
        entropy_bits=h,
        capacity_bits=made.capacity_bits(layer.t) if layer.t < chosen.task.length else None,
        minimum_states=chosen.task.classes(layer.t) if over_all else None,
        information_bits=each,
        best_accuracy=best,
        mean_best_accuracy=math.fsum(best) / len(best) if best else None,
        ceiling_accuracy=ceiling,
    )


def _about_symbols(
    counts: NDArray, joint: NDArray, symbols: int, h: float, mass: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """I(X_i; S) and the accuracy of the best guess of x_i from S, for each symbol that has been read."""
    whole, each, best = _integers(counts), [], []
    for first in range(0, len(joint), symbols - 1):
        rows = [_integers(row) for row in joint[first : first + symbols - 1]]
        rows.insert(0, whole - sum(rows))
        both = entropy_of_spectrum(_tally(np.concatenate(rows)))
        alone = entropy_of_spectrum(_tally(np.array([int(row.sum()) for row in rows], object)))
        each.append(min(alone, max(0.0, alone + h - both)))
        best.append(int(np.maximum.reduce(rows).sum()) / mass)
    return tuple(each), tuple(best)


def _integers(limbs: NDArray) -> NDArray[Any]:
    """Numbers (limbs, R) as uint64 where they are of one limb, else as Python's integers."""
    if len(limbs) == 1:
        return limbs[0]
    value = np.zeros(limbs.shape[1], object)
    for k, row in enumerate(limbs):
        value += row.astype(object) << 64 * k
    return value


def _tally(values: NDArray) -> dict[int, int]:
    found, times = np.unique(values, return_counts=True)
    return {int(v): int(k) for v, k in zip(found.tolist(), times.tolist(), strict=True) if v}


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
    chosen: Reduction, made: Machine, over: str, cuts: list[StatesCut], stopped: str | None
) -> StatesResult:
    bound = chosen.problem.bound() if over == "alice" else chosen.task.memory_bound()
    machine = machine_info(made, chosen.cut)
    of = chosen.cut if over == "alice" else chosen.task.length
    return StatesResult(
        task=chosen.task_name,
        task_size=chosen.task.size,
        reduction=chosen.name,
        problem=chosen.problem.name,
        n=chosen.n,
        symbols=chosen.symbols,
        c=getattr(chosen, "c", None),
        cut=chosen.cut,
        stream_length=chosen.task.length,
        alphabet_size=chosen.task.alphabet_size,
        prefix_set=over,
        machine=machine,
        bound=bound,
        cuts=tuple(cuts),
        complete=stopped is None,
        stopped=stopped,
        evidence="exhaustive",
        verdict=kept(machine, cuts, of, over, bound, stopped),
    )
