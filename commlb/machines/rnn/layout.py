"""Where each stored number of a network lies in its state, and in how many bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb import bits
from commlb.formats import Format
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
    """A part in the state array: which rows, and in which format if it holds numbers."""

    layer: int
    name: str
    part: Part
    rows: slice
    form: Format | None

    @property
    def bits(self) -> int:
        """Of each of its entries."""
        return bits.bits_needed(self.part.choices) if self.form is None else self.form.bits


class Layout:
    """The parts of all layers, one after the other, row by row; then an answer of ``answer_bits`` bits, if any."""

    def __init__(self, layers: Sequence[dict[str, Part]], form: Callable[[float], Format], answer_bits: int):
        self.layers: list[dict[str, Place]] = []
        row = 0
        for k, parts in enumerate(layers):
            self.layers.append({})
            for name, part in parts.items():
                own = None if part.choices else form(part.span)
                self.layers[-1][name] = Place(k, name, part, slice(row, row + part.size), own)
                row += part.size
        self.places = [place for layer in self.layers for place in layer.values()]
        self.answer_bits = answer_bits
        self.widths = [place.bits for place in self.places for _ in range(place.part.size)]
        self.kept_bits = sum(self.widths)
        if answer_bits:
            self.widths.append(answer_bits)
        self.sizes = np.array(self.widths, np.int64)
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

    def codes(self, states: Array) -> NDArray[np.uint64]:
        """The code of each entry of states (rows, runs)."""
        codes = np.empty(states.shape, np.uint64)
        if self.answer_bits:
            codes[-1] = states[-1]
        for place in self.places:
            if place.form is None:
                codes[place.rows] = states[place.rows]
            else:
                place.form.encode(states[place.rows], codes[place.rows])
        return codes

    def states(self, codes: NDArray[np.uint64], dtype: Any) -> Array:
        """The states whose codes these are."""
        states = np.empty(codes.shape, dtype)
        if self.answer_bits:
            states[-1] = codes[-1]
        for place in self.places:
            if place.form is None:
                states[place.rows] = codes[place.rows]
            else:
                place.form.decode(codes[place.rows], states[place.rows])
        return states

    def describe(self, state: Array) -> str:
        """Every part with its entries, for a person."""
        shown, most = [], 12 if len(self.places) == 1 else 4
        for place in self.places:
            layer = f"{place.layer}." if len(self.layers) > 1 else ""
            form = "{:.4g}" if place.form else "{:.0f}"
            shown.append(f"{layer}{place.name} {abridged(state[place.rows].tolist(), form.format, most)}")
        return " | ".join(shown)
