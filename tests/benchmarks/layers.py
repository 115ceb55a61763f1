"""Layered enumeration of 40 binary tokens: ns a successor, beside a Python dict and NumPy.

    python tests/benchmarks/layers.py [--bits 18 20] [--alone 24 26] [--repeats 3]

The machine scrambles its state of B bits at every token (``random:bits=B``), so that layers soon fill most of
2^B states. All three count the distinct states of every layer with the number of prefixes that lead to each,
interleaved in one run; what is printed are medians and their ratios. Nothing is asserted about clocks; that
the three agree is.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np

from commlb import machines
from commlb.layers import Limits
from commlb.machines.base import Machine
from commlb.machines.random import GOLDEN, mix
from commlb.prefixes import of_alice
from commlb.reachability import MAX_STATES, Enumeration
from commlb.reductions.index_to_index import IndexToIndex

TOKENS = 40
Sizes = list[int]


def by_layers(machine: Machine, reduction: IndexToIndex) -> Sizes:
    limits = Limits(MAX_STATES, 2**34)
    return [
        layer.keys.shape[1] for layer in Enumeration(machine, of_alice(reduction), False, limits).layers()
    ]


def by_numpy(machine: Machine, reduction: IndexToIndex) -> Sizes:
    """``np.unique`` and ``np.bincount``, all successors of a layer at once; counts rounded beyond 2^53."""
    shift, seed = np.uint64(64 - machine.storage_bits), mix(np.zeros(1, np.uint64))
    added = [GOLDEN * np.array([token + 1], np.uint64) + seed for token in (0, 1)]
    states, counts, sizes = np.zeros(1, np.uint64), np.ones(1), [1]
    for _ in range(TOKENS):
        after = np.concatenate([mix(states + add) >> shift for add in added])
        states, which = np.unique(after, return_inverse=True)
        counts = np.bincount(which, np.concatenate([counts, counts]), len(states))
        sizes.append(len(states))
    return sizes


def by_dict(machine: Machine, reduction: IndexToIndex) -> Sizes:
    """A dict from state to count; the transition in plain integers."""
    bits = machine.storage_bits
    mask, golden, shift = 2**64 - 1, 0x9E3779B97F4A7C15, 64 - bits

    def mix(z: int) -> int:
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        return z ^ z >> 31

    added = [golden * (token + 1) + mix(0) for token in (0, 1)]
    layer, sizes = {0: 1}, [1]
    for _ in range(TOKENS):
        following: dict[int, int] = {}
        for state, count in layer.items():
            for add in added:
                after = mix((state + add) & mask) >> shift
                following[after] = following.get(after, 0) + count
        layer = following
        sizes.append(len(layer))
    return sizes


def timed(work: Callable[[Machine, IndexToIndex], Sizes], bits: int) -> tuple[float, Sizes]:
    """ns a successor, and the sizes of the layers."""
    reduction = IndexToIndex(TOKENS)
    machine = machines.build(f"random:bits={bits}", reduction.task, TOKENS)
    started = time.perf_counter()
    sizes = work(machine, reduction)
    return (time.perf_counter() - started) / (2 * sum(sizes[:-1])) * 1e9, sizes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bits", type=int, nargs="*", default=[18, 20])
    parser.add_argument("--alone", type=int, nargs="*", default=[24])
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}")
    cold, _ = timed(by_layers, 20)
    print(f"first call, the compiler's start included: {cold:.0f} ns a successor at 20 bits")
    rivals = {"commlb": by_layers, "numpy": by_numpy, "dict": by_dict}
    for bits in given.bits:
        times: dict[str, list[float]] = {name: [] for name in rivals}
        for _ in range(given.repeats):
            found = {}
            for name, work in rivals.items():
                ns, found[name] = timed(work, bits)
                times[name].append(ns)
            if len({tuple(sizes) for sizes in found.values()}) != 1:
                raise SystemExit("the three do not agree")
        medians = {name: statistics.median(values) for name, values in times.items()}
        ours = medians["commlb"]
        print(
            f"{bits} bits: commlb {ours:.1f} ns a successor; numpy {medians['numpy']:.0f} "
            f"({medians['numpy'] / ours:.1f}x), dict {medians['dict']:.0f} ({medians['dict'] / ours:.0f}x)"
        )
    for bits in given.alone:
        ns, sizes = timed(by_layers, bits)
        print(f"{bits} bits, alone: {ns:.1f} ns a successor, {sizes[-1]:,} states in the last layer")


if __name__ == "__main__":
    main()
