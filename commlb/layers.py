"""A task of fixed length, unrolled: a layer of states per number of tokens read, and arrays between them."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput, OverLimit, require_at_least
from commlb.kernels.distinct import groups
from commlb.machines.base import BROKEN, UNDEFINED, Automaton, Machine

Ids = NDArray[np.int32]
Progress = Callable[[int, int], None]

CHUNK = 2**21
"""Successors that are packed and grouped at a time."""

HASHABLE_BYTES = 1024
"""What a state in Python objects is taken to weigh."""


def silent(done: int, of: int) -> None:
    """The progress callback that says nothing."""


@dataclass(frozen=True)
class Limits:
    """States (of all layers together, where they are kept), bytes and seconds that a search may take."""

    max_states: int = 2**22
    max_memory: int = 2**32
    timeout: float | None = None
    started: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        require_at_least("max_states", self.max_states, 1)
        require_at_least("max_memory", self.max_memory, 1)
        number = isinstance(self.timeout, int | float)
        if self.timeout is not None and not (number and self.timeout > 0):
            raise BadInput(f"timeout must be a positive number of seconds; given {self.timeout!r}")

    def check_time(self, what: str, finished: Sequence[int] = ()) -> None:
        """Raise ``OverLimit`` if the time is up."""
        seconds = time.perf_counter() - self.started
        if self.timeout is not None and seconds > self.timeout:
            raise OverLimit(f"{what}: seconds", round(seconds, 3), self.timeout, "--timeout", finished)

    def check(self, where: str, finished: Sequence[int], states: int = 0, memory: int = 0) -> None:
        """Raise ``OverLimit`` if ``states`` more states or ``memory`` bytes are too many."""
        if sum(finished) + states > self.max_states:
            need = sum(finished) + states
            raise OverLimit(f"states, {where}", need, self.max_states, "--max-states", finished)
        if memory > self.max_memory:
            raise OverLimit(f"bytes, {where}", memory, self.max_memory, "--max-memory", finished)


@dataclass(frozen=True)
class Layers:
    """A time-dependent machine for N tokens: layer t holds the states after t tokens, numbered from 0.

    ``alphabets[t]``: the tokens at position t, t = 0 … N−1. ``following[t]``, shape (states of layer t,
    |alphabets[t]|): the state in layer t+1, −1 where the token may not stand (outside the promise).
    ``answered[t]``, for each t at which an answer is due (N is one): per state the place of its answer in
    ``answers``, −1 outside the promise. Layer 0 has one state.
    """

    alphabets: tuple[tuple[Any, ...], ...]
    following: tuple[Ids, ...]
    answered: Mapping[int, Ids]
    answers: tuple[Any, ...]

    @property
    def length(self) -> int:
        return len(self.alphabets)

    @property
    def widths(self) -> tuple[int, ...]:
        """The number of states of each layer, 0 … N."""
        return (*(len(table) for table in self.following), len(self.answered[self.length]))

    @property
    def total_from(self) -> int:
        """The first cut t from which on the promise plays no part: 0 for a total task.

        There all states of a layer allow the same tokens: two that differ in a suffix differ in a valid one.
        """
        for t in range(self.length - 1, -1, -1):
            allowed = self.following[t] >= 0
            if (allowed.any(axis=0) != allowed.all(axis=0)).any():
                return t + 1
        return 0

    def run(self, stream: Sequence[Any]) -> Any:
        """The answers that are due on ``stream``, a tuple, or ``UNDEFINED`` outside the promise."""
        state, answers = 0, []
        for t in range(self.length + 1):
            if t in self.answered:
                answers.append(int(self.answered[t][state]))
            if t < self.length:
                state = int(self.following[t][state, self.alphabets[t].index(stream[t])])
            if state < 0 or -1 in answers:
                return UNDEFINED
        return tuple(self.answers[answer] for answer in answers)


def check_alphabets(alphabets: Sequence[Sequence[Any]], answered_at: Collection[int]) -> None:
    """Refuse an empty alphabet, a token twice or unhashable, and answers that are not due at the end."""
    if len(alphabets) not in answered_at or not 0 <= min(answered_at) <= max(answered_at) <= len(alphabets):
        raise BadInput(f"answers must be due after at most N = {len(alphabets)} tokens, and after N")
    for t, alphabet in enumerate(alphabets):
        try:
            different = isinstance(alphabet, range) or len(set(alphabet)) == len(alphabet)
            if not alphabet or not different:
                raise BadInput(f"the alphabet at position {t} must hold different tokens, at least one")
        except TypeError as error:
            raise BadInput(f"a token at position {t} is not hashable ({error}); use tuples") from error


def unroll(
    automaton: Automaton,
    alphabets: Sequence[Sequence[Any]],
    answered_at: Collection[int],
    limits: Limits | None = None,
    progress: Progress = silent,
) -> Layers:
    """All states that ``automaton`` reaches within the promise, layer by layer.

    A step to ``BROKEN`` and an answer ``UNDEFINED`` are outside the promise. Raises ``BadInput`` for
    unhashable states or answers, ``OverLimit`` for too many.
    """
    limits = limits or Limits()
    check_alphabets(alphabets, answered_at)
    numbers: dict[Any, int] = {}
    layer: dict[Any, int] = {automaton.start(): 0}
    following: list[Ids] = []
    answered: dict[int, Ids] = {}
    for t in range(len(alphabets) + 1):
        if t in answered_at:
            given = [automaton.answer(state) for state in layer]
            answered[t] = np.array([_number(numbers, answer) for answer in given], np.int32)
        if t < len(alphabets):
            widths = [len(table) for table in following] + [len(layer)]
            memory = 4 * sum(table.size for table in following) + len(layer) * 4 * len(alphabets[t])
            limits.check(f"layers 0 to {t + 1}", widths, memory=memory + HASHABLE_BYTES * len(layer))
            table, layer = _step_all(automaton, layer, alphabets[t], t, limits, widths)
            following.append(table)
            progress(t + 1, len(alphabets))
    tokens = tuple(tuple(alphabet) for alphabet in alphabets)
    return prune(Layers(tokens, tuple(following), answered, tuple(numbers)))


def _number(numbers: dict[Any, int], answer: Any) -> int:
    try:
        return -1 if answer is UNDEFINED else numbers.setdefault(answer, len(numbers))
    except TypeError as error:
        raise BadInput(f"answer {answer!r} is not hashable; use numbers, text or tuples") from error


def _step_all(
    automaton: Automaton,
    layer: dict[Any, int],
    alphabet: Sequence[Any],
    t: int,
    limits: Limits,
    widths: Sequence[int],
) -> tuple[Ids, dict[Any, int]]:
    """The table from ``layer`` to the next one, and the next layer's states with their numbers."""
    after: dict[Any, int] = {}
    table = np.empty((len(layer), len(alphabet)), np.int32)
    for state, row in layer.items():
        if row % 64 == 0:
            limits.check_time(f"layer {t + 1}", widths)
        reached = [automaton.step(state, token, t) for token in alphabet]
        try:
            table[row] = [-1 if s is BROKEN else after.setdefault(s, len(after)) for s in reached]
        except TypeError as error:
            raise BadInput(f"a state after position {t} is not hashable ({error}); use tuples") from error
        if len(after) > limits.max_states:
            break
    limits.check(f"layers 0 to {t + 1}", widths, states=len(after), memory=HASHABLE_BYTES * len(after))
    return table, after


