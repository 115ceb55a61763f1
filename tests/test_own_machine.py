"""Machines of the user's own, my.py:build: run, not believed, and every slip told in one line."""

from __future__ import annotations

import numpy as np
import pytest

import commlb
from commlb import machines
from commlb.errors import BadInput
from commlb.families import Family
from commlb.records import spec
from commlb.tasks.index import Index

SOURCE = '''
import numpy as np
from commlb.machines.base import Machine
from commlb.machines.window import Window

class Last(Machine):
    """Keeps the last token."""
    name = "last"
    summary = "the last token"
    errs = False
    def __init__(self, task, cut):
        self.rows, self.widths = 1, [8]
    def advance(self, states, tokens, t):
        states[0] = tokens
    def output(self, states):
        return states[0] % 2
    def capacity_bits(self, t):
        return 0.0

def window(task, cut):
    return Window(task, cut, 3)

def exact(task, cut):
    return task.machine()

def nothing(task, cut):
    Last(task, cut)

def kind(task, cut):
    return Last

def number(task, cut):
    return 7

def raises(task, cut):
    raise KeyError("x\\ny")

def leaves(task, cut):
    raise SystemExit(3)

def one(task):
    return 1

class Plain:
    def step(self, state, token): return state
    # no initial

def plain(task, cut):
    return Plain()

class Divides(Last):
    def output(self, states): return [1 / 0]

class Halves(Last):
    def output(self, states): return 0.5 * states[0]

class Whole(Last):
    def output(self, states): return 1

class Bare(Machine):
    name = "bare"
    def __init__(self, task, cut): pass
    def advance(self, *a): pass
    def output(self, states): return states[0]

class Late(Last):
    def advance(self, states, tokens, t):
        if t == 2: raise ValueError("no\\nmore")
        states[0] = tokens

class Big(Last):
    def advance(self, states, tokens, t): states[0] = 300 + tokens

class Two(Last):
    def __init__(self, task, cut): self.rows, self.widths = 2, [1, 1]
    def advance(self, states, tokens, t): states[:] = 2

class Flat(Last):
    def start(self, runs): return np.zeros(runs)

class NoStep(Last):
    def step(self, states, tokens, t, out=None): pass

class Coins(Last):
    randomised = True
    seed = 0
    def tossed(self, rng, runs):
        made = Coins(None, 0)
        made.seed = rng.integers(2, size=runs)
        return made
    def output(self, states): return (states[0] + self.seed) % 2

value = 3
'''


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "my.py").write_text(SOURCE)
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "age.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("home", ["my.py", "./my.py", "pack.age"])
def test_it_is_called_what_was_typed_and_not_believed(home):
    result = commlb.reduce("index", 6, machine=f"{home}:Last")
    assert spec(result.machine) == f"{home}:Last" == result.row().machine
    assert (result.machine.capacity_bits, result.machine.capacity_evidence) == (8.0, "storage")
    assert (result.machine.exact, result.message.reachable_states, result.never_errs) == (False, 2, False)
    kept = commlb.reduce("index", 6, machine=f"{home}:exact")
    assert (kept.answers.errors, kept.machine.exact, kept.never_errs) == (0, False, True)


def test_it_does_what_the_registered_one_does_in_every_verb():
    ours, theirs = (
        commlb.states("index", 6, machine=m, information=True) for m in ("my.py:window", "window:w=3")
    )
    assert [cut.reachable_states for cut in ours.cuts] == [cut.reachable_states for cut in theirs.cuts]
    assert ours.cuts[-1].per_input_bit == theirs.cuts[-1].per_input_bit
    rows = commlb.curve("index", range(2, 6), ["my.py:window"]).rows
    assert [(row.machine, row.best_accuracy) for row in rows] == [
        ("my.py:window", accuracy) for accuracy in (1.0, 1.0, 0.875, 0.8)
    ]
    found = commlb.curve("index", range(2, 6), ["my.py:window"], error="0").rows
    assert [row.machine for row in found] == ["my.py:window", "my.py:window", None, None]
    assert commlb.states("istree", 4, machine="my.py:window", over="all").complete


def test_its_coins_are_tossed():
    result = commlb.reduce("index", 6, machine="my.py:Coins", trials=400, seed=1)
    assert 100 < result.answers.errors < 300
    machine = machines.build("my.py:Coins", Index(6), 6)
    tossed = machine.tossed(np.random.default_rng(0), 5)
    assert (tossed.name, tossed.seed.shape) == ("my.py:Coins", (5,))
    assert tossed.tossed(np.random.default_rng(0), 3).name == "my.py:Coins"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "given NoneType; a function needs 'return'"),
        ("kind", "given the class Last"),
        ("number", "must give a commlb.machines.base.Machine, or a torch.nn.Module, .*; given int$"),
        ("raises", r"called with \(task, cut\), it raised KeyError: 'x\\ny'"),
        ("leaves", r"called with \(task, cut\), it raised SystemExit: 3"),
        ("one", "must give a commlb.machines.base.Machine, or .*; given int$"),
        ("plain", r"plain: a plain object needs initial\(\), .*; Plain has no initial$"),
        ("value", "given int$"),
        ("Divides", "my.py:Divides: output raised ZeroDivisionError"),
        ("Halves", "output must give one whole number a run; given float64"),
        ("Whole", r"output must give one whole number a run; given int64 of shape \(\)"),
        ("Bare", "raised AttributeError: 'Bare' object has no attribute"),
        ("Late", "my.py:Late: advance raised ValueError: no more"),
        ("Big", r"as it was, in 8 bits; do its numbers fit the widths \[8\]"),
        ("Two", r"as it was, in 2 bits; do its numbers fit the widths \[1, 1\]"),
        ("Flat", r"start\(2\) must have shape \(1, 2\), \(rows, runs\); given \(2,\)"),
        ("NoStep", "step must give an array; given NoneType"),
        ("windo", "unknown name in my.py 'windo'; did you mean 'window'"),
    ],
)
def test_every_slip_is_told_in_one_line(name, words):
    with pytest.raises(BadInput, match=words) as caught:
        commlb.reduce("index", 6, machine=f"my.py:{name}")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("my.py", "which machine of 'my.py'. write my.py:name"),
        ("nowhere.py:build", "there is no file 'nowhere.py'"),
        ("no/where:build", "there is no file 'no/where'"),
        ("pack.nowhere:build", "cannot import 'pack.nowhere'"),
        ("my.py:build:x=3", "unknown parameter of a model 'x'. Known: format, p, range, seed"),
        ("my.py:a.b", "a machine of your own is named"),
        ("my.py:", "a machine of your own is named"),
        ("windw:w=3", "unknown machine 'windw'; did you mean 'window'"),
        ("my:build", "unknown machine 'my'"),
    ],
)
def test_what_is_not_there(given, words):
    with pytest.raises(BadInput, match=words):
        commlb.reduce("index", 6, machine=given)


def test_it_is_a_family_of_one_and_stays_in_this_process():
    assert Family("my.py:window").open == {}
    assert not Family("my.py:window").takes("seed")
    assert Family("my.py:window").spec({}) == "my.py:window"
    with pytest.raises(BadInput, match="runs in this process only; leave out --cluster"):
        commlb.states("index", 6, machine="my.py:window", cluster="local")
    with pytest.raises(BadInput, match="unknown machine 'windo'"):
        commlb.curve("index", [3], ["windo:w=3"])


def test_registered_names_are_never_a_file(folder):
    assert not machines.is_own("lru:d=4,weights=./my.py")
    assert not machines.is_own("exact")
    assert machines.is_own("a/b.py:name")
