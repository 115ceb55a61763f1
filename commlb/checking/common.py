"""What all checks share: how they refuse, and tasks, reductions and machines looked up in the registries only."""

from __future__ import annotations

import itertools
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any

import numpy as np

from commlb import machines, reductions
from commlb.errors import BadInput, CommlbError
from commlb.machines.base import Array, Machine
from commlb.models.own import name_of
from commlb.problems import Index, Problem
from commlb.records_check import Verified
from commlb.records_witness import Table
from commlb.reductions.base import Reduction
from commlb.requests import check_sizes
from commlb.tasks import task_classes
from commlb.tasks.base import Task

MAX_TOKENS = 10**6
"""Tokens of the longest stream that is run."""

MOST_LAYERS, MOST_VALUE, MOST_ROOM = 2**10, 2**24, 2**26
"""Of a machine's parameters: layers, any but a seed, and all but a seed multiplied."""

WORK = 2**16
"""Runs, or questions to the solver, up to which a thing is derived again."""

CLOSE = 1e-9
"""What logarithms that were written may be off, in bits, for each bit."""


class Refused(CommlbError):
    """A file that says what is not so, or is none that commlb writes."""


class Asked(BadInput):
    """What the user typed beside the file is wrong, which says nothing of the file."""


@dataclass
class Notes:
    """What was derived again so far, and what was not; ``work`` as ``WORK``."""

    work: int = WORK
    verified: list[Verified] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def add(self, what: str, how: str, figure: str = "") -> None:
        self.verified.append(Verified(what, how, figure))

    def take(self, *what: str) -> None:
        self.taken += what


@dataclass(frozen=True)
class Own:
    """What the user names on the command line, and so allows to be run: a machine and a task of their own."""

    machine: str | None = None
    task: str | None = None

    @property
    def has_program(self) -> bool:
        """Whether the machine is a program of the user's, whose name is the path that they type."""
        return self.machine is not None and not is_registered(self.machine)


def short(value: Any, most: int = 60) -> str:
    """``value`` in a line of at most ``most`` characters."""
    if isinstance(value, list | tuple) and len(value) > 40:
        return f"a list of {len(value)}"
    if isinstance(value, int) and abs(value) > 10**most:
        return f"an integer of {value.bit_length()} bits"
    line = " ".join((value[: 4 * most] if isinstance(value, str) else repr(value)).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def require(holds: bool, message: str) -> None:
    """Refuse with ``message`` unless it ``holds``."""
    if not holds:
        raise Refused(message)


def require_whole(text: str) -> None:
    """Refuse rows whose last line is not ended, as all lines are that are written."""
    require(text.endswith("\n"), "its last line has no newline at its end: the file is cut off")


def same_text(name: str, written: Any, derived: Any) -> None:
    """Refuse unless both are the same JSON: 10 is not 10.0."""
    one, other = (json.dumps(value, sort_keys=True, default=str) for value in (written, derived))
    require(one == other, f"{name} is written as {short(one)}; derived again it is {short(other)}")


def same(name: str, written: Any, derived: Any) -> None:
    """Refuse unless what is ``written`` is what was ``derived``; last digits of fractions may differ."""
    require(
        equal(written, derived),
        f"{name} is written as {short(written)}; derived again it is {short(derived)}",
    )


def equal(a: Any, b: Any) -> bool:
    """Equal, and of the same kind: 1 is not true; of two numbers one of which has a fraction, to ``CLOSE``.

    >>> equal((1, "a"), [1, "a"]), equal(1, True), equal(2.0, 2.0 + 1e-12)
    (True, False, True)
    """
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, float) or isinstance(b, float):
        numbers = isinstance(a, int | float) and isinstance(b, int | float)
        return numbers and abs(a - b) <= CLOSE * max(1.0, abs(b))
    return type(a) is type(b) and bool(a == b)


def one_of(name: str, written: Any, known: Sequence[Any]) -> None:
    """Refuse what is none of the ``known`` words."""
    require(written in known, f"{name} must be one of {', '.join(map(str, known))}; given {short(written)}")


