"""``commlb states``: what a machine keeps, at every cut."""

from __future__ import annotations

import time
from typing import Any

import click
from commlb_cli.options import INTEGER, cluster, inside, limits, results


@click.command("states")
@inside
@click.option(
    "--over",
    type=click.Choice(["alice", "all"]),
    help="Alice's prefixes of the reduction (the default where there is one), or all of the task's.",
)
@click.option("--information", is_flag=True, help="Add what each state tells about each symbol of x.")
@click.option("--max-states", type=INTEGER, help="Distinct states of one layer at most (default 2^28).")
@limits
@cluster
@results("a row a cut")
def states_command(
    task: str, as_json: bool, out: tuple[str, ...], plots: tuple[str, ...], **given: Any
) -> None:
    """Count the states that a machine reaches, at every cut, and what they tell about x.

    All prefixes are followed, layer by layer; each state has the exact number of prefixes that lead to it.
    Over Alice's prefixes the rows are set against what must cross the cut; over all prefixes of the task
    against what any machine for the task needs. The two are never mixed.

    With --information: I(X_i; S_t), and the accuracy of the best guess of x_i from the state, whatever the
    machine itself answers, beside Fano's ceiling.

    With --cluster, layers may outgrow the memory of one process: --max-memory then bounds the bytes of one
    worker's task. Numbers are the same.

    At a limit, or when interrupted, the finished cuts are printed and written (exit codes 4 and 130).

    \b
    Examples:
      commlb states index --n 16 --machine window:w=4 --information
      commlb states index --n 40 --machine random:bits=18 --plot states.png
      commlb states index --n 12 --machine gru:d=4,p=4 --information
      commlb states istree --n 6 --over all
      commlb states index --n 24 --machine random:bits=40 --cluster local
      commlb states counting --n 10 --json --out rows.csv
    """
    started = time.perf_counter()
    from commlb_cli import output

    import commlb

    output.check(out, plots)
    given = {key: value for key, value in given.items() if value is not None}
    progress = output.progress_on_terminal("layers")
    result, stopped = output.finished(lambda: commlb.states(task, **given, progress=progress))
    output.draw(plots, "save_states", result, out)
    output.say("states", result, result.rows(), as_json, out, started)
    if stopped is not None:
        raise stopped
