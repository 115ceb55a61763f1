"""Plain objects with ``initial``, ``step`` and ``readout``, such as a cell in NumPy."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.models.adapting import Described
from commlb.models.base import Model, State, Tensor, tensor
from commlb.models.leaves import put_together, short, signature, take_apart
from commlb.wording import counted


def adapt(given: Described, kinds: int) -> Model:
    """The model of an object of the user's. Raises ``BadInput`` for one without ``initial`` or ``step``."""
    if given.embed is not None:
        raise BadInput("a plain object takes tokens as they are; leave embed out, or embed them in its step")
    return PlainModel(given.thing, given.readout)


NUMBERS = (bool, int, float, np.generic, np.ndarray)
WORD = 2**63


class PlainModel(Model):
    """``initial()`` is the start state, ``step(state, token)`` or ``step(state, token, t)`` the next one,
    ``readout(state)`` an answer, or scores.

    A state: NumPy arrays and numbers, alone or nested in tuples, lists, dicts and dataclasses. Python's integers
    and truth values are stored in 64 and 8 bits, its floats in 64. A third parameter of ``step``, without a
    default or called t, is the position, which is then free; a counter in the state is counted. Steps may write
    into the arrays that they are given: these are copies, of the start state too. A number has the type, as Python
    calls it, that it had when it was first seen there.
    """

    def __init__(self, thing: Any, readout: Callable[[Any], Any] | None = None):
        self._thing, self._given = thing, readout
        for name in ("initial", "step"):
            if not callable(getattr(thing, name, None)):
                raise BadInput(
                    f"a plain object needs initial(), step(state, token) and, to answer, readout(state); "
                    f"{type(thing).__name__} has no {name}"
                )
        self._readout = readout or getattr(thing, "readout", None)
        self._timed = wanted(thing.step, ("state", "token", "t")) == 3
        self._types: dict[tuple[int, str], Any] = {}
        self._skeletons: dict[int, tuple[Any, Any]] = {}
        self.summary = f"{type(thing).__name__}, a plain object"
        self._new = _copied(thing)

    def step(self, state: State | None, token: int, t: int) -> tuple[State, Any]:
        old = self._start() if state is None else self._put(state, t)
        new = self._thing.step(old, token, t) if self._timed else self._thing.step(old, token)
        output = None if self._readout is None else self._readout(new)
        return self._take(new, t + 1), output

    def fresh(self) -> PlainModel:
        """A copy of the object as it was at first; the forms of states, which are no state, are kept."""
        if self._new is None:
            return self
        made = PlainModel(self._new, self._given)
        made._types, made._skeletons = self._types, self._skeletons
        return made

    def _start(self) -> Any:
        """The start state, its arrays copied: the object may give the same ones in every run."""
        leaves, skeleton = take_apart(self._thing.initial(), _is_number)
        return put_together(skeleton, {name: copy.copy(value) for name, value in leaves.items()})

    def _take(self, thing: Any, t: int) -> State:
        leaves, skeleton = take_apart(thing, _is_number)
        if not leaves:
            raise BadInput(f"its state must hold numbers or arrays; given {type(thing).__name__}")
        self._compare(skeleton, t)
        for name, value in leaves.items():
            self._types.setdefault((t, name), value.dtype if isinstance(value, np.ndarray) else type(value))
        return {name: _stored(name, value) for name, value in leaves.items()}

    def _compare(self, skeleton: Any, t: int) -> None:
        """What is no number must be the same in all streams, or it would be state that nobody counts."""
        opaque: list[Any] = []
        sign = signature(skeleton, opaque)
        if opaque:
            raise BadInput(
                f"its state must hold numbers and arrays alone; it holds a {type(opaque[0]).__name__}, whose bits "
                "nobody can count"
            )
        _, known = self._skeletons.setdefault(t, (skeleton, sign))
        if sign != known:
            raise BadInput(
                f"its state after {counted(t, 'token')} has another form in one stream than in another; keep what "
                "differs in numbers or in arrays of one shape"
            )

    def _put(self, state: State, t: int) -> Any:
        """The object of a state: arrays are copies, numbers of the types that they had."""
        leaves = {}
        for name, held in state.items():
            made, kind = held.numbers, self._types[t, name]
            is_array = isinstance(kind, np.dtype)
            leaves[name] = made.astype(kind, copy=True) if is_array else kind(made[()])
        return put_together(self._skeletons[t][0], leaves)


def _is_number(name: str, value: Any) -> bool:
    """Whether it is stored as it is; an array of a kind of its own, such as a masked one, may hold more."""
    return isinstance(value, NUMBERS) and (type(value) is np.ndarray or not isinstance(value, np.ndarray))


def _copied(thing: Any) -> Any:
    """A copy of the user's object, or None for one that cannot be copied, such as one that holds a file."""
    try:
        return copy.deepcopy(thing)
    except Exception:  # whatever a user's class raises
        return None


def _stored(name: str, value: Any) -> Tensor:
    if isinstance(value, int) and not isinstance(value, bool) and not -WORD <= value < WORD:
        raise BadInput(
            f"state {short(name)} is an integer beyond 64 bits, so it has no fixed size; given {value}"
        )
    return tensor(np.array(value))


def wanted(call: Callable[..., Any], names: Sequence[str]) -> int:
    """How many arguments, called ``names``, a call takes: the most that fill no default of another name.

    >>> wanted(lambda task, width=8: 0, ("task", "cut")), wanted(lambda a, cut=0: 0, ("task", "cut"))
    (1, 2)
    """
    for count in range(len(names), 0, -1):
        if takes(call, count):
            found = list(inspect.signature(call).parameters.values())[:count]
            if all(p.default is p.empty or p.name in names for p in found):
                return count
    return 0 if takes(call, 0) else len(names)


def takes(call: Callable[..., Any], count: int) -> bool:
    """Whether ``call`` can be called with ``count`` arguments in order."""
    try:
        inspect.signature(call).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # some built-in callables have no signature
        return False
    return True
