"""Shattered sets against brute force over streams, closed values, limits, and the command line."""

from __future__ import annotations

import csv
import itertools
import json
import math

import numpy as np
import pytest
from commlb_cli import main
from hypothesis import given, settings
from hypothesis import strategies as st

import commlb
from commlb import discovery
from commlb.discovery import discover
from commlb.errors import BadInput, CommlbError, LimitError, OverLimit
from commlb.kernels import compiled, shatter
from commlb.layers import Limits
from commlb.machines.base import UNDEFINED
from commlb.minimum import engine_for, merged_automaton, task_of
from commlb.shattering import pursuit
from commlb.shattering.columns import columns, pack_codes, prefixes, suffix, unpack_codes
from commlb.shattering.hunt import Hunter
from commlb.shattering.shattered import Choices, choices
from commlb.shattering.tables import known
from commlb.tasks import task_classes
from commlb.userfile import UserTask


def by_brute_force(alphabets, answers, t, kinds):
    """The most patterns, symbols^d, of a shattered set at the cut t, from all streams and no cleverness.

    ``answers``: each stream's answers after the cut, a tuple, or UNDEFINED.
    """
    heads, tails = list(itertools.product(*alphabets[:t])), list(itertools.product(*alphabets[t:]))
    found = set()
    for tail in tails:
        rows = [answers(head + tail) for head in heads]
        for read in range(max((len(row) for row in rows if row is not UNDEFINED), default=0)):
            found.add(tuple(UNDEFINED if row is UNDEFINED else row[read] for row in rows))
    best = 1
    for k in kinds:
        designated = [
            (column, some)
            for column in found
            for some in itertools.combinations(sorted({v for v in column if v is not UNDEFINED}), k)
        ]
        for d in range(1, 8):
            if not any(_shattered(chosen, k) for chosen in itertools.combinations(designated, d)):
                break
            best = max(best, k**d)
    return best


def _shattered(chosen, k):
    shown = set()
    for entries in zip(*(column for column, _ in chosen), strict=True):
        if all(entry in some for entry, (_, some) in zip(entries, chosen, strict=True)):
            shown.add(entries)
    return len(shown) == k ** len(chosen)


class Drawn:
    """A task whose answers are drawn: one for each stream, in dictionary order."""

    def __init__(self, alphabets, table):
        self.alphabets, self.length = alphabets, len(alphabets)
        self.table = dict(zip(itertools.product(*alphabets), table, strict=True))

    def alphabet(self, t):
        return self.alphabets[t]

    def answer(self, stream):
        return self.table[tuple(stream)]


@st.composite
def drawn_tasks(draw):
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    alphabets = ["abc"[:size] for size in sizes]
    streams = math.prod(sizes)
    kinds = draw(st.integers(2, 3))
    answer = st.integers(0, kinds - 1)
    if draw(st.booleans()):
        answer = st.one_of(answer, st.just(UNDEFINED))
    table = draw(st.lists(answer, min_size=streams, max_size=streams))
    return Drawn(alphabets, table)


@settings(max_examples=80)
@given(drawn_tasks())
def test_random_tasks_agree_with_brute_force(task):
    values = {value for value in task.table.values() if value is not UNDEFINED}
    if not values:
        with pytest.raises(BadInput, match="promise"):
            discover(task)
        return
    result = discover(task)
    kinds = range(2, max(2, len(values)) + 1)

    def answers(stream):
        value = task.table[stream]
        return value if value is UNDEFINED else (value,)

    for cut in result.cuts:
        truth = by_brute_force(task.alphabets, answers, cut.t, kinds)
        assert cut.symbols**cut.n == truth
        assert cut.optimal
        assert cut.bits == cut.upper_bound_bits
    assert result.optimal
    assert result.complete
    assert result.bits == max(cut.bits for cut in result.cuts)


