"""Two inputs in one state: found where there are any, certified run by run, and denied only after all inputs."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
from commlb_cli import main
from hypothesis import given, settings
from hypothesis import strategies as st

import commlb
from commlb import chains, collisions, machines, plots, reductions
from commlb.colliding.certificates import certify, run_both
from commlb.colliding.first_merge import Budget, first_merge
from commlb.colliding.linear_maps import kernel_pair, vector
from commlb.colliding.quick_collision import quick_collision
from commlb.errors import BadInput, CommlbError, LimitError, OverLimit
from commlb.layers import Limits
from commlb.machines.base import Machine
from commlb.machines.random import Random
from commlb.plots import collision
from commlb.prefixes import of_alice
from commlb.reductions import reduction_classes
from commlb.sealed import unseal

REDUCTIONS = sorted(reduction_classes())
SMALL = (
    "window:w=1",
    "window:w=2",
    "random:bits=1",
    "random:bits=3",
    "random:bits=6,seed=3",
    "linear:d=2,m=3",
)
"""Machines with room for few states, and some for all."""


def built(name: str, n: int) -> reductions.Reduction:
    return reduction_classes()[name](n)


def packed(machine: Machine, stream: list[int]) -> list[tuple[int, ...]]:
    """The packed state after each token of one stream, run alone."""
    state = machine.start(1)
    found = [tuple(machine.pack(state)[:, 0].tolist())]
    for t, token in enumerate(stream):
        state = machine.step(state, np.array([token]), t)
        found.append(tuple(machine.pack(state)[:, 0].tolist()))
    return found


def slow_first_merge(reduction, machine) -> int | None:
    """The first t at which two prefixes have one state and the same tokens to come, by a dictionary of all."""
    read = [0, *(edges.reads.stop for edges in of_alice(reduction).layers)]
    symbols, n = range(reduction.symbols), reduction.n
    for t in range(1, reduction.cut + 1):
        seen = {}
        for word in itertools.product(symbols, repeat=read[t]):
            rests = itertools.product(symbols, repeat=n - read[t])
            streams = [reduction.alice([*word, *rest]) for rest in rests]
            to_come = tuple(tuple(stream[t:]) for stream in streams)
            node = packed(machine, streams[0][:t])[-1], to_come
            if seen.setdefault(node, word) != word:
                return t
    return None


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("spec", SMALL)
def test_the_first_merge_is_that_of_a_dictionary_of_all_prefixes(name, spec):
    reduction = built(name, 4)
    machine = machines.build(spec, reduction.task, reduction.cut)
    found, slow = first_merge(reduction, machine), slow_first_merge(reduction, machine)
    if name == "star" and found.pair:  # her last encoder states differ in what is never written
        assert slow <= found.t <= reduction.cut
    else:
        assert (found.t if found.pair else None) == slow
    assert found.complete == (slow is None)
    if found.pair is not None:
        check(reduction, machine, certify(reduction, machine, spec, *found.pair, "layers"), found.t)


def check(reduction, machine, found, latest: int) -> None:
    """A certificate says what is so: by runs, by the problem itself, by the tokens."""
    x, x_other = list(found.x), list(found.x_other)
    assert x < x_other
    streams = [reduction.alice(word) for word in (x, x_other)]
    assert [list(found.prefix), list(found.prefix_other)] == streams
    ours, theirs = (packed(machine, stream) for stream in streams)
    assert ours[found.merged_at :] == theirs[found.merged_at :]
    assert found.merged_at <= latest
    assert found.prefix[: found.merged_at] != found.prefix_other[: found.merged_at]
    before = found.merged_at - 1
    assert ours[before] != theirs[before] or streams[0][:before] == streams[1][:before]
    assert int(found.state_hex, 16) == sum(word << 64 * k for k, word in enumerate(ours[-1]))
    assert found.value == reduction.problem.value(found.x, found.y)
    assert found.value_other == reduction.problem.value(found.x_other, found.y)
    assert found.value != found.value_other
    assert found.machine_value not in (found.value, found.value_other) or found.value != found.value_other
    assert found.suffix == tuple(reduction.suffix(found.y))
    json.dumps(dataclasses.asdict(found), allow_nan=False)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_machines_that_keep_all_have_no_collision(name):
    reduction = built(name, 5)
    exact = machines.build("exact", reduction.task, reduction.cut)
    result = collisions.run(reduction, exact)
    assert result.complete
    assert result.collision is None
    assert (result.evidence, result.method) == ("exhaustive", "layers")
    assert "No collision exists" in result.verdict
    assert quick_collision(reduction, exact, "exact") is None


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.integers(1, 14), st.integers(0, 2**20))
def test_a_collision_is_found_iff_there_is_one(n, bits, seed):
    spec = f"random:bits={bits},seed={seed}"
    result = commlb.collide("index", n, machine=spec)
    reduction = reductions.build("index", None, n, None, None)
    machine = machines.build(spec, reduction.task, n)
    ends = {packed(machine, list(x))[-1] for x in itertools.product((0, 1), repeat=n)}
    assert (result.collision is not None) == (len(ends) < 2**n)
    assert result.complete == (len(ends) == 2**n)


def test_more_symbols_and_other_problems():
    found = commlb.collide("index", 5, symbols=7, machine="random:bits=6").collision
    assert found.symbols == 7
    assert found.x[found.y - 1] != found.x_other[found.y - 1]
    found = commlb.collide("equality", 9, machine="fingerprint:bits=3").collision
    assert (found.y, found.value, found.value_other, found.machine_value) == (found.x, 1, 0, 1)
    found = commlb.collide("disjointness", 9, machine="window:w=3").collision
    assert sum(found.y) == 1
    found = commlb.collide("mqar", 5, reduction="all-queries", machine="window:w=3").collision
    assert len(found.answers) == 5
    assert len(found.machine_answers) == 5


def test_a_sketch_has_the_coins_of_its_seed():
    pairs = {
        commlb.collide("counting", 12, machine=f"countmin:width=5,depth=2,seed={seed}").collision.x_other
        for seed in range(4)
    }
    assert len(pairs) > 1


def test_the_largest_window_merges_after_twice_its_words():
    found = commlb.collide("index", 18, machine="window:w=12").collision
    assert found.merged_at == 13
    assert commlb.collide("index", 12, machine="window:w=12").complete


# --- the certificate ---


class Sociable(Random):
    """Its step depends on how many runs there are, which no machine's may."""

    def advance(self, states, tokens, t):
        super().advance(states, tokens, t)
        if states.shape[1] > 2:
            states[...] = 0


