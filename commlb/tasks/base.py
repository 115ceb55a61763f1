"""What a streaming task is: tokens, promise, right answers, and the machine that solves it exactly."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from commlb.errors import BadInput
from commlb.machines.base import Letter, LetterAutomaton, Machine
from commlb.records import Bound


class Task(ABC):
    """A streaming task of a fixed size. A subclass is a frozen dataclass of the size's parameters.

    ``letter(token, t)`` and ``token(letter)`` translate between integers and letters (role, argument, …)
    and are inverse to each other. ``solve`` is independent of the automaton and of the machine; outside
    the promise it returns ``UNDEFINED``. Answers are tokens, or booleans.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    plain: ClassVar[frozenset[str]] = frozenset()
    """Roles whose last argument is a plain integer; all other arguments of letters name atoms."""
    default: ClassVar[int] = 0
    """The answer of a machine that has nothing to go by, as ``Machine.output`` writes answers."""

    @classmethod
    @abstractmethod
    def examples(cls) -> list[Task]:
        """Small sizes on which the law suite runs every stream."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Tokens in a stream."""

    @property
    @abstractmethod
    def alphabet_size(self) -> int:
        """Number of different token types, over all positions."""

    @property
    def size(self) -> dict[str, int]:
        """The parameters by name: vertices, pairs, keys, …"""
        return dataclasses.asdict(self)  # type: ignore[call-overload]

    @property
    @abstractmethod
    def answers(self) -> range:
        """The answers there are, as ``Machine.output`` writes them."""

    @abstractmethod
    def alphabet(self, t: int) -> range:
        """The tokens that may stand at position t."""

    @abstractmethod
    def letter(self, token: int, t: int) -> Letter: ...

    @abstractmethod
    def token(self, letter: Letter) -> int: ...

    @abstractmethod
    def solve(self, stream: Sequence[int]) -> Any: ...

    @abstractmethod
    def automaton(self) -> LetterAutomaton: ...

    @abstractmethod
    def machine(self) -> Machine: ...

    @abstractmethod
    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        """The answer, if the stream's tokens from position t on decide it; else None.

        ``tokens`` runs to the end of the stream; the answer is written as in ``Machine.output``.
        """

    @abstractmethod
    def memory_bound(self) -> Bound | None:
        """Best closed form known for the bits that every machine without error needs, at the worst cut."""

    def check_stream(self, stream: Sequence[int]) -> None:
        """Refuse a stream of the wrong length or with a token that may not stand where it stands."""
        if len(stream) != self.length:
            raise BadInput(f"a stream of {self.name} has {self.length} tokens; given {len(stream)}")
        for t, token in enumerate(stream):
            if token not in self.alphabet(t):
                allowed = self.alphabet(t)
                raise BadInput(
                    f"token {token} at position {t} of {self.name}; "
                    f"required one of {allowed.start}..{allowed.stop - 1}"
                )


def log2_binomial(n: int, k: int) -> float:
    """log₂ C(n, k), from the exact integer up to n = 20 000 and from log Γ beyond.

    >>> log2_binomial(4, 2) == math.log2(6)
    True
    """
    if n <= 20_000:
        return math.log2(math.comb(n, k))
    return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2)
