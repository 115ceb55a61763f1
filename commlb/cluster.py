"""Enumeration of layers that outgrow one process, spread over the workers of a Dask cluster.

A layer is a Dask dataframe of 64-bit columns: the words of a node's state (w0, w1, …), its control where there
are controls, the limbs of its count (c0, c1, …). Of each partition a task steps every node along every edge and
merges what is equal; Dask's P2P shuffle moves every row to the partition that a hash of its state names; there
what is equal is merged again. All nodes of one state meet, whatever their controls, so that states, mass and
the spectrum of multiplicities of a layer are sums over its partitions, in exact integers.

**When a worker dies**, what it held and the layer on its way are computed again from what led to them, by Dask: as
each row of a layer may come from any partition of the one before, that is all since the layer that this
process handed over. At worst the time spent so far is spent once more, and half a minute of waiting. Numbers
stay the same: tasks are functions of their inputs, what was gathered of finished layers is kept here, and the
mass of each layer is compared with the number of its prefixes. The run ends with an error where three workers
have died of one task (Dask's ``distributed.scheduler.allowed-failures``), and where the scheduler dies.
"""

from __future__ import annotations

import itertools
import logging
import os
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import numpy as np

from commlb.errors import BadInput, CommlbError, LimitError, MissingExtra, OverLimit
from commlb.layers import Limits
from commlb.machines.base import Machine
from commlb.partitions import Rows, Summary, merge, same, step, summary
from commlb.prefixes import Prefixes
from commlb.reachability import MAX_STATES, Enumeration, Layer, Stepping, check

if TYPE_CHECKING:
    from distributed import Client, Future

Item = TypeVar("Item")
Found = TypeVar("Found")

LOCAL = "local"
"""The address that stands for worker processes of this machine."""

SCHEMES = ("tcp", "tls", "ws", "wss")

ANSWERS = 10
"""Seconds in which a scheduler must answer and have a worker."""

FROM = 2**16
"""Nodes from which a layer is handed over to the cluster; smaller ones are stepped in this process."""

LOOKS = 0.2
"""Seconds between two looks at the clock while the workers work."""


@contextmanager
def connect(address: str) -> Iterator[Client]:
    """A client of the Dask cluster whose scheduler is at ``address``, such as ``tcp://10.0.0.1:8786``.

    "local" starts worker processes of one thread each on this machine, as many as cores and at least two, which
    are gone afterwards, with all that they wrote to the folder for temporary files. As they import the script
    that started them, it must call from under ``if __name__ == "__main__":``.

    Raises ``BadInput`` if nobody answers at ``address``, or no worker with this version of commlb is there, and
    ``MissingExtra`` without Dask.

    >>> with connect("local") as client:  # doctest: +SKIP
    ...     client.submit(pow, 2, 10).result()
    1024
    """
    if not isinstance(address, str):
        raise BadInput(f"cluster must be local or the address of a Dask scheduler; given {address!r}")
    try:
        import dask.dataframe  # noqa: F401
        import distributed  # noqa: F401
    except ImportError as error:
        raise MissingExtra("for --cluster", "cluster") from error
    with _local() if address == LOCAL else _remote(address) as client:
        yield client


@contextmanager
def _local() -> Iterator[Client]:
    import dask
    import distributed

    with tempfile.TemporaryDirectory(prefix="commlb-") as folder:
        try:
            # Without an address of its own the scheduler would ask for port 8787, which may be taken.
            with dask.config.set({"temporary-directory": folder}):
                cluster = distributed.LocalCluster(
                    n_workers=max(2, os.cpu_count() or 1),
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.CRITICAL,
                )
        except RuntimeError as error:
            raise CommlbError(
                f"the workers did not start ({error}); a script must call from under if __name__ == '__main__':"
            ) from error
        noise = logging.getLogger("asyncio")  # of tasks that an interrupt leaves behind
        before = noise.level
        noise.setLevel(logging.CRITICAL)
        try:
            with cluster, distributed.Client(cluster, set_as_default=False) as client:
                client.register_worker_callbacks(_leave_interrupts_to_the_caller)
                yield client
        finally:
            noise.setLevel(before)


