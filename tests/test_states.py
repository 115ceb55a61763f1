"""Reachable states against plain enumeration: states, multiplicities, entropy, information, limits."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import inputs

import commlb
from commlb import machines, retention
from commlb.errors import BadInput, CommlbError, OverLimit
from commlb.fano import ceiling_accuracy
from commlb.kernels import distinct as kernel
from commlb.layers import Limits
from commlb.machines.base import UNDEFINED
from commlb.prefixes import of_alice, of_task
from commlb.reachability import Enumeration
from commlb.reductions import build, reduction_classes
from commlb.reductions.index_to_istree import Hubs
from commlb.tasks import task_classes

MACHINES = ["exact", "window:w=2", "random:bits=3", "random:bits=64,seed=2"]
SKETCHES = {
    "counting": ["bloom:bits=9,hashes=2", "countmin:width=3,depth=2,seed=1"],
    "equality": ["fingerprint:bits=3"],
    "index": ["reservoir:k=2,seed=5"],
}
CLASSES = sorted(reduction_classes().values(), key=lambda cls: cls.name)


def packed(machine, states) -> list[tuple[int, ...]]:
    return [tuple(column) for column in machine.pack(states).T.tolist()]


def by_hand(reduction, machine):
    """For each cut: a Counter of states over all x, and for each (i, value) the Counter of those x."""
    found = []
    xs = list(inputs(reduction))
    batch = np.array([reduction.alice(x) for x in xs]).T
    states = machine.start(len(xs))
    for t in range(reduction.cut + 1):
        keys = packed(machine, states)
        joint = defaultdict(Counter)
        for x, key in zip(xs, keys, strict=True):
            for i, value in enumerate(x):
                joint[i, value][key] += 1
        found.append((Counter(keys), joint))
        if t < reduction.cut:
            states = machine.step(states, batch[t], t)
    return found, len(xs)


def entropy(counts) -> float:
    total = sum(counts)
    return -sum(c / total * math.log2(c / total) for c in counts if c)


@settings(max_examples=60)
@given(st.sampled_from(CLASSES), st.integers(1, 6), st.data())
def test_over_alice_all_numbers_are_those_of_plain_enumeration(cls, n, data):
    spec = data.draw(st.sampled_from(MACHINES + SKETCHES.get(cls.task_name, [])))
    options = {}
    if "symbols" in cls.options and n <= 4:
        options["symbols"] = data.draw(st.sampled_from([2, 3]))
    reduction = cls(n, **options)
    machine = machines.build(spec, reduction.task, reduction.cut)
    result = retention.run(reduction, machine, information=True)
    expected, total = by_hand(reduction, machine)
    assert len(result.cuts) == len(expected)
    for cut, (states, joint) in zip(result.cuts, expected, strict=True):
        scale = total // cut.prefixes
        assert cut.prefixes == reduction.symbols**cut.symbols_read
        assert cut.reachable_states == len(states)
        assert cut.entropy_bits == pytest.approx(entropy(states.values()), abs=1e-9)
        assert scale * cut.prefixes == total
        for i in range(cut.symbols_read):
            rows = [joint[i, value] for value in range(reduction.symbols)]
            both = entropy([row[key] for row in rows for key in states])
            told = math.log2(reduction.symbols) + entropy(states.values()) - both
            assert cut.per_input_bit[i] == pytest.approx(told, abs=1e-9)
            best = sum(max(row[key] for row in rows) for key in states) / total
            assert cut.best_accuracy[i] == pytest.approx(best, abs=1e-12)
    last = result.cuts[-1]
    assert last.symbols_read == n
    assert sum(last.per_input_bit) <= last.entropy_bits + 1e-9
    assert last.mean_best_accuracy <= ceiling_accuracy(last.reachable_bits, n, reduction.symbols) + 1e-9
    assert last.reachable_bits <= result.machine.capacity_bits + 1e-9


EXAMPLES = [task for cls in task_classes().values() for task in cls.examples()]
RUN = [(task, spec) for task in EXAMPLES for spec in MACHINES + SKETCHES.get(task.name, [])]


@pytest.mark.parametrize(("task", "spec"), RUN, ids=str)
def test_over_all_prefixes_are_those_that_can_be_completed(task, spec):
    alphabets = [task.alphabet(t) for t in range(task.length)]
    if math.prod(map(len, alphabets)) > 3000:
        pytest.skip("too many streams to run all")
    valid = [s for s in itertools.product(*alphabets) if task.solve(s) is not UNDEFINED]
    machine = machines.build(spec, task, task.length - 1)
    layers = list(Enumeration(machine, of_task(task)).layers())
    for t, layer in enumerate(layers):
        prefixes = sorted({stream[:t] for stream in valid})
        states = machine.start(len(prefixes))
        for k in range(t):
            states = machine.step(states, np.array([prefix[k] for prefix in prefixes]), k)
        keys, counts, _ = layer.states()
        found = {tuple(key): count for key, count in zip(keys.T.tolist(), counts[0].tolist(), strict=True)}
        assert found == Counter(packed(machine, states))
        assert layer.mass == len(prefixes)


@pytest.mark.parametrize("task", ["index", "istree", "counting", "equality"])
def test_over_all_an_exact_machine_reaches_the_minimum_where_it_is_known(task):
    result = commlb.states(task, 4, over="all")
    assert all(cut.minimum_states == cut.reachable_states for cut in result.cuts)
    assert max(cut.reachable_bits for cut in result.cuts) == result.bound.bits


def test_counts_beyond_64_bits_are_exact():
    reduction = build("index", None, 140, None, None)
    machine = machines.build("window:w=3", reduction.task, reduction.cut)
    *_, last = Enumeration(machine, of_alice(reduction)).layers()
    _, counts, _ = last.states()
    assert len(counts) == 3
    assert [sum(int(limb) << 64 * k for k, limb in enumerate(column)) for column in counts.T] == [2**137] * 8
    result = commlb.states("index", 140, machine="window:w=3", information=True)
    assert result.cuts[-1].prefixes == 2**140
    assert result.cuts[-1].entropy_bits == 3.0
    assert result.cuts[-1].per_input_bit == (0.0,) * 137 + (1.0,) * 3


def test_dense_and_sparse_counting_agree(monkeypatch):
    dense = commlb.states("index", 14, machine="random:bits=9,seed=4")
    monkeypatch.setattr("commlb.reachability.DENSE_BITS", 0)
    sparse = commlb.states("index", 14, machine="random:bits=9,seed=4")
    assert dense == sparse


def test_chunks_make_no_difference(monkeypatch):
    whole = commlb.states("istree", 6, over="all", machine="window:w=2")
    told = commlb.states("ar", 5, machine="random:bits=5", information=True)
    monkeypatch.setattr("commlb.reachability.CHUNK", 3)
    assert commlb.states("istree", 6, over="all", machine="window:w=2") == whole
    assert commlb.states("ar", 5, machine="random:bits=5", information=True) == told


def test_compiled_and_plain_merging_agree(monkeypatch):
    plain = commlb.states("index", 12, machine="random:bits=64", information=True)
    monkeypatch.setattr(kernel, "FROM", 1)
    assert commlb.states("index", 12, machine="random:bits=64", information=True) == plain


def test_a_merge_that_loses_a_prefix_is_noticed(monkeypatch):
    def lossy(keys, counts, workspace=None):
        found, sums = kernel.distinct(keys, counts, workspace)
        sums[0, 0] -= np.uint64(1)
        return found, sums

    monkeypatch.setattr("commlb.reachability.distinct", lossy)
    with pytest.raises(CommlbError, match="add up to 1, not to the 2 prefixes"):
        commlb.states("index", 5, machine="window:w=5")


def test_a_machine_beyond_its_capacity_is_noticed(monkeypatch):
    monkeypatch.setattr("commlb.machines.window.Window.capacity_bits", lambda self, t: min(t, 2.0))
    with pytest.raises(CommlbError, match="reaches 8 states after 3 tokens, more than its capacity"):
        commlb.states("index", 5, machine="window:w=4")


def test_hubs_are_read_block_by_block():
    reduction = Hubs(6, block=2)
    layers = of_alice(reduction).layers
    assert [len(edges.reads) for edges in layers] == [2, 2, 2]
    assert [edges.tokens.shape[1] for edges in layers] == [4, 4, 4]
    odd = of_alice(Hubs(5, block=2)).layers
    assert [len(edges.reads) for edges in odd] == [2, 2, 1]


@pytest.mark.parametrize(
    ("limits", "words", "finished"),
    [
        (
            Limits(max_states=20),
            "layer 5: states: 32 needed, the limit is 20; lower n or raise --max-states",
            5,
        ),
        (Limits(max_memory=5000), r"layer \d+: bytes: [\d,]+ needed, the limit is 5,000", None),
        (Limits(timeout=1.0, started=-100.0), "before layer 0: seconds", 0),
    ],
)
def test_limits_keep_what_was_finished(limits, words, finished):
    reduction = build("index", None, 20, None, None)
    with pytest.raises(OverLimit, match=words) as caught:
        retention.run(reduction, reduction.task.machine(), limits=limits)
    partial = caught.value.partial
    assert not partial.complete
    assert partial.stopped == str(caught.value)
    assert [cut.reachable_states for cut in partial.cuts] == [2**t for t in range(len(partial.cuts))]
    assert len(partial.cuts) <= 20
    assert finished in (None, len(partial.cuts))


def test_an_interrupt_keeps_what_was_finished():
    def stop(done, of):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        commlb.states("index", 20, progress=stop)
    assert len(caught.value.partial.cuts) == 4
    assert caught.value.partial.stopped == "interrupted"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"over": "bob"}, "over must be one of alice, all"),
        ({"over": "all", "information": True}, "information is about Alice's symbols"),
        ({"machine": "windw:w=1"}, "did you mean 'window'"),
    ],
)
def test_bad_requests(given, words):
    with pytest.raises(BadInput, match=words):
        commlb.states("index", 4, **given)


def test_a_task_without_a_reduction_has_no_alice():
    task = task_classes()["dyck"].sized(6)
    result = retention.run(task, machines.build("window:w=2", task, 5), over="all")
    assert result.prefix_set == "all"
    assert result == commlb.states("dyck", 6, machine="window:w=2")
    for how in ({}, {"over": "alice"}):
        with pytest.raises(BadInput, match="no Alice"):
            retention.run(task, task.machine(), **how)
    for how in ({"over": "alice"}, {"reduction": "hubs"}, {"information": True}):
        with pytest.raises(BadInput):
            commlb.states("dyck", 6, **how)


def run(capsys, *args):
    from commlb_cli import main

    with pytest.raises(SystemExit) as stop:
        main(list(args))
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def test_command_text_fits_and_says_what_it_should(capsys):
    code, out, err = run(capsys, "states", "index", "--n", "8", "--machine", "window:w=3", "--information")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "8 bits must\ncross it, so it errs" in out
    assert "Fano's" in out
    for task in task_classes():
        if task in {cls.task_name for cls in CLASSES}:
            for over in ("alice", "all"):
                code, out, _ = run(
                    capsys, "states", task, "--n", "3", "--over", over, "--machine", "window:w=2"
                )
                assert code == 0
                assert max(map(len, out.splitlines())) <= 80


def test_command_json_and_csv(capsys, tmp_path):
    target = tmp_path / "rows.csv"
    code, out, _ = run(capsys, "states", "index", "--n", "6", "--json", "--out", str(target))
    body = json.loads(out)
    assert code == 0
    assert body["schema"] == "commlb/1"
    assert body["command"] == "states"
    assert [cut["reachable_states"] for cut in body["result"]["cuts"]] == [2**t for t in range(7)]
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert [int(row["reachable_states"]) for row in rows] == [2**t for t in range(7)]
    assert {row["prefix_set"] for row in rows} == {"alice"}
    assert len({row["digest"] for row in rows}) == 7


def test_command_over_the_limit_prints_and_writes_what_was_finished(capsys, tmp_path):
    target = tmp_path / "rows.csv"
    args = ("states", "index", "--n", "30", "--max-states", "100", "--out", str(target))
    code, out, err = run(capsys, *args)
    assert code == 4
    assert "raise --max-states" in err
    assert len(err.strip().splitlines()) == 1
    assert "Stopped after 7 cuts of 31" in out
    assert len(target.read_text().splitlines()) == 8
    code, out, _ = run(capsys, *args, "--json")
    assert code == 4
    assert json.loads(out)["result"]["complete"] is False


@pytest.mark.parametrize(
    "args",
    [
        ("--n", "0"), ("--n", "3", "--over", "bob"), ("--n", "3", "--over", "all", "--information"),
        ("--n", "3", "--machine", "nonsense"), ("--n", "3", "--max-states", "0"), ("--n", "3", "--out", "x.txt"),
        ("--n", "3", "--max-memory", "-4"), ("--n", "3", "--timeout", "-1"),
    ],
)  # fmt: skip
def test_command_refuses_in_one_line(capsys, args):
    code, out, err = run(capsys, "states", "index", *args)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
