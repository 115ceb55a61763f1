"""A recurrent network as a machine: embedding, layers of one family, read-out, and every stored number in a format.

A family is a subclass with the recurrence of one layer: its state's parts, its weights, ``inputs`` (what depends on
the token alone) and ``cell``. All else is here.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from commlb import bits
from commlb.errors import BadInput, require_at_least
from commlb.machines.base import Array, Namer
from commlb.machines.rnn.layout import Layout
from commlb.machines.rnn.rows import Rows, quiet
from commlb.machines.rnn.sizes import Sizes
from commlb.machines.rnn.weights import Weight, constant, dense, digest, draw, read, spread
from commlb.tasks.base import Task

Save = Callable[[str, Array], Array]

MOST_NUMBERS = 2**26
"""Weights that a network may have."""

PLAIN_SECONDS = 0.7
"""About the time of plain steps after which the compiled kernels are loaded; both give the same bits."""

PLAIN_COST = 1.5e-6
"""Seconds, about, that a weight costs in a plain step, beside what it costs in each run."""

CACHE, FIRST_CACHE = 2**18, 2**13
"""Numbers that a block of runs should need at once, so that they stay near a core; and numbers of the vectors that
products read again and again, where those take most of the time."""


class Network(Sizes):
    """Embedding of the token, layers 0 … L−1, read-out: the greatest entry of R·y + b, the first if many are.

    Each stored number is rounded to the format at once, and whatever reads it, in this token or later, reads the
    rounded one (``Format``: nearest even, saturating, −0.0 and NaN canonical). In between, steps compute in
    float32; in float64 for formats of more than 16 bits but float32 itself. Sums have one order, and exp, tanh
    and the like are our own, so the bits are the same on every machine, compiled or plain, in batches or alone.

    A state is the parts of all layers, each number in the code of its format. Where an answer is due and no part
    holds what the read-out reads (``reads``), the answer itself is kept too, as 1 + its place, else 0.
    ``capacity_bits`` counts it only there: before, a machine has p bits times the numbers stored.
    """

    needs_input: ClassVar[bool] = True
    """Whether ``cell`` uses its x, or what ``inputs`` made of it only; x is None then in the first layer."""
    reads: ClassVar[str | None] = None
    """The part of the last layer that the read-out reads, where that is all it reads."""
    capacity_evidence = "storage"

    def __init__(self, task: Task, cut: int, d: int, **given: Any):
        self.measure(task, max(task.alphabet(t).stop for t in range(task.length)), d, given)
        seed, file = given.pop("seed", None), given.pop("weights", None)
        if seed is not None and file is not None:
            raise BadInput(
                f"{self.name} takes its weights from seed or from weights; given both; leave one out"
            )
        require_at_least("seed", 0 if seed is None else seed, 0)
        wanted = self.wanted()
        numbers = sum(math.prod(weight.shape) for weight in wanted.values())
        if numbers > MOST_NUMBERS:
            many = " or, as the embedding has a row for each kind of token, n" if self._kinds > self.d else ""
            raise BadInput(
                f"{self.name} would have {numbers:,} weights; at most {MOST_NUMBERS:,}; take a smaller d{many}"
            )
        self._check_integers()
        answer_bits = 0 if self.reads else bits.bits_needed(len(task.answers) + 1)
        self.layout = Layout([self.parts() for _ in range(self.depth)], self._form, answer_bits)
        self.widths, self.numbers = self.layout.widths, self.layout.numbers
        self.rows = len(self.widths)
        most = float(np.finfo(self.dtype).max)
        self.weights: Mapping[str, Array] = (
            read(file, wanted, most) if file is not None else draw(wanted, seed or 0)
        )
        self.weights_digest = digest(self.weights)
        self.answers = np.array(task.answers)
        heads = vars(self.size).get("heads", vars(self.size).get("H", 0))
        self.work_per_token, self.operations = numbers + 10 * self.rows, self.depth * (60 + 12 * heads)
        self._spent = 0.0
        self.use(compiled=PLAIN_COST * numbers > PLAIN_SECONDS)

    def _check_integers(self) -> None:
        """Refuse integers that the arithmetic of the steps, in which states are kept, does not hold exactly."""
        most = max([part.choices for part in self.parts().values()] + [len(self.task.answers) + 1])
        if most > 2 ** (np.finfo(self.dtype).nmant + 1):
            raise BadInput(
                f"{self.name} would keep integers up to {most:,}, which {np.dtype(self.dtype).name} does not hold "
                "exactly; take format=float64, p of 17 or more, or a smaller n"
            )

    # What a family says of itself.

    @abstractmethod
    def shapes(self) -> dict[str, Weight]:
        """The weights of one layer."""

    def derive(self, w: Any, m: Rows) -> None:
        """Add to the weights ``w`` what is computed of them once, in ``m``."""

    @abstractmethod
    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        """What a layer computes of its input x (d, …) alone: one array (features, …)."""

    @abstractmethod
    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        """A layer's output (d, …): weights w, input x, its ``inputs`` a, the old state's parts s.

        ``s.t`` is the position, ``s.tokens`` (runs,) are the tokens. ``s.passed`` is empty in the first layer; what
        a layer puts there, later ones find, within this token.
        ``save(name, value)`` stores a part and returns the rounded numbers; every part is saved once a step.
        """

    def norms(self, name: str) -> dict[str, Weight]:
        """The weights of a norm called ``name``: RMSNorm, a family may take another."""
        return {name: constant(self.d, value=1.0)}

    def norm(self, w: Any, name: str, x: Array, m: Rows) -> Array:
        """x under the norm called ``name``; x itself where the network is bare."""
        return x if self.bare else m.rms_norm(x, getattr(w, name), 1e-5)

    def join(self, x: Array, y: Array) -> Array:
        """A layer's output y beside its input x: their sum, or y where the network is bare."""
        return y if self.bare else x + y

    # The machine.

    def wanted(self) -> dict[str, Weight]:
        """All weights by name, as files have them: embedding, layers.0.…, norm, readout, readout_bias."""
        answers = len(self.task.answers)
        found = {"embedding": spread(self._kinds, self.d, low=-math.sqrt(3), high=math.sqrt(3))}
        for k in range(self.depth):
            found |= {f"layers.{k}.{name}": weight for name, weight in self.shapes().items()}
        if self.normed and not self.bare:
            found |= self.norms("norm")
        return found | {"readout": dense(answers, self.d), "readout_bias": constant(answers)}

    def message_bits(self, t: int) -> int:
        return self.layout.kept_bits + (self.layout.answer_bits if t in self.task.answered_at else 0)

    def capacity_bits(self, t: int) -> float:
        return float(self.message_bits(t))

    def largest_capacity_bits(self) -> float:
        first = min(self.task.answered_at)
        return self.capacity_bits(first if first < self.task.length else 0)

    @quiet
    def use(self, compiled: bool) -> Network:
        """Take the compiled or the plain form of the kernels from now on; the bits are the same."""
        m = self._rows = Rows(self.dtype, compiled)
        wanted, self._w = self.wanted(), []
        made = {
            name: np.ascontiguousarray(self.weights[name], self.dtype)
            if weight.product
            else m.column(self.weights[name])
            for name, weight in wanted.items()
        }
        for k in range(self.depth):
            mine = {name: made[f"layers.{k}.{name}"] for name in self.shapes()}
            self._w.append(SimpleNamespace(**mine))
            self.derive(self._w[-1], m)
        self._top = SimpleNamespace(**{name: value for name, value in made.items() if "." not in name})
        self._embedding = np.ascontiguousarray(self.weights["embedding"].T, self.dtype)
        kinds = self._embedding if compiled else self._embedding[:, None]
        self._table = self.inputs(self._w[0], kinds, m).reshape(-1, self._kinds)
        widest = 3 * self.rows + 2 * len(self._table) + self.d
        wide = FIRST_CACHE // self.d if self.d >= 32 else CACHE // widest
        self._block = int(np.clip(wide, 64, 16384)) if compiled else 4096
        return self

    def start(self, runs: int) -> Array:
        states = super().start(runs)
        for place in self.layout.places:
            if place.form and place.part.initial:
                first = np.full((1, 1), place.part.initial, self.dtype)
                self._rows.rounded(first, place.form, first)
                states[place.rows] = first
        return states

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        runs = len(tokens)
        if not self._rows.compiled:
            self._spent += self.work_per_token * (PLAIN_COST + 1e-9 * runs)
            if self._spent > PLAIN_SECONDS:
                self.use(compiled=True)
        for first in range(0, runs, self._block):
            block = slice(first, first + self._block)
            old = np.ascontiguousarray(states[:, block])
            new = np.empty_like(old)
            if not self._rows.compiled:
                old, new = old[:, None], new[:, None]
            y = self._forward(old, new, tokens[block], t)
            if self.layout.answer_bits:
                new[-1] = 0
                if t + 1 in self.task.answered_at:
                    new[-1] = 1 + self._best(y)
            states[:, block] = new.reshape(self.rows, -1)

    @quiet
    def _forward(self, old: Array, new: Array, tokens: Array, t: int) -> Array:
        """The tokens at t through all layers: the last one's output; ``new`` gets the new state."""
        m, lanes = self._rows, old.shape[1:]
        x: Any = m.gather(self._embedding, tokens) if self.needs_input else None
        passed = SimpleNamespace()
        for k, mine in enumerate(self.layout.layers):
            a = m.gather(self._table, tokens) if k == 0 else self.inputs(self._w[k], x, m)
            arrays = {name: old[at.rows].reshape(*at.part.shape, *lanes) for name, at in mine.items()}
            s = SimpleNamespace(t=t, tokens=tokens, passed=passed, **arrays)

            def save(name: str, value: Array, mine: Any = mine) -> Array:
                at = mine[name]
                kept = new[at.rows]
                if at.form is None:
                    kept[...] = m.flat(value)
                else:
                    m.rounded(m.flat(value), at.form, kept)
                return kept.reshape(*at.part.shape, *lanes)

            x = self.cell(self._w[k], x, a, s, save, m)
        output: Array = x
        return output

    @quiet
    def _best(self, y: Array) -> Array:
        """The place of the answer for outputs y (d, …)."""
        m = self._rows
        if self.normed:
            y = self.norm(self._top, "norm", y, m)
        place: Array = np.argmax(
            m.dot(self._top.readout, np.ascontiguousarray(y)) + self._top.readout_bias, axis=0
        )
        return place

    def output(self, states: Array) -> Array:
        if self.layout.answer_bits:
            place = states[-1].astype(np.int64) - 1
            return np.where(place < 0, -1, self.answers[np.maximum(place, 0)])
        rows = self.layout.layers[-1][self.reads or ""].rows
        y = states[rows] if self._rows.compiled else states[rows, None]
        return self.answers[self._best(y).reshape(-1)]

    def trace(self, tokens: Array) -> Array:
        """The last layer's outputs after each token: (T, d, runs) for tokens (T, runs)."""
        states, found = self.start(tokens.shape[1]), []
        for t, row in enumerate(tokens):
            old = states if self._rows.compiled else states[:, None]
            new = np.zeros_like(old)
            y = self._forward(old, new, row, t)
            states = new.reshape(states.shape)
            found.append(y.reshape(self.d, -1))
        return np.array(found)

    def pack(self, states: Array) -> NDArray[np.uint64]:
        return self.layout.pack(states)

    def unpack(self, words: NDArray[np.uint64]) -> Array:
        return self.layout.unpack(words, self.dtype)

    def remark(self) -> str:
        layers = f" in each of {self.depth} layers" if self.depth > 1 else ""
        weights = f"weights from {self.parameters.get('weights')}"
        if "seed" in self.parameters:
            weights = f"random weights of seed {self.parameters['seed']}"
        a_layer = self.numbers // self.depth
        return f"stores {a_layer:,} numbers ({self.formula}){layers}, {self.layout.formats()}; {weights}"

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        shown = self.layout.describe(state)
        answered = self.layout.answer_bits and state[-1]
        return f"{shown} | answer {self.answers[int(state[-1]) - 1]}" if answered else shown
