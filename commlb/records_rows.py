"""Rows of CSV: a cell of a memory-versus-length study, how it is written, and how it is read again."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import log2
from typing import Any

from commlb.errors import BadInput

ENGINE_VERSION = 3
"""Raised by hand when results change; part of each row's digest."""

ASKED = (
    "command",
    "task",
    "reduction",
    "n",
    "symbols",
    "c",
    "prefix_set",
    "family",
    "error_target",
    "seed",
    "settings",
)
"""What determines a row of ``curve``."""

SLACK = 1e-6
"""What logarithms that were written may be off, in bits."""

REFUSED = "refused"
"""The evidence of a cell that was over a limit before anything was known; its remark says which."""


@dataclass(frozen=True)
class MemoryPoint:
    """One CSV row: a cell of a memory-versus-length study, mergeable by concatenation.

    ``digest`` names the cell: it covers all that determines the row and nothing that is measured. ``command`` is
    the verb that made it. What ``curve`` was asked for is ``family``, such as ``window:w`` with a size left
    open, and ``settings``; ``machine`` is what was run: with an ``error_target``, the smallest machine of the
    family that meets it, None if none of up to ``searched_bits`` bits does.

    Bits are log₂: ``capacity_bits`` of the states that fit at ``cut``, ``reachable_bits`` of those reached from
    ``prefix_set``. ``evidence`` says how these are known, or "refused", and then ``remark`` says why.
    ``errors`` in ``trials`` are those of ``answered_by``: "machine", its own answers, or "optimal Bob", the best
    guess from its state; with ``answers_evidence``, and ``confidence`` where that is sampled. ``worst_error`` is
    that of the worst query, sampled: its upper confidence limit. ``best_accuracy``: of the best guess, mean over
    the queries. ``bound_bits`` is by ``bound_formula``, from ``bound_source``. ``limits`` stand only in rows for
    which they were too low: other limits may give more. ``checksum``: of all other cells as they are written, so
    that a number that was changed afterwards shows; ``commlb check`` derives again what it can.
    """

    command: str
    task: str
    task_size: str
    reduction: str | None
    problem: str | None
    n: int
    symbols: int
    c: int | None
    cut: int | None
    stream_length: int
    prefix_set: str
    machine: str | None
    family: str | None = None
    format: str | None = None
    precision_bits: int | None = None
    weights_digest: str | None = None
    capacity_bits: float | None = None
    reachable_states: int | None = None
    reachable_bits: float | None = None
    entropy_bits: float | None = None
    information_bits: float | None = None
    minimum_bits: float | None = None
    bound_bits: float | None = None
    bound_formula: str | None = None
    bound_source: str | None = None
    error_target: float | None = None
    answered_by: str | None = None
    worst_error: float | None = None
    best_accuracy: float | None = None
    errors: int | None = None
    trials: int | None = None
    answers_evidence: str | None = None
    confidence: float | None = None
    seed: int | None = None
    searched_bits: float | None = None
    settings: str | None = None
    evidence: str = ""
    remark: str | None = None
    limits: str | None = None
    engine_version: int = ENGINE_VERSION
    digest: str = field(init=False)
    checksum: str = field(init=False)

    def __post_init__(self) -> None:
        if self.command == "curve":
            names = [*ASKED, "engine_version", *(["weights_digest"] if self.has_own_weights else [])]
        else:
            cell = (
                "command task task_size reduction n symbols c cut prefix_set machine format precision_bits "
                "error_target trials seed engine_version"
            )
            names = [*cell.split(), *(["weights_digest"] if self.weights_digest else [])]
        object.__setattr__(self, "digest", digest(*(getattr(self, name) for name in names)))
        object.__setattr__(self, "checksum", checksum(cells(self)[:-1]))

    @property
    def has_own_weights(self) -> bool:
        """Whether the family's weights come from a file, so that its name alone does not determine them."""
        return "weights=" in (self.family or "")

    def contradiction(self) -> str | None:
        """Where its numbers are none that a machine can have: the chain upside down, or more errors than trials."""
        names = ("information_bits", "entropy_bits", "reachable_bits", "capacity_bits")
        chain = [(name, value) for name in names if (value := getattr(self, name)) is not None]
        for (less, a), (more, b) in pairwise(chain):
            if a > b + SLACK:
                return f"{less} {a} is above {more} {b}"
        if self.reachable_states is not None and self.reachable_bits is not None:
            if abs(log2(max(1, self.reachable_states)) - self.reachable_bits) > SLACK:
                return f"reachable_bits {self.reachable_bits} is not log2 of {self.reachable_states}"
        if self.errors is not None and not 0 <= self.errors <= (self.trials or 0):
            return f"{self.errors} errors in {self.trials} trials"
        return None

    @property
    def is_refused(self) -> bool:
        return self.evidence == REFUSED

    @property
    def standing(self) -> int:
        """2: complete; 1: a limit cut something off; 0: refused, as nothing is known."""
        return 0 if self.is_refused else 1 if self.limits else 2


