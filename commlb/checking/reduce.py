"""Results of ``commlb reduce``: the bound by its formula, the machine, counts and answers on all inputs if few."""

from __future__ import annotations

import itertools
import math
from typing import Any

from commlb.checking.collision import PROVED, check_certificate, check_machine, inside_of, spec_of
from commlb.checking.common import (
    Inside,
    Notes,
    Own,
    Refused,
    Registered,
    answers,
    coded,
    machine_of,
    message,
    one_of,
    require,
    run,
    same,
    same_text,
    short,
    solved,
)
from commlb.checking.counts import Counts, counts, inputs_of, own_errors, steps_of
from commlb.checking.sampled import (
    CONFIDENCE,
    check_answers,
    check_chance,
    check_guesses,
    check_readout,
    never_errs,
)
from commlb.fano import ceiling_accuracy, fano_bits
from commlb.machines.base import Machine
from commlb.records import Bound, ReduceResult, Transcript


def check_reduce(found: ReduceResult, notes: Notes, own: Own) -> None:
    """What a file of ``commlb reduce`` says of a reduction of the registry; of one in a table, its collision's."""
    table = found.collision.table if found.collision else None
    if table is None and found.reduction == "table":
        raise Refused("its reduction is a table of another file: check that file, which holds the table")
    inside = inside_of(found, table, notes, own)  # type: ignore[arg-type]
    task, problem = inside.task, inside.problem
    for name, derived in (
        ("problem", problem.name), ("c", inside.c), ("cut", inside.cut), ("stream_length", task.length),
        ("alphabet_size", task.alphabet_size),
    ):  # fmt: skip
        same(name, getattr(found, name), derived)
    if isinstance(inside, Registered):
        said: tuple[tuple[str, Any], ...] = (
            ("description", inside.made.describe()),
            ("remark", inside.made.remark()), ("source", inside.made.source),
        )  # fmt: skip
        same_text("parameters", dict(found.parameters), dict(inside.made.parameters))
        for name, derived in said:
            same(name, getattr(found, name), derived)
    _same_bound("bound", found.bound, problem.bound())
    _same_bound("task_bound", found.task_bound, task.memory_bound())
    notes.add("the bounds", "by their formulas", f"{found.bound.bits:.6g} bits")
    made = machine_of(spec_of(found.machine), task, inside.cut, own)
    check_machine(found.machine, made, inside.cut, own)
    notes.add(
        "the machine", "built by its name; its parameters, room and weights' digest compared", made.name
    )
    require(found.seed is None or found.seed >= 0, "seed must not be below 0")
    _check_measured(found, inside, made, notes)
    if found.collision is not None:
        check_certificate(found.collision, inside, made, notes, own)
    if found.transcript is not None:
        _check_transcript(found.transcript, inside, made)
        notes.add(
            "the transcript", "its stream run again", f"message {short(found.transcript.message_hex, 16)}"
        )
    notes.take(
        "of the reduction's check: width, numbers of inputs and queries, scope, every_n, a counterexample",
        "errors over public coins, the transcript's steps in words",
    )
    notes.take("the drawing", "the verdict's words", "the provenance")


def _same_bound(name: str, written: Bound | None, derived: Bound | None) -> None:
    require(
        (written is None) == (derived is None), f"{name} is {short(written)}; by the formula {short(derived)}"
    )
    if written is not None and derived is not None:
        for key in ("bits", "model", "method", "evidence", "source", "prefix_set", "direction", "witness"):
            same(f"{name}.{key}", getattr(written, key), getattr(derived, key))


