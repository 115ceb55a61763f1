"""Seconds to a collision of ``random``, and states a second, beside birthday searches in Python and in NumPy.

    python tests/benchmarks/collision_rate.py [--bits 28 32] [--alone 48] [--seeds 5] [--workers 2]

The machine scrambles its state of B bits at every token (``random:bits=B``); Alice writes 64 bits. The rivals keep
the state of every input that they draw, in a dict or in sorted arrays, until one comes twice. All draw from inputs
whose last B bits vary, each search from a seed of its own, interleaved in one run; what is printed are medians and
their ratios. ``--alone 48 56 64``: ours only, a line a seed, wall and processor seconds of all threads. Nothing is
asserted about clocks; that each pair collides on the machine's own step is.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import time
from collections.abc import Callable

import numba
import numpy as np

from commlb import machines
from commlb.colliding.distinguished import search
from commlb.machines.base import Machine
from commlb.machines.random import GOLDEN, mix
from commlb.reductions.index_to_index import IndexToIndex

N = 64
Pair = tuple[tuple[int, ...], tuple[int, ...], int]
"""Two inputs, and the runs that it took to find them."""


def ours(reduction: IndexToIndex, machine: Machine, seed: int, workers: int) -> Pair:
    found = search(reduction, machine, seed=seed, workers=workers)
    return found.x, found.x_other, found.runs


def lead(machine: Machine) -> np.ndarray:
    """The state after the bits that do not vary."""
    states = machine.start(1)
    for t in range(N - machine.storage_bits):
        states = machine.step(states, np.zeros(1, np.int64), t)
    return states[0]


def as_x(word: int, bits: int) -> tuple[int, ...]:
    return (0,) * (N - bits) + tuple(word >> k & 1 for k in range(bits))


def by_dict(reduction: IndexToIndex, machine: Machine, seed: int, workers: int) -> Pair:
    """A dict from state to input; the transition in plain integers."""
    bits, draw = machine.storage_bits, random.Random(seed)
    mask, shift, begin = 2**64 - 1, 64 - bits, int(lead(machine)[0])
    mixed = int(mix(np.array([machine.parameters["seed"]], np.uint64))[0])
    adds = [int(GOLDEN) * (token + 1) + mixed & mask for token in (0, 1)]
    seen: dict[int, int] = {}
    runs = 0
    while True:
        word, state = draw.getrandbits(bits), begin
        for k in range(bits):
            z = state + adds[word >> k & 1] & mask
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
            z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
            state = (z ^ z >> 31) >> shift
        runs += 1
        other = seen.setdefault(state, word)
        if other != word:
            return as_x(word, bits), as_x(other, bits), runs


def by_numpy(reduction: IndexToIndex, machine: Machine, seed: int, workers: int) -> Pair:
    """Batches of a quarter of 2^{B/2} inputs, each sorted with all states before it."""
    bits, rng = machine.storage_bits, np.random.default_rng(seed)
    shift, begin = np.uint64(64 - bits), lead(machine)
    mixed = mix(np.array([machine.parameters["seed"]], np.uint64))
    first, slope = GOLDEN + mixed, GOLDEN
    words, states = np.zeros((2, 0), np.uint64)
    while True:
        new = rng.integers(2**bits - 1, size=2 ** (bits // 2 - 2), dtype=np.uint64, endpoint=True)
        after = np.repeat(begin, len(new))
        for k in range(bits):
            after = mix(after + first + (new >> np.uint64(k) & np.uint64(1)) * slope) >> shift
        words, states = np.concatenate([words, new]), np.concatenate([states, after])
        order = np.argsort(states)
        words, states = words[order], states[order]
        for k in np.flatnonzero((states[1:] == states[:-1]) & (words[1:] != words[:-1])).tolist():
            return as_x(int(words[k]), bits), as_x(int(words[k + 1]), bits), len(words)


def timed(work: Callable[..., Pair], bits: int, seed: int, workers: int) -> tuple[float, float, int]:
    """Wall seconds, processor seconds, runs."""
    reduction = IndexToIndex(N)
    machine = machines.build(f"random:bits={bits},seed={seed}", reduction.task, reduction.cut)
    wall, own = time.perf_counter(), time.process_time()
    x, other, runs = work(reduction, machine, seed, workers)
    wall, own = time.perf_counter() - wall, time.process_time() - own
    states = machine.start(2)
    for t, tokens in enumerate(np.array([x, other]).T):
        states = machine.step(states, tokens, t)
    if x == other or states[0, 0] != states[0, 1]:
        raise SystemExit(f"{work.__name__}: the pair does not collide")
    return wall, own, runs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bits", type=int, nargs="*", default=[28, 32])
    parser.add_argument("--alone", type=int, nargs="*", default=[48])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        f"numpy {np.__version__}, numba {numba.__version__}"
    )
    cold = timed(ours, 32, 0, 1)[0]
    print(f"first call, the compiler's start included: {cold:.2f} s at 32 bits")
    for bits in given.bits:
        found: dict[str, list[tuple[float, float, int]]] = {"ours": [], "numpy": [], "dict": []}
        for seed in range(given.seeds):
            for name, work in zip(found, (ours, by_numpy, by_dict), strict=True):
                found[name].append(timed(work, bits, seed, 1))
        rates = {name: statistics.median(r / wall for wall, _, r in rows) for name, rows in found.items()}
        seconds = {name: statistics.median(wall for wall, _, _ in rows) for name, rows in found.items()}
        for name in found:
            rate, second = rates["ours"] / rates[name], seconds[name] / seconds["ours"]
            print(
                f"{bits} bits, one core, {name:5}: {rates[name]:13,.0f} states/s ({rate:.1f}x), "
                f"{seconds[name]:.3f} s to a collision ({second:.1f}x)"
            )
    for bits in given.alone:
        rows = []
        for seed in range(given.seeds):
            rows.append(timed(ours, bits, seed, given.workers))
            wall, own, runs = rows[-1]
            expected = runs / 2 ** (bits / 2)
            print(
                f"{bits} bits, {given.workers} threads, seed {seed}: {wall:8.2f} s, {own:8.2f} s of processors, "
                f"{runs:,} runs = {expected:.2f}·2^{bits / 2:g}, {runs / wall:,.0f} states/s"
            )
        means = [statistics.mean(row[k] for row in rows) for k in range(3)]
        print(
            f"{bits} bits, mean of {given.seeds} seeds: {means[0]:.2f} s, {means[1]:.2f} s of processors, "
            f"{means[2]:,.0f} runs"
        )


if __name__ == "__main__":
    main()
