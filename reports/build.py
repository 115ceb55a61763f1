"""Rebuild all reports, ``python reports/build.py``, or some: ``… istree-64``. All is made by the library."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import build_adapters
import build_benchmarks
import build_cluster
import build_curves
import build_families
import build_horizons
import build_minima
import build_retention
import build_witnesses
from pages import write_page

import commlb
from commlb.files import replace
from commlb.records import ReduceResult, spec
from commlb.records_rows import to_csv

HERE = Path(__file__).parent
SEED = 1


def istree_64_results() -> list[ReduceResult]:
    """64 bits through the three gadgets and four machines."""
    machines = ("exact", "store", "window:w=16", "random:bits=32")
    return [
        commlb.reduce("istree", 64, reduction=gadget, machine=machine, trials=1000, seed=SEED)
        for gadget in ("doubled", "two-hub", "hubs")
        for machine in machines
    ]


def istree_64(folder: Path) -> None:
    """The report that the README shows."""
    from commlb.plots import save_reduce

    results = istree_64_results()
    replace(folder / "rows.csv", to_csv([result.row() for result in results]).encode())
    for gadget in ("two-hub", "hubs"):
        drawn = commlb.reduce("istree", 64, reduction=gadget, trials=0, seed=SEED, draw=True)
        save_reduce(drawn, folder / f"{gadget}.png", source="rows.csv")
    table = [
        "| gadget | vertices | cut | machine | capacity bits | right of 1000 | ceiling | shown to cross |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        answers = r.answers
        if answers is None:
            raise RuntimeError("the report samples answers")
        how = "proved" if r.never_errs else f"sampled, {answers.confidence:.0%}"
        table.append(
            f"| {r.reduction} | {r.parameters['vertices']} | {r.cut} | {spec(r.machine)} | "
            f"{r.machine.capacity_bits:.1f} | {answers.trials - answers.errors} | "
            f"{100 * answers.ceiling_accuracy:.1f} % | {r.information.bits:.1f} bits ({how}) |"
        )
    write_page(folder, table="\n".join(table))


REPORTS: dict[str, Callable[[Path], None]] = {
    "istree-64": istree_64,
    "exact-minima": build_minima.build,
    "retention": build_retention.build,
    "families": build_families.build,
    "horizons": build_horizons.build,
    "memory-versus-length": build_curves.build,
    "witnesses": build_witnesses.build,
    "adapters": build_adapters.build,
    "benchmarks": build_benchmarks.build,
    "cluster": build_cluster.build,
}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in REPORTS]
    if unknown:
        sys.exit(f"usage: python reports/build.py [NAME…], all or some of: {', '.join(REPORTS)}")
    for name in names or REPORTS:
        REPORTS[name](HERE / name)
        print(f"built {HERE.name}/{name}")


if __name__ == "__main__":
    main(sys.argv[1:])
