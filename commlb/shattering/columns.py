"""The columns of a task at every cut: what its suffixes tell apart, each with a suffix that does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.bits import bits_needed
from commlb.layers import Layers, Progress, silent

Codes = NDArray[Any]

CHUNK = 2**22
"""Entries that are made at a time."""

MOST_WORK = 2**35
"""Entries of one cut that are made at most; of more suffixes a random part is taken."""


@dataclass(frozen=True)
class Columns:
    """The distinct columns at the cut ``t``: partial functions from rows to answers.

    ``packed`` (C, bytes) uint8: column c's entries, row by row, in bit planes; see ``codes``.
    A column whose answer is still to be read, at any time after t, is one of the task; others only say where a
    suffix is valid, or read what was due at t itself (``of_task`` tells). ``token`` (C,): place of the suffix's
    first token in the alphabet at t, −1 at the end; ``after`` (C,): the column at t + 1 of the rest. ``due``
    (C,): the number of tokens after which the answer is read, −1 where none is. ``complete``: these are all.
    """

    t: int
    rows: int
    answers: int
    packed: NDArray[np.uint8]
    token: NDArray[np.int32]
    after: NDArray[np.int32]
    due: NDArray[np.int32]
    complete: bool

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def of_task(self) -> NDArray[np.int64]:
        """The columns in which Bob reads an answer that is due after the cut."""
        return np.flatnonzero(self.due > self.t)

    def codes(self, which: Any = slice(None)) -> Codes:
        """Entries (columns, rows): 1 + the place of the answer in ``Layers.answers``, 0 where there is none."""
        return unpack_codes(self.packed[which], self.answers, self.rows)


def pack_codes(codes: Codes, answers: int) -> NDArray[np.uint8]:
    """The bit planes of codes (C, rows), one after the other: equal bytes are equal columns.

    >>> pack_codes(np.array([[0, 1, 2]], np.uint8), 2).tolist()
    [[64, 32]]
    """
    planes = [np.packbits(codes & (1 << k), axis=1) for k in range(bits_needed(answers + 1))]
    return np.concatenate(planes, axis=1)


def unpack_codes(packed: NDArray[np.uint8], answers: int, rows: int) -> Codes:
    """The inverse of ``pack_codes``.

    >>> unpack_codes(np.array([[64, 32]], np.uint8), 2, 3).tolist()
    [[0, 1, 2]]
    """
    planes = packed.reshape(len(packed), bits_needed(answers + 1), -1)
    found = np.unpackbits(planes[:, 0], axis=1, count=rows).astype(np.min_scalar_type(answers))
    for k in range(1, planes.shape[1]):
        found |= np.unpackbits(planes[:, k], axis=1, count=rows).astype(found.dtype) << k
    return found


def columns(
    layers: Layers,
    *,
    max_memory: int = 2**30,
    most_work: int = MOST_WORK,
    seed: int = 0,
    clock: Callable[[], None] = lambda: None,
    progress: Progress = silent,
) -> list[Columns]:
    """The distinct columns of ``layers`` at every cut 0 … N.

    Backward: a column at t is one at t + 1 read behind a token. Columns are compared in full. Where more than
    ``max_memory`` bytes would be needed at a cut, or more than ``most_work`` entries made, a random part of
    the suffixes is taken, and the cut and those before it are not ``complete``. ``clock`` is called now and then,
    and may raise.

    >>> from commlb.layers import unroll_machine
    >>> from commlb.tasks.index import Index
    >>> task = Index(2, 2)
    >>> layers = unroll_machine(task.machine(), [task.alphabet(t) for t in range(3)], task.answered_at)
    >>> [len(cut) for cut in columns(layers)]
    [3, 4, 3, 2]
    """
    rng = np.random.default_rng(seed)
    found: list[Columns] = []
    for t in range(layers.length, -1, -1):
        later = found[-1] if found else None
        found.append(_Collected(layers, t, later, max_memory, most_work, rng).columns(clock))
        progress(layers.length - t + 1, layers.length + 1)
    return found[::-1]


class _Collected:
    """The columns at one cut, as they are found."""

    def __init__(
        self, layers: Layers, t: int, later: Columns | None, max_memory: int, most_work: int, rng: Any
    ):
        self.layers, self.t, self.later = layers, t, later
        self.rows, self.answers = layers.widths[t], len(layers.answers)
        self.complete = later is None or later.complete
        self.known: dict[bytes, None] = {}
        self.pointers: list[tuple[int, int, int]] = []
        width = bits_needed(self.answers + 1) * (-(-self.rows // 8))
        self.most = max(1, max_memory // (width + 100))
        self.most_pairs = max(1, most_work // self.rows)
        self.rng = rng

    def columns(self, clock: Callable[[], None]) -> Columns:
        if self.later is None:
            self._add(np.ones((1, self.rows), np.uint8), [(-1, -1, -1)])
        for codes, pointers in self._behind_tokens():
            clock()
            self._add(codes, pointers)
            if len(self.known) >= self.most:
                self.complete = False
                break
        if self.t in self.layers.answered:
            self._read()
        token, after, due = np.array(self.pointers, np.int32).reshape(-1, 3).T
        keys = b"".join(key[1:] for key in self.known)
        packed = np.frombuffer(keys, np.uint8).reshape(len(self.known), -1)
        return Columns(self.t, self.rows, self.answers, packed, token, after, due, self.complete)

    def _behind_tokens(self) -> Iterator[tuple[Codes, list[tuple[int, int, int]]]]:
        """Each column at t + 1 behind each token: in order, or a random part of them in random order."""
        if self.later is None:
            return
        later, following = self.later, self.layers.following[self.t]
        tokens = following.shape[1]
        taken: Any = np.arange(len(later))
        if len(later) * tokens > min(self.most, self.most_pairs):
            taken = self.rng.permutation(taken)[: max(1, self.most_pairs // tokens)]
            self.complete &= len(taken) == len(later)
        places = np.where(following < 0, later.rows, following).T.reshape(-1)
        size = max(1, CHUNK // max(len(places), later.rows))
        for first in range(0, len(taken), size):
            some = taken[first : first + size]
            ahead = np.pad(later.codes(some), ((0, 0), (0, 1)))  # the last place: not allowed
            codes = np.take(ahead, places, axis=1).reshape(-1, self.rows)
            after, due = np.repeat(some, tokens).tolist(), np.repeat(later.due[some], tokens).tolist()
            yield codes, list(zip([*range(tokens)] * len(some), after, due, strict=True))

    def _add(self, codes: Codes, pointers: list[tuple[int, int, int]]) -> None:
        """Keep the columns that are new and somewhere defined. Those yet unread are another kind."""
        packed = pack_codes(codes, self.answers)
        defined: list[bool] = np.any(packed, axis=1).tolist()
        for row, pointer, is_defined in zip(packed, pointers, defined, strict=True):
            key = bytes([pointer[2] >= 0]) + row.tobytes()
            if is_defined and key not in self.known and len(self.known) < self.most:
                self.known[key] = None
                self.pointers.append(pointer)

    def _read(self) -> None:
        """Of each unread column the one that reads the answer due here."""
        answered = self.layers.answered[self.t] + 1
        unread = [k for k, pointer in enumerate(self.pointers) if pointer[2] < 0]
        keys = list(self.known)
        for k in unread:
            packed = np.frombuffer(keys[k][1:], np.uint8)[None]
            valid = unpack_codes(packed, self.answers, self.rows) > 0
            token, after, _ = self.pointers[k]
            self._add((valid * answered).astype(np.min_scalar_type(self.answers)), [(token, after, self.t)])


def suffix(found: list[Columns], t: int, column: int) -> list[int]:
    """The suffix of a column at the cut ``t``, as places in the alphabets of its positions."""
    places = []
    for cut in found[t:-1]:
        places.append(int(cut.token[column]))
        column = int(cut.after[column])
    return places


def read_at(found: list[Columns], layers: Layers, t: int, column: int) -> int:
    """Which of the answers due after the cut the column reads, 0 the first."""
    return sum(t < due < int(found[t].due[column]) for due in layers.answered)


def prefixes(layers: Layers, t: int) -> NDArray[np.int32]:
    """For each state of layer t a stream that reaches it, (states, t): places in the alphabets.

    >>> from commlb.layers import unroll_machine
    >>> from commlb.tasks.index import Index
    >>> task = Index(2, 2)
    >>> layers = unroll_machine(task.machine(), [task.alphabet(t) for t in range(3)], task.answered_at)
    >>> prefixes(layers, 2).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    found = np.zeros((1, 0), np.int32)
    for s in range(t):
        following = layers.following[s]
        reached, first = np.unique(following, return_index=True)
        state, token = np.divmod(first[reached >= 0], following.shape[1])
        found = np.hstack([found[state], token[:, None].astype(np.int32)])
    return found
