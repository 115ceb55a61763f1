"""Matrix states under the delta rule, what stands under a key is replaced: DeltaNet and gated DeltaNet."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from commlb.machines.base import Array
from commlb.machines.rnn.convolution import convolve, kernel, window
from commlb.machines.rnn.layout import Part
from commlb.machines.rnn.matrix import HEADS, Matrix, unit
from commlb.machines.rnn.network import Save
from commlb.machines.rnn.rows import Rows
from commlb.machines.rnn.weights import Weight, dense, spread


class DeltaNet(Matrix):
    """S' = (1 − β·k ⊗ k)·S + β·k ⊗ v, y = qᵀ·S' in each head; then RMSNorm(y) in each head.

    u = (W_q·x, W_k·x, W_v·x) goes through a short convolution of width w, channel by channel, and silu; then q and
    k are divided by √(Σ of their squares + 10⁻⁶), q by √dk too; β = σ(W_b·x), one a head. Stores dk·dv numbers a
    head and the window of u: (w − 1)·(2·dk + dv) a head; w = 1: no convolution. Fixed point keeps S in [−2, 2), u
    in [−4, 4). Weights: norm, w_q, w_k, w_v, w_o (``Matrix``), w_b (heads, d), head_norm (dv,), conv (heads·(2·dk
    + dv), w) for q, k, v one after the other and conv_bias, which is 0 in the authors' code. Sources: Schlag et
    al., ICML 2021; Yang et al., NeurIPS 2024 (arXiv 2406.06484), with its layer.
    """

    name = "deltanet"
    summary = "S' = (1 - b k k) S + b k v, |k| = 1, b = sigmoid(W x)"
    formula = "heads (dk dv + (w-1) (2dk + dv))"
    source = "Schlag et al. 2021; Yang et al. 2024"
    dimensions = HEADS | {"w": ("width of the short convolutions, 1 for none", 4)}
    span = 2.0
    examples = ("deltanet:d=2,dk=1,w=1,p=4,bare=1", "deltanet:d=4,heads=2,w=3,layers=2,format=e4m3,seed=1")

    @property
    def channels(self) -> int:
        return 2 * self.keys + self.values

    def parts(self) -> dict[str, Part]:
        return super().parts() | window("conv", self.channels, self.size.w)

    def shapes(self) -> dict[str, Weight]:
        found = super().shapes() | {"w_b": dense(self.size.heads, self.d)} | self.head_norms()
        return found | (kernel("conv", self.channels, self.size.w) if self.size.w > 1 else {})

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        x = self.norm(w, "norm", x, m)
        u = np.concatenate([m.dot(w.w_q, x), m.dot(w.w_k, x), m.dot(w.w_v, x)])
        return np.concatenate([u if self.size.w > 1 else self.shaped(u, m), *self.gates(w, x, m)])

    def gates(self, w: Any, x: Array, m: Rows) -> list[Array]:
        """What else a layer computes of its input under the norm."""
        return [m.sigmoid(m.dot(w.w_b, x))]

    def shaped(self, u: Array, m: Rows) -> Array:
        """u after the convolution → q, k, v, one after the other."""
        q, k, v = self.split(m.silu(u), self.size.dk, self.size.dk, self.size.dv)
        q = unit(q, m) * (1 / math.sqrt(self.size.dk))
        return np.concatenate([m.flat(q), m.flat(unit(k, m)), m.flat(v)])

    def keyed(self, w: Any, a: Array, s: Any, save: Save, m: Rows) -> list[Array]:
        """q, k (heads, dk, …) and v (heads, dv, …)."""
        u = a[: self.channels]
        if self.size.w > 1:
            u = self.shaped(convolve(w, s, "conv", u, save), m)
        return self.split(u, self.size.dk, self.size.dk, self.size.dv)

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        q, k, v = self.keyed(w, a, s, save, m)
        (beta,) = self.split(a[self.channels :], 1)
        matrix = self.carry(s.matrix, save, m, key=k, value=beta * v, left=-(beta * k), right=k)
        return self.finish(w, x, self.head_norm(w, self.read_out(matrix, q, m), m), m)


class GatedDeltaNet(DeltaNet):
    """S' = α·(1 − β·k ⊗ k)·S + β·k ⊗ v, y = qᵀ·S' in each head; then silu(W_z·x)·RMSNorm(y) in each head.

    α = exp(−e^A·softplus(W_a·x + b_a)), one a head; all else as in ``DeltaNet``. Stores dk·dv + (w − 1)·(2·dk + dv)
    numbers a head. Weights: those of ``DeltaNet``, w_a (heads, d), b_a = dt_bias and log_a = A (heads,), w_z
    (heads·dv, d). Random A lies in [−3, −0.7), b_a in [0, 2): α is mostly in (0.4, 0.95).
    Source: Yang et al., Gated Delta Networks, ICLR 2025, as in Qwen3-Next with as many value as key heads.
    """

    name = "gated-deltanet"
    summary = "S' = a (1 - b k k) S + b k v, one decay a and one b a head"
    source = "Yang et al. 2025"
    examples = (
        "gated-deltanet:d=2,dv=1,w=1,p=4,bare=1",
        "gated-deltanet:d=4,heads=2,w=2,layers=2,format=bf16,seed=1",
    )

    def shapes(self) -> dict[str, Weight]:
        heads = self.size.heads
        return super().shapes() | {
            "w_a": dense(heads, self.d),
            "b_a": spread(heads, low=0.0, high=2.0),
            "log_a": spread(heads, low=-3.0, high=-0.7),
            "w_z": dense(self.values, self.d),
        }

    def derive(self, w: Any, m: Rows) -> None:
        w.rate = m.exp(w.log_a)

    def gates(self, w: Any, x: Array, m: Rows) -> list[Array]:
        decay = m.exp(-(w.rate * m.softplus(m.dot(w.w_a, x, w.b_a))))
        return [*super().gates(w, x, m), decay, m.silu(m.dot(w.w_z, x))]

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        q, k, v = self.keyed(w, a, s, save, m)
        beta, decay, gate = self.split(a[self.channels :], 1, 1, self.size.dv)
        left = -(decay * beta * k)
        matrix = self.carry(s.matrix, save, m, key=k, value=beta * v, decay=decay, left=left, right=k)
        return self.finish(w, x, gate * self.head_norm(w, self.read_out(matrix, q, m), m), m)
