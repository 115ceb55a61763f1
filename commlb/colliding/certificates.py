"""What shows that a machine errs: two inputs that leave it in one state, run one at a time and compared whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.bits import to_hex
from commlb.errors import CommlbError
from commlb.machines.base import UNDEFINED, Machine
from commlb.problems import first_difference
from commlb.records_witness import Collision
from commlb.reductions.base import Reduction


@dataclass(frozen=True)
class Ends:
    """Two streams run side by side, each in a batch of one: where they merge, and what the state is then.

    ``merged_at`` is None if the packed states at the end differ; ``words`` is the first one's.
    """

    merged_at: int | None
    words: NDArray[np.uint64]


def certify(
    reduction: Reduction,
    machine: Machine,
    spec: str,
    x: Sequence[int],
    x_other: Sequence[int],
    method: str,
    evidence: str = "exhaustive",
) -> Collision:
    """The certificate that ``machine``, typed as ``spec``, is in one state after a(x) and a(x'), and so errs.

    The machine is run on each stream alone, whatever found the pair: packed states are compared bit for bit, and
    the right answers are the task's ``solve`` on the whole streams. The lesser input comes first.

    Raises ``CommlbError`` if anything is not as claimed: equal inputs, states that differ, answers that do not
    tell them apart, or answers of the machine that are right for both.

    >>> from commlb import machines, reductions
    >>> r = reductions.build("index", None, 4, None, None)
    >>> m = machines.build("window:w=2", r.task, r.cut)
    >>> found = certify(r, m, "window:w=2", (1, 0, 0, 0), (0, 0, 0, 0), "layers")
    >>> found.x, found.x_other, found.merged_at, found.y, found.value, found.value_other, found.machine_value
    ((0, 0, 0, 0), (1, 0, 0, 0), 3, 1, 0, 1, 0)
    """
    x, x_other = sorted((_plain(x), _plain(x_other)))
    if x == x_other:
        raise CommlbError("a collision needs two different inputs; given one twice")
    prefix, prefix_other = reduction.alice(x), reduction.alice(x_other)
    ends = run_both(machine, prefix, prefix_other)
    if ends.merged_at is None:
        raise CommlbError(
            f"{spec} is not in one state after the two inputs when each is run alone ({method}); does its step "
            "depend on the other runs of a batch?"
        )
    problem, y = reduction.problem, reduction.problem.telling(x, x_other)
    suffix = reduction.suffix(y)
    answers, value = right_answers(reduction, prefix, suffix, y)
    answers_other, value_other = right_answers(reduction, prefix_other, suffix, y)
    if (value, value_other) != (problem.value(x, y), problem.value(x_other, y)) or value == value_other:
        raise CommlbError(
            f"the reduction {reduction.name} does not tell f(x, y) from the task's answers at y = {problem.show(y)}"
        )
    given = machine_answers(reduction, machine, ends.words, suffix)
    if given != machine_answers(reduction, machine, ends.words, suffix):
        raise CommlbError(
            f"{spec} answers in two ways from one state, so it keeps something outside its packed state; keep all "
            "of it in the rows of the state"
        )
    bits = machine.message_bits(reduction.cut)
    return Collision(
        task=reduction.task_name,
        task_size=dict(reduction.task.size),
        reduction=reduction.name,
        problem=problem.name,
        n=reduction.n,
        symbols=reduction.symbols,
        c=getattr(reduction, "c", None),
        table=getattr(reduction, "table", None),
        cut=reduction.cut,
        machine=spec,
        weights_digest=machine.weights_digest,
        x=x,
        x_other=x_other,
        prefix=tuple(prefix),
        prefix_other=tuple(prefix_other),
        merged_at=ends.merged_at,
        state_hex=to_hex(ends.words[:, 0], bits),
        state_bits=bits,
        y=y,
        suffix=tuple(suffix),
        solver=f"{type(reduction.task).__name__}.solve",
        answers=answers,
        answers_other=answers_other,
        value=value,
        value_other=value_other,
        machine_answers=given,
        machine_value=_concluded(reduction, given, y),
        method=method,
        evidence=evidence,
    )


def run_both(machine: Machine, prefix: Sequence[int], prefix_other: Sequence[int]) -> Ends:
    """Run two streams of one length, each in a batch of one, and compare the packed states after every token."""
    ours, theirs = machine.start(1), machine.start(1)
    words = machine.pack(ours)
    merged: int | None = None
    first = first_difference(prefix, prefix_other)
    for t, (token, other) in enumerate(zip(prefix, prefix_other, strict=True)):
        ours = machine.step(ours, np.array([token]), t, out=ours)
        theirs = machine.step(theirs, np.array([other]), t, out=theirs)
        words = machine.pack(ours)
        if t >= first:
            equal = np.array_equal(words, machine.pack(theirs))
            merged = (t + 1 if merged is None else merged) if equal else None
    return Ends(merged, words)


def right_answers(
    reduction: Reduction, prefix: Sequence[int], suffix: Sequence[int], y: Any
) -> tuple[tuple[Any, ...], int]:
    """The right answers after the cut, by the task's solver on the whole stream, and the value read from them."""
    task = reduction.task
    found = task.solve([*prefix, *suffix])
    if found is UNDEFINED:
        raise CommlbError(f"a stream of the reduction {reduction.name} breaks the promise of {task.name}")
    every = found if len(task.answered_at) > 1 else (found,)
    due = tuple(a for t, a in zip(task.answered_at, every, strict=True) if t > reduction.cut)
    return due, _concluded(reduction, tuple(map(task.coded, due)), y)


def machine_answers(
    reduction: Reduction, machine: Machine, words: NDArray[np.uint64], suffix: Sequence[int]
) -> tuple[int, ...]:
    """What the machine answers after the cut when it goes on from one packed state."""
    states, due = machine.unpack(words), reduction.task.answered_at
    found = []
    for t, token in enumerate(suffix, reduction.cut):
        states = machine.step(states, np.array([token]), t, out=states)
        if t + 1 in due:
            found.append(int(machine.output(states)[0]))
    return tuple(found)


def _concluded(reduction: Reduction, answers: Sequence[int], y: Any) -> int:
    return int(reduction.conclude(np.array(answers)[:, None], np.array(y)[..., None])[0])


def _plain(x: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(symbol) for symbol in x)
