"""The picture of ``commlb exact`` over several sizes: bits at the worst cut, and the laws of growth."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR

from matplotlib.figure import Figure

from commlb.plots.curves import (
    FOOT,
    HEAD,
    LEFT,
    SIDE,
    WIDE,
    WIDTH,
    Curve,
    across_ticks,
    ceiling,
    chart,
    draw_curve,
    draw_labels,
    head,
)
from commlb.plots.style import GREY, SMALL, TEXT, panel, task_name
from commlb.records_exact import GrowthFit, GrowthResult
from commlb.trends import LAWS
from commlb.wording import number

HIGH, SAMPLES = 3.65, 200
"""Inches of the panel; points of a law's curve."""


def figure(result: GrowthResult) -> Figure:
    """The whole picture. Call it inside ``style.settings()`` for the look that files have."""
    made = Figure(figsize=(WIDTH, FOOT + HIGH + HEAD), facecolor="white")
    head(made, title(result), result.verdict, warn=not result.complete)
    first, last = min(result.sizes), max(result.sizes)
    lines = curves(result)
    margin = max(0.5, (last - first) / 30)
    top = ceiling(lines, last, ("minima", "maxima"))
    lowest = min(0.0, *(v for c in lines for v in c.values if v is not None))
    low = max(lowest, -top / 3) - 0.04 * top
    axes = chart(made, FOOT, HIGH, (first - margin, last + margin), (low, top))
    axes.set_ylabel("bits at the worst cut", size=TEXT)
    across_ticks(axes, first, last, "n, the task's own size")
    for curve in lines:
        draw_curve(axes, curve)
    draw_labels(made, axes, lines)
    if result.fits:
        foot = panel(made, LEFT + WIDE, 0, SIDE, FOOT)
        for k, line in enumerate(("laws bits = a·g(n) + b, least squares:", "an observation, not a theorem")):
            foot.text(0.3, 0.3 - 0.17 * k, line, size=SMALL, color=GREY, style="italic")
    return made


def title(result: GrowthResult) -> str:
    """``What any machine for IsTree must keep, as n grows from 3 to 9``."""
    grows = f"from {min(result.sizes):,} to {max(result.sizes):,}"
    return f"What any machine for {task_name(result.task)} must keep, as n grows {grows}"


def curves(result: GrowthResult) -> list[Curve]:
    """The laws, the best one solid, and over them the minima (both ends, where they do not meet)."""
    order = sorted(range(len(result.sizes)), key=lambda k: result.sizes[k])
    at = tuple(float(result.sizes[k]) for k in order)
    low = tuple(result.results[k].minimum_bits for k in order)
    high = tuple(result.results[k].at_most_bits for k in order)
    evidence = result.results[0].evidence
    found = []
    known = [fit for fit in result.fits if fit.law in LAWS]
    for place, fit in enumerate(known):
        look = "best law" if place == 0 else f"law {min(place + 1, 5)}"
        found.append(_law(fit, look, at[0], at[-1]))
    name = "minimum" if low == high else "minimum, at least"
    note = f"{number(low[-1], ROUND_FLOOR, 4)} at n = {int(at[-1]):,} · {evidence}"
    found.append(Curve("minima", name, at, low, note))
    if low != high:
        note = f"{number(high[-1], ROUND_CEILING, 4)} at n = {int(at[-1]):,} · {evidence}"
        found.append(Curve("maxima", "minimum, at most", at, high, note))
    return found


def _law(fit: GrowthFit, look: str, first: float, last: float) -> Curve:
    """The fitted law from the first to the last size."""
    at = tuple(first + (last - first) * k / (SAMPLES - 1) for k in range(SAMPLES))
    values = tuple(fit.a * LAWS[fit.law](n) + fit.b for n in at)
    sign = "+" if fit.b >= 0 else "−"
    slope, start = number(fit.a, digits=3), number(abs(fit.b), digits=3)
    shape = f"{slope}·{fit.law} {sign} {start}".replace("^2", "²").replace("-", "−")
    residual = f"residual {number(fit.rms, ROUND_CEILING, 3)} bits"
    return Curve(look, shape, at, values, residual + (", the least" if look == "best law" else ""))
