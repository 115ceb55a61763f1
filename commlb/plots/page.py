"""The page of a picture of rows: its title, panels, and one legend below them that covers no data.

Lengths are inches; all text has 8 points.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from commlb.plots.curves import Look
from commlb.plots.panels import (
    ARROW,
    BAND,
    MORE,
    REFUSED,
    SAMPLED,
    Panel,
    Point,
    Rule,
    Series,
    axis,
    draw,
    figures,
    mark,
    scale,
)
from commlb.plots.style import GREY, INK, PALE, SMALL, panel

WIDTHS = {"column": 3.4, "wide": 7.0}
"""A column of a paper, and its whole page; several panels take the page."""

LEFT, RIGHT, BETWEEN = 0.62, 0.1, 0.22
"""Left and right of the axes, and between two panels that share their heights."""

HIGH, SMALLER = 2.15, 1.65
"""Of one panel or two, and of more."""

LINE, TOP, NAME, UNDER = 0.16, 0.08, 0.22, 0.42
"""A line of text; above the title; a panel's title; the ticks below the axes with what they are."""

SWATCH = 0.44
"""Of the sample of a line in the legend, with the space after it."""


@dataclass(frozen=True)
class Form:
    """How the picture is laid out: its width, and which axes are logarithmic."""

    width: str = "column"
    log_across: bool = False
    log_up: bool = False


@dataclass
class Key:
    """An entry of the legend: a sample, a name, and the remarks of each panel by the panel's name."""

    name: str
    look: Look | None
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    mark: str = "line"

    def text(self) -> str:
        """The name and the remarks: those of all panels once, the others with the panel's name.

        >>> Key("random", None, {"ε = 0": ("proved", "slope 2"), "ε = 0.1": ("proved", "slope 1")}).text()
        'random: proved; ε = 0: slope 2; ε = 0.1: slope 1'
        """
        common = [
            note for note in _unique(*self.notes.values()) if all(note in n for n in self.notes.values())
        ]
        own = [
            f"{where}: {note}"
            for where, notes in self.notes.items()
            for note in notes
            if note and note not in common
        ]
        said = "; ".join([*common, *own])
        return f"{self.name}: {said}" if said else self.name


def measured(text: str, bold: bool = False) -> float:
    """The width of a text of 8 points, in inches."""
    font = FontProperties(size=SMALL, weight="bold" if bold else "normal")
    wide: float = text_to_path.get_text_width_height_descent(text, font, False)[0]
    return wide / 72


def wrapped(text: str, room: float, bold: bool = False) -> list[str]:
    """The text in lines that fit in so many inches, not broken at =, … and in "n log n".

    A word that is longer than a line loses its end.
    """
    made = [""]
    for word in re.split(r"(?<![=…])(?<!n log)(?<!\bn(?= log)) (?![=…])", text):
        longer = f"{made[-1]} {word}".strip()
        if made[-1] and measured(longer, bold) > room:
            made.append(word)
        else:
            made[-1] = longer
        while len(made[-1]) > 1 and measured(made[-1], bold) > room:
            made[-1] = made[-1].removesuffix("…")[:-1] + "…"
    return made


def keys(panels: Sequence[Panel], sampled: str = SAMPLED) -> list[Key]:
    """What the legend holds: each series and rule once, then the marks that occur."""
    found: dict[tuple[str, str], Key] = {}
    for each in panels:
        items: list[Series | Rule] = [*each.series, *each.rules]
        for name, note, look in [(one.name, one.note, one.look) for one in items]:
            if name:
                found.setdefault((name, repr(look)), Key(name, look)).notes[each.name] = note
    marks = [Key(words, None, mark="area") for words in _unique(r.below for p in panels for r in p.rules)]
    series = [one for each in panels for one in each.series]
    points = _points(panels)
    if any(one.band and p.low is not None and p.low != p.high for one in series for p in one.points):
        marks.append(Key(BAND, None, mark="band"))
    if any(point.sampled for point in points):
        marks.append(Key(sampled, None, mark="hollow"))
    if any(point.more is not None for point in points):
        marks.append(Key(MORE, None, mark="more"))
    if any(point.refused for point in points):
        marks.append(Key(REFUSED, None, mark="refused"))
    return [*found.values(), *marks]


def _unique(*groups: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(word for words in groups for word in words if word))


