"""Nested Python objects taken apart into their tensors, and put together again."""

from __future__ import annotations

import copy
import enum
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from commlb.errors import BadInput

DEEPEST = 32
"""Levels of nesting of a state; a state that holds itself would have no end."""


@dataclass(frozen=True)
class Hole:
    """Where a tensor was in an object that was taken apart: the tensor's name."""

    name: str


Taken = Callable[[str, Any], bool]


def take_apart(thing: Any, is_leaf: Taken, name: str = "") -> tuple[dict[str, Any], Any]:
    """The leaves of ``thing`` by their path, "0.h.1", and the same object with ``Hole`` in their places.

    Lists, tuples, deques, dicts and objects whose parts are attributes are gone through; ``is_leaf(path, value)``
    says what is a leaf. What is neither stays as it is. The object given is not changed. An array in two places is
    one leaf; two leaves with one path, as of the keys 1 and "1", are told apart by a mark behind it. Raises
    ``BadInput`` for an object nested too deep, such as one that holds itself.

    >>> take_apart((1, {"h": [2.0, "x"]}), lambda name, value: isinstance(value, (int, float)))
    ({'0': 1, '1.h.0': 2.0}, (Hole(name='0'), {'h': [Hole(name='1.h.0'), 'x']}))
    """
    found: dict[str, Any] = {}
    return found, _holed(thing, name, is_leaf, found, {}, 0)


def _holed(
    thing: Any, name: str, is_leaf: Taken, found: dict[str, Any], arrays: dict[int, Hole], depth: int
) -> Any:
    if depth > DEEPEST:
        raise BadInput(
            f"a state may be nested {DEEPEST} deep; '{short(name)}' is deeper: does it hold itself?"
        )
    if is_leaf(name, thing):
        if id(thing) in arrays:
            return arrays[id(thing)]
        name = name or "state"
        while name in found:
            name += "'"
        found[name] = thing
        if hasattr(thing, "__setitem__"):  # written to in one place, it would change in the other
            arrays[id(thing)] = Hole(name)
        return Hole(name)
    prefix = f"{name}." if name else ""
    return rebuilt(
        thing, lambda key, value: _holed(value, f"{prefix}{key}", is_leaf, found, arrays, depth + 1)
    )


def put_together(skeleton: Any, leaves: dict[str, Any]) -> Any:
    """The object of a skeleton with its leaves in their places; the inverse of ``take_apart``, a new object.

    >>> put_together((Hole("0"), {"h": [Hole("1.h.0"), "x"]}), {"0": 1, "1.h.0": 2.0})
    (1, {'h': [2.0, 'x']})
    """
    if isinstance(skeleton, Hole):
        return leaves[skeleton.name]
    return rebuilt(skeleton, lambda key, value: put_together(value, leaves))


def rebuilt(thing: Any, each: Callable[[Any, Any], Any]) -> Any:
    """A copy of a container with ``each(key, value)`` for its parts; what is no container is itself."""
    if isinstance(thing, dict):
        made = {key: each(key, value) for key, value in thing.items()}
        return made if type(thing) is dict else _like(thing, made)
    if isinstance(thing, tuple) and hasattr(thing, "_fields"):
        return type(thing)(*(each(key, value) for key, value in zip(thing._fields, thing, strict=True)))
    if isinstance(thing, (list, tuple)):
        return type(thing)([each(key, value) for key, value in enumerate(thing)])
    if isinstance(thing, deque):
        return type(thing)([each(key, value) for key, value in enumerate(thing)], thing.maxlen)
    if _is_plain_object(thing):
        copied = object.__new__(type(thing))
        for key, value in _attributes(thing):
            object.__setattr__(copied, key, each(key, value))
        return copied
    return thing


def signature(skeleton: Any, opaque: list[Any]) -> Any:
    """What a skeleton holds beside its leaves, to be compared; ``opaque`` collects what cannot be compared.

    >>> signature((Hole("0"), {"h": "x", "c": None}), [])
    ('tuple', ((0, Hole(name='0')), (1, ('dict', (('h', 'x'), ('c', None))))))
    """
    if skeleton is None or isinstance(skeleton, (Hole, str, bytes, bool, int, float, enum.Enum)):
        return skeleton
    is_container = isinstance(skeleton, (dict, list, tuple, deque))
    if not (is_container or _is_plain_object(skeleton)) or (
        is_container and getattr(skeleton, "__dict__", None)
    ):
        opaque.append(skeleton)  # of a container with attributes, only what it contains is seen
        return type(skeleton).__name__
    parts: list[Any] = []

    def part(key: Any, value: Any) -> Any:
        parts.append((key, signature(value, opaque)))
        return value

    rebuilt(skeleton, part)
    return type(skeleton).__name__, tuple(parts)


def _like(thing: Any, made: dict[Any, Any]) -> Any:
    """A dict of the same type, such as an OrderedDict, with what it holds replaced."""
    copied = copy.copy(thing)
    for key, value in made.items():
        copied[key] = value
    return copied


def _is_plain_object(thing: Any) -> bool:
    """Whether its parts are its attributes, all of them: no class, function, module, or object written in C.

    An enumeration's member is no such object either: it is itself, and a copy of it would be another.
    """
    if isinstance(thing, (type, enum.Enum, Hole)) or callable(thing):
        return False
    try:
        object.__new__(type(thing))
    except TypeError:  # it has parts beside its attributes, which object.__new__ would not make
        return False
    return hasattr(thing, "__dict__") or any("__slots__" in vars(cls) for cls in type(thing).__mro__)


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of an object, those in slots first; all but those that are not set."""
    for cls in type(thing).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                yield name, getattr(thing, name)
    yield from getattr(thing, "__dict__", {}).items()


def short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
