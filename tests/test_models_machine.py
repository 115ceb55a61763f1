"""A model as a machine: laws, rounding, answers, names of tokens, and the numbers that commands give of it."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from commlb_cli import main
from hypothesis import given
from hypothesis import strategies as st

import commlb
from commlb.bits import bits_needed
from commlb.errors import BadInput
from commlb.families import Family
from commlb.formats import FORMATS, chosen
from commlb.models import own
from commlb.models.adapting import adapted, reader, token_names
from commlb.models.base import KV, POSITION, RECURRENT, Model, Tensor
from commlb.models.machine import ModelMachine
from commlb.tasks.index import Index

RNG = np.random.default_rng(11)
WX, WH = RNG.normal(size=(4, 40)).astype(np.float32), RNG.normal(size=(4, 4)).astype(np.float32) / 2
GX, GH = RNG.normal(size=(3, 3, 40)).astype(np.float32), RNG.normal(size=(3, 3, 3)).astype(np.float32)


class Elman:
    def initial(self):
        return np.zeros(4, np.float32)

    def step(self, h, token):
        return np.tanh(WX[:, token] + WH @ h)

    def readout(self, h):
        return h[:2]


class Gru:
    def initial(self):
        return {"h": np.zeros(3, np.float32)}

    def step(self, state, token):
        h = state["h"]
        z, r = (1 / (1 + np.exp(-(GX[k, :, token] + GH[k] @ h))) for k in (0, 1))
        return {"h": (1 - z) * np.tanh(GX[2, :, token] + r * (GH[2] @ h)) + z * h}

    def readout(self, state):
        return int(state["h"][0] > 0)


class Keeps:
    """All tokens, in a list that grows with the stream, beside a float and a count."""

    def initial(self):
        return [], 0.0, 0

    def step(self, state, token):
        kept, mean, count = state
        return [*kept, token], mean + 0.1 * token, count + 1


class Last:
    def __init__(self, w):
        self.w = w

    def initial(self):
        return np.full(self.w, -1, np.int8)

    def step(self, state, token):
        return np.array([*state[1:], token], np.int8)


def machine(thing, n=4, rounding=None, task=None, **options):
    task = task or Index(n)
    given = thing if isinstance(thing, commlb.models.adapting.Described) else commlb.model(thing, **options)
    model = thing if isinstance(thing, Model) else adapted(given, task)
    return ModelMachine(model, task, token_names(given, task), reader(given, task), rounding)


def along(made, streams, state=None, t=0):
    """The states (rows, runs) after streams of equal length."""
    state = made.start(len(streams)) if state is None else state
    for k, tokens in enumerate(np.array(streams).T, t):
        state = made.step(state, tokens, k)
    return state


def streams_of(task, runs, seed=0):
    rng = np.random.default_rng(seed)
    return [[int(rng.choice(task.alphabet(t))) for t in range(task.length)] for _ in range(runs)]


MADE = [
    (Elman, None), (Gru, None), (Keeps, None), (lambda: Last(3), None),
    (Elman, chosen(4, 1.0, None)), (Gru, chosen(None, None, "e4m3")), (Keeps, chosen(7, None, None)),
]  # fmt: skip


def laws(make):
    """What holds of every machine; ``make`` makes it anew."""
    made, other = make(), make()
    task = made.task
    streams = streams_of(task, 5)
    together = along(made, streams)
    for run, stream in enumerate(streams):
        assert np.array_equal(along(made, [stream])[:, 0], together[:, run])
    for cut in range(task.length + 1):
        before = along(made, [stream[:cut] for stream in streams]) if cut else made.start(5)
        words = made.pack(before)
        assert np.array_equal(made.unpack(words), before)
        used = [int(word).bit_length() + 64 * k for k, row in enumerate(words) for word in row if word]
        assert max(used, default=0) <= made.storage_bits
        assert made.message_bits(cut) == made.capacity_bits(cut) <= made.storage_bits
        kept = before.copy()
        if cut < task.length:
            made.step(before, np.array([stream[cut] for stream in streams]), cut)
        after = along(other, [stream[cut:] for stream in streams], other.unpack(words), cut)
        assert np.array_equal(before, kept)
        assert np.array_equal(after, together)
    assert np.array_equal(made.output(together), other.output(together))
    assert made.largest_capacity_bits() == max(made.message_bits(t) for t in range(task.length))


@pytest.mark.parametrize(("make", "rounding"), MADE)
def test_laws(make, rounding):
    laws(lambda: machine(make(), 6, rounding))


class Mutant(ModelMachine):
    """``ModelMachine`` with its model's state spoilt."""


