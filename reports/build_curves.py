"""The report memory-versus-length: chains, empirical curves, precisions and heat maps of the five tasks."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shlex
import statistics
from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR
from pathlib import Path

from commlb_cli import cli
from pages import table, write_page

import commlb
from commlb.files import replace
from commlb.ledger import read
from commlb.records import spec
from commlb.records_rows import MemoryPoint, without
from commlb.records_states import StatesResult
from commlb.trends import trend
from commlb.wording import number

TASKS = ("index", "ar", "cgram", "counting", "istree")
KEPT = ("window:w=8", "random:bits=12", "gru:d=2,p=8,seed=1")
"""Machines whose heat maps are drawn; n = 12."""


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Run what follows in a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def commands(folder: Path, tasks: Sequence[str] = TASKS) -> list[list[str]]:
    """The lines of ``commands.txt`` for these tasks, as the shell would split them."""
    lines = (folder / "commands.txt").read_text(encoding="utf-8").splitlines()
    found = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("commlb ")]
    return [words for words in found if words[1].partition("-")[0] in tasks]


def draw_rows(folder: Path, tasks: Sequence[str] = TASKS, verbs: Sequence[str] = ("curve", "plot")) -> None:
    """Run the commands: rows and their pictures, from nothing."""
    for words in commands(folder, tasks):
        if words[0] == "curve" and "curve" in verbs and "--resume" not in words:
            (folder / words[words.index("--out") + 1]).unlink(missing_ok=True)
    with inside(folder):
        for words in commands(folder, tasks):
            if words[0] in verbs:
                with contextlib.redirect_stdout(io.StringIO()):
                    cli.main(words, "commlb", standalone_mode=False)
    for times in folder.glob("*.times.csv"):
        times.unlink()


def build(folder: Path) -> None:
    draw_rows(folder)
    draw_page(folder)


def draw_page(folder: Path) -> None:
    """The heat maps, and the page, from rows on file."""
    found = {task: maps(task) for task in TASKS}
    replace(folder / "symbols.csv", told(found).encode())
    draw_maps(folder, found)
    write_page(folder, smallest=smallest(folder), kept=kept(found))


def maps(task: str) -> list[StatesResult]:
    """What the machines of ``KEPT`` keep of 12 bits."""
    c = 3 if task == "cgram" else None
    return [commlb.states(task, 12, c=c, machine=machine, information=True) for machine in KEPT]


def draw_maps(folder: Path, found: dict[str, list[StatesResult]]) -> None:
    from commlb.plots import save_maps

    for task, results in found.items():
        save_maps(results, folder / f"{task}-retention.png", source="symbols.csv")


def told(found: dict[str, list[StatesResult]]) -> str:
    """A line for each task, machine, cut and symbol read: what the heat maps are drawn from."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "machine", "cut", "i", "information_bits"])
    for task, results in found.items():
        for result in results:
            for cut in result.cuts:
                for i, bits in enumerate(cut.per_input_bit or (), 1):
                    writer.writerow([task, spec(result.machine), cut.t, i, f"{bits:.9f}"])
    return text.getvalue()


def smallest(folder: Path) -> str:
    """The room that is enough at n = 16, and its slope in n, beside the bound."""
    header = [
        "task",
        "ε",
        "bound, bits",
        "family",
        "least",
        "median",
        "most",
        "slope of the median, bits a symbol",
    ]
    lines = []
    for task in TASKS:
        rows = read([folder / f"{task}-smallest.csv"])
        for target in sorted({row.error_target or 0.0 for row in rows}):
            families = sorted({without(row.family or "", "seed") for row in rows})
            for family in families:
                mine = [
                    r for r in rows if r.error_target == target and without(r.family or "", "seed") == family
                ]
                lines.append([task, f"{target:g}", *_at_end(mine, family)])
    return table(header, lines)


def _at_end(rows: list[MemoryPoint], family: str) -> list[str]:
    by_n: dict[int, list[float]] = {}
    for row in rows:
        by_n.setdefault(row.n, []).append(float("inf") if row.capacity_bits is None else row.capacity_bits)
    n = max(by_n)
    bound = next(row.bound_bits for row in rows if row.n == n) or 0.0
    bits = sorted(by_n[n])
    medians = {size: statistics.median(values) for size, values in by_n.items()}
    slope = "not found at each n"
    if max(medians.values()) < float("inf"):
        found = trend(list(medians), list(medians.values()))
        slope = found.words() if found is not None else "too few n"
    ends = (bits[0], medians[n], bits[-1])
    shown = [number(b, ROUND_CEILING, 4) if b < float("inf") else "none found" for b in ends]
    return [number(bound, ROUND_FLOOR, 4), f"`{family}`", *shown, slope]


def kept(found: dict[str, list[StatesResult]]) -> str:
    """The heat maps in a line each: states, information and best guess at the cut."""
    lines = []
    for task, results in found.items():
        for result in results:
            cut = result.cuts[-1]
            about, mean = cut.per_input_bit or (), cut.mean_best_accuracy or 0.0
            lines.append(
                [
                    task,
                    f"`{spec(result.machine)}`",
                    number(cut.capacity_bits or 0.0, ROUND_CEILING, 4),
                    f"{cut.reachable_states:,}",
                    number(cut.entropy_bits, ROUND_FLOOR, 4),
                    number(sum(about), ROUND_FLOOR, 4),
                    f"{number(100 * mean, ROUND_FLOOR, 4)} %",
                ]
            )
    header = ["task", "machine", "capacity bits", "states", "entropy = I(X; S)", "Σ I(X_i; S)", "best guess"]
    return table(header, lines)
