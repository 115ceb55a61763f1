"""The report exact-minima: what five tasks need, beside what reductions prove and closed forms say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import ROUND_FLOOR
from pathlib import Path
from typing import TYPE_CHECKING

from pages import table, write_page

import commlb
from commlb.files import replace
from commlb.records import ReduceResult
from commlb.records_exact import ExactResult
from commlb.records_rows import MemoryPoint, to_csv
from commlb.tasks.ar import AssociativeRecall
from commlb.tasks.base import Task
from commlb.tasks.cgram import CGram
from commlb.tasks.counting import Counting
from commlb.tasks.index import Index
from commlb.tasks.istree import IsTree
from commlb.wording import number

if TYPE_CHECKING:
    from commlb.plots import Sizes

LAST = 64
"""Vertices up to which the closed form and the reductions to IsTree are drawn."""

GADGETS = {
    "hubs": lambda vertices: max((b * (vertices - 2**b) for b in range(1, vertices.bit_length())), default=0),
    "two-hub": lambda vertices: vertices - 3,
    "doubled": lambda vertices: 0 if vertices % 2 else vertices // 2 - 1,
}
"""Bits that each gadget packs into so many vertices (``doubled``: an even number)."""

LOOKS = ("reduction", "reduction 2", "reduction 3")
"""How the gadgets' curves look."""

COVERING = ((2, 1, 2), (3, 2, 2), (4, 2, 2), (5, 2, 2), (4, 3, 2), (3, 2, 3), (4, 2, 3))
"""Free keys: K, m, V."""


def cases() -> Iterator[tuple[str, int, Task]]:
    """A name, the bits of INDEX that the reduction puts into the task, and the task; IsTree apart."""
    for n in range(1, 13):
        yield "Index", n, Index(n, 2)
    for n in range(1, 11):
        yield "AR, fixed keys", n, AssociativeRecall(n, n, 2, fixed=True)
    for n in range(1, 6):
        yield "AR, free keys, K = m", n, AssociativeRecall(n, n, 2)
    for n in range(1, 9):
        yield "c-gram, fixed keys, c = 2", n, CGram(2 * n, n + 2, 2, fixed=True)
    for n in range(1, 3):
        yield "c-gram, free keys, c = 2", n, CGram(2 * n, n + 2, 2)
    for n in range(1, 9):
        yield "Counting, K = n + 1", n, Counting(n, n + 1)


def istree(last: int = 10) -> list[ExactResult]:
    """N = 2 … ``last``."""
    return [commlb.exact(IsTree(vertices)) for vertices in range(2, last + 1)]


def covering() -> list[ExactResult]:
    """Associative recall with free keys."""
    return [commlb.exact(AssociativeRecall(pairs, keys, values)) for keys, pairs, values in COVERING]


def proved(last: int = LAST) -> dict[str, dict[int, ReduceResult]]:
    """Each gadget by vertices, at the largest n that fits them; its reduction is proved for each n anew."""
    found: dict[str, dict[int, ReduceResult]] = {gadget: {} for gadget in GADGETS}
    for gadget, bits in GADGETS.items():
        for vertices in range(3, last + 1):
            if bits(vertices) > 0:
                result = commlb.reduce("istree", bits(vertices), reduction=gadget, trials=0)
                if result.parameters["vertices"] != vertices or result.bound.evidence != "proved":
                    raise RuntimeError(f"{gadget} on {vertices} vertices is not what the report says")
                found[gadget][vertices] = result
    return found


def proved_rows(found: dict[str, dict[int, ReduceResult]]) -> list[MemoryPoint]:
    """The rows of reductions.csv."""
    return [result.row() for sizes in found.values() for result in sizes.values()]


def build(folder: Path) -> None:
    small = [(name, bits, commlb.exact(task)) for name, bits, task in cases()]
    free, trees, reductions = covering(), istree(), proved()
    exact = [*(result for _, _, result in small), *free, *trees]
    replace(folder / "rows.csv", to_csv([row for result in exact for row in result.rows()]).encode())
    replace(folder / "reductions.csv", to_csv(proved_rows(reductions)).encode())
    draw(trees, reductions, folder)
    write_page(
        folder, trees=tree_table(trees, reductions), tasks=task_table(small), covering=covering_table(free)
    )


def draw(trees: list[ExactResult], reductions: dict[str, dict[int, ReduceResult]], folder: Path) -> None:
    """IsTree against the number of vertices, and cut by cut at 8 vertices."""
    from commlb.plots import save_exact, save_sizes

    save_sizes(*picture(trees, reductions), folder / "istree.png", source="rows.csv")
    bounds = [(f"INDEX by {gadget}", sizes[8].bound) for gadget, sizes in reductions.items()]
    save_exact(trees[6], folder / "istree-cuts.png", bounds, source="rows.csv")


