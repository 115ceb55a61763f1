"""The report families: recurrent networks as machines: what they store, what they equal, what they keep."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR
from pathlib import Path
from typing import Any

import numpy as np
from families_stored import Row, equal_table, measure, stored, stored_table
from pages import as_csv, on_file, table, write_page

import commlb
from commlb.fano import ceiling_accuracy
from commlb.files import replace
from commlb.records import spec
from commlb.records_rows import to_csv
from commlb.records_states import StatesResult
from commlb.wording import number

N, SEEDS, RANGE = 16, range(8), "1"
RANGES = ("own", "0.5", "1", "2", "4")
"""Ranges of fixed point that were tried; ``own``: each part's default."""

SMALL = {
    "elman": "d=4,p=4",
    "gru": "d=4,p=4",
    "lstm": "d=2,p=4",
    "slstm": "d=1,p=4",
    "lru": "d=1,N=2,bare=1,p=4",
    "s4d": "d=1,N=4,bare=1,p=4",
    "dss": "d=1,N=2,bare=1,p=4",
    "rg-lru": "d=1,w=4,bare=1,p=4",
    "linear-attention": "d=2,dk=2,dv=1,bare=1,p=4",
    "retnet": "d=2,bare=1,p=4",
    "gla": "d=2,bare=1,p=4",
    "deltanet": "d=1,w=2,bare=1,p=4",
    "gated-deltanet": "d=1,w=2,bare=1,p=4",
    "mlstm": "d=1,w=2,bare=1,p=4",
    "mamba": "d=1,N=1,w=4,expand=1,bare=1,p=4",
    "mamba2": "d=1,P=1,N=1,w=2,bare=1,p=4",
    "rwkv4": "d=1,bare=1,p=3",
    "rwkv5": "d=1,bare=1,p=5",
    "rwkv6": "d=1,bare=1,p=5",
    "rwkv7": "d=1,bare=1,p=5",
    "sliding-window": "d=1,w=3,bare=1,p=4",
    "streaming-llm": "d=1,w=2,sinks=1,bare=1,p=4",
    "tova": "d=1,n=1,bare=1,p=5",
    "rmt": "d=1,m=2,segment=2,bare=1,p=5",
}
"""Each family in at most 16 bits, ``range`` and ``seed`` left out."""

BASELINES = ("window:w=16", "window:w=8", *(f"random:bits=16,seed={seed}" for seed in SEEDS))


def build(folder: Path) -> None:
    """Rows, pictures and page; the equalities stay as they are on file, or are measured if there are none."""
    from commlb.plots import save_families, save_maps

    if not (folder / "equalities.csv").exists():
        measure(folder / "equalities.csv")
    found = results()
    for name, rows in {"symbols": symbols(found), "ranges": ranges(), "stored": stored()}.items():
        replace(folder / f"{name}.csv", as_csv(rows).encode())
    replace(folder / "rows.csv", at_cut(found).encode())
    shown = [best(group) for group in groups(found)]
    save_families(shown, folder / "families.png", source="symbols.csv")
    save_maps(shown, folder / "maps.png", source="symbols.csv")
    page(folder)


def page(folder: Path) -> None:
    """The page, of the CSV files as they are."""
    rows = {
        name: on_file(folder / f"{name}.csv")
        for name in ("rows", "symbols", "ranges", "stored", "equalities")
    }
    write_page(
        folder,
        stored=stored_table(rows["stored"]),
        equal=equal_table(rows["equalities"]),
        kept=kept(rows["rows"], rows["symbols"]),
        ranges=ranges_table(rows["ranges"]),
    )


def typed(name: str, span: str, seed: int | None = None) -> str:
    """The small machine of a family as one types it."""
    span = "" if span == "own" else f",range={span}"
    return f"{name}:{SMALL[name]}{span}" + ("" if seed is None else f",seed={seed}")


def kept_by(machine: str) -> StatesResult:
    return commlb.states("index", N, machine=machine, information=True)


def results(names: Iterable[str] = SMALL) -> list[StatesResult]:
    """Each family with each seed, and the baselines."""
    return [kept_by(machine) for machine in (*(typed(k, RANGE, s) for k in names for s in SEEDS), *BASELINES)]


def unseeded(machine: str) -> str:
    """The machine without its seed.

    >>> unseeded("gru:d=4,p=4,range=1,seed=3"), unseeded("window:w=8")
    ('gru:d=4,p=4,range=1', 'window:w=8')
    """
    return machine.rpartition(",seed=")[0] or machine


def groups(found: Iterable[StatesResult]) -> list[list[StatesResult]]:
    """Results that differ by their seeds only, together."""
    made: dict[str, list[StatesResult]] = {}
    for result in found:
        made.setdefault(unseeded(spec(result.machine)), []).append(result)
    return list(made.values())


