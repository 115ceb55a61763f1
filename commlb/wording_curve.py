"""What the rows of a sweep say, in a sentence or two."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR

from commlb.records_rows import MemoryPoint
from commlb.wording import counted, number

MOST_NAMED = 4
"""Machines that a sentence names."""


def verdict(rows: Sequence[MemoryPoint], cells: int, stopped: str | None) -> str:
    """What they say: of smallest machines the one nearest to the bound, of single ones how far each is enough."""
    if stopped is not None:
        return f"Stopped after {len(rows)} of {cells} cells: {stopped}."
    refused = sum(row.standing == 0 for row in rows)
    is_scan = any(row.error_target is not None for row in rows)
    words = [_nearest(rows) if is_scan else _enough(rows)]
    if refused:
        words.append(f"{counted(refused, 'cell')} refused; the rows say why.")
    return " ".join(word for word in words if word)


def _nearest(rows: Sequence[MemoryPoint]) -> str:
    found = [
        (row.capacity_bits - row.bound_bits, row)
        for row in rows
        if row.capacity_bits is not None and row.bound_bits is not None
    ]
    without = [row for row in rows if row.standing > 0 and row.capacity_bits is None]
    undecided = sum("undecided" in (row.remark or "") for row in without)
    missing = len(without) - undecided
    words = []
    if found:
        margin, row = min(found, key=lambda pair: pair[0])
        room, bound = number(row.capacity_bits or 0.0), number(row.bound_bits or 0.0, ROUND_FLOOR)
        words.append(
            f"None is below the bound; nearest is {row.machine} at n = {row.n}: {room} bits, {bound} are needed "
            f"({number(margin, ROUND_FLOOR, 3)} more)."
        )
    if missing:
        words.append(f"In {counted(missing, 'cell')} no machine that was searched is good enough.")
    if undecided:
        words.append(f"In {counted(undecided, 'cell')} random runs left it open: take more --trials.")
    return " ".join(words)


def _enough(rows: Sequence[MemoryPoint]) -> str:
    """Up to which n each machine tells all of Alice's inputs apart."""
    words = []
    for family in dict.fromkeys(row.family for row in rows if row.prefix_set == "alice"):
        known = [row for row in rows if row.family == family and row.reachable_bits is not None]
        lost = [row.n for row in known if (row.reachable_bits or 0) < (row.bound_bits or 0) - 1e-9]
        kept = [row.n for row in known if not lost or row.n < min(lost)]
        every = "at every n"
        if len(known) < sum(row.family == family for row in rows):
            every += " where its states were counted"
        if known:
            words.append(f"{family} {every if not lost else f'up to n = {max(kept)}' if kept else 'at no n'}")
    if not words or len(words) > MOST_NAMED:
        return ""
    return f"All inputs are told apart by {'; '.join(words)}."
