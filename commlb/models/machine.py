"""A model as a ``Machine``: what it stores after each number of tokens, in how many bits, and one schedule.

Every run is stepped alone, one token a step, so that its bits do not depend on what else is in a batch; equal
states that read equal tokens are stepped once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from commlb.bits import bits_needed
from commlb.errors import BadInput, LimitError
from commlb.machines.base import Array, Machine, Namer, abridged
from commlb.machines.rnn.rows import Rows, quiet
from commlb.models.base import DTYPES, KV, POSITION, RECURRENT, Model, State, Tensor
from commlb.models.places import Place, Rounding, growth, magnitude, span
from commlb.usercode import blamed
from commlb.wording import NO_ANSWER, counted

if TYPE_CHECKING:
    from commlb.tasks.base import Task

TRIALS = 2
"""Streams that are run to see what is stored after each number of tokens."""

MOST_ROWS = 2**24
"""Numbers of a state."""


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
        streams = [[int(rng.choice(task.alphabet(t))) for t in range(task.length)] for _ in range(TRIALS)]
        self._shapes: list[dict[str, Tensor]] = []
        self._positions: list[dict[str, Array]] = []
        self._greatest: dict[str, float] = {}
        with np.errstate(all="ignore"):
            for t, states in enumerate(zip(*map(self._run, streams), strict=True), 1):
                self._note(t, states)
        self._settle_kinds()
        self._lay_out()

    def _run(self, stream: Sequence[int]) -> Iterator[State]:
        """The states of the model along ``stream``, unrounded; its outputs must be answers where some are due."""
        state: State | None = None
        for t, token in enumerate(stream):
            state, output = self.model.step(state, self.names[token], t)
            yield state
            if t + 1 in self.task.answered_at and self._answer(output) is None:
                self.answers_itself = False

    def _note(self, t: int, states: Sequence[State]) -> None:
        """The tensors after t tokens, of one shape in all runs; which are positions, and greatest magnitudes."""
        shapes = [
            {name: (held.numbers.shape, held.dtype) for name, held in state.items()} for state in states
        ]
        for name in shapes[0].keys() | shapes[1].keys():
            if shapes[0].get(name) != shapes[1].get(name):
                given = [str(shape.get(name, "nothing")) for shape in shapes]
                raise BadInput(
                    f"the tensor {name} of its state after {counted(t, 'token')} depends on the tokens: {given[0]} "
                    f"in one stream and {given[1]} in another; a machine's state has one shape at each position"
                )
        found, positions = {}, {}
        for name, held in states[0].items():
            same = all(np.array_equal(state[name].numbers, held.numbers) for state in states)
            kind = RECURRENT if held.kind == POSITION and not same else held.kind
            empty = np.broadcast_to(np.zeros((), held.numbers.dtype), held.numbers.shape)
            found[name] = Tensor(empty, held.dtype, kind)
            if kind == POSITION:
                positions[name] = held.numbers
            for state in states:
                self._greatest[name] = max(self._greatest.get(name, 0.0), magnitude(state[name].numbers))
        self._shapes.append(found)
        self._positions.append(positions)

    def _settle_kinds(self) -> None:
        """What depends on the tokens after some number of them is no position after any; types stay as they are."""
        dtypes: dict[str, str] = {}
        for t, shapes in enumerate(self._shapes, 1):
            for name, held in shapes.items():
                if dtypes.setdefault(name, held.dtype) != held.dtype:
                    raise BadInput(
                        f"the tensor {name} of its state is {held.dtype} after {counted(t, 'token')} and "
                        f"{dtypes[name]} before them; keep one type, also in the start state"
                    )
        kept = {name for shapes in self._shapes for name, held in shapes.items() if held.kind == RECURRENT}
        for shapes, positions in zip(self._shapes, self._positions, strict=True):
            for name in kept & shapes.keys():
                shapes[name] = replace(shapes[name], kind=RECURRENT)
                positions.pop(name, None)

    def _lay_out(self) -> None:
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
                form = self._rounding(span(self._greatest[name]))
            self.places.append(Place(name, kinds[name].kind, kinds[name].dtype, row, size, form))
            row += size
        if row > MOST_ROWS:
            raise LimitError(
                f"its state has {row:,} numbers; at most {MOST_ROWS:,}; take a smaller model or a smaller n"
            )
        self.rows = row + 1
        self.widths = [place.width for place in self.places for _ in range(place.size)]
        self.widths.append(bits_needed(len(self.answers) + 1))
        formats = {(place.form.name, place.form.bits) if place.form else None for place in self.places}
        if len(formats) == 1 and (found := formats.pop()):
            self.format, self.precision_bits = found
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
        """Bits a token by which the state grew in the trial runs: ``growth``."""
        return growth([self.bits(t) for t in range(1, self.task.length + 1)])

    def message_bits(self, t: int) -> int:
        return self.bits(t) + (self.widths[-1] if t in self.task.answered_at else 0)

    def capacity_bits(self, t: int) -> float:
        return float(self.message_bits(t))

    def largest_capacity_bits(self) -> float:
        return float(max(self.message_bits(t) for t in range(self.task.length)))

    # The machine.

    @quiet
    def advance(self, states: Array, tokens: Array, t: int) -> None:
        runs: dict[tuple[int, bytes], list[int]] = {}
        for run, token in enumerate(tokens.tolist()):
            runs.setdefault((token, states[:, run].tobytes() if t else b""), []).append(run)
        first = [same[0] for same in runs.values()]
        with blamed(self.name, "its step"):
            old = self.states(states[:, first], t) if t else [None] * len(first)
            stepped = [
                self.model.step(state, self.names[token], t)
                for state, (token, _) in zip(old, runs, strict=True)
            ]
            found = self.columns([state for state, _ in stepped], t + 1)
            if t + 1 in self.task.answered_at:
                answers = [self._answer(output) for _, output in stepped]
                found[-1] = [
                    0 if answer is None else 1 + self.task.answers.index(answer) for answer in answers
                ]
        for column, same in zip(found.T, runs.values(), strict=True):
            states[:, same] = column[:, None]

    def states(self, columns: Array, t: int) -> list[State]:
        """The model's states of columns of codes, (rows, runs), after t tokens."""
        held, shapes, runs = {}, self.tensors(t), columns.shape[1]
        for place in self.places:
            if place.name in shapes:
                size, dtype = shapes[place.name].numbers.size, DTYPES[place.dtype]
                codes = np.ascontiguousarray(columns[place.first : place.first + size].T)
                numbers = place.form.decode(codes) if place.form else dtype.numbers(codes.reshape(-1))
                held[place.name] = numbers.astype(dtype.array).reshape(
                    runs, *shapes[place.name].numbers.shape
                )
        positions = self._positions[t - 1]
        return [
            {
                name: Tensor(positions[name] if name in positions else held[name][run], like.dtype, like.kind)
                for name, like in shapes.items()
            }
            for run in range(runs)
        ]

    def columns(self, states: Sequence[State], t: int) -> NDArray[np.uint64]:
        """The codes of states after t tokens, (rows, runs), rounded if the machine rounds; undoes ``states``."""
        found, shapes = np.zeros((self.rows, len(states)), np.uint64), self.tensors(t)
        for state in states:
            self._look_at(state, t)
        for place in self.places:
            if place.name not in shapes:
                continue
            numbers = np.array([state[place.name].numbers.reshape(-1) for state in states]).T
            if place.form:
                rounded = np.ascontiguousarray(numbers, np.float64)
                self._rows.rounded(rounded, place.form, rounded)
                codes = place.form.encode(rounded)
            else:
                codes = DTYPES[place.dtype].codes(numbers).reshape(numbers.shape)
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
                    f"the tensor {name} of its state after {counted(t, 'token')} has a shape that depends on the "
                    "tokens"
                )
            if name in positions and not np.array_equal(held.numbers, positions[name]):  # type: ignore[union-attr]
                raise BadInput(
                    f"the integers {name} of its state after {counted(t, 'token')} depend on the tokens, as no "
                    "position does"
                )

    def output(self, states: Array) -> Array:
        place = states[-1].astype(np.int64) - 1
        return np.where(place < 0, -1, self.answers[np.maximum(place, 0)])

    @quiet
    def as_numbers(self, states: Array) -> NDArray[np.float64]:
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
        t = last = self.task.length
        kept = f"{self.bits(t, RECURRENT):,} bits of recurrent state"
        if self.bits(t, KV):
            kept += f" and {self.bits(t, KV):,} of keys and values after {counted(t, 'token')}"
        rounded = self._rounded()
        if growth := self.growth_bits():
            kept += (
                f"; no bounded-state machine: it grows by {growth:,} bits a token over the {last} tokens run"
            )
        silent = "" if self.answers_itself else f"; {NO_ANSWER}"
        return f"{self.model.summary}; {kept}{rounded}{silent}"

    def _rounded(self) -> str:
        """What floats are rounded to; in fixed point with every range, as given or as the trial runs need it."""
        forms = [place.form for place in self.places if place.form]
        if not forms:
            return ""
        spans = sorted({-form.low for form in forms if form.fixed})
        over = f" over {' and '.join(f'[-{span:g}, {span:g})' for span in spans)}" if spans else ""
        return f", rounded to {forms[0].name}{over}"

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        shown = []
        held = self.states(state[:, None], t)[0] if t else {}
        for name, tensor in held.items():
            if tensor.kind != POSITION:
                numbers = tensor.numbers.reshape(-1).tolist()
                shown.append(f"{name} {abridged(numbers, '{:.4g}'.format, 4)}")
        return " | ".join(shown) or "start"
