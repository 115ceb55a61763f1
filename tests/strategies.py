"""Everything that hypothesis draws, in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from commlb.machines.base import Letter
from commlb.reductions.base import Family
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom
from commlb.tasks.ar import AssociativeRecall
from commlb.tasks.cgram import CGram
from commlb.tasks.counting import Counting
from commlb.tasks.istree import IsTree


@dataclass(frozen=True)
class TableReduction(IndexReduction):
    """A reduction whose transducer is a random table; most are wrong, some are right.

    ``table[e][x]`` = (next encoder state, letters); names are given as (family, whether the index moves with
    the position, offset). Alice writes at every ``stride``-th step, and at the end what is left over; Bob's
    letters are ``queries[i mod len(queries)]``. ``odd_step`` makes it look at j, so that it cannot be walked
    all at once.
    """

    kind: str = "istree"
    table: tuple = ()
    queries: tuple = ((),)
    stride: int = 1
    flip: bool = False
    odd_step: int = 0
    extra: int = 0
    loose: int = 0
    name: str = field(default="table", init=False)

    @property
    def task_name(self) -> str:
        return self.kind

    source = "drawn"

    @property
    def task(self) -> Any:
        if self.kind == "istree":
            return IsTree(self.atoms)
        if self.kind == "ar":
            return AssociativeRecall(-(-self.n // self.stride), self.n + 3, 2)
        if self.kind == "cgram":
            return CGram(2 * -(-self.n // self.stride), self.atoms, 2)
        return Counting(-(-self.n // self.stride), self.n + 4)

    @property
    def cut(self) -> int:
        per_step = {"istree": 1, "ar": 2, "cgram": 2, "counting": 1}[self.kind]
        return per_step * -(-self.n // self.stride) + self.extra

    @property
    def period(self) -> int:
        return math.lcm(len(self.queries), self.stride)

    @property
    def layout(self) -> list[Family]:
        if self.kind == "istree":
            return [Family("hub", 0, 2), Family("v", 0, self.cut + self.loose)]
        return [Family("v", 0, self.n + 3), Family("value", 0, 2)]

    @property
    def first_number(self) -> int:
        return 0 if self.kind == "istree" else 1

    def describe(self) -> tuple[str, str, str]:
        return "drawn", "drawn", "drawn"

    def start(self) -> tuple[int, int]:
        return 0, 0

    def emit(self, e: tuple[int, int], j: Any, x: int) -> tuple[tuple[int, int], list[Letter]]:
        if self.odd_step and j == self.odd_step:
            x = 1 - x
        following, letters = self.table[e[0]][x]
        phase = (e[1] + 1) % self.stride
        return (following, phase), [] if phase else [_letter(letter, j) for letter in letters]

    def finish(self, e: tuple[int, int]) -> list[Letter]:
        return [_letter(letter, self.n) for letter in self.table[e[0]][0][1]] if e[1] else []

    def bob(self, i: Any) -> list[Letter]:
        return [_letter(letter, i) for letter in self.queries[i % len(self.queries)]]

    def answer(self, task_answer: Any) -> Any:
        if self.kind in ("istree", "counting"):
            return int(task_answer) ^ self.flip
        return task_answer - (self.n + 4)


def _letter(letter: tuple, position: Any) -> Letter:
    role, *arguments = letter
    return (role, *(_argument(argument, position) for argument in arguments))


def _argument(argument: Any, position: Any) -> Any:
    if isinstance(argument, int):
        return argument
    family, moves, offset = argument
    return Atom(family, position + offset if moves else offset)


HUB = st.builds(lambda k: ("hub", False, k), st.integers(0, 1))
NEAR = st.builds(lambda d: ("v", True, d), st.integers(-1, 1))
VALUE = st.builds(lambda k: ("value", False, k), st.integers(0, 1))


def _step_letters(kind: str) -> st.SearchStrategy:
    if kind == "istree":
        return st.tuples(st.tuples(st.just("edge"), NEAR, HUB | NEAR))
    if kind == "ar":
        return st.tuples(st.tuples(st.just("key"), NEAR), st.tuples(st.just("value"), VALUE))
    if kind == "cgram":
        return st.tuples(st.tuples(st.just("text"), NEAR), st.tuples(st.just("text"), VALUE | NEAR))
    return st.tuples(st.tuples(st.just("item"), NEAR))


def _query_letters(kind: str) -> st.SearchStrategy:
    if kind == "istree":
        return st.lists(st.tuples(st.just("edge"), NEAR, HUB | NEAR), min_size=1, max_size=2).map(tuple)
    if kind == "counting":
        return st.tuples(
            st.tuples(st.just("query"), NEAR), st.tuples(st.just("threshold"), st.integers(1, 2))
        )
    return st.tuples(st.tuples(st.just("query" if kind == "ar" else "ask"), NEAR))


@st.composite
def table_reductions(draw: st.DrawFn, largest: int = 4) -> TableReduction:
    """Random transducers of one to three encoder states into one of four tasks."""
    kind = draw(st.sampled_from(["istree", "ar", "cgram", "counting"]))
    states = draw(st.integers(1, 3))
    letters = _step_letters(kind)
    move = st.tuples(st.integers(0, states - 1), letters)
    table = draw(st.tuples(*[st.tuples(move, move)] * states))
    if kind in ("ar", "cgram") and draw(st.booleans()):
        # Nearer to being right: the same key whatever x, the value by x.
        table = tuple(
            tuple(
                (after, (letters[0], (letters[1][0], ("value", False, x))))
                for x, (after, letters) in enumerate(row)
            )
            for row in table
        )
    queries = draw(st.lists(_query_letters(kind), min_size=1, max_size=3).map(tuple))
    size = draw(st.integers(1, largest))
    return TableReduction(
        size,
        kind=kind,
        table=table,
        queries=queries,
        stride=draw(st.sampled_from([1, 1, 1, 2, 3])),
        flip=draw(st.booleans()),
        odd_step=draw(st.sampled_from([0, 0, 0, 1, 2])),
        extra=draw(st.integers(0, 1)) if kind == "istree" else 0,
        loose=draw(st.integers(0, 2)) if kind == "istree" else 0,
    )


@st.composite
def fields(draw: st.DrawFn) -> tuple[list[int], list[np.ndarray]]:
    """Field widths of 0 to 64 bits and rows that fit them."""
    widths = draw(st.lists(st.integers(0, 64), min_size=1, max_size=12))
    runs = draw(st.integers(1, 4))
    rows = [
        np.array([draw(st.integers(0, 2**width - 1)) for _ in range(runs)], np.uint64) for width in widths
    ]
    return widths, rows


words = st.one_of(st.integers(0, 3), st.integers(2**64 - 3, 2**64 - 1), st.integers(0, 2**64 - 1))


@st.composite
def matrices(draw, rows: int, columns: int):
    """(rows, columns) words, drawn from a few so that columns repeat, or all equal, or free."""
    pool = draw(st.lists(words, min_size=1, max_size=4))
    entries = draw(st.sampled_from([st.sampled_from(pool), st.just(pool[0]), words]))
    flat = draw(st.lists(entries, min_size=rows * columns, max_size=rows * columns))
    return np.array(flat, np.uint64).reshape(rows, columns)
