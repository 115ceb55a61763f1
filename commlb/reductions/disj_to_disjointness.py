"""DISJ inside Disjointness: the task is the problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb import problems
from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import WordReduction
from commlb.symbolic import Atom
from commlb.tasks.disjointness import Disjointness


@dataclass(frozen=True)
class DisjToDisjointness(WordReduction):
    """Alice writes her set x as n bits, Bob his set y.

    >>> r = DisjToDisjointness(3)
    >>> r.task.solve(r.alice((0, 1, 1)) + r.suffix((0, 1, 0)))
    True
    """

    name = "sets"
    task_name = "disjointness"
    source = "Kushilevitz, Nisan 1997"
    first_number = 1

    @property
    def problem(self) -> problems.Disjointness:
        return problems.Disjointness(self.n)

    @property
    def task(self) -> Disjointness:
        return Disjointness(self.n)

    @property
    def cut(self) -> int:
        return self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("position", 1, self.n)]

    def describe(self) -> tuple[str, str, str]:
        return "x_1 x_2 ... x_n", "y_1 y_2 ... y_n", "the sets intersect iff the answer is yes"

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [(f"first{x}", Atom("position", j))]

    def reply(self, j: Any, bit: int) -> list[Letter]:
        return [(f"second{bit}", Atom("position", j))]
