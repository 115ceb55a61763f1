"""The budget against real caches of transformers: shapes, formats and bits after 1, 12 and 24 tokens."""

from __future__ import annotations

import inspect
import json
import math
import random
import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from more_tiny_models import HYBRID, PLAIN  # noqa: E402
from tiny_models import TINY  # noqa: E402

import commlb  # noqa: E402
from commlb.budgets.transformers import KNOWN  # noqa: E402
from commlb.records_budget import KV, POSITION, WINDOW  # noqa: E402

ALL = {**TINY, **HYBRID, **PLAIN}
AT = (1, 12, 24)
FORMATS = {
    "torch.float32": "float32",
    "torch.bfloat16": "bf16",
    "torch.float16": "fp16",
    "torch.int64": "int64",
}

Found = list[tuple[int | None, tuple[int, ...], str]]
"""Tensors as (layer, shape without the batch, format)."""


def made(family: str, config: dict[str, Any], dtype: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sizes = transformers.AutoConfig.for_model(family, **config)
        model = transformers.AutoModelForCausalLM.from_config(sizes, dtype=dtype).eval()
    return sizes, model


def tensors_of(cache: Any, model: Any, family: str) -> Found:
    """What the model keeps from token to token, by layer."""
    if family == "rwkv":  # five tensors, the layers on the last axis
        return [
            (k, part[0, :, k].shape, str(part.dtype)) for k in range(cache[0].shape[-1]) for part in cache
        ]
    found = []
    if family == "xlstm":
        found.append((None, cache.seqlen_offset.shape, str(cache.seqlen_offset.dtype)))
        for k, parts in cache.rnn_state.items():
            found += [(k, part.shape[1:], str(part.dtype)) for part in parts]
        return found
    for k, layer in enumerate(cache.layers):
        for states in ("conv_states", "recurrent_states"):
            for part in getattr(layer, states, {}).values():
                if part is not None:
                    found.append((k, part.shape[1:], str(part.dtype)))
        for name in ("keys", "values"):
            part = getattr(layer, name, None)
            if part is not None:
                found.append((k, part.shape[1:], str(part.dtype)))
    for k, part in enumerate(getattr(cache, "linear_cache", ())):  # MiniMax
        if isinstance(part, torch.Tensor):
            found.append((k, part.shape[1:], str(part.dtype)))
    if family == "recurrent_gemma":  # its recurrent states lie on the modules
        for k, block in enumerate(model.model.layers):
            own = block.temporal_block
            if hasattr(own, "rg_lru"):
                for part in (own.conv1d_state, own.rg_lru.recurrent_states):
                    found.append((k, part.shape[1:], str(part.dtype)))
    return found


def caches(family: str, config: dict[str, Any], dtype: Any) -> dict[int, Found]:
    """The tensors after 1, 12 and 24 tokens, one token a step."""
    sizes, model = made(family, config, dtype)
    taken = inspect.signature(model.forward).parameters
    key = next(name for name in ("cache", "cache_params", "past_key_values", "state") if name in taken)
    cache = transformers.DynamicCache(config=sizes) if family == "recurrent_gemma" else None
    found = {}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for t in range(max(AT)):
            given: dict[str, Any] = {} if cache is None else {key: cache}
            if "position_ids" in taken:
                given["position_ids"] = torch.tensor([[t]])
            output = model(input_ids=torch.tensor([[1 + t % 7]]), use_cache=True, **given)
            if family != "recurrent_gemma":
                cache = next(
                    output[name] for name in (key, "cache", "cache_params", "state") if name in output
                )
            if t + 1 in AT:
                found[t + 1] = [
                    (k, tuple(shape), FORMATS[name]) for k, shape, name in tensors_of(cache, model, family)
                ]
    return found


def budgeted(path: Any, tokens: int) -> tuple[Found, int]:
    result = commlb.budget(path, tokens=tokens, task="index")
    told = [(t.layer, t.shape, t.format) for t in result.tensors]
    assert sum(t.tensor_bits or 0 for t in result.tensors) == sum(k.tensor_bits or 0 for k in result.kinds)
    return told, sum(t.tensor_bits or 0 for t in result.tensors)


def compare(family: str, config: dict[str, Any], dtype: str, path: Any) -> None:
    path.write_text(json.dumps({"model_type": family, "torch_dtype": dtype, **config}))
    real = caches(family, config, getattr(torch, dtype))
    for t in AT:
        told, bits = budgeted(path, t)
        assert sorted(told, key=str) == sorted(real[t], key=str), t
        wide = {"float32": 32, "bf16": 16, "fp16": 16, "int64": 64}
        assert bits == sum(math.prod(shape) * wide[name] for _, shape, name in real[t])


def test_every_family_is_compared():
    assert set(KNOWN) == set(ALL)


@pytest.mark.parametrize("family", TINY)
def test_shapes_formats_and_bits_are_those_of_the_real_cache(family, tmp_path):
    compare(family, TINY[family], "bfloat16", tmp_path / "config.json")


@pytest.mark.slow
@pytest.mark.parametrize("family", TINY)
def test_so_they_are_in_float32(family, tmp_path):
    compare(family, TINY[family], "float32", tmp_path / "config.json")


@pytest.mark.slow
@pytest.mark.parametrize("family", {**HYBRID, **PLAIN})
def test_so_they_are_for_further_families(family, tmp_path):
    compare(family, ALL[family], "bfloat16", tmp_path / "config.json")


CHANGES: dict[str, dict[str, list[Any]]] = {
    "mamba": {"state_size": [3, 5], "conv_kernel": [2, 3, 5], "expand": [1, 3], "intermediate_size": [48, 80]},
    "falcon_mamba": {"state_size": [3], "conv_kernel": [2, 3], "expand": [16], "intermediate_size": [48]},
    "mamba2": {"state_size": [3, 16], "conv_kernel": [2, 3], "n_groups": [2, 4]},
    "rwkv": {"num_hidden_layers": [3, 4], "context_length": [7], "intermediate_size": [32]},
    "xlstm": {"num_heads": [4], "qk_dim_factor": [1.0], "v_dim_factor": [0.5, 1.0]},
    "recurrent_gemma": {
        "lru_width": [None], "conv1d_width": [2, 3], "attention_window_size": [4, 12, 25], "head_dim": [8],
        "num_key_value_heads": [None, 2], "block_types": [["attention", "recurrent"]],
    },
    "jamba": {
        "mamba_d_state": [4], "mamba_d_conv": [2], "mamba_expand": [1, 3], "attn_layer_period": [2, 3],
        "attn_layer_offset": [0, 1], "num_key_value_heads": [2],
    },
    "zamba2": {"mamba_d_state": [4], "mamba_d_conv": [2], "mamba_ngroups": [2], "num_key_value_heads": [None]},
    "bamba": {
        "mamba_d_state": [4], "mamba_n_groups": [2], "attn_layer_indices": [[0], [0, 1]], "mamba_d_head": ["auto"],
    },
    "qwen3_next": {
        "linear_key_head_dim": [16], "linear_value_head_dim": [4, 16], "linear_num_value_heads": [2, 6],
        "linear_conv_kernel_dim": [2, 3], "full_attention_interval": [2], "head_dim": [8],
    },
    "lfm2": {"conv_L_cache": [2, 5], "num_key_value_heads": [2], "hidden_size": [64]},
    "granitemoehybrid": {"mamba_d_state": [4], "mamba_d_conv": [3], "layer_types": [["attention", "mamba"]]},
    "nemotron_h": {"ssm_state_size": [4], "n_groups": [1, 4], "conv_kernel": [3], "head_dim": [8]},
    "falcon_h1": {
        "mamba_d_ssm": [None, 128], "mamba_d_head": ["auto"], "mamba_n_groups": [2], "mamba_n_heads": [8],
    },
    "zamba": {"n_mamba_heads": [4], "mamba_d_conv": [3], "attention_head_dim": [16], "attn_layer_period": [3]},
    "minimax": {"head_dim": [8], "num_key_value_heads": [2], "num_hidden_layers": [3]},
}  # fmt: skip
"""Sizes that are changed, each to one of the values.

Of RecurrentGemma lru_width is left: transformers 5.24 cannot step a model in which it is not hidden_size; of xLSTM
widths that are no multiples of 64, in which its cache and its layers differ.
"""


@pytest.mark.slow
@pytest.mark.parametrize("family", CHANGES)
def test_changed_sizes_too(family, tmp_path):
    rng = random.Random(family)
    for _ in range(3):
        keys = rng.sample(sorted(CHANGES[family]), min(2, len(CHANGES[family])))
        changed = {key: rng.choice(CHANGES[family][key]) for key in keys}
        try:
            made(family, ALL[family] | changed, torch.float32)
        except Exception:  # sizes that do not belong together; transformers says so, and so must the budget
            continue
        compare(family, ALL[family] | changed, "float32", tmp_path / "config.json")


@pytest.mark.slow
def test_the_width_of_rwkv(tmp_path):
    sizes = {"vocab_size": 32, "hidden_size": 48, "num_hidden_layers": 3}
    compare("rwkv", sizes, "bfloat16", tmp_path / "config.json")


@pytest.mark.parametrize("family", [family for family in KNOWN if family != "lfm2_moe"])
def test_defaults_are_those_of_transformers(family, tmp_path):
    """A config that says nothing gives the same state as one in which transformers has written all its defaults.

    But for lfm2_moe: transformers has no default for the kinds of its layers.
    """
    empty, full = tmp_path / "empty.json", tmp_path / "full.json"
    empty.write_text(json.dumps({"model_type": family}))
    written = transformers.AutoConfig.for_model(family).to_dict()
    full.write_text(json.dumps(written, default=str))
    bare, spelled = (commlb.budget(path, task="index") for path in (empty, full))
    assert bare.tensors == spelled.tensors
    assert bare.tokens == spelled.tokens
    assert bare.model.defaults


def test_what_is_live_is_what_later_steps_read():
    """Columns of a convolution beyond w − 1 may hold anything: the next outputs are the same."""
    for family in ("mamba", "mamba2", "lfm2", "qwen3_next"):
        _, model = made(family, ALL[family], torch.float32)
        key = next(
            n
            for n in ("cache", "cache_params", "past_key_values")
            if n in inspect.signature(model.forward).parameters
        )
        logits = []
        for garbage in (False, True):
            cache = None
            with torch.no_grad():
                for token in (1, 2, 3, 4, 5):
                    if garbage and cache is not None:
                        for layer in cache.layers:
                            for part in getattr(layer, "conv_states", {}).values():
                                part[..., 0] = 1e3
                    output = model(
                        input_ids=torch.tensor([[token]]),
                        use_cache=True,
                        **({key: cache} if cache is not None else {}),
                    )
                    cache = next(output[name] for name in (key, "cache", "cache_params") if name in output)
            logits.append(output.logits)
        assert torch.equal(*logits), family


def test_live_bits_of_each_kind():
    for family in TINY:
        result = commlb.budget(_config(family), task="index")
        for tensor in result.tensors:
            if tensor.kind == POSITION:
                assert tensor.live_bits == 0
            elif tensor.kind in (KV, WINDOW, "recurrent"):
                assert tensor.live_bits == tensor.tensor_bits
            else:
                columns = tensor.shape[-1]
                live = columns if family == "recurrent_gemma" else columns - 1
                assert tensor.live_bits * columns == tensor.tensor_bits * live


def _config(family: str) -> Any:
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.mkdtemp())
    (folder / "config.json").write_text(json.dumps({"model_type": family, **ALL[family]}))
    return folder
