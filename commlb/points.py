"""The chain of one machine at one n, measured: bits that must cross ≤ reachable ≤ capacity; and what is right."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from commlb import machines, minimum
from commlb.cells import Cell
from commlb.errors import CommlbError, LimitError
from commlb.fano import fano_bits
from commlb.guesses import best
from commlb.information import entropy_of_spectrum, error_upper_limit, spectrum
from commlb.machines.base import Machine
from commlb.prefixes import of_alice, of_task
from commlb.protocol import OneWayProtocol, check_work, exhaustive_work
from commlb.reachability import Enumeration, Layer
from commlb.records_rows import MemoryPoint
from commlb.reductions.base import Reduction
from commlb.tasks.base import Task

MAX_WORK = 2**32
"""Cells of state that the trials of one row may touch."""

FEW_INPUTS, FEW_WORK = 2**10, 2**26
"""Inputs up to which all questions are put to a machine on all of them, and cells of state that this may touch."""

SLACK = 1e-9
"""What floating-point logarithms may be off."""

CONTRADICTION, MOST_CELLS = 1e-6, 10**5
"""Level, over all rows of a run, at which sampled answers may contradict a theorem by chance; rows, at most."""


def about(made: Machine, cut: int) -> dict[str, Any]:
    """What a row says of a machine."""
    values = ",".join(f"{key}={value}" for key, value in made.parameters.items())
    return {
        "machine": f"{made.name}:{values}" if values else made.name,
        "format": made.format,
        "precision_bits": made.precision_bits,
        "weights_digest": made.weights_digest,
        "capacity_bits": made.capacity_bits(cut),
    }


def counted(states: int | None, entropy: float, bits: float | None = None, **more: Any) -> dict[str, Any]:
    """What a row says of states that were counted; x is uniform, and the state a function of it."""
    found = {
        "reachable_states": states,
        "reachable_bits": bits if bits is not None else math.log2(states or 1),
        "entropy_bits": entropy,
        "information_bits": entropy,
        "evidence": "exhaustive",
    }
    return found | more


def chain(cell: Cell) -> MemoryPoint:
    """The chain of one machine over Alice's prefixes, and how often its answers and the best guesses are right."""
    chosen = cell.chosen
    made = machines.build(cell.family, chosen.task, chosen.cut)
    row = cell.row(**about(made, chosen.cut), **_states(cell, chosen, made), **_answers(cell, chosen, made))
    compare(row)
    return row


def _states(cell: Cell, chosen: Reduction, made: Machine) -> dict[str, Any]:
    """Reachable states, entropy and information at the cut, exact where they can be."""
    inputs = chosen.symbols**chosen.n if chosen.n * math.log2(chosen.symbols) <= 1024 else None
    try:
        if inputs is not None and inputs <= cell.max_inputs and chosen.problem.asks_positions:
            told = best(made, of_alice(chosen), chosen.n, cell.limits())
            check_guesses(made, chosen, told.errors, told.inputs, told.entropy_bits)
            mean = 1 - sum(told.errors) / (told.inputs * chosen.n)
            return counted(told.reachable_states, told.entropy_bits, best_accuracy=mean)
        if not made.errs:
            bits = chosen.problem.bound().bits
            return counted(inputs, bits, bits, evidence="proved; machine tested equal")
        *_, last = Enumeration(made, of_alice(chosen), limits=cell.limits()).layers()
        return counted(*_measured(last))
    except LimitError as error:
        if not cell.trials:
            raise
        return {"evidence": "sampled", "remark": f"states not counted: {error}", "limits": cell.limits_said}


def _measured(layer: Layer) -> tuple[int, float]:
    """The states of a layer, and their entropy."""
    keys, counts, _ = layer.states()
    return keys.shape[1], entropy_of_spectrum(spectrum(counts))


def _answers(cell: Cell, chosen: Reduction, made: Machine) -> dict[str, Any]:
    """The machine's own answers: to all questions on all x where they are few, else on random runs."""
    if not cell.trials:
        return {}
    protocol = OneWayProtocol(chosen, made)
    few = not made.randomised and chosen.n < 64 and chosen.symbols**chosen.n <= FEW_INPUTS
    if few and chosen.problem.asked() is not None and exhaustive_work(chosen, made) <= FEW_WORK:
        xs, _, wrong = protocol.exhaust()
        errors, trials, how = sum(wrong or ()), xs.shape[1] * len(wrong or ()), "exhaustive"
    else:
        check_work(chosen, made, cell.trials, MAX_WORK)
        trials, errors = protocol.tally(cell.trials, cell.rng()).sum(axis=0).tolist()
        how = "sampled"
        _check_answers(chosen, made, errors, trials)
    if errors and not made.errs:
        raise CommlbError(
            f"{made.name} keeps all that its task needs, yet {errors} of {trials} answers are wrong at "
            f"n = {chosen.n}; one of them is wrong, please report it"
        )
    return {"answered_by": "machine", "errors": errors, "trials": trials, "answers_evidence": how}


