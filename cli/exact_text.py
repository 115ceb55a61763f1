"""The text that ``commlb exact`` prints: a row a cut, or a row a size with the laws of growth."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR

from commlb_cli.text import wrap

from commlb.records_exact import ExactCut, ExactResult, GrowthResult
from commlb.wording import number

MOST_ROWS = 48
"""Cuts that are shown; of more, those at both ends and around the worst."""


def lines(result: ExactResult | GrowthResult) -> list[str]:
    """The result for a person, 80 columns."""
    return _growth(result) if isinstance(result, GrowthResult) else _one(result)


def _size(result: ExactResult) -> str:
    words = {"fixed": "fixed keys", "simple": "simple graphs"}
    shown = [
        f"n = {value}" if key == "n" else words.get(key, key) if value is True else f"{value} {key}"
        for key, value in result.task_size.items()
    ]
    if "keys" in result.task_size and "fixed" not in result.task_size:
        shown.append("free keys")
    return ", ".join(shown).replace("_", " ")


def _one(result: ExactResult) -> list[str]:
    head = f"What any machine for {result.task} must keep: {_size(result)}"
    size = f"{result.length} tokens of {result.alphabet_size} kinds; engine {result.engine}"
    if result.promise:
        size += "; a promise task: minima hold cut by cut, and need not be reached by one machine at once"
    found = [*wrap(head, "", "  "), *wrap(size, "  ", "  "), ""]
    machine = "machine" if result.engine == "layers" else "prefixes"
    found.append(f"{'cut':>6} {'tokens':>6} {machine:>11} {'minimum':>17}  {'bits':>8}  known by")
    shown = _shown(result)
    for place, cut in enumerate(result.cuts):
        if place in shown:
            found += _row(cut, cut.t == result.worst_cut)
        elif place - 1 in shown:
            found.append(f"{'…':>6}")
    states = "states of the task's machine" if result.engine == "layers" else "all prefixes"
    note = (
        f"{machine}: {states}; minimum: states that any machine needs at that cut (* the worst); all of it "
        "exhaustive"
    )
    found += [*wrap(note, "  ", "  "), ""]
    if result.bound is not None:
        bits = number(result.bound.bits, ROUND_FLOOR)
        found += wrap(f"closed form: at least {bits} bits ({result.bound.method})", "", "  ")
    return [*found, *wrap(result.verdict, "", "")]


def _row(cut: ExactCut, worst: bool) -> list[str]:
    low, high = f"{cut.classes_at_least:,}", f"{cut.classes_at_most:,}"
    count = low if cut.exact else f"{low} to {high}"
    known = cut.at_least_by
    if not cut.exact or cut.at_most_by != cut.at_least_by:
        known += f"{' =' if cut.exact else ','} {cut.at_most_by}"
    if cut.closed_form is not None:
        known += " = formula" if cut.exact else f", formula {cut.closed_form:,}"
    bits = number(math.log2(cut.classes_at_least), ROUND_FLOOR)
    mark = "*" if worst else " "
    tokens = str(cut.alphabet) if cut.alphabet else ""
    head = f"{cut.t:>6} {tokens:>6} {cut.machine_states:>11,} {count:>17}{mark} {bits:>8}  "
    return wrap(known, head, " " * len(head))


def _shown(result: ExactResult) -> set[int]:
    if len(result.cuts) <= MOST_ROWS:
        return set(range(len(result.cuts)))
    ends = MOST_ROWS // 3
    near = range(result.worst_cut - ends // 2, result.worst_cut + ends // 2 + 1)
    return {*range(ends), *range(len(result.cuts) - ends, len(result.cuts)), *near}


def _growth(result: GrowthResult) -> list[str]:
    found = [f"What any machine for {result.task} must keep, as n grows", ""]
    found.append(f"{'n':>7} {'tokens':>7} {'worst cut':>10} {'states':>24} {'bits':>10}  known by")
    for n, one in zip(result.sizes, result.results, strict=False):
        worst = one.cuts[one.worst_cut]
        count = f"{worst.classes_at_least:,}"
        if one.minimum_bits != one.at_most_bits:
            count += f" to {max(cut.classes_at_most for cut in one.cuts):,}"
        bits = number(one.minimum_bits, ROUND_FLOOR)
        found.append(f"{n:>7} {one.length:>7} {one.worst_cut:>10} {count:>24} {bits:>10}  {one.evidence}")
    if result.fits:
        found += ["", "Laws bits = a·g(n) + b, least squares (an observation, not a theorem):"]
        for place, fit in enumerate(result.fits):
            best = "  best" if place == 0 else ""
            sign = "+" if fit.b >= 0 else "-"
            rms = number(fit.rms, ROUND_CEILING, 3)
            found.append(
                f"  {fit.law:<8} {number(fit.a, digits=5):>10}·g {sign} {number(abs(fit.b), digits=5):<10} "
                f"residual {rms:>9} bits{best}"
            )
    return [*found, "", *wrap(result.verdict, "", "")]
