"""Matrix states equal modules of PyTorch: gated DeltaNet, DeltaNet and xLSTM 7B of transformers, NX-AI's mLSTM."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from equality import equal
from rnn_twins_matrix import FORMS, LENGTH, error, made, state, stream

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


def copied(*pairs: Any) -> None:
    """Each parameter gets the numbers of its tensor, of the same shape."""
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        for theirs, ours in pairs:
            assert theirs.shape == ours.shape
            theirs.copy_(ours)


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
    copied(
        (module.in_proj_qkvz.weight, by_head("w_q", "w_k", "w_v", "w_z")),
        (module.in_proj_ba.weight, by_head("w_b", "w_a")),
        (module.conv1d.weight, w["conv"][:, None]),
        (module.dt_bias, w["b_a"]),
        (module.A_log, w["log_a"]),
        (module.norm.weight, w["head_norm"]),
        (module.out_proj.weight, w["w_o"]),
    )
    return module, config


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "spec", ["gated-deltanet:d=8,heads=2,layers=2", "gated-deltanet:d=6,heads=3,dk=5,dv=4,w=2"]
)
def test_gated_deltanet_equals_qwen3_next(spec, form, tmp_path, qwen):
    """Outputs of all tokens at once, then one token at a time with the states, convolution windows included."""
    from transformers import DynamicCache

    machine, tokens = made(spec, form, tmp_path, fixed=("conv_bias",)), stream(3)
    if form == "float64":
        qwen.make_double()
    layers = [gated_delta_net(qwen, machine, k) for k in range(machine.depth)]
    expected = torch_outputs(machine, tokens, [module for module, _ in layers])
    equal(
        "gated-deltanet",
        "Qwen3NextGatedDeltaNet of transformers",
        form,
        error(machine.trace(tokens), expected),
    )
    caches = [DynamicCache(config=config) for _, config in layers]

    def stepped(k: int, x: Any) -> Any:
        import torch

        return torch.cat([layers[k][0](x[:, t : t + 1], cache=caches[k]) for t in range(LENGTH)], dim=1)

    again = torch_outputs(machine, tokens, [lambda x, k=k: stepped(k, x) for k in range(machine.depth)])
    equal(
        "gated-deltanet",
        "Qwen3NextGatedDeltaNet of transformers, token by token",
        form,
        error(machine.trace(tokens), again),
    )
    found = state(machine, tokens)
    for k, cache in enumerate(caches):
        theirs = cache.layers[k].recurrent_states[0].numpy().transpose(1, 2, 3, 0)
        equal(
            "gated-deltanet",
            "Qwen3NextGatedDeltaNet of transformers, state",
            form,
            error(found[f"{k}.matrix"], theirs),
        )
        columns = cache.layers[k].conv_states[0].numpy()[..., 1 - machine.size.w :].transpose(2, 1, 0)
        equal(
            "gated-deltanet",
            "Qwen3NextGatedDeltaNet of transformers, state",
            form,
            error(found[f"{k}.conv"], columns),
        )


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

    equal(
        "deltanet",
        "chunked gated delta rule of transformers, g = 0",
        form,
        error(machine.trace(tokens), torch_outputs(machine, tokens, [layer])),
    )
    equal(
        "deltanet",
        "chunked gated delta rule of transformers, g = 0, state",
        form,
        error(state(machine, tokens)["0.matrix"], last[0]),
    )


@pytest.fixture
def transformers_xlstm(monkeypatch):
    """transformers' own xLSTM: it is not to take the layers of the package xlstm, if that is installed."""
    pytest.importorskip("transformers")
    monkeypatch.setattr("transformers.utils.is_xlstm_available", lambda: False)
    module = importlib.import_module("transformers.models.xlstm.modeling_xlstm")
    if module.external_xlstm:
        pytest.skip("transformers has already taken its layers from the package xlstm")
    return module


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("chunk", [64, 16, 128])
@pytest.mark.parametrize("spec", ["mlstm:d=8,heads=2,dk=2,layers=2,w=1", "mlstm:d=6,heads=3,dk=4,dv=4,w=1"])
def test_mlstm_equals_xlstm_7b(spec, chunk, form, tmp_path, transformers_xlstm):
    """transformers' xLSTM layer, in chunks and (chunk > 64) token by token, and its last C, n and m.

    Its configuration has no float64 for states: the kernels are told.
    """
    theirs = transformers_xlstm
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
        copied(
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
        )

        def run(x: Any) -> Any:
            y, s = module(x)
            last.append([part.numpy() for part in s])
            return y

        return run

    expected = torch_outputs(machine, tokens, [layer(k) for k in range(machine.depth)])
    equal("mlstm", "xLSTMLayer of transformers", form, error(machine.trace(tokens), expected))
    found = state(machine, tokens)
    for k, (c, n, m) in enumerate(last):
        equal(
            "mlstm",
            "xLSTMLayer of transformers, state",
            form,
            error(found[f"{k}.matrix"], c.transpose(1, 2, 3, 0)),
        )
        equal(
            "mlstm",
            "xLSTMLayer of transformers, state",
            form,
            error(found[f"{k}.normaliser"], n.transpose(1, 2, 0)),
        )
        equal(
            "mlstm",
            "xLSTMLayer of transformers, state",
            form,
            error(found[f"{k}.stabiliser"], m.transpose(1, 2, 0)),
        )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spec", ["mlstm:d=8,heads=2,dk=8,dv=8,layers=2", "mlstm:d=6,heads=3,dk=4,dv=4,w=3"])
