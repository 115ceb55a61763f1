"""sLSTM, LRU, S4D, DSS, RG-LRU: equal to their twins, to transformers and to NX-AI's xlstm; angles; mistakes."""

from __future__ import annotations

import functools
from types import SimpleNamespace

import numpy as np
import pytest
from equality import LIMITS, difference, equal
from rnn_twins_diagonal import network, slstm_stabilised

from commlb import machines
from commlb.errors import BadInput
from commlb.machines.rnn import diagonal, vector
from commlb.machines.rnn.rows import exp64, turn
from commlb.tasks.index import Index

TASK = Index(63, 32)
RECURRENT = "transformers, RecurrentGemmaRecurrentBlock"
SPECS = [
    "slstm:d=6,heads=2,layers=2",
    "slstm:d=4,heads=4,forget=2",
    "slstm:d=5,layers=3",
    "lru:d=6,N=5,layers=2",
    "lru:d=3,N=8,layers=2,bare=1",
    "lru:d=1,N=2,bare=1",
    "s4d:d=5,N=6,layers=2",
    "s4d:d=3,N=2,layers=2,bare=1",
    "dss:d=4,N=3,layers=2",
    "dss:d=1,N=4,layers=2,bare=1",
    "rg-lru:d=6,heads=3,w=3,layers=2",
    "rg-lru:d=4,d_rnn=10,heads=2,layers=2,bare=1",
    "rg-lru:d=3,w=1",
]


def randomised(spec, folder, seed=5):
    """The machine with noise on its weights, so that no bias is 0 and no norm 1."""
    rng = np.random.default_rng(seed)
    weights = machines.build(f"{spec},seed={seed}", TASK, 63).weights
    noisy = {name: value + 0.3 * rng.normal(size=value.shape) for name, value in weights.items()}
    np.savez(folder / "weights.npz", **noisy)
    return machines.build(f"{spec},weights={folder / 'weights.npz'}", TASK, 63)


def tokens(runs=3):
    return np.random.default_rng(0).integers(TASK.alphabet_size, size=(64, runs))


def parts(machine, stream):
    """The last state's parts, layer by layer: (shape…, runs)."""
    states = machine.start(stream.shape[1])
    for t, row in enumerate(stream):
        states = machine.step(states, row, t)
    found = [{} for _ in range(machine.depth)]
    for place in machine.layout.places:
        found[place.layer][place.name] = states[place.rows].reshape(*place.part.shape, -1)
    return found


def error(machine):
    """The largest distance of outputs and last states from the twin's."""
    stream = tokens()
    outputs, last, worst = machine.trace(stream), parts(machine, stream), 0.0
    for run in range(stream.shape[1]):
        expected, states = network(stream[:, run], machine)
        worst = max(worst, difference(outputs[:, :, run], expected))
        for ours, theirs in zip(last, states, strict=True):
            assert set(ours) == {name for name in theirs if theirs[name].size}
            worst = max([worst, *(difference(ours[name][..., run], theirs[name]) for name in ours)])
    return worst


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize("spec", SPECS)
def test_equal_to_the_twin(spec, form, tmp_path):
    machine = randomised(f"{spec},format={form}", tmp_path)
    equal(machine.name, "closed form in NumPy", form, error(machine))


def later(w, s, inputs, save):
    """The decay applied after the input is added instead of before."""
    re, im = s.re + inputs[0], s.im + inputs[1]
    return save("re", w.real * re - w.imaginary * im), save("im", w.real * im + w.imaginary * re)


def conjugate(w, s, inputs, save):
    """A sign lost in the product of two complex numbers."""
    re = save("re", w.real * s.re - w.imaginary * s.im + inputs[0])
    return re, save("im", w.real * s.im - w.imaginary * s.re + inputs[1])


@pytest.mark.parametrize("wrong", [later, conjugate])
@pytest.mark.parametrize("spec", ["lru:d=6,N=5", "s4d:d=5,N=6", "dss:d=4,N=3"])
def test_the_twins_find_mistakes_in_complex_recurrences(spec, wrong, tmp_path, monkeypatch):
    monkeypatch.setattr(diagonal, "turned", wrong)
    assert error(randomised(f"{spec},format=float64", tmp_path)) > 1e-3


def no_first(cell, self, w, x, a, s, save, m):
    return cell(self, w, x, a, SimpleNamespace(**{**vars(s), "t": 1}), save, m)


