"""Model families of transformers by ``model_type``: what each layer of a config keeps.

Sizes, names, defaults and formats are those of the classes in transformers 5.24, whose real cache tensors tests
compare (``tests/test_budget_caches.py``). A key that stands in the config wins over what transformers derives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from commlb.budgets.configs import Config, repeated, shown
from commlb.budgets.slots import Layer, attention, convolution, delta, mamba, mamba2, position, recurrent

TYPES = {
    "mamba": "recurrent",
    "linear_attention": "recurrent",
    "recurrent": "recurrent",
    "conv": "recurrent",
    "attention": "attention",
    "full_attention": "attention",
    "hybrid": "hybrid",
    "mlp": "other",
    "moe": "other",
}
"""What configs call kinds of layers, and what is meant: a recurrence, attention, both, or neither."""

DELTA = {"linear_attention": "recurrent", "full_attention": "attention"}


@dataclass(frozen=True)
class Layers:
    """What a config says: the tensors of each layer, those of none, and the context that the model was made for."""

    layers: tuple[Layer, ...]
    shared: Layer = ()
    positions: int | None = None
    keeper: str = "the cache of transformers 5.24"


def context(c: Config, default: int | None, *names: str) -> int | None:
    """The longest context that the config names."""
    return c.optional(*(names or ("max_position_embeddings",)), default=default)


def keys_and_values(
    c: Config, heads: int, groups: int | None, hidden: int, window: int | None = None
) -> Layer:
    """Attention's cache: num_key_value_heads heads, or as many as the queries have, of head_dim numbers.

    ``heads`` and ``groups``: the defaults of both numbers of heads; None: as many as heads.
    """
    queries = c.size("num_attention_heads", default=heads)
    kept = c.optional("num_key_value_heads", default=groups) or queries
    if c.given("head_dim")[1] is None:
        head_dim = c.divided("hidden_size", hidden, "num_attention_heads", queries)
    else:
        head_dim = c.size("head_dim")
    return attention(kept, head_dim, window)


def of_types(types: list[str], recurrence: Layer, attends: Layer) -> tuple[Layer, ...]:
    """The tensors of each layer: those of the recurrence, of attention, of both, or none."""
    made = {"recurrent": recurrence, "attention": attends, "hybrid": recurrence + attends, "other": ()}
    return tuple(made[kind] for kind in types)


def pure_mamba(c: Config) -> Layers:
    """mamba, falcon_mamba; intermediate_size wins over expand·hidden_size, as it does in transformers."""
    hidden, state = c.size("hidden_size", default=768), c.size("state_size", default=16)
    width = c.size("conv_kernel", default=4)
    inner = c.given("intermediate_size")[1]
    inner = c.size("intermediate_size") if inner is not None else c.size("expand", default=2) * hidden
    return Layers((mamba(inner, state, width),) * c.layers("num_hidden_layers", default=32))


def pure_mamba2(c: Config) -> Layers:
    """mamba2; transformers wants num_heads·head_dim = expand·hidden_size."""
    hidden, expand = c.size("hidden_size", default=4096), c.size("expand", default=2)
    heads, head_dim = c.size("num_heads", default=128), c.size("head_dim", default=64)
    check_product(c, "num_heads", heads, "head_dim", head_dim, "expand hidden_size", expand * hidden)
    state, groups = c.size("state_size", default=128), c.size("n_groups", default=8)
    c.divided("num_heads", heads, "n_groups", groups)
    layer = mamba2(heads, head_dim, state, groups, c.size("conv_kernel", default=4))
    return Layers((layer,) * c.layers("num_hidden_layers", default=64))


def check_product(c: Config, one: str, heads: int, other: str, head_dim: int, of: str, inner: int) -> None:
    """Refuse heads that do not share out the inner channels."""
    if heads * head_dim != inner:
        raise c.fail(f"{one} x {other} must be {of} = {inner}; given {heads} x {head_dim}")


def rwkv(c: Config) -> Layers:
    """RWKV-4: the last input of both mixes, numerator, denominator and exponent, the latter in float32 always."""
    hidden = c.size("hidden_size", default=4096)
    inner = c.size("attention_hidden_size", follows=hidden)
    if inner != hidden:
        raise c.fail(
            f"attention_hidden_size must be hidden_size = {hidden}, the width of the state; given {inner}"
        )
    layer: Layer = ()
    for name in ("feed_forward", "attention", "numerator", "denominator", "maximum"):
        layer += recurrent(name, hidden, format=None if len(layer) < 2 else "float32")
    layers = c.layers("num_hidden_layers", default=32)
    return Layers((layer,) * layers, positions=context(c, None, "context_length", "max_position_embeddings"))


def xlstm(c: Config) -> Layers:
    """mLSTM with widths rounded up to multiples of 64, as xLSTM-7b has them, and a counter of tokens."""
    hidden = c.size("hidden_size", "embedding_dim", default=4096)
    heads = c.size("num_heads", default=8)
    wide = [
        int((hidden * factor + 63) // 64) * 64
        for factor in (c.fraction("qk_dim_factor", 0.5), c.fraction("v_dim_factor", 1.0))
    ]
    keys = c.divided("the width of keys", wide[0], "num_heads", heads)
    values = c.divided("the width of values", wide[1], "num_heads", heads)
    layer = recurrent("matrix", heads, keys, values) + recurrent("normaliser", heads, keys)
    layer += recurrent("stabiliser", heads, 1)
    layers = c.layers("num_hidden_layers", "num_blocks", default=32)
    return Layers((layer,) * layers, position("seqlen_offset", 64))


def recurrent_gemma(c: Config) -> Layers:
    """Griffin: RG-LRU, always in float32, with a convolution of which w − 1 columns are kept; local attention."""
    layers, hidden = c.layers("num_hidden_layers", default=26), c.size("hidden_size", default=2560)
    pattern = c.types(
        None, {"recurrent": "recurrent", "attention": "attention"}, "block_types", "_block_types"
    )
    lru = c.size("lru_width", follows=hidden)
    width = c.size("conv1d_width", default=4)
    window = c.size("attention_window_size", "sliding_window", default=2048, least=2)
    local = keys_and_values(c, 10, None, hidden, window)
    recurrence = convolution(lru, width, width - 1) + recurrent("lru", lru, format="float32")
    types = repeated(pattern or ["recurrent", "recurrent", "attention"], layers)
    return Layers(of_types(types, recurrence, local))


def jamba(c: Config) -> Layers:
    """Mamba layers, and attention in one layer out of attn_layer_period."""
    layers, hidden = c.layers("num_hidden_layers", default=32), c.size("hidden_size", default=4096)
    period = c.size("attn_layer_period", default=8)
    offset = c.size("attn_layer_offset", default=4, least=0)
    if offset >= period:
        raise c.fail(f"attn_layer_offset must be below attn_layer_period = {period}; given {offset}")
    inner = c.size("mamba_expand", default=2) * hidden
    recurrence = mamba(inner, c.size("mamba_d_state", default=16), c.size("mamba_d_conv", default=4))
    types = ["attention" if k % period == offset else "recurrent" for k in range(layers)]
    made = of_types(types, recurrence, keys_and_values(c, 32, 8, hidden))
    return Layers(made, positions=context(c, 262144))


def zamba(c: Config) -> Layers:
    """Mamba layers with several heads, some with shared attention over twice the width."""
    layers, hidden = c.layers("num_hidden_layers", default=76), c.size("hidden_size", default=3712)
    inner, heads = c.size("mamba_expand", default=2) * hidden, c.size("n_mamba_heads", default=2)
    state, width = c.size("mamba_d_state", default=16), c.size("mamba_d_conv", default=4)
    share = c.divided("mamba_expand hidden_size", inner, "n_mamba_heads", heads)
    recurrence = convolution(inner, width) + recurrent("ssm", heads, share, state, format="float32")
    types = c.types(layers, TYPES, "layers_block_type", "layer_types")
    if types is None:
        period = c.size("attn_layer_period", default=6)
        offset = c.size("attn_layer_offset", default=4, least=0)
        later = ["hybrid" if k % period == offset else "recurrent" for k in range(layers - 3)]
        types = ["recurrent", "recurrent", "hybrid", *later][:layers]
    made = of_types(types, recurrence, shared_attention(c, hidden, 16, 16))
    return Layers(made, positions=context(c, 4096))


def shared_attention(c: Config, hidden: int, heads: int, groups: int | None) -> Layer:
    """Zamba's attention reads the hidden state beside the embedding: twice the width is shared out to the heads."""
    queries = c.size("num_attention_heads", default=heads)
    kept = c.optional("num_key_value_heads", default=groups) or queries
    if c.given("attention_head_dim", "head_dim")[1] is None:
        return attention(kept, c.divided("2 hidden_size", 2 * hidden, "num_attention_heads", queries))
    return attention(kept, c.size("attention_head_dim", "head_dim"))


