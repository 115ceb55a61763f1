"""What is registered: every named class in a package's files. Adding a file adds an entry."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil


@functools.cache
def registered(package: str, base: type) -> dict[str, type]:
    """The concrete subclasses of ``base`` with a ``name``, defined in the modules of ``package``.

    Exact machines belong to their task and share one name, so they are reached through the task only. A class
    whose instances are named one by one (a reduction read from a file) has no name of its own.
    """
    found: dict[str, type] = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__, package + "."):
        module = importlib.import_module(info.name)
        for entry in vars(module).values():
            if inspect.isclass(entry) and issubclass(entry, base) and entry.__module__ == info.name:
                name = getattr(entry, "name", None)
                if not inspect.isabstract(entry) and isinstance(name, str):
                    found[name] = entry
    return dict(sorted(found.items()))
