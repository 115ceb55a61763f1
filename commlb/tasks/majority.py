"""Majority: a text; which token makes up more than half of it, if one does?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb.bits import bits_needed
from commlb.errors import require_at_least
from commlb.machines.base import Array, Letter, LetterAutomaton, Live, Machine, Namer, abridged
from commlb.records import Bound
from commlb.tasks.base import Task, log2_binomial
from commlb.tasks.symmetries import mixing

MOST_TERMS = 10_000
"""Terms of the sum for the number of classes up to which it is made."""


@dataclass(frozen=True)
class Majority(Task):
    """Majority(n, K): n tokens of {1, …, K}; which comes more than n/2 times, 0 if none does.

    Source: Boyer, Moore 1991; Misra, Gries 1982.

    >>> Majority(4, 3).solve([2, 1, 2, 2]), Majority(4, 3).solve([2, 1, 2, 1])
    (2, 0)
    """

    text_length: int
    types: int

    name = "majority"
    summary = "a text: the token that makes up more than half of it, 0 if none does"
    source = "Boyer, Moore 1991"
    options = {"types": "token types (default n)"}

    def __post_init__(self) -> None:
        require_at_least("text_length", self.text_length, 1)
        require_at_least("types", self.types, 1)

    @classmethod
    def of_size(cls, n: int, types: int | None = None) -> Task:
        return cls(n, n if types is None else types)

    @classmethod
    def examples(cls) -> list[Task]:
        return [
            cls(n, k) for n, k in ((1, 1), (1, 3), (3, 2), (4, 1), (4, 3), (5, 3), (3, 5), (7, 2), (6, 3))
        ]

    @property
    def length(self) -> int:
        return self.text_length

    @property
    def alphabet_size(self) -> int:
        return self.types

    @property
    def answers(self) -> range:
        return range(self.types + 1)

    def alphabet(self, t: int) -> range:
        return range(1, self.types + 1)

    def letter(self, token: int, t: int) -> Letter:
        return ("item", token)

    def token(self, letter: Letter) -> int:
        return letter[1]

    def symmetries(self) -> list[Any]:
        """The items may be renamed."""
        return list(mixing(range(1, self.types + 1)))

    def solve(self, stream: Sequence[int]) -> int:
        """By the median: a token that fills more than half of the sorted text stands in its middle."""
        self.check_stream(stream)
        middle = sorted(stream)[self.text_length // 2]
        return middle if 2 * list(stream).count(middle) > self.text_length else 0

    def automaton(self) -> LetterAutomaton:
        return TallyAutomaton(self.letter)

    def machine(self) -> Machine:
        return TallyMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        """A majority inside the window holds; none does if what came before could make none either."""
        token = max(set(tokens), key=list(tokens).count)
        most = list(tokens).count(token)
        if 2 * most > self.text_length:
            return int(token)
        return 0 if 2 * (most + t) <= self.text_length else None

    def classes(self, t: int) -> int | None:
        """Which token has its majority; else by how much each count exceeds L = max(0, t − ⌈n/2⌉).

        A token with L or less cannot reach its majority, h = ⌊n/2⌋ + 1, in the tokens that are left. With c,
        more than L, it can: h − c more bring it there, and not where it has fewer. So counts in L+1 … h−1 are
        all told apart: of j tokens, C(K, j) ways, with the excess e in all; the other t − jL − e tokens must
        fit in K − j counts of at most L. Not summed at large sizes.
        """
        n, kinds = self.text_length, self.types
        if n * kinds > MOST_TERMS:
            return None
        low = max(0, t - (n + 1) // 2)
        room = n // 2 - low
        total = kinds if t > n // 2 else 0
        for j in range(kinds + 1):
            rest = t - j * low
            for excess in range(max(j, rest - (kinds - j) * low), min(j * room, rest) + 1):
                total += math.comb(kinds, j) * compositions(excess, j, room)
        return total

    def memory_bound(self) -> Bound:
        """log of the most ``classes``; for long texts C(⌊n/2⌋+K−1, K−1), texts of ⌊n/2⌋ tokens by counts.

        Say q comes c times in one and fewer times in the other. ⌊n/2⌋ + 1 − c more of q, at most as many as
        are left, and some other token at the places that remain, make q the majority of the first only.
        """
        known = [self.classes(t) for t in range(self.length)]
        if None not in known:
            most = max(count or 0 for count in known)
            return Bound(math.log2(most), "deterministic", "classes", "formula", "proof: Majority.classes")
        half = self.text_length // 2
        bits = log2_binomial(half + self.types - 1, half)
        return Bound(bits, "deterministic", "count vectors at n/2", "formula", "proof: Majority.memory_bound")


def compositions(total: int, parts: int, most: int) -> int:
    """Ways to write ``total`` as an ordered sum of ``parts`` numbers from 1 to ``most``.

    Inclusion and exclusion over the parts that are too large.

    >>> compositions(4, 2, 2), compositions(4, 2, 3), compositions(0, 0, 5)
    (1, 3, 1)
    """
    if parts == 0 or total < parts:
        return int(total == parts == 0)
    signed = (
        (-1) ** i * math.comb(parts, i) * math.comb(total - i * most - 1, parts - 1)
        for i in range(min(parts, (total - 1) // most if most else 0) + 1)
    )
    return sum(signed) if most else 0


class TallyAutomaton(LetterAutomaton):
    """State: (tokens that have been forgotten, the pairs (token, count) of the others)."""

    def start(self) -> Any:
        return (0, frozenset())

    def read(self, state: Any, letter: Letter) -> Any:
        counts = dict(state[1])
        counts[letter[1]] = counts.get(letter[1], 0) + 1
        return (state[0], frozenset(counts.items()))

    def answer(self, state: Any) -> Any:
        total = state[0] + sum(count for _, count in state[1])
        return next((item for item, count in state[1] if 2 * count > total), 0)

    def project(self, state: Any, live: Live) -> Any:
        """A token that cannot come again and has no majority now will have none: only the text grows."""
        total = state[0] + sum(count for _, count in state[1])
        kept = [pair for pair in state[1] if live("item", pair[0]) or 2 * pair[1] > total]
        return (total - sum(count for _, count in kept), frozenset(kept))


class TallyMachine(Machine):
    """One counter a token type."""

    name = "exact"
    summary = "how often each token has come"
    errs = False

    def __init__(self, task: Majority):
        self.task = task
        self.rows = task.types
        self.dtype = np.min_scalar_type(task.text_length)
        self.widths = [bits_needed(task.text_length + 1)] * task.types

    def capacity_bits(self, t: int) -> float:
        """Count vectors of sum t."""
        return log2_binomial(t + self.task.types - 1, t)

    def largest_capacity_bits(self) -> float:
        return self.capacity_bits(self.task.length - 1)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        states[tokens - 1, np.arange(states.shape[1])] += 1

    def output(self, states: Array) -> Array:
        total = states.sum(axis=0, dtype=np.int64)
        return np.where(2 * states.max(axis=0).astype(np.int64) > total, states.argmax(axis=0) + 1, 0)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        seen = np.flatnonzero(state)
        return abridged(seen.tolist(), lambda item: f"{item + 1}×{int(state[item])}") or "nothing yet"
