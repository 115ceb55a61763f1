"""The right panel: the chains of inequalities as bars in bits, each with how its number is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from commlb.plots.style import ALICE, GREY, INK, OTHER, PALE, SMALL, TEXT, fitted
from commlb.records import ReduceResult, spec
from commlb.wording import number

GROUPS = {"alice": "over Alice's prefixes", "all": "over all prefixes of the task"}
HATCHES = {
    "upper bound": "++++",
    "proved": "",
    "exhaustive": "////",
    "sampled": "....",
    "formula": "\\\\\\\\",
    "storage": "----",
}
BAR, STEP, HEADER = 0.15, 0.415, 0.36


@dataclass(frozen=True)
class Row:
    """One bar: ``bits`` (None: unknown) over a prefix set (a key of ``GROUPS``), and how it is known.

    ``needed`` tells a bound on every machine from a number of this one; ``at_least``: known from below.
    """

    prefix_set: str
    name: str
    bits: float | None
    evidence: str
    needed: bool = False
    at_least: bool = False
    confidence: float | None = None
    upper: bool = False
    """Rounded up, as what bounds from above and differs from what stands before it."""

    @property
    def label(self) -> str:
        """Value and evidence, ``≥ 0.309 · sampled, 99 %``."""
        if self.bits is None:
            return "unknown"
        rounding = ROUND_CEILING if self.upper else ROUND_FLOOR
        sure = "" if self.confidence is None else f", {100 * self.confidence:g} %"
        return f"{'≥ ' if self.at_least else ''}{number(self.bits, rounding, 4)} · {self.evidence}{sure}"


def short(evidence: str | None) -> str:
    """The kind of evidence without its explanation; "unknown" for none."""
    return next((kind for kind in HATCHES if evidence and evidence.startswith(kind)), evidence or "unknown")


def noted(evidence: str | None) -> str:
    """The kind of evidence, with what a proof leaves to a test."""
    return short(evidence) + (", tested equal" if evidence and "tested equal" in evidence else "")


def chain_rows(result: ReduceResult) -> list[Row]:
    """The numbers of both chains in the order of their inequalities, first Alice's prefixes, then all.

    What the answers show (Fano) is a row of its own where it is not the only thing known about information.
    """
    answers, message, information = result.answers, result.message, result.information
    known, evidence = noted(information.evidence), noted(message.evidence)
    coins = result.public_coins  # of a machine that may err, which the bounds without error do not bind
    need = f"{result.problem}: must cross" + " without error" * (coins is not None)
    rows = [Row("alice", need, result.bound.bits, short(result.bound.evidence), True)]
    least = None if coins is None else coins.bound
    least = least if least is not None and least.evidence == "proved" else None
    if least is None and answers is not None and answers.errors > 0 and known != "sampled":
        shown, sure = short(answers.evidence), answers.confidence
        rows.append(Row("alice", "shown by the answers (Fano)", answers.fano_bits, shown, confidence=sure))
    passed = Row(
        "alice",
        "information passed",
        information.bits,
        known,
        at_least=known == "sampled",
        confidence=information.confidence,
    )
    room, counted = result.machine.capacity_bits, result.machine.capacity_evidence
    rows += [
        passed,
        Row("alice", "entropy", message.entropy_bits, evidence),
        Row("alice", "reachable bits", message.reachable_bits, evidence, at_least=evidence == "sampled"),
        # Over all coins, so beside the room: with some coins fewer states may be reached.
        *([] if least is None else [Row("alice", "room needed with this error", least.bits, "proved", True)]),
        Row("alice", "capacity bits", room, counted),
    ]
    bound = result.task_bound
    name = "closed form: any machine needs" if coins is None else "closed form: needed without error"
    rows.append(
        Row("all", name, None, "unknown", True)
        if bound is None
        else Row("all", name, bound.bits, short(bound.evidence), True)
    )
    rows.append(Row("all", "largest capacity bits", result.machine.largest_capacity_bits, counted))
    return [replace(row, upper=_is_upper(row, rows)) for row in rows]


def _is_upper(row: Row, rows: list[Row]) -> bool:
    """Whether a row is a capacity that no other row over its prefixes equals."""
    others = [other.bits for other in rows if other is not row and other.prefix_set == row.prefix_set]
    bits = row.bits
    same = bits is not None and any(other is not None and abs(other - bits) < 1e-9 for other in others)
    return "capacity" in row.name and not same


def draw_chains(axes: Axes, result: ReduceResult) -> None:
    """All bars on one scale. A black mark on each bar stands at what the group's first row says is needed."""
    width, top = axes.get_xlim()[1], axes.get_ylim()[1]
    rows = chain_rows(result)
    scale = max([row.bits for row in rows if row.bits is not None], default=0) or 1.0
    name, size = fitted(f"machine {spec(result.machine)}, in bits", width, TEXT + 1)
    axes.text(0, top - 0.02, name, size=size, va="top", weight="bold")
    y = top - 0.17
    for prefix_set, header in GROUPS.items():
        group = [row for row in rows if row.prefix_set == prefix_set]
        y -= HEADER
        axes.text(0, y, header, size=TEXT, va="bottom", color=GREY, style="italic")
        axes.plot([0, width], [y - 0.02] * 2, color=GREY, lw=0.6)
        for row in group:
            y -= STEP
            _bar(axes, row, y, width, width / scale, group[0].bits)
    where = "over these prefixes" if result.public_coins is None else "without error"
    axes.text(0, 0.02, f"black mark: what is needed {where}", size=SMALL, color=GREY)


def _bar(axes: Axes, row: Row, y: float, width: float, per_bit: float, needed: float | None) -> None:
    axes.text(0, y + BAR + 0.03, row.name, size=TEXT - 0.5, va="bottom")
    axes.text(width, y + BAR + 0.03, row.label, size=TEXT - 0.5, va="bottom", ha="right")
    if row.bits is None:
        return
    colour, lines = (ALICE, "white") if row.needed else (OTHER, INK)
    length, hatch = row.bits * per_bit, HATCHES.get(short(row.evidence))
    axes.add_patch(Rectangle((0, y), width, BAR, fc=PALE, ec="none"))
    axes.add_patch(Rectangle((0, y), length, BAR, fc=colour, ec=lines, lw=0, hatch=hatch))
    axes.add_patch(Rectangle((0, y), length, BAR, fc="none", ec=INK, lw=0.6))
    if needed is not None:
        at, ends = [needed * per_bit] * 2, [y - 0.035, y + BAR]
        axes.plot(at, ends, color=INK, lw=2.2, solid_capstyle="butt", clip_on=False)