def unroll_machine(
    machine: Machine,
    alphabets: Sequence[Sequence[int]],
    answered_at: Collection[int],
    limits: Limits | None = None,
    progress: Progress = silent,
) -> Layers:
    """All states that a batched machine for a total task reaches: ``unroll``, on arrays.

    Each layer is kept as packed words, (words, states); equal words are one state.
    """
    limits = limits or Limits()
    check_alphabets(alphabets, answered_at)
    words = machine.pack(machine.start(1))
    following: list[Ids] = []
    outputs: dict[int, NDArray[np.int64]] = {}
    for t in range(len(alphabets) + 1):
        states = machine.unpack(words)
        if t in answered_at:
            outputs[t] = machine.output(states)
        if t < len(alphabets):
            widths = [len(table) for table in following] + [words.shape[1]]
            successors = words.shape[1] * len(alphabets[t])
            working = min(successors, max(CHUNK, words.shape[1])) * 8 * (3 * len(words) + machine.rows + 2)
            kept = 4 * (sum(table.size for table in following) + successors)
            limits.check(f"layers 0 to {t + 1}", widths, memory=kept + working)
            look = _Look(limits, f"layers 0 to {t + 1}", widths, kept)
            table, words = _step_batch(machine, states, np.array(alphabets[t], np.int64), t, look)
            limits.check(f"layers 0 to {t + 1}", widths, states=words.shape[1])
            following.append(table)
            progress(t + 1, len(alphabets))
    answers = np.unique(np.concatenate(list(outputs.values())))
    answered = {t: np.searchsorted(answers, output).astype(np.int32) for t, output in outputs.items()}
    tokens = tuple(tuple(alphabet) for alphabet in alphabets)
    return Layers(tokens, tuple(following), answered, tuple(answers.tolist()))