def _check_answers(chosen: Reduction, made: Machine, errors: int, trials: int) -> None:
    """Stop where random answers show more bits than there is room for, beyond all chance."""
    if not chosen.problem.asks_positions:
        return
    limit = error_upper_limit(errors, trials, 1 - CONTRADICTION / MOST_CELLS)
    shown, room = chosen.n * fano_bits(limit, chosen.symbols), made.capacity_bits(chosen.cut)
    if shown > room + SLACK:
        raise contradiction(made.name, chosen, room, shown)


def contradiction(name: str, chosen: Reduction, room: float, shown: float) -> CommlbError:
    """What is raised where sampled answers show more than there is room for."""
    return CommlbError(
        f"{name} has room for {room:.9g} bits on {chosen.task_name}, n = {chosen.n}, and its answers show "
        f"{shown:.9g} to cross (wrong by chance with probability {CONTRADICTION:g}): theory or code is wrong"
    )


def over_all(cell: Cell) -> MemoryPoint:
    """Bound ≤ minimum ≤ reachable ≤ capacity over all prefixes of the task, at the cut where the most is needed."""
    task = cell.task_made
    cut = cell.made.cut if isinstance(cell.made, Reduction) else task.length - 1
    made = machines.build(cell.family, task, cut)
    layers = Enumeration(made, of_task(task, cell.limits()), limits=cell.limits()).layers()
    reached = {layer.t: _measured(layer) for layer in layers if layer.t < task.length}
    needed, limited = _needed(task, cell)
    t = max(needed or reached, key=lambda at: (needed[at] if needed else reached[at][0], -at))
    found = about(made, t) | counted(*reached[t], information_bits=None) | limited
    if needed:
        found["minimum_bits"] = math.log2(needed[t])
    row = cell.row(**found, cut=t)
    compare(row, never_errs=not made.errs)
    return row


def _needed(task: Task, cell: Cell) -> tuple[dict[int, int], dict[str, Any]]:
    """The fewest states at each cut but the last, by enumeration or else by formula; and what was over a limit."""
    try:
        found = minimum.exact(task, max_states=cell.max_states, max_memory=cell.max_memory)
        return {cut.t: cut.classes_at_least for cut in found.cuts if cut.t < task.length}, {}
    except LimitError as error:
        counts = {t: task.classes(t) for t in range(task.length)}
        known = {t: count for t, count in counts.items() if count is not None}
        is_known = len(known) == len(counts)
        remark = f"minimum {'by formula' if is_known else 'not found'}, not enumerated: {error}"
        return known if is_known else {}, {"remark": remark, "limits": cell.limits_said}


def check_guesses(
    made: Machine, chosen: Reduction, errors: Iterable[int], inputs: int, entropy: float
) -> None:
    """Theory and code against each other: best guesses show no more bits than the state has."""
    shown = math.fsum(fano_bits(wrong / inputs, chosen.symbols) for wrong in errors)
    if shown > entropy + SLACK:
        raise CommlbError(
            f"{made.name} on {chosen.task_name}, n = {chosen.n}: the best guesses show {shown:.9f} bits, the "
            f"state has {entropy:.9f}, against Fano's inequality; one of them is wrong, please report it"
        )


def compare(row: MemoryPoint, never_errs: bool = False) -> None:
    """Theory and code against each other: no more states than fit, no fewer than are needed without error."""
    reached, room, need = row.reachable_bits, row.capacity_bits, row.minimum_bits
    _require_at_most(row, "reachable", reached, "capacity", room)
    _require_at_most(row, "bound", row.bound_bits if need is not None else None, "minimum", need)
    if never_errs:
        _require_at_most(row, "minimum", need, "reachable", reached)


def _require_at_most(row: MemoryPoint, less: str, a: float | None, more: str, b: float | None) -> None:
    if a is not None and b is not None and a > b + SLACK:
        raise CommlbError(
            f"{row.machine} on {row.task}, n = {row.n}: {less} {a:.9f} bits is above {more} {b:.9f} bits, which "
            "cannot be; one of them is wrong, please report it"
        )
