"""A reduction that was discovered, read from the file that ``commlb discover`` wrote; and which one is meant.

Files are data: nothing in them is executed. A registered task is made by its name and size; a user's own comes
from the file that the user names, and from no other.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from commlb import reductions, sealed
from commlb.errors import BadInput, CommlbError, require_at_least, unknown_name
from commlb.records import SCHEMA
from commlb.records_witness import DiscoverResult, Table
from commlb.reductions.base import Reduction
from commlb.reductions.table import TableReduction, of_table
from commlb.requests import check_sizes
from commlb.tabled import tabled
from commlb.tasks import task_classes
from commlb.tasks.base import Task
from commlb.userfile import load

MAX_SIZE = 2**16
"""The largest number in the size of a task that is made for a file."""


class Discovery(NamedTuple):
    """What a file says: the task by name and size, its streams, and the table."""

    task: str
    task_size: dict[str, int]
    length: int
    alphabet_size: int
    table: Table


def build(task: Any, reduction: Any, n: int | None, symbols: int | None, c: int | None) -> Reduction:
    """The reduction that is meant: of a registered name (None: the default), or in a file, ``found.json``.

    In a file n and symbols are given; they may be left out, and must be those of the file where they are not.
    ``task`` is then a registered name, or ``my_task.py:Name``. Raises ``BadInput`` for what cannot be had.
    """
    if not is_file(reduction):
        if n is None:
            raise BadInput(
                "n, the number of Alice's symbols, is required unless the reduction is a file; give --n"
            )
        if isinstance(task, str) and _is_own(task):
            raise BadInput(
                f"no reduction to {task} is registered; find one: commlb discover {task} --n N --out found.json, "
                "and give --reduction found.json"
            )
        return reductions.build(task, reduction, n, symbols, c)
    made = from_file(task, reduction)
    for name, given, has in (("n", n, made.n), ("symbols", symbols, made.symbols)):
        if given is not None and given != has:
            raise BadInput(f"'{reduction}' holds {name} = {has}; given {given}; leave --{name} out")
    if c is not None:
        raise BadInput(f"'{reduction}' says what the task's size is; leave --c out")
    return made


def is_file(reduction: Any) -> bool:
    """Whether a reduction is given as a file."""
    return isinstance(reduction, str) and reduction.lower().endswith(".json")


def _is_own(task: str) -> bool:
    return ":" in task or task.endswith(".py")


def from_file(task: Any, path: str) -> TableReduction:
    """The reduction in the file at ``path``, inside the task that the user names."""
    if not isinstance(task, str):
        raise BadInput(f"task must be a name such as 'index'; given {type(task).__name__}")
    found = read(_text(path), path)
    name = task.rpartition(":")[2] if _is_own(task) else task
    if not _is_own(task) and task not in task_classes():
        raise unknown_name("task", task, task_classes())
    if name != found.task:
        raise BadInput(f"'{path}' holds a reduction to {found.task}; given the task {task}")
    try:
        made = own_task(task, found.task_size) if _is_own(task) else registered(found.task, found.task_size)
        if (made.length, made.alphabet_size) != (found.length, found.alphabet_size):
            raise BadInput(
                f"{name} of this size has {made.length} tokens of {made.alphabet_size} kinds, the file says "
                f"{found.length} of {found.alphabet_size}"
            )
        return of_table(found.table, made, source=f"{path} (commlb discover)")
    except BadInput as error:
        raise BadInput(f"'{path}': {error}") from error


def _text(path: str) -> str:
    try:
        if Path(path).stat().st_size > 4 * sealed.MAX_BYTES:
            raise BadInput(f"'{path}' is longer than what is read, {4 * sealed.MAX_BYTES} bytes")
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(f"there is no file '{path}'") from None
    except UnicodeDecodeError:
        raise BadInput(f"'{path}' is no text in UTF-8; give a file that commlb discover wrote") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read '{path}': {getattr(error, 'strerror', None) or error}") from None


def registered(name: str, size: dict[str, int]) -> Task:
    """The registered task whose ``size`` this is, field by field."""
    cls: Any = task_classes().get(name)
    if cls is None:
        raise unknown_name("task", name, task_classes())
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key, value in size.items():
        if key not in fields:
            raise BadInput(f"task_size of {name} has {', '.join(fields)}; given {key}")
        flag = key in cls.flags
        if not isinstance(value, bool if flag else int) or (isinstance(value, bool) and not flag):
            raise BadInput(
                f"task_size: {key} must be {'true or false' if flag else 'a whole number'}; given {value!r}"
            )
        if value > MAX_SIZE:
            raise BadInput(f"task_size: {key} must be at most {MAX_SIZE}; given {value}")
    made: Task | None = None
    if all(key in size or key in cls.flags for key in fields):
        made = cls(**size)
    if made is None or made.size != size:
        wanted = ", ".join(key for key in fields if key not in cls.flags)
        raise BadInput(f"task_size of {name} must give {wanted}; given {', '.join(size) or 'nothing'}")
    return made


def own_task(spec: str, size: dict[str, int]) -> Task:
    """The user's task that ``spec`` names, at the size {n: …}; one that is written as the registered ones is it."""
    if spec.endswith(".py"):
        raise BadInput(f"which task of '{spec}'? write {spec}:Name")
    n = size.get("n")
    if list(size) != ["n"] or isinstance(n, bool) or not isinstance(n, int):
        raise BadInput(f"task_size of a task of your own must be {{'n': a whole number}}; given {size!r:.80}")
    require_at_least("task_size: n", n, 1)
    check_sizes(n, None, None)
    made = load(spec, n)
    return made if isinstance(made, Task) else tabled(made)


