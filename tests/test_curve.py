"""Sweeps: rows against plain counting, whatever runs them and however often they are interrupted."""

from __future__ import annotations

import itertools
import math
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from brute import best_guesses

import commlb
from commlb import ledger, machines, points, reductions, sweep, thresholds
from commlb.cells import Cell
from commlb.errors import BadInput, CommlbError, LimitError, OverLimit
from commlb.families import Family
from commlb.fano import binary_entropy
from commlb.ledger import shard
from commlb.machines.window import Window
from commlb.records_rows import from_csv, to_csv
from commlb.sweep import curve, run

SCANS = [
    ("index", 6, None, "random:bits,seed=1", "0.01"),
    ("index", 6, None, "random:bits,seed=1", "0"),
    ("index", 3, 3, "random:bits,seed=4", "0.1"),
    ("ar", 4, None, "gru:d=1:2,p,seed=0", "0.1"),
    ("istree", 5, None, "random:bits,seed=2", "0.05"),
    ("istree", 5, None, "window:w", "0.01"),
    ("counting", 5, None, "bloom:bits,hashes=1:2,seed=0", "0.1"),
    ("disjointness", 4, None, "random:bits,seed=0", "0.2"),
    ("cgram", 4, None, "elman:d,p=3,seed=1", "0.2"),
    ("equality", 4, None, "random:bits,seed=3", "0"),
    ("copying", 3, None, "linear-attention:d=1,dk,p=4,seed=0", "0.3"),
]


@pytest.mark.parametrize("case", SCANS, ids=str)
def test_the_smallest_machine_is_that_of_plain_counting(case):
    """All members by capacity, each by all of its messages in a dictionary."""
    task, n, symbols, text, error = case
    row = run(Cell(task, n, text, symbols=symbols, error=error))
    chosen = reductions.build(task, None, n, symbols, None)
    inputs = chosen.symbols**n
    for member in Family(text).members(
        chosen.task, chosen.cut, 2 * math.ceil(n * math.log2(chosen.symbols)) + 16
    ):
        states, errors, _ = best_guesses(chosen, member.machine)
        if max(errors) <= Fraction(error) * inputs and (Fraction(error) or states == inputs):
            break
    else:
        assert row.machine is None
        assert row.searched_bits == member.capacity_bits
        return
    assert Family(row.machine).name == Family(member.spec).name
    assert (row.capacity_bits, row.reachable_states) == (member.capacity_bits, states)
    built = machines.build(row.machine, chosen.task, chosen.cut)
    assert dict(built.parameters) == dict(member.machine.parameters)
    if chosen.problem.asks_positions:
        assert (row.errors, row.trials) == (sum(errors), n * inputs)
        assert row.worst_error == max(errors) / inputs
    assert row.evidence == row.answers_evidence == "exhaustive"
    assert row.answered_by == "optimal Bob"


def test_bounds_are_the_theorys():
    for n, error in itertools.product((3, 20), ("0", "0.01", "0.25")):
        row = Cell("index", n, "window:w", error=error).row()
        assert row.bound_bits == pytest.approx(n * (1 - binary_entropy(float(error))))
    e = 0.1
    wanted = 5 * (math.log2(3) - binary_entropy(e) - e)
    assert Cell("index", 5, "window:w", symbols=3, error="0.1").row().bound_bits == pytest.approx(wanted)
    assert Cell("equality", 40, "fingerprint:bits", error="0.125").row().bound_bits == pytest.approx(
        3, abs=1e-6
    )


def test_windows_need_all_of_x_at_each_n():
    found = curve("index", (2, 9, 40, 60), "window:w", error="0.01", trials=256, max_inputs=2**10)
    assert [row.capacity_bits for row in found.rows] == [2, 9, 40, 60]
    assert [row.answered_by for row in found.rows] == ["optimal Bob"] * 2 + ["machine"] * 2
    assert found.rows[-1].evidence.startswith("proved")


def test_fingerprints_need_log_one_over_error_bits():
    found = curve("equality", (64,), "fingerprint:bits", error="0.01", seeds=1).rows[0]
    assert (found.machine, found.evidence) == ("fingerprint:bits=7,seed=0", "formula")
    assert found.capacity_bits >= found.bound_bits > 6.6


