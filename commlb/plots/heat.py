"""What is remembered: I(X_i; S_t) as a heat map over symbols and cuts, and the best guess under Fano's ceiling."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from commlb.plots.curves import LEFT, SIDE, WIDE, Curve, chart, draw_curve, draw_labels, ticks
from commlb.plots.style import GREY, INK, SMALL, TEXT, panel
from commlb.records_states import StatesResult
from commlb.wording import number

COLOURS = "cividis"
"""From dark blue (nothing) to yellow (all); made for colour-blind readers, its lightness rises evenly."""

UNREAD: dict[str, Any] = {"facecolor": "#F2F2F2", "edgecolor": "#B5B5B5", "hatch": "////"}
FEW = 150
"""Rows or columns up to which each has its own sharp edge."""


def remembered(result: StatesResult) -> NDArray[np.float64]:
    """I(X_i; S_t), a row for each i and a column for each finished cut; NaN where x_i is not yet read."""
    found = np.full((result.n, len(result.cuts)), np.nan)
    for k, cut in enumerate(result.cuts):
        known = cut.per_input_bit or ()
        found[: len(known), k] = known
    return found


def draw_heat(
    made: Figure, result: StatesResult, across: tuple[float, float], bottom: float, high: float
) -> Axes:
    """The map, symbol 1 at the top, with its colours and the hatching explained beside it."""
    values, whole = remembered(result), math.log2(result.symbols)
    axes = chart(made, bottom, high, across, (result.n + 0.5, 0.5))
    axes.grid(False)
    axes.add_patch(Rectangle((-0.5, 0.5), len(result.cuts), result.n, lw=0, zorder=-1, **UNREAD))
    axes.imshow(
        np.ma.masked_invalid(values),
        cmap=COLOURS,
        vmin=0,
        vmax=whole,
        aspect="auto",
        interpolation="nearest" if max(values.shape) <= FEW else "antialiased",
        extent=(-0.5, len(result.cuts) - 0.5, result.n + 0.5, 0.5),
    )
    axes.set_xlim(*across)
    axes.set_ylim(result.n + 0.5, 0.5)
    places = ticks(1, result.n, 11)
    axes.set_yticks(places, [f"{place:,}" for place in places])
    axes.set_ylabel("symbol i of x", size=TEXT)
    _key(made, whole, bottom, high, result.evidence)
    return axes


def _key(made: Figure, whole: float, bottom: float, high: float, evidence: str) -> None:
    """The colour bar from 0 to all of a symbol, and what hatching means."""
    wide, tall = made.get_size_inches()
    bar = made.add_axes(((LEFT + WIDE + 0.3) / wide, (bottom + 0.1) / tall, 0.2 / wide, (high - 0.2) / tall))
    ramp = np.linspace(0, whole, 256)[:, None]
    bar.imshow(ramp, cmap=COLOURS, vmin=0, vmax=whole, aspect="auto", origin="lower", extent=(0, 1, 0, whole))
    bar.set_xticks([])
    bar.yaxis.tick_right()
    marks = [0, whole / 2, whole]
    bar.set_yticks(marks, [number(mark, digits=3) for mark in marks])
    bar.tick_params(labelsize=SMALL)
    side = panel(made, LEFT + WIDE, bottom, SIDE, high)
    lines = ["I(X_i; S_t) in bits:", "what the state after t tokens", "tells of symbol i", f"· {evidence}"]
    for k, line in enumerate(lines):
        side.text(
            1.0, high - 0.3 - 0.17 * k, line, size=TEXT if k == 0 else SMALL, color=INK if k < 3 else GREY
        )
    for k, line in enumerate([f"{number(whole, digits=3)}: known", "0: forgotten"]):
        side.text(1.0, high - 1.2 - 0.17 * k, line, size=SMALL)
    side.add_patch(Rectangle((1.0, 0.2), 0.4, 0.22, lw=0.5, **UNREAD))
    side.text(1.5, 0.31, "x_i not yet read", size=SMALL, va="center")


def accuracies(result: StatesResult) -> list[Curve]:
    """The best guess of x_i from the state, on average over the i read, and Fano's ceiling for it, in percent."""
    at = tuple(float(cut.t) for cut in result.cuts)
    best = tuple(cut.mean_best_accuracy and 100 * cut.mean_best_accuracy for cut in result.cuts)
    most = tuple(cut.ceiling_accuracy and 100 * cut.ceiling_accuracy for cut in result.cuts)

    def last(values: tuple[float | None, ...], rounding: str) -> str:
        known = [value for value in values if value is not None]
        return f"{number(known[-1], rounding, 4)} %" if known else "unknown"

    guess = f"{last(best, ROUND_FLOOR)} · {result.evidence}"
    return [
        Curve("guess", "best guess of x_i, mean", at, best, guess),
        Curve("ceiling", "Fano's ceiling at the entropy", at, most, f"{last(most, ROUND_CEILING)} · formula"),
    ]


def draw_accuracy(
    made: Figure, result: StatesResult, across: tuple[float, float], bottom: float, high: float
) -> Axes:
    """Both accuracies, from that of blind guessing up."""
    blind = 100 / result.symbols
    pad = 0.08 * (100 - blind)
    axes = chart(made, bottom, high, across, (blind - pad, 100 + pad))
    marks = [blind, (100 + blind) / 2, 100.0]
    axes.set_yticks(marks, [number(mark, digits=3) for mark in marks])
    axes.set_ylabel("right, in %", size=TEXT)
    lines = accuracies(result)
    for curve in lines:
        draw_curve(axes, curve)
    draw_labels(made, axes, lines)
    return axes
