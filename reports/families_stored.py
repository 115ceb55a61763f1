"""What recurrent networks store and what they equal: two tables of the report families."""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

import numpy as np
from pages import as_csv, table

from commlb import machines, reductions
from commlb.files import replace
from commlb.machines.rnn.network import Network

ROOT = Path(__file__).parent.parent

LARGER = {
    "elman": ("d=8", "d", 8),
    "gru": ("d=8", "d", 8),
    "lstm": ("d=8", "2d", 16),
    "slstm": ("d=8,heads=2", "4d", 32),
    "lru": ("d=8,N=12", "2 d_h", 24),
    "s4d": ("d=8,N=4", "d N", 32),
    "dss": ("d=8,N=4", "2 d N", 64),
    "rg-lru": ("d=8,d_rnn=12,w=4", "d_rnn + (w-1) d_rnn", 12 + 3 * 12),
    "linear-attention": ("d=8,heads=2", "per head d_φ d_v + d_φ", 2 * (4 * 4 + 4)),
    "retnet": ("d=8,heads=2", "per head d_k d_v", 2 * 4 * 4),
    "gla": ("d=8,heads=2", "per head d_k d_v", 2 * 4 * 4),
    "deltanet": ("d=8,heads=2,w=4", "per head d_k d_v + (w-1)(2 d_k + d_v)", 2 * (4 * 4 + 3 * 12)),
    "gated-deltanet": ("d=8,heads=2,w=4", "per head d_k d_v + (w-1)(2 d_k + d_v)", 2 * (4 * 4 + 3 * 12)),
    "mlstm": (
        "d=8,heads=2,w=4",
        "per head d_k d_v + d_k + 1, and (w-1) d_inner",
        2 * (4 * 4 + 4 + 1) + 3 * 8,
    ),
    "mamba": ("d=8,N=4,w=4,expand=2", "d_inner N + d_inner (w-1)", 16 * 4 + 16 * 3),
    "mamba2": ("d=8,H=2,P=8,N=4,G=1,w=4", "H P N + (w-1)(H P + 2 G N)", 2 * 8 * 4 + 3 * (2 * 8 + 2 * 4)),
    "rwkv4": ("d=8", "5d", 40),
    "rwkv5": ("d=8,heads=2", "d d_head + 2d", 8 * 4 + 2 * 8),
    "rwkv6": ("d=8,heads=2", "d d_head + 2d", 8 * 4 + 2 * 8),
    "rwkv7": ("d=8,heads=2", "d d_head + 2d", 8 * 4 + 2 * 8),
    "sliding-window": ("d=8,w=4", "k and v of the w-1 tokens that are read again", 2 * 3 * 8),
    "streaming-llm": ("d=8,w=4,sinks=2", "those, and k and v of the sinks", 2 * 5 * 8),
    "tova": ("d=8,n=4", "k and v of n tokens, and their positions", 2 * 4 * 8),
    "rmt": ("d=8,m=4,segment=4", "m d, and the tokens of the segment", 4 * 8),
}
"""A larger machine of each family: its dimensions, what the literature's layer stores, and how many numbers
that makes, counted by hand. Integers are left out of the count."""

LIBRARIES = ("numpy", "torch", "transformers", "xlstm")
EQUALITIES = ("family", "implementation", "format", "comparisons", "largest_error", "libraries")

P = 6
"""Bits a number, of the machines whose state is measured."""

STORED = (
    "machine", "declared", "literature", "numbers_by_hand", "numbers", "integer_bits", "state_bits",
    "capacity_bits", "varying_bits",
)  # fmt: skip

Row = dict[str, str]


def stored() -> list[dict[str, Any]]:
    """Numbers that a layer stores, as declared and as the literature has it, and the bits of the state."""
    rows = []
    index = reductions.build("index", None, 16, None, None)
    for name, (dimensions, theory, count) in LARGER.items():
        typed = f"{name}:{dimensions},p={P},range=1"
        made = machines.build(typed, index.task, index.cut)
        if not isinstance(made, Network):
            raise RuntimeError(f"{name} is no network")
        whole = made.storage_bits - made.layout.answer_bits
        values = [typed, made.formula, theory, count, made.numbers, whole - P * made.numbers, whole]
        values += [f"{made.capacity_bits(index.cut):.0f}", varying_bits(made, index.cut)]
        rows.append(dict(zip(STORED, values, strict=True)))
    return rows


