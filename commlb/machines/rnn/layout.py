"""Where each stored number of a network lies in its state, and in how many bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.bits import bits_needed
from commlb.formats import Format, Integers
from commlb.machines.base import Array, abridged


@dataclass(frozen=True)
class Part:
    """One array of a layer's state: its shape, and ``span``, the range of its fixed point, [−span, span).

    ``choices`` > 0: integers below it, in as many bits as they need, whatever the format. ``initial``: what its
    numbers are at the start, as numbers of the format, so the least or greatest of them where it lies beyond.
    """

    shape: tuple[int, ...]
    span: float = 4.0
    choices: int = 0
    initial: float = 0.0

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Place:
    """A part in the state array: which rows, and in which format if it holds numbers; and its first bit."""

    layer: int
    name: str
    part: Part
    rows: slice
    form: Format | None
    offset: int

    @property
    def codec(self) -> Format | Integers:
        """What its entries are packed as."""
        return self.form or Integers(bits_needed(self.part.choices))


class Layout:
    """The parts of all layers, one after the other, row by row; then an answer of ``answer_bits`` bits, if any."""

    def __init__(self, layers: Sequence[dict[str, Part]], form: Callable[[float], Format], answer_bits: int):
        self.layers: list[dict[str, Place]] = []
        row = offset = 0
        for k, parts in enumerate(layers):
            self.layers.append({})
            for name, part in parts.items():
                own = None if part.choices else form(part.span)
                place = Place(k, name, part, slice(row, row + part.size), own, offset)
                self.layers[-1][name] = place
                row, offset = row + part.size, offset + part.size * place.codec.bits
        self.places = [place for layer in self.layers for place in layer.values()]
        self.widths = [place.codec.bits for place in self.places for _ in range(place.part.size)]
        self.kept_bits, self.answer_bits = offset, answer_bits
        self._fields = list(self.places)
        if answer_bits:
            self.widths.append(answer_bits)
            self._fields.append(
                Place(-1, "answer", Part((1,), choices=2**answer_bits), slice(row, row + 1), None, offset)
            )
        self.numbers = sum(place.part.size for place in self.places if place.form)
        """Stored numbers, integers not counted."""

    def formats(self) -> str:
        """The formats of the numbers, with the parts that have each, for a person."""
        by_format: dict[str, list[str]] = {}
        for place in self.layers[0].values():
            if place.form:
                by_format.setdefault(place.form.words(), []).append(place.name)
        return "; ".join(
            form if len(by_format) == 1 else f"{', '.join(names)}: {form}"
            for form, names in by_format.items()
        )

    def pack(self, states: Array) -> NDArray[np.uint64]:
        """The codes of all entries of states (rows, runs) side by side in words, as ``bits.pack`` lays them."""
        size = self.kept_bits + self.answer_bits
        words = np.zeros((max(1, -(-size // 64)), states.shape[1]), np.uint64)
        states = np.ascontiguousarray(states)
        for place in self._fields:
            place.codec.pack(states[place.rows], words, place.offset, place.codec.bits)
        return words

    def unpack(self, words: NDArray[np.uint64], dtype: Any) -> Array:
        """The states of these words."""
        states = np.empty((len(self.widths), words.shape[1]), dtype)
        words = np.ascontiguousarray(words)
        for place in self._fields:
            place.codec.unpack(words, states[place.rows], place.offset, place.codec.bits)
        return states

    def describe(self, state: Array) -> str:
        """Every part with its entries, for a person."""
        shown, most = [], 12 if len(self.places) == 1 else 4
        for place in self.places:
            layer = f"{place.layer}." if len(self.layers) > 1 else ""
            form = "{:.4g}" if place.form else "{:.0f}"
            shown.append(f"{layer}{place.name} {abridged(state[place.rows].tolist(), form.format, most)}")
        return " | ".join(shown)
