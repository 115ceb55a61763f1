"""Pictures of results: records in, files out. Nothing is computed here but where things go.

The only package that imports matplotlib; import it when a picture is asked for.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from commlb import files
from commlb.plots.chains import Row, chain_rows, draw_chains
from commlb.plots.gadget import draw_gadget
from commlb.plots.layout import layout_graph
from commlb.plots.strip import draw_strip
from commlb.plots.style import GREY, TEXT, TITLE, fitted, panel, settings
from commlb.records import ReduceResult

__all__ = ["SUFFIXES", "Row", "chain_rows", "check_path", "layout_graph", "query", "save_reduce", "title"]

SUFFIXES = files.PICTURES
METADATA: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""What would make two files of one picture differ."""

WIDTH, HEIGHT, DPI = 10.0, 5.4, 150
TASKS = {"istree": "IsTree", "index": "Index", "ar": "AR", "cgram": "c-gram", "counting": "Counting"}
MEANINGS = {
    "istree": ("so a cycle", "so a tree"),
    "counting": ("so no, it never came", "so yes, it came"),
}


def check_path(path: str | Path) -> None:
    """Refuse, before any work, a path that ``save_reduce`` could not write.

    Raises ``BadInput`` for an unknown suffix, a folder that does not exist or cannot be written, and a path
    that is itself a folder.
    """
    files.check(path, SUFFIXES)


def save_reduce(result: ReduceResult, path: str | Path) -> None:
    """Draw what ``reduce`` found: left the stream or gadget, right the chains in bits.

    ``path`` ends in one of ``SUFFIXES``; it is replaced in one step, and one result gives the same bytes each
    time. Raises ``BadInput`` for what ``check_path`` refuses and for what the system does not allow.
    """
    path = Path(path)
    check_path(path)
    suffix = path.suffix.lower()
    data = io.BytesIO()
    with settings(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+")
        figure(result).savefig(data, format=suffix[1:], dpi=DPI, metadata=METADATA[suffix])
    files.replace(path, data.getvalue())


def figure(result: ReduceResult) -> Figure:
    """The whole picture. Call it inside ``style.settings()`` for the look that files have."""
    made = Figure(figsize=(WIDTH, HEIGHT), facecolor="white")
    top = panel(made, 0.2, HEIGHT - 0.75, WIDTH - 0.4, 0.7)
    _line(top, 0.4, title(result), TITLE, "bold")
    _line(top, 0.08, query(result), TEXT + 1, "normal")
    left = panel(made, 0.2, 0.12, 6.0, HEIGHT - 0.95)
    if result.drawing is None:
        left.text(3.0, 2.5, "no stream is drawn", size=TEXT, color=GREY, ha="center")
    elif result.drawing.vertices:
        draw_gadget(left, result.drawing)
    else:
        draw_strip(left, result.drawing)
    draw_chains(panel(made, 6.45, 0.12, 3.35, HEIGHT - 0.95), result)
    return made


def _line(axes: Axes, y: float, text: str, size: float, weight: str) -> None:
    text, size = fitted(text, WIDTH - 0.4, size)
    axes.text(0, y, text, size=size, weight=weight, va="baseline")


def title(result: ReduceResult) -> str:
    """``INDEX with 64 bits inside IsTree, gadget two-hub: 67 vertices``."""
    size = f"{result.n:,} bit{'s' * (result.n > 1)}"
    if result.symbols > 2:
        size = f"{result.n:,} symbol{'s' * (result.n > 1)} of {result.symbols:,} kinds"
    facts = ", ".join(f"{value:,} {key.replace('_', ' ')}" for key, value in result.parameters.items())
    where = TASKS.get(result.task, result.task) + (f", c = {result.c}" if result.c is not None else "")
    facts = facts or f"{result.stream_length:,} tokens"
    return f"{result.problem} with {size} inside {where}, gadget {result.reduction}: {facts}"


def query(result: ReduceResult) -> str:
    """``x = 10011110. Bob asks i = 8: x_8 = 0, so a cycle``; x only where it is short."""
    drawing = result.drawing
    if drawing is None:
        broken = result.reduction_check.counterexample
        return "" if broken is None else f"the reduction fails at i = {broken.i}: {broken.obtained}"
    meaning = MEANINGS.get(result.task)
    so = meaning[drawing.task_answer] if meaning else f"so the answer is {drawing.task_answer}"
    x = f"x = {drawing.x}. " if len(drawing.x) <= 24 else ""
    return f"{x}Bob asks i = {drawing.i}: x_{drawing.i} = {drawing.expected}, {so}"
