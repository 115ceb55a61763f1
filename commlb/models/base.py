"""A model as it is stepped here: one run, one token at a time, its whole state in named tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput

Array = NDArray[Any]

RECURRENT, KV, POSITION = "recurrent", "kv", "position"
"""What a tensor of the state is: of a fixed size; keys and values, one pair a token; or a function of the number
of tokens read alone, which a machine has for free."""


@dataclass(frozen=True)
class Dtype:
    """How a tensor stores its numbers: ``bits`` each; ``array`` is the NumPy type that holds them here, exactly."""

    name: str
    bits: int
    array: Any
    floating: bool = True

    def codes(self, numbers: Array) -> NDArray[np.uint64]:
        """The stored bits of each number, flat; two numbers have one code iff they are the same bits.

        >>> DTYPES["bfloat16"].codes(np.array([1.0, -0.0])).tolist(), DTYPES["int8"].codes(np.array([-1])).tolist()
        ([16256, 32768], [255])
        """
        flat = np.ascontiguousarray(numbers, self.array).reshape(-1)
        if not self.floating:
            mask = np.uint64(2**self.bits - 1)
            return flat.astype(np.int64).view(np.uint64) & mask if self.name != "uint64" else flat
        raw = flat.view(f"u{flat.dtype.itemsize}").astype(np.uint64)
        return raw >> np.uint64(16) if self.name == "bfloat16" else raw

    def numbers(self, codes: NDArray[np.uint64]) -> Array:
        """The numbers of codes, the inverse of ``codes``; flat."""
        if not self.floating:
            if self.name == "uint64":
                return codes.copy()
            unsigned = self.name[0] == "u" or self.name == "bool"
            shift = np.uint64(0 if unsigned else 64 - self.bits)
            signed = (codes << shift).view(np.int64) >> shift.astype(np.int64)
            return signed.astype(self.array)
        if self.name == "bfloat16":
            return (codes << np.uint64(16)).astype(np.uint32).view(np.float32)
        return codes.astype(f"u{self.bits // 8}").view(self.array)


DTYPES = {
    made.name: made
    for made in (
        Dtype("float64", 64, np.float64),
        Dtype("float32", 32, np.float32),
        Dtype("bfloat16", 16, np.float32),
        Dtype("float16", 16, np.float16),
        *(Dtype(f"int{bits}", bits, f"i{bits // 8}", False) for bits in (8, 16, 32, 64)),
        *(Dtype(f"uint{bits}", bits, f"u{bits // 8}", False) for bits in (8, 16, 32, 64)),
        Dtype("bool", 8, np.bool_, False),
    )
}
"""The types of tensors by name; a truth value takes a byte, as NumPy and PyTorch store it."""


@dataclass(frozen=True)
class Tensor:
    """One tensor of a state: its numbers, in the NumPy type that its ``dtype`` names, and what it is."""

    numbers: Array
    dtype: str
    kind: str = RECURRENT

    @property
    def bits(self) -> int:
        """Bits that it takes, as it is stored."""
        return int(self.numbers.size) * DTYPES[self.dtype].bits

    def codes(self) -> NDArray[np.uint64]:
        return DTYPES[self.dtype].codes(self.numbers)


State = Mapping[str, Tensor]
"""The whole state by name: all that later steps read. Tensors are not written to once they are made."""


def tensor(array: Array, kind: str = RECURRENT) -> Tensor:
    """A tensor of a NumPy array, of the array's own type. Raises ``BadInput`` for a type that is no number."""
    if array.dtype.name not in DTYPES:
        raise BadInput(f"numbers of type {array.dtype} are not stored here; known: {', '.join(DTYPES)}")
    return Tensor(array, array.dtype.name, kind)


class Model(ABC):
    """What an adapter makes of a user's model; nothing is hidden outside the state.

    ``step(state, token, t)`` is the state after ``token`` at position t (counted from 0), and the model's output
    there; ``state`` None is the one before the first token, and no state is changed by it. The output: scores, one
    an answer or one for each of the model's own tokens; an answer itself (a number); or None. ``answer`` makes one
    of the task's answers of it.
    """

    summary: str = ""
    """What it is, in words: shown beside every result."""
    weights_digest: str | None = None
    """SHA-256 of its weights, by ``commlb.machines.rnn.weights.digest``, where it has some."""
    trap: ClassVar[str] = ""
    """What is known to go wrong with models of this kind when they are stepped otherwise than here."""

    @abstractmethod
    def step(self, state: State | None, token: int, t: int) -> tuple[State, Any]: ...

    def many(self, state: State | None, tokens: Sequence[int], t: int) -> tuple[State, Any] | None:
        """Several tokens in one call, by the model's own way to take them; None where it has none."""
        return None

    def batch(self, streams: Sequence[Sequence[int]]) -> list[tuple[State, Any]] | None:
        """Several streams side by side, one token a step, from the start; None where it takes one at a time."""
        return None

    def double(self) -> Model | None:
        """The same model in float64, in which rounding is far below whatever goes wrong; None if there is none."""
        return None

    def fresh(self) -> Model:
        """The model anew, of the same weights, with nothing that this one may have kept to itself."""
        return self