def test_sampled_rows_say_so_and_hold():
    row = run(Cell("index", 40, "reservoir:k,seed=0", error="0.2", bob="machine", trials=4096))
    assert row.evidence == "sampled"
    assert row.confidence == 0.99
    k = int(row.capacity_bits)
    assert (1 - k / 40) / 2 < 0.2, "the error of reservoir:k on each query is (1 - k/n)/2"
    assert row.worst_error <= 0.2
    assert row.capacity_bits >= row.bound_bits


def test_a_machine_that_never_meets_the_error_is_not_found():
    row = run(Cell("index", 10, "window:w=1:4", error="0.01"))
    assert (row.machine, row.capacity_bits, row.searched_bits) == (None, None, 4)
    assert "none of 4 machines" in row.remark


CHAINS = [
    ("index", 6, "window:w=3"),
    ("index", 9, "random:bits=7,seed=1"),
    ("istree", 5, "exact"),
    ("ar", 4, "gru:d=2,p=4,seed=1"),
    ("equality", 5, "random:bits=4,seed=0"),
    ("counting", 5, "bloom:bits=4,hashes=1,seed=0"),
]


@pytest.mark.parametrize("case", CHAINS, ids=str)
def test_chains_are_those_of_states_and_reduce(case):
    task, n, machine = case
    row = run(Cell(task, n, machine))
    cut = commlb.states(task, n, machine=machine).cuts[-1]
    assert (row.reachable_states, row.entropy_bits) == (cut.reachable_states, pytest.approx(cut.entropy_bits))
    assert row.capacity_bits == cut.capacity_bits
    reduced = commlb.reduce(task, n, machine=machine, seed=1)
    assert row.bound_bits == reduced.bound.bits
    if row.answers_evidence == reduced.answers.evidence == "exhaustive":
        assert (row.errors, row.trials) == (reduced.answers.errors, reduced.answers.trials)
    if row.best_accuracy is not None:
        assert row.best_accuracy == pytest.approx(reduced.information.best_accuracy)


def test_over_all_prefixes_the_chain_holds_cut_by_cut():
    for task, n in (("istree", 3), ("counting", 3), ("dyck", 6), ("index", 5)):
        exact, window = (run(Cell(task, n, machine, over="all")) for machine in ("exact", "store"))
        assert exact.prefix_set == "all"
        assert exact.bound_bits <= exact.minimum_bits + 1e-9
        assert exact.minimum_bits <= exact.reachable_bits + 1e-9 <= exact.capacity_bits + 2e-9
        assert exact.minimum_bits == window.minimum_bits <= window.reachable_bits + 1e-9


def test_a_limit_makes_a_row_that_says_so_and_other_limits_try_again(tmp_path):
    out = tmp_path / "rows.csv"
    given = {"machine": "random:bits=30", "seeds": 1, "trials": 0, "max_inputs": 2}
    low = curve("index", (14,), max_states=100, out=out, **given).rows[0]
    assert (low.evidence, low.limits) == ("refused", f"max_states=100;max_memory={2**32}")
    assert "--max-states" in low.remark
    assert curve("index", (14,), max_states=100, out=out, resume=True, **given).rows == (low,)
    high = curve("index", (14,), out=out, resume=True, **given).rows[0]
    assert (high.digest, high.standing, high.limits) == (low.digest, 2, None)
    assert from_csv(out.read_text(), "rows") == [high]


def test_states_over_a_limit_leave_the_answers():
    row = run(Cell("index", 16, "random:bits=30,seed=0", max_states=100, max_inputs=2, trials=50))
    assert (row.evidence, row.reachable_bits, row.trials, row.standing) == ("sampled", None, 50, 1)


# Theory against code.


def test_an_exact_point_below_the_bound_stops_the_run(monkeypatch):
    monkeypatch.setattr(Window, "capacity_bits", lambda self, t: 0.9 * min(self.kept, t))
    with pytest.raises(CommlbError, match=r"has room for 5\.4.* for which 5\.515") as stopped:
        curve("index", (6,), "window:w", error="0.01")
    assert stopped.value.exit_code == 1


