"""What the tests of networks share: how near to an independent implementation counts as equal."""

from __future__ import annotations

import csv
import os
from pathlib import Path

LIMITS = {"float64": 1e-9, "float32": 1e-5}
"""The largest difference of any number, relative where numbers exceed 1, by the format."""


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
