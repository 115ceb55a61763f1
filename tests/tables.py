"""Reductions as tables, made by hand, and the files that hold them."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

from commlb.records import to_json
from commlb.records_witness import DiscoverResult, Table
from commlb.reductions import build
from commlb.tasks.base import Task


def edge(u, v):
    u, v = sorted((u, v))
    return v * (v - 1) // 2 + u


def star(n: int) -> Table:
    """The star gadget on n+1 vertices; for x = 0 a repeated edge first."""
    prefixes = []
    for x in itertools.product((0, 1), repeat=n):
        f = x.index(1) + 1 if any(x) else 0
        edges = [edge(f if x[j - 1] else 0, j) for j in range(1, n + 1) if j != f]
        prefixes.append(tuple(edges if f else [edge(0, 1), edge(0, 1), *edges[1 : n - 2]]))
    suffixes = tuple((edge(0, i),) for i in range(1, n + 1))
    return Table(n, 2, n - 1, tuple(prefixes), suffixes, ((False, True),) * n, (0,) * n)


def as_table(reduction, readings) -> Table:
    """A registered reduction of INDEX written out; ``readings``: the answers that stand for its symbols."""
    words = itertools.product(range(reduction.symbols), repeat=reduction.n)
    asked = range(1, reduction.n + 1)
    due = sum(t > reduction.cut for t in reduction.task.answered_at)
    return Table(
        reduction.n,
        reduction.symbols,
        reduction.cut,
        tuple(tuple(reduction.alice(x)) for x in words),
        tuple(tuple(reduction.suffix(i)) for i in asked),
        (tuple(readings),) * reduction.n,
        tuple(reduction.read_at(i) % due for i in asked),
    )


def registered() -> list[tuple]:
    """(reduction, its table): one for each of several tasks, with more symbols and several answers among them."""
    found = []
    for task, name, n, symbols in (
        ("index", None, 3, None), ("index", None, 2, 3), ("istree", "two-hub", 4, None),
        ("istree", "hubs", 6, None), ("istree", "star", 4, None), ("counting", None, 3, None),
        ("triangle", None, 4, None), ("ar", None, 3, 3), ("cgram", None, 3, None), ("mqar", None, 3, 2),
        ("copying", None, 3, None), ("nearest", None, 3, None), ("st-connectivity", None, 3, None),
    ):  # fmt: skip
        made = build(task, name, n, symbols, None)
        answers = [a for a in made.task.answers if made.symbol(a) or made.answer(a) == 0]
        readings = sorted(answers, key=made.symbol)
        if len(made.task.answers) == 2 and made.task.answers.start == 0 and task not in ("index", "copying"):
            readings = [bool(answer) for answer in readings]
        found.append((made, as_table(made, readings)))
    return found


def result(table: Table | None, inside: Task, **changed) -> DiscoverResult:
    """What ``discover`` would say of a table inside a task."""
    n, symbols, cut = (table.n, table.symbols, table.cut) if table else (0, 2, None)
    bits = n * math.log2(symbols)
    given = {
        "task": inside.name, "task_size": inside.size, "length": inside.length,
        "alphabet_size": inside.alphabet_size,
        "cut": cut, "n": n, "symbols": symbols, "bits": bits, "optimal": False,
        "upper_bound_bits": bits, "cuts": (), "table": table, "known": {}, "nodes": 0,
        "seed": None, "evidence": "exhaustive", "complete": True, "stopped": None, "verdict": "by hand",
    }  # fmt: skip
    return DiscoverResult(**(given | changed))


def write(path: Path, found: DiscoverResult) -> str:
    """A sealed file, as ``discover --out`` writes it; its name."""
    path.write_text(to_json("discover", found, {}) + "\n")
    return str(path)