def test_best_guesses_beyond_the_entropy_stop_the_run(monkeypatch):
    real = thresholds.best
    lies = lambda *given: replace(real(*given), entropy_bits=3.0)  # noqa: E731
    monkeypatch.setattr(thresholds, "best", lies)
    with pytest.raises(CommlbError, match="against Fano's inequality"):
        curve("index", (6,), "window:w=6", error="0.01")


def test_sampled_answers_beyond_the_room_stop_the_run_but_chance_does_not(monkeypatch):
    def decode(self, messages, ys):
        return np.ones(ys.shape[-1], np.int64)

    monkeypatch.setattr(points.OneWayProtocol, "decode", decode)
    monkeypatch.setattr(points.OneWayProtocol, "tally", lambda self, *rest: np.array([[2000, 0], [2000, 0]]))
    with pytest.raises(CommlbError, match="answers show"):
        run(Cell("index", 30, "random:bits=4,seed=0", max_inputs=1))
    monkeypatch.setattr(points.OneWayProtocol, "tally", lambda self, *rest: np.array([[100, 25], [100, 25]]))
    assert run(Cell("index", 30, "random:bits=4,seed=0", max_inputs=1)).errors == 50


def test_a_scan_that_is_told_right_answers_by_a_cheat_stops(monkeypatch):
    monkeypatch.setattr(thresholds._Questions, "run", lambda self, trials: np.zeros(self.queries, np.int64))
    with pytest.raises(CommlbError, match="answers show"):
        run(Cell("index", 30, "random:bits,seed=0", error="0.05", bob="machine"))


# Who computes, and in which order, changes nothing.

GIVEN = {"machine": ["random:bits", "window:w"], "error": "0.05", "seeds": 2}


@pytest.fixture(scope="module")
def whole():
    return to_csv(curve("index", range(2, 8), **GIVEN).rows)


def test_rows_do_not_depend_on_workers(whole, tmp_path):
    for workers in (1, 2):
        out = tmp_path / f"{workers}.csv"
        found = curve("index", range(2, 8), workers=workers, out=out, **GIVEN)
        assert out.read_text() == to_csv(found.rows) == whole
        lines = (tmp_path / f"{workers}.times.csv").read_text().splitlines()
        assert lines[0] == "digest,seconds"
        assert {line.split(",")[0] for line in lines[1:]} == {row.digest for row in found.rows}


def test_shares_put_one_behind_the_other_are_the_whole(whole, tmp_path):
    out = tmp_path / "all.csv"
    texts = []
    for i in (3, 1, 2):
        curve("index", range(2, 8), out=tmp_path / f"{i}.csv", part=(i, 3), **GIVEN)
        texts.append((tmp_path / f"{i}.csv").read_text())
    out.write_text("".join(texts))
    assert sum(text.count("\n") - 1 for text in texts) == whole.count("\n") - 1
    curve("index", range(2, 8), out=out, resume=True, **GIVEN)
    assert out.read_text() == whole
    assert sorted(shard(range(10), (1, 3)) + shard(range(10), (2, 3)) + shard(range(10), (3, 3))) == list(
        range(10)
    )


def test_samples_do_not_depend_on_order():
    given = {"machine": "reservoir:k=3", "trials": 200, "max_inputs": 1, "seeds": 2}
    both = curve("index", (20, 30), **given).rows
    assert both[1::2] == curve("index", (30,), **given).rows
    assert len({row.errors for row in both}) > 1
    assert curve("index", (20,), seed=1, **given).rows[0].digest != both[0].digest


def test_a_file_cut_anywhere_is_gone_on_with(whole, tmp_path):
    out, rng = tmp_path / "rows.csv", random.Random(5)
    for _ in range(12):
        out.write_text(whole[: rng.randrange(len(whole))])
        curve("index", range(2, 8), out=out, resume=True, **GIVEN)
        assert out.read_text() == whole


def test_only_what_is_missing_is_computed(whole, tmp_path, monkeypatch):
    out, ran = tmp_path / "rows.csv", []
    real = sweep.timed
    monkeypatch.setattr(sweep, "timed", lambda cell: ran.append(cell) or real(cell))
    lines = whole.splitlines(keepends=True)
    out.write_text("".join(lines[:6]))
    curve("index", range(2, 8), out=out, resume=True, **GIVEN)
    assert len(ran) == len(lines) - 6
    curve("index", range(2, 8), out=out, resume=True, **GIVEN)
    assert len(ran) == len(lines) - 6


