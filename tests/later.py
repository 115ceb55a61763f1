"""Reductions that are right at first and wrong later, and a few that do not fit their task."""

from __future__ import annotations

from dataclasses import dataclass, field

from commlb.machines.base import BROKEN, UNDEFINED, LetterAutomaton
from commlb.reductions.base import Family
from commlb.reductions.index_to_ar import IndexToAR
from commlb.reductions.index_to_cgram import IndexToCGram
from commlb.reductions.index_to_counting import IndexToCounting
from commlb.reductions.index_to_index import IndexToIndex
from commlb.reductions.index_to_istree import TwoHub
from commlb.symbolic import Atom
from commlb.tasks.ar import AssociativeRecall
from commlb.tasks.cgram import CGram
from commlb.tasks.counting import Counting
from commlb.tasks.index import Index, IndexAutomaton


class OddBeyondFour(TwoHub):
    """Right for n ≤ 4 only, and it looks at n: no claim may reach beyond the n that was walked."""

    def emit(self, e, j, x):
        return super().emit(e, j, 0 if self.n > 4 else x)


class OddAtHundred(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, 0 if j == 100 else x)


class OddByTable(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, {100: 0}.get(j, x))


class FewTypes(IndexToCounting):
    """An alphabet of constant size, too small from n = 41 on."""

    @property
    def task(self):
        return Counting(self.n, 41)

    @property
    def layout(self):
        return [Family("item", 1, 40), Family("blank", 0, 1)]


class FewKeys(IndexToCGram):
    @property
    def task(self):
        return CGram(self.n * self.c, 43, self.c)

    @property
    def layout(self):
        return [Family("key", 1, 41), Family("value", 0, 2)]

    def answer(self, task_answer):
        return task_answer - 42


class ItemsBeyondTheAlphabet(IndexToCounting):
    """Names enough, but from n = 31 on the task has no such token."""

    @property
    def task(self):
        return Counting(self.n, 31)

    @property
    def layout(self):
        return [Family("blank", 0, 1), Family("item", 1, self.n)]


class StartLooksAtN(IndexToIndex):
    def start(self):
        return self.n > 6

    def emit(self, e, j, x):
        return e, [("symbol", Atom("position", j), 1 - x if e else x)]


class Countdown(IndexToIndex):
    """A counter of steps left, seeded from n."""

    def start(self):
        return max(0, self.n - 6)

    def emit(self, e, j, x):
        return max(0, e - 1), [("symbol", Atom("position", j), 1 - x if e else x)]


@dataclass(frozen=True)
class Derived(IndexToIndex):
    """A field computed from n when the reduction is made."""

    flip: int = field(init=False, default=0)

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "flip", int(self.n > 6))

    def emit(self, e, j, x):
        return e, [("symbol", Atom("position", j), x ^ self.flip)]


class FlipAutomaton(IndexAutomaton):
    def __init__(self, decode, flip):
        super().__init__(decode)
        self.flip = flip

    def answer(self, state):
        answer = super().answer(state)
        return answer if answer is UNDEFINED else answer ^ self.flip


class FlippingIndex(Index):
    """A task whose automaton depends on its size."""

    def solve(self, stream):
        return super().solve(stream) ^ int(self.word_length > 6)

    def automaton(self):
        return FlipAutomaton(self.letter, int(self.word_length > 6))


class IntoFlippingIndex(IndexToIndex):
    @property
    def task(self):
        return FlippingIndex(self.n, 2)


class Late(IndexToIndex):
    """Wrong from the 45th position on, by an encoder that counts."""

    def start(self):
        return 0

    def emit(self, e, j, x):
        return min(e + 1, 45), [("symbol", Atom("position", j), 1 - x if e == 45 else x)]


class ThirdOfFive(IndexToAR):
    """Its last pair repeats a key iff n ≡ 3 (mod 5)."""

    @property
    def cut(self):
        return 2 * self.n + 2

    @property
    def layout(self):
        return [Family("key", 1, self.n + 1), Family("value", 0, 2)]

    @property
    def task(self):
        return AssociativeRecall(self.n + 1, self.n + 1, 2)

    def start(self):
        return 0

    def emit(self, e, j, x):
        return (e + 1) % 5, super().emit(e, j, x)[1]

    def finish(self, e):
        return [("key", Atom("key", self.n + (e != 3))), ("value", Atom("value", 0))]

    def answer(self, task_answer):
        return task_answer - self.n - 2


class ByIsInstance(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, 1 - x if isinstance(j, int) and j == 50 else x)


class HarmlessByIsInstance(TwoHub):
    """Names the ends of one edge in the other order, which changes nothing."""

    def emit(self, e, j, x):
        following, letters = super().emit(e, j, x)
        if isinstance(j, int) and j == 50:
            letters = [(role, v, u) for role, u, v in letters]
        return following, letters


class ByCatching(TwoHub):
    def emit(self, e, j, x):
        try:
            odd = j == 50
        except Exception:
            odd = False
        return super().emit(e, j, 1 - x if odd else x)


class ByItsName(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, 1 - x if str(Atom("v", j)).endswith("=50)") else x)


class FadingAutomaton(LetterAutomaton):
    """Keeps for each position its symbol and how many symbols came since, up to 30."""

    def start(self):
        return frozenset()

    def read(self, state, letter):
        if not isinstance(state, frozenset):
            return BROKEN
        if letter[0] == "symbol":
            aged = [(position, symbol, min(age + 1, 30)) for position, symbol, age in state]
            return frozenset([*aged, (letter[1], letter[2], 0)])
        found = [symbol ^ (age == 30) for position, symbol, age in state if position == letter[1]]
        return ("answer", found[0]) if found else BROKEN

    def answer(self, state):
        return state[1] if isinstance(state, tuple) else UNDEFINED

    def project(self, state, live):
        if not isinstance(state, frozenset):
            return state
        return frozenset([kept for kept in state if live("query", kept[0])])


class FadingIndex(Index):
    """Answers wrongly about symbols that are 30 or more back: layers take 30 steps to repeat."""

    def solve(self, stream):
        return super().solve(stream) ^ (self.word_length - stream[-1] >= 30)

    def automaton(self):
        return FadingAutomaton(self.letter)


class IntoFadingIndex(IndexToIndex):
    @property
    def task(self):
        return FadingIndex(self.n, 2)


class AnswerLooksAtN(TwoHub):
    def answer(self, task_answer):
        return int(task_answer) ^ (self.n > 60)
