"""The picture of ``commlb states``: bits against the cut, and what is remembered of each symbol of x."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR

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
    missing,
)
from commlb.plots.heat import draw_accuracy, draw_heat
from commlb.plots.style import GREY, TEXT, clipped, count, sized, task_name
from commlb.records import spec
from commlb.records_states import StatesResult
from commlb.wording import number

HIGH, HEAT, ACCURACY, GAP = 3.65, 2.75, 1.05, 0.36
"""Inches: the panel of bits alone, the heat map, the accuracy, and what is between them."""

SHARED = 2.75
"""Inches: the panel of bits above a heat map."""

MACHINE = 30
"""Characters of a machine's name that the title has room for."""


def figure(result: StatesResult) -> Figure:
    """The whole picture. Call it inside ``style.settings()`` for the look that files have."""
    told = any(cut.per_input_bit for cut in result.cuts)
    high, bottom = (SHARED, FOOT + HEAT + ACCURACY + 2 * GAP) if told else (HIGH, FOOT)
    made = Figure(figsize=(WIDTH, bottom + high + HEAD), facecolor="white")
    head(made, title(result), result.verdict, warn=not result.complete)
    lines, last = curves(result), last_shown(result)
    margin = max(0.5, last / 60)
    across = (-margin, last + margin)
    name = "cut: after t tokens" + (f" ({last:,} = where Alice ends)" if _is_cut(result, last) else "")
    top = ceiling(lines, last, ("reachable", "closed form"), ("capacity",))
    axes = chart(made, bottom, high, across, (-0.03 * top, top))
    axes.set_ylabel("bits", size=TEXT)
    across_ticks(axes, 0, last, None if told else name)
    if not result.cuts:
        axes.text(last / 2, axes.get_ylim()[1] / 2, "no cut was finished", size=TEXT, color=GREY, ha="center")
        return made
    for curve in lines:
        draw_curve(axes, curve)
    draw_labels(made, axes, lines)
    panels = [axes]
    if told:
        panels.append(draw_heat(made, result, across, FOOT + ACCURACY + GAP, HEAT))
        panels.append(draw_accuracy(made, result, across, FOOT, ACCURACY))
        across_ticks(panels[1], 0, last, None)
        across_ticks(panels[2], 0, last, name)
    if last > result.cuts[-1].t:
        start = result.cuts[-1].t + 0.5
        missing(axes, start, "not reached", [v for c in lines for v in c.values[-1:] if v is not None])
        for each in panels[1:]:
            missing(each, start)
    return made


def title(result: StatesResult) -> str:
    """``window:w=4 on INDEX with 16 bits inside Index, gadget plain: what it keeps, over Alice's prefixes``."""
    machine = clipped(spec(result.machine), MACHINE)
    where = task_name(result.task) + (f", c = {result.c}" if result.c is not None else "")
    if result.prefix_set == "all":
        return (
            f"{machine} on {where}, {sized(result.task_size)}: what it keeps, over all prefixes of the task"
        )
    held = count(result.n, "bit")
    if result.symbols > 2:
        held = f"{count(result.n, 'symbol')} of {result.symbols:,} kinds"
    inside = f"{result.problem} with {held} inside {where}, gadget {result.reduction}"
    return f"{machine} on {inside}: what it keeps, over Alice's prefixes"


def final(result: StatesResult) -> int:
    """The last cut there is: where Alice's part ends, or the stream."""
    over_all = result.prefix_set == "all" or result.cut is None
    return result.stream_length if over_all or result.cut is None else result.cut


def last_shown(result: StatesResult) -> int:
    """The cut at the right end: the last; of a partial result not so far that what is known looks small."""
    if not result.cuts:
        return final(result)
    done = result.cuts[-1].t
    return min(final(result), max(done + 1, math.ceil(1.5 * done)))


def _is_cut(result: StatesResult, last: int) -> bool:
    return result.prefix_set == "alice" and last == result.cut


def curves(result: StatesResult) -> list[Curve]:
    """What is drawn, of equal values the lower bounds first: needed, entropy, reachable, capacity."""
    cuts = result.cuts
    at = tuple(float(cut.t) for cut in cuts)
    if not cuts:
        return []

    def curve(look: str, name: str, values: list[float | None], evidence: str, up: bool = False) -> Curve:
        return Curve(look, name, at, tuple(values), f"{_counts(result, values, up)} · {evidence}")

    what = "x" if result.prefix_set == "alice" else "prefixes"
    exhaustive, room = noted(result.evidence), noted(result.machine.capacity_evidence)
    return [
        *_needed(result, at),
        curve("entropy", f"entropy, {what} uniform", [cut.entropy_bits for cut in cuts], exhaustive),
        curve("reachable", "reachable bits", [cut.reachable_bits for cut in cuts], exhaustive),
        curve("capacity", "capacity bits", [cut.capacity_bits for cut in cuts], room, up=True),
    ]


def _needed(result: StatesResult, at: tuple[float, ...]) -> list[Curve]:
    """What the machine is held against: over Alice's prefixes x itself, over all the closed form."""
    bound, cuts = result.bound, result.cuts
    found = []
    if result.prefix_set == "alice":
        read = [(cut.symbols_read or 0) * math.log2(result.symbols) for cut in cuts]
        found.append(
            Curve(
                "read",
                "bits of x read so far",
                at,
                tuple(read),
                f"{_counts(result, [*read], False)} · formula",
            )
        )
        if bound is not None:
            note = f"{number(bound.bits, ROUND_FLOOR, 4)}, {result.problem} · {noted(bound.evidence)}"
            where = final(result)
            name = f"must cross the cut at t = {where:,}"
            found.append(Curve("need", name, (float(where),), (bound.bits,), note))
        return found
    least = [None if cut.minimum_states is None else math.log2(cut.minimum_states) for cut in cuts]
    if any(bits is not None for bits in least):
        note = f"{_counts(result, least, False)} · formula"
        return [Curve("closed form", "any machine needs", at, tuple(least), note)]
    if bound is not None:
        ends = (0.0, float(final(result)))
        note = f"{number(bound.bits, ROUND_FLOOR, 4)} · {noted(bound.evidence)}"
        return [Curve("closed bound", "any machine needs, worst cut", ends, (bound.bits,) * 2, note)]
    return []


def _counts(result: StatesResult, values: list[float | None], up: bool) -> str:
    """The value that counts: over Alice's prefixes the last, over all the largest and where it is."""
    rounding = ROUND_CEILING if up else ROUND_FLOOR
    known = [(value, -cut.t) for value, cut in zip(values, result.cuts, strict=True) if value is not None]
    if not known:
        return "unknown"
    if result.prefix_set == "alice" and result.complete:
        return number(known[-1][0], rounding, 4)
    if result.prefix_set == "alice":
        return f"{number(known[-1][0], rounding, 4)} at t = {-known[-1][1]:,}"
    value, place = max(known)
    return f"{number(value, rounding, 4)} at t = {-place:,}"