SCRIPT = """
import sys
from commlb_cli import main
main(["curve", "index", "--n", "2:11", "--machine", "random:bits", "--machine", "gru:d=1:2,p=1:12", "--error",
      "0.05", "--seeds", "3", "--out", sys.argv[1], "--workers", sys.argv[2], *sys.argv[3:]])
"""


def rows_in(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_random_moments_and_gone_on_with_the_rows_are_the_same(workers, tmp_path):
    wanted, out, rng = tmp_path / "whole.csv", tmp_path / "rows.csv", random.Random(workers)
    command = [sys.executable, "-c", SCRIPT]
    subprocess.run([*command, str(wanted), "1"], check=True, stdout=subprocess.DEVNULL, timeout=300)
    of, killed, started = len(wanted.read_text().splitlines()), 0, None
    while started is None or started.returncode != 0:
        resume = ["--resume"] if out.exists() else []
        enough = rng.randrange(20)
        started = subprocess.Popen([*command, str(out), str(workers), *resume], stdout=subprocess.DEVNULL)
        before = rows_in(out)
        while started.poll() is None and rows_in(out) < min(before + enough, of):
            time.sleep(0.01)
        time.sleep(0.05 * rng.random())
        if started.poll() is None and before + enough < of:
            started.send_signal(signal.SIGKILL)
            killed += 1
        started.wait(timeout=300)
        assert started.returncode in (0, -signal.SIGKILL)
    assert killed >= 2
    assert out.read_bytes() == wanted.read_bytes()
    time.sleep(0.5)
    left = subprocess.run(["pgrep", "-f", str(out)], capture_output=True, text=True, check=False)
    assert not left.stdout, "workers outlive a killed run"


def test_an_interrupt_keeps_what_was_finished(tmp_path, monkeypatch, whole):
    real, out = sweep.timed, tmp_path / "rows.csv"

    def stop_at(cell):
        if cell.n == 5:
            raise KeyboardInterrupt
        return real(cell)

    monkeypatch.setattr(sweep, "timed", stop_at)
    with pytest.raises(KeyboardInterrupt) as stopped:
        curve("index", range(2, 8), out=out, **GIVEN)
    partial = stopped.value.partial
    assert (partial.complete, partial.stopped, partial.cells) == (False, "interrupted", 18)
    assert len(partial.rows) == 9 == len(from_csv(out.read_text(), "rows"))
    monkeypatch.setattr(sweep, "timed", real)
    curve("index", range(2, 8), out=out, resume=True, **GIVEN)
    assert out.read_text() == whole


def test_time_is_limited_between_cells():
    with pytest.raises(OverLimit, match="--timeout") as stopped:
        curve("index", range(2, 30), "random:bits", error="0", timeout=0.2)
    assert 0 < len(stopped.value.partial.rows) < 140


def test_a_row_that_was_not_asked_for_is_refused(monkeypatch):
    real = sweep.timed
    monkeypatch.setattr(sweep, "timed", lambda cell: real(replace(cell, seed=9)))
    with pytest.raises(BadInput, match="not asked for"):
        curve("index", (4,), "window:w", error="0")


def test_two_runs_do_not_write_one_file(tmp_path):
    out = tmp_path / "rows.csv"
    with ledger.opened(out, resume=False) as held:
        for resume in (False, True):
            with pytest.raises(BadInput, match=r"another run is writing|there already"):
                curve("index", (3,), "window:w", error="0", out=out, resume=resume)
        held.add(run(Cell("index", 4, "exact")), 0.1)
    assert [row.n for row in from_csv(out.read_text(), "rows")] == [4]


def test_what_another_run_wrote_before_the_file_is_held_is_kept(tmp_path, monkeypatch):
    out, real = tmp_path / "rows.csv", ledger.check

    def another_run_is_quicker(path, resume):
        real(path, resume)
        monkeypatch.setattr(ledger, "check", real)
        curve("index", (5,), "exact", out=out)

    monkeypatch.setattr(ledger, "check", another_run_is_quicker)
    with pytest.raises(BadInput, match="another run has written"), ledger.opened(out, resume=False):
        pass
    assert [row.n for row in from_csv(out.read_text(), "rows")] == [5]


def test_rows_of_another_engine_are_not_gone_on_with(tmp_path):
    out = tmp_path / "rows.csv"
    text = to_csv([replace(run(Cell("index", 4, "exact")), engine_version=1)])
    out.write_text(text)
    with pytest.raises(BadInput, match="engine version 1"):
        curve("index", (4,), "exact", out=out, resume=True)
    assert out.read_text() == text


def test_undecided_is_not_none():
    row = run(Cell("index", 12, "reservoir:k,seed=0", error="0", bob="machine", trials=128))
    assert (row.machine, row.evidence) == (None, "sampled")
    assert row.searched_bits == 11
    assert "undecided after 128 trials" in row.remark
    assert "none of" not in row.remark
    found = curve("index", (12,), "reservoir:k,seed=0", error="0", bob="machine", trials=128)
    assert found.verdict == "In 1 cell random runs left it open: take more --trials."


def test_the_smallest_of_a_sampled_row_lies_above_what_was_refuted():
    row = run(Cell("index", 30, "reservoir:k,seed=0", error="0.2", bob="machine", trials=512))
    assert row.searched_bits < 30 * 0.6 + 1 <= row.capacity_bits


def test_machines_with_as_much_room_are_not_all_refuted_by_one_of_them():
    """Of the filters of 18 bits one with one hash is refuted, one with two is not: 18 bits may be enough."""
    text = "bloom:bits=6:48:6,hashes=1:3,seed=0"
    row = run(Cell("counting", 6, text, error="0.06", bob="machine", trials=8192))
    assert "the smallest bloom:bits=18,hashes=2" in row.remark
    assert (row.searched_bits, row.capacity_bits) == (12, 24)


def test_fingerprints_are_searched_beyond_their_room():
    found = curve("equality", (2, 4, 6), "fingerprint:bits", error="0", seeds=3).rows
    assert [row.capacity_bits for row in found] == [row.n for row in found]
    assert curve("equality", (4,), "fingerprint:bits", error="0.01", seeds=1).rows[0].capacity_bits == 4


def test_a_single_precision():
    assert [row.precision_bits for row in curve("index", 4, "gru:d=1", precision=8, seeds=1).rows] == [8]


# What is asked for.


def test_precisions_and_seeds_are_machines_of_their_own():
    found = curve(
        "index", (4,), ["gru:d=1", "exact", "gru:d=1,p=3", "lstm:d=1,format=bf16"], precision=(2, 5), seeds=2
    )
    assert [row.family for row in found.rows] == [
        "exact", "gru:d=1,p=2,seed=0", "gru:d=1,p=2,seed=1", "gru:d=1,p=3,seed=0", "gru:d=1,p=3,seed=1",
        "gru:d=1,p=5,seed=0", "gru:d=1,p=5,seed=1", "lstm:d=1,format=bf16,seed=0", "lstm:d=1,format=bf16,seed=1",
    ]  # fmt: skip


def test_sizes_that_the_task_does_not_take_are_left_out():
    assert [row.n for row in curve("dyck", range(1, 7), "exact").rows] == [2, 4, 6]
    with pytest.raises(BadInput, match="even"):
        curve("dyck", (3, 5), "exact")


def test_weights_of_a_file_are_part_of_what_is_asked(tmp_path):
    path = tmp_path / "w.npz"
    task = Family("elman:d=2,p=4")
    rows = []
    for seed in (0, 1):
        chosen = reductions.build("index", None, 4, None, None)
        made = machines.build(f"{task.text},seed={seed}", chosen.task, 4)
        np.savez(path, **made.weights)
        rows.append(curve("index", (4,), f"elman:d=2,p=4,weights={path}").rows[0])
        assert rows[-1].weights_digest == made.weights_digest
    assert rows[0].digest != rows[1].digest


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"task": "indx"}, "did you mean 'index'"),
        ({"task": "a.py:B"}, "runs in exact"),
        ({"machine": "wndow:w"}, "did you mean 'window'"),
        ({"machine": "window:w", "error": None}, "leaves w open"),
        ({"machine": "window:w=2:3", "error": None}, "leaves w open"),
        ({"machine": "random:bits", "task": "equality", "error": "0.1"}, "one over public coins"),
        ({"error": "0.5"}, "below 1/2"),
        ({"error": "-0.1"}, "below 1/2"),
        ({"error": "nan"}, "below 1/2"),
        ({"error": "much"}, "below 1/2"),
        ({"error": "0.1", "trials": 0}, "trials must be at least 1"),
        ({"over": "all"}, "take --over alice"),
        ({"over": "all", "error": None, "task": "dyck", "machine": "window:w"}, "leaves w open"),
        ({"task": "dyck"}, "there is none for dyck, so leave it out"),
        ({"over": "alice", "task": "dyck", "error": None, "machine": "exact"}, "no reduction to dyck"),
        ({"n": ()}, "no n to run"),
        ({"n": (0, 1)}, "n must be an integer of at least 1"),
        ({"seeds": 0}, "seeds must be"),
        ({"workers": 0}, "workers must be"),
        ({"part": (3, 2)}, "1 <= i <= N"),
        ({"resume": True}, "give --out"),
        ({"bob": "eve"}, "bob must be"),
        ({"bob": "optimal", "error": None, "machine": "exact"}, "give --error too"),
        ({"workers": 2, "cluster": "local"}, "--workers or --cluster"),
        ({"error": None, "machine": "window:w=4", "precision": (2, 3)}, "a precision is for networks"),
        ({"error": None, "machine": "gru:d=2,p=4", "precision": (2, 3)}, "a precision is for networks"),
        ({"machine": "random:bits=3,seed"}, "seed cannot be left open"),
        ({"machine": "gru:d=1,format"}, "format cannot be left open"),
        ({"machine": "window:w,w"}, "names w twice"),
        ({"max_bits": 0}, "max_bits must be"),
        ({"max_bits": float("nan")}, "max_bits must be"),
        ({"error": "0_1"}, "below 1/2"),
        ({"error": "٠.١"}, "below 1/2"),
        ({"error": "1e-400"}, "below 1/2"),
        (
            {"task": "equality", "machine": "fingerprint:bits", "error": "0.1", "bob": "optimal"},
            "leave out --bob",
        ),
        ({"out": ""}, "must end in"),
        ({"symbols": 3, "task": "istree"}, "symbols"),
        ({"machine": "random:bits=65:70"}, "1 to 64 bits"),
    ],
    ids=str,
)
def test_what_cannot_be_run_is_refused_before_any_work(given, said, monkeypatch):
    monkeypatch.setattr(sweep, "timed", None)
    asked = {"task": "index", "n": (4,), "machine": "window:w", "error": "0"} | given
    with pytest.raises(BadInput, match=said):
        curve(asked.pop("task"), asked.pop("n"), asked.pop("machine"), **asked)


