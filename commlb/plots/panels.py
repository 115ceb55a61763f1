"""What a picture of rows is made of, panels with series and rules, and how these are drawn on axes.

Points that are exact are filled, sampled ones hollow; × is a cell that was refused, an arrow upwards says that
no machine of up to so many bits was found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from commlb.errors import BadInput
from commlb.plots.curves import Look, ticks
from commlb.plots.style import CHARACTER, PALE, SMALL

ARROW = Path([(0, 0), (0, 1), (-0.2, 0.72), (0, 1), (0.2, 0.72), (0, 1)], [1, 2, 1, 2, 1, 2])
"""A marker that points upwards from where it stands."""

REFUSED = "refused: over a limit"
MORE = "of some seed, or all: none of up to so many bits suffices"
BAND = "shaded: from the least to the most found over the seeds; the line is the median of all"
SAMPLED = "hollow: sampled; filled: not sampled"
AT_LEAST = "hollow: sampled, at least so much; filled: not sampled"
AT_MOST = "hollow: sampled, at most so much, and more than where its shade or bar begins; filled: not sampled"


@dataclass(frozen=True)
class Point:
    """A value at ``x`` (None: none is known) and what it varies between: seeds, or likely accuracies.

    ``more``: for some seed no machine of up to so many bits does; ``refused``: some seed hit a limit.
    """

    x: float
    value: float | None = None
    low: float | None = None
    high: float | None = None
    sampled: bool = False
    more: float | None = None
    refused: bool = False


@dataclass(frozen=True)
class Series:
    """Points of one machine or quantity. ``note``: what the legend says after its name, in parts.

    ``band``: what lies between is shaded; otherwise it is a bar at each point. ``joined``: by a line. ``apart``:
    sampled points are lower limits, so that no line leads to them.
    """

    name: str
    note: tuple[str, ...]
    look: Look
    points: tuple[Point, ...]
    band: bool = True
    joined: bool = True
    apart: bool = False


@dataclass(frozen=True)
class Rule:
    """A line that is not data: a bound, a ceiling. ``below``: what is said of the region below it."""

    name: str
    note: tuple[str, ...]
    look: Look
    at: tuple[float, ...]
    values: tuple[float, ...]
    below: str | None = None


@dataclass(frozen=True)
class Panel:
    """One set of axes; ``across`` and ``up`` say what they measure, ``low`` is the least height shown."""

    name: str
    across: str
    up: str
    series: tuple[Series, ...]
    rules: tuple[Rule, ...] = ()
    low: float = 0.0
    high: float | None = None


@dataclass(frozen=True)
class Axis:
    """Whether an axis is logarithmic, its ends, and those of the data."""

    log: bool
    low: float
    high: float
    first: float = 0.0
    last: float = 0.0


def axis(panels: Sequence[Panel], log: bool, across: bool) -> Axis:
    """The ends of the axes that hold all panels."""
    points = [point for each in panels for one in each.series for point in one.points]
    rules = [rule for each in panels for rule in each.rules]
    if across:
        places = [point.x for point in points] + [x for rule in rules for x in rule.at]
        if not places:
            raise BadInput("these rows have none of the numbers that the picture shows; take another --kind")
        first, last = min(places), max(places)
        if log and first > 0 and last > first:
            return Axis(True, first / 1.12, last * 1.12, first, last)
        margin = max(0.04 * (last - first), 0.5 if last == first else 0.0)
        return Axis(False, first - margin, last + margin, first, last)
    values = [v for p in points for v in (p.value, p.low, p.high, p.more) if v is not None]
    values += [v for rule in rules for v in rule.values]
    most, positive = max(values, default=1.0), [v for v in values if v > 0]
    if log and positive:
        return Axis(True, min(positive) / 1.5, max(positive) * (2.6 if _arrows(points) else 1.4))
    low = min(each.low for each in panels)
    if panels[0].high is not None:
        low = min([low, *values])
        return Axis(False, low - 0.04 * (panels[0].high - low), panels[0].high)
    most = max(most, low + 1e-9)
    return Axis(False, low - 0.03 * (most - low), low + (1.24 if _arrows(points) else 1.07) * (most - low))


def _arrows(points: Sequence[Point]) -> bool:
    return any(point.more is not None for point in points)


def scale(axes: Axes, across: Axis, up: Axis) -> None:
    """Limits, ticks and the grid; a logarithmic axis has powers of two as plain numbers."""
    axes.tick_params(labelsize=SMALL, length=3, pad=2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=PALE, lw=0.8)
    axes.set_axisbelow(True)
    for log, one, name in ((across.log, axes.xaxis, "x"), (up.log, axes.yaxis, "y")):
        if log:
            getattr(axes, f"set_{name}scale")("log", base=2)
            one.set_minor_locator(NullLocator())
    axes.set_xlim(across.low, across.high)
    axes.set_ylim(up.low, up.high)
    wide = axes.get_window_extent().width / axes.figure.dpi
    most = max(2, int(wide / (0.16 + SMALL * CHARACTER * len(f"{across.high:,.0f}"))))
    places = _powers(across, most) if across.log else _whole(across, most)
    axes.set_xticks(places, list(map(figures, places)))
    if up.log:
        places = _powers(up, 8)
        axes.yaxis.set_major_locator(FixedLocator(places))
        axes.yaxis.set_major_formatter(FixedFormatter(list(map(figures, places))))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_formatter(lambda value, _: figures(value))


def _whole(ends: Axis, most: int) -> list[float]:
    first, last = math.ceil(ends.first), math.floor(ends.last)
    return [float(place) for place in ticks(first, last, most)]


def _powers(ends: Axis, most: int) -> list[float]:
    """Powers of two between the ends, every so many of them, the least exponent even or all."""
    first, last = math.ceil(math.log2(ends.low)), math.floor(math.log2(ends.high))
    step = max(1, -(-(last - first + 1) // most))
    return [2.0**k for k in range(-(-first // step) * step, last + 1, step)]


def draw(axes: Axes, each: Panel) -> None:
    """Rules below, then each series: what it varies between, its line, its points, and what has none."""
    low = axes.get_ylim()[0]
    for rule in each.rules:
        look, at, values = rule.look, rule.at, rule.values
        if len(set(at)) == 1:  # one size: a line across all of it
            at, values = axes.get_xlim(), values[:1] * 2
        if rule.below:
            axes.fill_between(at, values, low, color=PALE, lw=0, zorder=0.5)
        axes.plot(at, values, color=look.colour, ls=look.dash, lw=look.width, zorder=2, label=rule.name)
    crossed = [one for one in each.series if any(point.refused for point in one.points)]
    for one in each.series:
        _points(axes, one, low)
    for k, one in enumerate(crossed):  # stacked, in the lowest third of the axes
        refused = [point.x for point in one.points if point.refused]
        y = 0.04 + k * min(0.065, 0.3 / len(crossed))
        made = mark(axes, refused, [y] * len(refused), "x", 5, one.look.colour, 9, REFUSED)
        made.set_transform(axes.get_xaxis_transform())


def figures(value: float) -> str:
    """A number at an axis.

    >>> figures(2.5), figures(1e7), figures(-1.0), figures(2.0**40)
    ('2.5', '10,000,000', '−1', '1.09951e+12')
    """
    return (f"{value:,.10g}" if abs(value) < 1e10 else f"{value:g}").replace("-", "−")


def _points(axes: Axes, one: Series, low: float) -> None:
    look, points = one.look, one.points
    at = [point.x for point in points]
    values = [_shown(axes, point.value, low) for point in points]
    lows = [_shown(axes, point.low, low) for point in points]
    highs = [_shown(axes, point.high, low) for point in points]
    alone = [one.apart and point.sampled for point in points]
    if one.band:
        least = [math.nan if a else v for a, v in zip(alone, lows, strict=True)]
        axes.fill_between(at, least, highs, color=look.colour, alpha=0.18, lw=0, zorder=1)
    for k, (x, a, b) in enumerate(zip(at, lows, highs, strict=True)):
        beside = [j for j in (k - 1, k + 1) if 0 <= j < len(at) and math.isfinite(lows[j]) and not alone[j]]
        if a < b and (alone[k] or not one.band or not beside):
            axes.plot(
                [x, x], [a, b], color=look.colour, lw=1.0, marker="_", ms=3.5, mew=1.0, zorder=look.order
            )
    dash = look.dash if one.joined else "none"
    led = [math.nan if a else v for a, v in zip(alone, values, strict=True)]
    axes.plot(at, led, color=look.colour, ls=dash, lw=look.width, zorder=look.order, label=one.name)
    for hollow in (False, True):
        kept = [k for k, p in enumerate(points) if p.sampled == hollow and p.value is not None]
        fill, name = ("white", "sampled") if hollow else (look.colour, "exact")
        places, heights = [at[k] for k in kept], [values[k] for k in kept]
        mark(axes, places, heights, look.marker, look.size, look.colour, look.order + 0.5, name, fill)
    for hollow in (False, True):
        found = [(p.x, p.more) for p in points if p.more is not None and p.sampled == hollow]
        places, heights, fill = [x for x, _ in found], [more for _, more in found], "white"
        mark(axes, places, heights, ARROW, 30, look.colour, look.order + 0.6, MORE, "none")
        mark(
            axes,
            places,
            heights,
            look.marker,
            0.7 * look.size,
            look.colour,
            look.order + 0.7,
            "searched",
            fill,
        )


def mark(
    axes: Axes,
    at: Sequence[float],
    values: Sequence[float],
    marker: Any,
    size: float,
    colour: str,
    order: float,
    name: str = "",
    fill: str = "",
) -> Line2D:
    """Markers without a line, full ones with a white edge; they may stand on the ends of the axes."""
    edge = "white" if fill == colour else colour
    (made,) = axes.plot(
        at,
        values,
        ls="none",
        marker=marker or "none",
        ms=size,
        mfc=fill or colour,
        mec=edge,
        mew=0.4 if fill == colour else 1.2,
        zorder=order,
        clip_on=False,
        label=name,
    )
    return made


def _shown(axes: Axes, value: float | None, low: float) -> float:
    """The height at which a value is drawn: 0 on a logarithmic axis at its lower edge."""
    if value is None:
        return math.nan
    return low if axes.get_yscale() == "log" and value <= 0 else value
