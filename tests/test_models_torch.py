"""Modules of PyTorch as machines: what is stored, what is refused, and the same bits however a stream is cut."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from commlb_cli import main

import commlb
from commlb import machines
from commlb.errors import BadInput
from commlb.models import own
from commlb.models.adapting import Described, adapted, reader, token_names
from commlb.models.machine import ModelMachine
from commlb.models.pytorch import adapt
from commlb.tasks.index import Index

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")

ROOT = Path(__file__).parent.parent
KINDS = 14
STREAM = [1, 0, 1, 1, 0, 0, 1, 2, 5, 3]


def seeded(make, *sizes, **options):
    torch.manual_seed(0)
    return make(*sizes, **options)


class Sequence(nn.Module):
    """As a newcomer writes it: embedding, GRU, head."""

    def __init__(self, kinds=KINDS, answers=2, d=6, batch_first=True):
        super().__init__()
        self.embed = nn.Embedding(kinds, d)
        self.gru = nn.GRU(d, d, 2, batch_first=batch_first, dropout=0.5)
        self.head = nn.Linear(d, answers)

    def forward(self, tokens, state=None):
        y, state = self.gru(self.embed(tokens), state)
        return self.head(y), state


class Keeps(nn.Module):
    """Keeps its state, and a count, to itself."""

    def __init__(self):
        super().__init__()
        self.embed, self.cell = nn.Embedding(KINDS, 4), nn.GRUCell(4, 4)
        self.h, self.count = None, 0

    def forward(self, x):
        self.h = self.cell(self.embed(x), self.h)
        self.count += 1
        return self.h[:, :2]


class InPlace(nn.Module):
    """Writes into a buffer, and into the state that it was given."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(KINDS, 3)
        self.register_buffer("total", torch.zeros(3))

    def initial_state(self):
        return {"h": torch.zeros(3), "last": [torch.zeros((), dtype=torch.int64)]}

    def forward(self, x, state):
        v = self.embed(x)[0]
        self.total += v
        state["h"].mul_(0.5).add_(v)
        state["last"][0].fill_(int(x))
        return state["h"] + self.total, state


