"""``commlb.check``: what a file says, derived again by code that made none of it.

Nothing here imports what makes files: the machine's own step is called, one run at a time, whole states are
compared, and right answers are the task's solver's. Files are data: names in them are looked up in the registries,
and nothing in them is executed or opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from commlb.checking.bound import check_bound
from commlb.checking.collision import check_collide
from commlb.checking.common import WORK, Asked, Notes, Own, Refused, require, short
from commlb.checking.horizon import check_horizon_rows
from commlb.checking.reduce import check_reduce
from commlb.checking.rows import check_rows
from commlb.checking.schema import read
from commlb.checking.table import check_discover
from commlb.errors import BadInput, CommlbError, MissingExtra, require_at_least
from commlb.records import SCHEMA, ReduceResult
from commlb.records_bounds import BoundResult
from commlb.records_check import CheckReport, CheckResult
from commlb.records_horizons import HEADER
from commlb.records_witness import CollideResult, DiscoverResult
from commlb.sealed import unseal

MAX_BYTES = 2**26
"""The largest file that is read."""

KINDS: dict[str, tuple[Any, Any]] = {
    "collide": (CollideResult, check_collide),
    "discover": (DiscoverResult, check_discover),
    "bound": (BoundResult, check_bound),
    "reduce": (ReduceResult, check_reduce),
}
"""Of each command whose JSON is checked, the record and the check."""

INSTEAD = {
    "curve": "check reads the rows of curve: curve … --out rows.csv",
    "budget": "commlb budget counts it again, from the config",
    "states": "check reads rows: states … --out rows.csv",
    "selftest": "run check --machine again, with the seed in the file",
}


def check(
    path: str | Path, *, machine: str | None = None, task: str | None = None, work: int = WORK
) -> CheckResult:
    """What the file at ``path`` says, derived again: a collision, a discovered table, a bound, a result, or rows.

    ``machine`` and ``task``: of a file that names the user's own, such as "my.py:build" and "my.py:Name"; they are
    imported, since the user names them here. ``work``: runs, or questions to the solver, up to which a thing is
    derived again; what is not is listed in ``taken_as_written``. The result says whether the file ``holds`` and,
    if not, the ``reason``, also for a file that is none of these. Raises ``BadInput`` for a path that is no file.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".json") as file: check(file.name).reason
    'it is empty'
    """
    require_at_least("work", work, 1)
    file, notes = Path(path), Notes(work)
    _require_file(file)
    kind: str | None = None
    try:
        text = _text(file)
        if file.suffix.lower() != ".csv" and text.lstrip()[:1] in ("{", "[", '"'):
            body = _body(text, str(file))
            kind = body["command"]
            record, derive = KINDS[body["command"]]
            notes.add("the file", "its digest, its keys and the types of their values", "SHA-256")
            derive(read(record, body["result"], "result"), notes, Own(machine, task))
        elif text.startswith(HEADER.rstrip("\n")):
            kind = "horizons"
            check_horizon_rows(text, str(file), notes, Own(machine, task))
        else:
            kind = "rows"
            check_rows(text, str(file), notes, Own(machine, task))
    except (Asked, MissingExtra):
        raise
    except CommlbError as error:
        return _result(file, kind, notes, _line(error))
    except MemoryError:
        return _result(file, kind, notes, "to derive it again needs more memory than there is")
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
        return _result(
            file, kind, notes, f"it cannot be derived again ({type(error).__name__}: {_line(error)})"
        )
    return _result(file, kind, notes, None)


def check_all(paths: list[str], **given: Any) -> CheckReport:
    """``check`` of several files, in order; all paths are looked at before any work."""
    for path in paths:
        _require_file(Path(path))
    found = tuple(check(path, **given) for path in paths)
    refused = [result for result in found if not result.holds]
    verdict = f"{len(found) - len(refused)} of {len(found)} files hold."
    if len(found) == 1:
        verdict = found[0].verdict
    return CheckReport(found, not refused, verdict)


def _require_file(path: Path) -> None:
    try:
        is_file = path.is_file()
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read '{short(str(path))}': {error}") from None
    if not is_file:
        what = "is a folder" if path.is_dir() else "is no file"
        raise BadInput(f"'{short(str(path), 200)}' {what}; give a file that commlb wrote (.json or .csv)")


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        require(size <= MAX_BYTES, f"it has {size} bytes; at most {MAX_BYTES} are read")
        require(size > 0, "it is empty")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"it is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise BadInput(f"cannot read '{path}': {error.strerror or error}") from None


def _body(text: str, name: str) -> dict[str, Any]:
    """The sealed object, its outer keys looked at."""
    body = unseal(text, name)
    wanted = {"schema", "command", "result", "provenance", "digest"}
    require(
        set(body) == wanted,
        f"it must have the keys {', '.join(sorted(wanted))}; given {short(sorted(body), 80)}",
    )
    require(body["schema"] == SCHEMA, f"its schema must be '{SCHEMA}'; given {short(body['schema'])}")
    require(isinstance(body["provenance"], dict), "its provenance must be an object")
    command = body["command"]
    if not isinstance(command, str) or command not in KINDS:
        known = ", ".join(KINDS)
        instead = INSTEAD.get(command, "") if isinstance(command, str) else ""
        raise Refused(
            f"check verifies results of {known}, and rows; this is one of {short(command)}"
            + (f"; {instead}" if instead else "")
        )
    return body


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:600]


def _result(file: Path, kind: str | None, notes: Notes, reason: str | None) -> CheckResult:
    name = short(str(file), 200)
    if reason is not None:  # readers of files name them, and so does the verdict
        reason = reason.removeprefix(f"'{file}'").lstrip(",: ")
    verdict = f"'{name}' is refused: {reason}"
    if reason is None:
        left = f"; {len(notes.taken)} things are taken as written" if notes.taken else ""
        verdict = f"'{name}' holds: {len(notes.verified)} things were derived again{left}."
    return CheckResult(
        file=name,
        kind=kind,
        holds=reason is None,
        verified=tuple(notes.verified),
        taken_as_written=tuple(notes.taken),
        reason=reason,
        verdict=verdict,
    )
