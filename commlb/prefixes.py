"""Which prefixes a machine is run on: all of a task's, or those that a reduction's Alice can send.

Both are a small layered automaton, the *control*, that writes tokens: edges out of each control state, layer by
layer. A path of t edges is a prefix of t tokens; for Alice, it is the symbols that she has read by then, so
that her prefixes come with the multiplicity of the inputs that lead to them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from commlb.errors import LimitError, Malformed
from commlb.layers import Layers, Limits, unroll
from commlb.reductions.base import Encoder, Reduction
from commlb.tasks.base import Task

Control = tuple[Encoder, int, tuple[int, ...]]
"""Alice's encoder state, the steps done, and the tokens of the last step that are still to be written."""

MAX_EDGES = 2**22
"""Edges of all layers of a control."""


@dataclass(frozen=True)
class Edges:
    """The tokens that may stand at one position, out of each of ``controls`` control states.

    tokens, following (controls, edges): the token and the control state after it, −1 where a control has fewer
    edges. symbols (controls, edges, r): the r symbols of x that are read with it; ``reads`` their positions
    in x, from 0.
    """

    tokens: NDArray[np.int64]
    following: NDArray[np.int64]
    symbols: NDArray[np.int64]
    reads: range

    @property
    def controls_after(self) -> int:
        return int(self.following.max()) + 1


@dataclass(frozen=True)
class Prefixes:
    """A set of prefixes as a control: ``layers[t]`` holds the edges at position t.

    ``name``: "all" or "alice"; ``symbols``: of how many kinds the symbols of x are.
    """

    name: str
    layers: tuple[Edges, ...]
    symbols: int = 2

    def masses(self) -> Iterator[int]:
        """How many prefixes (for Alice, words of the symbols read) there are after t = 0 … tokens, exactly.

        One after the other: after t bits they have t bits themselves.
        """
        paths = [1]
        yield 1
        for edges in self.layers:
            after = [0] * edges.controls_after
            for count, row in zip(paths, edges.following.tolist(), strict=True):
                for following in row:
                    if following >= 0:
                        after[following] += count
            paths = after
            yield sum(paths)


def of_task(task: Task, limits: Limits | None = None) -> Prefixes:
    """All prefixes that some valid stream of the task begins with.

    Where there is a promise, the control is the task's automaton, pruned to what can be completed.
    """
    alphabets = [task.alphabet(t) for t in range(task.length)]
    if task.total:
        one = [np.array([alphabet]) for alphabet in alphabets]
        return Prefixes("all", tuple(_plain(tokens, np.zeros_like(tokens)) for tokens in one))
    layers: Layers = unroll(task.automaton(), alphabets, task.answered_at, limits)
    tables = []
    for t, following in enumerate(layers.following):
        tokens = np.broadcast_to(np.array(layers.alphabets[t]), following.shape)
        tables.append(_plain(tokens, following.astype(np.int64)))
    return Prefixes("all", tuple(tables))


def _plain(tokens: NDArray, following: NDArray) -> Edges:
    return Edges(tokens, following, np.zeros((*tokens.shape, 0), np.int64), range(0))


def of_alice(reduction: Reduction) -> Prefixes:
    """Alice's prefixes a(x), each as often as there are x that lead to it.

    Raises ``Malformed`` if the number of tokens that she has written by a step depends on x.
    """
    controls: dict[Control, int] = {(reduction.start(), 0, ()): 0}
    layers, size = [], 0
    read = 0
    for t in range(reduction.cut):
        following: dict[Control, int] = {}
        rows: list[list[tuple[int, int, tuple[int, ...]]]] = []
        for e, steps, rest in controls:
            row = []
            for found in _next_token(reduction, e, steps, rest, t):
                token, after, symbols = found
                row.append((token, following.setdefault(after, len(following)), symbols))
            rows.append(row)
            size += len(row)
        if size > MAX_EDGES:
            raise LimitError(f"Alice's prefixes need more than {MAX_EDGES} edges; take a smaller n")
        counts = {len(symbols) for row in rows for _, _, symbols in row}
        if len(counts) != 1:
            raise Malformed("the number of tokens that Alice has written by a step depends on x")
        layers.append(_edges(rows, range(read, read + counts.pop())))
        read = layers[-1].reads.stop
        controls = following
    return Prefixes("alice", tuple(layers), reduction.symbols)


def _next_token(
    reduction: Reduction, e: Encoder, steps: int, rest: tuple[int, ...], t: int
) -> list[tuple[int, Control, tuple[int, ...]]]:
    """Alice's next token, the control after it, and the symbols read for it, in all ways there are."""
    waiting: list[tuple[Encoder, int, tuple[int, ...], tuple[int, ...]]] = [(e, steps, rest, ())]
    found: list[tuple[int, Control, tuple[int, ...]]] = []
    while waiting:
        e, steps, rest, symbols = waiting.pop()
        if rest:
            found.append((rest[0], (e, steps, rest[1:]), symbols))
        elif steps < reduction.n:
            for x in reversed(range(reduction.symbols)):
                following, letters = reduction.emit(e, steps + 1, x)
                tokens = tuple(reduction.encode(letters, t))
                waiting.append((following, steps + 1, tokens, (*symbols, x)))
        elif steps == reduction.n:
            waiting.append((e, steps + 1, tuple(reduction.encode(reduction.finish(e), t)), symbols))
        else:
            raise Malformed(f"Alice writes fewer than {reduction.cut} tokens on some x")
    return found


def _edges(rows: Sequence[Sequence[tuple[int, int, tuple[int, ...]]]], reads: range) -> Edges:
    most = max(map(len, rows))
    shape = (len(rows), most)
    tokens, following = np.zeros(shape, np.int64), np.full(shape, -1, np.int64)
    symbols = np.zeros((*shape, len(reads)), np.int64)
    for (c, row), k in itertools.product(enumerate(rows), range(most)):
        if k < len(row):
            tokens[c, k], following[c, k], word = row[k]
            symbols[c, k] = word
    return Edges(tokens, following, symbols, reads)
