"""Plain Transformers by ``model_type``: keys and values, of all tokens or of a window, and no recurrent state.

Defaults are those of transformers 5.24, as in ``commlb.budgets.families``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from commlb.budgets.configs import Config, repeated
from commlb.budgets.families import FAMILIES, Layers, context
from commlb.budgets.slots import attention

SLIDING = {"sliding_attention": "sliding", "full_attention": "full"}


@dataclass(frozen=True)
class Plain:
    """The defaults of a family.

    ``groups``: heads of keys and values, None: as many as of queries; ``head_dim``: None: hidden / heads.
    ``pattern``: of layers with a window (s) and without (f), again and again, where the config has no layer_types;
    empty: all have the window if there is one. ``asked``: a window counts only with use_sliding_window, from layer
    max_window_layers on. ``names``: of hidden size, layers, heads and positions.
    """

    hidden: int
    layers: int
    heads: int
    groups: int | None
    head_dim: int | None
    positions: int
    window: int | None = None
    pattern: str = ""
    asked: bool = False
    names: tuple[str, str, str, str] = (
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "max_position_embeddings",
    )

    def __call__(self, c: Config) -> Layers:
        standard = Plain.names
        hidden_name, layers_name, heads_name, positions_name = (
            (name,) if name == usual else (name, usual)
            for name, usual in zip(self.names, standard, strict=True)
        )
        hidden, layers = (
            c.size(*hidden_name, default=self.hidden),
            c.layers(*layers_name, default=self.layers),
        )
        heads = c.size(*heads_name, default=self.heads)
        kept = c.optional("num_key_value_heads", default=self.groups) or heads
        if c.given("head_dim")[1] is None and self.head_dim is None:
            head_dim = c.divided("hidden_size", hidden, heads_name[0], heads)
        else:
            head_dim = c.size("head_dim", default=self.head_dim)
        window, sliding = self.windows(c, layers)
        made = {"full": attention(kept, head_dim), "sliding": attention(kept, head_dim, window)}
        positions = context(c, self.positions, *positions_name)
        return Layers(tuple(made[kind] for kind in sliding), positions=positions)

    def windows(self, c: Config, layers: int) -> tuple[int | None, Sequence[str]]:
        """The window, and which layers have it."""
        from_layer, wanted = 0, True
        if self.asked:
            wanted = c.flag("use_sliding_window", False)
            from_layer = c.size("max_window_layers", default=28, least=0) if wanted else 0
        window = c.optional("sliding_window", default=self.window, least=2) if wanted else None
        types = c.types(layers, SLIDING, "layer_types")
        if types is None and self.pattern:
            period = c.size("sliding_window_pattern", follows=len(self.pattern))
            kinds = self.pattern if period == len(self.pattern) else "s" * (period - 1) + "f"
            types = repeated([{"s": "sliding", "f": "full"}[letter] for letter in kinds], layers)
        if types is None:
            types = ["sliding" if window is not None and k >= from_layer else "full" for k in range(layers)]
        if "sliding" in types and window is None:
            raise c.fail("layer_types has sliding_attention, and sliding_window gives no window; add it")
        return window, types


GPT2 = ("n_embd", "n_layer", "n_head", "n_positions")

PLAIN: dict[str, Plain] = {
    "llama": Plain(4096, 32, 32, None, None, 2048),
    "mistral": Plain(4096, 32, 32, 8, None, 131072, 4096),
    "mixtral": Plain(4096, 32, 32, 8, None, 131072),
    "gemma": Plain(3072, 28, 16, 16, 256, 8192),
    "gemma2": Plain(2304, 26, 8, 4, 256, 8192, 4096, "sf"),
    "gemma3_text": Plain(2304, 26, 8, 4, 256, 131072, 4096, "sssssf"),
    "qwen2": Plain(4096, 32, 32, 32, None, 32768, 4096, asked=True),
    "qwen3": Plain(4096, 32, 32, 32, 128, 32768, 4096, asked=True),
    "gpt2": Plain(768, 12, 12, None, None, 1024, names=GPT2),
    "gpt_neox": Plain(6144, 44, 64, None, None, 2048),
    "gpt_oss": Plain(2880, 36, 64, 8, 64, 131072, 128, "sf"),
    "phi": Plain(2048, 24, 32, None, None, 2048),
    "phi3": Plain(3072, 32, 32, None, None, 4096),
    "olmo2": Plain(4096, 32, 32, None, None, 2048),
    "olmo3": Plain(4096, 32, 32, None, None, 2048, 4096, "sssf"),
    "granite": Plain(4096, 32, 32, None, None, 2048),
    "opt": Plain(768, 12, 12, None, None, 2048),
}
"""By ``model_type``."""

KNOWN: dict[str, Callable[[Config], Layers]] = {**FAMILIES, **PLAIN}
"""All families whose configs are read."""

WRAPPED = {"qwen3_5": "qwen3_5_text", "qwen3_5_moe": "qwen3_5_moe_text", "gemma3": "gemma3_text"}
"""Models of text and pictures, whose text model stands under text_config."""
