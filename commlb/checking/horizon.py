"""Memory horizons: the two streams written again by what the record says of them, and run one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from commlb.checking.common import (
    Inside,
    Notes,
    Own,
    machine_of,
    message,
    registered,
    require,
    require_whole,
    run,
    same,
)
from commlb.machines.base import Machine
from commlb.records_horizons import from_csv
from commlb.records_witness import Horizon

MOST_CHANGED = 64
"""Symbols after the one in question that are tried for x'."""

SEARCHED = ("worst found", "best found")


def check_horizons(
    horizons: Sequence[Horizon], inside: Inside, made: Machine, name: str, notes: Notes, own: Own
) -> None:
    """Horizons of ``made``, which the file calls ``name``, and of machines of other sizes, by their names.

    Raises ``Refused`` with the first that is not so.
    """
    machines, again = {_typed(name, made): (made, name)}, 0
    for k, given in enumerate(horizons):
        if given.machine not in machines:
            other = machine_of(given.machine, inside.task, inside.cut, own)
            machines[given.machine] = other, other.name
        again += _check(given, inside, *machines[given.machine], f"horizons[{k}]")
    _note(horizons, again, notes)


def check_horizon_rows(text: str, name: str, notes: Notes, own: Own) -> None:
    """The same of rows, whose reductions and machines are looked up by their names."""
    found, again = from_csv(text, name), 0
    require(bool(found), "it holds no rows")
    require_whole(text)
    places: dict[tuple[Any, ...], Inside] = {}
    machines: dict[tuple[Any, ...], Machine] = {}
    for line, given in enumerate(found, 2):
        place = given.task, given.reduction, given.n, given.symbols, given.c
        if place not in places:
            places[place] = registered(*place)
        inside = places[place]
        if (*place, given.machine) not in machines:
            machines[*place, given.machine] = machine_of(given.machine, inside.task, inside.cut, own)
        made = machines[*place, given.machine]
        again += _check(given, inside, made, made.name, f"line {line}: ")
    notes.add("the rows", "their digests; reductions and machines by name", str(len(found)))
    _note(found, again, notes)


def _note(horizons: Sequence[Horizon], again: int, notes: Notes) -> None:
    if again:
        notes.add("memory horizons", "both streams run again, one at a time", f"{again} of {len(horizons)}")
    if again < len(horizons):
        notes.take(f"{len(horizons) - again} memory horizons whose second stream is not written out")
    if any(given.continuation in SEARCHED for given in horizons):
        notes.take("that no better continuation than those found is there")


def _typed(called: str, made: Machine) -> str:
    """A machine as it is typed, under the name by which it is called."""
    values = ",".join(f"{key}={value}" for key, value in made.parameters.items())
    return f"{called}:{values}" if values else called


def _check(given: Horizon, inside: Inside, made: Machine, called: str, where: str) -> bool:
    """One horizon; whether it was run again."""
    for name, derived in (
        ("task", inside.task.name),
        ("reduction", inside.name),
        ("n", inside.problem.n),
        ("symbols", inside.problem.symbols),
        ("c", inside.c),
        ("machine", _typed(called, made)),
        ("weights_digest", made.weights_digest),
        ("storage_bits", made.storage_bits),
        ("precision_bits", made.precision_bits),
        ("format", made.format),
        ("evidence", "exhaustive"),
    ):
        same(f"{where}.{name}", getattr(given, name), derived)
    if given.continuation not in SEARCHED:
        same(f"{where}.x", given.x, None)
        same(f"{where}.complete", given.complete, False)
    require(1 <= given.position <= inside.problem.n, f"{where}.position must be 1 to n")
    require(given.budget >= 1, f"{where}.budget must be at least 1")
    require(given.steps is None or 1 <= given.steps <= given.budget, f"{where}.steps must be 1 to the budget")
    x = _x(given, inside, where)
    if x is None:
        return False
    same(f"{where}.symbol", given.symbol, x[given.position - 1])
    other = list(x)
    require(
        0 <= given.other < inside.problem.symbols and given.other != given.symbol,
        f"{where}.other must be another symbol",
    )
    other[given.position - 1] = given.other
    a = inside.prefix(x)
    b = _followed(inside, a, other, given.position)
    if b is None:
        return False
    _check_steps(given, made, a, b, where)
    return True


