"""What a search found, as a record: cut by cut, the table, and one sentence."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR

from commlb.errors import OverLimit
from commlb.layers import Layers
from commlb.records_witness import DiscoverCut, DiscoverResult
from commlb.shattering.columns import Columns
from commlb.shattering.pursuit import Case, Pursuit
from commlb.shattering.tables import known, table
from commlb.tasks.base import Task
from commlb.userfile import UserTask
from commlb.wording import counted, number


def result_of(
    task: Task | UserTask,
    merged: Layers,
    found: list[Columns],
    hunt: Pursuit,
    cut: int | None,
    seed: int,
    stopped: BaseException | None,
) -> DiscoverResult:
    """The record of a search; ``stopped``: what ended it before its end."""
    best, most = hunt.best, max(case.most for case in hunt.cases)
    optimal = best.patterns == most
    made = None
    if best.n:
        made = table(task, merged, found, hunt.given(best), best.chosen, best.t)
    kinds = sorted({case.symbols for case in hunt.cases})
    why = _why(task, hunt, stopped) if stopped is not None or not optimal else None
    return DiscoverResult(
        task=task.name,
        task_size=task.size,
        length=task.length,
        alphabet_size=task.alphabet_size,
        cut=best.t if best.n else None,
        n=best.n,
        symbols=best.symbols,
        bits=math.log2(best.patterns),
        optimal=optimal,
        upper_bound_bits=math.log2(most),
        cuts=tuple(_cut(t, found, hunt) for t in sorted({case.t for case in hunt.cases})),
        table=made,
        known={name: math.log2(patterns) for name, patterns in known(task, kinds).items()},
        nodes=hunt.nodes,
        seed=seed,
        evidence="exhaustive",
        complete=optimal and stopped is None,
        stopped=why,
        verdict=_verdict(task, best, most, cut, kinds),
    )


def _cut(t: int, found: list[Columns], hunt: Pursuit) -> DiscoverCut:
    """The case with most bits at a cut, beside the largest upper bound of all cases there."""
    cases = [case for case in hunt.cases if case.t == t]
    best = max(cases, key=lambda case: (case.patterns, -case.symbols))
    top = max(cases, key=lambda case: (case.most, case.by == "rows"))
    return DiscoverCut(
        t=t,
        rows=best.rows,
        columns=len(found[t].of_task) if found[t].complete else None,
        n=best.n,
        symbols=best.symbols,
        bits=math.log2(best.patterns),
        upper_bound_bits=math.log2(top.most),
        upper_bound_by=top.by,
        optimal=best.patterns == top.most,
        evidence="exhaustive",
    )


def _why(task: Task | UserTask, hunt: Pursuit, stopped: BaseException | None) -> str:
    """What kept the search from its end, with the option that would help."""
    if isinstance(stopped, OverLimit):
        return str(stopped)
    if stopped is not None:
        return "interrupted"
    if hunt.nodes >= hunt.max_nodes:
        return (
            f"{task.name}, nodes of the search: {hunt.nodes:,} used, the limit is {hunt.max_nodes:,}; lower n "
            "or raise --max-nodes; the best set found is kept"
        )
    if not all(case.complete for case in hunt.cases):
        return (
            f"{task.name} has more columns at a cut than {hunt.max_memory:,} bytes hold, so that a part of them "
            "was searched; lower n or raise --max-memory; the best set found is kept"
        )
    return (
        f"{task.name}: {hunt.nodes:,} nodes left cuts open, the limit is {hunt.max_nodes:,} for all; lower n "
        "or raise --max-nodes; the best set found is kept"
    )


def _verdict(task: Task | UserTask, best: Case, most: int, cut: int | None, kinds: list[int]) -> str:
    size = ", ".join(f"{key}={value}" for key, value in task.size.items())
    where = f"{task.name} ({size})"
    at = f"after {best.t} of {task.length} tokens"
    anywhere = f"at the cut {cut}" if cut is not None else "at any cut"
    if not best.n:
        more = "" if most == 1 else f"; there are at most {_bits(most, True)}"
        over = f" over {kinds[0]} symbols" if len(kinds) == 1 and kinds[0] > 2 else ""
        return f"No suffix of {where} is shattered{over} {anywhere}{more}."
    held = counted(best.n, "bit")
    if best.symbols != 2:
        held = f"{counted(best.n, 'symbol')} of {best.symbols} kinds, {_bits(best.patterns)}"
    told = f"{where} holds INDEX of {held}, {at}"
    if best.patterns == most:
        over = "" if (kinds[0] == 2 and len(kinds) > 1) or best.symbols == 2 else f" over {kinds[0]} symbols"
        return f"{told}, and {anywhere} none larger{over}."
    return f"{told}; {anywhere} there are at most {_bits(most, True)}."


def _bits(patterns: int, up: bool = False) -> str:
    return f"{number(math.log2(patterns), ROUND_CEILING if up else ROUND_FLOOR)} bits"
