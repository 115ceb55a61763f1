"""The tasks' closed forms at any size: limits of the bits on both sides, and the sizes within so many bits.

``Task.memory_bound`` computes in floats, at sizes that are run; here n goes to 10^18, and what is compared with a
whole number of bits is an interval that holds the value (60 digits, rounding outwards).
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from commlb.budgets.intervals import Interval, log2_binomial, log2_times, peak
from commlb.errors import BadInput, require_at_least
from commlb.tasks.dictionaries import are_fixed
from commlb.tasks.istree import EXACT_PARTITIONS

LARGEST_N = 10**18
"""The largest size that is looked at."""


@dataclass(frozen=True)
class Index:
    """INDEX with ``n`` symbols of ``symbols`` kinds, inside a task by ``reduction``."""

    reduction: str
    n: int
    symbols: int


@dataclass(frozen=True)
class ClosedForm(ABC):
    """The bits that every machine without error needs for a task, against its own size n; never falling in n.

    Sizes are first, first + step, … up to ``last``. ``is_minimum``: the closed form is the exact minimum.
    """

    task: ClassVar[str]
    source: ClassVar[str]
    takes: ClassVar[tuple[str, ...]] = ()

    @property
    def options(self) -> dict[str, int | str]:
        """What was chosen beside n, in the words of ``Task.sized``."""
        return {name: getattr(self, name) for name in self.takes if getattr(self, name) is not None}

    @property
    def first(self) -> int:
        return 1

    @property
    def step(self) -> int:
        return 1

    @property
    def last(self) -> tuple[int, str]:
        """The largest size, and why there is none beyond."""
        return LARGEST_N, f"it is above {LARGEST_N:.0e}".replace("+", "")

    @abstractmethod
    def formula(self, n: int) -> str:
        """The closed form that is used at n, in words."""

    def is_minimum(self, n: int) -> bool:
        """Whether the closed form is the exact minimum at n."""
        return True

    @abstractmethod
    def stream(self, n: int) -> int:
        """Tokens of a stream of size n."""

    @abstractmethod
    def bits(self, n: int) -> Interval:
        """Limits of the closed form at n."""

    @abstractmethod
    def index(self, n: int) -> Index | None:
        """The largest registered INDEX instance inside the task at n."""

    @property
    def end(self) -> int:
        """The largest n that is a size of the task, as far as sizes are looked at."""
        return self.last[0]

    def check(self, n: int) -> None:
        """Refuse an n that is no size of the task."""
        require_at_least("n", n, self.first)
        if n > self.end:
            why = f" with these options ({self.last[1]})" if self.end < LARGEST_N - self.step else ""
            raise BadInput(f"n must be at most {self.end} for {self.task}{why}; given {n}")
        if (n - self.first) % self.step:
            raise BadInput(f"n must be a multiple of {self.step} for {self.task}; given {n}")


@dataclass(frozen=True)
class IndexForm(ClosedForm):
    """Index: n·log₂ V."""

    symbols: int | None = None

    task = "index"
    source = "Kremer, Nisan, Ron 1999"
    takes: ClassVar[tuple[str, ...]] = ("symbols",)

    def __post_init__(self) -> None:
        require_at_least("symbols", self.kinds, 2)

    @property
    def kinds(self) -> int:
        return 2 if self.symbols is None else self.symbols

    def formula(self, n: int) -> str:
        return "n log2 V" if self.kinds > 2 else "n"

    def stream(self, n: int) -> int:
        return n + 1

    def bits(self, n: int) -> Interval:
        return log2_times(n, self.kinds)

    def index(self, n: int) -> Index | None:
        return Index("plain", n, self.kinds)


@dataclass(frozen=True)
class RecallForm(IndexForm):
    """Associative recall: n·log₂ V for n pairs, with fixed keys and with free ones."""

    keys: str | None = None
    types: int | None = None

    task = "ar"
    source = "proof: AssociativeRecall.memory_bound"
    takes = ("symbols", "keys", "types")

    def __post_init__(self) -> None:
        super().__post_init__()
        if are_fixed(self.keys or "fixed") and self.types is not None:
            raise BadInput("ar with fixed keys has as many as pairs; leave --types out, or take --keys free")
        if self.types is not None:
            require_at_least("types", self.types, 1)

    @property
    def last(self) -> tuple[int, str]:
        if self.types is None:
            return super().last
        return self.types, f"there are {self.types:,} keys"

    def is_minimum(self, n: int) -> bool:
        return are_fixed(self.keys or "fixed")

    def stream(self, n: int) -> int:
        return 2 * n + 1

    def index(self, n: int) -> Index | None:
        return Index("keys", n, self.kinds)


@dataclass(frozen=True)
class GramForm(ClosedForm):
    """c-gram: m·log₂(T − m) for m blocks of a key, c−1 times, and a value; the best m where keys are free."""

    c: int | None = None
    types: int | None = None
    keys: str | None = None

    task = "cgram"
    source = "proof: CGram.memory_bound"
    takes = ("c", "types", "keys")

    def __post_init__(self) -> None:
        require_at_least("c", self.step, 2)
        if self.types is not None:
            require_at_least("types", self.types, 3)
        are_fixed(self.keys or "fixed")

    @property
    def is_fixed(self) -> bool:
        return are_fixed(self.keys or "fixed")

    @property
    def step(self) -> int:
        return 2 if self.c is None else self.c

    @property
    def first(self) -> int:
        return self.step

    @property
    def last(self) -> tuple[int, str]:
        most = LARGEST_N // self.step * self.step
        if self.types is None:
            return most, super().last[1]
        # From the m of the largest m·log(T − m) on more blocks with the same T tell no more apart.
        turn = peak(lambda m: log2_times(m, (self.types or 0) - m), 1, self.types - 2)
        if not self.is_fixed:
            return most, "more text of as many token types needs no more by this formula"
        return turn * self.step, f"with {self.types:,} token types more keys leave fewer values"

    @property
    def end(self) -> int:
        return (self.types - 2) * self.step if self.is_fixed and self.types is not None else self.last[0]

    def blocks(self, n: int) -> tuple[int, int]:
        """m and T − m."""
        whole = n // self.step
        types = whole + 2 if self.types is None else self.types
        if self.is_fixed:
            return whole, types - whole
        best = peak(lambda m: log2_times(m, types - m), 1, min(whole, types - 2))
        return best, types - best

    def formula(self, n: int) -> str:
        if self.is_fixed and self.types is None:
            return f"n/{self.step}"
        return "m log2(T-m)" + ("" if self.is_fixed else ", best m")

    def is_minimum(self, n: int) -> bool:
        return self.is_fixed

    def stream(self, n: int) -> int:
        return n + self.step - 1

    def bits(self, n: int) -> Interval:
        return log2_times(*self.blocks(n))

    def index(self, n: int) -> Index | None:
        return Index("blocks", *self.blocks(n))


@dataclass(frozen=True)
class CountingForm(ClosedForm):
    """Counting: log₂ C(n+K−1, n), K = n by default."""

    types: int | None = None

    task = "counting"
    source = "proof: Counting.memory_bound"
    takes = ("types",)

    def __post_init__(self) -> None:
        if self.types is not None:
            require_at_least("types", self.types, 1)

    def formula(self, n: int) -> str:
        return "log2 C(2n-1, n)" if self.types is None else "log2 C(n+K-1, n)"

    def stream(self, n: int) -> int:
        return n + 2

    def bits(self, n: int) -> Interval:
        kinds = n if self.types is None else self.types
        return log2_binomial(n + kinds - 1, n) if kinds > 1 else (Decimal(0), Decimal(0))

    def index(self, n: int) -> Index | None:
        bits = min(n, (n if self.types is None else self.types) - 1)
        return Index("blanks", bits, 2) if bits else None


@dataclass(frozen=True)
class TreeForm(ClosedForm):
    """IsTree: the largest S(n, k), and one more, up to 700 vertices; beyond it (n−k)·log₂ k at the best k."""

    task = "istree"
    source = "proof: IsTree.memory_bound"

    @property
    def first(self) -> int:
        return 2

    def formula(self, n: int) -> str:
        if n <= EXACT_PARTITIONS:
            return "log2 of max S(n, k) + 1"
        return "(n-k) log2 k, best k"

    def is_minimum(self, n: int) -> bool:
        return n <= EXACT_PARTITIONS

    def stream(self, n: int) -> int:
        return n - 1

    def bits(self, n: int) -> Interval:
        if n <= EXACT_PARTITIONS:
            return _partitions()[n]
        best = peak(lambda k: log2_times(n - k, k), 1, n)
        # Adding a vertex never makes the task easier, so what 700 vertices need stays a lower bound.
        low, high = log2_times(n - best, best)
        least = _partitions()[EXACT_PARTITIONS]
        return max(low, least[0]), max(high, least[1])

    def index(self, n: int) -> Index | None:
        bits = max(b * (n - 2**b) for b in range(1, max(2, n.bit_length())))
        return Index("hubs", bits, 2) if bits > 0 else None


@functools.cache
def _partitions() -> list[Interval]:
    """By n up to 700: log₂ of the classes of prefixes at the worst cut, max S(n, k), and the closed cycle."""
    row, found = [1], [(Decimal(0), Decimal(0))]
    for m in range(1, EXACT_PARTITIONS + 1):
        row = [0, *(k * row[k] + row[k - 1] for k in range(1, m)), 1]
        found.append(log2_times(1, max(row[m - t] + (t >= 2) for t in range(m))))
    return found


FORMS: dict[str, type[ClosedForm]] = {
    form.task: form for form in (IndexForm, RecallForm, GramForm, CountingForm, TreeForm)
}
"""By task."""


def form(task: str, **options: Any) -> ClosedForm:
    """The closed form of a task with its options. Raises ``BadInput`` for a wrong option."""
    return FORMS[task](**options)


def within(form: ClosedForm, bits: int) -> tuple[int | None, int | None]:
    """The largest size whose bits are at most ``bits`` for sure, and the least whose bits are above it for sure.

    None where there is no such size. Between the two there is nothing, unless 60 digits do not decide it.

    >>> within(IndexForm(), 10), within(IndexForm(symbols=3), 10), within(TreeForm(), 8)
    ((10, 11), (6, 7), (6, 7))
    """
    last = (form.last[0] - form.first) // form.step

    def first_place(true: Callable[[Interval], bool]) -> int:
        """The first place 0, 1, …, last at which it is true, last + 1 if there is none."""
        reach = 1
        while reach <= last and not true(form.bits(form.first + form.step * reach)):
            reach *= 2
        low, high = 0, min(reach, last + 1)
        while low < high:
            middle = (low + high) // 2
            if true(form.bits(form.first + form.step * middle)):
                high = middle
            else:
                low = middle + 1
        return low

    fits = first_place(lambda limits: limits[1] > bits) - 1
    above = first_place(lambda limits: limits[0] > bits)
    return (
        form.first + form.step * fits if fits >= 0 else None,
        form.first + form.step * above if above <= last else None,
    )
