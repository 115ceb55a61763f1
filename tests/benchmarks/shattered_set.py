"""The search for a shattered set beside branch and bound in plain Python.

Run: python tests/benchmarks/shattered_set.py [--rounds 5] [--small]; prints medians and ratios. Each search proves
that no set of the given size is shattered, at one cut of IsTree or of another task:

- kernel: ``commlb.shattering.hunt`` with the symmetries of the task, the choices made beforehand (so for all).
- kernel, no symmetry: the same, without.
- Python: the same tree as "no symmetry", by the same order and the same test, on Python's integers as bit sets
  (``&`` and ``bit_count``), the choices first sorted in the same way.
- Python, in order: the same without sorting anew at each node.

All must agree that there is none. Symmetries are made beforehand.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from commlb.discovery import symmetries
from commlb.layers import Limits
from commlb.minimum import engine_for, merged_automaton, task_of
from commlb.shattering.columns import columns
from commlb.shattering.hunt import Effort, Hunter
from commlb.shattering.pursuit import ranks
from commlb.shattering.shattered import Choices, choices, permuted

CASES = [
    ("istree", 6, 3, 6), ("istree", 7, 4, 7), ("istree", 7, 3, 7), ("istree", 7, 2, 6), ("istree", 8, 5, 9),
    ("istree", 8, 3, 9), ("istree", 8, 4, 9), ("triangle", 5, 3, 6), ("st-connectivity", 6, 3, 7),
]  # fmt: skip
"""Task, n, cut, and the size of a set that is not there."""

MOST_SECONDS = 60.0
"""A rival that once took longer is not run again."""


def made_choices(name: str, n: int, cut: int) -> tuple[Choices, list[np.ndarray]]:
    task = task_of(name, n)
    merged, _ = merged_automaton(task, engine_for(task), Limits(2**24))
    found = choices(columns(merged)[cut], 2, ranks(merged))
    moves = [permuted(found, rows[cut]) for rows in symmetries(task, merged)]
    return found, [move for move in moves if move is not None]


def by_kernel(given: Choices, size: int, moves: list[np.ndarray]) -> bool:
    found, ended = Hunter(given, Effort(plain=0)).search(size, 2**40, moves, np.random.default_rng(0))
    if not ended:
        raise SystemExit("the search did not end")
    return found is not None


def as_integers(given: Choices) -> list[tuple[int, ...]]:
    return [
        tuple(int.from_bytes(p.astype("<u8").tobytes(), "little") for p in planes) for planes in given.planes
    ]


def by_python(masks: list[tuple[int, ...]], rows: int, size: int, sort: bool) -> bool:
    def keep(candidates: list[tuple[int, ...]], cells: list[int], need: int) -> list[tuple[int, ...]]:
        kept = []
        for masks in candidates:
            score = 0
            for cell in cells:
                least = min((cell & mask).bit_count() for mask in masks)
                if least < need:
                    break
                score += least
            else:
                kept.append((score, masks))
        if sort:
            kept.sort(key=lambda pair: pair[0])
        return [masks for _, masks in kept]

    def descend(candidates: list[tuple[int, ...]], cells: list[int], left: int) -> bool:
        for place, chosen in enumerate(candidates):
            if len(candidates) - place < left:
                return False
            if left == 1:
                return True
            parts = sorted((cell & mask for cell in cells for mask in chosen), key=int.bit_count)
            if descend(keep(candidates[place + 1 :], parts, 2 ** (left - 2)), parts, left - 1):
                return True
        return False

    everything = [(1 << rows) - 1]
    return descend(keep(masks, everything, 2 ** (size - 1)), everything, size)


def compare(name: str, n: int, cut: int, size: int, rounds: int, spent: dict[str, float]) -> None:
    given, moves = made_choices(name, n, cut)
    masks = as_integers(given)
    rivals: dict[str, Callable[[], bool]] = {
        "kernel": lambda: by_kernel(given, size, moves),
        "kernel, no symmetry": lambda: by_kernel(given, size, []),
        "Python": lambda: by_python(masks, given.rows, size, sort=True),
        "Python, in order": lambda: by_python(masks, given.rows, size, sort=False),
    }
    seconds: dict[str, list[float]] = {label: [] for label in rivals}
    for _ in range(rounds):
        for label, run in rivals.items():
            if spent.get(label, 0) > MOST_SECONDS or max(seconds[label], default=0) > MOST_SECONDS / rounds:
                continue
            started = time.perf_counter()
            if run():
                raise SystemExit(f"{label} found a set of {size} in {name} {n} at cut {cut}")
            seconds[label].append(time.perf_counter() - started)
            spent[label] = seconds[label][-1]
    best = statistics.median(seconds["kernel"])
    title = f"{name} n={n} t={cut} d={size}"
    for label, values in seconds.items():
        if not values:
            print(f"{title:30} {label:20} {'not run':>12}", flush=True)
            continue
        median = statistics.median(values)
        print(
            f"{title:30} {label:20} {median * 1e3:10.1f} ms {median / best:9.1f} x   "
            f"{len(given):,} choices, {given.rows:,} rows, {len(values)} runs",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="small sizes only")
    given = parser.parse_args()
    spent: dict[str, float] = {}
    small, _ = made_choices("istree", 5, 2)
    by_kernel(small, 5, [])  # loads the compiled kernel
    for name, n, cut, size in CASES[:3] if given.small else CASES:
        compare(name, n, cut, size, given.rounds, spent)


if __name__ == "__main__":
    main()
