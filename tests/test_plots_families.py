"""Pictures of several machines by their data: what is drawn where, what fits."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from test_plots_states import check_texts

import commlb
from commlb.plots import families, save_families, save_maps
from commlb.plots.heat import remembered
from commlb.plots.style import settings

MACHINES = (
    "window:w=2",
    "window:w=8",
    "random:bits=3,seed=12",
    "streaming-llm:d=1,w=2,sinks=1,bare=1,p=4,seed=12",
    "linear-attention:d=2,dk=2,dv=1,bare=1,p=4,range=1,seed=5",
    "gru:d=2,p=3",
    "exact",
)


@functools.cache
def found(n: int = 6, machines: tuple[str, ...] = MACHINES):
    return tuple(commlb.states("index", n, machine=machine, information=True) for machine in machines)


def test_the_best_are_first_and_equal_ones_stay_in_order():
    kept = [result.cuts[-1].entropy_bits for result in families.ordered(found())]
    assert kept == sorted(kept, reverse=True)
    assert [families.name(result) for result in families.ordered(found())][:2] == ["window:w=8", "exact"]


def test_names():
    assert [families.name(result) for result in found()] == [
        "window:w=2", "window:w=8", "random, seed 12", "streaming-llm, seed 12", "linear-attention, seed 5",
        "gru, seed 0", "exact",
    ]  # fmt: skip


def test_rows_and_bars_are_the_results():
    with settings():
        made = families.figure(found())
        rows, bars = made.axes[1], made.axes[2]
        best = families.ordered(found())
        assert [label.get_text() for label in rows.get_yticklabels()] == [families.name(r) for r in best]
        drawn = np.asarray(rows.images[0].get_array())
        assert drawn.shape == (len(MACHINES), 6)
        assert drawn.tolist() == [list(result.cuts[-1].per_input_bit) for result in best]
        widths = [patch.get_width() for patch in bars.patches if isinstance(patch, Rectangle)]
        assert widths[: len(best)] == [result.cuts[-1].capacity_bits for result in best]
        assert widths[len(best) :] == [result.cuts[-1].entropy_bits for result in best]
        said = [text.get_text() for text in made.axes[3].texts]
        assert said[0] == "6 of 6"
        assert "2 of 2" in said
        window = [families.name(result) for result in best].index("window:w=2")
        assert drawn[window].tolist() == [0, 0, 0, 0, 1, 1]


def test_small_maps_are_the_heat_maps():
    with settings():
        made = families.maps(found())
        maps = [axes for axes in made.axes if axes.images][:-1]
        for axes, result in zip(maps, families.ordered(found()), strict=True):
            np.testing.assert_array_equal(
                np.ma.filled(axes.images[0].get_array(), np.nan), remembered(result)
            )


@pytest.mark.parametrize("draw", [families.figure, families.maps])
@pytest.mark.parametrize("many", [1, 2, 7, 30])
def test_texts_fit_and_do_not_overlap(draw, many):
    with settings():
        check_texts(draw((found() * 5)[:many]))


@pytest.mark.parametrize("draw", [families.figure, families.maps])
def test_texts_fit_at_other_sizes(draw):
    with settings():
        check_texts(draw(found(16, ("window:w=4", "random:bits=9"))))
        check_texts(draw(found(2, ("window:w=1", "exact"))))


@pytest.mark.parametrize("save", [save_families, save_maps])
def test_the_same_file_each_time(save, tmp_path):
    for name in ("one.png", "two.png"):
        save(found(), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
