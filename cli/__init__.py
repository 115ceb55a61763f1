"""The command ``commlb``: one file a verb, each parses, makes one library call and prints."""

from __future__ import annotations

import sys

import click
from commlb_cli.budget import budget_command
from commlb_cli.check import check_command
from commlb_cli.collide import collide_command
from commlb_cli.curve import curve_command
from commlb_cli.discover import discover_command
from commlb_cli.exact import exact_command
from commlb_cli.listing import list_command
from commlb_cli.plot import plot_command
from commlb_cli.reduce import reduce_command
from commlb_cli.states import states_command


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    invoke_without_command=True,
    epilog="Start with: commlb reduce istree --n 64",
)
@click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
@click.option("--version", is_flag=True, help="Show the version and exit.")
@click.pass_context
def cli(context: click.Context, debug: bool, version: bool) -> None:
    """A streaming lower-bound laboratory: what a bounded-state machine, such as an RNN, must carry across a
    cut of its input, measured against the bounds of communication complexity.
    """
    if version:
        from commlb import __version__

        click.echo(f"commlb {__version__}")
    elif context.invoked_subcommand is None:
        click.echo(context.get_help())


cli.add_command(reduce_command)
cli.add_command(states_command)
cli.add_command(exact_command)
cli.add_command(discover_command)
cli.add_command(check_command)
cli.add_command(collide_command)
cli.add_command(curve_command)
cli.add_command(plot_command)
cli.add_command(budget_command)
cli.add_command(list_command)


def main(args: list[str] | None = None) -> None:
    """Run the command line; every failure is one line on stderr and an exit code (``cli.md``)."""
    given = sys.argv[1:] if args is None else args
    debug = "--debug" in given
    try:
        # --debug may stand anywhere, as it is most often added to the end of a line that failed.
        code = cli.main([arg for arg in given if arg != "--debug"], "commlb", standalone_mode=False)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context is not None else "commlb"
        _fail(f"{error.format_message()} See '{where} --help'.", error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", 130)
    except (BrokenPipeError, SystemExit):
        _close_pipe()  # click meets a closed pipe by SystemExit(1), and by nothing else when not standalone
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        _fail(*_explain(error))
    else:
        sys.exit(code if isinstance(code, int) else 0)


UNEXPECTED = 70
"""Exit code of a failure that nobody foresaw (EX_SOFTWARE of sysexits); the others say something."""


def _explain(error: Exception) -> tuple[str, int]:
    from commlb.errors import CommlbError

    if isinstance(error, CommlbError):
        return str(error), error.exit_code
    if isinstance(error, MemoryError):
        return "out of memory; choose smaller sizes (--n, --symbols, --c) or --trials 0", 4
    if isinstance(error, OSError):
        return f"cannot write the result: {error.strerror or error}", 2
    return f"unexpected {type(error).__name__}: {error}; rerun with --debug and report it", UNEXPECTED


def _fail(message: str, code: int) -> None:
    click.echo(f"commlb: {' '.join(message.split())}", err=True)
    sys.exit(code)


def _close_pipe() -> None:
    """A reader that has gone away (``commlb list | head``) is no failure."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
