"""The ways in which a request can fail, each with the exit code that the command line gives it.

Every message is one line: what was required, what was given, what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


class CommlbError(Exception):
    """Base of all errors that commlb raises on purpose; ``exit_code`` is the shell's."""

    exit_code = 1


class BadInput(CommlbError, ValueError):
    """The request itself is wrong: an unknown name, a size out of range, a malformed string."""

    exit_code = 2


class Malformed(BadInput):
    """A reduction or a task is not written as it must be, so that nothing can be said of its truth."""


class LimitError(CommlbError):
    """The request is right but needs more states, memory or time than the limit allows."""

    exit_code = 4


def unknown_name(
    kind: str, given: str, known: Iterable[str], others: Mapping[str, str] | None = None
) -> BadInput:
    """The error for a name that is not registered, with the nearest known name as a suggestion.

    ``others``: names that somebody may use for known ones.

    >>> print(unknown_name("task", "istre", ["index", "istree"]))
    unknown task 'istre'; did you mean 'istree'? Known: index, istree
    """
    names = sorted(known)
    other = (others or {}).get(given.lower())
    near = [other] if other else difflib.get_close_matches(given.lower(), names, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ";"
    return BadInput(f"unknown {kind} '{given}'{hint} Known: {', '.join(names)}".replace("; K", ". K"))


def require_at_least(name: str, value: object, low: int) -> None:
    """Refuse ``value`` unless it is an integer ≥ ``low``; an unknown integer (proofs) passes."""
    from commlb.symbolic import Unknown

    if isinstance(value, Unknown):
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise BadInput(f"{name} must be an integer of at least {low}; given {value!r}")


class OverLimit(LimitError):
    """A search stopped at ``--max-states`` or ``--max-memory``; ``finished`` are the layers' state counts.

    ``instead``: what else can be done than lower n or raise the limit.
    """

    def __init__(
        self,
        what: str,
        need: float,
        limit: float,
        option: str,
        finished: Iterable[int] = (),
        instead: str = "",
    ):
        self.need, self.limit, self.option, self.finished = need, limit, option, tuple(finished)
        self._given = (what, need, limit, option, self.finished, instead)
        verb = "used" if option == "--timeout" else "needed"
        ways = f"lower n, raise {option}, or {instead}" if instead else f"lower n or raise {option}"
        super().__init__(f"{what}: {need:,} {verb}, the limit is {limit:,}; {ways}")

    def __reduce__(self) -> tuple[type[OverLimit], tuple[object, ...]]:
        return OverLimit, self._given


class MissingExtra(CommlbError):
    """An optional dependency is not installed."""

    exit_code = 3

    def __init__(self, purpose: str, extra: str):
        super().__init__(
            f"{purpose} the extra '{extra}' is needed; install it: pip install 'commlb[{extra}]'"
        )
