"""The smallest machine of a family that answers every query with error at most ε: a point of an empirical curve.

The family's machines are looked at from the smallest on, until one meets ε; that a larger one might not is no
matter. Which one meets it is decided exactly where all x can be run, for an optimal Bob; or for the machine's own
answers, from its proof or from random runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from commlb.cells import Cell
from commlb.errors import CommlbError, LimitError
from commlb.families import Family, Member
from commlb.guesses import best
from commlb.information import CONFIDENCE
from commlb.limbs import Words
from commlb.machines.base import Array, Machine
from commlb.points import CONTRADICTION, MAX_WORK, MOST_CELLS, about, check_guesses, contradiction, counted
from commlb.prefixes import of_alice
from commlb.problems import Equality
from commlb.protocol import OneWayProtocol, check_work
from commlb.reachability import Enumeration
from commlb.records_rows import MemoryPoint
from commlb.reductions.base import Reduction
from commlb.sequential import Decision, at_most, bits_shown, looks
from commlb.wording import counted as words

MOST_INPUTS = 2**32
"""Inputs that an optimal Bob may be asked to run."""


@dataclass
class Scan:
    """One cell's search: what decides, and what it has found."""

    cell: Cell
    chosen: Reduction
    members: list[Member]
    undecided: list[Member] = field(default_factory=list)

    @property
    def target(self) -> Fraction:
        return self.cell.target or Fraction(0)

    @property
    def by_formula(self) -> bool:
        """Whether errors are known by formula: for EQ they are over public coins."""
        return self.target > 0 and isinstance(self.chosen.problem, Equality)

    def refuted_below(self, bits: float) -> float:
        """The most room below ``bits`` up to which every machine was refuted, machines with as much room too."""
        end = min([bits, *(member.capacity_bits for member in self.undecided)])
        return max(
            (member.capacity_bits for member in self.members if member.capacity_bits < end), default=0.0
        )

    @property
    def undecided_words(self) -> str:
        """What random runs left open; empty if nothing."""
        if not self.undecided:
            return ""
        left = f"undecided after {self.cell.trials} trials of each query: {len(self.undecided)}"
        return f"{left}, the smallest {self.undecided[0].spec}"

    @property
    def optimal(self) -> bool:
        """Whether Bob is an optimal one."""
        few = self.chosen.n * math.log2(self.chosen.symbols) <= math.log2(max(1, self.cell.max_inputs))
        return self.cell.bob == "optimal" or (self.cell.bob == "auto" and few and not self.by_formula)


def smallest(cell: Cell) -> MemoryPoint:
    """The row of the first machine of the family, by capacity, all of whose queries err at most ``cell.error``.

    If none does, the row says up to how many bits all machines were refuted (``searched_bits``). Where random runs
    leave machines undecided on the way, the smallest that is good enough has more room than ``searched_bits`` and
    at most that of the one that is found. Raises ``LimitError`` where a machine on the way cannot be looked at
    within the limits, and ``CommlbError`` where one that meets ε has less room than the bound.
    """
    chosen = cell.chosen
    scan = Scan(cell, chosen, Family(cell.family).members(chosen.task, chosen.cut, cell.search_bits()))
    answered_by = "optimal Bob" if scan.optimal else "machine"
    how = "exhaustive" if scan.optimal else "formula" if scan.by_formula else "sampled"
    for member in scan.members:
        found = (_by_optimal_bob if scan.optimal else _by_own_answers)(scan, member)
        if found is not None:
            if found["evidence"] == "sampled":
                found["searched_bits"] = scan.refuted_below(member.capacity_bits)
            remark = {"remark": scan.undecided_words or None}
            row = cell.row(**about(member.machine, chosen.cut), answered_by=answered_by, **found, **remark)
            _compare(row)
            return row
    searched, most = words(len(scan.members), "machine"), scan.members[-1].capacity_bits
    known = f"none of {searched} of up to {most:g} bits is good enough"
    if scan.undecided:
        known = f"not found: of {searched} of up to {most:g} bits, {scan.undecided_words}"
    return cell.row(
        answered_by=answered_by,
        answers_evidence=how,
        evidence=how,
        confidence=CONFIDENCE if how == "sampled" else None,
        searched_bits=scan.refuted_below(math.inf),
        remark=known + ("" if scan.optimal else "; by their own answers (--bob)"),
    )


def _by_optimal_bob(scan: Scan, member: Member) -> dict[str, Any] | None:
    """What an optimal Bob makes of a machine's message, over all x; None if some query errs too often."""
    cell, chosen, made = scan.cell, scan.chosen, member.machine
    n, inputs = chosen.n, chosen.symbols**chosen.n
    if inputs > MOST_INPUTS:
        raise LimitError(
            f"an optimal Bob is found by running all inputs, at most {MOST_INPUTS:,}; here are "
            f"{chosen.symbols}^{n}; take --bob machine, or a smaller n"
        )
    if not scan.target:
        if not _tells_all_apart(scan, made):
            return None
        bits = chosen.problem.bound().bits
        found = counted(inputs, bits, bits)
        if chosen.problem.asks_positions:
            found |= {"errors": 0, "trials": n * inputs, "worst_error": 0.0, "best_accuracy": 1.0}
        return found | {"answers_evidence": "exhaustive"}
    told = best(made, of_alice(chosen), n, cell.limits(), int(scan.target * inputs))
    check_guesses(made, chosen, told.errors, inputs, told.entropy_bits)
    if max(told.errors) > scan.target * inputs:
        return None
    wrong = sum(told.errors)
    return counted(
        told.reachable_states, told.entropy_bits, errors=wrong, trials=n * inputs, answers_evidence="exhaustive",
        worst_error=max(told.errors) / inputs, best_accuracy=1 - wrong / (n * inputs),
    )  # fmt: skip


