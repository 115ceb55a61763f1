"""What ``commlb check`` says of files: what was derived again, how, and what was taken as it is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verified:
    """One thing that was derived again and found as written: ``what``, ``how``, and the ``figure``, if any."""

    what: str
    how: str
    figure: str = ""


@dataclass(frozen=True)
class CheckResult:
    """What was found in one ``file``.

    ``kind``: "collide", "discover", "bound", "reduce", "rows" or "horizons"; None where that cannot be told.
    ``holds``: all that was derived again is as written; else ``reason`` says what is not. ``verified``: what was
    derived again, in order (up to where it failed). ``taken_as_written``: what the file says beside that, for which
    nothing here speaks.
    """

    file: str
    kind: str | None
    holds: bool
    verified: tuple[Verified, ...]
    taken_as_written: tuple[str, ...]
    reason: str | None
    verdict: str


@dataclass(frozen=True)
class CheckReport:
    """Everything that ``commlb check`` says of one file or of several; the fields are the keys of its JSON."""

    files: tuple[CheckResult, ...]
    holds: bool
    verdict: str
