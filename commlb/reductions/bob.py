"""The two kinds of reduction: Bob asks for one of Alice's symbols, or holds a word of his own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from commlb import problems
from commlb.machines.base import Array, Letter
from commlb.reductions.base import Reduction
from commlb.symbolic import Atom


@dataclass(frozen=True)
class IndexReduction(Reduction):
    """INDEX over ``symbols`` symbols inside a task: one answer on a(x)·b(i) is read as x_i.

    Bob writes ``bob(i)``, and the answer after its last letter is the one that is read. Where the task asks
    for more tokens or gives answers that nobody reads, ``whole(i)`` is all that Bob writes: the letters of
    ``bob(i)`` in their order, and others in roles of ``task.unread``.
    """

    @property
    def period(self) -> int:
        """Bob treats all i of one residue modulo ``period`` alike."""
        return 1

    @property
    def scope(self) -> str:
        """What is held fixed when something is said of every n, beyond the options; may be empty."""
        return ""

    @property
    def problem(self) -> problems.Problem:
        return problems.Index(self.n, self.symbols)

    @abstractmethod
    def bob(self, i: Any) -> list[Letter]: ...

    def whole(self, i: int) -> list[Letter]:
        """All letters of Bob's suffix."""
        return self.bob(i)

    @property
    def is_padded(self) -> bool:
        """Whether Bob writes more than what is read."""
        return type(self).whole is not IndexReduction.whole

    @abstractmethod
    def answer(self, task_answer: Any) -> Any:
        """x_i from the task's answer (a boolean, or the number of an atom)."""

    def suffix(self, y: Any) -> list[int]:
        """Bob's suffix b(i)."""
        problems.Index(self.n).check(y)
        return self.encode(self.whole(y), self.cut)

    def suffixes(self, ys: Array) -> Array:
        asked, which = np.unique(ys, return_inverse=True)
        table = np.array([self.suffix(int(i)) for i in asked]).reshape(len(asked), -1)
        return table[which].T

    @cached_property
    def _due(self) -> list[int]:
        """The numbers of Bob's tokens after which answers are due."""
        return [t - self.cut for t in self.task.answered_at if t > self.cut]

    def read_at(self, y: Any) -> int:
        """Which of the answers after the cut is read as x_i."""
        if not self.is_padded:
            return -1
        read = [place for place, (role, *_) in enumerate(self.whole(y), 1) if role not in self._task.unread]
        return self._due.index(read[-1])

    def conclude(self, answers: Array, ys: Array) -> Array:
        asked, which = np.unique(ys, return_inverse=True)
        rows = np.array([self.read_at(int(i)) for i in asked])[which]
        return self._symbols(answers[rows, np.arange(len(rows))])

    def _symbols(self, answers: Array) -> Array:
        found, which = np.unique(answers, return_inverse=True)
        return np.array([self.symbol(int(answer)) for answer in found])[which.reshape(answers.shape)]

    def read(self, task_answer: Any) -> Any:
        """x_i from an answer that may be an atom, as a walk over names gives it."""
        return self.answer(self._formula(task_answer) if isinstance(task_answer, Atom) else task_answer)

    def symbol(self, task_answer: int) -> int:
        """x_i from a machine's answer; an answer that stands for no symbol counts as symbol 0."""
        value = -1 if task_answer < 0 else int(self.answer(task_answer))
        return value if 0 <= value < self.symbols else 0


@dataclass(frozen=True)
class RecoveringReduction(IndexReduction):
    """A problem whose Bob writes the same whatever he holds, reads all of x, and computes f(x, y) himself.

    As a reduction of INDEX it is one whose suffix does not depend on i; proved as such, it serves any f.
    """

    def question(self, i: Any) -> Any:
        """The y for which Bob's value is x_i, where the problem asks for positions."""
        return (self.problem.asked() or [])[i - 1] if self.problem.asks_positions else i

    def suffix(self, y: Any) -> list[int]:
        """Bob's suffix, the same for every y."""
        return self.encode(self.whole(1), self.cut)

    def read_at(self, y: Any) -> int:
        return -1

    def suffixes(self, ys: Array) -> Array:
        return np.repeat(np.array(self.suffix(None))[:, None], ys.shape[-1], axis=1)

    def conclude(self, answers: Array, ys: Array) -> Array:
        rows = [IndexReduction.read_at(self, i) for i in range(1, self.n + 1)]
        return self.problem.values(self._symbols(answers[rows]), ys)


@dataclass(frozen=True)
class WordReduction(Reduction):
    """A problem on pairs of words inside a task: Bob writes ``reply(j, y_j)`` for j = 1 … n; one answer.

    The task's answer, as 0 or 1, is f(x, y).
    """

    @property
    @abstractmethod
    def problem(self) -> problems.WordProblem: ...

    @abstractmethod
    def reply(self, j: Any, bit: int) -> list[Letter]: ...

    def suffix(self, y: Sequence[int]) -> list[int]:
        """Bob's suffix b(y)."""
        self.problem.check(y)
        letters = [letter for j, bit in enumerate(y, 1) for letter in self.reply(j, bit)]
        return self.encode(letters, self.cut)

    def suffixes(self, ys: Array) -> Array:
        rows: list[Array] = []
        for j, bits in enumerate(ys, 1):
            written = [self.encode(self.reply(j, bit), self.cut + len(rows)) for bit in (0, 1)]
            rows += [np.array(pair)[bits.astype(np.int64)] for pair in zip(*written, strict=True)]
        return np.array(rows)

    def answer(self, task_answer: Any) -> int:
        """f(x, y) from the task's answer."""
        return int(task_answer)

    def conclude(self, answers: Array, ys: Array) -> Array:
        """An answer that is none counts as 0."""
        found, which = np.unique(answers[-1], return_inverse=True)
        return np.array([self.answer(a) if a >= 0 else 0 for a in found.tolist()])[which]
