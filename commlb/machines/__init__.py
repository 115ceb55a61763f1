"""Streaming machines; ``build`` makes one from what the user typed. A new one is one file here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commlb.errors import BadInput, unknown_name
from commlb.machines.base import Machine
from commlb.registry import registered

if TYPE_CHECKING:
    from commlb.tasks.base import Task

EXACT = "exact"
"""The name of each task's own exact machine, which is made by ``task.machine()``."""


def machine_classes() -> dict[str, type[Machine]]:
    """The registered machines by name; ``serves`` says which work for some tasks only."""
    return registered("commlb.machines", Machine)


def build(spec: str, task: Task, cut: int) -> Machine:
    """The machine that ``spec`` names, ``NAME`` or ``NAME:key=value,…``, for a task cut after ``cut``.

    Raises ``BadInput`` for an unknown name or key, a missing one, a value that is no integer, or a task that the
    machine does not serve.
    """
    name, _, text = spec.partition(":")
    given = _parse(spec, text)
    classes = machine_classes()
    if name != EXACT and name not in classes:
        raise unknown_name("machine", name, [EXACT, *classes])
    cls = classes.get(name, Machine)
    required, optional = cls.required, cls.optional
    for key in given:
        if key not in required and key not in optional:
            known = ", ".join([*required, *optional]) or "none"
            raise BadInput(f"machine {name} has no parameter '{key}'; it takes: {known}")
    missing = [f"{key} ({what})" for key, what in required.items() if key not in given]
    if missing:
        example = ",".join(f"{key}=8" for key in required)
        raise BadInput(f"machine {name} needs {', '.join(missing)}; write {name}:{example}")
    if name == EXACT:
        return task.machine()
    cls.require_served(task.name)
    make: type = cls
    machine: Machine = make(task, cut, **given)
    return machine


def _parse(spec: str, text: str) -> dict[str, int]:
    given: dict[str, int] = {}
    for part in text.split(",") if text else []:
        key, equals, value = part.partition("=")
        if not equals or not value.isascii() or not value.removeprefix("-").isdecimal():
            raise BadInput(f"a machine is written NAME:key=integer,…; given '{spec}'")
        if key in given:
            raise BadInput(f"machine '{spec}' gives {key} twice")
        given[key] = int(value)
    return given
