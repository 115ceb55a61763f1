"""The report retention: what three machines remember of each symbol, cut by cut."""

from __future__ import annotations

import csv
import io
from decimal import ROUND_CEILING, ROUND_FLOOR
from pathlib import Path
from typing import Any

from pages import table, write_page

import commlb
from commlb.files import replace
from commlb.records import spec
from commlb.records_rows import to_csv
from commlb.records_states import StatesResult
from commlb.wording import number

MACHINES: dict[str, tuple[str, dict[str, Any]]] = {
    "window": ("index", {"machine": "window:w=6"}),
    "random": ("index", {"machine": "random:bits=8"}),
    "hubs": ("istree", {"reduction": "hubs"}),
}
"""Picture, task, and what else is asked for; n = 16 bits each."""


def results() -> dict[str, StatesResult]:
    return {
        name: commlb.states(task, 16, information=True, **options)
        for name, (task, options) in MACHINES.items()
    }


def told(found: dict[str, StatesResult]) -> str:
    """A line for each machine, cut and symbol read: what the heat maps are drawn from, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "reduction", "machine", "n", "cut", "i", "information_bits", "best_accuracy"])
    for result in found.values():
        for cut in result.cuts:
            pairs = zip(cut.per_input_bit or (), cut.best_accuracy or (), strict=True)
            for i, (bits, accuracy) in enumerate(pairs, 1):
                machine = spec(result.machine)
                line = [result.task, result.reduction, machine, result.n, cut.t, i, f"{bits:.9f}"]
                writer.writerow([*line, f"{accuracy:.9f}"])
    return text.getvalue()


def build(folder: Path) -> None:
    from commlb.plots import save_states

    found = results()
    replace(folder / "rows.csv", to_csv([row for result in found.values() for row in result.rows()]).encode())
    replace(folder / "symbols.csv", told(found).encode())
    for name, result in found.items():
        save_states(result, folder / f"{name}.png", source="symbols.csv")
    write_page(folder, table=summary(found))


def summary(found: dict[str, StatesResult]) -> str:
    """Each machine at the cut."""
    rows = []
    for result in found.values():
        cut = result.cuts[-1]
        about, mean, most = cut.per_input_bit, cut.mean_best_accuracy, cut.ceiling_accuracy
        if about is None or mean is None or most is None or cut.capacity_bits is None:
            raise RuntimeError("the report asks for information")
        rows.append(
            [
                f"{spec(result.machine)} on {result.task}, {result.reduction}",
                number(cut.capacity_bits, ROUND_CEILING, 4),
                f"{cut.reachable_states:,}",
                number(cut.entropy_bits, ROUND_FLOOR, 4),
                number(sum(about), ROUND_FLOOR, 4),
                f"{number(about[0], ROUND_FLOOR, 3)}, {number(about[-1], ROUND_FLOOR, 3)}",
                f"{number(100 * mean, ROUND_FLOOR, 4)} %",
                f"{number(100 * most, ROUND_CEILING, 4)} %",
            ]
        )
    header = [
        "machine", "capacity bits", "reachable states", "entropy = I(X; S)", "Σ I(X_i; S)",
        "I(X_1; S), I(X_16; S)", "best guess", "Fano's ceiling",
    ]  # fmt: skip
    return table(header, rows)
