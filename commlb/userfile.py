"""A user's own task from a small Python file, named ``path/to/file.py:Name`` or ``package.module:Name``.

The file is the user's own program. It is imported, and so executed, only because the user named it.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from commlb.errors import BadInput, CommlbError, LimitError, require_at_least, unknown_name
from commlb.machines.base import BROKEN, UNDEFINED, Automaton
from commlb.tasks.base import Task

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
                f"{self.name}.answer gave None on {what} {_short(repr(given))}; "
                "outside the promise it must give commlb.UNDEFINED"
            )
        return answer

    def classes(self, t: int) -> None:
        """No closed form is known."""

    def memory_bound(self) -> None:
        """No closed form is known."""

    @contextmanager
    def _blamed(self, call: str) -> Iterator[None]:
        try:
            yield
        except CommlbError:
            raise
        except (Exception, SystemExit) as error:
            raise BadInput(f"{self.name}: {_short(call)} raised {_said(error)}") from error


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
            call = _short(f"step({state!r}, {token!r}, {t})")
            raise BadInput(f"{self._task.name}: {call} raised {_said(error)}") from error

    def answer(self, state: Any) -> Any:
        return self._task.answer("state", state)


def _short(text: str, most: int = 200) -> str:
    """One line of at most ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _said(error: BaseException) -> str:
    return _short(f"{type(error).__name__}: {error}")


def load(spec: str, n: int) -> Task | UserTask:
    """The task that ``spec`` names at size ``n``: a class of ``n``, or a function of ``n`` that returns one.

    Raises ``BadInput``, in one line, for a file or a name that is not there and for what is no task.
    """
    home, _, name = spec.rpartition(":")
    if not home or not name.isidentifier():
        raise BadInput(
            f"a task of your own is named path/to/file.py:Name or package.module:Name; given '{spec}'"
        )
    module = _module(home)
    if not hasattr(module, name):
        defined = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        if not defined:
            raise BadInput(f"{home} defines no class or function, so no '{name}'")
        raise unknown_name(f"name in {home}", name, defined)
    try:
        made = getattr(module, name)(n)
    except CommlbError:
        raise
    except (Exception, SystemExit) as error:
        raise BadInput(f"{name}({n}) raised {_said(error)}; it must take n and give a task") from error
    return made if isinstance(made, Task) else UserTask(name, n, made)


def _module(home: str) -> ModuleType:
    """The module at a path, or of a dotted name, imported with its folder (or the current) on the path."""
    path = Path(home)
    is_file = path.suffix == ".py" or len(path.parts) > 1
    if is_file and not path.is_file():
        raise BadInput(f"there is no file '{home}'")
    before = list(sys.path)
    sys.path.insert(0, str(path.resolve().parent) if is_file else str(Path.cwd()))
    try:
        return _import_file(path) if is_file else importlib.import_module(home)
    except CommlbError:
        raise
    except (Exception, SystemExit) as error:
        raise BadInput(f"cannot import '{home}': {_said(error)}") from error
    finally:
        sys.path[:] = before


def _import_file(path: Path) -> ModuleType:
    """A fresh module from the file; it stays registered, since dataclasses and pickles look there."""
    name = f"commlb_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"'{path}' must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