def picture(
    trees: list[ExactResult], reductions: dict[str, dict[int, ReduceResult]]
) -> tuple[str, str, list[Sizes]]:
    """Title, sentence and panels: all vertices that reductions were proved on, and those enumerated."""
    from commlb.plots import Curve, Sizes

    def curve(look: str, name: str, bits: dict[int, float], evidence: str) -> Curve:
        last = max(bits)
        shown = f"{number(bits[last], ROUND_FLOOR, 4)} at N = {last} · {evidence}"
        return Curve(look, name, tuple(map(float, bits)), tuple(bits.values()), shown)

    def curves(last: int) -> tuple[Curve, ...]:
        minima = {int(result.task_size["vertices"]): result.minimum_bits for result in trees}
        forms = {vertices: IsTree(vertices).memory_bound().bits for vertices in range(2, last + 1)}
        found = [
            curve("minima", "minimum of any machine", minima, "exhaustive"),
            curve("formula", "closed form (Stirling numbers)", forms, "formula"),
        ]
        for look, (gadget, sizes) in zip(LOOKS, reductions.items(), strict=True):
            bits = {vertices: result.bound.bits for vertices, result in sizes.items() if vertices <= last}
            found.append(curve(look, f"INDEX by {gadget}", bits, "proved"))
        return tuple(found)

    most = int(trees[-1].task_size["vertices"])
    return (
        "What any machine for IsTree must keep, against the number of vertices N",
        f"Bits at the worst cut. Enumeration meets the closed form at each N from 2 to {most}; above that the "
        "closed form goes on alone. Every reduction lies below: it shows bits that must cross one cut.",
        [
            Sizes(curves(max(reductions["hubs"])), "N, the number of vertices"),
            Sizes(curves(most), "N, small sizes"),
        ],
    )


def tree_table(trees: list[ExactResult], reductions: dict[str, dict[int, ReduceResult]]) -> str:
    """IsTree size by size."""
    rows = []
    for result in trees:
        vertices, cut = result.task_size["vertices"], result.cuts[result.worst_cut]
        packed = [reductions[gadget].get(vertices) for gadget in GADGETS]
        rows.append(
            [
                vertices,
                f"{result.alphabet_size**result.length:,}",
                cut.t,
                f"{cut.classes_at_least:,}",
                f"{cut.closed_form:,}",
                number(result.minimum_bits, ROUND_FLOOR),
                *("–" if found is None else number(found.bound.bits) for found in packed),
            ]
        )
    header = ["N", "streams", "worst cut t", "minimum, states", "closed form", "bits", *GADGETS]
    return table(header, rows)


def task_table(small: list[tuple[str, int, ExactResult]]) -> str:
    """The largest size of each task, with whether the bound of its reduction is the minimum at each size."""
    rows = []
    for name in dict.fromkeys(name for name, _, _ in small):
        found = [(bits, result) for each, bits, result in small if each == name]
        bits, result = found[-1]
        if any(
            result.minimum_bits < commlb.reduce(result.task, bits, trials=0).bound.bits - 1e-9
            for bits, result in found
        ):
            raise RuntimeError(f"{name}: the minimum is below what its reduction proves")
        tight = all(math.isclose(result.minimum_bits, bits) for bits, result in found)
        cut = result.cuts[result.worst_cut]
        rows.append(
            [
                name,
                f"1 … {len(found)}",
                f"{cut.t} of {result.length}",
                f"{cut.classes_at_least:,}",
                number(result.minimum_bits, ROUND_FLOOR),
                bits,
                "yes" if tight else "no",
            ]
        )
    header = ["task", "n", "worst cut", "minimum, states", "bits", "INDEX bits", "equal at each n"]
    return table(header, rows)


def covering_table(free: list[ExactResult]) -> str:
    """Free keys: distinct rows, minimum, and V^m, where Alice's pairs end and at the worst cut."""
    rows = []
    for (keys, pairs, values), result in zip(COVERING, free, strict=True):
        cut, worst = result.cuts[2 * pairs], result.cuts[result.worst_cut]
        if not cut.exact:
            raise RuntimeError(f"open at K = {keys}, m = {pairs}, V = {values}")
        most = f"{worst.classes_at_least:,}" + ("" if worst.exact else f" … {worst.classes_at_most:,}")
        sizes, found = (keys, pairs, values), (cut.machine_states, cut.classes_at_least, cut.at_least_by)
        rows.append([*sizes, *found, values**pairs, f"{most} at t = {worst.t}"])
    header = ["K", "m", "V", "dictionaries", "minimum after 2m tokens", "at least by", "V^m", "worst cut"]
    return table(header, rows)