def best(group: Sequence[StatesResult]) -> StatesResult:
    """The one that keeps the most of x; of equal ones the first."""
    return max(group, key=lambda result: result.cuts[-1].entropy_bits)


def at_cut(found: Iterable[StatesResult]) -> str:
    """What is known at the cut, a row a machine."""
    return to_csv([result.rows()[-1] for result in found])


def symbols(found: Iterable[StatesResult]) -> list[dict[str, Any]]:
    """What is told of each symbol at the cut."""
    rows = []
    for result in found:
        last = result.cuts[-1]
        if last.per_input_bit is None or last.best_accuracy is None:
            raise RuntimeError("the report asks for information")
        for i, (bits, right) in enumerate(zip(last.per_input_bit, last.best_accuracy, strict=True), 1):
            row = {"machine": spec(result.machine), "i": i}
            rows.append(row | {"information_bits": f"{bits:.9f}", "best_accuracy": f"{right:.9f}"})
    return rows


def kept(rows: Sequence[Row], about: Sequence[Row]) -> str:
    """A line for each family, sorted by the median of I(X; S) for each bit of state."""
    told, right = (by_machine(about, key) for key in ("information_bits", "best_accuracy"))
    seeds: dict[str, list[Row]] = {}
    for row in rows:
        seeds.setdefault(unseeded(row["machine"]), []).append(row)
    lines = [line(group, told, right) for group in seeds.values()]
    header = [
        "machine", "bits of state", "states reached", "I(X; S)", "the best seed's", "I(X; S) a bit of state",
        "Σ I(X_i; S)", "best guess", "Fano's ceiling", "of Σ: oldest 4", "newest 4",
    ]  # fmt: skip
    return table(header, [made for _, made in sorted(lines, key=lambda each: each[0])])


def by_machine(about: Sequence[Row], key: str) -> dict[str, list[float]]:
    """A number of each symbol, machine by machine."""
    found: dict[str, list[float]] = {}
    for row in about:
        found.setdefault(row["machine"], []).append(float(row[key]))
    return found


def line(
    group: Sequence[Row], told: dict[str, list[float]], right: dict[str, list[float]]
) -> tuple[float, list[str]]:
    """Where a family's line stands, and the line: medians over its seeds; shares are of the sum over them."""
    room, most = float(group[0]["capacity_bits"]), max(group, key=lambda row: float(row["entropy_bits"]))
    entropy = [float(row["entropy_bits"]) for row in group]
    single = np.array([told[row["machine"]] for row in group])
    quarters = single.reshape(len(group), 4, -1).sum(axis=(0, 2)) / max(single.sum(), 1e-300)
    guess = [100 * statistics.fmean(right[row["machine"]]) for row in group]
    ceiling = [100 * ceiling_accuracy(bits, N, 2) for bits in entropy]
    same = max(entropy) - min(entropy) < 1e-9
    seed = "" if same else f" (seed {most['machine'].rpartition('=')[2]})"
    middle = statistics.median(entropy)
    return -middle / room, [
        f"`{unseeded(group[0]['machine'])}`",
        number(room, ROUND_CEILING, 4),
        number(statistics.median(int(row["reachable_states"]) for row in group)),
        number(middle, ROUND_FLOOR, 3),
        number(float(most["entropy_bits"]), ROUND_FLOOR, 3) + seed,
        number(middle / room, ROUND_FLOOR, 2),
        number(statistics.median(single.sum(axis=1)), ROUND_FLOOR, 3),
        f"{number(statistics.median(guess), ROUND_FLOOR, 3)} %",
        f"{number(statistics.median(ceiling), ROUND_CEILING, 3)} %",
        f"{100 * quarters[0]:.0f} %",
        f"{100 * quarters[-1]:.0f} %",
    ]


def ranges(names: Iterable[str] = SMALL) -> list[dict[str, Any]]:
    """I(X; S) of each family and range: median and greatest over the seeds."""
    rows = []
    for name in names:
        for span in RANGES:
            bits = [kept_by(typed(name, span, seed)).cuts[-1].entropy_bits for seed in SEEDS]
            row = {"machine": typed(name, "own"), "range": span, "seeds": len(bits)}
            rows.append(
                row | {"median_bits": f"{statistics.median(bits):.9f}", "best_bits": f"{max(bits):.9f}"}
            )
    return rows


def ranges_table(rows: Sequence[Row]) -> str:
    """A line for each family: the medians by range."""
    cells: dict[str, dict[str, Row]] = {}
    for row in rows:
        cells.setdefault(row["machine"].partition(":")[0], {})[row["range"]] = row
    lines = [
        [name, *(number(float(each[span]["median_bits"]), ROUND_FLOOR, 3) for span in RANGES)]
        for name, each in cells.items()
    ]
    return table(
        ["family", *(f"range={span}" if span != "own" else "each part's own" for span in RANGES)], lines
    )
