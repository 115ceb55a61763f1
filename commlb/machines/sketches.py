"""Classical randomised machines that are smaller than what they summarise, and err: sketches.

Their coins are public: fixed before the stream, read by Alice's half and by Bob's, and so no part of the state
and no part of the message. Coin j of a seed is word j of SplitMix64 (``words``). What is proved of a sketch is
proved for independent uniform coins, which such words stand for; with its coins fixed it is one deterministic
machine, and bound by all that is said of those.
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from commlb.bits import bits_needed
from commlb.errors import BadInput, require_at_least
from commlb.machines.base import Array, Machine, Namer, abridged
from commlb.machines.random import GOLDEN, mix
from commlb.records_coins import ErrorFormula
from commlb.tasks.equality import Equality
from commlb.tasks.index import Index

COINS = "; coin j = mix(mix(seed) + G·(j + 1)), mix and G as in random"
MOST_CELLS = 2**24
"""Bits of a filter, counters or kept symbols, at most."""

Words = NDArray[np.uint64]


def words(seeds: Words, place: Words) -> Words:
    """Coin word number ``place`` of each seed: word ``place`` of SplitMix64; the two shapes are broadcast.

    For a fixed place it is a bijection of seeds, so of a uniform seed each word is exactly uniform; several words
    of one seed are pseudorandom. Source: Steele, Lea, Flood, OOPSLA 2014.

    >>> hex(int(words(np.array([0], np.uint64), np.array([0], np.uint64))[0]))
    '0xe220a8397b1dcdaf'
    """
    return mix(mix(seeds) + GOLDEN * (place + np.uint64(1)))


def require_between(name: str, value: int, most: int, machine: str) -> None:
    require_at_least(name, value, 1)
    if value > most:
        raise BadInput(f"{machine} takes {name} from 1 to {most}; given {name}={value}; choose fewer")


class Sketch(Machine):
    """A machine that reads public coins: those of ``seed``, or of one fresh seed for each run (``tossed``)."""

    optional: ClassVar[dict[str, str]] = {"seed": "seed of the public coins, default 0"}
    randomised = True

    def __init__(self, seed: int, **parameters: int):
        require_at_least("seed", seed, 0)
        self.parameters = {**parameters, "seed": seed}
        self._seeds: Words = np.array([seed % 2**64], np.uint64)

    def tossed(self, rng: np.random.Generator, runs: int) -> Self:
        other = copy.copy(self)
        other._seeds = rng.integers(2**64, size=runs, dtype=np.uint64)
        return other

    def remark(self) -> str:
        return (
            f"reads the public coins of seed {self.parameters['seed']}, which are not stored; "
            "random trials of reduce have fresh ones"
        )

    def _coins(self, place: Array) -> Words:
        return words(self._seeds, np.asarray(place, np.uint64))

    @abstractmethod
    def error_formula(self) -> ErrorFormula | None: ...


class Reservoir(Sketch):
    """Reservoir sampling: k symbols of positions drawn uniformly; other queries get the task's default, 0.

    The first k symbols fill the k places. At position t ≥ k (from 0) the coin t modulo t + 1 names a place; if it
    is below k, the symbol is written there. Which positions lie in the places is a function of the coins and t,
    which are public: Bob works it out for himself, and only the k symbols are state. With private coins the
    positions would have to be stored and sent as well. State: the symbols; after the query the answer.

    A position is kept with probability k/n, exactly for independent uniform coins (t + 1 divides 2^64 to within
    (t+1)/2^64): a query errs with probability 1 − k/n unless x_i = 0. Source: Vitter 1985, algorithm R.
    """

    name = "reservoir"
    summary = "k symbols at positions drawn by the coins, which Bob knows; else the task's default" + COINS
    required = {"k": "symbols kept"}
    serves = ("index",)
    examples = ("reservoir:k=1", "reservoir:k=3,seed=2", "reservoir:k=99")

    def __init__(self, task: Index, cut: int, k: int, seed: int = 0):
        require_between("k", k, MOST_CELLS, self.name)
        super().__init__(seed, k=k)
        self.task = task
        self.rows = min(k, task.word_length)
        self.work_per_token = 2  # the query looks at every coin once more
        self.dtype = np.min_scalar_type(task.symbols - 1)
        self.widths = [bits_needed(task.symbols)] * self.rows

    def capacity_bits(self, t: int) -> float:
        kept = min(t, self.rows) if t <= self.task.word_length else 1
        return kept * math.log2(self.task.symbols)

    def largest_capacity_bits(self) -> float:
        return self.capacity_bits(self.task.word_length)

    def _place(self, t: int) -> Array:
        """Where the symbol of position t is written, for each seed; from ``rows`` on nowhere."""
        if t < self.rows:
            return np.full(len(self._seeds), t)
        return (self._coins(np.array([t])) % np.uint64(t + 1)).astype(np.int64)

    def kept(self, t: int) -> Array:
        """The positions whose symbols lie in each place after t tokens, −1 for none, for the first seed."""
        coins = words(self._seeds[:1], np.arange(t, dtype=np.uint64)) % np.arange(1, t + 1, dtype=np.uint64)
        place = np.where(np.arange(t) < self.rows, np.arange(t), coins.astype(np.int64))
        written = np.flatnonzero(place < self.rows)
        positions = np.full(self.rows, -1)
        np.maximum.at(positions, place[written], written)
        return positions

    def _place_of(self, asked: Array) -> Array:
        """The place in which the symbol of each position lies at the end, −1 if in none."""
        found = np.full(asked.shape, -1)
        for p in range(self.task.word_length):
            place = self._place(p)
            here = np.where(place < self.rows, place, -1)
            found = np.where(asked == p, here, np.where(found == place, -1, found))
        return found

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        runs = np.arange(states.shape[1])
        if t < self.task.word_length:
            place = np.broadcast_to(self._place(t), runs.shape)
            written = place < self.rows
            states[place[written], runs[written]] = tokens[written]
            return
        place = self._place_of(tokens - 1)
        answers = np.where(place >= 0, states[place, runs], self.task.default)
        states[...] = 0
        states[0] = answers

    def output(self, states: Array) -> Array:
        return states[0].astype(np.int64)

    def error_formula(self) -> ErrorFormula:
        return ErrorFormula(
            error=1 - self.rows / self.task.word_length,
            formula="1 - k/n",
            on=f"each query whose symbol is not {self.task.default}",
            source="Vitter 1985",
            never_on="any other",
            right_on_value=self.task.default,
        )

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        if t > self.task.word_length:
            return f"answer {int(state[0])}"
        kept = [(int(p) + 1, int(state[place])) for place, p in enumerate(self.kept(t)) if p >= 0]
        return abridged(sorted(kept), lambda pair: f"x_{pair[0]}={pair[1]}") or "nothing yet"


class Fingerprint(Sketch):
    """Equality by B inner products modulo 2: state' = state ⊕ token·R_{t mod n}, R_j the first B bits of coin j.

    At the end the state is R·(x ⊕ y), and the answer is yes iff it is zero. x = y is always accepted; each pair
    x ≠ y is accepted with probability 2^−B over independent coins: at a position where they differ, R_j is
    uniform and independent of the rest. If they differ in one position only, this is exact for these coins.

    This is less than the n bits of D→(EQ), and may be: that bound is for machines without error. With public coins
    R→_ε(EQ) is ⌈log 1/ε⌉ bits for one-sided error ε = 2^−B ≥ 2^−n (``Equality.one_sided_bound`` is the other
    half). The coins, n·B bits of them, are read and not stored. With the coins fixed it is one deterministic
    machine, and for B < n it errs on some pair: 2^B states cannot tell 2^n words apart.
    Source: Kushilevitz, Nisan 1997, Sec. 3.3.
    """

    name = "fingerprint"
    summary = "random inner products modulo 2 of the words: equal iff all agree" + COINS
    required = {"bits": "inner products kept, 1 to 64: an unequal pair is accepted with probability 2^-bits"}
    serves = ("equality",)
    examples = ("fingerprint:bits=1", "fingerprint:bits=3,seed=7", "fingerprint:bits=64")
    rows = 1
    dtype = np.uint64
    capacity_evidence = "upper bound"
    linear_over = 2

    def __init__(self, task: Equality, cut: int, bits: int, seed: int = 0):
        require_between("bits", bits, 64, self.name)
        super().__init__(seed, bits=bits)
        self.task, self.bits = task, bits
        self.widths = [bits]

    def capacity_bits(self, t: int) -> float:
        """After t tokens the state is a sum of t words R_j, of n at most."""
        return float(min(self.bits, t, self.task.bits))

    def largest_capacity_bits(self) -> float:
        return self.capacity_bits(self.task.bits)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        word = self._coins(np.array([t % self.task.bits])) >> np.uint64(64 - self.bits)
        states[0] ^= tokens.astype(np.uint64) * word

    def output(self, states: Array) -> Array:
        return (states[0] == 0).astype(np.int64)

    def error_formula(self) -> ErrorFormula:
        return ErrorFormula(
            error=2.0**-self.bits,
            formula=f"2^-{self.bits}",
            on="each pair x != y",
            source="Kushilevitz, Nisan 1997, Sec. 3.3",
            never_on="x = y",
            right_on_value=1,
        )

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        return f"{int(state[0]):0{self.bits}b}"
