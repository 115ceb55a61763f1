"""Rows as points: which rows are one series, what they say at one n, and what is said of all of them."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_FLOOR

from commlb.errors import BadInput
from commlb.fano import fano_bits
from commlb.plots.chains import short
from commlb.plots.colours import looks, machine_name
from commlb.plots.curves import Look
from commlb.plots.panels import Point, Rule
from commlb.plots.style import GREY, clipped, task_name
from commlb.records_rows import MemoryPoint, without
from commlb.trends import Trend, trend
from commlb.wording import number

Rows = Sequence[MemoryPoint]
Value = Callable[[MemoryPoint], float | None]

BOUND = Look(GREY, "solid", 2.6, "", 0, 2)
SAMPLES = 120
"""Points of a curve that is drawn from its formula."""

NAME = 34
"""Characters of a family's name in the legend."""


def series_name(row: MemoryPoint, drop: Iterable[str] = ("seed",)) -> str:
    """The family, or the machine where there is none, without the parameters that only repeat it."""
    return without(row.family or row.machine or "unknown", *drop)


def grouped(rows: Rows, drop: Iterable[str] = ("seed",)) -> dict[str, list[MemoryPoint]]:
    """The rows of each series; a refused row is left out where the same cell was finished with other limits."""
    finished = {_cell(row) for row in rows if not row.is_refused}
    found: dict[str, list[MemoryPoint]] = {}
    for row in rows:
        if not row.is_refused or _cell(row) not in finished:
            found.setdefault(series_name(row, drop), []).append(row)
    return dict(sorted(found.items(), key=lambda item: (machine_name(item[0]) != "exact", item[0])))


def _cell(row: MemoryPoint) -> tuple[object, ...]:
    return row.family or row.machine, row.n, row.seed, row.error_target, row.precision_bits, row.prefix_set


def drawn_as(families: Sequence[str]) -> dict[str, Look]:
    """The look of each family."""
    return dict(zip(families, looks(families), strict=True))


def points(
    rows: Rows, value: Value, across: Callable[[MemoryPoint], float] = lambda row: row.n
) -> list[Point]:
    """A point at each place: the median over the rows there, and the least and the most of them.

    A row with an error target and without a machine counts in the median as more than all others; where that is
    such a one there is no value. Of a sampled one the smallest that suffices may have as little room as was
    refuted. Rows whose value is unknown are left out.
    """
    places = sorted({across(row) for row in rows})
    found = [_point(x, [row for row in rows if across(row) == x], value) for x in places]
    return [point for point in found if point is not None]


def _point(x: float, rows: Rows, value: Value) -> Point | None:
    """What the rows at one place say; None if nothing."""
    done = [row for row in rows if not row.is_refused and not (row.limits and value(row) is None)]
    none = [row for row in done if row.error_target is not None and row.machine is None]
    known = [(row, bits) for row in done if row not in none and (bits := value(row)) is not None]
    if not known and not none and len(done) == len(rows):
        return None
    values = [bits for _, bits in known]
    open_to = [row.searched_bits for row, _ in known if row.machine and row.searched_bits is not None]
    more = max(map(_searched, none), default=None)
    middle = statistics.median([*values, *[math.inf] * len(none)]) if values else math.inf
    return Point(
        x,
        value=middle if math.isfinite(middle) else None,
        low=min([*values, *open_to], default=None),
        high=max(values, default=None),
        sampled=any(map(is_sampled, [*none, *(row for row, _ in known)])),
        more=more,
        refused=len(done) < len(rows),
    )


def _searched(row: MemoryPoint) -> float:
    if row.searched_bits is None:
        raise BadInput(
            f"a row with an error target has a machine, or how far one was searched for; the cell {row.digest} "
            f"({row.family}, n = {row.n}) has neither"
        )
    return row.searched_bits


def is_sampled(row: MemoryPoint) -> bool:
    return row.evidence.startswith("sampled")


