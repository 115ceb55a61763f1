"""EQ inside Equality, DISJ inside Disjointness: the tasks are the problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from commlb import problems
from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import WordReduction
from commlb.symbolic import Atom
from commlb.tasks.disjointness import Disjointness
from commlb.tasks.equality import Equality
from commlb.tasks.two_words import TwoWords


@dataclass(frozen=True)
class ToTwoWords(WordReduction):
    """What both share: Alice writes x, Bob writes y, bit by bit."""

    source = "Kushilevitz, Nisan 1997"
    first_number = 1

    kind: ClassVar[type[TwoWords]]
    yes: ClassVar[str]

    @property
    def task(self) -> TwoWords:
        return self.kind(self.n)

    @property
    def cut(self) -> int:
        return self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("position", 1, self.n)]

    def describe(self) -> tuple[str, str, str]:
        return "x_1 x_2 ... x_n", "y_1 y_2 ... y_n", f"{self.yes} iff the answer is yes"

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [(f"first{x}", Atom("position", j))]

    def reply(self, j: Any, bit: int) -> list[Letter]:
        return [(f"second{bit}", Atom("position", j))]


@dataclass(frozen=True)
class EqToEquality(ToTwoWords):
    """EQ: are the words equal?

    >>> r = EqToEquality(3)
    >>> r.alice((0, 1, 1)), r.suffix((0, 1, 0)), r.task.solve(r.alice((0, 1, 1)) + r.suffix((0, 1, 0)))
    ([0, 1, 1], [0, 1, 0], False)
    """

    name = "words"
    task_name = "equality"
    kind = Equality
    yes = "x = y"

    @property
    def problem(self) -> problems.Equality:
        return problems.Equality(self.n)

    def remark(self) -> str:
        return "with public coins log2(1/error) bits suffice for EQ: the bound is for machines without error"


@dataclass(frozen=True)
class DisjToDisjointness(ToTwoWords):
    """DISJ: do the sets intersect?

    >>> r = DisjToDisjointness(3)
    >>> r.task.solve(r.alice((0, 1, 1)) + r.suffix((0, 1, 0)))
    True
    """

    name = "sets"
    task_name = "disjointness"
    kind = Disjointness
    yes = "the sets intersect"

    @property
    def problem(self) -> problems.Disjointness:
        return problems.Disjointness(self.n)
