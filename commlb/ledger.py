"""The file of a sweep's rows: one appended at a time, so that a killed run loses none; and in order at the end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from commlb import files
from commlb.errors import BadInput
from commlb.records_rows import HEADER, MemoryPoint, from_csv, line, merged, to_csv, to_line

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
    """Rows on their way to ``path``, and the seconds that each took to a file beside it (``rows.times.csv``)."""

    def __init__(self, path: str | Path, resume: bool):
        """Begin a new file, or go on with one. Raises ``BadInput`` for a file that is there, without ``resume``."""
        self.path = Path(path)
        self.times = self.path.with_suffix(".times.csv")
        files.check(path, (".csv",))
        self.rows: list[MemoryPoint] = []
        if self.path.exists():
            if not resume:
                raise BadInput(
                    f"'{path}' is there already; go on with it by --resume, or choose another --out"
                )
            self.rows = merged(from_csv(_text(path), str(path), forgive_last=True))

    @contextmanager
    def open(self) -> Iterator[Ledger]:
        """Hold the file, one run at a time; what was not finished in it is cut off first."""
        is_new = not self.path.exists() and not self.times.exists()
        try:
            yield from self._held()
        except BaseException:
            if is_new and not self.rows:  # nothing was done: no file stands in the way of another try
                self.path.unlink(missing_ok=True)
                self.times.unlink(missing_ok=True)
            raise

    def _held(self) -> Iterator[Ledger]:
        with open(self.times, "ab", buffering=0) as times:
            _lock(times.fileno(), self.path)
            if times.tell() == 0:
                times.write(TIMES_HEADER.encode())
            self._tidy()
            with open(self.path, "ab", buffering=0) as rows:
                self._rows, self._times = rows, times
                yield self
            self._tidy()

    def add(self, row: MemoryPoint, seconds: float) -> None:
        """One more row, written at once."""
        self._rows.write(to_line(row).encode())
        self._times.write(line([row.digest, f"{seconds:.6f}"]).encode())
        self.rows.append(row)

    def _tidy(self) -> None:
        """All rows in the order of their cells, in one step."""
        self.rows = merged(self.rows)
        files.replace(self.path, (to_csv(self.rows) if self.rows else HEADER).encode())


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
