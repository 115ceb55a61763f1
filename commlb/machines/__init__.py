"""Streaming machines; ``build`` makes one from what the user typed. A new one is one file here."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from commlb.errors import BadInput, unknown_name
from commlb.machines.base import Machine
from commlb.registry import registered

if TYPE_CHECKING:
    from commlb.tasks.base import Task

EXACT = "exact"
"""The name of each task's own exact machine, which is made by ``task.machine()``."""


MOST_DIGITS = 20
"""Of an integer in a machine's parameters; 2^64 has as many."""


def machine_classes() -> dict[str, type[Machine]]:
    """The registered machines by name; ``serves`` says which work for some tasks only."""
    return registered("commlb.machines", Machine) | registered("commlb.machines.rnn", Machine)


def is_own(spec: str) -> bool:
    """Whether ``spec`` names a user's own machine, ``path/to/file.py:name`` or ``package.module:name``."""
    name = spec.partition(":")[0]
    home = spec.rpartition(":")[0] or spec
    named = home.endswith(".py") or any(mark in home for mark in "./\\")
    return name != EXACT and name not in machine_classes() and named


def build(spec: str, task: Task, cut: int) -> Machine:
    """The machine that ``spec`` names, ``NAME`` or ``NAME:key=value,…``, for a task cut after ``cut``.

    ``path/to/file.py:name`` or ``package.module:name`` is a user's own (``commlb.models.own``).

    Raises ``BadInput`` for an unknown name or key, a missing one, a value of the wrong kind, or a task that the
    machine does not serve.
    """
    if not isinstance(spec, str):
        raise BadInput(f"machine must be a specification such as 'window:w=8'; given {type(spec).__name__}")
    name, _, text = spec.partition(":")
    classes = machine_classes()
    if name != EXACT and name not in classes:
        if is_own(spec):
            from commlb.models import own  # which imports what is in this package

            return own.build(spec, task, cut)
        raise unknown_name("machine", name, [EXACT, *classes])
    cls = classes.get(name, Machine)
    given = _parse(spec, name, text, cls)
    missing = [f"{key} ({what})" for key, what in cls.required.items() if key not in given]
    if missing:
        example = ",".join(f"{key}=8" for key in cls.required)
        raise BadInput(f"machine {name} needs {', '.join(missing)}; write {name}:{example}")
    if name == EXACT:
        return task.machine()
    cls.require_served(task.name)
    make: type = cls
    machine: Machine = make(task, cut, **given)
    return machine


def _parse(spec: str, name: str, text: str, cls: type[Machine]) -> dict[str, Any]:
    """The parameters in ``text``, each an integer, or what the machine's ``texts`` and ``fractions`` say."""
    given: dict[str, Any] = {}
    for part in text.split(",") if text else []:
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise BadInput(f"a machine is written NAME:key=value,…, no comma in a value; given '{spec}'")
        if key not in cls.required and key not in cls.optional:
            raise _unknown_key(name, key, [*cls.required, *cls.optional])
        if key in given:
            raise BadInput(f"machine '{spec}' gives {key} twice")
        given[key] = value if key in cls.texts else number(spec, key, value, key in cls.fractions)
    return given


def _unknown_key(name: str, key: str, known: list[str]) -> BadInput:
    near = difflib.get_close_matches(key.lower(), known, n=1)
    hint = f"did you mean '{near[0]}'? It" if near else "it"
    return BadInput(f"machine {name} has no parameter '{key}'; {hint} takes: {', '.join(known) or 'none'}")


def number(spec: str, key: str, value: str, fraction: bool) -> float:
    """The number that is typed for ``key``: an integer, or any where it may be a fraction."""
    digits = value.removeprefix("-")
    whole = digits.isascii() and digits.isdecimal()
    if whole and len(digits) <= MOST_DIGITS:
        return int(value)
    if fraction:
        try:
            return float(value)
        except ValueError:
            raise BadInput(f"{key} must be a number; given '{value}' in '{spec}'") from None
    if whole:
        raise BadInput(f"{key} must have at most {MOST_DIGITS} digits; given {len(digits)} of them")
    raise BadInput(f"{key} must be an integer; given '{value}' in '{spec}'")
