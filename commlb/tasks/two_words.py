"""Two words of n bits, one after the other, compared position by position; what two tasks have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

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

CLASHED = "clashed"
"""The state in which two bits have clashed, so that the answer is settled."""

Clash = Callable[[Any, Any], Any]
"""Whether two bits at one position clash, for integers and for arrays of them."""


@dataclass(frozen=True)
class TwoWords(Task):
    """a_1 … a_n b_1 … b_n, bits; the answer says whether a_j and b_j clash at some position j.

    Letters name the position and have the bit in their role, ("first0", j) to ("second1", j), so that
    ``live`` tells which bits may still come where.
    """

    bits: int

    clash: ClassVar[Clash]
    settled: ClassVar[bool]
    """The answer if some position clashes."""

    def __post_init__(self) -> None:
        require_at_least("bits", self.bits, 1)

    @classmethod
    def of_size(cls, n: int) -> Task:
        return cls(n)

    @classmethod
    def examples(cls) -> list[Task]:
        return [cls(n) for n in (1, 2, 3, 4)]

    @property
    def length(self) -> int:
        return 2 * self.bits

    @property
    def alphabet_size(self) -> int:
        return 2

    @property
    def answers(self) -> range:
        return range(2)

    def alphabet(self, t: int) -> range:
        return range(2)

    def letter(self, token: int, t: int) -> Letter:
        word, place = ("first", t) if t < self.bits else ("second", t - self.bits)
        return (f"{word}{token}", place + 1)

    def token(self, letter: Letter) -> int:
        return int(letter[0][-1])

    @abstractmethod
    def solve(self, stream: Sequence[int]) -> bool: ...

    def automaton(self) -> LetterAutomaton:
        return ClashAutomaton(self.letter, type(self).clash, self.settled)

    def machine(self) -> Machine:
        return ClashMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        """A clash inside the window settles it; none does only if the window is the whole stream."""
        apart = self.bits
        pairs = zip(tokens, tokens[apart:], strict=False)
        if any(type(self).clash(int(a), int(b)) for a, b in pairs):
            return int(self.settled)
        return int(not self.settled) if t == 0 else None

    def classes(self, t: int) -> int:
        """The first word so far; later what is left of it, or that there was a clash."""
        return 2**t if t <= self.bits else 2 ** (self.length - t) + 1

    def memory_bound(self) -> Bound:
        """n, exact: two first words that differ at j answer differently under some second word.

        For Equality the second word is one of the two. For Disjointness it is the set {j}.
        """
        method, source = "2^n distinct rows", "proof: TwoWords.memory_bound"
        return Bound(float(self.bits), "deterministic", method, "formula", source)


class ClashAutomaton(LetterAutomaton):
    """State: the pairs (position, first bit) still without their second bit, or CLASHED.

    A position that is not there cannot clash: ``project`` has forgotten it for that reason.
    """

    def __init__(self, decode: Any, clash: Clash, settled: bool):
        super().__init__(decode)
        self.clash, self.settled = clash, settled

    def start(self) -> Any:
        return frozenset()

    def read(self, state: Any, letter: Letter) -> Any:
        if not isinstance(state, frozenset):
            return state
        role, position = letter
        word, bit = role[:-1], int(role[-1])
        found = [entry for entry in state if entry[0] == position]
        if word == "first":
            return BROKEN if found else state | {(position, bit)}
        if any(self.clash(first, bit) for _, first in found):
            return CLASHED
        return state.difference(found)

    def answer(self, state: Any) -> Any:
        return UNDEFINED if state is BROKEN else (state == CLASHED) == self.settled

    def project(self, state: Any, live: Live) -> Any:
        """Forget a position where nothing can clash; where nothing else can come, it has clashed."""
        if not isinstance(state, frozenset):
            return state
        kept = []
        for position, first in state:
            clashes = [self.clash(first, bit) for bit in (0, 1) if live(f"second{bit}", position)]
            if clashes and all(clashes):
                return CLASHED
            if any(clashes):
                kept.append((position, first))
        return frozenset(kept)


class ClashMachine(Machine):
    """The first word, 64 bits to a row, a bit cleared once its position is done; last row: 1 after a clash.

    After a clash the word is cleared.
    """

    name = "exact"
    summary = "the first word's bits that still have no partner, or that two bits have clashed"
    errs = False
    dtype = np.uint64

    def __init__(self, task: TwoWords):
        self.task = task
        full, rest = divmod(task.bits, 64)
        self.widths = [64] * full + [rest] * (rest > 0) + [1]
        self.rows = len(self.widths)

    def capacity_bits(self, t: int) -> float:
        return math.log2(self.task.classes(t))

    def largest_capacity_bits(self) -> float:
        return float(self.task.bits)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        word, place = divmod(t % self.task.bits, 64)
        row, bits, shift = states[word], tokens.astype(np.uint64), np.uint64(place)
        if t < self.task.bits:
            row |= bits << shift
            return
        first = row >> shift & np.uint64(1)
        clash = (states[-1] == 0) & type(self.task).clash(first, bits).astype(bool)
        row &= ~(np.uint64(1) << shift)
        states[:, clash] = 0
        states[-1, clash] = 1

    def output(self, states: Array) -> Array:
        return ((states[-1] > 0) == self.task.settled).astype(np.int64)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if state[-1]:
            return "two bits have clashed"
        done = max(0, t - self.task.bits)

        def bit(k: int) -> str:
            return str(int(state[k // 64]) >> k % 64 & 1) if k >= done else "·"

        return abridged(range(min(t, self.task.bits)), bit, 200, "") or "nothing yet"
