"""A small stranger: reads the result of a file of a bound and says what is wrong with it, or None."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any


def fault(result: dict[str, Any]) -> str | None:
    """What is wrong with a result, as ``commlb.records_bounds`` describes it; for small matrices."""
    bound, part = result["bound"], result["submatrix"]
    witness, values = bound["witness"], part["values"]
    shape = [len(witness["rows"]), len(witness["columns"])]
    if len(set(witness["rows"])) < shape[0] or len(set(witness["columns"])) < shape[1]:
        return "places twice"
    if [len(part["row_labels"]), len(part["column_labels"])] != shape or len(values) != shape[0]:
        return "sizes"
    if any(len(row) != shape[1] for row in values):
        return "ragged"
    if bound["direction"] == "exactly":
        if not result["source"]["whole"] or shape != list(result["shape"]):
            return "exactly, of a part"
    return KINDS[witness["kind"]](witness, values, bound)


def differ(first: list, second: list) -> bool:
    return any(a is not None and b is not None and a != b for a, b in zip(first, second, strict=True))


def no_log(bits: float, count: int) -> bool:
    return bits != math.log2(count)


def distinct_rows(witness: dict, values: list, bound: dict) -> str | None:
    rows = [values[place] for place in witness["different"]]
    if any(None in row for row in values):
        return "promise"
    if len(rows) != witness["messages"] or len(set(map(tuple, rows))) < len(rows):
        return "not different"
    if bound["direction"] == "exactly" and any(row not in rows for row in values):
        return "not all"
    return "bits" if no_log(bound["bits"], len(rows)) else None


def fooling(witness: dict, values: list, bound: dict) -> str | None:
    clique = witness["clique"]
    if not all(differ(values[a], values[b]) for a, b in itertools.combinations(clique, 2)):
        return "no clique"
    return "bits" if len(clique) != witness["messages"] or no_log(bound["bits"], len(clique)) else None


def colouring(witness: dict, values: list, bound: dict) -> str | None:
    k, clique = witness["messages"], witness["clique"]
    if not all(differ(values[a], values[b]) for a, b in itertools.combinations(clique, 2)):
        return "no clique"
    if witness["at_least_by"] == "clique" and len(clique) != k:
        return "clique too small"
    pairs = [(a, b) for a, b in itertools.combinations(range(len(values)), 2) if differ(values[a], values[b])]
    if witness["at_least_by"] != "clique":
        if any(
            all(colours[a] != colours[b] for a, b in pairs)
            for colours in itertools.product(range(k - 1), repeat=len(values))
        ):
            return "fewer colours do"
    colours = witness["colours"]
    if (colours is not None) != (bound["direction"] == "exactly"):
        return "direction"
    if colours is not None:
        if len(colours) != len(values) or not set(colours) <= set(range(k)):
            return "colours"
        if any(colours[a] == colours[b] for a, b in pairs):
            return "not proper"
    return "bits" if no_log(bound["bits"], k) else None


def entropy(p: float) -> float:
    return -sum(q * math.log2(q) for q in (p, 1 - p) if q)


def shattered(witness: dict, values: list, bound: dict) -> str | None:
    n, k, error = witness["n"], witness["symbols"], witness["error"]
    if len(values) != k**n or len(witness["columns"]) != n or len(witness["readings"]) != n:
        return "sizes"
    if any(len(set(readings)) != k for readings in witness["readings"]):
        return "readings"
    for x, row in zip(itertools.product(range(k), repeat=n), values, strict=True):
        wanted = [readings[symbol] for readings, symbol in zip(witness["readings"], x, strict=True)]
        if row != wanted:
            return "pattern"
    bits = n * math.log2(k)
    if error is not None:
        if not 0 <= error <= 0.5 or not bound["model"].startswith("randomised"):
            return "error"
        bits = n * (math.log2(k) - entropy(error) - error * math.log2(k - 1))
    elif bound["model"] != "deterministic":
        return "model"
    return "bits" if bound["direction"] != "at least" or abs(bound["bits"] - bits) > 1e-9 else None


def fooled(sets: list, values: list) -> bool:
    """Whether these are fooling sets for different values."""
    if len({one["value"] for one in sets}) < len(sets):
        return False
    for one in sets:
        if any(values[r][c] != one["value"] for r, c in one["pairs"]):
            return False
        for (r, c), (r2, c2) in itertools.combinations(one["pairs"], 2):
            if all(entry in (None, one["value"]) for entry in (values[r][c2], values[r2][c])):
                return False
    return True


def two_way_fooling(witness: dict, values: list, bound: dict) -> str | None:
    if not fooled(witness["sets"], values):
        return "fools not"
    return "bits" if no_log(bound["bits"], max(1, sum(len(s["pairs"]) for s in witness["sets"]))) else None


def determinant(rows: list[list[int]]) -> int:
    """By Leibniz' sum for what is small, by fractions for the rest."""
    if len(rows) <= 4:
        total = 0
        for order in itertools.permutations(range(len(rows))):
            swaps = sum(a > b for a, b in itertools.combinations(order, 2))
            total += (-1) ** swaps * math.prod(rows[k][order[k]] for k in range(len(rows)))
        return total
    left = [[Fraction(value) for value in row] for row in rows]
    product = Fraction(1)
    for k in range(len(left)):
        swap = next((j for j in range(k, len(left)) if left[j][k]), None)
        if swap is None:
            return 0
        if swap != k:
            left[k], left[swap], product = left[swap], left[k], -product
        product *= left[k][k]
        for j in range(k + 1, len(left)):
            factor = left[j][k] / left[k][k]
            left[j] = [a - factor * b for a, b in zip(left[j], left[k], strict=True)]
    assert product.denominator == 1
    return int(product)


