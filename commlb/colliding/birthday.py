"""How many runs a collision takes, and how long the walks of a search for one should be."""

from __future__ import annotations

import math
from dataclasses import dataclass

from commlb.colliding.walks import WORD
from commlb.errors import BadInput
from commlb.machines.base import Machine
from commlb.reductions.base import Reduction

MOST_WORK = 2**36
"""Runs at most, unless the user allows more."""

POINTS = 17
"""log₂ of the ends of walks that are aimed at."""

TOO_LONG = 16
"""Times the mean length, after which a walk is given up: it goes round in a cycle without a distinguished word."""

SHORT = 5
"""log₂ of the mean length of walks at most, of machines that may be no random map."""


@dataclass(frozen=True)
class Plan:
    """How long walks are and how many are made at a time: numbers of the search, not of the machine it runs on.

    A word is distinguished if it is below 2^(k − d), so that a walk has 2^d steps in the mean. ``block`` walks are
    one piece of work.
    """

    expected_runs: float
    bits: int
    d: int
    block: int

    @property
    def bound(self) -> int:
        return 1 << self.bits - self.d

    @property
    def most(self) -> int:
        return TOO_LONG << self.d


def state_bits(machine: Machine, cut: int) -> float:
    """s: log₂ of the number of states at the cut, as far as it is known from above."""
    return min(float(machine.storage_bits), machine.capacity_bits(cut))


def expected_runs(s: float) -> float:
    """√(π/2)·2^{s/2}, the mean number of draws from 2^s values up to the first that came before; inf if too large.

    A machine needs fewer, as two prefixes can come together at any token from the last on in which they differ. If
    these are m tokens in the mean, and each step is a random map, then it is 1/√m of this: for one token a bit, m =
    1 + ½ + ¼ + … = 2. (With 64 bits the steps of ``random`` are permutations, and m = 1.)

    >>> round(expected_runs(48) / 2**24, 3)
    1.253
    """
    return math.sqrt(math.pi / 2) * 2 ** (s / 2) if s < 2000 else math.inf


def planned(reduction: Reduction, machine: Machine, bits: int, known: bool) -> Plan:
    """The plan of a search in words of ``bits`` bits. Refuses so few that there may be no collision.

    ``known``: the map is as good as random. Of other machines the states that are reached may be far fewer than
    2^s, so that long walks would go round in cycles.

    Of words of k < s bits most that collide do so without their states. 2^{s−k} such pairs come before a true one,
    and walks must be so short that few of them run into what was walked before: 2^d ≤ 2^{k−s/2−2}.
    """
    s = state_bits(machine, reduction.cut)
    need = math.ceil(max(s / 2 + 2, s - 14))
    if bits < min(need, WORD):
        raise BadInput(
            f"a collision search among 2^{s:.4g} states needs at least {min(need, WORD)} bits of input; "
            f"{reduction.n} symbols of {reduction.symbols} kinds give {bits}; raise n, or take the method layers"
        )
    work = expected_runs(s)
    log = math.log2(min(work, MOST_WORK))
    d = min(max(math.floor(log) - POINTS, math.floor(log / 2) - 5, 0), WORD if known else SHORT)
    d = max(min(d, math.floor(bits - s / 2 - 2), bits // 2 - 3), 0)
    if bits == WORD:  # so that the bound is below 2^64
        d = max(d, 1)
    block = 2 ** int(min(max(log - 5 - d, 4), 12 if known else 8))
    return Plan(work, bits, d, block)