ZAMBA2_LAYERS = 54
"""Layers of Zamba2's default list of kinds."""


def zamba2(c: Config) -> Layers:
    """Mamba-2 layers, some with shared attention over twice the width."""
    layers, hidden = c.layers("num_hidden_layers", default=54), c.size("hidden_size", default=2560)
    inner, heads = c.size("mamba_expand", default=2) * hidden, c.size("n_mamba_heads", default=8)
    state, groups = c.size("mamba_d_state", default=64), c.size("mamba_ngroups", default=1)
    head_dim = c.size(
        "mamba_headdim", follows=c.divided("mamba_expand hidden_size", inner, "n_mamba_heads", heads)
    )
    check_product(c, "n_mamba_heads", heads, "mamba_headdim", head_dim, "mamba_expand hidden_size", inner)
    recurrence = mamba2(heads, head_dim, state, groups, c.size("mamba_d_conv", default=4))
    types = c.types(layers, TYPES, "layers_block_type", "layer_types")
    if types is None:
        if layers != ZAMBA2_LAYERS:
            raise c.fail(
                f"layers_block_type is missing; its default has {ZAMBA2_LAYERS} layers, not {layers}"
            )
        hybrids = {6, 12, 18, 24, 30, 36, 42, 47, 51}
        c.defaults["layers_block_type"] = "hybrid at " + ", ".join(map(str, sorted(hybrids)))
        types = ["hybrid" if k in hybrids else "recurrent" for k in range(layers)]
    made = of_types(types, recurrence, shared_attention(c, hidden, 32, None))
    return Layers(made, positions=context(c, 4096))


