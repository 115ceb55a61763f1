"""What is registered: tasks, reductions and machines with their sources; what ``commlb list`` prints."""

from __future__ import annotations

from dataclasses import dataclass

from commlb.machines import EXACT, machine_classes
from commlb.problems import Index
from commlb.reductions import DEFAULTS, for_task, reduction_classes
from commlb.tasks import task_classes


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

    >>> [entry.name for entry in catalogue().tasks]
    ['ar', 'cgram', 'counting', 'index', 'istree']
    """
    tasks = tuple(Entry(name, cls.summary, cls.source) for name, cls in task_classes().items())
    found = []
    for task in task_classes():
        for name, cls in for_task(task).items():
            alice, bob, answer = cls(64).describe()
            default = " (default)" if DEFAULTS.get(task, name) == name else ""
            found.append(
                Entry(f"{task}/{name}{default}", f"Alice: {alice}. Bob: {bob}. {answer}", cls.source)
            )
    exact = Entry(
        EXACT,
        "the task's own machine, in its most compact state (the default)",
        "commlb, in each task's file",
    )
    machines = [
        Entry(
            name + "".join(f":{key}=…" for key in cls.required),
            cls.summary + "".join(f"; {key}: {what}" for key, what in (cls.required | cls.optional).items()),
            "commlb",
        )
        for name, cls in machine_classes().items()
    ]
    index = Index(1).bound()
    bounds = [Entry("INDEX", "k^n distinct rows: n·log2 k bits one way without error", index.source)]
    for name, task_class in task_classes().items():
        bound = task_class.examples()[-1].memory_bound()
        if bound is not None:
            bounds.append(Entry(name, f"any machine without error, worst cut: {bound.method}", bound.source))
    return Catalogue(tasks, tuple(found), (exact, *machines), tuple(bounds))


def names() -> dict[str, list[str]]:
    """Task, reduction and machine names, for completion."""
    return {
        "task": sorted({cls.task_name for cls in reduction_classes().values()}),
        "reduction": list(reduction_classes()),
        "machine": [EXACT, *machine_classes()],
    }
