"""The self-test of machines: every trap is provoked by one made for it, honest ones hold, mutants are caught."""

from __future__ import annotations

import ast
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from commlb_cli import cli, main
from hypothesis import given
from hypothesis import strategies as st

import commlb
from commlb import machines
from commlb.checking import calls, subject, traps
from commlb.errors import BadInput, LimitError
from commlb.machines.window import Window
from commlb.models.base import tensor
from commlb.models.machine import ModelMachine
from commlb.records import to_json
from commlb.records_selftest import FAILS, ROUNDING, SAME, UNTESTED, SelfTestResult
from commlb.tasks import task_classes
from commlb.tasks.index import Index


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


TEXT = (Path(__file__).parent / "trapped.py").read_text()


def written(*names: str, extra: str = "") -> None:
    """my.py with what ``trapped.py`` has before its first class, and the classes named, with all that they need."""
    tree = ast.parse(TEXT)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    wanted, left = set(), list(names)
    while left:
        name = left.pop()
        if name in classes and name not in wanted:
            wanted.add(name)
            left += [node.id for node in ast.walk(classes[name]) if isinstance(node, ast.Name)]
    kept = [node for node in tree.body if not isinstance(node, ast.ClassDef) or node.name in wanted]
    Path("my.py").write_text("\n".join(map(ast.unparse, kept)) + extra)


def look(name: str, n: int = 6, **given) -> SelfTestResult:
    written(name.partition(":")[0])
    return commlb.selftest(f"my.py:{name}", n=n, seed=1, **given)


def outcomes(result: SelfTestResult) -> dict[str, str]:
    return {test.test: test.outcome for test in result.tests}


def failed(result: SelfTestResult) -> set[str]:
    return {test.test for test in result.tests if test.holds is False}


HONEST = [
    "Honest",
    "Timed",
    "Mutates",
    "DeclaresRightly",
    "Growing",
    "NotANumber",
    "Zeros",
    "Last",
    "Floats",
    "Cell",
    "Rounds",
]


@pytest.mark.parametrize("name", HONEST)
def test_honest_machines_hold(name):
    result = look(name)
    assert (result.holds, result.traps, failed(result)) == (True, (), set()), result.verdict


CAUGHT = [
    ("Attribute", traps.HIDDEN, "split", "attribute h"),
    ("Kept", traps.HIDDEN, "determinism", "attribute h"),
    ("OutputOnly", traps.HIDDEN, "split", "attribute seen"),
    ("Counter", traps.HIDDEN, "determinism", "the file's COUNTER"),
    ("Rng", traps.RANDOM, "determinism", "the generator of NumPy"),
    ("OwnRng", traps.RANDOM, "determinism", "attribute rng"),
    ("PythonRng", traps.RANDOM, "determinism", "the generator of random"),
    ("Unseeded", traps.UNSEEDED, "determinism", "built anew: after 1 token tensor state differs"),
    ("Declares", traps.DECLARED, "bits", "its storage_bits is 96, and its tensors have 160"),
    ("Narrow", traps.DROPPED, "build", "unpack(pack(state))"),
    ("Merges", traps.DROPPED, "build", "unpack(pack(state))"),
    ("Overflows", traps.DROPPED, "message", "unpack(pack(state))"),
    ("Minus", traps.DROPPED, "message", "unpacked"),
    ("InPlace", traps.IN_PLACE, "input", "from what was given"),
    ("Mixes", traps.MIXED, "side by side", "row 1 of 2 of the state differs"),
    ("Foreign", traps.FOREIGN, "answers", "the answers are 0..1"),
    ("Tossed", traps.RANDOM, "answers", "another when asked again"),
    ("Starts", traps.STARTS, "start", "differ"),
    ("Uneven", traps.STARTS, "start", "differ"),
    ("Storage", traps.DECLARED, "bits", "its storage_bits are 32, the sum of its widths is 16"),
    ("MachineRng", traps.RANDOM, "determinism", "attribute rng"),
    ("Late", traps.RAISES, "copies", "ValueError: no more"),
    ("Beyond", traps.FOREIGN, "split", "given 7"),
    ("Ragged", traps.SHAPES, "copies", "depends on the tokens"),
    ("Forgets", traps.FORGETS, "continuation", "one call does not read tensor h of the state before it"),
    ("ForgetsInOne", traps.FORGETS, "continuation", "does not read tensor h"),
    ("Prefills", traps.PREFILL, "prefill", "offset"),
    ("Places", traps.CONTINUES, "continuation", "offset"),
    ("Shapeless", traps.CONTINUES, "continuation", "conv"),
    ("Explodes", traps.PREFILL, "prefill", "largest difference inf"),
    ("Rows", traps.MIXED, "batch", "tensor h, not the same"),
    ("Aliases", traps.IN_PLACE, "own steps", "later steps change tensor h of the state after 1 token"),
    ("WritesBack", traps.IN_PLACE, "own steps", "later steps change tensor h"),
]


