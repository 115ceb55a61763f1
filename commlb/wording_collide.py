"""What a search for collisions says, in a sentence or two, and the line that repeats it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR

from commlb import reductions
from commlb.machines.base import abridged
from commlb.records import MachineInfo, ReduceResult, spec
from commlb.records_witness import Collision
from commlb.wording import called, number, whole


def asked(collision: Collision, most: int = 40) -> str:
    """Bob's input: ``i = 3``, ``y = 0100``; a long word as what it is, ``y = x`` or ``y = {13}``."""
    y = collision.y
    if isinstance(y, int):
        return f"i = {y}"
    if len(y) <= most:
        return f"y = {''.join(map(str, y))}"
    if y == collision.x:
        return "y = x"
    held = [str(place) for place, bit in enumerate(y, 1) if bit]
    return f"y = {{{abridged(held, most=4)}}}"


def wrong_on(collision: Collision) -> str:
    """Which of the two answers is wrong: "x", "x'", or "both"."""
    wrong = [
        name
        for name, value in (("x", collision.value), ("x'", collision.value_other))
        if value != collision.machine_value
    ]
    return wrong[0] if len(wrong) == 1 else "both"


def one_exists(collision: Collision) -> str:
    """The verdict on a machine of which two inputs in one state are known."""
    return (
        f"{collision.machine} is in one state after two different inputs, so it answers both alike: "
        f"at {asked(collision)} it is wrong on {wrong_on(collision)}."
    )


def none_exists(n: int, symbols: int) -> str:
    """The verdict after a complete enumeration."""
    return f"No collision exists: all {whole(symbols**n)} inputs were run, each to a state of its own."


def proved_none(machine: MachineInfo) -> str:
    """The verdict on a machine that keeps all that its task needs."""
    return (
        f"None was looked for: {called(machine)} keeps all that its task needs (proved; tested equal to the task's "
        "automaton), so no two inputs share a state."
    )


def none_found(methods: Sequence[str], room: float, need: float) -> str:
    """The verdict when nothing was found and not all inputs were run."""
    told = f"No collision was found by {', '.join(methods)}"
    if room < need - 1e-9:
        have, must = number(room, ROUND_CEILING), number(need, ROUND_FLOOR)
        return f"{told}, yet one exists: {have} bits of state cannot tell {must} bits of input apart."
    return f"{told}; that is no proof that none exists."


def line_to_type(result: ReduceResult, width: int) -> list[str]:
    """The command that looks for a collision of the machine of ``result``, on one line if it fits, else on two."""
    known = reductions.for_task(result.task)
    default = reductions.DEFAULTS.get(result.task, next(iter(known), None))
    options = [] if result.reduction == default else [f"--reduction {result.reduction}"]
    options += [f"--symbols {result.symbols}"] if result.symbols != 2 else []
    options += [f"--c {result.c}"] if result.c is not None else []
    first = " ".join([f"commlb collide {result.task} --n {result.n}", *options])
    second = f"--machine {spec(result.machine)}"
    whole_line = f"{first} {second}"
    return [whole_line] if len(whole_line) <= width else [f"{first} \\", f"  {second}"]
