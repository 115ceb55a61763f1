"""c-gram retrieval: a text, then c−1 tokens that begin exactly one c-gram of it; how does it end?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb import bits, kernels
from commlb.bits import bits_needed
from commlb.errors import BadInput, require_at_least
from commlb.machines.base import (
    BROKEN,
    GONE,
    MANY,
    UNDEFINED,
    Array,
    Letter,
    LetterAutomaton,
    Live,
    Machine,
    Namer,
    abridged,
)
from commlb.records import Bound
from commlb.symbolic import Unknown
from commlb.tasks.base import Task


@dataclass(frozen=True)
class CGram(Task):
    """c-gram(L, T): L tokens from {1, …, T}, then c−1 that begin exactly one c-gram among the L tokens.

    The answer is the last token of that c-gram. Two occurrences count as two, even of the same c-gram;
    a query with none or several is outside the promise. Source: Wen, Dang, Lyu 2024, §4.2.

    >>> CGram(5, 4, c=3).solve([1, 2, 3, 1, 4, 3, 1])
    4
    """

    text_length: int
    types: int
    c: int = 2

    name = "cgram"
    summary = "a text, then the first c-1 tokens of one of its c-grams: its last token"
    source = "Wen, Dang, Lyu 2024, Sec. 4.2"

    total = False

    def __post_init__(self) -> None:
        require_at_least("c", self.c, 2)
        require_at_least("types", self.types, 2)
        require_at_least("text_length", self.text_length, 1)
        if not isinstance(self.text_length, Unknown) and self.text_length < self.c:
            raise BadInput(f"text_length must be at least c = {self.c}; given {self.text_length}")

    @classmethod
    def examples(cls) -> list[Task]:
        return [
            cls(n, k, c) for n, k, c in ((2, 2, 2), (4, 3, 2), (2, 6, 2), (3, 2, 3), (4, 3, 3), (5, 2, 4))
        ]

    @property
    def length(self) -> int:
        return self.text_length + self.c - 1

    @property
    def alphabet_size(self) -> int:
        return self.types

    @property
    def answers(self) -> range:
        return range(1, self.types + 1)

    def alphabet(self, t: int) -> range:
        return range(1, self.types + 1)

    def letter(self, token: int, t: int) -> Letter:
        return ("text" if t < self.text_length else "ask", token)

    def token(self, letter: Letter) -> int:
        return letter[1]

    def solve(self, stream: Sequence[int]) -> Any:
        self.check_stream(stream)
        text, asked = list(stream[: self.text_length]), list(stream[self.text_length :])
        width = self.c - 1
        places = [p for p in range(len(text) - width) if text[p : p + width] == asked]
        return text[places[0] + width] if len(places) == 1 else UNDEFINED

    def automaton(self) -> LetterAutomaton:
        return WindowsAutomaton(self.letter, self.c)

    def machine(self) -> Machine:
        return WindowsMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        width = self.c - 1
        text, asked = list(tokens[:-width]), list(tokens[-width:])
        for place in range(len(text) - width):
            if text[place : place + width] == asked:
                return int(text[place + width])
        return None

    def memory_bound(self) -> Bound:
        """Best over m of m·log(T−m): blocks of a key, c−1 times, then one of the T−m tokens that are no keys.

        m distinct keys in a fixed order; what is left of the text is filled with one value. A key's window
        occurs once, so asking for it keeps the promise, and two words of values differ under some query.
        """
        most = min(self.text_length // self.c, self.types - 2)
        if most < 1:
            return Bound(0.0, "deterministic", "trivial", "formula", "fewer than three token types")
        blocks = np.arange(1, most + 1)
        bits = float((blocks * np.log2(self.types - blocks)).max())
        method = "fixed blocks: (T-m)^m distinct rows, best m"
        return Bound(bits, "deterministic", method, "formula", "proof: CGram.memory_bound")


class WindowsAutomaton(LetterAutomaton):
    """State: (last c−1 tokens, the windows with what follows them, the query so far).

    A window that has occurred with a successor maps to it, or to MANY from the second occurrence on.
    """

    def __init__(self, decode: Any, c: int):
        super().__init__(decode)
        self.width = c - 1

    def start(self) -> Any:
        return ((), frozenset(), ())

    def read(self, state: Any, letter: Letter) -> Any:
        if state is BROKEN:
            return BROKEN
        last, windows, asked = state
        role, atom = letter
        if role == "ask":
            return (last, windows, (*asked, atom)) if len(asked) < self.width else BROKEN
        if asked:
            return BROKEN
        if len(last) == self.width:
            known = dict(windows)
            known[last] = MANY if last in known else atom
            windows, last = frozenset(known.items()), last[1:]
        return ((*last, atom), windows, ())

    def answer(self, state: Any) -> Any:
        if state is BROKEN or len(state[2]) < self.width:
            return UNDEFINED
        found = dict(state[1]).get(state[2], MANY)
        return UNDEFINED if found is MANY else found

    def project(self, state: Any, live: Live) -> Any:
        """Keep the windows that can still be asked for; of the last tokens, those that can be asked."""
        if state is BROKEN:
            return BROKEN
        last, windows, asked = state

        def can_be_asked(window: tuple) -> bool:
            rest = window[len(asked) :]
            return window[: len(asked)] == asked and all(live("ask", atom) for atom in rest)

        kept = frozenset([item for item in windows if can_be_asked(item[0])])
        if not asked:
            last = tuple([atom if live("ask", atom) else GONE for atom in last])
        return (last if not asked else (), kept, asked)


class WindowsMachine(Machine):
    """The sorted table of windows with their successors, after the last c−1 tokens.

    Rows: c−1 last tokens (0: none yet), then M entries of c rows: window, successor (T+1: several). Free
    entries are 0 and stand at the end. M = min(L−c+1, T^(c−1)) windows are the most there can be. Where all
    T^(c−1) windows have a place, the packed state leaves the windows out: a successor stands at its window's.
    """

    name = "exact"
    summary = "each window of c-1 tokens seen, with what follows it; and the last c-1 tokens"
    errs = False
    touches_all_rows = True
    capacity_evidence = "upper bound"

    def __init__(self, task: CGram):
        self.task = task
        self.width = task.c - 1
        self.entries = min(task.text_length - task.c + 1, task.types**self.width)
        self.rows = self.width + self.entries * task.c
        self.many = task.types + 1
        self.dtype = np.min_scalar_type(self.many)
        token, successor = bits_needed(task.types + 1), bits_needed(task.types + 2)
        self.has_all = self.entries == task.types**self.width
        entry = [successor] if self.has_all else [token] * self.width + [successor]
        self.widths = [token] * self.width + entry * self.entries

    def capacity_bits(self, t: int) -> float:
        """At most: no more states than texts, T^t, nor than the storage holds."""
        return min(float(self.storage_bits), t * math.log2(self.task.types))

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
        rows = np.array(bits.unpack(words, self.widths), self.dtype)
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