def page(
    title: Sequence[str],
    panels: Sequence[Panel],
    form: Form,
    remark: str = "",
    shared: bool = True,
    sampled: str = SAMPLED,
) -> Figure:
    """The figure: ``title`` lines, panels, the legend, a remark.

    ``shared``: one height for all panels; ``sampled``: what hollow points are.
    """
    wide = WIDTHS["wide" if len(panels) > 1 else form.width]
    above = [line for text in title for line in wrapped(text, wide - 0.2, bold=True)]
    legend, below = _legend(keys(panels, sampled), wide)
    if form.log_up and any(point.value is not None and point.value <= 0 for point in _points(panels)):
        remark = "; ".join(part for part in (remark, "at the lower edge: 0 bits") if part)
    notes = wrapped(remark, wide - 0.2) if remark else []
    head, below = TOP + LINE * len(above), below + LINE * len(notes) + (0.1 if notes else 0.04)
    columns = min(len(panels), 3) if len(panels) != 4 else 2
    deep, high = -(-len(panels) // columns), HIGH if len(panels) <= 2 else SMALLER
    step = (NAME if any(each.name for each in panels) else 0.06) + high + UNDER
    tall = head + deep * step + below
    made = Figure(figsize=(wide, tall), facecolor="white")
    top = panel(made, 0.1, tall - head, wide - 0.2, head)
    for k, line in enumerate(above):
        top.text(0, head - TOP - LINE * (k + 0.8), line, size=SMALL, weight="bold", va="baseline")
    left = _left(panels, form)
    room = (wide - RIGHT - (left if shared else 0) - BETWEEN * (columns - 1)) / columns
    for place, each in enumerate(panels):
        row, column = divmod(place, columns)
        x, y = (left if shared else 0) + column * (room + BETWEEN), below + (deep - 1 - row) * step + UNDER
        start, end = x + (0 if shared else left), x + room
        axes = made.add_axes((start / wide, y / tall, (end - start) / wide, high / tall))
        scale(
            axes, axis(panels, form.log_across, True), axis(panels if shared else [each], form.log_up, False)
        )
        _name(axes, each, column == 0 or not shared)
        draw(axes, each)
    foot = panel(made, 0.1, 0, wide - 0.2, below)
    _draw_legend(foot, legend, below - 0.04)
    for k, line in enumerate(notes):
        foot.text(0, 0.04 + LINE * (len(notes) - k - 0.8), line, size=SMALL, color=GREY, style="italic")
    return made


def _points(panels: Sequence[Panel]) -> list[Point]:
    return [point for each in panels for one in each.series for point in one.points]


def _left(panels: Sequence[Panel], form: Form) -> float:
    """The left margin: the ticks' widest number, and beside it what the heights are."""
    most = max(axis([each], form.log_up, False).high for each in panels)
    return max(LEFT, 0.28 + measured(figures(float(round(most)))))


def _name(axes: Axes, each: Panel, first: bool) -> None:
    """What the axes measure; heights only at the ``first`` of panels that share them."""
    axes.set_xlabel(each.across, size=SMALL, labelpad=2)
    if first:
        axes.set_ylabel(each.up, size=SMALL, labelpad=3)
    else:
        axes.set_yticklabels([])
    axes.set_title(each.name, size=SMALL, loc="left", pad=4)


Column = list[tuple[Key, list[str]]]


def _legend(entries: Sequence[Key], wide: float) -> tuple[list[Column], float]:
    """The entries in one column, or two on a wide page, with their lines; and the height of all."""
    count = 1 if wide < 5 else 2
    room = (wide - 0.2) / count - SWATCH - (0.15 if count > 1 else 0)
    made = [(entry, wrapped(entry.text(), room)) for entry in entries]
    total = sum(len(lines) for _, lines in made)
    columns: list[Column] = [[] for _ in range(count)]
    used = 0
    for entry, lines in made:
        columns[0 if count == 1 or 2 * used < total else 1].append((entry, lines))
        used += len(lines)
    return columns, LINE * max(sum(len(lines) for _, lines in column) for column in columns)


def _draw_legend(foot: Axes, columns: Sequence[Column], top: float) -> None:
    wide = foot.get_xlim()[1] / len(columns)
    for place, column in enumerate(columns):
        y = top
        for key, lines in column:
            _sample(foot, key, place * wide, y - LINE * 0.5)
            for line in lines:
                foot.text(place * wide + SWATCH, y - LINE * 0.8, line, size=SMALL, va="baseline")
                y -= LINE


def _sample(foot: Axes, key: Key, x: float, y: float) -> None:
    middle, look = x + 0.17, key.look
    if look is not None:
        foot.plot([x, x + 0.34], [y, y], color=look.colour, ls=look.dash, lw=look.width, zorder=2)
        fill = "white" if look.hollow else look.colour
        mark(foot, [middle], [y], look.marker, look.size, look.colour, 3, fill=fill)
    elif key.mark in ("area", "band"):
        fill = PALE if key.mark == "area" else "#BBBBBB"
        foot.add_patch(Rectangle((x, y - 0.05), 0.34, 0.1, fc=fill, ec="none"))
    elif key.mark == "hollow":
        mark(foot, [middle - 0.07], [y], "o", 4.6, INK, 3, fill="white")
        mark(foot, [middle + 0.07], [y], "o", 4.6, INK, 3, fill=INK)
    elif key.mark == "more":
        mark(foot, [middle], [y - 0.06], ARROW, 18, INK, 3, fill="none")
    else:
        mark(foot, [middle], [y], "x", 5, INK, 3)
