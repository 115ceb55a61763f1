"""Pairs of keys and values: what the tasks that store them have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from commlb.errors import BadInput, require_at_least
from commlb.symbolic import Unknown
from commlb.tasks.base import log2_binomial


def check_pairs(pairs: Any, keys: Any, values: Any, fixed: bool) -> None:
    """Refuse sizes at which there are too few keys, or keys to choose from though their order is fixed."""
    require_at_least("pairs", pairs, 1)
    require_at_least("values", values, 2)
    require_at_least("keys", keys, 1)
    if isinstance(keys, Unknown) or isinstance(pairs, Unknown):
        return
    if keys < pairs:
        raise BadInput(f"keys must be at least the {pairs} pairs; given {keys}")
    if fixed and keys > pairs:
        raise BadInput(f"with fixed keys there are as many as pairs, {pairs}; given {keys}")


KEYS = "fixed: the keys come in the order 1, 2, ...; free: in any (default fixed)"
"""What the option ``keys`` means."""


def are_fixed(keys: str) -> bool:
    """What the user said of the keys, "fixed" or "free"."""
    if keys not in ("fixed", "free"):
        raise BadInput(f"keys must be fixed or free; given {keys!r}")
    return keys == "fixed"


def log2_dictionaries(keys: int, values: int, done: int, waiting: int = 0) -> float:
    """log₂ of the number of dictionaries of ``done`` keys, and ``waiting`` (0 or 1) more without its value.

    >>> [round(2 ** log2_dictionaries(3, 2, *sizes)) for sizes in ((2,), (1, 1))]
    [12, 12]
    """
    bits = log2_binomial(keys, done) + done * math.log2(values)
    return bits + (math.log2(keys - done) if waiting else 0.0)


def fullest(keys: int, values: int, pairs: int) -> Iterable[int]:
    """Numbers of pairs s among which the most dictionaries are: C(K, s)·V^s grows while (K − s)V ≥ s + 1.

    A waiting key multiplies the number by K − s, which only moves the turn by one.
    """
    turn = (keys * values - 1) // (values + 1)
    return {min(pairs, max(0, turn + k)) for k in (-1, 0, 1, 2)} | {max(0, pairs - 1), pairs}
