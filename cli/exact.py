"""``commlb exact``: what any machine must keep."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Any

import click
from commlb_cli.options import INTEGER, Sizes, complete, engine, limits, results, sizes

EXPORTS = (".json", ".dot")


@click.command("exact")
@click.argument("task", shell_complete=complete("task"))
@click.option("--n", type=Sizes(), required=True, help="The task's own size, or a range a:b[:step].")
@sizes
@engine
@click.option("--max-states", type=INTEGER, help="States of all layers, or streams (default 2^22).")
@limits
@click.option("--export", metavar="FILE", help="Write the minimal automaton as .json or .dot.")
@results("a row a cut")
def exact_command(
    task: str,
    n: Any,
    as_json: bool,
    out: tuple[str, ...],
    export: str | None,
    plots: tuple[str, ...],
    **given: Any,
) -> None:
    """The fewest states that any machine for TASK can have, at every cut.

    Two prefixes may share a state iff no valid suffix tells them apart; the number of classes at a cut is the
    minimum there, and log2 of the largest is the memory that any machine needs. Under a promise the
    minimum is a chromatic number: an interval, exact where its ends meet.

    TASK is a registered name (commlb list), or a task of your own, path/to/file.py:Name: a class of n with
    length, alphabet, and answer(stream) or start, step and answer. The file is run as Python.

    For a range of sizes: a row a size, and the law of growth that fits best, as an observation.

    \b
    Examples:
      commlb exact istree --n 7
      commlb exact istree --n 3:9 --plot growth.png
      commlb exact ar --n 2 --keys free --types 4
      commlb exact dyck --n 10 --types 2 --depth 2 --export dyck.dot
      commlb exact my_task.py:Palindrome --n 12 --out rows.csv
    """
    started = time.perf_counter()
    from commlb_cli import output
    from commlb_cli.text import wrap

    from commlb import files, minimum
    from commlb.errors import BadInput, OverLimit
    from commlb.growth import grow

    output.check(out, plots)
    options = {key: value for key, value in given.items() if value is not None}
    progress = output.progress_on_terminal("layers")
    if isinstance(n, range):
        if export is not None:
            raise BadInput("--export writes one automaton; give one size, --n N")
        with contextlib.redirect_stdout(sys.stderr):  # what a user's task prints is no result
            grown, stopped = output.finished(lambda: grow(task, n, progress=progress, **options))
        output.draw(plots, "save_growth", grown, out)
        output.say("exact", grown, grown.rows(), as_json, out, started)
        if stopped is not None:
            raise stopped
        return
    if export is not None:
        files.check(export, EXPORTS)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result, merged = minimum.solve(task, n, progress=progress, **options)
    except OverLimit as error:
        if error.finished and not as_json:
            widths = ", ".join(f"{count:,}" for count in error.finished)
            click.echo("\n".join(wrap(f"States of the layers that were finished: {widths}", "", "  ")))
        raise
    if export is not None:
        files.replace(export, _exported(export, merged))
    output.draw(plots, "save_exact", result, out)
    output.say("exact", result, result.rows(), as_json, out, started)


def _exported(path: str, merged: Any) -> bytes:
    import json

    from commlb.export import to_dot, to_json_dict

    if Path(path).suffix.lower() == ".dot":
        return to_dot(merged).encode()
    return (json.dumps(to_json_dict(merged), ensure_ascii=False, indent=1) + "\n").encode()