@pytest.mark.parametrize(("name", "trap", "test", "words"), CAUGHT, ids=[name for name, *_ in CAUGHT])
def test_every_trap_is_caught_by_its_name(name, trap, test, words):
    result = look(name)
    assert not result.holds
    assert trap.name in result.traps, result.verdict
    found = next(one for one in result.tests if one.test == test)
    assert (found.outcome, found.trap) == (FAILS, trap.name), found
    assert words in found.found, found.found


def test_one_cause_is_told_of_all_that_it_breaks():
    for name in ("Attribute", "Rng", "Unseeded", "Minus", "Starts"):
        result = look(name)
        assert len(result.traps) == 1, result.traps
        assert len(failed(result)) > 1


def test_one_token_leaves_out_what_the_library_does_not_run():
    result = look("Forgets", one_token=True)
    assert result.holds
    assert result.one_token_schedule
    assert {outcomes(result)[name] for name in ("continuation", "prefill", "batch")} == {UNTESTED}
    assert "--one-token" in look("Forgets").verdict
    assert look("Rows").verdict.endswith("each stream alone, where it holds: --one-token.")
    assert "--one-token" not in look("Attribute").verdict
    assert not look("Aliases", one_token=True).holds


def test_rounding_is_told_from_forgetting_with_its_figure():
    by_name = {test.test: test for test in look("Rounds").tests}
    for name in ("continuation", "prefill"):
        assert by_name[name].outcome == ROUNDING
        assert 0 < by_name[name].largest_difference < 1e-15, "in the float64 twin"
    assert by_name["batch"].outcome == ROUNDING
    assert 1e-9 < by_name["batch"].largest_difference < 1e-6
    assert "in float64" in by_name["batch"].found
    lost = {test.test: test for test in look("Forgets").tests}["continuation"]
    assert lost.largest_difference > 1e-2
    assert "4 of 5 splits" in lost.found or "5 of 5 splits" in lost.found
    whole = {test.test: test.outcome for test in look("Cell").tests}
    assert [whole[name] for name in ("continuation", "prefill", "batch")] == [SAME] * 3


@pytest.mark.parametrize("rounding", ["p=4", "p=8,range=4", "format=e4m3"])
def test_rounded_models_hold_and_store_the_bits_of_their_format(rounding):
    result = look(f"Cell:{rounding}")
    assert result.holds, result.verdict
    width = int(rounding[2]) if rounding[0] == "p" else 8
    last = result.stored[-1]
    assert last.recurrent_bits == 4 * width
    assert last.stored_bits == last.declared_bits == 4 * width + last.answer_bits


def test_bits_by_kind_and_their_growth():
    cell = look("Cell", n=24)
    assert [one.tokens for one in cell.stored] == [1, 12, 24, 25]
    assert {(one.recurrent_bits, one.kv_bits, one.position_bits) for one in cell.stored} == {(128, 0, 64)}
    assert cell.growth_bits_per_token == 0
    growing = look("Growing", n=12)
    assert [one.recurrent_bits for one in growing.stored] == [8, 96, 104]
    assert growing.growth_bits_per_token == 8
    assert "no bounded-state machine: its state grows by 8 bits a token" in growing.verdict
    last = look("Last").stored[-1]
    assert (last.declared_bits, last.recurrent_bits) == (16, None)


def test_numbers_worth_knowing_are_told_and_fail_nothing():
    found = {
        name: next(t for t in look(name).tests if t.test == "numbers").found
        for name in ("NotANumber", "Zeros")
    }
    assert "NaN after 1 token" in found["NotANumber"]
    assert "-0.0 after 1 token" in found["Zeros"]


EXAMPLES = ["exact", *(spec for cls in machines.machine_classes().values() for spec in cls.examples)]


@pytest.mark.parametrize("spec", EXAMPLES)
def test_every_registered_machine_holds(spec):
    served = machines.machine_classes()[spec.partition(":")[0]].serves if spec != "exact" else ()
    result = commlb.selftest(spec, task=(served or ("index",))[0], n=4, seed=1)
    assert result.holds, result.verdict
    assert {test.outcome for test in result.tests} <= {SAME, "holds", UNTESTED}


@pytest.mark.parametrize("task", sorted(task_classes()))
def test_the_exact_machine_of_every_task_holds(task):
    result = commlb.selftest("exact", task=task, n=4, seed=1)
    assert result.holds, result.verdict
    assert result.task_size == task_classes()[task].sized(4).size


