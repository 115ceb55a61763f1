"""Memory horizons: a small panel for each family, tokens until two streams are one state against the precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator

from commlb.errors import BadInput
from commlb.plots.colours import look, machine_name
from commlb.plots.curves import HEAD, WIDTH, head, ticks
from commlb.plots.panels import ARROW
from commlb.plots.style import CHARACTER, GREY, INK, PALE, SMALL, TEXT, count, fitted, panel, task_name
from commlb.records_rows import without
from commlb.records_witness import Horizon

COLUMNS, GAP, LEFT, RIGHT = 6, 0.16, 0.62, 0.15
"""Panels beside each other, at most, and inches between, left and right of them."""

HIGH, FEW_HIGH, BETWEEN, TICKS, UNDER, WIDEST = 1.1, 2.3, 0.27, 0.2, 1.02, 5.95
"""Inches of a panel, of one among few, above it for its name, below it for ticks, below all; the width, at most."""

UNMERGED = 1.25
"""Where on the logarithmic axis unmerged pairs stand, as a multiple of the budget."""


@dataclass(frozen=True)
class Stand:
    """What is known at one place of the axis: steps, None where the pair is unmerged within the budget."""

    x: int
    worst: int | None
    best: int | None
    random: tuple[int | None, ...]
    same: tuple[int | None, ...]
    budget: int
    has_worst: bool
    has_best: bool

    @property
    def median(self) -> int | None:
        """The middle one of the random continuations, the lower of two; None if that is unmerged."""
        order = sorted(self.random, key=lambda steps: float("inf") if steps is None else steps)
        return order[(len(order) - 1) // 2]


def across(horizons: Sequence[Horizon]) -> str:
    """What the axis measures: "precision" where families have several, else "storage"."""
    found: dict[str, set[int | None]] = {}
    for h in horizons:
        found.setdefault(without(h.machine, "p", "format", "seed"), set()).add(h.precision_bits)
    varied = any(len(values) > 1 for values in found.values())
    return "precision" if varied and all(None not in values for values in found.values()) else "storage"


def families(horizons: Sequence[Horizon]) -> dict[str, list[Horizon]]:
    """The horizons of each family, in the order given."""
    precision = across(horizons) == "precision"
    grouped: dict[str, list[Horizon]] = {}
    for h in horizons:
        name = without(h.machine, "p", "format", "seed") if precision else machine_name(h.machine)
        grouped.setdefault(name, []).append(h)
    return grouped


def stands(horizons: Sequence[Horizon], precision: bool) -> list[Stand]:
    """What one family's horizons at one position say, place by place."""
    places: dict[int, list[Horizon]] = {}
    for h in horizons:
        x = h.precision_bits if precision and h.precision_bits is not None else h.storage_bits
        places.setdefault(x, []).append(h)
    made = []
    for x, here in sorted(places.items()):
        worst = [h.steps for h in here if h.continuation == "worst found"]
        best = [h.steps for h in here if h.continuation == "best found"]
        made.append(
            Stand(
                x,
                _furthest(worst),
                min((steps for steps in best if steps is not None), default=None),
                tuple(h.steps for h in here if h.continuation == "random"),
                tuple(h.steps for h in here if h.continuation.startswith("all ")),
                max(h.budget for h in here),
                bool(worst),
                bool(best),
            )
        )
    return made


def _furthest(steps: Sequence[int | None]) -> int | None:
    return None if None in steps else max((one for one in steps if one is not None), default=None)