@pytest.mark.parametrize(
    ("name", "n", "options"),
    [
        ("mqar", 2, {"keys": "free"}),
        ("mqar", 2, {"symbols": 3}),
        ("ar", 2, {"keys": "free"}),
        ("cgram", 3, {"keys": "free"}),
        ("majority", 3, {}),
        ("distinct", 3, {}),
        ("counting", 2, {"types": 3}),
        ("istree", 4, {"simple": True}),
        ("dyck", 4, {}),
    ],
)
def test_tasks_agree_with_brute_force(name, n, options):
    if name not in task_classes():
        name = next(known_name for known_name in task_classes() if known_name.startswith(name))
    task = task_classes()[name].sized(n, **options)
    result = discover(task)
    alphabets = [task.alphabet(t) for t in range(task.length)]
    kinds = sorted({2, *range(2, len(task.answers) + 1)})
    due = list(task.answered_at)
    for cut in result.cuts:
        before = sum(u <= cut.t for u in due)

        def answers(stream, before=before):
            value = task.solve(list(stream))
            if value is UNDEFINED:
                return UNDEFINED
            return tuple(value)[before:] if len(due) > 1 else (value,)

        truth = by_brute_force(alphabets, answers, cut.t, kinds)
        assert cut.symbols**cut.n == truth, cut


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_equality_shatters_one_suffix_and_disjointness_all_singletons(n):
    assert discover("equality", n).bits == 1
    found = discover("disjointness", n)
    assert (found.bits, found.cut, found.optimal) == (n, n, True)


@pytest.mark.parametrize(("n", "bits"), [(2, 0), (3, 1), (4, 3), (5, 4), (6, 5)])
def test_istree_is_exact(n, bits):
    found = discover("istree", n)
    assert (found.bits, found.upper_bound_bits, found.optimal) == (bits, bits, True)
    assert all(cut.optimal for cut in found.cuts)
    checked(found)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "bits", "cut"), [(7, 6, 3), (8, 8, 4), (9, 10, 5)])
def test_istree_is_exact_at_larger_sizes(n, bits, cut):
    found = discover("istree", n)
    assert (found.bits, found.upper_bound_bits, found.optimal, found.cut) == (bits, bits, True, cut)
    checked(found)


def checked(found):
    """The table, stream by stream, by the task's own solver."""
    if found.table is None:
        assert found.bits == 0
        return
    task, table = task_classes()[found.task](**found.task_size), found.table
    words = list(itertools.product(range(table.symbols), repeat=table.n))
    assert len(table.prefixes) == len(words)
    assert len(table.suffixes) == table.n
    for word, prefix in zip(words, table.prefixes, strict=True):
        for i, rest in enumerate(table.suffixes):
            answer = task.solve([*prefix, *rest])
            if len(task.answered_at) > 1:
                answer = answer[sum(t <= table.cut for t in task.answered_at) + table.read_at[i]]
            assert answer == table.readings[i][word[i]]


@pytest.mark.parametrize("symbols", [2, 3, 4])
def test_index_over_symbols(symbols):
    found = discover("index", 2, symbols=symbols)
    assert (found.n, found.symbols, found.bits) == (2, symbols, 2 * math.log2(symbols))
    checked(found)
    assert discover("index", 2, symbols=symbols, over=2).bits == 2


@pytest.mark.parametrize(
    ("task", "n", "options"),
    [("istree", 6, {}), ("triangle", 4, {}), ("st-connectivity", 4, {}), ("mqar", 2, {"keys": "free"})],
)
def test_without_symmetries_the_same(task, n, options):
    with_them, without = discover(task, n, **options), discover(task, n, symmetric=False, **options)
    assert [cut.bits for cut in with_them.cuts] == [cut.bits for cut in without.cuts]
    assert with_them.upper_bound_bits == without.upper_bound_bits
    checked(with_them), checked(without)


def test_same_seed_same_result():
    assert discover("triangle", 4, seed=3) == discover("triangle", 4, seed=3)


def layers_of(task, n=None, **options):
    made = task_of(task, n, **options)
    return merged_automaton(made, engine_for(made), Limits())[0]


