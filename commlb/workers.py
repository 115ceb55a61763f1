"""Cells computed here, by several processes, or on a cluster: results come as they are finished."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import TypeVar

from commlb.errors import LimitError, OverLimit

Item = TypeVar("Item")
Found = TypeVar("Found")


def here(function: Callable[[Item], Found], items: Sequence[Item], timeout: float | None) -> Generator[Found]:
    """Results in this process, one after the other."""
    started = time.perf_counter()
    for done, item in enumerate(items):
        check(started, timeout, done, len(items))
        yield function(item)


def check(started: float, timeout: float | None, done: int, of: int) -> None:
    """Raise ``OverLimit`` if the time is up."""
    seconds = time.perf_counter() - started
    if timeout is not None and seconds > timeout:
        raise OverLimit(f"{done} of {of} cells: seconds", round(seconds, 3), timeout, "--timeout")


def processes(
    function: Callable[[Item], Found], items: Sequence[Item], timeout: float | None, count: int
) -> Generator[Found]:
    """Results of ``count`` processes, in the order in which they are finished.

    The processes end with the iteration, however it ends, and with this process, however that ends. Raises
    ``OverLimit`` when ``timeout`` seconds are over, and ``LimitError`` if a process dies.
    """
    started = time.perf_counter()
    spawn = multiprocessing.get_context("spawn")
    reader, writer = spawn.Pipe(duplex=False)
    pool = ProcessPoolExecutor(count, spawn, _begin, (reader,))
    done = 0
    try:
        futures = [pool.submit(function, item) for item in items]
        left = None if timeout is None else max(0.0, timeout - (time.perf_counter() - started))
        for future in as_completed(futures, left):
            yield future.result()
            done += 1
    except TimeoutError:
        seconds = round(time.perf_counter() - started, 3)
        raise OverLimit(
            f"{done} of {len(items)} cells: seconds", seconds, timeout or 0, "--timeout"
        ) from None
    except BrokenProcessPool:
        raise LimitError(
            "a worker process died, perhaps for want of memory; the rows that were finished are kept: go on with "
            "--resume and fewer --workers"
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        writer.close()  # which ends what is still being computed
        reader.close()


def _begin(parent: Connection) -> None:
    """In a worker: leave interrupts to the parent, and end when it closes its side or is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    try:
        parent.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
