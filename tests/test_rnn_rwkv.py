"""RWKV-4 equals transformers' model; all versions equal the papers' equations."""

from __future__ import annotations

import numpy as np
import pytest
import rnn_twins_rwkv as twins
from equality import LIMITS, difference, equal, shaken

from commlb import machines
from commlb.errors import BadInput
from commlb.machines.rnn.rows import Rows
from commlb.machines.rnn.rwkv import Rwkv4, Rwkv5
from commlb.machines.rnn.rwkv7 import Rwkv7
from commlb.tasks.index import Index

LENGTH, KINDS = 63, 16
TASK = Index(LENGTH, KINDS)


def stream(runs=2):
    return np.random.default_rng(0).integers(TASK.alphabet_size, size=(LENGTH + 1, runs))


CASES = [
    "rwkv4:d=6,layers=2",
    "rwkv4:d=5,ffn=3",
    "rwkv4:d=3,bare=1",
    "rwkv5:d=6,heads=2,layers=2",
    "rwkv5:d=4,heads=1,ffn=3",
    "rwkv5:d=3,heads=3,bare=1",
    "rwkv6:d=6,heads=2,layers=2,rank=2,decay_rank=3",
    "rwkv6:d=4,heads=1",
    "rwkv6:d=2,heads=2,bare=1",
    "rwkv7:d=6,heads=2,layers=3,rank=3",
    "rwkv7:d=4,heads=1,ffn=3",
    "rwkv7:d=2,heads=1,layers=2,bare=1",
]


def against_twin(spec, form, folder):
    machine, tokens = shaken(f"{spec},format={form}", TASK, LENGTH, folder), stream()
    heads = {"heads": machine.size.heads} if "heads" in machine.dimensions else {}
    expected = [twins.network(machine.name, machine.weights, run, **heads) for run in tokens.T]
    expected = np.stack(expected, axis=-1)
    assert np.abs(expected).max() > 0.01
    return difference(machine.trace(tokens), expected)


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize("spec", CASES)
def test_equal_to_the_equations_of_the_paper(spec, form, tmp_path):
    equal(spec.partition(":")[0], "equations of the paper in NumPy", form, against_twin(spec, form, tmp_path))


def late_decay(self, s, decay, left, right, key, value):
    zero = np.zeros_like(key)
    return carried(self, s + key[:, None] * value[None], decay, left, right, zero, value)


def turned(self, s, query):
    return read(self, np.ascontiguousarray(s.swapaxes(0, 1)), query)


def without_bonus(self, w, m):
    w.decay, w.time_first = m.exp(-m.exp(w.time_decay)), 1 + 0 * w.time_first


carried, read = Rows.carried, Rows.read
MUTANTS = [
    ("rwkv4:d=6,layers=2", Rwkv4, "shifted", Rwkv5.shifted),
    ("rwkv4:d=6,layers=2", Rwkv4, "derive", lambda self, w, m: setattr(w, "speed", -w.time_decay)),
    ("rwkv5:d=6,heads=2", Rows, "carried", late_decay),
    ("rwkv5:d=6,heads=2", Rwkv5, "derive", without_bonus),
    ("rwkv6:d=4,heads=1", Rows, "read", turned),
    ("rwkv6:d=4,heads=1", Rows, "carried", late_decay),
    ("rwkv7:d=6,heads=2,rank=3", Rows, "read", turned),
    ("rwkv7:d=6,heads=2,rank=3", Rwkv7, "unit", lambda self, x, m: x),
]


@pytest.mark.parametrize(("spec", "where", "what", "wrong"), MUTANTS)
def test_mistakes_are_seen(spec, where, what, wrong, monkeypatch, tmp_path):
    """Shift the wrong way round, another decay, decay after the sum, no bonus, S transposed, κ as it is."""
    monkeypatch.setattr(where, what, wrong)
    assert against_twin(spec, "float64", tmp_path) > 1e-3


def test_the_first_value_reaches_later_layers_only_within_a_token(tmp_path):
    """RWKV-7's later layers see the first one's value; without it the outputs differ."""
    machine = shaken("rwkv7:d=4,heads=2,layers=2,format=float64", TASK, LENGTH, tmp_path)
    whole = machine.trace(stream())
    machine._w[1].v_bias = machine._w[1].v_bias - 100
    assert difference(machine.trace(stream()), whole) > 1e-3


