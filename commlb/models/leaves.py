"""Nested Python objects taken apart into their tensors, and put together again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DEEPEST = 32
"""Levels of nesting of a state; a state that holds itself would have no end."""


@dataclass(frozen=True)
class Hole:
    """Where a tensor was in an object that was taken apart: the tensor's name."""

    name: str


Taken = Callable[[str, Any], bool]


def take_apart(thing: Any, is_leaf: Taken, name: str = "") -> tuple[dict[str, Any], Any]:
    """The leaves of ``thing`` by their path, "0.h.1", and the same object with ``Hole`` in their places.

    Lists, tuples, dicts, dataclasses and objects with a ``__dict__`` are gone through; ``is_leaf(path, value)``
    says what is a leaf. What is neither stays as it is. The object given is not changed.

    >>> take_apart((1, {"h": [2.0, "x"]}), lambda name, value: isinstance(value, (int, float)))
    ({'0': 1, '1.h.0': 2.0}, (Hole(name='0'), {'h': [Hole(name='1.h.0'), 'x']}))
    """
    found: dict[str, Any] = {}
    return found, _holed(thing, name, is_leaf, found, 0)


def _holed(thing: Any, name: str, is_leaf: Taken, found: dict[str, Any], depth: int) -> Any:
    if depth > DEEPEST:
        raise RecursionError(
            f"a state may be nested {DEEPEST} deep; '{short(name)}' is deeper: does it hold itself?"
        )
    if is_leaf(name, thing):
        found[name or "state"] = thing
        return Hole(name or "state")
    prefix = f"{name}." if name else ""
    return rebuilt(thing, lambda key, value: _holed(value, f"{prefix}{key}", is_leaf, found, depth + 1))


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
    if dataclasses.is_dataclass(thing) or _is_plain_object(thing):
        copied = object.__new__(type(thing))
        for key, value in vars(thing).items():
            object.__setattr__(copied, key, each(key, value))
        return copied
    return thing


def signature(skeleton: Any, opaque: list[Any]) -> Any:
    """What a skeleton holds beside its leaves, to be compared; ``opaque`` collects what cannot be compared.

    >>> signature((Hole("0"), {"h": "x", "c": None}), [])
    ('tuple', ((0, Hole(name='0')), (1, ('dict', (('h', 'x'), ('c', None))))))
    """
    if skeleton is None or isinstance(skeleton, (Hole, str, bytes, bool, int, float)):
        return skeleton
    parts: list[Any] = []
    rebuilt(skeleton, lambda key, value: parts.append((key, signature(value, opaque))))
    if not parts and not isinstance(skeleton, (dict, list, tuple)) and not _is_plain_object(skeleton):
        opaque.append(skeleton)
    return type(skeleton).__name__, tuple(parts)


def _like(thing: Any, made: dict[Any, Any]) -> Any:
    """A dict of the same type, such as an OrderedDict, with what it holds replaced."""
    copied = thing.copy()
    for key, value in made.items():
        copied[key] = value
    return copied


def _is_plain_object(thing: Any) -> bool:
    """Whether it is an instance whose parts are its ``__dict__``: no class, function or module."""
    return hasattr(thing, "__dict__") and not isinstance(thing, type) and not callable(thing)


def short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
