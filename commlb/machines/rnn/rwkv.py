"""RWKV-4, 5 and 6: token shift, time mixing with a decaying state, and channel mixing."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from commlb.errors import BadInput
from commlb.machines.base import Array
from commlb.machines.rnn.layout import Part
from commlb.machines.rnn.network import Network, Save
from commlb.machines.rnn.rows import Rows
from commlb.machines.rnn.weights import Weight, constant, dense, spread


class Rwkv(Network):
    """What all versions share: x₁ = x + time(ln1(x)), then the output x₁ + channel(ln2(x₁)).

    Each half also reads its own normed input of the token before: shift (d,) and channel_shift (d,), stored, zeros
    at the start. With bare=1 there are neither norms nor sums: the output is channel(time(x)). Norms are LayerNorms
    with bias (ε = 1e-5): ln1, ln1_bias, ln2, ln2_bias, and norm, norm_bias before the read-out.

    Published models norm the embedding once more, before the first layer (ln0). That depends on the token alone, so
    here it belongs to the embedding: ``embedding`` has the rows ln0(e), as RWKV's own programs keep them.
    """

    normed = True
    ffn: ClassVar[float] = 4.0
    """The width of channel mixing, as a multiple of d."""

    def prepare(self) -> None:
        size = self.size
        size.ffn = size.ffn or math.ceil(self.ffn * self.d)
        if "heads" in self.dimensions:
            if self.d % size.heads:
                raise BadInput(f"heads must divide d; given heads={size.heads} and d={self.d}")
            size.head = self.d // size.heads

    def norms(self, name: str) -> dict[str, Weight]:
        return {name: constant(self.d, value=1.0), f"{name}_bias": constant(self.d)}

    def norm(self, w: Any, name: str, x: Array, m: Rows) -> Array:
        return x if self.bare else m.layer_norm(x, getattr(w, name), getattr(w, f"{name}_bias"), 1e-5)

    def parts(self) -> dict[str, Part]:
        return {"shift": Part((self.d,)), "channel_shift": Part((self.d,))}

    def shapes(self) -> dict[str, Weight]:
        norms = {} if self.bare else self.norms("ln1") | self.norms("ln2")
        return norms | self.time_shapes() | self.channel_shapes()

    @abstractmethod
    def time_shapes(self) -> dict[str, Weight]:
        """The weights of time mixing."""

    def channel_shapes(self) -> dict[str, Weight]:
        """The weights of channel mixing: out = σ(W_r·x_r)·W_v·max(W_k·x_k, 0)²."""
        d, wide = self.d, self.size.ffn
        return {
            "ffn_mix_k": spread(d, low=0.0),
            "ffn_mix_r": spread(d, low=0.0),
            "ffn_key": dense(wide, d),
            "ffn_receptance": dense(d, d),
            "ffn_value": dense(d, wide),
        }

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        return self.norm(w, "ln1", x, m)

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        x = self.join(x, self.mix_time(w, save("shift", a), s, save, m))
        now = save("channel_shift", self.norm(w, "ln2", x, m))
        return self.join(x, self.mix_channels(w, now, s.channel_shift, m))

    @abstractmethod
    def mix_time(self, w: Any, now: Array, s: Any, save: Save, m: Rows) -> Array:
        """Time mixing of the input ``now``, as stored; the one before is s.shift."""

    def mix_channels(self, w: Any, now: Array, before: Array, m: Rows) -> Array:
        k = np.maximum(m.dot(w.ffn_key, self.shifted(now, before, w.ffn_mix_k)), 0)
        r = m.dot(w.ffn_receptance, self.shifted(now, before, w.ffn_mix_r))
        return m.sigmoid(r) * m.dot(w.ffn_value, k * k)

    def shifted(self, now: Array, before: Array, mix: Array) -> Array:
        """Token shift, in the convention since RWKV-5: ``mix`` is the share of the token before."""
        return now + (before - now) * mix

    def heads(self) -> list[slice]:
        """The places of each head's numbers among d."""
        return [slice(first, first + self.size.head) for first in range(0, self.d, self.size.head)]

    def head_norms(self, w: Any, y: Array, m: Rows) -> Array:
        """y (d, …) with each head under its LayerNorm, ln_x and ln_x_bias; y itself where the network is bare."""
        if self.bare:
            return y
        made = [m.layer_norm(y[own], w.ln_x[own], w.ln_x_bias[own], 64e-5) for own in self.heads()]
        return np.concatenate(made)


