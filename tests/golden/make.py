"""Write the golden files: ``python tests/golden/make.py [streams | results]``.

``streams.json`` holds prefixes and suffixes written straight from the table of reductions in the papers, with
no code of commlb, so that the library can be compared with it. ``results.json`` holds whole results of
``commlb.reduce`` and is only rewritten when results are meant to change.
"""

from __future__ import annotations

import itertools
import json
import platform
import random
import sys
from pathlib import Path

HERE = Path(__file__).parent
SEED = 20241124

RESULTS = [
    {"task": "istree", "n": 64, "seed": 1},
    {"task": "istree", "n": 64, "seed": 1, "reduction": "hubs", "machine": "window:w=8"},
    {"task": "istree", "n": 5, "reduction": "doubled", "x": [1, 0, 1, 1, 0], "i": 3},
    {"task": "index", "n": 24, "seed": 1, "machine": "window:w=8", "trials": 500},
    {"task": "index", "n": 6, "symbols": 3, "machine": "random:bits=7,seed=2"},
    {"task": "ar", "n": 10, "machine": "window:w=7"},
    {"task": "cgram", "n": 7, "c": 4, "machine": "random:bits=9"},
    {"task": "counting", "n": 40, "seed": 3, "machine": "store"},
    {"task": "equality", "n": 5, "x": [1, 0, 1, 1, 0], "y": [1, 0, 1, 1, 1], "machine": "random:bits=4"},
    {"task": "disjointness", "n": 5, "machine": "random:bits=3"},
    {"task": "mqar", "n": 4, "reduction": "all-queries", "x": [1, 0, 1, 1], "y": [0, 1, 0, 1]},
    {"task": "copying", "n": 4, "symbols": 3, "x": [1, 0, 2, 1], "i": 2},
    {"task": "triangle", "n": 9, "x": [1, 0, 1, 1, 0, 1, 0, 0, 1], "i": 4},
    {"task": "st-connectivity", "n": 6, "machine": "window:w=3"},
    {"task": "nearest", "n": 5, "machine": "random:bits=4"},
    {"task": "equality", "n": 64, "seed": 1, "machine": "fingerprint:bits=8"},
    {"task": "counting", "n": 24, "seed": 1, "machine": "bloom:bits=70,hashes=2,seed=3"},
    {
        "task": "counting",
        "n": 6,
        "seed": 1,
        "machine": "countmin:width=4,depth=2",
        "x": [1, 0, 1, 1, 0, 0],
        "i": 2,
    },
    {"task": "index", "n": 8, "seed": 1, "symbols": 3, "machine": "reservoir:k=3", "trials": 500},
]


def edge(u: int, v: int) -> int:
    u, v = min(u, v), max(u, v)
    return v * (v - 1) // 2 + u


def index(x, i):
    return list(x), [i]


def ar(x, i):
    n = len(x)
    return [token for j in range(1, n + 1) for token in (j, n + 1 + x[j - 1])], [i]


def cgram(x, i, c):
    n = len(x)
    prefix = []
    for j in range(1, n + 1):
        prefix += [j] * (c - 1) + [n + 1 + x[j - 1]]
    return prefix, [i] * (c - 1)


def counting(x, i):
    n = len(x)
    return [j if x[j - 1] else n + 1 for j in range(1, n + 1)], [i, 1]


def doubled(x, i):
    """Vertices L = 0, R = 1, u_j = j + 1; z = 0 x_1 0 x_2 …"""
    z = [bit for symbol in x for bit in (0, symbol)]
    return [edge(z[j - 1], j + 1) for j in range(1, len(z) + 1)], [edge(2 * i, 2 * i + 1)]


def two_hub(x, i):
    """Vertices L = 0, R = 1, v_j = j + 2; y_0 = 0, y_j = y_{j−1} ⊕ x_j."""
    y = [0, *itertools.accumulate(x, lambda a, b: a ^ b)]
    return [edge(y[j], j + 2) for j in range(len(y))], [edge(i + 1, i + 2)]


