"""A user's own machine, ``my.py:build``: a function of (task, cut) that returns a ``Machine``."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from commlb.errors import BadInput
from commlb.machines.base import Machine
from commlb.usercode import blamed, fetched

if TYPE_CHECKING:
    from commlb.tasks.base import Task

CALLED = (
    "start", "step", "advance", "output", "pack", "unpack", "tossed", "describe", "remark", "error_formula",
)  # fmt: skip
"""What is called of a machine: whatever the user's code raises there is told as the user's."""


def is_own(spec: str) -> bool:
    """Whether ``spec``, which is no registered name, has the form of a user's own, ``path/to/file.py:name``."""
    home = spec.rpartition(":")[0] or spec
    return home.endswith(".py") or any(mark in home for mark in "./\\")


def build(spec: str, task: Task, cut: int) -> Machine:
    """What the user's function makes for a task cut after ``cut``, looked at before it runs.

    It is a copy under the name ``spec``. Nothing that it says of itself is believed: it is taken to err, and to
    have all the room that its ``widths`` leave. States must fit them: the message is what ``pack`` makes of them.
    Raises ``BadInput``, in one line, for what is no machine and for whatever the user's code raises, then and
    later.
    """
    if spec.endswith(".py"):
        raise BadInput(f"which machine of '{spec}'? write {spec}:name")
    make = fetched(spec, "a machine")
    with blamed(spec, "called with (task, cut), it"):
        made = make(task, cut)
    _require_machine(spec, made)
    with blamed(spec, "its machine"):
        machine = adopted(spec, made)
        _try_out(spec, machine, task)
    return machine


def _require_machine(spec: str, made: Any) -> None:
    if isinstance(made, Machine):
        return
    given = f"the class {made.__name__}" if inspect.isclass(made) else f"{type(made).__name__}"
    hint = "; a function needs 'return'" if made is None else ""
    if made is not None and hasattr(made, "step"):
        hint = "; objects with a step of their own are not taken, derive your class from it"
    raise BadInput(f"{spec} must give a commlb.machines.base.Machine for (task, cut); given {given}{hint}")


def adopted(spec: str, made: Machine) -> Machine:
    """A copy of ``made`` under the name ``spec``, its methods watched."""
    machine = copy.copy(made)
    put: Callable[[str, Any], None] = functools.partial(object.__setattr__, machine)
    for name in CALLED:
        put(name, functools.partial(_watched, spec, name, machine))
    room = float(sum(made.widths))
    for name in ("capacity_bits", "message_bits"):
        put(name, functools.partial(_same, int(room) if name == "message_bits" else room))
    put("largest_capacity_bits", functools.partial(_same, room))
    for name, value in (("name", spec), ("parameters", {}), ("errs", True), ("capacity_evidence", "storage")):
        put(name, value)
    return machine


def _same(value: float, t: int = 0) -> float:
    return value


def _watched(spec: str, name: str, machine: Machine, *args: Any, **named: Any) -> Any:
    """One call of a method of the user's machine; what it gives is checked where a wrong form would mislead."""
    with blamed(spec, name):
        found = getattr(type(machine), name)(machine, *args, **named)
        if name == "tossed":
            return found if found is machine else adopted(spec, found)
        if name == "output":
            found = np.asarray(found)
            if found.shape != args[0].shape[1:] or found.dtype.kind not in "iub":
                raise BadInput(
                    f"{spec}: output must give one whole number a run; given {found.dtype} of shape {found.shape}"
                )
            return found.astype(np.int64)
        if name in ("start", "step", "unpack", "pack") and not isinstance(found, np.ndarray):
            raise BadInput(f"{spec}: {name} must give an array; given {type(found).__name__}")
        if name == "pack":
            _check_packed(spec, machine, args[0], found)
    return found


def _check_packed(spec: str, made: Machine, states: Any, words: Any) -> None:
    """States come back out of the message as they went in, so that what is beyond their widths is no secret."""
    if words.dtype != np.uint64 or words.ndim != 2 or words.shape[1] != states.shape[1]:
        raise BadInput(f"{spec}: pack must give uint64 words of shape (words, runs); given {words.dtype}")
    back, room = type(made).unpack(made, words), sum(made.widths)
    same = (back == states) | ((back != back) & (states != states)) if back.shape == states.shape else None
    used = [int(np.bitwise_or.reduce(row)).bit_length() + 64 * k for k, row in enumerate(words) if row.any()]
    if same is None or not same.all() or max(used, default=0) > room:
        raise BadInput(
            f"{spec}: a state must come back from unpack(pack(state)) as it was, in "
            f"{room} bits; do its numbers fit the widths {list(made.widths)[:8]}?"
        )


def _try_out(spec: str, machine: Machine, task: Task) -> None:
    """One token: the shape of states, and what is packed of them."""
    states = machine.start(2)
    if states.shape != (machine.rows, 2):
        raise BadInput(
            f"{spec}: start(2) must have shape ({machine.rows}, 2), (rows, runs); given {states.shape}"
        )
    tokens = np.array([task.alphabet(0).start, task.alphabet(0).stop - 1])
    machine.unpack(machine.pack(states))
    after = machine.step(states, tokens, 0)
    if after.shape != states.shape:
        raise BadInput(f"{spec}: step must give states of the shape {states.shape}; given {after.shape}")
    machine.pack(after)
