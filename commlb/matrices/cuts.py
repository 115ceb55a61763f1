"""The communication matrix of a task at a cut: prefixes of t tokens as rows, the suffixes after them as columns."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput, LimitError
from commlb.layers import Layers, Limits
from commlb.machines.base import UNDEFINED
from commlb.matrices import MAX_ENTRIES, Matrix, labelled
from commlb.minimum import LAYERS, TABLE, merged_automaton, task_of
from commlb.records_bounds import MatrixSource
from commlb.tasks.base import Task
from commlb.userfile import UserTask

AnyTask = Task | UserTask
Tokens = tuple[int, ...]

MAX_COLUMNS = 2**14
"""Different columns up to which they are listed."""


def of_task(
    task: Any,
    cut: int,
    n: int | None = None,
    *,
    read_at: int | None = None,
    prefixes: Iterable[Sequence[int]] | None = None,
    suffixes: Iterable[Sequence[int]] | None = None,
    max_entries: int = MAX_ENTRIES // 16,
    **options: Any,
) -> Matrix:
    """The matrix of a task after ``cut`` tokens, by its ``solve``: all prefixes and suffixes, or those given.

    ``task``, ``n`` and ``options`` as in ``commlb.exact``. ``read_at``: which of the answers due after the cut, 0
    the first; only, and always, where several are due. ``prefixes`` and ``suffixes`` are taken one by one, tokens
    as in ``commlb.records_bounds``; without them those that no valid stream has are left out. Raises
    ``BadInput``, and ``LimitError`` for more than ``max_entries`` streams.

    >>> matrix = of_task("istree", 2, 4)
    >>> matrix.shape, matrix.answers, matrix.row_labels[1]
    ((36, 6), (False, True), (0, 1))
    """
    made = task_of(task, n, **options)
    due = _due(made, cut, read_at)
    alphabets = [made.alphabet(t) for t in range(made.length)]
    parts = alphabets[:cut], alphabets[cut:]
    listed = [
        _some(given, part, made, max_entries) for given, part in zip((prefixes, suffixes), parts, strict=True)
    ]
    rows, columns = listed
    if not rows or not columns:
        raise BadInput("a communication matrix needs at least one prefix and one suffix; given none")
    _check_size(made, len(rows) * len(columns), max_entries)
    table = [[_answer(made, alphabets, row + column, due) for column in columns] for row in rows]
    source = MatrixSource(
        "task", made.name, dict(made.size), cut, read_at, _told(prefixes), _told(suffixes), whole=False
    )
    if prefixes is None and suffixes is None:
        source = MatrixSource("task", made.name, dict(made.size), cut, read_at, "all", "all")
        kept = [k for k, row in enumerate(table) if any(answer is not UNDEFINED for answer in row)]
        table, rows = [table[k] for k in kept], [rows[k] for k in kept]
        kept = [k for k in range(len(columns)) if any(row[k] is not UNDEFINED for row in table)]
        table, columns = [[row[k] for k in kept] for row in table], [columns[k] for k in kept]
        if not table:
            raise BadInput("no stream is within the promise: every answer is UNDEFINED")
    return labelled(table, rows, columns, source)


def _told(given: Any) -> str:
    return "all" if given is None else "given"


def _due(task: AnyTask, cut: int, read_at: int | None) -> int:
    """The place, among all answers of a stream, of the one that is read. Raises ``BadInput``."""
    if not isinstance(cut, int) or isinstance(cut, bool) or not 0 <= cut <= task.length:
        raise BadInput(f"the cut of {task.name} must be in 0..{task.length}; given {cut!r}")
    if isinstance(task, UserTask) and len(task.answered_at) > 1:
        raise BadInput(f"{task.name} has several answers; a matrix is made of tasks of your own with one")
    due = [t for t in task.answered_at if t > cut] or [task.length]
    first = len(task.answered_at) - len(due)
    if len(task.answered_at) == 1:
        if read_at is not None:
            raise BadInput(f"{task.name} has one answer, at the end; leave read_at out")
        return 0
    if not isinstance(read_at, int) or isinstance(read_at, bool) or not 0 <= read_at < len(due):
        raise BadInput(
            f"read_at says which answer after the cut is read, 0..{len(due) - 1} of {task.name}; given {read_at!r}"
        )
    return first + read_at


def _some(
    given: Iterable[Sequence[int]] | None, alphabets: Sequence[Sequence[Any]], task: AnyTask, most: int
) -> list[Tokens]:
    """Prefixes or suffixes: those given, checked, or all; ``most`` at most."""
    if given is None:
        given = itertools.product(*(_places(task, alphabet) for alphabet in alphabets))
        _check_size(task, math.prod(map(len, alphabets)), most)
    found = [tuple(tokens) for tokens in itertools.islice(given, most + 1)]
    _check_size(task, len(found), most)
    for tokens in found:
        fits = len(tokens) == len(alphabets) and all(
            isinstance(token, int) and token in _places(task, alphabet)
            for token, alphabet in zip(tokens, alphabets, strict=True)
        )
        if not fits:
            raise BadInput(
                f"a prefix and a suffix of {task.name} have as many tokens as the cut says, each of the alphabet "
                f"of its position; given {tokens!r:.60}"
            )
    return found


def _places(task: AnyTask, alphabet: Sequence[Any]) -> Sequence[int]:
    """How the tokens of an alphabet are written in labels."""
    return alphabet if isinstance(task, Task) else range(len(alphabet))


def _check_size(task: AnyTask, count: int, most: int) -> None:
    if count > most:
        raise LimitError(
            f"a matrix of {task.name} may have {most:,} entries; it needs more; lower n, raise max_entries, give "
            "prefixes and suffixes, or take of_classes"
        )


def _answer(task: AnyTask, alphabets: Sequence[Sequence[Any]], stream: Tokens, due: int) -> Any:
    """The answer number ``due`` on a stream, by the task's solver."""
    if isinstance(task, UserTask):
        return task.solve(tuple(alphabet[place] for alphabet, place in zip(alphabets, stream, strict=True)))
    answers = task.solve(stream)
    return answers if answers is UNDEFINED or len(task.answered_at) == 1 else answers[due]


