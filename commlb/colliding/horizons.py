"""Memory horizons: for how many tokens a machine tells two streams apart that differ in one place.

A machine that forgets leaves two such streams in one state, and that is a collision (``merging_pair``). One that
has not done so within the budget is unmerged within it; of longer streams that says nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from commlb import reductions
from commlb.colliding.continuations import Found, Search
from commlb.colliding.twins import Pair, alone, followed, pair, pairs_of, require_transducer, watch
from commlb.errors import BadInput, LimitError, require_at_least
from commlb.families import Family
from commlb.machines.base import Machine
from commlb.protocol import show
from commlb.records_witness import Horizon
from commlb.reductions.base import Reduction
from commlb.requests import as_int, check_sizes, registered_task

CONTINUATIONS = ("random", "all", "worst", "best")
"""random: uniform symbols, of several seeds; all: one symbol over and over; worst, best: searched for."""

DRAWS, WIDTH = 5, 16
"""Random continuations, and pairs that a search goes on with."""

MAX_WORK = 4 * 10**11
"""Cells of state, or numbers of weights, that all runs may touch."""

Progress = Callable[[int, int], None]


def horizons(
    reduction: Reduction,
    machine: Machine,
    *,
    positions: Sequence[int] = (1,),
    continuations: str | Sequence[str] = "default",
    draws: int = DRAWS,
    budget: int | None = None,
    width: int = WIDTH,
    seed: int = 0,
    progress: Progress = lambda done, of: None,
) -> tuple[Horizon, ...]:
    """The memory horizons of a machine: one for each position and each continuation.

    ``continuations``: some of ``CONTINUATIONS``, or "default", all of them; ``draws`` random ones, with seeds from
    ``seed`` on. ``width``: pairs that the searches for the worst and the best go on with. ``budget``: at most so
    many tokens from the changed one, by default all that Alice writes. Positions count from 1, in symbols.

    Raises ``BadInput`` for what cannot be run, ``LimitError`` for more than ``MAX_WORK``.

    >>> from commlb import machines
    >>> r = reductions.build("index", None, 12, None, None)
    >>> m = machines.build("window:w=3", r.task, r.cut)
    >>> [(h.continuation, h.steps) for h in horizons(r, m, draws=1)]
    [('all 0', 4), ('all 1', 4), ('random', 4), ('worst found', 4), ('best found', 4)]

    A window of 3 holds the changed token while 3 are read, itself among them; with the fourth it is gone.
    """
    kinds = _kinds(continuations)
    positions = [as_int(position) for position in positions]
    draws, width, seed = map(as_int, (draws, width, seed))
    budget = reduction.cut if budget is None else as_int(budget)
    _check(reduction, positions, draws, budget, width, seed)
    searches = [kind for kind in ("worst", "best") if kind in kinds]
    tried = pairs_of(reduction, positions, kinds, seed, draws)
    runs = 2 * (len(tried) + len(searches) * len(positions) * width * reduction.symbols)
    _check_work(reduction, machine, budget, positions, runs)
    ticker = _Ticker(progress, (bool(tried) + len(searches) * len(positions)) * min(budget, reduction.cut))
    made: list[Horizon] = []
    found = zip(*watch(reduction, machine, tried, budget, ticker.tick), strict=True) if tried else ()
    for one, seen in zip(tried, found, strict=True):
        token, steps, gap = (value.item() for value in seen)
        made.append(_record(reduction, machine, one, token, steps if steps > 0 else None, gap, budget))
    for position in positions:
        for kind in searches:
            beside = [h for h in made if h.position == position and h.x is None]
            made.append(_searched(reduction, machine, position, kind, beside, budget, width, seed, ticker))
    ticker.end()
    return tuple(made)


def _kinds(continuations: str | Sequence[str]) -> tuple[str, ...]:
    if continuations == "default":
        return CONTINUATIONS
    kinds = (continuations,) if isinstance(continuations, str) else tuple(continuations)
    if not kinds or any(kind not in CONTINUATIONS for kind in kinds):
        raise BadInput(
            f"continuations must be some of {', '.join(CONTINUATIONS)}; given {', '.join(map(str, kinds))}"
        )
    return kinds


def _check(
    reduction: Reduction, positions: Sequence[Any], draws: Any, budget: Any, width: Any, seed: Any
) -> None:
    require_transducer(reduction)
    for name, value, least in (
        ("draws", draws, 1),
        ("budget", budget, 1),
        ("width", width, 1),
        ("seed", seed, 0),
    ):
        require_at_least(name, value, least)
    if not positions or not all(isinstance(p, int) and 1 <= p <= reduction.n for p in positions):
        raise BadInput(f"positions must be 1 to n = {reduction.n}; given {list(positions)[:20]}")
    if len(set(positions)) < len(positions):
        raise BadInput(f"positions must differ; given {list(positions)[:20]}")


def _check_work(
    reduction: Reduction, machine: Machine, budget: int, positions: Sequence[int], runs: int
) -> None:
    tokens = min(reduction.cut, budget + reduction.cut * max(positions) // reduction.n)
    need = tokens * (runs * machine.work_per_token + 1000 * machine.operations)
    if need > MAX_WORK:
        raise LimitError(
            f"these horizons need about {need:.1e} cell updates, the limit is {MAX_WORK:.1e}; take a smaller n or "
            "budget, fewer positions or draws, a smaller width, or leave out worst and best"
        )


def _record(
    reduction: Reduction, machine: Machine, one: Pair, token: int, steps: int | None, gap: float, budget: int
) -> Horizon:
    values = ",".join(f"{key}={value}" for key, value in machine.parameters.items())
    return Horizon(
        task=reduction.task_name,
        reduction=reduction.name,
        n=reduction.n,
        symbols=reduction.symbols,
        machine=f"{machine.name}:{values}" if values else machine.name,
        weights_digest=machine.weights_digest,
        storage_bits=machine.storage_bits,
        precision_bits=machine.precision_bits,
        format=machine.format,
        position=one.position,
        symbol=one.x[one.position - 1],
        other=one.x_other[one.position - 1],
        continuation=one.continuation,
        seed=one.seed,
        steps=steps,
        budget=min(budget, reduction.cut - token + 1),
        c=getattr(reduction, "c", None),
        token=token,
        gap=gap if steps is None and np.dtype(machine.dtype).kind == "f" and np.isfinite(gap) else None,
    )


def _searched(
    reduction: Reduction,
    machine: Machine,
    position: int,
    kind: str,
    beside: Sequence[Horizon],
    budget: int,
    width: int,
    seed: int,
    ticker: _Ticker,
) -> Horizon:
    """The worst or the best found at a position: by the search, or of those ``beside`` one that is better still."""
    longest = kind == "worst"

    def as_found(horizon: Horizon, x: Sequence[int], complete: bool) -> Horizon:
        named = {"continuation": f"{kind} found", "seed": seed, "x": show(x, reduction.symbols)}
        return replace(horizon, complete=complete, **named)  # type: ignore[arg-type]

    better = (max if longest else min)(beside, key=_length, default=None)
    if better is None or better.steps is not None or not longest:  # nothing is longer than unmerged
        before = pair(reduction, position, "random", seed).x[: position - 1]
        found: Found = Search(reduction, machine, before, longest, budget, width).run(ticker.tick)
        one = _completed(reduction, found, position, kind)
        made = _record(reduction, machine, one, found.token, found.steps, found.gap, budget)
        if better is None or (
            _length(better) <= _length(made) if longest else _length(better) >= _length(made)
        ):
            return as_found(made, found.x, found.complete)
    x = pair(reduction, position, better.continuation, better.seed).x
    return as_found(better, x, longest and better.steps is None)


def _length(horizon: Horizon) -> float:
    return np.inf if horizon.steps is None else horizon.steps


@dataclass
class _Ticker:
    """Counts tokens, and tells ``progress`` of them."""

    progress: Progress
    of: int
    done: int = 0

    def tick(self) -> bool:
        self.done = min(self.done + 1, self.of)
        self.progress(self.done, self.of)
        return True

    def end(self) -> None:
        self.progress(self.of, self.of)


def merging_pair(
    reduction: Reduction,
    machine: Machine,
    *,
    positions: Sequence[int] | None = None,
    draws: int = 3,
    budget: int | None = None,
    seed: int = 0,
    seconds: float | None = None,
    progress: Progress = lambda done, of: None,
) -> tuple[tuple[int, ...], tuple[int, ...], int] | None:
    """x, x' and the number of tokens after which ``machine`` is in one state for both, before the cut; or None.

    The first of several pairs to merge, by default with a changed symbol at positions 1, 2, 3, 5, 9, … up to
    half of n (a machine may keep the first token for ever); if none does, a search goes for a continuation that
    brings two together. Merging is seen in a batch, and then again with each stream run alone, as the certificate
    has it. None says that none of these was seen to merge (within ``seconds``).

    >>> from commlb import machines
    >>> r = reductions.build("index", None, 12, None, None)
    >>> merging_pair(r, machines.build("window:w=3", r.task, r.cut))[2]
    4
    >>> merging_pair(r, machines.build("store", r.task, r.cut)) is None
    True
    """
    if positions is None:
        positions = sorted(
            {1, *(2**k + 1 for k in range(7) if 2**k + 1 <= max(2, reduction.n // 2) <= reduction.n)}
        )
    budget = reduction.cut if budget is None else as_int(budget)
    _check(reduction, positions, as_int(draws), budget, 1, as_int(seed))
    tried = pairs_of(reduction, positions, ("all", "random"), seed, draws)
    ticker = _Ticker(progress, 3 * reduction.cut)
    end = None if seconds is None else time.monotonic() + seconds

    def tick() -> bool:
        return ticker.tick() and (end is None or time.monotonic() < end)

    first, steps, _ = watch(reduction, machine, tried, budget, tick, first_only=True)
    for place in np.flatnonzero(steps > 0).tolist():
        if (
            at := _confirmed(reduction, machine, tried[place], int(first[place] - 1 + steps[place]))
        ) is not None:
            return tried[place].x, tried[place].x_other, at
    for position in positions[:2]:
        before = pair(reduction, position, "random", seed).x[: position - 1]
        found = Search(reduction, machine, before, False, budget, WIDTH).run(tick)
        if found.steps is not None:
            one = _completed(reduction, found, position, "best")
            if (at := _confirmed(reduction, machine, one, found.token - 1 + found.steps)) is not None:
                return one.x, one.x_other, at
    return None


def _completed(reduction: Reduction, found: Found, position: int, kind: str) -> Pair:
    """What a search found, with symbols 0 behind it."""
    x = (*found.x, *[0] * (reduction.n - len(found.x)))
    return Pair(x, tuple(followed(reduction, x, position, found.other)), position, kind, None)


def _confirmed(reduction: Reduction, machine: Machine, one: Pair, at: int) -> int | None:
    """``at``, if the two streams, each run alone, are in one state after so many tokens."""
    return at if alone(reduction, machine, one.x, at) == alone(reduction, machine, one.x_other, at) else None


def study(
    task: str,
    n: int,
    machine: str | Sequence[str],
    *,
    reduction: str | None = None,
    symbols: int | None = None,
    c: int | None = None,
    positions: Sequence[int] = (1,),
    continuations: str | Sequence[str] = "default",
    draws: int = DRAWS,
    budget: int | None = None,
    width: int = WIDTH,
    seed: int = 0,
    progress: Progress = lambda done, of: None,
) -> tuple[Horizon, ...]:
    """``horizons`` of every machine that ``machine`` stands for, ``gru:d=4,p=2:12``, or of several such texts.

    The cells, one after the other: what a machine has does not depend on the others. Raises as ``horizons`` does,
    and ``BadInput`` for a size left open without a range.

    >>> [(h.machine, h.steps) for h in study("index", 9, "window:w=2:4", continuations="random", draws=1)]
    [('window:w=2', 3), ('window:w=3', 4), ('window:w=4', 5)]
    """
    n, symbols, c = map(as_int, (n, symbols, c))
    check_sizes(n, symbols, c)
    chosen = reductions.build(registered_task(task, "collide"), reduction, n, symbols, c)
    members = [
        member
        for text in (machine if isinstance(machine, (list, tuple)) else [machine])
        for member in members_of(text, chosen)
    ]
    options: dict[str, Any] = {"positions": positions, "continuations": continuations, "draws": draws}
    options |= {"budget": budget, "width": width, "seed": seed}
    found: list[Horizon] = []
    for done, member in enumerate(members):
        progress(done, len(members))
        found += horizons(chosen, member, **options)
    progress(len(members), len(members))
    return tuple(found)


def members_of(text: Any, chosen: Reduction) -> list[Machine]:
    """The machines that ``text`` stands for, ``gru:d=4,p=2:8``, by capacity; one for a text without a range."""
    if not isinstance(text, str):
        raise BadInput(
            f"machine must be a specification such as 'gru:d=4,p=2:8'; given {type(text).__name__}"
        )
    family = Family(text)
    for key, values in family.open.items():
        if values is None:
            raise BadInput(f"'{text}' leaves {key} open; for memory horizons give a range, such as {key}=2:8")
    found = family.members(chosen.task, chosen.cut, np.inf)
    return [member.machine for member in found]
