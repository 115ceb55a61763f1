"""Two-party problems f(x, y): Alice holds x, Bob holds y, Bob must know the value."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput
from commlb.records import Bound
from commlb.wording import small

MAX_PAIRS = 2**18
"""Pairs (x, y) of words up to which all are run."""


@dataclass(frozen=True)
class Problem(ABC):
    """f(x, y) with x of n symbols. Batches: xs of shape (n, runs), ys with the runs on the last axis."""

    n: int
    symbols: int = 2

    name: ClassVar[str]
    bob_holds: ClassVar[str]
    """Bob's input in words."""
    drawn: ClassVar[str]
    """The distribution of (x, y) in random trials, in words."""
    asks_positions: ClassVar[bool] = False
    """Whether Bob's inputs that are run are n questions with f(x, y_i) = x_i, so that Fano's inequality
    speaks of the errors on them: a shattered set of n columns."""

    @abstractmethod
    def value(self, x: Sequence[int], y: Any) -> int: ...

    @abstractmethod
    def values(self, xs: NDArray, ys: NDArray) -> NDArray:
        """``value`` for each run."""

    @property
    @abstractmethod
    def inputs_of_bob(self) -> int | str:
        """How many inputs Bob may hold; as text, "2^64", where they are words."""

    @abstractmethod
    def asked(self) -> list[Any] | None:
        """Bob's inputs that a machine is run on when all are; None if they are too many."""

    @abstractmethod
    def draw(self, xs: NDArray, rng: np.random.Generator) -> NDArray:
        """One of Bob's inputs for each run: uniform over ``asked`` where that speaks of positions."""

    @abstractmethod
    def telling(self, x: Sequence[int], x_other: Sequence[int]) -> Any:
        """One of Bob's inputs y with f(x, y) ≠ f(x', y), for x ≠ x'."""

    @abstractmethod
    def check(self, y: Any) -> None:
        """Refuse what is no input of Bob's."""

    def show(self, y: Any) -> str:
        """Bob's input as the user writes it."""
        return str(y) if isinstance(y, int) else "".join(map(str, y))

    def bound(self) -> Bound:
        """log₂ of the number of distinct rows: what any message without error must be able to say."""
        bits = self.n * math.log2(self.symbols)
        method = f"{self.symbols}^{self.n} distinct rows"
        return Bound(bits, "deterministic", method, "proved", self.source, "alice")

    source: ClassVar[str]


@dataclass(frozen=True)
class Index(Problem):
    """INDEX over k symbols: x ∈ {0, …, k−1}^n, y ∈ {1, …, n}, value x_y; D→ = ⌈n·log k⌉.

    The k^n rows of its communication matrix are distinct, so without error a one-way message has k^n
    values. Source: Kremer, Nisan, Ron 1999.

    >>> Index(3).value((0, 1, 1), 2), Index(3, 4).bound().bits
    (1, 6.0)
    """

    name = "INDEX"
    bob_holds = "a position i"
    drawn = "x uniform, i uniform"
    asks_positions = True
    source = "Kremer, Nisan, Ron 1999"

    def value(self, x: Sequence[int], y: int) -> int:
        return x[y - 1]

    def values(self, xs: NDArray, ys: NDArray) -> NDArray:
        return np.take_along_axis(xs, (ys - 1)[None], axis=0)[0]

    @property
    def inputs_of_bob(self) -> int:
        return self.n

    def asked(self) -> list[int]:
        return list(range(1, self.n + 1))

    def draw(self, xs: NDArray, rng: np.random.Generator) -> NDArray:
        return np.asarray(rng.integers(1, self.n + 1, size=xs.shape[1]))

    def telling(self, x: Sequence[int], x_other: Sequence[int]) -> int:
        """The first position where they differ."""
        return 1 + first_difference(x, x_other)

    def check(self, y: Any) -> None:
        if not isinstance(y, int) or not 1 <= y <= self.n:
            raise BadInput(f"i must be in 1..{self.n} (Bob's position, counted from 1); given {y}")


@dataclass(frozen=True)
class WordProblem(Problem):
    """A problem in which Bob, too, holds n bits, and which reads the pairs (x_j, y_j) from left to right.

    ``start``, ``step(state, x_j, y_j)`` and ``end(state)`` are f as an automaton over the pairs, by which
    proofs walk.
    """

    bob_holds = "n bits y"

    @abstractmethod
    def start(self) -> int: ...

    @abstractmethod
    def step(self, state: int, a: int, b: int) -> int: ...

    def end(self, state: int) -> int:
        return state

    def value(self, x: Sequence[int], y: Any) -> int:
        state = self.start()
        for a, b in zip(x, y, strict=True):
            state = self.step(state, a, b)
        return self.end(state)

    @property
    def inputs_of_bob(self) -> str:
        return f"2^{self.n}"

    def check(self, y: Any) -> None:
        if isinstance(y, int) or len(y) != self.n or not all(bit in (0, 1) for bit in y):
            raise BadInput(f"y must be {self.n} bits, Bob's word; given {y!r}")


