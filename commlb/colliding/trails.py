"""What a collision search keeps: the ends and lengths of its walks, and a file from which it goes on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb import files
from commlb.errors import BadInput
from commlb.sealed import seal, unseal

SUFFIX = ".walks"
SCHEMA = "commlb-walks/1"
MOST_HEADER = 2**16
"""Bytes of the first line at most."""

MOST_POINTS = 2**22
"""Ends that later walks are compared with at most."""

EACH = 12
"""Bytes of a walk: the word where it ended, and its length."""

Words = NDArray[np.uint64]
Lengths = NDArray[np.int64]


class Trails:
    """All walks so far, in blocks of ``block``, and for each end below ``bound`` the walk that came there first."""

    def __init__(self, bound: int, block: int):
        self.bound, self.block = bound, block
        self.runs = self.walks = 0
        self.ends: list[Words] = []
        self.lengths: list[Lengths] = []
        self._first: dict[int, int] = {}

    def add(self, ends: Words, lengths: Lengths) -> None:
        """Keep a block of walks."""
        self.ends.append(ends)
        self.lengths.append(lengths)
        for number, end in enumerate(ends.tolist(), self.walks):
            if end < self.bound and len(self._first) < MOST_POINTS:
                self._first.setdefault(end, number)
        self.walks += len(ends)
        self.runs += int(lengths.sum())

    def candidates(self, ends: Words) -> Iterator[tuple[int, int | None]]:
        """The walks of the next block that end where an earlier one did, with that one, or None for a cycle."""
        new: dict[int, int] = {}
        for number, end in enumerate(ends.tolist(), self.walks):
            if end >= self.bound:
                yield number, None
                continue
            earlier = self._first.get(end)
            if earlier is None:
                earlier = new.setdefault(end, number)
            if earlier != number:
                yield number, earlier

    def length(self, number: int, following: Lengths) -> int:
        """Of any walk so far, or of the next block's, whose lengths are ``following``."""
        block, place = divmod(number, self.block)
        return int((self.lengths[block] if block < len(self.lengths) else following)[place])


def check(path: str | Path) -> None:
    """Refuse a path that could not be written, before any work is done."""
    files.check(path, (SUFFIX,))


def write(path: str | Path, search: dict[str, Any], ends: Words, lengths: Lengths) -> None:
    """Replace ``path`` in one step: a line of sealed JSON, then ends and lengths, 64 and 32 bits.

    Numbers are written lowest byte first. ``search``: what the walks are walks of, in JSON's types.
    """
    payload = ends.astype("<u8").tobytes() + lengths.astype("<u4").tobytes()
    header = {
        "schema": SCHEMA,
        "search": search,
        "walks": len(ends),
        "sha256": hashlib.sha256(payload).hexdigest(),
    }
    files.replace(path, seal(header, indent=None).encode() + b"\n" + payload)


def read(path: str | Path, search: dict[str, Any], most: int) -> tuple[Words, Lengths]:
    """Ends and lengths (1 to ``most``) of the walks in a file that ``write`` made for the same ``search``.

    Raises ``BadInput``, in one line, for another file, a changed one, or one of another search.
    """
    try:
        with open(path, "rb") as file:
            line = file.readline(MOST_HEADER)
            header = _header(path, line, search)
            walks, size = header.get("walks"), os.fstat(file.fileno()).st_size - len(line)
            if not isinstance(walks, int) or isinstance(walks, bool) or walks < 0 or size != EACH * walks:
                raise BadInput(f"'{path}' must hold {EACH} bytes for each walk; was it cut off?")
            payload = file.read(size)
    except OSError as error:
        raise BadInput(f"cannot read '{path}': {error.strerror or error}") from error
    if hashlib.sha256(payload).hexdigest() != header.get("sha256"):
        raise BadInput(f"'{path}' was changed after it was written: its walks are not those of its digest")
    ends = np.frombuffer(payload, "<u8", walks).astype(np.uint64)
    lengths = np.frombuffer(payload, "<u4", walks, offset=8 * walks).astype(np.int64)
    if ((lengths < 1) | (lengths > most)).any():
        raise BadInput(f"'{path}' must hold walks of 1 to {most} steps")
    return ends, lengths


def seed(path: str | Path) -> int | None:
    """The seed of the search whose walks the file holds; None if there is no such file yet."""
    if not os.path.exists(path):
        return None
    try:
        with open(path, "rb") as file:
            search = _header(path, file.readline(MOST_HEADER), None).get("search")
    except OSError as error:
        raise BadInput(f"cannot read '{path}': {error.strerror or error}") from error
    found = search.get("seed") if isinstance(search, dict) else None
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise BadInput(f"'{path}' must name the seed of its search")
    return found


def _header(path: str | Path, line: bytes, search: dict[str, Any] | None) -> dict[str, Any]:
    """The first line of a file, which holds walks of ``search`` if one is named."""
    foreign = BadInput(f"'{path}' is no file of walks that commlb wrote; give another name, or delete it")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise foreign from None
    if not text.startswith("{") or not text.endswith("\n"):
        raise foreign
    header = unseal(text, str(path))
    if header.get("schema") != SCHEMA:
        raise foreign
    if search is not None:
        _require_same(path, search, header.get("search"))
    return header


def _require_same(path: str | Path, search: dict[str, Any], found: Any) -> None:
    if not isinstance(found, dict):
        found = {}
    for key in dict.fromkeys([*search, *found]):
        if search.get(key) != found.get(key):
            given, held = str(search.get(key))[:60], str(found.get(key))[:60]
            raise BadInput(
                f"'{path}' holds the walks of another search: its {key} is {held}, asked for {given}; "
                "give another file, or ask for the same search"
            )
