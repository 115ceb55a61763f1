"""The text that ``commlb collide`` prints: what was tried, the two inputs, where they merge, the verdict."""

from __future__ import annotations

from commlb_cli.text import wrap

from commlb.protocol import show
from commlb.records import spec
from commlb.records_witness import CollideResult, Collision, Horizon
from commlb.wording_collide import asked

SHOWN_SYMBOLS, SHOWN_DIGITS = 64, 48
"""Symbols of an input on a line, and hexadecimal digits of a state."""

SHOWN_LINES = 4
"""Lines of a long input."""


def lines(result: CollideResult) -> list[str]:
    """The result for a person: what was run and tried, the certificate, the verdict."""
    alphabet = "" if result.symbols == 2 else f" over {result.symbols} symbols"
    head = (
        f"{result.problem}, n = {result.n}{alphabet}, inside {result.task} by {result.reduction}; "
        f"machine {spec(result.machine)}"
    )
    found = wrap(head, "", "  ")
    found += wrap(f"{result.stream_length} tokens, cut after {result.cut}", f"  {'size':<14}", " " * 16)
    if result.machine.remark:
        found += wrap(result.machine.remark, f"  {'machine':<14}", " " * 16)
    if result.seed is not None:
        found.append(f"  {'seed':<14}{result.seed}")
    found += ["", "Tried"]
    for method, how in result.tried:
        found += wrap(how, f"  {method:<14}", " " * 16)
    if result.collision is not None:
        found += ["", *_certificate(result.collision)]
    if result.horizons:
        found += ["", *_horizons(result.horizons)]
    return [*found, "", *wrap(result.verdict, "", "")]


def _certificate(found: Collision) -> list[str]:
    rows = ["Two inputs, one state", *_inputs(found)]
    differ = sum(a != b for a, b in zip(found.prefix, found.prefix_other, strict=True))
    told = f"after {found.merged_at} of {found.cut} tokens, of which {differ} differ; compared bit for bit"
    rows += wrap(told, "  merged  ", " " * 10)
    digits = found.state_hex
    if len(digits) > SHOWN_DIGITS:
        digits = f"{digits[:SHOWN_DIGITS]}… (whole in --json)"
    rows += wrap(f"{digits}, {found.state_bits} bits", "  state   ", " " * 10)
    values = f"{asked(found)}: {found.problem} is {found.value} for x and {found.value_other} for x'"
    rows += wrap(f"{values} (by {found.solver} on the whole streams)", "  query   ", " " * 10)
    rows += wrap(f"{found.machine_value} for both, as it goes on from one state", "  machine ", " " * 10)
    return rows


def _inputs(found: Collision) -> list[str]:
    """x above x', with a mark below every symbol in which they differ; of long inputs the lines that differ."""
    gap = 1 if found.symbols == 2 else 1 + len(str(found.symbols - 1))
    size = SHOWN_SYMBOLS // gap
    starts = list(range(0, found.n, size))
    differing = [
        first for first in starts if found.x[first : first + size] != found.x_other[first : first + size]
    ]
    rows = []
    for first in differing[:SHOWN_LINES]:
        one, other = (word[first : first + size] for word in (found.x, found.x_other))
        if found.symbols == 2:
            x, x_other = show(one, 2), show(other, 2)
        else:
            x, x_other = (" ".join(f"{symbol:>{gap - 1}}" for symbol in word) for word in (one, other))
        marks = "".join(("^" if a != b else " ").rjust(max(1, gap - 1)) + " " * (gap > 1)
                        for a, b in zip(one, other, strict=True)).rstrip()  # fmt: skip
        where = "" if len(starts) == 1 else f"  symbols {first + 1} to {first + len(one)} of {found.n}"
        rows += [*([where] if where else []), f"  x       {x}", f"  x'      {x_other}", f"          {marks}"]
    left = len(differing) - SHOWN_LINES
    if left > 0:
        rows.append(f"  … {left} more lines with differences; all in --json")
    elif len(starts) > len(differing):
        rows.append("  elsewhere they are equal")
    return rows


def _horizons(horizons: tuple[Horizon, ...]) -> list[str]:
    """A line for each horizon."""
    rows = ["Memory horizons: tokens until a changed symbol is forgotten, bit for bit"]
    several = len({found.machine for found in horizons}) > 1
    for place, found in enumerate(horizons):
        if several and (not place or found.machine != horizons[place - 1].machine):
            rows += wrap(found.machine, "  ", "    ")
        steps = f"unmerged within {found.budget}" if found.steps is None else str(found.steps)
        rows.append(
            f"  {f'x_{found.position}: {found.symbol} or {found.other}':<20}{found.continuation:<24}{steps}"
        )
    return rows
