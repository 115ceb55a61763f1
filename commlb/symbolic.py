"""Names for the atoms of a stream, and integers that nobody has fixed yet.

A reduction speaks of its vertices, keys and positions by name, ``Atom("v", j)``. Run with ordinary
integers, the names become tokens; run with an ``Unknown`` for j, the same code shows that it treats
all j alike, which is what lets a proof at a few sizes speak of every size (``commlb.proof``).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

Rational = int | Fraction


class Atom(NamedTuple):
    """A named thing that tokens mention (a vertex, a key, a position): a family and an index in it."""

    family: str
    index: Any


class Relative(NamedTuple):
    """An index given by its distance from a moving point: the step ("j") or Bob's query ("i")."""

    base: str
    offset: int | Fraction


class Undetermined(Exception):
    """A program asked something of an unknown integer that depends on its value."""


class Unknown:
    """The integer ``scale·base + offset`` with ``base`` unknown; it can be shifted and scaled, no more.

    If base ≡ residue (mod modulus) is known, remainders and quotients by divisors of modulus are too; a
    quotient has a rational scale.

    A program that runs through on an ``Unknown`` has not looked at its value, so it does the same for
    every value. Comparing it with a number, branching on it, hashing it or using it as a position raises
    ``Undetermined``.

    >>> j = Unknown("j")
    >>> j + 1 == 1 + j, (2 * j - 1) - 2 * j
    (True, -1)
    >>> -Unknown("i", modulus=4, residue=3) % 4
    1
    >>> (-(-Unknown("n", modulus=4, residue=3) // 4)).shown()
    '1/4·n+1/4'
    >>> try: j == 3
    ... except Undetermined as error: print(error)
    the answer depends on j
    """

    __slots__ = ("base", "modulus", "offset", "residue", "scale")

    def __init__(
        self, base: str, scale: Rational = 1, offset: Rational = 0, modulus: int = 1, residue: int = 0
    ):
        self.base, self.scale, self.offset = base, scale, offset
        self.modulus, self.residue = modulus, residue

    def _like(self, scale: Rational, offset: Rational) -> Any:
        scale, offset = (int(v) if v == int(v) else v for v in (scale, offset))
        return Unknown(self.base, scale, offset, self.modulus, self.residue) if scale else offset

    def _undetermined(self, *_: object) -> Any:
        raise Undetermined(f"the answer depends on {self.base}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._undetermined()

    def __add__(self, other: object) -> Any:
        if isinstance(other, Unknown) and other.base == self.base:
            return self._like(self.scale + other.scale, self.offset + other.offset)
        if isinstance(other, int | Fraction):
            return self._like(self.scale, self.offset + other)
        return self._undetermined()

    def __neg__(self) -> Any:
        return self._like(-self.scale, -self.offset)

    def __mul__(self, other: object) -> Any:
        if isinstance(other, int | Fraction):
            return self._like(self.scale * other, self.offset * other)
        return self._undetermined()

    def __sub__(self, other: Any) -> Any:
        return self + (-other) if isinstance(other, int | Fraction | Unknown) else self._undetermined()

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mod__(self, other: object) -> int:
        whole = isinstance(self.scale, int) and isinstance(self.offset, int)
        if whole and isinstance(other, int) and other > 0 and self.modulus % other == 0:
            return int(self.scale * self.residue + self.offset) % other
        return self._undetermined()

    def __floordiv__(self, other: Any) -> Any:
        return (self - self % other) * Fraction(1, other)

    def __eq__(self, other: object) -> bool:
        difference = self - other
        return self._undetermined() if isinstance(difference, Unknown) else difference == 0

    def __ne__(self, other: object) -> bool:
        return not self == other

    def shown(self) -> str:
        """The formula, for a person; ``str`` and ``repr`` refuse, since a program could branch on them."""
        sign = "+" if self.offset >= 0 else ""
        return f"{self.scale}·{self.base}{sign}{self.offset}"

    def at(self, value: int) -> Any:
        """The integer that this is when the base is ``value``."""
        return self._like(0, self.scale * value + self.offset)

    __radd__, __rmul__ = __add__, __mul__
    __lt__ = __le__ = __gt__ = __ge__ = __divmod__ = __rdivmod__ = __rfloordiv__ = __rmod__ = _undetermined
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __and__ = __rand__ = __or__ = __ror__ = _undetermined
    __xor__ = __rxor__ = __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __invert__ = _undetermined
    __abs__ = __pos__ = __round__ = __trunc__ = __floor__ = __ceil__ = __iter__ = __len__ = _undetermined
    __bool__ = __hash__ = __int__ = __index__ = __float__ = __complex__ = _undetermined
    __str__ = __repr__ = __format__ = __contains__ = __getitem__ = __call__ = _undetermined


def rename(thing: Any, change: Any) -> Any:
    """``thing`` with every ``Atom`` inside its tuples and frozensets replaced by ``change(atom)``.

    >>> rename(("edge", Atom("v", 3), 7), lambda a: a.index)
    ('edge', 3, 7)
    """
    if isinstance(thing, Atom):
        return change(thing)
    if isinstance(thing, tuple):
        return tuple([rename(part, change) for part in thing])
    if isinstance(thing, frozenset):
        return frozenset([rename(part, change) for part in thing])
    return thing
