"""A cell of a memory-versus-length study: one n, one machine or family, one seed. What determines its row."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from commlb import reductions
from commlb.errors import BadInput
from commlb.fano import fano_bits
from commlb.layers import Limits
from commlb.problems import Equality
from commlb.records import Bound, sizes
from commlb.records_rows import MemoryPoint
from commlb.reductions.base import Reduction
from commlb.tasks import task_classes
from commlb.tasks.base import Task

MAX_INPUTS = 2**20
"""Inputs x up to which an optimal Bob is found by running all of them."""

MAX_STATES = 2**22
"""States of a layer up to which a machine is followed."""


@dataclass(frozen=True)
class Cell:
    """What is asked for: all that determines its row, and the limits, which only decide whether it is refused.

    ``error``: the error that every query may have, as text (a fraction must not depend on binary places), and None
    for the chain of one machine. ``bob``: "optimal", "machine", or "auto": optimal up to ``max_inputs``.
    """

    task: str
    n: int
    family: str
    reduction: str | None = None
    symbols: int | None = None
    c: int | None = None
    over: str = "alice"
    error: str | None = None
    bob: str = "auto"
    trials: int = 1000
    seed: int = 0
    max_inputs: int = MAX_INPUTS
    max_bits: float | None = None
    max_states: int = MAX_STATES
    max_memory: int = Limits.max_memory
    weights: str | None = None
    """The digest of the weights, where the family's are from a file."""

    @property
    def target(self) -> Fraction | None:
        return None if self.error is None else Fraction(self.error)

    @property
    def made(self) -> Reduction | Task:
        """The reduction; of a task to which there is none, the task of size n."""
        return _made(self.task, self.n, self.reduction, self.symbols, self.c)

    @property
    def task_made(self) -> Task:
        return self.made.task if isinstance(self.made, Reduction) else self.made

    @property
    def chosen(self) -> Reduction:
        """The reduction. Raises ``BadInput`` for a task to which there is none."""
        if not isinstance(self.made, Reduction):
            raise BadInput(
                f"no reduction to {self.task} is registered, so there is no Alice; take --over all"
            )
        return self.made

    def limits(self) -> Limits:
        """All inputs may be kept where they are run at all."""
        return Limits(max(self.max_states, self.max_inputs if self.error else 0), self.max_memory)

    @property
    def limits_said(self) -> str:
        return f"max_states={self.max_states};max_memory={self.max_memory}"

    @functools.cached_property
    def digest(self) -> str:
        """The digest of the row that it will make."""
        return self.row().digest

    def rng(self) -> np.random.Generator:
        """Random numbers of this cell alone, so that no other cell, and no order, changes its row."""
        return np.random.default_rng([self.seed, int(self.digest, 16)])

    def row(self, **measured: Any) -> MemoryPoint:
        """The cell as a row, with what was measured."""
        task = self.task_made
        reduction = self.made if isinstance(self.made, Reduction) else None
        alice = reduction is not None and self.over == "alice"
        settings = {"bob": self.bob, "trials": self.trials, "max_inputs": self.max_inputs}
        if self.error is None:
            del settings["bob"]
        else:
            settings["max_bits"] = "auto" if self.max_bits is None else f"{self.max_bits:g}"
        bound = self.bound()
        given: dict[str, Any] = {
            "machine": None,
            "weights_digest": self.weights,
            "cut": reduction.cut if reduction and alice else None,
            "bound_bits": bound.bits if bound else None,
            "bound_formula": bound.method if bound else None,
            "bound_source": bound.source if bound else None,
        }
        return MemoryPoint(
            command="curve",
            task=task.name,
            task_size=sizes(task.size),
            reduction=reduction.name if reduction else None,
            problem=reduction.problem.name if reduction and alice else None,
            n=self.n,
            symbols=reduction.symbols if reduction else self.symbols or 2,
            c=getattr(reduction, "c", self.c),
            stream_length=task.length,
            prefix_set=self.over,
            family=self.family,
            error_target=None if self.target is None else float(self.target),
            seed=self.seed,
            settings=";".join(f"{key}={value}" for key, value in settings.items()),
            **given | measured,
        )

    def search_bits(self) -> float:
        """The room up to which sizes without a range are counted up: twice what x takes and 16 bits more.

        Or what all of Alice's tokens take, if that is more: windows, which keep tokens whole, may need it.
        """
        if self.max_bits is not None:
            return self.max_bits
        chosen = self.chosen
        tokens = math.fsum(math.log2(len(chosen.task.alphabet(t))) for t in range(chosen.cut))
        return max(2 * math.ceil(chosen.n * math.log2(chosen.symbols)) + 16, math.ceil(tokens))

    def bound(self) -> Bound | None:
        """What any machine must pass that errs as little as is asked for; of the task, at its worst cut."""
        if self.over == "all":
            return self.task_made.memory_bound()
        problem, target = self.chosen.problem, self.target
        if not target:
            return problem.bound()
        if isinstance(problem, Equality):
            return problem.one_sided_bound(float(target))
        shown = self.error or ""
        method = f"n(1 - H2({shown}))"
        if problem.symbols > 2:
            method = f"n(log2 k - H2({shown}) - {shown}*log2(k - 1))"
        bits = problem.n * fano_bits(float(target), problem.symbols)
        source = "Fano's inequality; Kremer, Nisan, Ron 1999"
        return Bound(bits, f"randomised(ε={shown})", method, "proved", source, "alice")


@functools.lru_cache(maxsize=256)
def _made(task: str, n: int, reduction: str | None, symbols: int | None, c: int | None) -> Reduction | Task:
    if reductions.for_task(task):
        return reductions.build(task, reduction, n, symbols, c)
    options = {key: value for key, value in (("symbols", symbols), ("c", c)) if value is not None}
    return task_classes()[task].sized(n, **options)
