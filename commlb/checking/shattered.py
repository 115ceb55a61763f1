"""Rows, columns and the largest shattered set of small tasks, from the solver's answers on all streams, by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from commlb.checking.common import Notes, due_after, require
from commlb.records_witness import DiscoverCut
from commlb.tasks.base import Task

MAX_NODES = 2**16
"""Sets of columns that the search for a larger shattered set looks at."""

Masks = tuple[int, ...]
"""For each of k answers the rows that have it, as bits of an integer."""


@dataclass
class Counted:
    """The solver's answers on all streams of a task, in the order of their tokens; None outside the promise."""

    task: Task
    found: list[Any]

    @cached_property
    def total(self) -> bool:
        return None not in self.found

    def rows(self, t: int) -> list[tuple[Any, ...]]:
        """The distinct rows at the cut t, by the answers due there or after; dead prefixes left out.

        What is due at the cut itself is still to be given, by whoever holds the state there.
        """
        suffixes = math.prod(len(self.task.alphabet(s)) for s in range(t, self.task.length))
        before = sum(0 < due < t for due in self.task.answered_at)
        left = [None if answers is None else answers[before:] for answers in self.found]
        every = (tuple(left[k : k + suffixes]) for k in range(0, len(left), suffixes))
        return [row for row in dict.fromkeys(every) if any(entry is not None for entry in row)]

    def columns(self, t: int) -> list[tuple[Any, ...]]:
        """The distinct columns there of the answers due after t, one a suffix and answer."""
        due = sum(after > t for after in self.task.answered_at)
        rows = self.rows(t)
        each = (
            tuple(None if row[k] is None else row[k][place - due] for row in rows)
            for k in range(len(rows[0])) for place in range(due)
        )  # fmt: skip
        return list(dict.fromkeys(each))


def streams_counted(task: Task, notes: Notes) -> Counted | None:
    """All streams put to the solver, where they are at most ``notes.work``."""
    sizes = [len(task.alphabet(t)) for t in range(task.length)]
    if math.prod(sizes) > notes.work:
        notes.take(
            "rows and columns at each cut, and that nothing larger is shattered: too many streams (--work)"
        )
        return None
    streams = itertools.product(*(task.alphabet(t) for t in range(task.length)))
    return Counted(task, [tagged(due_after(task, 0, task.solve(list(stream)))) for stream in streams])


def tagged(found: Sequence[Any] | None) -> tuple[Any, ...] | None:
    """Answers that compare as they should: True is not 1."""
    return None if found is None else tuple((type(answer).__name__, answer) for answer in found)


def check_cut(cut: DiscoverCut, task: Task, counted: Counted | None, notes: Notes) -> None:
    """Rows and columns counted again, and the upper bound by a search of its own, where both are small."""
    where, classes = f"cut {cut.t}", task.classes(cut.t)
    if classes is not None and (counted is None or counted.total):
        require(
            cut.rows == classes,
            f"{where}: {cut.rows} rows are claimed, and by the formula there are {classes}",
        )
    if counted is None:
        return
    rows = counted.rows(cut.t)
    if not counted.total:
        require(
            cut.rows <= len(rows),
            f"{where}: {cut.rows} rows are claimed, and there are {len(rows)} distinct ones",
        )
        if cut.rows < len(rows):
            notes.take(f"{where}: that {cut.rows} of {len(rows)} distinct rows matter, under the promise")
    else:
        require(cut.rows == len(rows), f"{where}: {cut.rows} rows are claimed, and there are {len(rows)}")
    if any(after > cut.t for after in task.answered_at):
        _check_upper(cut, counted, where, notes)


def _check_upper(cut: DiscoverCut, counted: Counted, where: str, notes: Notes) -> None:
    columns = counted.columns(cut.t)
    if cut.columns is not None and counted.total:
        require(
            cut.columns == len(columns),
            f"{where}: {cut.columns} columns are claimed, and there are {len(columns)}",
        )
    most = math.floor(cut.upper_bound_bits / math.log2(cut.symbols) + 1e-9)
    found = larger(columns, cut.symbols, most + 1)
    if found is None:
        notes.take(
            f"{where}: that no more than {most} columns are shattered, claimed by a search not repeated here"
        )
        return
    require(not found, f"{where}: {most + 1} columns are shattered, above the upper bound that is claimed")
    notes.add(
        f"cut {cut.t}",
        "rows counted by the solver, a larger set searched for",
        f"{cut.rows} rows, at most {most}",
    )


def larger(columns: list[tuple[Any, ...]], symbols: int, size: int) -> bool | None:
    """Whether ``size`` of the columns take all ``symbols``^size patterns; None after ``MAX_NODES`` sets.

    >>> columns = [(0, 0, 1, 1), (0, 1, 0, 1), (0, 0, 0, 1)]
    >>> larger(columns, 2, 2), larger(columns, 2, 3)
    (True, False)
    """
    if not columns or symbols**size > len(columns[0]):
        return False
    items = [(place, masks) for place, column in enumerate(columns) for masks in _masks(column, symbols)]
    return _Search(items, symbols).grow([(1 << len(columns[0])) - 1], 0, -1, size)


def _masks(column: Sequence[Any], symbols: int) -> Iterator[Masks]:
    """For each choice of ``symbols`` answers in the column, the rows of each."""
    each: dict[Any, int] = {}
    for place, answer in enumerate(column):
        if answer is not None:
            each[answer] = each.get(answer, 0) | 1 << place
    yield from itertools.combinations(each.values(), symbols)


class _Search:
    """Sets of columns in order, each with its patterns' rows; a pattern with too few rows ends a branch."""

    def __init__(self, items: list[tuple[int, Masks]], symbols: int):
        self.items, self.symbols, self.nodes = items, symbols, 0

    def grow(self, cells: list[int], start: int, last: int, left: int) -> bool | None:
        if not left:
            return True
        self.nodes += 1
        if self.nodes > MAX_NODES:
            return None
        need = self.symbols ** (left - 1)
        for place in range(start, len(self.items)):
            column, masks = self.items[place]
            if column == last:
                continue
            after = [cell & mask for cell in cells for mask in masks]
            if all(cell.bit_count() >= need for cell in after):
                found = self.grow(after, place + 1, column, left - 1)
                if found is not False:
                    return found
        return False