def _check_measured(found: ReduceResult, inside: Inside, made: Machine, notes: Notes) -> None:
    _check_words(found, made)
    _check_consistent(found, inside)
    if found.answers is not None:
        check_answers(found.answers, made.capacity_bits(inside.cut), inside.problem, notes)
    if found.readout is not None:
        check_readout(found.readout, inside.problem, notes)
    asked = inside.problem.asked()
    steps = steps_of(inside, made, len(asked or ()))
    if inputs_of(inside) is None or steps > notes.work:
        notes.take(
            "the proof of the reduction, states, information and answers: too many inputs to be run here (--work)"
        )
        return
    counted = counts(inside, made)
    _check_reduction(found, inside, counted, asked or [], notes)
    message, information = found.message, found.information
    for name, written, derived in (
        ("message.reachable_states", message.reachable_states, counted.states),
        ("message.reachable_bits", message.reachable_bits, math.log2(counted.states)),
        ("message.entropy_bits", message.entropy_bits, counted.entropy),
    ):
        if written is not None:
            same(name, written, derived)
    if information.bits is not None and information.evidence != "sampled":
        same("information.bits", information.bits, counted.entropy)
    if information.per_input_bit is not None:
        same("information.per_input_bit", information.per_input_bit, counted.told)
    if information.best_accuracy is not None:
        same(
            "information.best_accuracy",
            information.best_accuracy,
            1 - sum(counted.best) / counted.inputs / inside.problem.n,
        )
    if found.readout is not None:
        check_guesses(found.readout, counted.best, counted.inputs)
    notes.add("states and information", "all inputs run again, one at a time", f"{counted.states} states")
    if found.answers is None or not asked:
        return
    if found.answers.evidence == "sampled":  # of INDEX, where x and i are drawn uniformly
        if inside.problem.name == "INDEX" and not made.randomised:
            errors = own_errors(inside, made, counted, asked)
            check_chance(found.answers, sum(errors), counted.inputs * len(asked), notes)
    else:
        errors = own_errors(inside, made, counted, asked)
        same("answers.errors", found.answers.errors, sum(errors))
        same("answers.trials", found.answers.trials, counted.inputs * len(asked))
        if inside.problem.asks_positions:
            shown = math.fsum(fano_bits(wrong / counted.inputs, inside.problem.symbols) for wrong in errors)
            same("answers.fano_bits", found.answers.fano_bits, shown)
        notes.add("the machine's answers", "all inputs and queries run again", f"{sum(errors)} errors")


def _check_words(found: ReduceResult, made: Machine) -> None:
    """How each thing is known, in the words that reduce has for it, and what follows from these."""
    message, information, answers, holds = (
        found.message, found.information, found.answers, found.reduction_check.holds
    )  # fmt: skip
    one_of("message.evidence", message.evidence, (None, "exhaustive", PROVED))
    one_of("information.evidence", information.evidence, ("unknown", "exhaustive", PROVED, "sampled"))
    one_of(
        "reduction_check.evidence", found.reduction_check.evidence, ("proved", "exhaustive", "counterexample")
    )
    if PROVED in (message.evidence, information.evidence):
        require(not made.errs, f"{made.name} may err, so that its states are not proved to be all")
    sampled = information.evidence == "sampled"
    if information.confidence is not None or sampled:
        same("information.confidence", information.confidence, CONFIDENCE if sampled else None)
    if answers is not None:
        one_of("answers.evidence", answers.evidence, ("exhaustive", "sampled"))
        require(bool(answers.errors == 0) or made.errs, f"{made.name} keeps all it needs, and is said to err")
    if sampled and answers is not None and answers.fano_bits is not None:
        same("information.bits", information.bits, answers.fano_bits)
    measured = answers is not None or message.evidence is not None or found.collision is not None
    require(holds or not measured, "reduction_check.holds must be true where a machine was run")
    wrong = found.reduction_check.counterexample is not None
    require(holds is not wrong, "a reduction holds, or has a counterexample")
    same("never_errs", found.never_errs, never_errs(found, made.errs))


