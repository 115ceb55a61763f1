"""INDEX inside IsTree with as many bits as the task has room for on few vertices: the star gadget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.index_to_istree import IsTreeReduction, edge
from commlb.symbolic import Atom

FEWEST = 3
"""Bits that the gadget needs; fewer are filled up with zeros."""

CENTRE = Atom("v", 0)


@dataclass(frozen=True)
class Star(IsTreeReduction):
    """N = n+1 ≥ 4 vertices v_0 … v_n: a star at v_0 for the zeros of x, one at v_f for its ones.

    f is the first position with x_f = 1. Alice's edges are (v_0, v_j) for x_j = 0 and (v_f, v_j) for x_j = 1,
    j ≠ f: N−2 of them. Bob's edge (v_0, v_i) joins the two stars if x_i = 1, and repeats an edge if x_i = 0.
    For x = 0 there would be N−1 edges, all at v_0; in place of the last one she repeats (v_0, v_1), so that a
    cycle is closed whatever Bob does.

    The edges known after j symbols are j, or j−1 once f is; she keeps the last two or the last one of them back,
    so that after j symbols j−2 edges are written for every x. Encoder state: the edges kept back and v_f, None
    before it has come. Positions are not alike: f is remembered.

    >>> r = Star(3)
    >>> r.task.vertices, [r.task.solve(r.alice((0, 1, 1)) + r.suffix(i)) for i in (1, 2, 3)]
    (4, [False, True, True])
    """

    name = "star"
    source = "commlb (proof: Star)"

    @property
    def cut(self) -> int:
        return self._length - 1

    @property
    def _length(self) -> int:
        return max(self.n, FEWEST)

    @property
    def layout(self) -> list[Family]:
        return [Family("v", 0, self._length + 1)]

    @property
    def draws_graph(self) -> bool:
        return True

    def describe(self) -> tuple[str, str, str]:
        return (
            "edges (v_j, v_0) where x_j = 0, (v_j, v_f) where x_j = 1, f the first 1; a cycle if x = 0",
            "the edge (v_0, v_i)",
            "x_i = 1 iff the graph is a tree",
        )

    def start(self) -> Encoder:
        return None, ()

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        first, kept = e
        here = Atom("v", j)
        if x and first is None:
            return (here, kept[-1:]), list(kept[:-1])
        kept = (*kept, edge(first if x else CENTRE, here))
        most = 2 if first is None else 1
        return (first, kept[-most:]), list(kept[:-most])

    def finish(self, e: Encoder) -> list[Letter]:
        letters: list[Letter] = []
        for j in range(self.n + 1, FEWEST + 1):
            e, more = self.emit(e, j, 0)
            letters += more
        first, kept = e
        return [*letters, edge(CENTRE, Atom("v", 1))] if first is None else [*letters, *kept]

    def bob(self, i: Any) -> list[Letter]:
        return [edge(CENTRE, Atom("v", i))]
