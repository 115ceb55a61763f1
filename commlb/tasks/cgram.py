"""c-gram retrieval: a text, then c−1 tokens that begin exactly one c-gram of it; how does it end?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb.errors import BadInput, require_at_least
from commlb.machines.base import (
    BROKEN,
    GONE,
    MANY,
    UNDEFINED,
    Letter,
    LetterAutomaton,
    Live,
    Machine,
)
from commlb.records import Bound
from commlb.symbolic import Unknown
from commlb.tasks.base import Task
from commlb.tasks.cgram_machine import WindowsMachine
from commlb.tasks.dictionaries import KEYS, are_fixed
from commlb.tasks.symmetries import mixing


@dataclass(frozen=True)
class CGram(Task):
    """c-gram(L, T): L tokens from {1, …, T}, then c−1 that begin exactly one c-gram among the L tokens.

    The answer is the last token of that c-gram. Two occurrences count as two, even of the same c-gram;
    a query with none or several is outside the promise. With ``fixed`` the text is made of blocks, the j-th
    c−1 times the key j and then a value, a token above all keys; a query is a key, c−1 times.
    Source: Wen, Dang, Lyu 2024, §4.2.

    >>> CGram(5, 4, c=3).solve([1, 2, 3, 1, 4, 3, 1])
    4
    >>> CGram(6, 4, c=3, fixed=True).solve([1, 1, 4, 2, 2, 3, 1, 1])
    4
    """

    text_length: int
    types: int
    c: int = 2
    fixed: bool = False

    name = "cgram"
    summary = "a text, then the first c-1 tokens of one of its c-grams: its last token"
    source = "Wen, Dang, Lyu 2024, Sec. 4.2"

    flags = frozenset({"fixed"})
    options = {
        "c": "length of a gram (default 2)",
        "types": "token types (default n//c + 2)",
        "keys": KEYS,
    }

    def __post_init__(self) -> None:
        require_at_least("c", self.c, 2)
        require_at_least("types", self.types, 2)
        require_at_least("text_length", self.text_length, 1)
        if isinstance(self.text_length, Unknown):
            return
        if self.text_length < self.c:
            raise BadInput(f"text_length must be at least c = {self.c}; given {self.text_length}")
        if self.fixed and self.text_length % self.c:
            raise BadInput(
                f"fixed keys need a text_length that is a multiple of c = {self.c}; given {self.text_length}"
            )
        if self.fixed and self.types < self.blocks + 2:
            raise BadInput(f"types must be the {self.blocks} keys and 2 values or more; given {self.types}")

    @property
    def total(self) -> bool:
        return self.fixed and self.c == 2

    @property
    def blocks(self) -> int:
        """Blocks of c tokens that fit into the text."""
        return self.text_length // self.c

    @classmethod
    def of_size(cls, n: int, c: int = 2, types: int | None = None, keys: str = "fixed") -> Task:
        require_at_least("c", c, 2)
        return cls(n, n // c + 2 if types is None else types, c, are_fixed(keys))

    @classmethod
    def examples(cls) -> list[Task]:
        sizes = ((2, 2, 2), (4, 3, 2), (2, 6, 2), (3, 2, 3), (4, 3, 3), (5, 2, 4))
        fixed = ((2, 3, 2), (6, 5, 2), (6, 5, 3), (8, 4, 4))
        return [*(cls(*size, True) for size in fixed), *(cls(*size) for size in sizes)]

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
        if not self.fixed:
            return range(1, self.types + 1)
        if t >= self.text_length:
            return range(1, self.blocks + 1)
        key = t // self.c + 1
        return range(self.blocks + 1, self.types + 1) if t % self.c == self.c - 1 else range(key, key + 1)

    def letter(self, token: int, t: int) -> Letter:
        return ("text" if t < self.text_length else "ask", token)

    def token(self, letter: Letter) -> int:
        return letter[1]

    def symmetries(self) -> list[Any]:
        """The tokens may be renamed; in a text of fixed blocks the values."""
        return list(mixing(range(self.blocks + 1 if self.fixed else 1, self.types + 1)))

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

    def classes(self, t: int) -> int | None:
        """With fixed keys: the values so far; from the first token of the query on, the answer."""
        values = self.types - self.blocks
        return int(values ** (t // self.c if t <= self.text_length else 1)) if self.fixed else None

    def memory_bound(self) -> Bound:
        """Best over m of m·log(T−m): blocks of a key, c−1 times, then one of the T−m tokens that are no keys.

        m distinct keys in a fixed order; what is left of the text is filled with one value. A key's window
        occurs once, so asking for it keeps the promise, and two words of values differ under some query.
        With fixed keys m is the number of blocks.
        """
        if self.fixed:
            bits, method = (
                self.blocks * math.log2(self.types - self.blocks),
                "(T-m)^m distinct rows, m blocks",
            )
            return Bound(bits, "deterministic", method, "formula", "proof: CGram.memory_bound")
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
