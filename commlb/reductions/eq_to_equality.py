"""EQ inside Equality: the task is the problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb import problems
from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import WordReduction
from commlb.symbolic import Atom
from commlb.tasks.equality import Equality


@dataclass(frozen=True)
class EqToEquality(WordReduction):
    """Alice writes x, Bob writes y.

    >>> r = EqToEquality(3)
    >>> r.alice((0, 1, 1)), r.suffix((0, 1, 0))
    ([0, 1, 1], [0, 1, 0])
    """

    name = "words"
    task_name = "equality"
    source = "Kushilevitz, Nisan 1997"
    first_number = 1

    @property
    def problem(self) -> problems.Equality:
        return problems.Equality(self.n)

    @property
    def task(self) -> Equality:
        return Equality(self.n)

    @property
    def cut(self) -> int:
        return self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("position", 1, self.n)]

    def describe(self) -> tuple[str, str, str]:
        return "x_1 x_2 ... x_n", "y_1 y_2 ... y_n", "x = y iff the answer is yes"

    def remark(self) -> str:
        return "with public coins log2(1/error) bits suffice for EQ: the bound is for machines without error"

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [(f"first{x}", Atom("position", j))]

    def reply(self, j: Any, bit: int) -> list[Letter]:
        return [(f"second{bit}", Atom("position", j))]
