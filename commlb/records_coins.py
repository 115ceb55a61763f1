"""Frozen results on machines that read public coins: their errors, measured and by formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commlb.records import Bound


@dataclass(frozen=True)
class ErrorFormula:
    """The error of a randomised machine over independent public coins, by a formula with its source.

    ``error`` is that of each input named in ``on``, or the largest of them where ``on`` says so. Whatever the
    coins, it never errs ``never_on`` those inputs, which are the ones whose answer is ``right_on_value``.
    """

    error: float
    formula: str
    on: str
    source: str
    never_on: str
    right_on_value: int


@dataclass(frozen=True)
class ErrorsOn:
    """Errors in the trials whose right value was ``value``; ``error_at_most`` at the confidence of its list."""

    value: int
    trials: int
    errors: int
    error_at_most: float


@dataclass(frozen=True)
class PublicCoins:
    """Errors of a randomised machine, inputs drawn as ``distribution`` says and fresh public coins each trial.

    ``error_at_most``: the upper confidence limit of the mean error. ``by_value``: the trials told apart by f(x, y),
    where it is a bit, each limit at ``confidence`` on its own. ``bound``: the room that any machine with public
    coins needs that errs as little as ``bound.model`` says; it is over all coins, some may use less. Numbers are
    None where nothing was run.
    """

    trials: int | None
    errors: int | None
    error: float | None
    error_at_most: float | None
    confidence: float | None
    distribution: str
    by_value: tuple[ErrorsOn, ...]
    formula: ErrorFormula | None
    bound: Bound | None