class Rwkv4(Rwkv):
    """num' = e^−s·num + e^k·v, den' = e^−s·den + e^k, wkv = (num + e^(u+k)·v) / (den + e^(u+k)), by channels.

    Out = W_o·(σ(r)·wkv), s = exp(time_decay), u = time_first; k, v, r = W·(x·μ + x_before·(1 − μ)), each with its μ
    (mix_k, mix_v, mix_r). num and den are stored as num·e^−p and den·e^−p, p the greatest exponent so far, which
    decays by s a token: p' = max(p − s, k). So every exp has an argument ≤ 0, and the divisor is at least 1; where
    a format has rounded it below, it counts as 1. p starts at −1e38, as in published programs, or at the least
    number of the format. Channel mixing: out = σ(W_r·x_r)·W_v·max(W_k·x_k, 0)², each x with its own μ.

    Stores 5d numbers: numerator, denominator, exponent, shift, channel_shift. Fixed point keeps the first two in
    [−8, 8), the others in [−4, 4). The rest is as in ``Rwkv`` (LayerNorms, ln0 in the embedding, bare).

    Weights, in the layouts of transformers' ``RwkvModel``: mix_k, mix_v, mix_r, time_decay, time_first (d,), key,
    value, receptance, output (d, d), ffn_mix_k, ffn_mix_r (d,), ffn_key (ffn, d), ffn_receptance (d, d), ffn_value
    (d, ffn), ffn = 4d by default. At random the decay e^−s of a token is from 0.51 to 0.98, μ in [0, 1).
    Source: Peng et al., RWKV, 2023 (arXiv 2305.13048).
    """

    name = "rwkv4"
    summary = "wkv: exponentially weighted mean of values, and channel mixing"
    formula = "5 d"
    source = "Peng et al. 2023"
    dimensions = {"ffn": ("width of channel mixing, 4d", 0)}
    examples = ("rwkv4:d=1,bare=1,p=3,range=4", "rwkv4:d=2,layers=2,format=bf16,seed=1")

    def parts(self) -> dict[str, Part]:
        d = self.d
        return {
            "numerator": Part((d,), span=8.0),
            "denominator": Part((d,), span=8.0),
            "exponent": Part((d,), span=4.0, initial=-1e38),
        } | super().parts()

    def time_shapes(self) -> dict[str, Weight]:
        d = self.d
        return {
            "mix_k": spread(d, low=0.0),
            "mix_v": spread(d, low=0.0),
            "mix_r": spread(d, low=0.0),
            "time_decay": spread(d, low=-4.0, high=-0.4),
            "time_first": spread(d),
            "key": dense(d, d),
            "value": dense(d, d),
            "receptance": dense(d, d),
            "output": dense(d, d),
        }

    def derive(self, w: Any, m: Rows) -> None:
        w.speed = m.exp(w.time_decay)

    def shifted(self, now: Array, before: Array, mix: Array) -> Array:
        """Token shift, in the convention of RWKV-4: ``mix`` is the share of this token."""
        return now * mix + before * (1 - mix)

    def mix_time(self, w: Any, now: Array, s: Any, save: Save, m: Rows) -> Array:
        k = m.dot(w.key, self.shifted(now, s.shift, w.mix_k))
        v = m.dot(w.value, self.shifted(now, s.shift, w.mix_v))
        r = m.dot(w.receptance, self.shifted(now, s.shift, w.mix_r))
        num, den, _ = self._added(s, s.exponent, k + w.time_first, v, m)
        wkv = num / np.maximum(den, 1)
        num, den, exponent = self._added(s, s.exponent - w.speed, k, v, m)
        save("numerator", num)
        save("denominator", den)
        save("exponent", exponent)
        return m.dot(w.output, m.sigmoid(r) * wkv)

    def _added(self, s: Any, old: Array, new: Array, v: Array, m: Rows) -> tuple[Array, Array, Array]:
        """The state with exponent ``old``, and v with exponent ``new``: numerator, denominator, exponent."""
        top = np.maximum(old, new)
        left, right = m.exp(old - top), m.exp(new - top)
        return left * s.numerator + right * v, left * s.denominator + right, top