def bamba_recurrence(c: Config, hidden: int, inner: int | None = None) -> Layer:
    """Mamba-2 in the words of Bamba, Granite and Falcon-H1."""
    heads = c.size("mamba_n_heads", default=128)
    if inner is None:
        inner = c.size("mamba_expand", default=2) * hidden
    share = c.divided("the inner width", inner, "mamba_n_heads", heads)
    head_dim = share if c.given("mamba_d_head")[1] in (None, "auto") else c.size("mamba_d_head")
    check_product(c, "mamba_n_heads", heads, "mamba_d_head", head_dim, "the inner width", inner)
    state, groups = c.size("mamba_d_state", default=256), c.size("mamba_n_groups", default=1)
    return mamba2(heads, head_dim, state, groups, c.size("mamba_d_conv", default=4))


def bamba(c: Config) -> Layers:
    """Mamba-2 layers, and attention in the layers of attn_layer_indices."""
    layers, hidden = c.layers("num_hidden_layers", default=32), c.size("hidden_size", default=4096)
    attending = set(c.places(layers, "attn_layer_indices") or ())
    types = ["attention" if k in attending else "recurrent" for k in range(layers)]
    made = of_types(types, bamba_recurrence(c, hidden), keys_and_values(c, 32, 8, hidden))
    return Layers(made, positions=context(c, 262144))


def granite_hybrid(c: Config) -> Layers:
    """Mamba-2 layers, and attention where layer_types says so."""
    layers, hidden = c.layers("num_hidden_layers", default=32), c.size("hidden_size", default=4096)
    types = c.types(layers, TYPES, "layer_types", "layers_block_type") or ["recurrent"] * layers
    made = of_types(types, bamba_recurrence(c, hidden), keys_and_values(c, 32, None, hidden))
    return Layers(made, positions=context(c, 2048))


def falcon_h1(c: Config) -> Layers:
    """Mamba-2 and attention side by side in every layer."""
    layers, hidden = c.layers("num_hidden_layers", default=32), c.size("hidden_size", default=4096)
    inner = c.optional("mamba_d_ssm", default=1024)
    made = bamba_recurrence(c, hidden, inner) + keys_and_values(c, 32, 8, hidden)
    return Layers((made,) * layers, positions=context(c, 8192))


PATTERN = {"M": "recurrent", "*": "attention", "-": "other", "E": "other"}


