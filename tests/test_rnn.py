"""Laws of all networks: formats, packing, batches, compiled and plain kernels, and equality with PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from equality import LIMITS, equal

import commlb
from commlb import machines
from commlb.errors import BadInput
from commlb.formats import FORMATS
from commlb.machines.rnn.network import Network
from commlb.registry import registered
from commlb.tasks.index import Index
from commlb.tasks.istree import IsTree

FAMILIES = registered("commlb.machines.rnn", Network)
EXAMPLES = [spec for cls in FAMILIES.values() for spec in cls.examples]
PRECISIONS = ["p=1", "p=5", "p=5,range=0.5", "p=24", *(f"format={name}" for name in FORMATS)]
LENGTH, KINDS, RUNS = 12, 5, 37


NUMBERS = {"elman": lambda d, size: d, "gru": lambda d, size: d, "lstm": lambda d, size: 2 * d}
# Of the 2·w·d of a window, a step leaves the newest w − 1 tokens for the next.
NUMBERS |= {"sliding-window": lambda d, size: 2 * size.w * d - 2 * d}
NUMBERS |= {"streaming-llm": lambda d, size: 2 * (size.w + size.sinks) * d - 2 * d}
NUMBERS |= {"tova": lambda d, size: 2 * size.n * d, "rmt": lambda d, size: size.m * d}
NUMBERS |= {"slstm": lambda d, size: 4 * d, "lru": lambda d, size: 2 * size.N}
NUMBERS |= {"s4d": lambda d, size: d * size.N, "dss": lambda d, size: 2 * d * size.N}
NUMBERS |= {"rg-lru": lambda d, size: size.d_rnn + (size.w - 1) * size.d_rnn}
NUMBERS |= {"mamba": lambda d, size: size.expand * d * (size.N + size.w - 1)}
NUMBERS |= {
    "mamba2": lambda d, size: size.H * size.P * (size.N + size.w - 1) + 2 * size.G * size.N * (size.w - 1)
}
NUMBERS |= {"rwkv4": lambda d, size: 5 * d}
NUMBERS |= {f"rwkv{k}": lambda d, size: d * (d // size.heads) + 2 * d for k in (5, 6, 7)}
NUMBERS |= {
    "linear-attention": lambda d, size: size.heads * (size.dk * size.dv + size.dk),
    "retnet": lambda d, size: size.heads * size.dk * size.dv,
    "gla": lambda d, size: size.heads * size.dk * size.dv,
    "deltanet": lambda d, size: size.heads * (size.dk * size.dv + (size.w - 1) * (2 * size.dk + size.dv)),
    "mlstm": lambda d, size: size.heads * (size.dk * size.dv + size.dk + 1 + (size.w - 1) * size.dv),
}
NUMBERS["gated-deltanet"] = NUMBERS["deltanet"]
"""Theory Sec. 7: the numbers that a layer stores."""


def made(spec: str, compiled: bool = False) -> Network:
    return machines.build(spec, Index(LENGTH, KINDS), LENGTH).use(compiled)


def tokens(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(KINDS, size=(LENGTH + 1, RUNS))


def run(machine: Network, stream: np.ndarray) -> list[np.ndarray]:
    """The states after 0, 1, … tokens."""
    states = [machine.start(stream.shape[1])]
    for t, row in enumerate(stream):
        states.append(machine.step(states[-1], row, t))
    return states


def with_precisions(spec: str) -> list[str]:
    name, _, text = spec.partition(":")
    kept = [part for part in text.split(",") if part.partition("=")[0] not in ("p", "format", "range")]
    return [f"{name}:{','.join([*kept, precision])}" for precision in PRECISIONS]


def test_every_family_has_examples_and_a_count():
    assert set(FAMILIES) == {spec.partition(":")[0] for spec in EXAMPLES} == set(NUMBERS)


@pytest.mark.parametrize("spec", EXAMPLES)
def test_as_many_numbers_as_the_theory_counts(spec):
    machine = made(spec)
    assert machine.numbers == machine.depth * NUMBERS[machine.name](machine.d, machine.size)
    assert machine.storage_bits - machine.layout.answer_bits >= machine.numbers * machine.precision_bits


@pytest.mark.parametrize("spec", EXAMPLES)
def test_states_are_canonical_numbers_of_their_format(spec):
    """What is packed is what is kept: p bits a number, no −0.0, one NaN; and unpacking gives it back."""
    for given in with_precisions(spec):
        machine = made(given)
        for t, states in enumerate(run(machine, tokens())):
            words = machine.pack(states)
            assert machine.unpack(words).tobytes() == states.tobytes(), given
            used = sum(int(word) << 64 * k for k, word in enumerate(np.bitwise_or.reduce(words, axis=1)))
            assert used.bit_length() <= machine.storage_bits
            assert not np.signbit(states[states == 0]).any()
            distinct = len(np.unique(words, axis=1).T)
            assert np.log2(distinct) <= machine.capacity_bits(t) <= machine.storage_bits
        assert states.dtype == machine.dtype


@pytest.mark.parametrize("spec", EXAMPLES)
def test_batch_equals_single_and_a_cut_changes_nothing(spec):
    """Prefix, message, suffix give the whole; a run in a batch is the run alone, bit for bit."""
    machine, stream = made(spec), tokens()
    whole = run(machine, stream)
    for k in (0, RUNS - 1):
        alone = run(machine, stream[:, k : k + 1])
        assert all((a[:, 0] == b[:, k]).all() for a, b in zip(alone, whole, strict=True))
    for cut in (1, LENGTH // 2, LENGTH):
        states = machine.unpack(machine.pack(whole[cut]))
        for t in range(cut, LENGTH + 1):
            states = machine.step(states, stream[t], t, out=states)
        assert states.tobytes() == whole[-1].tobytes()
        assert (machine.output(states) == machine.output(whole[-1])).all()
    assert set(machine.output(whole[-1]).tolist()) <= set(machine.task.answers)


@pytest.mark.parametrize("spec", EXAMPLES)
def test_step_leaves_its_input_alone_unless_told_otherwise(spec):
    machine, stream = made(spec), tokens()
    before = run(machine, stream)[3]
    kept = before.copy()
    after = machine.step(before, stream[3], 3)
    assert before.tobytes() == kept.tobytes()
    other = np.empty_like(before)
    assert machine.step(before, stream[3], 3, out=other) is other
    assert before.tobytes() == kept.tobytes()
    assert other.tobytes() == after.tobytes()
    assert machine.step(before, stream[3], 3, out=before) is before
    assert before.tobytes() == after.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("spec", EXAMPLES)
def test_compiled_and_plain_kernels_give_the_same_bits(spec):
    """In both arithmetics, and in blocks as in one batch."""
    for given in with_precisions(spec):
        plain, compiled = made(given), made(given, compiled=True)
        compiled._block = 16
        for a, b in zip(run(plain, tokens()), run(compiled, tokens()), strict=True):
            assert a.tobytes() == b.tobytes(), given


def as_torch(machine: Network, module: object) -> object:
    """The recurrent module with the machine's weights, in its arithmetic."""
    torch = pytest.importorskip("torch")
    kind = torch.float64 if machine.dtype == np.float64 else torch.float32
    module = module.to(kind)
    with torch.no_grad():
        for k in range(machine.depth):
            for ours, theirs in (
                ("w_x", "weight_ih"),
                ("w_h", "weight_hh"),
                ("b_x", "bias_ih"),
                ("b_h", "bias_hh"),
            ):
                getattr(module, f"{theirs}_l{k}").copy_(torch.tensor(machine.weights[f"layers.{k}.{ours}"]))
    return module


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize(("name", "theirs"), [("elman", "RNN"), ("gru", "GRU"), ("lstm", "LSTM")])
def test_equal_to_torch(name, theirs, form):
    """64 random tokens, three layers: 1e-9 in float64, 1e-5 in float32."""
    torch = pytest.importorskip("torch")
    task = Index(63, 32)
    machine = machines.build(f"{name}:d=16,layers=3,format={form},seed=3", task, 63)
    module = as_torch(machine, getattr(torch.nn, theirs)(16, 16, num_layers=3))
    stream = np.random.default_rng(0).integers(task.alphabet_size, size=(64, 5))
    embedded = torch.tensor(machine.weights["embedding"][stream]).to(module.weight_ih_l0.dtype)
    with torch.no_grad():
        expected, _ = module(embedded)
    found = machine.trace(stream).transpose(0, 2, 1)
    equal(name, f"torch, nn.{theirs}", form, np.abs(found - expected.numpy()).max())


