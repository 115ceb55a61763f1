"""What is asked for by name and number, checked: tasks, sizes, integers of any kind."""

from __future__ import annotations

import operator
from typing import Any

from commlb.errors import BadInput, LimitError, unknown_name
from commlb.tasks import task_classes

MAX_N, MAX_SYMBOLS, MAX_C = 2_000_000, 1024, 128
"""The largest n, alphabet and c that are run."""


def registered_task(task: Any, verb: str) -> str:
    """The name of a registered task. Raises ``BadInput`` for what is none."""
    if not isinstance(task, str):
        raise BadInput(f"task must be a name such as 'index'; given {type(task).__name__}")
    if ":" in task or task.endswith(".py"):
        raise BadInput(
            f"{verb} runs registered tasks; a task of your own, such as {task}, runs in exact, discover, "
            "and with --reduction FILE.json in reduce, states and collide"
        )
    if task not in task_classes():
        raise unknown_name("task", task, task_classes())
    return task


def check_sizes(n: Any, symbols: Any, c: Any) -> None:
    """Refuse sizes beyond what is run."""
    for name, given, limit in (("n", n, MAX_N), ("symbols", symbols, MAX_SYMBOLS), ("c", c, MAX_C)):
        if isinstance(given, int) and given > limit:
            raise LimitError(f"{name} = {given} is beyond the limit of {limit}; choose a smaller --{name}")


def as_int(value: Any) -> Any:
    """NumPy's and other integers as ``int``; what is none is left for the checks to refuse."""
    is_integer = hasattr(value, "__index__") and not isinstance(value, bool)
    return operator.index(value) if is_integer else value
