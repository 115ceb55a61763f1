"""Bounds: the entries of the witness's submatrix asked for again, and the witness looked at entry by entry."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from commlb.checking.common import (
    Notes,
    Own,
    Refused,
    due_after,
    equal,
    one_of,
    require,
    same,
    short,
    task_of,
)
from commlb.checking.part import Part, Witness
from commlb.checking.twoway import protocol_tree, rank, two_way_fooling
from commlb.checking.witness import colouring, distinct_rows, one_way_fooling, shattered
from commlb.problems import Disjointness, Equality, Index, Problem
from commlb.records_bounds import BoundResult, MatrixSource, Submatrix
from commlb.requests import check_sizes
from commlb.tasks.base import Task

PROBLEMS: dict[str, type[Problem]] = {"INDEX": Index, "EQ": Equality, "DISJ": Disjointness}

MAX_ENTRIES = 2**20
"""Entries of the largest submatrix that is looked at."""

Check = Callable[[Part, Witness, bool, Notes], tuple[str, float]]

KINDS: dict[str, Check] = {
    "distinct rows": distinct_rows,
    "one-way fooling set": one_way_fooling,
    "colouring": colouring,
    "shattered set": shattered,
    "two-way fooling set": two_way_fooling,
    "rank": rank,
    "protocol tree": protocol_tree,
}

FUNCTIONS: dict[str, Callable[[Sequence[int], Sequence[int]], int]] = {
    "GT": lambda x, y: int(tuple(x) > tuple(y)),
    "IP": lambda x, y: sum(a * b for a, b in zip(x, y, strict=True)) % 2,
}
"""Of words of n bits: whether x is the larger number, its first bit the highest; the inner product modulo 2."""


def check_bound(found: BoundResult, notes: Notes, own: Own) -> None:
    """All that a file of a bound says, but its words. Raises ``Refused`` with the first thing that is not so."""
    part = _part(found)
    entry = _entries(found.source, notes, own)
    if entry is None:
        notes.take("the entries of the matrix, which the file itself gives")
    else:
        _check_entries(found.submatrix, entry)
        notes.add("the entries", f"asked again of the {found.source.kind}", f"{len(part.values)} rows")
    _check_shape(found, part, notes, own)
    bound, witness = found.bound, dict(found.bound.witness or {})
    exactly = bound.direction == "exactly"
    same("bound.prefix_set", bound.prefix_set, "all" if found.source.kind == "task" else "alice")
    one_of("bound.direction", bound.direction, ("at least", "exactly"))
    same("bound.evidence", bound.evidence, "exhaustive")
    require(found.source.whole or not exactly, "'exactly' asks for a matrix that is the whole of its source")
    kind = witness.get("kind")
    require(kind in KINDS, f"witness.kind must be one of {', '.join(KINDS)}; given {short(kind)}")
    same("bound.method", bound.method, kind)
    model, bits = KINDS[str(kind)](part, witness, exactly, notes)
    if found.source.whole and kind in ("distinct rows", "protocol tree"):
        require(exactly, f"{kind} on the whole matrix show 'exactly'")
    same("bound.model", bound.model, model)
    same("bound.bits", bound.bits, float(bits))
    notes.add(f"the {kind}", f"every entry that it names; {bound.direction} by it", f"{bound.bits:.6g} bits")
    notes.take("the bound's source and method in words", "the verdict's words", "the provenance")


def _part(found: BoundResult) -> Part:
    """The submatrix, its form looked at, and where it lies in M."""
    given, witness = found.submatrix, found.bound.witness
    require(witness is not None, "a bound without a witness shows nothing that can be checked")
    rows, columns = (
        _places(witness, key, most) for key, most in zip(("rows", "columns"), found.shape, strict=True)
    )
    for name, labels, places in (("row", given.row_labels, rows), ("column", given.column_labels, columns)):
        require(
            len(labels) == len(places),
            f"the submatrix must have a {name} label for each of {len(places)}; given {len(labels)}",
        )
        require(
            len(set(map(repr, labels))) == len(labels), f"two {name} labels of the submatrix are the same"
        )
    require(
        len(rows) * len(columns) <= MAX_ENTRIES, f"a submatrix of at most {MAX_ENTRIES} entries is looked at"
    )
    require(
        len(given.values) == len(rows),
        f"the submatrix must have {len(rows)} rows of values; given {len(given.values)}",
    )
    apart = all(not equal(a, b) for k, a in enumerate(given.answers[:200]) for b in given.answers[:k])
    require(apart and len(given.answers) <= 2**16, "the answers must differ from each other")
    for row in given.values:
        require(
            len(row) == len(columns), f"a row of values must have {len(columns)} entries; given {len(row)}"
        )
        for place in row:
            require(
                place is None or 0 <= place < len(given.answers), f"{short(place)} is no place in the answers"
            )
    is_all = rows == list(range(found.shape[0])) and columns == list(range(found.shape[1]))
    return Part(given.values, given.answers, is_all)


def _places(witness: Any, key: str, most: int) -> list[int]:
    """``rows`` or ``columns`` of a witness: different places in M."""
    found = witness.get(key)
    require(isinstance(found, tuple), f"witness.{key} must be a list of places; given {short(found)}")
    for place in found:
        is_place = isinstance(place, int) and not isinstance(place, bool) and 0 <= place < most
        require(is_place, f"witness.{key} holds {short(place)}, which is no place in 0..{short(most - 1)}")
    require(len(set(found)) == len(found), f"witness.{key} names a place twice")
    return list(found)


Entry = Callable[[Any, Any], Any]


def _entries(source: MatrixSource, notes: Notes, own: Own) -> Entry | None:
    """What M is at two labels, None standing for outside the promise; None where nothing but the file knows."""
    one_of("source.rows", source.rows, ("all", "classes", "given"))
    one_of("source.columns", source.columns, ("all", "behaviours", "given"))
    one_of("source.kind", source.kind, ("problem", "task", "function", "dense"))
    if source.kind == "problem":
        problem = _problem(source)
        require(
            source.whole == (source.rows == source.columns == "all"),
            "source.whole is not as its rows and columns say",
        )
        return lambda x, y: problem.value(_word(x, problem), _query(y, problem))
    if source.kind == "task":
        require(
            source.whole == (source.rows != "given" and source.columns != "given"),
            "source.whole is not as its rows and columns say",
        )
        task, cut, due = _task(source, own)
        return lambda a, b: _answer(task, cut, due, a, b)
    if _is_known(source):
        value, n = FUNCTIONS[str(source.name)], _problem(replace(source, name="EQ"))
        require(source.whole, "source.whole must be true where rows and columns are all")
        return lambda x, y: value(_word(x, n), _word(y, n))
    notes.take(f"that the matrix is that of {short(source.name)}" if source.name else "what the matrix is of")
    return None


def _problem(source: MatrixSource) -> Problem:
    require(
        source.name in PROBLEMS,
        f"source.name must be one of {', '.join(PROBLEMS)}; given {short(source.name)}",
    )
    size = source.size or {}
    require(
        set(size) == {"n", "symbols"} and all(type(v) is int and v >= 1 for v in size.values()),
        "source.size must give n and symbols",
    )
    check_sizes(size["n"], size["symbols"], None)
    require(source.name == "INDEX" or size["symbols"] == 2, "EQ and DISJ are of words of bits")
    require(
        size["symbols"] >= 2 and size["n"] <= 64, "a matrix has n of at most 64 and symbols of at least 2"
    )
    same("source.cut", source.cut, None)
    same("source.read_at", source.read_at, None)
    return PROBLEMS[str(source.name)](size["n"], size["symbols"])


def _word(x: Any, problem: Problem) -> tuple[int, ...]:
    is_word = (
        isinstance(x, tuple)
        and len(x) == problem.n
        and all(type(s) is int and 0 <= s < problem.symbols for s in x)
    )
    require(is_word, f"a row label must be {problem.n} symbols; given {short(x)}")
    return tuple(x)


def _query(y: Any, problem: Problem) -> Any:
    require(
        type(y) is int or (isinstance(y, tuple) and all(type(bit) is int for bit in y)),
        f"no column label: {short(y)}",
    )
    problem.check(y)
    return y


def _task(source: MatrixSource, own: Own) -> tuple[Task, int, int]:
    """The task, the cut, and the place of the answer that is read among all answers of a stream."""
    task, cut = task_of(source.name or "", dict(source.size or {}), own), source.cut
    if cut is None or not 0 <= cut <= task.length:
        raise Refused(f"source.cut must be in 0..{task.length}; given {short(cut)}")
    times = list(task.answered_at)
    due = [t for t in times if t > cut] or [task.length]
    if len(times) == 1:
        same("source.read_at", source.read_at, None)
        return task, cut, 0
    if source.read_at is None or not 0 <= source.read_at < len(due):
        raise Refused(f"source.read_at must be in 0..{len(due) - 1}; given {short(source.read_at)}")
    return task, cut, len(times) - len(due) + source.read_at


def _answer(task: Task, cut: int, due: int, prefix: Any, suffix: Any) -> Any:
    for name, label, length in (("row", prefix, cut), ("column", suffix, task.length - cut)):
        is_label = (
            isinstance(label, tuple) and len(label) == length and all(type(token) is int for token in label)
        )
        require(is_label, f"a {name} label must be {length} tokens; given {short(label)}")
    stream = [*prefix, *suffix]
    task.check_stream(stream)
    found = due_after(task, -1, task.solve(stream))
    return None if found is None else found[due]


def _check_entries(part: Submatrix, entry: Entry) -> None:
    for a, row in zip(part.row_labels, part.values, strict=True):
        for b, place in zip(part.column_labels, row, strict=True):
            answer = entry(a, b)
            written = None if place is None else part.answers[place]
            require(
                equal(written, answer),
                f"entry ({short(a, 30)}, {short(b, 30)}) is written as {short(written)}; it is {short(answer)}",
            )


def _check_shape(found: BoundResult, part: Part, notes: Notes, own: Own) -> None:
    """How many rows and columns M has, whether there is a promise, and which answers there are."""
    rows, columns = found.shape
    require(rows >= 1 and columns >= 1, "a matrix has at least one row and one column")
    holes = any(place is None for row in part.values for place in row)
    require(found.promise or not holes, "promise is false, and the submatrix has entries outside the promise")
    require(
        not (part.whole and not holes and found.promise),
        "promise is true, and no entry is outside the promise",
    )
    if part.whole:
        used = {place for row in part.values for place in row if place is not None}
        require(used == set(range(len(part.answers))), "some of the answers are nowhere in the matrix")
    if _is_known(found.source):
        _check_known_shape(found, part)
    elif found.source.kind == "task":
        _check_task_shape(found, notes, own)
    elif not part.whole:
        notes.take("the shape of the matrix beyond the submatrix")


def _is_known(source: MatrixSource) -> bool:
    """Whether it is a problem, or a function that is known here on all words."""
    is_function = source.kind == "function" and source.name in FUNCTIONS
    return source.kind == "problem" or (is_function and source.rows == source.columns == "all")


def _check_known_shape(found: BoundResult, part: Part) -> None:
    """All words, and all of Bob's inputs, in their order: how many, and which stand where."""
    source = found.source
    problem = _problem(source if source.kind == "problem" else replace(source, name="EQ"))
    require(not found.promise, f"{source.name} is total, without a promise")
    values = range(problem.symbols if isinstance(problem, Index) else 2)
    is_value = all(type(answer) is int and answer in values for answer in part.answers)
    require(is_value, f"{source.name} has no answers {short(part.answers)}")
    if source.rows == source.columns == "all":
        columns = problem.n if isinstance(problem, Index) else 2**problem.n
        same("shape", found.shape, (problem.symbols**problem.n, columns))
        _check_labels(found, problem)


