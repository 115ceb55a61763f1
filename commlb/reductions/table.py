"""A reduction given as a table: x ↦ prefix, i ↦ suffix. It is proved by exhaustion (``commlb.exhaustion``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from commlb.errors import BadInput, LimitError, require_at_least
from commlb.machines.base import Array, Letter
from commlb.problems import Index
from commlb.records_witness import Table
from commlb.reductions.base import Encoder, Family
from commlb.reductions.bob import IndexReduction
from commlb.tasks.base import Task

MAX_ROWS = 2**20
"""Inputs x that a table may have."""

NAME, SOURCE = "table", "commlb discover"


class Step(NamedTuple):
    """Alice's step j: from each encoder state, by x_j, the next state and the tokens written.

    after (states, V); tokens (states, V, tokens of this step).
    """

    after: Array
    tokens: Array


@dataclass(frozen=True)
class TableReduction(IndexReduction):
    """INDEX inside ``inside`` by a ``Table``; its rows are Alice's prefixes, whatever they are.

    As a transducer Alice writes each token as soon as the symbols read decide it for all x, and her encoder
    state is what they leave open: words after which the rest of all rows is the same share a state. Tokens
    stand for themselves, so no atoms are named, but vertices in pictures.

    >>> from commlb.tasks.index import Index as Task
    >>> rows = ((0, 0), (0, 1), (1, 0), (1, 1))
    >>> made = of_table(Table(2, 2, 2, rows, ((1,), (2,)), ((0, 1), (0, 1)), (0, 0)), Task(2))
    >>> made.alice((1, 0)), made.suffix(2), made.cut
    ([1, 0], [2], 2)
    """

    table: Table = field(kw_only=True)
    inside: Task = field(kw_only=True)
    source: str = field(default=SOURCE, kw_only=True)  # type: ignore[misc]

    options = ("symbols",)
    placed = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.table, self.inside)
        if (self.n, self.symbols) != (self.table.n, self.table.symbols):
            raise BadInput("n and symbols must be those of the table")

    @property
    def name(self) -> str:  # type: ignore[override]
        """No class attribute, so that it is not registered: each table is its own reduction."""
        return NAME

    @property
    def task_name(self) -> str:  # type: ignore[override]
        return self.inside.name

    @property
    def task(self) -> Task:
        return self.inside

    @property
    def cut(self) -> int:
        return self.table.cut

    @property
    def layout(self) -> list[Family]:
        """The vertices of a graph task by number; nothing has a name in other tasks."""
        return [Family("v", 0, self.inside.size["vertices"])] if self.draws_graph else []

    @property
    def draws_graph(self) -> bool:
        """All tokens are edges between two vertices."""
        task = self.inside
        roles = {task.letter(task.alphabet(t).start, t)[0] for t in range(task.length)}
        return roles == {"edge"} and "vertices" in task.size

    @property
    def parameters(self) -> dict[str, int]:
        """The task's size; that of a user's own task, n, is none of Alice's."""
        size = self.inside.size.items()
        return {name: value for name, value in size if name != "n" and not isinstance(value, bool)}

    def describe(self) -> tuple[str, str, str]:
        table, after = self.table, self.inside.length - self.cut
        alice = f"{_some(self.cut, 'token')}, looked up by x in a table of {len(table.prefixes)} prefixes"
        bob = f"{_some(after, 'token')}, looked up by i in a table of {_some(self.n, 'suffix', 'suffixes')}"
        if len({*zip(table.readings, table.read_at, strict=True)}) > 1:
            return alice, bob, "x_i from the answer, by a table for each i"
        said = ", ".join(f"{answer!r} for {symbol}" for symbol, answer in enumerate(table.readings[0]))
        place = f"answer {table.read_at[0] + 1} after the cut" if len(self._due) > 1 else "the answer"
        return alice, bob, f"x_i from {place}: {said}"

    @cached_property
    def _steps(self) -> list[Step]:
        v, n, rows = self.symbols, self.n, np.array(self.table.prefixes, np.int64)
        made, before, ids, first = [], 0, np.zeros(1, np.int64), np.zeros(1, np.int64)
        for j in range(1, n + 1):
            words = rows.reshape(v**j, v ** (n - j), self.cut)
            open_ones = np.flatnonzero((words != words[:, :1]).any(axis=(0, 1)))
            written = max(before, int(open_ones[0]) if len(open_ones) else self.cut)
            picked = first[:, None] * v + np.arange(v)
            first, ids = _alike(words[:, :, written:].reshape(v**j, -1))
            made.append(Step(ids[picked], words[picked, 0, before:written]))
            before = written
        return made

    def start(self) -> Encoder:
        return 0

    def emit(self, e: Encoder, j: Any, x: int) -> tuple[Encoder, list[Letter]]:
        step = self._steps[j - 1]
        return int(step.after[e, x]), [("token", token) for token in step.tokens[e, x].tolist()]

    def encode(self, letters: Sequence[Letter], t: int) -> list[int]:
        return [token for _, token in letters]

    def bob(self, i: Any) -> list[Letter]:
        Index(self.n).check(i)
        return [("token", token) for token in self.table.suffixes[i - 1]]

    def read_at(self, y: Any) -> int:
        return self.table.read_at[y - 1]

    @cached_property
    def _meanings(self) -> list[dict[int, int]]:
        """For each i, the symbol that an answer stands for, as ``Machine.output`` writes it."""
        coded = self.inside.coded
        return [{coded(a): symbol for symbol, a in enumerate(row)} for row in self.table.readings]

    def meaning(self, i: int, answer: int) -> int | None:
        """x_i from an answer as ``Machine.output`` writes it; None if it stands for no symbol."""
        return self._meanings[i - 1].get(answer)

    def answer(self, task_answer: Any) -> Any:
        """x_i from an answer that means the same, or nothing, for every i."""
        code = self.inside.coded(task_answer)
        found = {row[code] for row in self._meanings if code in row}
        if len(found) != 1:
            raise BadInput(f"what the answer {task_answer!r} stands for depends on i; ask 'meaning'")
        return found.pop()

    def conclude(self, answers: Array, ys: Array) -> Array:
        """x_i for each run; an answer that stands for no symbol counts as symbol 0."""
        ys = np.asarray(ys)
        rows = np.array(self.table.read_at)[ys - 1]
        pairs = np.stack([ys, answers[rows, np.arange(len(rows))]])
        found, which = np.unique(pairs, axis=1, return_inverse=True)
        return np.array([self.meaning(i, answer) or 0 for i, answer in found.T.tolist()])[which.reshape(-1)]

    def named(self, number: int) -> str:
        return f"v{number}" if self.draws_graph else str(number)

    def names(self, token: int, t: int) -> tuple[str, tuple[str, ...]]:
        role, names = super().names(token, t)
        return (role, (self.inside.spelled(token, t),)) if role in ("symbol", "token") else (role, names)