def _tells_all_apart(scan: Scan, made: Machine) -> bool:
    """Whether all x lead to different states: two that have met are never apart again."""
    chosen, read = scan.chosen, 0
    prefixes = of_alice(chosen)
    for layer in Enumeration(made, prefixes, limits=scan.cell.limits()).layers():
        if layer.t:
            read += len(prefixes.layers[layer.t - 1].reads)
        if layer.keys.shape[1] < chosen.symbols**read:
            return False
    return layer.states()[0].shape[1] == chosen.symbols**chosen.n


def _by_own_answers(scan: Scan, member: Member) -> dict[str, Any] | None:
    """What a machine's own answers are known to be; None if they err too often, or that is not known."""
    chosen, made = scan.chosen, member.machine
    if not made.errs:
        bits = chosen.problem.bound().bits
        states = chosen.symbols**chosen.n if bits <= 1024 else None
        found = counted(states, bits, bits, evidence="proved; machine tested equal", worst_error=0.0)
        return found | {"answers_evidence": "proved; machine tested equal"}
    if scan.by_formula:
        formula = made.error_formula()
        if formula is None or formula.right_on_value != 1 or Fraction(formula.error) > scan.target:
            return None
        return {"worst_error": formula.error, "answers_evidence": "formula", "evidence": "formula"}
    level = (1 - CONFIDENCE) / len(scan.members)
    check_work(chosen, made, scan.cell.trials, MAX_WORK)
    ask = _Questions(scan, made, scan.cell.rng())
    decision = at_most(ask.run, ask.queries, scan.target, level, scan.cell.trials)
    if decision.accepted is None:
        scan.undecided.append(member)
    if not decision.accepted:
        return None
    if chosen.problem.asks_positions:
        _contradiction(scan, member, decision)
    return {
        "errors": int(decision.errors.sum()),
        "trials": decision.trials * ask.queries,
        "worst_error": decision.worst_error,
        "answers_evidence": "sampled",
        "confidence": CONFIDENCE,
        "evidence": "sampled",
    }


class _Questions:
    """Random runs of a machine: fresh x, and fresh coins, and on each all of Bob's questions."""

    def __init__(self, scan: Scan, made: Machine, rng: np.random.Generator):
        self.protocol, self.rng = OneWayProtocol(scan.chosen, made), rng
        self.problem = scan.chosen.problem
        self.asked = self.problem.asked() if self.problem.asks_positions else None
        self.queries = len(self.asked) if self.asked else 1

    def run(self, trials: int) -> Array:
        """Errors of each query in ``trials`` runs."""
        found = np.zeros(self.queries, np.int64)
        for first in range(0, trials, self.protocol.batch()):
            found += self._batch(min(self.protocol.batch(), trials - first))
        return found

    def _batch(self, runs: int) -> Array:
        chosen = self.protocol.reduction
        kind = np.min_scalar_type(chosen.symbols - 1)
        xs = self.rng.integers(chosen.symbols, size=(chosen.n, runs), dtype=kind)
        protocol = OneWayProtocol(chosen, self.protocol.machine.tossed(self.rng, runs))
        messages: Words = protocol.send(xs)
        if self.asked is None:
            return self._errors(protocol, messages, xs, self.problem.draw(xs, self.rng))[None]
        each = (np.repeat(np.array(y)[..., None], runs, axis=-1) for y in self.asked)
        return np.array([self._errors(protocol, messages, xs, ys) for ys in each])

    def _errors(self, protocol: OneWayProtocol, messages: Words, xs: Array, ys: Array) -> Any:
        return (protocol.decode(messages, ys) != self.problem.values(xs, ys)).sum()


def _contradiction(scan: Scan, member: Member, decision: Decision) -> None:
    """Stop where sampled answers show more bits than the machine has room for, beyond all chance."""
    level = CONTRADICTION / MOST_CELLS / len(scan.members) / len(looks(scan.cell.trials))
    shown = bits_shown(decision, scan.chosen.symbols, level)
    if shown > member.capacity_bits:
        raise contradiction(member.spec, scan.chosen, member.capacity_bits, shown)


def _compare(row: MemoryPoint) -> None:
    """Stop where an exact point lies below its bound."""
    room, bound = row.capacity_bits, row.bound_bits
    if row.evidence != "sampled" and room is not None and bound is not None and room < bound - 1e-9:
        raise CommlbError(
            f"{row.machine} on {row.task}, n = {row.n}, has room for {room:.9f} bits and errs at most "
            f"{row.error_target:g} on every query, for which {bound:.9f} bits are needed ({row.bound_formula}): "
            "theory or code is wrong"
        )