def stored_table(rows: Sequence[Row]) -> str:
    """A line a family."""
    header = [
        "machine", "stores, as declared", "stores, in the literature", "numbers: by hand", "in the state",
        "bits for them", "bits of state", "capacity at the cut", "bits seen to vary",
    ]  # fmt: skip
    lines = []
    for row in rows:
        integers = f" + {row['integer_bits']}" if row["integer_bits"] != "0" else ""
        lines.append(
            [
                f"`{row['machine']}`",
                *(row[key] for key in STORED[1:5]),
                f"{P} · {row['numbers']}{integers}",
                *(row[key] for key in STORED[6:]),
            ]
        )
    return table(header, lines)


def varying_bits(made: Network, cut: int, runs: int = 4096) -> int:
    """How many bits of the packed state, the answer's field left out, take both values over random inputs."""
    tokens = np.random.default_rng(0).integers(2, size=(cut, runs))
    states, seen = made.start(runs), 0
    for t, row in enumerate(tokens):
        states = made.step(states, row, t)
        packed = made.pack(states)
        differ = np.bitwise_or.reduce(packed ^ packed[:, :1], axis=1)
        seen |= sum(int(word) << (64 * k) for k, word in enumerate(differ))
    return (seen & ((1 << (made.storage_bits - made.layout.answer_bits)) - 1)).bit_count()


def measure(into: Path) -> None:
    """Run the tests that compare with independent implementations, and write what they found.

    Raises ``RuntimeError`` where torch is not there, since most of them would be skipped.
    """
    if importlib.util.find_spec("torch") is None:
        raise RuntimeError(
            "equalities need torch, transformers and xlstm; install them, or keep equalities.csv"
        )
    tests = sorted(map(str, (ROOT / "tests").glob("test_rnn*.py")))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "found.csv"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "slow or not slow",
            "-k",
            "equal and not batch",
            *tests,
        ]
        subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"COMMLB_EQUALITIES": str(path)})
        with path.open(encoding="utf-8", newline="") as file:
            lines = [(row[0], row[1], row[2], float(row[3])) for row in csv.reader(file)]
    replace(into, as_csv(gathered(lines)).encode())


def gathered(lines: Iterable[tuple[str, str, str, float]]) -> list[dict[str, Any]]:
    """The largest error of each family, implementation and format, in the order of families."""
    errors: dict[tuple[str, str, str], list[float]] = {}
    for family, other, form, error in lines:
        errors.setdefault((family, other, form), []).append(error)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    order = list(LARGER)
    keys = sorted(errors, key=lambda key: (order.index(key[0]), key[1], key[2]))
    return [
        dict(zip(EQUALITIES, (*key, len(errors[key]), repr(max(errors[key])), versions), strict=True))
        for key in keys
    ]


def up(error: float) -> str:
    """An error, rounded up to two digits.

    >>> up(1.301e-7), up(0.0), up(2e-15)
    ('1.4e-7', '0', '2.0e-15')
    """
    exact = Decimal(repr(error))
    if not exact:
        return "0"
    rounded = exact.quantize(Decimal(1).scaleb(exact.adjusted() - 1), ROUND_CEILING)
    mantissa = rounded.scaleb(-rounded.adjusted()).quantize(Decimal("0.1"))
    return f"{mantissa}e{rounded.adjusted()}"


def equal_table(rows: Sequence[Row]) -> str:
    """A line for each family and implementation, with the errors in both formats."""
    cells: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        cells.setdefault((row["family"], row["implementation"]), {})[row["format"]] = row
    lines = []
    for (family, other), forms in cells.items():
        shown = [
            up(float(forms[form]["largest_error"])) if form in forms else ""
            for form in ("float64", "float32")
        ]
        cases = " + ".join(forms[form]["comparisons"] for form in ("float64", "float32") if form in forms)
        lines.append([family, other, cases, *shown])
    return (
        table(["family", "equals", "comparisons", "largest error, float64", "largest error, float32"], lines)
        + f"\n\nLibraries: {rows[0]['libraries']}."
    )
