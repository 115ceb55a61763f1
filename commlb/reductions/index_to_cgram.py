"""INDEX inside c-gram retrieval: position j becomes the c-gram j … j, value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb.errors import require_at_least
from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom
from commlb.tasks.cgram import CGram


@dataclass(frozen=True)
class IndexToCGram(IndexReduction):
    """Alice writes j repeated c−1 times, then n+1+x_j, for j = 1…n; Bob writes i repeated c−1 times.

    >>> r = IndexToCGram(2, c=3)
    >>> r.alice((0, 1)), r.suffix(2)
    ([1, 1, 3, 2, 2, 4], [2, 2])
    """

    c: int = 2

    name = "blocks"
    task_name = "cgram"
    source = "Wen, Dang, Lyu 2024, Sec. 4.2"
    options = ("symbols", "c")
    first_number = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least("c", self.c, 2)

    @property
    def task(self) -> CGram:
        return CGram(self.n * self.c, self.atoms, self.c)

    @property
    def cut(self) -> int:
        return self.n * self.c

    @property
    def layout(self) -> list[Family]:
        return [Family("key", 1, self.n), Family("value", 0, self.symbols)]

    def describe(self) -> tuple[str, str, str]:
        times = f"c-1 times (c = {self.c})"
        return f"j {times}, then n+1+x_j, j = 1..n", "i c-1 times", "x_i is the token retrieved - (n+1)"

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [("text", Atom("key", j))] * (self.c - 1) + [("text", Atom("value", x))]

    def bob(self, i: Any) -> list[Letter]:
        return [("ask", Atom("key", i))] * (self.c - 1)

    def answer(self, task_answer: Any) -> Any:
        return task_answer - (self.n + 1)
