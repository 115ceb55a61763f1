"""Dyck: a word of brackets of several kinds; is it well matched, and never nested too deep?"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb.bits import bits_needed
from commlb.errors import BadInput, require_at_least
from commlb.machines.base import Array, Letter, LetterAutomaton, Live, Machine, Namer, abridged
from commlb.records import Bound
from commlb.symbolic import Unknown
from commlb.tasks.base import Task
from commlb.tasks.symmetries import mixing

DEAD = "dead"
"""The state from which no word is well matched."""


@dataclass(frozen=True)
class Dyck(Task):
    """Dyck(N; k, d): N brackets of k kinds; True iff well matched and never more than d are open.

    Tokens 0…k−1 open, k…2k−1 close the same kinds. N is even. Source: Bhattamishra et al. 2024, §4.1, whose
    count of states leaves out the dead one.

    >>> Dyck(4).solve([0, 1, 3, 2]), Dyck(4).solve([0, 1, 2, 3])
    (True, False)
    >>> [Dyck(10).classes(t) for t in range(11)]
    [1, 3, 6, 3, 6, 3, 6, 3, 6, 3, 2]
    """

    word_length: int
    kinds: int = 2
    depth: int = 2

    name = "dyck"
    summary = "N brackets of k kinds: are they well matched, at most d open at a time"
    source = "Bhattamishra et al. 2024, Sec. 4.1"
    plain = frozenset({"open", "close"})
    options = {"types": "kinds of brackets (default 2)", "depth": "most open at a time (default 2)"}

    def __post_init__(self) -> None:
        require_at_least("word_length", self.word_length, 2)
        require_at_least("kinds", self.kinds, 1)
        require_at_least("depth", self.depth, 1)
        if not isinstance(self.word_length, Unknown) and self.word_length % 2:
            raise BadInput(f"word_length must be even, or no word is well matched; given {self.word_length}")

    @classmethod
    def of_size(cls, n: int, types: int = 2, depth: int = 2) -> Task:
        return cls(n, types, depth)

    @classmethod
    def examples(cls) -> list[Task]:
        sizes = ((2, 1, 1), (2, 2, 2), (4, 2, 2), (6, 2, 2), (4, 3, 1), (6, 1, 3), (6, 2, 5))
        return [cls(*size) for size in sizes]

    @property
    def length(self) -> int:
        return self.word_length

    @property
    def alphabet_size(self) -> int:
        return 2 * self.kinds

    @property
    def answers(self) -> range:
        return range(2)

    def alphabet(self, t: int) -> range:
        return range(2 * self.kinds)

    def letter(self, token: int, t: int) -> Letter:
        return ("open", token) if token < self.kinds else ("close", token - self.kinds)

    def token(self, letter: Letter) -> int:
        return letter[1] + (0 if letter[0] == "open" else self.kinds)

    def symmetries(self) -> list[Any]:
        """The kinds of brackets may be renamed."""
        kinds = self.kinds
        moves = mixing(range(kinds))
        return [move | {a + kinds: b + kinds for a, b in move.items()} for move in moves]

    def solve(self, stream: Sequence[int]) -> bool:
        """By rewriting: pairs that stand next to each other are removed until none is left."""
        self.check_stream(stream)
        heights = itertools.accumulate(1 if token < self.kinds else -1 for token in stream)
        word = "".join(map(chr, stream))
        pair = "|".join(re.escape(chr(k) + chr(k + self.kinds)) for k in range(self.kinds))
        removed = 1
        while removed:
            word, removed = re.subn(pair, "", word)
        return not word and max(heights) <= self.depth

    def automaton(self) -> LetterAutomaton:
        return StackAutomaton(self.letter, self.depth)

    def machine(self) -> Machine:
        return StackMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        """What the window opens it must close again; a bracket from before it may be closed as it comes."""
        stack: list[int] = []
        for token in tokens:
            if token < self.kinds:
                stack.append(int(token))
            elif stack:
                if stack.pop() != token - self.kinds:
                    return 0
            elif t == 0:
                return 0
            if len(stack) > self.depth:
                return 0
        return 0 if stack else 1 if t == 0 else None

    def classes(self, t: int) -> int:
        """Stacks of t's parity, no deeper than allowed nor than can be closed; from one token on the dead.

        Two stacks are told apart by the word that closes one of them, with empty pairs after it.
        """
        return self.stacks(t, min(self.depth, self.length - t)) + (t >= 1)

    def stacks(self, t: int, deepest: int) -> int:
        """Stacks after t tokens, no deeper than ``deepest``."""
        return sum(self.kinds**j for j in range(t % 2, min(t, deepest) + 1, 2))

    def memory_bound(self) -> Bound:
        """log of the number of classes at the worst cut, t = min(d, N/2): no stack can be deeper anywhere."""
        bits = math.log2(self.classes(min(self.depth, self.length // 2)))
        method = "k^d + k^(d-2) + ... stacks + 1 classes"
        return Bound(bits, "deterministic", method, "formula", "proof: Dyck.classes")


class StackAutomaton(LetterAutomaton):
    """State: the kinds of the open brackets, innermost last, or DEAD."""

    def __init__(self, decode: Any, depth: int):
        super().__init__(decode)
        self.depth = depth

    def start(self) -> Any:
        return ()

    def read(self, state: Any, letter: Letter) -> Any:
        role, kind = letter
        if state == DEAD:
            return DEAD
        if role == "open":
            return (*state, kind) if len(state) < self.depth else DEAD
        return state[:-1] if state and state[-1] == kind else DEAD

    def answer(self, state: Any) -> Any:
        return state == ()

    def project(self, state: Any, live: Live) -> Any:
        """A stack with a bracket that nothing will close is dead."""
        return state if state == DEAD or all(live("close", kind) for kind in state) else DEAD


class StackMachine(Machine):
    """Row 0: how many brackets are open, d+1 if dead; row j: the kind of the j-th (0 where there is none)."""

    name = "exact"
    summary = "the stack of open brackets, or that it is too late"
    errs = False

    def __init__(self, task: Dyck):
        self.task = task
        deepest = min(task.depth, task.length)
        self.rows = deepest + 1
        self.dead = deepest + 1
        self.dtype = np.min_scalar_type(max(self.dead, task.kinds))
        self.widths = [bits_needed(deepest + 2)] + [bits_needed(task.kinds)] * deepest

    def capacity_bits(self, t: int) -> float:
        """Stacks of t's parity no deeper than d or t, and from one token on the dead state."""
        return math.log2(self.task.stacks(t, self.task.depth) + (t >= 1))

    def largest_capacity_bits(self) -> float:
        last = self.task.length - 1
        return max(self.capacity_bits(t) for t in (max(0, last - 1), last))

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        depth = states[0].astype(np.int64)
        opens, alive = tokens < self.task.kinds, depth < self.dead
        kind = np.where(opens, tokens, tokens - self.task.kinds)
        place = np.where(opens, depth + 1, depth)
        fits = alive & (place > 0) & (place < self.dead)
        runs = np.arange(states.shape[1])
        place = np.where(fits, place, 1)
        fits &= opens | (states[place, runs] == kind)
        states[place[fits], runs[fits]] = np.where(opens, kind, 0)[fits]
        states[0, fits] = np.where(opens, depth + 1, depth - 1)[fits]
        late = alive & ~fits
        states[:, late] = 0
        states[0, late] = self.dead

    def output(self, states: Array) -> Array:
        return (states[0] == 0).astype(np.int64)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if state[0] == self.dead:
            return "dead"
        return abridged(state[1 : 1 + int(state[0])].tolist()) or "nothing open"
