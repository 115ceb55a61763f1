"""A model as a ``Machine``: what it stores after each number of tokens, in how many bits, and one schedule.

Every run is stepped alone, one token a step, so that its bits do not depend on what else is in a batch; equal
states that read equal tokens are stepped once.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from commlb.bits import bits_needed
from commlb.errors import BadInput, LimitError
from commlb.formats import Format
from commlb.machines.base import Array, Machine, Namer, abridged
from commlb.machines.rnn.rows import Rows
from commlb.models.base import DTYPES, KV, POSITION, RECURRENT, Model, State, Tensor
from commlb.usercode import blamed

if TYPE_CHECKING:
    from commlb.tasks.base import Task

TRIALS = 2
"""Streams that are run to see what is stored after each number of tokens."""

MOST_ROWS = 2**24
"""Numbers of a state."""

Rounding = Callable[[float], Format]
"""The format for numbers up to a magnitude, as ``commlb.formats.chosen`` gives it."""


@dataclass(frozen=True)
class Place:
    """Where a tensor lies in a state: ``size`` rows from ``first`` on, as many as it has when it is largest.

    ``form``: the format that its numbers are rounded to; None where they stay as the model has them.
    """

    name: str
    kind: str
    dtype: str
    first: int
    size: int
    form: Format | None

    @property
    def width(self) -> int:
        return self.form.bits if self.form else DTYPES[self.dtype].bits


class ModelMachine(Machine):
    """A user's model on streams of a task. A state: the codes of all numbers of all tensors, one a row.

    The tensors there are after t tokens, and their shapes, are seen in trial runs; a model in which they depend on
    more than t is refused. Integers that the adapter calls positions, and that are the same in all trial runs, are
    a function of t, which a machine has for free; they are looked at again in every step. Where an answer is due,
    it is kept too, as 1 + its place, since a model's output need not be a function of its state. ``names``: what
    the model calls each token; ``answer``: its output ↦ an answer, or None; ``rounding``: what numbers that are no
    integers are rounded to after every token.
    """

    name = "model"
    summary = "a model of the user's own"
    capacity_evidence = "storage"

    def __init__(
        self,
        model: Model,
        task: Task,
        names: Sequence[int],
        answer: Callable[[Any], int | None],
        rounding: Rounding | None = None,
    ):
        self.task, self.model, self.names, self.dtype = task, model, names, np.uint64
        self._answer, self._rounding, self._rows = answer, rounding, Rows(np.float64, False)
        self.answers = np.array(task.answers)
        self.weights_digest = model.weights_digest
        rng = np.random.default_rng(0)
        runs = [
            self._run([int(rng.choice(task.alphabet(t))) for t in range(task.length)]) for _ in range(TRIALS)
        ]
        self._shapes = [self._agreed(t, states) for t, states in enumerate(zip(*runs, strict=True), 1)]
        self._positions = [
            {name: held.numbers for name, held in state.items() if shapes[name].kind == POSITION}
            for state, shapes in zip(runs[0], self._shapes, strict=True)
        ]
        self._lay_out(runs)

    def _run(self, stream: Sequence[int]) -> list[State]:
        """The states of the model along ``stream``, unrounded; its outputs must be answers where some are due."""
        state: State | None = None
        found = []
        for t, token in enumerate(stream):
            state, output = self.model.step(state, self.names[token], t)
            found.append(state)
            if t + 1 in self.task.answered_at:
                self._answer(output)
        return found

    def _agreed(self, t: int, states: Sequence[State]) -> dict[str, Tensor]:
        """The tensors after t tokens, without their numbers: the same in every run."""
        shapes = [
            {name: (held.numbers.shape, held.dtype) for name, held in state.items()} for state in states
        ]
        for name in shapes[0].keys() | shapes[1].keys():
            if shapes[0].get(name) != shapes[1].get(name):
                given = [str(shape.get(name, "nothing")) for shape in shapes]
                raise BadInput(
                    f"the tensor {name} of its state after {t} tokens depends on the tokens: {given[0]} in one "
                    f"stream and {given[1]} in another; a machine's state has one shape at each position"
                )
        found = {}
        for name, held in states[0].items():
            same = all(np.array_equal(state[name].numbers, held.numbers) for state in states)
            kind = RECURRENT if held.kind == POSITION and not same else held.kind
            found[name] = replace(held, kind=kind)
        return found

    def _lay_out(self, runs: Sequence[Sequence[State]]) -> None:
        """Rows for each tensor that is no position, as many as it has after any number of tokens."""
        sizes: dict[str, int] = {}
        kinds: dict[str, Tensor] = {}
        for shapes in self._shapes:
            for name, held in shapes.items():
                if held.kind != POSITION:
                    sizes[name] = max(sizes.get(name, 0), held.numbers.size)
                    kinds[name] = held
        if not sizes:
            raise BadInput(
                "it has no state beside its position: give a model that keeps something of its tokens"
            )
        self.places, row = [], 0
        for name, size in sizes.items():
            form = None
            if self._rounding and DTYPES[kinds[name].dtype].floating:
                form = self._rounding(_span(runs, name))
            self.places.append(Place(name, kinds[name].kind, kinds[name].dtype, row, size, form))
            row += size
        if row > MOST_ROWS:
            raise LimitError(
                f"its state has {row:,} numbers; at most {MOST_ROWS:,}; take a smaller model or a smaller n"
            )
        self.rows = row + 1
        self.widths = [place.width for place in self.places for _ in range(place.size)]
        self.widths.append(bits_needed(len(self.answers) + 1))
        forms = {place.form for place in self.places}
        if len(forms) == 1 and (form := forms.pop()):
            self.format, self.precision_bits = form.name, form.bits
        self.work_per_token, self.operations = 10 * self.rows, 20_000

    def with_model(
        self, model: Model, names: Sequence[int], answer: Callable[[Any], int | None]
    ) -> ModelMachine:
        """The same places for another model of the same form, which one trial run shows to its adapter."""
        made = copy.copy(self)
        made.model, made.names, made._answer = model, names, answer
        made.weights_digest = model.weights_digest
        for t, state in enumerate(
            made._run([self.task.alphabet(t).stop - 1 for t in range(self.task.length)]), 1
        ):
            made._look_at(state, t)
        return made

    # What is stored after t tokens.

    def tensors(self, t: int) -> dict[str, Tensor]:
        """The tensors after t tokens, positions too, as the model stores them; only their shapes mean something."""
        return self._shapes[t - 1] if t else {}

    def bits(self, t: int, kind: str | None = None) -> int:
        """Bits of the state after t tokens, all or of one ``kind``; rounded numbers take those of their format."""
        held = self.tensors(t)
        return sum(
            held[place.name].numbers.size * place.width
            for place in self.places
            if place.name in held and kind in (None, place.kind)
        )

    def growth_bits(self) -> int:
        """Bits that the last token of the trial runs added to the state; 0 if it is bounded, as far as was run."""
        last = self.task.length
        return self.bits(last) - self.bits(last - 1) if last > 1 else 0

    def message_bits(self, t: int) -> int:
        return self.bits(t) + (self.widths[-1] if t in self.task.answered_at else 0)

    def capacity_bits(self, t: int) -> float:
        return float(self.message_bits(t))

    def largest_capacity_bits(self) -> float:
        return float(max(self.message_bits(t) for t in range(self.task.length)))

    # The machine.

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        made: dict[tuple[int, bytes], Array] = {}
        for run, token in enumerate(tokens.tolist()):
            key = token, states[:, run].tobytes() if t else b""
            if key not in made:
                with blamed(self.name, "its step"):
                    made[key] = self._one(states[:, run], token, t)
            states[:, run] = made[key]

    def _one(self, column: NDArray[np.uint64], token: int, t: int) -> NDArray[np.uint64]:
        state, output = self.model.step(self.state(column, t) if t else None, self.names[token], t)
        found = self.column(state, t + 1)
        if t + 1 in self.task.answered_at:
            answer = self._answer(output)
            found[-1] = 0 if answer is None else 1 + self.task.answers.index(answer)
        return found

    def state(self, column: NDArray[np.uint64], t: int) -> State:
        """The model's state of a column of codes, after t tokens."""
        shapes, found = self.tensors(t), {}
        places = {place.name: place for place in self.places}
        for name, held in shapes.items():
            if held.kind == POSITION:
                numbers = self._positions[t - 1][name]
            else:
                place = places[name]
                codes = column[place.first : place.first + held.numbers.size]
                numbers = place.form.decode(codes) if place.form else DTYPES[held.dtype].numbers(codes)
            typed = numbers.astype(DTYPES[held.dtype].array).reshape(held.numbers.shape)
            found[name] = Tensor(typed, held.dtype, held.kind)
        return found

    def column(self, state: State, t: int) -> NDArray[np.uint64]:
        """The codes of a state after t tokens, rounded if the machine rounds; the inverse of ``state``."""
        found, shapes = np.zeros(self.rows, np.uint64), self.tensors(t)
        self._look_at(state, t)
        for place in self.places:
            if place.name not in shapes:
                continue
            held = state[place.name]
            if place.form:
                numbers = held.numbers.astype(np.float64).reshape(1, -1)
                self._rows.rounded(numbers, place.form, numbers)
                codes = place.form.encode(numbers).reshape(-1)
            else:
                codes = held.codes()
            found[place.first : place.first + len(codes)] = codes
        return found

    def _look_at(self, state: State, t: int) -> None:
        """Refuse a state whose shapes or positions are not those of the trial runs."""
        shapes, positions = self.tensors(t), self._positions[t - 1]
        for name in shapes.keys() | state.keys():
            wanted, held = shapes.get(name), state.get(name)
            same = wanted is not None and held is not None
            if not same or (wanted.numbers.shape, wanted.dtype) != (held.numbers.shape, held.dtype):  # type: ignore[union-attr]
                raise BadInput(
                    f"the tensor {name} of its state after {t} tokens has a shape that depends on the tokens"
                )
            if name in positions and not np.array_equal(held.numbers, positions[name]):  # type: ignore[union-attr]
                raise BadInput(
                    f"the integers {name} of its state after {t} tokens depend on the tokens, as no position does"
                )

    def output(self, states: Array) -> Array:
        place = states[-1].astype(np.int64) - 1
        return np.where(place < 0, -1, self.answers[np.maximum(place, 0)])

    def numbers(self, states: Array) -> NDArray[np.float64]:
        """The numbers of states, float64 of the same shape, for a read-out; the row of the answer is left out."""
        found = np.empty((self.rows - 1, states.shape[1]))
        for place in self.places:
            rows = slice(place.first, place.first + place.size)
            codes = np.ascontiguousarray(states[rows])
            held = place.form.decode(codes) if place.form else DTYPES[place.dtype].numbers(codes.reshape(-1))
            found[rows] = held.reshape(codes.shape)
        return found

    def remark(self) -> str:
        """What it is and stores, and whether its state grows."""
        t = self.task.length
        kept = f"{self.bits(t, RECURRENT):,} bits of recurrent state"
        if self.bits(t, KV):
            kept += f" and {self.bits(t, KV):,} of keys and values after {t} tokens"
        rounded = f", rounded to {self.format}" if self.format else ""
        if growth := self.growth_bits():
            kept += f"; no bounded-state machine: it grows by {growth:,} bits a token"
        return f"{self.model.summary}; {kept}{rounded}"

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        shown = []
        held = self.state(state, t) if t else {}
        for name, tensor in held.items():
            if tensor.kind != POSITION:
                numbers = tensor.numbers.reshape(-1).tolist()
                shown.append(f"{name} {abridged(numbers, '{:.4g}'.format, 4)}")
        return " | ".join(shown) or "start"


def _span(runs: Sequence[Sequence[State]], name: str) -> float:
    """The least power of two above all magnitudes of a tensor in the trial runs, from 2^-30 to 2^30."""
    found = 0.0
    for state in (state for run in runs for state in run if name in state):
        sizes = np.abs(state[name].numbers.astype(np.float64))
        sizes = sizes[np.isfinite(sizes)]
        found = max(found, float(sizes.max()) if sizes.size else 0.0)
    exponent = math.frexp(found)[1] if found else 0
    return 2.0 ** min(max(exponent, -30), 30)