def test_a_certificate_is_refused_where_anything_is_not_as_claimed():
    reduction = built("plain", 6)
    window = machines.build("window:w=2", reduction.task, 6)
    same = (0, 1, 1, 0, 1, 0)
    with pytest.raises(CommlbError, match="two different inputs"):
        certify(reduction, window, "window:w=2", same, same, "layers")
    with pytest.raises(CommlbError, match="not in one state"):
        certify(reduction, window, "window:w=2", same, (0, 1, 1, 0, 1, 1), "layers")
    sociable = Sociable(reduction.task, 6, bits=20)
    with pytest.raises(CommlbError, match="depend on the other runs"):
        collisions.run(reduction, sociable)


def test_a_reduction_that_says_another_value_is_refused(monkeypatch):
    reduction = built("plain", 6)
    window = machines.build("window:w=2", reduction.task, 6)
    pair = first_merge(reduction, window).pair
    monkeypatch.setattr(type(reduction.task), "solve", lambda self, stream: 1)
    with pytest.raises(CommlbError, match="does not tell"):
        certify(reduction, window, "window:w=2", *pair, "layers")


def test_states_that_part_again_are_not_merged():
    reduction = built("plain", 3)
    ends = run_both(machines.build("window:w=1", reduction.task, 3), [0, 1, 0], [1, 1, 1])
    assert ends.merged_at is None
    assert run_both(machines.build("window:w=1", reduction.task, 3), [0, 1, 0], [1, 1, 0]).merged_at == 2


# --- budgets and limits ---


def test_a_budget_counts_work_and_says_how_far_it_came():
    reduction = built("plain", 30)
    machine = machines.build("random:bits=60", reduction.task, 30)
    found = first_merge(reduction, machine, budget=Budget(2**10, 2**40))
    assert (found.pair, found.t, found.prefixes, found.complete) == (None, 10, 2**10, False)
    assert first_merge(reduction, machine, budget=Budget(2**20, 100)).t == 0


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"max_states": 100}, "--max-states"),
        ({"max_memory": 10**4}, "--max-memory"),
        ({"timeout": 1e-9}, "--timeout"),
    ],
)
def test_limits_are_one_line_with_what_to_raise(options, option):
    with pytest.raises(OverLimit, match=option):
        commlb.collide("index", 40, machine="random:bits=64", method="layers", **options)


