"""Rows in, a picture out: which rows belong together, which kind of picture they make, what is refused."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Container, Sequence

from matplotlib.figure import Figure

from commlb.errors import BadInput, unknown_name
from commlb.plots.colours import machine_name
from commlb.plots.kinds import KINDS, OVER, at_largest
from commlb.plots.page import WIDTHS, Form
from commlb.plots.style import clipped, count
from commlb.plots.table import Rows, grouped, series_name
from commlb.records_rows import MemoryPoint
from commlb.wording import whole

MOST_N = 2**53
"""The largest integer below which floats are exact."""

MOST_PANELS, MOST_SERIES = 6, 12
"""Machines in a picture of chains, and in the others."""

LEFT_OUT = {"curve": "without an error target", "precision": "without a precision, or at a smaller n"}
REST = "with an error target"
"""Which rows a kind of picture has no place for."""

SCALES = ("linear", "log")

OPTIONS = {
    "prefix_set": "--over",
    "task": "--task",
    "reduction": "--reduction",
    "symbols": "--symbols",
    "c": "--c",
}
"""What all rows of one picture share, and the option that chooses among them."""


def select(
    rows: Rows,
    *,
    machines: Sequence[str] = (),
    n: Container[int] | None = None,
    errors: Sequence[float] = (),
    over: str | None = None,
    task: str | None = None,
    reduction: str | None = None,
    symbols: int | None = None,
    c: int | None = None,
) -> list[MemoryPoint]:
    """The rows that were asked for; of ``states`` one cut for each machine, see ``one_cut``.

    ``machines``: names (``gru``), families or machines as they were typed, with the seed or without; ``n`` and
    ``errors`` (error targets): those that are kept. Raises ``BadInput`` if nothing is left.
    """
    if not rows:
        raise BadInput("there are no rows; give a file that curve, reduce or states wrote")
    asked = {"prefix_set": over, "task": task, "reduction": reduction, "symbols": symbols, "c": c}
    found = [
        row
        for row in one_cut(rows)
        if (not machines or _names(row) & set(machines))
        and (n is None or row.n in n)
        and (not errors or any(_equal(row.error_target, error) for error in errors))
        and all(value is None or getattr(row, key) == value for key, value in asked.items())
    ]
    if not found:
        first, last = min(row.n for row in rows), max(row.n for row in rows)
        there = sorted({series_name(row) for row in rows})
        targets = sorted({row.error_target for row in rows if row.error_target is not None})
        held = ", ".join(sorted({row.task for row in rows})[:8])
        raise BadInput(
            f"of {count(len(rows), 'row')} none is left; they hold {held}, n = {first} to {last}, machines "
            f"{', '.join(there[:8])}{', …' if len(there) > 8 else ''}"
            + (f", errors {', '.join(f'{target:g}' for target in targets)}" if targets else "")
        )
    return found


def _names(row: MemoryPoint) -> set[str]:
    given = {name for name in (row.family, row.machine) if name}
    return given | {machine_name(name) for name in given} | {series_name(row)}


def _equal(target: float | None, error: float) -> bool:
    return target is not None and math.isclose(target, error, rel_tol=1e-9)


def one_cut(rows: Rows) -> list[MemoryPoint]:
    """Of the rows of ``states``, one a machine and size: over Alice's prefixes the last cut, over all prefixes the
    one where most is needed or, if that is not known, reached. Other rows as they are.
    """
    best: dict[str, MemoryPoint] = {}
    for row in rows:
        if row.command == "states":
            cell = dataclasses.replace(row, cut=None).digest
            if cell not in best or _weight(row) > _weight(best[cell]):
                best[cell] = row
    chosen = {row.digest for row in best.values()}
    return [row for row in rows if row.command != "states" or row.digest in chosen]


def _weight(row: MemoryPoint) -> tuple[float, ...]:
    if row.prefix_set == "alice":
        return (float(row.cut or 0),)
    return (row.minimum_bits or 0.0, row.reachable_bits or 0.0, -float(row.cut or 0))


def kind_of(rows: Rows) -> str:
    """The kind of picture that the rows make when none is asked for.

    Rows with an error target: curve; several precisions at one n: precision; one machine: chain; else curve.
    """
    if any(row.error_target is not None for row in rows):
        return "curve"
    if len({row.precision_bits for row in rows} - {None}) > 1 and len({row.n for row in rows}) == 1:
        return "precision"
    return "chain" if len(grouped(rows)) == 1 else "curve"


def chosen(rows: Rows, kind: str | None) -> tuple[str, list[MemoryPoint]]:
    """The kind of picture, and which of the rows it draws.

    Raises ``BadInput`` for rows that do not belong in one picture: two prefix sets, tasks, reductions or
    alphabets; and for those that the kind has no place for.
    """
    if not rows:
        raise BadInput("there are no rows; give a file that curve, reduce or states wrote")
    if kind is not None and kind not in KINDS:
        raise unknown_name("kind of picture", kind, KINDS)
    for row in rows:
        if not 1 <= row.n <= MOST_N or row.symbols < 2:
            raise BadInput(
                f"a row that is drawn has n from 1 to 2^53 and at least 2 symbols; given n = {whole(row.n)}, "
                f"symbols = {whole(row.symbols)}"
            )
        if row.prefix_set not in OVER:
            raise BadInput(f"a prefix set is {' or '.join(OVER)}; given '{clipped(row.prefix_set, 20)}'")
    for key, option in OPTIONS.items():
        values = {getattr(row, key) for row in rows}
        if len(values) > 1:
            named = ", ".join(sorted(map(_value, values)))
            raise BadInput(f"one picture holds rows of one {key}; given {named}; choose with {option}")
    _require_alike(rows)
    kind = kind or kind_of(rows)
    targets = [row for row in rows if row.error_target is not None]
    if kind == "curve" and targets:
        _require_room(kind, targets)
        errors = {row.error_target for row in targets}
        if len(errors) > MOST_PANELS:
            raise BadInput(
                f"a picture has room for {MOST_PANELS} error targets; given {len(errors)}; choose with --error"
            )
        return kind, targets
    found = [row for row in rows if row.error_target is None]
    if not found:
        raise BadInput(
            f"rows with an error target make a picture of kind curve; given --kind {kind}; leave it out, or draw "
            "rows that curve made without --error"
        )
    if all(row.is_refused for row in found):
        raise BadInput(
            f"all {count(len(found), 'row')} were refused: {found[0].remark or 'no reason is given'}"
        )
    found = at_largest(found) if kind == "precision" else found
    _require_room(kind, found)
    return kind, found


def _require_alike(rows: Rows) -> None:
    """Refuse rows that were asked for in different ways, which would be taken for seeds of one machine."""
    for scan in (True, False):
        some = [row for row in rows if (row.error_target is not None) == scan and row.command == "curve"]
        for key, name in (("engine_version", "engine version"), ("settings", "settings"), ("seed", "--seed")):
            values = sorted({str(getattr(row, key)) for row in some})
            if len(values) > 1:
                raise BadInput(
                    f"one picture holds rows of one {name}; given {' and '.join(values[:3])}; draw them apart"
                )


def _machines(kind: str, rows: Rows) -> list[str]:
    """The families that the kind of picture tells apart."""
    return list(grouped(rows, ("seed", "p") if kind == "precision" else ("seed",)))


def _require_room(kind: str, rows: Rows) -> None:
    found, most = _machines(kind, rows), MOST_PANELS if kind == "chain" else MOST_SERIES
    if len(found) > most:
        other = "--kind curve" if kind == "chain" else "--kind precision for rows that differ in p"
        raise BadInput(
            f"a picture of kind {kind} has room for {most} machines; given {len(found)}: {', '.join(found[:8])}, "
            f"…; choose with --machine, or take {other}"
        )


def _value(value: object) -> str:
    return "none" if value is None else str(value)


def figure(
    rows: Rows, kind: str | None = None, across: str = "linear", up: str = "linear", width: str = "column"
) -> Figure:
    """The whole picture. Call it inside ``style.settings()`` for the look that files have."""
    for name, given, allowed in (
        ("across", across, SCALES),
        ("up", up, SCALES),
        ("width", width, tuple(WIDTHS)),
    ):
        if given not in allowed:
            raise BadInput(f"{name} must be {' or '.join(allowed)}; given {given!r}")
    kind, drawn = chosen(rows, kind)
    return KINDS[kind](drawn, Form(width, across == "log", up == "log"))


def shown(rows: Rows, kind: str | None = None) -> str:
    """What the picture of these rows shows, in a line.

    ``curve of 40 rows, 4 machines; 3 cells refused (states: …); 2 without a machine that suffices``
    """
    kind, drawn = chosen(rows, kind)
    refused = [row for row in drawn if row.is_refused]
    none = [
        row for row in drawn if row.error_target is not None and not row.is_refused and row.machine is None
    ]
    words = [f"{kind} of {count(len(drawn), 'row')}, {count(len(_machines(kind, drawn)), 'machine')}"]
    if refused:
        words.append(f"{count(len(refused), 'cell')} refused ({refused[0].remark or 'no reason given'})")
    if none:
        words.append(f"{count(len(none), 'cell')} without a machine that suffices")
    if len(drawn) < len(rows):
        words.append(f"{count(len(rows) - len(drawn), 'row')} left out ({LEFT_OUT.get(kind, REST)})")
    return "; ".join(words)