def test_sizes_beyond_what_is_run_are_refused():
    with pytest.raises(LimitError, match="beyond the limit"):
        curve("index", (10**9,), "window:w=3")
    with pytest.raises(LimitError, match="cells"):
        curve("index", range(1, 20_000), "random:bits=3", seeds=10)
    for many in (range(1, 10**12), range(1, 10**6)):
        with pytest.raises(LimitError, match="sizes are run"):
            curve("index", many, "window:w=3")
    with pytest.raises(OverLimit, match="--timeout"):
        curve("index", range(1, 20_000), "random:bits=3", seeds=1, timeout=0.3)
    row = curve("index", (9,), "window:w=1:99999999", error=0).rows[0]
    assert (row.evidence, "more than 8,192 machines" in row.remark) == ("refused", True)


def test_a_file_that_is_there_is_not_written_over(tmp_path):
    out = tmp_path / "rows.csv"
    for text in ("mine", "mine\n", "command,task\n"):
        out.write_text(text)
        with pytest.raises(BadInput, match="there already"):
            curve("index", (4,), "exact", out=out)
        with pytest.raises(BadInput, match="header"):
            curve("index", (4,), "exact", out=out, resume=True)
        assert out.read_text() == text
    assert list(tmp_path.iterdir()) == [out]
    with pytest.raises(BadInput, match="must end in"):
        curve("index", (4,), "exact", out=tmp_path / "rows.json")
