"""Memory versus length: a grid of cells, run here, by several processes or on a cluster; ``commlb.curve``."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

from commlb import grid
from commlb.cells import MAX_INPUTS, MAX_STATES, Cell
from commlb.errors import BadInput, LimitError, OverLimit, require_at_least
from commlb.families import Family
from commlb.layers import Limits
from commlb.ledger import check, opened, shard
from commlb.points import chain, over_all
from commlb.records_curve import CurveResult
from commlb.records_rows import REFUSED, MemoryPoint, merged
from commlb.reductions.base import Reduction
from commlb.requests import as_int, registered_task
from commlb.thresholds import smallest
from commlb.wording_curve import verdict
from commlb.workers import here, processes

Heard = Callable[[int, int, float], None]
"""Told after each cell: cells done, cells in all, and the share of the work that is done."""

TRIALS, MOST_TRIALS = 1000, 2**14
"""Random runs of a machine's own answers; with an error, of each query at most."""

SEEDS = 5


def curve(
    task: str,
    n: int | Sequence[int],
    machine: str | Sequence[str],
    *,
    reduction: str | None = None,
    symbols: int | None = None,
    c: int | None = None,
    over: str | None = None,
    precision: int | Sequence[int] | None = None,
    error: str | float | None = None,
    bob: str = "auto",
    trials: int | None = None,
    seeds: int = SEEDS,
    seed: int = 0,
    max_inputs: int = MAX_INPUTS,
    max_bits: float | None = None,
    max_states: int = MAX_STATES,
    max_memory: int = Limits.max_memory,
    timeout: float | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    workers: int = 1,
    cluster: str | None = None,
    part: tuple[int, int] | None = None,
    progress: Heard = lambda done, of, share: None,
) -> CurveResult:
    """Memory versus length: a row for each n, machine and seed of the machine, in the order of cells.

    Without ``error`` a row is the chain of one machine: what must cross the cut, and what is reached, told and
    there is room for. With it, ``machine`` leaves sizes open (``window:w``, ``gru:d,p=4:8``), and a row is the
    smallest member that answers every query with error at most ``error``: by an optimal Bob, over all x where
    there are at most ``max_inputs``, else by its own answers (``bob``: "optimal", "machine" or "auto").
    Sizes without a range are counted up to ``max_bits`` bits (by default twice what x takes, and 16).

    ``precision``: bits p of a network's numbers, each a machine of its own. ``seeds``: machines that have a seed
    are run with 0 … seeds − 1 unless they are given one; ``seed`` is that of random inputs. ``over``: "alice", or
    "all" prefixes of the task. Rows are appended to ``out`` as they are finished, with ``resume`` to what is there;
    a cell over ``max_states`` or ``max_memory`` makes a row that says so. ``workers`` processes, or the workers of
    a Dask ``cluster`` (an address, or "local"), compute cells; ``part`` = (i, N): only every N-th, from the i-th.
    Rows depend on none of these.

    Raises ``BadInput`` for what cannot be run, ``CommlbError`` where a row contradicts a theorem; at ``timeout``
    seconds ``OverLimit``, with what was finished in ``partial``, as of a ``KeyboardInterrupt``.

    >>> found = curve("index", range(2, 6), ["window:w", "random:bits"], error=0, seeds=1)
    >>> [(row.n, row.machine, row.bound_bits) for row in found.rows if row.family == "window:w"][-1]
    (5, 'window:w=5', 5.0)
    """
    require_at_least("workers", workers, 1)
    require_at_least("seeds", seeds, 1)
    require_at_least("seed", seed, 0)
    require_at_least("max_inputs", max_inputs, 1)
    Limits(max_states, max_memory, timeout)
    if trials is not None:
        require_at_least("trials", trials, 0)
    if trials == 0 and error is not None:
        raise BadInput("with an error, trials must be at least 1; given 0")
    if bob not in ("auto", "optimal", "machine"):
        raise BadInput(f"bob must be auto, optimal or machine; given {bob!r}")
    if error is None and (bob != "auto" or max_bits is not None):
        raise BadInput(
            "bob and max_bits are for the smallest machine that errs little enough; give --error too"
        )
    if cluster is not None and workers != 1:
        raise BadInput("cells run on workers of this machine or of a cluster; give --workers or --cluster")
    if out is not None:
        check(out, resume)
    elif resume:
        raise BadInput("resume goes on with a file of rows; give --out FILE")
    if max_bits is not None and not 0 < max_bits < math.inf:
        raise BadInput(f"max_bits must be a number of bits above 0; given {max_bits}")
    if isinstance(precision, int):
        precision = (precision,)
    started = time.perf_counter()
    ns = grid.sizes(n)
    texts = [machine] if isinstance(machine, str) else list(dict.fromkeys(machine))
    if trials is None:
        trials = TRIALS if error is None else MOST_TRIALS
    named = Cell(
        task=registered_task(task, "curve"),
        n=0,
        family="",
        reduction=reduction,
        symbols=as_int(symbols),
        c=as_int(c),
        over=grid.prefix_set(task, over, error),
        error=grid.share(error),
        bob=bob,
        trials=trials,
        seed=seed,
        max_inputs=max_inputs,
        max_bits=max_bits,
        max_states=max_states,
        max_memory=max_memory,
    )
    if precision is not None:
        grid.require_taken([Family(text) for text in texts])
    families = [family for text in texts for family in grid.variants(Family(text), precision, seeds, error)]
    cells = grid.cells(named, ns, families, Limits(timeout=timeout))
    if part is not None:
        cells = shard(cells, part)
    stopped: OverLimit | KeyboardInterrupt | None = None
    left_over = None if timeout is None else max(1e-9, timeout - (time.perf_counter() - started))
    with nullcontext() if out is None else opened(out, resume) as ledger:
        rows = [] if ledger is None else list(ledger.rows)
        known = {row.digest: row for row in rows}
        left = [cell for cell in cells if not _is_done(cell, known.get(cell.digest))]
        try:
            for row, seconds in _computed(left, workers, cluster, left_over, progress, len(cells)):
                rows.append(row)
                if ledger is not None:
                    ledger.add(row, seconds)
        except (OverLimit, KeyboardInterrupt) as caught:
            stopped = caught
    wanted, why = {cell.digest for cell in cells}, None
    if stopped is not None:
        why = "interrupted" if isinstance(stopped, KeyboardInterrupt) else str(stopped)
    mine = [row for row in merged(rows) if row.digest in wanted]
    result = _result(named, ns, texts, mine, len(cells), why, part)
    if stopped is not None:
        stopped.partial = result  # type: ignore[union-attr]
        raise stopped
    return result


