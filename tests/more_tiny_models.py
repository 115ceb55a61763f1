"""Tiny configs of further families of transformers, hybrid and plain, whose caches the budget is compared with."""

from __future__ import annotations

from typing import Any

from tiny_models import ATTENTION, COMMON

BAMBA: dict[str, Any] = {"mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_chunk_size": 8}
DELTA: dict[str, Any] = {
    "num_hidden_layers": 4, "head_dim": 16, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "linear_num_key_heads": 2, "linear_num_value_heads": 4,
}  # fmt: skip
EXPERTS: dict[str, Any] = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16}
HEADS: dict[str, Any] = {**COMMON, **ATTENTION}

HYBRID: dict[str, dict[str, Any]] = {
    "granitemoehybrid": {
        **HEADS, **BAMBA, "layer_types": ["mamba", "attention"], "num_local_experts": 2,
        "shared_intermediate_size": 16,
    },
    "nemotron_h": {
        "vocab_size": 32, "hidden_size": 32, **ATTENTION,
        "layers_block_type": ["mamba", "mlp", "mamba", "attention", "moe"], "head_dim": 16, "ssm_state_size": 8,
        "mamba_num_heads": 4, "mamba_head_dim": 16, "n_groups": 2, "chunk_size": 8,
        "n_routed_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16,
        "moe_shared_expert_intermediate_size": 16,
    },
    "falcon_h1": {**HEADS, **BAMBA, "mamba_d_ssm": 64},
    "zamba": {
        **HEADS, "num_hidden_layers": 5, "num_key_value_heads": 2, "mamba_d_state": 8, "attn_layer_period": 2,
        "attn_layer_offset": 1,
    },
    "minimax": {**HEADS, "num_local_experts": 2, "block_size": 8},
    "lfm2_moe": {
        **HEADS, **EXPERTS, "num_hidden_layers": 3, "layer_types": ["conv", "full_attention", "conv"],
        "num_dense_layers": 1,
    },
    "qwen3_5_text": {**HEADS, **DELTA},
    "qwen3_5_moe_text": {**HEADS, **DELTA, **EXPERTS, "shared_expert_intermediate_size": 16},
}  # fmt: skip
"""By ``model_type``: recurrent layers, most with attention."""

WINDOW: dict[str, Any] = {**HEADS, "head_dim": 16, "sliding_window": 8}

PLAIN: dict[str, dict[str, Any]] = {
    "llama": HEADS,
    "mistral": {**HEADS, "sliding_window": 8},
    "mixtral": {**HEADS, "num_local_experts": 2},
    "gemma": {**HEADS, "head_dim": 16},
    "gemma2": {**WINDOW, "num_hidden_layers": 3},
    "gemma3_text": {**WINDOW, "num_hidden_layers": 7},
    "qwen2": {**HEADS, "use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
    "qwen3": {**HEADS, "head_dim": 16},
    "gpt2": {"vocab_size": 32, "n_embd": 32, "n_layer": 2, "n_head": 2},
    "gpt_neox": {**COMMON, "num_attention_heads": 2, "intermediate_size": 64},
    "gpt_oss": {**WINDOW, "num_local_experts": 2, "num_experts_per_tok": 1},
    "phi": HEADS,
    "phi3": {**HEADS, "pad_token_id": 0},
    "olmo2": HEADS,
    "olmo3": {**WINDOW, "num_hidden_layers": 4, "pad_token_id": 0},
    "granite": HEADS,
    "opt": {**COMMON, "num_attention_heads": 2, "ffn_dim": 64, "word_embed_proj_dim": 32},
}
"""By ``model_type``: attention alone, of all tokens or of a window."""
