"""Which rows make a picture, of which kind, and which are refused."""

from __future__ import annotations

import dataclasses
import warnings

import pytest
from cells import cell, chains, over_all, precisions, refused, thresholds
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from test_rows import points as any_rows

from commlb.errors import BadInput
from commlb.plots import rows as pictures
from commlb.plots import save_rows, select, shown
from commlb.plots.style import settings
from commlb.records_rows import MemoryPoint


def states(n: int, cut: int, **given: object) -> MemoryPoint:
    return cell(n, "window:w=4", command="states", family=None, cut=cut, **given)


def test_of_states_one_cut_is_drawn():
    rows = [states(n, cut, reachable_bits=float(min(cut, 4))) for n in (6, 8) for cut in range(n + 1)]
    assert [(row.n, row.cut) for row in select(rows)] == [(6, 6), (8, 8)]
    rows = [
        states(5, cut, prefix_set="all", minimum_bits=-abs(cut - 2.0), reachable_bits=9.0) for cut in range(5)
    ]
    assert [row.cut for row in select(rows)] == [2]


def test_rows_are_chosen():
    rows = thresholds(range(2, 9), (0.0, 0.01)) + chains([4], ["exact"])
    assert {row.n for row in select(rows, n=range(4, 7))} == {4, 5, 6}
    assert {row.error_target for row in select(rows, errors=[0.01])} == {0.01}
    for name, count in (("gru", 42), ("gru:d,p=8", 42), ("gru:d,p=8,seed=1", 14), ("window:w=5", 2)):
        assert len(select(rows, machines=[name])) == count
    with pytest.raises(
        BadInput, match=r"rows none is left; they hold istree, n = 2 to 8, machines exact, gru.*0\.01"
    ):
        select(rows, machines=["lstm"])
    assert shown(rows).endswith("; 1 row left out (without an error target)")


@pytest.mark.parametrize(
    ("rows", "kind", "message"),
    [
        ([], None, "there are no rows"),
        (
            over_all([3]) + chains([3], ["exact"]),
            None,
            "one prefix_set; given alice, all; choose with --over",
        ),
        (
            [cell(3, "exact"), cell(3, "exact", task="ar")],
            None,
            "one task; given ar, istree; choose with --task",
        ),
        ([cell(3, "exact"), cell(3, "exact", symbols=4)], None, "choose with --symbols"),
        (thresholds([4]), "chain", "make a picture of kind curve; given --kind chain"),
        (
            thresholds([4], [k / 100 for k in range(7)]),
            None,
            "room for 6 error targets; given 7; choose with --error",
        ),
        ([refused(4, "gru:d=1")], None, "all 1 row were refused: states: 2.24 needed"),
        (chains([4], ["exact"]), "precision", "no row has precision_bits"),
        ([cell(4, "exact", capacity_bits=4.0)], "accuracy", "no row has best_accuracy"),
        (chains([4], ["exact"]), "pie", "unknown kind of picture 'pie'"),
        ([cell(4, None, family="gru:d", error_target=0.0)], None, "or how far one was searched for"),
        ([cell(4, "exact", prefix_set="bob")], None, "a prefix set is alice or all; given 'bob'"),
        ([cell(0, "exact", capacity_bits=4.0)], None, "n from 1 to"),
        ([cell(10**400, "exact", capacity_bits=4.0)], None, "n from 1 to"),
    ],
)
def test_what_makes_no_picture_is_refused(rows, kind, message, tmp_path):
    with pytest.raises(BadInput, match=message):
        save_rows(rows, tmp_path / "a.png", kind)
    assert not list(tmp_path.iterdir())
    for options in ({"across": "linar"}, {"up": "log2"}, {"width": "page"}):
        with pytest.raises(BadInput, match=r"must be .* or .*; given"):
            save_rows(chains([4], ["exact"]), tmp_path / "a.png", **options)


@given(
    any_rows(),
    st.sampled_from(["chain", "curve", "accuracy", "precision"]),
    st.sampled_from(["linear", "log"]),
)
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_row_is_drawn_or_refused(row, kind, scale):
    over = "all" if row.n % 2 else "alice"
    row = dataclasses.replace(row, n=abs(row.n) % 100 + 1, symbols=2, prefix_set=over)
    with settings(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+")
        try:
            made = pictures.figure([row], kind, scale, scale)
        except BadInput:
            return
        made.draw_without_rendering()


def test_the_kind_is_what_the_rows_suggest():
    assert pictures.kind_of(thresholds([4])) == "curve"
    assert pictures.kind_of(precisions([8])) == "precision"
    assert pictures.kind_of(chains(range(2, 9), ["gru:d=3,p=8"])) == "chain"
    assert pictures.kind_of(chains(range(2, 9), ["exact", "gru:d=3,p=8"])) == "curve"
