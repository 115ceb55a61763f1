"""c-gram retrieval's exact machine: the table of the text's windows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from commlb import bits, kernels
from commlb.bits import bits_needed
from commlb.machines.base import Array, Machine, Namer, abridged

if TYPE_CHECKING:
    from commlb.tasks.cgram import CGram


class WindowsMachine(Machine):
    """The sorted table of windows with their successors, after the last c−1 tokens.

    Rows: c−1 last tokens (0: none yet), then M entries of c rows: window, successor (T+1: several). Free
    entries are 0 and stand at the end. M = min(L−c+1, T^(c−1)) windows are the most there can be. Where all
    T^(c−1) windows have a place, the packed state leaves the windows out: a successor stands at its window's.
    """

    name = "exact"
    summary = "each window of c-1 tokens seen, with what follows it; and the last c-1 tokens"
    errs = False
    capacity_evidence = "upper bound"

    def __init__(self, task: CGram):
        self.task = task
        self.width = task.c - 1
        self.entries = min(task.text_length - task.c + 1, task.types**self.width)
        self.rows = self.width + self.entries * task.c
        self.work_per_token = self.rows
        self.many = task.types + 1
        self.dtype = np.min_scalar_type(self.many)
        token, successor = bits_needed(task.types + 1), bits_needed(task.types + 2)
        self.has_all = self.entries == task.types**self.width
        entry = [successor] if self.has_all else [token] * self.width + [successor]
        self.widths = [token] * self.width + entry * self.entries

    def capacity_bits(self, t: int) -> float:
        """At most: no more states than streams, nor than the storage holds. Queries repeat a fixed key."""
        task = self.task
        texts = t * math.log2(task.types)
        if task.fixed:
            texts = min(t, task.text_length) // task.c * math.log2(task.types - task.blocks)
            texts += math.log2(task.blocks) if t > task.text_length else 0.0
        return min(float(self.storage_bits), texts)

    def largest_capacity_bits(self) -> float:
        return self.capacity_bits(self.task.length - 1)

    def pack(self, states: Array) -> Array:
        if not self.has_all:
            return super().pack(states)
        table, runs = self._table(states), np.arange(states.shape[1])
        successors = np.zeros((self.entries, states.shape[1]), self.dtype)
        places = self._powers @ (np.maximum(table[:, :-1].astype(np.int64), 1) - 1)
        for place, row in zip(places, table, strict=True):
            used = row[0] > 0
            successors[place[used], runs[used]] = row[-1, used]
        return bits.pack([*states[: self.width], *successors], self.widths)

    def unpack(self, words: Array) -> Array:
        if not self.has_all:
            return super().unpack(words)
        rows = bits.unpack(words, self.widths).astype(self.dtype)
        states = np.zeros((self.rows, words.shape[1]), self.dtype)
        states[: self.width] = rows[: self.width]
        places = np.argsort(rows[self.width :] == 0, axis=0, kind="stable")  # used ones first, in order
        successors = np.take_along_axis(rows[self.width :], places, axis=0)
        table = self._table(states)
        table[:, -1] = successors
        for k, power in enumerate(self._powers.tolist()):
            table[:, k] = np.where(successors > 0, places // power % self.task.types + 1, 0)
        return states

    @property
    def _powers(self) -> Array:
        """What each token of a window counts in the number of its place."""
        return self.task.types ** np.arange(self.width - 1, -1, -1, dtype=np.int64)

    def _table(self, states: Array) -> Array:
        return states[self.width :].reshape(self.entries, self.task.c, states.shape[1])

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        last = states[: self.width]
        if self.width <= t < self.task.text_length:
            work = states.shape[1] * self.task.text_length
            kernels.insert_windows(work)(
                self._table(states), last, tokens.astype(self.dtype), self.dtype.type(self.many)
            )
        last[:-1] = last[1:].copy()
        last[-1] = tokens
        if t == self.task.length - 1:
            table = self._table(states)
            match = (table[:, :-1] == last).all(axis=1)
            found = np.where(match, table[:, -1], 0).max(axis=0)
            states[...] = 0
            states[0] = np.where(found == self.many, 0, found)

    def output(self, states: Array) -> Array:
        return np.where(states[0] > 0, states[0].astype(np.int64), -1)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if t >= self.task.length:
            return f"answer {int(state[0])}"
        table = self._table(state.reshape(-1, 1))[:, :, 0]
        used = [row for row in table.tolist() if row[0]]

        def entry(row: list[int]) -> str:
            return "·".join(map(str, row[:-1])) + ("→many" if row[-1] == self.many else f"→{row[-1]}")

        last = "·".join(str(token) for token in state[: self.width].tolist() if token)
        return f"{abridged(used, entry)} | last {last}".strip()
