"""Counting: a text, then a token and a threshold; did the token come that often?"""

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
from commlb.tasks.base import Task, log2_binomial
from commlb.tasks.symmetries import mixing


@dataclass(frozen=True)
class Counting(Task):
    """Counting(n, K): n tokens of {1, …, K}, then q ∈ {1, …, K}, then k ∈ {1, …, n}: count(q) ≥ k?

    "At least", never "more than": with ">" counts 0 and 1 would merge. Source: Wen, Dang, Lyu 2024, §4.2.

    >>> Counting(3, 2).solve([1, 2, 1, 1, 2]), Counting(3, 2).solve([1, 2, 1, 2, 2])
    (True, False)
    """

    text_length: int
    types: int

    name = "counting"
    summary = "a text, then a token and a threshold k: did it come at least k times"
    source = "Wen, Dang, Lyu 2024, Sec. 4.2"
    plain = frozenset({"threshold"})
    options = {"types": "token types (default n)"}

    def __post_init__(self) -> None:
        require_at_least("text_length", self.text_length, 1)
        require_at_least("types", self.types, 1)

    @classmethod
    def of_size(cls, n: int, types: int | None = None) -> Task:
        return cls(n, n if types is None else types)

    @classmethod
    def examples(cls) -> list[Task]:
        return [cls(n, k) for n, k in ((1, 1), (1, 2), (2, 2), (3, 2), (3, 4), (5, 3))]

    @property
    def length(self) -> int:
        return self.text_length + 2

    @property
    def alphabet_size(self) -> int:
        return max(self.types, self.text_length)

    @property
    def answers(self) -> range:
        return range(2)

    def alphabet(self, t: int) -> range:
        return range(1, (self.types if t <= self.text_length else self.text_length) + 1)

    def letter(self, token: int, t: int) -> Letter:
        role = "item" if t < self.text_length else "query" if t == self.text_length else "threshold"
        return (role, token)

    def token(self, letter: Letter) -> int:
        return letter[1]

    def symmetries(self) -> list[Any]:
        """The items may be renamed; the threshold stays."""
        items = mixing(range(1, self.types + 1))
        return [[move] * (self.text_length + 1) + [{}] for move in items]

    def solve(self, stream: Sequence[int]) -> bool:
        self.check_stream(stream)
        *text, query, threshold = stream
        return text.count(query) >= threshold

    def automaton(self) -> LetterAutomaton:
        return CountsAutomaton(self.letter)

    def machine(self) -> Machine:
        return CountsMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        *text, query, threshold = tokens
        count = sum(1 for token in text if token == query)
        return int(count >= threshold) if count >= threshold or t == 0 or count + t < threshold else None

    def classes(self, t: int) -> int:
        """Count vectors of sum t; after the query a count, after the threshold yes or no."""
        if t <= self.text_length:
            return math.comb(t + self.types - 1, t)
        after = (self.text_length + 1, 2)[t - self.text_length - 1]
        return 1 if self.types == 1 else after

    def memory_bound(self) -> Bound:
        """log C(n+K−1, n), exact: texts with the same counts answer alike, others differ at some (q, k)."""
        bits = log2_binomial(self.text_length + self.types - 1, self.text_length)
        method = "C(n+K-1, n) distinct rows"
        return Bound(bits, "deterministic", method, "formula", "proof: Counting.memory_bound")


class CountsAutomaton(LetterAutomaton):
    """State: the pairs (token, count); after the query ("count", c); at the end ("answer", c ≥ k)."""

    def start(self) -> Any:
        return frozenset()

    def read(self, state: Any, letter: Letter) -> Any:
        role, argument = letter
        if isinstance(state, frozenset):
            counts = dict(state)
            if role == "item":
                counts[argument] = counts.get(argument, 0) + 1
                return frozenset(counts.items())
            return ("count", counts.get(argument, 0)) if role == "query" else BROKEN
        if state is not BROKEN and state[0] == "count" and role == "threshold":
            return ("answer", state[1] >= argument)
        return BROKEN

    def answer(self, state: Any) -> Any:
        return state[1] if isinstance(state, tuple) and state[0] == "answer" else UNDEFINED

    def project(self, state: Any, live: Live) -> Any:
        """Keep the counts that can be asked for, none above the largest threshold that can come."""
        if state is BROKEN or (isinstance(state, tuple) and state[0] == "answer"):
            return state
        cap = max(live.arguments("threshold"), default=0)
        if isinstance(state, tuple):
            return ("count", min(state[1], cap))
        return frozenset([(item, min(count, cap)) for item, count in state if live("query", item)])


class CountsMachine(Machine):
    """One counter a token type; after the query row 0 holds its count, at the end the answer."""

    name = "exact"
    summary = "how often each token has come"
    errs = False

    def __init__(self, task: Counting):
        self.task = task
        self.rows = task.types
        self.dtype = np.min_scalar_type(task.text_length)
        self.widths = [bits_needed(task.text_length + 1)] * task.types

    def capacity_bits(self, t: int) -> float:
        """Count vectors of sum t; after the query a count of at most n."""
        if t > self.task.text_length:
            return math.log2(self.task.text_length + 1)
        return log2_binomial(t + self.task.types - 1, t)

    def largest_capacity_bits(self) -> float:
        return max(self.capacity_bits(self.task.text_length + k) for k in (0, 1))

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        runs = np.arange(states.shape[1])
        if t < self.task.text_length:
            states[tokens - 1, runs] += 1
        elif t == self.task.text_length:
            count = states[tokens - 1, runs].copy()
            states[...] = 0
            states[0] = count
        else:
            states[0] = states[0] >= tokens

    def output(self, states: Array) -> Array:
        return states[0].astype(np.int64)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if t > self.task.text_length:
            return f"{'count' if t == self.task.text_length + 1 else 'answer'} {int(state[0])}"
        seen = np.flatnonzero(state)
        return abridged(seen.tolist(), lambda item: f"{item + 1}×{int(state[item])}") or "nothing yet"