def test_time_is_up_whatever_the_method():
    with pytest.raises(OverLimit, match="--timeout"):
        commlb.collide("index", 40, machine="random:bits=64", timeout=1e-9)


def test_what_no_method_finds_is_not_denied():
    result = commlb.collide("index", 40, machine="random:bits=30", method="kernel")
    assert (result.collision, result.complete, result.evidence) == (None, False, "unknown")
    assert "yet one exists" in result.verdict
    result = commlb.collide("index", 20, machine="random:bits=64", method="kernel")
    assert "no proof that none exists" in result.verdict


def test_a_long_stream_of_an_exact_machine_is_not_enumerated():
    result = commlb.collide("istree", 64)
    assert (result.complete, result.collision) == (False, None)
    assert result.evidence == "proved; machine tested equal"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "magic"}, "method must be one of"),
        ({"seed": -1}, "seed must be"),
        ({"workers": 0}, "workers must be"),
        ({"resume": "x.npz"}, "distinguished"),
        ({"budget": 5}, "fading"),
        ({"machine": "nope"}, "unknown machine"),
        ({"reduction": "hubs"}, "unknown reduction"),
        ({"max_states": 0}, "max_states must be"),
    ],
)
def test_bad_input(options, words):
    with pytest.raises(BadInput, match=words):
        commlb.collide("index", 5, **options)
    with pytest.raises(LimitError):
        commlb.collide("index", 10**7)


def test_results_do_not_depend_on_workers():
    one, two = (commlb.collide("index", 30, machine="random:bits=20", workers=w) for w in (1, 2))
    assert one == two


# --- the methods of other modules ---


def test_one_method_gives_way_to_the_next():
    faded = commlb.collide("index", 120, machine="window:w=40", seed=1)
    assert [name for name, _ in faded.tried] == ["layers", "kernel", "fading"]
    assert (faded.collision.method, faded.collision.merged_at, faded.seed) == ("fading", 41, 1)
    assert faded.horizons == ()
    walked = commlb.collide("index", 40, machine="random:bits=20", method="distinguished", seed=1)
    assert walked.collision.method == walked.method == "distinguished"
    assert walked.work > 0
    assert 1000 < walked.expected_work < 2000


def test_what_is_over_its_budget_says_so():
    result = commlb.collide("index", 30, machine="random:bits=64", seed=1, max_states=2**12)
    assert [name for name, _ in result.tried] == list(collisions.METHODS)
    assert "over its budget after 12 tokens" in result.tried[0][1]
    assert "about 2^32 runs expected" in result.tried[3][1]
    assert (result.collision, result.complete) == (None, False)


def test_fading_has_memory_horizons():
    result = commlb.collide("index", 30, machine="window:w=6", method="fading", seed=1, positions=(2, 5))
    assert {found.position for found in result.horizons} == {2, 5}
    assert {found.steps for found in result.horizons} == {7}


def test_walks_have_a_limit_and_do_not_depend_on_workers():
    options = {"machine": "random:bits=24", "method": "distinguished", "seed": 3}
    with pytest.raises(OverLimit, match="--max-work"):
        commlb.collide("index", 50, max_work=100, **options)
    one, two = (commlb.collide("index", 50, workers=w, **options) for w in (1, 2))
    assert one == two


# --- linear machines ---


@settings(deadline=None)
@given(st.data())
def test_a_vector_is_in_the_kernel_and_none_is_missed_modulo_2_and_3(data):
    m = data.draw(st.sampled_from([0, 2, 3, 4, 5, 6, 8, 9, 12, 16, 27, 257]))
    numbers, count = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 9))
    entries = st.integers(0, (m or 9) - 1)
    rows = data.draw(
        st.lists(st.lists(entries, min_size=count, max_size=count), min_size=numbers, max_size=numbers)
    )
    columns = np.array(rows, np.int64)
    d = vector(columns, m)
    if d is not None:
        assert set(d.tolist()) <= {-1, 0, 1}
        assert d.any()
        total = columns @ d
        assert not (total % m if m else total).any()
    elif m in (2, 3):
        every = itertools.product(range(m), repeat=count)
        assert all((columns @ np.array(word) % m).any() for word in every if any(word))


