"""A task of the user's own, as checks need it: its tokens numbered, and the user's own program as the solver."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from commlb.checking.common import WORK, Asked, Refused, require, short
from commlb.errors import BadInput
from commlb.machines.base import BROKEN, UNDEFINED, Letter, LetterAutomaton, Machine
from commlb.tasks.base import Task
from commlb.userfile import UserTask, load


def own_task(spec: str, name: str, size: dict[str, Any]) -> Task:
    """The task that the user names as ``spec``, at the size in the file, which calls it ``name``."""
    require(set(size) == {"n"}, f"the size of a task of your own is its n; given {short(size)}")
    n = size["n"]
    require(type(n) is int and 1 <= n <= 10**6, f"n must be a size; given {short(n)}")
    try:
        made = load(spec, n)
    except BadInput as error:
        raise Asked(str(error)) from error
    task = made if isinstance(made, Task) else Numbered(made)
    if name.rpartition(":")[2] != task.name:
        raise Refused(f"its task is '{short(name, 40)}', and the one you name is {task.name}")
    return task


class Numbered(Task):
    """A user's task: token k at position t is the k-th of the alphabet there."""

    name: str  # type: ignore[misc]
    summary = "a task of the user's own"
    source: str = "the user's own file"  # type: ignore[misc]

    def __init__(self, user: UserTask):
        self.user, self.name = user, user.name
        self.tokens = [user.alphabet(t) for t in range(user.length)]

    @classmethod
    def of_size(cls, n: int) -> Task:
        raise BadInput("a task of your own is made by the function or class that your file names")

    @classmethod
    def examples(cls) -> list[Task]:
        return []

    @property
    def length(self) -> int:
        return self.user.length

    @property
    def alphabet_size(self) -> int:
        return self.user.alphabet_size

    @property
    def answered_at(self) -> Any:
        return sorted(self.user.answered_at)

    @property
    def size(self) -> dict[str, int]:
        return self.user.size

    def _several(self, found: Any) -> tuple[Any, ...]:
        """The answers in what ``solve`` gave; one that is a tuple is one answer."""
        return found if len(self.answered_at) > 1 and found is not UNDEFINED else (found,)

    @cached_property
    def _truths(self) -> bool:
        """Whether all answers are yes or no, by asking for all of them."""
        streams = itertools.product(*map(range, map(len, self.tokens)))
        require(
            math.prod(map(len, self.tokens)) <= WORK,
            "machines run on a task of your own where its streams are few",
        )
        found = {
            answer
            for stream in streams
            for answer in self._several(self.solve(stream))
            if answer is not UNDEFINED
        }
        return all(isinstance(answer, bool) for answer in found)

    @property
    def answers(self) -> range:
        require(self._truths, "machines run on a task of your own where it answers yes or no")
        return range(2)

    def coded(self, answer: Any) -> int:
        """Answers as machines write them: no and yes as 0 and 1."""
        require(isinstance(answer, bool), "machines run on a task of your own where it answers yes or no")
        return int(answer)

    def alphabet(self, t: int) -> range:
        return range(len(self.tokens[t]))

    def letter(self, token: int, t: int) -> Letter:
        return ("token", token)

    def token(self, letter: Letter) -> int:
        return int(letter[1])

    def solve(self, stream: Sequence[int]) -> Any:
        """By the user's own program, on the user's own tokens."""
        self.check_stream(stream)
        tokens = [alphabet[k] for alphabet, k in zip(self.tokens, stream, strict=True)]
        if not self.user.has_steps:
            return self.user.solve(tokens)
        automaton = self.user.automaton()
        state, answers = automaton.start(), []
        for t, token in enumerate([*tokens, None]):
            if t in self.answered_at:
                answers.append(automaton.answer(state))
            if t < self.length:
                state = automaton.step(state, token, t)
            if state is BROKEN or UNDEFINED in answers:
                return UNDEFINED
        return tuple(answers) if len(answers) > 1 else answers[0]

    def automaton(self) -> LetterAutomaton:
        raise Refused("the exact machine of a task of your own is not made by check; name a machine")

    def machine(self) -> Machine:
        raise Refused("the exact machine of a task of your own is not made by check; name a machine")

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        raise Refused("windows do not run on a task of your own here")

    def memory_bound(self) -> None:
        """No closed form is known."""
