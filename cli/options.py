"""Options that several verbs take, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click


class Integer(click.ParamType):
    """Decimal digits with an optional minus: what ``int`` also takes (5_0, other scripts) is a slip here."""

    name = "integer"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        text = str(value)
        if not text.isascii() or not text.removeprefix("-").isdigit():
            self.fail(f"'{text}' is not a valid integer.", parameter, context)
        return int(text)


INTEGER = Integer()


class Sizes(click.ParamType):
    """One size, an inclusive range a:b or a:b:step, or, where ``doubling`` is, a:b:log for a, 2a, 4a, … up to b."""

    name = "size or range"

    def __init__(self, doubling: bool = False):
        self.doubling = doubling
        self.forms = "a:b or a:b:step" + ", nor a:b:log" * doubling

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        body = value.removesuffix(":log") if self.doubling else value
        if not re.fullmatch(r"-?[0-9]{1,12}(:-?[0-9]{1,12}){0,2}", body, re.ASCII) or (
            body != value and body.count(":") != 1
        ):
            self.fail(f"'{value[:40]}' is not a valid integer, nor a range {self.forms}.", parameter, context)
        parts = [int(part) for part in body.split(":")]
        if len(parts) == 1:
            return parts[0]
        step = parts[2] if len(parts) == 3 else 1
        if parts[1] < parts[0]:
            self.fail(f"'{value}' is no range a:b, as {parts[0]} > {parts[1]}.", parameter, context)
        if step < 1 or (body != value and parts[0] < 1):
            self.fail(
                f"'{value}' is no range {self.forms.replace('nor', 'or')} with step, and a of log, at least 1.",
                parameter,
                context,
            )
        if body != value:
            return tuple(parts[0] << k for k in range((parts[1] // parts[0]).bit_length()))
        return range(parts[0], parts[1] + 1, step)


def complete(kind: str) -> Any:
    """Shell completion from the registry, looked up only when the shell asks."""

    def found(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from commlb.listing import names

        return [name for name in names()[kind] if name.startswith(incomplete)]

    return found


def _all(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one decorator, in the order in which help shows them."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


inside = _all(
    click.argument("task", shell_complete=complete("task")),
    click.option("--n", type=INTEGER, help="Symbols that Alice holds; the task's size follows."),
    click.option(
        "--reduction",
        shell_complete=complete("reduction"),
        help="Gadget (commlb list), or a discovered one: FILE.json, which has its own n.",
    ),
    click.option("--c", type=INTEGER, help="Length of the c-grams (cgram only, default 2)."),
    click.option("--symbols", type=INTEGER, help="Alphabet of x, where the task takes more than bits."),
    click.option(
        "--machine",
        default="exact",
        show_default=True,
        shell_complete=complete("machine"),
        help="exact, window:w=8, gru:d=4,p=8, mamba:d=16,format=bf16, … (commlb list), or yours: my.py:build, "
        "DIR/config.json, FILE.onnx.",
    ),
)
"""A problem inside a task, and a machine."""

sizes = _all(
    click.option("--symbols", type=INTEGER, help="Alphabet of words or values (index, ar, mqar, copying)."),
    click.option("--types", type=INTEGER, help="Token, key or bracket types, where the task has them."),
    click.option(
        "--keys",
        type=click.Choice(["fixed", "free"]),
        help="Keys in a fixed order, or free (ar, mqar, cgram).",
    ),
    click.option("--c", type=INTEGER, help="Length of the c-grams (cgram)."),
    click.option("--depth", type=INTEGER, help="Largest depth of brackets (dyck)."),
    click.option("--dimension", type=INTEGER, help="Dimension of the hypercube (nearest)."),
    click.option("--length", type=INTEGER, help="Tokens of a stream (triangle, st-connectivity)."),
    click.option("--simple", is_flag=True, default=None, help="No edge twice (istree): a promise."),
)
"""The sizes of a task beside n."""

engine = click.option(
    "--engine",
    type=click.Choice(["layers", "table"]),
    help="Follow the states of the task's machine, or tabulate all streams.",
)

limits = _all(
    click.option("--max-memory", type=INTEGER, help="Bytes at most (default 2^32)."),
    click.option("--timeout", type=float, help="Seconds at most."),
)
"""Limits beside ``--max-states``, whose meaning is the verb's own."""

cluster = click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Work on the workers of the Dask scheduler at ADDRESS, or of this machine: local. Needs commlb[cluster].",
)
"""Where the work is done that a verb can spread."""


def results(row: str) -> Callable[[Any], Any]:
    """Where results go; ``row`` says what a row of a .csv file is, empty if there is none."""
    kinds = f".json, .jsonl or .csv ({row})" if row else ".json or .jsonl"
    return _all(
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option(
            "--out",
            multiple=True,
            metavar="FILE",
            help=f"Also write a {kinds} file, replacing it; repeatable.",
        ),
        click.option(
            "--plot", "plots", multiple=True, metavar="FILE", help="Draw to .png, .svg or .pdf; repeatable."
        ),
    )