class Rwkv5(Rwkv):
    """S' = diag(w)·S + k ⊗ v, y = (S + diag(u)·k ⊗ v)ᵀ·r, for each head; out = W_o·(silu(g)·norm(y)).

    w = exp(−exp(time_decay)), u = time_first; r, k, v, g = W·(x + (x_before − x)·μ), each with its μ (mix_r, …);
    ``norm`` is a LayerNorm in each head (ln_x, ln_x_bias, ε = 64e-5). Channel mixing as in RWKV-4, with this shift.

    Stores d·d_head + 2d numbers, d_head = d/heads (64 in published models): S (heads, d_head, d_head) with keys
    first, shift, channel_shift. Fixed point keeps S in [−8, 8), the shifts in [−4, 4). The rest is as in ``Rwkv``
    (LayerNorms, ln0 in the embedding, bare, which leaves out ln_x too).

    Weights: mix_r, mix_k, mix_v, mix_g, time_decay, time_first (d,), receptance, key, value, gate, output (d, d),
    ln_x, ln_x_bias (d,), and as RWKV-4's those of channel mixing, with ffn = 3.5·d by default. Products are W·x. At
    random w is from 0.51 to 0.98, u in [−1, 1), μ in [0, 1).
    Source: Peng et al., Eagle and Finch, 2024 (arXiv 2404.05892), Eagle.
    """

    name = "rwkv5"
    summary = "Eagle: S' = diag(w) S + k v', and channel mixing"
    formula = "d d_head + 2 d, d_head = d / heads"
    source = "Peng et al. 2024"
    dimensions = {"heads": ("heads", 1), "ffn": ("width of channel mixing, 3.5 d", 0)}
    ffn = 3.5
    examples = ("rwkv5:d=1,bare=1,p=5", "rwkv5:d=4,heads=2,layers=2,format=e5m2,seed=1")

    def parts(self) -> dict[str, Part]:
        size = self.size
        return {"S": Part((size.heads, size.head, size.head), span=8.0)} | super().parts()

    def time_shapes(self) -> dict[str, Weight]:
        d = self.d
        norm = {} if self.bare else self.norms("ln_x")
        names = ("receptance", "key", "value", "gate", "output")
        return (
            norm
            | self.shift_shapes()
            | {"time_decay": spread(d, low=-4.0, high=-0.4), "time_first": spread(d)}
            | {name: dense(d, d) for name in names}
        )

    def shift_shapes(self) -> dict[str, Weight]:
        """The weights of time mixing's token shift."""
        return {f"mix_{name}": spread(self.d, low=0.0) for name in "rkvg"}

    def derive(self, w: Any, m: Rows) -> None:
        w.decay = m.exp(-m.exp(w.time_decay))

    def mix_time(self, w: Any, now: Array, s: Any, save: Save, m: Rows) -> Array:
        r, k, v, g = (self.shifted(now, s.shift, getattr(w, f"mix_{name}")) for name in "rkvg")
        return self.recurrence(w, r, k, v, g, np.broadcast_to(w.decay, now.shape), s, save, m)

    def recurrence(
        self, w: Any, r: Array, k: Array, v: Array, g: Array, decay: Array, s: Any, save: Save, m: Rows
    ) -> Array:
        """Time mixing of the shifted inputs r, k, v, g, with this ``decay`` (d, …)."""
        r, k, v = m.dot(w.receptance, r), m.dot(w.key, k), m.dot(w.value, v)
        zero, y, made = np.zeros_like(r[: self.size.head]), [], []
        for h, own in enumerate(self.heads()):
            bonus = m.sum(r[own] * w.time_first[own] * k[own])
            y.append(m.read(s.S[h], r[own]) + bonus * v[own])
            made.append(m.carried(s.S[h], decay[own], zero, zero, k[own], v[own]))
        save("S", np.stack(made))
        return m.dot(w.output, m.silu(m.dot(w.gate, g)) * self.head_norms(w, np.concatenate(y), m))