class ForgetsATensor(Mutant):
    def states(self, columns, t):
        columns = columns.copy()
        columns[self.places[0].first] = 0
        return super().states(columns, t)

    def message_bits(self, t):
        return super().message_bits(t)


class SharesAState(Mutant):
    """One run goes on from where the last one was."""

    last = None

    def states(self, columns, t):
        found = super().states(columns, t)
        if self.last is None:
            self.last = found[0]
        return [self.last, *found[1:]]


class WritesToItsInput(Mutant):
    def step(self, states, tokens, t, out=None):
        return super().step(states, tokens, t, states)


class TooNarrow(Mutant):
    def _lay_out(self):
        super()._lay_out()
        self.widths[0] -= 1


class KeepsACounter(Mutant):
    """What it counts stands in no state."""

    count = 0

    def columns(self, states, t):
        self.count += 1
        found = super().columns(states, t)
        found[0] ^= np.uint64(self.count & 1)
        return found


@pytest.mark.parametrize("mutant", [SharesAState, WritesToItsInput, TooNarrow, KeepsACounter])
def test_the_laws_catch_mutants(mutant):
    task = Index(6)
    described = commlb.model(Elman())

    def make():
        names, read = token_names(described, task), reader(described, task)
        return mutant(adapted(described, task), task, names, read, None)

    with pytest.raises(AssertionError):
        laws(make)


def test_a_forgotten_tensor_shows_against_the_model():
    """It is a machine, and no law of machines is broken; but it is not this model."""

    def differs(cls):
        task, described = Index(6), commlb.model(Gru())
        made = cls(
            adapted(described, task), task, token_names(described, task), reader(described, task), None
        )
        for stream in streams_of(task, 4):
            held = Gru().initial()
            for token in stream:
                held = Gru().step(held, token)
            state = made.states(along(made, [stream]), task.length)[0]
            if state["h"].numbers.tolist() != held["h"].tolist():
                return True
        return False

    assert not differs(ModelMachine)
    assert differs(ForgetsATensor)


def test_raw_states_are_kept_bit_for_bit():
    numbers = np.array([0x80000000, 0x7FA12345, 0xFF800000, 1], np.uint32).view(np.float32)
    thing = type("Odd", (), {"initial": lambda self: 0, "step": lambda self, s, x: numbers[[x & 3, 0]]})()
    made = machine(thing, 3)
    state = along(made, [[1, 1, 1, 1]])
    assert state[:-1, 0].tolist() == [0x7FA12345, 0x80000000]
    assert made.states(state, 4)[0]["state"].codes().tolist() == [0x7FA12345, 0x80000000]


def test_declared_bits_are_the_bits_that_are_used():
    made = machine(Keeps(), 6)
    answer = bits_needed(2 + 1)
    assert [made.message_bits(t) for t in range(8)] == [
        0,
        *(64 * (t + 2) for t in range(1, 7)),
        64 * 9 + answer,
    ]
    assert made.storage_bits == 64 * 9 + answer
    assert (made.growth_bits(), made.bits(7, KV), made.bits(7, RECURRENT)) == (64, 0, 64 * 9)
    assert "no bounded-state machine: it grows by 64 bits a token" in made.remark()
    assert made.capacity_evidence == "storage"
    fixed = machine(Elman(), 6, chosen(3, 1.0, None))
    assert (fixed.bits(5), fixed.growth_bits(), fixed.format, fixed.precision_bits) == (12, 0, "p=3", 3)
    assert "rounded to p=3 over [-1, 1)" in fixed.remark()


class Counted(Model):
    """A position, two tensors of keys and values, and a number; as an adapter of a network gives them."""

    summary = "counted"

    def __init__(self, drift=False, turn=99):
        self.drift, self.turn = drift, turn

    def step(self, state, token, t):
        old = np.zeros((0, 2), np.float32) if state is None else state["keys"].numbers
        position = 0 if state is None else int(state["position"].numbers)
        position += token if self.drift and t >= self.turn else 1
        keys = np.concatenate([old, np.full((1, 2), token, np.float32)])
        return {
            "position": Tensor(np.array(position), "int64", POSITION),
            "keys": Tensor(keys, "float32", KV),
            "number": Tensor(np.array([keys.sum()], np.float32), "float32"),
        }, int(keys.sum()) % 2


