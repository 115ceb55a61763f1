"""Slow, obvious twins of what the library does fast."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.machines.base import UNDEFINED, Machine
from commlb.problems import WordProblem
from commlb.reductions.base import Reduction
from commlb.reductions.bob import IndexReduction


def inputs(reduction: Reduction) -> Iterator[tuple[int, ...]]:
    """All x of a reduction's problem."""
    return itertools.product(range(reduction.symbols), repeat=reduction.n)


def queries(reduction: Reduction) -> list[Any]:
    """All that Bob may hold: positions, or words."""
    if isinstance(reduction.problem, WordProblem):
        return list(itertools.product((0, 1), repeat=reduction.n))
    return list(range(1, reduction.n + 1))


def treats_positions_alike(cls: type[Reduction]) -> bool:
    """Whether a registered reduction of INDEX uses positions only to name atoms."""
    return issubclass(cls, IndexReduction) and cls.name not in ("bipartite", "star")


def told(reduction: Reduction, answers: Any, y: Any) -> Any:
    """f(x, y) as Bob has it from the right answers of a task: one, or a tuple of several."""
    several = answers if isinstance(answers, tuple) else (answers,)
    if isinstance(reduction.problem, WordProblem):
        return reduction.conclude(np.array([[int(a)] for a in several]), np.array(y)[:, None])[0]
    return reduction.answer(several[reduction.read_at(y)])


def answers_right(reduction: Reduction, x: Sequence[int], y: Any) -> bool:
    """Whether the independent solver's answers on a(x)·b(y) tell f(x, y); False outside the promise."""
    try:
        prefix = reduction.alice(x)
        if len(prefix) != reduction.cut:
            return False
        answers = reduction.task.solve(prefix + reduction.suffix(y))
    except BadInput:
        return False
    return answers is not UNDEFINED and told(reduction, answers, y) == reduction.problem.value(x, y)


def first_failure(reduction: Reduction) -> tuple[tuple[int, ...], Any] | None:
    """An (x, y) on which the reduction is wrong, by trying all."""
    for x in inputs(reduction):
        for y in queries(reduction):
            if not answers_right(reduction, x, y):
                return x, y
    return None


def run_one(machine: Machine, stream: Sequence[int], due: range | None = None) -> Any:
    """A machine's answer on one stream, one run at a time; its answers where several are ``due``."""
    states, answers = machine.start(1), []
    for t, token in enumerate(stream, 1):
        states = machine.step(states, np.array([token]), t - 1)
        if t in (due or (len(stream),)):
            answers.append(int(machine.output(states)[0]))
    return answers if due else answers[0]


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


def number(columns: Sequence[tuple[int, ...]]) -> list[int]:
    """Twin of ``kernels.partition.number``: which distinct column each one is, by first appearance."""
    known: dict[tuple[int, ...], int] = {}
    return [known.setdefault(column, len(known)) for column in columns]


def bucket_order(hashed: Sequence[int], buckets: int) -> list[int]:
    """Twin of ``kernels.partition.sizes``, ``scatter`` and ``gather``: which entry goes to each place."""
    return sorted(range(len(hashed)), key=lambda i: (hashed[i] >> 32) * buckets // 2**32)


def mix(z: int) -> int:
    """Twin of ``kernels.partition.mix``, on one word."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def integers(limbs: np.ndarray) -> list[int]:
    """The columns of ``limbs`` (limbs, N), 64 bits each, lowest first, as integers."""
    return [sum(int(limb) << 64 * k for k, limb in enumerate(column)) for column in limbs.T]


def add(which: Sequence[int], values: np.ndarray, out: np.ndarray) -> list[int]:
    """Twin of ``kernels.partition.add``, and of ``tally`` with ones: what ``out`` has to be, as integers."""
    sums = integers(out)
    for column, value in zip(which, integers(values), strict=True):
        sums[column] = (sums[column] + value) % 2 ** (64 * len(out))
    return sums


def distinct(keys: np.ndarray, counts: np.ndarray) -> dict[tuple[int, ...], int]:
    """Twin of ``kernels.distinct.distinct``: how often each key is there, modulo 2^(64·limbs)."""
    sums: dict[tuple[int, ...], int] = {}
    for key, count in zip(keys.T.tolist(), integers(counts), strict=True):
        sums[tuple(key)] = (sums.get(tuple(key), 0) + count) % 2 ** (64 * len(counts))
    return sums


def stirling(n: int, k: int) -> int:
    """S(n, k) by its definition: count the partitions of n things into k blocks."""
    labels = set()
    for choice in itertools.product(range(k), repeat=n):
        if len(set(choice)) == k:
            first = {label: place for place, label in reversed(list(enumerate(choice)))}
            labels.add(tuple(first[label] for label in choice))
    return len(labels)