def _x(given: Horizon, inside: Inside, where: str) -> list[int] | None:
    """x by the record's own words: one symbol over and over, uniform by its seed, or written out."""
    n, symbols = inside.problem.n, inside.problem.symbols
    if given.continuation == "random":
        require(
            given.seed is not None and given.seed >= 0,
            f"{where}.seed must be there for a random continuation",
        )
        rng = np.random.default_rng(given.seed)
        x: list[int] = rng.integers(symbols, size=n).tolist()
        same(
            f"{where}.other",
            given.other,
            (x[given.position - 1] + 1 + int(rng.integers(symbols - 1))) % symbols,
        )
        return x
    first, _, last = given.continuation.partition(" ")
    if first == "all" and last in [str(symbol) for symbol in range(symbols)]:
        same(f"{where}.seed", given.seed, None)
        x = [int(last)] * n
        x[given.position - 1] = 0
        return x
    require(given.continuation in SEARCHED, f"{where}.continuation must be random, all s, or of a search")
    if given.x is None:
        return None
    parts = list(given.x) if symbols == 2 else given.x.split(",")
    is_x = given.position <= len(parts) <= n and all(
        part.isascii() and part.isdecimal() and len(part) < 9 for part in parts
    )
    require(is_x and all(int(part) < symbols for part in parts), f"{where}.x must be n symbols")
    return [int(part) for part in parts] + [0] * (n - len(parts))  # beyond, the two states are equal anyhow


def _followed(inside: Inside, a: Sequence[int], other: list[int], position: int) -> Sequence[int] | None:
    """a(x') where it differs from ``a`` in one place: later symbols of x' are changed where the encoder remembers.

    None if no change of one symbol after the other does it; the record says nothing else of x'.
    """
    b = inside.prefix(other)
    for j in range(position, min(inside.problem.n, position + MOST_CHANGED)):
        places = _differ(a, b)
        if len(places) < 2:
            break
        for symbol in range(inside.problem.symbols):
            changed = [*other[:j], symbol, *other[j + 1 :]]
            now = inside.prefix(changed)
            if [*_differ(a, now), len(a), len(a)][:2] > places[:2]:
                other, b, places = changed, now, [*_differ(a, now), len(a), len(a)]
    return b if len(_differ(a, b)) == 1 else None


def _differ(a: Sequence[int], b: Sequence[int]) -> list[int]:
    return [t for t, (p, q) in enumerate(zip(a, b, strict=True)) if p != q]


def _check_steps(given: Horizon, made: Machine, a: Sequence[int], b: Sequence[int], where: str) -> None:
    """From the token that differs on, the first after which the states are equal."""
    token = next(t for t, (p, q) in enumerate(zip(a, b, strict=True), 1) if p != q)
    same(f"{where}.token", given.token, token)
    require(token - 1 + given.budget <= len(a), f"{where}.budget must end before the cut")
    end, steps, last = token - 1 + given.budget, None, (made.start(1), made.start(1))
    both = zip(run(made, last[0], a[:end], 0), run(made, last[1], b[:end], 0), strict=True)
    for t, last in enumerate(both, 1):
        if t >= token and message(made, last[0]) == message(made, last[1]):
            steps = t - token + 1
            break
    same(f"{where}.steps", given.steps, steps)
    gap = None
    if steps is None and last[0].dtype.kind == "f":
        with np.errstate(all="ignore"):
            gap = float(np.abs(last[0].astype(np.float64) - last[1]).max())
    same(f"{where}.gap", given.gap, gap if gap is not None and np.isfinite(gap) else None)
