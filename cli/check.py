"""``commlb check``: what a file says, derived again by code that did not make it; and any machine, tested."""

from __future__ import annotations

import time
from typing import Any

import click
from commlb_cli.options import INTEGER, complete

TESTED = ("n", "seed", "one_token", "out")
"""Options of a machine that is tested, without a FILE."""


@click.command("check")
@click.argument("files", nargs=-1, metavar="[FILE...]")
@click.option(
    "--machine",
    metavar="M",
    shell_complete=complete("machine"),
    help="Without a FILE: the machine to test. With one: the machine of a file that names one of yours.",
)
@click.option(
    "--task",
    metavar="T",
    shell_complete=complete("task"),
    help="Without a FILE: whose streams the machine reads (default index). With one: the task of a file that "
    "names one of yours: my.py:Name.",
)
@click.option("--n", type=INTEGER, help="The task's own size (default 12); without a FILE.")
@click.option("--seed", type=INTEGER, help="Of the streams that are drawn; without a FILE.")
@click.option(
    "--one-token",
    is_flag=True,
    default=None,
    help="Test one token a step and one stream alone only: what commlb runs.",
)
@click.option("--work", type=INTEGER, help="Runs or questions up to which a FILE is derived again (2^16).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--out", multiple=True, metavar="FILE", help="Also write a .json or .jsonl file; without a FILE."
)
def check_command(files: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Verify a collision, a discovered table, a bound, a result of reduce, or the rows of curve; or test a machine.

    What a FILE says is derived again, by code that made none of it: the machine is stepped, one run at a time,
    whole states are compared, the task's solver is asked for the right answers, witnesses are looked at entry by
    entry. What is not derived again is listed. Files are data: what they name is looked up in the registries, and
    nothing in them is run or opened. A machine or a task of your own is run only if you name it here.

    Without a FILE the machine M is tested, a registered one or your own (my.py:build, a config.json, an .onnx
    file): the same stream twice and in a machine built anew, a stream split after every token against the whole,
    with the message alone crossing, copies that are resumed, streams in turn and side by side, several tokens in
    one call against one a step, and the bits that are there against those declared. States are compared bit for
    bit; what fails is named. A state that grows fails no test, but is no bounded-state machine: the last
    line says so. One token a step is all that commlb itself runs; --one-token leaves the rest out.

    Exit codes: 0 all files hold, or all tests; 1 one is refused, or fails (a line on stderr says why); 2 bad input,
    such as no such file.

    \b
    Examples:
      commlb check collision.json
      commlb check rows.csv gadget.json bound.json
      commlb check rows.csv --work 1000000
      commlb check mine.json --machine my_model.py:build
      commlb check --machine my_model.py:build
      commlb check --machine config.json --n 24 --one-token
      commlb check --machine gru:d=8,p=4 --task ar --n 6
    """
    wanted = {key: value for key, value in given.items() if value not in (None, ())}
    if files:
        for key in TESTED:
            if key in wanted:
                raise click.UsageError(
                    f"--{key.replace('_', '-')} is for --machine M without a FILE; leave it out."
                )
        _check_files(files, as_json, wanted)
    elif "machine" not in wanted:
        raise click.UsageError("Missing argument 'FILE...', or --machine M to test a machine.")
    elif "work" in wanted:
        raise click.UsageError("--work is for FILEs; give one, or leave it out.")
    else:
        _test_machine(as_json, wanted)


def _check_files(files: tuple[str, ...], as_json: bool, wanted: dict[str, Any]) -> None:
    started = time.perf_counter()
    import contextlib
    import sys

    from commlb_cli import output

    from commlb.checker import check_all

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


def _test_machine(as_json: bool, wanted: dict[str, Any]) -> None:
    started = time.perf_counter()
    import contextlib
    import sys

    from commlb_cli import output

    from commlb.checking.selftest import selftest

    out = wanted.pop("out", ())
    output.check(out, (), has_rows=False)
    progress = output.progress_on_terminal("tests")
    with contextlib.redirect_stdout(sys.stderr):
        result = selftest(wanted.pop("machine"), progress=progress, **wanted)
    output.say("selftest", result, [], as_json, out, started, result.seed)
    if not result.holds:
        click.echo(f"commlb: {result.verdict}", err=True)
        raise click.exceptions.Exit(1)
