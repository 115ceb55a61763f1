"""Where results go: stdout, files replaced in one step, and the provenance beside them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

RESULT_SUFFIXES = (".json", ".csv", ".jsonl")
WITHOUT_ROWS = (".json", ".jsonl")


TEXTS = {
    "reduce": "text",
    "states": "states_text",
    "exact": "exact_text",
    "curve": "curve_text",
    "discover": "discover_text",
    "check": "check_text",
    "selftest": "selftest_text",
    "collide": "collide_text",
    "budget": "budget_text",
}
"""Where the text of a verb is made."""


def check(out: tuple[str, ...], plots: tuple[str, ...], has_rows: bool = True) -> None:
    """Refuse files that cannot be written, before any work; without rows there is no .csv."""
    from commlb import files

    for path in out:
        files.check(path, RESULT_SUFFIXES if has_rows else WITHOUT_ROWS)
    for path in plots:
        files.check(path, files.PICTURES)


def finished(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """What ``work`` gives; if it is stopped, what it had finished, and what stopped it."""
    try:
        return work(), None
    except BaseException as error:
        partial = getattr(error, "partial", None)
        if partial is None:
            raise
        return partial, error


def draw(plots: tuple[str, ...], maker: str, result: Any, out: tuple[str, ...] = ()) -> None:
    """Draw ``result`` to each file, by a function of ``commlb.plots``; ``out``: where its data are."""
    if plots:
        from commlb import plots as pictures

        for path in plots:
            getattr(pictures, maker)(result, path, source=out[0] if out else "")


def say(
    command: str,
    result: Any,
    rows: list[Any],
    as_json: bool,
    out: tuple[str, ...],
    started: float,
    seed: int | None = None,
) -> None:
    """Write ``result`` to ``out``, if there is one, and print it as JSON or as text."""
    import importlib

    machine = getattr(result, "machine", None)
    where = provenance(seed, started, getattr(machine, "weights_digest", None)) if as_json or out else {}
    for path in out:
        save(path, command, result, rows, where)
    if as_json:
        from commlb.records import to_json

        click.echo(to_json(command, result, where))
    else:
        lines = importlib.import_module(f"commlb_cli.{TEXTS[command]}").lines
        click.echo("\n".join(lines(result)))


def save(path: str, command: str, result: Any, rows: list[Any], where: dict[str, Any]) -> None:
    """The result as .json, one .jsonl line, or .csv rows (without provenance)."""
    from commlb import files
    from commlb.records import to_json
    from commlb.records_rows import to_csv

    suffix = Path(path).suffix.lower()
    if suffix == ".csv" and command == "collide":
        from commlb.records_horizons import to_csv as horizons_to_csv

        text = horizons_to_csv(rows)
    elif suffix == ".csv":
        text = to_csv(rows)
    else:
        text = to_json(command, result, where, indent=2 if suffix == ".json" else None) + "\n"
    files.replace(path, text.encode())


def provenance(seed: int | None, started: float, weights: str | None = None) -> dict[str, Any]:
    """Version, command line, seed, libraries, platform, weights, time: what it takes to run this again."""
    import datetime
    import platform
    from importlib.metadata import version

    from commlb import __version__

    return {
        "version": __version__,
        "argv": sys.argv[1:],
        "seed": seed,
        "libraries": {name: version(name) for name in ("numpy", "numba", "networkx", "click", "matplotlib")},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "weights_digest": weights,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "wall_seconds": round(time.perf_counter() - started, 3),
    }


def progress_on_terminal(what: str) -> Callable[[int, int], None]:
    """A progress callback that writes to stderr, and only if a person is looking."""
    if not sys.stderr.isatty():
        return lambda done, of: None
    started = time.perf_counter()

    def show(done: int, of: int) -> None:
        left = (time.perf_counter() - started) * (of - done) / max(1, done)
        end = "\n" if done >= of else ""
        click.echo(f"\r{what}: {done} of {of}, about {left:.0f} s left   {end}", nl=False, err=True)

    return show


def shares_on_terminal(what: str) -> Callable[[int, int, float], None]:
    """Progress by the share of the work that is done, where a person is looking."""
    if not sys.stderr.isatty():
        return lambda done, of, share: None
    started = time.perf_counter()

    def show(done: int, of: int, share: float) -> None:
        left = (time.perf_counter() - started) * (1 - share) / max(share, 1e-9)
        end = "\n" if done >= of else ""
        click.echo(f"\r{what}: {done} of {of}, about {left:.0f} s left   {end}", nl=False, err=True)

    return show
