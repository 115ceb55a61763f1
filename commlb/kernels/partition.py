"""The steps of counting large sets of keys: scramble, part into buckets, number the keys in each, add up.

No step writes what a later one has to undo, and each reads its input in order: ``distinct.py`` says how they
fit together. Integers are 64-bit words modulo 2^64. The bucket of a hash is its top half times the number of
buckets, over 2^32: with an odd number, the buckets of 2^k keys do not all begin at one place modulo a power
of two, which made ``scatter`` up to 3 times slower at 2^23 and 2^25 keys.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def mix(row: Any) -> None:
    """Scramble each word of ``row`` (N,) in place, by the bijection that ``unmix`` undoes.

    Every output bit depends on every input bit: SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014).
    """
    for i in range(len(row)):
        z = row[i]
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        row[i] = z ^ (z >> np.uint64(31))


def unmix(row: Any) -> None:
    """Undo ``mix``, in place: the inverses of its factors modulo 2^64 and of its shifts, last first."""
    for i in range(len(row)):
        z = row[i]
        z = (z ^ (z >> np.uint64(31)) ^ (z >> np.uint64(62))) * np.uint64(0x319642B2D24D8EC3)
        z = (z ^ (z >> np.uint64(27)) ^ (z >> np.uint64(54))) * np.uint64(0x96DE1B173F119089)
        row[i] = z ^ (z >> np.uint64(30)) ^ (z >> np.uint64(60))


def sizes(hashed: Any, out: Any) -> None:
    """Add to ``out`` (buckets,) how many of ``hashed`` (N,) belong to each bucket."""
    buckets = np.uint64(len(out))
    for i in range(len(hashed)):
        out[(hashed[i] >> np.uint64(32)) * buckets >> np.uint64(32)] += 1


def scatter(hashed: Any, places: Any, row: Any, out: Any) -> None:
    """Put row[i] into ``out`` (N,) at the next place of its bucket, so that a bucket keeps its order.

    places (buckets,): where each bucket begins; on return, where it ends.
    """
    buckets = np.uint64(len(places))
    for i in range(len(row)):
        bucket = (hashed[i] >> np.uint64(32)) * buckets >> np.uint64(32)
        out[places[bucket]] = row[i]
        places[bucket] += 1


def gather(hashed: Any, places: Any, row: Any, out: Any) -> None:
    """Undo ``scatter``: out[i] is the entry of ``row`` to which entry i went. places as there."""
    buckets = np.uint64(len(places))
    for i in range(len(out)):
        bucket = (hashed[i] >> np.uint64(32)) * buckets >> np.uint64(32)
        out[i] = row[places[bucket]]
        places[bucket] += 1


def number(keys: Any, start: Any, ends: Any, table: Any, group: Any) -> int:
    """Number the distinct columns of ``keys`` (words, N) by first appearance; returns how many there are.

    Equal keys lie in one bucket: keys[0] is a hash, the first bucket begins at ``start``, and bucket b ends
    before ends[b]. group (N,), out: the number of each column from ``start`` on. table (a power of two ≥ 4
    times the largest bucket), zeros: entry 1 + i stands for column i, the first with its key; what an earlier
    bucket left is below 1 + ``begin`` and counts as free.
    A bucket uses 4 to 8 entries for each of its own keys, so that a large bucket costs the others nothing.

    A free entry is read as column i itself, which equals itself: no branch asks whether a key is new, which
    no processor could foresee (measured: 2.5 instead of 5.3 ns a key where half the keys are new).
    """
    found: Any = 0
    end = start
    for b in range(len(ends)):
        begin = end
        end = ends[b]
        slots = 1
        while slots < 4 * (end - begin):
            slots *= 2
        mask = np.uint64(slots - 1)
        for i in range(begin, end):
            place = keys[0, i] & mask
            group[i] = found
            while True:
                first = np.int64(table[place]) - 1
                new = np.int64(first < begin)
                first += new * (i - first)
                if keys[0, first] == keys[0, i]:
                    same = True
                    for w in range(1, len(keys)):
                        if keys[w, first] != keys[w, i]:
                            same = False
                    if same:
                        break
                place = (place + np.uint64(1)) & mask
            table[place] = first + 1
            group[i] = group[first]
            found += new
    return found


def put(which: Any, row: Any, out: Any) -> None:
    """out[which[i]] = row[i]; entries that go to one place are equal."""
    for i in range(len(row)):
        out[which[i]] = row[i]


def tally(which: Any, out: Any) -> None:
    """Add 1 to column which[i] of ``out`` (limbs, R), numbers of 64-bit limbs, lowest first."""
    limbs = len(out)
    if limbs == 1:
        for i in range(len(which)):
            out[0, which[i]] += np.uint64(1)
        return
    for i in range(len(which)):
        for k in range(limbs):
            out[k, which[i]] += np.uint64(1)
            if out[k, which[i]] != 0:
                break


def add(which: Any, values: Any, out: Any) -> None:
    """Add values[:, i] to column which[i] of ``out`` (limbs, R), numbers of 64-bit limbs, lowest first.

    values (limbs or fewer, N). The sum is exact modulo 2^(64·limbs).
    """
    given, n = values.shape
    limbs = len(out)
    if limbs == 1:
        for i in range(n):
            out[0, which[i]] += values[0, i]
        return
    for i in range(n):
        column = which[i]
        carry = np.uint64(0)
        for k in range(limbs):
            total = out[k, column] + carry
            carry = np.uint64(total < carry)
            if k < given:
                total += values[k, i]
                carry += np.uint64(total < values[k, i])
            out[k, column] = total