def rank(witness: dict, values: list, bound: dict) -> str | None:
    r, p, numbers = witness["rank"], witness["modulus"], witness["numbers"]
    if len(values) != r or any(None in row or len(row) != r for row in values):
        return "sizes"
    found = determinant([[numbers[place] for place in row] for row in values])
    if not (found if p is None else found % p):
        return "singular"
    leaves = max(1, 2 * r - 1 if set(numbers) <= {0, 1} else r)
    return "bits" if witness["leaves"] != leaves or no_log(bound["bits"], leaves) else None


def tree(witness: dict, values: list, bound: dict) -> str | None:
    places = list(range(len(values))), list(range(len(values[0])))
    depth = _depth(witness["tree"], *places, values)
    if depth is None or depth != witness["bits"] or bound["bits"] != depth:
        return "tree"
    if depth and witness["at_least_by"] == "two-way fooling set":
        if not fooled(witness["sets"], values):
            return "fools not"
        if sum(len(one["pairs"]) for one in witness["sets"]) <= 2 ** (depth - 1):
            return "too few"
    return None


def _depth(node: dict, rows: list[int], columns: list[int], values: list) -> int | None:
    if "answer" in node:
        entries = {values[r][c] for r in rows for c in columns} - {None}
        return 0 if entries <= {node["answer"]} else None
    side = rows if node["party"] == "Alice" else columns
    if not set(node["ones"]) <= set(side):
        return None
    depths = []
    for bit, child in enumerate(node["children"]):
        half = [place for place in side if (place in node["ones"]) == bool(bit)]
        pair = (half, columns) if node["party"] == "Alice" else (rows, half)
        depths.append(_depth(child, *pair, values))
    return None if None in depths else 1 + max(depths)


KINDS = {
    "distinct rows": distinct_rows,
    "one-way fooling set": fooling,
    "colouring": colouring,
    "shattered set": shattered,
    "two-way fooling set": two_way_fooling,
    "rank": rank,
    "protocol tree": tree,
}
