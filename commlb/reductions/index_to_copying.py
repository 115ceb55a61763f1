"""INDEX inside copying: a machine that writes the word again writes x_i on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom
from commlb.tasks.copying import Copying


@dataclass(frozen=True)
class IndexToCopying(IndexReduction):
    """Alice writes x; Bob writes the separator, then "go" n−1 times, and reads the i-th of the n answers.

    >>> r = IndexToCopying(3)
    >>> r.alice((0, 1, 1)), r.suffix(2), r.task.solve(r.alice((0, 1, 1)) + r.suffix(2))
    ([0, 1, 1], [2, 3, 3], (0, 1, 1))
    """

    name = "repeat"
    task_name = "copying"
    source = "Bhattamishra et al. 2024; Jelassi et al. 2024"
    options = ("symbols",)
    first_number = 1

    @property
    def task(self) -> Copying:
        return Copying(self.n, self.symbols)

    @property
    def cut(self) -> int:
        return self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("position", 1, self.n)]

    def describe(self) -> tuple[str, str, str]:
        return "x_1 x_2 ... x_n", "the separator, then go n-1 times", "x_i is the i-th answer"

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [("symbol", Atom("position", j), x)]

    def bob(self, i: Any) -> list[Letter]:
        return [("go", Atom("position", i))]

    def whole(self, i: int) -> list[Letter]:
        return [("go" if j == i else "skip", Atom("position", j)) for j in range(1, self.n + 1)]

    def answer(self, task_answer: Any) -> Any:
        return task_answer
