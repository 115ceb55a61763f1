"""Random transducers of many shapes, for the proof to be compared with brute force on.

They have what the registered reductions have and more: encoders with preperiods and laps, indices that move
by one or two a step, letters at the end named from n, Bob's letters by the residue of i, second letters that
reach into neighbouring steps. Most are wrong, a fair share is right.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from commlb.machines.base import Letter
from commlb.reductions.base import Family
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom
from commlb.tasks.ar import AssociativeRecall
from commlb.tasks.cgram import CGram
from commlb.tasks.counting import Counting
from commlb.tasks.istree import IsTree

# A name is (family, how its index moves with the position, offset); a letter is (role, name or integer, …).
Name = tuple[str, int, int]


@dataclass(frozen=True)
class Wild(IndexReduction):
    """A reduction from tables: rows[e][x] = (next encoder state, letters), ends[e], bob[i mod period]."""

    spec: Any = None

    name = "wild"
    task_name = "wild"
    source = "drawn"

    @property
    def period(self) -> int:
        return len(self.spec["bob"])

    @property
    def first_number(self) -> int:  # type: ignore[override]
        return 0 if self.spec["kind"] == "istree" else 1

    def describe(self) -> tuple[str, str, str]:
        return "drawn", "drawn", "drawn"

    def start(self) -> int:
        return 0

    def emit(self, e: int, j: Any, x: int) -> tuple[int, list[Letter]]:
        following, letters = self.spec["rows"][e][x]
        return following, written(letters, j)

    def finish(self, e: int) -> list[Letter]:
        return written(self.spec["ends"][e], self.n)

    def bob(self, i: Any) -> list[Letter]:
        bob = self.spec["bob"]
        return written(bob[i % len(bob) if len(bob) > 1 else 0], i)

    @property
    def cut(self) -> int:
        return self.spec["per_step"] * self.n + self.spec["first"] + len(self.spec["ends"][0])

    @property
    def layout(self) -> list[Family]:
        spec = self.spec
        moving = Family("k", spec["lowest"], spec["scale"] * self.n + spec["pad"])
        fixed = Family("f", 0, 2)
        return [fixed, moving] if spec["kind"] == "istree" else [moving, fixed, Family("value", 0, 2)]

    @property
    def task(self) -> Any:
        kind, length = self.spec["kind"], self.cut + len(self.spec["bob"][0])
        if kind == "istree":
            return IsTree(length + 1)
        if kind == "ar":
            half = self.spec["per_step"] // 2
            pairs = half * self.n + (len(self.spec["ends"][0]) + len(self.spec["bob"][0]) - 1) // 2
            return AssociativeRecall(pairs, self.spec["scale"] * self.n + self.spec["pad"] + 2, 2)
        if kind == "cgram":
            return CGram(length - (self.spec["c"] - 1), self.atoms, self.spec["c"])
        return Counting(length - 2, self.atoms)

    def answer(self, task_answer: Any) -> Any:
        if self.spec["kind"] in ("istree", "counting"):
            return int(task_answer) ^ self.spec["flip"]
        return task_answer - (self.spec["scale"] * self.n + self.spec["pad"] + 3)


def written(letters: Any, position: Any) -> list[Letter]:
    def name(argument: Any) -> Any:
        if isinstance(argument, int):
            return argument
        family, moves, offset = argument
        return Atom(family, moves * position + offset if moves else offset)

    return [(role, *map(name, arguments)) for role, *arguments in letters]


class Draw:
    """The choices that all kinds share, from one seeded generator."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.scale = rng.choice([1, 1, 2])
        self.states = rng.randint(1, 6)
        self.shape = rng.choice(["preperiod", "preperiod", "lap", "lap", "by x", "random"])
        self.query_offset = self.offset() if self.chance(0.3) else 0
        self.odd_state = rng.randrange(self.states) if self.chance(0.4) else -1
        self.second = self.chance(0.4)
        self.second_offset = rng.choice([-3, -2, -1, 1, 2, 3])
        self.ends = self.chance(0.4)
        self.bob_writes = self.chance(0.3)
        self.period = rng.choice([1, 1, 2])

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def offset(self) -> int:
        return self.rng.choice([0, 0, 0, 0, 1, -1, 2, -2])

    def key(self, offset: int) -> Name:
        return ("k", self.scale, offset)

    def following(self, e: int, x: int) -> int:
        if self.shape == "preperiod":
            return min(e + 1, self.states - 1)
        if self.shape == "lap":
            return (e + 1) % self.states
        return (e + x) % self.states if self.shape == "by x" else self.rng.randrange(self.states)

    def moves(self, letters: Any) -> list:
        """rows[e][x] with ``letters(odd, x)`` for the letters; ``odd`` marks the one state that is off."""
        return [
            [(self.following(e, x), letters(e == self.odd_state and self.chance(0.3), x)) for x in (0, 1)]
            for e in range(self.states)
        ]


