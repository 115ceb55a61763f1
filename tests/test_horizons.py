"""Memory horizons: closed forms, a twin that runs one stream at a time, orders, and pictures by their data."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import numpy as np
import pytest
from test_plots_states import check_texts

from commlb import machines, reductions
from commlb.colliding.continuations import Search
from commlb.colliding.horizons import horizons, merging_pair, study
from commlb.colliding.twins import alone, followed, pair, pairs_of, watch
from commlb.errors import BadInput, LimitError
from commlb.plots import horizons as drawn
from commlb.plots import save_horizons
from commlb.plots.style import settings
from commlb.records_horizons import from_csv, to_csv
from commlb.reductions import for_task, reduction_classes

FAMILIES = {
    name: f"{name}:d=4" + {"dss": ",N=2", "s4d": ",N=4", "mamba": ",N=2", "mamba2": ",N=2,P=2"}.get(name, "")
    for name, cls in machines.machine_classes().items()
    if "d" in cls.required and name != "linear"
}


def build(task: str, n: int, machine: str, reduction: str | None = None, symbols: int | None = None):
    made = reductions.build(task, reduction, n, symbols, None)
    return made, machines.build(machine, made.task, made.cut)


def slow(reduction, machine, x, x_other):
    """(First token that differs, steps or None): each stream alone, states packed after every token."""
    histories = []
    for word in (x, x_other):
        states, packed = machine.start(1), []
        for t, token in enumerate(reduction.alice(word)):
            states = machine.step(states, np.array([token]), t)
            packed.append(machine.pack(states).tobytes())
        histories.append(packed)
    streams = zip(reduction.alice(x), reduction.alice(x_other), strict=True)
    (first,) = [t for t, (a, b) in enumerate(streams, 1) if a != b]
    same = [t for t, (a, b) in enumerate(zip(*histories, strict=True), 1) if a == b and t >= first]
    return first, same[0] - first + 1 if same else None


@pytest.mark.parametrize("w", [1, 2, 5, 11])
@pytest.mark.parametrize("position", [1, 3])
def test_a_window_forgets_a_token_when_w_more_are_read(w, position):
    found = horizons(*build("index", 20, f"window:w={w}"), positions=(position,))
    assert len(found) == 2 + 5 + 2
    assert {h.steps for h in found} == {w + 1}
    assert {h.token for h in found} == {position}
    assert {h.budget for h in found} == {20 - position + 1}


def test_a_sliding_window_of_keys_and_values_forgets_after_w():
    for w in (2, 4, 7):
        assert {h.steps for h in study("index", 20, f"sliding-window:d=2,w={w},p=4")} == {w}


@pytest.mark.parametrize("name", ["store", "exact"])
def test_who_keeps_all_never_merges(name):
    made = build("index", 12, name)
    found = horizons(*made, positions=(1, 5, 12))
    assert {h.steps for h in found} == {None}
    assert all(h.complete for h in found if h.continuation == "worst found")
    assert merging_pair(*made) is None


@pytest.mark.parametrize(
    "machine", ["gru:d=2,p=3", "lstm:d=2,format=e3m2,seed=2", "elman:d=2,p=4", "random:bits=4"]
)
@pytest.mark.parametrize(("task", "reduction"), [("index", "plain"), ("istree", "two-hub"), ("ar", "keys")])
def test_streams_side_by_side_merge_as_those_alone(task, reduction, machine):
    made = build(task, 14, machine, reduction)
    tried = pairs_of(made[0], (1, 4), ("all", "random"), 3, 3)
    first, steps, gaps = watch(*made, tried, made[0].cut)
    for one, token, count, gap in zip(tried, first, steps, gaps, strict=True):
        assert slow(*made, one.x, one.x_other) == (token, None if count < 0 else count)
        assert (gap > 0) == (count < 0)


@pytest.mark.parametrize(
    "machine", ["gru:d=1,p=3", "gru:d=2,p=4", "lru:d=1,N=1,bare=1,p=3", "random:bits=3", "window:w=3"]
)
def test_the_search_is_exhaustive_where_it_says_so(machine):
    made = build("index", 8, machine)
    lengths = []
    for rest in itertools.product((0, 1), repeat=7):
        _, steps = slow(*made, (0, *rest), (1, *rest))
        lengths.append(float("inf") if steps is None else steps)
    worst, best = horizons(*made, continuations=("worst", "best"), width=200)
    assert [worst.complete, best.complete] == [True, True]
    assert (worst.steps or float("inf")) == max(lengths)
    assert (best.steps or float("inf")) == min(lengths)


@pytest.mark.parametrize("machine", ["gru:d=3,p=5", "elman:d=3,p=6", "rwkv4:d=1,p=4"])
@pytest.mark.parametrize("position", [1, 3])
def test_what_was_found_is_a_stream_that_does_so(machine, position):
    made = build("istree", 20, machine)
    for h in horizons(*made, positions=(position,), continuations=("worst", "best"), width=4):
        x = tuple(int(bit) for bit in (h.x or "").ljust(20, "0"))
        assert x[position - 1] == h.symbol
        other = followed(made[0], x, position, h.other)
        token, steps = slow(*made, x, other)
        assert token == h.token
        assert steps == h.steps


@functools.cache
def of_all():
    return study("index", 24, [f"{text},p=2:6:2" for text in FAMILIES.values()], draws=2, width=4)


def test_all_families_run_and_the_worst_is_no_less_than_any_the_best_no_more():
    cells: dict[str, list] = {}
    for h in of_all():
        cells.setdefault(h.machine, []).append(h)
    assert len(FAMILIES) == 24
    assert len(cells) == 3 * 24
    for found in cells.values():
        lengths = {h.continuation: h.steps or float("inf") for h in found}
        tried = [h.steps or float("inf") for h in found if h.x is None]
        assert lengths["worst found"] >= max(tried) >= min(tried) >= lengths["best found"]
        assert {h.evidence for h in found} == {"exhaustive"}
        assert all(h.weights_digest and h.precision_bits for h in found)


def test_the_same_again():
    for text in ("gru:d=4,p=4:6:2", "random:bits=6"):
        assert study("index", 30, text, seed=5) == study("index", 30, text, seed=5)
    assert study("index", 30, "random:bits=6", seed=5) != study("index", 30, "random:bits=6", seed=6)


def test_a_budget_cuts_off():
    found = horizons(*build("index", 30, "window:w=5"), budget=5)
    assert {(h.steps, h.budget) for h in found} == {(None, 5)}
    assert {h.steps for h in horizons(*build("index", 30, "window:w=5"), budget=6)} == {6}


def test_more_symbols():
    found = study("index", 20, "window:w=4", symbols=3, draws=3)
    assert [h.continuation for h in found[:3]] == ["all 0", "all 1", "all 2"]
    assert {h.steps for h in found} == {5}
    assert all(h.symbol != h.other for h in found)
    assert (found[-1].x or "").count(",") == 4


@pytest.mark.parametrize("name", sorted({*reduction_classes()} - {"star"}))
def test_every_reduction_has_a_common_continuation(name):
    cls = reduction_classes()[name]
    made = reductions.build(cls.task_name, name, 9, None, None) if name in for_task(cls.task_name) else cls(9)
    for position in (1, 2, 5):
        one = pair(made, position, "random", 3)
        assert one.x[position - 1] != one.x_other[position - 1]
        a, b = made.alice(one.x), made.alice(one.x_other)
        differ = [t for t, (u, v) in enumerate(zip(a, b, strict=True)) if u != v]
        assert differ
        step = len(a) // 9 + 2
        assert differ[-1] - differ[0] < step


def test_the_star_remembers_its_first_one_and_has_none():
    with pytest.raises(BadInput, match="no other input of star"):
        pair(reduction_classes()["star"](9), 1, "random", 3)


@pytest.mark.parametrize(
    "machine",
    [
        "gru:d=4,p=4",
        "streaming-llm:d=2,w=2,sinks=1,p=4",
        "window:w=3",
        "random:bits=8",
        "lstm:d=8",
        "tova:d=1,n=2,p=5",
    ],
)
@pytest.mark.parametrize(("task", "reduction"), [("index", None), ("istree", "two-hub"), ("istree", "hubs")])
def test_a_fading_pair_is_a_collision(task, reduction, machine):
    made = build(task, 90, machine, reduction)
    found = merging_pair(*made)
    if found is None:
        assert reduction == "hubs"  # few tokens
        return
    x, other, at = found
    assert x != other
    assert at <= made[0].cut
    assert alone(*made, x, at) == alone(*made, other, at)
    tokens, others = made[0].alice(x), made[0].alice(other)
    assert tokens[at - 1] != others[at - 1] or alone(*made, x, at - 1) != alone(*made, other, at - 1)
    assert tokens[at:] == others[at:]
    assert alone(*made, x, made[0].cut) == alone(*made, other, made[0].cut)


def test_a_pair_is_not_looked_for_beyond_the_time_given():
    assert merging_pair(*build("index", 2000, "store"), seconds=0.0) is None


def test_a_search_stops_when_it_is_told_to():
    reduction, machine = build("index", 60, "store")
    assert Search(reduction, machine, (), False, 60, 4).run(lambda: False).steps is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"positions": (0,)}, "positions must be 1 to n = 6"),
        ({"positions": (7,)}, "positions must be 1 to n = 6"),
        ({"positions": ()}, "positions must be 1 to n = 6"),
        ({"positions": (2, 2)}, "positions must differ"),
        ({"positions": (1.5,)}, "positions must be 1 to n = 6"),
        ({"budget": 0}, "budget must be"),
        ({"width": 0}, "width must be"),
        ({"draws": 0}, "draws must be"),
        ({"seed": -1}, "seed must be"),
        ({"continuations": ("sideways",)}, "continuations must be some of"),
        ({"continuations": ()}, "continuations must be some of"),
    ],
)
def test_what_is_refused(options, said):
    with pytest.raises(BadInput, match=said):
        study("index", 6, "window:w=2", **options)


def test_open_sizes_and_large_work_are_refused():
    with pytest.raises(BadInput, match="give a range, such as w=2:8"):
        study("index", 6, "window:w")
    with pytest.raises(LimitError, match="cell updates"):
        study("index", 2000, "gru:d=512", width=1000)
    with pytest.raises(BadInput, match="given int"):
        study("index", 6, 5)
    with pytest.raises(BadInput, match="runs registered tasks"):
        study("my.py:Task", 6, "window:w=2")


def test_rows_go_there_and_back():
    found = list(study("index", 12, "gru:d=2,p=2:4", draws=2))
    text = to_csv(found)
    assert from_csv(text, "rows.csv") == found
    for place in (len(text) // 2, len(text) - 3):
        changed = text[:place] + ("7" if text[place] != "7" else "8") + text[place + 1 :]
        with pytest.raises(BadInput, match=r"rows\.csv"):
            from_csv(changed, "rows.csv")
    with pytest.raises(BadInput, match="header"):
        from_csv("task,n\n", "rows.csv")


def test_the_picture_is_of_the_data():
    found = of_all()
    with settings():
        made = drawn.figure(found)
        axes = [each for each in made.axes if each.get_yscale() == "log"]
        assert len(axes) == 24
        check_texts(made)
        for own, (name, rows) in zip(axes, drawn.families(found).items(), strict=True):
            assert FAMILIES[name.partition(":")[0]].startswith(name.partition(",")[0])
            lines = {line.get_label(): line for line in own.lines}
            stands = drawn.stands(rows, True)
            assert [stand.x for stand in stands] == [2, 4, 6]
            top = 24 * drawn.UNMERGED
            for label, key in (("worst found", "worst"), ("best found", "best")):
                wanted = [getattr(stand, key) or top for stand in stands]
                assert lines[label].get_ydata().tolist() == wanted
            hollow = lines["random, unmerged"].get_xdata()
            assert list(hollow) == [stand.x for stand in stands if stand.median is None]
            assert list(lines["unmerged"].get_xdata()) == [s.x for s in stands if s.worst is None]


def test_pictures_against_bits_of_state(tmp_path):
    found = study("index", 20, "window:w=2:6:2", continuations=("random", "all"))
    assert drawn.across(found) == "storage"
    save_horizons(found, tmp_path / "a.png", source="rows.csv")
    save_horizons(found, tmp_path / "b.png", source="rows.csv")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with pytest.raises(BadInput, match="no horizons"):
        save_horizons((), tmp_path / "c.png")
    with pytest.raises(BadInput, match="one task"):
        save_horizons((*found, *study("index", 21, "window:w=2")), tmp_path / "c.png")


def test_the_report_is_what_its_rows_make(tmp_path, monkeypatch):
    """Of the rows, those of one family are made again."""
    folder = Path(__file__).parent.parent / "reports" / "horizons"
    monkeypatch.syspath_prepend(str(folder.parent))
    import build_horizons

    for name in ("text.md", "rows.csv", "lstm.csv"):
        (tmp_path / name).write_text((folder / name).read_text(encoding="utf-8"), encoding="utf-8")
    build_horizons.page(tmp_path)
    assert (tmp_path / "README.md").read_bytes() == (folder / "README.md").read_bytes()
    filed = from_csv((folder / "rows.csv").read_text(encoding="utf-8"), "rows.csv")
    made = build_horizons.families(["gru"])
    assert list(made) == [h for h in filed if h.machine.startswith("gru:")]
    assert len(from_csv((folder / "lstm.csv").read_text(encoding="utf-8"), "lstm.csv")) == 8 * 3 * 9
    assert set(build_horizons.NAMES) == set(FAMILIES)
