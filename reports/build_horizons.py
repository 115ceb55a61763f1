"""The report horizons: how soon recurrent networks forget one changed token, against the bits of a number."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from families_stored import Row
from pages import on_file, table, write_page

from commlb.colliding.horizons import study
from commlb.files import replace
from commlb.records_horizons import to_csv
from commlb.records_rows import without
from commlb.records_witness import Horizon
from commlb.wording import number

N, BITS = 400, "2:16:2"
MORE = {"dss": ",N=2", "s4d": ",N=4", "mamba": ",N=2", "mamba2": ",N=2,P=2"}
"""What is beside d=4, so that no state is much larger than the others."""

NAMES = (
    "elman", "gru", "lstm", "slstm", "lru", "s4d", "dss", "rg-lru", "linear-attention", "retnet", "gla", "deltanet",
    "gated-deltanet", "mlstm", "mamba", "mamba2", "rwkv4", "rwkv5", "rwkv6", "rwkv7", "sliding-window",
    "streaming-llm", "tova", "rmt",
)  # fmt: skip

LONG, WIDTHS, SEEDS = 2000, (4, 8, 12, 16, 24, 32, 48, 64), range(3)
"""Of LSTMs in float32: the length of x, the widths, the seeds of their weights."""

LAST_BITS = 1e-4
"""A gap below which two float32 states are called equal but for last bits."""


def build(folder: Path) -> None:
    """Rows, pictures and page."""
    from commlb.plots import save_horizons

    for name, found in {"rows": families(), "lstm": lstms()}.items():
        replace(folder / f"{name}.csv", to_csv(found).encode())
        picture = folder / ("horizons.png" if name == "rows" else "lstm.png")
        save_horizons(found, picture, source=f"{name}.csv")
    page(folder)


def page(folder: Path) -> None:
    """The page, of the CSV files as they are."""
    rows, lstm = (on_file(folder / f"{name}.csv") for name in ("rows", "lstm"))
    write_page(folder, families=families_table(rows), apart=apart_table(rows), lstm=lstm_table(lstm))


def families(names: Iterable[str] = NAMES) -> tuple[Horizon, ...]:
    """All families, one shape each, in fixed point."""
    return study("index", N, [f"{name}:d=4{MORE.get(name, '')},p={BITS}" for name in names])


def lstms(widths: Iterable[int] = WIDTHS) -> tuple[Horizon, ...]:
    """LSTMs in float32."""
    return study("index", LONG, [f"lstm:d={d},seed={seed}" for d in widths for seed in SEEDS])


def steps(row: Row) -> float:
    """The steps of a row, infinite where unmerged."""
    return float(row["steps"] or math.inf)


def shown(value: float, more: str = "") -> str:
    """Tokens, or a dash for a pair that is unmerged within the budget."""
    return f"{more}{number(int(value))}" if math.isfinite(value) else "–"


def by_machine(rows: Iterable[Row], *left_out: str) -> dict[str, list[Row]]:
    """Rows of one machine together, some of its parameters left out."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(without(row["machine"], *left_out), []).append(row)
    return found


def named(rows: Iterable[Row], start: str) -> list[Row]:
    return [row for row in rows if row["continuation"].startswith(start)]


def families_table(rows: Sequence[Row]) -> str:
    """A line for each family: best found, median of the random ones and worst found, for each p."""
    bits = sorted({int(row["precision_bits"]) for row in rows})
    lines = []
    for name, own in by_machine(rows, "p", "seed").items():
        cells = []
        for p in bits:
            here = [row for row in own if int(row["precision_bits"]) == p]
            best, worst = (min(map(steps, named(here, kind))) for kind in ("best", "worst"))
            middle = statistics.median_low(map(steps, named(here, "random")))
            cells.append(f"{shown(best)} / {shown(middle)} / {shown(worst)}")
        lines.append([f"`{name}`", *cells])
    return table(["machine", *(f"p = {p}" for p in bits)], lines)


def apart_table(rows: Sequence[Row]) -> str:
    """A line for each family at the largest p: who merged, and how far the others are apart at the end."""
    most = max(int(row["precision_bits"]) for row in rows)
    lines = []
    for name, own in by_machine([row for row in rows if int(row["precision_bits"]) == most], "seed").items():
        cells = []
        for kind in ("all", "random"):
            here = named(own, kind)
            gaps = [float(row["gap"]) for row in here if not row["steps"]]
            cells += [f"{len(here) - len(gaps)} of {len(here)}", f"{max(gaps):.2g}" if gaps else ""]
        lines.append([f"`{name}`", *cells])
    return table(["machine", "one symbol: merged", "greatest gap", "random: merged", "greatest gap"], lines)


def lstm_table(rows: Sequence[Row]) -> str:
    """A line for each width: random continuations over all seeds, one symbol over and over, the best found."""
    lines = []
    for name, own in by_machine(rows, "seed").items():
        drawn = sorted(map(steps, named(own, "random")))
        merged = [value for value in drawn if math.isfinite(value)]
        same = named(own, "all")
        open_still = [float(row["gap"]) for row in same if not row["steps"]]
        far = [gap for gap in open_still if gap > LAST_BITS]
        best = [steps(row) for row in named(own, "best")]
        lines.append(
            [
                f"`{name}`",
                f"{len(merged)} of {len(drawn)}",
                shown(drawn[0]),
                shown(statistics.median_low(drawn)),
                f"{len(same) - len(open_still)} of {len(same)}",
                f"{len(open_still) - len(far)}",
                f"{len(far)}" + (f" (by {min(far):.2g} and more)" if far else ""),
                ", ".join(map(shown, best)),
            ]
        )
    header = [
        "machine", "random: merged", "soonest", "median", "one symbol: merged", "unmerged in last bits only",
        "unmerged and far apart", "best found, seed by seed",
    ]  # fmt: skip
    return table(header, lines)
