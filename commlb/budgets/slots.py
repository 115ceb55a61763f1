"""The tensors of one layer's state, as public caches keep them: shapes for one stream, without the batch axis."""

from __future__ import annotations

from dataclasses import dataclass

from commlb.records_budget import CONVOLUTION, KV, POSITION, RECURRENT, WINDOW


@dataclass(frozen=True)
class Slot:
    """One tensor: its shape, how many of its numbers later steps read (``live``), and its format.

    ``format``: its own whatever the model's is, such as "float32" of a state that is never kept in less; None: the
    model's. Of keys and values ``shape`` is (heads, numbers a token), and ``most_tokens`` what a window keeps.
    ``bits``: of an integer, which has no format.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    live: int
    format: str | None = None
    most_tokens: int | None = None
    bits: int | None = None


Layer = tuple[Slot, ...]

WIDE = "float32"
"""The format of states that are computed and kept in float32 in models of fewer bits, too."""


def convolution(channels: int, width: int, columns: int | None = None) -> Layer:
    """The last inputs of a convolution over ``width`` tokens; caches keep ``columns``, of which width − 1 are read.

    >>> [slot.live for slot in convolution(10, 4)]
    [30]
    """
    kept = width if columns is None else columns
    return (Slot("conv", CONVOLUTION, (channels, kept), channels * min(kept, width - 1)),) if kept else ()


def recurrent(name: str, *shape: int, format: str | None = None) -> Layer:
    """A state of this shape, all of it read by the next step."""
    size = 1
    for side in shape:
        size *= side
    return (Slot(name, RECURRENT, shape, size, format),)


def attention(heads: int, head_dim: int, window: int | None = None) -> Layer:
    """Keys and values of all tokens, or, with a window of W tokens, of the last W − 1, which the next one reads.

    >>> [(slot.name, slot.kind, slot.most_tokens) for slot in attention(2, 8, 16)]
    [('keys', 'window', 15), ('values', 'window', 15)]
    """
    kind = KV if window is None else WINDOW
    most = None if window is None else window - 1
    return tuple(
        Slot(name, kind, (heads, head_dim), heads * head_dim, None, most) for name in ("keys", "values")
    )


def mamba(inner: int, state: int, width: int, wide: str | None = WIDE) -> Layer:
    """Mamba: a convolution over the inner channels, and ``state`` numbers a channel."""
    return convolution(inner, width) + recurrent("ssm", inner, state, format=wide)


def mamba2(heads: int, head_dim: int, state: int, groups: int, width: int, wide: str | None = WIDE) -> Layer:
    """Mamba-2: the convolution covers B and C of all groups too; a matrix a head."""
    channels = heads * head_dim + 2 * groups * state
    return convolution(channels, width) + recurrent("ssm", heads, head_dim, state, format=wide)


def delta(keys: int, key_dim: int, values: int, value_dim: int, width: int) -> Layer:
    """Gated DeltaNet: a convolution over queries, keys and values; a matrix a value head."""
    channels = 2 * keys * key_dim + values * value_dim
    return convolution(channels, width) + recurrent("delta", values, key_dim, value_dim, format=WIDE)


def position(name: str, bits: int) -> Layer:
    """A counter of tokens: a function of t, which later steps need not read from the state."""
    return (Slot(name, POSITION, (1,), 0, bits=bits),)
