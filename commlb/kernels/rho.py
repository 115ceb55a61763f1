"""Walks of the map that a collision search follows, for the machine ``random``: word → input → state → word.

Arrays of lanes have one walk an entry, the first ``active`` of them under way. All numbers are uint64 but counts.
"""

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
    right by ``shift``. ``fold`` makes the last state the next word (``next_words``).

    ``lanes`` walks go side by side, so that no token waits for the one before it and a vector unit is kept busy.
    """
    n, tokens = len(starts), len(at)
    # arrays of their own: with the rows of one array the loops were not vectorised, and 6 times slower
    words, states = np.zeros(lanes, np.uint64), np.zeros(lanes, np.uint64)
    encoder, adds, cells = np.zeros(lanes, np.uint64), np.zeros(lanes, np.uint64), np.zeros(lanes, np.uint64)
    which, steps = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
    active = waiting = min(lanes, n)
    for r in range(active):
        words[r], which[r] = starts[r], r
    while active > 0:
        for r in range(active):
            states[r], encoder[r] = begin, 0
        for k in range(tokens):
            if plain:
                add_straight(words, at[k], mask, added[k], slope[k], active, adds)
            else:
                add_by_table(words, at[k], mask, table[k], following[k], active, encoder, cells, adds)
            if writes[k]:
                scramble_lanes(states, adds, shift, active)
        next_words(states, fold, active, words)
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


def add_straight(words: Any, place: Any, mask: Any, first: Any, slope: Any, active: int, adds: Any) -> None:
    """adds[r] = first + slope·digit, modulo 2^64."""
    for r in range(active):
        adds[r] = first + ((words[r] >> place) & mask) * slope


def add_by_table(
    words: Any,
    place: Any,
    mask: Any,
    row: Any,
    moves: Any,
    active: int,
    encoder: Any,
    cells: Any,
    adds: Any,
) -> None:
    """adds[r] = row[e·(mask + 1) + digit] for the encoder's state e, which becomes ``moves`` at the same place.

    A short table is gone through, each entry compared in all lanes: a vector unit does that 3 times as fast as
    it fetches.
    """
    base = mask + np.uint64(1)
    for r in range(active):
        cells[r] = encoder[r] * base + ((words[r] >> place) & mask)
    if len(row) > 8:
        for r in range(active):
            adds[r], encoder[r] = row[cells[r]], moves[cells[r]]
        return
    for r in range(active):
        adds[r], encoder[r] = row[0], moves[0]
    for c in range(1, len(row)):
        cell, value, move = np.uint64(c), row[c], moves[c]
        for r in range(active):
            adds[r] = value if cells[r] == cell else adds[r]
            encoder[r] = move if cells[r] == cell else encoder[r]


def scramble_lanes(states: Any, adds: Any, shift: Any, active: int) -> None:
    """states ← mix(states + adds) >> shift: a step of the machine ``random``, as in ``scramble``."""
    for r in range(active):
        z = states[r] + adds[r]
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        states[r] = (z ^ (z >> np.uint64(31))) >> shift


def next_words(states: Any, fold: Any, active: int, words: Any) -> None:
    """The words that follow states, fold (5,) = (seed, mask, half, wide, spare) of a word of k bits.

    Where states are ``wide``, of more than k bits: mix(state + seed) >> spare, spare = 64 − k. Else the bijection
    of k bits that mix is with all its shifts made half = ⌈k/2⌉, all modulo 2^k = mask + 1.
    """
    seed, mask, half, wide, spare = fold[0], fold[1], fold[2], fold[3], fold[4]
    for r in range(active):
        z = states[r] + seed
        if wide:
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            words[r] = (z ^ (z >> np.uint64(31))) >> spare
        else:
            z = z & mask
            z = ((z ^ (z >> half)) * np.uint64(0xBF58476D1CE4E5B9)) & mask
            z = ((z ^ (z >> half)) * np.uint64(0x94D049BB133111EB)) & mask
            words[r] = z ^ (z >> half)
