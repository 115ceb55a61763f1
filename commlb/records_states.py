"""What ``commlb states`` finds: the states that a machine reaches, cut by cut."""

from __future__ import annotations

import math
from dataclasses import dataclass

from commlb.records import Bound, MachineInfo, sizes, spec
from commlb.records_rows import MemoryPoint


@dataclass(frozen=True)
class StatesCut:
    """The states that a machine reaches after t tokens, and what they tell.

    ``prefixes``: how many lead there (over Alice: inputs, that is words of the ``symbols_read``).
    ``minimum_states``: the classes that any machine must tell apart, where a closed form is known (over all
    prefixes). Per symbol read: ``per_input_bit`` is I(X_i; S_t), ``best_accuracy`` that of the best guess of
    x_i from the state; Fano's ``ceiling_accuracy`` at the entropy bounds their mean.
    """

    t: int
    symbols_read: int | None
    prefixes: int
    reachable_states: int
    reachable_bits: float
    entropy_bits: float
    capacity_bits: float | None
    minimum_states: int | None
    per_input_bit: tuple[float, ...] | None
    best_accuracy: tuple[float, ...] | None
    mean_best_accuracy: float | None
    ceiling_accuracy: float | None


@dataclass(frozen=True)
class StatesResult:
    """Everything ``commlb states`` says; the fields are the keys of its JSON.

    Of a task without a reduction, ``n`` is its own size.

    ``bound``: what must cross ``cut`` without error (over Alice's prefixes), or what the task needs at its
    worst cut (over all). Not ``complete``: the cuts that were finished when it ``stopped``, and why.
    """

    task: str
    task_size: dict[str, int]
    reduction: str | None
    problem: str | None
    n: int
    symbols: int
    c: int | None
    cut: int | None
    stream_length: int
    alphabet_size: int
    prefix_set: str
    machine: MachineInfo
    bound: Bound | None
    cuts: tuple[StatesCut, ...]
    complete: bool
    stopped: str | None
    evidence: str
    verdict: str

    def rows(self) -> list[MemoryPoint]:
        """One CSV row a cut."""
        return [self._row(cut) for cut in self.cuts]

    def _row(self, cut: StatesCut) -> MemoryPoint:
        at_cut = self.prefix_set == "alice" and cut.t == self.cut and self.bound is not None
        about = cut.per_input_bit
        return MemoryPoint(
            command="states",
            task=self.task,
            task_size=sizes(self.task_size),
            reduction=self.reduction,
            problem=self.problem,
            n=self.n,
            symbols=self.symbols,
            c=self.c,
            cut=cut.t,
            stream_length=self.stream_length,
            prefix_set=self.prefix_set,
            machine=spec(self.machine),
            format=self.machine.format,
            precision_bits=self.machine.precision_bits,
            weights_digest=self.machine.weights_digest,
            capacity_bits=cut.capacity_bits,
            reachable_states=cut.reachable_states,
            reachable_bits=cut.reachable_bits,
            entropy_bits=cut.entropy_bits,
            information_bits=None if about is None else cut.entropy_bits,
            minimum_bits=None if cut.minimum_states is None else math.log2(cut.minimum_states),
            bound_bits=self.bound.bits if at_cut and self.bound else None,
            bound_formula=self.bound.method if at_cut and self.bound else None,
            bound_source=self.bound.source if at_cut and self.bound else None,
            best_accuracy=cut.mean_best_accuracy,
            evidence=self.evidence,
        )
