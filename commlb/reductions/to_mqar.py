"""INDEX and DISJ inside multi-query associative recall: the keys are the positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb import problems
from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import IndexReduction, RecoveringReduction
from commlb.symbolic import Atom
from commlb.tasks.mqar import MQAR


@dataclass(frozen=True)
class PairsToMQAR(IndexReduction):
    """What both share: Alice writes the pairs (j, n+1+x_j), the task then asks for every key once."""

    task_name = "mqar"
    first_number = 1

    @property
    def task(self) -> MQAR:
        return MQAR(self.n, self.n, self.symbols)

    @property
    def cut(self) -> int:
        return 2 * self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("key", 1, self.n), Family("value", 0, self.symbols)]

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [("key", Atom("key", j)), ("value", Atom("value", x))]

    def bob(self, i: Any) -> list[Letter]:
        return [("query", Atom("key", i))]

    def answer(self, task_answer: Any) -> Any:
        return task_answer - (self.n + 1)


@dataclass(frozen=True)
class IndexToMQAR(PairsToMQAR):
    """Bob asks for key i first and reads that answer; the other keys follow, since the task promises them.

    >>> r = IndexToMQAR(3)
    >>> r.alice((0, 1, 1)), r.suffix(2)
    ([1, 4, 2, 5, 3, 5], [2, 1, 3])
    """

    name = "first-query"
    source = "Bhattamishra et al. 2024, App. G; commlb"
    options = ("symbols",)

    def describe(self) -> tuple[str, str, str]:
        alice = "the pairs (j, n+1+x_j), j = 1..n"
        return alice, "the key i, then the other keys", "x_i is the first answer - (n+1)"

    def whole(self, i: int) -> list[Letter]:
        others = [("spent", Atom("key", j)) for j in range(1, self.n + 1) if j != i]
        return [("query", Atom("key", i)), *others]


@dataclass(frozen=True)
class DisjToMQAR(PairsToMQAR, RecoveringReduction):
    """Bob asks for all keys in order, has x from the n answers, and intersects it with his own set.

    >>> r = DisjToMQAR(3)
    >>> r.suffix((0, 1, 0)), r.task.solve(r.alice((0, 1, 1)) + r.suffix((0, 1, 0)))
    ([1, 2, 3], (4, 5, 5))
    """

    name = "all-queries"
    source = "Bhattamishra et al. 2024, Theorem 8"

    @property
    def problem(self) -> problems.Disjointness:
        return problems.Disjointness(self.n)

    def describe(self) -> tuple[str, str, str]:
        alice = "the pairs (j, n+1+x_j), j = 1..n"
        return alice, "all keys in order", "x from the n answers; Bob intersects it with y"

    def whole(self, i: int) -> list[Letter]:
        return [("query" if j == i else "spent", Atom("key", j)) for j in range(1, self.n + 1)]
