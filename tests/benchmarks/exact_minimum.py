"""The exact minimum of INDEX, equality and IsTree beside a DFA minimiser and decision diagrams.

Run: python tests/benchmarks/exact_minimum.py [--rounds 5] [--small]; prints medians and ratios. What each does:

- layers: follows the batched machine (sorting out equal states at each layer), then merges from the last.
- table: merges the blocks of a truth table that NumPy has filled; filling it is counted.
- automata-lib: ``minify`` of the layered DFA that layers finds before merging; making the DFA is not counted.
- CUDD (by ``dd``): builds the diagram in the order of the stream, then counts the widths that a machine needs
  at every cut: the distinct subfunctions, those that skip the level counted (quasi-reduced), in Python.
  "CUDD build" stops after the diagram, which has no widths yet.

INDEX queries by a number in binary, so that all three read bits; for automata-lib too. All must give the same
widths. Rivals are optional: pip install automata-lib dd.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from commlb.layers import Layers, Limits, unroll_machine
from commlb.machines.base import Machine
from commlb.merging import merge, merge_table
from commlb.tasks.equality import Equality
from commlb.tasks.istree import IsTree

BITS = (0, 1)
Widths = tuple[int, ...]


class BinaryIndex(Machine):
    """n bits, then a position in ⌈log n⌉ bits, most significant first; positions beyond n answer 0."""

    name = "binary index"
    dtype = np.uint64

    def __init__(self, n: int):
        self.n, self.query = n, (n - 1).bit_length()
        self.rows, self.widths = 2, [n, self.query]

    def advance(self, states, tokens, t):
        if t < self.n:
            states[0] |= tokens.astype(np.uint64) << np.uint64(t)
            return
        # a bit of the position halves the word: what can no longer be asked for is forgotten
        half = np.uint64(2 ** (self.n + self.query - 1 - t))
        mask = (np.uint64(1) << half) - np.uint64(1)
        states[0] = np.where(tokens == 1, states[0] >> half, states[0] & mask)

    def output(self, states):
        return (states[0] & np.uint64(1)).astype(np.int64)

    def unrolled(self) -> Layers:
        length = self.n + self.query
        return unroll_machine(self, [BITS] * length, [length], Limits(2**24))


def index_by_layers(n: int) -> Widths:
    return merge(BinaryIndex(n).unrolled()).widths


def index_by_table(n: int) -> Widths:
    query = (n - 1).bit_length()
    words = np.arange(2**n, dtype=np.uint32)
    table = np.zeros((2**n, 2**query), np.uint8)
    for i in range(n):
        table[:, i] = words >> np.uint32(n - 1 - i) & np.uint32(1)
    return merge_table(table.reshape(-1), [BITS] * (n + query), BITS)[0].widths


def index_diagram(n: int):
    query = (n - 1).bit_length()
    diagram = new_diagram([f"x{i}" for i in range(n)] + [f"y{j}" for j in range(query)])
    function = diagram.false
    for i in range(n):
        position = diagram.cube({f"y{j}": bool(i >> (query - 1 - j) & 1) for j in range(query)})
        function |= diagram.var(f"x{i}") & position
    return function


def index_by_cudd(n: int) -> Widths:
    return quasi_reduced(index_diagram(n), n + (n - 1).bit_length())


def new_diagram(names: list[str]):
    import dd.cudd

    diagram = dd.cudd.BDD()
    diagram.configure(reordering=False)
    diagram.declare(*names)
    return diagram


def quasi_reduced(function, length: int) -> Widths:
    """Distinct subfunctions at each cut: of each level's nodes, those above whose arrows pass over it too.

    A node is met first at the highest cut that an arrow to it passes, and stays until its own level.
    """
    first = {int(function): 0}
    own = {}
    stack = [function]
    while stack:
        node = stack.pop()
        number = int(node)
        if number in own:
            continue
        own[number] = min(node.level, length)
        if own[number] == length:
            continue
        low, high = node.low, node.high
        if node.negated:
            low, high = ~low, ~high
        for child in (low, high):
            cut = own[number] + 1
            first[int(child)] = min(first.get(int(child), length), cut)
            stack.append(child)
    steps = [0] * (length + 2)
    for number, level in own.items():
        steps[first[number]] += 1
        steps[level + 1] -= 1
    return tuple(int(width) for width in np.cumsum(steps)[: length + 1])


def equality_by_layers(n: int) -> Widths:
    task = Equality(n)
    alphabets = [task.alphabet(t) for t in range(2 * n)]
    return merge(unroll_machine(task.machine(), alphabets, task.answered_at)).widths


def equality_diagram(n: int):
    diagram = new_diagram([f"x{i}" for i in range(n)] + [f"y{i}" for i in range(n)])
    function = diagram.true
    for i in range(n):
        function &= diagram.apply("<=>", diagram.var(f"x{i}"), diagram.var(f"y{i}"))
    return function


def equality_by_cudd(n: int) -> Widths:
    return quasi_reduced(equality_diagram(n), 2 * n)


def istree_by_layers(n: int) -> Widths:
    task = IsTree(n)
    alphabets = [task.alphabet(t) for t in range(n - 1)]
    return merge(unroll_machine(task.machine(), alphabets, task.answered_at)).widths


def layered_dfa(layers: Layers):
    """The unmerged layers as a DFA of automata-lib with one dead state."""
    from automata.fa.dfa import DFA

    n = layers.length
    moves: dict = {"dead": {"0": "dead", "1": "dead"}}
    for t, table in enumerate(layers.following):
        for state, (low, high) in enumerate(table.tolist()):
            moves[(t, state)] = {"0": (t + 1, low), "1": (t + 1, high)}
    moves |= {(n, state): {"0": "dead", "1": "dead"} for state in range(layers.widths[n])}
    final = {(n, s) for s, answer in enumerate(layers.answered[n]) if layers.answers[answer] == 1}
    return DFA(
        states=set(moves),
        input_symbols={"0", "1"},
        transitions=moves,
        initial_state=(0, 0),
        final_states=final,
        allow_partial=False,
    )


def minify_widths(dfa, length: int) -> Widths:
    """Widths by layer of the minimised DFA, the dead class (one for all layers) counted where it is met."""
    small = dfa.minify()
    layer, widths = {small.initial_state}, [1]
    for _ in range(length):
        layer = {small.transitions[state][symbol] for state in layer for symbol in "01"}
        widths.append(len(layer))
    return tuple(widths)


def compare(title: str, rivals: dict[str, Callable[[], object]], rounds: int) -> None:
    """Medians of all rivals, run in turn; their widths must agree."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    found: dict[str, Widths] = {}
    for _ in range(rounds):
        for name, run in rivals.items():
            started = time.perf_counter()
            widths = run()
            seconds[name].append(time.perf_counter() - started)
            if isinstance(widths, tuple):
                found[name] = widths
            del widths
    if len(set(found.values())) > 1:
        raise SystemExit(f"{title}: the widths differ: {found}")
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    best = min(medians[name] for name in ("layers", "table") if name in medians)
    widest = max(next(iter(found.values())))
    for name, median in medians.items():
        print(
            f"{title:16} {name:12} {median * 1e3:10.1f} ms {median / best:9.1f} x   widest {widest:,}",
            flush=True,
        )


