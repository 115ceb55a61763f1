"""Matrix states: equal to their sums over the past, and to transformers' modules where it has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rnn_twins_matrix as twins

from commlb import machines
from commlb.errors import BadInput
from commlb.machines.rnn import matrix
from commlb.machines.rnn.matrix import Matrix
from commlb.machines.rnn.network import Network
from commlb.tasks.index import Index

LENGTH = 64
TASK = Index(LENGTH - 1, 16)
FORMS = ["float64", "float32"]
SPECS = [
    "linear-attention:d=8,heads=2,layers=2",
    "linear-attention:d=6,heads=3,dk=5,dv=4",
    "linear-attention:d=4,dk=3,dv=2,bare=1",
    "retnet:d=8,heads=2,layers=2",
    "retnet:d=6,heads=3,dk=5,dv=4",
    "retnet:d=4,dk=1,dv=2,bare=1",
    "gla:d=8,heads=2,layers=2",
    "gla:d=6,heads=3,dk=5,dv=4,rank=3",
    "gla:d=4,dk=3,dv=2,bare=1",
    "deltanet:d=8,heads=2,layers=2",
    "deltanet:d=6,heads=3,dk=5,dv=4,w=2",
    "deltanet:d=4,dk=3,dv=2,w=1,bare=1",
    "gated-deltanet:d=8,heads=2,layers=2",
    "gated-deltanet:d=6,heads=3,dk=5,dv=4,w=2",
    "gated-deltanet:d=4,dk=3,dv=2,w=1,bare=1",
    "mlstm:d=8,heads=2,layers=2",
    "mlstm:d=6,heads=3,dk=5,dv=4,w=2",
    "mlstm:d=8,heads=2,w=1,layers=2",
    "mlstm:d=6,heads=3,dk=5,dv=4,w=1",
    "mlstm:d=4,dk=3,dv=2,w=1,bare=1",
    "mlstm:d=4,dk=3,dv=2,w=3,bare=1",
]


def made(spec: str, form: str, path: Any, **fixed: float) -> Network:
    """The machine with all weights random, also those that are constant from a seed, except ``fixed``."""
    spec = f"{spec},format={form}"
    machine = machines.build(spec, TASK, TASK.length - 1)
    rng = np.random.default_rng(5)
    wanted = machine.wanted()
    weights = {
        name: a + 0.3 * rng.standard_normal(a.shape) * (wanted[name].low == wanted[name].high)
        for name, a in machine.weights.items()
    }
    for name in weights:
        if name.rpartition(".")[2] in fixed:
            weights[name] = np.full_like(weights[name], fixed[name.rpartition(".")[2]])
    np.savez(path / "weights.npz", **weights)
    return machines.build(f"{spec},weights={path / 'weights.npz'}", TASK, TASK.length - 1)


def stream(runs: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(TASK.alphabet_size, size=(LENGTH, runs))


def error(found: Any, expected: Any) -> float:
    """The largest difference, relative to the largest number expected if that is more than 1."""
    return float(np.abs(found - expected).max() / max(1, np.abs(expected).max()))


def tolerance(form: str) -> float:
    return 1e-9 if form == "float64" else 1e-5


def twin_error(machine: Network) -> float:
    tokens = stream()
    return error(machine.trace(tokens)[:, :, 0], twins.outputs(machine, tokens[:, 0]))


def state(machine: Network, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """The parts of all layers, "layer.part", after the tokens (T, runs)."""
    states = machine.start(tokens.shape[1])
    for t, row in enumerate(tokens):
        states = machine.step(states, row, t)
    return {
        f"{place.layer}.{place.name}": states[place.rows].reshape(*place.part.shape, -1)
        for place in machine.layout.places
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spec", SPECS)
def test_equal_to_the_sum_over_the_past(spec, form, tmp_path):
    assert twin_error(made(spec, form, tmp_path)) < tolerance(form)


def before_it_is_written(self: Any, s: Any, save: Any, m: Any, **given: Any) -> Any:
    CARRY(self, s, save, m, **given)
    return s


def decayed_after(self: Any, s: Any, save: Any, m: Any, key: Any, decay: Any, **given: Any) -> Any:
    return CARRY(self, s, save, m, key=decay * key, decay=decay, **given)


def never_erased(self: Any, s: Any, save: Any, m: Any, left: Any, right: Any, **given: Any) -> Any:
    return CARRY(self, s, save, m, **given)


def erased_before_decay(self: Any, s: Any, save: Any, m: Any, left: Any, decay: Any, **given: Any) -> Any:
    return CARRY(self, s, save, m, left=left / decay, decay=decay, **given)


def never_forgotten(self: Any, s: Any, save: Any, m: Any, decay: Any, **given: Any) -> Any:
    return CARRY(self, s, save, m, **given)


CARRY = Matrix.carry
MUTANTS = [
    ("linear-attention", before_it_is_written),
    ("retnet", decayed_after),
    ("retnet", never_forgotten),
    ("gla", decayed_after),
    ("deltanet", never_erased),
    ("deltanet", before_it_is_written),
    ("gated-deltanet", erased_before_decay),
    ("gated-deltanet", decayed_after),
    ("mlstm", never_forgotten),
    ("mlstm", decayed_after),
]


@pytest.mark.parametrize(("family", "mutant"), MUTANTS)
def test_a_wrong_recurrence_is_seen(family, mutant, tmp_path, monkeypatch):
    """In bare layers: norms in each head would hide a factor, such as a decay of the newest token too."""
    monkeypatch.setattr(Matrix, "carry", mutant)
    assert twin_error(made(f"{family}:d=8,heads=2,bare=1", "float64", tmp_path)) > 1e-3


@pytest.mark.parametrize("family", twins.HEADS)
def test_a_transposed_state_is_seen(family, tmp_path, monkeypatch):
    right = Matrix.read_out
    monkeypatch.setattr(
        Matrix,
        "read_out",
        lambda self, s, q, m: right(self, np.ascontiguousarray(s.swapaxes(1, 2)), q, m),
    )
    assert twin_error(made(f"{family}:d=8,heads=2", "float64", tmp_path)) > 1e-3


def test_a_rotation_the_wrong_way_is_seen_and_one_by_no_angle_too(tmp_path, monkeypatch):
    turns = matrix.turns
    for sign in (-1.0, 0.0):
        monkeypatch.setattr(matrix, "turns", lambda n, sign=sign: (turns(n)[0], sign * turns(n)[1]))
        assert twin_error(made("retnet:d=8,heads=2", "float64", tmp_path)) > 1e-3


def test_angles_are_the_published_ones():
    for pairs in (0, 1, 2, 7, 64):
        angle = 1 / 10000 ** np.linspace(0, 1, pairs)
        cos, sin = matrix.turns(pairs)
        assert np.allclose(cos, np.cos(angle), rtol=0, atol=1e-15)
        assert np.allclose(sin, np.sin(angle), rtol=1e-14, atol=0)


@pytest.mark.parametrize("family", twins.HEADS)
def test_what_cannot_be_is_refused_in_one_line(family):
    for given, said in (
        ("d=3,heads=2", "heads must divide d"),
        ("d=4096,dk=4096,dv=4096,layers=2", "numbers in matrices"),
        ("d=2,dk=-1", "dk must be"),
    ):
        with pytest.raises(BadInput, match=said) as caught:
            machines.build(f"{family}:{given}", TASK, LENGTH - 1)
        assert "\n" not in str(caught.value)


def test_the_mlstm_refuses_the_norm_of_one_number():
    with pytest.raises(BadInput, match="dv=2 or bare=1"):
        machines.build("mlstm:d=2,heads=2", TASK, LENGTH - 1)


def tensors(machine: Network, layer: int) -> Any:
    """The layer's weights as tensors of the machine's arithmetic."""
    torch = pytest.importorskip("torch")
    kind = torch.float64 if machine.dtype == np.float64 else torch.float32
    start = f"layers.{layer}."
    return {
        name[len(start) :]: torch.tensor(a, dtype=kind)
        for name, a in machine.weights.items()
        if name.startswith(start)
    }


def torch_outputs(machine: Network, tokens: np.ndarray, layers: list[Any]) -> Any:
    """Embedding, then x + layer(RMSNorm(x)) for each: (T, d, runs)."""
    torch = pytest.importorskip("torch")
    weights = [tensors(machine, k)["norm"] for k in range(machine.depth)]
    x = torch.tensor(machine.weights["embedding"][tokens.T], dtype=weights[0].dtype)
    with torch.no_grad():
        for weight, layer in zip(weights, layers, strict=True):
            x = x + layer(torch.nn.functional.rms_norm(x, weight.shape, weight, 1e-5))
    return x.numpy().transpose(1, 2, 0)


@pytest.fixture
def qwen(monkeypatch):
    """transformers' Qwen3-Next, whose casts to float32 are casts to float64 where ``double`` is called."""
    torch = pytest.importorskip("torch")
    module = pytest.importorskip("transformers.models.qwen3_next.modeling_qwen3_next")

    class Double:
        def __getattr__(self, name: str) -> Any:
            return getattr(torch, "float64" if name == "float32" else name)

    def double() -> None:
        monkeypatch.setattr(module, "torch", Double())
        monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)

    module.make_double = double
    return module


