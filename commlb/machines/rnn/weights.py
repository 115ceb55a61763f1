"""Weights: their shapes and ranges, drawn from a seed, or read from a file in which nothing is executed."""

from __future__ import annotations

import functools
import hashlib
import math
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commlb.errors import BadInput, CommlbError, MissingExtra
from commlb.machines.base import Array
from commlb.machines.random import GOLDEN, mix

AGAIN = {
    ".npz": "write plain arrays with numpy.savez",
    ".safetensors": "write it with safetensors.numpy.save_file",
}
SUFFIXES = tuple(AGAIN)
FLOATS = ("float16", "float32", "float64")
THEIR_FLOATS = {"F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16"}
NUMBERS = {"f": "float", "i": "int", "u": "uint", "c": "complex"}
KINDS = NUMBERS | {"b": "bool", "U": "text", "S": "text"}

LONGEST_HEADER = 10_000
HEADER = re.compile(
    r"\{'descr': (?:'(?P<order>[<>=|]?)(?P<letter>[a-zA-Z])(?P<bytes>[0-9]{0,3})'|\[.*\]), *"
    r"'fortran_order': (?P<fortran>True|False), *'shape': \((?P<shape>(?:[0-9]+, ?)*[0-9]*)\),? *\}\s*"
)
"""What stands before the numbers of an .npy file. It is matched, where numpy evaluates it as Python."""


@dataclass(frozen=True)
class Weight:
    """One array of weights: its shape, and the interval in which random ones are drawn.

    ``product``: it is a matrix that vectors are multiplied by (``Rows.dot``); else it is used element by element.
    """

    shape: tuple[int, ...]
    low: float
    high: float
    product: bool = False


def dense(rows: int, columns: int) -> Weight:
    """A matrix; at random uniform in ±√(3 / columns), so of variance 1 / columns (LeCun et al. 1998)."""
    limit = math.sqrt(3 / columns)
    return Weight((rows, columns), -limit, limit, product=True)


def spread(*shape: int, low: float = -1.0, high: float = 1.0) -> Weight:
    """Numbers that are used one by one; at random uniform in [low, high)."""
    return Weight(shape, low, high)


def constant(*shape: int, value: float = 0.0) -> Weight:
    """As ``spread``, but all equal to ``value`` where they are not read from a file."""
    return Weight(shape, value, value)


def draw(wanted: Mapping[str, Weight], seed: int) -> dict[str, Array]:
    """Weights from a seed, the same on every machine.

    The k-th number (from 0) over all arrays in their order is low + (high − low)·u with u the first 53 bits of
    mix(G·(k + 1) + mix(seed)), SplitMix64 (``machines.random``), in float64.

    >>> draw({"w": spread(3, low=0.0)}, seed=0)["w"].round(4).tolist()
    [0.8833, 0.4315, 0.0264]
    """
    start, key = 1, mix(np.array([seed % 2**64], np.uint64))
    made = {}
    for name, weight in wanted.items():
        size = math.prod(weight.shape)
        words = mix(np.arange(start, start + size, dtype=np.uint64) * GOLDEN + key)
        share = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
        made[name] = (weight.low + (weight.high - weight.low) * share).reshape(weight.shape)
        start += size
    return made


class _Odd(Exception):
    """What is wrong in a file that is whole."""


@dataclass(frozen=True)
class _Stored:
    """An array in a file: the kind of its numbers ("float32"), its shape, and how to load it."""

    kind: str
    shape: tuple[int, ...]
    load: Callable[[], Array]


def read(
    path: str, wanted: Mapping[str, Weight], most: float = float(np.finfo(np.float64).max)
) -> dict[str, Array]:
    """Weights from an .npz or .safetensors file: every array of ``wanted``, of its shape, and nothing else.

    Arrays are float16, float32 or float64, and all numbers in [−most, most]. Names, kinds and shapes are checked
    before any array is loaded, so that a file cannot ask for more memory than ``wanted`` does; no pickle is ever
    loaded, and nothing in the file is executed. Raises ``BadInput`` for anything else, in one line, and
    ``MissingExtra`` where the library for .safetensors is not installed.
    """
    if not isinstance(path, str):
        raise BadInput(f"weights must be the path of a file, as text; given {type(path).__name__}")
    path = os.path.expanduser(path)
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise BadInput(f"weights must be a file that ends in {' or '.join(SUFFIXES)}; given '{path}'")
    if not os.path.isfile(path):
        if os.path.isdir(path):
            raise BadInput(f"weights must be a file; '{path}' is a folder; give the path of a file in it")
        what = "no plain file" if os.path.exists(path) else "no file"
        raise BadInput(f"there is {what} of weights '{path}'; correct the path, or give seed=… instead")
    try:
        with (_safetensors if suffix == ".safetensors" else _npz)(path) as stored:
            _match(path, stored, wanted)
            made = {name: stored[name].load().astype(np.float64) for name in wanted}
    except CommlbError:
        raise
    except OSError as error:
        raise BadInput(f"cannot read weights from '{path}': {error.strerror or _line(error)}") from error
    except Exception as error:  # the bytes are anybody's, and so is what readers make of them
        why = _line(error) if isinstance(error, _Odd) else f"it is no whole {suffix} file ({_line(error)})"
        raise BadInput(f"cannot read weights from '{path}': {why}; {AGAIN[suffix]}") from error
    for name, array in made.items():
        _check_numbers(path, name, array, most)
    return made


