"""Mamba and Mamba-2 equal transformers' models, and the papers' equations in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import rnn_twins_mamba as twins
from equality import LIMITS, difference, equal, shaken

from commlb import machines
from commlb.errors import BadInput
from commlb.machines.rnn.mamba import Mamba, Mamba2
from commlb.machines.rnn.rows import Rows
from commlb.tasks.index import Index

LENGTH, KINDS = 63, 16
TASK = Index(LENGTH, KINDS)


def stream(runs=2):
    return np.random.default_rng(0).integers(TASK.alphabet_size, size=(LENGTH + 1, runs))


def built(name, d, sizes, rest, weights, folder):
    """The machine with these weights, read from a file."""
    file = folder / "weights.npz"
    np.savez(file, **weights)
    dims = "".join(f",{key}={value}" for key, value in sizes.items())
    return machines.build(f"{name}:d={d}{dims},{rest},weights={file}", TASK, LENGTH)


MAMBAS = [
    (6, {"N": 5, "w": 4, "expand": 2, "rank": 3}, "layers=2"),
    (20, {"N": 3, "w": 2, "expand": 1}, "layers=1"),
    (1, {"N": 2, "w": 2, "expand": 1}, "bare=1,layers=2"),
    (3, {"N": 2, "w": 1, "expand": 2}, "layers=2"),
]
MAMBA2S = [
    (6, {"H": 4, "P": 3, "N": 5, "G": 2, "w": 4}, "layers=2"),
    (4, {"H": 1, "P": 8, "N": 3, "G": 1, "w": 2}, "layers=1"),
    (2, {"H": 2, "P": 1, "N": 2, "G": 1, "w": 3}, "bare=1,layers=2"),
    (2, {"H": 2, "P": 3, "N": 2, "G": 2, "w": 1}, "layers=2"),
]
CASES = [("mamba", *case) for case in MAMBAS] + [("mamba2", *case) for case in MAMBA2S]


def against_twin(name, d, sizes, rest, form, folder):
    dims = "".join(f",{key}={value}" for key, value in sizes.items())
    machine = shaken(f"{name}:d={d}{dims},{rest},format={form}", TASK, LENGTH, folder)
    given = {key: sizes[key] for key in ("N", "H", "P", "G") if key in sizes}
    tokens = stream()
    found = machine.trace(tokens)
    expected = np.stack(
        [twins.network(getattr(twins, name), machine.weights, run, **given) for run in tokens.T], axis=-1
    )
    assert np.abs(expected).max() > 0.01
    return difference(found, expected)


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize(("name", "d", "sizes", "rest"), CASES)
def test_equal_to_the_closed_form(name, d, sizes, rest, form, tmp_path):
    equal(name, "closed form in NumPy", form, against_twin(name, d, sizes, rest, form, tmp_path))


def late_decay(self, s, decay, left, right, key, value):
    return original(self, s + key[:, None] * value[None], decay, left, right, np.zeros_like(key), value)


original = Rows.carried
MUTANTS = [
    ("mamba2", Rows, "carried", late_decay),
    ("mamba2", Mamba2, "_normed", lambda self, w, y, m: m.rms_norm(y, w.gate_norm, 1e-5)),
    ("mamba", Mamba, "derive", lambda self, w, m: setattr(w, "A", -(w.A_log.swapaxes(0, 1) ** 2))),
    ("mamba", Rows, "softplus", Rows.sigmoid),
]


@pytest.mark.parametrize(("name", "where", "what", "wrong"), MUTANTS)
def test_mistakes_are_seen(name, where, what, wrong, monkeypatch, tmp_path):
    """Decay after the sum, one norm for all groups, A not the exponential of A_log, another step size."""
    monkeypatch.setattr(where, what, wrong)
    case = next(case for case in CASES if case[0] == name)
    assert against_twin(*case, "float64", tmp_path) > 1e-3


def test_the_smallest_machine_has_three_numbers_and_many_states():
    machine = machines.build("mamba:d=1,N=2,w=2,expand=1,bare=1,p=5,range=1,seed=5", Index(12, 5), 12)
    assert machine.numbers == 3
    assert machine.capacity_bits(12) == 15
    states = machine.start(1000)
    for t in range(12):
        tokens = np.random.default_rng(t).integers(5, size=1000)
        states = machine.step(states, tokens, t)
    assert len(np.unique(machine.pack(states))) > 50


def test_dimensions_that_do_not_fit_are_refused():
    with pytest.raises(BadInput, match="G must divide H; given G=2 and H=3"):
        machines.build("mamba2:d=2,H=3,G=2", TASK, LENGTH)
    with pytest.raises(BadInput, match="H·P must be at most 4096"):
        machines.build("mamba2:d=2,H=100,P=100", TASK, LENGTH)
    with pytest.raises(BadInput, match="expand·d must be at most 4096"):
        machines.build("mamba:d=4000", TASK, LENGTH)


# transformers.


@pytest.fixture
def doubles(monkeypatch):
    """transformers' models compute parts in float32 whatever their weights are: here in float64 instead."""
    torch = pytest.importorskip("torch")
    to = torch.Tensor.to

    def kept(self, *given, **named):
        if self.dtype == torch.float64:
            given = tuple(torch.float64 if value is torch.float32 else value for value in given)
            named = {key: torch.float64 if value is torch.float32 else value for key, value in named.items()}
        return to(self, *given, **named)

    def switch(on):
        if on:
            monkeypatch.setattr(torch.Tensor, "float", lambda self: self.double())
            monkeypatch.setattr(torch.Tensor, "to", kept)

    return switch


