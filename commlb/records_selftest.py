"""What ``commlb check --machine`` says of a machine: each test, what it found, and the bits that are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SAME, ROUNDING, FAILS, UNTESTED, HOLDS = "same bits", "rounding", "fails", "not tested", "holds"
"""The outcomes of a test: whole states compared bit for bit; equal but for rounding, with the largest difference;
not; nothing to compare; and, where no two runs are compared, it is as it must be."""


@dataclass(frozen=True)
class OneTest:
    """One ``test`` of a machine: what was ``done``, its ``outcome``, and what was ``found``.

    ``holds``: None where nothing was tested. ``tokens``: how many were stepped. ``largest_difference``: of two
    numbers that should be equal; None where states have the same bits, or no like form. ``trap``: the name of what
    was caught; ``advice``: what to do about it.
    """

    test: str
    done: str
    outcome: str
    holds: bool | None
    found: str = ""
    tokens: int = 0
    largest_difference: float | None = None
    trap: str | None = None
    advice: str = ""


@dataclass(frozen=True)
class StoredBits:
    """The bits of a state after so many ``tokens``.

    ``stored_bits``: those really there, of all tensors together, or up to the highest bit that is used in any
    message that was met. ``declared_bits``: what the machine gives as the length of its message. By kind, where it
    is a model: ``recurrent_bits``, ``kv_bits`` (keys and values), ``position_bits`` (a function of the number of
    tokens, which is free and in no sum); ``answer_bits``: the answer, kept beside them where one is due.
    """

    tokens: int
    stored_bits: int
    declared_bits: int
    recurrent_bits: int | None = None
    kv_bits: int | None = None
    position_bits: int | None = None
    answer_bits: int | None = None


@dataclass(frozen=True)
class MachineTested:
    """The machine that was tested; ``remark``: what it is, in words.

    ``storage_bits``: None where it could not be built.
    """

    name: str
    parameters: Mapping[str, Any]
    format: str | None
    precision_bits: int | None
    weights_digest: str | None
    remark: str
    storage_bits: int | None


@dataclass(frozen=True)
class SelfTestResult:
    """Everything that ``commlb check --machine`` says; the fields are the keys of its JSON.

    ``one_token_schedule``: only what the library itself runs was tested, one token a step and one stream alone.
    ``growth_bits_per_token``: by how much the largest state of the stream's second half is above that of the first,
    a token: 0 for a bounded state, as far as was run. ``traps``: the names of those that were caught.
    ``evidence``: "sampled", of streams drawn with ``seed``: a test that holds has found nothing, and a trap that
    was caught is there.
    """

    machine: MachineTested
    task: str
    task_size: Mapping[str, Any]
    n: int
    stream_length: int
    alphabet_size: int
    seed: int
    one_token_schedule: bool
    tests: tuple[OneTest, ...]
    stored: tuple[StoredBits, ...]
    growth_bits_per_token: int
    traps: tuple[str, ...]
    holds: bool
    evidence: str
    verdict: str
