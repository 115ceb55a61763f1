"""How machines look, how far an accuracy may be from what was seen, where words are broken."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from test_plots import stream
from test_plots_exact import CASES as EXACT
from test_plots_exact import GROWN
from test_plots_families import found as families_of
from test_plots_states import CASES as STATES
from test_plots_states import check_texts, texts

from commlb import __version__
from commlb.errors import BadInput
from commlb.listing import names
from commlb.plots import exact, families, figure, growth, sign, states
from commlb.plots.colours import DASHES, MACHINES, MARKERS, look, looks
from commlb.plots.likelihood import FACTOR, likely
from commlb.plots.page import wrapped
from commlb.plots.style import settings


@pytest.mark.parametrize(("right", "trials"), [(0, 1), (0, 9), (7, 7), (3, 10), (50, 100), (999, 1000)])
def test_likely_is_what_brute_force_finds(right, trials):
    low, high = likely(right, trials)
    grid = np.linspace(0, 1, 20001)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(right > 0, right * np.log(grid), 0) + np.where(
            right < trials, (trials - right) * np.log1p(-grid), 0
        )
    inside = grid[log >= np.nanmax(log) - math.log(FACTOR)]
    assert low <= inside[0] <= low + 2 / 20000
    assert high - 2 / 20000 <= inside[-1] <= high
    assert low <= right / trials <= high


@pytest.mark.parametrize(("right", "trials"), [(-1, 4), (5, 4), (0, 0)])
def test_what_is_no_count_is_refused(right, trials):
    with pytest.raises(BadInput, match="from 0 to the trials"):
        likely(right, trials)


def test_every_registered_machine_has_its_look_and_no_two_the_same():
    assert set(MACHINES) == set(names()["machine"])
    for (a, first), (b, second) in itertools.combinations([(name, look(name)) for name in MACHINES], 2):
        assert (first.marker, first.dash) != (second.marker, second.dash), (a, b)
        assert (first.colour, first.marker) != (second.colour, second.marker), (a, b)
    usual = [
        "exact",
        "window",
        "random",
        "gru",
        "lstm",
        "mamba",
        "linear-attention",
        "bloom",
        "reservoir",
        "fingerprint",
    ]
    assert len({look(name).marker for name in usual}) == len(usual)
    assert all(look(a).colour != look(b).colour for a, b in itertools.combinations(usual[:5], 2))


def test_looks_are_stable_and_differ_in_one_picture():
    assert look("my.py:build") == look("my.py:build")
    assert (look("my.py:build").marker, look("my.py:build").dash) == (MARKERS[3], DASHES[4])
    made = looks([f"gru:d={d}" for d in range(40)] + ["lstm:d=1", "my.py:build", "your.py:build"])
    assert len({(one.marker, one.dash) for one in made}) == 43
    assert {one.colour for one in made[:40]} == {look("gru").colour}
    for shown in (["gru:d=1", "exact"], ["exact", "gru:d=1", "gru:d=2"]):
        place = shown.index("gru:d=1")
        assert (looks(shown)[place].marker, looks(shown)[place].dash) == (
            look("gru").marker,
            look("gru").dash,
        )


def test_words_are_broken_where_they_may_be():
    assert wrapped("n = 2 … 24", 0.1) == ["n = 2 … 24"[:1] + "…"] or len(wrapped("n = 2 … 24", 0.1)) == 1
    made = wrapped("slope 4.57 (4.16 to 4.97); n log n fits better than n", 1.9)
    assert any("n log n" in line for line in made)
    assert " ".join(made) == "slope 4.57 (4.16 to 4.97); n log n fits better than n"
    assert wrapped("", 1.0) == [""]


PICTURES = {
    "reduce": lambda: figure(stream("counting", machine="window:w=2")),
    "states": lambda: states.figure(STATES["window"]()),
    "exact": lambda: exact.figure(EXACT["istree"]()),
    "growth": lambda: growth.figure(GROWN["istree"]()),
    "families": lambda: families.figure(families_of()),
    "maps": lambda: families.maps(families_of()),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_names_its_data_and_the_version_below_all_else(name):
    with settings():
        made = PICTURES[name]()
        inches = [axes.get_position().bounds[2:] * made.get_size_inches() for axes in made.axes]
        sign(made, "folder/rows.csv")
        check_texts(made)
        after = [axes.get_position().bounds[2:] * made.get_size_inches() for axes in made.axes]
    assert np.allclose(inches, after[:-1])
    assert texts(made)[-1] == f"rows.csv · commlb {__version__}"


def test_a_long_name_loses_its_end_and_not_the_version():
    for source, said in (("", f"commlb {__version__}"), ("x" * 999, f"x… · commlb {__version__}")):
        with settings():
            made = states.figure(STATES["smallest"]())
            sign(made, source)
            check_texts(made)
        assert texts(made)[-1].endswith(said)
