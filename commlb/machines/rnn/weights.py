"""Weights: their shapes and ranges, drawn from a seed, or read from a file in which nothing is executed."""

from __future__ import annotations

import hashlib
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commlb.errors import BadInput, MissingExtra
from commlb.machines.base import Array
from commlb.machines.random import GOLDEN, mix

SUFFIXES = (".npz", ".safetensors")


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
    [0.8833, 0.4319, 0.0264]
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


def read(path: str, wanted: Mapping[str, Weight]) -> dict[str, Array]:
    """Weights from an .npz or .safetensors file: every array of ``wanted``, of its shape, and nothing else.

    Arrays are float16, float32 or float64, and finite. Raises ``BadInput`` for anything else, in one line, and
    ``MissingExtra`` where the library for .safetensors is not installed. No pickle is loaded.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise BadInput(f"weights must be a file that ends in {' or '.join(SUFFIXES)}; given '{path}'")
    if not Path(path).is_file():
        raise BadInput(f"there is no file of weights '{path}'; give the path of one, or seed=… instead")
    found = _safetensors(path) if suffix == ".safetensors" else _npz(path)
    names = list(wanted)
    missing = [name for name in names if name not in found]
    if missing:
        raise BadInput(
            f"'{path}' lacks {_some(missing)}; it has {_some(sorted(found))}, this machine needs {_some(names)}"
        )
    extra = sorted(set(found) - set(names))
    if extra:
        raise BadInput(
            f"'{path}' has {_some(extra)}, which this machine does not use; it needs {_some(names)}"
        )
    made = {}
    for name, weight in wanted.items():
        array = found[name]
        if array.dtype not in (np.float16, np.float32, np.float64):
            raise BadInput(f"'{path}': {name} must be float16, float32 or float64; it is {array.dtype}")
        if array.shape != weight.shape:
            raise BadInput(f"'{path}': {name} must have shape {weight.shape}; it has {array.shape}")
        bad = int(array.size - np.isfinite(array).sum())
        if bad:
            raise BadInput(
                f"'{path}': {name} must be finite; {bad} of its {array.size} numbers are NaN or infinite"
            )
        made[name] = array.astype(np.float64)
    return made


def _npz(path: str) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, AttributeError) as error:
        why = f"it is no whole .npz file ({_line(error)}); write it again with numpy.savez"
    except ValueError as error:
        why = f"{_line(error)}; write arrays of numbers with numpy.savez"
        if "pickle" in str(error):
            why = "it holds a pickle, which is never loaded; write arrays of numbers with numpy.savez"
    raise BadInput(f"cannot read weights from '{path}': {why}")


def _safetensors(path: str) -> dict[str, Array]:
    try:
        import safetensors
    except ImportError as error:
        raise MissingExtra("to read .safetensors", "safetensors") from error
    try:
        with safetensors.safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (safetensors.SafetensorError, OSError, TypeError, ValueError) as error:
        raise BadInput(f"cannot read weights from '{path}': {_line(error)}") from error


def digest(weights: Mapping[str, Array]) -> str:
    """SHA-256 of names, shapes and float64 numbers, in their order: weights that are equal have equal digests."""
    made = hashlib.sha256()
    for name, array in weights.items():
        made.update(f"{name}{array.shape}".encode())
        made.update(np.ascontiguousarray(array, "<f8").tobytes())
    return made.hexdigest()


def _line(error: Any) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