@pytest.mark.parametrize(
    ("task", "n", "spec"),
    [
        ("index", 300, "linear:d=70"),
        ("istree", 150, "linear:d=64,seed=5"),
        ("index", 120, "linear:d=60,m=3"),
        ("index", 200, "linear:d=4,m=16"),
        ("index", 100, "linear:d=2,m=12"),
        ("index", 60, "linear:d=3,m=257"),
        ("equality", 200, "fingerprint:bits=64"),
        ("counting", 60, "countmin:width=9,depth=3"),
    ],
)
def test_kernels_of_linear_machines(task, n, spec):
    result = commlb.collide(task, n, machine=spec, method="kernel")
    assert result.collision is not None, result.tried
    assert result.collision.method == "kernel"


def test_a_kernel_of_more_room_than_input_is_empty():
    reduction = built("plain", 20)
    found = kernel_pair(reduction, machines.build("linear:d=64", reduction.task, 20), 2**24)
    assert found.pair is None
    assert found.how.endswith("no kernel vector but 0")
    assert (
        "over its budget" in kernel_pair(reduction, machines.build("linear:d=64", reduction.task, 20), 10).how
    )


@pytest.mark.parametrize("m", [0, 2, 3])
def test_a_false_declaration_is_found_out(m):
    reduction = built("plain", 30)
    machine = Random(reduction.task, 30, bits=8)
    machine.linear_over = m
    found = kernel_pair(reduction, machine, 2**24)
    assert found.pair is None
    assert "not affine" in found.how


def test_linear_is_its_equation():
    reduction = built("plain", 9)
    machine = machines.build("linear:d=3,m=10,seed=4", reduction.task, 9)
    a, h = machine.matrix.tolist(), [0, 0, 0]
    states = machine.start(1)
    for t, token in enumerate([0, 1, 1, 0, 1, 0, 0, 1, 1]):
        b = machine.vectors(np.array([token]))[:, 0].tolist()
        h = [
            (sum(p * q for p, q in zip(row, h, strict=True)) + add) % 10
            for row, add in zip(a, b, strict=True)
        ]
        states = machine.step(states, np.array([token]), t)
        assert states[:, 0].tolist() == h
    assert round(np.linalg.det(machine.matrix.astype(float))) % 10 in (1, 3, 7, 9)


@pytest.mark.parametrize(
    "spec", ["linear", "linear:d=0", "linear:d=3,m=1", "linear:d=999", "linear:d=3,seed=-1"]
)
def test_bad_linear_machines(spec):
    with pytest.raises(BadInput):
        commlb.collide("index", 5, machine=spec)


# --- reduce, and the command line ---


def test_reduce_has_a_collision_where_one_is_cheap():
    for options in (
        {"n": 24, "machine": "window:w=8"},
        {"n": 300, "machine": "window:w=200"},
        {"n": 100, "machine": "linear:d=40", "trials": 0},
        {"n": 6, "machine": "random:bits=4"},
    ):
        result = commlb.reduce("index", seed=1, **options)
        assert result.collision is not None
        assert result.collision == commlb.reduce("index", seed=2, **options).collision
    assert commlb.reduce("index", 12, machine="random:bits=64").collision is None


def test_a_refused_reduction_has_no_collision(monkeypatch):
    cls = reduction_classes()["plain"]
    monkeypatch.setattr(cls, "answer", lambda self, answer: 0)
    reduction = cls(5)
    result = chains.run(reduction, machines.build("window:w=2", reduction.task, 5), seed=1)
    assert not result.reduction_check.holds
    assert result.collision is None


def typed(capsys, *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(list(args))
    captured = capsys.readouterr()
    return stopped.value.code or 0, captured.out, captured.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("index --n 24 --machine window:w=8", "wrong on x'"),
        ("index --n 200 --machine linear:d=40", "elsewhere they are equal"),
        ("index --n 9 --symbols 12 --machine random:bits=9", "over 12 symbols"),
        ("equality --n 90 --machine fingerprint:bits=12", "EQ is 1 for x and 0 for x'"),
        ("index --n 7", "No collision exists: all 128 inputs"),
        ("istree --n 99", "keeps all that its task needs"),
        ("index --n 40 --machine random:bits=30 --method kernel", "yet one exists"),
        ("counting --n 30 --machine countmin:width=2,depth=1", "coins of seed 0"),
    ],
)
def test_text_fits_80_columns(capsys, line, words):
    code, out, _ = typed(capsys, "collide", *line.split())
    assert code == 0
    assert all(len(row) < 80 for row in out.splitlines()), out
    assert words in " ".join(out.split())