@pytest.mark.parametrize("task", ["istree", "mqar", "ar", "counting"])
def test_columns_are_what_their_suffixes_show(task):
    layers = layers_of(task, 3)
    for t, cut in enumerate(columns(layers)):
        heads = prefixes(layers, t).tolist()
        kinds = {(int(due) >= 0, row.tobytes()) for due, row in zip(cut.due, cut.packed, strict=True)}
        assert len(kinds) == len(cut)
        for column in cut.of_task.tolist():
            rest, due = suffix(columns(layers), t, column), int(cut.due[column])
            which = sorted(layers.answered).index(due)
            for head, code in zip(heads, cut.codes([column])[0].tolist(), strict=True):
                stream = [layers.alphabets[s][place] for s, place in enumerate([*head, *rest])]
                answers = layers.run(stream)
                expected = 0 if answers is UNDEFINED else 1 + layers.answers.index(answers[which])
                assert code == expected


@given(st.integers(1, 300), st.integers(1, 20), st.randoms(use_true_random=False))
def test_codes_are_packed_and_unpacked(answers, rows, random):
    codes = np.array([[random.randrange(answers + 1) for _ in range(rows)] for _ in range(3)], np.uint16)
    assert (unpack_codes(pack_codes(codes, answers), answers, rows) == codes).all()


@st.composite
def matrices(draw):
    """Choices of random planes: k disjoint masks a column."""
    rows, columns_, symbols = draw(st.integers(1, 70)), draw(st.integers(1, 7)), draw(st.integers(2, 3))
    entry = st.integers(-1, symbols - 1)
    table = draw(
        st.lists(st.lists(entry, min_size=rows, max_size=rows), min_size=columns_, max_size=columns_)
    )
    shown = np.array(table)[:, None] == np.arange(symbols)[:, None]
    bits = np.pad(shown, ((0, 0), (0, 0), (0, 128 - rows)))
    planes = np.packbits(bits, axis=2, bitorder="little").view("<u8").astype(np.uint64)
    places = np.arange(columns_)
    answers = np.tile(np.arange(symbols), (columns_, 1))
    return np.array(table), Choices(rows, symbols, planes, places, answers, True)


@settings(max_examples=60)
@given(matrices(), st.integers(1, 3))
def test_searches_agree_with_brute_force(drawn, size):
    table, made = drawn
    designated = [(tuple(column), tuple(range(made.symbols))) for column in table.tolist()]
    truth = any(_shattered(chosen, made.symbols) for chosen in itertools.combinations(designated, size))
    found, ended = Hunter(made).search(size, 10**6)
    assert ended
    assert (found is not None) == truth
    if found is not None:
        assert Hunter(made).holds(found)


@pytest.mark.parametrize("kernel", [shatter.search, compiled(shatter.search)], ids=["plain", "compiled"])
def test_a_paused_search_goes_on(kernel):
    made = choices(columns(layers_of("istree", 6))[2], 2, [0, 1])
    size, words = 5, made.planes.shape[2]
    cells = np.zeros((2**size - 1, words), np.uint64)
    cells[0] = made.planes[0, 0] | made.planes[0, 1]
    lists = np.zeros((size, len(made)), np.int64)
    lists[0] = np.arange(len(made))
    lengths, places, keys = np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(1000, np.int64)
    lengths[0], state = len(made), np.array([0, 0, 1])
    statuses, most = [shatter.PAUSED], 0
    while statuses[-1] == shatter.PAUSED:
        most += 7
        arrays = (made.planes, cells, lists, lengths, places, keys, state, size)
        statuses.append(kernel(*arrays, most))
        assert state[1] <= most
    assert statuses[-1] == shatter.FOUND
    chosen = [int(lists[level, places[level] - 1]) for level in range(size)]
    assert Hunter(made).holds(chosen)
    assert len(statuses) > 2


