"""Is a reduction given as a table right? Every x and every i, put to the task's independent solver."""

from __future__ import annotations

import itertools
from typing import Any

from commlb.errors import LimitError
from commlb.machines.base import UNDEFINED
from commlb.records import Counterexample, ReductionCheck
from commlb.reductions.table import TableReduction

MAX_CALLS = 2**22
"""Streams that the solver is asked about."""


def prove(reduction: TableReduction) -> ReductionCheck:
    """Whether the right answer on a(x)·b(i) stands for x_i, for all V^n inputs and n queries, one by one.

    A table that fails is refused with an (x, i) on which it does, the first in the order of its rows. Raises
    ``LimitError`` for more than ``MAX_CALLS`` streams.
    """
    table = reduction.table
    if len(table.prefixes) * table.n > MAX_CALLS:
        raise LimitError(
            f"proving the table takes {len(table.prefixes) * table.n:,} streams, the limit is {MAX_CALLS:,}; take "
            "a table with fewer symbols"
        )
    found = _first_failure(reduction)
    return ReductionCheck(
        holds=found is None,
        evidence="counterexample" if found else "exhaustive",
        inputs=f"{table.symbols}^{table.n}",
        queries=table.n,
        width=None,
        every_n=False,
        scope="",
        counterexample=found,
    )


def _first_failure(reduction: TableReduction) -> Counterexample | None:
    table = reduction.table
    for x, prefix in zip(
        itertools.product(range(table.symbols), repeat=table.n), table.prefixes, strict=True
    ):
        for i, suffix in enumerate(table.suffixes, 1):
            obtained = _obtained(reduction, i, reduction.task.solve([*prefix, *suffix]))
            if obtained != x[i - 1]:
                return Counterexample(x, i, x[i - 1], str(obtained))
    return None


def _obtained(reduction: TableReduction, i: int, answers: Any) -> int | str:
    """The symbol that Bob has from the task's right answers, or why he has none."""
    if answers is UNDEFINED:
        return "the stream is outside the task's promise"
    task = reduction.task
    several = answers if len(task.answered_at) > 1 else (answers,)
    before = sum(t <= reduction.cut for t in task.answered_at)
    answer = several[before + reduction.read_at(i)]
    symbol = reduction.meaning(i, task.coded(answer))
    return f"the answer {answer!r}, which stands for no symbol" if symbol is None else symbol
