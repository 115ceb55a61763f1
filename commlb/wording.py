"""Numbers in words: rounding that keeps an upper bound an upper bound, plurals, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from commlb.records import Answers, Bound, MachineInfo, ReadOut, ReductionCheck, spec
from commlb.records_coins import PublicCoins
from commlb.records_states import StatesCut


def number(value: float, rounding: str = ROUND_HALF_EVEN, digits: int = 6) -> str:
    """Up to six significant digits, whole above; ``ROUND_FLOOR`` keeps a lower bound one.

    >>> number(64.0), number(229.957982), number(1234567.8)
    ('64', '229.958', '1,234,568')
    >>> number(227.5589, ROUND_FLOOR, 4), number(227.5589, ROUND_CEILING, 4), number(0.0, ROUND_FLOOR)
    ('227.5', '227.6', '0')
    """
    exact = Decimal(value)
    if exact == 0:
        return "0"
    place = max(exact.adjusted() + 1 - digits, -12)
    shown = exact.quantize(Decimal(1).scaleb(min(place, 0)), rounding)
    return f"{shown:,f}".rstrip("0").rstrip(".") if place < 0 else f"{shown:,f}"


def percent(share: float, up: bool = False) -> str:
    """A share in percent with two digits, rounded to nearest, or ``up`` as upper bounds must be.

    >>> percent(0.826048), percent(0.826048, up=True), percent(1.0, up=True), percent_at_least(0.99991)
    ('82.60 %', '82.61 %', '100 %', '99.99 %')
    """
    if share == 1:
        return "100 %"
    return f"{math.ceil(share * 1e4 - 1e-9) / 100:.2f} %" if up else f"{share * 100:.2f} %"


def percent_at_least(share: float) -> str:
    """A lower limit in percent, rounded down."""
    return f"{math.floor(share * 1e4) / 100:.2f} %"


def counted(count: int, word: str, plural: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "leaf", "leaves"), counted(3, "bit")
    ('1 leaf', '3 bits')
    """
    return f"{count} {word}" if count == 1 else f"{whole(count)} {plural or word + 's'}"


def whole(count: int, most: int = 22) -> str:
    """An exact count with separators; one of more than ``most`` characters by the power of two below it.

    >>> whole(65536), whole(2**100), whole(2**100 + 1)
    ('65,536', '2^100', 'more than 2^100')
    """
    shown, power = f"{count:,}", count.bit_length() - 1
    if len(shown) <= most:
        return shown
    return f"2^{power}" if count == 2**power else f"more than 2^{power}"


NO_ANSWER = "it gives no answer of its own"
"""Of a model without an output: what can be read off its state is all there is."""

FEW_RUNS = 30
"""Random runs below which nothing is concluded from how many were right."""

ONE_STATE = " (all is rounded away, or cut off at the ends of the range; more bits or another range may help)"
"""Of a network, whose numbers a few bits may not tell apart."""


def called(machine: MachineInfo) -> str:
    """A machine as the user typed it, and that its weights are random where they are.

    A result about random weights is one about these weights, not about all networks of the family. Machines
    say so of themselves.
    """
    is_random = "random weights" in machine.remark
    return spec(machine) + (" (random weights)" if is_random else "")


def kept(
    machine: MachineInfo,
    cuts: Sequence[StatesCut],
    of: int,
    over: str,
    bound: Bound | None,
    stopped: str | None,
) -> str:
    """One sentence on what a machine keeps: at the cut over Alice's prefixes, at its widest over all."""
    if stopped is not None:
        return f"Stopped after {counted(len(cuts), 'cut')} of {of + 1}: {stopped}."
    cut = cuts[-1] if over == "alice" else max(cuts, key=lambda row: row.reachable_states)
    name, reached = called(machine), f"{counted(cut.reachable_states, 'state')}"
    bits = f"{number(cut.reachable_bits, ROUND_FLOOR)} bits"
    if over == "alice":
        told = f"{name} tells {reached} apart at the cut ({bits}) on {whole(cut.prefixes)} inputs"
        if cut.reachable_states == 1 < cut.prefixes:
            told = f"{name} is in one and the same state at the cut on all {whole(cut.prefixes)} inputs"
            told += ONE_STATE if machine.weights_digest else ""
        if bound is not None and cut.reachable_bits < bound.bits - 1e-9:
            return f"{told}; {number(bound.bits, ROUND_FLOOR)} bits must cross it, so it errs on some input."
        if bound is None:
            return f"{told}."
        return f"{told}: the {number(bound.bits, ROUND_FLOOR)} bits that must cross it do."
    told = f"{name} reaches {reached} ({bits}) at its widest, after {counted(cut.t, 'token')}"
    known = [math.log2(row.minimum_states) for row in cuts if row.minimum_states is not None]
    need = max([*known, *([] if bound is None else [bound.bits])], default=None)
    if need is None:
        return f"{told}; no closed form is known for what any machine needs."
    least = "" if len(known) == len(cuts) else "at least "
    need_bits = number(need, ROUND_FLOOR)
    return f"{told}; any machine without error needs {least}{need_bits} bits at its worst cut (formula)."


