"""The report benchmarks: the programs of tests/benchmarks are run, what they print becomes tables."""

from __future__ import annotations

import csv
import datetime
import importlib.metadata
import io
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pages import table, write_page

from commlb.files import replace

ROOT = Path(__file__).parent.parent
PROGRAMS = {
    "distinct_keys": [],
    "layers": ["--alone", "24", "26"],
    "exact_minimum": [],
    "index_stream": [],
    "cells": [],
    "shattered_set": ["--small", "--rounds", "3"],
    "collision_rate": ["--bits", "28", "32", "--alone", "48", "56"],
}
"""Program and arguments."""

HEADER = ["program", "case", "way", "median", "unit", "ratio"]
MACHINE = [
    "program",
    "arguments",
    "date",
    "cores",
    "processor",
    "python",
    "libraries",
    "busy_before",
    "cpu_share",
]
LIBRARIES = ("numpy", "numba", "automata-lib", "dd", "torch")

Row = tuple[str, str, str, str, str, str]


def build(folder: Path) -> None:
    """Run all, which takes about five minutes, and write rows, machine and page."""
    measure(folder, list(PROGRAMS))
    page(folder)


def measure(folder: Path, programs: list[str]) -> None:
    """Run these programs; rows and machine of the others stay as they are on file."""
    machine, rows = (
        [row for row in on_file(path) if row["program"] not in programs] for path in files(folder)
    )
    for program in programs:
        busy, today = busy_share(), datetime.datetime.now(datetime.UTC).date().isoformat()
        command = [sys.executable, str(ROOT / "tests" / "benchmarks" / f"{program}.py"), *PROGRAMS[program]]
        started, spent = time.perf_counter(), seconds_of_children()
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        found = list(read(program, ran.stdout))
        if not found:
            raise RuntimeError(f"{program} printed nothing that is understood:\n{ran.stdout}")
        rows += [dict(zip(HEADER, row, strict=True)) for row in found]
        share = (seconds_of_children() - spent) / (time.perf_counter() - started)
        values = [program, " ".join(PROGRAMS[program]), today, *described(), busy, f"{100 * share:.0f}"]
        machine.append(dict(zip(MACHINE, values, strict=True)))
        print(f"ran {program}", flush=True)
    order = list(PROGRAMS)
    for path, header, lines in zip(files(folder), (MACHINE, HEADER), (machine, rows), strict=True):
        text = io.StringIO()
        writer = csv.DictWriter(text, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(lines, key=lambda line: order.index(line["program"])))
        replace(path, text.getvalue().encode())


def seconds_of_children() -> float:
    """What ended child processes have used of the cores."""
    times = os.times()
    return times.children_user + times.children_system


def files(folder: Path) -> tuple[Path, Path]:
    return folder / "machine.csv", folder / "rows.csv"


