"""The text that ``commlb budget`` prints: the tensors, the sums, what they can hold; 80 columns."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from commlb_cli.text import wrap

from commlb.records_budget import BudgetResult, Fit, Model, Need, Room, StateTensor
from commlb.wording import counted, percent
from commlb.wording_budget import amount, asked, down

SHOWN = (1, 2, 4, 8)
"""Multiples of the first size beyond, whose ceilings are shown."""

MOST_GROUPS = 24
"""Groups of equal layers that are shown; of more, those at both ends."""


def lines(result: BudgetResult) -> list[str]:
    """The result for a person."""
    found: list[str] = []
    if result.model is not None:
        found += [*_model(result.model, result), "", *_tensors(result), "", *_sums(result), ""]
    for room in result.rooms:
        cut_off = room.tokens is not None and not result.is_bounded
        found += [*_room(room, cut_off), ""]
    for need in result.needs:
        found += [*_need(need), ""]
    return [*found, *wrap(result.verdict, "", "")]


def _model(model: Model, result: BudgetResult) -> list[str]:
    found = wrap(f"The state of {model.name}: {model.family}, {model.layers:,} layers, one stream", "", "  ")
    defaults = ", ".join(f"{key} = {value}" for key, value in model.defaults.items())
    for label, words in (
        ("tensors", model.keeper),
        ("format", f"{model.format} ({model.format_from})"),
        ("also", model.remark),
        ("defaults", f"not in the config, so as the library has them: {defaults}" if defaults else ""),
        ("tokens", f"{result.tokens:,} ({result.tokens_from})" if result.tokens is not None else ""),
    ):
        if words:
            found += wrap(words, f"  {label:<9}", " " * 11)
    return found


Group = tuple[str, tuple[StateTensor, ...]]


def _groups(tensors: Sequence[StateTensor]) -> list[Group]:
    """Neighbouring layers with the same tensors, as ("0-31", tensors of one of them)."""
    layers = [(k, tuple(own)) for k, own in itertools.groupby(tensors, lambda tensor: tensor.layer)]
    found: list[tuple[list[int | None], tuple[StateTensor, ...]]] = []
    for k, own in layers:
        next_to = found and k is not None and found[-1][0][-1] == k - 1
        if next_to and list(map(_alike, found[-1][1])) == list(map(_alike, own)):
            found[-1][0].append(k)
        else:
            found.append(([k], own))
    return [(_named(where), own) for where, own in found]


def _alike(tensor: StateTensor) -> tuple[object, ...]:
    return (tensor.name, tensor.kind, tensor.shape, tensor.format, tensor.live_bits, tensor.most_tokens)


def _named(layers: Sequence[int | None]) -> str:
    if layers[0] is None:
        return "all"
    return f"{layers[0]}" if len(layers) == 1 else f"{layers[0]}-{layers[-1]}"


def _together(groups: list[Group]) -> list[Group]:
    """Groups with the same tensors as one, ("0-4, 6-10", tensors), in the order in which they first come."""
    found: dict[tuple[object, ...], tuple[list[str], tuple[StateTensor, ...]]] = {}
    for where, own in groups:
        found.setdefault(tuple(map(_alike, own)), ([], own))[0].append(where)
    return [(", ".join(where), own) for where, own in found.values()]


def _tensors(result: BudgetResult) -> list[str]:
    found = [f"    {'tensor':<14} {'shape':<18} {'format':<8} {'bits kept':>15} {'live bits':>15}"]
    groups = _together(_groups(result.tensors))
    for place, (where, own) in enumerate(groups):
        if place == MOST_GROUPS:
            found.append(f"  … ({len(groups) - place} kinds of layers more; --json has all)")
            break
        each = ", each" if "-" in where or "," in where else ""
        found += wrap(f"layers {where}{each}" if each else f"layer {where}", "  ", "    ")
        for tensor in own:
            shape = "(" + ", ".join("T" if side is None else f"{side}" for side in tensor.shape) + ")"
            kept, live = (
                f"{bits:,}" if bits is not None else f"{tensor.bits_per_token:,} T"
                for bits in (tensor.tensor_bits, tensor.live_bits)
            )
            found.append(f"    {tensor.name:<14} {shape:<18} {tensor.format:<8} {kept:>15} {live:>15}")
    if not result.tensors:
        found.append("  none")
    return found


NAMES = {
    "recurrent": "recurrent",
    "convolution": "convolution",
    "position": "position",
    "window": "windows (KV)",
    "kv": "KV",
}


def _sums(result: BudgetResult) -> list[str]:
    found = [f"  {'all layers':<35} {'':<8} {'bits kept':>15} {'live bits':>15}"]
    for own in result.kinds:
        kept, live = ("grows" if bits is None else f"{bits:,}" for bits in (own.tensor_bits, own.live_bits))
        found.append(f"    {NAMES[own.kind]:<42} {kept:>15} {live:>15}")
    if result.window_bits:
        found += wrap(f"windows, once full: {amount(result.window_bits)} live", "  ", "    ")
    if result.kv_bits_per_token:
        grows = f"keys and values grow by {result.kv_bits_per_token:,} bits a token: no bounded state"
        if result.tokens is None:
            grows += "; the config names no context, so how many there are is left open (--tokens)"
        found += wrap(grows, "  ", "    ")
    return found


def _room(room: Room, cut_off: bool) -> list[str]:
    found = wrap(f"What {amount(room.live_bits)} can hold: {room.what}, live", "", "  ")
    found.append(f"  {'task':<19} {'largest n':>16} {'beyond from n':>16}  closed form")
    for fit in room.fits:
        fits = "none" if fit.fits_n is None else f"{fit.fits_n:,}"
        beyond = "-" if fit.exceeds_n is None else f"{fit.exceeds_n:,}"
        formula = fit.formula + ("" if fit.bound_is_minimum else " *")
        name = asked(fit.task, fit.options)
        if len(name) > 19:
            found += wrap(name, "  ", "    ")
            name = ""
        found.append(f"  {name:<19} {fits:>16} {beyond:>16}  {formula}")
    for fit in room.fits:
        if fit.remark:
            found += wrap(f"{fit.task}: {fit.remark}", "  ", "    ")
    if any(not fit.bound_is_minimum for fit in room.fits):
        note = "* a lower bound of the minimum: beyond is beyond, but the largest n may be smaller"
        found += wrap(note, "  ", "    ")
    if cut_off:
        note = f"more tokens leave more room: this bounds a cache that is cut off at {room.tokens:,} tokens"
        found += wrap(note, "  ", "    ")
    return [*found, *_ceilings(room.fits)]


def _ceilings(fits: Sequence[Fit]) -> list[str]:
    """The ceilings at multiples of the first size beyond."""
    rows = [fit for fit in fits if fit.ceilings]
    if not rows:
        return []
    head = "  ".join(f"{f'{times} n':>8}" for times in SHOWN)
    found = ["", f"  {'right answers, at most, from n on':<36} {head}"]
    for fit in rows:
        at = {made.times: made for made in fit.ceilings}
        cells = "  ".join(
            f"{percent(at[times].ceiling_accuracy, up=True) if times in at else '-':>8}" for times in SHOWN
        )
        first = fit.ceilings[0]
        found.append(f"    {fit.task:<9} {_inside(first.reduction, first.index_symbols):<24} {cells}")
    note = "Fano: on average over all queries of an INDEX instance of uniform symbols inside the task"
    return [*found, *wrap(note, "  ", "  ")]


def _inside(reduction: str, symbols: int) -> str:
    return f"{reduction}, {_symbols(symbols)}"


def _symbols(kinds: int) -> str:
    return "bits" if kinds == 2 else f"symbols of {kinds:,}"


def _need(need: Need) -> list[str]:
    least = "" if need.bound_is_minimum else "at least "
    stream = counted(need.stream_length, "token")
    told = f"{asked(need.task, need.options)}, n = {need.task_n:,} ({stream}): {least}{down(need.bits)} bits"
    told += ", whatever the machine"
    found = [*wrap(told, "", "  "), *wrap(f"{need.formula} [{need.source}]", "  ", "    ")]
    for room in need.rooms:
        words = f"{room.what}: {amount(room.live_bits)}, room for it"
        if not room.has_room:
            words = f"{room.what}: {amount(room.live_bits)}, no room"
            if room.ceiling is not None:
                made = room.ceiling
                words += f"; at most {percent(made.ceiling_accuracy, up=True)} right over INDEX with "
                words += f"{made.index_n:,} {_symbols(made.index_symbols)} inside ({made.reduction})"
        found += wrap(words, "  ", "    ")
    return found
