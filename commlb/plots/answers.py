"""The picture of right answers against n, below Fano's ceiling."""

from __future__ import annotations

import math
from dataclasses import replace

from matplotlib.figure import Figure

from commlb.errors import BadInput
from commlb.fano import ceiling_accuracy
from commlb.plots.curves import Look
from commlb.plots.likelihood import FACTOR, likely
from commlb.plots.page import Form, page
from commlb.plots.panels import Panel, Point, Rule, Series
from commlb.plots.style import INK
from commlb.plots.table import (
    SAMPLES,
    Rows,
    across,
    drawn_as,
    grouped,
    known_by,
    label,
    points,
    spanned,
    where,
)
from commlb.records_rows import MemoryPoint
from commlb.wording import number

ANSWERED = {"machine": "the machine", "optimal Bob": "the best guess"}
"""Whose answers the errors of a row are."""


def accuracy(rows: Rows, form: Form) -> Figure:
    """Right answers against n beside Fano's ceiling at each machine's capacity, which no machine passes."""
    families = grouped(rows)
    looks, lines, rules = drawn_as(list(families)), [], []
    index = rows[0].problem == "INDEX"  # where a query asks for one symbol, so that Fano limits the mean
    for name, own in families.items():
        look = replace(looks[name], width=0.8)
        best = points(own, lambda row: None if row.best_accuracy is None else 100 * row.best_accuracy)
        lines.append(Series(label(name), (known_by(own), _capacity(own)), look, tuple(best)))
        if answers := _answers(own):
            thin = replace(look, size=look.size - 0.4, order=look.order + len(families))
            lines.append(Series("", (), thin, tuple(answers), band=False, joined=False))
        rules += _ceilings(own, look) if index else []
    if not any(point.value is not None for one in lines for point in one.points):
        raise BadInput("no row has best_accuracy, or sampled errors; take --kind chain or --kind curve")
    if rules:
        ceiling = Look(INK, "solid", 2.6, "", 0, 2)
        rules.append(Rule("Fano's ceiling", ("thick, in the machine's colour and dash",), ceiling, (), ()))
    title = ["Right answers, mean over the queries", f"{where(rows)}, {spanned(rows)}"]
    whose = sorted({row.answered_by for row in rows if row.answered_by and _answered(row)})
    named = " and ".join(ANSWERED.get(name, name) for name in whose) or "the machine"
    hollow = (
        f"filled: best guess from the state; hollow: sampled answers of {named}, all seeds together, bar: "
        f"accuracies up to {FACTOR:g} times less likely than the best"
    )
    panel = Panel(
        "",
        across(rows),
        "right answers, %",
        tuple(lines),
        tuple(rules),
        low=100 / rows[0].symbols,
        high=101.0,
    )
    return page(title, [panel], replace(form, log_up=False), sampled=hollow)


def _answered(row: MemoryPoint) -> bool:
    """Whether the row has answers that were sampled."""
    return (row.answers_evidence or "").startswith("sampled") and bool(row.trials)


def _capacity(rows: Rows) -> str:
    """``8 bits``, ``n bits``, ``2 to 24 bits``: the capacity of a series."""
    found = sorted({(row.capacity_bits, row.n) for row in rows if row.capacity_bits is not None})
    if not found:
        return ""
    low, high = (number(bits, digits=4) for bits in (found[0][0], found[-1][0]))
    if low == high:
        return f"{low} bits"
    return "n bits" if all(bits == n for bits, n in found) else f"{low} to {high} bits"


def _ceilings(rows: Rows, look: Look) -> list[Rule]:
    """Fano's ceiling in percent: densely where the capacity is the same at all n, else at each n.

    A capacity of n·log k bits, as of a window that is longer than x, has the ceiling 1 as a greater one has.
    """
    symbols = rows[0].symbols
    room = {row.n: row.capacity_bits for row in rows if row.capacity_bits is not None}
    if not room:
        return []
    most = max(room.values())
    at: tuple[float, ...] = tuple(sorted(room))
    bits = [room[int(n)] for n in at]
    same = all(bits == most or math.isclose(bits, n * math.log2(symbols)) for n, bits in room.items())
    if same and most < at[-1] * math.log2(symbols):
        at = tuple(at[0] + (at[-1] - at[0]) * k / (SAMPLES - 1) for k in range(SAMPLES))
        bits = [most] * SAMPLES
    values = tuple(100 * _ceiling(b, n, symbols) for b, n in zip(bits, at, strict=True))
    return [Rule("", (), replace(look, marker="", width=2.4, order=2), at, values)]


def _ceiling(bits: float, n: float, symbols: int) -> float:
    return ceiling_accuracy(bits / n, 1, symbols)


def _answers(rows: Rows) -> list[Point]:
    """Sampled answers of the machine, or of the best guess, of all seeds together, with their likely accuracies."""
    found = []
    for n in sorted({row.n for row in rows}):
        here = [row for row in rows if row.n == n and _answered(row)]
        trials = sum(row.trials or 0 for row in here)
        if trials:
            right = trials - sum(row.errors or 0 for row in here)
            low, high = likely(right, trials)
            found.append(Point(n, 100 * right / trials, 100 * low, 100 * high, sampled=True))
    return found
