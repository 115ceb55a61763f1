"""INDEX inside Index: the task is the problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom
from commlb.tasks.index import Index


@dataclass(frozen=True)
class IndexToIndex(IndexReduction):
    """Alice writes x, Bob writes i.

    >>> r = IndexToIndex(3)
    >>> r.alice((0, 1, 1)), r.suffix(2)
    ([0, 1, 1], [2])
    """

    name = "plain"
    task_name = "index"
    source = "Wen, Dang, Lyu 2024, Sec. 4.2"
    options = ("symbols",)
    first_number = 1

    @property
    def task(self) -> Index:
        return Index(self.n, self.symbols)

    @property
    def cut(self) -> int:
        return self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("position", 1, self.n)]

    def describe(self) -> tuple[str, str, str]:
        return "x_1 x_2 ... x_n", "i", "x_i is the answer"

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [("symbol", Atom("position", j), x)]

    def bob(self, i: Any) -> list[Letter]:
        return [("query", Atom("position", i))]

    def answer(self, task_answer: Any) -> Any:
        return task_answer
