"""Slow, obvious twins of what the library does fast."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from commlb.errors import BadInput
from commlb.machines.base import UNDEFINED, Machine
from commlb.reductions.bob import IndexReduction


def inputs(reduction: IndexReduction) -> Iterator[tuple[int, ...]]:
    """All x of a reduction's problem."""
    return itertools.product(range(reduction.symbols), repeat=reduction.n)


def answers_right(reduction: IndexReduction, x: Sequence[int], i: int) -> bool:
    """Whether the independent solver's answer on a(x)·b(i) is read as x_i; False outside the promise."""
    try:
        prefix = reduction.alice(x)
        if len(prefix) != reduction.cut:
            return False
        answer = reduction.task.solve(prefix + reduction.suffix(i))
    except BadInput:
        return False
    return answer is not UNDEFINED and reduction.answer(answer) == x[i - 1]


def first_failure(reduction: IndexReduction) -> tuple[tuple[int, ...], int] | None:
    """An (x, i) on which the reduction is wrong, by trying all."""
    for x in inputs(reduction):
        for i in range(1, reduction.n + 1):
            if not answers_right(reduction, x, i):
                return x, i
    return None


def run_one(machine: Machine, stream: Sequence[int]) -> int:
    """A machine's answer on one stream, one run at a time."""
    states = machine.start(1)
    for t, token in enumerate(stream):
        states = machine.step(states, np.array([token]), t)
    return int(machine.output(states)[0])


def insert_windows(table: np.ndarray, window: np.ndarray, successor: np.ndarray, many: int) -> None:
    """Twin of ``kernels.windows.insert``: a dictionary a run, written back sorted."""
    _, columns, runs = table.shape
    for r in range(runs):
        known = {tuple(row[:-1]): row[-1] for row in table[:, :, r].tolist() if row[0]}
        key = tuple(window[:, r].tolist())
        known[key] = many if key in known else int(successor[r])
        table[:, :, r] = 0
        for place, (found, value) in enumerate(sorted(known.items())):
            table[place, : columns - 1, r] = found
            table[place, columns - 1, r] = value


def stirling(n: int, k: int) -> int:
    """S(n, k) by its definition: count the partitions of n things into k blocks."""
    labels = set()
    for choice in itertools.product(range(k), repeat=n):
        if len(set(choice)) == k:
            first = {label: place for place, label in reversed(list(enumerate(choice)))}
            labels.add(tuple(first[label] for label in choice))
    return len(labels)
