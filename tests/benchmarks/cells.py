"""A token through recurrent cells: ns a run, beside NumPy for small cells and PyTorch's LSTM for a large one.

    python tests/benchmarks/cells.py [--runs 65536] [--repeats 9]

Small cells of 16 bits, for as many runs as enumeration steps at once. *successor* is what enumeration does: packed
states in, packed states out, every stored number rounded; *step* is the middle of it, from numbers to numbers.
*numpy* is the same with NumPy's functions on all runs, *numpy_blocks* on 4,096 at a time, so that they stay near
the core. All compute in float32. The LSTM has d = 64 and 256 runs: *commlb* and *torch_steps* take one token a
call, as a streaming machine does, *torch_sequence* all 50 tokens at once, which takes no message at a cut. All take
turns, in one run; printed are medians and their ratios to commlb. Nothing is asserted about clocks; that all
compute the same function, up to rounding, is.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from commlb import machines
from commlb.machines.rnn.network import Network
from commlb.tasks.index import Index

SMALL = ("elman:d=4,p=4", "gru:d=4,p=4", "lstm:d=2,p=4")
BLOCK, CALLS = 4096, 5
SHIFTS = np.arange(0, 16, 4, dtype=np.uint64)[:, None]
TOKENS, BATCH, WIDTH = 50, 256, 64


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rounded(x, span):
    step = np.float32(span / 8)
    return np.rint(np.clip(x, -span, span - step) / step) * step


class Plain:
    """The cells as one writes them with NumPy: input products of all token kinds made beforehand."""

    def __init__(self, machine: Network):
        w = {
            name.removeprefix("layers.0."): value.astype(np.float32)
            for name, value in machine.weights.items()
        }
        self.name, self.d, self.u = machine.name, machine.d, w["w_h"]
        self.table = w["w_x"] @ w["embedding"].T + w["b_x"][:, None]
        self.bias = w["b_h"][:, None]
        spans = [1, 1, 8, 8] if self.name == "lstm" else [1, 1, 1, 1]
        self.steps = np.array(spans, np.float32)[:, None] / 8

    def step(self, states, tokens):
        d = self.d
        a, h = np.take(self.table, tokens, axis=1), states[:d]
        b = self.u @ h + self.bias
        if self.name == "elman":
            states[:] = rounded(np.tanh(a + b), 1)
        elif self.name == "gru":
            gates = sigmoid(a[: 2 * d] + b[: 2 * d])
            n = np.tanh(a[2 * d :] + gates[:d] * b[2 * d :])
            states[:] = rounded((1 - gates[d:]) * n + gates[d:] * h, 1)
        else:
            a += b
            c = rounded(sigmoid(a[d : 2 * d]) * states[d:] + sigmoid(a[:d]) * np.tanh(a[2 * d : 3 * d]), 8)
            states[:d], states[d:] = rounded(sigmoid(a[3 * d :]) * np.tanh(c), 1), c

    def successor(self, words, tokens):
        """Four numbers of four bits a word, two's complement, to those of the next state."""
        codes = (words >> SHIFTS) & np.uint64(15)
        states = (codes.astype(np.int8) ^ 8) - np.int8(8)
        numbers = states.astype(np.float32) * self.steps
        self.step(numbers, tokens)
        codes = (numbers / self.steps).astype(np.int64).astype(np.uint64) & np.uint64(15)
        return np.bitwise_or.reduce(codes << SHIFTS, axis=0, keepdims=True)


def in_blocks(way, arrays, tokens):
    for first in range(0, len(tokens), BLOCK):
        way(arrays[:, first : first + BLOCK], tokens[first : first + BLOCK])