def test_positions_are_free_and_keys_told_apart():
    made = machine(Counted(), 4)
    assert [place.name for place in made.places] == ["keys", "number"]
    assert (made.bits(3, KV), made.bits(3, RECURRENT), made.bits(3)) == (3 * 64, 32, 224)
    assert made.states(along(made, [[1, 0, 1, 1]]), 4)[0]["position"].numbers == 4
    assert "32 bits of recurrent state and 320 of keys and values after 5 tokens" in made.remark()
    laws(lambda: machine(Counted(), 4))
    drifting = machine(Counted(drift=True, turn=0), 4)
    assert [place.name for place in drifting.places] == ["position", "keys", "number"]
    late = machine(Counted(drift=True, turn=3), 4)  # after three tokens it is no position, so it never is one
    assert late.bits(1) == late.bits(1, RECURRENT) + late.bits(1, KV) == 64 + 32 + 64
    laws(lambda: machine(Counted(drift=True, turn=3), 4))


def test_positions_that_differ_later_are_refused():
    class Rare(Counted):
        def step(self, state, token, t):
            found, output = super().step(state, token, t)
            seen = 0 if state is None else int(state["rare"].numbers)
            found["rare"] = Tensor(np.array(seen + (t == 19 and token == 20)), "int64", POSITION)
            return found, output

    made = machine(Rare(), 19)  # one of 19 queries, and neither trial run asks it
    assert made.places[-1].name == "number"
    made.model.step = lambda *a: (lambda f, o: (f | {"rare": Tensor(np.array(7), "int64", POSITION)}, o))(
        *Counted.step(made.model, *a)
    )
    with pytest.raises(BadInput, match="the integers rare of its state after 1 token depend on the tokens"):
        made.step(made.start(1), np.array([1]), 0)


@pytest.mark.parametrize(
    ("start", "step", "text"),
    [
        (
            0,
            lambda s, x: np.zeros(1 + x % 2),
            "the tensor state of its state after [0-9] tokens? depends on the tokens",
        ),
        (0, lambda s, x, t: s + 1 if t < 2 else s + 0.5, "is float64 after 3 tokens and int64 before them"),
        ((np.zeros(0),), lambda s, x: (s[0] + x,), None),
    ],
)
def test_states_that_are_no_machines(start, step, text):
    thing = type("Cell", (), {"initial": lambda self: start, "step": staticmethod(step)})()
    if text is None:
        assert machine(thing).storage_bits == bits_needed(3)
        return
    with pytest.raises(BadInput, match=text):
        machine(thing, task=Index(8))


# Rounding.


def rounded_exactly(x, p, span):
    """The nearest multiple of span·2^(1−p), ties to the even one, by fractions."""
    step = Fraction(span) / 2 ** (p - 1)
    return float(min(max(round(Fraction(float(x)) / step), -(2 ** (p - 1))), 2 ** (p - 1) - 1) * step)


@pytest.mark.parametrize("p", range(1, 17))
def test_fixed_point_is_rounded_exactly(p):
    made = machine(Elman(), 8, chosen(p, 0.5, None))
    for stream in streams_of(made.task, 3, seed=p):
        state, h = made.start(1), np.zeros(4, np.float32)
        for t, token in enumerate(stream):
            state = made.step(state, np.array([token]), t)
            h = np.array([rounded_exactly(x, p, 0.5) for x in Elman().step(h, token)], np.float32)
            assert made.states(state, t + 1)[0]["state"].numbers.tolist() == h.tolist()
        assert np.array_equal(made.as_numbers(state)[:, 0], h.astype(np.float64))


TWINS = {
    "bf16": ml_dtypes.bfloat16, "fp16": np.float16, "e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2,
    "e3m2": ml_dtypes.float6_e3m2fn, "e2m3": ml_dtypes.float6_e2m3fn, "e2m1": ml_dtypes.float4_e2m1fn,
}  # fmt: skip


