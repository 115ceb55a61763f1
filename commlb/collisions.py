"""Two inputs that a machine cannot tell apart, and the query that it must get wrong: ``commlb collide``."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from commlb import discovered, machines
from commlb.chains import machine_info
from commlb.colliding import horizons
from commlb.colliding.certificates import certify
from commlb.colliding.first_merge import Budget, first_merge
from commlb.colliding.linear_maps import kernel_pair
from commlb.errors import BadInput, CommlbError, LimitError, OverLimit, require_at_least
from commlb.families import Family
from commlb.layers import Limits, Progress, silent
from commlb.machines.base import Machine
from commlb.records import spec
from commlb.records_witness import CollideResult, Collision, Horizon
from commlb.reductions.base import Reduction
from commlb.requests import as_int, check_sizes
from commlb.wording_collide import none_exists, none_found, one_exists, proved_none

METHODS = ("layers", "kernel", "fading", "distinguished")
"""In the order in which they are tried."""

BUDGET = Budget(2**22, 2**30)
"""How far the layers go before another method is tried, unless the user chooses the method or the limit."""

MAX_PREFIXES = 2**24
"""Prefixes of a layer, unless another limit is given, where the user chooses the layers."""

KERNEL_CELLS, LOG_WALK_CELLS = 2**33, 35
"""Cells of state that the kernel may touch; log₂ of those that walks may be expected to, unless they are chosen."""

FEW = 4096
"""Inputs up to which a machine that keeps all is enumerated all the same."""

Found = tuple[Sequence[int], Sequence[int]]


def collide(
    task: str,
    n: int | None = None,
    *,
    reduction: str | None = None,
    symbols: int | None = None,
    c: int | None = None,
    machine: str = machines.EXACT,
    method: str | None = None,
    seed: int | None = None,
    workers: int = 1,
    resume: str | Path | None = None,
    max_work: int | None = None,
    positions: Sequence[int] | None = None,
    budget: int | None = None,
    max_states: int | None = None,
    max_memory: int | None = None,
    timeout: float | None = None,
    announce: Callable[[float], None] = lambda expected: None,
    progress: Progress = silent,
) -> CollideResult:
    """Two inputs of Alice with ``n`` symbols that leave ``machine`` in one state, with a certificate.

    The methods are tried in the order of ``METHODS`` unless ``method`` names one: "layers" runs all prefixes, layer
    by layer, and finds the first merge; "kernel" solves for inputs of linear machines; "fading" changes one early
    symbol and waits until the machine has forgotten it; "distinguished" walks at random. One that does not apply,
    or is over its budget, gives way to the next. The pair that is found depends on ``seed`` alone, not on time.

    ``reduction`` may be a file that ``commlb discover`` wrote; n is then the file's. A range in ``machine``,
    ``gru:d=4,p=2:12``, is for "fading": horizons of every machine, and a collision of the largest.

    ``max_states``: prefixes of a layer. ``workers`` (threads), ``resume`` (a file) and ``max_work`` (runs at
    most) are for "distinguished", where ``announce`` is told the expected runs before the work starts;
    ``positions`` (from 1) and ``budget`` (tokens) for the memory horizons of "fading". ``progress(done, of)``
    hears of layers, or runs.

    Returns a frozen ``CollideResult`` whose fields are the keys of the command's JSON. "No collision exists" is
    said only if ``complete``. Raises ``BadInput`` for what cannot be run, ``LimitError`` at a limit.

    >>> found = collide("index", 24, machine="window:w=8").collision
    >>> found.merged_at, found.y, found.value, found.value_other, found.machine_value
    (9, 1, 0, 1, 0)
    >>> collide("index", 6).complete
    True
    """
    n, symbols, c, seed, workers, budget = map(as_int, (n, symbols, c, seed, workers, budget))
    check_sizes(n, symbols, c)
    chosen = discovered.build(task, reduction, n, symbols, c)
    *smaller, made = _machines(machine, chosen, method)
    return run(
        chosen,
        made,
        smaller=smaller,
        method=method,
        seed=seed,
        workers=workers,
        resume=resume,
        max_work=as_int(max_work),
        positions=positions,
        budget=budget,
        max_states=as_int(max_states),
        max_memory=as_int(max_memory),
        timeout=timeout,
        announce=announce,
        progress=progress,
    )


def _machines(machine: str, chosen: Reduction, method: str | None) -> list[Machine]:
    """The machine, or those of a range in its size."""
    if isinstance(machine, str) and Family(machine).open:
        if method != "fading":
            raise BadInput(
                f"a range in '{machine}' is for memory horizons; add --method fading, or name one machine"
            )
        return horizons.members_of(machine, chosen)
    return [machines.build(machine, chosen.task, chosen.cut)]


def run(
    chosen: Reduction,
    made: Machine,
    *,
    smaller: Sequence[Machine] = (),
    method: str | None = None,
    seed: int | None = None,
    workers: int = 1,
    resume: str | Path | None = None,
    max_work: int | None = None,
    positions: Sequence[int] | None = None,
    budget: int | None = None,
    max_states: int | None = None,
    max_memory: int | None = None,
    timeout: float | None = None,
    announce: Callable[[float], None] = lambda expected: None,
    progress: Progress = silent,
) -> CollideResult:
    """``collide`` for a reduction and a machine that are already made, registered or not.

    ``smaller``: more machines, whose memory horizons are found too.
    """
    if method is not None and method not in METHODS:
        raise BadInput(f"method must be one of {', '.join(METHODS)}; given {method!r}")
    if seed is not None:
        require_at_least("seed", seed, 0)
    require_at_least("workers", workers, 1)
    for name, given, needed in (
        ("resume", resume, "distinguished"), ("positions", positions, "fading"), ("budget", budget, "fading")
    ):  # fmt: skip
        if given is not None and method != needed:
            raise BadInput(
                f"--{name.removesuffix('s')} is for the method {needed}; given {method or 'none'}; add "
                f"--method {needed}"
            )
    limits = Limits(
        MAX_PREFIXES if max_states is None else max_states,
        2**32 if max_memory is None else max_memory,
        timeout,
    )
    search = _Search(
        chosen, made, limits, announce, progress, method, max_states, seed, workers, resume, max_work
    )
    search.smaller, search.positions, search.tokens = smaller, positions, budget
    return search.result()


@dataclass
class _Search:
    """The methods one after the other, and what came of each."""

    chosen: Reduction
    made: Machine
    limits: Limits
    announce: Callable[[float], None]
    progress: Progress
    method: str | None
    max_states: int | None
    seed: int | None
    workers: int
    resume: str | Path | None
    max_work: int | None
    smaller: Sequence[Machine] = ()
    positions: Sequence[int] | None = None
    tokens: int | None = None
    tried: list[tuple[str, str]] = field(default_factory=list)
    complete: bool = False
    horizons: tuple[Horizon, ...] = ()
    expected_work: float | None = None
    work: int | None = None

    def __post_init__(self) -> None:
        self.machine = machine_info(self.made, self.chosen.cut)
        self.used: int | None = None  # the seed, once something is drawn

    def result(self) -> CollideResult:
        chosen, collision = self.chosen, None
        proved = not self.made.errs and self.method is None and self._inputs_exceed(FEW)
        if proved:
            self.tried.append(("layers", "not run: the machine keeps all that its task needs"))
        for method in () if proved else METHODS if self.method is None else (self.method,):
            found = self._try(method)
            if found is not None:
                collision = certify(chosen, self.made, spec(self.machine), *found, method)
            if found is not None or self.complete:
                break
        evidence, verdict = self._verdict(collision, proved)
        return CollideResult(
            task=chosen.task_name,
            task_size=dict(chosen.task.size),
            reduction=chosen.name,
            problem=chosen.problem.name,
            n=chosen.n,
            symbols=chosen.symbols,
            c=getattr(chosen, "c", None),
            cut=chosen.cut,
            stream_length=chosen.task.length,
            machine=self.machine,
            method=self.tried[-1][0],
            tried=tuple(self.tried),
            collision=collision,
            complete=self.complete,
            horizons=self.horizons,
            expected_work=self.expected_work,
            work=self.work,
            seed=self.used,
            evidence=evidence,
            verdict=verdict,
            table=getattr(chosen, "table", None),
        )

    def _inputs_exceed(self, limit: int) -> bool:
        return self.chosen.n > limit or self.chosen.symbols**self.chosen.n > limit

    def _try(self, method: str) -> Found | None:
        """One method. At the user's limits, or if it was chosen, what stops it is raised; else it is noted."""
        self.limits.check_time(f"before {method}")
        try:
            found, how = getattr(self, f"_{method}")()
        except CommlbError as error:
            over_time = isinstance(error, OverLimit) and error.option == "--timeout"
            if self.method is not None or over_time or not isinstance(error, LimitError | BadInput):
                raise
            found, how = None, f"not done: {error}"
        self.tried.append((method, how))
        pair: Found | None = found
        return pair

    def _verdict(self, collision: Collision | None, proved: bool) -> tuple[str, str]:
        if collision is not None:
            return collision.evidence, one_exists(collision)
        if proved:
            return "proved; machine tested equal", proved_none(self.machine)
        if self.complete:
            return "exhaustive", none_exists(self.chosen.n, self.chosen.symbols)
        bits = self.chosen.problem.bound().bits
        return "unknown", none_found([name for name, _ in self.tried], self.machine.capacity_bits, bits)

    def _layers(self) -> tuple[Found | None, str]:
        budget = None if self.method else replace(BUDGET, prefixes=self.max_states or BUDGET.prefixes)
        found = first_merge(self.chosen, self.made, self.limits, budget, self.progress)
        self.complete = found.complete
        if found.pair is not None:
            return found.pair, f"two of {found.prefixes:,} prefixes meet after {found.t} tokens, none before"
        if found.complete:
            return None, f"all {found.prefixes:,} inputs were run to the cut: no two in one state"
        return None, (
            f"over its budget after {found.t} tokens: none of {found.prefixes:,} prefixes meet; "
            "--method layers goes on"
        )

    def _kernel(self) -> tuple[Found | None, str]:
        found = kernel_pair(self.chosen, self.made, KERNEL_CELLS)
        return found.pair, found.how

    def _drawn(self) -> int:
        """The seed, drawn when something is first drawn with it."""
        if self.used is None:
            self.used = secrets.randbits(32) if self.seed is None else self.seed
        return self.used

    def _fading(self) -> tuple[Found | None, str]:
        seconds = None
        if self.limits.timeout is not None:
            seconds = max(0.0, self.limits.timeout - (time.perf_counter() - self.limits.started))
        found = horizons.merging_pair(
            self.chosen,
            self.made,
            budget=self.tokens,
            seed=self._drawn(),
            seconds=seconds,
            progress=self.progress,
            positions=self.positions,
        )
        if self.method is not None:
            self.limits.check_time("memory horizons")
            self.horizons = tuple(
                one for made in (*self.smaller, self.made) for one in self._horizons_of(made)
            )
        if found is None:
            return None, "one symbol changed, and the same ones after it: no two states were seen to merge"
        x, x_other, merged_at = found
        return (x, x_other), f"two inputs that differ in one symbol merge after {merged_at} tokens"

    def _horizons_of(self, made: Machine) -> tuple[Horizon, ...]:
        return horizons.horizons(
            self.chosen,
            made,
            budget=self.tokens,
            seed=self._drawn(),
            progress=self.progress,
            positions=(1,) if self.positions is None else self.positions,
        )

    def _distinguished(self) -> tuple[Found | None, str]:
        from commlb.colliding import distinguished

        bits = min(self.made.storage_bits, self.made.capacity_bits(self.chosen.cut))
        log_cells = bits / 2 + math.log2(self.chosen.cut * self.made.work_per_token)
        if self.method is None and self.max_work is None and log_cells > LOG_WALK_CELLS:
            return None, f"over its budget: about 2^{bits / 2:.4g} runs expected; --method distinguished"
        found = distinguished.search(
            self.chosen,
            self.made,
            seed=self._drawn(),
            workers=self.workers,
            resume=self.resume,
            max_work=self.max_work,
            limits=self.limits,
            announce=self.announce,
            progress=self.progress,
        )
        self.expected_work, self.work = found.expected_runs, found.runs
        return (found.x, found.x_other), f"walks met after {found.runs:,} runs"
