"""``commlb.budget``: a model's state in bits, and what theory says that so many bits can hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from commlb.budgets import counting, models
from commlb.budgets.closed_forms import FORMS, ClosedForm, form, within
from commlb.errors import BadInput, require_at_least, unknown_name
from commlb.fano import ceiling_accuracy
from commlb.records_budget import (
    BudgetResult,
    Ceiling,
    Enough,
    Fit,
    Model,
    Need,
    Room,
    StateTensor,
)
from commlb.requests import as_int
from commlb.tasks import task_classes
from commlb.wording_budget import verdict

TASKS = tuple(FORMS)
"""The tasks whose closed forms are inverted: all of these by default."""

TIMES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Multiples of the first size beyond the room, at which the ceiling is computed."""

MOST_TOKENS = 10**15

RECURRENT_STATE = "recurrent state"


def budget(
    model: Any = None,
    *,
    task: str | Sequence[str] | None = None,
    n: int | None = None,
    format: str | None = None,
    tokens: int | None = None,
    symbols: int | None = None,
    types: int | None = None,
    keys: str | None = None,
    c: int | None = None,
) -> BudgetResult:
    """The state of ``model`` in bits, and the largest tasks that so many bits can hold.

    ``model``: a config.json, a directory with one, or a family with sizes, "mamba2:d=2560,layers=64"; None: only
    what ``n`` needs. ``task``: one or more of ``TASKS``, default all. ``n``: a task's own size, for which the bits
    that every recurrent model needs are told. ``format``: of all numbers of the state, by its name in
    ``commlb.formats``; default the model's own. ``tokens``: after how many keys and values are counted, default
    the context that the config names. ``symbols``, ``types``, ``keys``, ``c``: options of the tasks that take them.

    A room of B bits is compared with closed forms of the bits that any machine without error needs at the worst
    cut: where the closed form is above B, no machine with B bits answers every query. Where it is not, nothing is
    said of this model. Raises ``BadInput`` for a config or a request that is not as it must be.

    >>> found = budget("lstm:d=4,format=bf16", task="index")
    >>> found.recurrent_bits, found.rooms[0].fits[0].fits_n
    (128, 128)
    >>> budget(task="ar", n=4096).needs[0].bits
    4096.0
    """
    given = {"symbols": as_int(symbols), "types": as_int(types), "keys": keys, "c": as_int(c)}
    forms = _forms(task, {key: value for key, value in given.items() if value is not None})
    n, tokens = as_int(n), as_int(tokens)
    for asked in forms if n is not None else ():
        asked.check(n)
    if tokens is not None:
        require_at_least("tokens", tokens, 1)
        if tokens > MOST_TOKENS:
            raise BadInput(f"tokens must be at most {MOST_TOKENS}; given {tokens}")
    if model is None:
        if n is None:
            raise BadInput("give a model (a config.json, or NAME:d=…), a size --n, or both")
        if format is not None or tokens is not None:
            raise BadInput("--format and --tokens belong to a model; give one, or leave them out")
        return _without_model(tuple(_need(asked, n, ()) for asked in forms))
    return _of_model(models.load(model, format, tokens), forms, n, tokens)


def _forms(task: str | Sequence[str] | None, options: dict[str, Any]) -> list[ClosedForm]:
    """The closed forms of the tasks, each with the options that it takes."""
    names = list(TASKS) if task is None else [task] if isinstance(task, str) else list(task)
    for name in names:
        if name not in FORMS and name in task_classes():
            raise BadInput(
                f"budget knows the closed forms of {', '.join(TASKS)}; given '{name}'; see commlb exact"
            )
        if name not in FORMS:
            raise unknown_name("task", str(name), TASKS)
    names = list(dict.fromkeys(names))
    for key in options:
        if not any(key in FORMS[name].takes for name in names):
            raise BadInput(f"--{key} is an option of none of {', '.join(names)}; leave it out")
    return [
        form(name, **{key: value for key, value in options.items() if key in FORMS[name].takes})
        for name in names
    ]


def _without_model(needs: tuple[Need, ...]) -> BudgetResult:
    made = BudgetResult(None, (), (), 0, 0, 0, 0, True, None, None, (), needs, "")
    return _with_verdict(made)


