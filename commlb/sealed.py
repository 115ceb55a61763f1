"""Files that say when they were changed: JSON with a digest over its contents, written once and read strictly.

A seal tells of accidents and of careless edits; whoever means to deceive can seal anew. So ``commlb check``
believes nothing because it is sealed, and derives again what a file says.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from commlb.errors import BadInput

MAX_BYTES = 2**28
"""The longest file that is read."""

MAX_DIGITS = 1000
"""Digits of the longest whole number that is read."""

MAX_DEPTH = 64
"""Brackets within brackets."""

DIGEST = "digest"


def digest_of(body: dict[str, Any]) -> str:
    """SHA-256, in hexadecimal, of the JSON of all keys but the digest, keys in order and no spaces.

    >>> digest_of({"b": 1, "a": [2.5]})[:16], digest_of({"a": [2.5], "b": 1, "digest": "x"})[:16]
    ('11cf70519f8728b2', '11cf70519f8728b2')
    """
    kept = {key: value for key, value in body.items() if key != DIGEST}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seal(body: dict[str, Any], indent: int | None = 2) -> str:
    """``body`` as JSON, its digest as last key. Raises ``ValueError`` for a number that is not finite."""
    sealed = {**body, DIGEST: digest_of(body)}
    return json.dumps(sealed, indent=indent, ensure_ascii=False, allow_nan=False)


def unseal(text: str, name: str) -> dict[str, Any]:
    """The contents of a sealed file of that ``name``.

    Raises ``BadInput``, in one line, for what is no JSON object, for a key twice, a number that is not finite or
    not written as ``seal`` writes it, brackets too deep, and a digest that is not that of the contents.

    >>> unseal(seal({"a": 1}), "a.json")["a"]
    1
    >>> try: unseal(seal({"a": 1}).replace("1", "2", 1), "a.json")
    ... except BadInput as error: print(str(error)[:53])
    'a.json' was changed after it was written: its digest
    """
    body = parse(text, name)
    if not isinstance(body.get(DIGEST), str):
        raise BadInput(f"'{name}' has no digest; give a file that commlb wrote, all of it")
    try:
        found = digest_of(body)
    except ValueError as error:  # a lone surrogate
        raise BadInput(f"'{name}' holds text that is no Unicode: {_short(str(error))}") from None
    if found != body[DIGEST]:
        raise BadInput(
            f"'{name}' was changed after it was written: its digest is {_short(body[DIGEST], 16)}, that of its "
            f"contents {found[:16]}"
        )
    return body


def parse(text: str, name: str, as_written: bool = True, most: int = MAX_BYTES) -> dict[str, Any]:
    """The JSON object in ``text``, of a file of that ``name`` with at most ``most`` characters.

    ``as_written``: numbers must be finite and stand as ``seal`` writes them; else they may be written in any way
    that JSON knows, and beyond it as Infinity or NaN, as configs in the wild have them. Raises ``BadInput``, in
    one line.

    >>> parse('{"a": 1.0e-5, "b": Infinity}', "a.json", as_written=False)
    {'a': 1e-05, 'b': inf}
    """
    if len(text) > most:
        raise BadInput(f"'{name}' must be at most {most} characters long; given {len(text)}")
    _check_depth(text, name)
    numbers: dict[str, Any] = {"parse_int": _digits}
    if as_written:
        numbers = {"parse_float": _float, "parse_int": _int, "parse_constant": _constant}
    try:
        body = json.loads(text, object_pairs_hook=_once, **numbers)
    except BadInput as error:
        raise BadInput(f"'{name}': {error}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"'{name}' is no JSON: {_short(str(error))}; was it cut off or changed?") from None
    if not isinstance(body, dict):
        raise BadInput(f"'{name}' must hold one JSON object; given {type(body).__name__}")
    return body


def _check_depth(text: str, name: str) -> None:
    """Count brackets outside strings, so that the parser never goes deep."""
    depth, inside, escaped = 0, False, False
    for char in text:
        if inside:
            inside, escaped = escaped or char != '"', char == "\\" and not escaped
        elif char == '"':
            inside = True
        elif char in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadInput(f"'{name}' must nest at most {MAX_DEPTH} brackets")
        elif char in "]}":
            depth -= 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadInput(f"the key '{_short(key)}' stands twice")
        found[key] = value
    return found


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadInput(f"{_short(text)} is too large a number")
    if repr(value) != text:
        raise BadInput(f"the number {_short(text)} must be written {value!r}")
    return value


def _digits(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise BadInput(f"a whole number has at most {MAX_DIGITS} digits; given {len(text)}")
    return int(text)


def _int(text: str) -> int:
    value = _digits(text)
    if str(value) != text:
        raise BadInput(f"the number {text} must be written {value}")
    return value


def _constant(text: str) -> Any:
    raise BadInput(f"{text} is no number that a file may hold")


def _short(text: str, most: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