def digest(*values: Any) -> str:
    """Sixteen hexadecimal digits of SHA-256 of the values as JSON."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def checksum(written: Sequence[str]) -> str:
    """Sixteen hexadecimal digits of SHA-256 of all cells of a row but the last, as they are written.

    >>> checksum(["index", "4", ""])
    '17292db59d1f5617'
    """
    return digest(*written)


def to_csv(rows: Sequence[Any]) -> str:
    """Rows (records of one kind, at least one) as CSV with a header; an unknown value is an empty cell."""
    names = [column.name for column in dataclasses.fields(rows[0])]
    return line(names) + "".join(to_line(row) for row in rows)


def to_line(row: Any) -> str:
    """One record as a line of CSV."""
    return line(cells(row))


def cells(row: Any) -> list[str]:
    """One record's values as text; a value that is not there yet, as one that is not known, is empty."""
    values = [getattr(row, column.name, None) for column in dataclasses.fields(row)]
    return ["" if value is None else str(value) for value in values]


def line(values: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


HEADER = line([column.name for column in dataclasses.fields(MemoryPoint)])


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


PARSERS: dict[str, Callable[[str], Any]] = {"str": str, "int": int, "float": _number}


def from_csv(text: str, name: str, forgive_last: bool = False) -> list[MemoryPoint]:
    """The rows of a file of that ``name``, or of several that were put one behind the other.

    ``forgive_last``: a last line that was not finished (no newline) is left out, as a killed run leaves it. Raises
    ``BadInput`` with the line for all that is no row, and for a digest that is not the row's.
    """
    if forgive_last and (HEADER.startswith(text) or not text.endswith("\n")):
        text = "" if HEADER.startswith(text) else text[: text.rfind("\n") + 1] or text
    text = text.replace("\r\n", "\n")
    if not text:
        return []
    cut_off = "" if text.endswith("\n") else "; its last line is cut off: go on with it by curve --resume"
    lines = list(io.StringIO(text, newline=""))
    if lines[0].rstrip("\n") != HEADER.rstrip("\n"):
        raise BadInput(
            f"'{name}' must begin with the header of commlb's rows (task, n, machine, …, checksum); given "
            f"'{lines[0][:40].rstrip()}'; was it written by reduce, states or curve of this version?"
        )
    found = []
    try:
        for written in (reader := csv.reader(lines, strict=True)):
            if written and ",".join(written) != HEADER.rstrip("\n"):
                found.append(_row(written, f"'{name}', line {reader.line_num}"))
    except csv.Error as error:
        raise BadInput(f"'{name}' is no CSV: {error}{cut_off}") from None
    except BadInput as error:
        raise BadInput(f"{error}{cut_off}") from None
    return found


def _row(written: Sequence[str], where: str) -> MemoryPoint:
    columns = dataclasses.fields(MemoryPoint)
    if len(written) != len(columns):
        raise BadInput(f"{where}: a row has {len(columns)} cells; given {len(written)}")
    values: dict[str, Any] = {}
    for column, text in zip(columns, written, strict=True):
        kind, _, optional = str(column.type).partition(" | ")
        try:
            values[column.name] = None if optional and text == "" else PARSERS[kind](text)
        except ValueError:
            raise BadInput(f"{where}: {column.name} must be {_kinds(kind)}; given '{text[:40]}'") from None
    given, summed = values.pop("digest"), values.pop("checksum")
    row = MemoryPoint(**values)
    if row.digest != given:
        raise BadInput(
            f"{where}: the digest is {given[:40]}, that of the row would be {row.digest}; was it changed?"
        )
    if (odd := row.contradiction()) is not None:
        raise BadInput(f"{where}: {odd}, which cannot be; was it changed?")
    if summed != checksum(written[:-1]):
        raise BadInput(
            f"{where}: the checksum is {summed[:40]}, that of its cells {checksum(written[:-1])}; was it changed?"
        )
    return row


def _kinds(kind: str) -> str:
    return {"int": "an integer", "float": "a finite number"}.get(kind, "text")


def merged(rows: Sequence[MemoryPoint]) -> list[MemoryPoint]:
    """Rows of several runs as one: each cell once, in the order of cells; of a cell the row that says the most.

    Raises ``BadInput`` where two complete rows of one cell differ.
    """
    found: dict[str, MemoryPoint] = {}
    for row in rows:
        other = found.get(row.digest)
        if other is None or (row.standing, to_line(row)) > (other.standing, to_line(other)):
            found[row.digest] = row
        if other is not None and row != other and row.standing == other.standing == 2:
            raise BadInput(
                f"two rows of the cell {row.digest} ({row.task}, n = {row.n}, {row.family or row.machine}) differ; "
                "one is wrong: compute it again"
            )
    return sorted(found.values(), key=order)


def order(row: MemoryPoint) -> tuple[Any, ...]:
    """Where a row stands among others."""
    named = (row.command, row.task, row.reduction or "", row.prefix_set, row.symbols, row.c or 0)
    target = -1.0 if row.error_target is None else row.error_target
    return (*named, target, row.family or row.machine or "", row.n, row.cut or 0, row.seed or 0, row.digest)


def without(machine: str, *keys: str) -> str:
    """A machine as text, some of its parameters left out: what rows of one curve have in common.

    >>> without("random:bits,seed=3", "seed"), without("exact:seed=1", "seed"), without("my.py:build", "seed", "p")
    ('random:bits', 'exact', 'my.py:build')
    """
    name, _, rest = machine.partition(":")
    parts = [part for part in rest.split(",") if part and part.partition("=")[0] not in keys]
    return f"{name}:{','.join(parts)}" if parts else name
