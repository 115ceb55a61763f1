"""Streaming tasks, one a file. A new one is one file here: a subclass of ``Task`` with a ``name``."""

from __future__ import annotations

from commlb.registry import registered
from commlb.tasks.base import Task


def task_classes() -> dict[str, type[Task]]:
    """The registered tasks by name."""
    return registered("commlb.tasks", Task)
