"""What a reduction is: how Alice writes x, how Bob writes i, and how the task's answer is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from commlb import problems
from commlb.errors import BadInput, Malformed, require_at_least
from commlb.machines.base import Array, Letter
from commlb.symbolic import Atom, rename
from commlb.tasks.base import Task

Encoder = Any


class Family(NamedTuple):
    """Atoms ``Atom(name, lowest + k·stride)``, k < size, numbered consecutively."""

    name: str
    lowest: int
    size: Any
    stride: int = 1

    def atoms(self) -> list[Atom]:
        return [Atom(self.name, self.lowest + k * self.stride) for k in range(self.size)]


@dataclass(frozen=True)
class Reduction(ABC):
    """A two-party problem inside a task: the task's answers on a(x)·b(y) tell f(x, y).

    Alice is a transducer: ``start()``, then ``emit(e, j, x_j)`` → (next encoder state, letters) for j = 1…n,
    then ``finish(e)`` → letters. What Bob writes and how he reads the answers is for the two kinds of
    reduction, ``IndexReduction`` and ``WordReduction``. Both speak in letters over named atoms; ``layout``
    numbers the atoms, family after family, and the task turns letters into tokens.

    How many tokens Alice has written by step j must not depend on x if streams are to run in batches
    (``stream``); a proof does not need it.

    Code that uses j and n only in naming atoms (``Atom("v", j - 1)``) treats all n alike, and a proof can
    then speak of every n. Code that looks at j (``if j == 3``) is proved for the given n.
    """

    n: int
    symbols: int = 2

    name: ClassVar[str]
    task_name: ClassVar[str]
    source: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    """Which of the fields beyond n a user may set."""
    first_number: ClassVar[int] = 0
    placed: ClassVar[bool] = True
    """Whether Alice's tokens stand where pictures look for the one that answers Bob."""

    def __post_init__(self) -> None:
        require_at_least("n", self.n, 1)
        require_at_least("symbols", self.symbols, 2)
        if "symbols" not in self.options and self.symbols != 2:
            raise BadInput(
                f"the reduction {self.name} to {self.task_name} carries bits; symbols must be 2, "
                f"given {self.symbols}"
            )

    @property
    @abstractmethod
    def problem(self) -> problems.Problem:
        """What Alice and Bob compute."""

    @property
    @abstractmethod
    def task(self) -> Task:
        """The task, of the size that n needs."""

    @property
    @abstractmethod
    def cut(self) -> int:
        """Tokens that Alice writes."""

    @property
    @abstractmethod
    def layout(self) -> list[Family]:
        """The families of atoms in the order of their numbers, from ``first_number`` on."""

    @property
    def draws_graph(self) -> bool:
        """Whether a picture shows the stream as a graph, its vertices the families of ``layout``."""
        return any(family.name == "hub" for family in self.layout)

    @property
    def parameters(self) -> dict[str, int]:
        """What else the reader should know of the gadget's size."""
        return {}

    @abstractmethod
    def describe(self) -> tuple[str, str, str]:
        """One line each: what Alice writes, what Bob writes, how the answer is read."""

    def remark(self) -> str:
        """What else a reader should know, such as a gadget that does with less; may be empty."""
        return ""

    def start(self) -> Encoder:
        return ()

    @abstractmethod
    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]: ...

    def finish(self, e: Encoder) -> list[Letter]:
        return []

    @abstractmethod
    def suffix(self, y: Any) -> list[int]:
        """Bob's suffix b(y), as tokens."""

    @abstractmethod
    def suffixes(self, ys: Array) -> Array:
        """``suffix`` for a batch: tokens of shape (task.length − cut, runs)."""

    @abstractmethod
    def conclude(self, answers: Array, ys: Array) -> Array:
        """f(x, y) for each run, from the answers after the cut, of shape (answers due, runs)."""

    def read_at(self, y: Any) -> int:
        """Which of the answers after the cut is read, −1 for the last."""
        return -1

    @cached_property
    def _task(self) -> Task:
        return self.task

    @cached_property
    def _numbers(self) -> dict[str, tuple[Any, Family]]:
        first: Any = self.first_number
        numbers = {}
        for family in self.layout:
            numbers[family.name] = (first, family)
            first = first + family.size
        return numbers

    @property
    def atoms(self) -> Any:
        """Number of atoms in all."""
        return sum((family.size for family in self.layout), 0)

    def number(self, atom: Atom) -> int:
        """The integer that stands for ``atom`` in tokens. Refuses an atom outside the layout."""
        if atom.family in self._numbers:
            _, family = self._numbers[atom.family]
            place, rest = divmod(atom.index - family.lowest, family.stride)
            if not rest and 0 <= place < family.size:
                return self._formula(atom)
        raise BadInput(f"the reduction {self.name} names {label(atom)}, which does not exist at n = {self.n}")

    def _formula(self, atom: Atom) -> Any:
        """The number of an atom that exists, also where n is unknown."""
        first, family = self._numbers[atom.family]
        return first + (atom.index - family.lowest) // family.stride

    def atom(self, number: int) -> Atom:
        """The atom of a number, the inverse of ``number``."""
        for first, family in self._numbers.values():
            if first <= number < first + family.size:
                return Atom(family.name, family.lowest + (number - first) * family.stride)
        raise BadInput(f"no atom of {self.name} has the number {number} at n = {self.n}")

    def label(self, atom: Atom) -> str:
        """The atom's name in pictures and transcripts."""
        return label(atom)

    def named(self, number: int) -> str:
        """What a number in a token is called in a transcript."""
        return str(number)

    def names(self, token: int, t: int) -> tuple[str, tuple[str, ...]]:
        """The token at position t as its role and what it names, ("edge", ("v3", "L"))."""
        role, *arguments = self.task.letter(token, t)
        return role, (str(token),) if role == "symbol" else tuple(map(self.named, arguments))

    def encode(self, letters: Sequence[Letter], t: int) -> list[int]:
        """The tokens of ``letters`` from position t on.

        Refuses letters that the task would not read back as they were meant at that position.
        """
        tokens = []
        task = self._task
        for place, letter in enumerate(letters, t):
            names = letter[1:-1] if letter[0] in task.plain else letter[1:]
            if not all(isinstance(name, Atom) for name in names):
                raise Malformed(
                    f"reduction {self.name} must name atoms as Atom(family, index); given {letter}"
                )
            numbered = rename(letter, self.number)
            if place >= task.length:
                raise BadInput(f"the reduction {self.name} writes more than {task.length} tokens")
            token = task.token(numbered)
            read = task.letter(token, place)
            if token not in task.alphabet(place) or _same(task, read) != _same(task, numbered):
                raise BadInput(
                    f"the reduction {self.name} writes {numbered} at position {place}, read as {read}"
                )
            tokens.append(token)
        return tokens

    def stream(self, xs: Array) -> Iterator[Array]:
        """Alice's tokens for a batch of inputs, one position at a time.

        ``xs`` has shape (n, runs) with symbols 0 … symbols−1; yields ``cut`` int64 arrays of shape (runs,).
        """
        states: list[Encoder] = [self.start()]
        ids = np.zeros(xs.shape[1], np.int64)
        t = 0
        for j in range(1, self.n + 1):
            following: dict[Encoder, int] = {}
            moves = [self.emit(e, j, x) for e in states for x in range(self.symbols)]
            after = np.array([following.setdefault(e, len(following)) for e, _ in moves])
            picked = ids * self.symbols + xs[j - 1]
            yield from (table[picked] for table in self._tokens([letters for _, letters in moves], t))
            t += len(moves[0][1])
            states, ids = list(following), after[picked]
        yield from (table[ids] for table in self._tokens([self.finish(e) for e in states], t))

    def _tokens(self, choices: list[list[Letter]], t: int) -> Array:
        """Token tables of shape (tokens written, choices)."""
        return (
            np.array([self.encode(letters, t) for letters in choices], np.int64).reshape(len(choices), -1).T
        )

    def alice(self, x: Sequence[int]) -> list[int]:
        """Alice's prefix a(x), ``cut`` tokens."""
        if len(x) != self.n or not all(0 <= symbol < self.symbols for symbol in x):
            raise BadInput(f"x must be {self.n} symbols from 0..{self.symbols - 1}; given {list(x)[:20]}")
        e = self.start()
        tokens: list[int] = []
        for j, symbol in enumerate(x, 1):
            e, letters = self.emit(e, j, symbol)
            tokens += self.encode(letters, len(tokens))
        return tokens + self.encode(self.finish(e), len(tokens))


def label(atom: Atom) -> str:
    """An atom's plain name, ``v3``."""
    return f"{atom.family}{atom.index}"


def _same(task: Task, letter: Letter) -> Any:
    """A letter as it is compared: an edge whichever end is named first, an unread role as the one it is."""
    role, *arguments = letter
    role = task.unread.get(role, role)
    return (role, frozenset(arguments)) if role == "edge" else (role, *arguments)
