"""Associative recall: keys with values, then a key; which value came with it?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb.bits import bits_needed
from commlb.machines.base import (
    BROKEN,
    GONE,
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
from commlb.tasks.dictionaries import KEYS, are_fixed, check_pairs, fullest, log2_dictionaries
from commlb.tasks.symmetries import mixing


@dataclass(frozen=True)
class AssociativeRecall(Task):
    """AR(m, K, V): k_1 v_1 … k_m v_m with distinct keys, then q among them; the answer is q's value.

    Tokens: keys 1…K, values K+1…K+V. Streams with a repeated key, or a query that is no key, are outside
    the promise. With ``fixed`` keys come in the order 1…m, K = m, and every word is a stream.
    Source: Wen, Dang, Lyu 2024, §4.2.

    >>> AssociativeRecall(2, 2, 2).solve([2, 3, 1, 4, 2])
    3
    >>> AssociativeRecall(2, 2, 2, fixed=True).solve([1, 3, 2, 4, 2])
    4
    """

    pairs: int
    keys: int
    values: int = 2
    fixed: bool = False

    name = "ar"
    summary = "m (key, value) pairs with distinct keys, then a key: its value"
    source = "Wen, Dang, Lyu 2024, Sec. 4.2"

    flags = frozenset({"fixed"})
    options = {
        "keys": KEYS,
        "types": "keys to choose from (default n, and n+1 if they are free)",
        "symbols": "different values (default 2)",
    }

    def __post_init__(self) -> None:
        check_pairs(self.pairs, self.keys, self.values, self.fixed)

    @property
    def total(self) -> bool:
        return self.fixed

    @classmethod
    def of_size(cls, n: int, keys: str = "fixed", types: int | None = None, symbols: int = 2) -> Task:
        fixed = are_fixed(keys)
        return cls(n, (n if fixed else n + 1) if types is None else types, symbols, fixed)

    @classmethod
    def examples(cls) -> list[Task]:
        free: list[Task] = [cls(*s) for s in ((1, 1, 2), (2, 2, 2), (2, 3, 2), (3, 3, 2), (2, 2, 3))]
        return [cls(1, 1, 3, True), cls(3, 3, 2, True), cls(4, 4, 3, True), *free]

    @property
    def length(self) -> int:
        return 2 * self.pairs + 1

    @property
    def alphabet_size(self) -> int:
        return self.keys + self.values

    @property
    def answers(self) -> range:
        return range(self.keys + 1, self.keys + self.values + 1)

    def alphabet(self, t: int) -> range:
        if t == 2 * self.pairs:
            return range(1, self.keys + 1)
        if t % 2 == 1:
            return self.answers
        return range(t // 2 + 1, t // 2 + 2) if self.fixed else range(1, self.keys + 1)

    def letter(self, token: int, t: int) -> Letter:
        return ("query" if t == 2 * self.pairs else ("key", "value")[t % 2], token)

    def token(self, letter: Letter) -> int:
        return letter[1]

    def symmetries(self) -> list[Any]:
        """The values may be renamed, and the keys, unless their order is fixed."""
        keys = [] if self.fixed else mixing(range(1, self.keys + 1))
        return [*mixing(self.answers), *keys]

    def solve(self, stream: Sequence[int]) -> Any:
        self.check_stream(stream)
        keys, values, query = list(stream[0:-1:2]), list(stream[1:-1:2]), stream[-1]
        if len(set(keys)) < len(keys) or query not in keys:
            return UNDEFINED
        return values[keys.index(query)]

    def automaton(self) -> LetterAutomaton:
        return DictionaryAutomaton(self.letter)

    def machine(self) -> Machine:
        return DictionaryMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        query = tokens[-1]
        for place in range(t % 2, len(tokens) - 2, 2):
            if tokens[place] == query:
                return int(tokens[place + 1])
        return None

    def classes(self, t: int) -> int | None:
        """With fixed keys: the values so far; after the query the answer."""
        return int(self.values ** (t // 2 if t < self.length else 1)) if self.fixed else None

    def memory_bound(self) -> Bound:
        """m·log V: with keys 1…m in order, two different words of values differ under the query of a key."""
        bits, method = self.pairs * math.log2(self.values), "V^m distinct rows at fixed keys"
        return Bound(bits, "deterministic", method, "formula", "proof: AssociativeRecall.memory_bound")


class DictionaryAutomaton(LetterAutomaton):
    """State: (key awaiting its value or None, the pairs so far); after the query, ("answer", value)."""

    def start(self) -> Any:
        return (None, frozenset())

    def read(self, state: Any, letter: Letter) -> Any:
        if state is BROKEN or state[0] == "answer":
            return BROKEN
        waiting, pairs = state
        role, atom = letter
        if role == "value":
            return BROKEN if waiting is None else (None, pairs | {(waiting, atom)})
        found = [value for key, value in pairs if key == atom]
        if waiting is not None or bool(found) == (role == "key"):
            return BROKEN
        return (atom, pairs) if role == "key" else ("answer", found[0])

    def answer(self, state: Any) -> Any:
        return state[1] if state is not BROKEN and state[0] == "answer" else UNDEFINED

    def project(self, state: Any, live: Live) -> Any:
        """Keep what a query can ask; of a key that can only come again, that it was there."""
        if state is BROKEN or state[0] == "answer":
            return state
        waiting, pairs = state
        asked = frozenset([pair for pair in pairs if live("query", pair[0])])
        again = frozenset([(key, GONE) for key, _ in pairs if live("key", key) and not live("query", key)])
        if waiting is not None and not (live("query", waiting) or live("key", waiting)):
            waiting = GONE
        return (waiting, asked | again)


class DictionaryMachine(Machine):
    """Row 0: the key awaiting its value (0: none). Row k: 0 if key k is absent, else its value, 1…V."""

    name = "exact"
    summary = "the dictionary: for each key its value, or absent"
    errs = False

    def __init__(self, task: AssociativeRecall):
        self.task = task
        self.rows = task.keys + 1
        self.dtype = np.min_scalar_type(max(task.keys, task.values))
        self.widths = [bits_needed(task.keys + 1)] + [bits_needed(task.values + 1)] * task.keys

    def capacity_bits(self, t: int) -> float:
        """Dictionaries of ⌊t/2⌋ keys, at odd t with one more that awaits its value; the keys may be fixed."""
        done, waiting = divmod(min(t, 2 * self.task.pairs), 2)
        if self.task.fixed:
            return done * math.log2(self.task.values)
        return log2_dictionaries(self.task.keys, self.task.values, done, waiting)

    def largest_capacity_bits(self) -> float:
        pairs = self.task.pairs
        near = fullest(self.task.keys, self.task.values, pairs)
        places = {t for s in near for t in (2 * s - 1, 2 * s, 2 * s + 1)}
        return max(self.capacity_bits(t) for t in places if 0 <= t <= 2 * pairs)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        runs = np.arange(states.shape[1])
        if t == 2 * self.task.pairs:
            value = states[tokens, runs].copy()
            states[...] = 0
            states[tokens, runs] = value
        elif t % 2 == 0:
            states[0] = tokens
        else:
            states[states[0], runs] = tokens - self.task.keys
            states[0] = 0

    def output(self, states: Array) -> Array:
        value = states[1:].max(axis=0).astype(np.int64)
        return np.where(value > 0, value + self.task.keys, -1)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        keys = np.flatnonzero(state[1:]) + 1
        shown = abridged(keys.tolist(), lambda key: f"{key}→{self.task.keys + int(state[key])}")
        waiting = f" {int(state[0])}→?" if state[0] else ""
        return (shown + waiting).strip() or "empty"
