"""What ``commlb curve`` finds."""

from __future__ import annotations

from dataclasses import dataclass

from commlb.records_rows import MemoryPoint


@dataclass(frozen=True)
class CurveResult:
    """Everything ``commlb curve`` says; the fields are the keys of its JSON.

    ``rows``: a row a cell, in the order of cells. ``cells``: how many were asked for, in this ``shard`` of
    them if it is one. Not ``complete``: why it ``stopped`` before all were there.
    """

    task: str
    prefix_set: str
    error_target: float | None
    sizes: tuple[int, ...]
    machines: tuple[str, ...]
    rows: tuple[MemoryPoint, ...]
    cells: int
    shard: str | None
    complete: bool
    stopped: str | None
    verdict: str
