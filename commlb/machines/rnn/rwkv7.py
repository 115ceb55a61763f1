"""RWKV-7: a generalised delta rule, whose decay, learning rate and removal depend on the token."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from commlb.machines.base import Array
from commlb.machines.rnn.layout import Part
from commlb.machines.rnn.network import Save
from commlb.machines.rnn.rows import Rows
from commlb.machines.rnn.rwkv import Rwkv, small
from commlb.machines.rnn.weights import Weight, dense, spread

DECAY = math.exp(-0.5)
"""The greatest −log of a decay."""


class Rwkv7(Rwkv):
    """S' = diag(w)·S − (a·κ̂) ⊗ (κ̂ᵀ·S) + k̃ ⊗ v, y = S'ᵀ·r, for each head; out = W_o·(g·(norm(y) + (Σ r·ρ·k̃)·v)).

    From x_□ = x + (x_before − x)·mix_□, □ = r, w, k, v, a, g, come r, k, v = W·x_□, and of low rank: a = σ(a_bias +
    a_B·(a_A·x_a)), the decay w = exp(−e^−½·σ(w_bias + w_B·tanh(w_A·x_w))), g = g_B·σ(g_A·x_g). κ̂ = k·k_k divided by
    its Euclidean length in its head (at least 1e-12), k̃ = k·(1 + (a − 1)·k_a), ρ = r_k. In every layer but the
    first, v is moved towards the first layer's: v + (v_first − v)·σ(v_bias + v_B·(v_A·x_v)), all in this token.
    ``norm`` is a LayerNorm in each head (ln_x, ln_x_bias, ε = 64e-5).
    Channel mixing: out = W_v·max(W_k·x_k, 0)², without a gate.

    Stores d·d_head + 2d numbers, d_head = d/heads (64 in published models): S (heads, d_head, d_head) with keys
    first (the paper writes its transpose), shift, channel_shift. Fixed point keeps S in [−8, 8), the shifts in
    [−4, 4). The rest is as in ``Rwkv`` (LayerNorms, ln0 in the embedding, bare, which leaves out ln_x too).

    Weights: mix_r, mix_w, mix_k, mix_v, mix_a, mix_g, k_k, k_a, r_k (d,), receptance, key, value, output (d, d),
    w_A, a_A, v_A, g_A (rank, d), w_B, a_B, v_B, g_B (d, rank), w_bias, a_bias, v_bias (d,), ln_x, ln_x_bias (d,),
    ffn_mix_k (d,), ffn_key (ffn, d), ffn_value (d, ffn), ffn = 4d by default. Products are W·x. All layers have the
    same; the first does not read v_A, v_B, v_bias. Published ranks are 32 to 128. Decays are always in (0.54, 1).
    Source: Peng et al., RWKV-7 Goose, 2025 (arXiv 2503.14456).
    """

    name = "rwkv7"
    summary = "Goose: S' = (diag(w) - a k k') S + k v', delta rule"
    formula = "d d_head + 2 d, d_head = d / heads"
    source = "Peng et al. 2025"
    dimensions = {
        "heads": ("heads", 1),
        "rank": ("rank of decay, learning rate, gate and value mix, 64 or d", 0),
        "ffn": ("width of channel mixing, 4d", 0),
    }
    examples = ("rwkv7:d=1,bare=1,p=5", "rwkv7:d=4,heads=2,layers=2,format=e4m3,seed=1")

    def prepare(self) -> None:
        super().prepare()
        self.size.rank = self.size.rank or min(self.d, 64)

    def parts(self) -> dict[str, Part]:
        size = self.size
        return {"S": Part((size.heads, size.head, size.head), span=8.0)} | super().parts()

    def time_shapes(self) -> dict[str, Weight]:
        d, rank = self.d, self.size.rank
        norm = {} if self.bare else self.norms("ln_x")
        return (
            norm
            | {f"mix_{name}": spread(d, low=0.0) for name in "rwkvag"}
            | {name: dense(d, d) for name in ("receptance", "key", "value", "output")}
            | {"k_k": spread(d, low=0.5), "k_a": spread(d, low=0.0), "r_k": spread(d, low=-0.5, high=0.5)}
            | {f"{name}_A": dense(rank, d) for name in "wavg"}
            | {f"{name}_B": small(d, rank) for name in "wav"}
            | {"g_B": dense(d, rank)}
            | {"w_bias": spread(d, low=-4.0), "a_bias": spread(d), "v_bias": spread(d)}
        )

    def channel_shapes(self) -> dict[str, Weight]:
        d, wide = self.d, self.size.ffn
        return {"ffn_mix_k": spread(d, low=0.0), "ffn_key": dense(wide, d), "ffn_value": dense(d, wide)}

    def mix_time(self, w: Any, now: Array, s: Any, save: Save, m: Rows) -> Array:
        x = {name: self.shifted(now, s.shift, getattr(w, f"mix_{name}")) for name in "rwkvag"}
        r, k, v = m.dot(w.receptance, x["r"]), m.dot(w.key, x["k"]), m.dot(w.value, x["v"])
        rate = m.sigmoid(w.a_bias + m.dot(w.a_B, m.dot(w.a_A, x["a"])))
        decay = m.sigmoid(w.w_bias + m.dot(w.w_B, m.tanh(m.dot(w.w_A, x["w"]))))
        gate = m.dot(w.g_B, m.sigmoid(m.dot(w.g_A, x["g"])))
        if hasattr(s.passed, "value"):
            share = m.sigmoid(w.v_bias + m.dot(w.v_B, m.dot(w.v_A, x["v"])))
            v = v + (s.passed.value - v) * share
        else:
            s.passed.value = v
        decay, removal, k = m.exp(-DECAY * decay), k * w.k_k, k * (1 + (rate - 1) * w.k_a)
        made = []
        for h, own in enumerate(self.heads()):
            unit = self.unit(removal[own], m)
            made.append(m.carried(s.S[h], decay[own], -rate[own] * unit, unit, k[own], v[own]))
        kept = save("S", np.stack(made))
        y = np.concatenate([m.read(kept[h], r[own]) for h, own in enumerate(self.heads())])
        bonus = [m.sum(r[own] * w.r_k[own] * k[own]) * v[own] for own in self.heads()]
        return m.dot(w.output, gate * (self.head_norms(w, y, m) + np.concatenate(bonus)))

    def unit(self, x: Array, m: Rows) -> Array:
        """x divided by its Euclidean length, which counts as at least 1e-12."""
        return x / np.maximum(np.sqrt(m.sum(x * x)), 1e-12)

    def mix_channels(self, w: Any, now: Array, before: Array, m: Rows) -> Array:
        k = np.maximum(m.dot(w.ffn_key, self.shifted(now, before, w.ffn_mix_k)), 0)
        return m.dot(w.ffn_value, k * k)