class Scan(nn.Module):
    """A diagonal linear recurrence on complex numbers; its state is all that it returns."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(KINDS, 4)
        self.a = nn.Parameter(torch.tensor([0.5, 0.9]))

    def forward(self, x, state):
        v = torch.view_as_complex(self.embed(x).reshape(2, 2))
        return v + (0 if state is None else state * self.a)


def cells(d=5):
    table = seeded(nn.Embedding, KINDS, d)
    head = seeded(nn.Linear, d, 2)
    for kind in (nn.RNNCell, nn.GRUCell, nn.LSTMCell):
        yield (
            kind.__name__,
            commlb.model(seeded(kind, d, d), embed=table, readout=head),
            32 * d * (2 if kind is nn.LSTMCell else 1),
        )
    for kind in (nn.RNN, nn.GRU, nn.LSTM):
        for first in (False, True):
            made = seeded(kind, d, d, 2, batch_first=first, dropout=0.3)
            bits = 2 * 32 * d * (2 if kind is nn.LSTM else 1)
            yield f"{kind.__name__}-{first}", commlb.model(made, embed=table, readout=head), bits
    projected = seeded(nn.LSTM, KINDS, 6, proj_size=2)
    yield "projected", commlb.model(projected), 32 * 8
    yield "one-hot", commlb.model(seeded(nn.GRU, KINDS, 3), readout=lambda y: y[..., :2]), 32 * 3
    yield "sequence", commlb.model(seeded(Sequence)), 32 * 12
    yield "keeps", commlb.model(seeded(Keeps)), 32 * 4 + 64
    yield "in place", commlb.model(seeded(InPlace), readout=lambda y: y[:2]), 2 * 96 + 64
    yield "complex", commlb.model(seeded(Scan), readout=lambda s: s.real), 128
    yield "bfloat16", commlb.model(seeded(Sequence).bfloat16()), 16 * 12
    yield "float64", commlb.model(seeded(Sequence).double()), 64 * 12


CELLS = list(cells())


def machine(described, n=10):
    task = Index(n, 2)
    model = adapted(described, task)
    return ModelMachine(model, task, token_names(described, task), reader(described, task))


@pytest.mark.parametrize(("described", "bits"), [row[1:] for row in CELLS], ids=[row[0] for row in CELLS])
class TestEveryModule:
    def test_bits_stored(self, described, bits):
        made = machine(described)
        assert {made.bits(t) for t in range(1, 11)} == {bits}
        assert made.growth_bits() == 0
        assert made.answers_itself

    def test_cut_anywhere_in_a_module_made_anew_the_same_bits(self, described, bits):
        """Nothing but the message crosses: whatever a module kept to itself would be missing."""
        made, stream = machine(described), STREAM
        states = made.start(1)
        whole = [states]
        for t, token in enumerate(stream):
            states = made.step(states, np.array([token]), t)
            whole.append(states)
        for cut in (1, 4, 9):
            again = machine(Described(**{**vars(described), "thing": made.model.fresh().module}))
            states = again.unpack(made.pack(whole[cut]))
            assert np.array_equal(states, whole[cut])
            for t in range(cut, len(stream)):
                states = again.step(states, np.array([stream[t]]), t)
            assert np.array_equal(states, whole[-1])

    def test_streams_side_by_side_are_those_alone(self, described, bits):
        made, rng = machine(described), np.random.default_rng(0)
        streams = rng.integers(2, size=(6, 5))
        together = made.start(5)
        alone = [made.start(1) for _ in range(5)]
        for t, tokens in enumerate(streams):
            before = together.copy()
            after = made.step(together, tokens, t)
            assert np.array_equal(together, before)
            together = after
            for run in range(5):
                alone[run] = made.step(alone[run], tokens[run : run + 1], t)
        assert np.array_equal(together, np.hstack(alone))


LAYERED = [row for row in CELLS if isinstance(row[1].thing, nn.RNNBase) and row[1].embed is not None]


@pytest.mark.parametrize("described", [row[1] for row in LAYERED], ids=[row[0] for row in LAYERED])
def test_the_module_itself_says_the_same(described):
    """The state, and the output, of the module called in PyTorch's own way on all tokens."""
    module, model = described.thing, adapted(described, Index(10, 2))
    state = None
    for t, token in enumerate(STREAM):
        state, output = model.step(state, token, t)
    with torch.no_grad():
        x = described.embed(torch.tensor(STREAM))
        y, last = module.eval()(x[None] if module.batch_first else x[:, None])
        y = described.readout(y.reshape(len(STREAM), -1)[-1])
    last = last if isinstance(last, tuple) else (last,)
    for held, tensor in zip(state.values(), last, strict=True):
        np.testing.assert_allclose(held.numbers, tensor.numpy(), atol=1e-6)
    np.testing.assert_allclose(output, y.numpy(), atol=1e-6)


def test_many_and_batch_and_double_are_the_same_model():
    described = commlb.model(seeded(nn.LSTM, KINDS, 5, 2))
    model = adapt(described, KINDS)
    state, cut, passed = None, 4, []
    for t, token in enumerate(STREAM):
        state, output = model.step(state, token, t)
        passed.append(state)
    half = passed[cut - 1]
    for got, out in (model.many(half, STREAM[cut:], cut), model.batch([STREAM, STREAM[::-1]])[0]):
        for name, held in state.items():
            np.testing.assert_allclose(got[name].numbers, held.numbers, atol=1e-6)
        np.testing.assert_allclose(out, output, atol=1e-6)
    twin = model.double()
    exact = None
    for t, token in enumerate(STREAM):
        exact, _ = twin.step(exact, token, t)
    assert {held.dtype for held in exact.values()} == {"float64"}
    for name, held in state.items():
        np.testing.assert_allclose(held.numbers, exact[name].numbers, atol=1e-6)


def test_eval_mode_and_one_thread_whatever_the_user_left():
    module = seeded(Sequence).train()
    threads = torch.get_num_threads()
    model = adapt(Described(module), KINDS)
    first, second = (model.step(None, 3, 0)[0] for _ in range(2))
    assert all(np.array_equal(first[name].numbers, second[name].numbers) for name in first)
    assert not module.training
    assert torch.get_num_threads() == threads


def test_weights_have_a_digest():
    one, same, other = (adapt(Described(seeded(Sequence)), KINDS) for _ in range(3))
    other = adapt(Described(Sequence()), KINDS)
    assert one.weights_digest == same.weights_digest != other.weights_digest


class Random(Sequence):
    def forward(self, tokens, state=None):
        y, state = super().forward(tokens, state)
        return y, state + torch.randn_like(state)


