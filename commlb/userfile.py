"""A user's own task from a small Python file, named ``path/to/file.py:Name`` or ``package.module:Name``.

The file is the user's own program. It is imported, and so executed, only because the user named it.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from commlb.errors import BadInput, CommlbError, LimitError, require_at_least
from commlb.machines.base import BROKEN, UNDEFINED, Automaton
from commlb.tasks.base import Task
from commlb.usercode import blamed, fetched, said, short

MAX_ALPHABET = 2**20
"""Tokens that may stand at one position."""


class UserTask:
    """A task of a fixed size, made by a user's object.

    The object has ``length`` and ``alphabet``, a sequence of hashable tokens, or ``alphabet(t)`` where it
    depends on the position t = 0 … length−1; and either

    - ``answer(stream)``, a function of the whole stream (a tuple of tokens), or
    - an automaton: ``start()``, ``step(state, token, t)``, ``answer(state)`` in hashable states. Answers are
      then due at the end, or after each number of tokens in ``answered_at``.

    Outside the promise ``answer`` gives ``commlb.UNDEFINED`` or ``step`` gives ``commlb.BROKEN``. What has a
    ``step`` is an automaton. Raises ``BadInput`` for what is missing, and for whatever the object raises.
    """

    def __init__(self, name: str, n: int, made: Any):
        self.name, self.size, self.made = name, {"n": n}, made
        self.has_steps = hasattr(made, "step")
        with self._blamed("its attributes"):
            if hasattr(made, "start") and not self.has_steps:
                raise BadInput(f"{name} has 'start' but no 'step'; an automaton needs both")
            for need in ("length", "alphabet", "answer", *(["start"] if self.has_steps else [])):
                if not hasattr(made, need):
                    raise BadInput(f"{name} must have '{need}'; see commlb.userfile.UserTask")
            require_at_least(f"{name}.length", made.length, 1)
            self.length: int = made.length
            due = getattr(made, "answered_at", (self.length,))
            if isinstance(due, int) or not all(isinstance(t, int) for t in due):
                raise BadInput(f"{name}.answered_at must be a sequence of whole numbers; given {due!r}")
            self.answered_at: tuple[int, ...] = tuple(due)
            """The numbers of tokens after which an answer is due."""

    @property
    def alphabet_size(self) -> int:
        """Number of different tokens, over all positions."""
        return len(set().union(*(self.alphabet(t) for t in range(self.length))))

    def alphabet(self, t: int) -> tuple[Any, ...]:
        """The tokens that may stand at position t."""
        given = self.made.alphabet
        with self._blamed(f"alphabet({t})"):
            tokens = tuple(itertools.islice(given(t) if callable(given) else given, MAX_ALPHABET + 1))
            hash(tokens)
        if len(tokens) > MAX_ALPHABET:
            raise LimitError(f"{self.name}: the alphabet at position {t} has more than {MAX_ALPHABET} tokens")
        return tokens

    def automaton(self) -> Automaton:
        """The user's automaton, with its exceptions made ``BadInput``."""
        if not self.has_steps:
            raise BadInput(f"{self.name} has no 'step' and can only be tabulated; leave the engine out")
        return _UserAutomaton(self)

    def solve(self, stream: Sequence[Any]) -> Any:
        """The answer at the end of ``stream``, or ``UNDEFINED``."""
        if not self.has_steps:
            return self.answer("stream", tuple(stream))
        automaton = self.automaton()
        state = automaton.start()
        for t, token in enumerate(stream):
            state = automaton.step(state, token, t)
        return automaton.answer(state)

    def answer(self, what: str, given: Any) -> Any:
        """The user's ``answer``; ``None`` is refused, being what a forgotten ``return`` gives."""
        with self._blamed(f"answer on {what} {given!r}"):
            answer = self.made.answer(given)
        if answer is BROKEN:  # the two words for what is outside the promise mean the same
            return UNDEFINED
        if answer != answer:
            raise BadInput(f"{self.name}.answer gave {answer!r}, which is not equal to itself")
        if inspect.isgenerator(answer):
            raise BadInput(f"{self.name}.answer gave a generator; it must 'return' its answer")
        if answer is None:
            raise BadInput(
                f"{self.name}.answer gave None on {what} {short(repr(given))}; "
                "outside the promise it must give commlb.UNDEFINED"
            )
        return answer

    def classes(self, t: int) -> None:
        """No closed form is known."""

    def memory_bound(self) -> None:
        """No closed form is known."""

    def _blamed(self, call: str) -> AbstractContextManager[None]:
        return blamed(self.name, call)


class _UserAutomaton(Automaton):
    def __init__(self, task: UserTask):
        self._task = task

    def start(self) -> Any:
        with self._task._blamed("start()"):
            state = self._task.made.start()
            try:
                hash(state)
            except TypeError as error:
                raise BadInput(f"{self._task.name}: start() is not hashable ({error}); use tuples") from error
        if state is BROKEN:
            raise BadInput(f"{self._task.name}: start() is BROKEN, so that no stream is allowed")
        return state

    def step(self, state: Any, token: Any, t: int) -> Any:
        try:
            after = self._task.made.step(state, token, t)
            return BROKEN if after is UNDEFINED else after
        except (Exception, SystemExit) as error:
            call = short(f"step({state!r}, {token!r}, {t})")
            raise BadInput(f"{self._task.name}: {call} raised {said(error)}") from error

    def answer(self, state: Any) -> Any:
        return self._task.answer("state", state)


def load(spec: str, n: int) -> Task | UserTask:
    """The task that ``spec`` names at size ``n``: a class of ``n``, or a function of ``n`` that returns one.

    Raises ``BadInput``, in one line, for a file or a name that is not there and for what is no task.
    """
    name, make = spec.rpartition(":")[2], fetched(spec, "a task")
    try:
        made = make(n)
    except CommlbError:
        raise
    except (Exception, SystemExit) as error:
        raise BadInput(f"{name}({n}) raised {said(error)}; it must take n and give a task") from error
    return made if isinstance(made, Task) else UserTask(name, n, made)
