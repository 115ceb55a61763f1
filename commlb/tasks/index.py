"""Index: a word, then a position; what stood there?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb.bits import bits_needed
from commlb.errors import require_at_least
from commlb.machines.base import (
    BROKEN,
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
from commlb.tasks.base import Task
from commlb.tasks.symmetries import mixing


@dataclass(frozen=True)
class Index(Task):
    """Index(n, Σ): s_1 … s_n ∈ {0, …, |Σ|−1}, then i ∈ {1, …, n}; the answer is s_i.

    Source: Wen, Dang, Lyu 2024, §4.2; Bhattamishra et al. 2024, §3.

    >>> Index(3, 2).solve([0, 1, 1, 2])
    1
    """

    word_length: int
    symbols: int = 2

    name = "index"
    summary = "a word of n symbols, then a position i: the symbol at i"
    source = "Wen, Dang, Lyu 2024, Sec. 4.2"
    plain = frozenset({"symbol"})
    options = {"symbols": "symbols of the word (default 2)"}

    def __post_init__(self) -> None:
        require_at_least("word_length", self.word_length, 1)
        require_at_least("symbols", self.symbols, 2)

    @classmethod
    def of_size(cls, n: int, symbols: int = 2) -> Task:
        return cls(n, symbols)

    @classmethod
    def examples(cls) -> list[Task]:
        return [cls(n, k) for n, k in ((1, 2), (2, 2), (3, 2), (2, 3), (6, 2), (3, 5))]

    @property
    def length(self) -> int:
        return self.word_length + 1

    @property
    def alphabet_size(self) -> int:
        return max(self.symbols, self.word_length + 1)

    @property
    def answers(self) -> range:
        return range(self.symbols)

    def alphabet(self, t: int) -> range:
        return range(self.symbols) if t < self.word_length else range(1, self.word_length + 1)

    def letter(self, token: int, t: int) -> Letter:
        return ("symbol", t + 1, token) if t < self.word_length else ("query", token)

    def token(self, letter: Letter) -> int:
        return letter[-1]

    def symmetries(self) -> list[Any]:
        """The symbols may be renamed."""
        symbols = mixing(range(self.symbols))
        return [[move] * self.word_length + [{}] for move in symbols]

    def solve(self, stream: Sequence[int]) -> int:
        self.check_stream(stream)
        return stream[stream[-1] - 1]

    def automaton(self) -> LetterAutomaton:
        return IndexAutomaton(self.letter)

    def machine(self) -> Machine:
        return IndexMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        place = tokens[-1] - 1 - t
        return int(tokens[place]) if place >= 0 else None

    def classes(self, t: int) -> int:
        """All words of t symbols; after the query only the answer matters."""
        return self.symbols ** min(t, self.word_length) if t < self.length else self.symbols

    def memory_bound(self) -> Bound:
        bits = self.word_length * math.log2(self.symbols)
        return Bound(bits, "deterministic", "|Σ|^n distinct rows", "formula", "Kremer, Nisan, Ron 1999")


class IndexAutomaton(LetterAutomaton):
    """State: the pairs (position, symbol) read so far; after the query, ("answer", symbol)."""

    def start(self) -> Any:
        return frozenset()

    def read(self, state: Any, letter: Letter) -> Any:
        if not isinstance(state, frozenset):
            return BROKEN
        if letter[0] == "symbol":
            return state | {letter[1:]}
        found = [symbol for position, symbol in state if position == letter[1]]
        return ("answer", found[0]) if len(found) == 1 else BROKEN

    def answer(self, state: Any) -> Any:
        return state[1] if isinstance(state, tuple) else UNDEFINED

    def project(self, state: Any, live: Live) -> Any:
        if not isinstance(state, frozenset):
            return state
        return frozenset([pair for pair in state if live("query", pair[0])])


class IndexMachine(Machine):
    """Keeps the word, ⌈log|Σ|⌉ bits a symbol, 64 bits to a row; the query leaves the answer alone.

    A symbol never straddles two words, so one token touches one row.
    """

    name = "exact"
    summary = "the symbols themselves"
    errs = False
    dtype = np.uint64

    def __init__(self, task: Index):
        self.task = task
        self.bits = bits_needed(task.symbols)
        self.per_word = 64 // self.bits
        full, rest = divmod(task.word_length, self.per_word)
        self.widths = [self.per_word * self.bits] * full + [rest * self.bits] * (rest > 0)
        self.rows = len(self.widths)
        self._mask = np.uint64(2**self.bits - 1)

    def capacity_bits(self, t: int) -> float:
        return min(t, self.task.word_length) * math.log2(self.task.symbols)

    def largest_capacity_bits(self) -> float:
        return self.capacity_bits(self.task.word_length)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        if t < self.task.word_length:
            word, place = divmod(t, self.per_word)
            row = states[word]
            np.bitwise_or(row, tokens.astype(np.uint64) << np.uint64(place * self.bits), out=row)
            return
        words, places = np.divmod(tokens - 1, self.per_word)
        value = states[words, np.arange(states.shape[1])] >> (places * self.bits).astype(np.uint64)
        states[...] = 0
        states[0] = value & self._mask

    def output(self, states: Array) -> Array:
        return (states[0] & self._mask).astype(np.int64)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if t > self.task.word_length:
            return f"answer {int(state[0])}"

        def symbol(k: int) -> str:
            word, place = divmod(k, self.per_word)
            return str((int(state[word]) >> (place * self.bits)) & int(self._mask))

        gap = "" if self.task.symbols <= 10 else " "
        return abridged(range(t), symbol, 200, gap) or "nothing yet"