def _leave_interrupts_to_the_caller() -> None:
    """A terminal sends Ctrl-C to its workers too; the process that started them ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _remote(address: str) -> Iterator[Client]:
    import distributed

    from commlb import __version__

    whole = address if "://" in address else f"tcp://{address}"
    try:
        parsed = urlsplit(whole)
        if parsed.scheme not in SCHEMES or not parsed.hostname or not parsed.port:
            raise ValueError(f"it is not of the form {SCHEMES[0]}://host:port")
        # A client that finds nobody takes half a minute to go away, so a bare connection is tried first.
        socket.create_connection((parsed.hostname, parsed.port), ANSWERS).close()
        client = distributed.Client(whole, timeout=ANSWERS, set_as_default=False)
    except (OSError, ValueError, MemoryError) as error:  # the last where another service answers
        raise BadInput(
            f"no Dask scheduler answers at {address!r} ({error}); give an address such as tcp://10.0.0.1:8786, or "
            "local"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=ANSWERS)
            found = set(client.run(_version).values())
        except TimeoutError as error:
            raise BadInput(f"{address} has no worker; start one there: dask worker {address}") from error
        except ImportError as error:
            raise BadInput(f"the workers of {address} lack commlb ({error}); install it there") from error
        if found != {__version__}:
            raise BadInput(f"workers of {address} have commlb {', '.join(sorted(found))}, not {__version__}")
        yield client


def _version() -> str:
    from commlb import __version__

    return __version__


@dataclass
class ClusterEnumeration:
    """``reachability.Enumeration`` on the workers of ``client``; iterate ``layers``, which are summaries.

    Layers of fewer than ``FROM`` nodes are stepped in this process, as far as ``max_memory`` allows. From then on
    it bounds, in bytes, what one task holds of keys and counts; layers may be larger than that, and than
    the memory of all workers, which write to disk what does not fit.
    """

    machine: Machine
    prefixes: Prefixes
    client: Client
    limits: Limits = field(default_factory=lambda: Limits(MAX_STATES))
    heard: Callable[[int, int], None] = lambda done, of: None

    def layers(self) -> Iterator[Summary]:
        """The layers t = 0 … cut.

        Raises ``OverLimit`` after a layer that has too many nodes, when the time is up, and where one task would
        take too many bytes; ``CommlbError`` if the counts do not add up to the number of prefixes, if workers
        die again and again, and if the scheduler dies.
        """
        own = Enumeration(self.machine, self.prefixes, False, self.limits, self.heard)
        layer = own.stepping.start()
        try:
            for layer in own.layers():
                yield Summary.of(layer)
                if layer.keys.shape[1] >= FROM:
                    break
        except OverLimit as over:
            if over.option != "--max-memory":
                raise
        if layer.t < len(self.prefixes.layers):
            with _said_plainly():
                yield from self._spread(layer, self._rows(own.stepping, layer))

    def _spread(self, layer: Layer, rows: Rows) -> Iterator[Summary]:
        """The layers after ``layer``."""
        parts = self.client.map(
            same, rows.split(layer, self.client.run_on_scheduler(_workers)[0]), pure=False
        )
        nodes = layer.keys.shape[1]
        for t, mass in enumerate(itertools.islice(self.prefixes.masses(), layer.t + 1, None), layer.t + 1):
            parts = self._after(parts, rows, nodes, t)
            found = self._summary(parts, rows, t)
            check(t, found.mass, mass, found.nodes, self.limits)
            self.heard(t, len(self.prefixes.layers))
            nodes = found.nodes
            yield found

    def _rows(self, stepping: Stepping, layer: Layer) -> Rows:
        """The form of the nodes after ``layer``."""
        from distributed.protocol.pickle import dumps

        limits = Limits(self.limits.max_states, self.limits.max_memory)  # no clock: it is looked at here
        words = len(layer.keys) - stepping.has_controls
        others = ["control"] * stepping.has_controls + [f"c{k}" for k in range(stepping.limbs)]
        sent = dumps(replace(stepping, limits=limits, whole=False))
        return Rows([f"w{k}" for k in range(words)], others, sent)

    def _after(self, parts: list[Future], rows: Rows, nodes: int, t: int) -> list[Future]:
        """The partitions of layer t, on their way, from those of layer t − 1, in which there are ``nodes``."""
        import dask.dataframe as dd
        from distributed import futures_of

        edges = self.prefixes.layers[t - 1]
        ahead = self.prefixes.layers[t].tokens.shape[1] if t < len(self.prefixes.layers) else 1
        successors = nodes * edges.tokens.shape[1]
        threads, room = self.client.run_on_scheduler(_workers)
        memory = min(self.limits.max_memory, room or self.limits.max_memory)
        count = rows.partitions(successors, ahead, memory, threads)
        given = {"meta": rows.frame(np.empty((rows.width, 0), np.uint64)), "enforce_metadata": False}
        frame = dd.from_delayed(parts, meta=given["meta"], verify_meta=False)
        frame = frame.map_partitions(step, rows, edges, t, **given)
        frame = frame.shuffle(rows.state, npartitions=count, ignore_index=True, shuffle_method="p2p")
        return futures_of(self.client.persist(frame.map_partitions(merge, rows, t, **given)))

    def _summary(self, parts: list[Future], rows: Rows, t: int) -> Summary:
        """The sum of what the partitions are, once they are there."""
        from distributed import wait

        waiting = self.client.map(summary, parts, rows=rows, t=t, pure=False)
        done = False
        while not done:
            self.limits.check_time(f"layer {t}")
            with self.client.as_current(), suppress(TimeoutError):
                wait(waiting, timeout=LOOKS)
                done = True
        found = self.client.gather(waiting)
        nodes, states, mass = np.sum([(s.nodes, s.states, s.mass) for s in found], axis=0, dtype=object)
        times: Counter[int] = Counter()
        for each in found:
            times.update(each.spectrum)
        return Summary(t, nodes, states, mass, dict(sorted(times.items())))


def _workers(dask_scheduler: Any) -> tuple[int, int]:
    """How many threads there are, and the bytes that one's task may take, 0 if Dask sets them no limit.

    An eighth of a thread's share of its worker: with a third, workers that hold layers close to their limit
    spent their time writing to disk and reading again.
    """
    workers = dask_scheduler.workers.values()
    limited = [worker.memory_limit // worker.nthreads // 8 for worker in workers if worker.memory_limit]
    return max(1, sum(worker.nthreads for worker in workers)), min(limited, default=0)


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Dask's ways to say that it has given up, as ``CommlbError``."""
    from distributed import KilledWorker

    try:
        yield
    except KilledWorker as error:
        raise CommlbError(
            "workers die again and again, perhaps for want of memory; give them more"
        ) from error
    except (CancelledError, OSError) as error:
        raise CommlbError("the scheduler of the cluster is gone, and the layers with it") from error


