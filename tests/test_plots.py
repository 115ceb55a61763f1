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
from commlb.plots.gadget import outcome
from commlb.plots.layout import HEIGHT, WIDTH, layout_graph, read_graph
from commlb.plots.strip import answering, block, cells, lines
from commlb.plots.style import settings
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


@functools.cache
def stream(task: str, n: int = 8, i: int = 3, bit: int = 1) -> ReduceResult:
    x = [k % 2 for k in range(n)]
    x[i - 1] = bit
    return reduce(task, n, x=x, i=i, trials=2, seed=1, draw=True, **STREAMS[task])


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
    for name, reason in (
        ("a.gif", ".png, .svg, .pdf"),
        ("a", ".png, .svg, .pdf"),
        ("missing/a.png", "no folder"),
        ("folder.png", "is a folder"),
    ):
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
    assert [(row.prefix_set, row.bits) for row in chain_rows(result)] == [
        ("alice", result.bound.bits),
        ("alice", result.information.bits),
        ("alice", result.message.entropy_bits),
        ("alice", result.message.reachable_bits),
        ("alice", result.machine.capacity_bits),
        ("all", result.task_bound.bits),
        ("all", result.machine.capacity_bits),
    ]
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
    result = dataclasses.replace(istree("two-hub", 64), task_bound=None)
    rows = chain_rows(result)
    assert rows[1].label == "64 · proved, tested equal"
    assert next(row for row in rows if row.prefix_set == "all").label == "unknown"


def test_the_three_gadgets_join_or_close_as_theory_says() -> None:
    for gadget, answer, n in itertools.product(GADGETS, (0, 1), (1, 2, 3, 8, 9, 24)):
        drawing = drawn(istree(gadget, n, answer))
        graph = read_graph(drawing)
        last = len(graph.edges) - 1
        _, u, v = graph.edges[last]
        assert ((u in graph.first) != (v in graph.first)) == bool(answer)
        assert bool(graph.cycle) == (not answer)
        assert graph.hubs[0] in graph.first
        assert outcome(drawing, graph)[0].split(":")[0] == ("tree" if answer else "cycle closed")
        if not answer:
            ends = [end for k in graph.cycle for end in graph.edges[k][1:]]
            assert last in graph.cycle
            assert all(ends.count(end) == 2 for end in ends)


def test_the_smallest_cycle_is_a_repeated_edge() -> None:
    result = reduce("istree", 4, reduction="hubs", x=[0, 0, 0, 0], i=1, draw=True)
    graph = read_graph(drawn(result))
    assert len(graph.cycle) == 2
    assert len({frozenset(graph.edges[k][1:]) for k in graph.cycle}) == 1


@pytest.mark.parametrize("gadget", GADGETS)
@pytest.mark.parametrize("n", [1, 8, 24, 64, 200, 1500])
def test_every_vertex_has_one_place(gadget: str, n: int) -> None:
    drawing = drawn(istree(gadget, n))
    graph, layout = read_graph(drawing), layout_graph(drawing)
    everyone = [name for _, names in drawing.vertices for name in names]
    hidden = [v for bundle in layout.bundles for v in bundle.leaves]
    hidden += [v for gap in layout.gaps for v in (*gap.hubs, *gap.leaves)]
    assert sorted([*layout.positions, *hidden]) == sorted(everyone)
    places = list(layout.positions.values())
    assert len({(round(x, 3), round(y, 3)) for x, y in places}) == len(places)
    for x, y in [*places, *layout.names.values()]:
        assert math.isfinite(x)
        assert 0 < x < WIDTH
        assert 0 < y < HEIGHT
    assert graph.touched <= layout.positions.keys()
    assert graph.touched <= layout.names.keys()
    if n == 8:
        assert sorted(layout.names) == sorted(everyone)
    assert len(layout.names) <= 60


def test_a_long_row_of_hubs_keeps_those_that_matter() -> None:
    hubs = tuple(f"r{k}" for k in range(200))
    tokens = [("Alice", "edge", (hubs[k], f"l{k}")) for k in range(200)]
    tokens += [("Bob", "edge", pair) for pair in itertools.pairwise(hubs)]
    tokens.append(("Bob", "edge", ("r0", "l100")))
    leaves = tuple(f"l{k}" for k in range(200))
    drawing = Drawing("", 1, 0, 0, tuple(tokens), (("hub", hubs), ("leaf", leaves)))
    layout = layout_graph(drawing)
    assert {"r0", "r100", "l100", "r199"} <= layout.positions.keys()
    assert len(layout.gaps) == 2
    assert all(layout.place(hub) is not None for hub in hubs)


def test_the_tokens_that_answer_are_found() -> None:
    assert answering(drawn(stream("index"))) == {2}
    assert answering(drawn(stream("ar"))) == {4, 5}
    assert answering(drawn(stream("cgram"))) == {6, 7, 8}
    assert answering(drawn(stream("counting"))) == {2}
    assert answering(drawn(stream("counting", bit=0))) == frozenset()
    assert [block(drawn(stream(task))) for task in STREAMS] == [1, 2, 3, 1]
    for task in ("ar", "cgram"):
        result = stream(task)
        last = max(answering(drawn(result)))
        assert drawn(result).tokens[last][2] == (str(drawn(result).task_answer),)


def test_cells_are_the_stream() -> None:
    result = stream("ar")
    made = cells(drawn(result))
    assert len(made) == result.stream_length
    assert sum(cell.party == "Alice" for cell in made) == result.cut
    assert [cell.text for cell in made][:2] == ["1", "9"]


@pytest.mark.parametrize("n", [1, 7, 50, 200, 1999])
@pytest.mark.parametrize("i", [1, 40, 10**6])
def test_a_long_strip_leaves_out_but_loses_nothing(n: int, i: int) -> None:
    made = [cell for cell in cells(drawn(stream("ar", n, min(i, n)))) if cell.party == "Alice"]
    shown = lines(made, 16, 6)
    assert len(shown) <= 6
    assert sum(line.omitted + len(line.cells) for line in shown) == len(made)
    assert shown[0].cells[0] == made[0]
    assert shown[-1].cells[-1] == made[-1]
    kept = [cell for line in shown for cell in line.cells]
    assert all(cell in kept for cell in made if cell.answers)
    assert [cell.t for cell in kept] == sorted(cell.t for cell in kept)


def test_titles() -> None:
    assert title(istree("two-hub", 64)) == "INDEX with 64 bits inside IsTree, gadget two-hub: 67 vertices"
    assert query(istree("two-hub", 64)) == "Bob asks i = 32: x_32 = 1, so a tree"
    assert query(stream("counting", bit=0)).endswith("x_3 = 0, so no, it never came")
    wide = reduce("index", 4, symbols=4, draw=True, seed=1)
    assert title(wide).startswith("INDEX with 4 symbols of 4 kinds inside Index")


def test_no_text_is_cut_off_small_or_overlapping() -> None:
    results = [istree(gadget, n, a) for gadget in GADGETS for n in (8, 64, 200) for a in (0, 1)]
    results += [stream(task, n) for task in STREAMS for n in (8, 64)]
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
