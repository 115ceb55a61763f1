"""What is registered: tasks, reductions and machines with their sources; what ``commlb list`` prints."""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import dataclass

from commlb.errors import unknown_name
from commlb.machines import EXACT, machine_classes
from commlb.machines.base import Machine
from commlb.machines.rnn.network import Network
from commlb.problems import Disjointness, Equality, Index
from commlb.records_bounds import METHODS
from commlb.reductions import DEFAULTS, for_task, reduction_classes
from commlb.tasks import task_classes
from commlb.tasks.base import Task


@dataclass(frozen=True)
class Entry:
    """One registered thing: its name, what it is, where it is from; ``details``: what its class says of itself."""

    name: str
    summary: str
    source: str
    details: str = ""


@dataclass(frozen=True)
class Catalogue:
    """Everything that can be named on the command line. Reductions are named task/reduction.

    ``networks`` are the machines that are recurrent networks; the first entry is what all of them take.
    """

    tasks: tuple[Entry, ...]
    reductions: tuple[Entry, ...]
    machines: tuple[Entry, ...]
    networks: tuple[Entry, ...]
    bounds: tuple[Entry, ...]


def catalogue(name: str | None = None) -> Catalogue:
    """The registered tasks, reductions, machines and bounds; those called ``name`` with details, if it is given.

    Raises ``BadInput`` for a name that nothing has.

    >>> [entry.name for entry in catalogue().tasks][:4]
    ['ar', 'cgram', 'copying', 'counting']
    >>> [entry.name for entry in catalogue("gru").networks]
    ['gru']
    """
    if name is None:
        return _all()
    known = {known for kind in names().values() for known in kind}
    if name not in known:
        raise unknown_name("task, reduction or machine", name, known)
    found = {
        field.name: tuple(
            entry for entry in getattr(_all(details=True), field.name) if name in _words(entry.name)
        )
        for field in dataclasses.fields(Catalogue)
    }
    return Catalogue(**found)


def _words(name: str) -> list[str]:
    """What an entry may be called by: of task/reduction each, of a machine its name."""
    return re.split(r"[/: ]", name)


def _all(details: bool = False) -> Catalogue:
    """Everything; with what the classes say of themselves, if asked for."""

    def told(cls: type) -> str:
        parts = (inspect.getdoc(cls) or "").replace("``", "").split("\n\n") if details else []
        return "\n\n".join(part for part in parts if not part.startswith(">>>"))

    tasks = tuple(
        Entry(name, _task_words(cls), cls.source, told(cls)) for name, cls in task_classes().items()
    )
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
                    told(cls),
                )
            )
    exact = Entry(
        EXACT,
        "the task's own machine, in its most compact state (the default)",
        "commlb, in each task's file",
    )
    yours = Entry(
        "my.py:build, DIR/config.json, FILE.onnx",
        "a machine or a model of your own: a PyTorch module, a Hugging Face model, an ONNX graph, an object with "
        "initial, step and readout (commlb.model). Behind it :p=8,range=4 or :format=bf16 to round its state, "
        ":seed=1 for random weights",
        "commlb",
    )
    classes = machine_classes()
    machines = [
        Entry(
            name + ":" * bool(cls.required) + ",".join(f"{key}=…" for key in cls.required),
            _machine_words(cls),
            "commlb",
            told(cls),
        )
        for name, cls in classes.items()
        if not issubclass(cls, Network)
    ]
    shared = "; ".join(f"{key}: {what}" for key, what in (Network.required | Network.optional).items())
    networks = [Entry("NAME:d=…", f"of every network: {shared}", "commlb")]
    for name, kind in classes.items():
        if issubclass(kind, Network):
            own = [f"{key}: {what}" for key, what in kind.optional.items() if key not in Network.optional]
            words = "; ".join([f"{kind.summary}; numbers a layer stores: {kind.formula}", *own])
            networks.append(Entry(name, words, kind.source, told(kind)))
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
    bounds += [Entry(f"commlb.bounds.{name}", what, source) for name, (what, source) in METHODS.items()]
    return Catalogue(tasks, tuple(found), (exact, yours, *machines), tuple(networks), tuple(bounds))


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
