"""Files are written in one step: what was there before, or all of the new, never a part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from commlb.errors import BadInput

PICTURES = (".png", ".svg", ".pdf")


def check(path: str | Path, suffixes: Sequence[str]) -> None:
    """Refuse a path that cannot be written or whose suffix is not known, before any work is done."""
    target = Path(path)
    if target.suffix.lower() not in suffixes:
        given = f"'{target.suffix}'" if target.suffix else "none"
        raise BadInput(f"'{path}' must end in one of {', '.join(suffixes)}; its suffix is {given}")
    if not target.parent.is_dir():
        raise BadInput(f"cannot write '{path}': there is no folder '{target.parent}'; create it first")
    if target.is_dir():
        raise BadInput(f"cannot write '{path}': it is a folder; give a file name")
    if not os.access(target.parent, os.W_OK):
        raise BadInput(f"cannot write '{path}': the folder '{target.parent}' is not writable; choose another")


def replace(path: str | Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step. Raises ``BadInput`` if that cannot be done."""
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=Path(path).parent, prefix=".commlb-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise BadInput(f"cannot write '{path}': {error.strerror or error}") from error
        raise
