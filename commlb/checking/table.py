"""Reductions found by search: every input and every query of the table put to the solver again."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

from commlb import reductions
from commlb.checking.common import (
    Notes,
    Own,
    Refused,
    due_after,
    equal,
    one_of,
    require,
    same,
    short,
    task_of,
)
from commlb.checking.shattered import check_cut, streams_counted
from commlb.records_witness import DiscoverCut, DiscoverResult, Table
from commlb.tasks.base import Task

MAX_ROWS = 2**20
"""Prefixes that a table may have."""

MOST_SYMBOLS = 64
"""Symbols of the registered reductions that stand beside a table."""

MAX_QUESTIONS = 2**18
"""Questions to the solver up to which all are put; of more, so many that are drawn."""


def require_table(table: Table, task: Task) -> None:
    """Refuse a table that does not fit ``task``: sizes, tokens, readings, places."""
    n, symbols, cut = table.n, table.symbols, table.cut
    require(
        n >= 1 and symbols >= 2, f"a table has n >= 1 and symbols >= 2; given {short(n)} and {short(symbols)}"
    )
    require(n <= MAX_ROWS.bit_length() and symbols**n <= MAX_ROWS, f"a table has at most {MAX_ROWS} prefixes")
    require(
        0 <= cut < task.length,
        f"the table's cut must be below the {task.length} tokens of a stream; given {short(cut)}",
    )
    _require_rows("prefixes", table.prefixes, symbols**n, [task.alphabet(t) for t in range(cut)])
    _require_rows("suffixes", table.suffixes, n, [task.alphabet(t) for t in range(cut, task.length)])
    due = sum(t > cut for t in task.answered_at)
    require(
        len(table.read_at) == n and all(0 <= place < due for place in table.read_at),
        f"read_at must hold {n} places in 0..{due - 1}",
    )
    require(len(table.readings) == n, f"readings must have {n} rows; given {len(table.readings)}")
    for i, row in enumerate(table.readings, 1):
        require(len(row) == symbols, f"readings of i = {i} must be {symbols} answers; given {len(row)}")
        apart = all(not equal(a, b) for place, a in enumerate(row) for b in row[:place])
        require(apart, f"readings of i = {i} must differ; given {short(row)}")


def _require_rows(name: str, rows: tuple[tuple[int, ...], ...], count: int, alphabets: list[range]) -> None:
    require(len(rows) == count, f"{name} must have {count} rows; given {len(rows)}")
    for place, row in enumerate(rows):
        require(
            len(row) == len(alphabets),
            f"row {place} of {name} must have {len(alphabets)} tokens; given {len(row)}",
        )
        for token, alphabet in zip(row, alphabets, strict=True):
            require(
                token in alphabet, f"row {place} of {name} holds {short(token)}, which may not stand there"
            )


def check_discover(found: DiscoverResult, notes: Notes, own: Own) -> None:
    """Everything that a file of ``commlb discover`` says, but its words and what the search took."""
    task = task_of(found.task, found.task_size, own)
    for name, derived in (("length", task.length), ("alphabet_size", task.alphabet_size)):
        same(name, getattr(found, name), derived)
    notes.add(
        "the task", "looked up in the registry" if own.task is None else "your own", f"{task.length} tokens"
    )
    one_of("evidence", found.evidence, ("proved", "exhaustive", "sampled"))
    require(found.nodes >= 0, "nodes must not be below 0")
    require(found.seed is None or found.seed >= 0, "seed must not be below 0")
    require(found.complete == (found.stopped is None), "a search is complete, or says why it stopped")
    _check_best(found)
    if found.table is not None:
        check_table(found.table, task, notes)
    _check_which_cuts(found, task)
    counted = streams_counted(task, notes)
    for cut in found.cuts:
        _check_cut_numbers(cut, task)
        check_cut(cut, task, counted, notes)
    notes.add("the cuts", "bits, rows and upper bounds against each other", f"{len(found.cuts)} of them")
    _check_known(found, task, notes)
    notes.take("nodes and seed of the search", "the verdict's words", "the provenance")


def _check_best(found: DiscoverResult) -> None:
    """What is said of all cuts against what is said of each."""
    ts = [cut.t for cut in found.cuts]
    require(len(set(ts)) == len(ts), "two of the cuts are one")
    if found.table is None:
        for name, derived in (("cut", None), ("n", 0), ("bits", 0.0)):
            same(name, getattr(found, name), derived)
    else:
        for name in ("n", "symbols", "cut"):
            same(name, getattr(found, name), getattr(found.table, name))
        same("bits", found.bits, found.n * math.log2(found.symbols))
        require(found.cut in ts, f"the cut {found.cut} is none of the cuts that were searched")
    if found.cuts:
        same("bits", found.bits, max(cut.bits for cut in found.cuts))
        at = [cut for cut in found.cuts if cut.t == found.cut]
        require(not at or (at[0].n, at[0].symbols) == (found.n, found.symbols), "n is not that of its cut")
        same("upper_bound_bits", found.upper_bound_bits, max(cut.upper_bound_bits for cut in found.cuts))
    require(found.bits <= found.upper_bound_bits + 1e-9, "bits are above their upper bound")
    same("optimal", found.optimal, equal(found.bits, found.upper_bound_bits))


def _check_which_cuts(found: DiscoverResult, task: Task) -> None:
    """All cuts at which Bob has a token, in order, or the one that was asked for."""
    ts = [cut.t for cut in found.cuts]
    require(
        len(ts) == 1 or ts == list(range(task.length)),
        f"cuts must be all of 0..{task.length - 1} in order, or one; given {short(ts)}",
    )


def check_table(table: Table, task: Task, notes: Notes) -> None:
    """x_i is read rightly for all x and i, by the solver; or for as many as are drawn."""
    require_table(table, task)
    questions, drawn = len(table.prefixes) * table.n, len(table.prefixes) * table.n > MAX_QUESTIONS
    for place, i in _questions(table, questions, drawn):
        stream = (*table.prefixes[place], *table.suffixes[i])
        right = due_after(task, table.cut, task.solve(list(stream)))
        symbol = place // table.symbols ** (table.n - 1 - i) % table.symbols
        if right is None:
            raise Refused(f"row {place} with suffix {i + 1} breaks the promise of {task.name}")
        require(
            equal(right[table.read_at[i]], table.readings[i][symbol]),
            f"row {place}, i = {i + 1}: the solver answers {short(right[table.read_at[i]])}, which does not stand "
            f"for {symbol}",
        )
    how = (
        f"by the solver, {MAX_QUESTIONS} drawn of {questions} questions"
        if drawn
        else "by the solver, all x and i"
    )
    notes.add("the table", how, f"{len(table.prefixes)} prefixes, {table.n} suffixes")
    if drawn:
        notes.take(f"that the other {questions - MAX_QUESTIONS} entries of the table are right as well")


def _questions(table: Table, questions: int, drawn: bool) -> Iterator[tuple[int, int]]:
    if drawn:
        rng = random.Random(1)
        for _ in range(MAX_QUESTIONS):
            yield rng.randrange(len(table.prefixes)), rng.randrange(table.n)
    else:
        yield from (divmod(k, table.n) for k in range(questions))


def _check_cut_numbers(cut: DiscoverCut, task: Task) -> None:
    """One cut's numbers against each other: n symbols are shattered by no fewer than symbols^n rows."""
    where = f"cut {short(cut.t)}"
    require(0 <= cut.t <= task.length, f"{where} must be in 0..{task.length}")
    require(
        cut.rows >= 1 and (cut.columns is None or cut.columns >= 0), f"{where}: rows and columns are counts"
    )
    require(0 <= cut.n <= 64 and 2 <= cut.symbols <= 2**20, f"{where}: n and symbols are out of range")
    same(f"{where}: bits", cut.bits, cut.n * math.log2(cut.symbols))
    require(
        cut.symbols**cut.n <= cut.rows,
        f"{where}: {cut.symbols}^{cut.n} rows are needed; there are {short(cut.rows)}",
    )
    require(cut.bits <= cut.upper_bound_bits + 1e-9, f"{where}: bits are above their upper bound")
    require(
        cut.upper_bound_bits <= math.log2(cut.rows) + 1e-9,
        f"{where}: the upper bound is above log2 of the rows",
    )
    same(f"{where}: optimal", cut.optimal, equal(cut.bits, cut.upper_bound_bits))
    one_of(f"{where}: upper_bound_by", cut.upper_bound_by, ("rows", "search"))
    one_of(f"{where}: evidence", cut.evidence, ("proved", "exhaustive", "sampled"))
    if cut.upper_bound_by == "rows":
        known = f"{where}: upper_bound_bits is not the largest power that {cut.rows} rows allow"
        require(is_largest_power(round(2**cut.upper_bound_bits), cut.rows), known)