def test_files_and_json(capsys, tmp_path):
    path = tmp_path / "found.json"
    code, out, err = typed(
        capsys, "collide", "index", "--n", "24", "--machine", "window:w=8", "--json", "--out", str(path)
    )
    assert code == 0
    assert f"commlb check {path}" in err
    body = unseal(path.read_text(), "found.json")
    assert body["command"] == "collide"
    assert json.loads(out)["result"] == body["result"]
    assert body["result"]["collision"]["merged_at"] == 9
    assert typed(capsys, "collide", "index", "--n", "4", "--out", str(tmp_path / "x.csv"))[0] == 2


def test_limits_exit_with_4_in_one_line(capsys):
    code, out, err = typed(
        capsys,
        *["collide", "index", "--n", "50", "--machine", "random:bits=64"],
        *["--method", "layers", "--max-states", "1000"],
    )
    assert (code, out) == (4, "")
    assert len(err.splitlines()) == 1
    assert "--max-states" in err


REDUCE = ("reduce", "index", "--trials", "0", "--n")


def test_reduce_says_how_to_look_for_a_collision(capsys):
    _, out, _ = typed(capsys, *REDUCE, "60", "--machine", "random:bits=50")
    assert "commlb collide index --n 60 --machine random:bits=50,seed=0" in out
    _, out, _ = typed(capsys, *REDUCE, "20", "--machine", "window:w=4")
    assert "Collision: x = " in out


def test_limits_object_is_the_users():
    reduction = built("plain", 30)
    with pytest.raises(OverLimit):
        first_merge(reduction, machines.build("random:bits=64", reduction.task, 30), Limits(max_states=4))


# --- pictures, by their data ---


@pytest.mark.parametrize("most", [4, 5, 6, 9])
def test_lines_of_a_long_stream_are_left_out_and_counted(most):
    found = commlb.collide("equality", 300, machine="fingerprint:bits=64", method="kernel").collision
    shown = collision.pairs(found, 30, most)
    assert sum(pair.omitted + len(pair.rows[0]) for pair in shown) == found.cut
    assert len(shown) <= most
    cells = [cell for pair in shown for cell in pair.rows[1]]
    assert all(cell.text == str(found.prefix_other[cell.t]) for cell in cells)
    assert all(cell.differs == (found.prefix[cell.t] != found.prefix_other[cell.t]) for cell in cells)
    assert all((cell.kind == "one") == (cell.t >= found.merged_at) for cell in cells)
    assert any(cell.t == found.merged_at - 1 for cell in cells)
    assert "Bob holds y = x" in collision.sentence(found)


@pytest.mark.parametrize(
    ("task", "n", "options"),
    [
        ("index", 24, {"machine": "window:w=8"}),
        ("istree", 40, {"machine": "random:bits=24"}),
        ("index", 5, {}),
        ("disjointness", 200, {"machine": "window:w=3"}),
    ],
)
def test_pictures_are_the_same_bytes(tmp_path, task, n, options):
    result = commlb.collide(task, n, **options)
    files = [tmp_path / name for name in ("a.png", "b.png")]
    for path in files:
        plots.save_collide(result, path)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert collision.title(result).startswith("Two inputs" if result.collision else "No two inputs")


class Hidden(Machine):
    """Counts its answers beside its state."""

    name = "hidden"

    def __init__(self):
        self.rows, self.widths, self.calls = 1, [1], 0

    def advance(self, states, tokens, t):
        states[0] = 0

    def output(self, states):
        self.calls += 1
        return states[0] + self.calls % 2


def test_a_machine_that_keeps_something_beside_its_state_is_found_out():
    with pytest.raises(CommlbError, match="outside its packed state"):
        certify(built("plain", 3), Hidden(), "hidden", (0, 0, 0), (1, 0, 0), "layers")