class Late(nn.Module):
    """Begins to write into a buffer when nobody watches any more."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(KINDS, 3)
        self.register_buffer("late", torch.zeros(3))

    def forward(self, x, state):
        n = torch.zeros(()) if state is None else state[1]
        if n > 4:
            self.late += 1
        return self.embed(x)[:, :2] + self.late[:2], (self.embed(x), n + 1)


class Learns(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(KINDS, 2)

    def forward(self, x, state):
        self.embed.weight.data.mul_(0.5)
        return self.embed(x), self.embed(x)


class Grows(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(KINDS, 2)

    def forward(self, x, state):
        v = self.embed(x)
        state = v if state is None else torch.cat([state, v])
        return state.sum(0), state


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (
            commlb.model(nn.GRU(3, 4)),
            "reads vectors of 3 numbers, too few for one-hot vectors of the 11 tokens",
        ),
        (commlb.model(nn.LSTM(20, 4, bidirectional=True)), "reads the end first: no streaming machine"),
        (commlb.model(nn.GRU(3, 4), embed=np.zeros((5, 3))), "a row for each of 11 tokens; given shape"),
        (commlb.model(Random()), "draws random numbers as it steps"),
        (commlb.model(Late()), "changes its attribute late, which it did not in its first"),
        (commlb.model(Learns()), "changes its weights as it steps"),
    ],
)
def test_what_is_no_machine_is_refused(described, words):
    with pytest.raises(BadInput, match=words):
        machine(described)


def test_a_growing_state_is_said_to_be_no_bounded_one():
    made = machine(commlb.model(seeded(Grows)))
    assert [made.bits(t) for t in (1, 2, 10)] == [64, 128, 640]
    assert "no bounded-state machine: it grows by 64 bits a token" in made.remark()


def test_from_a_file_with_every_verb(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    source = (
        "import torch, commlb\n"
        "def build(task, cut):\n"
        "    torch.manual_seed(0)\n"
        "    embed = torch.nn.Embedding(task.alphabet_size, 4)\n"
        "    return commlb.model(torch.nn.GRU(4, 4), embed=embed, readout=torch.nn.Linear(4, len(task.answers)))\n"
    )
    (tmp_path / "my_model.py").write_text(source)
    result = commlb.reduce("index", n=8, machine="my_model.py:build:p=4", seed=1)
    assert result.machine.capacity_bits == 16
    assert result.machine.precision_bits == 4
    kept = commlb.states("index", n=8, machine="my_model.py:build:p=4")
    assert kept.cuts[-1].reachable_states == result.message.reachable_states
    found = commlb.collide("index", n=16, machine="my_model.py:build:p=3")
    assert found.collision is not None
    assert machines.is_own("my_model.py:build:p=3")
    assert own.split("my_model.py:build:p=3")[1] == {"p": "3"}


def test_the_readme_of_a_newcomer_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    """The file and the commands of "Bring your own model", one after the other; none fails."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text().split("## Bring your own model", 1)[1]
    code, shell = re.search(r"```python\n# my_model.py\n(.*?)```.*?```sh\n(.*?)```", text, re.S).groups()
    (tmp_path / "my_model.py").write_text(code)
    commands = [line.partition("#")[0] for line in shell.splitlines()]
    assert len(commands) == 6
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(command)[1:])
        said, errors = capsys.readouterr()
        assert not ended.value.code, errors
        assert "my_model.py:build" in said


def test_states_are_those_of_the_equations_of_a_gru():
    """In NumPy, float64, from the weights of the module."""
    made = machine(commlb.model(seeded(nn.GRU, KINDS, 4)))
    cell, d = made.model.module, 4
    states = made.start(1)
    h = np.zeros(d)
    w, u, b, c = (getattr(cell, name).detach().double().numpy() for name in (
        "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"))  # fmt: skip
    for t, token in enumerate(STREAM):
        states = made.step(states, np.array([token]), t)
        x, g = w[:, token] + b, u @ h + c
        r, z = (1 / (1 + np.exp(-(x[k * d : (k + 1) * d] + g[k * d : (k + 1) * d]))) for k in (0, 1))
        h = (1 - z) * np.tanh(x[2 * d :] + r * g[2 * d :]) + z * h
        np.testing.assert_allclose(made.as_numbers(states)[:d, 0], h, atol=1e-6)


