"""``commlb list``: what there is."""

from __future__ import annotations

import time

import click


@click.command("list")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_command(name: str | None, as_json: bool) -> None:
    """List the tasks, reductions, machines and bounds, with their sources.

    With NAME, only what is called so, with all that is known of it: of a network its equation, what it stores,
    its weights and their layouts.

    \b
    Examples:
      commlb list
      commlb list gru
      commlb list --json
    """
    started = time.perf_counter()
    import commlb

    found = commlb.catalogue(name)
    if as_json:
        from commlb_cli.output import provenance

        from commlb.records import to_json

        click.echo(to_json("list", found, provenance(None, started)))
        return
    for title, entries in (
        ("Tasks", found.tasks),
        ("Reductions, as task/reduction", found.reductions),
        ("Machines", found.machines),
        ("Networks, which are machines", found.networks),
        ("Bounds", found.bounds),
    ):
        if not entries:
            continue
        click.echo(title)
        for entry in entries:
            click.echo(f"  {entry.name}")
            for line in (entry.summary, f"[{entry.source}]"):
                click.echo(click.wrap_text(line, 78, "      ", "      "))
            if entry.details:
                click.echo()
                click.echo(click.wrap_text(entry.details, 78, "      ", "      ", preserve_paragraphs=True))
        click.echo()
