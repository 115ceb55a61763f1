"""INDEX inside triangle detection: m² bits in the edges between two sides of m vertices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom
from commlb.tasks.triangle import Triangle


@dataclass(frozen=True)
class IndexToTriangle(IndexReduction):
    """Bit j = (u−1)m + v of x says whether the edge (u_u, v_v) is there, m = ⌈√n⌉; "no edge" fills up m².

    Bob's edges (w, u) and (w, v) close a triangle iff the edge (u, v) is there: Alice's graph has two sides and
    so no triangle, and every triangle uses w, whose only neighbours are u and v.

    >>> r = IndexToTriangle(4)
    >>> r.task.vertices, r.task.length, [r.task.solve(r.alice((0, 1, 1, 0)) + r.suffix(i)) for i in (1, 2)]
    (5, 6, [False, True])
    """

    name = "bipartite"
    task_name = "triangle"
    source = "commlb (proof: IndexToTriangle); cf. Bar-Yossef, Kumar, Sivakumar 2002"

    @property
    def side(self) -> int:
        return math.isqrt(self.n - 1) + 1

    @property
    def task(self) -> Triangle:
        return Triangle(2 * self.side + 1, self.side**2 + 2)

    @property
    def parameters(self) -> dict[str, int]:
        return {"vertices": 2 * self.side + 1}

    @property
    def cut(self) -> int:
        return self.side**2

    @property
    def layout(self) -> list[Family]:
        return [Family("u", 1, self.side), Family("v", 1, self.side), Family("w", 0, 1)]

    def describe(self) -> tuple[str, str, str]:
        return (
            f"the edge (u, v) if x_uv = 1, else no edge, for all u, v of {self.side} each",
            "the edges (w, u) and (w, v) of i = (u, v)",
            "x_i = 1 iff there is a triangle",
        )

    def label(self, atom: Atom) -> str:
        return "w" if atom.family == "w" else super().label(atom)

    def _edge(self, j: Any) -> tuple[Atom, Atom]:
        u, v = divmod(j - 1, self.side)
        return Atom("u", u + 1), Atom("v", v + 1)

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [("edge", *self._edge(j)) if x else ("none",)]

    def finish(self, e: Encoder) -> list[Letter]:
        return [("none",)] * (self.cut - self.n)

    def bob(self, i: Any) -> list[Letter]:
        u, v = self._edge(i)
        return [("edge", Atom("w", 0), u), ("edge", Atom("w", 0), v)]

    def named(self, number: int) -> str:
        return self.label(self.atom(number))

    def answer(self, task_answer: Any) -> Any:
        return int(task_answer)
