"""Randomised machines: errors over fresh public coins, and what binds a machine that may err."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from commlb.fano import fano_bits
from commlb.information import CONFIDENCE, error_upper_limit
from commlb.machines.base import Machine
from commlb.problems import Equality, Problem
from commlb.records import Bound
from commlb.records_coins import ErrorsOn, PublicCoins
from commlb.wording import small


def public_coins(problem: Problem, made: Machine, tally: NDArray[np.int64] | None) -> PublicCoins:
    """The errors that ``OneWayProtocol.tally`` counted (None: nothing was run), and the bound beside them.

    >>> from commlb.reductions import build
    >>> from commlb.machines import build as machine
    >>> made = build("equality", None, 64, None, None)
    >>> found = public_coins(made.problem, machine("fingerprint:bits=8", made.task, 64), None)
    >>> found.formula.error, found.bound.bits
    (0.00390625, 8.0)
    """
    trials, errors, limit = None, None, None
    if tally is not None:
        trials, errors = map(int, tally.sum(axis=0))
        limit = error_upper_limit(errors, trials)
    each = []
    if tally is not None and len(tally) == 2:
        for value, (runs, wrong) in enumerate(tally.tolist()):
            if runs:
                each.append(ErrorsOn(value, runs, wrong, error_upper_limit(wrong, runs)))
    return PublicCoins(
        trials=trials,
        errors=errors,
        error=errors / trials if trials and errors is not None else None,
        error_at_most=limit,
        confidence=None if trials is None else CONFIDENCE,
        distribution=problem.drawn,
        by_value=tuple(each),
        formula=made.error_formula(),
        bound=bound(problem, made, limit),
    )


def bound(problem: Problem, made: Machine, limit: float | None) -> Bound | None:
    """What any machine with public coins must send that errs as this one does; None if that is not known.

    For EQ at the error that is proved of the machine, on every pair; where queries ask for the symbols of x, at
    the limit of the mean error measured (uniform x, uniform query), by Fano's inequality for each coin and the
    convexity of g: R→_ε ≥ n·g(ε), public coins or not.
    """
    formula = made.error_formula()
    if isinstance(problem, Equality) and formula is not None and formula.right_on_value == 1:
        return problem.one_sided_bound(formula.error)
    if not problem.asks_positions or limit is None:
        return None
    g = "1 - H2(e)" if problem.symbols == 2 else "log2 k - H2(e) - e log2(k-1)"
    return Bound(
        bits=problem.n * fano_bits(limit, problem.symbols),
        model=f"randomised(ε={small(limit)} on average)",
        method=f"n({g})",
        evidence="sampled",
        source="Fano's inequality; Kremer, Nisan, Ron 1999",
        prefix_set="alice",
    )