def of_classes(
    task: Any,
    cut: int,
    n: int | None = None,
    *,
    read_at: int | None = None,
    max_columns: int = MAX_COLUMNS,
    limits: Limits | None = None,
    **options: Any,
) -> Matrix:
    """The matrix of a task after ``cut`` tokens without repetition: a row a class, a column a suffix's behaviour.

    The same as ``of_task``, but that of equal rows and of equal columns one is left, with its first prefix and
    one of its suffixes. From the merged states of the task's machine; ``solve`` is asked once for each answer.
    Raises ``LimitError`` for more than ``max_columns`` different columns at some later cut.

    >>> matrix = of_classes("istree", 2, 4)
    >>> matrix.shape, matrix.answers, matrix.row_labels[:2]
    ((8, 6), (False, True), ((0, 0), (0, 1)))
    """
    made = task_of(task, n, **options)
    due = _due(made, cut, read_at)
    engine = TABLE if isinstance(made, UserTask) and not made.has_steps else LAYERS
    merged, _ = merged_automaton(made, engine, limits or Limits())
    columns, suffixes = _behaviours(merged, cut, sorted(made.answered_at)[due], max_columns)
    prefixes = _representatives(merged, cut)
    names = [_labels(made, merged, 0, tokens) for tokens in prefixes]
    ends = [_labels(made, merged, cut, tokens) for tokens in suffixes]
    answers: dict[int, Any] = {-1: UNDEFINED}
    for answer in np.unique(columns[columns >= 0]).tolist():
        column, row = np.argwhere(columns == answer)[0]
        answers[answer] = _answer(made, merged.alphabets, names[row] + ends[column], due)
    table = [[answers[k] for k in row] for row in columns.T.tolist()]
    source = MatrixSource("task", made.name, dict(made.size), cut, read_at, "classes", "behaviours")
    return labelled(table, names, ends, source)


def _labels(task: AnyTask, layers: Layers, first: int, places: Tokens) -> Tokens:
    """Places in the alphabets, from position ``first`` on, as labels."""
    if isinstance(task, UserTask):
        return places
    return tuple(int(layers.alphabets[first + k][place]) for k, place in enumerate(places))


def _representatives(layers: Layers, cut: int) -> list[Tokens]:
    """For each state after ``cut`` tokens the first prefix, as places, that leads to it."""
    found: dict[int, Tokens] = {0: ()}
    for table in layers.following[:cut]:
        after: dict[int, Tokens] = {}
        for state, tokens in found.items():
            for place, reached in enumerate(table[state].tolist()):
                if reached >= 0:
                    after.setdefault(reached, (*tokens, place))
        found = after
    return [found[state] for state in range(layers.widths[cut])]


def _behaviours(layers: Layers, cut: int, read: int, most: int) -> tuple[NDArray[np.int32], list[Tokens]]:
    """The different columns after ``cut`` tokens, (columns, states), and a suffix, as places, for each.

    From the end backwards. Entries are places in ``answers``; beyond the token number ``read`` all that is kept is
    whether the rest is valid, 0 or −1.
    """
    columns = np.zeros((1, layers.widths[-1]), np.int32)
    columns[0, layers.answered[layers.length] < 0] = -1
    suffixes: list[Tokens] = [()]
    for t in range(layers.length, cut - 1, -1):
        if t < layers.length:
            columns, suffixes = _before(columns, suffixes, layers.following[t], most)
        if t == read:
            columns = np.where(columns >= 0, layers.answered[t], -1)
    (inside,) = np.nonzero((columns >= 0).any(axis=1))
    return columns[inside], [suffixes[k] for k in inside.tolist()]


def _before(
    columns: NDArray[np.int32], suffixes: list[Tokens], table: NDArray[np.int32], most: int
) -> tuple[NDArray[np.int32], list[Tokens]]:
    """The different columns one token earlier."""
    padded = np.hstack([columns, np.full((len(columns), 1), -1, np.int32)])
    found: dict[bytes, tuple[NDArray[np.int32], Tokens]] = {}
    for place, reached in enumerate(table.T):
        for column, suffix in zip(padded[:, reached], suffixes, strict=True):
            found.setdefault(column.tobytes(), (column, (place, *suffix)))
        if len(found) > most:
            raise LimitError(
                f"more than {most:,} different columns; lower n, raise max_columns, or give suffixes to of_task"
            )
    return np.array([column for column, _ in found.values()]), [suffix for _, suffix in found.values()]
