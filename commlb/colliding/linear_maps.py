"""Collisions of machines that are linear in what they read: a vector in the kernel of the prefix map.

If the state after a(x) is s(0) + Σ_j x_j·c_j over a ring, then d ∈ {−1, 0, 1}^n with Σ_j d_j·c_j = 0 is the
difference of two inputs that lead to one state: x = 1 where d = −1, x' = 1 where d = 1, both 0 elsewhere. What a
machine declares (``Machine.linear_over``) is never trusted: its columns are runs of it, tested on random inputs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from commlb.colliding.certificates import run_both
from commlb.kernels.distinct import groups
from commlb.machines.base import Array, Machine
from commlb.protocol import OneWayProtocol
from commlb.reductions.base import Reduction
from commlb.wording import counted

MOST_COLUMNS = 2**13
"""Columns that are run: those of the first positions of x."""

TESTS = 16
"""Random inputs on which it is tested that the map is affine; only speed depends on their number."""

MOST_SUBSETS, MOST_NUMBERS = 20, 2**24
"""log₂ of the subsets of columns whose sums are compared, and how many numbers these sums may hold."""

BLOCK, BLOCK_BITS = 14, 20
"""Columns whose {−1, 0, 1}-sums, 3^14 of them, are to be 0 in numbers of 20 bits in all."""

Pair = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Kernel:
    """What came of it: two inputs in one state, or None; ``how`` says it in a sentence."""

    pair: Pair | None
    how: str


def kernel_pair(reduction: Reduction, machine: Machine, cells: int) -> Kernel:
    """Two inputs in one state by the kernel of the prefix map, touching about ``cells`` cells of state at most.

    Over ℤ/2 by elimination, so that one is found whenever there is one among the columns run: n may be thousands.
    Factors 2 and 3 of other moduli are dealt with by elimination too, one at a time in disjoint blocks of columns;
    for what is left, and over ℤ, sets of columns with one sum are looked for, some numbers at a time. That may find
    none where there is one.

    >>> from commlb import machines, reductions
    >>> r = reductions.build("index", None, 9, None, None)
    >>> kernel_pair(r, machines.build("linear:d=8", r.task, r.cut), 2**20).how
    'the prefix map is affine over Z/2 in 9 bits of x; its kernel has a vector'
    >>> kernel_pair(r, machines.build("random:bits=8", r.task, r.cut), 2**20).how
    'does not apply: random is not declared linear over a ring'
    """
    m = machine.linear_over
    if m is None:
        return Kernel(None, f"does not apply: {machine.name} is not declared linear over a ring")
    each = reduction.cut * machine.work_per_token
    columns = min(reduction.n, MOST_COLUMNS, cells // each - TESTS - 1)
    if m == 2:
        columns = min(columns, machine.storage_bits + 1)
    if columns < 1:
        return Kernel(None, f"over its budget: a run touches {each:,} cells of {cells:,}")
    start, found = _columns(reduction, machine, m, columns)
    ring = f"Z/{m}" if m else "Z"
    if not _is_affine(reduction, machine, m, start, found):
        return Kernel(
            None, f"does not apply: the state of {machine.name} after a(x) is not affine in x over {ring}"
        )
    said = f"the prefix map is affine over {ring} in {counted(columns, 'bit')} of x"
    d = vector(found, m)
    if d is None:
        none = "no kernel vector but 0" if m == 2 and columns == reduction.n else "no kernel vector found"
        return Kernel(None, f"{said}; {none}")
    pair = _inputs(d, reduction.n)
    if run_both(machine, *map(reduction.alice, pair)).merged_at is None:
        return Kernel(
            None, f"does not apply: the state of {machine.name} is not affine over {ring} on a kernel vector"
        )
    return Kernel(pair, f"{said}; its kernel has a vector")


def _states(reduction: Reduction, machine: Machine, m: int, xs: Array) -> NDArray[np.int64]:
    """The states after a(x) as vectors (numbers, runs) over ℤ/m, or over ℤ for m = 0."""
    protocol = OneWayProtocol(reduction, machine)
    size = protocol.batch()
    parts = [protocol.send(xs[:, first : first + size]) for first in range(0, xs.shape[1], size)]
    words = np.hstack(parts)
    if m == 2:
        octets = np.ascontiguousarray(words.T, "<u8").view(np.uint8)
        bits = np.unpackbits(octets, axis=1, bitorder="little")[:, : machine.storage_bits]
        return bits.T.astype(np.int64)
    return machine.unpack(words).astype(np.int64)


def _columns(
    reduction: Reduction, machine: Machine, m: int, columns: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """s(0), shape (numbers, 1), and s(e_j) − s(0) for the first positions j, shape (numbers, columns)."""
    xs = np.zeros((reduction.n, columns + 1), np.int8)
    xs[np.arange(columns), np.arange(1, columns + 1)] = 1
    states = _states(reduction, machine, m, xs)
    return states[:, :1], _residues(states[:, 1:] - states[:, :1], m)


def _is_affine(
    reduction: Reduction, machine: Machine, m: int, start: NDArray[np.int64], found: NDArray[np.int64]
) -> bool:
    """Whether s(x) = s(0) + Σ x_j c_j on random x."""
    xs = np.zeros((reduction.n, TESTS), np.int8)
    xs[: found.shape[1]] = np.random.default_rng(0).integers(2, size=(found.shape[1], TESTS))
    guess = start + found @ xs[: found.shape[1]].astype(np.int64)
    return np.array_equal(_residues(_states(reduction, machine, m, xs), m), _residues(guess, m))


def _residues(values: NDArray[np.int64], m: int) -> NDArray[np.int64]:
    return values % m if m else values


def _inputs(d: NDArray[np.int64], n: int) -> Pair:
    """The two inputs whose difference is d, 0 after its end."""
    whole = np.zeros(n, np.int64)
    whole[: len(d)] = d
    return tuple((whole == -1).astype(int).tolist()), tuple((whole == 1).astype(int).tolist())


def vector(columns: NDArray[np.int64], m: int) -> NDArray[np.int64] | None:
    """d ∈ {−1, 0, 1}^K, not 0, with Σ_j d_j·columns[:, j] = 0 over ℤ/m (ℤ for m = 0); None if none is found.

    For m = 2, and m = 3, None means that there is none.

    >>> vector(np.array([[1, 1, 0], [0, 1, 1]]), 2) is None, vector(np.array([[1, 1, 0], [1, 0, 1]]), 2)
    (False, array([1, 1, 1]))
    >>> vector(np.array([[1, 2, 4, 3]]), 8), vector(np.array([[5, 9, 4]]), 0)
    (array([1, 0, 1, 1]), array([ 1, -1,  1]))
    """
    d = _vector(columns, m)
    return d if d is None else d * d[np.flatnonzero(d)[0]]


def _vector(values: NDArray[np.int64], m: int) -> NDArray[np.int64] | None:
    """``vector``, up to its sign: what is left of the ring and of the numbers is made smaller step by step."""
    coefficients = np.eye(values.shape[1], dtype=np.int64)
    if m not in (2, 3):
        d = _equal(values, m)
        if d is not None:
            return d
    while values.shape[1]:
        if m == 1 or not len(values):
            first: NDArray[np.int64] = coefficients[0]
            return first
        found = None if m in (2, 3) else _two_sums(values, m)
        if found is not None:
            return found @ coefficients
        p = next((p for p in (2, 3) if m and m % p == 0), None)
        relations, done = (_relations(values, p), 0) if p else _partial(values, m)
        coefficients, values = relations @ coefficients, (relations @ values.T).T
        m, values = (m // p, _residues(values // p, m // p)) if p else (m, _residues(values[done:], m))
    return None


def _partial(values: NDArray[np.int64], m: int) -> tuple[NDArray[np.int64], int]:
    """Disjoint relations, rows of {−1, 0, 1}, in which the first numbers come to 0, and how many numbers do."""
    numbers, count = values.shape
    each = math.log2(m or 2 * BLOCK * int(np.abs(values).max()) + 1)
    done = max(1, min(numbers, int(BLOCK_BITS / each)))
    rows = []
    for first in range(0, count, BLOCK):
        block = values[:done, first : first + BLOCK]
        found = _two_sums(block, m)
        if found is not None:
            row = np.zeros(count, np.int64)
            row[first : first + len(found)] = found
            rows.append(row)
    return np.array(rows, np.int64).reshape(len(rows), count), done


def _equal(values: NDArray[np.int64], m: int) -> NDArray[np.int64] | None:
    """A column that is 0, or the first one that has an equal, with it."""
    count = values.shape[1]
    d = np.zeros(count, np.int64)
    zero = np.flatnonzero(~values.any(axis=0))
    if len(zero):
        d[zero[0]] = 1
        return d
    pair = _first_equal(values)
    if pair is None:
        return None
    d[pair[0]], d[pair[1]] = 1, -1
    return d


def _two_sums(values: NDArray[np.int64], m: int) -> NDArray[np.int64] | None:
    """Two sets of the first columns with one sum, as their difference."""
    numbers, count = values.shape
    most = min(count, MOST_SUBSETS, (MOST_NUMBERS // max(1, numbers)).bit_length() - 1)
    sums = np.zeros((numbers, 1), np.int64)
    for j in range(most):
        sums = np.hstack([sums, _residues(sums + values[:, j : j + 1], m)])
        if j % 4 == 3 or j == most - 1:
            pair = _first_equal(sums)
            if pair is not None:
                chosen = [[place >> k & 1 for k in range(count)] for place in pair]
                return np.array(chosen[0]) - np.array(chosen[1])
    return None


def _first_equal(values: NDArray[np.int64]) -> tuple[int, int] | None:
    """The first column that has an equal, and the first of its equals."""
    found, which = groups(np.ascontiguousarray(values).view(np.uint64))
    if found.shape[1] == values.shape[1]:
        return None
    here = int(np.argmax((np.bincount(which) > 1)[which]))
    return here, here + 1 + int(np.argmax(which[here + 1 :] == which[here]))


def _relations(values: NDArray[np.int64], p: int) -> NDArray[np.int64]:
    """Disjoint relations modulo p ∈ {2, 3}, rows of {−1, 0, 1}: Σ_j row_j·values[:, j] = 0 modulo p.

    Columns are taken one after the other, and a relation is made as soon as one depends on those before it; then
    all of them are used up. So there are at least ⌊K/(rank + 1)⌋ relations.
    """
    count = values.shape[1]
    found: list[NDArray[np.int64]] = []
    basis: list[tuple[int, list[int], list[int]]] = []
    for j, column in enumerate((values % p).T.tolist()):
        # Digits of a vector over ℤ/p are the bits of p − 1 whole numbers: those that are 1, and those that are 2.
        vector = [_bits(column, digit) for digit in range(1, p)]
        combination = [1 << j, *[0] * (p - 2)]
        for pivot, other, its in basis:
            digit = next((k + 1 for k, ones in enumerate(vector) if ones >> pivot & 1), 0)
            if digit:
                vector, combination = _less(vector, other, digit), _less(combination, its, digit)
        if any(vector):
            pivot = min(ones & -ones for ones in vector if ones).bit_length() - 1
            if p == 3 and vector[1] >> pivot & 1:  # so that the pivot's digit is 1
                vector, combination = vector[::-1], combination[::-1]
            basis.append((pivot, vector, combination))
            continue
        row = np.zeros(count, np.int64)
        for sign, ones in zip((1, -1), combination, strict=False):
            row[_places(ones)] = sign
        found.append(row)
        basis = []
    return np.array(found).reshape(len(found), count)


def _bits(column: list[int], digit: int) -> int:
    return int("".join("1" if value == digit else "0" for value in reversed(column)) or "0", 2)


def _places(ones: int) -> list[int]:
    return [k for k, bit in enumerate(reversed(f"{ones:b}")) if bit == "1"]


def _less(vector: list[int], other: list[int], digit: int) -> list[int]:
    """vector − digit·other over ℤ/2 (one number) or ℤ/3 (two: where it is 1, where it is 2)."""
    if len(vector) == 1:
        return [vector[0] ^ other[0]]
    a, b = vector
    c, d = other if digit == 2 else other[::-1]  # −1·other swaps its ones and twos; −2 is 1
    none, nought = ~(a | b), ~(c | d)
    return [(a & nought) | (none & c) | (b & d), (b & nought) | (none & d) | (a & c)]
