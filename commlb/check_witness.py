"""The kinds of witness of a bound, each looked at by its definition, in plain integers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from commlb.check_common import Notes, Refused, require, same, short
from commlb.fano import fano_bits

MAX_NODES = 2**17
"""Steps of the searches that show that nothing smaller does."""

Witness = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A submatrix: places in ``answers`` row by row, None outside the promise; ``whole``: it is all of M, in order."""

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


def _keys(witness: Witness, *wanted: str) -> None:
    every = {"kind", "rows", "columns", *wanted}
    require(
        set(witness) == every,
        f"the witness must have the keys {', '.join(sorted(every))}; given {short(sorted(witness), 90)}",
    )


def _count(witness: Witness, key: str, low: int = 0) -> int:
    value = witness[key]
    require(
        type(value) is int and value >= low,
        f"witness.{key} must be a whole number of at least {low}; given {short(value)}",
    )
    return int(value)


def _list(witness: Witness, key: str, most: int, length: int | None = None) -> list[int]:
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


def _needs_whole(part: Part, exactly: bool) -> None:
    require(part.whole or not exactly, "'exactly' asks for all rows and columns of the matrix")


def distinct_rows(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    _keys(witness, "messages", "different")
    _needs_whole(part, exactly)
    require(part.defined, "distinct rows bound messages only where the function is total")
    count = _count(witness, "messages", 1)
    rows = [part.values[k] for k in _list(witness, "different", len(part.values), count)]
    require(len(set(rows)) == count, "two of the rows that differ are equal")
    require(not exactly or len(set(part.values)) == count, "some row is equal to none of them")
    return "deterministic", math.log2(count)


def _clique(part: Part, rows: Sequence[int]) -> None:
    for a, b in itertools.combinations(rows, 2):
        require(part.conflict(a, b), f"rows {a} and {b} of the fooling set nowhere differ")


def one_way_fooling(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    _keys(witness, "messages", "clique")
    require(not exactly, "a fooling set bounds messages from below only")
    count = _count(witness, "messages", 1)
    _clique(part, _list(witness, "clique", len(part.values), count))
    return "deterministic", math.log2(count)


def colouring(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    _keys(witness, "messages", "clique", "at_least_by", "colours")
    count, colours = _count(witness, "messages", 1), witness["colours"]
    clique = _list(witness, "clique", len(part.values))
    _clique(part, clique)
    if colours is None:
        require(not exactly, "'exactly' asks for a colouring")
    else:
        _needs_whole(part, True)
        is_list = isinstance(colours, tuple) and len(colours) == len(part.values)
        require(
            is_list and all(type(c) is int and 0 <= c < count for c in colours),
            "witness.colours must give each row a colour",
        )
        for a, b in itertools.combinations(range(len(part.values)), 2):
            require(
                colours[a] != colours[b] or not part.conflict(a, b),
                f"rows {a} and {b} differ, and have one colour",
            )
        require(exactly or len(set(colours)) >= count, "a colouring with all its colours shows 'exactly'")
    by = f"no {count - 1}-colouring"
    if witness["at_least_by"] == "clique":
        require(len(clique) == count, f"the clique must have {count} rows; given {len(clique)}")
    else:
        same("witness.at_least_by", witness["at_least_by"], by)
        found = colourable(part, count - 1)
        if found is None:
            notes.take(f"that there is no {count - 1}-colouring: a search too long to be repeated here")
        require(not found, f"the rows can be coloured with {count - 1} colours")
    return "deterministic", math.log2(count)


def colourable(part: Part, colours: int) -> bool | None:
    """Whether the conflict graph has a proper colouring; None after ``MAX_NODES`` steps.

    >>> square = Part(((0, None), (1, 0), (None, 1)), (0, 1), True)
    >>> colourable(square, 2), colourable(square, 1)
    (True, False)
    """
    size = len(part.values)
    beside = [[b for b in range(size) if b != a and part.conflict(a, b)] for a in range(size)]
    found: dict[int, int] = {}
    steps = 0

    def grow() -> bool | None:
        nonlocal steps
        steps += 1
        if steps > MAX_NODES:
            return None
        if len(found) == size:
            return True
        taken = {a: {found[b] for b in beside[a] if b in found} for a in range(size) if a not in found}
        row = max(taken, key=lambda a: (len(taken[a]), len(beside[a])))
        fresh = len(set(found.values()))
        for colour in range(min(colours, fresh + 1)):
            if colour not in taken[row]:
                found[row] = colour
                done = grow()
                if done is not False:
                    return done
                del found[row]
        return False

    return grow() if size < 900 else None


def shattered(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    _keys(witness, "n", "symbols", "readings", "error", "at_most")
    require(not exactly, "a shattered set bounds messages from below only")
    n, k, error = _count(witness, "n"), _count(witness, "symbols", 2), witness["error"]
    readings, most = witness["readings"], witness["at_most"]
    require(
        n <= 64 and k <= 2**20 and len(part.values) == k**n,
        f"a shattered set of {short(n)} columns needs {short(k)}^{short(n)} rows",
    )
    require(isinstance(readings, tuple) and len(readings) == n, f"witness.readings must have {n} rows")
    for i, row in enumerate(readings):
        _list({f"readings[{i}]": row}, f"readings[{i}]", len(part.answers), k)
    for x, row in zip(itertools.product(range(k), repeat=n), part.values, strict=True):
        require(len(row) == n, f"the submatrix of a shattered set has {n} columns")
        for i, symbol in enumerate(x):
            require(
                row[i] == readings[i][symbol],
                f"row {''.join(map(str, x))[:40]} has the wrong answer in column {i}",
            )
    if most is not None:
        same("witness.at_most", _count(witness, "at_most"), n)
        notes.take(f"that no more than {n} columns are shattered, which the bound does not need")
    if error is None:
        return "deterministic", n * math.log2(k)
    require(
        type(error) in (int, float) and 0 <= error <= 0.5,
        f"witness.error must be null or in 0..1/2; given {short(error)}",
    )
    return "randomised", n * fano_bits(float(error), k)


def two_way_fooling(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    _keys(witness, "sets")
    require(not exactly, "a fooling set bounds messages from below only")
    sets, count, seen = witness["sets"], 0, []
    require(
        isinstance(sets, tuple) and all(isinstance(s, dict) and set(s) == {"value", "pairs"} for s in sets),
        "witness.sets must be objects of value and pairs",
    )
    for given in sets:
        value, pairs = given["value"], given["pairs"]
        require(
            type(value) is int and 0 <= value < len(part.answers),
            f"a set's value must be a place in the answers; given {short(value)}",
        )
        seen.append(value)
        require(isinstance(pairs, tuple), "a set's pairs must be a list")
        for pair in pairs:
            is_pair = isinstance(pair, tuple) and len(pair) == 2 and all(type(place) is int for place in pair)
            require(
                is_pair and 0 <= pair[0] < len(part.values) and 0 <= pair[1] < len(part.values[0]),
                f"no pair: {short(pair)}",
            )
            require(
                part.values[pair[0]][pair[1]] == value,
                f"the pair {short(pair)} has another value than its set",
            )
        require(len(set(pairs)) == len(pairs), "a fooling set names a pair twice")
        for (r, c), (s, d) in itertools.combinations(pairs, 2):
            crossed = (part.values[r][d], part.values[s][c])
            require(
                any(v is not None and v != value for v in crossed),
                f"({r}, {c}) and ({s}, {d}) are in one rectangle",
            )
        count += len(pairs)
    require(
        len(set(seen)) == len(seen) and count >= 1,
        "fooling sets have different values, and one pair at least",
    )
    return "two-way deterministic", math.log2(count)


def rank(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    _keys(witness, "field", "modulus", "numbers", "rank", "leaves")
    require(not exactly, "the rank bounds leaves from below only")
    size, modulus, numbers = _count(witness, "rank"), witness["modulus"], witness["numbers"]
    require(
        part.defined and len(part.values) == size and all(len(row) == size for row in part.values),
        f"the submatrix must be {size} x {size}, all of it defined",
    )
    is_numbers = (
        isinstance(numbers, tuple)
        and len(numbers) == len(part.answers)
        and all(type(v) is int for v in numbers)
    )
    require(
        is_numbers and all(abs(v) < 2**64 for v in numbers),
        "witness.numbers must give each answer a whole number",
    )
    if modulus is None:
        same("witness.field", witness["field"], "Q")
    else:
        require(
            type(modulus) is int and 2 <= modulus < 2**40 and _is_prime(modulus),
            f"witness.modulus must be a prime; given {short(modulus)}",
        )
        same("witness.field", witness["field"], f"GF({modulus})")
    require(size <= 256, "a matrix of rank at most 256 is eliminated here")
    require(
        _full([[numbers[place or 0] for place in row] for row in part.values], modulus),
        "its determinant is 0",
    )
    bits = all(v in (0, 1) for v in numbers)
    same("witness.leaves", _count(witness, "leaves"), max(1, 2 * size - 1) if bits else size)
    return "two-way deterministic", math.log2(max(1, witness["leaves"]))


def _is_prime(p: int) -> bool:
    return p > 1 and all(p % q for q in range(2, math.isqrt(p) + 1))


def _full(rows: list[list[int]], modulus: int | None) -> bool:
    """Whether a square matrix is invertible over ℚ or GF(p), by elimination."""
    a: list[list[Any]] = [[Fraction(v) if modulus is None else v % modulus for v in row] for row in rows]
    for k in range(len(a)):
        pivot = next((r for r in range(k, len(a)) if a[r][k]), None)
        if pivot is None:
            return False
        a[k], a[pivot] = a[pivot], a[k]
        inverse = 1 / a[k][k] if modulus is None else pow(a[k][k], -1, modulus)
        for r in range(k + 1, len(a)):
            if a[r][k]:
                factor = a[r][k] * inverse
                a[r] = [
                    p - factor * q if modulus is None else (p - factor * q) % modulus
                    for p, q in zip(a[r], a[k], strict=True)
                ]
    return True


def protocol_tree(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    _keys(witness, "bits", "tree")
    require(exactly, "a protocol shows what is enough: with the search behind it, 'exactly'")
    _needs_whole(part, exactly)
    depth = _count(witness, "bits")
    rows, columns = frozenset(range(len(part.values))), frozenset(range(len(part.values[0])))
    same("the depth of the tree", _depth(part, witness["tree"], rows, columns), depth)
    if depth:
        found = Depths(part).at_most(rows, columns, depth - 1)
        if found is None:
            notes.take(
                f"that no protocol of {depth - 1} bits is there: a search too long to be repeated here"
            )
        require(not found, f"there is a protocol of {depth - 1} bits")
    return "two-way deterministic", float(depth)


Places = frozenset[int]


def _depth(part: Part, tree: Any, rows: Places, columns: Places) -> int:
    """The depth of a protocol, all of whose leaves are looked at."""
    require(isinstance(tree, dict), "a node of the tree must be an object")
    if set(tree) == {"answer"}:
        answer = tree["answer"]
        left = {part.values[r][c] for r in rows for c in columns} - {None}
        right = not left if answer is None else type(answer) is int and left == {answer}
        require(
            right, f"a leaf says {short(answer)}, and the answers left are {short(sorted(left, key=str))}"
        )
        return 0
    require(set(tree) == {"party", "ones", "children"}, "a node has the keys party, ones and children")
    ones, children = tree["ones"], tree["children"]
    require(
        tree["party"] in ("Alice", "Bob"), f"a node's party is Alice or Bob; given {short(tree['party'])}"
    )
    most = len(part.values) if tree["party"] == "Alice" else len(part.values[0])
    sent = frozenset(_list({"ones": ones}, "ones", most))
    require(isinstance(children, tuple) and len(children) == 2, "a node has two children")
    if tree["party"] == "Alice":
        parts = ((rows - sent, columns), (rows & sent, columns))
    else:
        parts = ((rows, columns - sent), (rows, columns & sent))
    return 1 + max(_depth(part, child, *left) for child, left in zip(children, parts, strict=True))


class Depths:
    """Whether so many bits are enough, by trying all splits of the rows and of the columns."""

    def __init__(self, part: Part):
        self.part, self.steps = part, 0
        self.known: dict[tuple[Places, Places, int], bool] = {}

    def at_most(self, rows: Places, columns: Places, depth: int) -> bool | None:
        """None after ``MAX_NODES`` steps."""
        values = self.part.values
        if len({values[r][c] for r in rows for c in columns} - {None}) <= 1:
            return True
        if not depth:
            return False
        rows, columns = self._different(rows, columns)
        if (rows, columns, depth) in self.known:
            return self.known[rows, columns, depth]
        for mine, of_rows in ((sorted(rows), True), (sorted(columns), False)):
            for mask in range(1, 2 ** (len(mine) - 1)):
                self.steps += 1
                if self.steps > MAX_NODES:
                    return None
                ones = frozenset(place for k, place in enumerate(mine) if mask >> k & 1)
                rest = frozenset(mine) - ones
                halves = [(half, columns) if of_rows else (rows, half) for half in (ones, rest)]
                found: list[bool | None] = []
                for half in halves:
                    found.append(self.at_most(*half, depth - 1))
                    if not found[-1]:
                        break
                if None in found:
                    return None
                if all(found):
                    self.known[rows, columns, depth] = True
                    return True
        self.known[rows, columns, depth] = False
        return False

    def _different(self, rows: Places, columns: Places) -> tuple[Places, Places]:
        """One of equal rows, and of equal columns; those with entries outside the promise are equal only if they are so there."""
        values = self.part.values
        rows = frozenset(
            {tuple(values[r][c] for c in sorted(columns)): r for r in sorted(rows, reverse=True)}.values()
        )
        columns = frozenset(
            {tuple(values[r][c] for r in sorted(rows)): c for c in sorted(columns, reverse=True)}.values()
        )
        return rows, columns


Check = Callable[[Part, Witness, bool, Notes], tuple[str, float]]

KINDS: dict[str, Check] = {
    "distinct rows": distinct_rows,
    "one-way fooling set": one_way_fooling,
    "colouring": colouring,
    "shattered set": shattered,
    "two-way fooling set": two_way_fooling,
    "rank": rank,
    "protocol tree": protocol_tree,
}

__all__ = ["KINDS", "Part", "Refused", "colourable"]
