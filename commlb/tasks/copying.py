"""Copying: a word, a separator, and then the word again, symbol by symbol."""

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


@dataclass(frozen=True)
class Copying(Task):
    """Copying(n, Σ): x_1 … x_n ∈ {0, …, |Σ|−1}, a separator, n−1 times "go"; x_k after the k-th of these.

    The separator is the token |Σ|, "go" is |Σ|+1: what stands after the word carries no information, since
    the machine writes the word itself. Source: Jelassi et al. 2024; Bhattamishra et al. 2024, §1.

    >>> Copying(3).solve([0, 1, 1, 2, 3, 3])
    (0, 1, 1)
    >>> list(Copying(3).answered_at), [Copying(3).classes(t) for t in range(7)]
    ([4, 5, 6], [1, 2, 4, 8, 8, 4, 2])
    """

    word_length: int
    symbols: int = 2

    name = "copying"
    summary = "a word of n symbols and a separator: the word again, a symbol after each token from there on"
    source = "Jelassi et al. 2024"
    plain = frozenset({"symbol"})
    unread = {"skip": "go"}
    options = {"symbols": "symbols of the word (default 2)"}

    def __post_init__(self) -> None:
        require_at_least("word_length", self.word_length, 1)
        require_at_least("symbols", self.symbols, 2)

    @classmethod
    def of_size(cls, n: int, symbols: int = 2) -> Task:
        return cls(n, symbols)

    @classmethod
    def examples(cls) -> list[Task]:
        return [cls(n, k) for n, k in ((1, 2), (2, 2), (3, 2), (5, 2), (3, 5))]

    @property
    def length(self) -> int:
        return 2 * self.word_length

    @property
    def answered_at(self) -> range:
        return range(self.word_length + 1, self.length + 1)

    @property
    def alphabet_size(self) -> int:
        return self.symbols + 2

    @property
    def answers(self) -> range:
        return range(self.symbols)

    def alphabet(self, t: int) -> range:
        if t < self.word_length:
            return range(self.symbols)
        only = self.token(self.letter(0, t))
        return range(only, only + 1)

    def letter(self, token: int, t: int) -> Letter:
        """The word's symbols with their positions; then ("go", p), after which x_p is due."""
        n = self.word_length
        return ("symbol", t + 1, token) if t < n else ("go", t - n + 1)

    def token(self, letter: Letter) -> int:
        if letter[0] == "symbol":
            return letter[-1]
        return self.symbols if letter[1] == 1 else self.symbols + 1

    def solve(self, stream: Sequence[int]) -> Any:
        self.check_stream(stream)
        word = tuple(stream[: self.word_length])
        return word if len(word) > 1 else word[0]

    def automaton(self) -> LetterAutomaton:
        return CopyAutomaton(self.letter)

    def machine(self) -> Machine:
        return CopyMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        place = len(tokens) - 1 - self.word_length
        return int(tokens[place]) if place >= 0 else None

    def classes(self, t: int) -> int:
        """The word so far; later what of it is still due, the symbol due now included."""
        n = self.word_length
        return self.symbols ** (t if t <= n else 2 * n - t + 1)

    def memory_bound(self) -> Bound:
        """n·log |Σ|, exact: two words differ in the answer at the place where they do."""
        bits, method = self.word_length * math.log2(self.symbols), "|Σ|^n distinct rows"
        return Bound(bits, "deterministic", method, "formula", "proof: Copying.memory_bound")


class CopyAutomaton(LetterAutomaton):
    """State: (the pairs (position, symbol) still to be written, the symbol due now or None).

    "go" takes the pair of its position; so does "skip", a "go" whose answer nobody reads.
    """

    def start(self) -> Any:
        return (frozenset(), None)

    def read(self, state: Any, letter: Letter) -> Any:
        if state is BROKEN:
            return BROKEN
        pairs, _ = state
        role, position = letter[:2]
        found = [pair for pair in pairs if pair[0] == position]
        if role == "symbol":
            return BROKEN if found else (pairs | {letter[1:]}, None)
        if role == "go" and not found:
            return BROKEN
        return (pairs.difference(found), found[0][1] if role == "go" else None)

    def answer(self, state: Any) -> Any:
        return UNDEFINED if state is BROKEN or state[1] is None else state[1]

    def project(self, state: Any, live: Live) -> Any:
        """Keep the symbols whose answer somebody will read."""
        if state is BROKEN:
            return state
        return (frozenset([pair for pair in state[0] if live("go", pair[0])]), state[1])


class CopyMachine(Machine):
    """Keeps the word, ⌈log|Σ|⌉ bits a symbol, 64 bits to a row; the last row holds the symbol due now.

    A symbol is cleared from the word as it is written.
    """

    name = "exact"
    summary = "the symbols still to be written, and the one due now"
    errs = False
    dtype = np.uint64

    def __init__(self, task: Copying):
        self.task = task
        self.bits = bits_needed(task.symbols)
        self.per_word = 64 // self.bits
        full, rest = divmod(task.word_length, self.per_word)
        self.widths = [self.per_word * self.bits] * full + [rest * self.bits] * (rest > 0) + [self.bits]
        self.rows = len(self.widths)
        self._mask = np.uint64(2**self.bits - 1)

    def capacity_bits(self, t: int) -> float:
        n = self.task.word_length
        return (t if t <= n else 2 * n - t + 1) * math.log2(self.task.symbols)

    def largest_capacity_bits(self) -> float:
        return self.capacity_bits(self.task.word_length)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        word, place = divmod(t % self.task.word_length, self.per_word)
        row, shift = states[word], np.uint64(place * self.bits)
        if t < self.task.word_length:
            row |= tokens.astype(np.uint64) << shift
        else:
            states[-1] = row >> shift & self._mask
            row &= ~(self._mask << shift)

    def output(self, states: Array) -> Array:
        return states[-1].astype(np.int64)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        n = self.task.word_length
        gap = "" if self.task.symbols <= 10 else " "

        def symbol(k: int) -> str:
            word, place = divmod(k, self.per_word)
            return str((int(state[word]) >> (place * self.bits)) & int(self._mask))

        left = abridged(range(max(0, t - n), min(t, n)), symbol, 200, gap)
        if t <= n:
            return left or "nothing yet"
        return f"answer {int(state[-1])}" + (f", then {left}" if left else "")
