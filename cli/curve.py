"""``commlb curve``: memory versus length."""

from __future__ import annotations

import time
from typing import Any

import click
from commlb_cli.options import INTEGER, Sizes, cluster, complete


class Shard(click.ParamType):
    """i/N."""

    name = "i/N"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        i, slash, of = str(value).partition("/")
        if not (slash and i.isascii() and i.isdigit() and of.isascii() and of.isdigit()):
            self.fail(f"'{value}' is no share i/N, such as 2/8.", parameter, context)
        return int(i), int(of)


@click.command("curve")
@click.argument("task", shell_complete=complete("task"))
@click.option(
    "--n", type=Sizes(doubling=True), required=True, help="Sizes a:b[:step], or a:b:log for a, 2a, 4a, …"
)
@click.option(
    "--machine",
    "machines",
    multiple=True,
    required=True,
    shell_complete=complete("machine"),
    help="A machine, such as window:w=8; with --error sizes may be left open: window:w, gru:d,p=4:8. Repeatable.",
)
@click.option("--error", metavar="E", help="Ask for the smallest machine that errs at most E on every query.")
@click.option(
    "--precision", type=Sizes(), help="Bits p of the numbers of networks, one after the other: 2:16."
)
@click.option(
    "--seeds", type=INTEGER, default=5, show_default=True, help="Seeds of each machine that has one."
)
@click.option(
    "--bob",
    type=click.Choice(["auto", "optimal", "machine"]),
    default="auto",
    show_default=True,
    help="Who must err so little: an optimal Bob, over all x, or the machine's own answers.",
)
@click.option(
    "--trials", type=INTEGER, help="Random runs of a machine (default 1000; with --error, at most 16384)."
)
@click.option("--seed", type=INTEGER, default=0, show_default=True, help="Seed of random runs.")
@click.option("--over", type=click.Choice(["alice", "all"]), help="Alice's prefixes, or all of the task's.")
@click.option("--reduction", shell_complete=complete("reduction"), help="Gadget; see commlb list.")
@click.option("--symbols", type=INTEGER, help="Alphabet of x, where the task takes more than bits.")
@click.option("--c", type=INTEGER, help="Length of the c-grams (cgram only, default 2).")
@click.option("--max-inputs", type=INTEGER, help="Inputs x up to which all are run (default 2^20).")
@click.option(
    "--max-bits",
    type=float,
    help="Bits up to which open sizes are counted (default: twice those of x and 16, or those of all tokens).",
)
@click.option("--max-states", type=INTEGER, help="States of one layer at most (default 2^22).")
@click.option("--max-memory", type=INTEGER, help="Bytes at most, in each worker (default 2^32).")
@click.option("--timeout", type=float, help="Seconds at most, looked at between cells.")
@click.option("--out", metavar="FILE.csv", help="Append each row as it is finished; in order at the end.")
@click.option("--resume", is_flag=True, help="Go on with the rows that are in --out.")
@click.option("--workers", type=INTEGER, default=1, show_default=True, help="Processes that compute cells.")
@cluster
@click.option("--shard", "part", type=Shard(), help="Only every N-th cell, from the i-th: for array jobs.")
@click.option(
    "--plot", "plots", multiple=True, metavar="FILE", help="Draw to .png, .svg or .pdf; repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def curve_command(
    task: str,
    machines: tuple[str, ...],
    out: str | None,
    plots: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Memory versus length: sweep n, write a row a cell, draw them against the bounds.

    Without --error a row is the chain of one machine at one n: the bits that must cross the cut, and those
    that are reached, told, and have room.

    With --error E it is a point of the empirical curve: the smallest machine of a family that answers every query
    with error at most E. Sizes that are left open (window:w) are counted up, and the first that is good enough is
    taken. Up to --max-inputs inputs an optimal Bob decides, exactly; beyond, the machine's own answers do, proved
    or by a sequential test on random runs. A row that is below the bound stops the run (exit code 1): theory or
    code would be wrong.

    Rows do not depend on --workers, --cluster, --shard or interruptions; files of several runs may be put one
    behind the other and drawn by commlb plot. The seconds of each row are in a file beside, rows.times.csv.

    Exit codes: 0 done, 1 a row contradicts a theorem, 2 bad input, 3 a library is missing, 4 a limit was hit (some
    rows say "refused"), 130 interrupted; rows that were finished are kept.

    \b
    Examples:
      commlb curve index --n 2:12 --machine window:w --machine random:bits --error 0 --seeds 3
      commlb curve istree --n 4:64:log --machine exact --machine window:w=16 --out rows.csv --plot curve.svg
      commlb curve index --n 12 --machine gru:d=4 --machine lru:d=2,N=2 --precision 2:12 --plot precision.svg
      commlb curve counting --n 8:32:8 --machine bloom:bits,hashes=2 --error 0.05 --max-bits 400
      commlb curve index --n 2:20 --machine random:bits --error 0.01 --out r.csv --resume --workers 2
    """
    started = time.perf_counter()
    from commlb_cli import output

    import commlb
    from commlb import files

    for path in plots:
        files.check(path, files.PICTURES)
    given = {key: value for key, value in given.items() if value is not None}
    result, stopped = output.finished(
        lambda: commlb.curve(
            task, machine=machines, out=out, progress=output.shares_on_terminal("cells"), **given
        )
    )
    if result.rows:
        output.draw(plots, "save_rows", result.rows, (out,) if out else ())
    output.say("curve", result, [], as_json, (), started, given["seed"])
    if stopped is not None:
        raise stopped
    refused = [row for row in result.rows if row.is_refused]
    if refused:
        from commlb.errors import LimitError

        first = refused[0]
        raise LimitError(
            f"{len(refused)} of {result.cells} cells were refused, the first at n = {first.n}, {first.family}: "
            f"{first.remark}"
        )
