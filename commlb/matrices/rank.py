"""The rank of a matrix over ℚ or GF(p), by exact elimination in whole numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput, LimitError

MAX_RATIONAL = 256
"""Rows or columns, the fewer, over ℚ, where numbers grow."""

MAX_MODULAR = 1024
"""Rows or columns, the fewer, over GF(p) with p > 2."""

MAX_PRIME = 2**31


def check_field(modulus: int | None) -> None:
    """Refuse a modulus that is no prime; None is ℚ."""
    if modulus is None:
        return
    whole = isinstance(modulus, int) and not isinstance(modulus, bool)
    if not whole or not 2 <= modulus < MAX_PRIME or not _is_prime(modulus):
        raise BadInput(
            f"a field is Q (modulus None) or GF(p) with p a prime below 2^31; given modulus {modulus!r:.40}"
        )


def _is_prime(p: int) -> bool:
    return p == 2 or (p % 2 == 1 and all(p % d for d in range(3, int(p**0.5) + 2, 2) if d < p))


def pivots(rows: Sequence[Sequence[int]], modulus: int | None = None) -> tuple[list[int], list[int]]:
    """Rows and columns, r of each for the rank r, on which the matrix has a determinant that is not 0; in order.

    ``rows``: whole numbers; ``modulus``: p for GF(p), None for ℚ. Source: Bareiss 1968 (over ℚ).
    Raises ``BadInput`` for a modulus that is no prime, ``LimitError`` for a matrix too large.

    >>> pivots([[1, 1], [1, 1]]), pivots([[1, 1], [1, -1]], 2), pivots([[1, 1], [1, -1]])
    (([0], [0]), ([0], [0]), ([0, 1], [0, 1]))
    """
    check_field(modulus)
    if modulus == 2:
        return _over_two(rows)
    smaller, limit = min(len(rows), len(rows[0])), MAX_RATIONAL if modulus is None else MAX_MODULAR
    if smaller > limit:
        raise LimitError(
            f"this elimination takes at most {limit} rows or columns; given {smaller}; take fewer, or GF(2)"
        )
    return _bareiss(rows) if modulus is None else _modular(rows, modulus)


def _over_two(rows: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Rows as the bits of integers; each is reduced by those kept before it, by their lowest bits."""
    kept: dict[int, int] = {}
    found = []
    for place, row in enumerate(rows):
        bits = sum((value & 1) << column for column, value in enumerate(row))
        while bits:
            lowest = bits & -bits
            if lowest not in kept:
                kept[lowest] = bits
                found.append(place)
                break
            bits ^= kept[lowest]
    return found, sorted(lowest.bit_length() - 1 for lowest in kept)


def _modular(rows: Sequence[Sequence[int]], p: int) -> tuple[list[int], list[int]]:
    """Gauß over GF(p): each row is reduced by those kept before it, which have a 1 in their own column."""
    kept: list[tuple[int, NDArray[np.int64]]] = []
    found = []
    for place, row in enumerate(rows):
        left = np.array([int(value) % p for value in row], np.int64)
        for column, other in kept:
            if left[column]:
                left = (left - left[column] * other) % p  # below 2^62
        (places,) = np.nonzero(left)
        if len(places):
            column = int(places[0])
            kept.append((column, left * pow(int(left[column]), -1, p) % p))
            found.append(place)
    return found, sorted(column for column, _ in kept)


def _bareiss(rows: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Elimination without fractions: every number met is a minor, so that the divisions leave no remainder."""
    left = [(place, list(map(int, row))) for place, row in enumerate(rows)]
    found: list[int] = []
    columns: list[int] = []
    divisor = 1
    for column in range(len(rows[0])):
        k = next((k for k, (_, row) in enumerate(left) if row[column]), -1)
        if k < 0:
            continue
        place, top = left.pop(k)
        found.append(place)
        columns.append(column)
        head = top[column]
        left = [
            (name, [(a * head - row[column] * b) // divisor for a, b in zip(row, top, strict=True)])
            for name, row in left
        ]
        divisor = head
    return sorted(found), columns
