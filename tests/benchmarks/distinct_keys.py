"""Nanoseconds a key for counting distinct keys, beside NumPy's ways, interleaved in one run.

Run: python tests/benchmarks/distinct_keys.py [--bits 20 23] [--wide-bits 20 22] [--rounds 5]. For sets of
2^bits keys, 5, 50 and 100 % of them distinct, prints the medians and each rival's median over that of
``distinct``. "fresh" is ``distinct`` with a new workspace every time, as a single call pays it. At the end:
the first call of a new process, which loads the compiler and the compiled kernels from disk.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time

import numba
import numpy as np

from commlb.kernels import distinct

FIRST_CALL = """
import time, numpy as np
from commlb.kernels import distinct
keys = np.arange(2**20, dtype=np.uint64)[None] * np.uint64(0x9E3779B97F4A7C15)
started = time.perf_counter()
distinct.distinct(keys)
print(time.perf_counter() - started)
"""


def by_unique(keys, counts):
    return np.unique(keys[0], return_counts=True)


def by_void_rows(keys, counts):
    rows = np.ascontiguousarray(keys.T).view(np.dtype((np.void, 8 * len(keys))))
    return np.unique(rows, return_counts=True)


def by_sorted_sums(keys, counts):
    order = np.argsort(keys[0]) if len(keys) == 1 else np.lexsort(keys)
    rows = keys[:, order]
    firsts = np.flatnonzero(np.append(True, (rows[:, 1:] != rows[:, :-1]).any(axis=0)))
    return rows[:, firsts], np.add.reduceat(counts[0, order], firsts)


def by_bincount(keys, counts):
    times = np.bincount(keys[0].astype(np.int64))
    found = np.flatnonzero(times)
    return found, times[found]


def by_table(keys, table):
    table[:] = 0
    distinct.dense_counts(keys[0], None, table)
    return distinct.dense_distinct(table)


def some_keys(rng, n, percent, words):
    """n keys of which about ``percent`` % are distinct, spread over all bits of each word."""
    values = {5: n // 20, 50: n * 63 // 100, 100: 2**62}[percent]
    first = rng.integers(0, values, n).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.stack([first >> np.uint64(9 * w) for w in range(words)])


def compare(title, rivals, rounds, n):
    """Print the medians of each rival; the first round of each only warms up."""
    seconds = {name: [] for name in rivals}
    for _ in range(rounds + 1):
        for name, rival in rivals.items():
            started = time.perf_counter()
            rival()
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    base = medians["distinct"]
    print(title + "".join(f"   {name} {m / n * 1e9:.1f} ({m / base:.1f}x)" for name, m in medians.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bits", type=int, nargs="*", default=[20, 23], help="log2 of the number of keys")
    parser.add_argument("--wide-bits", type=int, nargs="*", default=[20, 22], help="… of three-word keys")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, "
        f"numpy {np.__version__}, numba {numba.__version__}; ns a key, ratios to distinct"
    )
    rng, workspace = np.random.default_rng(0), distinct.Workspace()
    for words, rival, bits in [(1, by_unique, given.bits), (3, by_void_rows, given.wide_bits)]:
        for b, percent in [(b, percent) for b in bits for percent in (5, 50, 100)]:
            n = 2**b
            keys = some_keys(rng, n, percent, words)
            counts = rng.integers(0, 2**30, (1, n)).astype(np.uint64)
            title = f"2^{b} keys, words: {words}, {percent:3} % distinct, "
            with_counts = {
                "distinct": lambda k=keys, c=counts: distinct.distinct(k, c, workspace),
                "by_sorted_sums": lambda k=keys, c=counts: by_sorted_sums(k, c),
            }
            without = {
                "distinct": lambda k=keys: distinct.distinct(k, None, workspace),
                "fresh": lambda k=keys: distinct.distinct(k),
                "groups": lambda k=keys: distinct.groups(k, workspace),
                rival.__name__: lambda k=keys, r=rival: r(k, None),
            }
            compare(title + "each once:  ", without, given.rounds, n)
            compare(title + "with counts:", with_counts, given.rounds, n)
    for b in given.bits:
        n = 2**b
        keys, table = rng.integers(0, n // 4, (1, n)).astype(np.uint64), np.zeros((1, n // 4), np.uint64)
        dense = {
            "distinct": lambda k=keys: distinct.distinct(k, None, workspace),
            "dense_counts": lambda k=keys, t=table: by_table(k, t),
            "by_bincount": lambda k=keys: by_bincount(k, None),
        }
        compare(f"2^{b} keys below 2^{b - 2}, each once:", dense, given.rounds, n)
    first = subprocess.run([sys.executable, "-c", FIRST_CALL], check=True, capture_output=True, text=True)
    print(f"first call of a process, 2^20 keys of one word: {float(first.stdout):.2f} s")


if __name__ == "__main__":
    main()
