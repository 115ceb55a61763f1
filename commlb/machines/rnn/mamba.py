"""Selective state spaces, whose decay, key and query depend on the token: Mamba and Mamba-2."""

from __future__ import annotations

from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.machines.base import Array
from commlb.machines.rnn.convolution import convolve, kernel, window
from commlb.machines.rnn.layout import Part
from commlb.machines.rnn.network import Network, Save
from commlb.machines.rnn.rows import Rows
from commlb.machines.rnn.weights import Weight, constant, dense, spread


class Mamba(Network):
    """h' = exp(Δ·A)·h + Δ·B·u, y = C·h' + D·u, for each channel; the output is x + W_out·(y·silu(z)).

    From x under its norm come u and z, d_inner = expand·d numbers each; u goes through a convolution over the last
    w tokens and silu. Then (δ, B, C) = W·u, δ of ``rank`` numbers, B and C of N, and Δ = softplus(W_Δ·δ + b), one
    number a channel; A = −exp(A_log). With bare=1 there is neither the norm nor the sum with x.

    Stores d_inner·N + d_inner·(w−1) numbers: h (N, d_inner), and conv, the last w−1 inputs of the convolution.
    Fixed point keeps h in [−8, 8) and conv in [−4, 4).

    Weights, in the layouts of transformers' ``MambaMixer``: norm (d,), in_proj (2·d_inner, d) with the rows of u
    and z, conv (d_inner, w), conv_bias (d_inner,), x_proj (rank + 2N, d_inner) with the rows of δ, B and C, dt_proj
    (d_inner, rank), dt_bias (d_inner,), A_log (d_inner, N), D (d_inner,), out_proj (d, d_inner). At random A is
    from −1 to −0.14 and dt_bias in [−2, 0), so that decays are in (0.5, 0.99) where δ is 0; D is 1, as published.
    RMSNorms have ε = 1e-5. Source: Gu and Dao, Mamba, 2023 (arXiv 2312.00752).
    """

    name = "mamba"
    summary = "h' = exp(D A) h + D B u, decay and B, C from the token"
    formula = "d_inner N + d_inner (w-1), d_inner = expand d"
    source = "Gu and Dao 2023"
    dimensions = {
        "N": ("numbers of state a channel", 16),
        "w": ("width of the convolution, in tokens", 4),
        "expand": ("channels for each of d", 2),
        "rank": ("rank of the step size's projection", 0),
    }
    normed = True
    examples = (
        "mamba:d=1,N=2,w=2,expand=1,bare=1,p=5,range=1,seed=5",
        "mamba:d=2,N=3,layers=2,format=bf16,seed=1",
    )

    def prepare(self) -> None:
        self.size.inner = self.size.expand * self.d
        self.size.rank = self.size.rank or -(-self.d // 16)
        self._check_size("expand·d", self.size.inner)

    def parts(self) -> dict[str, Part]:
        size = self.size
        return {"h": Part((size.N, size.inner), span=8.0)} | window("conv", size.inner, size.w)

    def shapes(self) -> dict[str, Weight]:
        d, size = self.d, self.size
        norm = {} if self.bare else self.norms("norm")
        return (
            norm
            | {"in_proj": dense(2 * size.inner, d)}
            | kernel("conv", size.inner, size.w)
            | {
                "x_proj": dense(size.rank + 2 * size.N, size.inner),
                "dt_proj": dense(size.inner, size.rank),
                "dt_bias": spread(size.inner, low=-2.0, high=0.0),
                "A_log": spread(size.inner, size.N, low=-2.0, high=0.0),
                "D": constant(size.inner, value=1.0),
                "out_proj": dense(d, size.inner),
            }
        )

    def derive(self, w: Any, m: Rows) -> None:
        w.A = np.ascontiguousarray(-m.exp(w.A_log).swapaxes(0, 1))

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        return m.dot(w.in_proj, self.norm(w, "norm", x, m))

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        size = self.size
        u = m.silu(convolve(w, s, "conv", a[: size.inner], save))
        mixed = m.dot(w.x_proj, u)
        step = m.softplus(m.dot(w.dt_proj, mixed[: size.rank]) + w.dt_bias)
        key, query = mixed[size.rank : size.rank + size.N], mixed[size.rank + size.N :]
        h = save("h", m.exp(step * w.A) * s.h + (step * u) * key[:, None])
        y = m.sum(h * query[:, None]) + w.D * u
        return self.join(x, m.dot(w.out_proj, y * m.silu(a[size.inner :])))


class Mamba2(Network):
    """S' = exp(Δ·A)·S + Δ·B ⊗ u, y = Cᵀ·S' + D·u, for each of H heads; the output is x + W_out·norm(y·silu(z)).

    From x under its norm come z (H·P numbers), u (H·P), B and C (N for each of G groups of heads) and Δ (H); u, B
    and C go through a convolution over the last w tokens and silu; Δ = softplus(· + dt_bias), A = −exp(A_log) is
    one number a head. ``norm`` is an RMSNorm over the H·P/G numbers of each group. With bare=1 there are neither
    norms nor the sum with x; the gate silu(z) stays. Published models have P = 64 and N = 64 to 256.

    Stores H·P·N + (w−1)(H·P + 2·G·N) numbers: S (H, N, P), and conv, the last w−1 inputs of the convolution.
    Fixed point keeps S in [−8, 8) and conv in [−4, 4).

    Weights, in the layouts of transformers' ``Mamba2Mixer``: norm (d,), in_proj (2·H·P + 2·G·N + H, d) with the
    rows of z, u, B, C and Δ, conv (H·P + 2·G·N, w), conv_bias, dt_bias, A_log, D (H,), gate_norm (H·P,), out_proj
    (d, H·P). At random as Mamba's. RMSNorms have ε = 1e-5.
    Source: Dao and Gu, Transformers are SSMs, 2024 (arXiv 2405.21060).
    """

    name = "mamba2"
    summary = "S' = exp(D A) S + D B u', one decay a head"
    formula = "H P N + (w-1)(H P + 2 G N)"
    source = "Dao and Gu 2024"
    dimensions = {
        "H": ("heads", 1),
        "P": ("channels a head; 2d / H, rounded up", 0),
        "N": ("numbers of state a channel", 16),
        "G": ("groups of heads with B and C in common", 1),
        "w": ("width of the convolution, in tokens", 4),
    }
    normed = True
    examples = (
        "mamba2:d=1,P=1,N=1,w=2,bare=1,p=4,range=1,seed=9",
        "mamba2:d=2,H=2,N=2,layers=2,format=e4m3,seed=1",
    )

    def prepare(self) -> None:
        size = self.size
        if size.H % size.G:
            raise BadInput(f"G must divide H; given G={size.G} and H={size.H}")
        size.P = size.P or -(-2 * self.d // size.H)
        size.inner, size.mixed = size.H * size.P, size.H * size.P + 2 * size.G * size.N
        self._check_size("H·P", size.inner)

    def parts(self) -> dict[str, Part]:
        size = self.size
        return {"S": Part((size.H, size.N, size.P), span=8.0)} | window("conv", size.mixed, size.w)

    def shapes(self) -> dict[str, Weight]:
        d, size = self.d, self.size
        norms = {} if self.bare else self.norms("norm") | {"gate_norm": constant(size.inner, value=1.0)}
        return (
            norms
            | {"in_proj": dense(size.inner + size.mixed + size.H, d)}
            | kernel("conv", size.mixed, size.w)
            | {
                "dt_bias": spread(size.H, low=-2.0, high=0.0),
                "A_log": spread(size.H, low=-2.0, high=0.0),
                "D": constant(size.H, value=1.0),
                "out_proj": dense(d, size.inner),
            }
        )

    def derive(self, w: Any, m: Rows) -> None:
        w.A = -m.exp(w.A_log)

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        return m.dot(w.in_proj, self.norm(w, "norm", x, m))

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        size, lanes = self.size, x.shape[1:]
        gate, mixed, step = a[: size.inner], a[size.inner : -size.H], a[-size.H :]
        mixed = m.silu(convolve(w, s, "conv", mixed, save))
        u = mixed[: size.inner].reshape(size.H, size.P, *lanes)
        keys, queries = mixed[size.inner :].reshape(2, size.G, size.N, *lanes)
        step = m.softplus(step + w.dt_bias)
        decay, zero = m.exp(step * w.A), np.zeros_like(keys[0])
        group = [h * size.G // size.H for h in range(size.H)]
        made = [
            m.carried(s.S[h], decay[h] + zero, zero, zero, step[h] * keys[group[h]], u[h])
            for h in range(size.H)
        ]
        kept = save("S", np.stack(made))
        y = np.stack([m.read(kept[h], queries[group[h]]) + w.D[h] * u[h] for h in range(size.H)])
        y = self._normed(w, m.flat(y) * m.silu(gate), m)
        return self.join(x, m.dot(w.out_proj, y))

    def _normed(self, w: Any, y: Array, m: Rows) -> Array:
        """y with each group under its RMSNorm; y itself where the network is bare."""
        if self.bare:
            return y
        size = self.size.inner // self.size.G
        groups = [slice(first, first + size) for first in range(0, self.size.inner, size)]
        return np.concatenate([m.rms_norm(y[rows], w.gate_norm[rows], 1e-5) for rows in groups])