def gated_delta_net(qwen: Any, machine: Network, layer: int) -> Any:
    """transformers' module with the weights of our layer; its projections have q, k, v, z of a head together."""
    import torch
    from transformers.models.qwen3_next import Qwen3NextConfig

    size, w = machine.size, tensors(machine, layer)
    config = Qwen3NextConfig(
        hidden_size=machine.d,
        num_hidden_layers=machine.depth,
        layer_types=["linear_attention"] * machine.depth,
        linear_num_key_heads=size.heads,
        linear_num_value_heads=size.heads,
        linear_key_head_dim=size.dk,
        linear_value_head_dim=size.dv,
        linear_conv_kernel_dim=size.w,
    )

    def by_head(*names: str) -> Any:
        return torch.cat([w[name].reshape(size.heads, -1, machine.d) for name in names], 1).flatten(0, 1)

    module = qwen.Qwen3NextGatedDeltaNet(config, layer).to(w["w_q"].dtype).eval()
    with torch.no_grad():
        for theirs, ours in (
            (module.in_proj_qkvz.weight, by_head("w_q", "w_k", "w_v", "w_z")),
            (module.in_proj_ba.weight, by_head("w_b", "w_a")),
            (module.conv1d.weight, w["conv"][:, None]),
            (module.dt_bias, w["b_a"]),
            (module.A_log, w["log_a"]),
            (module.norm.weight, w["head_norm"]),
            (module.out_proj.weight, w["w_o"]),
        ):
            assert theirs.shape == ours.shape
            theirs.copy_(ours)
    return module, config


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "spec", ["gated-deltanet:d=8,heads=2,layers=2", "gated-deltanet:d=6,heads=3,dk=5,dv=4,w=2"]
)
def test_gated_deltanet_equals_qwen3_next(spec, form, tmp_path, qwen):
    """Outputs of all tokens at once, then one token at a time with the states, convolution windows included."""
    from transformers import DynamicCache

    machine, tokens = made(spec, form, tmp_path, conv_bias=0.0), stream(3)
    if form == "float64":
        qwen.make_double()
    layers = [gated_delta_net(qwen, machine, k) for k in range(machine.depth)]
    expected = torch_outputs(machine, tokens, [module for module, _ in layers])
    assert error(machine.trace(tokens), expected) < tolerance(form)
    caches = [DynamicCache(config=config) for _, config in layers]

    def stepped(k: int, x: Any) -> Any:
        import torch

        return torch.cat([layers[k][0](x[:, t : t + 1], cache=caches[k]) for t in range(LENGTH)], dim=1)

    again = torch_outputs(machine, tokens, [lambda x, k=k: stepped(k, x) for k in range(machine.depth)])
    assert error(machine.trace(tokens), again) < tolerance(form)
    found = state(machine, tokens)
    for k, cache in enumerate(caches):
        theirs = cache.layers[k].recurrent_states[0].numpy().transpose(1, 2, 3, 0)
        assert error(found[f"{k}.matrix"], theirs) < tolerance(form)
        columns = cache.layers[k].conv_states[0].numpy()[..., 1 - machine.size.w :].transpose(2, 1, 0)
        assert error(found[f"{k}.conv"], columns) < tolerance(form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dims", ["d=8,heads=2", "d=6,heads=3,dk=5,dv=4"])
def test_deltanet_equals_the_chunked_rule_without_decay(dims, form, tmp_path, qwen):
    """transformers' chunked gated delta rule with g = 0, and its last state."""
    import torch

    machine, tokens = made(f"deltanet:{dims},w=1", form, tmp_path), stream(3)
    if form == "float64":
        qwen.make_double()
    w, size, last = tensors(machine, 0), machine.size, []

    def layer(x: Any) -> Any:
        q, k, v = (
            torch.nn.functional.silu(x @ w[name].T).unflatten(-1, (size.heads, -1))
            for name in ("w_q", "w_k", "w_v")
        )
        beta = torch.sigmoid(x @ w["w_b"].T)
        y, s = qwen.torch_chunk_gated_delta_rule(
            q,
            k,
            v,
            g=torch.zeros_like(beta),
            beta=beta,
            chunk_size=16,
            output_final_state=True,
            use_qk_l2norm_in_kernel=True,
        )
        last.append(s.numpy().transpose(1, 2, 3, 0))
        y = torch.nn.functional.rms_norm(y, (size.dv,), w["head_norm"], 1e-6)
        return y.flatten(-2) @ w["w_o"].T

    assert error(machine.trace(tokens), torch_outputs(machine, tokens, [layer])) < tolerance(form)
    assert error(state(machine, tokens)["0.matrix"], last[0]) < tolerance(form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("chunk", [64, 16, 128])
@pytest.mark.parametrize("spec", ["mlstm:d=8,heads=2,dk=2,layers=2,w=1", "mlstm:d=6,heads=3,dk=4,dv=4,w=1"])
def test_mlstm_equals_xlstm_7b(spec, chunk, form, tmp_path):
    """transformers' xLSTM layer, in chunks and (chunk > 64) token by token, and its last C, n and m.

    Its configuration has no float64 for states: the kernels are told.
    """
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("transformers.models.xlstm.modeling_xlstm")
    if theirs.external_xlstm:
        pytest.skip("transformers takes its layers from the package xlstm where that is installed")
    machine, tokens = made(spec, form, tmp_path), stream(3)
    size, last = machine.size, []
    config = theirs.xLSTMConfig(
        hidden_size=machine.d,
        num_hidden_layers=1,
        num_heads=size.heads,
        qk_dim_factor=size.heads * size.dk / machine.d,
        v_dim_factor=size.heads * size.dv / machine.d,
        chunk_size=chunk,
        norm_reduction_force_float32=False,
    )

    def layer(k: int) -> Any:
        w = tensors(machine, k)
        module = theirs.xLSTMLayer(config).to(w["w_q"].dtype).eval()
        kernels = module.mlstm_backend._inference_fn.keywords
        for kernel in ("mlstm_sequence_kernel", "mlstm_step_kernel"):
            kernels[kernel].keywords["dtype_state"] = w["w_q"].dtype
        with torch.no_grad():
            for place, ours in (
                (module.q.weight, w["w_q"]),
                (module.k.weight, w["w_k"]),
                (module.v.weight, w["w_v"]),
                (module.ogate_preact.weight, w["w_g"]),
                (module.igate_preact.weight, w["w_i"]),
                (module.igate_preact.bias, w["b_i"]),
                (module.fgate_preact.weight, w["w_f"]),
                (module.fgate_preact.bias, w["b_f"]),
                (module.multihead_norm.weight, w["head_norm"]),
                (module.out_proj.weight, w["w_o"]),
            ):
                assert place.shape == ours.shape
                place.copy_(ours)

        def run(x: Any) -> Any:
            y, s = module(x)
            last.append([part.numpy() for part in s])
            return y

        return run

    expected = torch_outputs(machine, tokens, [layer(k) for k in range(machine.depth)])
    assert error(machine.trace(tokens), expected) < tolerance(form)
    found = state(machine, tokens)
    for k, (c, n, m) in enumerate(last):
        assert error(found[f"{k}.matrix"], c.transpose(1, 2, 3, 0)) < tolerance(form)
        assert error(found[f"{k}.normaliser"], n.transpose(1, 2, 0)) < tolerance(form)
        assert error(found[f"{k}.stabiliser"], m.transpose(1, 2, 0)) < tolerance(form)
