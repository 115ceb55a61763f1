"""Whether what is walked is what runs: nothing overridden that no proof looks at, no failure but a true one."""

from __future__ import annotations

from commlb.errors import BadInput, Malformed
from commlb.machines.base import UNDEFINED
from commlb.records import Counterexample
from commlb.reductions.base import Reduction
from commlb.reductions.bob import IndexReduction


def check_failure(reduction: IndexReduction, found: Counterexample) -> None:
    """Refuse to call a counterexample what the task itself answers rightly: names alone do not tell."""
    try:
        prefix = reduction.alice(found.x)
        if len(prefix) != reduction.cut:
            return  # Bob takes over in the wrong place
        answers = reduction.task.solve(prefix + reduction.suffix(found.y))
        several = answers if isinstance(answers, tuple) else (answers,)
        read = several[IndexReduction.read_at(reduction, found.y)]
    except Malformed:
        raise
    except (BadInput, IndexError, ValueError):
        return  # no stream of the task, or no answer where Bob reads one
    if answers is not UNDEFINED and reduction.answer(read) == found.expected:
        raise Malformed(
            f"whether {reduction.name} is right cannot be told from names: on i = {found.y} the walk ends in "
            f"'{found.obtained}', yet the task's answer is right; let Bob name only atoms that Alice has named"
        )


DERIVED = (
    "alice", "atom", "conclude", "encode", "number", "read", "read_at", "stream", "suffix", "suffixes", "symbol",
)  # fmt: skip
"""What follows from a reduction's letters and is not walked: a reduction may not have its own."""


def check_derived(reduction: Reduction) -> None:
    """Refuse a reduction that overrides what follows from its letters."""
    for name in DERIVED:
        home = getattr(getattr(type(reduction), name, None), "__module__", "")
        if home not in ("", "commlb.reductions.base", "commlb.reductions.bob") or name in vars(reduction):
            raise Malformed(
                f"reduction {reduction.name} has its own '{name}', which no proof looks at; write emit, finish, "
                "bob, whole, reply and answer only"
            )