def gates_swapped(derive, self, w, m):
    derive(self, w, m)
    w.gates = [np.ascontiguousarray(np.roll(gate, len(gate) // 2, axis=0)) for gate in w.gates]


def gates_transposed(derive, self, w, m):
    w.input_gate_weight = w.input_gate_weight.transpose(0, 2, 1)
    derive(self, w, m)


def unnormalised(cell, self, w, x, a, s, save, m):
    return cell(self, w, x, a, s, lambda name, v: save(name, v if name != "n" else np.ones_like(v)), m)


def shared_blocks(cell, self, w, x, a, s, save, m):
    return cell(self, SimpleNamespace(**{**vars(w), "w_h": w.w_h[::-1]}), x, a, s, save, m)


@pytest.mark.parametrize(
    ("spec", "family", "method", "wrong"),
    [
        ("rg-lru:d=4,heads=2", diagonal.RGLRU, "cell", no_first),
        ("rg-lru:d=4,heads=2", diagonal.RGLRU, "derive", gates_swapped),
        ("rg-lru:d=4,heads=2", diagonal.RGLRU, "derive", gates_transposed),
        ("slstm:d=4,heads=2", vector.SLSTM, "cell", unnormalised),
        ("slstm:d=4,heads=2", vector.SLSTM, "cell", shared_blocks),
    ],
)
def test_the_twins_find_mistakes_in_gates(spec, family, method, wrong, tmp_path, monkeypatch):
    right = getattr(family, method)
    monkeypatch.setattr(family, method, lambda self, *given: wrong(right, self, *given))
    assert error(randomised(f"{spec},format=float64", tmp_path)) > 1e-3


def test_outputs_of_slstm_do_not_depend_on_the_stabilisers_start(tmp_path):
    machine = randomised("slstm:d=6,format=float64", tmp_path)
    stream, weights = tokens(1), machine.weights
    own = {name.removeprefix("layers.0."): value for name, value in weights.items()}
    found = machine.trace(stream)[:, :, 0]
    with np.errstate(all="raise"):
        for start in (-50.0, 0.0, 7.0):
            expected = slstm_stabilised(weights["embedding"][stream[:, 0]], own, start)
            assert difference(found, expected) < 1e-9


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize("spec", ["slstm:d=6,heads=2", "slstm:d=6,heads=3,layers=2"])
def test_slstm_equals_nx_ai(spec, form, tmp_path):
    """Their plain PyTorch step, with all four numbers of the state, layer by layer."""
    vanilla = pytest.importorskip("xlstm.blocks.slstm.src.vanilla")
    torch = pytest.importorskip("torch")
    machine = randomised(f"{spec},format={form}", tmp_path)
    stream, last = tokens(), parts(machine, tokens())
    weights = {name: torch.tensor(value.astype(machine.dtype)) for name, value in machine.weights.items()}
    x = weights["embedding"][stream]
    for k in range(machine.depth):
        w_x, w_h, b = (weights[f"layers.{k}.{name}"] for name in ("w_x", "w_h", "b"))
        start = torch.zeros((4, stream.shape[1], machine.d), dtype=x.dtype)
        step = vanilla.slstm_pointwise_function_registry["slstm"]
        states, final, _ = vanilla.slstm_forward(x @ w_x.T, start, w_h, b, step)
        x = states[0, 1:]
        for name, theirs in zip("hcnm", final, strict=True):
            equal("slstm", "xlstm of NX-AI, state", form, difference(last[k][name].T, theirs.numpy()))
    found = machine.trace(stream).transpose(0, 2, 1)
    equal("slstm", "xlstm of NX-AI", form, difference(found, x.numpy()))


def griffin(machine, layer):
    """transformers' block and norm with the layer's weights; sums in the machine's arithmetic, not in float32."""
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("transformers.models.recurrent_gemma.modeling_recurrent_gemma")
    config = theirs.RecurrentGemmaConfig(
        hidden_size=machine.d,
        lru_width=machine.size.d_rnn,
        num_attention_heads=machine.size.heads,
        conv1d_width=machine.size.w,
    )
    kind = torch.float64 if machine.dtype == np.float64 else torch.float32
    block, norm = (
        theirs.RecurrentGemmaRecurrentBlock(config, 0).to(kind),
        theirs.RecurrentGemmaRMSNorm(machine.d),
    )
    start = f"layers.{layer}."
    own = {
        name.removeprefix(start): torch.tensor(value).to(kind)
        for name, value in machine.weights.items()
        if name.startswith(start)
    }
    given = {}
    for name, _ in block.named_parameters():
        ours = (
            name.removeprefix("rg_lru.")
            .replace("conv_1d", "conv")
            .replace(".weight", "")
            .replace(".bias", "_bias")
        )
        given[name] = own[ours][:, None] if name == "conv_1d.weight" else own[ours]
    block.load_state_dict(given)
    block.rg_lru._rnn_scan = functools.partial(block.rg_lru._rnn_scan, acc_dtype=kind)
    # The norm's forward converts to float32: here are its two steps without that.
    return block, lambda x: x if machine.bare else norm._norm(x) * (1 + own["norm"])


def told(form, ours, theirs):
    equal("rg-lru", f"{RECURRENT}, state", form, difference(ours, theirs.numpy()))


def one_by_one(block, x, places):
    """The block's outputs from its decoding mode, one token a step from an empty cache."""
    torch = pytest.importorskip("torch")
    block.conv1d_state = None
    steps = [slice(t, t + 1) for t in range(x.shape[1])]
    return torch.cat([block(x[:, step], places[:, step], None, use_cache=True)[0] for step in steps], 1)


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize(
    "spec",
    [
        "rg-lru:d=8,heads=2,bare=1",
        "rg-lru:d=6,d_rnn=12,heads=3,w=3,bare=1",
        "rg-lru:d=6,heads=3,w=2,layers=2",
    ],
)
def test_rg_lru_equals_transformers(spec, form, tmp_path):
    """The whole stream at once; and where their cache allows it (d_rnn = d) one token a step, with the states."""
    torch = pytest.importorskip("torch")
    machine = randomised(f"{spec},format={form}", tmp_path)
    stream, last = tokens(), parts(machine, tokens())
    x = torch.tensor(machine.weights["embedding"][stream.T].astype(machine.dtype))
    places = torch.arange(64)[None].expand(len(x), -1)
    with torch.no_grad():
        for k in range(machine.depth):
            block, norm = griffin(machine, k)
            y, _ = block(norm(x), places, None, use_cache=False)
            equal(
                "rg-lru",
                f"{RECURRENT}, state",
                form,
                difference(last[k]["h"].T, block.rg_lru.recurrent_states.numpy()),
            )
            if machine.size.d_rnn == machine.d:
                y = one_by_one(block, norm(x), places)
                equal(
                    "rg-lru",
                    f"{RECURRENT}, state",
                    form,
                    difference(last[k]["h"].T, block.rg_lru.recurrent_states.numpy()),
                )
                equal(
                    "rg-lru",
                    f"{RECURRENT}, state",
                    form,
                    difference(last[k]["conv"], block.conv1d_state.permute(2, 1, 0).numpy()),
                )
            x = y if machine.bare else x + y
    equal("rg-lru", RECURRENT, form, difference(machine.trace(stream).transpose(2, 0, 1), x.numpy()))


def test_turn_and_exp64():
    rng = np.random.default_rng(0)
    near = np.arange(-637, 638) * (np.pi / 2)
    for theta in (
        rng.uniform(-1000, 1000, 100_000),
        near,
        np.nextafter(near, 0),
        np.array([0.0, -0.0, 1e-300]),
    ):
        cos, sin = turn(theta)
        assert np.abs(cos - np.cos(theta)).max() < 1e-15
        assert np.abs(sin - np.sin(theta)).max() < 1e-15
    far = rng.uniform(-1e6, 1e6, 100_000)
    assert max(np.abs(turn(far)[0] - np.cos(far)).max(), np.abs(turn(far)[1] - np.sin(far)).max()) < 1e-15
    assert [part.shape for part in turn(np.zeros((2, 3, 1)))] == [(2, 3, 1)] * 2
    x = rng.uniform(-700, 700, (5, 7))
    assert np.abs(exp64(x) / np.exp(x) - 1).max() < 1e-15
    for bad in (1.1e6, np.inf, np.nan):
        with pytest.raises(BadInput, match="angles"):
            turn(np.array([bad]))


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("slstm:d=6,heads=4", "heads must divide"),
        ("slstm:d=6,forget=3", "forget must be"),
        ("s4d:d=2,N=3", "N must be even"),
        ("lru:d=1", "layer norm of a single number"),
        ("rg-lru:d=6,d_rnn=9,heads=2", "heads must divide"),
    ],
)
def test_refused(spec, why):
    with pytest.raises(BadInput, match=why):
        machines.build(spec, TASK, 63)


@pytest.mark.parametrize(
    "spec", ["slstm:d=1,p=4", "lru:d=1,N=2,p=4,bare=1", "s4d:d=1,N=4,p=4,bare=1", "rg-lru:d=1,w=4,p=4"]
)
def test_smallest_machines_have_16_bits_and_are_no_constants(spec):
    """Among six of them one tells many streams of 8 bits apart."""
    task, most = Index(8, 2), 0
    for seed in range(6):
        machine = machines.build(f"{spec},seed={seed}", task, 8)
        assert (machine.numbers, machine.capacity_bits(8)) == (4, 16)
        states = machine.start(256)
        for t in range(8):
            states = machine.step(states, np.arange(256) >> t & 1, t)
        most = max(most, len(np.unique(machine.pack(states))))
    assert most >= 8
