"""A bound and the submatrix that shows it, as one file."""

from __future__ import annotations

from decimal import ROUND_FLOOR
from pathlib import Path

import numpy as np

from commlb import files
from commlb.errors import BadInput, LimitError
from commlb.matrices import Matrix
from commlb.records import Bound, to_json
from commlb.records_bounds import BoundResult, Submatrix
from commlb.wording import number

TWO_WAY = "two-way deterministic"

MAX_SAVED = 2**20
"""Entries of the largest submatrix that is written."""


def result(matrix: Matrix, bound: Bound) -> BoundResult:
    """A bound with the submatrix of its witness, as ``save`` writes it.

    Raises ``BadInput`` for a bound without a witness or of another matrix, ``LimitError`` for too large a part.
    """
    witness = bound.witness or {}
    rows, columns = witness.get("rows"), witness.get("columns")
    if rows is None or columns is None:
        raise BadInput(f"a bound to save needs a witness; {bound.method} has none; make it by commlb.bounds")
    if max(rows, default=0) >= matrix.shape[0] or max(columns, default=0) >= matrix.shape[1]:
        raise BadInput("the bound is of another matrix: its witness names rows or columns that are not there")
    part = matrix.values[np.ix_(rows, columns)] if rows and columns else np.zeros((len(rows), 0), int)
    if part.size > MAX_SAVED:
        raise LimitError(
            f"a witness of {part.size:,} entries is too large for a file, at most {MAX_SAVED:,}; take a smaller n"
        )
    values = tuple(tuple(None if value < 0 else value for value in row) for row in part.tolist())
    submatrix = Submatrix(
        tuple(matrix.row_labels[row] for row in rows),
        tuple(matrix.column_labels[column] for column in columns),
        matrix.answers,
        values,
    )
    return BoundResult(matrix.source, matrix.shape, matrix.promise, bound, submatrix, _verdict(matrix, bound))


def _verdict(matrix: Matrix, bound: Bound) -> str:
    of = matrix.source.name or "this function"
    at = f" after {matrix.source.cut} tokens" if matrix.source.cut is not None else ""
    ways = "exchange" if bound.model == TWO_WAY else "message"
    shown = number(bound.bits, ROUND_FLOOR)
    return f"{of}{at} needs {bound.direction} {shown} bits of {ways} ({bound.model}), by {bound.method}."


def save(path: str | Path, matrix: Matrix, bound: Bound) -> None:
    """Write a bound as sealed JSON (``commlb.records_bounds``) to ``path``, a name that ends in .json, in one step.

    Raises ``BadInput`` for a path or labels that cannot be written, ``LimitError`` for a witness too large.
    """
    from commlb import __version__

    files.check(path, (".json",))
    made = result(matrix, bound)
    try:
        text = to_json("bound", made, {"version": __version__}, indent=None)
    except (TypeError, ValueError) as error:
        raise BadInput(f"labels must be whole numbers, words, or lists of them: {error}") from error
    files.replace(path, (text + "\n").encode())
