"""All inputs of a reduction run through a machine again, one run at a time, and counted in Python dictionaries."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from commlb.checking.common import Inside, answers, every_state
from commlb.machines.base import Machine

MAX_INPUTS = 2**12
"""Inputs of one row that are ever run."""

Group = dict[bytes, list[tuple[int, ...]]]


@dataclass(frozen=True)
class Counts:
    """Over all V^n inputs x: ``groups`` them by the packed state after a(x), and counts.

    ``entropy`` of the state; ``best``: for each i the inputs on which the best guess of x_i from the state is
    wrong; ``told``: I(X_i; S), in bits, for each i.
    """

    inputs: int
    states: int
    entropy: float
    best: tuple[int, ...]
    told: tuple[float, ...]
    groups: Group


def inputs_of(inside: Inside) -> int | None:
    """V^n, where that is at most ``MAX_INPUTS``."""
    n, symbols = inside.problem.n, inside.problem.symbols
    return symbols**n if n * math.log2(symbols) <= math.log2(MAX_INPUTS) + 1e-9 else None


def steps_of(inside: Inside, machine: Machine, queries: int) -> float:
    """About how many steps of the machine it takes to count, and to put so many queries to every state."""
    inputs = inputs_of(inside)
    if inputs is None:
        return math.inf
    states = min(inputs, 2 ** min(40.0, machine.capacity_bits(inside.cut)))
    return inputs * max(2, inside.cut // 4) + states * queries * (inside.task.length - inside.cut)


def counts(inside: Inside, machine: Machine) -> Counts:
    """All inputs run and counted.

    >>> from commlb import machines
    >>> from commlb.checking.common import registered
    >>> inside = registered("index", "plain", 3, 2, None)
    >>> made = counts(inside, machines.build("window:w=1", inside.task, 3))
    >>> made.states, made.entropy, made.best, made.told
    (2, 1.0, (4, 4, 0), (0.0, 0.0, 1.0))
    """
    groups: Group = {}
    for x, packed in every_state(inside, machine):
        groups.setdefault(packed, []).append(x)
    n, symbols = inside.problem.n, inside.problem.symbols
    inputs, best, told = symbols**n, [0] * n, [0.0] * n
    for words in groups.values():
        for i in range(n):
            values = Counter(x[i] for x in words).values()
            best[i] += len(words) - max(values)
            told[i] += len(words) / inputs * (math.log2(symbols) - _entropy(values))
    return Counts(inputs, len(groups), _entropy(map(len, groups.values())), tuple(best), tuple(told), groups)


def _entropy(sizes: Iterable[int]) -> float:
    """Of a draw from groups of these sizes, in bits."""
    sizes = list(sizes)
    whole = sum(sizes)
    return math.log2(whole) - math.fsum(k * math.log2(k) for k in sizes) / whole


def own_errors(inside: Inside, machine: Machine, found: Counts, asked: list[Any]) -> list[int]:
    """For each of Bob's inputs that are asked, the inputs x on which the machine's own answer is wrong."""
    errors = []
    for y in asked:
        tokens, wrong = inside.suffix(y), 0
        for packed, words in found.groups.items():
            said = inside.value(answers(inside, machine, packed, tokens), y)
            wrong += sum(inside.problem.value(x, y) != said for x in words)
        errors.append(wrong)
    return errors
