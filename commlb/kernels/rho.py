"""Walks of the map that a collision search follows, for the machine ``random``: word → input → state → word."""

from __future__ import annotations

from typing import Any

import numpy as np


def walk(
    starts: Any,
    bound: Any,
    most: int,
    at: Any,
    mask: Any,
    added: Any,
    slope: Any,
    plain: bool,
    table: Any,
    following: Any,
    writes: Any,
    begin: Any,
    shift: Any,
    fold: Any,
    lanes: int,
    ends: Any,
    lengths: Any,
) -> None:
    """From each start go on until a word is below ``bound``, ``most`` steps at most: where, after how many.

    starts, ends (N,) uint64, lengths (N,) int64; ``most`` ≥ 1. A step runs the machine from the state ``begin`` on
    T tokens, of which token k depends on the digit (word >> at[k]) & mask. What it adds to the state is added[k] +
    digit·slope[k] where the encoder is ``plain``, else table[k, e·(mask + 1) + digit] for the encoder's state e,
    which then becomes following[k, …]; where writes[k] (uint8) is 0 no more is done. The state is mixed and shifted
    right by ``shift``. fold (5,) = (seed, mask of a word, shift, whether states are wider than words, shift of
    those) turns the last state into the next word. All uint64 but N, T, ``most`` and ``lanes``.

    ``lanes`` walks go side by side, so that no token waits for the one before it and a vector unit is kept busy.
    """
    n, tokens, base = len(starts), len(at), mask + np.uint64(1)
    words, states = np.empty(lanes, np.uint64), np.empty(lanes, np.uint64)
    encoder, which, steps = np.empty(lanes, np.uint64), np.empty(lanes, np.int64), np.empty(lanes, np.int64)
    active = min(lanes, n)
    for r in range(active):
        words[r], which[r], steps[r] = starts[r], r, 0
    waiting = active
    while active > 0:
        for r in range(active):
            states[r] = begin
            encoder[r] = 0
        for k in range(tokens):
            place, first, each = at[k], added[k], slope[k]
            if plain:
                for r in range(active):
                    z = states[r] + first + ((words[r] >> place) & mask) * each
                    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                    states[r] = (z ^ (z >> np.uint64(31))) >> shift
            else:
                adds, moves = table[k], following[k]
                for r in range(active):
                    cell = encoder[r] * base + ((words[r] >> place) & mask)
                    encoder[r] = moves[cell]
                    if not writes[k]:
                        continue
                    z = states[r] + adds[cell]
                    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                    states[r] = (z ^ (z >> np.uint64(31))) >> shift
        if fold[3] != np.uint64(0):
            for r in range(active):
                z = states[r] + fold[0]
                z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                words[r] = (z ^ (z >> np.uint64(31))) >> fold[4]
        else:
            for r in range(active):
                z = (states[r] + fold[0]) & fold[1]
                z = ((z ^ (z >> fold[2])) * np.uint64(0xBF58476D1CE4E5B9)) & fold[1]
                z = ((z ^ (z >> fold[2])) * np.uint64(0x94D049BB133111EB)) & fold[1]
                words[r] = z ^ (z >> fold[2])
        r = 0
        while r < active:
            steps[r] += 1
            if words[r] >= bound and steps[r] < most:
                r += 1
                continue
            ends[which[r]], lengths[which[r]] = words[r], steps[r]
            if waiting < n:
                words[r], which[r], steps[r] = starts[waiting], waiting, 0
                waiting += 1
                r += 1
            else:  # the last lane takes its place, and is looked at next
                active -= 1
                words[r], which[r], steps[r] = words[active], which[active], steps[active]
