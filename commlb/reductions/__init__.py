"""Reductions from two-party problems to tasks. A new one is one class in a file here."""

from __future__ import annotations

from commlb.errors import BadInput, unknown_name
from commlb.reductions.base import Reduction
from commlb.registry import registered
from commlb.tasks import task_classes

DEFAULTS = {"istree": "two-hub", "mqar": "first-query"}
"""The reduction of a task that has several."""


def reduction_classes() -> dict[str, type[Reduction]]:
    """The registered reductions by name."""
    return registered("commlb.reductions", Reduction)


def for_task(task: str) -> dict[str, type[Reduction]]:
    """The reductions to one task by name."""
    return {name: cls for name, cls in reduction_classes().items() if cls.task_name == task}


def build(task: str, reduction: str | None, n: int, symbols: int | None, c: int | None) -> Reduction:
    """The reduction of INDEX with n symbols to ``task``; None stands for the default.

    Raises ``BadInput`` for names that are not registered and options that the reduction does not have.
    """
    known = for_task(task)
    if not known:
        tasks = {cls.task_name for cls in reduction_classes().values()}
        if task in task_classes():
            raise BadInput(
                f"no reduction to {task} is registered; those to choose from: {', '.join(sorted(tasks))}"
            )
        raise unknown_name("task", task, tasks)
    name = DEFAULTS.get(task, next(iter(known))) if reduction is None else reduction
    if name not in known:
        raise unknown_name(f"reduction to {task}", name, known)
    cls = known[name]
    given = {key: value for key, value in (("symbols", symbols), ("c", c)) if value is not None}
    for key in given:
        if key not in cls.options and not (key == "symbols" and symbols == 2):
            takers = sorted({r.task_name for r in reduction_classes().values() if key in r.options})
            raise BadInput(f"--{key} has no meaning for {task} ({name}); it is for {', '.join(takers)}")
    return cls(n, **given)