def _check_consistent(found: ReduceResult, inside: Inside) -> None:
    """What follows from other numbers of the file."""
    answers, message = found.answers, found.message
    if answers is not None:
        require(
            0 <= answers.errors <= answers.trials and answers.trials >= 1,
            f"{answers.errors} errors in {answers.trials} trials",
        )
        same("answers.accuracy", answers.accuracy, 1 - answers.errors / answers.trials)
        if answers.ceiling_accuracy is not None:
            ceiling = ceiling_accuracy(found.machine.capacity_bits, inside.problem.n, inside.problem.symbols)
            same("answers.ceiling_accuracy", answers.ceiling_accuracy, ceiling)
    if message.reachable_states is not None and message.reachable_bits is not None:
        require(message.reachable_states >= 1, "message.reachable_states must be at least 1")
        same("message.reachable_bits", message.reachable_bits, math.log2(message.reachable_states))
    chain = [
        found.information.bits,
        message.entropy_bits,
        message.reachable_bits,
        found.machine.capacity_bits,
    ]
    known = [bits for bits in chain if bits is not None]
    require(
        all(a <= b + 1e-6 for a, b in itertools.pairwise(known)),
        f"information, entropy, states and room are {known}, against the chain",
    )
    same("message.prefix_set", message.prefix_set, "alice")


def _check_reduction(
    found: ReduceResult, inside: Inside, counted: Counts, asked: list[Any], notes: Notes
) -> None:
    """Every input and every query that is asked, put to the solver, where they are few."""
    if counted.inputs * len(asked) > notes.work // 4:
        notes.take("that the reduction is right, which is proved elsewhere and not repeated here")
        return
    all_right = True
    words = [x for group in counted.groups.values() for x in group]
    for y in asked:
        tokens = inside.suffix(y)
        for x in words:
            right, value = solved(inside, inside.prefix(x), tokens), inside.problem.value(x, y)
            good = right is not None and inside.value([coded(inside.task, a) for a in right], y) == value
            all_right = all_right and good
            require(good or not found.reduction_check.holds, f"the reduction is wrong on x = {x}, y = {y}")
    certain = inside.problem.name == "INDEX"  # all of Bob's inputs are asked
    require(
        found.reduction_check.holds or not (certain and all_right),
        "reduction_check.holds is false, and the reduction is right on all inputs and queries",
    )
    notes.add(
        "the reduction", "all inputs and queries put to the solver", f"{len(words) * len(asked)} streams"
    )


def _check_transcript(given: Transcript, inside: Inside, made: Machine) -> None:
    """The one run that is shown: message, answers and truth."""
    x = _symbols(given.x, inside.problem.symbols)
    require(len(x) == inside.problem.n, "the transcript's x must have n symbols")
    y: Any
    if inside.problem.name == "INDEX":
        require(
            given.y.isascii() and given.y.isdecimal() and len(given.y) < 10,
            "the transcript's y must be a position",
        )
        y = int(given.y)
    else:
        y = tuple(_symbols(given.y, 2))
    inside.problem.check(y)
    states = made.start(1)
    for after in run(made, states, inside.prefix(x), 0):
        states = after
    packed, tokens = message(made, states), inside.suffix(y)
    said, bits = answers(inside, made, packed, tokens), made.message_bits(inside.cut)
    for name, derived in (
        ("message_hex", f"{int.from_bytes(packed, 'little'):0{max(1, -(-bits // 4))}x}"),
        ("cost_bits", bits), ("bob_tokens", tokens), ("task_answers", said),
        ("output", inside.value(said, y)), ("expected", int(inside.problem.value(x, y))),
    ):  # fmt: skip
        same(f"transcript.{name}", getattr(given, name), derived)
    require(given.task_answer in said, "transcript.task_answer is none of its answers")


def _symbols(text: str, symbols: int) -> list[int]:
    parts = list(text) if symbols == 2 else text.split(",")
    fits = all(
        part.isascii() and part.isdecimal() and len(part) < 10 and int(part) < symbols for part in parts
    )
    require(fits, f"the transcript's inputs are symbols below {symbols}; given {short(text)}")
    return [int(part) for part in parts]
