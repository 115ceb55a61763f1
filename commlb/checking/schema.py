"""Records out of JSON, strictly: the keys of the record and no others, each of the type that the record says."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from commlb import records
from commlb.checking.common import Refused, require, short


def read(kind: Any, value: Any, where: str) -> Any:
    """``value``, from JSON, as a ``kind``: a record, or a type that a field of a record may have.

    Lists become tuples. An integer stands for a number with the same value, no truth value for an integer. Raises
    ``Refused`` with the place in the file, ``where``, for keys too few or too many and for what is of another type.

    >>> from commlb.records_check import Verified
    >>> read(Verified, {"what": "x", "how": "y", "figure": "z"}, "v")
    Verified(what='x', how='y', figure='z')
    >>> try: read(Verified, {"what": "x", "how": 1, "figure": "z"}, "v")
    ... except Refused as error: print(error)
    v.how must be text; given 1
    """
    if kind is Any:
        return _anything(value)
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind), value, where)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _one_of(inner, value, where)
    if origin is tuple:
        return _row(inner, value, where)
    if origin in (dict, Mapping):
        _require(isinstance(value, dict), where, "an object", value)
        return {key: read(inner[1], value[key], f"{where}.{short(key, 30)}") for key in value}
    return _plain(kind, value, where)


def _plain(kind: Any, value: Any, where: str) -> Any:
    if kind is type(None):
        _require(value is None, where, "null", value)
    elif kind is bool:
        _require(isinstance(value, bool), where, "true or false", value)
    elif kind is str:
        _require(isinstance(value, str), where, "text", value)
    elif kind is int:
        _require(isinstance(value, int) and not isinstance(value, bool), where, "an integer", value)
    elif kind is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        _require(is_number and abs(value) < 1e300 and math.isfinite(value), where, "a number", value)
        return float(value)
    else:
        raise Refused(f"{where} has a type that no file may have")
    return value


def _record(kind: type, value: Any, where: str) -> Any:
    _require(isinstance(value, dict), where, f"an object with the keys of {kind.__name__}", value)
    names = [field.name for field in dataclasses.fields(kind) if field.init]
    for name in names:
        require(name in value, f"{where} has no key '{name}'; was it cut out?")
    for name in value:
        require(
            name in names, f"{where} has the key '{short(name, 30)}', which {kind.__name__} does not have"
        )
    hints = _hints(kind)
    return kind(**{name: read(hints[name], value[name], f"{where}.{name}") for name in names})


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """Types of the fields; some modules name records that only ``commlb.records`` imports."""
    return typing.get_type_hints(kind, localns=vars(records))


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    some = [kind for kind in kinds if kind is not type(None)]
    if value is None and len(some) < len(kinds):
        return None
    if len(some) == 1:
        return read(some[0], value, where)
    for kind in some:
        try:
            return read(kind, value, where)
        except Refused:
            continue
    raise Refused(f"{where} is of no type that it may have; given {short(value)}")


def _row(inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _require(isinstance(value, list), where, "a list", value)
    if inner[-1] is Ellipsis:
        return tuple([read(inner[0], part, f"{where}[{place}]") for place, part in enumerate(value)])
    _require(len(value) == len(inner), where, f"a list of {len(inner)}", value)
    parts = zip(inner, value, strict=True)
    return tuple([read(kind, part, f"{where}[{place}]") for place, (kind, part) in enumerate(parts)])


def _anything(value: Any) -> Any:
    if isinstance(value, list):
        return tuple([_anything(part) for part in value])
    if isinstance(value, dict):
        return {key: _anything(part) for key, part in value.items()}
    return value


def _require(holds: bool, where: str, wanted: str, value: Any) -> None:
    if not holds:
        raise Refused(f"{where} must be {wanted}; given {short(value)}")