def on_file(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; none if it does not exist."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def described() -> list[str]:
    """The machine as far as it matters."""
    libraries = []
    for name in LIBRARIES:
        try:
            libraries.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            libraries.append(f"no {name}")
    return [str(os.cpu_count()), platform.machine(), platform.python_version(), ", ".join(libraries)]


def busy_share(seconds: float = 5) -> str:
    """How busy the cores are while nothing of ours runs, in percent; empty where the system does not say."""

    def ticks() -> tuple[int, int]:
        values = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        return sum(values), values[3] + values[4]

    try:
        first = ticks()
        time.sleep(seconds)
        last = ticks()
    except OSError:
        return ""
    return f"{100 * (1 - (last[1] - first[1]) / (last[0] - first[0])):.0f}"


def read(program: str, printed: str) -> Iterator[Row]:
    """The medians in what a program printed; ratios as it printed them."""
    for line in printed.splitlines():
        if program in ("distinct_keys", "cells"):
            case, _, rest = line.partition(":  ")
            unit = "ns a key" if program == "distinct_keys" else "ns a run and token"
            for way, median, ratio in re.findall(r"(\w+) ([\d.]+) \(([\d.]+)x\)", rest):
                yield program, " ".join(case.split()), way, median, unit, ratio
            if found := re.match(r"(first call of a process, .*): ([\d.]+) s", line):
                yield program, found[1], "distinct", found[2], "s", ""
        elif program == "layers":
            unit = "ns a successor"
            if found := re.match(r"(\d+ bits): commlb ([\d.]+) ns a successor; (.*)", line):
                yield program, found[1], "commlb", found[2], unit, "1"
                for way, median, ratio in re.findall(r"(\w+) ([\d.]+) \(([\d.]+)x\)", found[3]):
                    yield program, found[1], way, median, unit, ratio
            if found := re.match(r"(\d+ bits, alone): ([\d.]+) ns a successor", line):
                yield program, found[1], "commlb", found[2], unit, "1"
        elif program == "exact_minimum":
            if found := re.match(
                r"(.*?\S) {2,}(\S+(?: \S+)*) {2,}([\d.]+) ms +([\d.]+) x +widest (\S+)", line
            ):
                yield program, f"{found[1]}, {found[5]} classes", found[2], found[3], "ms", found[4]
        elif program == "shattered_set":
            if found := re.match(r"(\S+ n=\d+ t=\d+ d=\d+) +(.+?) {2,}([\d.]+) ms +([\d.]+) x", line):
                yield program, found[1], found[2], found[3], "ms", found[4]
        elif program == "collision_rate":
            if found := re.match(r"(\d+ bits), one core, (\w+) *: .*, ([\d.]+) s to .* \(([\d.]+)x\)", line):
                yield program, found[1], found[2], found[3], "s to a collision, one core", found[4]
            if found := re.match(r"(\d+ bits), mean of .*: ([\d.]+) s, ([\d.]+) s of processors", line):
                yield program, f"{found[1]}, mean", "wall", found[2], "s to a collision, two threads", ""
                yield (
                    program,
                    f"{found[1]}, mean",
                    "processors",
                    found[3],
                    "s to a collision, two threads",
                    "",
                )
        elif found := re.match(r"(\w+) +(\d+) Mtok/s +([\d.]+) x", line):
            yield program, "Index, n = 1024, 16384 streams at once", found[1], found[2], "Mtok/s", found[3]


def page(folder: Path) -> None:
    """The page from rows.csv and machine.csv as they are."""
    machine, rows = map(on_file, files(folder))
    tables = {program: pivot([row for row in rows if row["program"] == program]) for program in PROGRAMS}
    lines = [
        [
            "`"
            + " ".join(["python", f"tests/benchmarks/{each['program']}.py", each["arguments"]]).strip()
            + "`",
            *(each[key] for key in ("date", "cores", "processor", "python", "libraries")),
            f"{each['busy_before']} %",
            f"{each['cpu_share']} %",
        ]
        for each in machine
    ]
    header = [
        "command",
        "date",
        "cores",
        "processor",
        "Python",
        "libraries",
        "busy before",
        "share of a core",
    ]
    write_page(folder, machine=table(header, lines), **tables)


def pivot(rows: list[dict[str, str]]) -> str:
    """A line a case, a column a way: the median, and its ratio to the one that is compared with.

    Cases that were run in the same ways share a table.
    """
    cases: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        cases.setdefault(row["case"], {})[row["way"]] = row
    tables: dict[tuple[str, ...], list[list[str]]] = {}
    for case, cells in cases.items():
        unit = next(iter(cells.values()))["unit"]
        tables.setdefault((unit, *cells), []).append([case, *map(shown, cells.values())])
    return "\n\n".join(table(header, lines) for header, lines in tables.items())


def shown(cell: dict[str, str]) -> str:
    """``12.1 (1.8x)``; without a ratio where that is 1 or there is none."""
    ratio = cell["ratio"]
    return cell["median"] + (f" ({ratio}x)" if ratio and float(ratio) != 1 else "")
