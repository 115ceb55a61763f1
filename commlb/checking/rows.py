"""Rows of CSV: each against the registries, the theorems and itself; and cheap ones run again from nothing."""

from __future__ import annotations

import math
from collections import Counter

from commlb.checking.common import (
    Inside,
    Notes,
    Own,
    Refused,
    is_registered,
    machine_of,
    one_of,
    registered,
    require,
    require_whole,
    same,
    short,
    task_of,
)
from commlb.checking.counts import Counts, counts, inputs_of, own_errors, steps_of
from commlb.checking.theorems import check_numbers, row_bounds
from commlb.errors import BadInput, LimitError
from commlb.machines.base import Machine
from commlb.records_rows import ENGINE_VERSION, SLACK, MemoryPoint, from_csv, merged
from commlb.tasks.base import Task

COMMANDS = ("curve", "reduce", "states")
MANY = 16
"""The work on all rows together, in that of one."""

BOTH = ("machine", "format", "precision_bits", "weights_digest", "capacity_bits")


def check_rows(text: str, name: str, notes: Notes, own: Own) -> None:
    """All rows of a file. Raises ``Refused`` with the first row that says what is not so."""
    rows = from_csv(text, name)
    require(bool(rows), "it holds no rows; give a file that curve, reduce or states wrote")
    require_whole(text)
    merged(rows)
    done: Counter[str] = Counter()
    left = float(MANY * notes.work)
    for place, row in enumerate(rows, 1):
        try:
            left -= _check_row(row, notes.work, left, done, own)
        except (BadInput, LimitError, Refused) as error:
            machine = short(row.machine or row.family, 40)
            where = f"row {place} ({short(row.task, 20)}, n = {short(row.n, 20)}, {machine})"
            raise (
                type(error)(f"{where}: {error}")
                if type(error) in (BadInput, Refused)
                else Refused(f"{where}: {error}")
            ) from None
    notes.add("the rows", "header, digest and checksum of each", f"{len(rows)} rows")
    notes.add(
        "every row", "against the registries, the formulas of its bound, the chain and Fano's inequality"
    )
    for what in sorted(key for key in done if not key.startswith("not ")):
        notes.add(what, "all inputs run again, one at a time", f"{done[what]} rows")
    for what in sorted(key for key in done if key.startswith("not ")):
        notes.take(f"{what.removeprefix('not ')}: {done[what]} rows tested for consistency only")
    notes.take("remarks and limits in words")


def _check_row(row: MemoryPoint, work: int, left: float, done: Counter[str], own: Own) -> float:
    """One row; the steps that it took."""
    same("engine_version", row.engine_version, ENGINE_VERSION)
    one_of("command", row.command, COMMANDS)
    one_of("prefix_set", row.prefix_set, ("alice", "all"))
    if row.command == "curve":
        _check_asked(row)
    inside, task = _inside(row, own)
    same("stream_length", row.stream_length, task.length)
    bounds = row_bounds(row, inside, task)
    if row.bound_bits is not None or (row.command == "curve" and bounds):
        said = (row.bound_bits, row.bound_formula, row.bound_source)
        if all(not _is(said, bound) for bound in bounds):
            known = short(bounds[0] if bounds else None, 100)
            raise Refused(f"its bound is written as {short(said, 100)}; by the formula it is {known}")
    if row.is_refused:
        _check_refused(row)
        done["not refused cells"] += 1
        return 0.0
    made = _machine(row, task, inside, own)
    check_numbers(row, inside, task, made)
    if made is None or inside is None or row.prefix_set != "alice" or row.cut != inside.cut:
        kind = "without a machine" if row.machine is None else "of all prefixes or other cuts"
        done[f"not {'with a machine from a file' if made is None and row.machine else kind}"] += 1
        return 0.0
    return _derive(row, inside, made, min(work, left), done)


def _is(said: tuple[float | None, str | None, str | None], bound: tuple[float, str, str]) -> bool:
    bits = said[0]
    return bits is not None and abs(bits - bound[0]) <= SLACK and said[1:] == bound[1:]


def _check_asked(row: MemoryPoint) -> None:
    """What a row of ``curve`` says that it was asked for."""
    require(
        row.family is not None and row.seed is not None and row.settings is not None,
        "a row of curve has a family, a seed and settings",
    )
    target = row.error_target
    require(target is None or 0 <= target < 0.5, f"error_target must be in 0..1/2; given {target}")
    wanted = ["trials", "max_inputs"] if target is None else ["bob", "trials", "max_inputs", "max_bits"]
    settings = dict(part.partition("=")[::2] for part in str(row.settings).split(";"))
    require(list(settings) == wanted, f"settings must be {', '.join(wanted)}; given {short(row.settings)}")
    for key in ("trials", "max_inputs"):
        require(
            settings[key].isascii() and settings[key].isdecimal(), f"settings: {key} must be a whole number"
        )
    one_of("settings: bob", settings.get("bob", "auto"), ("auto", "optimal", "machine"))
    if row.machine is not None:
        _check_family(str(row.family), row.machine)


