"""``commlb.reduce``: its numbers are in order, reproducible, and say how they are known."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import queries

import commlb
from commlb import chains, machines, protocol, reductions
from commlb.errors import BadInput, CommlbError, LimitError
from commlb.problems import WordProblem
from commlb.protocol import parse_x, show
from commlb.records_rows import MemoryPoint, to_csv
from commlb.reductions import reduction_classes
from commlb.reductions.index_to_istree import Hubs, TwoHub
from commlb.tasks.index import Index

TASKS = ["index", "ar", "cgram", "counting", "istree"]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(reduction_classes().values(), key=lambda cls: cls.name)),
    st.integers(1, 7),
    st.sampled_from(["exact", "store", "window:w=2", "window:w=5", "random:bits=2", "random:bits=12,seed=3"]),
)
def test_the_chain_is_in_order(cls, n, machine):
    r = commlb.reduce(cls.task_name, n, reduction=cls.name, machine=machine)
    assert r.answers is not None
    assert r.answers.evidence == r.message.evidence == r.information.evidence == "exhaustive"
    positions = r.answers.fano_bits is not None
    assert positions == (r.problem != "EQ")
    chain = [
        r.answers.fano_bits if positions else 0,
        r.information.bits,
        r.message.entropy_bits,
        r.message.reachable_bits,
        r.machine.capacity_bits,
        r.machine.storage_bits,
    ]
    assert all(a <= b + 1e-9 for a, b in itertools.pairwise(chain)), chain
    assert sum(r.information.per_input_bit) <= r.information.bits + 1e-9
    if positions:
        assert r.answers.fano_bits <= sum(r.information.per_input_bit) + 1e-9
        assert r.answers.accuracy <= r.answers.ceiling_accuracy + 1e-12
    assert r.bound.bits <= r.task_bound.bits + 1e-9
    assert r.machine.capacity_bits <= r.machine.largest_capacity_bits + 1e-9
    if r.machine.exact:
        assert r.task_bound.bits <= r.machine.largest_capacity_bits + 1e-9
    if r.never_errs:
        assert r.bound.bits <= r.message.reachable_bits + 1e-9
    else:
        assert r.answers.errors > 0


@pytest.mark.parametrize("task", TASKS)
def test_exact_at_64_bits(task):
    r = commlb.reduce(task, 64, seed=3)
    assert r.reduction_check.holds
    assert r.reduction_check.every_n
    assert (r.bound.bits, r.message.reachable_bits, r.information.bits) == (64, 64, 64)
    assert r.message.reachable_states == 2**64
    assert "proved" in r.message.evidence
    assert "tested equal" in r.message.evidence
    assert r.answers.errors == 0
    assert r.answers.evidence == "sampled"
    assert r.never_errs
    assert r.transcript is r.drawing is r.collision is None


def test_symbols_make_bits():
    r = commlb.reduce("ar", 10, symbols=5, trials=50, seed=1)
    assert r.bound.bits == pytest.approx(10 * math.log2(5))
    assert r.reduction_check.inputs == "5^10"


def test_a_seed_makes_everything_the_same_and_is_drawn_if_not_given():
    a, b = (commlb.reduce("index", 40, machine="window:w=9", seed=5, i=3) for _ in range(2))
    assert a == b
    drawn = commlb.reduce("index", 40, machine="window:w=9")
    assert drawn.seed is not None
    assert drawn == commlb.reduce("index", 40, machine="window:w=9", seed=drawn.seed)


def test_sampled_information_is_a_lower_bound_with_its_confidence():
    r = commlb.reduce("index", 40, machine="window:w=20", seed=2)
    assert r.information.evidence == "sampled"
    assert r.information.confidence == 0.99
    assert r.information.bits == r.answers.fano_bits <= 20
    assert r.message.reachable_states is None
    assert not r.never_errs


def test_few_trials_without_error_do_not_make_a_machine_exact():
    r = next(
        r
        for seed in range(50)
        if (r := commlb.reduce("index", 6, machine="random:bits=4", trials=1, seed=seed)).answers.errors == 0
    )
    assert r.never_errs is None


def test_a_window_that_keeps_the_whole_prefix_never_errs():
    for machine in ("window:w=12", "window:w=65"):
        r = commlb.reduce("index", 12, machine=machine, trials=0)
        assert (r.never_errs, r.message.reachable_states, r.machine.exact) == (True, 2**12, True)
    assert not commlb.reduce("index", 12, machine="window:w=11", trials=0).machine.exact


def doubtful(n):
    """Index, and a machine that is right and is not known to be."""
    chosen = reductions.build("index", None, n, None, None)
    machine = machines.build(f"window:w={n}", chosen.task, chosen.cut)
    machine.errs = True
    return chosen, machine


def test_a_machine_that_was_not_run_is_not_said_to_err():
    for machine in ("random:bits=12", "random:bits=20"):
        r = commlb.reduce("index", 12, machine=machine, trials=0)
        assert r.never_errs is None
        assert r.message.evidence is r.answers is None
        assert "not known" in r.verdict
    r = chains.run(*doubtful(12))
    assert r.never_errs
    assert "no error on all inputs" in r.verdict
    r = commlb.reduce("index", 30, machine="window:w=29", trials=400, seed=1)
    assert r.never_errs in (None, False)


def test_an_upper_bound_is_not_rounded_down():
    r = commlb.reduce("index", 24, machine="window:w=8", trials=0)
    assert "82.61 %" in r.verdict


def test_no_trials():
    r = commlb.reduce("istree", 64, trials=0)
    assert r.answers is None
    assert r.seed is None
    assert r.message.reachable_bits == 64


@pytest.mark.parametrize("cls", reduction_classes().values(), ids=lambda cls: cls.name)
def test_transcript_is_a_run(cls):
    n = 6
    x = (1, 0, 1, 1, 0, 0)
    reduction = cls(n)
    for y in queries(reduction)[:40]:
        bob = {"y": y} if isinstance(reduction.problem, WordProblem) else {"i": y}
        run = commlb.reduce(cls.task_name, n, reduction=cls.name, x=x, trials=0, **bob).transcript
        assert [step.token for step in run.steps] == reduction.alice(x) + reduction.suffix(y)
        assert [step.party for step in run.steps].count("Alice") == reduction.cut
        assert run.output == run.expected == reduction.problem.value(x, y)
        assert list(run.bob_tokens) == reduction.suffix(y)
        assert run.cost_bits == machines.build("exact", reduction.task, reduction.cut).storage_bits
        assert int(run.message_hex, 16).bit_length() <= run.cost_bits
        assert all(a.after == b.before for a, b in itertools.pairwise(run.steps))


def test_messages_differ_for_all_inputs_of_an_exact_machine():
    seen = {
        commlb.reduce("istree", 4, x=parse_x(f"{x:04b}", 4, 2), i=1, trials=0).transcript.message_hex
        for x in range(16)
    }
    assert len(seen) == 16


def test_long_transcripts_leave_out_their_middle():
    run = commlb.reduce("index", 500, x=(1,) * 500, i=2, trials=0).transcript
    assert run.omitted_steps + len(run.steps) == 501
    assert run.omitted_steps > 300
    assert run.steps[-1].party == "Bob"


def test_json_of_the_result_has_the_documented_keys():
    r = commlb.reduce("cgram", 5, c=3, x=(0, 1, 0, 1, 1), i=2)
    body = json.loads(json.dumps(dataclasses.asdict(r)))
    assert set(body["reduction_check"]) >= {"holds", "evidence", "inputs", "queries", "width", "every_n"}
    assert set(body["bound"]) >= {"bits", "model", "method", "evidence", "source", "prefix_set"}
    assert set(body["machine"]) >= {
        "name", "parameters", "format", "precision_bits", "storage_bits", "capacity_bits",
    }  # fmt: skip
    assert set(body["message"]) >= {"reachable_states", "reachable_bits", "entropy_bits", "evidence"}
    assert set(body["information"]) >= {"bits", "per_input_bit", "evidence", "confidence"}
    assert set(body["answers"]) >= {"trials", "errors", "accuracy", "ceiling_accuracy"}
    assert body["bound"]["prefix_set"] == "alice"
    assert body["task_bound"]["prefix_set"] == "all"
    assert body["collision"] is None


def test_rows_have_a_digest_of_what_determines_them():
    rows = [
        commlb.reduce("index", 30, machine=m, trials=20, seed=s).row()
        for m in ("exact", "store")
        for s in (1, 2)
    ]
    assert len({row.digest for row in rows}) == 4
    drawn = [commlb.reduce("index", n=4, i=2).row() for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert drawn[0].seed is None
    blocks = [chains.run(Hubs(4, block=b), Hubs(4, block=b).task.machine()).row() for b in (1, 2)]
    assert blocks[0].digest != blocks[1].digest
    assert rows[0] == commlb.reduce("index", 30, trials=20, seed=1).row()
    lines = to_csv(rows).splitlines()
    assert lines[0].split(",") == [field.name for field in dataclasses.fields(MemoryPoint)]
    assert len(lines) == 5


class Broken(TwoHub):
    def answer(self, task_answer):
        return 1 - int(task_answer)


def test_a_broken_reduction_is_not_run():
    reduction = Broken(20)
    r = chains.run(reduction, reduction.task.machine(), x=(0,) * 20, y=1, draw=True)
    assert not r.reduction_check.holds
    assert r.reduction_check.counterexample is not None
    assert r.answers is r.transcript is r.drawing is None
    assert "refused" in r.verdict


def test_a_machine_above_fanos_ceiling_stops_the_run():
    reduction = TwoHub(6)
    machine = reduction.task.machine()
    machine.capacity_bits = lambda t: 3.0
    with pytest.raises(CommlbError, match="please report"):
        chains.run(reduction, machine)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 0}, "n must be"),
        ({"n": 4, "i": 5}, r"i must be in 1\.\.4"),
        ({"n": 4, "i": 0}, r"i must be in 1\.\.4"),
        ({"n": 4, "x": (0, 1)}, "x must be 4 symbols"),
        ({"n": 4, "x": (0, 1, 2, 0)}, "x must be 4 symbols"),
        ({"n": 4, "trials": -1}, "trials must be"),
        ({"n": 4, "seed": -1}, "seed must be"),
        ({"n": 4, "machine": "rnn"}, "unknown machine 'rnn'"),
        ({"n": "4"}, "n must be an integer"),
        ({"n": 4, "x": "01"}, "given 2 of them"),
        ({"n": 4, "machine": 3}, "machine must be a specification"),
    ],
)
def test_bad_requests(arguments, words):
    with pytest.raises(BadInput, match=words):
        commlb.reduce("index", **arguments)


def test_integers_of_other_kinds_are_integers():
    wanted = commlb.reduce("index", 5, x=(0, 1, 1, 0, 1), i=2, trials=0)
    found = commlb.reduce("index", np.int64(5), x=np.array([0, 1, 1, 0, 1]), i=np.int32(2), trials=np.int8(0))
    assert found == wanted == commlb.reduce("index", 5, x="01101", i=2, trials=0)
    with pytest.raises(BadInput, match="x must be 5 symbols"):
        commlb.reduce("index", 5, x=[0, 1, 1, 0, 1.5])


def test_limits():
    with pytest.raises(LimitError, match="--trials 0"):
        commlb.reduce("istree", 3000, trials=100_000)
    for large in ({"symbols": 10**9}, {"symbols": 2000}):
        with pytest.raises(LimitError, match=r"symbols = .* beyond the limit"):
            commlb.reduce("index", 5, **large)
    with pytest.raises(LimitError, match="c = 1000 is beyond the limit"):
        commlb.reduce("cgram", 5, c=1000)
    with pytest.raises(LimitError, match="picture"):
        commlb.reduce("index", 5000, trials=0, draw=True)


@pytest.mark.parametrize(
    ("text", "n", "symbols", "words"),
    [
        ("012", 3, 2, "whose largest symbol is 2"),
        ("01", 3, 2, "given 2 of them"),
        ("0a1", 3, 2, "given '0a1'"),
        ("", 1, 2, "x must be 1 bit, such as 0"),
        ("0,1,9", 3, 4, "largest symbol is 9"),
        ("0;1;2", 3, 4, "with commas"),
        ("٠١", 2, 2, "x must be"),
    ],
)
def test_x_is_refused(text, n, symbols, words):
    with pytest.raises(BadInput, match=words):
        parse_x(text, n, symbols)


@given(
    st.integers(2, 12).flatmap(lambda k: st.tuples(st.just(k), st.lists(st.integers(0, k - 1), min_size=1)))
)
def test_x_is_read_as_it_is_shown(drawn):
    symbols, x = drawn
    assert parse_x(show(x, symbols), len(x), symbols) == tuple(x)


def test_all_inputs_are_run_in_batches_and_only_where_that_is_not_too_much(monkeypatch):
    spec = "gru:d=2,p=3"
    whole = commlb.reduce("index", 7, machine=spec)
    monkeypatch.setattr(protocol, "BATCH_BYTES", 200)
    assert commlb.reduce("index", 7, machine=spec) == whole
    assert whole.answers.evidence == "exhaustive"
    monkeypatch.setattr(chains, "MAX_EXHAUSTED", 10**6)
    sampled = commlb.reduce("index", 7, machine=spec, seed=1)
    assert sampled.answers.evidence == "sampled"
    assert sampled.message.reachable_states is None


def test_few_runs_conclude_nothing():
    found = commlb.reduce("index", 24, machine="gru:d=8,format=bf16", trials=3, seed=1)
    assert "of 3 runs" in found.verdict or "too few to tell" in found.verdict
    assert "bits to cross" not in found.verdict
    right = chains.run(*doubtful(24), trials=3, seed=1)
    assert right.verdict.endswith("made no error in 3 runs, too few to tell whether it errs.")
    assert chains.run(*doubtful(24), trials=50, seed=1).verdict.endswith("in 50 runs.")


def test_rows_of_other_weights_in_a_file_of_the_same_name_are_other_rows(tmp_path):
    path, digests = tmp_path / "w.npz", []
    weights = machines.build("elman:d=2,p=3", Index(4), 4).weights
    for scale in (1.0, 1.0, 2.0):
        np.savez(path, **{name: scale * array for name, array in weights.items()})
        machine = f"elman:d=2,p=3,weights={path}"
        rows = [
            commlb.reduce("index", 4, machine=machine).row(),
            *commlb.states("index", 4, machine=machine).rows(),
        ]
        digests.append([row.digest for row in rows])
    assert digests[0] == digests[1]
    assert not set(digests[0]) & set(digests[2])
