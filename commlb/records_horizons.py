"""Memory horizons as rows of CSV, each with a digest of all that it says."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from typing import Any

from commlb.errors import BadInput
from commlb.records_rows import ENGINE_VERSION, digest, line
from commlb.records_witness import Horizon

COLUMNS = [column.name for column in dataclasses.fields(Horizon)]
HEADER = line([*COLUMNS, "engine_version", "digest"])


def to_csv(horizons: Sequence[Horizon]) -> str:
    """A header and a row for each horizon; an unknown value is an empty cell, so ``steps`` is where unmerged."""
    return HEADER + "".join(_line(horizon) for horizon in horizons)


def _line(horizon: Horizon) -> str:
    values = [getattr(horizon, name) for name in COLUMNS]
    cells = ["" if value is None else str(value) for value in values]
    return line([*cells, ENGINE_VERSION, digest(*values, ENGINE_VERSION)])


def from_csv(text: str, name: str) -> list[Horizon]:
    """The horizons of a file of that ``name``. Raises ``BadInput`` for what ``to_csv`` did not write."""
    lines = io.StringIO(text, newline="")
    if lines.readline() != HEADER:
        raise BadInput(f"'{name}' must begin with the header of memory horizons; was it written by commlb?")
    found = []
    for number, cells in enumerate(csv.reader(lines), 2):
        where = f"'{name}', line {number}"
        if len(cells) != len(COLUMNS) + 2:
            raise BadInput(f"{where}: a row has {len(COLUMNS) + 2} cells; given {len(cells)}")
        try:
            kinds = {column.name: str(column.type) for column in dataclasses.fields(Horizon)}
            horizon = Horizon(
                **{key: _value(kinds[key], cell) for key, cell in zip(COLUMNS, cells, strict=False)}
            )
        except ValueError as error:
            raise BadInput(f"{where}: {error}") from None
        if _line(horizon) != line(cells):
            raise BadInput(f"{where}: its digest is {cells[-1][:40]}, not that of the row; was it changed?")
        found.append(horizon)
    return found


def _value(kind: str, cell: str) -> Any:
    kind, _, optional = kind.partition(" | ")
    if optional and cell == "":
        return None
    if kind == "bool":
        if cell not in ("True", "False"):
            raise ValueError(f"True or False must stand where '{cell[:40]}' does")
        return cell == "True"
    if kind == "int":
        if not cell.isascii() or not cell.isdecimal() or len(cell) > 20:
            raise ValueError(f"a whole number must stand where '{cell[:40]}' does")
        return int(cell)
    return float(cell) if kind == "float" else cell
