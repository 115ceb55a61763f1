"""A bound on communication with what shows it: what ``commlb.bounds.save`` writes and a stranger can check.

The file is one sealed JSON object (``commlb.sealed``) with command "bound"; its ``result`` is a ``BoundResult``:

``source``, a ``MatrixSource``: which communication matrix M this is, M(x, y) = f(x, y), rows x, columns y.
``shape``: the numbers of rows and of columns of all of M; ``promise``: M has entries outside the promise.
``bound``, a ``commlb.records.Bound``: bits, model, method, evidence, source, prefix_set, direction, witness.
``submatrix``, a ``Submatrix``: the part of M that the witness speaks of. ``verdict``: one sentence.

Every witness has ``kind``, ``rows`` and ``columns``: the places in M, from 0, all different, of the submatrix's
rows and columns. All other places in a witness are places in the submatrix, from 0, or places in ``answers``. A
submatrix of M bounds M from below, so that direction "at least" asks for no more than the submatrix. Direction
"exactly" needs all of M, and ``source.whole``: there ``rows`` is 0, 1, …, shape[0]−1, ``columns`` 0, 1, …,
shape[1]−1. ``bits`` is a float; a count of k stands for math.log2(k). Entries are written v(r, c), null outside
the promise. Kinds:

"distinct rows" (model deterministic; one-way; M total): ``messages`` k; ``different``: k rows no two of which are
equal in the submatrix, which has no null. bits = log₂ k. Exactly: every row of M is equal to one of these.

"one-way fooling set" (model deterministic; one-way; a clique of the conflict graph): ``messages`` k; ``clique``:
k rows; any two of them have a column in which both are defined and differ. bits = log₂ k.

"colouring" (model deterministic; one-way; exactly, or at least and ``colours`` null): ``messages`` k;
``clique`` as above, perhaps fewer than k; ``at_least_by``: "clique" if it has k rows, or "no (k−1)-colouring":
the conflict graph of the submatrix has no proper colouring with k−1 colours, by a search to its end, which
whoever checks must repeat; ``colours``: for each row of M one of 0 … k−1, rows of one colour never differing in
a column where both are defined. bits = log₂ k. "at least" has the submatrix of all rows and columns, too.

"shattered set" (one-way): ``n`` columns of ``symbols`` = k ≥ 2 kinds; the submatrix has k^n rows and n columns;
``readings``: for each column k different places in ``answers``. Row number x, read as n digits of base k, x_1 the
first digit, has v(x, i) = readings[i][x_i]. ``error`` null: model deterministic, bits = n·log₂ k. ``error`` ε, a
number in [0, ½] (and below 1 − 1/k or bits is 0): model "randomised(ε=…)", bits = n·g(ε),
g(ε) = log₂ k − H₂(ε) − ε·log₂(k−1), 0 from ε = 1 − 1/k on (``commlb.fano.fano_bits``; worst-case error ε on
every input, public coins allowed). ``at_most``: no larger n is there for this k, by the number of rows or by a
search to its end (then equal to n); it says nothing about messages and is not needed for the bound.

"two-way fooling set" (model two-way deterministic): ``sets``, each with ``value``, a place in ``answers``,
different from set to set, and ``pairs``, a list of [r, c], with v(r, c) = value; of any two pairs [r, c] and
[r', c'] of a set, v(r, c') or v(r', c) is defined and not the value. bits = log₂ of the number of pairs of all
sets together (log₂ 1 if there is none): no two of them are in one rectangle on which the answer is constant.

"rank" (model two-way deterministic): ``field``: "Q", or "GF(p)" with ``modulus`` p a prime, null for Q;
``numbers``: for each of ``answers`` an integer; ``rank`` r: the submatrix is r × r, has no null, and with the
numbers in place of the answers its determinant is not 0 in the field. ``leaves`` L: max(1, r), or max(1, 2r−1)
where the numbers of all answers are among 0 and 1. bits = log₂ L. The rank of M itself is no claim of the
bound's; ``rank`` is that of M.

"protocol tree" (model two-way deterministic; exactly, or at least where ``source.whole`` is false): ``bits`` D;
``tree``, of depth D: a leaf is {"answer": a place in answers, or null where no pair is promised}; another node is
{"party": "Alice" or "Bob", "ones": rows (Alice) or columns (Bob) on which the bit 1 is sent, "children": [after 0,
after 1]}. At a leaf all defined entries left are the answer. bits = D, as a float. Both know the answer at the end,
so that the answer's bit counts. ``at_least_by`` says why no tree is less deep, which needs no reason where D is 0:
"rank": the submatrix has no null, ``answers`` are two, and log₂(2r−1) > D−1 for its rank r over Q with the places
as numbers; "two-way fooling set": ``sets`` as above, with more than 2^(D−1) pairs together; "search": a search to
its end, which whoever checks must repeat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commlb.records import Bound

Label = int | str | tuple[Any, ...]
"""What a row or a column is called: x, a prefix's tokens, y, a suffix's tokens, or anything of the user's."""

