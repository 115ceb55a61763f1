"""A linear recurrent network over a ring of integers, where nothing is rounded: exactly linear in what it reads."""

from __future__ import annotations

import math

import numpy as np

from commlb.bits import bits_needed
from commlb.errors import BadInput, require_at_least
from commlb.machines.base import Array, Machine, Namer, abridged
from commlb.machines.sketches import words
from commlb.tasks.base import Task

MOST_NUMBERS, MOST_MODULUS = 128, 2**22
"""So that a sum of d products of two residues is below 2^53, and exact in float64, whose products are fast."""

MANY_RUNS = 1024
"""From which the product is made in float64, to the same numbers."""


class Linear(Machine):
    """h' = A·h + b_token over ℤ/m: d numbers modulo m, from h = 0.

    A = L·U, L unit lower and U unit upper triangular, their other entries coins modulo m: invertible over every
    ring, so that no token read is forgotten by A alone. b_token: coins modulo m. Coins are words of SplitMix64, as
    in the sketches. The answer is picked by the first number. State: d numbers, log₂ m bits each.

    After a(x) the state is h(0) + Σ_j x_j·A^(T−t_j)·(b_1 − b_0), where bit j chooses between two tokens at t_j: it
    is affine in x, and a vector of {−1, 0, 1}^n in the kernel of the linear part is the difference of two inputs
    that it cannot tell apart.
    """

    name = "linear"
    summary = "d numbers modulo m, h' = A·h + b_token: a linear recurrent network, nothing rounded"
    required = {"d": f"numbers kept, 1 to {MOST_NUMBERS}"}
    optional = {"m": "the modulus, default 2", "seed": "seed of A and of the b's, default 0"}
    examples = ("linear:d=3", "linear:d=2,m=3,seed=1", "linear:d=3,m=8")
    capacity_evidence = "upper bound"

    def __init__(self, task: Task, cut: int, d: int, m: int = 2, seed: int = 0):
        require_at_least("d", d, 1)
        require_at_least("m", m, 2)
        require_at_least("seed", seed, 0)
        if d > MOST_NUMBERS or m > MOST_MODULUS:
            raise BadInput(f"linear takes d to {MOST_NUMBERS} and m to {MOST_MODULUS}; given d={d}, m={m}")
        self.parameters = {"d": d, "m": m, "seed": seed}
        self.linear_over = self.m = m
        self.rows, self.work_per_token = d, d * d
        self.widths = [bits_needed(m)] * d
        self.answers = np.array(task.answers)
        self._seeds = np.array([seed % 2**64], np.uint64)
        self.matrix = self._matrix(d)
        self._exact = self.matrix.astype(np.float64)

    def _coins(self, place: Array) -> Array:
        found = words(self._seeds, np.asarray(place, np.uint64)) % np.uint64(self.m)
        return found.astype(np.int64)

    def _matrix(self, d: int) -> Array:
        coins = self._coins(np.arange(2 * d * d)).reshape(2, d, d)
        lower, upper = np.tril(coins[0], -1) + np.eye(d, dtype=np.int64), np.triu(coins[1], 1)
        return lower @ (upper + np.eye(d, dtype=np.int64)) % self.m

    def vectors(self, tokens: Array) -> Array:
        """b_token for each token, shape (d, tokens)."""
        first = 2 * self.rows**2 + np.asarray(tokens, np.int64) * self.rows
        return self._coins(first + np.arange(self.rows)[:, None])

    def capacity_bits(self, t: int) -> float:
        """m^d residues; before the first token there is one state."""
        return self.rows * math.log2(self.m) if t else 0.0

    def largest_capacity_bits(self) -> float:
        return self.rows * math.log2(self.m)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        known, which = np.unique(tokens, return_inverse=True)
        few = states.shape[1] < MANY_RUNS
        moved = self.matrix @ states if few else (self._exact @ states.astype(np.float64)).astype(np.int64)
        states[...] = (moved + self.vectors(known)[:, which.reshape(-1)]) % self.m

    def output(self, states: Array) -> Array:
        picked: Array = self.answers[states[0] % len(self.answers)]
        return picked.astype(np.int64)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        return abridged(state.tolist())
