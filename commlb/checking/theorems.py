"""One row against the theorems: its bound by formula, the chain of inequalities, Fano, and counts."""

from __future__ import annotations

import math

from commlb.checking.common import Inside, one_of, require, same, short
from commlb.fano import ceiling_accuracy, fano_bits
from commlb.machines.base import Machine
from commlb.problems import Equality, Problem
from commlb.records import Bound
from commlb.records_rows import SLACK, MemoryPoint
from commlb.tasks.base import Task

EVIDENCE = ("exhaustive", "sampled", "formula", "proved", "proved; machine tested equal", "refused")

BY_CHANCE = 30.0
"""Answers so good that their chance is below e^−30 contradict a theorem."""

Formula = tuple[float, str, str]


def row_bounds(row: MemoryPoint, inside: Inside | None, task: Task) -> list[Formula]:
    """The bounds that the row may stand beside: bits, formula and source, derived again."""
    if row.prefix_set == "all" or inside is None:
        return _said(task.memory_bound())
    problem = inside.problem
    if row.error_target:
        return [with_error(problem, row.error_target)]
    bounds = _said(problem.bound())
    return bounds if row.command == "curve" else bounds + _said(task.memory_bound())


def _said(bound: Bound | None) -> list[Formula]:
    return [] if bound is None else [(bound.bits, bound.method, bound.source)]


def with_error(problem: Problem, error: float) -> Formula:
    """What must cross where every query may err so often: EQ by its own formula, else n·g(ε), Fano's.

    >>> from commlb.problems import Index
    >>> with_error(Index(8), 0.11)[1]
    'n(1 - H2(0.11))'
    """
    if isinstance(problem, Equality):
        bound = problem.one_sided_bound(error)
        return bound.bits, bound.method, bound.source
    formula = f"n(1 - H2({error!r}))"
    if problem.symbols > 2:
        formula = f"n(log2 k - H2({error!r}) - {error!r}*log2(k - 1))"
    return (
        problem.n * fano_bits(error, problem.symbols),
        formula,
        "Fano's inequality; Kremer, Nisan, Ron 1999",
    )


def check_numbers(row: MemoryPoint, inside: Inside | None, task: Task, made: Machine | None) -> None:
    """Every number of a row within its range, and all of them together."""
    one_of("evidence", row.evidence, EVIDENCE)
    one_of("answered_by", row.answered_by, (None, "machine", "optimal Bob"))
    one_of("answers_evidence", row.answers_evidence, (None, *EVIDENCE[:-1]))
    for name in (
        "capacity_bits",
        "reachable_bits",
        "entropy_bits",
        "information_bits",
        "minimum_bits",
        "bound_bits",
        "searched_bits",
    ):
        value = getattr(row, name)
        require(value is None or value >= 0, f"{name} must not be below 0; given {value}")
    for name in ("worst_error", "best_accuracy", "confidence"):
        value = getattr(row, name)
        require(value is None or 0 <= value <= 1, f"{name} must be in 0..1; given {value}")
    states = row.reachable_states
    require(states is None or states >= 1, f"reachable_states must be at least 1; given {short(states)}")
    require(states is None or row.reachable_bits is not None, "reachable_states without reachable_bits")
    require((row.errors is None) == (row.trials is None), "errors and trials stand together")
    require(row.trials is None or row.trials >= 1, "trials must be at least 1")
    require(row.errors is None or row.answered_by is not None, "errors are those of somebody")
    _check_chain(row, inside, task, made)
    if inside is not None and inside.problem.asks_positions and row.prefix_set == "alice":
        _check_fano(row, inside.problem)
    if row.error_target is not None and row.machine is not None:
        _check_target(row)


def _check_chain(row: MemoryPoint, inside: Inside | None, task: Task, made: Machine | None) -> None:
    """Bound ≤ minimum ≤ reachable ≤ capacity, where they must; counts that fit the inputs."""
    _at_most(
        "bound",
        row.bound_bits if row.minimum_bits is not None and row.prefix_set == "all" else None,
        "minimum",
        row.minimum_bits,
    )
    if made is not None and not made.errs and row.prefix_set == "all":
        _at_most("minimum", row.minimum_bits, "reachable", row.reachable_bits)
    if row.minimum_bits is not None and row.prefix_set == "all" and row.cut is not None:
        classes = task.classes(row.cut)
        if classes is not None and task.total:
            same("minimum_bits", row.minimum_bits, math.log2(classes))
    if inside is None or row.prefix_set != "alice":
        return
    most = inside.problem.n * math.log2(inside.problem.symbols)
    _at_most("reachable", row.reachable_bits, "all inputs'", most)
    if made is not None and not made.errs and row.cut == inside.cut and row.reachable_bits is not None:
        same("reachable_bits of a machine that keeps all", row.reachable_bits, most)
    if (
        row.answers_evidence == "exhaustive"
        and row.errors == 0
        and row.cut == inside.cut
        and not row.error_target
    ):
        _at_most("bound", row.bound_bits, "reachable", row.reachable_bits)


def _at_most(less: str, a: float | None, more: str, b: float | None) -> None:
    require(a is None or b is None or a <= b + SLACK, f"{less} {a} bits are above {more} {b} bits")


def _check_fano(row: MemoryPoint, problem: Problem) -> None:
    """Answers, as good as they are, show no more bits than there are (g is convex: their mean shows least)."""
    n, symbols = problem.n, problem.symbols
    room = [bits for bits in (row.entropy_bits, row.reachable_bits, row.capacity_bits) if bits is not None]
    least = min(room, default=math.inf)
    if row.best_accuracy is not None:
        shown = n * fano_bits(1 - row.best_accuracy, symbols)
        require(shown <= least + SLACK, f"the best guesses show {shown} bits, and there are {least}")
    if row.errors is None or not row.trials:
        return
    mean = row.errors / row.trials
    if row.answers_evidence == "exhaustive":
        shown = n * fano_bits(mean, symbols)
        require(shown <= least + SLACK, f"the answers show {shown} bits, and there are {least}")
        if row.best_accuracy is not None:
            require(1 - mean <= row.best_accuracy + SLACK, "the answers are better than the best guesses")
    elif row.answers_evidence == "sampled" and row.capacity_bits is not None:
        fewest = 1 - ceiling_accuracy(row.capacity_bits, n, symbols)
        runs = row.trials if row.error_target is None else row.trials // n
        require(
            runs * _divergence(mean, fewest) <= BY_CHANCE,
            f"{row.errors} errors in {row.trials} are fewer than {row.capacity_bits} bits allow",
        )


def _divergence(seen: float, least: float) -> float:
    """n times this bounds −ln of the chance of as few errors as are seen, if ``least`` must be (Chernoff)."""
    if seen >= least:
        return 0.0
    parts = ((seen, least), (1 - seen, 1 - least))
    return sum(p * math.log(p / q) for p, q in parts if p > 0 and q > 0)


def _check_target(row: MemoryPoint) -> None:
    """A machine that meets its target, by exact evidence, has room for the bound."""
    target = row.error_target or 0.0
    require(
        row.worst_error is None or row.worst_error <= target + 1e-15,
        f"the worst query errs {row.worst_error}, above the target {target}",
    )
    if row.errors is not None and row.trials:
        require(
            row.errors <= target * row.trials or row.answers_evidence == "sampled",
            "the errors are above the target",
        )
        if row.worst_error is not None:
            require(row.errors / row.trials <= row.worst_error + 1e-12, "the mean error is above the worst")
    if row.answers_evidence != "sampled":
        _at_most("bound", row.bound_bits, "capacity", row.capacity_bits)
