"""Pictures of results: records in, files out. Nothing is computed here but where things go.

The only package that imports matplotlib; import it when a picture is asked for.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from commlb import __version__, files
from commlb.plots import budget, collision, discovered, exact, families, growth, horizons, rows, sizes, states
from commlb.plots.chains import Row, chain_rows, draw_chains
from commlb.plots.curves import Curve
from commlb.plots.gadget import draw_gadget
from commlb.plots.kinds import KINDS
from commlb.plots.layout import layout_graph
from commlb.plots.rows import select, shown
from commlb.plots.sizes import Sizes
from commlb.plots.strip import draw_strip
from commlb.plots.style import (
    CHARACTER,
    GREY,
    SMALL,
    TEXT,
    TITLE,
    clipped,
    count,
    counted,
    fitted,
    panel,
    settings,
    task_name,
)
from commlb.records import Bound, ReduceResult, spec
from commlb.records_budget import BudgetResult
from commlb.records_exact import ExactResult, GrowthResult
from commlb.records_rows import MemoryPoint
from commlb.records_states import StatesResult
from commlb.records_witness import CollideResult, DiscoverResult, Horizon

__all__ = [
    "KINDS",
    "SUFFIXES",
    "Curve",
    "Row",
    "Sizes",
    "chain_rows",
    "check_path",
    "layout_graph",
    "query",
    "save_budget",
    "save_collide",
    "save_discover",
    "save_exact",
    "save_families",
    "save_growth",
    "save_horizons",
    "save_maps",
    "save_reduce",
    "save_rows",
    "save_sizes",
    "save_states",
    "select",
    "shown",
    "title",
]

SUFFIXES = files.PICTURES
METADATA: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""What would make two files of one picture differ."""

WIDTH, HEIGHT, DPI = 10.0, 5.4, 150

SIGNATURE = 0.22
"""Inches below a picture for the name of its data and the version."""

MEANINGS = {
    "istree": ("so a cycle closes", "so the graph is a tree"),
    "counting": ("so the right answer is no, it never came", "so the right answer is yes, it came"),
    "triangle": ("so there is no triangle", "so there is a triangle"),
    "st-connectivity": ("so s and t are apart", "so s and t are connected"),
    "equality": ("so the words differ", "so the words are equal"),
    "disjointness": ("so the sets are disjoint", "so the sets intersect"),
}
SAID = dict.fromkeys(MEANINGS, ("no", "yes")) | {"istree": ("no tree", "tree")}
"""What a machine's answer 0 or 1 says, where answers are not numbers."""


def check_path(path: str | Path) -> None:
    """Refuse, before any work, a path that ``save_reduce`` could not write.

    Raises ``BadInput`` for an unknown suffix, a folder that does not exist or cannot be written, and a path
    that is itself a folder.
    """
    files.check(path, SUFFIXES)


def save_reduce(result: ReduceResult, path: str | Path, source: str = "") -> None:
    """Draw what ``reduce`` found: left the stream or gadget, right the chains in bits.

    ``path`` ends in one of ``SUFFIXES``; it is replaced in one step, and one result gives the same bytes each
    time. ``source`` names the file of its data, which stands small below the picture beside the version. Raises
    ``BadInput`` for what ``check_path`` refuses and for what the system does not allow.
    """
    _save(path, lambda: figure(result), source)


def save_states(result: StatesResult, path: str | Path, source: str = "") -> None:
    """Draw what ``states`` found: bits against the cut; with information, what is remembered of each symbol.

    A partial result says in the picture that it stopped, and why. Files as in ``save_reduce``.
    """
    _save(path, lambda: states.figure(result), source)


def save_collide(result: CollideResult, path: str | Path, source: str = "") -> None:
    """Draw what ``collide`` found: both streams, the tokens in which they differ, and where the states merge.

    Files as in ``save_reduce``.
    """
    _save(path, lambda: collision.figure(result), source)


def save_budget(found: BudgetResult | Mapping[str, BudgetResult], path: str | Path, source: str = "") -> None:
    """Draw what ``budget`` found: bits of each kind, and ceilings beyond; of several models by name, a row a model.

    Files as in ``save_reduce``.
    """
    _save(path, lambda: budget.figure(found), source)