def have(module: str) -> bool:
    try:
        __import__(module)
    except ImportError:
        print(f"{module} is missing: pip install automata-lib dd")
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="small sizes only")
    given = parser.parse_args()
    cudd, minify = have("dd.cudd"), have("automata.fa.dfa")
    index_by_layers(17), index_by_table(16)  # loads the compiled kernels
    for n in (12,) if given.small else (12, 13, 14):
        rivals = {"layers": lambda n=n: index_by_layers(n), "table": lambda n=n: index_by_table(n)}
        if minify:
            layers = BinaryIndex(n).unrolled()
            dfa = layered_dfa(layers)
            rivals["automata-lib"] = lambda dfa=dfa, layers=layers: minify_widths(dfa, layers.length)
        compare(f"INDEX n={n}", rivals, min(given.rounds, 3))
    for n in (16,) if given.small else (16, 17, 18, 19, 20):
        rivals = {"layers": lambda n=n: index_by_layers(n), "table": lambda n=n: index_by_table(n)}
        if cudd:
            rivals |= {"CUDD build": lambda n=n: index_diagram(n), "CUDD": lambda n=n: index_by_cudd(n)}
        compare(f"INDEX n={n}", rivals, given.rounds)
    rivals = {"layers": lambda: equality_by_layers(16)}
    if cudd:
        rivals |= {"CUDD build": lambda: equality_diagram(16), "CUDD": lambda: equality_by_cudd(16)}
    compare("equality 2x16", rivals, given.rounds)
    for n in (9,) if given.small else (9, 10, 11):
        compare(f"IsTree N={n}", {"layers": lambda n=n: istree_by_layers(n)}, min(given.rounds, 3))


if __name__ == "__main__":
    main()