def _of_model(
    source: models.Source, forms: list[ClosedForm], n: int | None, tokens: int | None
) -> BudgetResult:
    where = None if tokens is None else "--tokens"
    empty = counting.tensors(source, None)
    grows = counting.growth(empty)
    if tokens is None and grows and source.positions is not None:
        tokens = source.positions
        key = "a default of transformers" if "max_position_embeddings" in source.defaults else "the config"
        where = f"{key}: the context that the model was made for"
    found = counting.tensors(source, tokens) if tokens is not None else empty
    kept, live = counting.bounded(found)
    windows = counting.full_windows(found)
    rooms = [(what, at, bits) for what, at, bits in _rooms(found, live, windows, grows, tokens) if bits]
    made = BudgetResult(
        model=Model(
            name=source.name,
            family=source.family,
            layers=len(source.layers),
            keeper=source.keeper,
            format=source.format,
            format_from=source.format_from,
            defaults=dict(source.defaults),
            remark=source.remark,
        ),
        tensors=found,
        kinds=counting.sums(found),
        recurrent_bits=live,
        recurrent_tensor_bits=kept,
        window_bits=windows,
        kv_bits_per_token=grows,
        is_bounded=not grows,
        tokens=tokens,
        tokens_from=where,
        rooms=tuple(Room(what, at, bits, tuple(_fit(f, bits) for f in forms)) for what, at, bits in rooms),
        needs=()
        if n is None
        else tuple(_need(f, n, [(what, bits) for what, _, bits in rooms]) for f in forms),
        verdict="",
    )
    return _with_verdict(made)


def _rooms(
    found: Sequence[StateTensor], live: int, windows: int, grows: int, tokens: int | None
) -> list[tuple[str, int | None, int]]:
    """What the model has to hold a message in: the recurrent state, with full windows, with KV after T tokens."""
    rooms: list[tuple[str, int | None, int]] = [(RECURRENT_STATE, None, live)]
    with_it = f"{RECURRENT_STATE} and " if live else ""
    if windows and not grows:
        rooms.append((f"{with_it}full windows", None, live + windows))
    if tokens is not None and (grows or windows):
        whole = counting.total(tensor.live_bits for tensor in found)
        rooms.append((f"{with_it}KV of {tokens:,} tokens", tokens, whole or 0))
    return rooms


def _fit(closed: ClosedForm, bits: int) -> Fit:
    """The largest size within so many bits, and the ceiling beyond."""
    fits, beyond = within(closed, bits)
    at = beyond if beyond is not None else fits if fits is not None else closed.first
    low = None if fits is None else closed.bits(fits)
    high = None if beyond is None else closed.bits(beyond)
    ceilings = [_ceiling(closed, bits, beyond, times) for times in TIMES] if beyond is not None else []
    return Fit(
        task=closed.task,
        options=closed.options,
        fits_n=fits,
        fits_bits=None if low is None else float(low[1]),
        exceeds_n=beyond,
        exceeds_bits=None if high is None else float(high[0]),
        exceeds_stream_length=None if beyond is None else closed.stream(beyond),
        formula=closed.formula(at),
        source=closed.source,
        evidence="formula",
        bound_is_minimum=closed.is_minimum(at),
        remark="" if beyond is not None else f"no size is above the room: {closed.last[1]}",
        ceilings=tuple(made for made in ceilings if made is not None),
    )


def _ceiling(closed: ClosedForm, bits: int, n: int, times: int = 1) -> Ceiling | None:
    """Fano's ceiling for so many bits at ``times`` · n, from the INDEX instance inside; None if there is none."""
    size = n * times
    if size > closed.end:
        return None
    inside = closed.index(size)
    if inside is None:
        return None
    room = math.nextafter(float(bits), math.inf)
    accuracy = ceiling_accuracy(room, inside.n, inside.symbols)
    return Ceiling(times, size, inside.reduction, inside.n, inside.symbols, accuracy)


def _need(closed: ClosedForm, n: int, rooms: Sequence[tuple[str, int]]) -> Need:
    """What the task needs at n, and which rooms have it."""
    low, _ = closed.bits(n)
    enough = [
        Enough(what, bits, low <= bits, None if low <= bits else _ceiling(closed, bits, n))
        for what, bits in rooms
    ]
    return Need(
        task=closed.task,
        options=closed.options,
        task_n=n,
        stream_length=closed.stream(n),
        bits=float(low),
        formula=closed.formula(n),
        source=closed.source,
        evidence="formula",
        bound_is_minimum=closed.is_minimum(n),
        rooms=tuple(enough),
    )


def _with_verdict(made: BudgetResult) -> BudgetResult:
    import dataclasses

    return dataclasses.replace(made, verdict=verdict(made))
