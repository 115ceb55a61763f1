"""The kinds of pictures of rows, each rows in, a figure out: chain, curve, accuracy, precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from matplotlib.figure import Figure

from commlb.errors import BadInput
from commlb.plots.answers import accuracy
from commlb.plots.curves import Look
from commlb.plots.page import Form, page
from commlb.plots.panels import AT_LEAST, AT_MOST, Panel, Point, Rule, Series
from commlb.plots.style import ALICE, BOB, INK, JOIN, OTHER
from commlb.plots.table import (
    Rows,
    across,
    bound,
    drawn_as,
    grouped,
    known_by,
    label,
    points,
    slope,
    spanned,
    where,
)
from commlb.records_rows import MemoryPoint
from commlb.trends import Trend

THIN = Look(INK, (0, (1, 2.5)), 1.0, "", 0, 4)
"""Of capacities beside what is kept."""

BELOW = {
    "alice": "below the bound: the machine errs on some input",
    "all": "below the bound: no machine that never errs",
}
"""What is said of the region below a bound."""

QUANTITIES = {
    "capacity_bits": ("capacity", Look(OTHER, (0, (4, 1.2)), 3.4, "^", 6.2, 3)),
    "reachable_bits": ("reachable", Look(INK, "solid", 2.0, "o", 4.8, 4)),
    "entropy_bits": ("entropy", Look(JOIN, (0, (3, 1.2)), 1.4, "s", 3.2, 5)),
    "information_bits": ("information on x", Look(BOB, (0, (1.2, 1.2)), 1.0, "D", 2.0, 6)),
    "minimum_bits": ("exact minimum", Look(ALICE, (0, (1.5, 1.5)), 1.2, "s", 3.0, 6)),
}
"""Of a chain, the greatest first; where they coincide the later ones are smaller, so that all are seen."""

CHAINS = {
    "alice": ("capacity_bits", "reachable_bits", "entropy_bits", "information_bits"),
    "all": ("capacity_bits", "reachable_bits", "minimum_bits"),
}
OVER = {"alice": "over Alice's prefixes", "all": "over all prefixes"}

OBSERVED = "slope: bits per unit of n, 95 % by bootstrap over the sizes; an observation"


def chain(rows: Rows, form: Form) -> Figure:
    """Capacity, reachable, entropy and information bits against n, a panel a machine, with the bound."""
    families = grouped(rows)
    over = rows[0].prefix_set
    several = len(families) > 1
    made = []
    known = known_by(rows)
    notes = {"capacity": "states that fit", "exact minimum": f"of any machine that never errs; {known}"}
    for name, own in families.items():
        drawn = {key: _marked(own, key) for key in CHAINS[over]}
        lines = []
        for key, found in drawn.items():
            words, look = QUANTITIES[key]
            if found:
                lines.append(Series(words, (notes.get(words, known),), look, tuple(found), apart=True))
        rule = bound(own, BELOW[over])
        made.append(
            Panel(label(name) if several else "", across(rows), "bits at the cut", tuple(lines), _rules(rule))
        )
    one = next(iter(families))
    first = "Bits at the cut" if several else f"{label(one)}: bits at the cut"
    title = [f"{first}, {OVER[over]}", f"{where(rows)}, {spanned(rows)}"]
    return page(title, made, form, sampled=AT_LEAST)


def _marked(rows: Rows, key: str) -> list[Point]:
    """The points of one quantity; refused cells are marked once, with the reachable bits; the capacity and the
    minimum are not sampled.
    """
    found = points(rows, lambda row: getattr(row, key))
    if key == "reachable_bits":
        return found
    counted = key in ("entropy_bits", "information_bits")
    return [
        replace(point, refused=False, sampled=point.sampled and counted)
        for point in found
        if point.value is not None
    ]


def _rules(*found: Rule | None) -> tuple[Rule, ...]:
    return tuple(rule for rule in found if rule is not None)


def curve(rows: Rows, form: Form) -> Figure:
    """Several machines against one bound: the smallest capacity that meets an error, or what is kept of x."""
    targets = sorted({row.error_target for row in rows if row.error_target is not None})
    if targets:
        return _thresholds([row for row in rows if row.error_target is not None], targets, form)
    key = "information_bits" if rows[0].prefix_set == "alice" else "reachable_bits"
    if all(getattr(row, key) is None for row in rows):
        key = "reachable_bits"
    over = rows[0].prefix_set
    families, said = grouped(rows), False
    looks, lines, room = drawn_as(list(families)), [], False
    for name, own in families.items():
        found = points(own, lambda row: getattr(row, key))
        grows = slope(found) if over == "all" else None  # what Alice says is cut off at a machine's capacity
        said = said or grows is not None
        notes = _notes(own, grows) if found else ("not known",)
        lines.append(Series(label(name), notes, looks[name], tuple(found), apart=True))
        most = [replace(p, low=None, high=None, refused=False, sampled=False) for p in points(own, _room)]
        room = room or any(point.value is not None for point in most)
        lines.append(Series("", (), replace(THIN, colour=looks[name].colour), tuple(most)))
    if room:
        lines.append(Series("capacity", ("in the machine's colour",), THIN, ()))
    word = "information on x" if key == "information_bits" else "reachable bits"
    up = word if "bits" in word else f"{word}, bits"
    title = [f"{word.capitalize()} at the cut, {OVER[over]}", f"{where(rows)}, {spanned(rows)}"]
    panel = Panel("", across(rows), up, tuple(lines), _rules(bound(rows, BELOW[over])))
    return page(title, [panel], form, OBSERVED if said else "", sampled=AT_LEAST)


def _room(row: MemoryPoint) -> float | None:
    return row.capacity_bits


def _notes(rows: Rows, grows: Trend | None) -> tuple[str, ...]:
    return (known_by(rows), *([] if grows is None else [grows.words()]))


def _thresholds(rows: Rows, targets: Sequence[float], form: Form) -> Figure:
    """The smallest capacity in a family that answers each query with error ≤ ε, a panel an ε."""
    families, made, said = grouped(rows), [], False
    looks = drawn_as(list(families))
    several = len(targets) > 1
    for target in targets:
        lines = []
        for name, all_own in families.items():
            own = [row for row in all_own if row.error_target == target]
            both = len({row.answered_by for row in own if not row.is_refused}) > 1
            for bob in sorted({row.answered_by or "" for row in own}, reverse=True):
                mine = [row for row in own if (row.answered_by or "") == bob]
                found = points(mine, _room)
                grows = slope(found)
                said = said or grows is not None
                whose = BOBS.get(bob, "") if both else ""
                if found:
                    lines.append(Series(label(name) + whose, _notes(mine, grows), looks[name], tuple(found)))
        here = [row for row in rows if row.error_target == target]
        rule = bound(here, "impossible: below the bound", several)
        name = f"ε = {target:g}" if several else ""
        made.append(Panel(name, across(rows), "capacity, bits", tuple(lines), _rules(rule)))
    first = "Smallest state that answers every query rightly"
    if several or targets[0] > 0:
        first = f"Smallest state with error at most {'ε' if several else f'ε = {targets[0]:g}'} at each query"
    title = [first, f"{where(rows)}, {spanned(rows)}"]
    return page(title, made, form, OBSERVED if said else "", sampled=AT_MOST)


BOBS = {"optimal Bob": ", an optimal Bob", "machine": ", its own answers"}
"""Whose answers a curve is about; where that changes, a curve ends and another begins."""


def at_largest(rows: Rows) -> list[MemoryPoint]:
    """The rows with a precision, at the largest n that has a finished one."""
    sizes = {row.n for row in rows if row.precision_bits is not None and not row.is_refused}
    if not sizes:
        raise BadInput(
            "no row has precision_bits; rows of networks with p=… or format=… have; take --kind curve"
        )
    return [row for row in rows if row.precision_bits is not None and row.n == max(sizes)]


def precision(rows: Rows, form: Form) -> Figure:
    """Information on x against the bits of a number, at the largest n: in bits, and per bit of state."""
    rows = at_largest(rows)
    n = rows[0].n
    if all(row.information_bits is None and not row.is_refused for row in rows):
        raise BadInput(f"no row at n = {n} has information_bits; take --kind curve, or another --n")
    families = grouped(rows, ("seed", "p"))
    looks = drawn_as(list(families))

    def panel(up: str, value: Callable[[MemoryPoint], float | None], rules: tuple[Rule, ...]) -> Panel:
        lines = tuple(
            Series(
                label(name),
                (known_by(own),),
                looks[name],
                tuple(points(own, value, lambda row: row.precision_bits or 0)),
                apart=True,
            )
            for name, own in families.items()
        )
        return Panel("", "precision, bits a number", up, lines, rules)

    ends = tuple(float(f(row.precision_bits or 0 for row in rows)) for f in (min, max))
    needed = bound(rows, None)
    rule = None
    if needed is not None:
        rule = replace(needed, at=ends, values=needed.values[:1] * 2, note=("of a machine that never errs",))
    made = [
        panel("information on x, bits", lambda row: row.information_bits, _rules(rule)),
        panel("information per bit of state", _share, ()),
    ]
    title = [f"What a bit of state keeps of x: {where(rows)}, n = {n:,}"]
    return page(title, made, form, shared=False, sampled=AT_LEAST)


def _share(row: MemoryPoint) -> float | None:
    if row.information_bits is None or not row.capacity_bits:
        return None
    return row.information_bits / row.capacity_bits


KINDS: dict[str, Callable[[Rows, Form], Figure]] = {
    "chain": chain,
    "curve": curve,
    "accuracy": accuracy,
    "precision": precision,
}
