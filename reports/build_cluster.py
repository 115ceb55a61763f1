"""The report cluster: what a layer costs on a cluster of two workers, beside one process, and at larger sizes."""

from __future__ import annotations

import datetime
import importlib.metadata
import multiprocessing
import os
import platform
import resource
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from build_benchmarks import busy_share
from pages import as_csv, on_file, table, write_page

import commlb
from commlb.files import replace

CASES = [
    (machine, n)
    for n in (20, 22, 24)
    for machine in ("random:bits=40", "window:w=70", f"random:bits={n - 2}")
]
"""On index: keys of one word, nearly all apart; of two words, all apart; of one word, layers that fill up."""

REPEATS = 3
WORKERS = 2
COUNTED = {
    "shuffled_bytes": ("p2p", "foreground", "shards", "bytes"),
    "written_bytes": ("p2p", "background-disk", "disk-write", "bytes"),
}
"""What Dask counts of its shuffles."""

SIZES = (10**9, 10**11)


def build(folder: Path) -> None:
    """Measure, which takes about ten minutes, and write rows and page."""
    measure(folder)
    page(folder)


def measure(folder: Path) -> None:
    """Every case in a process of its own, in one process and on two workers of this machine in turn."""
    busy, rows = busy_share(), []
    for machine, n in CASES:
        for on_cluster in (False, True):
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                rows.append(pool.submit(measured, machine, n, on_cluster).result())
            print(rows[-1], flush=True)
    replace(folder / "rows.csv", as_csv(rows).encode())
    libraries = [
        f"{name} {importlib.metadata.version(name)}" for name in ("dask", "pandas", "pyarrow", "numpy")
    ]
    about = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "libraries": ", ".join(libraries),
        "busy_before": busy,
    }
    replace(folder / "machine.csv", as_csv([about]).encode())


def measured(machine: str, n: int, on_cluster: bool) -> dict[str, Any]:
    """One row: medians of seconds; bytes of one run; peaks of the processes that hold layers."""
    from commlb import cluster

    def run(n: int, address: str | None) -> tuple[float, list[int]]:
        started = time.perf_counter()
        found = commlb.states("index", n, machine=machine, max_memory=2**34, cluster=address)
        return time.perf_counter() - started, [cut.reachable_states for cut in found.cuts]

    if not on_cluster:
        run(18, None)  # loads the compiled kernels
        runs = [run(n, None) for _ in range(REPEATS)]
        peak, moved = own_peak(), dict.fromkeys(COUNTED, 0)
    else:
        os.cpu_count = lambda: WORKERS
        with cluster.connect("local") as client:
            address = client.scheduler.address
            run(18, address)
            before, runs = counted(client), []
            for _ in range(REPEATS):
                runs.append(run(n, address))
            peak = sum(client.run(own_peak).values())
            moved = {name: (counted(client)[name] - before[name]) // REPEATS for name in COUNTED}
    widths = runs[0][1]
    successors = 2 * sum(widths[:-1])
    through = 2 * sum(width for width in widths[:-1] if width >= cluster.FROM)
    seconds = statistics.median(seconds for seconds, _ in runs)
    words = -(-int(machine.rpartition("=")[2]) // 64)
    return {
        "machine": machine,
        "n": n,
        "where": f"{WORKERS} workers" if on_cluster else "one process",
        "states": widths[-1],
        "successors": successors,
        "successors_shuffled": through if on_cluster else 0,
        "row_bytes": 8 * (words + 1),
        "seconds": f"{seconds:.2f}",
        "fastest": f"{min(seconds for seconds, _ in runs):.2f}",
        "peak_bytes": peak,
        **moved,
    }


def own_peak() -> int:
    """The most memory that this process has had, in bytes (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def counted(client: Any) -> dict[str, int]:
    """What the shuffles have moved so far, as the workers have told the scheduler."""
    time.sleep(2)  # they tell it every half second

    def all_metrics(dask_scheduler: Any) -> dict[Any, float]:
        return dict(dask_scheduler.cumulative_worker_metrics)

    found = client.run_on_scheduler(all_metrics)
    return {name: int(found.get(key, 0)) for name, key in COUNTED.items()}


def page(folder: Path) -> None:
    """The page from rows.csv and machine.csv as they are."""
    rows, machine = on_file(folder / "rows.csv"), on_file(folder / "machine.csv")
    write_page(
        folder,
        machine=table(list(machine[0]), [list(row.values()) for row in machine]),
        measured=measured_table(rows),
        larger=larger_table(rows),
    )


def ns(row: dict[str, str]) -> float:
    """Nanoseconds of wall clock a successor."""
    return float(row["seconds"]) / int(row["successors"]) * 1e9


def measured_table(rows: Sequence[dict[str, str]]) -> str:
    lines = []
    for row in rows:
        through = int(row["successors_shuffled"])
        moved = [f"{int(row[name]) / through:.1f}" if through else "" for name in COUNTED]
        lines.append(
            [
                row["machine"], row["n"], row["where"], f"{int(row['states']):,}", row["row_bytes"],
                row["seconds"], f"{ns(row):.0f}", *moved, f"{int(row['peak_bytes']) / 2**30:.2f}",
            ]
        )  # fmt: skip
    header = [
        "machine", "n", "where", "states at the cut", "bytes a row", "seconds", "ns a successor",
        "bytes shuffled a successor", "written to disk", "peak GiB",
    ]  # fmt: skip
    return table(header, lines)


def larger_table(rows: Sequence[dict[str, str]]) -> str:
    """R states at the cut, from the largest run on workers of each machine that tells all prefixes apart."""
    lines = []
    for size in SIZES:
        for machine in ("random:bits=40", "window:w=70"):
            row = max((r for r in rows if r["machine"] == machine and "workers" in r["where"]), key=by_n)
            successors, through = 2 * size, int(row["successors_shuffled"])
            shuffled, written = (int(row[name]) / through for name in COUNTED)
            core_hours = WORKERS * float(row["seconds"]) / int(row["successors"]) * successors / 3600
            held = 1.5 * size * int(row["row_bytes"])
            lines.append(
                [
                    f"10^{len(str(size)) - 1}", f"{(int(row['row_bytes']) - 8) // 8}", *map(
                        terabytes, (held, size * written, successors * shuffled)
                    ), f"{core_hours:,.1f}",
                ]
            )  # fmt: skip
    header = [
        "states R", "words a key", "layers held", "shuffle on disk", "shuffled in all", "core-hours",
    ]  # fmt: skip
    return table(header, lines)


def by_n(row: dict[str, str]) -> int:
    return int(row["n"])


def terabytes(count: float) -> str:
    """``38 GB``, ``3.8 TB``; decimal, two digits."""
    unit, name = (1e12, "TB") if count >= 1e12 else (1e9, "GB")
    return f"{count / unit:.3g} {name}"
