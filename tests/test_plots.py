"""Pictures by their data: rows, components, cycles, places, tokens that answer; and files by their bytes."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import os
from pathlib import Path

import pytest

from commlb.chains import reduce
from commlb.errors import BadInput
from commlb.plots import SUFFIXES, chain_rows, check_path, figure, query, save_reduce, title
from commlb.plots.gadget import fan_note, line_kinds, outcome, towards
from commlb.plots.layout import HEIGHT, WIDTH, Graph, Layout, layout_graph, read_graph
from commlb.plots.strip import answering, arrange, block, cells, lines
from commlb.plots.style import SMALL, counted, fitted, settings, text_width
from commlb.records import Answers, Drawing, ReduceResult

GADGETS = ("two-hub", "doubled", "hubs")
STREAMS = {"index": {}, "ar": {}, "cgram": {"c": 3}, "counting": {}}


@functools.cache
def istree(gadget: str, n: int, answer: int = 1, machine: str = "exact") -> ReduceResult:
    """A result whose drawing is a tree (1) or not (0), for one i near the middle."""
    i = (n + 1) // 2
    x = [(k * k + k // 3) % 2 for k in range(n)]
    x[i - 1] = answer
    trials = None if n <= 12 else 4
    return reduce("istree", n, reduction=gadget, x=x, i=i, trials=trials, seed=1, draw=True, machine=machine)


def drawn(result: ReduceResult) -> Drawing:
    assert result.drawing is not None
    return result.drawing


def pictured(drawing: Drawing | ReduceResult) -> tuple[Drawing, Graph, Layout]:
    drawing = drawn(drawing) if isinstance(drawing, ReduceResult) else drawing
    return drawing, read_graph(drawing), layout_graph(drawing)


@functools.cache
def stream(task: str, n: int = 8, i: int = 3, bit: int = 1, machine: str = "exact") -> ReduceResult:
    x = [k % 2 for k in range(n)]
    x[i - 1] = bit
    return reduce(task, n, x=x, i=i, trials=2, seed=1, draw=True, machine=machine, **STREAMS[task])


def blocks(n: int, c: int) -> Drawing:
    """What ``reduce("cgram", n, c=c)`` draws for x = 0101…"""
    i = (n + 1) // 2
    texts = [text for j in range(1, n + 1) for text in [str(j)] * (c - 1) + [str(n + 1 + (j - 1) % 2)]]
    alice = [("Alice", "text", (text,)) for text in texts]
    x, bit = ("01" * n)[:n], (i - 1) % 2
    return Drawing(x, str(i), bit, n + 1 + bit, (*alice, *[("Bob", "ask", (str(i),))] * (c - 1)), ())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_bytes_each_time(suffix: str, tmp_path: Path) -> None:
    result = istree("two-hub", 8)
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    save_reduce(result, first)
    save_reduce(result, str(second))
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size > 5000
    assert sorted(os.listdir(tmp_path)) == [first.name, second.name]


def test_what_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    kinds = ".png, .svg, .pdf"
    names = {"a.gif": kinds, "a": kinds, "missing/a.png": "no folder", "folder.png": "is a folder"}
    for name, reason in names.items():
        with pytest.raises(BadInput, match=reason) as refusal:
            check_path(tmp_path / name)
        assert "\n" not in str(refusal.value)
        with pytest.raises(BadInput, match=reason):
            save_reduce(istree("two-hub", 8), tmp_path / name)
    check_path(tmp_path / "A.PNG")
    check_path("a.svg")
    assert os.listdir(tmp_path) == ["folder.png"]


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_text("old")

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(BadInput, match=r"cannot write .*a\.png.*: No space left on device"):
        save_reduce(istree("two-hub", 8), path)
    assert os.listdir(tmp_path) == ["a.png"]
    assert path.read_text() == "old"


def test_rows_are_the_records_numbers_in_order() -> None:
    result = istree("two-hub", 8)
    assert result.task_bound is not None
    message, machine = result.message, result.machine
    alice = [result.bound.bits, result.information.bits, message.entropy_bits, message.reachable_bits]
    rows = [("alice", bits) for bits in (*alice, machine.capacity_bits)]
    rows += [("all", result.task_bound.bits), ("all", machine.largest_capacity_bits)]
    assert [(row.prefix_set, row.bits) for row in chain_rows(result)] == rows
    assert [row.label for row in chain_rows(result)][:2] == ["8 · proved", "8 · exhaustive"]


def test_a_machine_that_errs_shows_what_its_answers_prove() -> None:
    result = istree("two-hub", 8, machine="window:w=4")
    assert isinstance(result.answers, Answers)
    row = chain_rows(result)[1]
    assert (row.name, row.bits) == ("shown by the answers (Fano)", result.answers.fano_bits)
    result = istree("two-hub", 64, machine="random:bits=10")
    assert "shown by the answers (Fano)" not in {row.name for row in chain_rows(result)}
    rows = {row.name: row for row in chain_rows(result) if row.prefix_set == "alice"}
    assert rows["entropy"].label == rows["reachable bits"].label == "unknown"
    assert rows["information passed"].label == "≥ 0 · sampled, 99 %"


def test_long_evidence_is_shortened_and_a_missing_bound_is_unknown() -> None:
    rows = chain_rows(dataclasses.replace(istree("two-hub", 64), task_bound=None))
    assert rows[1].label == "64 · proved, tested equal"
    assert next(row for row in rows if row.prefix_set == "all").label == "unknown"


def test_the_three_gadgets_join_or_close_as_theory_says_and_the_legend_names_each_line() -> None:
    for gadget, answer, n in itertools.product(GADGETS, (0, 1), (1, 2, 3, 8, 9, 24, 200)):
        drawing, graph, _ = pictured(istree(gadget, n, answer))
        last = len(graph.edges) - 1
        _, u, v = graph.edges[last]
        assert ((u in graph.first) != (v in graph.first)) == bool(answer)
        assert bool(graph.cycle) == (not answer)
        assert graph.hubs[0] in graph.first
        words, colour = outcome(drawing, graph)
        assert words.split(":")[0] == ("tree" if answer else "cycle closed")
        if not answer:
            ends = [end for k in graph.cycle for end in graph.edges[k][1:]]
            assert last in graph.cycle
            assert all(ends.count(end) == 2 for end in ends)
        kinds = dict(line_kinds(graph, colour))
        looks = [look for each in kinds.values() for look in each]
        assert ("Bob's paths through the hubs" in kinds) == (gadget == "hubs" and len(graph.hubs) > 2)
        assert ("the cycle" in kinds) == bool(graph.cycle)
        assert [look[0] for look in kinds["Bob's last edge"]] == [colour]
        assert len(set(looks)) == len(looks)
        assert sum(0.36 + text_width(name, SMALL) for name in kinds) < WIDTH


@pytest.mark.parametrize("n", [2, 4])
def test_the_smallest_cycle_is_a_repeated_edge(n: int) -> None:
    drawing, graph, layout = pictured(reduce("istree", n, reduction="hubs", x=[0] * n, i=1, draw=True))
    assert outcome(drawing, graph)[0] == "cycle closed: the edge (l1, r0) comes twice"
    first, second = (towards(graph, k, layout, bend) for k, bend in zip(graph.cycle, (-1, 1), strict=True))
    assert math.dist(first, second) == pytest.approx(2)


@pytest.mark.parametrize("gadget", GADGETS)
@pytest.mark.parametrize("n", [1, 8, 24, 64, 200, 1500])
def test_every_vertex_has_one_place(gadget: str, n: int) -> None:
    drawing, graph, layout = pictured(istree(gadget, n))
    everyone = [name for _, names in drawing.vertices for name in names]
    hidden = [v for bundle in layout.bundles for v in bundle.leaves]
    hidden += [v for gap in layout.gaps for v in (*gap.hubs, *gap.leaves)]
    assert sorted([*layout.positions, *hidden]) == sorted(everyone)
    places = list(layout.positions.values())
    assert len({(round(x, 3), round(y, 3)) for x, y in places}) == len(places)
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in [*places, *layout.names.values()])
    assert graph.touched <= layout.positions.keys() & layout.names.keys()
    if n == 8:
        assert sorted(layout.names) == sorted(everyone)
    assert len(layout.names) <= 60


def test_a_long_row_of_hubs_keeps_those_that_matter() -> None:
    hubs, leaves = (tuple(f"{family}{k}" for k in range(200)) for family in "rl")
    tokens = [("Alice", "edge", pair) for pair in zip(hubs, leaves, strict=True)]
    tokens += [("Bob", "edge", pair) for pair in (*itertools.pairwise(hubs), ("r0", "l100"))]
    layout = layout_graph(Drawing("", 1, 0, 0, tuple(tokens), (("hub", hubs), ("leaf", leaves))))
    assert {"r0", "r100", "l100", "r199"} <= layout.positions.keys()
    assert len(layout.gaps) == 2
    assert all(layout.place(hub) is not None for hub in hubs)


@pytest.mark.parametrize(("n", "answer"), [(64, 0), (200, 1), (1000, 0), (1000, 1)])
def test_a_hub_is_nearest_to_its_own_name_and_the_last_edge_leaves_it_downwards(n: int, answer: int) -> None:
    _, graph, layout = pictured(istree("hubs", n, answer))
    hubs = [hub for hub in graph.hubs if hub in layout.positions]
    named = [hub for hub in hubs if hub in layout.names]
    (leaf,) = graph.touched
    assert {"r0", graph.hub_of[leaf]} <= set(named)
    for hub in named:
        away = {other: math.dist(layout.names[hub], layout.positions[other]) for other in hubs}
        assert min(hubs, key=away.__getitem__) == hub
        assert away[hub] < 0.3
    corner = layout.positions["r0"][0], layout.positions[leaf][1]
    assert towards(graph, len(graph.edges) - 1, layout, 0) == corner


def test_a_fan_draws_all_its_leaves_or_says_that_it_does_not() -> None:
    for gadget, n in itertools.product(GADGETS, (24, 64, 1000)):
        layout = layout_graph(drawn(istree(gadget, n, 0)))
        for bundle in layout.bundles:
            ends = bundle.ends(layout.positions[bundle.hub])
            assert len(set(ends)) == len(ends) == bundle.dots <= len(bundle.leaves)
            assert bundle.dots == len(bundle.leaves) or (n == 1000 and "not all" in fan_note(layout))
            assert not bundle.label.isdigit() or "a fan's number counts its leaves" in fan_note(layout)
    assert fan_note(layout) == "a fan's number counts its leaves; not all are drawn"
    assert fan_note(layout_graph(drawn(istree("doubled", 64)))) == ""
    assert fan_note(layout_graph(drawn(istree("doubled", 1000)))) == "not all leaves of a fan are drawn"


def test_the_tokens_that_answer_are_found() -> None:
    assert answering(drawn(stream("index"))) == {2}
    assert answering(drawn(stream("ar"))) == {4, 5}
    assert answering(drawn(stream("cgram"))) == {6, 7, 8}
    assert answering(drawn(stream("counting"))) == {2}
    assert answering(drawn(stream("counting", bit=0))) == frozenset()
    assert [block(drawn(stream(task))) for task in STREAMS] == [1, 2, 3, 1]
    for drawing in (drawn(stream("ar")), drawn(stream("cgram"))):
        assert drawing.tokens[max(answering(drawing))][2] == (str(drawing.task_answer),)
    made = cells(drawn(stream("ar")))
    assert sum(cell.party == "Alice" for cell in made) == stream("ar").cut == len(made) - 1
    assert [cell.text for cell in made][:2] == ["1", "9"]


@pytest.mark.parametrize("n", [1, 7, 50, 200, 1999])
@pytest.mark.parametrize("i", [1, 40, 10**6])
def test_a_long_strip_leaves_out_but_loses_nothing(n: int, i: int) -> None:
    made = [cell for cell in cells(drawn(stream("ar", n, min(i, n)))) if cell.party == "Alice"]
    shown = lines(made, 16, 6)
    assert len(shown) <= 6
    assert sum(line.omitted + len(line.cells) for line in shown) == len(made)
    assert (shown[0].cells[0], shown[-1].cells[-1]) == (made[0], made[-1])
    kept = [cell for line in shown for cell in line.cells]
    assert all(cell in kept for cell in made if cell.answers)
    assert [cell.t for cell in kept] == sorted(cell.t for cell in kept)


@pytest.mark.parametrize("c", [2, 3, 10, 18, 20, 50, 100])
def test_blocks_fit_their_line_whatever_c(c: int) -> None:
    assert drawn(reduce("cgram", 2, c=c, x=[0, 1], i=1, draw=True)) == blocks(2, c)
    for n in (1, 2, 8, 64):
        drawing, room = blocks(n, c), WIDTH - 0.55
        strip = arrange(drawing, room)
        assert 0 < strip.wide <= room
        assert strip.folded == (c >= 18)
        assert sum(cell.tokens for cell in strip.bob) == c - 1
        found = [cell for cell in strip.alice if cell.answers]
        assert found[-1].text == str(drawing.task_answer)
        assert sum(cell.tokens for cell in found) == c
        if strip.folded:
            assert [cell.text for cell in found[:-1]] == [f"{drawing.y} ×{c - 1}"]
        shown = lines(strip.alice, int(room / strip.wide) * len(strip.widths), 6)
        kept = [cell for line in shown for cell in line.cells]
        assert sum(line.omitted for line in shown) + sum(cell.tokens for cell in kept) == n * c
        assert set(found) <= set(kept)


def test_a_long_block_of_different_tokens_shows_its_ends() -> None:
    texts = [str(100 * j + k) for j in (1, 2, 3) for k in range(50)]
    tokens = [("Alice", "text", (text,)) for text in texts]
    tokens += [("Bob", "ask", (text,)) for text in texts[50:99]]
    strip = arrange(Drawing("", 2, 0, 0, tuple(tokens), ()), WIDTH - 0.55)
    assert [cell.text for cell in strip.alice][:5] == ["100", "101", "… 46 tokens …", "148", "149"]
    assert [cell.text for cell in strip.bob] == ["200", "201", "… 45 tokens …", "247", "248"]
    assert [cell.t for cell in strip.alice if cell.answers] == [50, 51, 52, 98, 99]


def test_the_query_says_which_answer_is_right_and_what_the_machine_answers() -> None:
    asked = "x = 01110101. Bob asks i = 3: x_3 = 1, so the right answer is 10 (= n+1+1); "
    assert query(stream("ar")) == asked + "exact answers 10: right"
    assert query(stream("ar", machine="window:w=2")).startswith(asked + "window:w=2 answers 0: wrong")
    assert "answers 0, read as x_3 = 0: right" in query(stream("ar", bit=0, machine="window:w=2"))
    assert "x_32 = 1, so the graph is a tree; exact" in query(istree("two-hub", 64))
    tree = istree("two-hub", 8, 0, "window:w=2")
    assert "x_4 = 0, so a cycle closes; window:w=2 answers tree: wrong (right on " in query(tree)
    assert "; window:w=2 is right on " in query(dataclasses.replace(tree, transcript=None))
    assert "x_3 = 0, so the right answer is no, it never came" in query(stream("counting", bit=0))
    assert query(stream("counting")).endswith("so the right answer is yes, it came; exact answers yes: right")
    long = query(istree("hubs", 1000, 0, "random:bits=16,seed=123456789"))
    assert fitted(long, 9.6, 10.0)[0] == long


def test_titles() -> None:
    assert title(istree("two-hub", 64)) == "INDEX with 64 bits inside IsTree, gadget two-hub: 67 vertices"
    wide = reduce("index", 4, symbols=4, draw=True, seed=1)
    assert title(wide).startswith("INDEX with 4 symbols of 4 kinds inside Index")
    assert "1 bit inside" in title(istree("hubs", 1))
    assert title(istree("hubs", 1)).endswith("2 hubs, 1 leaf")
    assert [counted(k, "bits a block") for k in (1, 2)] == ["1 bit a block", "2 bits a block"]


def test_no_text_is_cut_off_small_or_overlapping() -> None:
    results = [istree(gadget, n, a) for gadget in GADGETS for n in (1, 8, 64, 1000) for a in (0, 1)]
    texts = [blocks(n, c) for n, c in ((8, 10), (8, 18), (1, 50), (64, 50), (39, 100))]
    results += [dataclasses.replace(stream("cgram"), drawing=drawing) for drawing in texts]
    results += [stream("ar", 64, 40, machine="window:w=8"), *(stream(t, n) for t in STREAMS for n in (8, 64))]
    results += [istree("two-hub", 64, machine=machine) for machine in ("random:bits=10", "store")]
    results.append(dataclasses.replace(results[0], drawing=None))
    for result in results:
        with settings():
            made = figure(result)
            made.draw_without_rendering()
            texts = [text for axes in made.axes for text in axes.texts if text.get_text()]
            boxes = [text.get_window_extent() for text in texts]
        assert all(text.get_fontsize() >= 8 for text in texts)
        for text, box in zip(texts, boxes, strict=True):
            inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= made.bbox.width and box.y1 <= made.bbox.height
            assert inside, (title(result), text.get_text())
        for (a, first), (b, second) in itertools.combinations(zip(texts, boxes, strict=True), 2):
            assert not first.padded(-0.5).overlaps(second), (title(result), a.get_text(), b.get_text())
