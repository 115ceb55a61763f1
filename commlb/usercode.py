"""A class or function from a user's own file, named ``path/to/file.py:Name`` or ``package.module:Name``.

The file is the user's own program. It is imported, and so executed, only because the user named it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from commlb.errors import BadInput, CommlbError, MissingExtra, unknown_name

INSTALLED_BY = {"torch": "torch", "transformers": "hf", "onnx": "onnx", "onnxruntime": "onnx"}
"""Which extra installs a package that models are written with."""


def fetched(spec: str, what: str) -> Any:
    """What ``spec`` names. Raises ``BadInput``, in one line, for a file or a name that is not there."""
    home, _, name = spec.rpartition(":")
    if not home or not name.isidentifier():
        raise BadInput(
            f"{what} of your own is named path/to/file.py:Name or package.module:Name; given '{spec}'"
        )
    module = _module(home)
    if not hasattr(module, name):
        defined = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        if not defined:
            raise BadInput(f"{home} defines no class or function, so no '{name}'")
        raise unknown_name(f"name in {home}", name, defined)
    return getattr(module, name)


def _module(home: str) -> ModuleType:
    """The module at a path, or of a dotted name, imported with its folder (or the current) on the path."""
    path = Path(home)
    is_file = path.suffix == ".py" or len(path.parts) > 1
    if is_file and not path.is_file():
        raise BadInput(f"there is no file '{home}'")
    before = list(sys.path)
    sys.path.insert(0, str(path.resolve().parent) if is_file else str(Path.cwd()))
    try:
        return _import_file(path) if is_file else importlib.import_module(home)
    except CommlbError:
        raise
    except (Exception, SystemExit) as error:
        require_installed(error, f"to import '{home}'")
        raise BadInput(f"cannot import '{home}': {said(error)}") from error
    finally:
        sys.path[:] = before


def _import_file(path: Path) -> ModuleType:
    """A fresh module from the file; it stays registered, since dataclasses and pickles look there."""
    name = f"commlb_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"'{path}' must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def blamed(name: str, call: str) -> Iterator[None]:
    """What the user's code raises becomes ``BadInput``, in one line that says where."""
    try:
        yield
    except CommlbError:
        raise
    except (Exception, SystemExit) as error:
        require_installed(error, f"to run {name}")
        raise BadInput(f"{name}: {short(call)} raised {said(error)}") from error


def require_installed(error: BaseException, purpose: str) -> None:
    """Raise ``MissingExtra`` where ``error`` says that a package is missing which an extra installs."""
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if package in INSTALLED_BY:
        raise MissingExtra(purpose, INSTALLED_BY[package]) from None


def short(text: str, most: int = 200) -> str:
    """One line of at most ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def said(error: BaseException) -> str:
    return short(f"{type(error).__name__}: {error}")