def test_a_task_of_the_users_own(folder):
    (folder / "parity.py").write_text(
        "class Parity:\n"
        "    alphabet = 'ab'\n"
        "    def __init__(self, n): self.length = n\n"
        "    def answer(self, stream): return stream.count('b') % 2 == 1\n"
    )
    written("Honest")
    result = commlb.selftest("my.py:Honest", task="parity.py:Parity", n=5, seed=1)
    assert result.holds
    assert result.stream_length == 5
    assert result.task_size == {"n": 5}
    with pytest.raises(BadInput, match="where its streams are few"):
        commlb.selftest("my.py:Honest", task="parity.py:Parity", n=20)


def test_what_was_drawn_is_repeated_by_its_seed():
    written("Forgets")
    first = commlb.selftest("my.py:Forgets", n=5)
    again = commlb.selftest("my.py:Forgets", n=5, seed=first.seed)
    assert first == again


@pytest.mark.parametrize(
    ("machine", "given", "words"),
    [
        ("my.py:nothing_there", {}, "nothing_there"),
        ("gruu:d=2", {}, "did you mean 'gru'"),
        ("gru:d=2", {"n": 0}, "n must be an integer of at least 1"),
        ("gru:d=2", {"n": "3"}, "n must be an integer"),
        ("gru:d=2", {"task": "indx"}, "did you mean 'index'"),
        ("gru:d=2", {"seed": -1}, "seed must be"),
        ("my.py", {}, "which machine"),
    ],
)
def test_bad_requests_are_told_in_a_line(machine, given, words):
    written("Honest")
    with pytest.raises(BadInput, match=words) as caught:
        commlb.selftest(machine, **given)
    assert "\n" not in str(caught.value)


def test_streams_beyond_the_limit_are_refused_before_work():
    with pytest.raises(LimitError, match="at most 4,096"):
        commlb.selftest("gru:d=2", n=10**6)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, ["check", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_line(capsys):
    written("Honest", "Forgets", "Growing")
    code, out, err = run("--machine", "my.py:Honest", "--n", "12", "--seed", "1")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert out.splitlines()[-1] == "my.py:Honest holds in all 14 tests that were run."
    code, out, err = run("--machine", "my.py:Forgets", "--n", "12", "--seed", "1")
    assert code == 1
    assert max(map(len, out.splitlines())) <= 80
    assert err.count("\n") == 1
    assert "multi-token continuation forgets the state" in err
    assert "--one-token" in err
    assert "MULTI-TOKEN CONTINUATION FORGETS THE STATE" in out
    assert "Bits of the state:" in out
    assert run("--machine", "my.py:Forgets", "--n", "12", "--one-token")[0] == 0
    assert run("--machine", "my.py:Growing")[0] == 0
    for arguments in (
        [], ["--work", "3", "--machine", "gru:d=2"], ["my.py", "--n", "3", "--machine", "my.py:Honest"],
        ["my.py", "--one-token"], ["--task", "index"], ["--machine", "gru:d=2", "--out", "x.csv"],
    ):  # fmt: skip
        with pytest.raises(SystemExit) as stopped:
            main(["check", *arguments])
        assert stopped.value.code == 2, arguments
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert said.err.startswith("commlb: ")


def test_json_has_the_keys_of_the_record_and_files_are_written(folder):
    written("Rows")
    code, out, err = run("--machine", "my.py:Rows", "--n", "4", "--seed", "2", "--json", "--out", "a.json")
    assert code == 1
    assert err.count("\n") == 1
    body = json.loads(out)
    assert body["command"] == "selftest"
    assert body["provenance"]["seed"] == 2
    assert set(body["result"]) == {field.name for field in dataclasses.fields(SelfTestResult)}
    assert body["result"]["traps"] == [traps.MIXED.name]
    assert json.loads((folder / "a.json").read_text())["result"] == body["result"]
    found = commlb.check("a.json")
    assert not found.holds
    assert "check --machine" in found.reason
    assert to_json("selftest", look("Cell"), {})


def test_what_the_users_file_prints_is_no_result():
    written("Honest", extra="\nprint('hello')\n")
    code, out, err = run("--machine", "my.py:Honest", "--n", "4", "--json")
    assert code == 0
    assert json.loads(out)
    assert "hello" in err


# Mutants of the library's own machine for models.


def broken(name: str, change):
    """A ModelMachine with one method changed."""
    return type("Broken", (ModelMachine,), {name: change(getattr(ModelMachine, name))})


def dropped_bit(column):
    def changed(self, states, t):
        found = column(self, states, t)
        found[0] &= ~np.uint64(1)
        return found

    return changed


def first_state(state):
    def changed(self, columns, t):
        found = [dict(one) for one in state(self, columns, t)]
        for one in found if t >= 4 else ():
            one["conv"] = dataclasses.replace(one["conv"], numbers=one["conv"].numbers * 0)
        return found

    return changed


def one_less(bits):
    return lambda self, t, kind=None: bits(self, t, kind) - (kind is None)


@pytest.mark.parametrize(
    ("name", "change", "test"),
    [("columns", dropped_bit, "own steps"), ("states", first_state, "own steps"), ("bits", one_less, "bits")],
)
def test_a_broken_adapter_is_caught(monkeypatch, name, change, test):
    monkeypatch.setattr("commlb.models.own.ModelMachine", kind := broken(name, change))
    assert issubclass(kind, ModelMachine)
    result = look("Cell")
    assert test in failed(result), result.verdict


def test_a_twin_that_does_not_run_is_left_out_and_that_is_said():
    result = look("LameTwin")
    assert result.holds, result.verdict
    done = {test.test: test.done for test in result.tests}
    assert done["prefill"].endswith("(its float64 twin does not run)")
    assert look("LameForgets").traps == (traps.FORGETS.name,)


def test_no_number_of_the_record_is_infinite():
    result = look("Explodes")
    assert json.loads(to_json("selftest", result, {}))
    assert {test.largest_difference for test in result.tests} == {None}


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=5),
    st.integers(0, 4),
    st.sampled_from([1e-7, 1e-5, 1e-3, 1.0]),
)
def test_differences_are_measured_by_the_largest_number_of_a_tensor(numbers, place, size):
    one = np.array(numbers, np.float64)
    other = one.copy()
    other[place % len(one)] += size
    moved, largest = float(np.abs(other - one).max()), float(np.abs(one).max())
    gap = calls.apart(({"h": tensor(one)}, None), ({"h": tensor(other)}, None))
    assert gap.largest == moved
    assert gap.same_bits == (moved == 0)
    assert bool(gap.beyond) == (moved > 1e-5 * (largest or 1.0))
    same = calls.apart(({"k": tensor(np.arange(3))}, None), ({"k": tensor(np.array([0, 1, 3]))}, None))
    assert same.beyond == ("k",), "whole numbers are the same or not"


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name", ["Cell", "Growing", "Last"])
def test_the_shortest_streams(name, n):
    assert look(name, n=n).holds


