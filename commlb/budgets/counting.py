"""The tensors of a model as records, and their sums, after so many tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from commlb.budgets.models import Source
from commlb.budgets.slots import Slot
from commlb.records_budget import KINDS, KV, WINDOW, KindBits, StateTensor


def tensors(source: Source, tokens: int | None) -> tuple[StateTensor, ...]:
    """Every tensor of every layer, keys and values after so many tokens; windows are full where that is None."""
    found = [_tensor(source, None, slot, tokens) for slot in source.shared]
    for k, layer in enumerate(source.layers):
        found += [_tensor(source, k, slot, tokens) for slot in layer]
    return tuple(found)


def _tensor(source: Source, layer: int | None, slot: Slot, tokens: int | None) -> StateTensor:
    bits = source.number_bits(slot)
    size = 1
    for side in slot.shape:
        size *= side
    if slot.kind not in (KV, WINDOW):
        return StateTensor(
            layer, slot.name, slot.kind, slot.shape, source.format_of(slot), size * bits, slot.live * bits
        )
    kept = tokens
    if slot.most_tokens is not None:
        kept = slot.most_tokens if tokens is None else min(tokens, slot.most_tokens)
    return StateTensor(
        layer=layer,
        name=slot.name,
        kind=slot.kind,
        shape=(*slot.shape[:-1], kept, slot.shape[-1]),
        format=source.format_of(slot),
        tensor_bits=None if kept is None else kept * size * bits,
        live_bits=None if kept is None else kept * slot.live * bits,
        bits_per_token=size * bits,
        most_tokens=slot.most_tokens,
    )


def sums(found: Sequence[StateTensor]) -> tuple[KindBits, ...]:
    """The bits of each kind that occurs."""
    made = []
    for kind in KINDS:
        own = [tensor for tensor in found if tensor.kind == kind]
        if own:
            made.append(KindBits(kind, total(t.tensor_bits for t in own), total(t.live_bits for t in own)))
    return tuple(made)


def total(bits: Iterable[int | None]) -> int | None:
    """The sum; None where a part of it is not known."""
    whole = 0
    for part in bits:
        if part is None:
            return None
        whole += part
    return whole


def bounded(found: Sequence[StateTensor]) -> tuple[int, int]:
    """Bits kept and live bits of all that is neither a window nor KV."""
    own = [tensor for tensor in found if tensor.kind not in (KV, WINDOW)]
    return total(t.tensor_bits for t in own) or 0, total(t.live_bits for t in own) or 0


def full_windows(found: Sequence[StateTensor]) -> int:
    """Live bits of all windows once they are full."""
    return sum((t.most_tokens or 0) * (t.bits_per_token or 0) for t in found if t.kind == WINDOW)


def growth(found: Sequence[StateTensor]) -> int:
    """Bits that each token adds for ever."""
    return sum(t.bits_per_token or 0 for t in found if t.kind == KV)
