"""The picture of ``commlb exact``: bits against the cut, what the task's machine has and what any one needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from commlb.plots.chains import noted
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
from commlb.plots.style import GREY, INK, SMALL, TEXT, count, sized, task_name
from commlb.records import Bound
from commlb.records_exact import ExactCut, ExactResult
from commlb.wording import number

HIGH = 3.65
"""Inches of the panel."""

MOST_REDUCTIONS = 3
"""Lines of bounds by reductions that have room."""

BAND: dict[str, Any] = {"facecolor": "#D5D5D5", "edgecolor": GREY, "linewidth": 0.5, "hatch": "...."}


def figure(result: ExactResult, reductions: Sequence[tuple[str, Bound]] = ()) -> Figure:
    """The whole picture, with the best of the ``reductions``' bounds.

    Call it inside ``style.settings()`` for the look that files have.
    """
    made = Figure(figsize=(WIDTH, FOOT + HIGH + HEAD), facecolor="white")
    head(made, title(result), result.verdict)
    lines, last = curves(result, reductions), result.cuts[-1].t
    margin = max(0.5, last / 60)
    top = 1.08 * ceiling(lines, last, ("at least", "at most"), ("machine",))
    axes = chart(made, FOOT, HIGH, (-margin, last + margin), (-0.03 * top, top))
    axes.set_ylabel("bits", size=TEXT)
    across_ticks(axes, 0, last, "cut: after t tokens")
    _band(axes, result)
    for curve in lines:
        draw_curve(axes, curve)
    _worst(axes, worst(result), last)
    draw_labels(made, axes, lines)
    return made


def title(result: ExactResult) -> str:
    """``What any machine for IsTree must keep: 8 vertices``."""
    return f"What any machine for {task_name(result.task)} must keep: {sized(result.task_size)}"


def worst(result: ExactResult) -> ExactCut:
    """The cut with the largest minimum."""
    return next(cut for cut in result.cuts if cut.t == result.worst_cut)


def curves(result: ExactResult, reductions: Sequence[tuple[str, Bound]] = ()) -> list[Curve]:
    """What is drawn, of equal values the lower bounds first."""
    cuts = result.cuts
    at = tuple(float(cut.t) for cut in cuts)
    found = []
    for name, bound in sorted(reductions, key=lambda pair: -pair[1].bits)[:MOST_REDUCTIONS]:
        note = f"{number(bound.bits, ROUND_FLOOR, 4)} · {noted(bound.evidence)}"
        note += ", Alice's prefixes" if bound.prefix_set == "alice" else ""
        found.append(Curve("reduction", name, (at[0], at[-1]), (bound.bits,) * 2, note))
    if result.bound is not None:
        note = f"{number(result.bound.bits, ROUND_FLOOR, 4)} · {noted(result.bound.evidence)}"
        ends = (at[0], at[-1])
        found.append(Curve("closed bound", "closed form, worst cut", ends, (result.bound.bits,) * 2, note))
    forms = [cut.closed_form for cut in cuts]
    if any(form is not None for form in forms):
        known = count(sum(form is not None for form in forms), "cut")
        found.append(Curve("closed form", "closed form", at, _bits(forms), f"at {known} · formula"))
    low, high = _bits([cut.classes_at_least for cut in cuts]), _bits([cut.classes_at_most for cut in cuts])
    evidence = noted(result.evidence)
    if low == high:
        found.append(
            Curve("at least", "minimum of any machine", at, low, f"{_largest(low, at)} · {evidence}")
        )
    else:
        note = f"{_largest(low, at)} · {evidence}"
        found.append(Curve("at least", "minimum, at least", at, low, note))
        note = f"{_largest(high, at, up=True)} · {evidence}"
        found.append(Curve("at most", "minimum, at most (dotted: open)", at, high, note))
    own = _bits([cut.machine_states for cut in cuts])
    name = "the task's own machine" if result.engine == "layers" else "prefixes of the task"
    return [*found, Curve("machine", name, at, own, f"{_largest(own, at, up=True)} · {evidence}")]


def _bits(counts: list[int | None] | list[int]) -> tuple[float | None, ...]:
    return tuple(None if states is None else math.log2(states) for states in counts)


def _largest(bits: tuple[float | None, ...], at: tuple[float, ...], up: bool = False) -> str:
    value, place = max((value, -t) for value, t in zip(bits, at, strict=True) if value is not None)
    return f"{number(value, ROUND_CEILING if up else ROUND_FLOOR, 4)} at t = {int(-place):,}"


def _band(axes: Axes, result: ExactResult) -> None:
    """The open interval where the bounds do not meet, a column a cut where its neighbours do."""
    at = [float(cut.t) for cut in result.cuts]
    low = [math.log2(cut.classes_at_least) for cut in result.cuts]
    high = [math.log2(cut.classes_at_most) for cut in result.cuts]
    if low != high:
        axes.fill_between(at, low, high, zorder=1.8, **BAND)


def _worst(axes: Axes, cut: ExactCut, last: int) -> None:
    """A line at the worst cut, with its exact count above."""
    top = axes.get_ylim()[1]
    axes.plot(
        [cut.t] * 2,
        [math.log2(cut.classes_at_least), 0.93 * top],
        color=INK,
        lw=0.8,
        ls=(0, (2, 2)),
        zorder=2,
    )
    side = "left" if cut.t < last / 3 else "right" if cut.t > 2 * last / 3 else "center"
    axes.text(cut.t, 0.945 * top, words(cut), size=SMALL, weight="bold", ha=side, va="bottom", zorder=8)


def words(cut: ExactCut) -> str:
    """``worst cut, t = 4: exactly 1,702 states``."""
    low, high = _count(cut.classes_at_least), _count(cut.classes_at_most)
    states = f"exactly {low}" if cut.exact else f"between {low} and {high}"
    return f"worst cut, t = {cut.t:,}: {states} states"


def _count(states: int) -> str:
    """The count, or of one too long for a line the power of two below it."""
    power = states.bit_length() - 1
    return f"{states:,}" if power < 50 else f"2^{power}" if states == 2**power else f"more than 2^{power}"
