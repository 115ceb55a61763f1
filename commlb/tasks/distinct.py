"""Distinct elements: a text; how many different tokens are in it?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb.errors import require_at_least
from commlb.machines.base import Array, Letter, LetterAutomaton, Live, Machine, Namer, abridged
from commlb.records import Bound
from commlb.tasks.base import EXACT_SUBSETS, Task, log2_subsets, subsets
from commlb.tasks.symmetries import mixing


@dataclass(frozen=True)
class DistinctElements(Task):
    """DistinctElements(n, K): n tokens of {1, …, K}; the answer is how many different ones there are.

    Source: Alon, Matias, Szegedy 1999.

    >>> DistinctElements(4, 3).solve([2, 3, 2, 2])
    2
    """

    text_length: int
    types: int

    name = "distinct-elements"
    summary = "a text: how many different tokens are in it"
    source = "Alon, Matias, Szegedy 1999"
    options = {"types": "token types (default n)"}

    def __post_init__(self) -> None:
        require_at_least("text_length", self.text_length, 1)
        require_at_least("types", self.types, 1)

    @classmethod
    def of_size(cls, n: int, types: int | None = None) -> Task:
        return cls(n, n if types is None else types)

    @classmethod
    def examples(cls) -> list[Task]:
        return [cls(n, k) for n, k in ((1, 1), (1, 3), (2, 2), (3, 1), (4, 3), (3, 5), (6, 3))]

    @property
    def length(self) -> int:
        return self.text_length

    @property
    def alphabet_size(self) -> int:
        return self.types

    @property
    def answers(self) -> range:
        return range(1, min(self.text_length, self.types) + 1)

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
        self.check_stream(stream)
        return 1 + sum(a < b for a, b in itertools.pairwise(sorted(stream)))

    def automaton(self) -> LetterAutomaton:
        return SetAutomaton(self.letter)

    def machine(self) -> Machine:
        return SetMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        """Decided if the window has every type, or is the whole stream."""
        seen = len(set(tokens))
        return seen if t == 0 or seen == self.types else None

    def classes(self, t: int) -> int:
        """Sets of at most t types, at least one of them from one token on; at the end their number.

        Two sets A and B, |A| ≤ |B|, are told apart by one more token, repeated: if |A| = |B| one of A \\ B;
        else one of A, by which A does not grow.
        """
        if t == self.length:
            return min(self.text_length, self.types)
        return subsets(self.types, t) - (t >= 1)

    def memory_bound(self) -> Bound:
        """log of the number of classes one token before the end; of a large one, a limit from below."""
        most = min(self.text_length - 1, self.types)
        bits = log2_subsets(self.types, most)[0]
        if bits < 40:
            bits = math.log2(self.classes(self.text_length - 1))
        else:  # without the empty set, which is less than 2^-39 bits
            bits -= 2.0**-39
        method = "sets of 1 to n-1 types, worst cut"
        return Bound(bits, "deterministic", method, "formula", "proof: DistinctElements.classes")


class SetAutomaton(LetterAutomaton):
    """State: (how many types have been counted and forgotten, the other types that have come)."""

    def start(self) -> Any:
        return (0, frozenset())

    def read(self, state: Any, letter: Letter) -> Any:
        return (state[0], state[1] | {letter[1]})

    def answer(self, state: Any) -> Any:
        return state[0] + len(state[1])

    def project(self, state: Any, live: Live) -> Any:
        """A type that cannot come again is counted and forgotten."""
        kept = frozenset([item for item in state[1] if live("item", item)])
        return (state[0] + len(state[1]) - len(kept), kept)


class SetMachine(Machine):
    """One bit a token type: whether it has come."""

    name = "exact"
    summary = "which tokens have come"
    errs = False
    dtype = np.uint8

    def __init__(self, task: DistinctElements):
        self.task = task
        self.rows = task.types
        self.widths = [1] * task.types
        self.capacity_evidence = "formula" if task.types <= EXACT_SUBSETS else "upper bound"

    def capacity_bits(self, t: int) -> float:
        """Sets of at most t types, at least one from one token on."""
        bits = log2_subsets(self.task.types, t)[1]
        return math.log2(subsets(self.task.types, t) - (t >= 1)) if bits < 40 else bits

    def largest_capacity_bits(self) -> float:
        return self.capacity_bits(self.task.length - 1)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        states[tokens - 1, np.arange(states.shape[1])] = 1

    def output(self, states: Array) -> Array:
        return states.sum(axis=0, dtype=np.int64)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        return abridged((np.flatnonzero(state) + 1).tolist()) or "nothing yet"
