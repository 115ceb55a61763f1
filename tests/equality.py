"""What the tests of networks share: how near to an independent implementation counts as equal."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from commlb import machines

LIMITS = {"float64": 1e-9, "float32": 1e-5}
"""The largest difference of any number, relative where numbers exceed 1, by the format."""


def difference(found, expected) -> float:
    """The greatest difference of two numbers, in units of the greatest number where that exceeds 1."""
    return np.abs(found - expected).max() / max(1.0, np.abs(expected).max())


def shaken(spec: str, task, cut: int, folder: Path):
    """The machine with noise on all its weights but the read-out's: no bias is 0, and no norm or D is 1."""
    drawn = machines.build(f"{spec},seed=5", task, cut).weights
    noise = np.random.default_rng(7)
    weights = {
        key: value + 0.3 * noise.normal(size=value.shape) * ("readout" not in key)
        for key, value in drawn.items()
    }
    np.savez(folder / "weights.npz", **weights)
    return machines.build(f"{spec},weights={folder / 'weights.npz'}", task, cut)


def equal(family: str, other: str, form: str, error: float) -> None:
    """Fail unless ``error`` is below the limit of the format.

    Where the environment names a file in COMMLB_EQUALITIES, a line of it says what was compared with what:
    ``reports/build.py families`` makes its table of them.
    """
    path = os.environ.get("COMMLB_EQUALITIES")
    if path:
        with Path(path).open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow([family, other, form, repr(float(error))])
    assert error < LIMITS[form], f"{family} differs from {other} by {error:.3g} in {form}"
