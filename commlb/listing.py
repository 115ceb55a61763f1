"""What is registered: tasks, reductions and machines with their sources; what ``commlb list`` prints."""

from __future__ import annotations

from dataclasses import dataclass

from commlb.machines import EXACT, machine_classes
from commlb.machines.base import Machine
from commlb.problems import Disjointness, Equality, Index
from commlb.reductions import DEFAULTS, for_task, reduction_classes
from commlb.tasks import task_classes
from commlb.tasks.base import Task


@dataclass(frozen=True)
class Entry:
    """One registered thing: its name, what it is, and where it is from."""

    name: str
    summary: str
    source: str


@dataclass(frozen=True)
class Catalogue:
    """Everything that can be named on the command line. Reductions are named task/reduction."""

    tasks: tuple[Entry, ...]
    reductions: tuple[Entry, ...]
    machines: tuple[Entry, ...]
    bounds: tuple[Entry, ...]


def catalogue() -> Catalogue:
    """The registered tasks, reductions, machines and bounds.

    >>> [entry.name for entry in catalogue().tasks][:4]
    ['ar', 'cgram', 'copying', 'counting']
    """
    tasks = tuple(Entry(name, _task_words(cls), cls.source) for name, cls in task_classes().items())
    found = []
    for task in task_classes():
        for name, cls in for_task(task).items():
            made = cls(64)
            alice, bob, answer = made.describe()
            default = " (default)" if DEFAULTS.get(task, name) == name else ""
            found.append(
                Entry(
                    f"{task}/{name}{default}",
                    f"{made.problem.name}. Alice: {alice}. Bob: {bob}. {answer}",
                    cls.source,
                )
            )
    exact = Entry(
        EXACT,
        "the task's own machine, in its most compact state (the default)",
        "commlb, in each task's file",
    )
    machines = [
        Entry(
            name + ":" * bool(cls.required) + ",".join(f"{key}=…" for key in cls.required),
            _machine_words(cls),
            "commlb",
        )
        for name, cls in machine_classes().items()
    ]
    bounds = [
        Entry(problem.name, f"{kinds}^n distinct rows: {bits} bits one way without error", problem.source)
        for problem, kinds, bits in ((Index, "k", "n·log2 k"), (Equality, "2", "n"), (Disjointness, "2", "n"))
    ]
    bounds.append(
        Entry(
            f"{Equality.name}, public coins",
            "error 2^-B on each x != y, none on x = y: B bits one way for B <= n; enough: fingerprint",
            "proof: Equality.one_sided_bound; Kushilevitz, Nisan 1997, Sec. 3.3",
        )
    )
    for name, task_class in task_classes().items():
        bound = task_class.examples()[-1].memory_bound()
        if bound is not None:
            bounds.append(Entry(name, f"any machine without error, worst cut: {bound.method}", bound.source))
    return Catalogue(tasks, tuple(found), (exact, *machines), tuple(bounds))


def _task_words(cls: type[Task]) -> str:
    """What the task is, and what ``exact`` takes beside its size n."""
    taken = "; ".join(f"--{name}: {meaning}" for name, meaning in cls.options.items())
    return cls.summary + (f". For exact, --n and {taken}" if taken else "")


def _machine_words(cls: type[Machine]) -> str:
    """What the machine is, which tasks it serves if not every one, and what it takes."""
    only = f"for the task {' and '.join(cls.serves)}: " if cls.serves else ""
    taken = "".join(f"; {key}: {what}" for key, what in (cls.required | cls.optional).items())
    return only + cls.summary + taken


def names() -> dict[str, list[str]]:
    """Task, reduction and machine names, for completion."""
    return {
        "task": list(task_classes()),
        "reduction": list(reduction_classes()),
        "machine": [EXACT, *machine_classes()],
    }
