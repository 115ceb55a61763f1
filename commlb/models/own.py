"""A user's own machine, ``my.py:build``: a function of (task, cut) that returns a ``Machine`` or a model."""

from __future__ import annotations

import copy
import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from commlb import machines
from commlb.errors import BadInput, unknown_name
from commlb.formats import chosen
from commlb.machines.base import Machine
from commlb.models import adapting
from commlb.models.machine import ModelMachine
from commlb.models.plain import wanted
from commlb.usercode import blamed, fetched

if TYPE_CHECKING:
    from commlb.tasks.base import Task

PARAMETERS = ("p", "range", "format", "seed")
"""Of a model: what its state is rounded to, and the seed of random weights."""

NUMBERS = ("p", "range", "seed")

FILES = (".json", ".onnx")

BEHIND = re.compile(r"(.+):([^\W\d]\w*(?:=[^,]*)?(?:,\w*(?:=[^,]*)?)*)")
"""A name, and key=value or a key alone, one or more."""

CALLED = (
    "start", "step", "advance", "output", "pack", "unpack", "tossed", "describe", "remark", "error_formula",
)  # fmt: skip
"""What is called of a machine: whatever the user's code raises there is told as the user's."""


def build(spec: str, task: Task, cut: int) -> Machine:
    """The machine that ``spec`` names, for a task cut after ``cut``, looked at before it runs.

    ``my.py:name``: a function of (task, cut), or of less, or a class, whose result is a ``Machine`` or a model
    (``commlb.model``); or a model itself. A path of a Hugging Face config or directory, or of an .onnx file, is a
    model too. Behind a model's name ``:p=8,range=4``, ``:format=bf16`` or ``:seed=1`` may stand.

    A ``Machine`` is copied under the name ``spec``. Nothing that it says of itself is believed: it is taken to err,
    and to have all the room that its ``widths`` leave. States must fit them: the message is what ``pack`` makes of
    them. Raises ``BadInput``, in one line, for what is neither and for whatever the user's code raises, then and
    later; ``MissingExtra`` where a model's library is not installed.
    """
    name, given = split(spec)
    made = _given(name, task, cut)
    if isinstance(made, Machine):
        if given:
            raise BadInput(
                f"{name} gives a Machine, which has its own format; {', '.join(given)} is for models (commlb.model)"
            )
        with blamed(name, "its machine"):
            machine = adopted(name, made)
            _try_out(name, machine, task)
        return machine
    if not isinstance(made, adapting.Described):
        if not adapting.is_model(made):
            raise _no_machine(name, made)
        made = adapting.Described(made)
    return _modelled(name, made, given, task)


def name_of(spec: str) -> str:
    """The name of a user's own machine, without what is given or left open behind it.

    >>> [name_of(spec) for spec in ("my.py:build:p=8,range=4", "my.py:build:p", "my.py:p", "cell.onnx:p=2:8")]
    ['my.py:build', 'my.py:build', 'my.py:p', 'cell.onnx']
    """
    match = BEHIND.fullmatch(spec)
    if match is None:
        return spec
    name, behind = match.groups()
    is_whole = ":" in name or Path(name).suffix.lower() in FILES or Path(name).is_dir()
    return name if "=" in behind or (is_whole and not name.endswith(".py")) else spec


def anew(spec: str, task: Task, cut: int, like: Machine) -> Machine:
    """The machine of ``spec`` once more, from the user's file read anew; a model is looked at in one trial run.

    ``like``: what ``build`` gave for it.
    """
    name, given = split(spec)
    if not isinstance(like, ModelMachine):
        return build(spec, task, cut)
    made = _given(name, task, cut)
    if isinstance(made, Machine):
        return build(spec, task, cut)
    described = made if isinstance(made, adapting.Described) else adapting.Described(made)
    if "seed" in given:
        described = replace(described, seed=int(machines.number(name, "seed", given["seed"], False)))
    with blamed(name, "its model"):
        model = adapting.adapted(described, task)
    return like.with_model(model, adapting.token_names(described, task), adapting.reader(described, task))


def split(spec: str) -> tuple[str, dict[str, str]]:
    """The name and the parameters of a user's own machine.

    >>> split("my.py:build:p=8,range=4"), split("models/config.json"), split("my.py:build")
    (('my.py:build', {'p': '8', 'range': '4'}), ('models/config.json', {}), ('my.py:build', {}))
    """
    name, given = name_of(spec), {}
    for part in spec[len(name) + 1 :].split(",") if name != spec else []:
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise BadInput(f"parameters are written {name}:key=value,…; given '{spec}'")
        if key not in PARAMETERS:
            raise unknown_name("parameter of a model", key, PARAMETERS)
        if key in given:
            raise BadInput(f"machine '{spec}' gives {key} twice")
        given[key] = value
    return name, given


def _given(name: str, task: Task, cut: int) -> Any:
    """What a user's name stands for: a path of a model, or what the file's function makes for (task, cut)."""
    path = Path(name)
    if path.suffix.lower() in FILES or path.is_dir():
        return adapting.Described(path)
    if name.endswith(".py"):
        raise BadInput(f"which machine of '{name}'? write {name}:name")
    make = fetched(name, "a machine")
    if isinstance(make, adapting.Described) or adapting.is_model(make) or not callable(make):
        return make
    with blamed(name, "called with (task, cut), it"):
        return make(*(task, cut)[: wanted(make, ("task", "cut"))])


def _modelled(name: str, described: adapting.Described, given: dict[str, str], task: Task) -> Machine:
    number = {key: machines.number(name, key, given[key], key == "range") for key in NUMBERS if key in given}
    if "seed" in number:
        if adapting.adapter(described.thing) != "hugging_face":
            raise BadInput(f"seed is for a config, whose weights are random; {name} has weights of its own")
        described = replace(described, seed=int(number["seed"]))
    rounding = None
    if {"p", "range", "format"} & given.keys():
        p = number.get("p")
        rounding = chosen(None if p is None else int(p), number.get("range"), given.get("format"))
    try:
        with blamed(name, "its model"):
            model = adapting.adapted(described, task)
            names, read = adapting.token_names(described, task), adapting.reader(described, task)
            made = ModelMachine(model, task, names, read, rounding)
    except BadInput as error:
        text = str(error)
        raise BadInput(text if text.startswith(name) else f"{name}: {text}") from error
    made.name = name  # type: ignore[misc]
    made.parameters = {key: number.get(key, value) for key, value in given.items()}
    return made


def _no_machine(spec: str, made: Any) -> BadInput:
    given = f"the class {made.__name__}" if inspect.isclass(made) else f"{type(made).__name__}"
    hint = "; a function needs 'return'" if made is None else ""
    return BadInput(
        f"{spec} must give a commlb.machines.base.Machine, or {adapting.FORMS}; given {given}{hint}"
    )


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
