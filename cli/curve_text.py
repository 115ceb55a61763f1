"""The text that ``commlb curve`` prints: a line a cell, or a line for the seeds of one."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR
from math import inf

from commlb_cli.text import wrap

from commlb.records_curve import CurveResult
from commlb.records_rows import MemoryPoint, without
from commlb.wording import number, percent

MOST_ROWS = 60
"""Lines that are shown; of more, those at both ends."""


def lines(result: CurveResult) -> list[str]:
    """The result for a person, 80 columns."""
    over = "over Alice's prefixes" if result.prefix_set == "alice" else "over all prefixes of the task"
    scan = result.error_target is not None
    ns = result.sizes
    spread = f"n = {ns[0]:,}" + (f" … {ns[-1]:,} ({len(ns)} sizes)" if len(ns) > 1 else "")
    head = f"Memory versus length: {result.task}, {spread}, {over}"
    if scan:
        head += f"; smallest machine with error at most {result.error_target:g} on every query"
        if any(row.problem == "DISJ" for row in result.rows):
            head += " (Bob's queries: sets of one element)"
    if result.shard is not None:
        head += f"; share {result.shard} of the cells, {len(result.rows)} rows"
    table = _smallest(result.rows) if scan else _chains(result.rows)
    if len(table) > MOST_ROWS:
        half = MOST_ROWS // 2
        table = [
            *table[:half],
            f"  … ({len(table) - 2 * half} lines more; --out FILE has all)",
            *table[-half:],
        ]
    notes = sorted({row.remark for row in result.rows if row.remark})
    shown = [text for note in notes[:4] for text in wrap(note, "  note: ", "    ")]
    if len(notes) > 4:
        shown.append(f"  … ({len(notes) - 4} notes more, in the rows)")
    return [
        *wrap(head, "", "  "),
        "",
        *table,
        *([""] if shown else []),
        *shown,
        "",
        *wrap(result.verdict, "", ""),
    ]


def _up(bits: float | None, rounding: str = ROUND_CEILING) -> str:
    return "-" if bits is None else number(bits, rounding, 5)


def _chains(rows: Sequence[MemoryPoint]) -> list[str]:
    """Each machine at each n: bound ≤ reachable ≤ room."""
    alice = not rows or rows[0].prefix_set == "alice"
    last = "right" if alice else "minimum"
    found = [f"{'n':>9} {'bound':>10} {'reached':>10} {'room':>10} {last:>10}  known by"]
    for name, group in _by_name(rows, lambda row: row.family or ""):
        found += wrap(name, "  ", "    ")
        for row in group:
            if row.is_refused:
                found.append(f"{row.n:>9} refused: see the note")
                continue
            right = row.best_accuracy
            if right is None and row.trials:
                right = 1 - (row.errors or 0) / row.trials
            told = "-" if right is None else percent(right)
            if not alice:
                told = _up(row.minimum_bits, ROUND_FLOOR)
            need, reached = _up(row.bound_bits, ROUND_FLOOR), _up(row.reachable_bits, ROUND_FLOOR)
            room, known = _up(row.capacity_bits), row.evidence.split(";")[0]
            found.append(f"{row.n:>9} {need:>10} {reached:>10} {room:>10} {told:>10}  {known}")
    note = "right: the best guess from the state, where all x are run; else the machine's answers to random queries"
    return [*found, *(wrap(note, "  ", "  ") if alice else [])]


def _smallest(rows: Sequence[MemoryPoint]) -> list[str]:
    """The smallest room at each n, over the seeds: least, median, most."""
    found = [f"{'n':>9} {'bound':>9} {'least':>9} {'median':>9} {'most':>9} {'÷ bound':>8}  known by"]
    seeds = 1
    for name, group in _by_name(rows, lambda row: without(row.family or "", "seed")):
        found += wrap(name, "  ", "    ")
        for n in sorted({row.n for row in group}):
            same = [row for row in group if row.n == n]
            done = [row for row in same if not row.is_refused]
            seeds = max(seeds, len(same))
            if not done:
                found.append(f"{n:>9} refused: see the note")
                continue
            bits = sorted(inf if row.capacity_bits is None else row.capacity_bits for row in done)
            known = "; ".join(sorted({row.evidence.split(";")[0] for row in same}))
            middle, bound = statistics.median(bits), same[0].bound_bits
            times = number(middle / bound, digits=3) if bound and middle < inf else "-"
            low, half, high = (_up(value) if value < inf else "-" for value in (bits[0], middle, bits[-1]))
            found.append(
                f"{n:>9} {_up(bound, ROUND_FLOOR):>9} {low:>9} {half:>9} {high:>9} {times:>8}  {known}"
            )
    note = f"room in bits, over {seeds} seeds; " if seeds > 1 else "room in bits; "
    note += "÷ bound: the median's; exhaustive: an optimal Bob, all x run; sampled, proved, formula: the machine's "
    found += wrap(note + "own answers; - : none of those searched, or undecided", "  ", "  ")
    own = {row.n for row in rows if row.answered_by == "machine" and "bob=auto" in (row.settings or "")}
    if own and any(row.answered_by == "optimal Bob" for row in rows):
        change = (
            f"from n = {min(own):,} on it is the machine's own answers that must be right: all x are more than "
            "--max-inputs (--bob takes one for all n)"
        )
        found += wrap(change, "  ! ", "    ")
    return found


def _by_name(
    rows: Sequence[MemoryPoint], name: Callable[[MemoryPoint], str]
) -> Iterator[tuple[str, list[MemoryPoint]]]:
    for found in dict.fromkeys(map(name, rows)):
        yield found, [row for row in rows if name(row) == found]
