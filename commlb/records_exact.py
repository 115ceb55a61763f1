"""What ``commlb exact`` finds: the minimum of a task, cut by cut, and the shape of its growth."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from commlb.records import Bound
from commlb.records_rows import ENGINE_VERSION


@dataclass(frozen=True)
class ExactCut:
    """How few states a machine without error can have after ``t`` tokens, this cut taken alone.

    ``alphabet``: tokens that may come next, 0 at the end. ``machine_states``: states that the given machine
    reaches within the promise, before any are merged. ``at_least_by`` is "distinct rows", "clique" or
    "no k-colouring" (searched to the end); ``at_most_by`` is "distinct rows" or "colouring".
    """

    t: int
    alphabet: int
    machine_states: int
    classes_at_least: int
    classes_at_most: int
    exact: bool
    at_least_by: str
    at_most_by: str
    evidence: str = "exhaustive"
    closed_form: int | None = None


@dataclass(frozen=True)
class ExactResult:
    """Everything ``commlb exact`` says; the fields are the keys of its JSON.

    ``promise``: whether the streams allowed after one prefix differ from those after another; then the minima
    hold cut by cut and need not be reached by one machine at all cuts at once. ``worst_cut`` is the first cut
    with the largest ``classes_at_least``; ``minimum_bits`` and ``at_most_bits`` are log₂ of the largest
    ``classes_at_least`` and ``classes_at_most`` over all cuts. ``engine``: "layers" (the states of the task's
    machine) or "table" (the answers to all streams).
    """

    task: str
    task_size: dict[str, Any]
    length: int
    alphabet_size: int
    engine: str
    promise: bool
    cuts: tuple[ExactCut, ...]
    worst_cut: int
    minimum_bits: float
    at_most_bits: float
    exact: bool
    evidence: str
    bound: Bound | None
    verdict: str

    def rows(self) -> list[ExactPoint]:
        """One CSV row a cut, for ``commlb.records_rows.to_csv``."""
        size = ";".join(f"{key}={value}" for key, value in self.task_size.items())
        return [
            ExactPoint(
                task=self.task,
                task_size=size,
                stream_length=self.length,
                alphabet_size=self.alphabet_size,
                engine=self.engine,
                promise=self.promise,
                bits_at_least=math.log2(cut.classes_at_least),
                bits_at_most=math.log2(cut.classes_at_most),
                **asdict(cut),
            )
            for cut in self.cuts
        ]


@dataclass(frozen=True)
class ExactPoint:
    """One CSV row: one cut of one task. ``digest`` covers all of it."""

    task: str
    task_size: str
    stream_length: int
    alphabet_size: int
    engine: str
    promise: bool
    t: int
    alphabet: int
    machine_states: int
    classes_at_least: int
    classes_at_most: int
    bits_at_least: float
    bits_at_most: float
    exact: bool
    at_least_by: str
    at_most_by: str
    closed_form: int | None
    evidence: str
    engine_version: int = ENGINE_VERSION
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        values = [getattr(self, column.name) for column in fields(self) if column.name != "digest"]
        text = json.dumps(values)
        object.__setattr__(self, "digest", hashlib.sha256(text.encode()).hexdigest()[:16])


@dataclass(frozen=True)
class GrowthFit:
    """bits ≈ a·g(n) + b by least squares, g named by ``law``; ``rms``: root mean square of the residuals.

    An observation over the sizes that were computed, never a theorem.
    """

    law: str
    a: float
    b: float
    rms: float
    evidence: str = "observation"


@dataclass(frozen=True)
class GrowthResult:
    """The minima of one task at several sizes, and the laws of growth in the order of their residuals.

    ``fits`` is empty for fewer than three sizes. Not ``complete``: the sizes that were finished when it
    ``stopped``, and why.
    """

    task: str
    sizes: tuple[int, ...]
    results: tuple[ExactResult, ...]
    fits: tuple[GrowthFit, ...]
    complete: bool
    stopped: str | None
    verdict: str

    def rows(self) -> list[ExactPoint]:
        """One CSV row a cut of each size."""
        return [row for result in self.results for row in result.rows()]
