"""``commlb plot``: rows as pictures, computing nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from commlb_cli.options import INTEGER, Sizes


@click.command("plot")
@click.argument("files", nargs=-1, required=True, metavar="ROWS.csv...")
@click.option(
    "--plot",
    "plots",
    multiple=True,
    required=True,
    metavar="FILE",
    help="Draw to .png, .svg or .pdf; repeatable.",
)
@click.option(
    "--kind",
    type=click.Choice(["chain", "curve", "accuracy", "precision"]),
    help="What is drawn; by default what the rows suggest.",
)
@click.option("--log-n", is_flag=True, help="A logarithmic axis for n (or the precision).")
@click.option("--log-bits", is_flag=True, help="A logarithmic axis for bits.")
@click.option("--wide", is_flag=True, help="As wide as a page (7 inches), not a column (3.4).")
@click.option("--machine", "machines", multiple=True, help="Only this machine or family; repeatable.")
@click.option("--n", type=Sizes(), help="Only this n, or a range a:b[:step].")
@click.option("--error", "errors", type=float, multiple=True, help="Only this error target; repeatable.")
@click.option("--over", type=click.Choice(["alice", "all"]), help="Only rows over these prefixes.")
@click.option("--task", help="Only rows of this task.")
@click.option("--reduction", help="Only rows of this gadget.")
@click.option("--symbols", type=INTEGER, help="Only rows of this alphabet.")
@click.option("--c", type=INTEGER, help="Only rows of c-grams of this length.")
def plot_command(
    files: tuple[str, ...],
    plots: tuple[str, ...],
    kind: str | None,
    log_n: bool,
    log_bits: bool,
    wide: bool,
    n: Any,
    **asked: Any,
) -> None:
    """Draw rows again, computing nothing.

    ROWS.csv is what curve, reduce and states write with --out; several files, and files put one behind the other,
    are one table. The same rows give the same picture, byte for byte.

    \b
    Kinds:
      chain      capacity >= reachable >= entropy >= information on x, and the
                 bound, against n: a panel a machine
      curve      machines against one bound; of rows with an error target the
                 smallest machine that meets it, a panel a target
      accuracy   right answers against n, below Fano's ceiling at the capacity
      precision  information on x against the bits of a number

    Filled points are known exactly, hollow ones were sampled; a cross is a cell that was refused, an arrow one in
    which no machine that was searched suffices.

    \b
    Examples:
      commlb plot rows.csv --plot curve.svg
      commlb plot a.csv b.csv --plot gru.pdf --machine gru --log-n --log-bits
      commlb plot rows.csv --plot chain.png --kind chain --machine window:w=8
      commlb plot rows.csv --plot small.png --n 2:16 --error 0 --error 0.01
    """
    from commlb_cli import output

    from commlb import ledger

    output.check((), plots)
    rows = ledger.read(files)
    from commlb import plots as pictures

    sizes = None if n is None else n if isinstance(n, range) else [n]
    chosen = pictures.select(rows, n=sizes, **asked)
    source = Path(files[0]).name + (f" and {len(files) - 1} more" if len(files) > 1 else "")
    for path in plots:
        pictures.save_rows(
            chosen,
            path,
            kind=kind,
            across="log" if log_n else "linear",
            up="log" if log_bits else "linear",
            source=source,
            width="wide" if wide else "column",
        )
        click.echo(f"{path}: {pictures.shown(chosen, kind)}")