@settings(max_examples=30)
@given(matrices(), st.integers(1, 3), st.integers(0, 5))
def test_annealing_compiled_and_plain_are_the_same(drawn, size, seed):
    _, made = drawn
    results = []
    for kernel in (shatter.anneal, compiled(shatter.anneal)):
        rng = np.random.default_rng(seed)
        hunter, powers = Hunter(made), made.symbols ** np.arange(size)
        chosen = rng.integers(len(made), size=size)
        codes, undefined = hunter._codes(chosen, powers)
        state, seen = np.array([0, 0]), np.zeros(made.symbols**size, np.int64)
        moves = np.stack([rng.integers(size, size=20), rng.integers(len(made), size=20)], 1)
        ended = kernel(made.planes, chosen, powers, codes, undefined, seen, state, moves, rng.random(20))
        assert [part.tolist() for part in hunter._codes(chosen, powers)] == [
            codes.tolist(),
            undefined.tolist(),
        ]
        assert not ended or hunter.holds(chosen)
        results.append((bool(ended), chosen.tolist(), state.tolist()))
    assert results[0] == results[1]


def test_annealing_finds():
    made = choices(columns(layers_of("istree", 6))[3], 2, [0, 1])
    found = Hunter(made).anneal(4, 20_000, np.random.default_rng(1))
    assert found is not None
    assert Hunter(made).holds(found)


def test_registered_reductions_of_the_size():
    assert known(task_of("istree", 8), [2]) == {"doubled": 8, "hubs": 256, "star": 128, "two-hub": 32}
    assert known(task_of("index", 3, symbols=3), [2, 3]) == {"plain": 27}
    assert known(UserTask("mine", 2, Drawn(["ab", "ab"], [0, 1, 1, 0])), [2]) == {}


def test_a_budget_leaves_a_bound_that_holds():
    with pytest.raises(LimitError, match="raise --max-nodes") as stop:
        discover("istree", 7, max_nodes=30)
    partial = stop.value.partial
    assert not partial.optimal
    assert not partial.complete
    assert partial.stopped == str(stop.value)
    assert partial.bits <= 6 <= partial.upper_bound_bits
    assert partial.nodes <= 30
    checked(partial)


def test_time_and_interrupts_keep_the_best(monkeypatch):
    def stopping(error, after):
        calls = itertools.count()

        def clock(*_):
            if next(calls) > after:
                raise error

        return clock

    for error, kind in (
        (OverLimit("x", 2, 1, "--timeout"), OverLimit),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ):
        clock = stopping(error, 60)
        monkeypatch.setattr(discovery, "_clock", lambda *_, clock=clock: clock)
        with pytest.raises(kind) as stop:
            discover("istree", 7)
        assert stop.value.partial.stopped
        assert stop.value.partial.bits <= 6 <= stop.value.partial.upper_bound_bits


def test_too_many_columns_are_never_optimal_unless_rows_say_so():
    with pytest.raises(LimitError, match="raise --max-memory") as stop:
        discover("istree", 6, max_memory=4000)
    partial = stop.value.partial
    assert any(cut.columns is None for cut in partial.cuts)
    assert all(cut.upper_bound_by == "rows" for cut in partial.cuts if cut.columns is None)
    assert partial.bits <= 5 <= partial.upper_bound_bits
    checked(partial)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"cut": 4}, "cut must be in 0..3"),
        ({"cut": -1}, "cut must be"),
        ({"over": 1}, "over must be an integer of at least 2"),
        ({"engine": "magic"}, "engine must be"),
        ({"max_nodes": 0}, "max_nodes"),
        ({"max_memory": 0}, "max_memory"),
        ({"timeout": -1}, "timeout"),
        ({"depth": 2}, "no option 'depth'"),
    ],
)
def test_bad_input(options, match):
    with pytest.raises(BadInput, match=match):
        discover("istree", 5, **options)


def test_over_more_symbols_than_answers_finds_nothing():
    found = discover("istree", 4, over=3)
    assert (found.bits, found.n, found.table, found.cut, found.optimal) == (0, 0, None, None, True)


