"""An optimal Bob: how often the best guess of each x_i from the message is wrong, counted over all x.

Whatever Bob does, with the state S at the cut he is right about x_i at most Σ_s max_v P(S = s, x_i = v) of the
time, and the best guess attains it. No joint counts are kept on the way: equal states are merged layer by layer,
and of each word of the symbols read it is only remembered in which state it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from commlb.errors import Malformed, OverLimit
from commlb.information import entropy_of_spectrum, spectrum
from commlb.kernels.distinct import Workspace, groups
from commlb.layers import Limits
from commlb.limbs import Words
from commlb.machines.base import Machine
from commlb.prefixes import Edges, Prefixes
from commlb.reachability import CHUNK, CHUNK_CELLS

Places = NDArray[np.int64]

BYTES_AN_INPUT = 96
"""Memory that an input takes at once, about, beside its key: counts, and in which state it is."""


@dataclass(frozen=True)
class Guesses:
    """The states that all ``inputs`` words x lead to, and for each i the words on which the best guess is wrong."""

    inputs: int
    reachable_states: int
    entropy_bits: float
    errors: tuple[int, ...]


def best(
    machine: Machine, prefixes: Prefixes, n: int, limits: Limits, most_errors: int | None = None
) -> Guesses:
    """The errors of an optimal Bob, exactly, over all V^n words x of Alice's ``prefixes``.

    With ``most_errors`` it looks no further than the first query that has more: ``errors`` then ends with it.
    Raises ``OverLimit`` where the words would take more than ``limits.max_memory`` bytes.

    >>> from commlb.machines import build
    >>> from commlb.prefixes import of_alice
    >>> from commlb.reductions import build as reduction
    >>> made = reduction("index", None, 3, None, None)
    >>> best(build("window:w=1", made.task, 3), of_alice(made), 3, Limits())
    Guesses(inputs=8, reachable_states=2, entropy_bits=1.0, errors=(4, 4, 0))
    """
    symbols, workspace = prefixes.symbols, Workspace()
    inputs = symbols**n
    keys, controls = machine.pack(machine.start(1)), np.zeros(1, np.int64)
    need = inputs * (BYTES_AN_INPUT + 32 * len(keys))
    if need > limits.max_memory:
        raise OverLimit(f"all {inputs:,} inputs: bytes", need, limits.max_memory, "--max-memory")
    where = np.zeros(1, np.int64)
    for t, edges in enumerate(prefixes.layers):
        limits.check_time(f"layer {t + 1}")
        after = _successors(machine, keys, controls, edges, t)
        nodes, which = groups(after, workspace)
        keys, where = nodes[:-1], _followed(which, controls, edges, symbols)[where].reshape(-1)
        controls = nodes[-1].astype(np.int64)
    states, which = groups(keys, workspace)
    where = which[where]
    counts = np.bincount(where)
    entropy = entropy_of_spectrum(spectrum(counts[None].astype(np.uint64)))
    errors: list[int] = []
    for i in range(n):
        errors.append(_errors(where, counts, symbols, i))
        if most_errors is not None and errors[-1] > most_errors:
            break
    return Guesses(inputs, states.shape[1], entropy, tuple(errors))


def _successors(machine: Machine, keys: Words, controls: Places, edges: Edges, t: int) -> Words:
    """The nodes after each edge, the k-th edge of all nodes before the (k+1)-th: state words, then the control."""
    if (edges.following < 0).any():
        raise Malformed("Alice does not go on after each word of symbols")
    nodes, ways = keys.shape[1], edges.tokens.shape[1]
    found = np.empty((len(keys) + 1, ways, nodes), np.uint64)
    size = max(1, min(CHUNK, CHUNK_CELLS // machine.rows))
    for k in range(ways):
        for first in range(0, nodes, size):
            some = slice(first, first + size)
            states = machine.unpack(keys[:, some])
            states = machine.step(states, edges.tokens[controls[some], k], t, out=states)
            found[:-1, k, some] = machine.pack(states)
            found[-1, k, some] = edges.following[controls[some], k].astype(np.uint64)
    return found.reshape(len(found), -1)


def _followed(which: Places, controls: Places, edges: Edges, symbols: int) -> Places:
    """The node after each word of the symbols that are read at once: (nodes, words), words in their order."""
    ways = edges.tokens.shape[1]
    if ways != symbols ** len(edges.reads):
        raise Malformed(f"Alice reads {len(edges.reads)} symbols at once, and has {ways} ways to go on")
    powers = symbols ** np.arange(len(edges.reads))[::-1]
    in_order = np.argsort((edges.symbols * powers).sum(axis=2), axis=1)
    return np.take_along_axis(which.reshape(ways, -1).T, in_order[controls], axis=1)


def _errors(where: Places, counts: Places, symbols: int, i: int) -> int:
    """The words on which the most frequent x_i (i from 0) of their state is not theirs; where (V^n,)."""
    by_symbol = where.reshape(symbols**i, symbols, -1)
    most = left = np.zeros_like(counts)
    for value in range(symbols - 1):
        times = np.bincount(by_symbol[:, value].reshape(-1), minlength=len(counts))
        most, left = np.maximum(most, times), left + times
    return len(where) - int(np.maximum(most, counts - left).sum())