@pytest.mark.parametrize("name", TWINS)
def test_minifloats_are_rounded_as_ml_dtypes_does(name):
    made, most = machine(Elman(), 8, chosen(None, None, name)), FORMATS[name].high
    for stream in streams_of(made.task, 3):
        h = np.zeros(4, np.float32)
        for token in stream:
            h = np.clip(Elman().step(h, token), -most, most).astype(TWINS[name]).astype(
                np.float32
            ) + np.float32(0)
        assert made.states(along(made, [stream]), 9)[0]["state"].numbers.tolist() == h.tolist()


def test_the_range_is_that_of_the_trial_runs():
    class Large(Elman):
        def step(self, h, token):
            return (5.0 + token) * np.ones(4, np.float32)

    made = machine(Large(), 4, chosen(8, None, None))
    assert made.places[0].form.low in (-8.0, -16.0)
    pair = type("Two", (), {"initial": lambda self: 0, "step": lambda self, s, x: (0.25 + 0 * x, 9.0)})()
    made = machine(pair, 4, chosen(8, None, None))
    assert [place.form.low for place in made.places] == [-0.5, -16.0]
    assert (made.format, made.precision_bits) == ("p=8", 8)
    assert "rounded to p=8 over [-0.5, 0.5) and [-16, 16)" in made.remark()


def test_what_overflows_is_no_warning():
    class Blows(Elman):
        def step(self, h, token):
            return np.exp(100 * (1 + np.abs(h))) * h.dtype.type(1) - np.array([0, 0, 0, np.inf], h.dtype)

    for rounding in (None, chosen(None, None, "bf16"), chosen(None, None, "float64"), chosen(8, None, None)):
        made = machine(Blows(), 4, rounding)
        along(made, streams_of(made.task, 2))


# Answers, and names of tokens.


@pytest.mark.parametrize(
    ("output", "answers", "wanted"),
    [
        (1, None, 1), (np.bool_(True), None, 1), (np.array([[1]]), None, 1), (None, None, None),
        ([0.1, 0.9], None, 1),
        ([[3, 2]], None, 0), (np.array([0, 5, 9], np.float16), None, 1), ([0, 5, 9], [2, 1], 0),
        (np.arange(8), [7, 3], 0), (True, None, 1), ([float("nan"), 1], None, 0),
    ],
)  # fmt: skip
def test_answers(output, answers, wanted):
    assert reader(commlb.model(None, answers=answers), Index(4))(output) == wanted


@pytest.mark.parametrize(
    ("output", "answers", "text"),
    [
        (2, None, "an answer of index is one of 0..1; given 2"), (-1, None, "given -1"),
        (0.5, None, r"2 scores, or scores for all of the model's tokens; given float64 of shape \(\)"),
        ([0.5], None, r"given float64 of shape \(1,\)"), ("yes", None, "given <U3"), ([], None, r"shape \(0,\)"),
        ([1, 2], [0, 2], r"given int64 of shape \(2,\)"), ([1j, 2], None, "complex128"),
        ([0, 1], [0], "for each of 2 answers; given 1"), ([0, 1], [0, -1], "counted from 0; given -1"),
        ([0, 1], [0, "x"], "counted from 0; given 'x'"), ([0, 1], [0, True], "counted from 0; given True"),
    ],
)  # fmt: skip
def test_answers_that_are_none(output, answers, text):
    with pytest.raises(BadInput, match=text):
        reader(commlb.model(None, answers=answers), Index(4))(output)