@pytest.mark.parametrize(
    ("method", "change", "words"),
    [
        ("capacity_bits", lambda self, t: 1.0, "states were met, and its capacity is 1 bits"),
        ("message_bits", lambda self, t: 3, "3 declared, in a storage of"),
        ("message_bits", lambda self, t: 10**6, "1,000,000 declared, in a storage of"),
    ],
)
def test_a_registered_machine_that_declares_too_little_or_too_much_is_caught(
    monkeypatch, method, change, words
):
    assert commlb.selftest("window:w=3", n=6, seed=1).holds
    monkeypatch.setattr(Window, method, change)
    result = commlb.selftest("window:w=3", n=6, seed=1)
    assert failed(result) == {"bits"}
    assert words in result.tests[-1].found


def test_what_is_hidden_fails_wherever_streams_meet():
    assert failed(look("Attribute")) >= {"split", "copies", "in turn", "side by side", "own copies"}
    assert "copies" in failed(look("Rng"))
    assert not {"message", "answers", "start", "bits"} & failed(look("Attribute"))


def test_a_step_that_reads_the_position_is_told_and_fails_nothing():
    words = {}
    for machine in ("window:w=3", "gru:d=2"):
        words[machine] = next(t for t in commlb.selftest(machine, seed=1).tests if t.test == "position").found
    assert words["window:w=3"] == "the step reads the position t, which is free"
    assert words["gru:d=2"] == "the step does not read the position t"
    assert next(t for t in look("Cell").tests if t.test == "position").found.startswith("tensor offset")


def test_arrays_are_compared_by_their_bits():
    one = np.array([[0.0], [np.nan]])
    assert subject.same(one, one.copy())
    assert not subject.same(one, np.array([[-0.0], [np.nan]]))
    assert not subject.same(one, one.astype(np.float32))


def test_splits_are_all_of_short_streams_and_eight_of_long_ones():
    for n, count in ((1, 1), (2, 2), (15, 15), (40, 8)):
        made = subject.Subject("store", Index(n), 0)
        points = made.splits()
        assert len(points) == count
        assert points[0] == 1
        assert points[-1] == n
