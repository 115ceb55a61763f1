"""Matrix states equal transformers' modules: Qwen3-Next's gated DeltaNet, its rule without decay, xLSTM 7B."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rnn_twins_matrix import FORMS, LENGTH, error, made, state, stream, tolerance

from commlb.machines.rnn.network import Network


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
