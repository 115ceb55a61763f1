"""INDEX inside s–t connectivity: s is joined to the vertices whose bit is 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom
from commlb.tasks.stconnectivity import STConnectivity


@dataclass(frozen=True)
class IndexToSTConnectivity(IndexReduction):
    """Alice joins s to v_j if x_j = 1, else writes "no edge"; Bob joins v_i to t.

    Then t hangs on v_i alone, so s and t are connected iff the edge (s, v_i) is there.

    >>> r = IndexToSTConnectivity(3)
    >>> r.task.vertices, [r.task.solve(r.alice((0, 1, 1)) + r.suffix(i)) for i in (1, 2)]
    (5, [False, True])
    """

    name = "spokes"
    task_name = "st-connectivity"
    source = "commlb (proof: IndexToSTConnectivity)"

    @property
    def task(self) -> STConnectivity:
        return STConnectivity(self.n + 2, self.n + 1)

    @property
    def parameters(self) -> dict[str, int]:
        return {"vertices": self.n + 2}

    @property
    def cut(self) -> int:
        return self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("end", 0, 2), Family("v", 1, self.n)]

    def describe(self) -> tuple[str, str, str]:
        alice = "the edge (s, v_j) if x_j = 1, else no edge, j = 1..n"
        return alice, "the edge (v_i, t)", "x_i = 1 iff s and t are connected"

    def label(self, atom: Atom) -> str:
        return "st"[atom.index] if atom.family == "end" else super().label(atom)

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [("source", Atom("v", j)) if x else ("none",)]

    def bob(self, i: Any) -> list[Letter]:
        return [("target", Atom("v", i))]

    def named(self, number: int) -> str:
        return self.label(self.atom(number))

    def answer(self, task_answer: Any) -> Any:
        return int(task_answer)
