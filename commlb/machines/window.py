"""Machines that keep tokens as they came: the last w of Alice's, or all of them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from commlb.bits import bits_needed
from commlb.errors import require_at_least
from commlb.machines.base import Array, Machine, Namer, abridged
from commlb.tasks.base import Task


class Window(Machine):
    """Keeps the last w tokens before the cut, and after it the tokens of Bob as well.

    Row t mod w holds token t of Alice, so where each token lies is fixed by t; the rows behind are free until
    Bob's suffix fills them. Where an answer is due, the task's ``from_window`` gives it from what is kept, or
    it is the task's declared default; the last row then holds 1 + answer, else 0. That row is free for it,
    since Bob's last token need not be kept beyond the last answer. Answers are a function of what is kept and
    so add no states. ``storage_bits`` has room for the suffix too, and one width for all tokens. A window
    longer than the prefix keeps the prefix.
    """

    name = "window"
    summary = "the last w tokens of Alice; answers what they decide, else the task's default"
    required = {"w": "number of tokens kept, at least 1"}
    examples: ClassVar[tuple[str, ...]] = ("window:w=1", "window:w=3", "window:w=99")

    def __init__(self, task: Task, cut: int, w: int):
        require_at_least("w (the window, in tokens)", w, 1)
        self.task, self.cut = task, cut
        self.parameters = {"w": w}
        self.kept = min(w, cut)
        self.errs = self.kept < cut
        self.rows = self.kept + max(1, task.length - cut)
        self.dtype = np.int64
        alphabets = [task.alphabet(t) for t in range(task.length)]
        top = max(task.answers.stop + 1, max(alphabet.stop for alphabet in alphabets))
        self.widths = [bits_needed(top)] * self.rows
        sizes = np.log2([len(alphabet) for alphabet in alphabets])
        self._bits_before = np.concatenate([[0.0], np.cumsum(sizes)])

    def capacity_bits(self, t: int) -> float:
        """Words of the kept tokens: the last w before t, from the cut on those before it and Bob's."""
        return float(self._bits_before[t] - self._bits_before[self._first(t)])

    def largest_capacity_bits(self) -> float:
        return max(self.capacity_bits(t) for t in range(self.task.length))

    def _places(self, t: int) -> list[int]:
        """The rows of the tokens that are kept after t of them, in their order."""
        alice = range(self._first(t), min(t, self.cut))
        return [p % self.kept for p in alice] + [self.kept + p - self.cut for p in range(self.cut, t)]

    def _first(self, t: int) -> int:
        """The position of the first token that is kept after t of them."""
        return max(0, min(t, self.cut) - self.kept)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        states[-1] = 0
        states[t % self.kept if t < self.cut else self.kept + t - self.cut] = tokens
        if t + 1 in self.task.answered_at:
            words, first = states[self._places(t + 1)].T.tolist(), self._first(t + 1)
            answers = [self.task.from_window(word, first) for word in words]
            states[-1] = [1 + (self.task.default if answer is None else answer) for answer in answers]
        if t == self.task.length - 1:
            states[:-1] = 0

    def output(self, states: Array) -> Array:
        return states[-1].astype(np.int64) - 1

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        answer = f"answer {int(state[-1]) - 1}"
        if t >= self.task.length:
            return answer
        kept = abridged(state[self._places(t)].tolist()) or "nothing yet"
        return f"{kept} | {answer}" if t in self.task.answered_at else kept


class Store(Window):
    """Keeps the whole prefix: the machine that any task allows, and the longest message."""

    name = "store"
    summary = "the whole prefix, token for token"
    required = {}
    examples = ("store",)

    def __init__(self, task: Task, cut: int):
        super().__init__(task, cut, cut)
        self.parameters = {}
