"""The cells that a sweep is asked for: sizes, machines with their precisions and seeds; checked before any work."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from commlb import machines, reductions
from commlb.cells import Cell
from commlb.errors import BadInput, LimitError, require_at_least, unknown_name
from commlb.families import Family
from commlb.layers import Limits
from commlb.points import MOST_CELLS
from commlb.problems import Equality
from commlb.reductions.base import Reduction
from commlb.requests import as_int, check_sizes


def prefix_set(task: str, over: str | None, error: Any) -> str:
    """The prefix set: Alice's where there is a reduction, unless another is asked for."""
    known = bool(reductions.for_task(task))
    over = over or ("alice" if known else "all")
    if over not in ("alice", "all"):
        raise BadInput(f"over must be one of alice, all; given {over!r}")
    if over == "alice" and not known:
        raise BadInput(f"no reduction to {task} is registered, so there is no Alice; take --over all")
    if over == "all" and error is not None:
        instead = "take --over alice" if known else f"there is none for {task}, so leave it out"
        raise BadInput(f"an error is one on Bob's queries in a reduction; {instead}")
    return over


def share(error: str | float | None) -> str | None:
    """An error as text, checked, such as "0.01"."""
    if error is None:
        return None
    text = str(error)
    value = float(text) if re.fullmatch(r"[0-9]*[.]?[0-9]+([eE][+-]?[0-9]+)?", text, re.ASCII) else math.nan
    if not 0 <= value < 0.5 or (value == 0 and re.search("[1-9]", text.lower().partition("e")[0])):
        raise BadInput(f"error must be a number from 0 to below 1/2, such as 0.01; given {text[:40]}")
    return repr(value) if value else "0"


def sizes(n: int | Sequence[int]) -> list[int]:
    """The sizes that are asked for, each once, ascending."""
    asked: Sequence[int] = n if isinstance(n, range) else list(n) if isinstance(n, Iterable) else [n]
    if len(asked) > MOST_CELLS:
        raise LimitError(f"at most {MOST_CELLS:,} sizes are run; given {len(asked):,}; take a larger step")
    return sorted({as_int(size) for size in asked})


def variants(family: Family, precision: Sequence[int] | None, seeds: int, error: Any) -> list[Family]:
    """The family with each precision and each seed, where its machine takes them."""
    classes = machines.machine_classes()
    if family.name not in (machines.EXACT, *classes) and not machines.is_own(family.text):
        raise unknown_name("machine", family.name, [machines.EXACT, *classes])
    cls = classes.get(family.name)
    for key in family.open:
        if key == "seed" or (cls and key in cls.texts):
            raise BadInput(
                f"{key} cannot be left open in '{family.text}'; sizes can, such as d, p, w or bits"
            )
    if family.open and error is None:
        key = next(iter(family.open))
        raise BadInput(
            f"'{family.text}' leaves {key} open; give it, {key}=8, or ask for the smallest with --error, such as "
            "--error 0.01"
        )
    found = [family]
    if precision is not None and family.takes("p") and family.given("format") is None:
        found = [family.with_value("p", p) for p in precision]
    if family.takes("seed") and family.given("weights") is None:
        found = [each.with_value("seed", k) for each in found for k in range(seeds)]
    return found


def require_taken(families: Sequence[Family]) -> None:
    """Refuse precisions that no machine takes."""
    if not any(family.takes("p") and family.given("format") is None for family in families):
        shown = ", ".join(family.text for family in families)
        raise BadInput(
            f"a precision is for networks that give no p and no format, such as gru:d=4; given {shown}"
        )


def cells(named: Cell, ns: Sequence[int], families: Sequence[Family], limits: Limits) -> list[Cell]:
    """The cells that can be run, small n first; sizes that the task does not take are left out.

    Raises ``BadInput`` for what is wrong at every size, ``LimitError`` for too many cells.
    """
    for n in ns:
        require_at_least("n", n, 1)
        check_sizes(n, named.symbols, named.c)
    if len(ns) * len(families) > MOST_CELLS:
        raise LimitError(
            f"at most {MOST_CELLS:,} cells are run; given {len(ns):,} n and {len(families):,} machines"
        )
    sized, refused = [], None
    for n in ns:
        limits.check_time("before the first cell")
        try:
            cell = replace(named, n=n)
            _ = cell.made
            sized.append(cell)
        except BadInput as error:
            refused = refused or error
    if not sized:
        raise refused or BadInput("there is no n to run; give --n, such as 2:16")
    each = [
        _taken([replace(cell, family=family.text) for cell in sized], family, limits) for family in families
    ]
    return [cells[k] for k in range(len(sized)) for cells in each]


def _taken(cells: list[Cell], family: Family, limits: Limits) -> list[Cell]:
    """Cells of one family, with the digest of the weights where these are from a file.

    Raises ``BadInput`` if the machine can be made for none of them; for some, their rows will say so.
    """
    found, refused = [], []
    for cell in cells:
        limits.check_time("before the first cell")
        cut = cell.made.cut if isinstance(cell.made, Reduction) else cell.made.length - 1
        try:
            made = family.any_machine(cell.task_made, cut)
        except BadInput as error:
            refused.append(error)
            found.append(cell)
            continue
        if cell.target and isinstance(cell.chosen.problem, Equality) and cell.bob == "optimal":
            raise BadInput(
                f"for {cell.chosen.problem.name} an error above 0 is one of the machine's own answers; leave out "
                "--bob optimal, or take --error 0"
            )
        if cell.target and isinstance(cell.chosen.problem, Equality) and not made.randomised:
            raise BadInput(
                f"for {cell.chosen.problem.name} an error above 0 is one over public coins; given machine "
                f"{family.text}; take fingerprint:bits, or --error 0"
            )
        is_read = family.given("weights") is not None
        found.append(replace(cell, weights=made.weights_digest) if is_read else cell)
    if len(refused) == len(cells):
        raise refused[0]
    return found