def test_integers_that_the_arithmetic_does_not_hold_are_refused():
    """Tokens above 2^24 in a float32 state would be merged: two streams would share a state that do not."""
    task = IsTree.sized(5900)
    with pytest.raises(BadInput, match="integers up to 17,402,050, which float32 does not hold exactly"):
        machines.build("rmt:d=1,m=1,segment=3,bare=1,p=4", task, task.length - 1)
    machine = machines.build("rmt:d=1,m=1,segment=3,bare=1,p=17", task, task.length - 1)
    words = machine.pack(machine.step(machine.start(2), np.array([2**24, 2**24 + 1]), 0))
    assert (words[:, 0] != words[:, 1]).any()


def test_the_message_has_no_field_for_an_answer_that_is_not_due():
    for spec, kept in (("mamba:d=1,N=2,w=2,expand=1,bare=1,p=5", 15), ("gru:d=2,p=4", 8)):
        machine = machines.build(spec, Index(6), 6)
        found = commlb.reduce("index", 6, machine=spec, x="010101", i=2).transcript
        assert machine.message_bits(6) == machine.capacity_bits(6) == found.cost_bits == kept
        states = machine.start(3)
        for t in range(6):
            states = machine.step(states, np.array([0, 1, 1]), t)
        words = [int(word) for word in np.bitwise_or.reduce(machine.pack(states), axis=1)]
        assert sum(word << 64 * k for k, word in enumerate(words)).bit_length() <= kept
