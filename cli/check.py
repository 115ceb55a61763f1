"""``commlb check``: what a file says, derived again by code that did not make it."""

from __future__ import annotations

import time
from typing import Any

import click
from commlb_cli.options import INTEGER


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--machine", metavar="M", help="The machine of a file that names one of yours: my.py:build.")
@click.option("--task", metavar="T", help="The task of a file that names one of yours: my.py:Name.")
@click.option("--work", type=INTEGER, help="Runs or questions up to which things are derived again (2^16).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check_command(files: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Verify a collision, a discovered table, a bound, a result of reduce, or the rows of curve.

    What a FILE says is derived again, by code that made none of it: the machine is stepped, one run at a time,
    whole states are compared, the task's solver is asked for the right answers, witnesses are looked at entry by
    entry. What is not derived again is listed. Files are data: what they name is looked up in the registries, and
    nothing in them is run or opened. A machine or a task of your own is run only if you name it here.

    Exit codes: 0 all files hold, 1 one is refused (the line says why), 2 bad input, such as no such file.

    \b
    Examples:
      commlb check collision.json
      commlb check rows.csv gadget.json bound.json
      commlb check rows.csv --work 1000000
      commlb check mine.json --machine my_model.py:build
    """
    started = time.perf_counter()
    import contextlib
    import sys

    from commlb_cli import output

    from commlb.checker import check_all

    wanted = {key: value for key, value in given.items() if value is not None}
    with contextlib.redirect_stdout(sys.stderr):  # what a user's file prints is no result
        report = check_all(list(files), **wanted)
    shown = [result for result in report.files if result.holds]
    if as_json or shown:
        output.say("check", report, [], as_json, (), started)
    if not report.holds:
        if not as_json:
            for result in report.files:
                if not result.holds:
                    click.echo(f"commlb: {result.verdict}", err=True)
        raise click.exceptions.Exit(1)
