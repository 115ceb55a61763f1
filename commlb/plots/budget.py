"""The picture of ``commlb budget``: where the bits of a model's state are, and the ceilings beyond them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from commlb.errors import BadInput
from commlb.plots.curves import FOOT, HEAD, LEFT, WIDE, WIDTH, Curve, chart, draw_curve, draw_labels, head
from commlb.plots.style import ALICE, BOB, GREY, JOIN, OTHER, PALE, SMALL, TEXT, TITLE, panel, task_name
from commlb.records_budget import BudgetResult, Fit, Room
from commlb.wording_budget import amount, in_bytes

HIGH, BAR, GAP, ABOVE = 2.75, 0.3, 0.8, 0.28
"""Inches of the chart, of a bar, between the chart and the bars, and above the bars for their name."""

NAMED = 1.3
"""Inches for the names beside the bars."""

KINDS = {
    "recurrent": ("recurrent", JOIN),
    "convolution": ("convolution", OTHER),
    "position": ("position", GREY),
    "window": ("windows (KV)", BOB),
    "kv": ("KV", ALICE),
}
"""By kind of state: its name and colour."""

TOKENS = 4096
"""Of the keys and values in the picture of several models."""

ROW = 0.3
"""Inches of a model in it."""

TASKS = {
    "counting": "capacity",
    "index": "reachable",
    "ar": "entropy",
    "cgram": "law 3",
    "istree": "best law",
}
"""By task: how its curve looks."""


def figure(found: BudgetResult | Mapping[str, BudgetResult]) -> Figure:
    """The whole picture. Call it inside ``style.settings()`` for the look that files have.

    Raises ``BadInput`` for a result without a model, of which there is nothing to draw.
    """
    return one(found) if isinstance(found, BudgetResult) else several(found)


def one(result: BudgetResult) -> Figure:
    """A bar a kind of state, and below them the ceilings beyond what the first room holds."""
    if result.model is None:
        raise BadInput("--plot draws the budget of a model; give one, or leave --plot out")
    bars = [(kind.kind, kind.live_bits, kind.tensor_bits) for kind in result.kinds]
    room = next((room for room in result.rooms if any(fit.ceilings for fit in room.fits)), None)
    low = FOOT + HIGH + GAP if room else 0.15
    tall = low + BAR * max(1, len(bars)) + ABOVE + HEAD
    made = Figure(figsize=(WIDTH, tall), facecolor="white")
    head(made, title(result), result.verdict)
    _bars(panel(made, 0.2, low, WIDTH - 0.4, BAR * max(1, len(bars)) + ABOVE), result, bars)
    if room:
        _ceilings(made, room)
    return made


def title(result: BudgetResult) -> str:
    """``The state of mamba2-2.7b.json: 1,375,207,424 bits a stream``."""
    model = result.model
    if model is None:
        return "What a task needs"
    name = model.name.rsplit("/", 1)[-1]
    told = in_bytes(result.recurrent_bits) if result.recurrent_bits else "no recurrent state"
    grows = f", and {result.kv_bits_per_token:,} bits more a token" if result.kv_bits_per_token else ""
    return f"The state of {name}: {told}{' carried' if result.recurrent_bits else ''}{grows}"


def _bars(axes: Axes, result: BudgetResult, bars: Sequence[tuple[str, int | None, int | None]]) -> None:
    """A bar a kind of state, as long as the logarithm of its live bits; pale beyond: kept, and read by no step."""
    wide, high = axes.get_xlim()[1], axes.get_ylim()[1]
    most = max([math.log2(kept) for _, _, kept in bars if kept] + [1.0])
    unit = (wide - NAMED - 3.3) / most
    when = f"; KV after {result.tokens:,} tokens" if result.tokens is not None else ""
    axes.text(0, high - 0.14, f"live bits, on a logarithmic scale{when}", size=SMALL, color=GREY)
    for place, (kind, live, kept) in enumerate(bars):
        name, colour = KINDS[kind]
        y = high - ABOVE - BAR * (place + 0.62)
        axes.text(NAMED - 0.1, y, name, size=TEXT, ha="right", va="center")
        end = NAMED + unit * math.log2(kept) if kept else NAMED
        if live:
            axes.barh(y, unit * math.log2(live), BAR * 0.62, left=NAMED, color=colour, zorder=3)
        if kept and live != kept:
            axes.barh(y, unit * math.log2(kept), BAR * 0.62, left=NAMED, color=PALE, zorder=2)
        words = "grows with every token" if live is None else amount(live)
        if live is not None and kept is not None and kept != live:
            words += f"; {kept:,} kept"
        axes.text(end + 0.08, y, words, size=SMALL, va="center")


def several(found: Mapping[str, BudgetResult]) -> Figure:
    """A row a model: the live bits of its recurrent state, of full windows, and of the KV of so many tokens."""
    rows = list(found.items())
    tall = ROW * len(rows) + 0.6 + 0.95
    made = Figure(figsize=(WIDTH, tall), facecolor="white")
    top = panel(made, 0.2, tall - 0.6, WIDTH - 0.4, 0.6)
    top.text(0, 0.2, "What models keep from token to token, in live bits", size=TITLE, weight="bold")
    axes = made.add_axes((1.75 / WIDTH, 0.85 / tall, (WIDTH - 1.95) / WIDTH, ROW * len(rows) / tall))
    axes.set_xscale("log")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], size=TEXT)
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color=PALE, lw=0.8)
    axes.set_axisbelow(True)
    places = {"carried": (JOIN, "o"), "windows": (BOB, "s"), "KV": (ALICE, "D")}
    at: dict[str, list[tuple[int, int]]] = {kind: [] for kind in places}
    for y, (_, result) in enumerate(rows):
        values = (result.recurrent_bits, result.window_bits, TOKENS * result.kv_bits_per_token)
        for kind, bits in zip(places, values, strict=True):
            if bits:
                at[kind].append((bits, y))
    names = (
        "carried by the recurrence",
        "in full windows",
        f"in the KV of {TOKENS:,} tokens, which goes on growing",
    )
    for (kind, (colour, mark)), name in zip(places.items(), names, strict=True):
        if at[kind]:
            axes.plot(*zip(*at[kind], strict=True), ls="none", marker=mark, ms=7, color=colour, label=name)
    ends = [math.log10(bits) for points in at.values() for bits, _ in points]
    places_of_ten = range(math.floor(min(ends)), math.ceil(max(ends)) + 1)
    axes.set_xticks([10**k for k in places_of_ten], [f"10^{k}" for k in places_of_ten])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("bits (logarithmic scale)", size=TEXT)
    made.legend(loc="lower left", ncols=3, fontsize=SMALL, frameon=False, bbox_to_anchor=(0.02, 0.0))
    return made


def _ceilings(made: Figure, room: Room) -> None:
    """Right answers, at most, against the size of the task, beyond what the room holds."""
    fits = [fit for fit in room.fits if fit.ceilings]
    first = min(math.log10(fit.ceilings[0].task_n) for fit in fits)
    last = max(math.log10(fit.ceilings[-1].task_n) for fit in fits)
    start = first - 0.08 * (last - first)
    curves = [_curve(fit, start) for fit in fits]
    axes = chart(made, FOOT, HIGH, (start, last), (48, 102))
    axes.set_ylabel("right answers, at most, in %", size=TEXT)
    axes.set_xlabel(f"n, the task's own size (logarithmic scale), for {amount(room.live_bits)}", size=TEXT)
    axes.set_xticks(*_ticks(start, last))
    for curve in curves:
        draw_curve(axes, curve)
    draw_labels(made, axes, curves)
    side = panel(made, LEFT + WIDE, 0, WIDTH - LEFT - WIDE, FOOT)
    side.text(0.3, 0.3, "Fano, mean over the queries of an INDEX", size=SMALL, color=GREY, style="italic")
    side.text(
        0.3, 0.13, "instance of uniform symbols inside the task", size=SMALL, color=GREY, style="italic"
    )


def _curve(fit: Fit, start: float) -> Curve:
    """100 % up to the first size beyond, then the ceilings."""
    at = [start, *(math.log10(made.task_n) for made in fit.ceilings)]
    values = [100.0, *(100 * made.ceiling_accuracy for made in fit.ceilings)]
    first = fit.ceilings[0]
    name = f"{task_name(fit.task)}: n ≥ {fit.exceeds_n:,}"
    note = f"is beyond; INDEX by {first.reduction}"
    return Curve(TASKS[fit.task], name, tuple(at), tuple(values), note)


def _ticks(start: float, last: float) -> tuple[list[float], list[str]]:
    """Powers of ten, and between them 2 and 5 where few of them fit."""
    powers = range(math.floor(start), math.ceil(last) + 1)
    leads = (1, 2, 5) if last - start < 4 else (1,)
    places = [
        (k + math.log10(lead), f"{lead}·10^{k}" if lead > 1 else f"10^{k}") for k in powers for lead in leads
    ]
    inside = [(x, word) for x, word in places if start <= x <= last]
    return [x for x, _ in inside], [word for _, word in inside]
