"""The report witnesses: INDEX found inside tasks by search, and machines caught with two inputs in one state."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import ROUND_FLOOR
from pathlib import Path
from typing import Any

from pages import table, write_page

import commlb
from commlb.files import replace
from commlb.minimum import task_of
from commlb.records import spec, to_json
from commlb.records_rows import to_csv
from commlb.records_witness import CollideResult, DiscoverResult
from commlb.wording import number

GADGETS = {4: ("011", 2), 5: ("0110", 2), 6: ("01101", 2), 7: ("011010", 2)}
"""Vertices of IsTree, and the x and i for which its gadget is drawn."""

LAST = 10
"""Vertices of IsTree up to which the largest gadget is found."""

SIZES: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("index", 5, {}),
    ("index", 3, {"symbols": 4}),
    ("ar", 4, {}),
    ("ar", 3, {"keys": "free", "types": 4}),
    ("cgram", 6, {}),
    ("cgram", 6, {"keys": "free", "types": 5}),
    ("counting", 5, {}),
    ("equality", 4, {}),
    ("disjointness", 4, {}),
    ("mqar", 3, {}),
    ("nearest", 3, {}),
    ("copying", 4, {}),
    ("triangle", 5, {}),
    ("st-connectivity", 6, {}),
    ("dyck", 8, {"types": 2, "depth": 2}),
    ("majority", 6, {}),
    ("distinct-elements", 5, {}),
)
"""Task, its own size, and what else its size takes; IsTree apart."""

COLLISIONS: dict[str, tuple[str, int, str, dict[str, Any]]] = {
    "window": ("index", 24, "window:w=8", {}),
    "gru-32-bits": ("index", 64, "gru:d=4,p=8", {}),
    "random-48-bits": ("index", 64, "random:bits=48", {"method": "distinguished", "seed": 1}),
    "random-56-bits": ("index", 64, "random:bits=56", {"method": "distinguished", "seed": 1}),
    "linear": ("istree", 256, "linear:d=64", {"method": "kernel"}),
    "fingerprint": ("equality", 100, "fingerprint:bits=40", {"method": "kernel"}),
    "lstm-float32": ("index", 200, "lstm:d=8,format=float32", {"method": "fading", "seed": 1}),
    "lstm-float32-wide": ("index", 400, "lstm:d=16,format=float32", {"method": "fading", "seed": 1}),
}
"""File, task, n, machine, and how it was looked for."""

DRAWN = ("window", "gru-32-bits")
"""Collisions that are drawn."""


def gadgets(last: int = LAST) -> Iterator[tuple[int, DiscoverResult]]:
    """The largest INDEX instance inside IsTree, 4 … ``last`` vertices."""
    for vertices in range(4, last + 1):
        yield vertices, commlb.discover("istree", vertices)


def tasks() -> Iterator[DiscoverResult]:
    """The same inside the other tasks."""
    for task, n, options in SIZES:
        yield commlb.discover(task, n, **options)


def collisions() -> Iterator[tuple[str, CollideResult]]:
    """By the name of the file."""
    for name, (task, n, machine, options) in COLLISIONS.items():
        yield name, commlb.collide(task, n, machine=machine, **options)


def build(folder: Path) -> None:
    """Files, pictures and page; about four minutes."""
    trees = dict(gadgets())
    others, caught = list(tasks()), dict(collisions())
    replace(
        folder / "rows.csv",
        to_csv([row for found in [*trees.values(), *others] for row in found.rows()]).encode(),
    )
    for vertices, found in trees.items():
        if vertices in GADGETS:
            keep(folder / f"istree-{vertices}.json", "discover", found)
    for name, result in caught.items():
        keep(folder / f"{name}.json", "collide", result)
    draw(folder, trees, caught)
    write_page(
        folder,
        trees=tree_table(trees),
        tasks=task_table(others),
        collisions=collision_table(caught),
    )


def keep(path: Path, command: str, result: Any) -> None:
    """A file for ``commlb check``, the same whenever it is made."""
    how = {"version": commlb.__version__, "made_by": "python reports/build.py witnesses"}
    replace(path, (to_json(command, result, how) + "\n").encode())


def draw(folder: Path, trees: dict[int, DiscoverResult], caught: dict[str, CollideResult]) -> None:
    """The gadgets, what bounds them at each cut of the largest, and two collisions."""
    from commlb.plots import save_collide, save_discover, save_reduce

    for vertices, (x, i) in GADGETS.items():
        file = folder / f"istree-{vertices}.json"
        drawn = commlb.reduce("istree", reduction=str(file), x=x, i=i, trials=0, draw=True)
        save_reduce(drawn, folder / f"istree-{vertices}.png", source=file.name)
    save_discover(trees[max(trees)], folder / "cuts.png", source="rows.csv")
    for name in DRAWN:
        save_collide(caught[name], folder / f"{name}.png", source=f"{name}.json")


def bits(value: float) -> str:
    return number(value, ROUND_FLOOR, 2)


def how(found: DiscoverResult) -> str:
    """Whether it is the largest."""
    return "yes" if found.optimal else f"open: at most {bits(found.upper_bound_bits)}"


def known(found: DiscoverResult) -> str:
    """What the registered reductions carry at this size."""
    return ", ".join(f"{name} {bits(value)}" for name, value in sorted(found.known.items())) or "–"


def tree_table(trees: dict[int, DiscoverResult]) -> str:
    """IsTree, size by size."""
    rows = []
    for vertices, found in trees.items():
        at = next(cut for cut in found.cuts if cut.t == found.cut)
        most = max(cut.rows for cut in found.cuts)
        rows.append(
            [
                vertices,
                f"{found.cut} of {found.length}",
                f"{at.rows:,}",
                f"{at.columns:,}",
                bits(math.log2(most)),
                f"**{bits(found.bits)}**",
                how(found),
                known(found),
            ]
        )
    header = [
        "N",
        "cut",
        "rows there",
        "columns",
        "log rows, worst cut",
        "bits of INDEX",
        "proved largest",
        "registered",
    ]
    return table(header, rows)


def task_table(others: list[DiscoverResult]) -> str:
    """The other tasks, in the order of ``SIZES``, one size each."""
    rows = []
    for found, (task, n, options) in zip(others, SIZES, strict=True):
        bound = task_of(task, n, **options).memory_bound()
        size = ", ".join(f"{key}={value}" for key, value in found.task_size.items())
        most = max(cut.rows for cut in found.cuts)
        kinds = f"{found.n} × {found.symbols} kinds" if found.symbols > 2 else str(found.n)
        rows.append(
            [
                found.task,
                size,
                f"{found.cut} of {found.length}",
                f"{most:,}",
                bits(math.log2(most)),
                f"**{bits(found.bits)}**",
                kinds,
                how(found),
                known(found),
                "–" if bound is None else f"{bits(bound.bits)}: {bound.method}".replace("|", "\\|"),
            ]
        )
    header = [
        "task",
        "size",
        "cut",
        "rows, worst cut",
        "log rows",
        "bits of INDEX",
        "symbols",
        "proved largest",
        "registered",
        "closed form, without error",
    ]
    return table(header, rows)


def collision_table(caught: dict[str, CollideResult]) -> str:
    """The certificates."""
    rows = []
    for name, result in caught.items():
        found = result.collision
        if found is None:
            raise RuntimeError(f"no collision of {name}")
        work = f"{result.work:,}" if result.work else "–"
        asks = f"i = {found.y}" if isinstance(found.y, int) else "a word"
        rows.append(
            [
                f"[{name}]({name}.json)",
                f"{result.task}, n = {result.n}",
                f"`{spec(result.machine)}`",
                found.state_bits,
                result.method,
                f"{found.merged_at} of {found.cut}",
                work,
                asks,
            ]
        )
    header = ["certificate", "task", "machine", "state bits", "method", "merged after", "runs", "query"]
    return table(header, rows)