class _Look:
    """A look at the limits while a layer is made, chunk by chunk: ``kept`` bytes beside its keys."""

    def __init__(self, limits: Limits, where: str, widths: list[int], kept: int):
        self.limits, self.where, self.widths, self.kept = limits, where, widths, kept
        self.loose, self.next = 0, 2 * (limits.max_states - sum(widths))

    def at(self, found: list[NDArray[np.uint64]]) -> None:
        """After a chunk with its distinct keys last in ``found``; all are merged when they may be too many."""
        self.loose += found[-1].shape[1]
        self.limits.check_time(self.where, self.widths)
        self.limits.check(self.where, self.widths, states=found[-1].shape[1])
        self.limits.check(self.where, self.widths, memory=self.kept + 24 * len(found[-1]) * self.loose)
        if self.loose > self.next:
            distinct = groups(np.concatenate(found, axis=1))[0].shape[1]
            self.limits.check(self.where, self.widths, states=distinct)
            self.next = 2 * self.loose


def _step_batch(
    machine: Machine, states: NDArray[Any], tokens: NDArray[np.int64], t: int, look: _Look
) -> tuple[Ids, NDArray[np.uint64]]:
    """The table to the next layer and that layer's words: some tokens at a time, then all together."""
    runs = states.shape[1]
    table = np.empty((runs, len(tokens)), np.int32)
    found, places = [], []
    at_once = max(1, CHUNK // runs)
    for first in range(0, len(tokens), at_once):
        some = tokens[first : first + at_once]
        after = machine.step(np.tile(states, len(some)), np.repeat(some, runs), t)
        keys, which = groups(machine.pack(after))
        found.append(keys)
        places.append(which.reshape(len(some), runs))
        look.at(found)
    words, ids = groups(np.concatenate(found, axis=1))
    start = 0
    for k, (keys, which) in enumerate(zip(found, places, strict=True)):
        new = ids[start : start + keys.shape[1]].astype(np.int32)
        table[:, k * at_once : k * at_once + len(which)] = new[which].T
        start += keys.shape[1]
    return table, words


def prune(layers: Layers) -> Layers:
    """``layers`` without the states that no stream within the promise passes; tokens to them become −1.

    Raises ``BadInput`` if no stream is within the promise.
    """
    n = layers.length
    following = list(layers.following)
    alive: Any = layers.answered[n] >= 0
    for t in range(n - 1, -1, -1):
        following[t] = np.where(np.append(alive, False)[following[t]], following[t], -1)
        alive = (following[t] >= 0).any(axis=1)
        if t in layers.answered:
            alive &= layers.answered[t] >= 0
    if not alive[0]:
        raise BadInput("no stream is within the promise: every answer is UNDEFINED")
    answered = dict(layers.answered)
    kept = np.array([0])
    for t in range(n + 1):
        if t in answered:
            answered[t] = answered[t][kept]
        if t < n:
            following[t] = following[t][kept]
            reached = np.zeros(layers.widths[t + 1] + 1, bool)
            reached[following[t]] = True
            kept = np.flatnonzero(reached[:-1])
            number = np.full(len(reached), -1, np.int32)
            number[kept] = np.arange(len(kept))
            following[t] = number[following[t]]
    return Layers(layers.alphabets, tuple(following), answered, layers.answers)


def tabulate(
    answer: Callable[[tuple[Any, ...]], Any],
    alphabets: Sequence[Sequence[Any]],
    limits: Limits | None = None,
    progress: Progress = silent,
) -> tuple[Ids, tuple[Any, ...]]:
    """The answers of an opaque function on all streams in dictionary order, as numbers, and their values.

    The last token changes fastest; −1 stands for ``UNDEFINED``.

    >>> table, answers = tabulate(lambda stream: stream[0] == stream[1], ["ab", "ab"])
    >>> table.tolist(), answers
    ([0, 1, 1, 0], (True, False))
    """
    limits = limits or Limits()
    check_alphabets(alphabets, (len(alphabets),))
    streams = math.prod(map(len, alphabets))
    limits.check("one a stream", (), states=streams, memory=24 * streams)
    table = np.empty(streams, np.int32)
    numbers: dict[Any, int] = {}
    for place, stream in enumerate(itertools.product(*alphabets)):
        table[place] = _number(numbers, answer(stream))
        if place % 64 == 0:
            limits.check_time(f"{place:,} of {streams:,} streams tabulated")
        if place % 65536 == 0:
            progress(place, streams)
    return table, tuple(numbers)
