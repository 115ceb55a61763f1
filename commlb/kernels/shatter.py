"""Searching for columns that are shattered: a branch and bound to the end, and annealing that only finds.

Bit sets are rows of uint64 words. Arithmetic stays within 64 bits, so that plain Python gives the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FOUND, REFUTED, PAUSED = 1, 0, -1


def search(
    planes: Any,
    cells: Any,
    lists: Any,
    lengths: Any,
    places: Any,
    keys: Any,
    state: Any,
    columns: Any,
    most: Any,
) -> Any:
    """Choose ``columns`` of the candidates so that each given cell falls into all k^columns patterns.

    planes (V, k, W) uint64: the rows at which a column shows each symbol. cells (all, W) uint64: the given
    cells, C of them, then the cells of each level below, k times as many as above. lists (columns, V) int64 and
    lengths (columns,) int64: the candidates at each level; those of level 0 are given, and leave k^(columns − 1)
    rows in each part of each cell. places (columns,) int64: the place after the one chosen at each level. keys
    (max(V, all),) int64: scratch. state (3,) int64: level, nodes so far, C.

    Returns FOUND, with the choice at lists[l, places[l] − 1]; REFUTED; or PAUSED once there were ``most`` nodes,
    and the next call goes on from there. A candidate stays only if it leaves, in each part of each cell, the rows
    that the columns to come need. Those that leave fewest come first: their subtrees are small, and they are
    gone from the others.
    """
    one, two, four = np.uint64(1), np.uint64(2), np.uint64(4)
    odd, pairs = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
    nibbles, low = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(127)
    eight, sixteen, half = np.uint64(8), np.uint64(16), np.uint64(32)
    k, words, first = planes.shape[1], planes.shape[2], state[2]
    counts = np.zeros(k, np.int64)
    level = state[0]
    while level >= 0:
        if lengths[level] - places[level] < columns - level:
            level -= 1
            continue
        if level == columns - 1:
            places[level] += 1
            state[0] = level
            return FOUND
        if state[1] >= most:
            state[0] = level
            return PAUSED
        chosen = lists[level, places[level]]
        places[level] += 1
        state[1] += 1
        size = first * k**level
        start = first * ((k**level - 1) // (k - 1))
        below, parts = start + size, size * k
        need = k ** (columns - level - 2)
        for q in range(parts):  # the parts, and their order by size: the smallest refuse soonest
            rows: Any = 0
            for w in range(words):
                x = cells[start + q // k, w] & planes[chosen, q % k, w]
                cells[below + q, w] = x
                x -= x >> one & odd
                x = (x & pairs) + (x >> two & pairs)
                x = x + (x >> four) & nibbles
                x += x >> eight
                x += x >> sixteen
                x += x >> half
                rows += np.int64(x & low)
            keys[q] = rows * parts + q
        order = np.sort(keys[:parts]) % parts + below
        kept = 0
        for place in range(places[level], lengths[level]):
            c = lists[level, place]
            score, stays = 0, True
            for q in order:
                for s in range(k):
                    rows = 0
                    for w in range(words):
                        x = cells[q, w] & planes[c, s, w]
                        x -= x >> one & odd
                        x = (x & pairs) + (x >> two & pairs)
                        x = x + (x >> four) & nibbles
                        x += x >> eight
                        x += x >> sixteen
                        x += x >> half
                        rows += np.int64(x & low)
                    counts[s] = rows
                    if rows < need:
                        stays = False
                        break
                if not stays:
                    break
                score += counts.min()
            if stays:
                keys[kept] = score << 32 | c
                kept += 1
        level += 1
        lists[level, :kept] = np.sort(keys[:kept]) & 0xFFFFFFFF
        lengths[level], places[level] = kept, 0
    state[0] = -1
    return REFUTED


def anneal(
    planes: Any,
    chosen: Any,
    powers: Any,
    codes: Any,
    undefined: Any,
    seen: Any,
    state: Any,
    moves: Any,
    slacks: Any,
) -> Any:
    """Change one chosen column at a time so that more patterns occur: up to a set that is shattered.

    planes (V, k, W) as in ``search``. chosen (d,) int64; powers (d,) int64: k^0 … k^(d−1). codes, undefined (R,)
    int64: for each row its pattern so far, as a number, and at how many of the chosen it is not defined. seen
    (k^d,) int64 and state (2,) int64, the last stamp in ``seen`` and the patterns that occur. moves (steps, 2)
    int64: which of the chosen gives way to which column. slacks (steps,): the loss that is put up with.

    Returns True as soon as all patterns occur.
    """
    one, bits, whole = np.uint64(1), np.uint64(63), len(seen)
    symbols, rows = planes.shape[1], len(codes)
    for step in range(len(moves)):
        slot, new = moves[step]
        old, power = chosen[slot], powers[slot]
        if old == new:
            continue
        state[0] += 1
        count = 0
        for r in range(rows):
            word, bit = r >> 6, np.uint64(r) & bits
            at, pattern = undefined[r] + 0, codes[r] + 0
            was, now = -1, -1
            for s in range(symbols):
                if planes[old, s, word] >> bit & one:
                    was = s
                if planes[new, s, word] >> bit & one:
                    now = s
            at += (was >= 0) * 1 - (now >= 0) * 1
            if at == 0:
                pattern += power * (max(now, 0) - max(was, 0))
                if seen[pattern] != state[0]:
                    seen[pattern] = state[0]
                    count += 1
        if count < state[1] - slacks[step]:
            continue
        chosen[slot], state[1] = new, count
        for r in range(rows):
            word, bit = r >> 6, np.uint64(r) & bits
            was, now = -1, -1
            for s in range(symbols):
                if planes[old, s, word] >> bit & one:
                    was = s
                if planes[new, s, word] >> bit & one:
                    now = s
            undefined[r] += (was >= 0) * 1 - (now >= 0) * 1
            codes[r] += power * (max(now, 0) - max(was, 0))
        if count == whole:
            return True
    return False
