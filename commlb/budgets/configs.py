"""A config.json as it is found in the wild, read strictly: what is used of it must be what it should be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from commlb.errors import BadInput, unknown_name
from commlb.sealed import parse

MAX_BYTES = 2**22
"""The largest config that is read; published ones have a few kilobytes."""

LARGEST = 2**31 - 1
"""The largest size that a config may give."""

MOST_LAYERS = 10_000

DTYPES = {
    "float64": "float64",
    "float32": "float32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "float8_e4m3fn": "e4m3",
    "float8_e5m2": "e5m2",
    "double": "float64",
    "float": "float32",
    "half": "fp16",
}
"""The names of torch for the formats."""


def read(path: str | Path) -> dict[str, Any]:
    """The JSON object in the file ``path``, or in the config.json of the directory ``path``.

    Raises ``BadInput``, in one line, for what is no file, is too large, or is no JSON object in UTF-8.
    """
    file = Path(path)
    try:
        if file.is_dir():
            file = file / "config.json"
            if not file.exists():
                raise BadInput(f"the directory '{path}' has no config.json; give the file itself")
        if not file.exists():
            raise BadInput(
                f"there is no file '{path}'; give a config.json, a directory with one, or NAME:d=…"
            )
        if not file.is_file():
            raise BadInput(f"'{path}' is no regular file; give a config.json")
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"cannot read '{file}': {error.strerror or error}") from None
    except ValueError as error:  # a null byte in the name
        raise BadInput(f"'{path!r}' is no path: {error}") from None
    if len(data) > MAX_BYTES:
        raise BadInput(f"'{file}' must be at most {MAX_BYTES:,} bytes long; a config has a few thousand")
    if data.startswith(b"\xef\xbb\xbf"):
        raise BadInput(f"'{file}' begins with a byte order mark; save it as UTF-8 without one")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise BadInput(f"'{file}' is no text in UTF-8; give a config.json") from None
    return parse(text, str(file), as_written=False)


def shown(value: Any, most: int = 60) -> str:
    """A value from a file for a message, as JSON would have it, cut off where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) >= 10**20:
        return f"an integer of {len(str(abs(value)))} digits"
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    words = " ".join(repr(value).split())
    return words if len(words) <= most else words[: most - 1] + "…"


