"""The report adapters: what models of PyTorch and transformers store, token by token, and the traps they set.

Needs torch and transformers; tiny random configs, those of tests/tiny_models.py. No clock is read.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from pages import as_csv, on_file, table, write_page

from commlb.files import replace
from commlb.models.adapting import Described
from commlb.models.base import KV, POSITION, RECURRENT, Model, State

TOKENS = (1, 12, 24)
STREAM = [(7 * k) % 31 + 1 for k in range(24)]
CUTS = (3, 10, 20)

KEYS = ["family", "model", "tensors", "recurrent_bits", *(f"kv_bits_{t}" for t in TOKENS), "kv_bits_a_token",
        "whole", "continued", "batch"]  # fmt: skip


def build(folder: Path) -> None:
    """Rows and page; the rows take transformers."""
    replace(folder / "rows.csv", as_csv([row(family) for family in tiny().TINY]).encode())
    page(folder)


def tiny() -> Any:
    """The configs of the tests, of which this is the table."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    try:
        import tiny_models
    finally:
        sys.path.pop(0)
    return tiny_models


def row(family: str) -> dict[str, Any]:
    """What one family stores, and how far other schedules are from one token a step."""
    from commlb.models.hugging_face import adapt

    model = adapt(Described(tiny().config(family)), 32)
    states = stepped(model, STREAM)
    twin = model.double()
    if twin is None:
        raise RuntimeError(f"{family} has no twin in float64")
    exact = stepped(twin, STREAM)
    continued = max(apart(exact[-1], many(twin, exact[cut - 1], cut)) for cut in CUTS)
    side = model.batch([STREAM, STREAM[::-1], STREAM])
    kept = {bits(state, RECURRENT) for state in states}
    if len(kept) != 1:
        raise RuntimeError(f"the recurrent state of {family} changes its size")
    return dict(zip(KEYS, [
        family, type(model.module).__name__, sum(held.kind != POSITION for held in states[-1].values()), *kept,
        *(bits(states[t - 1], KV) for t in TOKENS), bits(states[11], KV) - bits(states[10], KV),
        f"{apart(exact[-1], many(twin, None, 0)):.0e}", f"{continued:.0e}",
        "" if side is None else f"{apart(states[-1], side[0][0]):.0e}",
    ], strict=True))  # fmt: skip


def stepped(model: Model, stream: list[int]) -> list[State]:
    """The states along a stream."""
    state: State | None = None
    found = []
    for t, token in enumerate(stream):
        state, _ = model.step(state, token, t)
        found.append(state)
    return found


def many(model: Model, state: State | None, cut: int) -> State:
    found = model.many(state, STREAM[cut:], cut)
    if found is None:
        raise RuntimeError("the model takes one token at a time")
    return found[0]


def bits(state: State, kind: str) -> int:
    return sum(held.bits for held in state.values() if held.kind == kind)


def apart(one: State, other: State) -> float:
    """The largest difference of their numbers, relative to the largest number of a tensor (1 at least)."""
    pairs = [(held.numbers.astype(float), other[name].numbers.astype(float)) for name, held in one.items()]
    return max(float(np.abs(a - b).max()) / max(1.0, float(np.abs(a).max())) for a, b in pairs)


def page(folder: Path) -> None:
    """The page, of the rows as they are."""
    rows = on_file(folder / "rows.csv")
    header = ["family", "tensors", "recurrent bits", "KV bits at 1, 12, 24 tokens", "KV bits a token",
              "whole in one call", "several tokens from a state", "in a batch of 3"]  # fmt: skip
    lines = [
        [
            f"{r['family']} ({r['model']})", r["tensors"], f"{int(r['recurrent_bits']):,}",
            ", ".join(f"{int(r[f'kv_bits_{t}']):,}" for t in TOKENS), f"{int(r['kv_bits_a_token']):,}",
            r["whole"], told(r["continued"], 1e-5), told(r["batch"], 1e-4) or "one stream only",
        ]
        for r in rows
    ]  # fmt: skip
    write_page(folder, families=table(header, lines))


def told(figure: str, most: float) -> str:
    """A difference, in bold where it is no rounding."""
    return f"**{figure}**" if figure and float(figure) > most else figure
