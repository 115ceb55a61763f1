"""A user's own task as a ``Task``: its tokens numbered, its merged automaton as transition tables.

The tables come from all streams of the task, so that machines, prefixes and reductions of registered tasks run on
it as well; ``solve`` is the user's own program, on the user's own tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from commlb.bits import bits_needed
from commlb.errors import BadInput
from commlb.layers import Layers, Limits
from commlb.machines.base import BROKEN, UNDEFINED, Array, Letter, LetterAutomaton, Live, Machine, Namer
from commlb.minimum import engine_for, merged_automaton
from commlb.tasks.base import Task
from commlb.userfile import UserTask


def tabled(user: UserTask, limits: Limits | None = None) -> Tabled:
    """The task with its tables, which takes what ``commlb.exact`` takes. Raises ``OverLimit``, ``BadInput``."""
    layers, _ = merged_automaton(user, engine_for(user), limits or Limits())
    return Tabled(user, layers)


class Tabled(Task):
    """A user's task: token k at position t is the k-th of the alphabet there.

    ``solve`` and ``automaton`` give the user's answers; machines write answer k of ``values`` as k.
    """

    name: str  # type: ignore[misc]
    source: str = "the user's own file"  # type: ignore[misc]
    summary = "a task of the user's own"

    def __init__(self, user: UserTask, layers: Layers):
        self.user, self.layers, self.name = user, layers, user.name
        truths = all(isinstance(answer, bool) for answer in layers.answers)
        self.values: tuple[Any, ...] = (False, True) if truths else layers.answers
        self._places = {(isinstance(value, bool), value): k for k, value in enumerate(self.values)}

    @classmethod
    def of_size(cls, n: int) -> Task:
        raise BadInput("a task of your own is made by the function or class that your file names")

    @classmethod
    def examples(cls) -> list[Task]:
        return []

    @property
    def length(self) -> int:
        return self.layers.length

    @property
    def alphabet_size(self) -> int:
        return self.user.alphabet_size

    @property
    def total(self) -> bool:
        broken = any((table < 0).any() for table in self.layers.following)
        return not broken and not any((answers < 0).any() for answers in self.layers.answered.values())

    @property
    def answered_at(self) -> Sequence[int]:
        return sorted(self.layers.answered)

    @property
    def size(self) -> dict[str, int]:
        return self.user.size

    @property
    def answers(self) -> range:
        return range(len(self.values))

    def alphabet(self, t: int) -> range:
        return range(len(self.layers.alphabets[t]))

    def letter(self, token: int, t: int) -> Letter:
        return ("token", token)

    def token(self, letter: Letter) -> int:
        return int(letter[1])

    def spelled(self, token: int, t: int) -> str:
        """The user's own token."""
        return str(self.layers.alphabets[t][token])

    def coded(self, answer: Any) -> int:
        """The place of the user's ``answer`` among all; truth values are no numbers here."""
        with self.user._blamed("comparing its answers"):
            place = self._places.get((isinstance(answer, bool), answer))
        if place is None:
            raise BadInput(f"{self.name} has no answer {answer!r}")
        return place

    def said(self, code: int) -> str:
        """The user's own answer."""
        return str(self.values[code])

    def solve(self, stream: Sequence[int]) -> Any:
        """By the user's own program."""
        self.check_stream(stream)
        tokens = [alphabet[k] for alphabet, k in zip(self.layers.alphabets, stream, strict=True)]
        if not self.user.has_steps:
            return self.user.solve(tokens)
        automaton = self.user.automaton()
        state, answers = automaton.start(), []
        for t, token in enumerate([*tokens, None]):
            if t in self.layers.answered:
                answers.append(automaton.answer(state))
            if t < self.length:
                state = automaton.step(state, token, t)
            if state is BROKEN or UNDEFINED in answers:
                return UNDEFINED
        return tuple(answers) if len(answers) > 1 else answers[0]

    def automaton(self) -> LetterAutomaton:
        return TableAutomaton(self)

    def machine(self) -> Machine:
        return TableMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        """The answer, if all states at t that may read the tokens come to the same one."""
        states = np.arange(self.layers.widths[t])
        for place, token in enumerate(tokens, t):
            states = np.unique(self.layers.following[place][states, token])
            states = states[states >= 0]
        found = np.unique(self.layers.answered[t + len(tokens)][states])
        return self.coded(self.layers.answers[found[0]]) if len(found) == 1 and found[0] >= 0 else None

    def memory_bound(self) -> None:
        """No closed form is known."""


class TableAutomaton(LetterAutomaton):
    """State: (tokens read, number of the state in that layer)."""

    def __init__(self, task: Tabled):
        super().__init__(task.letter)
        self.layers = task.layers

    def start(self) -> Any:
        return 0, 0

    def read(self, state: Any, letter: Letter) -> Any:
        if state is BROKEN or state[0] == self.layers.length:
            return BROKEN
        t, number = state
        after = int(self.layers.following[t][number, letter[1]])
        return BROKEN if after < 0 else (t + 1, after)

    def answer(self, state: Any) -> Any:
        if state is BROKEN or state[0] not in self.layers.answered:
            return UNDEFINED
        place = int(self.layers.answered[state[0]][state[1]])
        return UNDEFINED if place < 0 else self.layers.answers[place]

    def project(self, state: Any, live: Live) -> Any:
        """Merged states are all needed."""
        return state


class TableMachine(Machine):
    """The number of the state in its layer, and one number for a stream outside the promise.

    Positions are free, so layers share their numbers. Where an answer is due, states are numbered so that the
    number modulo the number of answers is the answer.
    """

    name = "exact"
    summary = "the state of the task's merged automaton"
    errs = False

    def __init__(self, task: Tabled):
        self.task, self.layers = task, task.layers
        numbers = [self._numbers(t) for t in range(task.length + 1)]
        self.broken = 1 + max(int(row.max()) for row in numbers)
        self._widths = [len({*row.tolist()} - {-1}) for row in numbers]
        self.tables = []
        for t, following in enumerate(self.layers.following):
            after = np.append(numbers[t + 1], self.broken)[following]
            table = np.full((self.broken + 1, following.shape[1]), self.broken, np.int64)
            kept = numbers[t] >= 0
            table[numbers[t][kept]] = np.where(after < 0, self.broken, after)[kept]
            self.tables.append(table)
        self.rows, self.dtype = 1, np.int64
        self.widths = [bits_needed(self.broken + (0 if task.total else 1))]

    def _numbers(self, t: int) -> Array:
        """What the states of layer t are called; −1 outside the promise."""
        if t not in self.layers.answered:
            return np.arange(self.layers.widths[t])
        answers, times = len(self.task.values), dict.fromkeys(range(-1, len(self.task.values)), -1)
        row = []
        for place in self.layers.answered[t].tolist():
            code = -1 if place < 0 else self.task.coded(self.layers.answers[place])
            times[code] += 1
            row.append(-1 if code < 0 else code + answers * times[code])
        return np.array(row)

    def capacity_bits(self, t: int) -> float:
        """The states of the layer: those that streams within the promise lead to."""
        return math.log2(self._widths[t])

    def largest_capacity_bits(self) -> float:
        return max(map(self.capacity_bits, range(self.task.length)))

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        states[0] = self.tables[t][states[0], tokens]

    def output(self, states: Array) -> Array:
        return np.where(states[0] == self.broken, -1, states[0] % len(self.task.values))

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if state[0] == self.broken:
            return "outside the promise"
        answer = f", answer {self.task.values[int(state[0]) % len(self.task.values)]}"
        return f"state {int(state[0])}{answer if t in self.layers.answered else ''}"