def mapped(
    function: Callable[[Item], Found], items: Sequence[Item], timeout: float | None, address: str
) -> Generator[Found]:
    """``function`` of each item, by the workers of a cluster (``connect``), as they are finished.

    A worker that dies costs only what it was at. Raises ``OverLimit`` when ``timeout`` seconds are over, whatever
    the function raises, and ``LimitError`` where workers die again and again.
    """
    started, done = time.perf_counter(), 0
    with connect(address) as client:
        import distributed

        futures = client.map(function, items, pure=False)
        left = None if timeout is None else max(0.0, timeout - (time.perf_counter() - started))
        try:
            for future in distributed.as_completed(futures, loop=client.loop, timeout=left):
                yield future.result()
                done += 1
        except (TimeoutError, distributed.TimeoutError):
            seconds = round(time.perf_counter() - started, 3)
            what = f"{done} of {len(items)} cells: seconds"
            raise OverLimit(what, seconds, timeout or 0.0, "--timeout") from None
        except distributed.KilledWorker as error:
            raise LimitError(
                "workers die again and again, maybe for want of memory; the rows that were finished are kept: go "
                "on with --resume"
            ) from error
        except CancelledError as error:
            raise CommlbError("the scheduler is gone; go on with --resume") from error
        finally:
            client.cancel(futures)
