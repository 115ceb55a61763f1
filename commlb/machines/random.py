"""The machine that knows nothing: its state is scrambled by a fixed function of state and token."""

from __future__ import annotations

import numpy as np

from commlb.errors import BadInput, require_at_least
from commlb.kernels import compiled
from commlb.kernels.scramble import scramble
from commlb.machines.base import Array, Machine, Namer
from commlb.tasks.base import Task

MIXING = (
    "state' = mix(state + G·(token + 1) + mix(seed)) >> (64 - B) with "
    "mix(z): z ^= z >> 30; z *= 0xBF58476D1CE4E5B9; z ^= z >> 27; z *= 0x94D049BB133111EB; z ^= z >> 31 "
    "and G = 0x9E3779B97F4A7C15, all modulo 2^64"
)
FROM = 5_000_000
"""Steps of all runs from which the rest are made by the compiled kernel; the numbers are the same."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(z: Array) -> Array:
    """A bijection of 64-bit words in which every output bit depends on every input bit.

    The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014; variant 13 of Stafford).

    >>> hex(int(mix(np.array([1], np.uint64))[0]))
    '0x5692161d100b05e5'
    """
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


class Random(Machine):
    """B bits of state, scrambled by ``MIXING`` at every token; the answer is picked by the state."""

    name = "random"
    summary = "B bits scrambled at every token: the baseline that knows nothing. " + MIXING
    required = {"bits": "bits of state, 1 to 64"}
    optional = {"seed": "seed of the mixing, default 0"}
    examples = ("random:bits=3", "random:bits=64,seed=5")
    rows = 1
    dtype = np.uint64

    def __init__(self, task: Task, cut: int, bits: int, seed: int = 0):
        require_at_least("bits", bits, 1)
        require_at_least("seed", seed, 0)
        if bits > 64:
            raise BadInput(f"random keeps 1 to 64 bits; given bits={bits}; use window or store for more")
        self.parameters = {"bits": bits, "seed": seed}
        self.answers = np.array(task.answers)
        self.widths = [bits]
        self._shift = np.uint64(64 - bits)
        self._stepped = 0
        self._seed = mix(np.array([seed % 2**64], np.uint64))

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        self._stepped += len(tokens)
        if self._stepped >= FROM:
            compiled(scramble)(states[0], tokens, GOLDEN, self._seed[0], self._shift)
            return
        z = states[0] + GOLDEN * (tokens.astype(np.uint64) + np.uint64(1)) + self._seed
        states[0] = mix(z) >> self._shift

    def output(self, states: Array) -> Array:
        pick = mix(states[0] + GOLDEN) % np.uint64(len(self.answers))
        return self.answers[pick.astype(np.int64)]

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        return f"0x{int(state[0]):0{-(-self.storage_bits // 4)}x}"
