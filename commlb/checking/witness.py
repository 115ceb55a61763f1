"""Witnesses of one-way bounds, each looked at by its definition, in plain integers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from commlb.checking.common import Notes, require, same, short
from commlb.checking.part import MAX_NODES, Part, Witness, count_of, keys, needs_whole, places
from commlb.fano import fano_bits
from commlb.wording import small


def distinct_rows(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    keys(witness, "messages", "different")
    needs_whole(part, exactly)
    require(part.defined, "distinct rows bound messages only where the function is total")
    count = count_of(witness, "messages", 1)
    rows = [part.values[k] for k in places(witness, "different", len(part.values), count)]
    require(len(set(rows)) == count, "two of the rows that differ are equal")
    require(not exactly or len(set(part.values)) == count, "some row is equal to none of them")
    return "deterministic", math.log2(count)


def _clique(part: Part, rows: Sequence[int]) -> None:
    for a, b in itertools.combinations(rows, 2):
        require(part.conflict(a, b), f"rows {a} and {b} of the fooling set nowhere differ")


def one_way_fooling(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    keys(witness, "messages", "clique")
    require(not exactly, "a fooling set bounds messages from below only")
    count = count_of(witness, "messages", 1)
    _clique(part, places(witness, "clique", len(part.values), count))
    return "deterministic", math.log2(count)


def colouring(part: Part, witness: Witness, exactly: bool, notes: Notes) -> tuple[str, float]:
    keys(witness, "messages", "clique", "at_least_by", "colours")
    count, colours = count_of(witness, "messages", 1), witness["colours"]
    clique = places(witness, "clique", len(part.values))
    _clique(part, clique)
    if colours is None:
        require(not exactly, "'exactly' asks for a colouring")
    else:
        needs_whole(part, True)
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
    keys(witness, "n", "symbols", "readings", "error", "at_most")
    require(not exactly, "a shattered set bounds messages from below only")
    n, k, error = count_of(witness, "n"), count_of(witness, "symbols", 2), witness["error"]
    readings, most = witness["readings"], witness["at_most"]
    require(
        n <= 64 and k <= 2**20 and len(part.values) == k**n,
        f"a shattered set of {short(n)} columns needs {short(k)}^{short(n)} rows",
    )
    require(isinstance(readings, tuple) and len(readings) == n, f"witness.readings must have {n} rows")
    for i, row in enumerate(readings):
        places({f"readings[{i}]": row}, f"readings[{i}]", len(part.answers), k)
    for x, row in zip(itertools.product(range(k), repeat=n), part.values, strict=True):
        require(len(row) == n, f"the submatrix of a shattered set has {n} columns")
        for i, symbol in enumerate(x):
            require(
                row[i] == readings[i][symbol],
                f"row {''.join(map(str, x))[:40]} has the wrong answer in column {i}",
            )
    if most is not None:
        same("witness.at_most", count_of(witness, "at_most"), n)
        notes.take(f"that no more than {n} columns are shattered, which the bound does not need")
    if error is None:
        return "deterministic", n * math.log2(k)
    require(
        type(error) in (int, float) and 0 <= error <= 0.5,
        f"witness.error must be null or in 0..1/2; given {short(error)}",
    )
    return f"randomised(ε={small(float(error))})", n * fano_bits(float(error), k)
