"""Curves against the size of a task, in panels above each other: minima, closed forms, bounds of reductions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from commlb.plots.curves import FOOT, HEAD, WIDTH, Curve, across_ticks, chart, draw_curve, draw_labels, head
from commlb.plots.style import GREY, SMALL, TEXT

HIGH, GAP = 3.0, 0.62
"""Inches of a panel, and between two of them."""


@dataclass(frozen=True)
class Sizes:
    """One panel: ``curves`` against the sizes, ``across`` says what sizes those are, ``up`` what is drawn."""

    curves: tuple[Curve, ...]
    across: str
    up: str = "bits"


def figure(title: str, sentence: str, panels: Sequence[Sizes]) -> Figure:
    """The panels, the first on top. Call it inside ``style.settings()`` for the look that files have."""
    tall = FOOT + HEAD + HIGH * len(panels) + GAP * (len(panels) - 1)
    made = Figure(figsize=(WIDTH, tall), facecolor="white")
    head(made, title, sentence)
    for place, each in enumerate(reversed(panels)):
        sizes = [x for curve in each.curves for x in curve.at]
        known = [v for curve in each.curves for v in curve.values if v is not None]
        first, last, top = min(sizes), max(sizes), 1.08 * max(known)
        margin = max(0.25, (last - first) / 40)
        bottom = FOOT + place * (HIGH + GAP)
        axes = chart(made, bottom, HIGH, (first - margin, last + margin), (-0.03 * top, top))
        axes.set_ylabel(each.up, size=TEXT)
        across_ticks(axes, int(first), int(last), each.across)
        for curve in each.curves:
            draw_curve(axes, curve)
        short = [curve for curve in each.curves if 2 * curve.at[-1] < first + last]
        draw_labels(made, axes, [curve for curve in each.curves if curve not in short])
        for curve in short:
            _label(axes, curve)
    return made


def _label(axes: Axes, curve: Curve) -> None:
    """The name of a curve that ends in the left half stands inside the axes, above it."""
    (x0, x1), (_, top) = axes.get_xlim(), axes.get_ylim()
    x, value = x0 + 0.03 * (x1 - x0), next(v for v in reversed(curve.values) if v is not None)
    axes.plot([curve.at[-1]] * 2, [value + 0.03 * top, 0.4 * top], color=GREY, lw=0.5, zorder=1)
    axes.text(x, 0.475 * top, curve.name, size=TEXT, va="bottom")
    axes.text(x, 0.465 * top, curve.note, size=SMALL, va="top", color=GREY)
