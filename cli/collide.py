"""``commlb collide``: two inputs that a machine cannot tell apart."""

from __future__ import annotations

import time
from typing import Any

import click
from commlb_cli.options import INTEGER, inside, limits, results


@click.command("collide")
@inside
@click.option(
    "--method",
    type=click.Choice(["layers", "kernel", "fading", "distinguished"]),
    help="One method alone; by default each in turn until one finds.",
)
@click.option("--seed", type=INTEGER, help="Seed of all that is drawn; printed if not given.")
@click.option("--workers", type=INTEGER, default=1, show_default=True, help="Threads of distinguished.")
@click.option("--resume", metavar="FILE", help="Keep the walks of distinguished, and go on from them.")
@click.option("--max-work", type=INTEGER, help="Runs of Alice's prefix that distinguished may make.")
@click.option(
    "--position",
    "positions",
    type=INTEGER,
    multiple=True,
    help="Symbol that fading changes, from 1; repeatable.",
)
@click.option("--budget", type=INTEGER, help="Tokens that fading waits for two states to merge.")
@click.option("--max-states", type=INTEGER, help="Prefixes of one layer at most (2^22, or 2^24 if chosen).")
@limits
@results("a row a memory horizon, of --method fading")
def collide_command(
    task: str, as_json: bool, out: tuple[str, ...], plots: tuple[str, ...], **given: Any
) -> None:
    """Find two inputs of Alice that leave a machine in one state, bit for bit: it must err on one of them.

    Four methods, in this order: all prefixes layer by layer (layers: the first two that merge), the kernel of the
    prefix map of a machine that is linear over integers (kernel), one early symbol changed and then the same ones
    until the machine has forgotten it (fading: memory horizons), and walks to distinguished points
    (distinguished). One that does not apply, or would take too long, gives way to the next.

    --out FILE.json keeps the certificate; commlb check FILE.json verifies it with other code. A range in a
    machine's size, such as p=2:8, asks for the horizons of all, and a collision of the largest. That no
    collision exists is said only when all inputs were run, or of a machine that keeps all that its task needs.

    Exit codes: 0 done, found or not; 2 bad input, 3 a library is missing, 4 a limit was hit.

    \b
    Examples:
      commlb collide index --n 24 --machine window:w=8
      commlb collide index --n 40 --machine random:bits=32 --out collision.json
      commlb collide istree --n 2000 --machine linear:d=64
      commlb collide equality --n 100 --machine fingerprint:bits=40 --method kernel
      commlb collide index --n 64 --machine random:bits=48 --seed 1 --workers 2
      commlb collide index --n 400 --machine gru:d=4,p=2:8 --method fading --plot h.png
      commlb collide dyck --reduction found.json --machine random:bits=4
    """
    started = time.perf_counter()
    from commlb_cli import output

    import commlb

    output.check(out, plots, has_rows=given["method"] == "fading")
    given = {key: value for key, value in given.items() if value not in (None, ())}
    result = commlb.collide(
        task, **given, announce=_announce, progress=output.progress_on_terminal("layers, tokens or runs")
    )
    if result.horizons:
        output.draw(plots, "save_horizons", result.horizons, out)
    else:
        output.draw(plots, "save_collide", result, out)
    output.say("collide", result, list(result.horizons), as_json, out, started, result.seed)
    if result.collision is not None:
        from commlb import machines

        named = f" --machine {given['machine']}" if machines.is_own(given["machine"]) else ""
        named += f" --task {task}" if ":" in task else ""
        for path in [path for path in out if not path.lower().endswith(".csv")]:
            click.echo(f"commlb: verify it: commlb check {path}{named}", err=True)


def _announce(expected: float) -> None:
    """Say how much work is to come, on stderr."""
    click.echo(f"commlb: about {expected:,.0f} runs of Alice's prefix expected", err=True)