def test_tokens_have_the_model_s_names():
    plain, named = machine(Elman(), 4), machine(Elman(), 4, tokens=[7, 30, 2, 3, 4])
    called = machine(Elman(), 4, tokens=lambda token: [7, 30, 2, 3, 4][token])
    streams = streams_of(plain.task, 4)
    state = along(named, streams)
    assert np.array_equal(state, along(called, streams))
    assert not np.array_equal(state, along(plain, streams))
    h = np.zeros(4, np.float32)
    for token in streams[0]:
        h = Elman().step(h, [7, 30, 2, 3, 4][token])
    assert named.states(state, 5)[0]["state"].numbers.tolist() == h.tolist()
    for tokens, text in (
        ([0, 1], "tokens must name all 5 tokens of index; given 2"), ([0, 1, 2, 3, -1], r"from 0 on.*given -1"),
        ("abcde", "given 'a'"), ([0, 1, 2, 3, True], "given True"), ([0, 1, 2, 3, 4.0], "given 4.0"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=text):
            machine(Elman(), 4, tokens=tokens)


# Counted by hand, and by commands.

SOURCE = """
import numpy as np
import commlb
from commlb.machines.window import Window
import test_models_machine as T

cell, gru = T.Elman, T.Gru
instance = T.Elman()
described = commlb.model(T.Elman(), tokens=lambda token: token + 100)
def none(): return T.Elman()
def task(task): return T.Elman()
def both(task, cut): return T.Elman()
def own(width=5): return T.Last(width)
def late(task, cut=0): return T.Last(cut)
def last3(): return T.Last(3)
def window(task, cut): return Window(task, cut, 3)
class Sized(T.Last):
    def __init__(self, w=2): super().__init__(w)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "my.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(__file__.rpartition("/")[0])
    return tmp_path


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


def test_functions_classes_and_models(folder):
    for name in ("cell", "instance", "none", "task", "both"):
        made = own.build(f"my.py:{name}", Index(4), 4)
        assert (made.name, made.storage_bits) == (f"my.py:{name}", 130)
    for name, width in (
        ("own", 5),
        ("late", 4),
        ("last3", 3),
        ("Sized", 2),
    ):  # a default of its own is not filled
        assert own.build(f"my.py:{name}", Index(4), 4).bits(4) == 8 * width
    with pytest.raises(BadInput, match=r"my.py:described: its model raised IndexError"):
        own.build("my.py:described", Index(4), 4)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("my.py:cell:p=2,p=3", "gives p twice"), ("my.py:cell:q=3", "unknown parameter of a model 'q'"),
        ("my.py:cell:p=x", "p must be an integer; given 'x'"), ("my.py:cell:p=0", "p must be 1 to 32 bits"),
        ("my.py:cell:p=33", "1 to 32 bits"), ("my.py:cell:p=8,format=bf16", "leave one out"),
        ("my.py:cell:range=4", "range belongs to fixed point"), ("my.py:cell:p=8,range=3", "power of two"),
        ("my.py:cell:p=8,range=nan", "power of two"), ("my.py:cell:p=1_0", "must be an integer"),
        ("my.py:cell:format=bf17", "did you mean 'bf16'"), ("my.py:cell:p=", "key=value"),
        ("my.py:cell:p", "key=value"),
        ("my.py:cell:seed=3", "has weights of its own"),
        ("my.py:window:p=3", "has its own format; p is for models"),
        ("my.py:cel:p=3", "did you mean 'cell'"), ("my.py:p=3", "write my.py:name"),
    ],
)  # fmt: skip
def test_specifications_that_are_wrong(folder, spec, text):
    with pytest.raises(BadInput, match=text) as caught:
        own.build(spec, Index(4), 4)
    assert "\n" not in str(caught.value)


def reached(step, start, key, n, rounding):
    """Every state after n bits of INDEX with its number of inputs: a dictionary, nothing else."""
    found = Counter()
    for x in itertools.product((0, 1), repeat=n):
        state = start
        for token in x:
            state = rounding(step(state, token))
        found[key(state)] += 1
    return found


def p4(array):
    return (np.clip(np.rint(array.astype(np.float64) * 8) / 8, -1, 0.875) + 0.0).astype(np.float32)


@pytest.mark.parametrize("n", [1, 3, 6, 8])
@pytest.mark.parametrize("name", ["cell", "gru"])
def test_states_are_those_of_a_dictionary(folder, name, n):
    cell = {"cell": Elman, "gru": Gru}[name]()
    read = (lambda s: s["h"].tobytes()) if name == "gru" else (lambda s: s.tobytes())
    rounding = (lambda s: {"h": p4(s["h"])}) if name == "gru" else p4
    wanted = reached(cell.step, cell.initial(), read, n, rounding)
    entropy = n - sum(count * math.log2(count) for count in wanted.values()) / 2**n
    spec = f"my.py:{name}:p=4,range=1"
    cut = commlb.states("index", n, machine=spec, information=True).cuts[-1]
    assert cut.reachable_states == len(wanted)
    assert cut.entropy_bits == pytest.approx(entropy, abs=1e-9)
    found = commlb.reduce("index", n, machine=spec)
    assert found.message.reachable_states == len(wanted)
    assert found.machine.capacity_bits == 4 * (4 if name == "cell" else 3)


def test_a_plain_window_is_the_window(folder):
    """Each number of ``states`` but the room, which is a byte a token where a window has a bit."""
    mine, its = (
        commlb.states("index", 7, machine=spec, information=True) for spec in ("my.py:last3", "window:w=3")
    )
    for cut, other in zip(mine.cuts, its.cuts, strict=True):
        for name in ("reachable_states", "entropy_bits", "per_input_bit", "best_accuracy", "prefixes"):
            assert getattr(cut, name) == getattr(other, name), name


def test_collisions_are_certified(folder, capsys):
    asked = ("collide", "index", "--n", "12", "--machine", "my.py:cell:p=2", "--seed", "1", "--out", "c.json")
    assert run(capsys, *asked)[0] == 0
    for named in ("my.py:cell:p=2", "my.py:cell"):  # the file's own parameters, where none are named
        code, out, _ = run(capsys, "check", "c.json", "--machine", named)
        assert code == 0, out
    for named, text in (
        ("my.py:cell:p=3", 'written as {"p": 2}; derived again it is {"p": 3}'), ("my.py:gru:p=2", "derived again"),
        ("my.py:cell:p=2,range=4", "machine.parameters"), ("my.py:window", "p is for models"),
    ):  # fmt: skip
        code, _, err = run(capsys, "check", "c.json", "--machine", named)
        assert code in (1, 2)
        assert text in err, err
    code, _, err = run(capsys, "check", "c.json")
    assert (code, "run only if you name them" in err) == (1, True)
    found = json.loads((folder / "c.json").read_text())
    collision = found["result"]["collision"]
    collision["x_other"] = [*collision["x_other"][:-1], 1 - collision["x_other"][-1]]
    (folder / "forged.json").write_text(json.dumps(found))
    assert run(capsys, "check", "forged.json", "--machine", "my.py:cell:p=2")[0] == 1


def test_curves_of_open_precision(folder, capsys):
    members = Family("my.py:cell:p=2:5").members(Index(3), 3, math.inf)
    assert [(m.spec, m.capacity_bits) for m in members] == [
        (f"my.py:cell:p={p}", 4 * p) for p in (2, 3, 4, 5)
    ]
    assert Family("my.py:cell").with_value("p", 3).text == "my.py:cell:p=3"
    assert Family("my.py:cell:range=2,p").with_value("format", "x").open == {"p": None}
    code, out, _ = run(capsys, "curve", "index", "--n", "2:3", "--machine", "my.py:cell:p", "--error", "0.1",
                       "--out", "r.csv")  # fmt: skip
    assert (code, "my.py:cell:p" in out) == (0, True)
    assert run(capsys, "check", "r.csv", "--machine", "my.py:cell")[0] == 0
    code, out, _ = run(
        capsys, "curve", "index", "--n", "2:3", "--machine", "my.py:cell", "--precision", "2:3"
    )
    assert (code, "my.py:cell:p=2" in out, "my.py:cell:p=3" in out) == (0, True, True)
    code, _, err = run(
        capsys, "curve", "index", "--n", "2:3", "--machine", "my.py:window", "--precision", "2:3"
    )
    assert (code, "p is for models" in err) == (2, True)
    code, _, err = run(capsys, "curve", "index", "--n", "2:3", "--machine", "my.py:cell:p")
    assert (code, "leaves p open" in err) == (2, True)
    code, out, _ = run(
        capsys, "collide", "index", "--n", "8", "--method", "fading", "--machine", "my.py:cell:p=2:3"
    )
    assert (code, "my.py:cell:p=2" in out, "Memory horizons" in out) == (0, True, True)


@given(
    st.sampled_from(["my.py:f", "a/b.onnx", "pack.mod:Name"]),
    st.lists(st.sampled_from(["p", "range", "format", "seed"])),
)
def test_a_name_is_what_stands_before_its_parameters(name, keys):
    behind = ",".join(f"{key}=1" for key in keys)
    spec = f"{name}:{behind}" if keys else name
    assert own.name_of(spec) == name
    if keys:
        assert own.name_of(f"{name}:{','.join(keys)}") == name
    if len(set(keys)) == len(keys):
        assert own.split(spec) == (name, dict.fromkeys(keys, "1"))
