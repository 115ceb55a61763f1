"""The text that ``commlb states`` prints: what was run, a row a cut, what is told of x, the verdict."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR

from commlb_cli.text import wrap

from commlb.records import spec
from commlb.records_states import StatesCut, StatesResult
from commlb.wording import number, percent

MOST_ROWS = 44
"""Cuts that are shown; of more, those at both ends and around the widest."""


def lines(result: StatesResult) -> list[str]:
    """The result for a person, 80 columns."""
    over = "Alice's prefixes" if result.prefix_set == "alice" else "all prefixes of the task"
    alphabet = "" if result.symbols == 2 else f" over {result.symbols} symbols"
    head = f"States of {spec(result.machine)} on {result.task}, over {over}"
    if result.reduction is not None:
        head += f"; {result.problem}, n = {result.n}{alphabet}, by {result.reduction}"
    size = ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in result.task_size.items())
    size += f"; {result.stream_length} tokens of {result.alphabet_size} kinds"
    if result.cut is not None:
        size += f", the cut after {result.cut}"
    found = [*wrap(head, "", "  "), *wrap(size, "  ", "  ")]
    found += [
        *(wrap(f"the machine: {result.machine.remark}", "  ", "  ") if result.machine.remark else []),
        "",
    ]
    found += _table(result)
    if result.cuts and result.cuts[-1].per_input_bit:
        found += ["", *_about(result, result.cuts[-1])]
    return [*found, "", *wrap(result.verdict, "", "")]


def _table(result: StatesResult) -> list[str]:
    """A row a cut; the counts are exact, the bits rounded to the safe side."""
    alice = result.prefix_set == "alice"
    last = "x read" if alice else "minimum"
    title = f"{'cut':>7} {'prefixes':>14} {'states':>13} {'bits':>9} {'entropy':>9} {'capacity':>9} {last:>9}"
    found = [title]
    shown = _shown(result)
    for place, cut in enumerate(result.cuts):
        if place in shown:
            found.append(_row(cut, alice))
        elif place - 1 in shown:
            found.append(f"{'…':>7}")
    known = "states and prefixes exhaustive; capacity: " + result.machine.capacity_evidence
    if alice:
        known += f"; x read: bits of x by then, of {number(result.bound.bits) if result.bound else '?'}"
    elif any(cut.minimum_states is not None for cut in result.cuts):
        known += "; minimum: states that any machine needs at that cut, formula"
    else:
        known += "; minimum: no closed form is known cut by cut"
    return found + wrap(known, "  ", "  ")


def _row(cut: StatesCut, alice: bool) -> str:
    room = "" if cut.capacity_bits is None else number(cut.capacity_bits, ROUND_CEILING)
    if cut.capacity_bits is not None and abs(cut.capacity_bits - cut.reachable_bits) < 1e-9:
        room = number(cut.reachable_bits, ROUND_FLOOR)  # equal numbers look equal
    last = "" if cut.minimum_states is None else _count(cut.minimum_states, 9)
    if alice:
        last = str(cut.symbols_read)
    bits, entropy = number(cut.reachable_bits, ROUND_FLOOR), number(cut.entropy_bits, ROUND_FLOOR)
    return (
        f"{cut.t:>7} {_count(cut.prefixes, 14):>14} {_count(cut.reachable_states, 13):>13} "
        f"{bits:>9} {entropy:>9} {room:>9} {last:>9}"
    )


def _count(value: int, width: int) -> str:
    """An exact count, or a power of two below it where it is too long."""
    exact = f"{value:,}"
    if len(exact) <= width:
        return exact
    power = value.bit_length() - 1
    return f"2^{power}" if value == 2**power else f">2^{power}"


def _shown(result: StatesResult) -> set[int]:
    cuts = result.cuts
    if len(cuts) <= MOST_ROWS:
        return set(range(len(cuts)))
    widest = max(range(len(cuts)), key=lambda place: cuts[place].reachable_states)
    ends = MOST_ROWS // 3
    near = range(widest - ends // 2, widest + ends // 2 + 1)
    return {*range(ends), *range(len(cuts) - ends, len(cuts)), *near}


def _about(result: StatesResult, cut: StatesCut) -> list[str]:
    """What the last state tells of each symbol."""
    each, best = cut.per_input_bit or (), cut.best_accuracy or ()
    found = [f"What the state after {cut.t} tokens tells of x (exhaustive)", "      i  I(X_i; S)  best guess"]
    places = list(range(len(each)))
    if len(places) > MOST_ROWS:
        half = MOST_ROWS // 2
        places = [*places[:half], -1, *places[-half:]]
    for place in places:
        if place < 0:
            found.append("      …")
        else:
            found.append(f"{place + 1:>7}  {number(each[place], digits=4):>10}  {percent(best[place]):>10}")
    words = f"sum of I(X_i; S): {number(sum(each))} <= entropy {number(cut.entropy_bits)} bits. "
    if cut.mean_best_accuracy is not None and cut.ceiling_accuracy is not None:
        words += (
            f"Best guess on average {percent(cut.mean_best_accuracy)}; Fano's ceiling at that entropy "
            f"{percent(cut.ceiling_accuracy, up=True)}."
        )
    return found + wrap(words, "  ", "  ")