@dataclass(frozen=True)
class Equality(WordProblem):
    """EQ: x, y ∈ {0,1}^n, value 1 iff x = y; D→ = n.

    The 2^n rows are distinct (x and x' differ at y = x). With public coins ⌈log 1/ε⌉ bits suffice for error
    ε, so the bound says nothing of machines that may err. Source: Kushilevitz, Nisan 1997, Sec. 1.3, 3.

    >>> Equality(3).value((0, 1, 1), (0, 1, 1)), Equality(3).bound().bits
    (1, 3.0)
    """

    name = "EQ"
    drawn = "x uniform; y = x or x with one bit changed, one half each"
    source = "Kushilevitz, Nisan 1997"

    def start(self) -> int:
        return 1

    def step(self, state: int, a: int, b: int) -> int:
        return state & (a == b)

    def values(self, xs: NDArray, ys: NDArray) -> NDArray:
        return (xs == ys).all(axis=0).astype(np.int64)

    def asked(self) -> list[Any] | None:
        return list(itertools.product((0, 1), repeat=self.n)) if 4**self.n <= MAX_PAIRS else None

    def one_sided_bound(self, error: float) -> Bound:
        """What a protocol with public coins must send that accepts all x = y, and each x ≠ y with ε at most.

        At least 2^n / (1 + ε(2^n − 1)) messages; for ε = 2^−B ≥ 2^−n that needs B bits, and 2^B messages if
        n ≥ 2B. Proof: for some coins the share of pairs x ≠ y accepted is ε at most. With M messages, two words
        with one message are accepted as a pair, since each is with itself; by Cauchy and Schwarz there are at
        least 4^n/M − 2^n such ordered pairs of the 2^n(2^n − 1).

        >>> Equality(64).one_sided_bound(2**-8).bits, 2 ** Equality(4).one_sided_bound(2**-3).bits
        (8.0, 6.0)
        """
        words, (above, below) = 2**self.n, error.as_integer_ratio()
        messages = -(-words * below // (below + above * (words - 1)))
        return Bound(
            bits=math.log2(messages),
            model=f"randomised(ε={small(error)} on x != y, 0 on x = y)",
            method="2^n/(1 + e(2^n - 1)) messages",
            evidence="proved",
            source="proof: Equality.one_sided_bound",
            prefix_set="alice",
        )

    def telling(self, x: Sequence[int], x_other: Sequence[int]) -> tuple[int, ...]:
        """x itself, which is equal to x only."""
        return tuple(x)

    def draw(self, xs: NDArray, rng: np.random.Generator) -> NDArray:
        """x itself in half of the runs, in the other half x with one bit changed: the hard pairs."""
        ys = xs.copy()
        changed = rng.integers(self.n, size=xs.shape[1])
        ys[changed, np.arange(xs.shape[1])] ^= rng.integers(2, size=xs.shape[1]).astype(xs.dtype)
        return ys


@dataclass(frozen=True)
class Disjointness(WordProblem):
    """DISJ: sets x, y ⊆ [n] as n bits each, value 1 iff they intersect; D→ = n.

    The singletons y = {i} ask for x_i, so DISJ holds INDEX: a shattered set of n columns, and with error ε on
    them (1 − H₂(ε))·n bits must cross, coins or not. Source: Kushilevitz, Nisan 1997, Sec. 4.6.

    >>> Disjointness(3).value((0, 1, 1), (1, 1, 0)), Disjointness(3).value((0, 1, 1), (1, 0, 0))
    (1, 0)
    """

    name = "DISJ"
    drawn = "x uniform, y a uniform singleton"
    asks_positions = True
    source = "Kushilevitz, Nisan 1997"

    def start(self) -> int:
        return 0

    def step(self, state: int, a: int, b: int) -> int:
        return state | (a & b)

    def values(self, xs: NDArray, ys: NDArray) -> NDArray:
        return (xs & ys).any(axis=0).astype(np.int64)

    def asked(self) -> list[Any]:
        return [tuple(int(j == i) for j in range(self.n)) for i in range(self.n)]

    def telling(self, x: Sequence[int], x_other: Sequence[int]) -> tuple[int, ...]:
        """The first position where they differ, alone."""
        first = first_difference(x, x_other)
        return tuple(int(j == first) for j in range(self.n))

    def draw(self, xs: NDArray, rng: np.random.Generator) -> NDArray:
        """A uniform singleton."""
        ys = np.zeros_like(xs)
        ys[rng.integers(self.n, size=xs.shape[1]), np.arange(xs.shape[1])] = 1
        return ys


def first_difference(x: Sequence[int], x_other: Sequence[int]) -> int:
    """The first place, from 0, where two words of one length differ; their length if they do not.

    >>> first_difference((0, 1, 1), (0, 1, 0)), first_difference((0, 1), (0, 1))
    (2, 2)
    """
    return next((j for j, (a, b) in enumerate(zip(x, x_other, strict=True)) if a != b), len(x))
