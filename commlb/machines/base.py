"""The two forms of a streaming machine: the textbook form for proofs, the batched form for speed.

A streaming machine is (Σ, S, s₀, δ, ω): alphabet, finite state set, start state, transition, output.
``Automaton`` states it with hashable states, one run at a time. ``Machine`` runs many streams at once on
arrays, and packs its state into the bits that are the message at a cut.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from commlb import bits
from commlb.errors import BadInput
from commlb.records_coins import ErrorFormula

State = Any
Letter = tuple[Any, ...]
Array = NDArray[Any]
Namer = Callable[[int], str]


class Special(enum.Enum):
    """Values that no token can be mistaken for."""

    BROKEN = "the stream has broken the task's promise"
    UNDEFINED = "no answer, since the promise is broken"
    MANY = "two or more matches"
    GONE = "forgotten: no later token can touch it"

    def __repr__(self) -> str:
        return self.name


BROKEN, UNDEFINED, MANY, GONE = Special.BROKEN, Special.UNDEFINED, Special.MANY, Special.GONE


class Live(Protocol):
    """Which letters may still come: ``live(role, argument)``, and the arguments known for a role.

    Where letters are known one by one there is also ``together(role, argument)``, the arguments that may still
    be named in one letter with this one.
    """

    def __call__(self, role: str, argument: Hashable) -> bool: ...

    def arguments(self, role: str) -> Iterable[Any]: ...


class Automaton(ABC):
    """A streaming machine in textbook form; states are hashable.

    ``start()`` is s₀, ``step(state, token, t)`` is δ at position t (counted from 0), ``answer(state)`` is
    ω, or ``UNDEFINED`` when the stream broke the task's promise. Three short methods make a task.
    """

    @abstractmethod
    def start(self) -> State: ...

    @abstractmethod
    def step(self, state: State, token: int, t: int) -> State: ...

    @abstractmethod
    def answer(self, state: State) -> Any: ...


class LetterAutomaton(Automaton):
    """An automaton that reads letters: tokens with their role spelled out, and the atoms named.

    A letter is a tuple (role, argument, …), such as ("edge", u, v). The position matters only in turning a
    token into a letter (``decode``); ``read`` is free of it and treats atoms as opaque names, comparing
    them for equality only. So the same code runs on integers in a stream and on names in a proof.

    ``project(state, live)`` forgets what no later letter can touch, and must be a congruence: states
    that it makes equal stay equal under every live letter and give equal answers.
    """

    def __init__(self, decode: Callable[[int, int], Letter]):
        self._decode = decode

    def step(self, state: State, token: int, t: int) -> State:
        return self.read(state, self._decode(token, t))

    @abstractmethod
    def read(self, state: State, letter: Letter) -> State: ...

    @abstractmethod
    def project(self, state: State, live: Live) -> State: ...


def abridged(values: Sequence[Any], show: Callable[[Any], str] = str, most: int = 60, gap: str = " ") -> str:
    """``values`` one after the other, the middle of a long list left out and counted.

    >>> abridged(range(9), most=4)
    '0 1 … (5 more) … 7 8'
    """
    if len(values) <= most:
        return gap.join(map(show, values))
    half = most // 2
    first, last = gap.join(map(show, values[:half])), gap.join(map(show, values[-half:]))
    return f"{first} … ({len(values) - 2 * half} more) … {last}"


class Machine(ABC):
    """A streaming machine on batches: ``states`` has shape (rows, runs), the runs on the last axis.

    Nothing is hidden outside the state, but t: the transition may depend on the position. ``pack`` turns
    states into uint64 words of shape (words, runs), injectively, ``storage_bits`` of them in use; the
    packed state is the message. ``capacity_bits(t)`` is log₂ of the number of states that the machine can be
    in after t tokens of a stream within the promise, where that is known, else ``storage_bits``.
    ``errs`` is False only for machines that keep all their task needs; tests bind these to the automaton.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    required: ClassVar[dict[str, str]] = {}
    """What a user must give, NAME:key=value, with what it means; ``optional`` likewise."""
    optional: ClassVar[dict[str, str]] = {}
    examples: ClassVar[tuple[str, ...]] = ()
    """What a user might type, ``NAME:key=value``, on which the law suite runs."""
    serves: ClassVar[tuple[str, ...]] = ()
    """The tasks that it works for, by name; empty if it works for every task."""
    randomised: ClassVar[bool] = False
    """Whether it reads public coins. They are fixed before the stream, and are no part of the state."""
    texts: ClassVar[frozenset[str]] = frozenset()
    """Parameters that are words; ``fractions``: numbers, not only integers. All others are integers."""
    fractions: ClassVar[frozenset[str]] = frozenset()
    parameters: Mapping[str, Any] = {}
    format: str | None = None
    """The format of the stored numbers, ``precision_bits`` each, where there is one for all."""
    precision_bits: int | None = None
    weights_digest: str | None = None
    errs: bool = True
    linear_over: int | None = None
    """m if the state after a stream is affine in it over ℤ/m: s(x) = s(0) + Σ_j x_j·c_j for bits x_j that each
    choose between two tokens of their own position. 0 stands for ℤ; None: nothing is claimed. For m = 2 the packed
    state is the vector, else the rows of the state are. Whoever uses it checks it."""
    answers_itself: bool = True
    """False for a model without an output: then only what can be read off its state counts."""
    work_per_token: int = 1
    """Cells of state, or numbers of weights, that a token touches in each run."""
    operations: int = 1
    """Array operations that a step takes, about, however many runs there are."""
    rows: int
    dtype: Any = np.int64
    widths: list[int]
    capacity_evidence: str = "formula"
    """How ``capacity_bits`` is known: "formula" (states counted), "upper bound", or "storage" (its width)."""

    @classmethod
    def require_served(cls, task: str) -> None:
        """Refuse a task that the machine does not work for."""
        if cls.serves and task not in cls.serves:
            raise BadInput(
                f"machine {cls.name} works for the task {' and '.join(cls.serves)} only; given {task}; take that "
                "task, or a machine for every task (commlb list)"
            )

    def tossed(self, rng: np.random.Generator, runs: int) -> Self:
        """The machine with fresh public coins for each of ``runs`` runs; itself if it reads none.

        The error of a randomised machine is over its coins, so each run that is counted needs its own; run r of
        the result is the machine with the r-th seed. A machine that reads none draws nothing from ``rng``.
        """
        return self

    def error_formula(self) -> ErrorFormula | None:
        """Its error over fresh public coins by a formula, where one is known."""
        return None

    @property
    def storage_bits(self) -> int:
        return sum(self.widths)

    def message_bits(self, t: int) -> int:
        """The bits of the packed state that can be in use after t tokens: the length of the message there."""
        return self.storage_bits

    def capacity_bits(self, t: int) -> float:
        """log₂ of the number of states after t tokens; positions are free, so t is not stored."""
        return float(self.storage_bits)

    def largest_capacity_bits(self) -> float:
        """The largest ``capacity_bits`` over all positions of a stream but the last, where answers stand."""
        return self.capacity_bits(0)

    def start(self, runs: int) -> Array:
        """The start state, ``runs`` times over."""
        return np.zeros((self.rows, runs), self.dtype)

    def step(self, states: Array, tokens: Array, t: int, out: Array | None = None) -> Array:
        """The states after ``tokens`` (shape (runs,)) at position t, written to ``out``.

        ``out`` may be ``states`` itself (in place); by default ``states`` is left alone.
        """
        if out is None:
            out = states.copy()
        elif out is not states:
            out[...] = states
        self.advance(out, tokens, t)
        return out

    @abstractmethod
    def advance(self, states: Array, tokens: Array, t: int) -> None:
        """Step in place; what ``step`` calls."""

    @abstractmethod
    def output(self, states: Array) -> Array:
        """The answers, int64 of shape (runs,): a token, or 0/1 for no/yes; −1 for none."""

    def as_numbers(self, states: Array) -> NDArray[np.float64]:
        """The numbers of states, (numbers, runs), for a read-out that is fitted to them; by default their rows."""
        return states.astype(np.float64)

    def pack(self, states: Array) -> NDArray[np.uint64]:
        return bits.pack(states, self.widths)

    def unpack(self, words: NDArray[np.uint64]) -> Array:
        if len(self.widths) == 1:  # a packed row is the row itself
            return words.astype(self.dtype)
        return bits.unpack(words, self.widths).astype(self.dtype, copy=False)

    def remark(self) -> str:
        """What its specification does not say of it, in a sentence or none."""
        return ""

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        """One state (shape (rows,)) after t tokens, for a person; ``named`` says what vertices are called."""
        return " ".join(str(value) for value in state.tolist())
