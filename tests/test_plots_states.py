"""Pictures of states by their data: what is drawn where, what is said, what fits."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import commlb
from commlb.errors import BadInput, OverLimit
from commlb.plots import SUFFIXES, save_states, states
from commlb.plots.curves import LOOKS, PITCH, Curve, ceiling, spread, ticks
from commlb.plots.heat import accuracies, remembered
from commlb.plots.style import clipped, settings, sized, task_name
from commlb.records_states import StatesCut, StatesResult


@functools.cache
def found(task: str, n: int, **options: Any) -> StatesResult:
    """What ``states`` finds, or the part that was finished."""
    try:
        return commlb.states(task, n, **options)
    except OverLimit as stopped:
        return stopped.partial  # type: ignore[attr-defined]


def long(cuts: int, symbols: int = 0, reach: float = 10.0, complete: bool = True) -> StatesResult:
    """A made-up result of so many cuts, with what it knows of the first ``symbols`` symbols."""
    kept = tuple(
        StatesCut(
            t=t,
            symbols_read=t,
            prefixes=2**t,
            reachable_states=int(2 ** min(t, reach)),
            reachable_bits=min(t, reach),
            entropy_bits=min(t, reach),
            capacity_bits=min(t, reach),
            minimum_states=None,
            per_input_bit=(0.5,) * t if symbols else None,
            best_accuracy=(0.75,) * t if symbols else None,
            mean_best_accuracy=0.75 if symbols and t else None,
            ceiling_accuracy=0.9 if symbols and t else None,
        )
        for t in range(cuts)
    )
    n = symbols or cuts - 1
    base = found("index", 2)
    bound = dataclasses.replace(base.bound, bits=float(n)) if base.bound else None
    return dataclasses.replace(
        base, n=n, cut=n, stream_length=n + 1, bound=bound, cuts=kept, complete=complete, stopped=None
    )


CASES = {
    "window": lambda: found("index", 8, machine="window:w=3", information=True),
    "random": lambda: found("index", 16, machine="random:bits=6", information=True),
    "ar": lambda: found("ar", 6, information=True),
    "four symbols": lambda: found("index", 4, symbols=4, information=True),
    "all": lambda: found("istree", 4, over="all"),
    "no closed form": lambda: found("ar", 2, over="all"),
    "hubs": lambda: found("istree", 8, reduction="hubs"),
    "partial": lambda: found("index", 24, max_states=500, information=True),
    "partial, all": lambda: found("istree", 6, over="all", max_states=5000),
    "one cut": lambda: found("index", 30, max_states=1),
    "no cut": lambda: dataclasses.replace(long(3), cuts=(), complete=False, verdict="Stopped after 0 cuts"),
    "smallest": lambda: found("index", 2, information=True),
    "2,000 cuts": lambda: long(2001),
    "300 symbols": lambda: long(301, 300),
    "1,000 symbols": lambda: long(1001, 1000, 6.0),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_bytes_each_time(suffix: str, tmp_path: Path) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    save_states(CASES["window"](), first)
    save_states(CASES["window"](), str(second))
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size > 5000
    assert sorted(os.listdir(tmp_path)) == [first.name, second.name]
    with pytest.raises(BadInput, match=r"must end in one of"):
        save_states(CASES["window"](), tmp_path / "a.gif")


def by_look(curves: list[Curve]) -> dict[str, Curve]:
    assert len({curve.look for curve in curves}) == len(curves)
    return {curve.look: curve for curve in curves}


def test_curves_are_the_records_numbers() -> None:
    result = CASES["random"]()
    drawn = by_look(states.curves(result))
    assert drawn["reachable"].values == tuple(cut.reachable_bits for cut in result.cuts)
    assert drawn["entropy"].values == tuple(cut.entropy_bits for cut in result.cuts)
    assert drawn["capacity"].values == tuple(cut.capacity_bits for cut in result.cuts)
    assert drawn["read"].values == tuple(float(t) for t in range(17))
    assert (drawn["need"].at, drawn["need"].values) == ((16.0,), (16.0,))
    assert drawn["need"].note == "16, INDEX · proved"
    assert drawn["reachable"].note.endswith(" · exhaustive")
    assert drawn["capacity"].note == "6 · formula"
    wide = by_look(states.curves(CASES["four symbols"]()))
    assert wide["read"].values == (0.0, 2.0, 4.0, 6.0, 8.0)


def test_over_all_prefixes_the_closed_form_stands_for_what_is_needed() -> None:
    result = CASES["all"]()
    drawn = by_look(states.curves(result))
    assert "need" not in drawn
    assert "read" not in drawn
    form = [math.log2(cut.minimum_states) for cut in result.cuts if cut.minimum_states]
    assert drawn["closed form"].values == tuple(form)
    assert drawn["closed form"].note == drawn["reachable"].note.replace("exhaustive", "formula")
    assert " at t = " in drawn["entropy"].note
    assert drawn["capacity"].values[-1] is None
    drawn = by_look(states.curves(CASES["no closed form"]()))
    assert "closed form" not in drawn
    bound = CASES["no closed form"]().bound
    assert bound is not None
    assert drawn["closed bound"].values == (bound.bits, bound.bits)
    assert "closed bound" not in by_look(
        states.curves(dataclasses.replace(CASES["no closed form"](), bound=None))
    )


def test_the_heat_map_holds_what_is_told_of_each_symbol_at_its_place() -> None:
    result = CASES["window"]()
    values = remembered(result)
    assert values.shape == (8, 9)
    for t, i in itertools.product(range(9), range(1, 9)):
        value = values[i - 1, t]
        assert math.isnan(value) if i > t else value == (1.0 if i > t - 3 else 0.0)
    with settings():
        made = states.figure(result)
    (image,) = made.axes[3].images
    assert np.array_equal(image.get_array().filled(math.nan), values, equal_nan=True)
    assert (image.norm.vmin, image.norm.vmax) == (0, 1)
    assert tuple(image.get_extent()) == (-0.5, 8.5, 8.5, 0.5)
    assert made.axes[3].get_ylim() == (8.5, 0.5)
    (unread,) = made.axes[3].patches
    assert unread.get_bbox().extents.tolist() == [-0.5, 0.5, 8.5, 8.5]
    assert unread.get_hatch()
    with settings():
        (image,) = states.figure(CASES["four symbols"]()).axes[3].images
    assert image.norm.vmax == 2


def test_the_best_guess_stands_under_fanos_ceiling() -> None:
    result = CASES["random"]()
    guess, most = accuracies(result)
    assert guess.values[0] is None
    for cut, best, above in zip(result.cuts, guess.values, most.values, strict=True):
        if best is not None and above is not None:
            assert best == 100 * cut.mean_best_accuracy
            assert best <= above + 1e-9


def texts(made: Figure) -> list[str]:
    return [text.get_text() for axes in made.axes for text in axes.texts if text.get_text()]


def test_a_partial_result_says_that_it_stopped_and_why() -> None:
    result = CASES["partial"]()
    assert not result.complete
    with settings():
        said = texts(states.figure(result))
    assert any(text.startswith("Stopped after 9 cuts of 25: ") and "--max-states" in text for text in said)
    assert "not reached" in said
    last = states.last_shown(result)
    assert result.cuts[-1].t < last < result.cut
    assert by_look(states.curves(result))["reachable"].note == "8 at t = 8 · exhaustive"
    assert "↑: ends above the axes" in said
    with settings():
        assert "not reached" not in texts(states.figure(CASES["window"]()))
        assert "no cut was finished" in texts(states.figure(CASES["no cut"]()))


def test_what_lies_far_above_the_machine_leaves_the_axes() -> None:
    last = 1000.0
    result = CASES["1,000 symbols"]()
    lines = states.curves(result)
    assert ceiling(lines, last, ("reachable",)) == pytest.approx(33)
    assert ceiling(states.curves(CASES["random"]()), 16, ("reachable",)) == pytest.approx(17.6)
    near = [Curve("capacity", "", (0.0,), (20.0,), ""), Curve("reachable", "", (0.0,), (2.0,), "")]
    assert ceiling(near, 0, ("reachable",), ("capacity",)) == pytest.approx(22)
    assert ceiling(near, 0, ("reachable",)) == pytest.approx(11)
    with settings():
        said = texts(states.figure(result))
    assert "↑ must cross the cut at t = 1,000" in said
    assert "reachable bits" in said


def test_titles() -> None:
    assert states.title(CASES["window"]()) == (
        "window:w=3 on INDEX with 8 bits inside Index, gadget plain: what it keeps, over Alice's prefixes"
    )
    assert states.title(CASES["four symbols"]()).startswith("exact on INDEX with 4 symbols of 4 kinds inside")
    assert (
        states.title(CASES["all"]())
        == "exact on IsTree, 7 vertices: what it keeps, over all prefixes of the task"
    )
    long = dataclasses.replace(CASES["all"]().machine, name="folder/" * 20 + "my.py:build")
    assert "…" in states.title(dataclasses.replace(CASES["all"](), machine=long))[:31]
    assert [clipped("abcdef", 4), clipped("abcd", 4)] == ["abc…", "abcd"]
    assert task_name("folder/my_task.py:Task") == "my_task.py:Task"
    assert sized({"pairs": 3, "keys": 1, "fixed": True, "c": 2}) == "3 pairs, 1 key, fixed, c = 2"


def test_ticks_are_round_few_and_have_both_ends() -> None:
    for first, last, most in itertools.product((0, 1), (1, 2, 7, 8, 24, 99, 300, 2000), (5, 11, 21)):
        places = ticks(first, last, most)
        assert places[0] == first
        assert places[-1] == max(first, last)
        assert len(places) <= most + 2
        assert places == sorted(set(places))


def test_labels_keep_their_distance() -> None:
    for wanted in ([1.0] * 6, [0.0, 0.0, 2.7], [2.75] * 5, [0.1, 2.0, 1.9, 2.1]):
        placed = spread(wanted, 2.75)
        order = sorted(placed)
        assert order[0] >= PITCH / 2 - 1e-9
        assert order[-1] <= 2.75 - PITCH / 2 + 1e-9
        assert all(b - a >= PITCH - 1e-9 for a, b in itertools.pairwise(order))
        for (a, at), (b, other) in itertools.combinations(zip(wanted, placed, strict=True), 2):
            assert (a - b) * (at - other) >= 0


def test_looks_differ_by_more_than_colour() -> None:
    for (a, first), (b, second) in itertools.combinations(LOOKS.items(), 2):
        assert dataclasses.replace(first, colour="", order=0) != dataclasses.replace(
            second, colour="", order=0
        ), (a, b)


@pytest.mark.parametrize("name", CASES)
def test_no_text_is_cut_off_small_or_overlapping(name: str) -> None:
    with settings():
        check_texts(states.figure(CASES[name]()))


def check_texts(made: Figure) -> None:
    """All texts of a figure: those on axes, the ticks' and the axes' names."""
    made.draw_without_rendering()
    drawn = [text for axes in made.axes for text in axes.texts]
    for axes in made.axes:
        if axes.axison:
            drawn += [axes.xaxis.label, axes.yaxis.label]
            low, high = sorted(axes.get_ylim())
            drawn += [
                label
                for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
                if low <= place <= high
            ]
            drawn += axes.get_xticklabels()
    drawn = [text for text in drawn if text.get_text().strip()]
    boxes = [text.get_window_extent() for text in drawn]
    for text, box in zip(drawn, boxes, strict=True):
        assert text.get_fontsize() >= 8
        assert box.x0 >= 0, text.get_text()
        assert box.y0 >= 0, text.get_text()
        assert box.x1 <= made.bbox.width, text.get_text()
        assert box.y1 <= made.bbox.height, text.get_text()
    for (a, first), (b, second) in itertools.combinations(zip(drawn, boxes, strict=True), 2):
        assert not first.padded(-0.5).overlaps(second), (a.get_text(), b.get_text())
