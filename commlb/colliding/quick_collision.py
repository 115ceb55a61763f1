"""The collision that ``commlb reduce`` shows, if one is found with little work."""

from __future__ import annotations

import contextlib

from commlb.colliding.certificates import certify, run_both
from commlb.colliding.first_merge import Budget, first_merge
from commlb.colliding.linear_maps import Pair, kernel_pair
from commlb.errors import LimitError, Malformed
from commlb.layers import Limits
from commlb.machines.base import Machine
from commlb.records_witness import Collision
from commlb.reductions.base import Reduction

MOST_PREFIXES, FEW_PREFIXES = 2**17, 2**12
"""Prefixes of a layer, at most: of machines of one word of state, and of others, which hardly merge by chance."""

RUNS = 8
"""Runs one at a time, about: of two pairs, and of the certificate."""

CELLS = 2**27
"""Cells of state that may be touched; with the prefixes worth about a second."""


def quick_collision(reduction: Reduction, machine: Machine, spec: str) -> Collision | None:
    """Two inputs in one state, with a certificate, found within a budget of work that is the same everywhere.

    All prefixes layer by layer, the kernel of a linear machine, and the first symbol changed with all others equal.
    None says nothing: more work may find one. Not searched: machines that keep all that their task needs, and
    those of which a few runs are over the budget.

    >>> from commlb import machines, reductions
    >>> r = reductions.build("index", None, 24, None, None)
    >>> quick_collision(r, machines.build("window:w=8", r.task, r.cut), "window:w=8").merged_at
    9
    """
    token = machine.work_per_token + machine.rows + 1000 * machine.operations
    if not machine.errs or RUNS * reduction.task.length * token > CELLS:
        return None
    with contextlib.suppress(
        Malformed
    ):  # by a reduction whose tokens cannot be lined up, so that no batch runs
        return _search(reduction, machine, spec)
    return None


def _search(reduction: Reduction, machine: Machine, spec: str) -> Collision | None:
    """The three ways, one after the other."""
    most = MOST_PREFIXES if machine.storage_bits <= 64 else FEW_PREFIXES
    try:
        found = first_merge(reduction, machine, Limits(), Budget(most, CELLS))
    except LimitError:
        found = None
    if found is not None and (found.pair is not None or found.complete):
        return None if found.pair is None else certify(reduction, machine, spec, *found.pair, "layers")
    pair, method = kernel_pair(reduction, machine, CELLS).pair, "kernel"
    if pair is None:
        pair, method = _forgotten(reduction, machine), "fading"
    return None if pair is None else certify(reduction, machine, spec, *pair, method)


def _forgotten(reduction: Reduction, machine: Machine) -> Pair | None:
    """Two inputs that differ in the first symbol only, and that the machine has forgotten at the cut."""
    for symbol in (0, 1):
        x, x_other = ((first, *[symbol] * (reduction.n - 1)) for first in (0, 1))
        if run_both(machine, reduction.alice(x), reduction.alice(x_other)).merged_at is not None:
            return x, x_other
    return None