@pytest.mark.parametrize(
    ("precision", "low"),
    [
        ("p=3", -4.0),
        ("p=3,range=0.5", -0.5),
        ("format=e2m1", -6.0),
        ("format=e4m3", -448.0),
        ("format=fp16", -65504.0),
        ("format=float32", float(np.float32(-1e38))),
        ("format=float64", -1e38),
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_the_exponent_starts_at_a_number_of_its_format(precision, low, compiled):
    if compiled:
        pytest.importorskip("numba")
    machine = machines.build(f"rwkv4:d=2,layers=2,{precision}", TASK, LENGTH).use(compiled)
    states = machine.start(3)
    for place in machine.layout.places:
        assert (states[place.rows] == (low if place.name == "exponent" else 0.0)).all()
    assert machine.unpack(machine.pack(states)).tobytes() == states.tobytes()
    assert states.dtype == machine.dtype


@pytest.mark.parametrize(
    "spec", ["rwkv4:d=1,bare=1,p=3,range=4", *(f"rwkv{k}:d=1,bare=1,p=5" for k in (5, 6, 7))]
)
def test_the_smallest_machines_have_at_most_16_bits_and_many_states(spec):
    machine = machines.build(spec, Index(12, 5), 12)
    assert machine.capacity_bits(12) <= 16
    states = machine.start(1000)
    for t in range(12):
        states = machine.step(states, np.random.default_rng(t).integers(5, size=1000), t)
    assert len(np.unique(machine.pack(states))) > 20


def test_heads_that_do_not_fit_are_refused():
    with pytest.raises(BadInput, match="heads must divide d; given heads=2 and d=3"):
        machines.build("rwkv7:d=3,heads=2", TASK, LENGTH)


# transformers.


def model_of(d, ffn, layers, form):
    """RWKV-4 with random weights of every kind; no halving of hidden states every few layers."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    kinds = max(TASK.alphabet(t).stop for t in range(TASK.length))
    config = transformers.RwkvConfig(
        vocab_size=kinds,
        hidden_size=d,
        num_hidden_layers=layers,
        intermediate_size=ffn,
        rescale_every=0,
        layer_norm_epsilon=1e-5,
    )
    model, made = transformers.RwkvModel(config), torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=made)
            if "time_mix" in name:
                weight.copy_(torch.sigmoid(noise))
            elif "time_decay" in name:
                weight.copy_(noise - 2)
            elif "ln" in name and name.endswith("weight"):
                weight.copy_(1 + noise / 4)
            elif weight.ndim == 2 and "embeddings" not in name:
                weight.copy_(noise * weight.shape[1] ** -0.5)
            else:
                weight.copy_(noise)
    return model.to(torch.float64 if form == "float64" else torch.float32).eval()


OURS = {
    "attention.time_mix_key": "mix_k",
    "attention.time_mix_value": "mix_v",
    "attention.time_mix_receptance": "mix_r",
    "feed_forward.time_mix_key": "ffn_mix_k",
    "feed_forward.time_mix_receptance": "ffn_mix_r",
}


def weights_of(model):
    """Its weights under our names: pre_ln, which norms the embedding, is in ``embedding``."""
    torch = pytest.importorskip("torch")
    found = {}
    for name, value in model.state_dict().items():
        if name.startswith("blocks.") and "pre_ln" not in name:
            _, k, own = name.split(".", 2)
            own = OURS.get(own) or own.removeprefix("attention.").replace("feed_forward.", "ffn_")
            own = own.replace(".bias", "_bias").removesuffix(".weight")
            found[f"layers.{k}.{own}"] = (value[0, 0] if "mix" in own else value).double().numpy()
    with torch.no_grad():
        found["embedding"] = model.blocks[0].pre_ln(model.embeddings.weight).double().numpy()
    found["norm"], found["norm_bias"] = (p.detach().double().numpy() for p in model.ln_out.parameters())
    answers, d = len(TASK.answers), found["norm"].size
    return found | {"readout": np.zeros((answers, d)), "readout_bias": np.zeros(answers)}


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize(("d", "ffn", "layers"), [(6, 24, 2), (4, 5, 3)])
def test_equal_to_the_model_of_transformers(d, ffn, layers, form, tmp_path, monkeypatch):
    """Hidden states of every token after the last norm, and all five numbers of the state at the end.

    Its loop turns keys to float32 whatever they are: in float64 here. It is given its start, which is float32 else.
    """
    torch = pytest.importorskip("torch")
    kind = torch.float64 if form == "float64" else torch.float32
    if form == "float64":
        monkeypatch.setattr(torch.Tensor, "float", lambda self: self.double())
    model, tokens = model_of(d, ffn, layers, form), stream()
    np.savez(tmp_path / "weights.npz", **weights_of(model))
    spec = f"rwkv4:d={d},ffn={ffn},layers={layers},format={form},weights={tmp_path / 'weights.npz'}"
    machine = machines.build(spec, TASK, LENGTH)
    start = [torch.zeros(tokens.shape[1], d, layers, dtype=kind) for _ in range(5)]
    start[4] -= 1e38
    with torch.no_grad():
        theirs = model(torch.tensor(tokens.T), use_cache=True, state=start)
    expected = theirs.last_hidden_state.numpy().transpose(1, 2, 0)
    found = machine.trace(tokens)
    final = np.stack([machine.norm(machine._top, "norm", y[:, None], machine._rows)[:, 0] for y in found])
    assert theirs.last_hidden_state.dtype == kind
    equal("rwkv4", "transformers, RwkvModel", form, difference(final, expected))
    states = machine.start(tokens.shape[1])
    for t, row in enumerate(tokens):
        states = machine.step(states, row, t)
    order = ["channel_shift", "shift", "numerator", "denominator", "exponent"]
    for place in machine.layout.places:
        other = theirs.state[order.index(place.name)][:, :, place.layer].numpy().T
        equal("rwkv4", "transformers, RwkvModel, state", form, difference(states[place.rows], other))
