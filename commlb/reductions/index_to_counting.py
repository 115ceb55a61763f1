"""INDEX inside Counting: token j comes once iff x_j = 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom
from commlb.tasks.counting import Counting


@dataclass(frozen=True)
class IndexToCounting(IndexReduction):
    """Alice writes j if x_j = 1, else the blank n+1; Bob asks whether i came at least once.

    >>> r = IndexToCounting(3)
    >>> r.alice((0, 1, 1)), r.suffix(2)
    ([4, 2, 3], [2, 1])
    """

    name = "blanks"
    task_name = "counting"
    source = "Wen, Dang, Lyu 2024, Sec. 4.2"
    first_number = 1

    @property
    def task(self) -> Counting:
        return Counting(self.n, self.n + 1)

    @property
    def cut(self) -> int:
        return self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("item", 1, self.n), Family("blank", 0, 1)]

    def describe(self) -> tuple[str, str, str]:
        return "j if x_j = 1, else the blank n+1, j = 1..n", "i and the threshold 1", "x_i = 1 iff yes"

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [("item", Atom("item", j) if x else Atom("blank", 0))]

    def bob(self, i: Any) -> list[Letter]:
        return [("query", Atom("item", i)), ("threshold", 1)]

    def answer(self, task_answer: Any) -> Any:
        return int(task_answer)