def task_of(name: str, size: dict[str, Any], own: Own) -> Task:
    """The task of a file: registered, with a size that is made of its parameters; or the user's own."""
    classes = task_classes()
    if own.task is not None and name not in classes:
        from commlb.checking.own import own_task

        return own_task(own.task, name, size)
    if name not in classes:
        raise Refused(
            f"its task '{short(name, 40)}' is not registered; if it is a task of yours, name its file: "
            "--task FILE.py:Name"
        )
    fields = getattr(classes[name], "__dataclass_fields__", {})
    require(
        set(size) <= set(fields),
        f"the task {name} has the sizes {', '.join(fields)}; given {short(list(size))}",
    )
    for key, value in size.items():
        where, truth = f"task_size.{short(key, 30)}", fields[key].type in (bool, "bool")
        kind = "true or false" if truth else "a whole number"
        require(type(value) is (bool if truth else int), f"{where} must be {kind}; given {short(value)}")
        require(0 <= value <= MAX_TOKENS, f"{where} must be at most {MAX_TOKENS}; given {short(value)}")
    wanted = [
        key for key, one in fields.items() if one.init and one.default is one.default_factory is MISSING
    ]
    missing = [key for key in wanted if key not in size]
    require(not missing, f"task_size of {name} must give {', '.join(missing)}")
    made = classes[name](**size)
    same_text("task_size", size, made.size)
    require(
        made.length <= MAX_TOKENS,
        f"streams of at most {MAX_TOKENS} tokens are run; these have {short(made.length)}",
    )
    return made


def is_registered(spec: str) -> bool:
    """Whether a machine is one of the registry, whatever its parameters."""
    return spec.partition(":")[0] in (machines.EXACT, *machines.machine_classes())


class Inside(ABC):
    """A problem inside a task, as a file names it: what Alice and Bob write, and how an answer is read."""

    name: str
    task: Task
    problem: Problem
    cut: int
    c: int | None = None

    @abstractmethod
    def prefix(self, x: Sequence[int]) -> tuple[int, ...]: ...

    @abstractmethod
    def suffix(self, y: Any) -> tuple[int, ...]: ...

    @abstractmethod
    def value(self, answers: Sequence[int], y: Any) -> int:
        """What Bob reads from the answers after the cut, written as ``Machine.output`` writes them."""


class Registered(Inside):
    """By a reduction of the registry."""

    def __init__(self, made: Reduction):
        self.made, self.name, self.task = made, made.name, made.task
        self.problem, self.cut, self.c = made.problem, made.cut, getattr(made, "c", None)

    def prefix(self, x: Sequence[int]) -> tuple[int, ...]:
        return tuple(map(int, self.made.alice(x)))

    def suffix(self, y: Any) -> tuple[int, ...]:
        return tuple(map(int, self.made.suffix(y)))

    def value(self, answers: Sequence[int], y: Any) -> int:
        return int(self.made.conclude(np.array(answers, np.int64)[:, None], np.array(y)[..., None])[0])


class Tabled(Inside):
    """By a table in the file, which ``check_table.require_table`` has looked at."""

    def __init__(self, table: Table, task: Task, name: str = "table"):
        self.table, self.task, self.name = table, task, name
        self.problem, self.cut = Index(table.n, table.symbols), table.cut

    def prefix(self, x: Sequence[int]) -> tuple[int, ...]:
        place = 0
        for symbol in x:
            place = place * self.table.symbols + symbol
        return self.table.prefixes[place]

    def suffix(self, y: Any) -> tuple[int, ...]:
        return self.table.suffixes[y - 1]

    def value(self, answers: Sequence[int], y: Any) -> int:
        known = [coded(self.task, answer) for answer in self.table.readings[y - 1]]
        read = answers[self.table.read_at[y - 1]]
        return known.index(read) if read in known else 0


def coded(task: Task, answer: Any) -> int:
    """An answer of the solver as machines write answers."""
    made = getattr(task, "coded", int)
    return int(made(answer))


def registered(task: str, reduction: str, n: int, symbols: int, c: int | None) -> Registered:
    """The reduction of the registry that a file names, at its size."""
    check_sizes(n, symbols, c)
    require(task in task_classes(), f"unknown task '{short(task, 40)}'; files may name registered ones only")
    known = reductions.for_task(task)
    require(
        reduction in known,
        f"there is no reduction '{short(reduction, 40)}' to {task}; known: {', '.join(known)}",
    )
    made = reductions.build(task, reduction, n, symbols if "symbols" in known[reduction].options else None, c)
    same("symbols", symbols, made.symbols)
    length = made.task.length
    require(
        length <= MAX_TOKENS, f"streams of at most {MAX_TOKENS} tokens are run; these have {short(length)}"
    )
    return Registered(made)