def run(cell: Cell) -> MemoryPoint:
    """The row of one cell; what is over a limit makes a row that says so.

    Raises ``CommlbError`` where a number contradicts a theorem, and ``BadInput`` for what cannot be run at all.

    >>> row = run(Cell("index", 6, "window:w=2"))
    >>> row.capacity_bits, row.reachable_states, row.bound_bits, row.best_accuracy, row.evidence
    (2.0, 4, 6.0, 0.6666666666666667, 'exhaustive')
    >>> run(Cell("index", 6, "window:w", error="0.01")).machine
    'window:w=6'
    """
    try:
        if cell.error is not None:
            return smallest(cell)
        return over_all(cell) if cell.over == "all" else chain(cell)
    except BadInput as error:
        return cell.row(evidence=REFUSED, remark=str(error))
    except LimitError as error:
        return cell.row(evidence=REFUSED, remark=str(error), limits=cell.limits_said)


def timed(cell: Cell) -> tuple[MemoryPoint, float]:
    """The row of a cell, and the seconds that it took."""
    started = time.perf_counter()
    return run(cell), time.perf_counter() - started


def _is_done(cell: Cell, row: MemoryPoint | None) -> bool:
    """Whether there is nothing to gain from computing the cell again."""
    return row is not None and (row.standing == 2 or row.limits == cell.limits_said)


def work(cell: Cell) -> float:
    """About how long a cell takes, in any unit: the states that it may have to look at."""
    made = cell.made
    x = made.n * math.log2(made.symbols) if isinstance(made, Reduction) else float(made.length)
    return float(2.0 ** min(x, math.log2(cell.max_states)) + 1000)


def _computed(
    cells: Sequence[Cell],
    workers: int,
    cluster: str | None,
    timeout: float | None,
    progress: Heard,
    of: int,
) -> Iterator[tuple[MemoryPoint, float]]:
    """Rows and seconds of cells, as they are finished."""
    whole, done, share = sum(map(work, cells)), of - len(cells), 0.0
    by_digest = {cell.digest: cell for cell in cells}
    if cluster is not None:
        from commlb.cluster import mapped

        found = mapped(timed, cells, timeout, cluster)
    elif workers > 1:
        found = processes(timed, cells, timeout, workers)
    else:
        found = here(timed, cells, timeout)
    with closing(found):
        for row, seconds in found:
            if row.digest not in by_digest:
                raise BadInput(
                    f"a row came back for {row.task}, n = {row.n}, that was not asked for; do all workers run this "
                    "version of commlb, and have the files of weights not changed?"
                )
            yield row, seconds
            done, share = done + 1, share + work(by_digest[row.digest]) / whole
            progress(done, of, share)


def _result(
    named: Cell,
    ns: Sequence[int],
    texts: Sequence[str],
    rows: Sequence[MemoryPoint],
    cells: int,
    stopped: str | None,
    part: tuple[int, int] | None,
) -> CurveResult:
    return CurveResult(
        task=named.task,
        prefix_set=named.over,
        error_target=None if named.target is None else float(named.target),
        sizes=tuple(ns),
        machines=tuple(texts),
        rows=tuple(rows),
        cells=cells,
        shard=None if part is None else "{}/{}".format(*part),
        complete=stopped is None,
        stopped=stopped,
        verdict=verdict(rows, cells, stopped),
    )