def known_by(rows: Rows) -> str:
    """``exhaustive, 5 seeds``: how the rows of a series are known; empty if all are refused."""
    kinds = sorted({short(row.evidence) for row in rows if not row.is_refused and row.evidence})
    seeds = {seed for row in rows if (seed := _seed(row)) is not None}
    return " or ".join(kinds) + (f", {len(seeds)} seeds" if len(seeds) > 1 else "")


def _seed(row: MemoryPoint) -> str | None:
    """The seed of the row, or in its machine's name."""
    found = re.search(r"\bseed=([^,]*)", row.family or row.machine or "")
    return found[1] if found else None if row.seed is None else str(row.seed)


def slope(found: Sequence[Point]) -> Trend | None:
    """The trend of the medians over all seeds; None where it says nothing, or the greatest are not known."""
    if any(point.more is not None for point in found):
        return None
    known = [(int(point.x), point.value) for point in found if point.value is not None and not point.refused]
    made = trend([n for n, _ in known], [value for _, value in known])
    return None if made is None or made.is_flat else made


def label(name: str) -> str:
    """The family in the legend; of a user's own, ``folder/my.py:build``, the end."""
    return clipped(name.rsplit("/", 1)[-1] if machine_name(name) == name else name, NAME)


def where(rows: Rows) -> str:
    """``INDEX inside IsTree (two-hub)``, with what differs from bits; over all prefixes the task alone."""
    row = rows[0]
    inside = task_name(row.task) + (f", c = {row.c}" if row.c is not None else "")
    kinds = f", {row.symbols} symbols" if row.symbols > 2 else ""
    if row.prefix_set == "all" or row.problem is None:
        return inside + kinds
    return f"{row.problem} inside {inside} ({row.reduction}){kinds}"


def spanned(rows: Rows) -> str:
    """``n = 2 … 24``."""
    first, last = min(row.n for row in rows), max(row.n for row in rows)
    return f"n = {first:,}" if first == last else f"n = {first:,} … {last:,}"


def across(rows: Rows) -> str:
    """What n is."""
    row = rows[0]
    if row.prefix_set == "all":
        return "n, size of the task" if row.reduction is None else "n, size of the problem inside the task"
    return "n, bits that Alice holds" if row.symbols == 2 else "n, symbols that Alice holds"


def bound(rows: Rows, below: str | None, several: bool = False) -> Rule | None:
    """The bound against n: by its formula where that is what the rows say, else through them.

    n·g(ε) bits for INDEX, n bits for EQ without error. None if nothing is known. ``several``: other panels have
    another ε.
    """
    given = {row.n: row.bound_bits for row in rows if row.bound_bits is not None}
    row = rows[0]
    symbols, error = row.symbols, row.error_target or 0.0
    each = fano_bits(error, symbols)
    agree = all(math.isclose(bits, n * each, abs_tol=1e-9) for n, bits in given.items())
    asks = row.problem == "INDEX" or (row.problem == "EQ" and error == 0)
    source = _same([r.bound_source for r in rows]) or ""
    if row.prefix_set == "alice" and agree and (given or asks):
        first, last = min(r.n for r in rows), max(r.n for r in rows)
        at = tuple(first + (last - first) * k / (SAMPLES - 1) for k in range(SAMPLES))
        note: tuple[str, ...] = (source,)
        name = "bound n bits" if symbols == 2 else f"bound n·log₂ {symbols} bits"
        if error > 0 or several:
            name, note = "bound n·g(ε) bits", (f"g = {number(each, ROUND_FLOOR, 4)}, {source}",)
        return Rule(name, note, BOUND, at, tuple(n * each for n in at), below)
    if not given:
        return None
    formula = _same([r.bound_formula for r in rows])
    name = f"bound {formula}" if formula else "bound, at each n"
    at = tuple(sorted(given))
    return Rule(name, (source,), BOUND, at, tuple(given[int(n)] for n in at), below)


def _same(texts: Sequence[str | None]) -> str | None:
    """The text that all which have one share."""
    found = {text for text in texts if text}
    return found.pop() if len(found) == 1 else None
