"""INDEX inside associative recall: the keys are the positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom
from commlb.tasks.ar import AssociativeRecall


@dataclass(frozen=True)
class IndexToAR(IndexReduction):
    """Alice writes j, n+1+x_j for j = 1…n; Bob asks for key i.

    >>> r = IndexToAR(2)
    >>> r.alice((0, 1)), r.suffix(2)
    ([1, 3, 2, 4], [2])
    """

    name = "keys"
    task_name = "ar"
    source = "Wen, Dang, Lyu 2024, Sec. 4.2"
    options = ("symbols",)
    first_number = 1

    @property
    def task(self) -> AssociativeRecall:
        return AssociativeRecall(self.n, self.n, self.symbols)

    @property
    def cut(self) -> int:
        return 2 * self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("key", 1, self.n), Family("value", 0, self.symbols)]

    def describe(self) -> tuple[str, str, str]:
        return "the pairs (j, n+1+x_j), j = 1..n", "the key i", "x_i is the value - (n+1)"

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [("key", Atom("key", j)), ("value", Atom("value", x))]

    def bob(self, i: Any) -> list[Letter]:
        return [("query", Atom("key", i))]

    def answer(self, task_answer: Any) -> Any:
        return task_answer - (self.n + 1)