def _dictionary(draw: Draw, first: str, second: str, repeat: int) -> tuple[list, list, list]:
    """Moves, ends and what Bob may write first, for AR (repeat 1) and c-gram retrieval (repeat c−1)."""

    def block(name: Name, x: int) -> list:
        return [(first, name)] * repeat + [(second, ("value", 0, x))]

    fixed = draw.chance(0.5)

    def letters(odd: bool, x: int) -> list:
        found = block(draw.key(draw.query_offset + odd), x ^ (odd and draw.chance(0.5)))
        if draw.second:
            found = found + block(draw.key(draw.second_offset), draw.rng.randint(0, 1) if fixed else x)
        return found

    rows = draw.moves(letters)
    end_name = draw.key(draw.offset()) if draw.chance(0.7) else ("f", 0, draw.rng.randint(0, 1))
    ends = [block(end_name, draw.rng.randint(0, 1)) if draw.ends else [] for _ in range(draw.states)]
    extra = block(draw.key(draw.offset()) if draw.chance(0.6) else ("f", 0, 0), 0) if draw.bob_writes else []
    return rows, ends, extra


def _counting(draw: Draw) -> tuple[list, list, list]:
    def letters(odd: bool, x: int) -> list:
        found = [("item", draw.key(draw.query_offset + odd) if x else ("f", 0, 0))]
        return [*found, ("item", draw.key(draw.second_offset))] if draw.second else found

    ends = [[("item", draw.key(draw.offset()))] if draw.ends else [] for _ in range(draw.states)]
    return draw.moves(letters), ends, [("item", draw.key(draw.offset()))] if draw.bob_writes else []


def _parity_gadget(draw: Draw) -> tuple[list, list]:
    """As two-hub: state 0 first, then (counter, parity), the counter with a preperiod or a lap."""
    counters = draw.states
    stays = draw.chance(0.5)
    zero = ("edge", draw.key(-1), ("f", 0, 0))
    rows = [[(1 + x, [zero, ("edge", draw.key(0), ("f", 0, x))]) for x in (0, 1)]]
    for k in range(counters):
        after = min(k + 1, counters - 1) if stays else (k + 1) % counters
        off = draw.rng.choice([0, -1, 1]) if k == draw.odd_state else 0
        for parity in (0, 1):
            rows.append(
                [
                    (1 + 2 * after + (parity ^ x), [("edge", draw.key(off), ("f", 0, parity ^ x))])
                    for x in (0, 1)
                ]
            )
    end = [("edge", draw.key(draw.rng.choice([1, 1, 0])), ("f", 0, draw.rng.randint(0, 1)))]
    return rows, [end if draw.ends else [] for _ in rows]


def _pair_gadget(draw: Draw) -> tuple[list, list]:
    """As doubled: two edges a step."""

    def letters(odd: bool, x: int) -> list:
        first = draw.key(-1 if draw.scale == 2 else draw.second_offset)
        return [("edge", first, ("f", 0, 0)), ("edge", draw.key(0), ("f", 0, x ^ odd))]

    ends = [[("edge", draw.key(draw.offset()), ("f", 0, 0))] if draw.ends else [] for _ in range(draw.states)]
    return draw.moves(letters), ends


def wild(seed: int) -> Wild:
    """The reduction of a seed, of size 1 to 5."""
    rng = random.Random(seed)
    kind, c = rng.choice(["ar", "cgram", "counting", "istree", "istree"]), rng.choice([2, 2, 3])
    draw = Draw(rng)
    first = 0
    if kind == "istree":
        parity = draw.chance(0.5)
        rows, ends = _parity_gadget(draw) if parity else _pair_gadget(draw)
        first, per_step = (1, 1) if parity else (0, 2)
        extra = [("edge", draw.key(1), ("f", 0, rng.randint(0, 1)))] if draw.bob_writes else []
        bob = [[*extra, ("edge", draw.key(-1), draw.key(0))] for _ in range(draw.period)]
    elif kind == "counting":
        rows, ends, extra = _counting(draw)
        per_step = 1 + draw.second
        threshold = rng.choice([1, 1, 2, 3])
        ask = [("query", draw.key(draw.query_offset)), ("threshold", threshold)]
        bob = [[*extra, *ask] for _ in range(draw.period)]
    else:
        repeat = 1 if kind == "ar" else c - 1
        roles = ("key", "value") if kind == "ar" else ("text", "text")
        rows, ends, extra = _dictionary(draw, *roles, repeat)
        per_step = (repeat + 1) * (1 + draw.second)
        asked = draw.query_offset if draw.chance(0.8) else draw.offset()
        bob = [
            [*extra, *[("query" if kind == "ar" else "ask", draw.key(asked))] * repeat]
            for _ in range(draw.period)
        ]
    spec = {
        "kind": kind, "scale": draw.scale, "lowest": rng.choice([1, 1, 0, -1]), "pad": rng.randint(0, 4),
        "c": c, "rows": rows, "ends": ends, "bob": bob, "per_step": per_step, "first": first,
        "flip": draw.chance(0.1),
    }  # fmt: skip
    return Wild(rng.randint(1, 5), spec=spec)


def wild_reductions() -> st.SearchStrategy[Wild]:
    return st.integers(0, 2**60).map(wild)