def test_mlstm_equals_the_block_of_nx_ai(spec, form, tmp_path):
    """The layer of the package xlstm, token by token; its W_q, W_k, W_v are blocks of 4 × 4 on the diagonal."""
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("xlstm.blocks.mlstm.layer")
    machine, tokens = made(spec, form, tmp_path, diagonal=("w_q", "w_k", "w_v")), stream(3)
    size, inner = machine.size, machine.size.heads * machine.size.dv

    def layer(k: int) -> Any:
        w = tensors(machine, k)
        config = theirs.mLSTMLayerConfig(
            conv1d_kernel_size=size.w, num_heads=size.heads, embedding_dim=machine.d, context_length=LENGTH
        )
        config._inner_embedding_dim = inner  # which is rounded up to a multiple of 64 otherwise
        module = theirs.mLSTMLayer(config)
        module.to(w["w_o"].dtype)
        cell = module.mlstm_cell
        cell.outnorm.eps = 1e-6
        copied(
            (module.proj_up.weight, torch.cat([w["w_u"], w["w_z"]])),
            (module.proj_down.weight, w["w_o"]),
            (module.learnable_skip, w["skip"]),
            (module.conv1d.conv.weight, w["conv"][:, None]),
            (module.conv1d.conv.bias, w["conv_bias"]),
            (cell.igate.weight, w["w_i"]),
            (cell.igate.bias, w["b_i"]),
            (cell.fgate.weight, w["w_f"]),
            (cell.fgate.bias, w["b_f"]),
            (cell.outnorm.weight, w["head_norm"] - 1),
            *(
                (getattr(module, f"{name}_proj").weight, torch.stack(blocks(w[f"w_{name}"])))
                for name in "qkv"
            ),
        )

        def run(x: Any) -> Any:
            found, states = [], {"mlstm_state": None, "conv_state": None}
            for t in range(x.shape[1]):
                y, states = module.step(x[:, t : t + 1], **states)
                found.append(y)
            return torch.cat(found, dim=1)

        return run

    expected = torch_outputs(machine, tokens, [layer(k) for k in range(machine.depth)])
    equal("mlstm", "xlstm of NX-AI, mLSTMLayer", form, error(machine.trace(tokens), expected))


def blocks(matrix: Any) -> list[Any]:
    """The 4 × 4 blocks on the diagonal."""
    return [matrix[i : i + 4, i : i + 4] for i in range(0, len(matrix), 4)]
