"""``commlb reduce``: a reduction, run as a one-way protocol through a machine."""

from __future__ import annotations

import time
from typing import Any

import click
from commlb_cli.options import INTEGER, inside, results


@click.command("reduce")
@inside
@click.option("--x", help="Alice's input: bits, or symbols with commas. Asks for a transcript.")
@click.option("--i", type=INTEGER, help="Bob's position, from 1 (INDEX). Asks for a transcript.")
@click.option("--y", help="Bob's word of n bits (EQ, DISJ). Asks for a transcript.")
@click.option("--trials", type=INTEGER, help="Random (x, i) to run; 0 for the proof alone.")
@click.option("--seed", type=INTEGER, help="Seed of all that is drawn; printed if not given.")
@click.option(
    "--readout",
    metavar="linear",
    help="Fit a linear map from the state to x on one sample, score it on another.",
)
@results("one row")
def reduce_command(
    task: str, as_json: bool, out: tuple[str, ...], plots: tuple[str, ...], **given: Any
) -> None:
    """Run a two-party problem inside TASK: prove the reduction, then count what crosses the cut.

    Alice turns x into the first part of a stream, Bob turns his input into the rest; the machine's state
    between them is the only message. The problem is INDEX (Bob holds a position i), or EQ or DISJ (Bob
    holds a word y). TASK is one of: index, ar, cgram, counting, istree, mqar, nearest, copying, triangle,
    st-connectivity, equality, disjointness (commlb list says more); with --reduction FILE.json, which
    commlb discover wrote, any task that it found one in, my_task.py:Name among them.

    Without --trials, all inputs are run if there are at most 4096; otherwise up to 1000 random ones, fewer
    where a run is long, none where one alone would take very long.

    Exit codes: 0 done, 1 the reduction is refused, 2 bad input, 3 a library is missing, 4 a limit was hit.

    \b
    Examples:
      commlb reduce istree --n 64
      commlb reduce istree --n 64 --reduction hubs --plot hubs.png
      commlb reduce index --n 24 --machine window:w=8 --trials 2000 --seed 1
      commlb reduce ar --n 12 --machine mamba:d=16,N=4,format=bf16
      commlb reduce equality --n 64 --machine fingerprint:bits=8
      commlb reduce ar --n 4 --symbols 3 --x 0,2,1,1 --i 2
      commlb reduce cgram --n 100 --c 3 --json --out row.csv
      commlb reduce index --n 16 --machine my_model.py:build --readout linear
      commlb reduce istree --reduction found.json --x 0110 --i 2 --plot gadget.png
    """
    started = time.perf_counter()
    from commlb_cli import output

    import commlb

    output.check(out, plots)
    result = commlb.reduce(task, **given, draw=bool(plots), progress=output.progress_on_terminal("trials"))
    output.draw(plots, "save_reduce", result, out)
    output.say("reduce", result, [result.row()], as_json, out, started, result.seed)
    if not result.reduction_check.holds:
        raise click.exceptions.Exit(1)
