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

    Row t mod w holds token t+… of Alice, so where each token lies is fixed by t; the rows behind are free
    until Bob's suffix fills them. At the last token the task's ``from_window`` answers from what is kept,
    or the task's declared default is given, and row 0 holds 1 + answer. ``storage_bits`` has room for the
    suffix too, and one width for all tokens. A window longer than the prefix keeps the prefix.
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
        self.rows = self.kept + task.length - cut
        self.dtype = np.int64
        alphabets = [task.alphabet(t) for t in range(task.length)]
        top = max(task.answers.stop + 1, max(alphabet.stop for alphabet in alphabets))
        self.widths = [bits_needed(top)] * self.rows
        sizes = np.log2([len(alphabet) for alphabet in alphabets])
        self._bits_before = np.concatenate([[0.0], np.cumsum(sizes)])

    def capacity_bits(self, t: int) -> float:
        """Words of the kept tokens: the last w before t, from the cut on those before it and Bob's."""
        first = max(0, min(t, self.cut) - self.kept)
        return float(self._bits_before[t] - self._bits_before[first])

    def largest_capacity_bits(self) -> float:
        return max(self.capacity_bits(t) for t in range(self.task.length))

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        row = t % self.kept if t < self.cut else self.kept + t - self.cut
        states[row] = tokens
        if t == self.task.length - 1:
            first = self.cut - self.kept
            order = [p % self.kept for p in range(first, self.cut)]
            words = states[[*order, *range(self.kept, self.rows)]].T.tolist()
            answers = [self.task.from_window(word, first) for word in words]
            states[...] = 0
            states[0] = [1 + (self.task.default if a is None else a) for a in answers]

    def output(self, states: Array) -> Array:
        return states[0].astype(np.int64) - 1

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if t >= self.task.length:
            return f"answer {int(state[0]) - 1}"
        first = max(0, min(t, self.cut) - self.kept)
        tokens = [int(state[p % self.kept]) for p in range(first, min(t, self.cut))]
        tokens += state[self.kept : self.kept + max(0, t - self.cut)].tolist()
        return abridged(tokens) or "nothing yet"


class Store(Window):
    """Keeps the whole prefix: the machine that any task allows, and the longest message."""

    name = "store"
    summary = "the whole prefix, token for token"
    required = {}
    examples = ("store",)
    errs = False

    def __init__(self, task: Task, cut: int):
        super().__init__(task, cut, cut)
        self.parameters = {}