def of_table(table: Table, task: Task, source: str = SOURCE) -> TableReduction:
    """The reduction that ``table`` is, inside ``task``. Raises ``BadInput`` for a table that does not fit it."""
    return TableReduction(table.n, table.symbols, table=table, inside=task, source=source)


def _some(count: int, word: str, plural: str = "") -> str:
    return f"{count} {word if count == 1 else plural or word + 's'}"


def _alike(rows: Array) -> tuple[Array, Array]:
    """Of each distinct row the first place, and which distinct row each one is."""
    if not rows.shape[1]:
        return np.zeros(1, np.int64), np.zeros(len(rows), np.int64)
    _, first, ids = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return first, ids.reshape(-1)


def check(table: Table, task: Task) -> None:
    """Refuse a table whose rows, tokens, readings or places do not fit ``task``; what it says may be false."""
    require_at_least("the table's n", table.n, 1)
    require_at_least("the table's symbols", table.symbols, 2)
    if table.n > MAX_ROWS.bit_length() or table.symbols**table.n > MAX_ROWS:
        raise LimitError(
            f"a table has at most {MAX_ROWS:,} rows; n = {table.n} with {table.symbols} symbols need more"
        )
    require_at_least("the table's cut", table.cut, 1)
    if table.cut >= task.length:
        raise BadInput(
            f"the table's cut must be below the {task.length} tokens of a stream; given {table.cut}"
        )
    _check_rows("prefixes", table.prefixes, table.symbols**table.n, range(table.cut), task)
    _check_rows("suffixes", table.suffixes, table.n, range(table.cut, task.length), task)
    due = sum(t > table.cut for t in task.answered_at)
    if len(table.read_at) != table.n or not all(
        _whole(place) and 0 <= place < due for place in table.read_at
    ):
        raise BadInput(f"read_at must hold {table.n} numbers in 0..{due - 1}; given {_short(table.read_at)}")
    if len(table.readings) != table.n:
        raise BadInput(f"readings must have {table.n} rows, one for each i; given {len(table.readings)}")
    for i, row in enumerate(table.readings, 1):
        codes = [task.coded(answer) for answer in row]
        if len(row) != table.symbols or len(set(codes)) < len(codes):
            raise BadInput(
                f"readings of i = {i} must be {table.symbols} different answers; given {_short(row)}"
            )
        if not all(code in task.answers for code in codes):
            raise BadInput(f"readings of i = {i}: {_short(row)} are not all answers of {task.name}")


def _check_rows(name: str, rows: Sequence[Sequence[int]], count: int, positions: range, task: Task) -> None:
    if len(rows) != count:
        raise BadInput(f"{name} must have {count} rows; given {len(rows)}")
    alphabets = [task.alphabet(t) for t in positions]
    for k, row in enumerate(rows):
        if len(row) != len(positions):
            raise BadInput(f"row {k} of {name} must have {_some(len(positions), 'token')}; given {len(row)}")
        for token, alphabet, t in zip(row, alphabets, positions, strict=True):
            if not _whole(token) or token not in alphabet:
                raise BadInput(
                    f"row {k} of {name} has {_short(token)} at position {t}; {task.name} has the tokens "
                    f"{alphabet.start}..{alphabet.stop - 1} there"
                )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
