"""A submatrix of a communication matrix, and how what a witness says of it is read, key by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb.checking.common import require, short

MAX_NODES = 2**17
"""Steps of the searches that show that nothing smaller does."""

Witness = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A submatrix: places in ``answers`` row by row, None outside the promise; ``whole``: it is all of M."""

    values: tuple[tuple[int | None, ...], ...]
    answers: tuple[Any, ...]
    whole: bool

    def conflict(self, a: int, b: int) -> bool:
        """Whether two rows differ in a column where both are defined."""
        pairs = zip(self.values[a], self.values[b], strict=True)
        return any(p is not None and q is not None and p != q for p, q in pairs)

    @property
    def defined(self) -> bool:
        return all(place is not None for row in self.values for place in row)


def keys(witness: Witness, *wanted: str) -> None:
    every = {"kind", "rows", "columns", *wanted}
    require(
        set(witness) == every,
        f"the witness must have the keys {', '.join(sorted(every))}; given {short(sorted(witness), 90)}",
    )


def count_of(witness: Witness, key: str, low: int = 0) -> int:
    value = witness[key]
    require(
        type(value) is int and value >= low,
        f"witness.{key} must be a whole number of at least {low}; given {short(value)}",
    )
    return int(value)


def places(witness: Witness, key: str, most: int, length: int | None = None) -> list[int]:
    """Different places below ``most``."""
    found = witness[key]
    require(isinstance(found, tuple), f"witness.{key} must be a list; given {short(found)}")
    require(
        all(type(place) is int and 0 <= place < most for place in found),
        f"witness.{key} must hold places below {most}",
    )
    require(len(set(found)) == len(found), f"witness.{key} names a place twice")
    require(
        length is None or len(found) == length, f"witness.{key} must have {length} places; given {len(found)}"
    )
    return list(found)


def needs_whole(part: Part, exactly: bool) -> None:
    require(part.whole or not exactly, "'exactly' asks for all rows and columns of the matrix")
