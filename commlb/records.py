"""Frozen results, and how they become JSON. Every number stands beside how it is known.

``evidence`` is one of: proved (for all inputs), exhaustive (all inputs were run), sampled (with the
confidence), formula (with its source).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from commlb.records_coins import PublicCoins
from commlb.records_rows import MemoryPoint
from commlb.records_witness import Collision
from commlb.sealed import seal

SCHEMA = "commlb/1"


@dataclass(frozen=True)
class Bound:
    """A bound of ``bits`` on a message, in a model, by a method, with a source.

    ``model`` is "deterministic" (no error), "randomised(ε)" or "two-way deterministic"; ``prefix_set`` says over
    which prefixes: "alice" (those a reduction sends) or "all" (all of the task's). ``direction``: "at least", or
    "exactly" where bounds from both sides meet. ``witness``: what shows it, by the names of ``commlb.bounds``;
    None for a formula.
    """

    bits: float
    model: str
    method: str
    evidence: str
    source: str
    prefix_set: str = "all"
    direction: str = "at least"
    witness: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Counterexample:
    """A concrete (x, y) on which a claimed reduction fails, and how; y is a position, or Bob's word."""

    x: tuple[int, ...]
    y: int | tuple[int, ...]
    expected: int
    obtained: str


@dataclass(frozen=True)
class ReductionCheck:
    """Whether the task's answers on a(x)·b(y) tell f(x, y) for all x and y.

    ``inputs`` and ``queries`` say how many x and y there are; ``width`` is the largest layer of the walk, None
    where streams were run one by one instead.

    ``every_n``: proved for every n, the other parameters (gadget, symbols, c) as they are; ``scope`` names
    what else is held fixed, such as a block length that the gadget would choose anew for another n.
    """

    holds: bool
    evidence: str
    inputs: str
    queries: int | str
    width: int | None
    every_n: bool
    scope: str
    counterexample: Counterexample | None = None


@dataclass(frozen=True)
class MachineInfo:
    """What a machine may use: its parameters, the bits of its format, and the number of its states.

    ``capacity_bits`` is log₂ of the number of states that it can be in at the cut, ``largest_capacity_bits``
    the largest such number over all positions before the answer. ``capacity_evidence``: "formula" if states
    are counted, "upper bound" if no more can be, "storage" if both are the width of the storage. ``exact``:
    it keeps all that its task needs, and is tested equal to the task's automaton.
    """

    name: str
    parameters: dict[str, int | float | str]
    format: str | None
    precision_bits: int | None
    weights_digest: str | None
    remark: str
    storage_bits: int
    capacity_bits: float
    largest_capacity_bits: float
    capacity_evidence: str
    exact: bool


@dataclass(frozen=True)
class Message:
    """The states at the cut, over Alice's prefixes: how many, and their entropy under uniform x."""

    reachable_states: int | None
    reachable_bits: float | None
    entropy_bits: float | None
    evidence: str | None
    prefix_set: str = "alice"


@dataclass(frozen=True)
class Information:
    """I(X; S) in bits: exactly, or from below with ``confidence``.

    ``best_accuracy``: how often the best guess of x_i from the message is right, on average over i; where all
    inputs were run.
    """

    bits: float | None
    per_input_bit: tuple[float, ...] | None
    evidence: str
    confidence: float | None
    best_accuracy: float | None = None


@dataclass(frozen=True)
class Answers:
    """Answers right out of how many, and the mean accuracy that the capacity allows (Fano).

    Both limits are None where the problem's queries do not ask for the symbols of x (EQ). For DISJ the
    queries run are the singletons, on which it is INDEX.

    ``accuracy_at_least``: of sampled answers, the lower confidence limit. ``fano_bits``: bits about x that
    answers this good prove to be in the message: Σ g(ε_i), query by query, if all inputs were run, or n·g(U)
    with U the upper confidence limit of the mean error.
    """

    trials: int
    errors: int
    accuracy: float
    accuracy_at_least: float | None
    ceiling_accuracy: float | None
    fano_bits: float | None
    evidence: str
    confidence: float | None


@dataclass(frozen=True)
class ReadOut:
    """What a read-out of the message, fitted on one sample of x, tells of the x of another.

    ``method``: "linear". ``numbers``: of the state, those that differ in the sample. ``errors``: of the guesses of
    each x_i, out of ``trials``. ``information_bits``: I(X; S) is at least that, with ``confidence``.
    """

    method: str
    numbers: int
    fitted_on: int
    trials: int
    errors: tuple[int, ...]
    accuracy: float
    information_bits: float
    evidence: str
    confidence: float


@dataclass(frozen=True)
class Step:
    """One token of a transcript: who sent it, in numbers and in words, and the state around it."""

    t: int
    party: str
    token: int
    words: str
    before: str
    after: str


@dataclass(frozen=True)
class Transcript:
    """One run: x, y, the steps (the middle of a long one left out), the message, answers and truth.

    ``task_answers``: the machine's answers after the cut, ``task_answer`` the one that is read (the last, if
    all are); ``output``: f(x, y) as Bob has it from them.
    """

    x: str
    y: str
    steps: tuple[Step, ...]
    omitted_steps: int
    message_hex: str
    cost_bits: int
    bob_tokens: tuple[int, ...]
    task_answers: tuple[int, ...]
    task_answer: int
    output: int
    expected: int


@dataclass(frozen=True)
class Drawing:
    """One stream, as a picture needs it: for x and y, with the right answers (not a machine's).

    ``tokens``: (party, role, names) in order, such as ("Alice", "edge", ("L", "v0")). ``vertices``: the
    names of a graph task's vertices by family, such as ("hub", ("L", "R")); empty for other tasks.
    ``placed``: Alice's tokens stand where the gadget puts position after position, as a table's need not.
    ``said``: the task's answer in words, where it has some.
    """

    x: str
    y: str
    expected: int
    task_answer: int
    tokens: tuple[tuple[str, str, tuple[str, ...]], ...]
    vertices: tuple[tuple[str, tuple[str, ...]], ...]
    problem: str = "INDEX"
    placed: bool = True
    said: str = ""


@dataclass(frozen=True)
class ReduceResult:
    """Everything ``commlb reduce`` says; the fields are the keys of its JSON.

    ``never_errs``: whether the machine is right on all of Alice's inputs and queries, by its construction or
    as seen on all of them; None if that is not known. If so, the bounds without error hold for it over
    Alice's prefixes; otherwise only the Fano chain does.
    """

    task: str
    task_size: dict[str, int]
    reduction: str
    problem: str
    n: int
    symbols: int
    c: int | None
    cut: int
    stream_length: int
    alphabet_size: int
    parameters: dict[str, int]
    description: tuple[str, str, str]
    remark: str
    source: str
    reduction_check: ReductionCheck
    bound: Bound
    task_bound: Bound | None
    never_errs: bool | None
    machine: MachineInfo
    message: Message
    information: Information
    answers: Answers | None
    transcript: Transcript | None
    collision: Collision | None
    drawing: Drawing | None
    seed: int | None
    verdict: str
    public_coins: PublicCoins | None = None
    readout: ReadOut | None = None

    def row(self) -> MemoryPoint:
        """This result as one CSV row."""
        sampled = self.answers is not None and self.answers.evidence == "sampled"
        return MemoryPoint(
            command="reduce",
            task=self.task,
            task_size=sizes(self.task_size),
            reduction=self.reduction,
            problem=self.problem,
            n=self.n,
            symbols=self.symbols,
            c=self.c,
            cut=self.cut,
            stream_length=self.stream_length,
            prefix_set=self.message.prefix_set,
            machine=spec(self.machine),
            format=self.machine.format,
            precision_bits=self.machine.precision_bits,
            weights_digest=self.machine.weights_digest,
            capacity_bits=self.machine.capacity_bits,
            reachable_states=self.message.reachable_states,
            reachable_bits=self.message.reachable_bits,
            entropy_bits=self.message.entropy_bits,
            information_bits=self.information.bits,
            bound_bits=self.bound.bits,
            bound_formula=self.bound.method,
            bound_source=self.bound.source,
            answered_by="machine" if self.answers else None,
            best_accuracy=self.information.best_accuracy,
            errors=self.answers.errors if self.answers else None,
            trials=self.answers.trials if self.answers else None,
            answers_evidence=self.answers.evidence if self.answers else None,
            confidence=self.information.confidence,
            seed=self.seed if sampled else None,
            evidence=self.information.evidence,
        )


def sizes(task_size: Mapping[str, Any]) -> str:
    """A task's size in one cell of a row, ``pairs=3;keys=4``."""
    return ";".join(f"{key}={value}" for key, value in task_size.items())


def spec(machine: MachineInfo) -> str:
    """A machine as the user typed it, ``window:w=8``."""
    values = ",".join(f"{key}={value}" for key, value in machine.parameters.items())
    return f"{machine.name}:{values}" if values else machine.name


def to_json(command: str, result: Any, provenance: dict[str, Any], indent: int | None = 2) -> str:
    """One object {schema, command, result, provenance, digest}; the digest is over all the rest."""
    body = {
        "schema": SCHEMA,
        "command": command,
        "result": dataclasses.asdict(result),
        "provenance": provenance,
    }
    return seal(body, indent)