def _match(path: str, stored: Mapping[str, _Stored], wanted: Mapping[str, Weight]) -> None:
    """Refuse arrays that are not those of ``wanted``, by name, kind and shape."""
    names = list(wanted)
    missing = [name for name in names if name not in stored]
    if missing:
        has = _some(sorted(stored)) or "no arrays"
        raise BadInput(
            f"'{path}' lacks {_some(missing)}; it has {has}, this machine needs {_some(names, 40)}"
        )
    extra = sorted(set(stored) - set(names))
    if extra:
        raise BadInput(
            f"'{path}' has {_some(extra)}, which this machine lacks; leave out all but {_some(names, 40)}"
        )
    for name, weight in wanted.items():
        found = stored[name]
        if found.kind not in FLOATS:
            raise BadInput(
                f"'{path}': {name} must be float16, float32 or float64; it is {found.kind}; convert it to float32"
            )
        if found.shape != weight.shape:
            raise BadInput(
                f"'{path}': {name} must have shape {weight.shape}; it has {_line(found.shape)}; "
                "shapes follow from d and the family's own sizes, embedding and readout from the task and n"
            )


def _check_numbers(path: str, name: str, array: Array, most: float) -> None:
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise BadInput(
            f"'{path}': {name} must be finite; {bad} of its {array.size} numbers are NaN or infinite"
        )
    if array.size and np.abs(array).max() > most:
        raise BadInput(
            f"'{path}': {name} must lie within ±{most:.3g}, where this machine computes in float32; "
            f"its largest is {np.abs(array).max():.3g}; scale it, or give format=float64"
        )


@contextmanager
def _npz(path: str) -> Iterator[dict[str, _Stored]]:
    """The arrays of a file that ``numpy.savez`` or ``savez_compressed`` wrote."""
    with zipfile.ZipFile(path) as file:
        stored: dict[str, _Stored] = {}
        for member in file.infolist():
            name = member.filename.removesuffix(".npy")
            if name in stored:
                raise _Odd(f"it has {_some([name])} twice")
            stored[name] = _npy(file, member, name)
        yield stored


def _npy(file: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> _Stored:
    """One array, of which only the header is read yet (the .npy format, versions 1 and 2)."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _Odd(f"{_some([name])} is packed in a way that numpy does not use")
    with file.open(member) as opened:
        start = opened.read(8)
        size = int.from_bytes(opened.read(2 if start[6:7] == b"\x01" else 4), "little")
        header = HEADER.fullmatch(opened.read(size).decode("latin1")) if size <= LONGEST_HEADER else None
        data = opened.tell()
    if start not in (b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00") or header is None:
        raise _Odd(f"{_some([name])} is no plain array")
    shape = tuple(int(length) for length in header["shape"].replace(" ", "").split(",") if length)
    if header["letter"] == "O":
        raise _Odd(f"{_some([name])} is a pickle, which is never loaded")
    kind = KINDS.get(header["letter"] or "", "of another kind")
    if header["letter"] in NUMBERS:
        kind += str(8 * int(header["bytes"]))

    def load() -> Array:
        number = np.dtype(f"{header['order'].replace('|', '=')}f{header['bytes']}")
        with file.open(member) as opened:
            opened.read(data)
            needed = math.prod(shape) * number.itemsize
            found = opened.read(needed + 1)  # to the end, where the checksum is compared
        if len(found) != needed:
            raise _Odd(f"{_some([name])} is cut short or goes on too long")
        return np.frombuffer(found, number).reshape(shape, order="F" if header["fortran"] == "True" else "C")

    return _Stored(kind, shape, load)


@contextmanager
def _safetensors(path: str) -> Iterator[dict[str, _Stored]]:
    try:
        import safetensors
    except ImportError as error:
        raise MissingExtra("to read .safetensors", "safetensors") from error
    with safetensors.safe_open(path, framework="np") as file:
        stored = {}
        for name in file.keys():  # noqa: SIM118 (no mapping)
            part = file.get_slice(name)
            kind = part.get_dtype()
            load = functools.partial(file.get_tensor, name)
            stored[name] = _Stored(THEIR_FLOATS.get(kind, kind), tuple(part.get_shape()), load)
        yield stored


def digest(weights: Mapping[str, Array]) -> str:
    """SHA-256 of names, shapes and float64 numbers, in their order: weights that are equal have equal digests."""
    made = hashlib.sha256()
    for name, array in weights.items():
        made.update(f"{name}{array.shape}".encode())
        made.update(np.ascontiguousarray(array, "<f8").tobytes())
    return made.hexdigest()


def _line(error: Any) -> str:
    text = " ".join(str(error).split())[:120] or type(error).__name__
    return text if text.isprintable() else ascii(text)


def _some(names: list[str], most: int = 6) -> str:
    shown = [name if name.isprintable() and len(name) < 60 else ascii(name[:60]) for name in names[:most]]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")
