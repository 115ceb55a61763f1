"""The traps that a self-test catches, by name, and where in a user's object something changed that is no state."""

from __future__ import annotations

import contextlib
import functools
import pickle
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb.machines.base import Machine
from commlb.models.machine import ModelMachine


@dataclass(frozen=True)
class Trap:
    """What goes wrong, by ``name``, and what to do about it."""

    name: str
    advice: str


HIDDEN = Trap(
    "state is kept outside the state",
    "move it into what step returns: the state must hold all that later steps read",
)
RANDOM = Trap(
    "random numbers in the step",
    "draw them before the stream, with a seed; switch dropout off (eval)",
)
UNSEEDED = Trap(
    "each build gives another machine",
    "seed the weights where they are drawn, or load them from a file",
)
IN_PLACE = Trap("a state that was given is written to", "copy what is changed; step must return a new state")
DROPPED = Trap(
    "the message drops part of the state",
    "pack must keep every bit of the state in its widths, and unpack give it back",
)
OVERFULL = Trap("more bits are used than declared", "declare the bits that the state takes, or keep fewer")
DECLARED = Trap("it declares other bits than it stores", "declare the bits of its tensors, or leave that out")
MIXED = Trap(
    "runs of a batch are mixed", "let every run depend on its own tokens only; see what has no batch axis"
)
FORGETS = Trap(
    "multi-token continuation forgets the state",
    "feed what follows a saved state one token a step",
)
CONTINUES = Trap(
    "multi-token continuation is not one token a step",
    "feed what follows a saved state one token a step",
)
PREFILL = Trap(
    "a stream in one call is not that stream in steps",
    "feed it one token a step",
)
FOREIGN = Trap(
    "answers that the task does not have", "output must give one of the task's answers, or -1 for none"
)
STARTS = Trap("no one start state", "start must give the same state each time, and in every run")
SHAPES = Trap("the form of the state depends on the tokens", "keep one shape at each position")
ADAPTER = Trap(
    "the machine is not the model", "report it, with the model: the library's own adapter is wrong"
)
RAISES = Trap("it raises an error", "see the error")


ROOTS = (HIDDEN, RANDOM, UNSEEDED, DROPPED, STARTS)
"""What makes most tests fail, so that it is told first, and of all of them."""

OURS = frozenset({"commlb", "builtins", "numpy", "functools", "collections"})


def culprits(machine: Machine, act: Callable[[], object]) -> tuple[list[str], bool]:
    """What ``act``, some steps of ``machine``, changed beside its states, by name, and whether that is random.

    Looked at: the generators of random, NumPy and PyTorch; attributes of the user's own objects, of their classes,
    and data of their modules. Nothing found does not mean that there is nothing.
    """
    before = dict(_everything(machine))
    act()
    after = dict(_everything(machine))
    changed = [name for name, (_, bits) in after.items() if name not in before or before[name][1] != bits]
    return changed, any(after[name][0] for name in changed)


def _everything(machine: Machine) -> Iterator[tuple[str, tuple[bool, bytes]]]:
    """Each thing by its name: whether it is a generator of random numbers, and its bits."""
    yield "the generator of random", (True, pickle.dumps(random.getstate()))
    yield "the generator of NumPy", (True, pickle.dumps(np.random.get_state()))
    if torch := sys.modules.get("torch"):
        yield "the generator of PyTorch", (True, pickle.dumps(torch.get_rng_state().numpy().tobytes()))
    told: set[str] = set()
    for thing in own_objects(machine):
        homes = [("its attribute", vars(thing)), ("the class's", vars(type(thing)))]
        if home := sys.modules.get(type(thing).__module__):
            homes.append(("the file's", vars(home)))
        for where, held in homes:
            for name, value in list(held.items()):
                if not name.startswith("__") and (bits := _bits(value)):
                    drawn = isinstance(value, (np.random.Generator, np.random.RandomState, random.Random))
                    label = f"{where} {name}"
                    while label in told:  # a model may hold its object twice, as it was and as it is
                        label += "'"
                    told.add(label)
                    yield label, (drawn, bits)


def _bits(value: Any) -> bytes:
    """What a thing is, to be compared; empty for functions, and for what cannot be told."""
    if callable(value) and not hasattr(value, "_parameters"):
        return b""
    with contextlib.suppress(Exception):
        return pickle.dumps(value)
    return b""


def own_objects(machine: Machine) -> list[Any]:
    """The objects of a machine that the library did not make: a model's, or the machine itself."""
    found: list[Any] = [machine]
    if isinstance(machine, ModelMachine):
        found = [machine.model, *vars(machine.model).values()]
    return [thing for thing in found if hasattr(thing, "__dict__") and not _is_none(thing)]


def _is_none(thing: Any) -> bool:
    """Whether it is a class, a function, a partial, or one of the library's own."""
    home = type(thing).__module__.partition(".")[0]
    return isinstance(thing, (type, functools.partial)) or home in OURS
