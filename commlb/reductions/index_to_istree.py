"""INDEX inside IsTree: three gadgets, in the order of how many bits they pack into N vertices."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from commlb.errors import require_at_least
from commlb.machines.base import Letter
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom
from commlb.tasks.istree import IsTree
from commlb.wording import counted


@dataclass(frozen=True)
class IsTreeReduction(IndexReduction):
    """What the gadgets share: atoms are vertices, a tree means x_i = 1."""

    task_name = "istree"

    @property
    def task(self) -> IsTree:
        return IsTree(self.atoms)

    @property
    def parameters(self) -> dict[str, int]:
        return {"vertices": self.atoms}

    def remark(self) -> str:
        rivals = [cls(self.n) for cls in (Doubled, TwoHub, Hubs) if not isinstance(self, cls)]
        fits = " and ".join(f"{rival.atoms} vertices with {rival.name}" for rival in rivals)
        fit = "fits" if self.n == 1 else "fit"
        return f"the same {counted(self.n, 'bit')} {fit} on {fits}; a repeated edge closes a cycle"

    def answer(self, task_answer: Any) -> Any:
        return int(task_answer)

    def named(self, number: int) -> str:
        return self.label(self.atom(number))

    def label(self, atom: Atom) -> str:
        return "LR"[atom.index] if atom.family == "hub" else super().label(atom)


def edge(u: Atom, v: Atom) -> Letter:
    return ("edge", u, v)


@dataclass(frozen=True)
class Doubled(IsTreeReduction):
    """N = 2n+2: hubs L, R and u_1 … u_2n; u_{2j−1} on L, u_{2j} on L or R as x_j is 0 or 1.

    Bob's edge (u_{2i−1}, u_{2i}) joins the two stars iff x_i = 1, and closes a cycle otherwise.

    >>> r = Doubled(1)
    >>> r.task.vertices, [r.task.solve(r.alice((bit,)) + r.suffix(1)) for bit in (0, 1)]
    (4, [False, True])
    """

    name = "doubled"
    source = "Wen, Dang, Lyu 2024, Theorem 4.7, appendix"

    @property
    def cut(self) -> int:
        return 2 * self.n

    @property
    def layout(self) -> list[Family]:
        return [Family("hub", 0, 2), Family("u", 1, 2 * self.n)]

    def describe(self) -> tuple[str, str, str]:
        return (
            "edges (u_{2j-1}, L) and (u_{2j}, L or R as x_j is 0 or 1), j = 1..n",
            "the edge (u_{2i-1}, u_{2i})",
            "x_i = 1 iff the graph is a tree",
        )

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        return e, [edge(Atom("u", 2 * j - 1), Atom("hub", 0)), edge(Atom("u", 2 * j), Atom("hub", x))]

    def bob(self, i: Any) -> list[Letter]:
        return [edge(Atom("u", 2 * i - 1), Atom("u", 2 * i))]


@dataclass(frozen=True)
class TwoHub(IsTreeReduction):
    """N = n+3: hubs L, R and v_0 … v_n; v_j on L or R by the parity of x_1 … x_j; a simple graph.

    Bob's edge (v_{i−1}, v_i) joins the two stars iff the parity changes at i, that is iff x_i = 1.
    The encoder state is the parity, None before the first symbol.

    >>> r = TwoHub(2)
    >>> [r.label(r.atom(v)) for token in r.alice((1, 1)) for v in r.task.letter(token, 0)[1:]]
    ['L', 'v0', 'R', 'v1', 'L', 'v2']
    """

    name = "two-hub"
    source = "Wen, Dang, Lyu 2024, Theorem 4.7, main text"

    @property
    def cut(self) -> int:
        return self.n + 1

    @property
    def layout(self) -> list[Family]:
        return [Family("hub", 0, 2), Family("v", 0, self.n + 1)]

    def describe(self) -> tuple[str, str, str]:
        return (
            "edges (v_j, L or R as x_1+...+x_j is even or odd), j = 0..n",
            "the edge (v_{i-1}, v_i)",
            "x_i = 1 iff the graph is a tree",
        )

    def start(self) -> Encoder:
        return None

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        parity = (e or 0) ^ x
        letters = [edge(Atom("v", j), Atom("hub", parity))]
        if e is None:
            letters.insert(0, edge(Atom("v", j - 1), Atom("hub", 0)))
        return parity, letters

    def bob(self, i: Any) -> list[Letter]:
        return [edge(Atom("v", i - 1), Atom("v", i))]


@dataclass(frozen=True)
class Hubs(IsTreeReduction):
    """N = m + 2^b: hubs r_0 … r_{2^b−1} and m = ⌈n/b⌉ leaves; a block of b bits names its leaf's hub.

    Bit p of block i (p = 1…b, of weight 2^(p−1)): Bob strings the hubs with bit p = 0 on one path and those
    with bit p = 1 on another, and adds the edge (leaf, r_0). Before that edge there are two components,
    each leaf in its hub's; so the edge joins them iff the bit is 1. b is chosen so that N is smallest.
    m·b bits on N vertices, max over b of b(N−2^b) = (1−o(1))·N log N.

    A leaf is named by the last position of its block; the encoder state is the block so far.

    >>> Hubs(64).block, Hubs(64).task.vertices
    (3, 30)
    """

    block: int = 0
    """b; 0 stands for the b that needs fewest vertices, the smallest such."""

    name = "hubs"
    source = "commlb (proof: Hubs); cf. Sun, Woodruff 2015"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least("block", self.block, 0)
        if self.block == 0:
            sizes = range(1, self.n.bit_length() + 2)
            best = min(sizes, key=lambda b: (-(-self.n // b) + 2**b, b))
            object.__setattr__(self, "block", best)

    @property
    def period(self) -> int:
        return self.block

    @property
    def scope(self) -> str:
        return f"with blocks of {counted(self.block, 'bit')}"

    @property
    def cut(self) -> int:
        return -(-self.n // self.block)

    @property
    def layout(self) -> list[Family]:
        return [Family("hub", 0, 2**self.block), Family("leaf", self.block, self.cut, self.block)]

    @property
    def parameters(self) -> dict[str, int]:
        return {"vertices": self.atoms, "bits_a_block": self.block, "hubs": 2**self.block, "leaves": self.cut}

    def describe(self) -> tuple[str, str, str]:
        return (
            f"edges (leaf, hub), the hub named by the next b bits of x (b = {self.block})",
            "a path through the hubs with i's bit 0, one through those with bit 1, and the edge (leaf, r_0)",
            "x_i = 1 iff the graph is a tree",
        )

    def label(self, atom: Atom) -> str:
        return f"r{atom.index}" if atom.family == "hub" else f"l{atom.index // self.block}"

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        bits = (*e, x)
        if len(bits) < self.block:
            return bits, []
        return (), [edge(Atom("leaf", j), self._hub(bits))]

    def finish(self, e: Encoder) -> list[Letter]:
        """A last block that is not full is filled up with zeros."""
        return [edge(Atom("leaf", self.n + self.block - len(e)), self._hub(e))] if e else []

    def _hub(self, bits: tuple[int, ...]) -> Atom:
        return Atom("hub", sum(bit << p for p, bit in enumerate(bits)))

    def bob(self, i: Any) -> list[Letter]:
        place = (i - 1) % self.block
        letters = []
        for side in (0, 1):
            path = [Atom("hub", r) for r in range(2**self.block) if r >> place & 1 == side]
            letters += [edge(a, b) for a, b in itertools.pairwise(path)]
        return [*letters, edge(Atom("leaf", i + (-i) % self.block), Atom("hub", 0))]