def save_exact(
    result: ExactResult,
    path: str | Path,
    reductions: Sequence[tuple[str, Bound]] = (),
    source: str = "",
) -> None:
    """Draw what ``exact`` found at one size: the minimum cut by cut beside the states of the task's machine.

    Where the minimum is known as an interval, the interval is a band. ``reductions``: bounds by name, such as
    ("INDEX by hubs", bound), of which the best are drawn as lines. Files as in ``save_reduce``.
    """
    _save(path, lambda: exact.figure(result, reductions), source)


def save_discover(result: DiscoverResult, path: str | Path, source: str = "") -> None:
    """Draw what ``discover`` found: bits shattered at each cut, what bounds them, and the registered reductions.

    Files as in ``save_reduce``.
    """
    _save(path, lambda: discovered.figure(result), source)


def save_growth(result: GrowthResult, path: str | Path, source: str = "") -> None:
    """Draw what ``exact`` found at several sizes: bits at the worst cut, and the laws fitted to them.

    Files as in ``save_reduce``.
    """
    _save(path, lambda: growth.figure(result), source)


def save_families(results: Sequence[StatesResult], path: str | Path, source: str = "") -> None:
    """Draw what several machines tell of each symbol at the cut, a row a machine, beside I(X; S) and capacity.

    The results are complete, with information, and of one reduction. Files as in ``save_reduce``.
    """
    _save(path, lambda: families.figure(results), source)


def save_horizons(found: Sequence[Horizon], path: str | Path, source: str = "") -> None:
    """Draw memory horizons, a panel for each family: worst, best and random ones against the bits of a number.

    Against the bits of state where those of a number do not vary; of several positions the first is drawn. The
    horizons are of one reduction and n. Files as in ``save_reduce``.
    """
    _save(path, lambda: horizons.figure(found), source)


def save_maps(results: Sequence[StatesResult], path: str | Path, source: str = "") -> None:
    """Draw a small heat map for each machine: symbol by cut. Results and files as in ``save_families``."""
    _save(path, lambda: families.maps(results), source)


def save_sizes(
    title: str, sentence: str, panels: Sequence[Sizes], path: str | Path, source: str = ""
) -> None:
    """Draw curves against sizes, a panel above the other, under a title and a sentence.

    Files as in ``save_reduce``.
    """
    _save(path, lambda: sizes.figure(title, sentence, panels), source)


def save_rows(
    points: Sequence[MemoryPoint],
    path: str | Path,
    kind: str | None = None,
    across: str = "linear",
    up: str = "linear",
    source: str = "",
    width: str = "column",
) -> None:
    """Draw rows of ``curve``, ``reduce`` or ``states``, computing nothing again.

    ``kind`` is one of ``KINDS``, by default what the rows suggest. chain: capacity ≥ reachable ≥ entropy ≥
    information with the bound, a panel a machine; curve: machines against one bound, of rows with an error
    target the smallest that meets it; accuracy: right answers below Fano's ceiling; precision: what is kept
    against the bits of a number. ``across`` and ``up`` are "linear" or "log", ``width`` "column" (3.4 inches)
    or "wide" (7); several panels are wide. Files as in ``save_reduce``. Raises ``BadInput`` for rows that do
    not belong in one picture, such as those of two prefix sets.
    """
    _save(path, lambda: rows.figure(points, kind, across, up, width), source)