def _check_labels(found: BoundResult, problem: Problem) -> None:
    """Of all words in their order, and all of Bob's inputs, the label of a place is the one that has its number."""
    witness = dict(found.bound.witness or {})
    for places, labels, of_index in (
        (witness["rows"], found.submatrix.row_labels, False),
        (witness["columns"], found.submatrix.column_labels, isinstance(problem, Index)),
    ):
        for place, label in zip(places, labels, strict=True):
            number = label - 1 if of_index and isinstance(label, int) else _number(label, problem.symbols)
            require(
                place == number, f"{short(label, 30)} is not at place {place} of all rows, or of all columns"
            )


def _number(word: Any, symbols: int) -> int:
    """The place of a word among all, its first symbol the highest digit."""
    place = 0
    for symbol in word if isinstance(word, tuple) else ():
        place = place * symbols + symbol
    return place


def _check_task_shape(found: BoundResult, notes: Notes, own: Own) -> None:
    """The matrix of a small task is made again, all of it, and its rows and columns are counted."""
    task, cut, due = _task(found.source, own)
    sizes = [len(task.alphabet(t)) for t in range(task.length)]
    asked = found.source.rows != "given" and found.source.columns != "given"
    if not asked or math.prod(sizes) > notes.work:
        notes.take(
            "the shape of the matrix and whether all is there: too much to be made again, or given by the user"
        )
        require(found.shape[0] <= max(1, math.prod(sizes[:cut])), "there are not that many prefixes")
        require(found.shape[1] <= max(1, math.prod(sizes[cut:])), "there are not that many suffixes")
        return
    prefixes = list(itertools.product(*(task.alphabet(t) for t in range(cut))))
    suffixes = list(itertools.product(*(task.alphabet(t) for t in range(cut, task.length))))
    table = [tuple(_tag(_answer(task, cut, due, a, b)) for b in suffixes) for a in prefixes]
    live = [row for row in table if any(entry is not None for entry in row)]
    columns = [column for column in zip(*live, strict=True) if any(entry is not None for entry in column)]
    counts = {
        "all": (len(live), len(columns)),
        "classes": (len(set(live)), 0),
        "behaviours": (0, len(set(columns))),
    }
    same("shape", found.shape, (counts[found.source.rows][0], counts[found.source.columns][1]))
    holes = any(entry is None for column in columns for entry in column)
    same("promise", found.promise, holes)
    same("source.whole", found.source.whole, True)
    every = {entry for row in live for entry in row if entry is not None}
    require(every == set(map(_tag, found.submatrix.answers)), "the answers are not those of the task")
    notes.add("the shape", "all streams put to the solver", f"{found.shape[0]} x {found.shape[1]}")


def _tag(answer: Any) -> Any:
    return None if answer is None else (type(answer).__name__, answer)
