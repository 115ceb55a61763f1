"""Machines that keep tokens as they came: the last w of Alice's, or all of them."""

from __future__ import annotations

import math
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
    or the task's declared default is given, and row 0 holds 1 + answer. |S| at the cut is the number of
    words of w tokens, hence ``capacity_bits``; ``storage_bits`` has room for the suffix too. A window
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
        self.rows = self.kept + task.length - cut
        self.dtype = np.int64
        ends = {0, 1, cut - 1, *range(cut, task.length)}
        top = max(task.alphabet(t).stop for t in ends) + 1
        self.widths = [bits_needed(top)] * self.rows
        first = cut - self.kept
        self.capacity_bits = _word_bits(task, first, cut)

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


def _word_bits(task: Task, first: int, cut: int) -> float:
    """Σ log₂|alphabet(t)| over the kept positions; equal alphabets are added in one go."""
    sizes: dict[int, int] = {}
    for t in range(first, cut):
        size = len(task.alphabet(t))
        sizes[size] = sizes.get(size, 0) + 1
    return sum(count * math.log2(size) for size, count in sizes.items())