def _check_family(family: str, machine: str) -> None:
    """The machine is one of its family: the same name, and what the family gives."""
    name, _, rest = machine.partition(":")
    same("the family's name", family.partition(":")[0], name)
    given = dict(part.partition("=")[::2] for part in rest.split(",") if part)
    for part in family.partition(":")[2].split(",") if ":" in family else []:
        key, _, value = part.partition("=")
        if key in given and value and ":" not in value:
            require(
                given[key] == value or _number(given[key]) == _number(value),
                f"{machine} is none of the family {family}",
            )


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _inside(row: MemoryPoint, own: Own) -> tuple[Inside | None, Task]:
    """The reduction and the task that a row names."""
    if row.reduction is None:
        size = {
            key: _size(value)
            for key, value in (part.partition("=")[::2] for part in row.task_size.split(";"))
        }
        task = task_of(row.task, size, own)
        same("task_size", row.task_size, _written(task))
        same("n", row.n, next(iter(size.values())))
        return None, task
    inside = registered(row.task, row.reduction, row.n, row.symbols, row.c)
    same("c", row.c, inside.c)
    same("task_size", row.task_size, _written(inside.task))
    if row.prefix_set == "alice":
        same("problem", row.problem, inside.problem.name)
        if row.command != "states":
            same("cut", row.cut, inside.cut)
    return inside, inside.task


def _size(text: str) -> int:
    if text in ("True", "False"):
        return text == "True"
    require(
        text.isascii() and text.isdecimal() and len(text) < 20,
        f"task_size must be whole numbers; given {short(text)}",
    )
    return int(text)


def _written(task: Task) -> str:
    return ";".join(f"{key}={value}" for key, value in task.size.items())


def _check_refused(row: MemoryPoint) -> None:
    require(bool(row.remark), "a refused cell says why in its remark")
    for name in (
        "reachable_states",
        "entropy_bits",
        "information_bits",
        "errors",
        "trials",
        "minimum_bits",
        "best_accuracy",
    ):
        same(f"{name} of a refused cell", getattr(row, name), None)


def _machine(row: MemoryPoint, task: Task, inside: Inside | None, own: Own) -> Machine | None:
    """The machine, built again and compared; None where there is none, or its weights are in a file."""
    if row.machine is None:
        for name in BOTH[1:3] + BOTH[4:]:
            same(f"{name} without a machine", getattr(row, name), None)
        return None
    cut = row.cut if row.cut is not None else task.length - 1
    require(0 <= cut <= task.length, f"cut must be in 0..{task.length}; given {short(cut)}")
    if "weights=" in row.machine and own.machine is None:
        return None
    is_own = "weights=" in row.machine or not is_registered(row.machine)
    made = machine_of(row.machine, task, inside.cut if inside else task.length - 1, own if is_own else Own())
    values = ",".join(f"{key}={value}" for key, value in made.parameters.items())
    written = f"{made.name}:{values}" if values else made.name
    for name, derived in (
        ("machine", row.machine if is_own else written),
        ("format", made.format),
        ("precision_bits", made.precision_bits),
        ("weights_digest", made.weights_digest),
        ("capacity_bits", made.capacity_bits(cut)),
    ):
        same(name, getattr(row, name), derived)
    return made


def _derive(row: MemoryPoint, inside: Inside, made: Machine, most: float, done: Counter[str]) -> float:
    """The row's numbers from all inputs, where that is cheap enough."""
    asked = (
        inside.problem.asked()
        if row.answered_by == "machine" and row.answers_evidence == "exhaustive"
        else []
    )
    steps = steps_of(inside, made, len(asked or ()))
    if inputs_of(inside) is None or steps > most or made.operations * steps > 64 * most:
        done["not with too many inputs"] += 1
        return 0.0
    found = counts(inside, made)
    known = {
        "reachable_states": found.states,
        "reachable_bits": math.log2(found.states),
        "entropy_bits": found.entropy,
        "information_bits": found.entropy,
    }
    for name, value in known.items():
        written = getattr(row, name)
        if written is not None and row.evidence != "sampled":
            same(name, written, value)
    done["states, entropy and information"] += row.reachable_states is not None
    if row.best_accuracy is not None:
        same("best_accuracy", row.best_accuracy, 1 - sum(found.best) / (found.inputs * inside.problem.n))
    if row.answers_evidence == "exhaustive":
        _derive_errors(row, inside, made, found, asked, done)
    elif row.errors is not None:
        done["not with answers sampled or by formula"] += 1
    return steps


def _derive_errors(
    row: MemoryPoint, inside: Inside, made: Machine, found: Counts, asked: list | None, done: Counter[str]
) -> None:
    """The errors of an optimal Bob, or of the machine's own answers, over all inputs and queries."""
    if row.answered_by == "machine" and asked is not None:
        errors = own_errors(inside, made, found, asked)
        same("errors", row.errors, sum(errors))
        same("trials", row.trials, found.inputs * len(asked))
        done["errors of the machine's answers"] += 1
    elif row.answered_by == "optimal Bob" and inside.problem.asks_positions:
        same("errors", row.errors, sum(found.best))
        same("trials", row.trials, found.inputs * inside.problem.n)
        same("worst_error", row.worst_error, max(found.best) / found.inputs)
        require(
            max(found.best) / found.inputs <= (row.error_target or 0.0),
            "some query errs more often than the target",
        )
        done["errors of the best guesses"] += 1
    elif row.answered_by == "optimal Bob":
        require(found.states == found.inputs, "two inputs share a state, so that some answer must be wrong")
