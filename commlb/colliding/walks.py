"""The map that a collision search follows: a word, as Alice's input, its state on a machine, and the next word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput
from commlb.kernels import WORTH_COMPILING, special
from commlb.kernels.rho import walk
from commlb.machines.base import Array, Letter, Machine
from commlb.machines.random import GOLDEN, Random, mix
from commlb.reductions.base import Encoder, Reduction

Words = NDArray[np.uint64]

WORD, LEAST = 64, 8
"""Bits of a word at most, and at least where there is input for them."""

LANES = 256
"""Walks that the compiled kernel takes side by side; with 64 of them a token took half as long again."""

BATCH, BATCH_BYTES = 4096, 2**27
"""Walks that ``Machine.step`` takes side by side, and bytes of their states."""

MOST_STATES = 4096
"""States of Alice's encoder at most."""


class Moves(NamedTuple):
    """What Alice writes for one symbol: ``tokens`` (written, cells) and her next state ``following`` (cells,).

    The cell is e·size + x for her state number e and the symbol x < ``size``.
    """

    size: int
    tokens: NDArray[np.int64]
    following: NDArray[np.int64]


def transducer(reduction: Reduction, sizes: Sequence[int]) -> list[Moves]:
    """Alice's encoder as tables, one for each symbol and one (of size 1) for the end.

    ``sizes[j − 1]``: x_j is one of so many symbols, from 0. Raises ``BadInput`` for an encoder of too many states.
    """
    states: list[Encoder] = [reduction.start()]
    found: list[Moves] = []
    t = 0
    for j, size in enumerate(sizes, 1):
        numbers: dict[Encoder, int] = {}
        moves = [reduction.emit(e, j, x) for e in states for x in range(size)]
        following = np.array([numbers.setdefault(e, len(numbers)) for e, _ in moves], np.int64)
        if len(numbers) > MOST_STATES:
            raise BadInput(
                f"a collision search needs an encoder of at most {MOST_STATES} states; {reduction.name} has "
                f"{len(numbers)} after {j} symbols; take the method layers, or another reduction"
            )
        found.append(Moves(size, _tokens(reduction, [letters for _, letters in moves], t), following))
        t += len(found[-1].tokens)
        states = list(numbers)
    last = _tokens(reduction, [reduction.finish(e) for e in states], t)
    return [*found, Moves(1, last, np.arange(len(states)))]


def _tokens(reduction: Reduction, choices: Sequence[list[Letter]], t: int) -> NDArray[np.int64]:
    rows = [reduction.encode(letters, t) for letters in choices]
    return np.array(rows, np.int64).reshape(len(rows), -1).T


