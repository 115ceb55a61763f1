"""``commlb states``: what a machine keeps, at every cut."""

from __future__ import annotations

import time
from typing import Any

import click
from commlb_cli.reduce import INTEGER, complete


@click.command("states")
@click.argument("task", shell_complete=complete("task"))
@click.option("--n", type=INTEGER, required=True, help="Symbols that Alice holds; the task's size follows.")
@click.option("--reduction", shell_complete=complete("reduction"), help="Gadget; see commlb list.")
@click.option("--c", type=INTEGER, help="Length of the c-grams (cgram only, default 2).")
@click.option("--symbols", type=INTEGER, help="Alphabet of x, where the task takes more than bits.")
@click.option(
    "--machine",
    default="exact",
    show_default=True,
    shell_complete=complete("machine"),
    help="exact, store, window:w=8, random:bits=16,seed=1, …",
)
@click.option(
    "--over",
    type=click.Choice(["alice", "all"]),
    help="Alice's prefixes of the reduction (the default where there is one), or all of the task's.",
)
@click.option("--information", is_flag=True, help="Add what each state tells about each symbol of x.")
@click.option("--max-states", type=INTEGER, help="Distinct states of one layer at most (default 2^28).")
@click.option("--max-memory", type=INTEGER, help="Bytes at most (default 2^32).")
@click.option("--timeout", type=float, help="Seconds at most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--out", metavar="FILE", help="Also write a .json, .jsonl or .csv file (a row a cut).")
@click.option(
    "--plot", "plots", multiple=True, metavar="FILE", help="Draw to .png, .svg or .pdf; repeatable."
)
def states_command(task: str, as_json: bool, out: str | None, plots: tuple[str, ...], **given: Any) -> None:
    """Count the states that a machine reaches, at every cut, and what they tell about x.

    All prefixes are followed, layer by layer; each state has the exact number of prefixes that lead to it.
    Over Alice's prefixes the rows are set against what must cross the cut; over all prefixes of the task
    against what any machine for the task needs. The two are never mixed.

    With --information: I(X_i; S_t), and the accuracy of the best guess of x_i from the state, whatever the
    machine itself answers, beside Fano's ceiling.

    At a limit, or when interrupted, the finished cuts are printed and written (exit codes 4 and 130).

    \b
    Examples:
      commlb states index --n 16 --machine window:w=4 --information
      commlb states index --n 40 --machine random:bits=18 --plot states.png
      commlb states istree --n 6 --over all
      commlb states counting --n 10 --json --out rows.csv
    """
    started = time.perf_counter()
    from commlb_cli import output

    import commlb
    from commlb import files

    if out is not None:
        files.check(out, output.RESULT_SUFFIXES)
    for path in plots:
        files.check(path, files.PICTURES)
    given = {key: value for key, value in given.items() if value is not None}
    stopped: BaseException | None = None
    try:
        result = commlb.states(task, **given, progress=output.progress_on_terminal("layers"))
    except BaseException as error:
        result, stopped = getattr(error, "partial", None), error
        if result is None:
            raise
    if plots:
        from commlb.plots import save_states

        for path in plots:
            save_states(result, path)
    where = output.provenance(None, started) if as_json or out is not None else {}
    if out is not None:
        output.save(out, "states", result, result.rows(), where)
    if as_json:
        from commlb.records import to_json

        click.echo(to_json("states", result, where))
    else:
        from commlb_cli.states_text import lines

        click.echo("\n".join(lines(result)))
    if stopped is not None:
        raise stopped
