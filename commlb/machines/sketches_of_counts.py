"""Sketches of how often tokens have come: the Bloom filter and the count–min sketch, with their errors."""

from __future__ import annotations

import math

import numpy as np

from commlb.bits import bits_needed
from commlb.machines.base import Array, Namer, abridged
from commlb.machines.sketches import COINS, MOST_CELLS, Sketch, Words, require_between
from commlb.records_coins import ErrorFormula
from commlb.tasks.base import log2_binomial
from commlb.tasks.counting import Counting

MOST_HASHES = 64
"""Hash functions, at most."""

MOST_STEPS = 2**25
"""Steps that a formula's error may take; beyond, it is not given."""


class Bloom(Sketch):
    """A Bloom filter B of m bits and k hash functions: each token q sets the bits h_1(q), …, h_k(q).

    It holds which tokens have come, so it answers the threshold 1: yes iff all bits of q are set. For a larger
    threshold it answers the same, as a set has nothing better that is never wrong in saying no: a no is right
    for every threshold, a yes means that q may have come. h_j(q) is the coin (q−1)·k + j modulo m, uniform to
    within m/2^64. State: m bits; after the query the answer.

    A token that has not come is taken for one that has with probability ``false_positive(m, k, d)`` after d
    distinct others, exactly, over independent uniform hash values. Source: Bloom 1970; Bose et al. 2008.
    """

    name = "bloom"
    summary = "a Bloom filter of the tokens: yes iff the query may have come (any threshold)" + COINS
    required = {"bits": "bits of the filter", "hashes": "hash functions"}
    serves = ("counting",)
    examples = ("bloom:bits=1,hashes=1", "bloom:bits=13,hashes=2,seed=3", "bloom:bits=100,hashes=3")
    dtype = np.uint64
    capacity_evidence = "storage"

    def __init__(self, task: Counting, cut: int, bits: int, hashes: int, seed: int = 0):
        require_between("bits", bits, MOST_CELLS, self.name)
        require_between("hashes", hashes, MOST_HASHES, self.name)
        super().__init__(seed, bits=bits, hashes=hashes)
        self.task, self.bits, self.hashes = task, bits, hashes
        full, rest = divmod(bits, 64)
        self.widths = [64] * full + [rest] * (rest > 0)
        self.rows = len(self.widths)
        self.work_per_token = hashes

    def capacity_bits(self, t: int) -> float:
        return float(self.bits if t <= self.task.text_length else 1)

    def _places(self, tokens: Array, j: int) -> tuple[Array, Words]:
        """Row and shift of each token's j-th bit."""
        bit = self._coins((tokens - 1) * self.hashes + j) % np.uint64(self.bits)
        return (bit >> np.uint64(6)).astype(np.int64), bit & np.uint64(63)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        runs = np.arange(states.shape[1])
        if t < self.task.text_length:
            for j in range(self.hashes):
                rows, shifts = self._places(tokens, j)
                states[rows, runs] |= np.uint64(1) << shifts
        elif t == self.task.text_length:
            found = np.ones(states.shape[1], np.uint64)
            for j in range(self.hashes):
                rows, shifts = self._places(tokens, j)
                found &= states[rows, runs] >> shifts
            states[...] = 0
            states[0] = found

    def output(self, states: Array) -> Array:
        return (states[0] & np.uint64(1)).astype(np.int64)

    def error_formula(self) -> ErrorFormula | None:
        """Of a token that has not come, in the text with the most distinct tokens."""
        distinct = min(self.task.text_length, self.task.types - 1)
        if distinct * self.hashes * self.bits > MOST_STEPS:
            return None
        return ErrorFormula(
            error=false_positive(self.bits, self.hashes, distinct),
            formula="E[(X/m)^k], X bits set by k·d hash values",
            on=f"a token that has not come, after d = {distinct} distinct ones (the most)",
            source="Bose et al. 2008",
            never_on="one that has",
            right_on_value=1,
        )

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if t > self.task.text_length:
            return f"answer {int(state[0])}"
        return abridged(range(self.bits), lambda k: str(int(state[k // 64]) >> k % 64 & 1), 200, "")


def false_positive(bits: int, hashes: int, distinct: int) -> float:
    """P(all k bits of a new token are set) in a Bloom filter of m bits after d distinct tokens.

    E[(X/m)^k], X the number of bits that k·d independent uniform throws set: exact for independent uniform hash
    values, one throw at a time, in floating point without cancellation. The textbook's (1 − e^{−kd/m})^k, and
    also (1 − (1 − 1/m)^{kd})^k, are approximations, which Jensen's inequality puts below it for k ≥ 2; for k = 1
    the second is exact. Source: Bose et al., Information Processing Letters 2008.

    >>> false_positive(2, 1, 1), false_positive(2, 2, 1), (1 - (1 - 1 / 2) ** 2) ** 2
    (0.5, 0.625, 0.5625)
    """
    occupied = np.arange(bits + 1) / bits
    chance = np.zeros(bits + 1)
    chance[0] = 1.0
    for _ in range(hashes * distinct):
        hit = chance * occupied
        hit[1:] += chance[:-1] * (1 - occupied[:-1])
        chance = hit
    return float(chance @ occupied**hashes)


class CountMin(Sketch):
    """A count–min sketch: depth rows of width w counters; each token q adds 1 to counter h_j(q) of each row j.

    count(q) is taken to be the least of its counters, which is never below it: a no is always right. Counters
    hold up to n, so none overflows. h_j(q) is the coin (q−1)·depth + j modulo w, uniform to within w/2^64.
    State: the counters; after the query the estimate, at the end the answer.

    The estimate exceeds the count by more than e·n/w with probability at most e^{−depth}. A token that has not come
    has an estimate of at least 1 with probability (1 − (1 − 1/w)^d)^depth after d distinct others, exactly for
    independent uniform hash values. Source: Cormode, Muthukrishnan 2005.
    """

    name = "countmin"
    summary = "a count-min sketch of the tokens: never counts too few" + COINS
    required = {"width": "counters in a row", "depth": "rows, one hash function each"}
    serves = ("counting",)
    examples = ("countmin:width=1,depth=1", "countmin:width=3,depth=2,seed=4", "countmin:width=20,depth=3")
    capacity_evidence = "upper bound"
    linear_over = 0

    def __init__(self, task: Counting, cut: int, width: int, depth: int, seed: int = 0):
        require_between("depth", depth, MOST_HASHES, self.name)
        require_between("width", width, MOST_CELLS // depth, self.name)
        super().__init__(seed, width=width, depth=depth)
        self.task, self.width, self.depth = task, width, depth
        self.rows = width * depth
        self.work_per_token = depth
        self.dtype = np.min_scalar_type(task.text_length)
        self.widths = [bits_needed(task.text_length + 1)] * self.rows

    def capacity_bits(self, t: int) -> float:
        """Each row of counters sums to t; after the query there is a count of at most n."""
        if t > self.task.text_length:
            return math.log2(self.task.text_length + 1)
        return self.depth * log2_binomial(t + self.width - 1, t)

    def largest_capacity_bits(self) -> float:
        return max(self.capacity_bits(self.task.text_length + k) for k in (0, 1))

    def _rows(self, tokens: Array) -> Array:
        """The rows of each token's counters, of shape (depth, runs)."""
        each = np.arange(self.depth)[:, None]
        return (self._coins((tokens - 1) * self.depth + each) % np.uint64(self.width)).astype(
            np.int64
        ) + each * self.width

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        runs = np.arange(states.shape[1])
        if t < self.task.text_length:
            states[self._rows(tokens), runs] += 1
        elif t == self.task.text_length:
            least = states[self._rows(tokens), runs].min(axis=0)
            states[...] = 0
            states[0] = least
        else:
            states[0] = states[0] >= tokens

    def output(self, states: Array) -> Array:
        return states[0].astype(np.int64)

    def error_formula(self) -> ErrorFormula:
        """Of a token that has not come at threshold 1, in the text with the most distinct tokens."""
        distinct = min(self.task.text_length, self.task.types - 1)
        return ErrorFormula(
            error=(1 - (1 - 1 / self.width) ** distinct) ** self.depth,
            formula="(1 - (1 - 1/w)^d)^depth",
            on=f"a token that has not come, threshold 1, after d = {distinct} distinct ones (the most)",
            source="proof: CountMin; Cormode, Muthukrishnan 2005",
            never_on="one that has",
            right_on_value=1,
        )

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if t > self.task.text_length:
            return f"{'count' if t == self.task.text_length + 1 else 'answer'} {int(state[0])}"
        return " | ".join(abridged(row.tolist()) for row in state.reshape(self.depth, -1))
