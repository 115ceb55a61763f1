"""What a streaming task is: tokens, promise, right answers, and the machine that solves it exactly."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from commlb.errors import BadInput, require_at_least
from commlb.machines.base import UNDEFINED, Letter, LetterAutomaton, Machine
from commlb.records import Bound

EXACT_SUBSETS = 5000
"""Things up to which subsets of a given size or less are counted exactly."""


class Task(ABC):
    """A streaming task of a fixed size. A subclass is a frozen dataclass of the size's parameters.

    ``letter(token, t)`` and ``token(letter)`` translate between integers and letters (role, argument, …)
    and are inverse to each other. ``solve`` is independent of the automaton and of the machine; outside
    the promise it returns ``UNDEFINED``. Answers are tokens, numbers or booleans.

    An answer is due after each number of tokens in ``answered_at``: for most tasks at the end only. Where
    several are due, ``solve`` gives the tuple of them, and a machine's ``output`` is asked at each.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    plain: ClassVar[frozenset[str]] = frozenset()
    """Roles whose last argument is a plain integer; all other arguments of letters name atoms."""
    default: ClassVar[int] = 0
    """The answer of a machine that has nothing to go by, as ``Machine.output`` writes answers."""
    roles_by_position: ClassVar[bool] = True
    """Whether the position of a token fixes its letter's role; else the token alone does."""
    options: ClassVar[dict[str, str]] = {}
    """What ``sized`` takes beside n, by name, and what it means."""
    flags: ClassVar[frozenset[str]] = frozenset()
    """Fields that name a variant of the task; ``size`` leaves them out where they are not set."""
    unread: ClassVar[dict[str, str]] = {}
    """Roles in which a reduction writes tokens whose answers nobody reads, and the roles they stand for.

    Within the promise such a token changes no later answer.
    """
    promise_ignores: ClassVar[frozenset[str]] = frozenset()
    """Roles whose arguments have no bearing on the promise."""

    @classmethod
    def sized(cls, n: int, **options: Any) -> Task:
        """The task at size n: its first field, such as a length or vertices. Other sizes: ``options``.

        Raises ``BadInput`` for an option that the task does not take.

        >>> from commlb.tasks.ar import AssociativeRecall
        >>> AssociativeRecall.sized(3, keys="free")
        AssociativeRecall(pairs=3, keys=4, values=2, fixed=False)
        >>> try: AssociativeRecall.sized(3, depth=2)
        ... except BadInput as error: print(error)
        ar has no option 'depth'; it takes: keys, types, symbols
        """
        for name in options:
            if name not in cls.options:
                known = ", ".join(cls.options) or "none"
                raise BadInput(f"{cls.name} has no option '{name}'; it takes: {known}")
        require_at_least("n", n, 1)
        return cls.of_size(n, **options)

    @classmethod
    @abstractmethod
    def of_size(cls, n: int) -> Task:
        """What ``sized`` returns; a keyword argument for each of ``options``, with a default."""

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
    def vocab_size(self) -> int:
        """1 + the largest token: rows of an embedding that has one for each token by its number."""
        return max(self.alphabet(t).stop for t in range(self.length))

    @property
    def total(self) -> bool:
        """Whether every word over the alphabets is a stream of the task; else there is a promise."""
        return True

    @property
    def answered_at(self) -> Sequence[int]:
        """The numbers of tokens read after which an answer is due; the last is ``length``."""
        return range(self.length, self.length + 1)

    @property
    def size(self) -> dict[str, int]:
        """The parameters by name: vertices, pairs, keys, …"""
        fields = dataclasses.asdict(self)  # type: ignore[call-overload]
        return {name: value for name, value in fields.items() if value or name not in self.flags}

    @property
    @abstractmethod
    def answers(self) -> range:
        """The answers there are, as ``Machine.output`` writes them."""

    def coded(self, answer: Any) -> int:
        """An answer of ``solve`` as ``Machine.output`` writes it. Raises ``BadInput`` for what is none."""
        if not isinstance(answer, int):
            raise BadInput(f"an answer of {self.name} is a number or a truth value; given {answer!r}")
        return int(answer)

    def said(self, code: int) -> str:
        """An answer as ``Machine.output`` writes it in a person's words; empty where the number says it."""
        return ""

    def spelled(self, token: int, t: int) -> str:
        """The token at position t as a person writes it."""
        return str(token)

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
        """The answer due, if the stream's tokens from position t on decide it; else None.

        ``tokens`` runs to where the answer is due; the answer is written as in ``Machine.output``.
        """

    @abstractmethod
    def memory_bound(self) -> Bound | None:
        """Best closed form known for the bits that every machine without error needs, at the worst cut."""

    def classes(self, t: int) -> int | None:
        """Closed form for the number of classes of prefixes of t tokens that no valid suffix tells apart.

        The exact number of states that a machine needs at the cut t; None where no closed form is known.
        """
        return None

    def symmetries(self) -> list[Any]:
        """Permutations of tokens that keep the task, as ``commlb.shattering.symmetry`` takes, and verifies, them.

        Each a mapping of tokens for all positions, or a list of mappings, one a position; tokens that are left
        out stay. All that they generate is a symmetry too.
        """
        return []

    def run(self, stream: Sequence[int]) -> Any:
        """What the automaton answers on ``stream``, in the form of ``solve``."""
        automaton = self.automaton()
        state = automaton.start()
        answers = [automaton.answer(state)] if 0 in self.answered_at else []
        for t, token in enumerate(stream):
            state = automaton.step(state, token, t)
            if t + 1 in self.answered_at:
                answers.append(automaton.answer(state))
        if UNDEFINED in answers:
            return UNDEFINED
        return answers[0] if len(self.answered_at) == 1 else tuple(answers)

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


def log2_subsets(n: int, k: int) -> tuple[float, float]:
    """Limits of log₂ of the number of subsets of at most k of n things, Σ C(n, j) over j ≤ k.

    Equal, from the exact integer, up to n = ``EXACT_SUBSETS`` and for k = n; else from log₂ C(n, j) at its
    largest, and from n·H2(k/n) where k ≤ n/2 (Cover, Thomas 2006, Sec. 11.1), n beyond.

    >>> log2_subsets(4, 1) == (math.log2(5),) * 2, log2_subsets(10_000, 10_000)
    (True, (10000.0, 10000.0))
    """
    if k >= n:
        return float(n), float(n)
    if n <= EXACT_SUBSETS:
        exact = math.log2(subsets(n, k))
        return exact, exact
    part = min(k / n, 0.5)
    entropy = 0.0 if not k else -part * math.log2(part) - (1 - part) * math.log2(1 - part)
    return log2_binomial(n, min(k, n // 2)), n * entropy


def subsets(n: int, k: int) -> int:
    """Σ C(n, j) over j = 0 … k, exact.

    >>> [subsets(4, k) for k in range(6)]
    [1, 5, 11, 15, 16, 16]
    """
    total = term = 1
    for j in range(1, min(n, k) + 1):
        term = term * (n - j + 1) // j
        total += term
    return total
