"""``commlb budget``: what the state of a real model can hold, from its config alone."""

from __future__ import annotations

import time
from typing import Any

import click
from commlb_cli.options import INTEGER, complete, results


@click.command("budget")
@click.argument("model", required=False)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    shell_complete=complete("task"),
    help="index, ar, cgram, counting or istree; repeatable. Default: all five.",
)
@click.option("--n", type=INTEGER, help="A task's own size: the state that any recurrent model needs for it.")
@click.option("--format", help="Of all numbers of the state: bf16, e4m3, … (default: the model's own).")
@click.option(
    "--tokens", type=INTEGER, help="Keys and values after so many tokens (default: the config's context)."
)
@click.option("--symbols", type=INTEGER, help="Alphabet of words or values (index, ar).")
@click.option("--types", type=INTEGER, help="Token or key types (ar with free keys, cgram, counting).")
@click.option(
    "--keys", type=click.Choice(["fixed", "free"]), help="Keys in a fixed order, or free (ar, cgram)."
)
@click.option("--c", type=INTEGER, help="Length of the c-grams (cgram).")
@results("")
def budget_command(
    model: str | None,
    tasks: tuple[str, ...],
    as_json: bool,
    out: tuple[str, ...],
    plots: tuple[str, ...],
    **given: Any,
) -> None:
    """Count the state of MODEL in bits, and say which tasks so many bits cannot hold.

    MODEL is a config.json of transformers or of state-spaces/mamba, a directory with one, or a family of commlb
    list with its sizes, NAME:d=…. Only the file is read: no weights, no torch.

    Every tensor of the state is listed with its shape, format and bits: the bits that the public implementation
    keeps, and the live bits, those that later steps read. Recurrent bits and keys and values are told apart. A
    task whose closed form is above the live bits is beyond every machine with so many: some query gets a wrong
    answer, and the table of ceilings says how many of them must. Below it nothing is said of this model.

    Without MODEL, --n says what any recurrent model needs.

    \b
    Examples:
      commlb budget config.json
      commlb budget config.json --task ar --symbols 64 --format bf16
      commlb budget path/to/model --tokens 32768 --plot budget.png
      commlb budget mamba2:d=2560,layers=64,H=80,N=128 --task istree
      commlb budget config.json --task ar --n 4096
      commlb budget --task ar --task istree --n 4096
    """
    started = time.perf_counter()
    from commlb_cli import output

    import commlb

    output.check(out, plots, has_rows=False)
    options = {key: value for key, value in given.items() if value is not None}
    result = commlb.budget(model, task=tasks or None, **options)
    output.draw(plots, "save_budget", result, out)
    output.say("budget", result, [], as_json, out, started)
