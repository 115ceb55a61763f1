"""INDEX inside nearest neighbour: the positions are vertices of a hypercube, far enough apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb.bits import bits_needed
from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom
from commlb.tasks.nearest import NearestNeighbour


@dataclass(frozen=True)
class IndexToNearest(IndexReduction):
    """Alice labels vertex j with x_j, j = 1 … n; Bob asks for vertex i first, which is its own nearest.

    Vertices are those of {±1/√d}^d with d = ⌈log n⌉, at least 1.

    >>> r = IndexToNearest(4)
    >>> r.alice((0, 1, 1, 0)), r.suffix(3)
    ([1, 5, 2, 6, 3, 6, 4, 5], [3, 1, 2, 4])
    """

    name = "hypercube"
    task_name = "nearest"
    source = "Bhattamishra et al. 2024, App. G.1"
    first_number = 1

    @property
    def dimension(self) -> int:
        return max(1, bits_needed(self.n))

    @property
    def task(self) -> NearestNeighbour:
        return NearestNeighbour(self.n, self.dimension)

    @property
    def parameters(self) -> dict[str, int]:
        return {"dimensions": self.dimension}

    @property
    def cut(self) -> int:
        return 2 * self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("vertex", 1, 2**self.dimension), Family("label", 0, 2)]

    def describe(self) -> tuple[str, str, str]:
        alice = "vertex j of the hypercube and its label x_j, j = 1..n"
        return alice, "vertex i, then the other ones", "x_i is the first answer - (2^d+1)"

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [("key", Atom("vertex", j)), ("value", Atom("label", x))]

    def bob(self, i: Any) -> list[Letter]:
        return [("query", Atom("vertex", i))]

    def whole(self, i: int) -> list[Letter]:
        others = [("spent", Atom("vertex", j)) for j in range(1, self.n + 1) if j != i]
        return [("query", Atom("vertex", i)), *others]

    def answer(self, task_answer: Any) -> Any:
        return task_answer - (2**self.dimension + 1)