def compare(
    case: str, ways: dict[str, Callable[[], object]], runs: int, repeats: int, steps: int = 1
) -> None:
    """Time the ways in turn; print ns a run and token, and how many times slower than the first.

    A turn is one call that is not timed, and ``CALLS`` that are: a way is measured as it runs when it is called
    again and again, not with the memory and the caches that another one left.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            way()
            started = time.perf_counter()
            for _ in range(CALLS):
                way()
            seconds[name].append((time.perf_counter() - started) / CALLS)
    medians = {name: statistics.median(values) * 1e9 / runs / steps for name, values in seconds.items()}
    first = next(iter(medians.values()))
    rest = ", ".join(f"{name} {median:.1f} ({median / first:.2f}x)" for name, median in medians.items())
    print(f"{case}:  {rest}", flush=True)


def small(spec: str, runs: int, repeats: int) -> None:
    machine = machines.build(spec, Index(32, 2), 32).use(compiled=True)
    plain, rng = Plain(machine), np.random.default_rng(0)
    tokens = rng.integers(2, size=(8, runs))
    states = machine.start(runs)
    for t in range(8):
        machine.step(states, tokens[t], t, out=states)
    ours, theirs = states.copy(), states.copy()
    machine.step(ours, tokens[0], 8, out=ours)
    plain.step(theirs, tokens[0])
    if (ours != theirs).mean() > 0.001:
        raise RuntimeError(f"{spec}: NumPy's cell is another function")
    words = machine.pack(states)
    mine = machine.pack(machine.step(machine.unpack(words), tokens[1], 9))
    if (mine != plain.successor(words, tokens[1])).mean() > 0.001:
        raise RuntimeError(f"{spec}: NumPy's successor is another function")

    def successor() -> np.ndarray:
        found = machine.unpack(words)
        return machine.pack(machine.step(found, tokens[1], 9, out=found))

    ways = {
        "commlb": successor,
        "numpy": lambda: plain.successor(words, tokens[1]),
        "numpy_blocks": lambda: in_blocks(plain.successor, words, tokens[1]),
    }
    compare(f"{spec}, successor, {runs} runs", ways, runs, repeats)
    ways = {
        "commlb": lambda: machine.step(ours, tokens[1], 9, out=ours),
        "numpy": lambda: plain.step(theirs, tokens[1]),
        "numpy_blocks": lambda: in_blocks(plain.step, theirs, tokens[1]),
    }
    compare(f"{spec}, step, {runs} runs", ways, runs, repeats)


def large(repeats: int) -> None:
    try:
        import torch
    except ImportError:
        print("torch is not installed: no LSTM to compare with")
        return
    machine = machines.build(f"lstm:d={WIDTH}", Index(TOKENS, WIDTH), TOKENS).use(compiled=True)
    module, table = (
        torch.nn.LSTM(WIDTH, WIDTH).eval(),
        torch.nn.Embedding(len(machine.weights["embedding"]), WIDTH),
    )
    names = {"w_x": "weight_ih_l0", "w_h": "weight_hh_l0", "b_x": "bias_ih_l0", "b_h": "bias_hh_l0"}
    tokens = np.random.default_rng(0).integers(WIDTH, size=(TOKENS, BATCH))
    tensor = torch.tensor(tokens)
    with torch.inference_mode():
        table.weight.copy_(torch.tensor(machine.weights["embedding"]))
        for ours, theirs in names.items():
            getattr(module, theirs).copy_(torch.tensor(machine.weights[f"layers.0.{ours}"]))

        def commlb() -> np.ndarray:
            states = machine.start(BATCH)
            for t in range(TOKENS):
                machine.step(states, tokens[t], t, out=states)
            return states[:WIDTH]

        def torch_steps() -> np.ndarray:
            state = None
            for t in range(TOKENS):
                _, state = module(table(tensor[t : t + 1]), state)
            return state[0][0].numpy().T

        def torch_sequence() -> np.ndarray:
            return module(table(tensor))[1][0][0].numpy().T

        for other in (torch_steps, torch_sequence):
            if np.abs(commlb() - other()).max() > 1e-4:
                raise RuntimeError("torch's LSTM is another function")
        for threads in (1, torch.get_num_threads()):
            torch.set_num_threads(threads)
            ways = {"commlb": commlb, "torch_steps": torch_steps, "torch_sequence": torch_sequence}
            case = f"lstm:d={WIDTH}, {BATCH} runs, torch with {threads} thread{'s' * (threads > 1)}"
            compare(case, ways, BATCH, repeats, TOKENS)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=65536)
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    for spec in SMALL:
        small(spec, given.runs, given.repeats)
    large(given.repeats)


if __name__ == "__main__":
    main()