def randomised(model, form, torch):
    """The model with random weights of every kind, norms and biases too, in this arithmetic."""
    made = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=made)
            if "dt_bias" in name or "dt_proj.bias" in name:
                weight.copy_(noise - 2)
            elif weight.ndim > 1 and "conv1d" not in name and "embeddings" not in name:
                weight.copy_(noise * (1.0 if "A_log" in name else weight.shape[-1] ** -0.5))
            elif "norm" in name:
                weight.copy_(1 + noise / 4)
            else:
                weight.copy_(noise / 2 if "conv1d" in name else noise)
    return model.to(torch.float64 if form == "float64" else torch.float32).eval()


RENAMED = {
    "mixer.conv1d.weight": "conv",
    "mixer.conv1d.bias": "conv_bias",
    "mixer.dt_proj.bias": "dt_bias",
    "mixer.norm.weight": "gate_norm",
}


def weights_of(model):
    """A model's weights under our names, with a read-out that is not looked at."""
    found = {}
    for name, value in model.state_dict().items():
        value = value.double().numpy()
        if name.startswith("layers."):
            _, k, own = name.split(".", 2)
            short = RENAMED.get(own) or own.removeprefix("mixer.").removesuffix(".weight")
            found[f"layers.{k}.{short}"] = value[:, 0] if short == "conv" else value
    found["embedding"] = model.embeddings.weight.detach().double().numpy()
    found["norm"] = model.norm_f.weight.detach().double().numpy()
    answers, d = len(TASK.answers), found["embedding"].shape[1]
    return found | {"readout": np.zeros((answers, d)), "readout_bias": np.zeros(answers)}


def model_of(name, d, sizes, layers):
    transformers = pytest.importorskip("transformers")
    common = {
        "vocab_size": max(TASK.alphabet(t).stop for t in range(TASK.length)),
        "hidden_size": d,
        "state_size": sizes["N"],
        "num_hidden_layers": layers,
        "conv_kernel": sizes["w"],
        "pad_token_id": None,
        "use_mambapy": False,
    }
    if name == "mamba":
        rank = sizes.get("rank", "auto")
        config = transformers.MambaConfig(**common, expand=sizes["expand"], time_step_rank=rank)
        return transformers.MambaModel(config)
    own = {"num_heads": sizes["H"], "head_dim": sizes["P"], "n_groups": sizes["G"], "chunk_size": 8}
    common.pop("use_mambapy")
    return transformers.Mamba2Model(
        transformers.Mamba2Config(**common, **own, expand=sizes["H"] * sizes["P"] // d)
    )


TORCH_CASES = [("mamba", *case) for case in MAMBAS[:2]] + [("mamba2", *case) for case in MAMBA2S[:2]]


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize(("name", "d", "sizes", "rest"), TORCH_CASES)
def test_equal_to_the_model_of_transformers(name, d, sizes, rest, form, tmp_path, doubles):
    """Hidden states of every token after the last norm, and the state of every layer at the end."""
    torch = pytest.importorskip("torch")
    doubles(form == "float64")
    layers = int(rest[-1])
    model = randomised(model_of(name, d, sizes, layers), form, torch)
    machine = built(name, d, sizes, f"layers={layers},format={form}", weights_of(model), tmp_path)
    tokens = stream()
    with torch.no_grad():
        theirs = model(torch.tensor(tokens.T), use_cache=True)
    found = machine.trace(tokens)
    final = np.stack([machine.norm(machine._top, "norm", y[:, None], machine._rows)[:, 0] for y in found])
    expected = theirs.last_hidden_state.numpy().transpose(1, 2, 0)
    assert theirs.last_hidden_state.dtype == (torch.float64 if form == "float64" else torch.float32)
    assert np.abs(expected).max() > 0.01
    other = f"transformers, {type(model).__name__}"
    equal(name, other, form, difference(final, expected))
    states = machine.start(tokens.shape[1])
    for t, row in enumerate(tokens):
        states = machine.step(states, row, t)
    for place in machine.layout.places:
        ours, cache = states[place.rows].reshape(*place.part.shape, -1), theirs.cache.layers[place.layer]
        if place.name == "conv":  # theirs keeps w columns, the oldest of which nothing reads
            other = next(iter(cache.conv_states.values())).numpy()[..., 1 - sizes["w"] :].transpose(2, 1, 0)
        else:
            other = np.moveaxis(next(iter(cache.recurrent_states.values())).numpy(), 0, -1).swapaxes(-2, -3)
        assert other.shape == ours.shape
        equal(name, f"transformers, {type(model).__name__}, state", form, difference(ours, other))
