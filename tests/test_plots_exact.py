"""Pictures of exact minima and of their growth by their data."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from test_plots_states import by_look, check_texts, texts

from commlb import trends as laws
from commlb.errors import BadInput
from commlb.minimum import exact
from commlb.plots import SUFFIXES, save_exact, save_growth
from commlb.plots import exact as exact_plot
from commlb.plots import growth as growth_plot
from commlb.plots.style import settings
from commlb.records import Bound
from commlb.records_exact import ExactCut, ExactResult, GrowthResult
from commlb.tasks import task_classes

REDUCTIONS = [
    ("INDEX by two-hub", Bound(4.0, "deterministic", "rows", "proved", "source", "alice")),
    ("INDEX by hubs", Bound(6.0, "deterministic", "rows", "proved", "source", "alice")),
]


@functools.cache
def minima(task: str, *sizes: int) -> ExactResult:
    made: Callable[..., object] = task_classes()[task]
    return exact(made(*sizes))  # type: ignore[arg-type]


def opened(result: ExactResult, *places: int) -> ExactResult:
    """The result as it would be if the minimum were not settled at these cuts."""
    cuts = tuple(
        dataclasses.replace(cut, classes_at_most=3 * cut.classes_at_most, exact=False)
        if cut.t in places
        else cut
        for cut in result.cuts
    )
    most = math.log2(max(cut.classes_at_most for cut in cuts))
    return dataclasses.replace(result, cuts=cuts, exact=False, at_most_bits=most)


def long(cuts: int) -> ExactResult:
    rows = [
        ExactCut(t, 2, 2**t, k, k, True, "distinct rows", "distinct rows")
        for t, k in enumerate([min(2**t, 2 ** (cuts - 1 - t)) for t in range(cuts)])
    ]
    worst = max(rows, key=lambda row: row.classes_at_least)
    bits = math.log2(worst.classes_at_least)
    base = minima("istree", 5)
    return dataclasses.replace(
        base,
        cuts=tuple(rows),
        length=cuts - 1,
        worst_cut=worst.t,
        minimum_bits=bits,
        at_most_bits=bits,
        bound=None,
    )


def grown(results: list[ExactResult], sizes: list[int], stopped: str | None = None) -> GrowthResult:
    fits = laws.fits(sizes, [result.minimum_bits for result in results]) if len(sizes) > 2 else ()
    verdict = f"Stopped at {stopped}." if stopped else "The minimum grows; an observation, not a theorem."
    name = results[0].task
    return GrowthResult(name, tuple(sizes), tuple(results), fits, stopped is None, stopped, verdict)


def trees(last: int, stopped: str | None = None) -> GrowthResult:
    return grown([minima("istree", n) for n in range(3, last + 1)], list(range(3, last + 1)), stopped)


CASES = {
    "istree": lambda: minima("istree", 6),
    "counting": lambda: minima("counting", 5, 3),
    "ar": lambda: minima("ar", 3, 3, 2),
    "smallest": lambda: minima("index", 2, 2),
    "open": lambda: opened(minima("cgram", 5, 2, 3), 2, 4, 5),
    "open at the ends": lambda: opened(minima("cgram", 5, 2, 3), 0, 7),
    "long": lambda: long(2000),
    "table": lambda: dataclasses.replace(minima("istree", 5), engine="table", task="folder/my_task.py:Task"),
}
GROWN = {
    "istree": lambda: trees(7),
    "two": lambda: trees(4),
    "one": lambda: trees(3),
    "stopped": lambda: trees(
        6, "n = 7: states: 6,952 needed, the limit is 5,000; lower n or raise --max-states"
    ),
    "open": lambda: grown([opened(minima("istree", n), n // 2) for n in (3, 4, 5)], [3, 4, 5]),
    "powers": lambda: grown([minima("majority", n, 2) for n in (4, 8, 16, 32)], [4, 8, 16, 32]),
    "nothing": lambda: grown(
        [dataclasses.replace(minima("istree", 3), minimum_bits=0.0, at_most_bits=0.0)] * 3, [1, 2, 3]
    ),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_bytes_each_time(suffix: str, tmp_path: Path) -> None:
    for k in range(2):
        save_exact(CASES["open"](), tmp_path / f"exact{k}{suffix}")
        save_growth(GROWN["istree"](), str(tmp_path / f"growth{k}{suffix}"))
    for name in ("exact", "growth"):
        first, second = ((tmp_path / f"{name}{k}{suffix}").read_bytes() for k in range(2))
        assert first == second
        assert len(first) > 5000
    assert len(os.listdir(tmp_path)) == 4
    for save in (save_exact, save_growth):
        with pytest.raises(BadInput, match=r"must end in one of"):
            save(CASES["istree"](), tmp_path / "a.gif")  # type: ignore[operator]


def test_curves_are_the_records_numbers() -> None:
    result = CASES["istree"]()
    drawn = by_look(exact_plot.curves(result))
    bits = tuple(math.log2(cut.classes_at_least) for cut in result.cuts)
    assert drawn["at least"].values == drawn["closed form"].values == drawn["machine"].values == bits
    assert drawn["closed form"].note == "at 6 cuts · formula"
    assert drawn["at least"].note == "6.507 at t = 3 · exhaustive"
    assert drawn["machine"].note == "6.508 at t = 3 · exhaustive"
    assert result.bound is not None
    assert drawn["closed bound"].values == (result.bound.bits,) * 2
    assert "at most" not in drawn
    wider = CASES["ar"]()
    drawn = by_look(exact_plot.curves(wider))
    assert "closed form" not in drawn
    assert drawn["machine"].values == tuple(math.log2(cut.machine_states) for cut in wider.cuts)
    assert drawn["machine"].values != drawn["at least"].values
    assert by_look(exact_plot.curves(CASES["table"]()))["machine"].name == "prefixes of the task"


def test_an_open_interval_is_a_band_between_its_ends() -> None:
    result = CASES["open"]()
    drawn = by_look(exact_plot.curves(result))
    for cut, low, high in zip(result.cuts, drawn["at least"].values, drawn["at most"].values, strict=True):
        assert low is not None
        assert high is not None
        assert (2**low, 2**high) == pytest.approx((cut.classes_at_least, cut.classes_at_most))
    with settings():
        (band,) = exact_plot.figure(result).axes[1].collections
        assert not exact_plot.figure(CASES["istree"]()).axes[1].collections
    corners = {(x, round(y, 9)) for x, y in band.get_paths()[0].vertices}
    assert {(4.0, round(math.log2(6), 9)), (4.0, round(math.log2(18), 9))} <= corners


def test_the_worst_cut_has_its_exact_count() -> None:
    with settings():
        assert "worst cut, t = 3: exactly 91 states" in texts(exact_plot.figure(CASES["istree"]()))
        assert "worst cut, t = 4: between 6 and 18 states" in texts(exact_plot.figure(CASES["open"]()))
        assert "worst cut, t = 999: exactly 2^999 states" in texts(exact_plot.figure(CASES["long"]()))


def test_bounds_by_reductions_are_lines_the_best_first() -> None:
    lines = exact_plot.curves(CASES["istree"](), REDUCTIONS * 3)
    lines = [curve for curve in lines if curve.look == "reduction"]
    assert [curve.name for curve in lines] == ["INDEX by hubs"] * 3
    assert lines[0].values == (6.0, 6.0)
    assert lines[0].note == "6 · proved, Alice's prefixes"
    with settings():
        check_texts(exact_plot.figure(CASES["istree"](), REDUCTIONS))


def test_growth_draws_the_minima_and_each_law_the_best_one_solid() -> None:
    result = GROWN["istree"]()
    drawn = by_look(growth_plot.curves(result))
    assert drawn["minima"].at == (3.0, 4.0, 5.0, 6.0, 7.0)
    assert drawn["minima"].values == tuple(one.minimum_bits for one in result.results)
    assert set(drawn) == {"minima", "best law", "law 2", "law 3", "law 4"}
    for look, fit in zip(("best law", "law 2", "law 3", "law 4"), result.fits, strict=True):
        curve = drawn[look]
        assert fit.law.replace("^2", "²") in curve.name
        assert (curve.at[0], curve.at[-1]) == (3.0, 7.0)
        assert curve.values[-1] == pytest.approx(fit.a * laws.LAWS[fit.law](7) + fit.b)
        assert f"residual {fit.rms:.2g}"[:12] in curve.note
    with settings():
        said = texts(growth_plot.figure(result))
        alone = texts(growth_plot.figure(GROWN["two"]()))
        stopped = texts(growth_plot.figure(GROWN["stopped"]()))
    assert "an observation, not a theorem" in said
    assert "an observation, not a theorem" not in alone
    assert any(text.startswith("Stopped at n = 7: ") for text in stopped)
    assert "maxima" in by_look(growth_plot.curves(GROWN["open"]()))


@pytest.mark.parametrize("name", CASES)
def test_no_text_of_a_minimum_is_cut_off_small_or_overlapping(name: str) -> None:
    with settings():
        check_texts(exact_plot.figure(CASES[name]()))


@pytest.mark.parametrize("name", GROWN)
def test_no_text_of_growth_is_cut_off_small_or_overlapping(name: str) -> None:
    with settings():
        check_texts(growth_plot.figure(GROWN[name]()))