class Map:
    """f: a word of k ≤ 64 bits → Alice's input x → the machine's state after a(x) → the next word.

    ``digits`` symbols of x are digits of the word, ``each`` bits a symbol, the lowest first; they are the first
    symbols of x, or for the machine ``random`` the last; the others are 0. A state of at most k bits becomes a word
    by a bijection, so that equal words mean equal states; a longer one by a hash, so that they need not. ``seed``
    changes that last step, and so the map. f is the same by ``Machine.step`` and by the compiled kernel.
    """

    def __init__(self, reduction: Reduction, machine: Machine, seed: int):
        self.reduction, self.machine = reduction, machine
        self.each = reduction.symbols.bit_length() - 1
        digits = min(reduction.n, WORD // self.each)
        self.is_random = type(machine) is Random
        if self.is_random:
            digits = min(digits, -(-max(LEAST, machine.storage_bits) // self.each))
        self.digits, self.bits = digits, digits * self.each
        self.lead = reduction.n - digits if self.is_random else 0
        sizes = [1] * reduction.n
        sizes[self.lead : self.lead + digits] = [2**self.each] * digits
        self._moves = transducer(reduction, sizes)
        self.tokens = sum(len(moves.tokens) for moves in self._moves[self.lead :])
        self._seed = mix(mix(np.array([seed % 2**64], np.uint64)) + np.uint64(seed // 2**64 % 2**64))
        self._at, self._begin = self._lead()
        self._kernel: tuple[Any, ...] | None = None

    def _lead(self) -> tuple[int, Array]:
        """What all inputs have in common at their beginning: how many tokens, and the state after them."""
        states, t = self.machine.start(1), 0
        for moves in self._moves[: self.lead]:
            for tokens in moves.tokens:
                states = self.machine.step(states, tokens, t)
                t += 1
        return t, states

    def starts(self, first: int, count: int) -> Words:
        """The words at which the walks number ``first``, … begin."""
        numbers = np.arange(first, first + count, dtype=np.uint64)
        return mix(mix(self._seed + np.uint64(1)) + GOLDEN * (numbers + np.uint64(1))) >> self._spare

    def x(self, word: int) -> tuple[int, ...]:
        """The input that a word stands for.

        >>> from commlb.reductions.index_to_index import IndexToIndex
        >>> reduction = IndexToIndex(5)
        >>> Map(reduction, Random(reduction.task, 5, bits=3), seed=0).x(6)
        (0, 1, 1, 0, 0)
        """
        digits = tuple(word >> self.each * k & (1 << self.each) - 1 for k in range(self.digits))
        return (0,) * self.lead + digits + (0,) * (self.reduction.n - self.lead - self.digits)

    def states(self, words: Words) -> Array:
        """The machine's states after a(x) for the inputs of ``words`` (runs,), by its own step."""
        states = np.repeat(self._begin, len(words), axis=1)
        encoder, t = np.zeros(len(words), np.int64), self._at
        for k, moves in enumerate(self._moves[self.lead :]):
            cells = encoder * moves.size
            if moves.size > 1:
                cells += (words >> np.uint64(k * self.each) & np.uint64(moves.size - 1)).astype(np.int64)
            for table in moves.tokens:
                states = self.machine.step(states, table[cells], t, states)
                t += 1
            encoder = moves.following[cells]
        return states

    def step(self, words: Words) -> Words:
        """f of each word, by the machine's own step."""
        packed = self.machine.pack(self.states(words))
        z = packed[0]
        for row in packed[1:]:
            z = mix(z + GOLDEN) + row
        if self._wide:
            return mix(z + self._seed) >> self._spare
        mask, half = np.uint64(2**self.bits - 1), np.uint64(-(-self.bits // 2))
        z = z + self._seed & mask
        for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
            z = (z ^ (z >> half)) * np.uint64(factor) & mask
        return z ^ (z >> half)

    @property
    def _wide(self) -> bool:
        """Whether a state may need more bits than a word has."""
        return self.machine.storage_bits > self.bits

    @property
    def _spare(self) -> np.uint64:
        return np.uint64(WORD - self.bits)

    def walk(
        self, starts: Words, bound: int, most: int, check: Callable[[], None] = lambda: None
    ) -> tuple[Words, NDArray[np.int64]]:
        """Where each walk gets to, and in how many steps: until a word is below ``bound``, ``most`` ≥ 1 at most."""
        if self._kernel is None:
            return self._vectorised(starts, bound, most, check)
        ends, lengths = np.empty_like(starts), np.empty(len(starts), np.int64)
        with np.errstate(over="ignore"):  # words wrap, of which NumPy warns where there is no compiler
            special(walk, "float64", True)(starts, np.uint64(bound), most, *self._kernel, ends, lengths)
        return ends, lengths

    def _vectorised(
        self, starts: Words, bound: int, most: int, check: Callable[[], None]
    ) -> tuple[Words, NDArray[np.int64]]:
        """``walk`` by the machine's own step: a batch of walks, each that ends replaced by the next."""
        ends, lengths = np.empty_like(starts), np.empty(len(starts), np.int64)
        size = self.machine.rows * np.dtype(self.machine.dtype).itemsize
        waiting = min(len(starts), BATCH, max(1, BATCH_BYTES // max(1, size)))
        words, which, steps = starts[:waiting], np.arange(waiting), np.zeros(waiting, np.int64)
        while len(which):
            check()
            words, steps = self.step(words), steps + 1
            done = (words < np.uint64(bound)) | (steps >= most)
            if done.any():
                ends[which[done]], lengths[which[done]] = words[done], steps[done]
                new = np.arange(waiting, min(len(starts), waiting + int(done.sum())))
                waiting += len(new)
                words = np.concatenate([words[~done], starts[new]])
                which = np.concatenate([which[~done], new])
                steps = np.concatenate([steps[~done], np.zeros(len(new), np.int64)])
        return ends, lengths

    def compile_for(self, runs: float) -> bool:
        """Take the compiled kernel from now on if there is one and so many runs repay it; whether it is taken."""
        if self.is_random and runs * self.tokens >= WORTH_COMPILING:
            self._kernel = self.kernel_arguments()
        return self._kernel is not None

    def kernel_arguments(self) -> tuple[Any, ...]:
        """The arguments of ``kernels.rho.walk`` from ``at`` to ``lanes``."""
        mixed = mix(np.array([self.machine.parameters["seed"] % 2**64], np.uint64))
        base, at, writes, rows, goes = 2**self.each, [], [], [], []
        for k, moves in enumerate(self._moves[self.lead :]):
            if not (len(moves.tokens) or moves.following.any()):  # nothing is written, and nothing kept
                continue
            stretch = base // moves.size
            cells = np.arange(len(moves.following) * stretch)
            for ended in range(1, 1 + max(1, len(moves.tokens))):
                tokens = moves.tokens[ended - 1] if len(moves.tokens) else moves.following * 0
                at.append(k * self.each if moves.size > 1 else 0)
                writes.append(len(moves.tokens) > 0)
                rows.append(GOLDEN * (np.repeat(tokens, stretch).astype(np.uint64) + np.uint64(1)) + mixed)
                last = ended >= len(moves.tokens)
                goes.append(np.repeat(moves.following, stretch) if last else cells // base)
        table, following = np.zeros((2, len(rows), max(map(len, rows))), np.uint64)
        for k, (row, go) in enumerate(zip(rows, goes, strict=True)):
            table[k, : len(row)], following[k, : len(go)] = row, go
        slope = table[:, 1] - table[:, 0]
        straight = table[:, :1] + slope[:, None] * np.arange(table.shape[1], dtype=np.uint64)
        plain = table.shape[1] == base and all(writes) and bool((straight == table).all())
        wide = int(self._wide)
        fold = [int(self._seed[0]), 2**self.bits - 1, -(-self.bits // 2), wide, WORD - self.bits]
        return (
            np.array(at, np.uint64),
            np.uint64(base - 1),
            np.ascontiguousarray(table[:, 0]),
            slope,
            plain,
            table,
            following,
            np.array(writes, np.uint8),
            self._begin[0, 0],
            np.uint64(WORD - self.machine.storage_bits),
            np.array(fold, np.uint64),
            LANES,
        )
