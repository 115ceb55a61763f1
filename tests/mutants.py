"""Mistakes for the proof to find: hand-made mutants of the gadgets, and mistakes for any reduction."""

from __future__ import annotations

from commlb.reductions.bob import IndexReduction, WordReduction
from commlb.reductions.index_to_ar import IndexToAR
from commlb.reductions.index_to_cgram import IndexToCGram
from commlb.reductions.index_to_counting import IndexToCounting
from commlb.reductions.index_to_index import IndexToIndex
from commlb.reductions.index_to_istree import Doubled, Hubs, TwoHub, edge
from commlb.symbolic import Atom

# Mutants: each a small mistake in a gadget, by class and with what is wrong.


class OffByOneEdge(TwoHub):
    def bob(self, i):
        return [edge(Atom("v", i - 1), Atom("v", i + 1))]


class EdgeOneBack(TwoHub):
    def bob(self, i):
        return [edge(Atom("v", i - 2), Atom("v", i - 1))]


class EdgeToHub(TwoHub):
    def bob(self, i):
        return [edge(Atom("hub", 0), Atom("v", i))]


class Loop(TwoHub):
    def bob(self, i):
        return [edge(Atom("v", i), Atom("v", i))]


class NoParity(TwoHub):
    def emit(self, e, j, x):
        parity, letters = super().emit(e, j, x)
        return parity if e is None else x, letters


class SwappedHubAtThree(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, 1 - x if j == 3 else x)


class SwappedHubAtTheEnd(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, 1 - x if j == self.n else x)


class SwappedForLargeN(TwoHub):
    def emit(self, e, j, x):
        return super().emit(e, j, 1 - x if self.n > 4 else x)


class WrongDecode(TwoHub):
    def answer(self, task_answer):
        return 1 - int(task_answer)


class LostFirstEdge(TwoHub):
    def emit(self, e, j, x):
        parity, letters = super().emit(e, j, x)
        return parity, letters[-1:]


class LostEdgeIfOne(TwoHub):
    def emit(self, e, j, x):
        parity, letters = super().emit(e, j, x)
        return parity, letters[:-1] if x and e is not None else letters


class TwiceBob(TwoHub):
    def bob(self, i):
        return super().bob(i) * 2


class WrongCut(TwoHub):
    @property
    def cut(self):
        return self.n


class OneVertexMore(TwoHub):
    @property
    def layout(self):
        hub, v = super().layout
        return [hub, v._replace(size=v.size + 1)]


class DoubledOnOneHub(Doubled):
    def emit(self, e, j, x):
        return super().emit(e, j, 0)


class DoubledShifted(Doubled):
    def bob(self, i):
        return [edge(Atom("u", 2 * i), Atom("u", 2 * i + 1))]


class HubsOtherEnd(Hubs):
    def bob(self, i):
        *paths, _ = super().bob(i)
        return [*paths, edge(Atom("leaf", i + (-i) % self.block), Atom("hub", 2**self.block - 1))]


class HubsPathMissing(Hubs):
    def bob(self, i):
        return super().bob(i)[1:]


class HubsBitReversed(Hubs):
    def _hub(self, bits):
        return super()._hub(bits[::-1])


class HubsWrongLeaf(Hubs):
    def bob(self, i):
        *paths, _ = super().bob(i)
        return [*paths, edge(Atom("leaf", self.block), Atom("hub", 0))]


class IndexShifted(IndexToIndex):
    def bob(self, i):
        return [("query", Atom("position", i - 1))]


class IndexConstant(IndexToIndex):
    def emit(self, e, j, x):
        return e, [("symbol", Atom("position", j), 0)]


class IndexReversedNames(IndexToIndex):
    def emit(self, e, j, x):
        return e, [("symbol", Atom("position", self.n + 1 - j), x)]


class ARSameKey(IndexToAR):
    def emit(self, e, j, x):
        return e, [("key", Atom("key", 1)), ("value", Atom("value", x))]


class ARLostValue(IndexToAR):
    def emit(self, e, j, x):
        return e, super().emit(e, j, x)[1][: 1 + x]


class ARKeyByValue(IndexToAR):
    def emit(self, e, j, x):
        return e, [("key", Atom("key", j)), ("value", Atom("key", j))]


class ARDecode(IndexToAR):
    def answer(self, task_answer):
        return task_answer - self.n


class CGramShort(IndexToCGram):
    def bob(self, i):
        return super().bob(i)[:-1]


class CGramTwice(IndexToCGram):
    def emit(self, e, j, x):
        return e, [("text", Atom("key", 1))] * (self.c - 1) + [("text", Atom("value", x))]


class CountingTwo(IndexToCounting):
    def bob(self, i):
        return [("query", Atom("item", i)), ("threshold", 2)]


class CountingNoBlank(IndexToCounting):
    def emit(self, e, j, x):
        return e, [("item", Atom("item", j))]


class CountingNeighbour(IndexToCounting):
    def emit(self, e, j, x):
        return x, [("item", Atom("item", j if x else j - 1) if e else Atom("blank", 0))]


MUTANTS = [cls for cls in list(globals().values()) if isinstance(cls, type) and cls.__module__ == __name__]


def flip_a_symbol(cls, step):
    def emit(self, e, j, x):
        return cls.emit(self, e, j, (x + 1) % self.symbols if j == step else x)

    return {"emit": emit}


def lose_a_letter(cls, step):
    def emit(self, e, j, x):
        following, letters = cls.emit(self, e, j, x)
        return following, letters[:-1] if j == step else letters

    return {"emit": emit}


def repeat_a_letter_of_one(cls, step):
    def emit(self, e, j, x):
        following, letters = cls.emit(self, e, j, x)
        return following, letters + letters[-1:] * (j == step and x == 1)

    return {"emit": emit}


def shift_the_answer(cls, step):
    return {"answer": lambda self, a: (cls.answer(self, a) + 1) % self.symbols}


def of_bob(cls, change):
    """Bob's part changed, whatever form it has: ``change(letters of, position)``."""
    if issubclass(cls, WordReduction):
        return {"reply": lambda self, j, bit: change(lambda k: cls.reply(self, k, bit), j)}
    changed = {"bob": lambda self, i: change(lambda k: cls.bob(self, k), i)}
    if cls.whole is not IndexReduction.whole:
        changed["whole"] = lambda self, i: change(lambda k: cls.whole(self, k if k <= self.n else 1), i)
    return changed


def ask_for_the_neighbour(cls, step):
    return of_bob(cls, lambda letters, i: letters(i + 1))


def lose_bobs_last_letter(cls, step):
    return of_bob(cls, lambda letters, i: letters(i)[:-1])


def repeat_bob(cls, step):
    return of_bob(cls, lambda letters, i: letters(i) * 2)


def move_the_cut(cls, step):
    return {"cut": property(lambda self: cls.cut.fget(self) + 1)}


MISTAKES = [
    flip_a_symbol, lose_a_letter, repeat_a_letter_of_one, shift_the_answer, ask_for_the_neighbour,
    lose_bobs_last_letter, repeat_bob, move_the_cut,
]  # fmt: skip
