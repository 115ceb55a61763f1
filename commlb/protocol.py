"""A reduction and a machine make a one-way protocol: Alice runs, sends the state, Bob goes on from it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.bits import to_hex
from commlb.errors import BadInput, LimitError
from commlb.machines.base import Array, Machine
from commlb.records import Step, Transcript
from commlb.reductions.base import Reduction
from commlb.wording import counted

BATCH_BYTES = 2**27
"""State memory of one batch of runs."""

SHOWN_STEPS = 40
"""Steps that a transcript keeps at each end of a long prefix."""


@dataclass(frozen=True)
class OneWayProtocol:
    """The protocol for the reduction's problem that a machine for the task is.

    ``send`` runs the machine on a(x) and packs its state: the message, ``machine.storage_bits`` long.
    ``decode`` sees the packed message and y, and nothing else.
    """

    reduction: Reduction
    machine: Machine

    def send(self, xs: Array) -> NDArray[np.uint64]:
        """Messages for a batch of inputs, xs of shape (n, runs); shape (words, runs)."""
        states = self.machine.start(xs.shape[1])
        for t, tokens in enumerate(self.reduction.stream(xs)):
            states = self.machine.step(states, tokens, t, out=states)
        return self.machine.pack(states)

    def decode(self, messages: NDArray[np.uint64], ys: Array) -> Array:
        """Bob's values for messages (words, runs) and his inputs: positions (runs,) or words (n, runs)."""
        states = self.machine.unpack(messages)
        due, answers = self.reduction.task.answered_at, []
        for t, tokens in enumerate(self.reduction.suffixes(ys), self.reduction.cut):
            states = self.machine.step(states, tokens, t, out=states)
            if t + 1 in due:
                answers.append(self.machine.output(states))
        return self.reduction.conclude(np.array(answers), ys)

    def batch(self) -> int:
        """Runs that fit ``BATCH_BYTES`` of state and input, at least one."""
        row = self.machine.rows * np.dtype(self.machine.dtype).itemsize + self.reduction.n
        return max(1, min(1 << 14, BATCH_BYTES // row))

    def tally(
        self, trials: int, rng: np.random.Generator, progress: Callable[[int], None] = lambda done: None
    ) -> NDArray[np.int64]:
        """(Runs, errors) for each of f's values, shape (values, 2), of ``trials`` runs in all.

        Each is on a fresh uniform x and a y that the problem draws. A randomised machine has fresh public coins in
        each run, the same for ``send`` and for ``decode``.
        """
        values = self.reduction.symbols
        found = np.zeros((values, 2), np.int64)
        done = 0
        kind = np.min_scalar_type(self.reduction.symbols - 1)
        while done < trials:
            runs = min(self.batch(), trials - done)
            xs = rng.integers(self.reduction.symbols, size=(self.reduction.n, runs), dtype=kind)
            ys = self.reduction.problem.draw(xs, rng)
            protocol = replace(self, machine=self.machine.tossed(rng, runs))
            right = np.asarray(self.reduction.problem.values(xs, ys), np.int64)
            wrong = protocol.decode(protocol.send(xs), ys) != right
            found[:, 0] += np.bincount(right, minlength=values)
            found[:, 1] += np.bincount(right[wrong], minlength=values)
            done += runs
            progress(done)
        return found

    def exhaust(self) -> tuple[Array, NDArray[np.uint64], list[int] | None]:
        """All inputs (n, V^n), their messages, and the number of wrong answers for each of Bob's inputs.

        None in place of the last if Bob's inputs are too many to run them all.
        """
        n, problem, size = self.reduction.n, self.reduction.problem, self.batch()
        xs = np.array(list(itertools.product(range(self.reduction.symbols), repeat=n))).T
        slices = [slice(first, first + size) for first in range(0, xs.shape[1], size)]
        messages, asked = np.hstack([self.send(xs[:, some]) for some in slices]), problem.asked()
        if asked is None:
            return xs, messages, None
        errors = []
        for y in asked:
            wrong = 0
            for some in slices:
                ys = np.repeat(np.array(y)[..., None], xs[:, some].shape[1], axis=-1)
                found = self.decode(messages[:, some], ys)
                wrong += int((found != problem.values(xs[:, some], ys)).sum())
            errors.append(wrong)
        return xs, messages, errors

    def transcript(self, x: Sequence[int], y: Any) -> Transcript:
        """One run, step by step; of a long prefix the middle steps are left out and counted."""
        problem, due = self.reduction.problem, self.reduction.task.answered_at
        alice, bob = self.reduction.alice(x), self.reduction.suffix(y)
        answers: list[Array] = []
        machine, cut = self.machine, self.reduction.cut
        states = machine.start(1)
        steps: list[Step] = []
        message: NDArray[np.uint64] = np.zeros((0, 1), np.uint64)
        for t, token in enumerate([*alice, *bob]):
            shown = t < SHOWN_STEPS or t >= cut - SHOWN_STEPS
            shown = shown and (t < cut + SHOWN_STEPS or t >= len(alice) + len(bob) - SHOWN_STEPS)
            if t == cut:
                message = machine.pack(states)
                states = machine.unpack(message)
            before = machine.describe(states[:, 0], t, self.reduction.named) if shown else ""
            states = machine.step(states, np.array([token]), t, out=states)
            if t >= cut and t + 1 in due:
                answers.append(machine.output(states))
            if shown:
                after = machine.describe(states[:, 0], t + 1, self.reduction.named)
                party = "Alice" if t < cut else "Bob"
                role, names = self.reduction.names(token, t)
                steps.append(Step(t, party, token, f"{role} {'-'.join(names)}", before, after))
        output = int(self.reduction.conclude(np.array(answers), np.array(y)[..., None])[0])
        return Transcript(
            x=show(x, self.reduction.symbols),
            y=problem.show(y),
            steps=tuple(steps),
            omitted_steps=len(alice) + len(bob) - len(steps),
            message_hex=to_hex(message[:, 0], machine.message_bits(cut)),
            cost_bits=machine.message_bits(cut),
            bob_tokens=tuple(bob),
            task_answers=tuple(int(answer[0]) for answer in answers),
            task_answer=int(answers[self.reduction.read_at(y)][0]),
            output=output,
            expected=problem.value(x, y),
        )


def show(x: Sequence[int], symbols: int) -> str:
    """x as the user writes it: a bit string, or symbols with commas."""
    return ("" if symbols == 2 else ",").join(map(str, x))


def parse_x(text: str, n: int, symbols: int, name: str = "x") -> tuple[int, ...]:
    """x from a bit string, or for more than two symbols from a list with commas.

    >>> parse_x("0110", 4, 2), parse_x("0,3,1", 3, 4)
    ((0, 1, 1, 0), (0, 3, 1))
    """
    some = [k % symbols for k in range(min(n, 8))]
    shown = show(some, symbols) + ("…" if n > 8 else "")
    form = f"{counted(n, 'bit')}, such as {shown}"
    if symbols > 2:
        form = f"{counted(n, 'symbol')} 0..{symbols - 1} with commas, such as {shown}"
    parts = list(text.strip()) if symbols == 2 and "," not in text else text.split(",")
    if not all(part.strip().isascii() and part.strip().isdecimal() for part in parts):
        raise BadInput(f"{name} must be {form}; given '{_clip(text)}'")
    x = tuple(int(part) for part in parts)
    if len(x) != n:
        raise BadInput(f"{name} must be {form}; given {len(x)} of them; change --{name} or --n")
    if any(symbol >= symbols for symbol in x):
        raise BadInput(f"{name} must be {form}; given '{_clip(text)}', whose largest symbol is {max(x)}")
    return x


def _clip(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"


def check_work(reduction: Reduction, machine: Machine, trials: int, limit: int) -> None:
    """Refuse trials that would touch more than ``limit`` state cells in all."""
    batch, work = work_of(reduction, machine)
    need = batch * -(-trials // OneWayProtocol(reduction, machine).batch()) + work * trials
    if need > limit:
        raise LimitError(
            f"{trials} trials need about {need:.1e} cell updates, the limit is {limit:.1e}; "
            "use fewer --trials, a smaller --n, or --trials 0 for the proof alone"
        )


def work_of(reduction: Reduction, machine: Machine) -> tuple[int, int]:
    """Cells of state that a batch touches however small it is, and that each run adds; about.

    An array operation is worth a thousand cells, and so is a row when packed.
    """
    length = reduction.task.length
    return 1000 * (length * machine.operations + machine.rows), length * machine.work_per_token


def exhaustive_work(reduction: Reduction, machine: Machine) -> int:
    """Cells of state that running all inputs and all of Bob's touches; about."""
    asked, inputs = len(reduction.problem.asked() or ()), reduction.symbols**reduction.n
    tokens = reduction.cut + asked * (reduction.task.length - reduction.cut)
    batches = -(-inputs // OneWayProtocol(reduction, machine).batch())
    each = 1000 * (tokens * machine.operations + (1 + asked) * machine.rows)
    return batches * each + inputs * tokens * machine.work_per_token