def nemotron_h(c: Config) -> Layers:
    """Mamba-2, attention, and layers that keep nothing, in the order of hybrid_override_pattern or a list."""
    name, pattern = c.given("hybrid_override_pattern")
    types = c.types(None, TYPES, "layers_block_type", "layer_types")
    if types is None and pattern is None:
        pattern = "ME*-"
        c.defaults[name] = pattern
    if types is None:
        if not isinstance(pattern, str) or not 0 < len(pattern) <= 10_000 or set(pattern) - set(PATTERN):
            raise c.fail(f"{name} must be a word over M, *, - and E; given {shown(pattern)}")
        types = [PATTERN[letter] for letter in pattern]
    heads, head_dim = c.size("mamba_num_heads", default=128), c.size("mamba_head_dim", default=64)
    state, groups = c.size("ssm_state_size", default=128), c.size("n_groups", "mamba_n_groups", default=8)
    recurrence = mamba2(heads, head_dim, state, groups, c.size("conv_kernel", "mamba_d_conv", default=4))
    queries = c.size("num_attention_heads", default=32)
    kept = c.optional("num_key_value_heads", default=8) or queries
    attends = attention(kept, c.size("head_dim", "attention_head_dim", default=128))
    return Layers(of_types(types, recurrence, attends), positions=context(c, 4096))


def minimax(c: Config) -> Layers:
    """Lightning attention, a matrix a head in the model's format, and full attention in every second layer."""
    layers, hidden = c.layers("num_hidden_layers", default=32), c.size("hidden_size", default=4096)
    attends = keys_and_values(c, 32, 8, hidden)
    heads, head_dim = c.size("num_attention_heads", follows=32), attends[0].shape[1]
    types = c.types(layers, DELTA, "layer_types")
    types = types or ["attention" if k % 2 == 0 else "recurrent" for k in range(layers)]
    made = of_types(types, recurrent("matrix", heads, head_dim, head_dim), attends)
    return Layers(made, positions=context(c, 131072))


def gated_delta(c: Config, layers: int, hidden: int, heads: int, groups: int, positions: int) -> Layers:
    """Gated DeltaNet layers, and full attention in every fourth layer."""
    layers, hidden = c.layers("num_hidden_layers", default=layers), c.size("hidden_size", default=hidden)
    types = c.types(layers, DELTA, "layer_types")
    if types is None:
        every = c.size("full_attention_interval", default=4)
        types = ["recurrent" if (k + 1) % every else "attention" for k in range(layers)]
    keys, key_dim = c.size("linear_num_key_heads", default=16), c.size("linear_key_head_dim", default=128)
    values, value_dim = (
        c.size("linear_num_value_heads", default=32),
        c.size("linear_value_head_dim", default=128),
    )
    c.divided("linear_num_value_heads", values, "linear_num_key_heads", keys)
    recurrence = delta(keys, key_dim, values, value_dim, c.size("linear_conv_kernel_dim", default=4))
    kept = c.optional("num_key_value_heads", default=groups) or c.size("num_attention_heads", default=heads)
    attends = attention(kept, c.size("head_dim", default=256))
    return Layers(of_types(types, recurrence, attends), positions=context(c, positions))


def lfm2(c: Config, hidden: int = 2560) -> Layers:
    """Short convolutions, whose last inputs are all that they keep, and full attention."""
    layers, hidden = c.layers("num_hidden_layers", default=32), c.size("hidden_size", default=hidden)
    types = c.types(layers, TYPES, "layer_types")
    if types is None:
        attending = c.places(layers, "full_attn_idxs")
        if attending is None:
            c.defaults["full_attn_idxs"] = "all layers"
            attending = list(range(layers))
        types = ["attention" if k in set(attending) else "recurrent" for k in range(layers)]
    recurrence = convolution(hidden, c.size("conv_L_cache", default=3))
    return Layers(
        of_types(types, recurrence, keys_and_values(c, 32, 8, hidden)), positions=context(c, 128000)
    )


FAMILIES: dict[str, Callable[[Config], Layers]] = {
    "mamba": pure_mamba,
    "falcon_mamba": pure_mamba,
    "mamba2": pure_mamba2,
    "rwkv": rwkv,
    "xlstm": xlstm,
    "recurrent_gemma": recurrent_gemma,
    "jamba": jamba,
    "zamba": zamba,
    "zamba2": zamba2,
    "bamba": bamba,
    "granitemoehybrid": granite_hybrid,
    "falcon_h1": falcon_h1,
    "nemotron_h": nemotron_h,
    "minimax": minimax,
    "qwen3_next": lambda c: gated_delta(c, 48, 2048, 16, 2, 32768),
    "qwen3_5_text": lambda c: gated_delta(c, 32, 4096, 16, 4, 32768),
    "qwen3_5_moe_text": lambda c: gated_delta(c, 40, 2048, 16, 2, 32768),
    "lfm2": lfm2,
    "lfm2_moe": lambda c: lfm2(c, 2048),
}
"""By ``model_type``."""
