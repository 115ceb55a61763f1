"""What ``commlb budget`` finds: the state of a model in bits, and what these bits can hold."""

from __future__ import annotations

from dataclasses import dataclass

RECURRENT, CONVOLUTION, POSITION, WINDOW, KV = "recurrent", "convolution", "position", "window", "kv"
"""Kinds of state: carried from token to token; the last inputs of a convolution; how many tokens came; keys and
values of the last tokens; keys and values of all tokens."""

KINDS = (RECURRENT, CONVOLUTION, POSITION, WINDOW, KV)


@dataclass(frozen=True)
class StateTensor:
    """One tensor of the state of one layer (None: of no layer), for one stream.

    ``shape`` without the batch axis; None in it stands for the tokens where no number of them is known, and a
    window without one is full. ``tensor_bits``: what is kept; ``live_bits``: what later steps read. Of keys and
    values: ``bits_per_token``, and ``most_tokens``, the tokens that a window keeps.
    """

    layer: int | None
    name: str
    kind: str
    shape: tuple[int | None, ...]
    format: str
    tensor_bits: int | None
    live_bits: int | None
    bits_per_token: int | None = None
    most_tokens: int | None = None


@dataclass(frozen=True)
class KindBits:
    """The bits of all tensors of one kind; None where they grow and no number of tokens is known."""

    kind: str
    tensor_bits: int | None
    live_bits: int | None


@dataclass(frozen=True)
class Ceiling:
    """At the task's size ``task_n``: the mean accuracy over the queries of an INDEX instance inside it (Fano).

    ``index_n`` symbols of ``index_symbols`` kinds, uniform, written into the task by ``reduction``; no machine with
    the room's bits has a higher one.
    """

    times: int
    task_n: int
    reduction: str
    index_n: int
    index_symbols: int
    ceiling_accuracy: float


@dataclass(frozen=True)
class Fit:
    """The largest size of a task whose closed form is within a room, and the next one.

    ``fits_n``: the largest n with the closed form of n and of all smaller sizes at most the room; None if there is
    none. ``exceeds_n``: from it on the closed form is above the room, so no machine with it answers every query;
    None, with the reason in ``remark``, if no size up to the largest that the task has is. ``bound_is_minimum``:
    the closed form is the exact minimum of the task (then a machine that answers every query at ``fits_n``
    exists, if not of this model's kind), else a lower bound of it.
    """

    task: str
    options: dict[str, int | str]
    fits_n: int | None
    fits_bits: float | None
    exceeds_n: int | None
    exceeds_bits: float | None
    exceeds_stream_length: int | None
    formula: str
    source: str
    evidence: str
    bound_is_minimum: bool
    remark: str
    ceilings: tuple[Ceiling, ...]


@dataclass(frozen=True)
class Room:
    """A state that the model has, as so many live bits: the recurrent one alone, or with keys and values.

    ``what``: "recurrent state", or with the keys and values of so many ``tokens`` (None: windows are full).
    """

    what: str
    tokens: int | None
    live_bits: int
    fits: tuple[Fit, ...]


@dataclass(frozen=True)
class Enough:
    """Whether a room has the bits that a task of a given size needs; the ceiling where it does not."""

    what: str
    live_bits: int
    has_room: bool
    ceiling: Ceiling | None


@dataclass(frozen=True)
class Need:
    """The bits of state that every recurrent model without error needs for a task of size n, at its worst cut."""

    task: str
    options: dict[str, int | str]
    task_n: int
    stream_length: int
    bits: float
    formula: str
    source: str
    evidence: str
    bound_is_minimum: bool
    rooms: tuple[Enough, ...]


@dataclass(frozen=True)
class Model:
    """The model whose state is counted.

    ``keeper``: whose tensors these are, such as the cache of transformers. ``format_from``: where the format of
    numbers is from. ``defaults``: values that the config does not give, as the library has them.
    """

    name: str
    family: str
    layers: int
    keeper: str
    format: str
    format_from: str
    defaults: dict[str, int | float | str]
    remark: str


@dataclass(frozen=True)
class BudgetResult:
    """Everything ``commlb budget`` says; the fields are the keys of its JSON.

    ``kinds``: sums over tensors. ``recurrent_bits``: live bits of all that is neither a window nor KV.
    ``window_bits``: the live bits of full windows, which no stream exceeds. ``kv_bits_per_token``: what each token
    adds for ever; above 0 the model is no machine with a bounded state. ``tokens``: after so many keys and values
    are counted, and ``tokens_from`` where that number is from. Without a model all but ``needs`` is empty.
    """

    model: Model | None
    tensors: tuple[StateTensor, ...]
    kinds: tuple[KindBits, ...]
    recurrent_bits: int
    recurrent_tensor_bits: int
    window_bits: int
    kv_bits_per_token: int
    is_bounded: bool
    tokens: int | None
    tokens_from: str | None
    rooms: tuple[Room, ...]
    needs: tuple[Need, ...]
    verdict: str