class Opaque(nn.Module):
    """Remembers in a set, beside its tensor."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(KINDS, 2)

    def forward(self, x, state):
        seen = frozenset() if state is None else state[1]
        return self.embed(x), (self.embed(x), seen | {int(x)})


class SameName(nn.Module):
    """Returns a state, and keeps another in an attribute of that name."""

    def __init__(self):
        super().__init__()
        self.embed, self.state = nn.Embedding(KINDS, 2), torch.zeros(1, 2)

    def forward(self, x, state):
        self.state = self.state * 0.5 + self.embed(x)
        return self.state, self.embed(x)


class Private(nn.Module):
    """Keeps tensors and an array in private attributes, and a list of the last two."""

    def __init__(self):
        super().__init__()
        self.embed, self._both = nn.Embedding(KINDS, 2), (torch.zeros(1, 2), 0)
        self.memory, self.last = np.zeros(1500), []

    def forward(self, x):
        h, count = self._both
        self._both = (h * 0.5 + self.embed(x), count + 1)
        self.memory = np.roll(self.memory, 1)
        self.memory[0] = 1e-9 * int(x)
        self.last = [*self.last, self.embed(x)][-2:]
        return self._both[0] + float(self.memory.sum()) + sum(self.last)


class Moody(nn.Module):
    """What it keeps is no number."""

    def __init__(self):
        super().__init__()
        self.embed, self.mood = nn.Embedding(KINDS, 2), "even"

    def forward(self, x, state):
        self.mood = "odd" if int(x) else "even"
        return self.embed(x), self.embed(x)


class CountsLate(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.count, self.t = nn.Embedding(KINDS, 2), 0, 0

    def forward(self, x, state):
        self.t += 1
        self.count += self.t > 4
        return self.embed(x), self.embed(x)


@pytest.mark.parametrize("cls", [SameName, Private])
def test_what_is_kept_under_any_name_is_state(cls):
    """Against the module itself, new for each stream: outputs, however streams are mixed."""
    made, rng = machine(commlb.model(seeded(cls), readout=lambda y: y)), np.random.default_rng(3)
    streams = rng.integers(2, size=(20, 10))
    for stream in streams:
        module, state = seeded(cls).eval(), None
        for token in stream:
            with torch.no_grad():
                y = (
                    module(torch.tensor([int(token)]), state)
                    if cls is SameName
                    else module(torch.tensor([int(token)]))
                )
            y, state = y if cls is SameName else (y, None)
        state, output = None, None
        for t, token in enumerate(stream):
            made.model.step(None, int(rng.integers(2)), 0)  # another stream between two steps of this one
            state, output = made.model.step(state, int(token), t)
        np.testing.assert_array_equal(output, y.numpy()[0])
    assert made.bits(10) == {SameName: 128, Private: 64 + 64 + 64 * 1500 + 128}[cls]


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Opaque, "it holds a frozenset, whose bits nobody can count"),
        (Moody, "has another form in one stream than in another"),
        (CountsLate, "changes its attribute count, which it did not in its first"),
    ],
)
def test_state_that_nobody_could_count_is_refused(cls, words):
    with pytest.raises(BadInput, match=words):
        machine(commlb.model(seeded(cls)))


def test_readout_and_embedding_are_in_eval_mode_too():
    head = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 2))
    made = machine(commlb.model(seeded(nn.GRU, KINDS, 4), readout=head.train()))
    first, second = (made.model.step(None, 3, 0)[1] for _ in range(2))
    assert np.array_equal(first, second)
    assert made.model.double().step(None, 3, 0)[1].dtype == np.float64


def test_a_window_that_fills_is_not_said_to_grow():
    made = machine(commlb.model(seeded(Private), readout=lambda y: y))
    assert made.bits(1) < made.bits(2) == made.bits(10)
    assert made.growth_bits() == 0


class Mixes(nn.Module):
    """Takes the mean over the batch away."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(KINDS, 3)

    def forward(self, x, state):
        h = self.embed(x) + (0 if state is None else 0.5 * state)
        return h[:, :2], h - h.mean(dim=0, keepdim=True) * (len(h) > 1)


def test_modules_of_ones_own_side_by_side():
    """The newcomer's model is the same in a batch but for rounding, one that mixes its rows is not."""
    streams = [STREAM, STREAM[::-1], STREAM[3:] + STREAM[:3]]
    for described, same in ((commlb.model(seeded(Sequence)), True), (commlb.model(seeded(Mixes)), False)):
        model = adapt(described, KINDS)
        state = None
        for t, token in enumerate(STREAM):
            state, output = model.step(state, token, t)
        found, scores = model.batch(streams)[0]
        close = all(np.allclose(held.numbers, found[name].numbers, atol=1e-6) for name, held in state.items())
        assert close == same
        assert np.allclose(output, scores, atol=1e-6) == same
    assert adapt(commlb.model(seeded(Keeps)), KINDS).batch(streams) is None
