"""Multi-query associative recall: keys with values, then all the keys in some order; each one's value."""

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
from commlb.tasks.base import Task, log2_binomial
from commlb.tasks.dictionaries import KEYS, are_fixed, check_pairs, fullest, log2_dictionaries
from commlb.tasks.symmetries import mixing


@dataclass(frozen=True)
class MQAR(Task):
    """MQAR(n, K, V): k_1 v_1 … k_n v_n with distinct keys, then these in any order; after each its value.

    Tokens: keys 1…K, values K+1…K+V. Streams with a repeated key, or whose queries are no permutation of
    the keys, are outside the promise. With ``fixed`` keys come in the order 1…n, K = n.
    Source: Arora et al. 2023; Bhattamishra et al. 2024, App. G.

    >>> MQAR(2, 3, 2).solve([3, 4, 1, 5, 1, 3])
    (5, 4)
    """

    pairs: int
    keys: int
    values: int = 2
    fixed: bool = False

    name = "mqar"
    summary = "n (key, value) pairs with distinct keys, then the keys in any order: after each, its value"
    source = "Arora et al. 2023; Bhattamishra et al. 2024, App. G"
    total = False
    flags = frozenset({"fixed"})
    unread = {"spent": "query"}
    promise_ignores = frozenset({"value"})
    options = {
        "keys": KEYS,
        "types": "keys to choose from (default n, and n+1 if they are free)",
        "symbols": "different values (default 2)",
    }

    def __post_init__(self) -> None:
        check_pairs(self.pairs, self.keys, self.values, self.fixed)

    @classmethod
    def of_size(cls, n: int, keys: str = "fixed", types: int | None = None, symbols: int = 2) -> Task:
        fixed = are_fixed(keys)
        return cls(n, (n if fixed else n + 1) if types is None else types, symbols, fixed)

    @classmethod
    def examples(cls) -> list[Task]:
        free: list[Task] = [cls(*s) for s in ((1, 1, 2), (1, 3, 2), (2, 2, 2), (2, 3, 2), (2, 2, 3))]
        return [cls(1, 1, 2, True), cls(2, 2, 3, True), cls(3, 3, 2, True), *free]

    @property
    def length(self) -> int:
        return 3 * self.pairs

    @property
    def answered_at(self) -> range:
        return range(2 * self.pairs + 1, self.length + 1)

    @property
    def alphabet_size(self) -> int:
        return self.keys + self.values

    @property
    def answers(self) -> range:
        return range(self.keys + 1, self.keys + self.values + 1)

    def alphabet(self, t: int) -> range:
        if t < 2 * self.pairs and t % 2 == 1:
            return self.answers
        fixed = self.fixed and t < 2 * self.pairs
        return range(t // 2 + 1, t // 2 + 2) if fixed else range(1, self.keys + 1)

    def letter(self, token: int, t: int) -> Letter:
        return ("query" if t >= 2 * self.pairs else ("key", "value")[t % 2], token)

    def token(self, letter: Letter) -> int:
        return letter[1]

    def symmetries(self) -> list[Any]:
        """The values may be renamed, and the keys, unless their order is fixed."""
        keys = [] if self.fixed else mixing(range(1, self.keys + 1))
        return [*mixing(self.answers), *keys]

    def solve(self, stream: Sequence[int]) -> Any:
        self.check_stream(stream)
        pairs, queries = stream[: 2 * self.pairs], stream[2 * self.pairs :]
        value_of = dict(zip(pairs[::2], pairs[1::2], strict=True))
        if len(value_of) < self.pairs or sorted(queries) != sorted(value_of):
            return UNDEFINED
        answers = tuple(value_of[query] for query in queries)
        return answers if self.pairs > 1 else answers[0]

    def automaton(self) -> LetterAutomaton:
        return RecallAutomaton(self.letter)

    def machine(self) -> Machine:
        return RecallMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        query = tokens[-1]
        for place in range(t % 2, 2 * self.pairs - t, 2):
            if tokens[place] == query:
                return int(tokens[place + 1])
        return None

    def classes(self, t: int) -> int | None:
        """With fixed keys: the values so far; at the end the last answer.

        Between, prefixes that have asked for different keys have no suffix in common, but the answers to a
        key that neither has asked for are due before that shows.
        """
        if not self.fixed or 2 * self.pairs < t < self.length:
            return None
        return int(self.values ** (t // 2)) if t < self.length else self.values

    def memory_bound(self) -> Bound:
        """n·log V: with keys 1…n in order, two words of values differ in the answer to some key."""
        bits, method = self.pairs * math.log2(self.values), "V^n distinct rows at fixed keys"
        return Bound(bits, "deterministic", method, "formula", "proof: MQAR.memory_bound")


class RecallAutomaton(LetterAutomaton):
    """State: (key awaiting its value or None, the pairs not asked for so far, the answer due now or None).

    A query uses its key up. So does "spent", a query whose answer nobody reads; of it the automaton trusts
    that its key is there, since ``project`` may have forgotten the key.
    """

    def start(self) -> Any:
        return (None, frozenset(), None)

    def read(self, state: Any, letter: Letter) -> Any:
        if state is BROKEN:
            return BROKEN
        waiting, pairs, _ = state
        role, atom = letter
        if role == "value":
            return BROKEN if waiting is None else (None, pairs | {(waiting, atom)}, None)
        found = [pair for pair in pairs if pair[0] == atom]
        if waiting is not None or (role == "key" and found) or (role == "query" and not found):
            return BROKEN
        if role == "key":
            return (atom, pairs, None)
        return (None, pairs.difference(found), found[0][1] if role == "query" else None)

    def answer(self, state: Any) -> Any:
        return UNDEFINED if state is BROKEN or state[2] is None else state[2]

    def project(self, state: Any, live: Live) -> Any:
        """Keep what a query can ask; of a key that can only come again as a key, that it was there."""
        if state is BROKEN:
            return state
        waiting, pairs, answer = state
        asked = frozenset([pair for pair in pairs if live("query", pair[0])])
        again = frozenset([(key, GONE) for key, _ in pairs if live("key", key) and not live("query", key)])
        if waiting is not None and not (live("query", waiting) or live("key", waiting)):
            waiting = GONE
        return (waiting, asked | again, answer)


class RecallMachine(Machine):
    """Row 0: the key awaiting its value (0: none). Row k: 0 if key k is absent or used up, else its value.

    The last row holds the answer due now (0: none). Values are 1…V.
    """

    name = "exact"
    summary = "for each key not asked for so far its value; and the answer due"
    errs = False

    def __init__(self, task: MQAR):
        self.task = task
        self.rows = task.keys + 2
        self.dtype = np.min_scalar_type(max(task.keys, task.values))
        value = bits_needed(task.values + 1)
        self.widths = [bits_needed(task.keys + 1)] + [value] * (task.keys + 1)

    def capacity_bits(self, t: int) -> float:
        """Dictionaries of ⌊t/2⌋ keys, at odd t with one that waits; later of those left, and an answer."""
        task = self.task
        asked = max(0, t - 2 * task.pairs)
        done, waiting = (task.pairs - asked, 0) if asked else divmod(t, 2)
        answer = math.log2(task.values) if asked else 0.0
        if task.fixed:
            return log2_binomial(task.pairs, asked) + done * math.log2(task.values) + answer
        return log2_dictionaries(task.keys, task.values, done, waiting) + answer

    def largest_capacity_bits(self) -> float:
        pairs = self.task.pairs
        near = fullest(self.task.keys, self.task.values, pairs)
        places = {t for s in near for t in (2 * s - 1, 2 * s, 2 * s + 1, 3 * pairs - s)}
        return max(self.capacity_bits(t) for t in places if 0 <= t < self.task.length)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        runs = np.arange(states.shape[1])
        if t >= 2 * self.task.pairs:
            states[-1] = states[tokens, runs]
            states[tokens, runs] = 0
        elif t % 2 == 0:
            states[0] = tokens
        else:
            states[states[0], runs] = tokens - self.task.keys
            states[0] = 0

    def output(self, states: Array) -> Array:
        value = states[-1].astype(np.int64)
        return np.where(value > 0, value + self.task.keys, -1)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        keys = np.flatnonzero(state[1:-1]) + 1
        shown = abridged(keys.tolist(), lambda key: f"{key}→{self.task.keys + int(state[key])}")
        waiting = f" {int(state[0])}→?" if state[0] else ""
        answer = f" answer {self.task.keys + int(state[-1])}" if state[-1] else ""
        return (shown + waiting + answer).strip() or "empty"