def read(text: str, name: str) -> Discovery:
    """What the text of the file ``name`` says, its fields of the right type; it may still be false."""
    body = sealed.unseal(text, name)
    try:
        if body.get("schema") != SCHEMA:
            raise BadInput(f"schema must be '{SCHEMA}'; given {_short(body.get('schema'))}")
        if body.get("command") != "discover":
            raise BadInput(
                f"a reduction is in what commlb discover wrote; this is of {_short(body.get('command'))}"
            )
        result = _keys("result", body.get("result"), DiscoverResult)
        if result["table"] is None:
            raise BadInput("nothing is shattered there, so it holds no reduction")
        table = _table(_keys("table", result["table"], Table))
        for key in ("cut", "n", "symbols"):
            if _whole(key, result[key]) != getattr(table, key):
                raise BadInput(f"{key} is {result[key]} in the result and {getattr(table, key)} in its table")
        size = result["task_size"]
        if not isinstance(size, dict):
            raise BadInput(f"task_size must be an object; given {_short(size)}")
        if not isinstance(result["task"], str):
            raise BadInput(f"task must be a name; given {_short(result['task'])}")
        lengths = _whole("length", result["length"]), _whole("alphabet_size", result["alphabet_size"])
        return Discovery(result["task"], size, *lengths, table)
    except CommlbError as error:
        raise BadInput(f"'{name}': {error}") from None


def _keys(what: str, given: Any, record: Any) -> dict[str, Any]:
    """An object with the keys of a record, no more and no fewer."""
    if not isinstance(given, dict):
        raise BadInput(f"{what} must be an object; given {_short(given)}")
    wanted = [field.name for field in dataclasses.fields(record)]
    for key in (*wanted, *given):
        if key not in given:
            raise BadInput(f"{what} has no '{key}'")
        if key not in wanted:
            raise BadInput(f"{what} has a key '{key[:40]}' that is not known")
    return given


def _table(given: dict[str, Any]) -> Table:
    """The table with its lists made tuples."""
    n, symbols, cut = (_whole(f"the table's {key}", given[key]) for key in ("n", "symbols", "cut"))
    prefixes, suffixes = (_tokens(key, given[key]) for key in ("prefixes", "suffixes"))
    readings = tuple(tuple(map(_frozen, row)) for row in _lists("readings", given["readings"]))
    if not isinstance(given["read_at"], list):
        raise BadInput(f"read_at must be a list; given {_short(given['read_at'])}")
    places = tuple(_whole("a place in read_at", place) for place in given["read_at"])
    return Table(n, symbols, cut, prefixes, suffixes, readings, places)


def _tokens(key: str, given: Any) -> tuple[tuple[int, ...], ...]:
    for k, row in enumerate(_lists(key, given)):
        for token in row:
            _whole(f"a token in row {k} of {key}", token)
    return tuple(map(tuple, given))


def _lists(key: str, given: Any) -> list[list[Any]]:
    if not isinstance(given, list) or not all(isinstance(row, list) for row in given):
        raise BadInput(f"{key} must be a list of lists; given {_short(given)}")
    return given


def _frozen(answer: Any) -> Any:
    """An answer as it was before it was JSON: a list was a tuple."""
    if isinstance(answer, dict) or answer is None:
        raise BadInput(f"readings hold answers; given {_short(answer)}")
    return tuple(map(_frozen, answer)) if isinstance(answer, list) else answer


def _whole(what: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadInput(f"{what} must be a whole number; given {_short(value)}")
    return value


def _short(value: Any) -> str:
    text = " ".join(repr(value)[:80].split())
    return text if len(text) <= 60 else text[:59] + "…"