class Rwkv6(Rwkv5):
    """S' = diag(w_t)·S + k ⊗ v, y = (S + diag(u)·k ⊗ v)ᵀ·r, for each head; out = W_o·(silu(g)·norm(y)).

    RWKV-5 whose decay and token shift depend on the token: with δ = x_before − x and z = x + δ·mix_x, the input of
    W_□ (□ = r, k, v, g) and of the decay (□ = w) is x_□ = x + δ·(mix_□ + B_□·tanh(A_□·z)), of low rank; then w_t =
    exp(−exp(time_decay + decay_B·tanh(decay_A·x_w))). Channel mixing and all else as in RWKV-5.

    Stores d·d_head + 2d numbers, d_head = d/heads (64 in published models): S (heads, d_head, d_head) with keys
    first, shift, channel_shift. Fixed point keeps S in [−8, 8), the shifts in [−4, 4).

    Weights: those of RWKV-5, and mix_x, mix_w (d,), shift_A (5·rank, d) with the rows of A_w, A_k, A_v, A_r, A_g,
    shift_B_w, …, shift_B_g (d, rank), decay_A (decay_rank, d), decay_B (d, decay_rank). Published ranks are 32 and
    64. At random B·tanh(…) moves a share by 0.3 or so, and the logarithm of −log w_t by as much.
    Source: Peng et al., Eagle and Finch, 2024 (arXiv 2404.05892), Finch.
    """

    name = "rwkv6"
    summary = "Finch: S' = diag(w_t) S + k v', decay from the token"
    formula = "d d_head + 2 d, d_head = d / heads"
    source = "Peng et al. 2024"
    dimensions = {
        **Rwkv5.dimensions,
        "rank": ("rank of the token shift, 32 or d", 0),
        "decay_rank": ("rank of the decay, 64 or d", 0),
    }
    examples = ("rwkv6:d=1,bare=1,p=5", "rwkv6:d=4,heads=2,layers=2,format=fp16,seed=1")

    def prepare(self) -> None:
        super().prepare()
        self.size.rank = self.size.rank or min(self.d, 32)
        self.size.decay_rank = self.size.decay_rank or min(self.d, 64)

    def shift_shapes(self) -> dict[str, Weight]:
        d, rank, decay_rank = self.d, self.size.rank, self.size.decay_rank
        return (
            {f"mix_{name}": spread(d, low=0.0) for name in "xwkvrg"}
            | {"shift_A": dense(5 * rank, d)}
            | {f"shift_B_{name}": small(d, rank) for name in "wkvrg"}
            | {"decay_A": dense(decay_rank, d), "decay_B": small(d, decay_rank)}
        )

    def derive(self, w: Any, m: Rows) -> None:
        """Nothing: the decay depends on the token."""

    def mix_time(self, w: Any, now: Array, s: Any, save: Save, m: Rows) -> Array:
        rank, change = self.size.rank, s.shift - now
        low = m.tanh(m.dot(w.shift_A, self.shifted(now, s.shift, w.mix_x)))
        x = {}
        for i, name in enumerate("wkvrg"):
            moved = m.dot(getattr(w, f"shift_B_{name}"), low[i * rank : (i + 1) * rank])
            x[name] = now + change * (getattr(w, f"mix_{name}") + moved)
        decay = w.time_decay + m.dot(w.decay_B, m.tanh(m.dot(w.decay_A, x["w"])))
        return self.recurrence(w, x["r"], x["k"], x["v"], x["g"], m.exp(-m.exp(decay)), s, save, m)


def small(rows: int, columns: int) -> Weight:
    """A matrix for tanhs: at random its products have variance 1/6 at most."""
    limit = (0.5 / columns) ** 0.5
    return Weight((rows, columns), -limit, limit, product=True)
