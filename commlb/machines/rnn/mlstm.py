"""The mLSTM: a matrix state with exponential gates, kept in range by a stabiliser."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.machines.base import Array
from commlb.machines.rnn.convolution import convolve, kernel, window
from commlb.machines.rnn.layout import Part
from commlb.machines.rnn.matrix import EPSILON, HEADS, Matrix, within
from commlb.machines.rnn.network import Save
from commlb.machines.rnn.rows import Rows
from commlb.machines.rnn.weights import Weight, constant, dense, spread

CAP = 15.0
"""Gates of xLSTM 7B are c·tanh(z / c) with this c."""


class MLSTM(Matrix):
    """m' = max(log σ(f) + m, i), f' = exp(log σ(f) + m − m'), i' = exp(i − m') and, in each head,
    C' = f'·C + i'·k ⊗ v, n' = f'·n + i'·k, y = qᵀ·C' / (max(|qᵀ·n'|, e^(−m')) + 10⁻⁶); LayerNorm(y) in each head.

    f, i, m: one a head. m' is stored first and f', i' use it as stored, so that its rounding changes no output but
    by the 10⁻⁶. The layer around it is one of two:

    w > 1, the block of the xLSTM paper: u, z = W_u·x, W_z·x (heads·dv numbers = d_inner), c = silu(a convolution
    of u of width w), q = W_q·c / √dk, k = W_k·c, v = W_v·u, i, f = W_i, W_f·(√dk·q, k, v) + b; the output is
    W_o·(silu(z)·(LayerNorm(y) + skip·c)). The paper has dk = dv = 2d / heads, w = 4, blocks of 4 × 4 numbers on
    the diagonals of W_q, W_k, W_v (dense here), k instead of q divided by √dk (C and n are √dk times theirs). v is
    of u before it is stored, c of u as stored.

    w = 1, the layer of xLSTM 7B: q, k, v of x itself, i, f = 15·tanh((W·x + b) / 15); the output is
    W_o·(σ(W_g·x)·LayerNorm(y)). It has dk = d / (2·heads).

    Stores dk·dv + dk + 1 numbers a head (matrix C, normaliser n, stabiliser m), and (w − 1)·d_inner. Fixed point
    keeps C and n in [−8, 8), m in [−16, 16), u in [−4, 4). Weights: norm (d,), w_o (d, heads·dv), head_norm
    (heads·dv,), w_i, w_f, b_i, b_f (heads, …), w_q, w_k, w_v, and w_g, or w_u, w_z (heads·dv, d), conv (heads·dv,
    w), conv_bias, skip (heads·dv,). Random b_f lies in [1, 4), b_i in [−1, 1). Before the layer stands RMSNorm
    (7B; the paper: LayerNorm). LayerNorm of one number is 0, so dv = 1 needs bare=1. Sources: Beck et al., xLSTM,
    NeurIPS 2024; Beck et al., xLSTM 7B, 2025.
    """

    name = "mlstm"
    summary = "C' = f C + i k v, n' = f n + i k, exponential gates, read q C' / max(|q n'|, 1)"
    formula = "heads (dk dv + dk + 1) + (w-1) heads dv"
    source = "Beck et al. 2024, 2025"
    dimensions = HEADS | {"w": ("width of the convolution, 1 for none", 4)}
    examples = ("mlstm:d=1,w=1,p=5,bare=1", "mlstm:d=4,heads=2,w=3,layers=2,format=bf16,seed=1")

    def prepare(self) -> None:
        super().prepare()
        if self.size.dv == 1 and not self.bare:
            raise BadInput(
                "mlstm norms the dv numbers of a head, and the norm of one is 0; take dv=2 or bare=1"
            )

    def parts(self) -> dict[str, Part]:
        size = self.size
        found = {
            "normaliser": Part((size.heads, size.dk), span=8.0),
            "stabiliser": Part((size.heads, 1), span=16.0),
        }
        return super().parts() | found | window("conv", self.values, size.w)

    def shapes(self) -> dict[str, Weight]:
        d, heads, keys, values = self.d, self.size.heads, self.keys, self.values
        found = super().shapes() | {
            "b_i": spread(heads, low=-1.0, high=1.0),
            "b_f": spread(heads, low=1.0, high=4.0),
        }
        if not self.bare:
            found["head_norm"] = constant(values, value=1.0)
        if self.size.w == 1:
            return found | {"w_i": dense(heads, d), "w_f": dense(heads, d), "w_g": dense(values, d)}
        inner = {
            "w_u": dense(values, d),
            "w_z": dense(values, d),
            "w_q": dense(keys, values),
            "w_k": dense(keys, values),
            "w_v": dense(values, values),
            "w_i": dense(heads, 2 * keys + values),
            "w_f": dense(heads, 2 * keys + values),
            "skip": constant(values, value=1.0),
        }
        return found | inner | kernel("conv", values, self.size.w)

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        x = self.norm(w, "norm", x, m)
        if self.size.w > 1:
            u = m.dot(w.w_u, x)
            return np.concatenate([u, m.dot(w.w_v, u), m.silu(m.dot(w.w_z, x))])
        i, f = (CAP * m.tanh(m.dot(z, x, b) * (1 / CAP)) for z, b in ((w.w_i, w.b_i), (w.w_f, w.b_f)))
        q, k, v = m.dot(w.w_q, x), m.dot(w.w_k, x), m.dot(w.w_v, x)
        return np.concatenate([q, k, v, i, f, m.sigmoid(m.dot(w.w_g, x))])

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        dk, dv = self.size.dk, self.size.dv
        if self.size.w == 1:
            q, k, v, i, f, gate = self.split(a, dk, dk, dv, 1, 1, dv)
            y = gate * self.head_norm(w, self.remembered(q, k, v, i, f, s, save, m), m)
            return self.finish(w, x, y, m)
        u, v, gate = (a[row : row + self.values] for row in range(0, len(a), self.values))
        c = m.silu(convolve(w, s, "conv", u, save))
        flat = np.concatenate([m.dot(w.w_q, c), m.dot(w.w_k, c), v])
        q, k, v = self.split(flat, dk, dk, dv)
        (i,), (f,) = self.split(m.dot(w.w_i, flat, w.b_i), 1), self.split(m.dot(w.w_f, flat, w.b_f), 1)
        y = self.head_norm(w, self.remembered(q, k, v, i, f, s, save, m), m)
        return self.finish(w, x, gate * (m.flat(y) + w.skip * c), m)

    def remembered(
        self, q: Array, k: Array, v: Array, i: Array, f: Array, s: Any, save: Save, m: Rows
    ) -> Array:
        """y (heads, dv, …) for q, k (heads, dk, …), v (heads, dv, …) and gates i, f (heads, 1, …)."""
        past = s.stabiliser - m.softplus(-f)
        top = save("stabiliser", np.maximum(past, i))
        decay, key = m.exp(past - top), m.exp(i - top) * k
        normaliser = save("normaliser", decay * s.normaliser + key)
        matrix = self.carry(s.matrix, save, m, key=key, value=v, decay=decay)
        q = q * (1 / math.sqrt(self.size.dk))
        least = np.maximum(np.abs(within(q, normaliser, m)), m.exp(-top))
        return self.read_out(matrix, q, m) / (least + EPSILON)

    def head_norm(self, w: Any, y: Array, m: Rows) -> Array:
        """LayerNorm in each head of y (heads, dv, …), a weight a number; y itself where the layer is bare."""
        if self.bare:
            return y
        ones = np.ones_like(y)
        y = y - within(y, ones, m) / self.size.dv
        weight = w.head_norm.reshape(self.size.heads, self.size.dv, *w.head_norm.shape[1:])
        return y / np.sqrt(within(y, y, m) / self.size.dv + EPSILON) * weight
