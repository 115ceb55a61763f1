"""The picture of ``commlb discover``: bits found at each cut, and what bounds them from above."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR

from matplotlib.figure import Figure

from commlb.plots.curves import (
    FOOT,
    HEAD,
    WIDTH,
    Curve,
    across_ticks,
    ceiling,
    chart,
    draw_curve,
    draw_labels,
    head,
)
from commlb.plots.style import TEXT, sized, task_name
from commlb.records_witness import DiscoverResult
from commlb.wording import number

HIGH = 3.65
"""Inches of the panel."""

MOST_KNOWN = 3
"""Registered reductions that have room."""


def figure(result: DiscoverResult) -> Figure:
    """The whole picture. Call it inside ``style.settings()`` for the look that files have."""
    made = Figure(figsize=(WIDTH, FOOT + HIGH + HEAD), facecolor="white")
    head(made, title(result), result.verdict, warn=result.stopped is not None)
    lines = curves(result)
    first, last = result.cuts[0].t, result.cuts[-1].t
    margin = max(0.5, (last - first) / 60)
    top = 1.08 * max(1.0, ceiling(lines, last, ("found", "at least"), ("machine",)))
    axes = chart(made, FOOT, HIGH, (first - margin, last + margin), (-0.03 * top, top))
    axes.set_ylabel("bits", size=TEXT)
    across_ticks(axes, first, last, "cut: after t tokens")
    for curve in lines:
        draw_curve(axes, curve)
    draw_labels(made, axes, lines)
    return made


def title(result: DiscoverResult) -> str:
    """``The largest INDEX instance inside IsTree: 8 vertices``."""
    return f"The largest INDEX instance inside {task_name(result.task)}: {sized(result.task_size)}"


def curves(result: DiscoverResult) -> list[Curve]:
    """What is drawn, of equal values the lower bounds first."""
    at = tuple(float(cut.t) for cut in result.cuts)
    ends = (at[0], at[-1])
    found = []
    looks = ("reduction", "reduction 2", "reduction 3")
    known = sorted(result.known.items(), key=lambda pair: -pair[1])[:MOST_KNOWN]
    for look, (name, bits) in zip(looks, known, strict=False):
        found.append(
            Curve(
                look, f"reduction {name}", ends, (bits, bits), f"{number(bits, ROUND_FLOOR, 4)} · registered"
            )
        )
    bits_found = tuple(cut.bits for cut in result.cuts)
    where = (
        "nowhere" if result.cut is None else f"{number(result.bits, ROUND_FLOOR, 4)} at t = {result.cut:,}"
    )
    found.append(Curve("at least", "shattered: found", at, bits_found, f"{where} · {result.evidence}"))
    most = tuple(cut.upper_bound_bits for cut in result.cuts)
    note = f"{number(result.upper_bound_bits, ROUND_CEILING, 4)} at most · proved"
    found.append(Curve("at most", "at most: rows, or a search", at, most, note))
    rows = tuple(math.log2(cut.rows) for cut in result.cuts)
    widest = number(max(rows), ROUND_CEILING, 4)
    return [*found, Curve("machine", "log of the rows", at, rows, f"{widest} at most · exhaustive")]