def figure(horizons: Sequence[Horizon]) -> Figure:
    """A panel for each family; of several positions the first. Call it inside ``style.settings()``.

    Raises ``BadInput`` for horizons of several tasks, reductions or n.
    """
    if not horizons:
        raise BadInput("there are no horizons to draw")
    if len({(h.task, h.reduction, h.n, h.symbols) for h in horizons}) > 1:
        raise BadInput("memory horizons in one picture must be of one task, reduction, n and alphabet")
    first = horizons[0].position
    horizons = [h for h in horizons if h.position == first]
    precision, grouped = across(horizons) == "precision", families(horizons)
    columns = min(COLUMNS, len(grouped))
    deep = -(-len(grouped) // columns)
    high = HIGH if deep > 1 else FEW_HIGH
    wide = min(WIDEST, (WIDTH - LEFT - RIGHT - (columns - 1) * GAP) / columns)
    pitch = high + BETWEEN + TICKS
    made = Figure(figsize=(WIDTH, UNDER + deep * pitch + HEAD - 0.35), facecolor="white")
    head(made, *_words(horizons))
    budget = max(h.budget for h in horizons)
    for place, (name, own) in enumerate(grouped.items()):
        row, column = divmod(place, columns)
        bottom, left = UNDER + (deep - 1 - row) * pitch, LEFT + column * (wide + GAP)
        axes = _axes(made, left, bottom, wide, high)
        found = stands(own, precision)
        _scale(axes, found, budget, column == 0)
        draw(axes, name, found, budget)
        over = panel(made, left, bottom + high, wide + GAP, BETWEEN)
        text, size = fitted(name, wide - 0.05, TEXT)
        over.text(0, 0.07, text, size=size, va="baseline")
    middle = LEFT + (columns * (wide + GAP) - GAP) / 2, UNDER + (deep * pitch - BETWEEN - TICKS) / 2
    _foot(
        made,
        "bits a number" if precision else "bits of state",
        middle,
        any(h.x is not None for h in horizons),
    )
    return made


def _words(horizons: Sequence[Horizon]) -> tuple[str, str]:
    h = horizons[0]
    title = f"Memory horizon: {task_name(h.task)}, {h.reduction}, n = {h.n:,}, symbol {h.position} changed"
    seeds = sorted({one.seed for one in horizons if one.continuation == "random" and one.seed is not None})
    drawn = f", {count(len(seeds), 'random one')}" if seeds else ""
    return title, (
        "Tokens, the changed one counted, until the two states are bit for bit equal, on common continuations"
        f"{drawn}; exhaustive for the pairs run, weights random. Worst and best are the worst and best found: "
        "the worst is no less, the best no more."
    )


def _axes(made: Figure, left: float, bottom: float, wide: float, high: float) -> Axes:
    total, tall = made.get_size_inches()
    axes = made.add_axes((left / total, bottom / tall, wide / total, high / tall))
    axes.tick_params(labelsize=SMALL, length=2, pad=2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[:].set_linewidth(0.6)
    return axes


def _scale(axes: Axes, found: Sequence[Stand], budget: int, first: bool) -> None:
    """The axes: places below, tokens on a logarithmic scale up to beyond the budget."""
    low, last = found[0].x, found[-1].x
    margin, wider = max(0.5, 0.04 * (last - low)), (last / low) ** 0.04
    doubling = last >= 8 * low and last > 64
    if doubling:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim((low / wider, last * wider) if doubling else (low - margin, last + margin))
    axes.set_yscale("log")
    axes.set_ylim(0.8, budget * 2.6)
    marks = [mark for mark in (1, 10, 100, 1000, 10_000, 100_000) if mark < budget / 1.6] + [budget]
    axes.set_yticks(marks, [f"{mark:,}" for mark in marks] if first else [""] * len(marks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y", color=PALE, lw=0.7)
    axes.set_axisbelow(True)
    wide = axes.get_window_extent().width / axes.figure.dpi
    most = max(2, int(wide / (0.1 + SMALL * CHARACTER * len(f"{last:,}"))))
    places = ticks(low, last, most) if last > low else [low]
    if doubling:
        powers = [2**k for k in range(last.bit_length()) if low <= 2**k]
        places = powers[:: -(-len(powers) // most)]
    axes.set_xticks(places, [f"{place:,}" for place in places])


def draw(axes: Axes, name: str, found: Sequence[Stand], budget: int) -> None:
    """The band from best to worst, the median of the random ones, one symbol over and over, and who is unmerged."""
    own = look(machine_name(name))
    top = budget * UNMERGED

    def heights(values: Sequence[int | None]) -> list[float]:
        return [top if value is None else float(value) for value in values]

    axes.axhline(budget, color=GREY, lw=0.7, ls=(0, (2, 2)), zorder=1, label="budget")
    banded = [stand for stand in found if stand.has_worst and stand.has_best]
    if banded:
        where = [stand.x for stand in banded]
        worst = heights([stand.worst for stand in banded])
        best = heights([stand.best for stand in banded])
        axes.fill_between(where, best, worst, color=own.colour, alpha=0.2, lw=0, zorder=0.8)
        if len(where) == 1:
            axes.plot(where * 2, [best[0], worst[0]], color=own.colour, lw=4, alpha=0.2, zorder=0.8)
        for values, dash, words in ((worst, (0, (4, 1.2)), "worst found"), (best, (0, (1, 1)), "best found")):
            axes.plot(where, values, color=own.colour, lw=0.9, ls=dash, zorder=2, label=words)
        _unmerged(axes, [s.x for s in banded if s.worst is None], top, own.colour)
    same = [(stand.x, steps) for stand in found for steps in stand.same if steps is not None]
    axes.plot(
        [x for x, _ in same],
        [y for _, y in same],
        ls="none", marker="x", ms=2.8, mew=0.8, color=INK, zorder=3, label="one symbol",
    )  # fmt: skip
    drawn = [stand for stand in found if stand.random]
    if drawn:
        middle = [stand.median for stand in drawn]
        line = [(stand.x, value) for stand, value in zip(drawn, middle, strict=True)]
        axes.plot(
            [x for x, _ in line],
            heights(middle),
            color=own.colour,
            lw=1.1,
            zorder=3.5,
            label="random, median",
        )
        merged = [(x, value) for x, value in line if value is not None]
        axes.plot(
            [x for x, _ in merged], [y for _, y in merged],
            ls="none", marker="o", ms=3.4, mfc=own.colour, mec="white", mew=0.4, zorder=4, label="random",
        )  # fmt: skip
        open_still = [x for x, value in line if value is None]
        axes.plot(
            open_still, [top] * len(open_still),
            ls="none", marker="o", ms=3.4, mfc="white", mec=own.colour, mew=0.9, zorder=5, label="random, unmerged",
        )  # fmt: skip
    missing = [stand.x for stand in found if None in (*stand.random, *stand.same)]
    if not banded:
        _unmerged(axes, missing, top, own.colour)


def _unmerged(axes: Axes, places: Sequence[int], top: float, colour: str) -> None:
    """Arrows from the budget's line upwards."""
    axes.plot(
        places, [top] * len(places),
        ls="none", marker=ARROW, ms=12, mfc="none", mec=colour, mew=0.9, zorder=2.5, label="unmerged",
    )  # fmt: skip


def _foot(made: Figure, measured: str, middle: tuple[float, float], searched: bool) -> None:
    """What the axes measure, at the ``middle`` of them all, and the signs explained."""
    side = panel(made, 0, 0, WIDTH, UNDER)
    side.text(middle[0], 0.66, measured, size=TEXT, ha="center")
    left = panel(made, 0, UNDER, 0.3, made.get_size_inches()[1] - UNDER)
    up = middle[1] - UNDER
    left.text(0.16, up, "tokens until merged", size=TEXT, rotation=90, ha="center", va="center")
    x, y = LEFT, 0.3

    def sign(words: str, **how: object) -> None:
        nonlocal x
        side.plot([x, x + 0.15, x + 0.3], [y] * 3, color=INK, markevery=[1], **how)  # type: ignore[arg-type]
        side.text(x + 0.38, y, words, size=SMALL, va="center")
        x += 0.38 + len(words) * SMALL * CHARACTER + 0.12

    if searched:
        sign("worst found", lw=0.9, ls=(0, (4, 1.2)))
        sign("best found", lw=0.9, ls=(0, (1, 1)))
        side.add_patch(Rectangle((x, y - 0.06), 0.3, 0.12, fc=INK, alpha=0.2, lw=0))
        side.text(x + 0.38, y, "between", size=SMALL, va="center")
        x += 0.38 + 7 * SMALL * CHARACTER + 0.12
    sign("random, median", lw=1.1, marker="o", ms=3.4)
    sign("one symbol over and over", ls="none", marker="x", ms=3.2, mew=0.8)
    x, y = LEFT, 0.1
    words = "unmerged within the budget, no more (hollow dot: the median random one)"
    sign(words, ls="none", marker=ARROW, ms=12, mfc="none", mew=0.9)
    sign("the budget", lw=0.7, ls=(0, (2, 2)))
