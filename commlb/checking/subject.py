"""What is tested: a machine that can be built anew, streams that are drawn, and states compared bit for bit."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from commlb import machines
from commlb.checking.traps import HIDDEN, RANDOM, ROOTS, Trap, culprits
from commlb.machines.base import Array, Machine
from commlb.models import own
from commlb.models.machine import ModelMachine
from commlb.records_selftest import FAILS, SAME, UNTESTED, OneTest
from commlb.tasks.base import Task
from commlb.wording import counted

STREAMS = 3
"""Streams that are run, one at a time."""

ALL_SPLITS, SPLITS = 16, 8
"""Streams up to this length are split after every token; longer ones at so many places."""


@dataclass
class Subject:
    """A machine for a task, by its ``spec``, with streams drawn by ``seed`` from the task's alphabets.

    ``test``: the name of the one that is run, and ``tokens`` how many it has stepped; ``cause``: what was caught
    that makes others fail too.
    """

    spec: str
    task: Task
    seed: int
    test: str = ""
    tokens: int = 0
    cause: Trap | None = None
    machine: Machine = field(init=False)
    streams: list[tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.streams = [self.drawn(rng) for _ in range(STREAMS)]

    def build(self) -> Subject:
        """Itself, with the machine; raises what ``machines.build`` raises."""
        self.machine = machines.build(self.spec, self.task, self.cut)
        return self

    @property
    def length(self) -> int:
        return self.task.length

    @property
    def cut(self) -> int:
        """The cut for which the machine is built."""
        return max(1, self.length - 1)

    @property
    def model(self) -> ModelMachine | None:
        return self.machine if isinstance(self.machine, ModelMachine) else None

    def drawn(self, rng: np.random.Generator) -> tuple[int, ...]:
        return tuple(int(rng.choice(self.task.alphabet(t))) for t in range(self.length))

    def anew(self) -> Machine:
        """The machine built once more, a user's file read anew."""
        if machines.is_own(self.spec):
            return own.anew(self.spec, self.task, self.cut, self.machine)
        return machines.build(self.spec, self.task, self.cut)

    def splits(self) -> list[int]:
        """Numbers of tokens after which streams are split."""
        last = self.length - 1
        if last < ALL_SPLITS:
            return list(range(1, last + 1))
        return sorted({1 + (last - 1) * k // (SPLITS - 1) for k in range(SPLITS)})

    def run(
        self, machine: Machine, tokens: Sequence[int], states: Array | None = None, t: int = 0
    ) -> list[Array]:
        """The states before ``tokens`` and after each of them, one run, from position t on; all of them copies."""
        states = machine.start(1) if states is None else states
        found = [states.copy()]
        for place, token in enumerate(tokens, t):
            states = machine.step(states, np.array([token], np.int64), place)
            found.append(states.copy())
        self.tokens += len(tokens)
        return found

    @cached_property
    def whole(self) -> list[list[Array]]:
        """The states along each stream alone, in one machine."""
        return [self.run(self.machine, stream) for stream in self.streams]

    def words(self, states: Array) -> NDArray[np.uint64]:
        """The message of one run, little-endian words, copied."""
        return np.array(self.machine.pack(states), np.uint64)

    # Comparing.

    def differ(self, one: Sequence[Array], other: Sequence[Array], t: int = 0) -> tuple[str, float | None]:
        """Where two runs from position t on first have other states, in words, and by how much; "" if nowhere."""
        for place, (a, b) in enumerate(zip(one, other, strict=True), t):
            if not same(a, b):
                return f"{after(place)} {self.parts(a, b, place)}", self.gap(a, b)
        return "", None

    def parts(self, one: Array, other: Array, t: int) -> str:
        """Which parts of two states differ."""
        if one.shape != other.shape or one.dtype != other.dtype:
            return (
                f"the form of the state differs: {one.dtype} of {one.shape}, {other.dtype} of {other.shape}"
            )
        raw = [np.ascontiguousarray(each).view(np.uint8).reshape(len(each), -1) for each in (one, other)]
        rows = np.flatnonzero((raw[0] != raw[1]).any(axis=1))
        if self.model is None:
            return f"{listed('row', [str(row) for row in rows])} of {len(one)} of the state {_differ(rows)}"
        held = [p.name for p in self.model.places if ((rows >= p.first) & (rows < p.first + p.size)).any()]
        return f"{listed('tensor', held)} {_differ(held)}" if held else "the answer differs"

    def gap(self, one: Array, other: Array) -> float | None:
        """The largest difference of two numbers of a state; None where they are no numbers."""
        if one.shape != other.shape:
            return None
        if self.model is not None:
            one, other = self.model.as_numbers(one), self.model.as_numbers(other)
        elif one.dtype.kind != "f":
            return None
        with np.errstate(invalid="ignore", over="ignore"):
            found = float(np.nanmax(np.abs(one.astype(np.float64) - other), initial=0.0))
        return found if np.isfinite(found) else None

    # What is said of a test.

    def compared(self, done: str, found: str, gap: float | None = None, trap: Trap = HIDDEN) -> OneTest:
        """A test that holds where nothing was ``found``; else it fails by ``trap``, or by what was caught before.

        What is among ``ROOTS`` makes most tests fail: all by that one cause.
        """
        if not found:
            return OneTest(self.test, done, SAME, True, tokens=self.tokens)
        if self.cause is None and trap is HIDDEN:
            trap = RANDOM if self.beside[1] else HIDDEN
            if names := self.beside[0]:
                found += f"; what changes beside the state: {', '.join(names[:3])}"
        if self.cause is None and trap in ROOTS:
            self.cause = trap
        trap = self.cause or trap
        return OneTest(self.test, done, FAILS, False, found, self.tokens, gap, trap.name, trap.advice)

    def untested(self, why: str) -> OneTest:
        return OneTest(self.test, why, UNTESTED, None)

    @cached_property
    def beside(self) -> tuple[list[str], bool]:
        """What changes beside the state while a stream is run, where that can be told, and whether it is random."""
        try:
            machine = self.anew()
            return culprits(machine, lambda: self.run(machine, self.streams[0]))
        except Exception:  # of the user's code, whose failure is already told
            return [], False


def same(one: Array, other: Array) -> bool:
    """Whether two arrays have one form and the same bits: 0.0 is not −0.0, and a NaN is itself."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def after(t: int) -> str:
    """When, in words.

    >>> after(1), after(12)
    ('after 1 token', 'after 12 tokens')
    """
    return f"after {counted(t, 'token')}"


def points_of(points: Sequence[int]) -> str:
    """After which numbers of tokens, ranges as such.

    >>> points_of([1, 2, 3, 4]), points_of([1, 6, 12])
    ('after 1 to 4 tokens', 'after 1, 6, 12 tokens')
    """
    if len(points) > 3 and list(points) == list(range(points[0], points[-1] + 1)):
        return f"after {points[0]} to {points[-1]} tokens"
    return f"after {', '.join(map(str, points))} token{'s' * (list(points) != [1])}"


def _differ(names: Sized) -> str:
    return "differs" if len(names) == 1 else "differ"


def listed(word: str, names: Sequence[str], most: int = 3) -> str:
    """Names with their word, the rest counted.

    >>> listed("row", ["1"]), listed("row", list("12345"))
    ('row 1', 'rows 1, 2, 3 and 2 more')
    """
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{word}{'s' * (len(names) > 1)} {', '.join(names[:most])}{rest}"
