"""Certificates of collisions: both streams run again, one at a time, and the solver asked for right answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from commlb.checking.common import (
    CLOSE,
    Inside,
    Notes,
    Own,
    Refused,
    Tabled,
    answers,
    coded,
    every_state,
    machine_of,
    message,
    one_of,
    registered,
    require,
    run,
    same,
    same_text,
    solved,
    task_of,
)
from commlb.checking.horizon import check_horizons
from commlb.checking.table import require_table
from commlb.machines.base import Machine
from commlb.records import MachineInfo
from commlb.records_witness import CollideResult, Collision, Table
from commlb.requests import check_sizes

METHODS = ("layers", "kernel", "fading", "distinguished")
PROVED = "proved; machine tested equal"
MOST_RUN_BITS = 40
"""log₂ of the inputs that a complete search may say it ran."""

EVIDENCE = ("proved", "exhaustive", "sampled", "formula")


def check_collide(found: CollideResult, notes: Notes, own: Own) -> None:
    """Everything that a file of ``commlb collide`` says, but its words and what the search took.

    Raises ``Refused`` with the first thing that is not so.
    """
    table = found.table
    if found.collision is not None:
        same("collision.table", found.collision.table, table)
    inside = inside_of(found, table, notes, own)
    for name, derived in (
        ("problem", inside.problem.name),
        ("c", inside.c),
        ("cut", inside.cut),
        ("stream_length", inside.task.length),
    ):
        same(name, getattr(found, name), derived)
    spec = found.collision.machine if found.collision else spec_of(found.machine)
    made = machine_of(spec, inside.task, inside.cut, own)
    check_machine(found.machine, made, inside.cut, own)
    notes.add("the machine", "built by its name; its parameters, room and weights' digest compared", spec)
    one_of("method", found.method, METHODS)
    linear = found.method != "kernel" or made.linear_over is not None
    require(linear, f"the method kernel solves for inputs of linear machines, and {made.name} is none")
    _check_evidence(found, made, notes)
    for name, _ in found.tried:
        one_of("tried", name, METHODS)
    require(found.expected_work is None or found.expected_work >= 0, "expected_work must not be below 0")
    require(found.work is None or found.work >= 0, "work must not be below 0")
    require(found.seed is None or found.seed >= 0, "seed must not be below 0")
    if found.collision is not None:
        same("method of the collision", found.collision.method, found.method)
        check_certificate(found.collision, inside, made, notes, own)
    _check_none(found, inside, made, notes)
    check_horizons(found.horizons, inside, made, found.machine.name, notes, own)
    notes.take("the methods that were tried, their work and seed", "the verdict's words", "the provenance")


def _check_evidence(found: CollideResult, made: Machine, notes: Notes) -> None:
    """How the answer is known: by the pair, by all inputs, by a machine that keeps all it needs, or not at all."""
    if found.collision is not None:
        same("evidence", found.evidence, found.collision.evidence)
    elif found.complete:
        same("evidence", found.evidence, "exhaustive")
    elif found.evidence == PROVED:
        require(not made.errs, f"{made.name} may err, so that nothing proves that no two inputs collide")
        notes.take(f"that {made.name} keeps all that its task needs, as its tests have it")
    else:
        require(
            found.evidence == "unknown", "evidence is unknown where nothing was found, and not all was run"
        )


def inside_of(found: CollideResult | Collision, table: Table | None, notes: Notes, own: Own) -> Inside:
    """The problem inside the task, by the registry or by the table in the file."""
    check_sizes(found.n, found.symbols, found.c)
    inside: Inside
    if table is None:
        inside = registered(found.task, found.reduction, found.n, found.symbols, found.c)
        same_text("task_size", found.task_size, inside.task.size)
        notes.add("the reduction", "looked up in the registry; problem, sizes and cut compared", inside.name)
    else:
        task = task_of(found.task, found.task_size, own)
        require_table(table, task)
        inside = Tabled(table, task, found.reduction)
        same("n", found.n, table.n)
        same("symbols", found.symbols, table.symbols)
        notes.add("the reduction", "the table in the file: its form", f"{len(table.prefixes)} prefixes")
    return inside


def spec_of(info: MachineInfo) -> str:
    """A machine as it is typed, from its name and parameters."""
    for key, value in info.parameters.items():
        require("," not in str(value) and "=" not in f"{key}", "a machine's parameters hold no comma")
    values = ",".join(f"{key}={value}" for key, value in info.parameters.items())
    return f"{info.name}:{values}" if values else info.name


def check_machine(info: MachineInfo, made: Machine, cut: int, own: Own) -> None:
    """All that is said of a machine against itself; where the user names weights, their path may differ."""
    written, derived = dict(info.parameters), dict(made.parameters)
    if own.machine is not None:
        written.pop("weights", None)
        derived.pop("weights", None)
    same_text("machine.parameters", written, derived)
    for name, value in (
        ("name", info.name if own.has_program else made.name),
        ("format", made.format),
        ("precision_bits", made.precision_bits),
        ("weights_digest", made.weights_digest),
        ("remark", made.remark()),
        ("storage_bits", made.storage_bits),
        ("capacity_bits", made.capacity_bits(cut)),
        ("largest_capacity_bits", made.largest_capacity_bits()),
        ("capacity_evidence", made.capacity_evidence),
        ("exact", not made.errs),
    ):
        same(f"machine.{name}", getattr(info, name), value)


def check_certificate(given: Collision, inside: Inside, made: Machine, notes: Notes, own: Own) -> None:
    """Two inputs, one state, and a query on which the machine cannot be right for both."""
    problem = inside.problem
    for name, derived in (
        ("task", inside.task.name),
        ("reduction", inside.name),
        ("problem", problem.name),
        ("n", problem.n),
        ("symbols", problem.symbols),
        ("c", inside.c),
        ("cut", inside.cut),
        ("weights_digest", made.weights_digest),
    ):
        same(f"collision.{name}", getattr(given, name), derived)
    same_text("collision.task_size", given.task_size, inside.task.size)
    if own.machine is None:  # the text may leave out what is by default, and is looked up as it stands
        other = machine_of(given.machine, inside.task, inside.cut, own)
        same("collision.machine", (other.name, dict(other.parameters)), (made.name, dict(made.parameters)))
    for name in ("x", "x_other"):
        _check_input(getattr(given, name), inside, f"collision.{name}")
    require(given.x != given.x_other, "x and x_other are the same input, which is no collision")
    problem.check(given.y)
    require(not isinstance(given.y, bool), "collision.y must be a position or a word")
    one_of("collision.evidence", given.evidence, EVIDENCE)
    _check_streams(given, inside)
    notes.add("both streams", "a(x), a(x') and b(y) written again", f"{inside.cut} tokens each")
    _check_states(given, inside, made)
    notes.add(
        "one state", "the machine stepped, one run at a time; all bits compared", f"{given.state_bits} bits"
    )
    _check_answers(given, inside, made)
    notes.add(
        "the query", f"right answers by the solver, the machine's run ({given.solver})",
        f"{given.value} and {given.value_other}; it says {given.machine_value}",
    )  # fmt: skip


def _check_input(x: tuple[int, ...], inside: Inside, name: str) -> None:
    n, symbols = inside.problem.n, inside.problem.symbols
    require(len(x) == n, f"{name} must have {n} symbols; given {len(x)}")
    require(all(0 <= symbol < symbols for symbol in x), f"{name} must hold symbols 0..{symbols - 1}")


def _check_streams(given: Collision, inside: Inside) -> None:
    same("collision.prefix", given.prefix, inside.prefix(given.x))
    same("collision.prefix_other", given.prefix_other, inside.prefix(given.x_other))
    same("collision.suffix", given.suffix, inside.suffix(given.y))


def _check_states(given: Collision, inside: Inside, made: Machine) -> None:
    """Both states at the cut, and since when, with a token that differs behind them, they have been equal."""
    states, others = made.start(1), made.start(1)
    streams = zip(given.prefix, given.prefix_other, strict=True)
    since = next((t for t, (a, b) in enumerate(streams, 1) if a != b), inside.cut)
    one, other = message(made, states), message(made, others)
    runs = zip(run(made, states, given.prefix, 0), run(made, others, given.prefix_other, 0), strict=True)
    for t, (states, others) in enumerate(runs, 1):
        one, other = message(made, states), message(made, others)
        if one != other:
            since = max(since, t + 1)
    bits = made.message_bits(inside.cut)
    require(one == other, "the machine is in two different states after the two streams: no collision")
    same("collision.state_bits", given.state_bits, bits)
    same("collision.state_hex", given.state_hex, _hex(one, bits))
    same("collision.merged_at", given.merged_at, since)


def _hex(packed: bytes, bits: int) -> str:
    return f"{int.from_bytes(packed, 'little'):0{max(1, -(-bits // 4))}x}"


def _check_answers(given: Collision, inside: Inside, made: Machine) -> None:
    """The right answers, by the solver; those of the machine; and what Bob reads from each."""
    values = []
    for name, x, prefix in (("", given.x, given.prefix), ("_other", given.x_other, given.prefix_other)):
        right = solved(inside, prefix, given.suffix)
        if right is None:
            raise Refused(
                f"the stream of x{name} breaks the promise of {inside.task.name}, so no answer is wrong there"
            )
        same(f"collision.answers{name}", getattr(given, f"answers{name}"), right)
        value = int(inside.problem.value(x, given.y))
        same(f"collision.value{name}", getattr(given, f"value{name}"), value)
        read = inside.value([coded(inside.task, answer) for answer in right], given.y)
        require(
            read == value,
            f"Bob reads {read} from the right answers on x{name}, where f is {value}: no reduction",
        )
        values.append(value)
    require(
        values[0] != values[1],
        f"the query has the value {values[0]} on both inputs, so the machine may be right",
    )
    said = _machine_says(given, inside, made)
    same("collision.machine_answers", given.machine_answers, said)
    same("collision.machine_value", given.machine_value, inside.value(said, given.y))
    same("collision.solver", given.solver, f"{type(inside.task).__name__}.solve")


def _machine_says(given: Collision, inside: Inside, made: Machine) -> Sequence[Any]:
    states = made.start(1)
    for after in run(made, states, given.prefix, 0):
        states = after
    return answers(inside, made, message(made, states), given.suffix)


def _check_none(found: CollideResult, inside: Inside, made: Machine, notes: Notes) -> None:
    """Where a complete search is said to have found none: run all inputs again, if they are few."""
    if found.collision is not None:
        require(not found.complete, "complete says that no two inputs collide, and here are two that do")
        return
    n, symbols = inside.problem.n, inside.problem.symbols
    bits, room = n * math.log2(symbols), made.capacity_bits(inside.cut)
    many = n * inside.cut > notes.work or bits > math.log2(notes.work) + CLOSE
    if many or not found.complete:
        _check_room(found, bits, room)
    if not found.complete:
        return
    if many:
        notes.take(f"that none of {symbols}^{n} inputs collide: too many to be run here (--work)")
        return
    seen: dict[bytes, tuple[int, ...]] = {}
    for x, packed in every_state(inside, made):
        other = seen.setdefault(packed, x)
        require(
            other == x, f"no collision is claimed, yet the inputs {short_x(other)} and {short_x(x)} collide"
        )
    notes.add("no collision", "all inputs run again, one at a time", f"{len(seen)} states of as many inputs")


def _check_room(found: CollideResult, bits: float, room: float) -> None:
    """More inputs than states collide, whatever was run; and nobody ran more than so many inputs."""
    if found.complete or found.evidence == PROVED:
        some = f"the 2^{bits:.6g} inputs are more than the 2^{room:.6g} states: some two collide"
        require(bits <= room + CLOSE * max(1.0, bits), some)
    require(
        not found.complete or bits <= MOST_RUN_BITS + CLOSE,
        f"complete says that all 2^{bits:.6g} inputs were run, and nobody did; 2^{MOST_RUN_BITS} are the most",
    )


def short_x(x: Sequence[int]) -> str:
    return ("" if max(x, default=0) < 10 else ",").join(map(str, x))[:60]