def hubs(x, i):
    """Hubs 0 … 2^b − 1, leaf k = 2^b + k − 1; b with the fewest vertices."""
    n = len(x)
    b = min(range(1, n + 2), key=lambda size: (-(-n // size) + 2**size, size))
    k = 2**b
    padded = list(x) + [0] * (-n % b)
    blocks = [padded[place : place + b] for place in range(0, len(padded), b)]
    prefix = [
        edge(k + leaf, sum(bit << p for p, bit in enumerate(block))) for leaf, block in enumerate(blocks)
    ]
    leaf, place = divmod(i - 1, b)
    suffix = []
    for side in (0, 1):
        path = [r for r in range(k) if (r >> place) % 2 == side]
        suffix += [edge(a, c) for a, c in itertools.pairwise(path)]
    return prefix, [*suffix, edge(k + leaf, 0)]


def star(x, i):
    """Vertices v_0 … v_n; edges in the order of j without f, or those at v_0 with the last one replaced."""
    bits = list(x) + [0] * (3 - len(x))
    n = len(bits)
    if not any(bits):
        return [*(edge(0, j) for j in range(1, n - 1)), edge(0, 1)], [edge(0, i)]
    f = bits.index(1) + 1
    return [edge(f if bits[j - 1] else 0, j) for j in range(1, n + 1) if j != f], [edge(0, i)]


def words(x, y):
    return list(x), list(y)


def first_query(x, i):
    """Keys 1 … n, values n+1, n+2; key i first, then the others in order."""
    n = len(x)
    return ar(x, i)[0], [i] + [j for j in range(1, n + 1) if j != i]


def all_queries(x, y):
    return ar(x, 1)[0], list(range(1, len(x) + 1))


def hypercube(x, i):
    """Vertices 1 … 2^d of the hypercube, labels 2^d + 1 and 2^d + 2."""
    n, d = len(x), 1
    while 2**d < n:
        d += 1
    prefix = [token for j in range(1, n + 1) for token in (j, 2**d + 1 + x[j - 1])]
    return prefix, [i] + [j for j in range(1, n + 1) if j != i]


def repeat(x, i, symbols):
    """The separator is ``symbols``, "go" is ``symbols`` + 1."""
    return list(x), [symbols] + [symbols + 1] * (len(x) - 1)


def bipartite(x, i):
    """Vertices u_1 … u_m, v_1 … v_m, w; no edge is N(N−1)/2."""
    n, m = len(x), 1
    while m * m < n:
        m += 1
    none, w = (2 * m + 1) * m, 2 * m
    bits = list(x) + [0] * (m * m - n)
    prefix = [edge(p // m, m + p % m) if bit else none for p, bit in enumerate(bits)]
    return prefix, [edge(w, (i - 1) // m), edge(w, m + (i - 1) % m)]


def spokes(x, i):
    """Vertices s = 0, t = 1, v_j = j + 1."""
    n = len(x)
    none = (n + 2) * (n + 1) // 2
    return [edge(0, j + 1) if x[j - 1] else none for j in range(1, n + 1)], [edge(1, i + 1)]


def streams() -> list[dict]:
    rng = random.Random(SEED)
    found = []
    for n in (1, 2, 5, 8, 13):
        for name, symbols, c in (
            ("plain", 2, None), ("plain", 5, None), ("keys", 2, None), ("keys", 3, None), ("blocks", 2, 2),
            ("blocks", 4, 3), ("blocks", 2, 5), ("blanks", 2, None), ("doubled", 2, None),
            ("two-hub", 2, None), ("hubs", 2, None), ("words", 2, None), ("sets", 2, None),
            ("first-query", 2, None), ("first-query", 4, None), ("all-queries", 2, None),
            ("hypercube", 2, None), ("repeat", 2, None), ("repeat", 3, None), ("bipartite", 2, None),
            ("spokes", 2, None),
        ):  # fmt: skip
            x = [rng.randrange(symbols) for _ in range(n)]
            i = rng.randrange(1, n + 1)
            if name in ("words", "sets", "all-queries"):
                i = [rng.randrange(2) for _ in range(n)]
            makers = {
                "plain": index, "keys": ar, "blanks": counting, "doubled": doubled, "two-hub": two_hub,
                "hubs": hubs, "words": words, "sets": words, "first-query": first_query,
                "all-queries": all_queries, "hypercube": hypercube, "bipartite": bipartite, "spokes": spokes,
                "repeat": lambda x, i, symbols=symbols: repeat(x, i, symbols),
            }  # fmt: skip
            prefix, suffix = cgram(x, i, c) if c else makers[name](x, i)
            found.append(case(name, symbols, c, x, i, prefix, suffix))
    return found + stars()


def stars() -> list[dict]:
    """Of their own seed; and x = 0, which is written in another way."""
    rng = random.Random(SEED + 1)
    found = []
    for n in (1, 2, 3, 5, 8, 13):
        for x in ([0] * n, [rng.randrange(2) for _ in range(n)], [rng.randrange(2) for _ in range(n)]):
            i = rng.randrange(1, n + 1)
            found.append(case("star", 2, None, x, i, *star(x, i)))
    return found


def case(name, symbols, c, x, y, alice, bob) -> dict:
    return {"reduction": name, "symbols": symbols, "c": c, "x": x, "y": y, "alice": alice, "bob": bob}


def results() -> list[dict]:
    import dataclasses

    import commlb

    found = []
    for request in RESULTS:
        given = {key: tuple(v) if isinstance(v, list) else v for key, v in request.items()}
        result = commlb.reduce(given.pop("task"), **given)
        found.append({"request": request, "result": dataclasses.asdict(result)})
    return found


def provenance(by: str) -> dict:
    return {"written_by": by, "seed": SEED, "python": platform.python_version()}


def main(names: list[str]) -> None:
    for name in names or ["streams", "results"]:
        cases = {"streams": streams, "results": results}[name]()
        body = {"provenance": provenance(f"tests/golden/make.py {name}"), "cases": cases}
        (HERE / f"{name}.json").write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
