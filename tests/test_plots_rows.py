"""Pictures of rows by their data: what is drawn where, what is marked, what fits, what is refused."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable

import pytest
from cells import chains, over_all, precisions, thresholds
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from test_plots_states import check_texts

from commlb.errors import BadInput
from commlb.fano import ceiling_accuracy, fano_bits
from commlb.plots import SUFFIXES, save_rows, sign
from commlb.plots import rows as pictures
from commlb.plots.likelihood import likely
from commlb.plots.panels import AT_LEAST, BAND, MORE, REFUSED, SAMPLED
from commlb.plots.style import settings
from commlb.records_rows import MemoryPoint

SIZES = range(2, 25)
MACHINE = ("exact", "window:w=8", "gru:d=3,p=8", "random:bits=16")
CASES: dict[str, tuple[Callable[[], list[MemoryPoint]], str, dict[str, str]]] = {
    "thresholds": (lambda: thresholds(SIZES), "curve", {}),
    "two errors": (lambda: thresholds(SIZES, (0.0, 0.01)), "curve", {}),
    "log": (lambda: thresholds((2, 3, 4, 6, 8, 16, 32, 64)), "curve", {"across": "log", "up": "log"}),
    "wide": (lambda: thresholds(SIZES), "curve", {"width": "wide"}),
    "one size": (lambda: thresholds([9]), "curve", {"across": "log"}),
    "one chain": (lambda: chains(SIZES, MACHINE[2:3]), "chain", {}),
    "chains": (lambda: chains(SIZES, (*MACHINE, "lstm:d=1", "tova:d=1,p=12")), "chain", {}),
    "two chains": (lambda: chains(SIZES, MACHINE[:2]), "chain", {"up": "log"}),
    "chain over all": (lambda: over_all(range(3, 12)), "chain", {}),
    "one row": (lambda: chains([8], ["window:w=4"]), "chain", {}),
    "curve": (lambda: chains(SIZES, MACHINE), "curve", {}),
    "curve over all": (lambda: over_all(range(3, 12)), "curve", {"width": "wide"}),
    "accuracy": (lambda: chains(SIZES, MACHINE), "accuracy", {}),
    "precision": (precisions, "precision", {}),
    "millions": (
        lambda: [dataclasses.replace(r, capacity_bits=1e6 * r.n) for r in thresholds(SIZES)],
        "curve",
        {},
    ),
    "most": (lambda: chains(SIZES, [f"gru:d={d}" for d in range(12)]), "accuracy", {}),
}


def drawn(name: str) -> Figure:
    rows, kind, options = CASES[name]
    with settings():
        return pictures.figure(rows(), kind, **options)


def panels(made: Figure) -> list[Axes]:
    return [axes for axes in made.axes if axes.axison]


def lines(axes: Axes, label: str) -> list[list[tuple[float, float]]]:
    """The points of each line of that label."""
    return [list(zip(*line.get_data(), strict=True)) for line in axes.lines if line.get_label() == label]


def said(made: Figure) -> str:
    return " ".join(text.get_text() for axes in made.axes for text in axes.texts)


def test_the_smallest_machines_are_the_rows_and_their_medians():
    rows = thresholds(SIZES)
    axes = panels(drawn("thresholds"))[0]
    (window,) = lines(axes, "window:w")
    assert window == [(n, n) for n in SIZES]
    (random,) = lines(axes, "random:bits")
    for n, value in random[:15]:
        bits = [r.capacity_bits for r in rows if r.n == n and (r.family or "").startswith("random")]
        assert value == statistics.median(bits)
    assert [n for n, value in random if math.isnan(value)] == list(range(17, 25))
    (gru,) = lines(axes, "gru:d,p=8")
    assert gru[:3] == [(2, 16), (3, 24), (4, 32)]
    assert all(math.isnan(value) for _, value in gru[3:])


def test_none_found_and_refused_cells_are_marked():
    axes = panels(drawn("thresholds"))[0]
    arrows = [mark for line in lines(axes, MORE) for mark in line]
    assert sorted(arrows) == [(n, 64.0) for n in range(5, 15)]
    crosses = sorted(lines(axes, REFUSED))
    assert [[n for n, _ in line] for line in crosses] == [list(range(15, 25)), list(range(17, 25))]
    assert len({y for line in crosses for _, y in line}) == 2
    heights = {y for line in lines(panels(drawn("most"))[0], REFUSED) for _, y in line}
    assert len(heights) == 12
    assert max(heights) < 0.34
    for words in (MORE, REFUSED, BAND, SAMPLED):
        assert words.split()[0] in said(drawn("thresholds"))
    for words in (MORE, REFUSED, SAMPLED):
        assert words not in said(drawn("chain over all"))


def test_what_varies_with_the_seed_is_shaded_from_the_least_to_the_most():
    rows = thresholds(range(2, 10))
    with settings():
        axes = panels(pictures.figure(rows))[0]
    shaded = {
        (round(x, 6), round(y, 6)) for area in axes.collections for x, y in area.get_paths()[0].vertices
    }
    for n in range(2, 10):
        bits = [r.capacity_bits for r in rows if r.n == n and (r.family or "").startswith("random")]
        assert {(n, min(bits)), (n, max(bits))} <= shaded


def test_exact_points_are_filled_and_sampled_ones_hollow():
    axes = panels(drawn("thresholds"))[0]
    hollow = [line for line in axes.lines if line.get_label() == "sampled" and len(line.get_xdata())]
    assert [list(line.get_xdata()) for line in hollow] == [[4]]
    assert hollow[0].get_markerfacecolor() == "white"
    filled = [line for line in axes.lines if line.get_label() == "exact" and len(line.get_xdata())]
    assert all(line.get_markerfacecolor() != "white" for line in filled)


def test_sampled_bits_are_lower_limits_to_which_no_line_leads():
    rows = chains(SIZES, ["window:w=8"])
    rows = [dataclasses.replace(row, evidence="sampled" if row.n > 20 else "exhaustive") for row in rows]
    for kind, name in (("chain", "reachable"), ("curve", "window:w=8")):
        with settings():
            made = pictures.figure(rows, kind)
        axes = panels(made)[0]
        (line,) = lines(axes, name)
        assert [n for n, value in line if math.isnan(value)] == [21, 22, 23, 24]
        hollow = {point for line in lines(axes, "sampled") for point in line}
        assert hollow == {(n, 8.0) for n in range(21, 25)}
        assert AT_LEAST.split("; ")[0] in said(made)
        (capacity,) = lines(axes, "capacity") if kind == "chain" else ([],)
        assert not any(math.isnan(value) for _, value in capacity)


def test_ticks_are_at_the_ends_of_the_data():
    with settings():
        axes = panels(pictures.figure(chains(range(4, 33), ["exact"]), "chain"))[0]
    assert (axes.get_xticks()[0], axes.get_xticks()[-1]) == (4, 32)


@pytest.mark.parametrize("error", [0.0, 0.01, 0.11])
def test_the_bound_is_its_formula(error):
    with settings():
        axes = panels(pictures.figure(thresholds(SIZES, [error])))[0]
    (bound,) = lines(axes, "bound n·g(ε) bits" if error else "bound n bits")
    assert (bound[0][0], bound[-1][0]) == (2, 24)
    assert [value for _, value in bound] == pytest.approx([n * fano_bits(error) for n, _ in bound])


def test_the_bound_of_other_rows_goes_through_them():
    rows = over_all(range(3, 12))
    axes = panels(drawn("chain over all"))[0]
    (bound,) = lines(axes, "bound log₂ n!")
    assert bound == [(row.n, row.bound_bits) for row in rows if row.machine == "exact"]
    odd = [
        dataclasses.replace(row, bound_bits=row.n + 1.0, bound_formula=None)
        for row in chains(SIZES, ["exact"])
    ]
    with settings():
        (bound,) = lines(panels(pictures.figure(odd, "chain"))[0], "bound, at each n")
    assert bound == [(n, n + 1) for n in SIZES]
    bare = [dataclasses.replace(row, bound_bits=None) for row in chains(SIZES, ["exact"])]
    with settings():
        assert lines(panels(pictures.figure(bare, "chain"))[0], "bound n bits")
        other = [dataclasses.replace(row, problem="DISJ") for row in bare]
        assert not lines(panels(pictures.figure(other, "chain"))[0], "bound n bits")


def test_a_chain_has_its_quantities_in_their_order():
    axes = panels(drawn("one chain"))[0]
    for n in range(2, 21):
        values = [
            dict(lines(axes, name)[0])[n] for name in ("capacity", "reachable", "entropy", "information on x")
        ]
        assert values == sorted(values, reverse=True)
    assert dict(lines(axes, "reachable")[0])[10] == pytest.approx(
        statistics.median(10 - 0.2 * k for k in range(4))
    )
    axes = panels(drawn("chain over all"))[0]
    assert {"capacity", "reachable", "exact minimum"} <= {line.get_label() for line in axes.lines}
    assert not lines(axes, "entropy")


def test_several_chains_have_the_same_axes():
    found = panels(drawn("chains"))
    assert len(found) == 6
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in found}) == 1
    with pytest.raises(BadInput, match=r"room for 6 machines; given 7.*--machine, or take --kind curve"):
        pictures.figure(chains([4], [f"window:w={w}" for w in range(1, 8)]), "chain")
    with pytest.raises(BadInput, match=r"room for 12 machines; given 13.*--kind precision"):
        pictures.figure(chains([4], [f"window:w={w}" for w in range(1, 14)]), "curve")


def test_accuracies_stand_below_fanos_ceiling():
    axes = panels(drawn("accuracy"))[0]
    (window,) = lines(axes, "window:w=8")
    assert window == [(n, 100 * (1 + min(n, 8) / n) / 2) for n in SIZES]
    thick = [line.get_data() for line in axes.lines if line.get_linewidth() == 2.4]
    assert [len(at) for at, _ in thick] == [
        23,
        120,
        120,
        120,
    ]  # exact has n bits, the others the same at all n
    for (at, values), bits in zip(thick[1:], (16, 16, 8), strict=True):
        for n, value in ((at[0], values[0]), (at[-1], values[-1])):
            assert value == pytest.approx(100 * ceiling_accuracy(bits, int(n)))
    equal = [dataclasses.replace(row, problem="EQ") for row in chains(SIZES, ["window:w=8"])]
    with settings():
        assert "Fano" not in said(pictures.figure(equal, "accuracy"))


def test_sampled_answers_have_their_likely_accuracies():
    axes = panels(drawn("accuracy"))[0]
    bars = {tuple(zip(*line.get_data(), strict=True)) for line in axes.lines if line.get_marker() == "_"}
    for n in range(2, 21):
        errors = sum(100 + 10 * n + seed for seed in range(4))
        low, high = likely(4000 - errors, 4000)
        assert ((n, 100 * low), (n, 100 * high)) in bars


def test_precision_shows_the_largest_size_in_bits_and_per_bit_of_state():
    left, right = panels(drawn("precision"))
    (gru,), (share,) = lines(left, "gru:d=2"), lines(right, "gru:d=2")
    assert gru[:-1] == [(p, pytest.approx(min(12, p) * 0.7)) for p in range(2, 15, 2)]
    assert gru[-1][1] == pytest.approx(12 * 0.75)
    assert [value for _, value in share] == pytest.approx([v / (2 * p) for p, v in gru])
    assert lines(left, "bound n bits") == [[(2, 12), (16, 12)]]
    assert "3 seeds" in said(drawn("precision"))


def test_slopes_are_said_where_they_say_something():
    assert "window:w: exhaustive; slope 1" in said(drawn("thresholds"))
    assert "an observation" in said(drawn("thresholds"))
    assert "gru:d,p=8: exhaustive or sampled, 3 seeds random:bits: " in said(drawn("thresholds"))
    assert "n log n fits better than n" in said(drawn("curve over all"))
    assert "slope" not in said(drawn("curve"))
    assert "slope" not in said(drawn("one size"))


@pytest.mark.parametrize("name", CASES)
def test_no_text_is_cut_off_small_or_overlapping(name):
    made = drawn(name)
    wide = 7.0 if len(panels(made)) > 1 or CASES[name][2].get("width") else 3.4
    assert made.get_size_inches()[0] == wide
    with settings():
        sign(made, "a/long/folder/rows-of-a-study.csv")
        check_texts(made)
    assert "rows-of-a-study.csv · commlb " in said(made)
    assert "folder" not in said(made)


def test_the_legend_covers_no_data():
    for name in CASES:
        made = drawn(name)
        top = max(axes.get_position().y1 for axes in made.axes if axes.get_position().y0 == 0)
        assert all(axes.get_position().y0 > top for axes in panels(made)), name


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_bytes_each_time(suffix, tmp_path):
    for k in range(2):
        save_rows(thresholds(range(2, 9)), tmp_path / f"{k}{suffix}", source="rows.csv")
    assert (tmp_path / f"0{suffix}").read_bytes() == (tmp_path / f"1{suffix}").read_bytes()
