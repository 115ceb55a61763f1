"""Witnesses of two-way bounds: fooling sets, ranks by elimination, and protocols with why none is shorter."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

from commlb.checking.common import Notes, one_of, require, same, short
from commlb.checking.part import MAX_NODES, Part, Witness, count_of, keys, needs_whole, places

MODEL = "two-way deterministic"

MAX_RANK = 256
"""Rows of the largest matrix that is eliminated."""


def two_way_fooling(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    """Pairs with one value, of any two of which a crossing entry has another: no rectangle holds two of them."""
    keys(witness, "sets")
    require(not exactly, "a fooling set bounds messages from below only")
    count = _fooling(part, witness["sets"])
    require(count >= 1, "a fooling set has one pair at least")
    return MODEL, math.log2(count)


def _fooling(part: Part, sets: Any) -> int:
    """How many pairs there are in all sets, each of which is looked at."""
    is_sets = isinstance(sets, tuple) and all(
        isinstance(s, dict) and set(s) == {"value", "pairs"} for s in sets
    )
    require(is_sets, "witness.sets must be objects of value and pairs")
    values = [given["value"] for given in sets]
    is_values = all(type(value) is int and 0 <= value < len(part.answers) for value in values)
    require(
        is_values and len(set(values)) == len(values),
        "the sets' values must be different places in the answers",
    )
    return sum(_fooling_set(part, given["value"], given["pairs"]) for given in sets)


def _fooling_set(part: Part, value: int, pairs: Any) -> int:
    require(isinstance(pairs, tuple), "a set's pairs must be a list")
    for pair in pairs:
        is_pair = isinstance(pair, tuple) and len(pair) == 2 and all(type(place) is int for place in pair)
        is_there = is_pair and 0 <= pair[0] < len(part.values) and 0 <= pair[1] < len(part.values[0])
        require(is_there, f"a pair of a fooling set is [row, column]; given {short(pair)}")
        require(
            part.values[pair[0]][pair[1]] == value, f"the pair {short(pair)} has another value than its set"
        )
    require(len(set(pairs)) == len(pairs), "a fooling set names a pair twice")
    for (r, c), (s, d) in itertools.combinations(pairs, 2):
        crossed = (part.values[r][d], part.values[s][c])
        apart = any(v is not None and v != value for v in crossed)
        require(apart, f"({r}, {c}) and ({s}, {d}) are in one rectangle")
    return len(pairs)


def rank(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    """An invertible submatrix, by elimination in the field: as many leaves, or 2r − 1 with the zeros' own."""
    keys(witness, "field", "modulus", "numbers", "rank", "leaves")
    require(not exactly, "the rank bounds leaves from below only")
    size, modulus, numbers = count_of(witness, "rank"), witness["modulus"], witness["numbers"]
    is_square = len(part.values) == size and all(len(row) == size for row in part.values)
    require(part.defined and is_square, f"the submatrix must be {size} x {size}, all of it defined")
    is_numbers = isinstance(numbers, tuple) and all(type(v) is int and abs(v) < 2**64 for v in numbers)
    is_numbers = is_numbers and len(numbers) == len(part.answers)
    require(is_numbers, "witness.numbers must give each answer a whole number")
    if modulus is None:
        same("witness.field", witness["field"], "Q")
    else:
        prime = type(modulus) is int and 2 <= modulus < 2**40 and _is_prime(modulus)
        require(prime, f"witness.modulus must be a prime; given {short(modulus)}")
        same("witness.field", witness["field"], f"GF({modulus})")
    require(size <= MAX_RANK, f"a matrix of rank at most {MAX_RANK} is eliminated here")
    rows = [[numbers[place or 0] for place in row] for row in part.values]
    same("the rank of the submatrix", size, rank_of(rows, modulus))
    bits = all(v in (0, 1) for v in numbers)
    same("witness.leaves", count_of(witness, "leaves"), max(1, 2 * size - 1 if bits else size))
    return MODEL, math.log2(max(1, witness["leaves"]))


def _is_prime(p: int) -> bool:
    return p > 1 and all(p % q for q in range(2, math.isqrt(p) + 1))


def rank_of(rows: list[list[int]], modulus: int | None = None) -> int:
    """The rank over ℚ, or over GF(p), by elimination in exact numbers.

    >>> rank_of([[1, 1], [1, -1]]), rank_of([[1, 1], [1, -1]], 2)
    (2, 1)
    """
    left: list[list[Any]] = [[Fraction(v) if modulus is None else v % modulus for v in row] for row in rows]
    found = 0
    for column in range(len(left[0]) if left else 0):
        pivot = next((r for r in range(found, len(left)) if left[r][column]), None)
        if pivot is None:
            continue
        left[found], left[pivot] = left[pivot], left[found]
        head = left[found]
        inverse = 1 / head[column] if modulus is None else pow(head[column], -1, modulus)
        for r in range(found + 1, len(left)):
            if left[r][column]:
                factor = left[r][column] * inverse
                row = [p - factor * q for p, q in zip(left[r], head, strict=True)]
                left[r] = row if modulus is None else [v % modulus for v in row]
        found += 1
    return found


Places = frozenset[int]


def protocol_tree(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    """A protocol of D bits on all of M, and why there is none of D − 1: its rank, a fooling set, or a search."""
    keys(witness, "bits", "tree", "at_least_by", "sets")
    needs_whole(part, True)
    depth, by = count_of(witness, "bits"), witness["at_least_by"]
    rows, columns = frozenset(range(len(part.values))), frozenset(range(len(part.values[0])))
    same("the depth of the tree", _depth(part, witness["tree"], rows, columns), depth)
    count = _fooling(part, witness["sets"])
    one_of("witness.at_least_by", by, ("rank", "two-way fooling set", "search"))
    if not depth:
        return MODEL, 0.0
    if by == "rank":
        require(part.defined and len(part.answers) == 2, "the rank speaks of two answers, without a promise")
        require(len(part.values) <= MAX_RANK, f"a matrix of at most {MAX_RANK} rows is eliminated here")
        r = rank_of([[place or 0 for place in row] for row in part.values])
        require(2 * r - 1 > 2 ** (depth - 1), f"the rank {r} allows a protocol of {depth - 1} bits")
    elif by == "two-way fooling set":
        require(count > 2 ** (depth - 1), f"{count} pairs allow a protocol of {depth - 1} bits")
    else:
        found = Depths(part).at_most(rows, columns, depth - 1)
        if found is None:
            notes.take(
                f"that no protocol of {depth - 1} bits is there: a search too long to be repeated here"
            )
        require(not found, f"there is a protocol of {depth - 1} bits")
    return MODEL, float(depth)


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
    sent = frozenset(places({"ones": ones}, "ones", most))
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
        """One of equal rows, and of equal columns; entries outside the promise are equal to such only."""
        values = self.part.values
        mine, others = sorted(rows, reverse=True), sorted(columns, reverse=True)
        kept = frozenset({tuple(values[r][c] for c in others): r for r in mine}.values())
        order = sorted(kept)
        return kept, frozenset({tuple(values[r][c] for r in order): c for c in others}.values())
