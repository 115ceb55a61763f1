"""The text that ``commlb curve`` prints: a line a cell, or a line for the seeds of one."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR

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
    found = [f"{'n':>6}  {'machine':<26} {'bound':>8} {'reached':>8} {'room':>8} {last:>8}  known by"]
    for row in rows:
        name = row.family or ""
        if row.standing == 0:
            found += [f"{row.n:>6}  {name:<26} refused: see the note"]
            continue
        right = row.best_accuracy
        if right is None and row.trials:
            right = 1 - (row.errors or 0) / row.trials
        told = (percent(right) if right is not None else "-") if alice else _up(row.minimum_bits, ROUND_FLOOR)
        known = row.evidence.split(";")[0]
        need, reached = _up(row.bound_bits, ROUND_FLOOR), _up(row.reachable_bits, ROUND_FLOOR)
        room = _up(row.capacity_bits)
        found.append(f"{row.n:>6}  {name:<26} {need:>8} {reached:>8} {room:>8} {told:>8}  {known}")
    note = "right: the best guess from the state, where all x are run; else the machine's answers to random queries"
    return [*found, *(wrap(note, "  ", "  ") if alice else [])]


def _smallest(rows: Sequence[MemoryPoint]) -> list[str]:
    """The smallest room at each n, over the seeds: least, median, most."""
    found = [f"{'n':>6}  {'family':<22} {'bound':>8} {'room: least':>11} {'median':>8} {'most':>8}  known by"]
    groups: dict[tuple[str, int], list[MemoryPoint]] = {}
    for row in rows:
        groups.setdefault((without(row.family or "", "seed"), row.n), []).append(row)
    for (name, n), group in groups.items():
        bits = sorted(float("inf") if row.capacity_bits is None else row.capacity_bits for row in group)
        known = "; ".join(sorted({row.evidence.split(";")[0] for row in group}))
        low, middle, high = bits[0], statistics.median_high(bits), bits[-1]
        shown = [_up(value) if value < float("inf") else "-" for value in (low, middle, high)]
        found.append(
            f"{n:>6}  {name:<22} {_up(group[0].bound_bits, ROUND_FLOOR):>8} {shown[0]:>11} {shown[1]:>8} "
            f"{shown[2]:>8}  {known}"
        )
    seeds = max(map(len, groups.values()), default=0)
    note = f"over {seeds} seeds; " if seeds > 1 else ""
    note += (
        "exhaustive: an optimal Bob, all x run; sampled, proved, formula: the machine's own answers; - : none of "
        "those searched"
    )
    return [*found, *wrap(note, "  ", "  ")]
