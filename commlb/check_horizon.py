"""Memory horizons: the two streams written again by what the record says of them, and run one at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from commlb.check_common import Inside, Notes, message, require, run, same
from commlb.machines.base import Machine
from commlb.records_witness import Horizon

SEARCHED = ("worst found", "best found")


def check_horizon(given: Horizon, inside: Inside, made: Machine, where: str, notes: Notes) -> None:
    """One horizon of ``made`` over a(x) and a(x'). Raises ``Refused`` with what is not so."""
    values = ",".join(f"{key}={value}" for key, value in made.parameters.items())
    for name, derived in (
        ("task", inside.task.name),
        ("reduction", inside.name),
        ("n", inside.problem.n),
        ("symbols", inside.problem.symbols),
        ("machine", f"{made.name}:{values}" if values else made.name),
        ("weights_digest", made.weights_digest),
        ("storage_bits", made.storage_bits),
        ("precision_bits", made.precision_bits),
        ("format", made.format),
        ("evidence", "exhaustive"),
    ):
        same(f"{where}.{name}", getattr(given, name), derived)
    require(1 <= given.position <= inside.problem.n, f"{where}.position must be 1 to n")
    require(given.budget >= 1, f"{where}.budget must be at least 1")
    require(given.steps is None or 1 <= given.steps <= given.budget, f"{where}.steps must be 1 to the budget")
    x = _x(given, inside, where)
    if x is None:
        notes.take(f"{where}: its streams are not written out")
        return
    same(f"{where}.symbol", given.symbol, x[given.position - 1])
    other = list(x)
    require(
        0 <= given.other < inside.problem.symbols and given.other != given.symbol,
        f"{where}.other must be another symbol",
    )
    other[given.position - 1] = given.other
    a, b = inside.prefix(x), inside.prefix(other)
    if sum(p != q for p, q in zip(a, b, strict=True)) != 1:
        notes.take(f"{where}: x' has more symbols changed, which the file does not name")
        return
    _check_steps(given, made, a, b, where)
    notes.add(
        "a memory horizon",
        "both streams run again, one at a time",
        f"{given.continuation}: {given.steps} tokens",
    )


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
    written = getattr(given, "x", None)
    if not isinstance(written, str):
        return None
    parts = list(written) if symbols == 2 else written.split(",")
    is_x = len(parts) == n and all(part.isascii() and part.isdecimal() and len(part) < 9 for part in parts)
    require(is_x and all(int(part) < symbols for part in parts), f"{where}.x must be n symbols")
    return [int(part) for part in parts]


def _check_steps(given: Horizon, made: Machine, a: Sequence[int], b: Sequence[int], where: str) -> None:
    """From the token that differs on, the first after which the states are equal."""
    token = next(t for t, (p, q) in enumerate(zip(a, b, strict=True), 1) if p != q)
    same(f"{where}.token", getattr(given, "token", token), token)
    require(token - 1 + given.budget <= len(a), f"{where}.budget must end before the cut")
    states, others, steps = made.start(1), made.start(1), None
    end = token - 1 + given.budget
    for t, (states, others) in enumerate(
        zip(run(made, states, a[:end], 0), run(made, others, b[:end], 0), strict=True), 1
    ):
        if t >= token and message(made, states) == message(made, others):
            steps = t - token + 1
            break
    same(f"{where}.steps", given.steps, steps)
