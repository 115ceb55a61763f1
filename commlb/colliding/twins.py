"""Two inputs of Alice whose streams differ in one place: what follows is common, and may be chosen.

Where her encoder remembers what it read (``two-hub`` writes parities), one changed symbol would change many
tokens; the other input then goes on with the symbols that write the same tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput
from commlb.machines.base import Array, Machine
from commlb.reductions.base import Encoder, Reduction

MOST_SYMBOLS = 4
"""Symbols that are tried over and over."""

Node = tuple[Encoder, Encoder, bool]
"""The encoder states of x and of x', and whether their streams have differed."""


@dataclass(frozen=True)
class Move:
    """One more symbol of x, and of x': the node after it, and the tokens that either writes."""

    symbol: int
    other: int
    after: Node
    tokens: list[int]
    tokens_other: list[int]


def written(reduction: Reduction, e: Encoder, j: int, symbol: int, t: int) -> tuple[Encoder, list[int]]:
    """Alice's step j with a symbol; step n + 1 is what she writes at the end."""
    after, letters = (e, reduction.finish(e)) if j > reduction.n else reduction.emit(e, j, symbol)
    return after, reduction.encode(letters, t)


def move(
    reduction: Reduction, node: Node, j: int, symbol: int, t: int, other: int | None = None
) -> Move | None:
    """Step j, at position t, with ``symbol`` for x. Once the streams have differed x' writes the same, None if no
    symbol does; before, it has the same symbol, or ``other`` if that is given.
    """
    e, e_other, differed = node
    after, tokens = written(reduction, e, j, symbol, t)
    choices = (symbol, *range(reduction.symbols)) if differed else (symbol if other is None else other,)
    for choice in choices:
        after_other, theirs = written(reduction, e_other, j, choice, t)
        if not differed or theirs == tokens:
            now = differed or theirs != tokens
            return Move(symbol, choice, (after, after_other, now), tokens, theirs)
    return None


def require_transducer(reduction: Reduction) -> None:
    """Refuse an Alice who does not write symbol by symbol."""
    if type(reduction).stream is not Reduction.stream:
        raise BadInput(
            f"memory horizons need an Alice who writes symbol by symbol; {reduction.name} gives her prefixes as a "
            "table; take another reduction, or another method"
        )


def followed(reduction: Reduction, x: Sequence[int], position: int, other: int) -> list[int]:
    """x' with ``other`` at ``position`` (from 1) whose stream has all later tokens in common with that of x.

    Raises ``BadInput`` if there is none.

    >>> from commlb import reductions
    >>> followed(reductions.build("index", None, 4, None, None), [0, 1, 1, 0], 2, 0)
    [0, 0, 1, 0]
    >>> followed(reductions.build("istree", "two-hub", 4, None, None), [0, 1, 1, 0], 2, 0)
    [0, 0, 0, 0]
    """
    e, t, found = reduction.start(), 0, list(x)
    for j in range(1, position):
        e, letters = reduction.emit(e, j, x[j - 1])
        t += len(letters)
    node: Node = (e, e, False)
    for j in range(position, reduction.n + 2):
        symbol = x[j - 1] if j <= reduction.n else 0
        step = move(reduction, node, j, symbol, t, other if j == position else None)
        if step is None:
            break
        if j <= reduction.n:
            found[j - 1] = step.other
        node, t = step.after, t + len(step.tokens)
        if node[2] and node[0] == node[1]:  # from here on the same symbols write the same tokens
            return found
    if step is not None and node[2]:
        return found
    raise BadInput(
        f"no other input of {reduction.name} differs from x at position {position} and has all later tokens in "
        "common; take another position, or another reduction"
    )


def merged(machine: Machine, states: Array) -> NDArray[np.bool_]:
    """Which of the pairs are one state: columns (x …, x' …) of ``states`` (rows, 2·pairs), by packed words."""
    half = states.shape[1] // 2
    a, b = states[:, :half], states[:, half:]
    same = a == b
    if states.dtype.kind == "f":
        same |= (a != a) & (b != b)
    found: NDArray[np.bool_] = same.all(axis=0)
    near = np.flatnonzero(found)
    if len(near):  # packing is injective, so those that differ as numbers need none
        words = machine.pack(np.ascontiguousarray(states[:, np.concatenate([near, near + half])]))
        found[near] = (words[:, : len(near)] == words[:, len(near) :]).all(axis=0)
    return found


