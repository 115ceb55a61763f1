"""What random runs can have shown: confidence limits derived again, and counts that chance does not give."""

from __future__ import annotations

import math
from collections.abc import Sequence

from commlb.checking.common import Notes, require, same
from commlb.fano import ceiling_accuracy, fano_bits
from commlb.problems import Problem
from commlb.records import Answers, ReadOut, ReduceResult

CONFIDENCE = 0.99
"""Of what ``commlb reduce`` samples."""

MOST_COUNTED = 2**14
"""Errors up to which the terms of a binomial sum are added."""

RARE = 1e-9
"""Counts with a smaller chance are refused."""


def lower_tail(count: int, trials: int, p: float) -> float:
    """P(at most ``count`` of ``trials``), each with chance ``p``.

    >>> round(lower_tail(1, 2, 0.5), 9), lower_tail(0, 3, 0.0), lower_tail(2, 3, 1.0)
    (0.75, 1.0, 0.0)
    """
    if p <= 0 or count >= trials:
        return 1.0
    if p >= 1 or count < 0:
        return 0.0
    whole, yes, no = math.lgamma(trials + 1), math.log(p), math.log1p(-p)
    return min(1.0, math.fsum(
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * yes + (trials - k) * no)
        for k in range(count + 1)
    ))  # fmt: skip


def upper_limit(errors: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """The error U of Clopper and Pearson with P(at most ``errors`` | U) = 1 − ``confidence``, by bisection.

    >>> round(upper_limit(0, 1000), 5), upper_limit(3, 3)
    (0.00459, 1.0)
    """
    if errors >= trials:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if lower_tail(errors, trials, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def check_answers(answers: Answers, room: float, problem: Problem, notes: Notes) -> None:
    """Limits and confidence of the answers, as their evidence asks for them."""
    if answers.evidence == "exhaustive":
        same("answers.confidence", answers.confidence, None)
        same("answers.accuracy_at_least", answers.accuracy_at_least, None)
        if problem.asks_positions:
            most = ceiling_accuracy(room, problem.n, problem.symbols)
            allowed = answers.accuracy <= most + 1e-9
            require(
                allowed, f"answers.accuracy {answers.accuracy:.6g} is above {most:.6g}, which the room allows"
            )
        return
    same("answers.confidence", answers.confidence, CONFIDENCE)
    given = answers.accuracy_at_least
    within = given is not None and 0 <= given <= answers.accuracy
    require(within, "answers.accuracy_at_least must be in 0..accuracy where answers are sampled")
    if answers.errors > MOST_COUNTED:
        notes.take("the confidence limit of the answers: too many errors to be summed here")
        return
    limit = upper_limit(answers.errors, answers.trials)
    same("answers.accuracy_at_least", given, 1 - limit)
    shown = problem.n * fano_bits(limit, problem.symbols) if problem.asks_positions else None
    require(shown is None or answers.fano_bits is None or abs(answers.fano_bits - shown) <= 1e-6 * problem.n,
            f"answers.fano_bits is written as {answers.fano_bits}; derived again it is {shown}")  # fmt: skip


def check_readout(found: ReadOut, problem: Problem, notes: Notes) -> None:
    """The counts of a linear read-out, and the bits that follow; its weights are not in the file."""
    require(
        problem.asks_positions, f"a read-out tells the symbols of x; {problem.name} does not ask for them"
    )
    same("readout.method", found.method, "linear")
    same("readout.evidence", found.evidence, "sampled")
    same("readout.confidence", found.confidence, CONFIDENCE)
    for name, value in (
        ("numbers", found.numbers + 1),
        ("fitted_on", found.fitted_on),
        ("trials", found.trials),
    ):
        require(value >= 1, f"readout.{name} is out of range")
    n, trials = problem.n, found.trials
    fits = len(found.errors) == n and all(0 <= wrong <= trials for wrong in found.errors)
    require(fits, f"readout.errors must be {n} counts of at most {trials}")
    same("readout.accuracy", found.accuracy, 1 - sum(found.errors) / (trials * n))
    if sum(found.errors) > MOST_COUNTED:
        notes.take("the bits that the read-out shows: too many errors to be summed here")
        return
    limits = [upper_limit(wrong, trials, 1 - (1 - CONFIDENCE) / n) for wrong in found.errors]
    shown = math.fsum(fano_bits(limit, problem.symbols) for limit in limits)
    require(
        abs(found.information_bits - shown) <= 1e-6 * n,
        f"readout.information_bits is written as {found.information_bits}; derived again it is {shown}",
    )
    notes.add("the bits that the read-out shows", "from its errors, query by query", f"{shown:.6g} bits")
    notes.take("the read-out's own errors, which its weights are not here to repeat")


def check_guesses(found: ReadOut, best: Sequence[int], inputs: int) -> None:
    """Refuse a read-out that is right more often than the best guess from the state is, beyond chance."""
    for i, (wrong, least) in enumerate(zip(found.errors, best, strict=True), start=1):
        if wrong <= MOST_COUNTED:
            require(
                lower_tail(wrong, found.trials, least / inputs) >= RARE,
                f"readout.errors: {wrong} of {found.trials} at i = {i}; the best guess errs on {least} of {inputs}",
            )


def check_chance(answers: Answers, errors: int, of: int, notes: Notes) -> None:
    """Sampled errors against those of all inputs and queries, ``errors`` of ``of``."""
    wrong, trials, p = answers.errors, answers.trials, errors / of
    if min(wrong, trials - wrong) > MOST_COUNTED:
        notes.take("that chance gives so many errors: too many to be summed here")
        return
    fewer = lower_tail(wrong, trials, p) if wrong <= trials * p else 1.0
    more = lower_tail(trials - wrong, trials, 1 - p) if wrong >= trials * p else 1.0
    require(
        2 * min(fewer, more) >= RARE,
        f"{wrong} errors in {trials} trials are written; with {errors} of {of} inputs and queries wrong, chance "
        "does not give that",
    )
    notes.add("the sampled answers", "against all inputs and queries, run again", f"{errors} of {of} wrong")


def never_errs(found: ReduceResult, errs: bool) -> bool | None:
    """What can be said of the machine by its kind and by its answers."""
    answers = found.answers
    if not found.reduction_check.holds:
        return None
    if not errs:
        return True
    if answers is None or (answers.errors == 0 and answers.evidence == "sampled"):
        return None
    return answers.errors == 0
