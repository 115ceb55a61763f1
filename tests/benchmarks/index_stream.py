"""Tokens a second of the exact Index machine, in place, beside two plainer ways, interleaved in one run.

Run: python tests/benchmarks/index_stream.py [--n 1024] [--runs 16384] [--rounds 7]; prints medians, ratios.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from commlb.tasks.index import Index


def in_place(machine, tokens, runs, n):
    states = machine.start(runs)
    for t in range(n):
        states = machine.step(states, tokens[t % len(tokens)], t, out=states)
    return states


def copied(machine, tokens, runs, n):
    states = machine.start(runs)
    for t in range(n):
        states = machine.step(states, tokens[t % len(tokens)], t)
    return states


def runs_first(machine, tokens, runs, n):
    states = np.zeros((runs, machine.rows), np.uint64)
    for t in range(n):
        states[:, t // 64] |= tokens[t % len(tokens)].astype(np.uint64) << np.uint64(t % 64)
    return states.T


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=16384)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    machine = Index(given.n).machine()
    rng = np.random.default_rng(0)
    tokens = [rng.integers(0, 2, size=given.runs, dtype=np.int64) for _ in range(16)]
    rivals = (in_place, copied, runs_first)
    seconds: dict[str, list[float]] = {rival.__name__: [] for rival in rivals}
    reference = in_place(machine, tokens, given.runs, given.n)
    for _ in range(given.rounds):
        for rival in rivals:
            started = time.perf_counter()
            states = rival(machine, tokens, given.runs, given.n)
            seconds[rival.__name__].append(time.perf_counter() - started)
            assert (states == reference).all()
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        rate = given.n * given.runs / median / 1e6
        print(f"{name:12} {rate:8.0f} Mtok/s   {median / medians['in_place']:6.2f} x in_place")


if __name__ == "__main__":
    main()