def verdict(
    machine: MachineInfo,
    need: float,
    check: ReductionCheck,
    ceiling: float | None,
    answers: Answers | None,
    coins: PublicCoins | None = None,
    passed: float | None = None,
    readout: ReadOut | None = None,
) -> str:
    """One sentence: what the numbers say about a machine on a reduction that passed its ``check``.

    ``need``: bits that must cross the cut without error; ``ceiling``: Fano's, at the machine's capacity; None
    where the problem has no such limit (EQ). ``coins``: the errors of a randomised machine over its coins, which
    the bound without error does not bind. ``passed``: the information in the message, where all inputs were run.
    ``readout``: what was read off the message, where the machine has no answers.
    """
    name, room = called(machine), number(machine.capacity_bits, ROUND_CEILING)
    if machine.exact:
        how = "proved of its automaton, which the machine is tested equal to at small sizes"
        if check.evidence == "exhaustive":
            how = "all streams were put to the independent solver; the machine is tested equal at small sizes"
        return (
            f"{name} answers every query ({how}), so its message tells all {check.inputs} inputs apart: "
            f"{number(need)} bits; it has room for {room}."
        )
    if machine.capacity_bits < need and coins is not None and ceiling is None:
        return _without_ceiling(name, room, number(need), coins)
    if machine.capacity_bits < need:
        limit = "is right on every input"
        if ceiling is not None:
            limit = f"answers more than {percent(ceiling, up=True)} of the queries on average"
        must, of = f"{number(need)} must cross the cut", "capacity"
        if coins is not None:
            must, of = f"without error {must}", "capacity, with public coins or without,"
        return f"{name} has room for {room} bits and {must}: no machine of this {of} {limit}."
    has_room = f"{name} has room for the {number(need)} bits that must cross the cut"
    if coins is not None:
        name = (
            f"{name} (with the coins of its seed)" if answers and answers.evidence == "exhaustive" else name
        )
        has_room = f"{name} has room for the {number(need)} bits that must cross the cut without error"
    if answers is None and NO_ANSWER in machine.remark:
        crossed = (
            "" if passed is None else f"; its message passes {number(passed, ROUND_FLOOR)} bits (exhaustive)"
        )
        if passed is None and readout is not None:
            least = number(readout.information_bits, ROUND_FLOOR)
            how = f"sampled, {readout.confidence:.0%} confidence"
            crossed = f"; at least {least} bits can be read off its message ({how})"
        return f"{has_room}, and {NO_ANSWER}{crossed}."
    if answers is None:
        return f"{has_room}; it was not run, so whether it errs is not known."
    exhaustive = answers.evidence == "exhaustive"
    if answers.errors == 0:
        where = "on all inputs" if exhaustive else f"in {counted(answers.trials, 'run')}"
        few = "" if exhaustive or answers.trials >= FEW_RUNS else ", too few to tell whether it errs"
        return f"{has_room}, and made no error {where}{few}."
    if answers.fano_bits is None:
        return f"{has_room}, but errs on {answers.errors} of {counted(answers.trials, 'run')}."
    if not exhaustive and answers.trials < FEW_RUNS:
        return f"{has_room}, but errs on {answers.errors} of {counted(answers.trials, 'run')}."
    how = "exhaustive" if exhaustive else f"sampled, {answers.confidence:.0%} confidence"
    shown = number(answers.fano_bits, ROUND_FLOOR)
    if exhaustive and passed is not None:
        crossed = number(passed, ROUND_FLOOR)
        return f"{has_room}, but errs: its message passes {crossed} bits, its answers show {shown} ({how})."
    return f"{has_room}, but errs; its answers show {shown} bits to cross ({how})."


def _without_ceiling(name: str, room: str, need: str, coins: PublicCoins) -> str:
    """Of a randomised machine below the bound without error, where that says nothing of machines that err."""
    errs = "may err over its public coins"
    if coins.formula is not None:
        formula = coins.formula
        errs = f"errs over its public coins, with probability {formula.formula} on {formula.on}, never on "
        errs += formula.never_on
    if coins.bound is not None:
        least = number(coins.bound.bits, ROUND_FLOOR)
        errs += f"; so small an error needs room for {least} bits ({coins.bound.evidence})"
    return (
        f"{name} has room for {room} bits where a machine without error needs {need}. It may have less, since it "
        f"{errs}. With its coins fixed it is one deterministic machine, and wrong on some pair."
    )


def small(share: float) -> str:
    """A probability with three significant digits, rounded up, also where it is far below a percent.

    >>> small(0.125), small(2**-8), small(2**-64)
    ('0.125', '0.00391', '5.43e-20')
    """
    return f"{Decimal(share).normalize(Context(prec=3, rounding=ROUND_CEILING)):g}" if share else "0"
