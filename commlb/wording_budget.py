"""What ``commlb budget`` says in one sentence, and how it writes bits."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR

from commlb.records_budget import BudgetResult, Fit, Need
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
    parts = []
    if result.model is not None:
        parts += [_carries(result), *_beyond(result)]
    parts += [_needs(need, result.model is not None) for need in result.needs]
    return " ".join(parts)


def _carries(result: BudgetResult) -> str:
    name = result.model.family if result.model else ""
    carried, growth = result.recurrent_bits, result.kv_bits_per_token
    told = f"carries {amount(carried)} from token to token" if carried else "carries no recurrent state"
    if growth:
        more = f"and keeps {growth:,} bits more with every token, so it is no machine with a bounded state"
        return f"{name} {told}, {more}."
    if result.window_bits:
        told += f", and windows of at most {amount(result.window_bits)}"
    return f"{name} {told}, however long the text."


def _beyond(result: BudgetResult) -> list[str]:
    """What no machine with the first room can do, and with the last one."""
    if not result.rooms:
        return []
    first, last = result.rooms[0], result.rooms[-1]
    made = []
    over = [told for told in map(_limit, first.fits) if told]
    if over:
        made.append(f"No machine with its {first.what} alone answers every query of {_listed(over)}.")
    over = [told for told in map(_limit, last.fits) if told]
    if last is not first and over:
        cut = f"cut off at {last.tokens:,} tokens" if last.tokens and result.kv_bits_per_token else ""
        with_it = f"With the {last.what}{f', {cut}' if cut else ''}, {amount(last.live_bits)}"
        made.append(f"{with_it}, none does of {_listed(over)}.")
    return made


def _limit(fit: Fit) -> str:
    if fit.exceeds_n is None:
        return ""
    return f"{asked(fit.task, fit.options)} from n = {fit.exceeds_n:,} on"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _needs(need: Need, has_model: bool) -> str:
    what = f"{asked(need.task, need.options)} at n = {need.task_n:,}"
    exact = "" if need.bound_is_minimum else "at least "
    told = f"Without error {what} needs {exact}{down(need.bits)} bits at the worst cut"
    if not has_model:
        return f"{told}, whatever the machine."
    if not need.rooms:
        return f"{told}; how many there are depends on the tokens (--tokens)."
    short = [room for room in need.rooms if not room.has_room]
    if not short:
        return f"{told}; there is room for them, which does not say that this model uses it so."
    worst = short[0]
    limit = ""
    if worst.ceiling is not None:
        limit = (
            f", so that at most {percent(worst.ceiling.ceiling_accuracy, up=True)} of the answers are right"
        )
        limit += " on average over a uniform INDEX instance inside it"
    return f"{told}; the {worst.what} has {worst.live_bits:,}{limit}."
