"""What a stranger can check: reductions as tables, collisions, memory horizons."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from commlb.records_rows import ENGINE_VERSION

if TYPE_CHECKING:
    from commlb.records import MachineInfo


@dataclass(frozen=True)
class Table:
    """INDEX with ``n`` symbols of ``symbols`` kinds inside a task, as a table: x ↦ prefix, i ↦ suffix.

    ``prefixes``: symbols^n rows of ``cut`` tokens, in the order of x as a number, x_1 its first digit (that of
    ``itertools.product``). ``suffixes``: n rows of the tokens after the cut. ``readings``: for each i the task's
    answers, as ``solve`` gives them, that stand for the symbols 0, 1, … . ``read_at``: for each i, which of the
    answers due after the cut is read (0 the first). Tokens are those of a registered task; of a user's own task,
    their places in the alphabet of their position.
    """

    n: int
    symbols: int
    cut: int
    prefixes: tuple[tuple[int, ...], ...]
    suffixes: tuple[tuple[int, ...], ...]
    readings: tuple[tuple[Any, ...], ...]
    read_at: tuple[int, ...]


@dataclass(frozen=True)
class DiscoverCut:
    """The largest shattered set found at one cut, and how much more there could be.

    ``rows``: classes of prefixes there; ``columns``: suffixes that differ on them, None if there were too many to
    list. ``n`` symbols of ``symbols`` kinds, so ``bits`` = n·log₂ symbols. ``upper_bound_bits``: proved, by the
    number of rows or by a search to its end (``upper_bound_by``: "rows" or "search"). ``optimal``: they meet.
    """

    t: int
    rows: int
    columns: int | None
    n: int
    symbols: int
    bits: float
    upper_bound_bits: float
    upper_bound_by: str
    optimal: bool
    evidence: str


@dataclass(frozen=True)
class DiscoverResult:
    """Everything ``commlb discover`` says; the fields are the keys of its JSON.

    ``bits``, found at ``cut``: a lower bound on the VC dimension of the task at its best cut, and equal to it if
    ``optimal``. ``upper_bound_bits``: over all cuts that were asked for. ``table`` is the reduction, None where
    nothing is shattered. ``known``: the bits of the registered reductions that fit a task of this size.
    ``nodes``: of the searches, in all.
    """

    task: str
    task_size: dict[str, Any]
    length: int
    alphabet_size: int
    cut: int | None
    n: int
    symbols: int
    bits: float
    optimal: bool
    upper_bound_bits: float
    cuts: tuple[DiscoverCut, ...]
    table: Table | None
    known: dict[str, float]
    nodes: int
    seed: int | None
    evidence: str
    complete: bool
    stopped: str | None
    verdict: str

    def rows(self) -> list[DiscoverPoint]:
        """One CSV row a cut, for ``commlb.records_rows.to_csv``."""
        size = ";".join(f"{key}={value}" for key, value in self.task_size.items())
        return [
            DiscoverPoint(self.task, size, self.length, self.alphabet_size, **asdict(cut), seed=self.seed)
            for cut in self.cuts
        ]


@dataclass(frozen=True)
class DiscoverPoint:
    """One CSV row: one cut of one task. ``digest`` covers all of it."""

    task: str
    task_size: str
    stream_length: int
    alphabet_size: int
    t: int
    rows: int
    columns: int | None
    n: int
    symbols: int
    bits: float
    upper_bound_bits: float
    upper_bound_by: str
    optimal: bool
    evidence: str
    seed: int | None
    engine_version: int = ENGINE_VERSION
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        values = [getattr(self, column.name) for column in fields(self) if column.name != "digest"]
        text = json.dumps(values)
        object.__setattr__(self, "digest", hashlib.sha256(text.encode()).hexdigest()[:16])


@dataclass(frozen=True)
class Collision:
    """The certificate: two inputs of Alice that leave a machine in one state, and a query that it must get wrong.

    ``prefix`` and ``prefix_other`` are her streams a(x), a(x'), ``suffix`` Bob's for the query ``y`` (a position
    from 1, or his word). ``state_hex``: the packed state after both, ``state_bits`` long, in hexadecimal, as a
    message is written. ``merged_at``: the first number of tokens, those in which the two streams first differ
    among them, after which the two states were equal and stayed so. ``answers``, ``answers_other``: the task's
    right answers after the cut, by ``solver``; ``value``, ``value_other`` the values f(x, y), f(x', y), which
    differ; ``machine_answers`` those of the machine, one and the same for both, ``machine_value`` what Bob reads
    from them. ``machine`` as it is typed (``random:bits=8``), ``weights_digest`` where it has weights.
    ``table``: the reduction itself, where it is a table.
    """

    task: str
    task_size: dict[str, Any]
    reduction: str
    problem: str
    n: int
    symbols: int
    c: int | None
    table: Table | None
    cut: int
    machine: str
    weights_digest: str | None
    x: tuple[int, ...]
    x_other: tuple[int, ...]
    prefix: tuple[int, ...]
    prefix_other: tuple[int, ...]
    merged_at: int
    state_hex: str
    state_bits: int
    y: int | tuple[int, ...]
    suffix: tuple[int, ...]
    solver: str
    answers: tuple[Any, ...]
    answers_other: tuple[Any, ...]
    value: int
    value_other: int
    machine_answers: tuple[int, ...]
    machine_value: int
    method: str
    evidence: str = "exhaustive"


@dataclass(frozen=True)
class Horizon:
    """How many more tokens a machine tells two streams apart that differ at ``position`` (from 1) only.

    The streams are a(x) and a(x') with x_position changed from ``symbol`` to ``other``. ``continuation`` names
    what follows: "random" (with ``seed``), or one symbol over and over ("all 0"). ``steps``: tokens from the
    changed one, itself counted, up to the first after which the packed states are bit for bit equal; None if they
    were unequal to the end, ``budget`` tokens, which says no more than that. Under one batch shape and one kernel.

    Where her encoder remembers, x' has more symbols changed, such that the streams differ in one place all the
    same; ``token`` is the first that differs (from 1), so that the states are equal from ``token`` − 1 + ``steps``
    tokens on. "worst found" and "best found" are of continuations that were searched for: the worst is at least
    the former, the best at most the latter; ``complete``: none was left out, so they are the worst and the best
    over all. Of these ``x`` is written out, as far as it was chosen. ``gap``: of an unmerged pair, the greatest
    difference of any stored number at the end: last bits that never settle, or two states far apart. ``evidence``
    is that of the run.
    """

    task: str
    reduction: str
    n: int
    symbols: int
    machine: str
    weights_digest: str | None
    storage_bits: int
    precision_bits: int | None
    format: str | None
    position: int
    symbol: int
    other: int
    continuation: str
    seed: int | None
    steps: int | None
    budget: int
    evidence: str = "exhaustive"
    c: int | None = None
    token: int = 1
    x: str | None = None
    complete: bool = False
    gap: float | None = None


@dataclass(frozen=True)
class CollideResult:
    """Everything ``commlb collide`` says; the fields are the keys of its JSON.

    ``method``: "layers", "kernel", "fading" or "distinguished"; ``tried``: those that were tried, in order, and in
    a sentence each what came of them. ``complete``: every input was looked at, so that no ``collision`` means that
    there is none. ``table``: the reduction itself, where it is a table. ``expected_work`` and ``work`` in runs of
    Alice's prefix, where the method counts them.
    """

    task: str
    task_size: dict[str, Any]
    reduction: str
    problem: str
    n: int
    symbols: int
    c: int | None
    cut: int
    stream_length: int
    machine: MachineInfo
    method: str
    tried: tuple[tuple[str, str], ...]
    collision: Collision | None
    complete: bool
    horizons: tuple[Horizon, ...]
    expected_work: float | None
    work: int | None
    seed: int | None
    evidence: str
    verdict: str
    table: Table | None = None
