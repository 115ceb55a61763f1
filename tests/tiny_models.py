"""Tiny configs of the recurrent and hybrid families of transformers: random weights, a few thousand numbers."""

from __future__ import annotations

from typing import Any

COMMON: dict[str, Any] = {"vocab_size": 32, "hidden_size": 32, "num_hidden_layers": 2}
ATTENTION: dict[str, Any] = {"num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 64}

TINY: dict[str, dict[str, Any]] = {
    "mamba": {**COMMON, "state_size": 8},
    "mamba2": {**COMMON, "num_heads": 4, "head_dim": 16, "state_size": 8, "n_groups": 1, "chunk_size": 8},
    "falcon_mamba": {**COMMON, "state_size": 8},
    "rwkv": {**COMMON, "attention_hidden_size": 32, "intermediate_size": 64},
    "xlstm": {**COMMON, "hidden_size": 128, "embedding_dim": 128, "num_blocks": 2, "num_heads": 2},
    "recurrent_gemma": {
        **COMMON, **ATTENTION, "num_hidden_layers": 3, "lru_width": 32, "head_dim": 16, "attention_window_size": 16,
    },
    "jamba": {
        **COMMON, **ATTENTION, "num_hidden_layers": 4, "num_experts": 2, "attn_layer_period": 4,
        "attn_layer_offset": 2, "mamba_d_state": 8, "mamba_dt_rank": 2, "use_mamba_kernels": False,
    },
    "zamba2": {
        **COMMON, **ATTENTION, "num_key_value_heads": 2, "num_hidden_layers": 4, "mamba_d_state": 8,
        "layers_block_type": ["linear_attention", "linear_attention", "hybrid", "linear_attention"],
        "mamba_headdim": 16, "n_mamba_heads": 4, "adapter_rank": 4, "chunk_size": 8,
    },
    "bamba": {
        **COMMON, **ATTENTION, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 8,
        "attn_layer_indices": [1], "mamba_chunk_size": 8,
    },
    "qwen3_next": {
        **COMMON, **ATTENTION, "num_hidden_layers": 4, "head_dim": 16, "linear_key_head_dim": 8,
        "linear_value_head_dim": 8, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "num_experts": 2,
        "num_experts_per_tok": 1, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16,
    },
    "lfm2": {
        **COMMON, **ATTENTION, "num_hidden_layers": 3, "layer_types": ["conv", "full_attention", "conv"],
        "block_auto_adjust_ff_dim": False,
    },
}  # fmt: skip
"""By ``model_type``: what ``AutoConfig.for_model`` takes."""


def config(family: str, **changed: Any) -> Any:
    """The config object of a family, with some of its sizes changed; needs transformers."""
    from transformers import AutoConfig

    return AutoConfig.for_model(family, **TINY[family] | changed)
