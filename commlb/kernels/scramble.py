"""One step of the machine ``random``: state and token scrambled into the next state."""

from __future__ import annotations

from typing import Any

import numpy as np


def scramble(states: Any, tokens: Any, golden: Any, seed: Any, shift: Any) -> None:
    """states ← mix(states + golden·(token + 1) + seed) >> shift, in place, modulo 2^64.

    states (runs,) uint64, tokens (runs,) integers; golden, seed, shift uint64. mix: SplitMix64's finaliser.
    """
    for r in range(len(states)):
        z = states[r] + golden * (np.uint64(tokens[r]) + np.uint64(1)) + seed
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        states[r] = (z ^ (z >> np.uint64(31))) >> shift