def is_largest_power(patterns: int, rows: int) -> bool:
    """Whether k^n = ``patterns`` ≤ ``rows`` < k^(n+1) for some k.

    >>> [is_largest_power(p, 10) for p in (2, 3, 4, 8, 16)]
    [False, False, True, True, False]
    """
    if patterns == 1:
        return True
    for n in range(1, patterns.bit_length()):
        k = round(patterns ** (1 / n))
        if k > 1 and k**n == patterns <= rows < k ** (n + 1):
            return True
    return False


def _check_known(found: DiscoverResult, task: Task, notes: Notes) -> None:
    """The bits of registered reductions: of those that are named, at some n their task has this size."""
    known: dict[str, Any] = reductions.for_task(task.name)
    for name, bits in found.known.items():
        require(name in known, f"known: there is no reduction '{short(name, 30)}' to {task.name}")
        require(_fits(known[name], bits, task), f"known.{name}: {bits} bits do not fit a task of this size")
        require(
            len(found.cuts) != task.length or bits <= found.upper_bound_bits + 1e-9,
            f"known.{name}: {bits:.6g} bits are there, above the upper bound {found.upper_bound_bits:.6g}",
        )
    if found.known:
        notes.add("the registered reductions beside it", "made at their size", ", ".join(sorted(found.known)))


def _fits(reduction: Any, bits: float, task: Task) -> bool:
    """Whether the reduction, at some n and symbols with so many bits, is to a task of this size."""
    for symbols in range(2, 1 + (MOST_SYMBOLS if "symbols" in reduction.options else 2)):
        n = round(bits / math.log2(symbols))
        if 1 <= n <= task.length**2 and equal(n * math.log2(symbols), bits):
            made = reduction(n, symbols)
            if made.task.length == task.length and made.task.size == task.size:
                return True
    return False