def machine_of(spec: str, task: Task, cut: int, own: Own) -> Machine:
    """The machine of a file, by the registry; or, where that has it not, the one that the user names."""
    if own.machine is not None and not (is_registered(spec) and "weights=" not in spec):
        try:
            return machines.build(_with_parameters(own.machine, spec), task, cut)
        except BadInput as error:
            raise Asked(str(error)) from error
    name, _, rest = spec.partition(":")
    if not is_registered(spec):
        raise Refused(
            f"its machine '{short(spec, 40)}' is not registered, and files of machines are run only if you name "
            "them: --machine FILE.py:build"
        )
    given = dict(part.partition("=")[::2] for part in rest.split(",") if part)
    if "weights" in given:
        raise Refused(
            f"the weights of '{short(spec, 80)}' are in a file, which is read only if you name it: --machine "
            f"{name}:…,weights=FILE"
        )
    numbers = [
        int(v) for k, v in given.items() if k != "seed" and len(v) <= 20 and v.isascii() and v.isdecimal()
    ]
    require(max(numbers, default=0) <= MOST_VALUE and math.prod(max(1, v) for v in numbers) <= MOST_ROOM
            and given.get("layers", "1").zfill(8) <= str(MOST_LAYERS).zfill(8),
            f"the machine '{short(spec, 80)}' is too large to be run here")  # fmt: skip
    return machines.build(spec, task, cut)


def _with_parameters(named: str, spec: str) -> str:
    """The user's own machine as they name it; where that leaves them out, with the parameters in the file.

    >>> _with_parameters("my.py:cell", "x.py:cell:p=2"), _with_parameters("my.py:cell:p=3", "x.py:cell:p=2")
    ('my.py:cell:p=2', 'my.py:cell:p=3')
    """
    behind = spec[len(name_of(spec)) :]
    return named + behind if machines.is_own(named) and name_of(named) == named else named


def run(machine: Machine, states: Array, tokens: Sequence[int], t: int) -> Iterator[Array]:
    """The states of one run after each of ``tokens``, from position t on."""
    for place, token in enumerate(tokens, t):
        states = machine.step(states, np.array([token], np.int64), place)
        yield states


def message(machine: Machine, states: Array) -> bytes:
    """The whole packed state of one run."""
    return np.ascontiguousarray(machine.pack(states)[:, 0], "<u8").tobytes()


def answers(inside: Inside, machine: Machine, packed: bytes, tokens: Sequence[int]) -> tuple[int, ...]:
    """The machine's answers to Bob's ``tokens``, of whom all that is known is the packed state."""
    states, due, found = (
        machine.unpack(np.frombuffer(packed, "<u8").astype(np.uint64)[:, None]),
        set(inside.task.answered_at),
        [],
    )
    for t, after in enumerate(run(machine, states, tokens, inside.cut), inside.cut + 1):
        if t in due:
            found.append(int(machine.output(after)[0]))
    return tuple(found)


def solved(inside: Inside, prefix: Sequence[int], suffix: Sequence[int]) -> tuple[Any, ...] | None:
    """The solver's answers after the cut; None for a stream outside the promise."""
    return due_after(inside.task, inside.cut, inside.task.solve([*prefix, *suffix]))


def due_after(task: Task, cut: int, found: Any) -> tuple[Any, ...] | None:
    """Of what ``solve`` gave, the answers that are due after the cut, in plain types; None outside the promise."""
    from commlb.machines.base import UNDEFINED

    several = found if len(task.answered_at) > 1 and found is not UNDEFINED else (found,)
    if found is UNDEFINED or UNDEFINED in several:
        return None
    after = [a for t, a in zip(task.answered_at, several, strict=True) if t > cut]
    return tuple(a.item() if isinstance(a, np.generic) else a for a in after)


def every_state(inside: Inside, machine: Machine) -> Iterator[tuple[tuple[int, ...], bytes]]:
    """All x in their order with the packed state after a(x), each run alone from where it leaves the last one."""
    path: list[int] = []
    stack = [machine.start(1)]
    for x in itertools.product(range(inside.problem.symbols), repeat=inside.problem.n):
        tokens = inside.prefix(x)
        kept = next((t for t, (a, b) in enumerate(zip(path, tokens, strict=False)) if a != b), len(path))
        del stack[kept + 1 :]
        stack += run(machine, stack[-1], tokens[kept:], kept)
        path = list(tokens)
        yield x, message(machine, stack[-1])