class Config:
    """The values of a config: each is asked for by its names, old and new, and remembered where it was a default.

    ``defaults``: what was not given, and is what transformers has for it.
    """

    def __init__(self, values: Mapping[str, Any], name: str):
        self.values, self.name = values, name
        self.defaults: dict[str, int | float | str] = {}

    def fail(self, words: str) -> BadInput:
        return BadInput(f"'{self.name}': {words}")

    def given(self, *names: str) -> tuple[str, Any]:
        """The name under which a value stands, and the value; None if there is none, or null.

        Raises ``BadInput`` where two names have different values.
        """
        found = [(name, self.values[name]) for name in names if self.values.get(name) is not None]
        for name, value in found[1:]:
            if value != found[0][1] or type(value) is not type(found[0][1]):
                raise self.fail(
                    f"{found[0][0]} and {name} mean the same and differ: {shown(found[0][1])} and {shown(value)}; "
                    "leave one out"
                )
        return found[0] if found else (names[0], None)

    def size(
        self, *names: str, default: int | None = None, follows: int | None = None, least: int = 1
    ) -> int:
        """An integer from ``least`` to ``LARGEST``: as given, or what ``follows`` from others, or the default."""
        name, value = self.given(*names)
        if value is None and follows is not None:
            return follows
        if value is None and default is not None:
            if any(other in self.values for other in names):
                raise self.fail(f"{name} must be an integer; given null; leave it out for {default}")
            self.defaults[name] = default
            return default
        if value is None:
            raise self.fail(f"{name} is missing; add it, an integer of at least {least}")
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
            raise self.fail(f"{name} must be an integer from {least} to {LARGEST}; given {shown(value)}")
        return value

    def optional(self, *names: str, default: int | None = None, least: int = 1) -> int | None:
        """An integer, or None where it is null; where it is not given, the default, which may be None."""
        if any(name in self.values for name in names) and self.given(*names)[1] is None:
            return None
        if default is None and self.given(*names)[1] is None:
            return None
        return self.size(*names, default=default, least=least)

    def fraction(self, name: str, default: float) -> float:
        """A finite number above 0."""
        value = self.given(name)[1]
        if value is None:
            self.defaults[name] = default
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LARGEST:
            raise self.fail(f"{name} must be a number above 0, at most {LARGEST}; given {shown(value)}")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self.given(name)[1]
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.fail(f"{name} must be true or false; given {shown(value)}")
        return value

    def layers(self, *names: str, default: int | None = None) -> int:
        """The number of layers."""
        name = self.given(*names)[0]
        found = self.size(*names, default=default)
        if found > MOST_LAYERS:
            raise self.fail(f"{name} must be at most {MOST_LAYERS:,}; given {found:,}")
        return found

    def listed(self, *names: str) -> list[Any] | None:
        """A list of at most ``MOST_LAYERS``, or None."""
        name, value = self.given(*names)
        if value is None:
            return None
        if not isinstance(value, list) or not 0 < len(value) <= MOST_LAYERS:
            raise self.fail(f"{name} must be a list of 1 to {MOST_LAYERS:,} entries; given {shown(value)}")
        return value

    def types(self, layers: int | None, known: Mapping[str, str], *names: str) -> list[str] | None:
        """The kind of each layer, in words of ``known`` (what configs write: what is meant); None: not given.

        Raises ``BadInput`` for an unknown kind, and where there are not as many as ``layers``.
        """
        name = self.given(*names)[0]
        value = self.listed(*names)
        if value is None:
            return None
        for kind in value:
            if not isinstance(kind, str) or kind not in known:
                raise self.fail(
                    f"{name} must have kinds of layers out of {', '.join(known)}; given {shown(kind)}"
                )
        if layers is not None and len(value) != layers:
            raise self.fail(f"{name} must have an entry a layer, {layers}; given {len(value)}")
        return [known[kind] for kind in value]

    def places(self, layers: int, *names: str) -> list[int] | None:
        """Numbers of layers, from 0; None: not given."""
        name, value = self.given(*names)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > MOST_LAYERS:
            raise self.fail(f"{name} must be a list of layers; given {shown(value)}")
        for place in value:
            if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < layers:
                raise self.fail(
                    f"{name} must have numbers of layers from 0 to {layers - 1}; given {shown(place)}"
                )
        return value

    def divided(self, what: str, whole: int, by: str, parts: int) -> int:
        """whole / parts. Raises ``BadInput`` where that is no integer."""
        if whole % parts:
            raise self.fail(f"{by} must divide {what} = {whole}; given {parts}")
        return whole // parts

    def inner(self, name: str) -> Config:
        """The object under ``name``, such as text_config; its defaults are told as this one's."""
        value = self.values.get(name)
        if not isinstance(value, dict):
            raise self.fail(f"{name} must be an object; given {shown(value)}")
        found = Config(value, self.name)
        found.defaults = self.defaults
        return found

    def dtype(self) -> tuple[str, str]:
        """The format of the model's numbers, and where that is from; float32 where the config says nothing."""
        name, value = self.given("dtype", "torch_dtype")
        if value is None:
            return "float32", "default: the config names no dtype"
        word = value.removeprefix("torch.") if isinstance(value, str) else None
        if word not in DTYPES:
            if not isinstance(value, str):
                raise self.fail(f'{name} must be a name such as "bfloat16"; given {shown(value)}')
            raise self.fail(str(unknown_name(name, value[:60], DTYPES)))
        return DTYPES[word], f"config: {name}"


def is_finite(value: Any) -> bool:
    """Whether ``value`` is a number that is neither infinite nor NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def repeated(pattern: Sequence[str], layers: int) -> list[str]:
    """The pattern again and again, for so many layers.

    >>> repeated(["r", "r", "a"], 5)
    ['r', 'r', 'a', 'r', 'r']
    """
    return [pattern[k % len(pattern)] for k in range(layers)]
