"""Nearest neighbour: labelled points of a hypercube, then points; after each the label of its nearest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commlb.bits import bits_needed
from commlb.errors import LimitError, require_at_least
from commlb.machines.base import (
    BROKEN,
    GONE,
    UNDEFINED,
    Array,
    Letter,
    LetterAutomaton,
    Live,
    Machine,
    Namer,
    abridged,
)
from commlb.records import Bound
from commlb.tasks.base import Task
from commlb.tasks.dictionaries import check_pairs, fullest, log2_dictionaries

MAX_DIMENSION = 60
"""Dimensions whose vertices are still 64-bit numbers."""


@dataclass(frozen=True)
class NearestNeighbour(Task):
    """NN(n, d): n pairs of a point and its label, points distinct, then n points; after each a label.

    The label is that of the nearest point. Points are the unit vectors {±1/√d}^d, tokens 1…2^d: bit k of
    token − 1 is the sign of coordinate k. Labels are the tokens 2^d+1 and 2^d+2. Nearest is largest inner
    product; a tie is outside the promise, and what is no tie has a margin, since products are multiples of
    2/d apart. A point may be asked for again.
    Source: Bhattamishra et al. 2024, §5.2 and App. G.

    >>> NearestNeighbour(2, 3).solve([1, 9, 8, 10, 2, 8])
    (9, 10)
    """

    pairs: int
    dimension: int

    name = "nearest"
    summary = "n labelled points of a hypercube, then n points: after each, the label of the nearest"
    source = "Bhattamishra et al. 2024, Sec. 5.2"
    total = False
    unread = {"spent": "query"}
    promise_ignores = frozenset({"value"})
    options = {"dimension": "of the hypercube (default the least with more than n points)"}

    def __post_init__(self) -> None:
        require_at_least("dimension", self.dimension, 1)
        if self.dimension > MAX_DIMENSION:
            raise LimitError(f"dimension = {self.dimension} is beyond the limit of {MAX_DIMENSION}")
        check_pairs(self.pairs, self.points, 2, False)

    @classmethod
    def of_size(cls, n: int, dimension: int | None = None) -> Task:
        return cls(n, n.bit_length() if dimension is None else dimension)

    @classmethod
    def examples(cls) -> list[Task]:
        return [cls(n, d) for n, d in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (2, 3))]

    @property
    def points(self) -> int:
        return 2**self.dimension

    @property
    def length(self) -> int:
        return 3 * self.pairs

    @property
    def answered_at(self) -> range:
        return range(2 * self.pairs + 1, self.length + 1)

    @property
    def alphabet_size(self) -> int:
        return self.points + 2

    @property
    def answers(self) -> range:
        return range(self.points + 1, self.points + 3)

    def alphabet(self, t: int) -> range:
        is_label = t % 2 == 1 and t < 2 * self.pairs
        return self.answers if is_label else range(1, self.points + 1)

    def letter(self, token: int, t: int) -> Letter:
        return ("query" if t >= 2 * self.pairs else ("key", "value")[t % 2], token)

    def token(self, letter: Letter) -> int:
        return letter[1]

    def vectors(self, tokens: Sequence[int]) -> Array:
        """The unit vectors of points, shape (points, d)."""
        signs = (np.array(tokens)[:, None] - 1) >> np.arange(self.dimension) & 1
        return (2 * signs - 1) / math.sqrt(self.dimension)

    def solve(self, stream: Sequence[int]) -> Any:
        """By floating inner products, and a look at how far the second best is behind."""
        self.check_stream(stream)
        keys, labels = stream[: 2 * self.pairs : 2], stream[1 : 2 * self.pairs : 2]
        if len(set(keys)) < self.pairs:
            return UNDEFINED
        products = self.vectors(stream[2 * self.pairs :]) @ self.vectors(keys).T
        ordered = np.sort(products, axis=1)
        margin = ordered[:, -1] - ordered[:, -2] if self.pairs > 1 else np.full(1, 2.0)
        if (margin < 1 / self.dimension).any():
            return UNDEFINED
        answers = tuple(labels[place] for place in products.argmax(axis=1))
        return answers if self.pairs > 1 else answers[0]

    def automaton(self) -> LetterAutomaton:
        return NearestAutomaton(self.letter)

    def machine(self) -> Machine:
        return NearestMachine(self)

    def from_window(self, tokens: Sequence[int], t: int) -> int | None:
        """A point that is there is the nearest to itself; else the whole stream must be known."""
        query, most = tokens[-1], 2 * self.pairs - t
        seen = {tokens[place]: int(tokens[place + 1]) for place in range(t % 2, most, 2)}
        if query in seen or t == 0:
            return seen[min(seen, key=lambda point: ((point - 1) ^ (query - 1)).bit_count())]
        return None

    def memory_bound(self) -> Bound:
        """n bits: with points 1…n in order, two words of labels differ in the answer to some point."""
        source = "proof: NearestNeighbour.memory_bound"
        return Bound(float(self.pairs), "deterministic", "2^n rows at fixed points", "formula", source)


class NearestAutomaton(LetterAutomaton):
    """State: (point awaiting its label or None, the pairs so far, the answer due now or None).

    Points that are integers are at Hamming distance |p − 1 ⊕ q − 1|. Of named points nothing is known but
    that each is the nearest to itself: a query of one that is not there breaks the promise.
    """

    def start(self) -> Any:
        return (None, frozenset(), None)

    def read(self, state: Any, letter: Letter) -> Any:
        if state is BROKEN:
            return BROKEN
        waiting, pairs, _ = state
        role, atom = letter
        if role == "value":
            return BROKEN if waiting is None else (None, pairs | {(waiting, atom)}, None)
        if waiting is not None:
            return BROKEN
        if role == "key":
            return BROKEN if any(key == atom for key, _ in pairs) else (atom, pairs, None)
        if role == "spent":
            return (None, pairs, None)
        nearest = self.nearest(pairs, atom)
        return (None, pairs, nearest[0]) if len(nearest) == 1 else BROKEN

    @staticmethod
    def nearest(pairs: frozenset, point: Any) -> list[Any]:
        """The labels of the points nearest to ``point``."""
        same = [label for key, label in pairs if key == point]
        if same or not isinstance(point, int):
            return same
        apart = [(((key - 1) ^ (point - 1)).bit_count(), label) for key, label in pairs]
        least = min(apart, default=(0, None))[0]
        return [label for distance, label in apart if distance == least]

    def answer(self, state: Any) -> Any:
        return UNDEFINED if state is BROKEN or state[2] is None else state[2]

    def project(self, state: Any, live: Live) -> Any:
        """Named points: keep what a query can ask. Integers: any query may need any point."""
        if state is BROKEN:
            return state
        waiting, pairs, answer = state
        points = [key for key, _ in pairs] + [waiting] * (waiting is not None)
        if any(isinstance(point, int) for point in points):
            may_matter = any(any(live.arguments(role)) for role in ("query", "key"))
            return state if may_matter else (GONE if waiting else None, frozenset(), answer)
        asked = frozenset([pair for pair in pairs if live("query", pair[0])])
        again = frozenset([(key, GONE) for key, _ in pairs if live("key", key) and not live("query", key)])
        if waiting is not None and not (live("query", waiting) or live("key", waiting)):
            waiting = GONE
        return (waiting, asked | again, answer)


class NearestMachine(Machine):
    """Row 0: the point awaiting its label (0: none). Row p: 0 if point p is absent, else its label, 1 or 2.

    The last row holds the answer due now (0: none).
    """

    name = "exact"
    summary = "for each point its label, or absent; and the answer due"
    errs = False

    def __init__(self, task: NearestNeighbour):
        self.task = task
        self.rows = task.points + 2
        self.work_per_token = self.rows
        self.dtype = np.min_scalar_type(task.points)
        self.widths = [bits_needed(task.points + 1)] + [2] * (task.points + 1)

    def capacity_bits(self, t: int) -> float:
        """Dictionaries of ⌊t/2⌋ points, at odd t with one that waits; later with one of its labels as answer.

        2^(n+1) − 2 words of n labels with one label that occurs in it: two words have one label only.
        """
        pairs, points = self.task.pairs, self.task.points
        if t <= 2 * pairs:
            return log2_dictionaries(points, 2, *divmod(t, 2))
        return log2_dictionaries(points, 2, pairs) - pairs + math.log2(2 ** (pairs + 1) - 2)

    def largest_capacity_bits(self) -> float:
        pairs = self.task.pairs
        near = fullest(self.task.points, 2, pairs)
        places = {t for s in near for t in (2 * s - 1, 2 * s, 2 * s + 1)} | {2 * pairs + 1}
        return max(self.capacity_bits(t) for t in places if 0 <= t < self.task.length)

    def advance(self, states: Array, tokens: Array, t: int) -> None:
        runs = np.arange(states.shape[1])
        if t >= 2 * self.task.pairs:
            labels = states[1:-1]
            apart = np.arange(self.task.points)[:, None] ^ (tokens - 1)
            distance = np.where(labels > 0, np.bitwise_count(apart), self.task.dimension + 1)
            states[-1] = labels[distance.argmin(axis=0), runs]
        elif t % 2 == 0:
            states[0] = tokens
        else:
            states[states[0], runs] = tokens - self.task.points
            states[0] = 0

    def output(self, states: Array) -> Array:
        label = states[-1].astype(np.int64)
        return np.where(label > 0, label + self.task.points, -1)

    def describe(self, state: Array, t: int, named: Namer = str) -> str:
        points = np.flatnonzero(state[1:-1]) + 1
        shown = abridged(points.tolist(), lambda point: f"{point}→{self.task.points + int(state[point])}")
        waiting = f" {int(state[0])}→?" if state[0] else ""
        answer = f" answer {self.task.points + int(state[-1])}" if state[-1] else ""
        return (shown + waiting + answer).strip() or "empty"