def test_one_cut_only():
    found = discover("istree", 6, cut=1)
    assert [cut.t for cut in found.cuts] == [1]
    assert found.cut == 1
    assert found.bits == 3
    assert "at the cut 1" in found.verdict


def test_a_solver_that_disagrees_is_told(monkeypatch):
    cls = task_classes()["istree"]
    monkeypatch.setattr(cls, "solve", lambda self, stream: True)
    with pytest.raises(CommlbError, match="does not confirm"):
        discover("istree", 4)


def test_every_cut_is_searched_in_some_order():
    assert pursuit.ranks(layers_of(Drawn(["ab", "a"], ["yes", "no"]))) == [1, 0]
    assert sorted(pursuit.ranks(layers_of(Drawn(["ab", "a"], [(1,), 2])))) == [0, 1]


MINE = """
class Palindrome:
    alphabet = "ab"
    symmetries = [{"a": "b", "b": "a"}]

    def __init__(self, n):
        self.length = n

    def answer(self, stream):
        print("looking")
        return stream == stream[::-1]


class Wrong(Palindrome):
    symmetries = [[{"a": "b", "b": "a"}] + [{}] * 5]
"""


def run(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        main(["discover", *args])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


@pytest.mark.parametrize("task", sorted(task_classes()))
def test_every_task_fits_80_columns(capsys, task):
    code, out, err = run(capsys, task, "--n", "2")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "at any cut" in " ".join(out.split())


def test_command_line(capsys, tmp_path):
    files = [str(tmp_path / name) for name in ("found.json", "rows.csv", "one.jsonl", "a.png")]
    code, out, err = run(
        capsys,
        "istree",
        "--n",
        "5",
        "--out",
        files[0],
        "--out",
        files[1],
        "--out",
        files[2],
        "--plot",
        files[3],
    )
    assert (code, err) == (0, "")
    assert f"commlb reduce istree --reduction {files[0]}" in out
    result = json.loads((tmp_path / "found.json").read_text())
    assert result["command"] == "discover"
    assert result["provenance"]["seed"] == 0
    assert result["result"]["bits"] == 4
    assert len(result["result"]["table"]["prefixes"]) == 16
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text().splitlines()))
    assert [row["t"] for row in rows] == ["0", "1", "2", "3"]
    assert (tmp_path / "a.png").stat().st_size > 1000
    code, out, err = run(capsys, "istree", "--n", "5", "--json")
    assert json.loads(out)["result"] == result["result"]


def test_command_line_with_a_task_of_ones_own(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    code, out, err = run(capsys, f"{path}:Palindrome", "--n", "6")
    assert code == 0
    assert "looking" in err
    assert "looking" not in out
    assert "tokens by their places" in out
    assert f"reduce {path}:Palindrome --reduction" in out
    code, out, err = run(capsys, f"{path}:Wrong", "--n", "6")
    assert code == 2
    assert "Wrong has no such symmetry" in err
    assert not out


def test_command_line_limits(capsys):
    code, out, err = run(capsys, "istree", "--n", "7", "--max-nodes", "20")
    assert code == 4
    assert "raise --max-nodes" in err
    assert "Not searched to the end" in out
    code, out, err = run(capsys, "istree", "--n", "7", "--max-states", "20")
    assert code == 4
    assert not out
    assert "--max-states" in err
    code, out, err = run(capsys, "istree", "--n", "7", "--cut", "6")
    assert code == 2
    assert "cut must be in 0..5" in err


def test_it_is_a_public_name():
    assert commlb.discover is discover


def test_the_picture_shows_what_was_found():
    from commlb.plots import discovered

    found = discover("istree", 6)
    lines = {curve.name: curve for curve in discovered.curves(found)}
    assert lines["shattered: found"].values == tuple(cut.bits for cut in found.cuts)
    assert lines["at most: rows, or a search"].values == tuple(cut.upper_bound_bits for cut in found.cuts)
    assert lines["reduction hubs"].values == (4.0, 4.0)
    assert "5 at t = 2" in lines["shattered: found"].note
    assert discovered.figure(discover("istree", 2)).axes
