"""Numbers in words: rounding that keeps an upper bound an upper bound, plurals, and the verdict."""

from __future__ import annotations

import math

from commlb.records import Answers, MachineInfo, spec


def number(value: float) -> str:
    """Up to six digits, whole above.

    >>> number(64.0), number(229.957982), number(1234567.8)
    ('64', '229.958', '1,234,568')
    """
    return f"{value:,.0f}" if abs(value) >= 1e6 else f"{value:.6g}"


def percent(share: float, up: bool = False) -> str:
    """A share in percent with two digits, rounded to nearest, or ``up`` as upper bounds must be.

    >>> percent(0.826048), percent(0.826048, up=True), percent(1.0, up=True)
    ('82.60 %', '82.61 %', '100 %')
    """
    if share == 1:
        return "100 %"
    return f"{math.ceil(share * 1e4 - 1e-9) / 100:.2f} %" if up else f"{share * 100:.2f} %"


def counted(count: int, word: str, plural: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "leaf", "leaves"), counted(3, "bit")
    ('1 leaf', '3 bits')
    """
    return f"{count} {word}" if count == 1 else f"{count} {plural or word + 's'}"


def verdict(machine: MachineInfo, need: float, inputs: str, ceiling: float, answers: Answers | None) -> str:
    """One sentence: what the numbers say about a machine on a proved reduction.

    ``need``: bits that must cross the cut without error; ``ceiling``: Fano's, at the machine's capacity.
    """
    name, room = spec(machine), number(machine.capacity_bits)
    if machine.exact:
        return (
            f"{name} keeps all that the task needs (its automaton is proved right, the machine tested equal "
            f"to it at small sizes), so its message tells all {inputs} inputs apart: {number(need)} bits; it "
            f"has room for {room}."
        )
    if machine.capacity_bits < need:
        return (
            f"{name} has room for {room} bits and {number(need)} must cross the cut: no machine of this "
            f"capacity answers more than {percent(ceiling, up=True)} of the queries on average."
        )
    has_room = f"{name} has room for the {number(need)} bits that must cross the cut"
    if answers is None:
        return f"{has_room}; it was not run, so whether it errs is not known."
    exhaustive = answers.evidence == "exhaustive"
    if answers.errors == 0:
        where = "on all inputs" if exhaustive else f"in {counted(answers.trials, 'run')}"
        return f"{has_room}, and made no error {where}."
    how = "exhaustive" if exhaustive else f"sampled, {answers.confidence:.0%} confidence"
    return f"{has_room}, but errs; its answers show {number(answers.fano_bits)} bits to cross ({how})."
