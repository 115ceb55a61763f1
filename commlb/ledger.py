"""The file of a sweep's rows: one appended at a time, so that a killed run loses none; and in order at the end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from commlb import files
from commlb.errors import BadInput
from commlb.records_rows import ENGINE_VERSION, HEADER, MemoryPoint, from_csv, line, merged, to_csv, to_line

TIMES_HEADER = line(["digest", "seconds"])


def read(paths: Iterable[str | Path]) -> list[MemoryPoint]:
    """The rows of several files as one table. Raises ``BadInput`` for a file without rows: more often a slip."""
    found = []
    for path in paths:
        rows = from_csv(_text(path), str(path))
        if not rows:
            raise BadInput(f"'{path}' holds no rows; give a file that curve, reduce or states wrote")
        found += rows
    return merged(found)


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"'{path}' is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read '{path}': {getattr(error, 'strerror', None) or error}") from None


class Ledger:
    """Rows on their way to ``path``, and the seconds that each took to a file beside it (``rows.times.csv``).

    Made by ``opened``, which holds the file.
    """

    def __init__(self, path: Path, rows: list[MemoryPoint], times: IO[bytes]):
        self.path, self.rows, self._times = path, rows, times
        self._tidy()
        if times.tell() == 0:
            times.write(TIMES_HEADER.encode())

    def add(self, row: MemoryPoint, seconds: float) -> None:
        """One more row, written at once."""
        with open(self.path, "ab", buffering=0) as file:
            file.write(to_line(row).encode())
        self._times.write(line([row.digest, f"{seconds:.6f}"]).encode())
        self.rows.append(row)

    def _tidy(self) -> None:
        """All rows in the order of their cells, in one step."""
        self.rows = merged(self.rows)
        files.replace(self.path, (to_csv(self.rows) if self.rows else HEADER).encode())


def check(path: str | Path, resume: bool) -> None:
    """Refuse, before any work, a file that cannot be written, or is there without ``resume``."""
    files.check(path, (".csv",))
    if Path(path).exists() and not resume:
        raise BadInput(f"'{path}' is there already; go on with it by --resume, or choose another --out")
    beside = Path(path).with_suffix(".times.csv")
    if beside.is_dir():
        raise BadInput(
            f"cannot write '{beside}', the seconds of each row: it is a folder; choose another --out"
        )


@contextmanager
def opened(path: str | Path, resume: bool) -> Iterator[Ledger]:
    """Begin a file of rows, or go on with one, and hold it: one run at a time.

    Raises ``BadInput`` for a file that is there, without ``resume``; for one that another run holds; for rows of
    another engine version. Where nothing comes of it, no new file is left.
    """
    check(path, resume)
    path = Path(path)
    beside = path.with_suffix(".times.csv")
    old = {file for file in (path, beside) if file.exists()}
    with open(beside, "ab", buffering=0) as times:
        _lock(times.fileno(), path)
        held = None
        try:
            held = Ledger(path, _rows(path, resume), times)
            yield held
            held._tidy()
        finally:
            if held is None or not held.rows:  # nothing stands in the way of another try
                for file in {path, beside} - old:
                    file.unlink(missing_ok=True)


def _rows(path: Path, resume: bool) -> list[MemoryPoint]:
    """What is in the file by the time that it is held."""
    if not path.exists():
        return []
    rows = merged(from_csv(_text(path), str(path), forgive_last=True))
    if rows and not resume:
        raise BadInput(f"another run has written '{path}' meanwhile; choose another --out")
    for row in rows:
        if row.engine_version != ENGINE_VERSION:
            raise BadInput(
                f"'{path}' holds rows of engine version {row.engine_version}, this is {ENGINE_VERSION}: results "
                "have changed; choose another --out"
            )
    return rows


def _lock(file: int, path: Path) -> None:
    """Refuse a second run on one file, where the system has locks."""
    if os.name != "posix":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise BadInput(f"another run is writing '{path}'; wait for it, or choose another --out") from None


def shard(cells: Sequence, part: tuple[int, int]) -> list:
    """The i-th of N shares of the cells, i from 1: every N-th one, so that large sizes are shared out.

    >>> shard("abcdefg", (2, 3))
    ['b', 'e']
    """
    i, of = part
    if not 1 <= i <= of:
        raise BadInput(f"a shard is i/N with 1 <= i <= N; given {i}/{of}")
    return list(cells[i - 1 :: of])
