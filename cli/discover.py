"""``commlb discover``: a reduction that nobody wrote down."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any

import click
from commlb_cli.options import INTEGER, complete, engine, results, sizes


@click.command("discover")
@click.argument("task", shell_complete=complete("task"))
@click.option("--n", type=INTEGER, required=True, help="The task's own size.")
@sizes
@click.option("--cut", type=INTEGER, help="Only the cut after so many tokens (default: all).")
@click.option(
    "--over", type=INTEGER, help="Only INDEX over this many symbols (default: 2 and more, the best in bits)."
)
@engine
@click.option("--no-symmetry", is_flag=True, help="Do without the symmetries of the task.")
@click.option("--max-nodes", type=INTEGER, help="Nodes of all searches (default 2^23).")
@click.option("--max-states", type=INTEGER, help="States of all layers, or streams (default 2^22).")
@click.option("--max-memory", type=INTEGER, help="Bytes of the columns of one cut (default 2^30).")
@click.option("--timeout", type=float, help="Seconds at most.")
@click.option("--seed", type=INTEGER, default=0, show_default=True, help="For the part that is random.")
@results("a row a cut")
def discover_command(
    task: str,
    n: int,
    no_symmetry: bool,
    as_json: bool,
    out: tuple[str, ...],
    plots: tuple[str, ...],
    **given: Any,
) -> None:
    """Find the largest INDEX instance inside TASK: a reduction nobody wrote down.

    A set of suffixes is shattered if for every word of answers some prefix gives it: then Alice's word x
    is that prefix, Bob's i the i-th suffix, and whoever solves the task must carry x across the cut, with
    or without public coins. All suffixes at every cut are compared in full and searched by branch and
    bound. A search that ends is a proof that there is no larger set; else the bound shown is the proven one.

    TASK is a registered name (commlb list), or a task of your own, path/to/file.py:Name, as in commlb exact. It
    may have an attribute symmetries: a list of mappings token to token that keep the task. They are
    verified, and make the search shorter.

    What is found is a reduction: write it with --out FILE.json, and run it with commlb reduce TASK
    --reduction FILE.json.

    At a limit, or when interrupted, the best found is printed and written (exit codes 4 and 130), if rows and
    columns had been listed by then; else one line says why, and nothing is written.

    \b
    Examples:
      commlb discover istree --n 7
      commlb discover istree --n 8 --out found.json --plot found.png
      commlb discover counting --n 5 --types 6 --cut 5
      commlb discover index --n 4 --symbols 3 --over 3
      commlb discover my_task.py:Palindrome --n 8 --out found.json
    """
    started = time.perf_counter()
    from commlb_cli import output
    from commlb_cli.discover_text import next_lines

    import commlb

    output.check(out, plots)
    options = {key: value for key, value in given.items() if value is not None}
    progress = output.progress_on_terminal("searches")
    with contextlib.redirect_stdout(sys.stderr):  # what a user's task prints is no result
        result, stopped = output.finished(
            lambda: commlb.discover(task, n, symmetric=not no_symmetry, progress=progress, **options)
        )
    output.draw(plots, "save_discover", result, out)
    output.say("discover", result, result.rows(), as_json, out, started, result.seed)
    if not as_json and result.table is not None:
        click.echo("\n".join(next_lines(task, out)))
    if stopped is not None:
        raise stopped