def _save(path: str | Path, draw: Callable[[], Figure], source: str = "") -> None:
    """The figure as a file, the same bytes each time, in one step."""
    path = Path(path)
    check_path(path)
    suffix = path.suffix.lower()
    data = io.BytesIO()
    with settings(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+")
        made = draw()
        sign(made, source)
        made.savefig(data, format=suffix[1:], dpi=DPI, metadata=METADATA[suffix])
    files.replace(path, data.getvalue())


def sign(made: Figure, source: str) -> None:
    """Below the figure, which grows for it, the name of its data and the version: ``rows.csv · commlb 0.1.0``."""
    wide, high = made.get_size_inches()
    tall = high + SIGNATURE
    for axes in made.axes:
        box = axes.get_position()
        axes.set_position((box.x0, (box.y0 * high + SIGNATURE) / tall, box.width, box.height * high / tall))
    made.set_size_inches(wide, tall)
    version = f"commlb {__version__}"
    room = int((wide - 0.2) / CHARACTER / SMALL) - len(version) - 3
    words = f"{clipped(Path(source).name, room)} · {version}" if source else version
    foot = panel(made, 0, 0, wide, SIGNATURE)
    foot.text(wide - 0.1, 0.07, words, size=SMALL, color=GREY, ha="right")


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
    size = count(result.n, "bit")
    if result.symbols > 2:
        size = f"{count(result.n, 'symbol')} of {result.symbols:,} kinds"
    facts = ", ".join(counted(value, key.replace("_", " ")) for key, value in result.parameters.items())
    where = task_name(result.task) + (f", c = {result.c}" if result.c is not None else "")
    facts = facts or count(result.stream_length, "token")
    return f"{result.problem} with {size} inside {where}, gadget {result.reduction}: {facts}"


def query(result: ReduceResult) -> str:
    """What Bob asks, what the right answer is, and what the machine answers, where that was run.

    ``x = 1011. Bob asks i = 2: x_2 = 0, so the right answer is 5 (= n+1+0); window:w=2 answers 6: wrong``

    x stands only where it is short; the machine's accuracy where it errs; both only where there is room.
    """
    drawing = result.drawing
    if drawing is None:
        broken = result.reduction_check.counterexample
        return "" if broken is None else f"the reduction fails at {broken.y}: {broken.obtained}"
    meaning = MEANINGS.get(result.task)
    so = (
        meaning[drawing.task_answer]
        if meaning
        else f"so the right answer is {drawing.said or drawing.task_answer}"
    )
    if result.problem == "DISJ" and not meaning:
        so = "from all the answers"
    pairs = result.task in ("ar", "cgram", "mqar") and drawing.placed
    if pairs and drawing.task_answer == result.n + 1 + drawing.expected:
        so += f" (= n+1+{drawing.expected})"
    x = f"x = {drawing.x}. " if len(drawing.x) <= 24 else ""
    held = f"asks i = {drawing.y}" if result.problem == "INDEX" else f"holds y = {drawing.y}"
    asked = f"Bob {held}: {_asked(result)} = {drawing.expected}, {so}"
    said, rate = answered(result), accuracy(result)
    told = "; ".join(part for part in (asked, said) if part)
    forms = [f"{x}{told}{rate}", f"{told}{rate}", told]
    return next((form for form in forms if len(form) <= (WIDTH - 0.4) / CHARACTER / SMALL), told)


def _asked(result: ReduceResult) -> str:
    """What Bob wants to know, ``x_3`` or ``EQ(x, y)``."""
    if result.problem != "INDEX" or result.drawing is None:
        return f"{result.problem}(x, y)"
    return f"x_{result.drawing.y}"


def answered(result: ReduceResult) -> str:
    """``window:w=8 answers 66: wrong``; empty if this query was not put to the machine."""
    run = result.transcript
    if run is None:
        return ""
    right = result.drawing.task_answer if result.drawing else None
    says = dict(enumerate(SAID.get(result.task, ())))
    if result.drawing and result.drawing.said and not says:
        says[result.drawing.task_answer] = result.drawing.said
    words = f"answers {says.get(run.task_answer, run.task_answer)}"
    if run.task_answer < 0:
        words = "gives no answer"
    if (run.task_answer == right) != (run.output == run.expected):
        words += f", read as {_asked(result)} = {run.output}"
    return f"{spec(result.machine)} {words}: {'right' if run.output == run.expected else 'wrong'}"


def accuracy(result: ReduceResult) -> str:
    """How often a machine that errs is right; empty for others, and if it was not run."""
    answers = result.answers
    if answers is None or not answers.errors:
        return ""
    over = "all queries" if answers.evidence == "exhaustive" else count(answers.trials, "trial")
    rate = f"right on {100 * answers.accuracy:.4g} % of {over}"
    return f" ({rate})" if result.transcript else f"; {spec(result.machine)} is {rate}"