METHODS = {
    "distinct_rows": ("one-way, total: distinct rows of the matrix", "Kremer, Nisan, Ron 1999"),
    "one_way_fooling_set": ("one-way: a clique of the conflict graph of rows", "proof: commlb.conflicts"),
    "colouring": (
        "one-way, with a promise: the chromatic number of the conflict graph",
        "proof: commlb.conflicts",
    ),
    "shattered_set": (
        "one-way, with any error up to 1/2: the VC dimension, an INDEX instance inside f",
        "Fano's inequality; Kremer, Nisan, Ron 1999",
    ),
    "two_way_fooling_set": ("two-way: fooling sets of rectangles", "Kushilevitz, Nisan 1997, Sec. 1.3"),
    "rank": (
        "two-way, total: rank over Q or GF(p)",
        "Mehlhorn, Schmidt 1982; Kushilevitz, Nisan 1997, Sec. 1.4; proof: commlb.bounds.rank",
    ),
    "two_way": (
        "two-way: D(f) of small matrices, by all protocols",
        "Kushilevitz, Nisan 1997, Sec. 1.1",
    ),
}
"""The makers of ``commlb.bounds``: what each takes for a bound, and its source."""


@dataclass(frozen=True)
class MatrixSource:
    """Where a communication matrix is from.

    ``kind`` "problem": ``name`` is INDEX, EQ or DISJ, ``size`` {"n", "symbols"}; a row label is x, n symbols, a
    column label y: a position from 1, or Bob's word. "function": ``name`` is GT (1 iff x > y as numbers, the first
    bit the highest) or IP (the sum of x_j·y_j, mod 2); both labels are words of n bits.

    "task": ``name`` and ``size`` as the task's; a row label is a prefix of ``cut`` tokens, a column label a suffix,
    the entry the answer that ``solve`` gives on both together; where several are due, the one at place ``read_at``
    among those due after more than ``cut`` tokens, 0 the first; None where one answer is due in all. Tokens are
    those of a registered task; of a user's own, their places in the alphabet of their position. "dense": a list
    of lists.

    ``rows``: "all", "classes" (a prefix for each class that no suffix tells apart) or "given"; ``columns``: "all",
    "behaviours" (a suffix for each different column) or "given". ``whole``: no row and no column of the source is
    missing, but for such as are equal to one that is there.
    """

    kind: str
    name: str | None = None
    size: dict[str, Any] | None = None
    cut: int | None = None
    read_at: int | None = None
    rows: str = "given"
    columns: str = "given"
    whole: bool = True


@dataclass(frozen=True)
class Submatrix:
    """Labels of rows and columns, and ``values``: row by row, places in ``answers``, None outside the promise.

    ``answers``: the different answers of all of M, as the task's ``solve`` or the problem's ``value`` gives them.
    """

    row_labels: tuple[Label, ...]
    column_labels: tuple[Label, ...]
    answers: tuple[Any, ...]
    values: tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True)
class BoundResult:
    """Everything that a file of a bound says; the fields are the keys of its JSON. See the module's text."""

    source: MatrixSource
    shape: tuple[int, int]
    promise: bool
    bound: Bound
    submatrix: Submatrix
    verdict: str
