"""Made-up rows of studies, as ``curve`` writes them, for tests of what draws them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from commlb.fano import fano_bits
from commlb.records_rows import REFUSED, MemoryPoint

KREMER, FANO = "Kremer, Nisan, Ron 1999", "Fano's inequality, Cover and Thomas 2006"


def cell(n: int, machine: str | None, **given: Any) -> MemoryPoint:
    """A row on INDEX inside IsTree, over Alice's prefixes."""
    values: dict[str, Any] = {
        "command": "curve", "task": "istree", "task_size": f"vertices={n + 3}", "reduction": "two-hub",
        "problem": "INDEX", "n": n, "symbols": 2, "c": None, "cut": n, "stream_length": n + 2,
        "prefix_set": "alice", "machine": machine, "family": machine, "evidence": "exhaustive",
        "bound_bits": float(min(n, 10**9)), "bound_formula": "2^n distinct rows", "bound_source": KREMER,
    }  # fmt: skip
    return MemoryPoint(**values | given)


def refused(n: int, family: str, **given: Any) -> MemoryPoint:
    return cell(n, None, family=family, evidence=REFUSED, remark="states: 2^24 needed", **given)


def thresholds(sizes: Iterable[int], errors: Iterable[float] = (0.0,)) -> list[MemoryPoint]:
    """The smallest of exact, window, random (five seeds, about 2n bits, refused from 17 on) and gru: of three
    seeds found up to n = 4, none from 5 on but one at 6, refused from 15 on.
    """
    rows = []
    for error in errors:
        for n in sizes:
            rng = np.random.default_rng(n)
            bound = {
                "error_target": error, "bound_bits": n * fano_bits(error), "bound_formula": "n·g(ε)",
                "bound_source": FANO,
            }  # fmt: skip
            rows.append(cell(n, "exact", capacity_bits=float(n), **bound | {"evidence": "proved"}))
            rows.append(cell(n, f"window:w={n}", family="window:w", capacity_bits=float(n), **bound))
            for seed in range(5):
                family, bits = f"random:bits,seed={seed}", float(2 * n + rng.integers(-1, 2))
                machine = f"random:bits={bits:g},seed={seed}"
                found = cell(n, machine, family=family, capacity_bits=bits, searched_bits=64.0, **bound)
                rows.append(found if n <= 16 else refused(n, family, **bound))
            for seed in range(3):
                family, sampled = f"gru:d,p=8,seed={seed}", {"evidence": "sampled" if n > 3 else "exhaustive"}
                some = {"family": family, "searched_bits": 64.0, **bound, **sampled}
                if n < 5 or (n == 6 and seed == 0):
                    rows.append(cell(n, f"gru:d=2,p=8,seed={seed}", capacity_bits=8.0 * n, **some))
                else:
                    rows.append(cell(n, None, **some) if n < 15 else refused(n, family, **bound))
    return rows


def chains(sizes: Iterable[int], machines: Iterable[str]) -> list[MemoryPoint]:
    """What machines keep: exact all, window the last w, others (four seeds, refused from 21 on) some of it."""
    rows = []
    for machine in machines:
        for n in sizes:
            if machine == "exact" or machine.startswith("window"):
                room = float(n) if machine == "exact" else float(machine.partition("=")[2])
                kept = min(n, room)
                bits = {"reachable_bits": kept, "entropy_bits": kept, "information_bits": kept}
                rows.append(cell(n, machine, capacity_bits=room, best_accuracy=(1 + kept / n) / 2, **bits))
                continue
            for seed in range(4):
                name = f"{machine},seed={seed}"
                if n > 20:
                    rows.append(refused(n, name))
                    continue
                kept = min(n, 10) * (1 - 0.02 * seed)
                rows.append(
                    cell(
                        n,
                        name,
                        capacity_bits=16.0,
                        reachable_bits=kept,
                        entropy_bits=0.9 * kept,
                        information_bits=0.9 * kept,
                        best_accuracy=(1 + 0.9 * kept / n) / 2,
                        errors=100 + 10 * n + seed,
                        trials=1000,
                        answered_by="machine",
                        answers_evidence="sampled",
                    )
                )
    return rows


def over_all(sizes: Iterable[int]) -> list[MemoryPoint]:
    """The task's exact machine and one that stores more, over all prefixes."""
    rows = []
    for n in sizes:
        need = math.log2(math.factorial(n))
        for name, factor in (("exact", 1.0), ("store", 1.6)):
            rows.append(
                cell(
                    n,
                    name,
                    prefix_set="all",
                    problem=None,
                    reduction=None,
                    bound_bits=need,
                    bound_formula="log₂ n!",
                    bound_source="commlb",
                    minimum_bits=need,
                    reachable_bits=need * factor,
                    capacity_bits=need * factor + 2,
                )
            )
    return rows


def precisions(sizes: Iterable[int] = (8, 12)) -> list[MemoryPoint]:
    """Networks at 2 to 16 bits a number, three seeds."""
    rows = []
    for machine in ("gru:d=2", "lstm:d=2", "linear-attention:d=2"):
        for n in sizes:
            for bits in range(2, 17, 2):
                for seed in range(3):
                    name, more = f"{machine},p={bits},seed={seed}", {"precision_bits": bits}
                    if bits == 16 and seed == 2:
                        rows.append(refused(n, name, **more))
                        continue
                    kept = min(n, bits) * (0.8 - 0.1 * seed)
                    rows.append(cell(n, name, capacity_bits=2.0 * bits, information_bits=kept, **more))
    return rows