def gap(states: Array) -> NDArray[np.float64]:
    """The greatest difference of any stored number between the two states of each pair, as in ``merged``."""
    half = states.shape[1] // 2
    with np.errstate(all="ignore"):
        found: NDArray[np.float64] = np.abs(states[:, :half].astype(np.float64) - states[:, half:]).max(
            axis=0
        )
    return found


@dataclass(frozen=True)
class Pair:
    """x and x' (n symbols each), and what is said of them in a ``Horizon``."""

    x: tuple[int, ...]
    x_other: tuple[int, ...]
    position: int
    continuation: str
    seed: int | None


def pair(reduction: Reduction, position: int, continuation: str, seed: int | None = None) -> Pair:
    """x and x' that differ at ``position``: x random by ``seed``, or 0 there and "all s" everywhere else.

    >>> from commlb import reductions
    >>> pair(reductions.build("index", None, 3, None, None), 2, "all 1")
    Pair(x=(1, 0, 1), x_other=(1, 1, 1), position=2, continuation='all 1', seed=None)
    """
    n, symbols = reduction.n, reduction.symbols
    if seed is not None:
        rng = np.random.default_rng(seed)
        x = rng.integers(symbols, size=n).tolist()
        other = (x[position - 1] + 1 + int(rng.integers(symbols - 1))) % symbols
    else:
        x, other = [int(continuation.removeprefix("all "))] * n, 1
        x[position - 1] = 0
    return Pair(tuple(x), tuple(followed(reduction, x, position, other)), position, continuation, seed)


def pairs_of(
    reduction: Reduction, positions: Sequence[int], kinds: Sequence[str], seed: int, draws: int
) -> list[Pair]:
    """The pairs at all positions, one symbol over and over first, then random ones with seeds from ``seed`` on."""
    named: list[tuple[str, int | None]] = []
    if "all" in kinds:
        named += [(f"all {symbol}", None) for symbol in range(min(reduction.symbols, MOST_SYMBOLS))]
    if "random" in kinds:
        named += [("random", seed + draw) for draw in range(draws)]
    return [pair(reduction, position, name, own) for position in positions for name, own in named]


def watch(
    reduction: Reduction,
    machine: Machine,
    pairs: Sequence[Pair],
    budget: int,
    tick: Callable[[], bool] = lambda: True,
    first_only: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The first token of each pair that differs (from 1), its steps, −1: unmerged within the budget, and its gap.

    All runs are stepped side by side until the last pair has merged, the first if ``first_only``, or ``tick``,
    called after each token, says no.
    """
    xs = np.array([one.x for one in pairs] + [one.x_other for one in pairs]).T
    size = len(pairs)
    first, steps, left = np.zeros(size, np.int64), np.full(size, -1), np.arange(size)
    states, gaps = machine.start(2 * size), np.zeros(size)
    for t, tokens in enumerate(reduction.stream(xs), 1):
        own = np.concatenate([left, left + size])
        now = tokens[own]
        states = machine.step(states, now, t - 1, out=states)
        differ = now[: len(left)] != now[len(left) :]
        first[left] = np.where(differ & (first[left] == 0), t, first[left])
        begun = first[left] > 0
        same = merged(machine, states) & begun if begun.any() else begun
        steps[left[same]] = t - first[left[same]] + 1
        going = np.flatnonzero(~same & ~(begun & (t - first[left] + 1 >= budget)))
        if not tick() or (first_only and same.any()):
            break
        if len(going) < len(left):
            gaps[left] = gap(states)
            states = np.ascontiguousarray(states[:, np.concatenate([going, going + len(left)])])
            left = left[going]
            if not len(left):
                break
    gaps[left] = gap(states)
    return first, steps, gaps


def alone(reduction: Reduction, machine: Machine, x: Sequence[int], tokens: int) -> bytes:
    """The packed state after so many tokens of a(x), run by itself."""
    states: Array = machine.start(1)
    for t, token in enumerate(reduction.alice(x)[:tokens]):
        states = machine.step(states, np.array([token]), t, out=states)
    return machine.pack(states).tobytes()
