"""What ``commlb budget`` says in one sentence, and how it writes bits."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR

from commlb.records_budget import BudgetResult, Need
from commlb.wording import number, percent

UNITS = ((2**43, "TiB"), (2**33, "GiB"), (2**23, "MiB"), (2**13, "KiB"))


def in_bytes(bits: int) -> str:
    """So many bits in bytes, three digits.

    >>> in_bytes(2**23), in_bytes(12), in_bytes(3 * 2**32)
    ('1 MiB', '1.5 bytes', '1.5 GiB')
    """
    for size, unit in UNITS:
        if bits >= size:
            return f"{number(bits / size, digits=3)} {unit}"
    return f"{number(bits / 8, digits=3)} bytes"


def amount(bits: int) -> str:
    """``345,024 bits (42.1 KiB)``."""
    return f"{bits:,} bits ({in_bytes(bits)})" if bits != 1 else "1 bit"


def up(bits: float) -> str:
    """A number of bits that must not be said too small."""
    return number(bits, ROUND_CEILING)


def down(bits: float) -> str:
    """A number of bits that must not be said too large."""
    return number(bits, ROUND_FLOOR)


def asked(task: str, options: dict[str, int | str]) -> str:
    """A task with its options, ``ar (symbols = 64)``."""
    told = ", ".join(f"{key} = {value}" for key, value in options.items())
    return f"{task} ({told})" if told else task


def verdict(result: BudgetResult) -> str:
    """What the numbers say of the model, or of any machine where there is none."""
    if result.model is None:
        told = [f"{asked(need.task, need.options)} {_bits(need)}" for need in result.needs]
        n = result.needs[0].task_n if result.needs else 0
        return f"Without error, at n = {n:,} and its worst cut, any machine needs for {_listed(told, 'and')}."
    parts = [_carries(result, result.model.family), *_beyond(result)]
    return " ".join([*parts, *_needs(result.needs)])


def _carries(result: BudgetResult, name: str) -> str:
    carried, growth = result.recurrent_bits, result.kv_bits_per_token
    told = (
        f"{name} carries {amount(carried)} from token to token"
        if carried
        else f"{name} has no recurrent state"
    )
    if growth:
        return f"{told}, and keeps {growth:,} bits more with every token, so it is no machine with a bounded state."
    if result.window_bits:
        told += f", and windows of at most {amount(result.window_bits)}"
    return f"{told}, however long the text."


def _beyond(result: BudgetResult) -> list[str]:
    """What no machine with the first room can do."""
    if not result.rooms:
        return []
    room = result.rooms[0]
    over = [
        f"{asked(fit.task, fit.options)} from n = {fit.exceeds_n:,} on"
        for fit in room.fits
        if fit.exceeds_n is not None
    ]
    return (
        [f"No machine with its {room.what} alone answers every query of {_listed(over, 'or')}."]
        if over
        else []
    )


def _bits(need: Need) -> str:
    return f"{'' if need.bound_is_minimum else 'at least '}{down(need.bits)} bits"


def _listed(words: list[str], joined: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joined} {words[-1]}"


def _needs(needs: tuple[Need, ...]) -> list[str]:
    """What the first room has no bits for, how often it must be wrong, and what it has bits for."""
    made, enough = [], []
    for need in needs:
        name = asked(need.task, need.options)
        if not need.rooms:
            made.append(
                f"{name} at n = {need.task_n:,} needs {_bits(need)}; how many there are, --tokens says."
            )
            continue
        room = need.rooms[0]
        if room.has_room:
            enough.append(name)
            continue
        limit = ""
        if room.ceiling is not None:
            limit = (
                f": at most {percent(room.ceiling.ceiling_accuracy, up=True)} right over an INDEX inside it"
            )
        made.append(
            f"{name} at n = {need.task_n:,} needs {_bits(need)}, the {room.what} has {room.live_bits:,}{limit}."
        )
    if enough:
        at = f"at n = {needs[0].task_n:,}"
        made.append(
            f"There is room for {_listed(enough, 'and')} {at}, which does not say that the model uses it so."
        )
    return made
