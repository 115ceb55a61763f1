"""A shattered set written out as a table, x ↦ prefix and i ↦ suffix, and asked of the task's own solver."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from commlb.errors import CommlbError
from commlb.layers import Layers
from commlb.machines.base import UNDEFINED
from commlb.records_witness import Table
from commlb.reductions import for_task
from commlb.shattering.columns import Columns, prefixes, read_at, suffix
from commlb.shattering.shattered import Choices, patterns
from commlb.tasks.base import Task
from commlb.userfile import UserTask

MOST_ASKED = 2**16
"""Streams that are put to the task's solver; of a larger table the first, last and some others."""


def table(
    task: Task | UserTask, layers: Layers, found: list[Columns], given: Choices, chosen: Sequence[int], t: int
) -> Table:
    """The table of a shattered set at the cut ``t``, its answers as the task's ``solve`` gives them.

    Suffixes stand in the order of their tokens. Raises ``CommlbError`` if the solver disagrees with the search.
    """
    picked = sorted(chosen, key=lambda choice: suffix(found, t, int(given.column[choice])))
    row_of = patterns(given, picked)
    words = list(itertools.product(range(given.symbols), repeat=len(picked)))
    if len(row_of) != len(words):
        raise CommlbError("a set that was found is not shattered; please report it")
    reached = prefixes(layers, t).tolist()
    suffixes = [suffix(found, t, int(given.column[choice])) for choice in picked]
    at = [read_at(found, layers, t, int(given.column[choice])) for choice in picked]
    places = [reached[row_of[word]] for word in words]
    readings = []
    for i, (rest, read) in enumerate(zip(suffixes, at, strict=True)):
        shown = [places[words.index(_word(s, i, len(picked)))] for s in range(given.symbols)]
        readings.append(tuple(_answer(task, layers, first + rest, t, read) for first in shown))
    made = Table(
        len(picked),
        given.symbols,
        t,
        tuple(_tokens(task, layers, row, 0) for row in places),
        tuple(_tokens(task, layers, row, t) for row in suffixes),
        tuple(readings),
        tuple(at),
    )
    _ask(task, layers, made, places, suffixes, words)
    return made


def _word(symbol: int, place: int, n: int) -> tuple[int, ...]:
    return tuple(symbol if j == place else 0 for j in range(n))


def _tokens(task: Task | UserTask, layers: Layers, places: Sequence[int], t: int) -> tuple[int, ...]:
    """Tokens of a registered task; places in the alphabets, as they are, of a user's."""
    if isinstance(task, UserTask):
        return tuple(places)
    return tuple(int(layers.alphabets[t + k][place]) for k, place in enumerate(places))


def _answer(task: Task | UserTask, layers: Layers, places: Sequence[int], t: int, read: int) -> Any:
    """What the task answers to a stream, the ``read``-th of the answers due after t tokens."""
    stream = [alphabet[place] for alphabet, place in zip(layers.alphabets, places, strict=True)]
    due = sorted(layers.answered)
    by_layers = isinstance(task, UserTask) and len(due) > 1  # its solve gives the last answer only
    answers = layers.run(stream) if by_layers else task.solve(stream)
    if answers is UNDEFINED:
        return UNDEFINED
    answer = answers[len([u for u in due if u <= t]) + read] if len(due) > 1 else answers
    return answer.item() if isinstance(answer, np.generic) else answer


def _ask(
    task: Task | UserTask,
    layers: Layers,
    made: Table,
    places: Sequence[Sequence[int]],
    suffixes: Sequence[Sequence[int]],
    words: Sequence[tuple[int, ...]],
) -> None:
    """Every stream of the table, or an even part of them, against the solver, whose answers must tell symbols."""
    step = max(1, len(words) * made.n // MOST_ASKED)
    for number in range(0, len(words) * made.n, step):
        x, i = divmod(number, made.n)
        answer = _answer(task, layers, [*places[x], *suffixes[i]], made.cut, made.read_at[i])
        confirmed = answer is not UNDEFINED and answer == made.readings[i][words[x][i]]
        if not confirmed or any(made.readings[i].count(said) > 1 for said in made.readings[i]):
            raise CommlbError(
                f"the search found a set that {task.name}.solve does not confirm, at x number {x} and i = {i + 1}; "
                "one of them is wrong, please report it"
            )


def known(task: Task | UserTask, symbols: Sequence[int]) -> dict[str, int]:
    """For each registered reduction from INDEX to a task of this very size the patterns symbols^n that it tells.

    >>> from commlb.tasks.istree import IsTree
    >>> known(IsTree(8), [2])
    {'doubled': 8, 'hubs': 256, 'star': 128, 'two-hub': 32}
    """
    found: dict[str, int] = {}
    for name, cls in for_task(task.name).items() if isinstance(task, Task) else ():
        for k in symbols if "symbols" in cls.options else (2,):
            for n in range(1, task.length * task.length + 1):
                try:
                    made = cls(n, symbols=k) if k != 2 else cls(n)
                    inside, problem = made.task, made.problem.name
                except CommlbError:
                    break
                if inside.length > task.length or problem != "INDEX":
                    break
                if inside == task:
                    found[name] = max(found.get(name, 0), k**n)
    return found
