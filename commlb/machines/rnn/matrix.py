"""Networks whose state is a matrix for each head: what they share, and linear attention, RetNet and GLA.

All of them carry S' = diag(decay)·S + left ⊗ (rightᵀ·S) + key ⊗ value (``Rows.carried``) and read queryᵀ·S'.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.machines.base import Array
from commlb.machines.rnn.layout import Part
from commlb.machines.rnn.network import Network, Save
from commlb.machines.rnn.rows import Rows, exp64, turn
from commlb.machines.rnn.weights import Weight, constant, dense

MOST_STORED = 2**24
"""Numbers that the matrices of a network may hold."""

HEADS = {
    "heads": ("number of heads", 1),
    "dk": ("numbers of a key, in each head", 0),
    "dv": ("numbers of a value, in each head", 0),
}
"""Dimensions of every family here; dk and dv are d / heads unless given."""

LOG_10000 = 9.210340371976184

EPSILON = 1e-6
"""What norms inside a layer, and denominators, add."""


def within(x: Array, y: Array, m: Rows) -> Array:
    """Σ_k x[h, k]·y[h, k] for each head h: (heads, 1, …) for x, y (heads, n, …)."""
    return m.sum(np.moveaxis(x * y, 1, 0))[:, None]


def unit(x: Array, m: Rows) -> Array:
    """x / √(Σ x² + ε) in each head, x (heads, n, …): vectors of length 1."""
    return x / np.sqrt(within(x, x, m) + EPSILON)


class Matrix(Network):
    """A layer x + W_o·y, y the heads' results one after the other, of an input that RMSNorm scales first.

    The part ``matrix`` holds S, (heads, dk, dv). Weights of every family: norm (d,), w_q, w_k (heads·dk, d), w_v
    (heads·dv, d), w_o (d, heads·dv), as in PyTorch's ``Linear``. ``bare=1`` leaves out the sum and all norms. The
    papers' blocks have a feed-forward layer after this one: it stores nothing, and is left out.
    """

    normed = True
    dimensions = HEADS
    span = 8.0
    """The range of S in fixed point."""

    def prepare(self) -> None:
        size = self.size
        if self.d % size.heads and not (size.dk and size.dv):
            raise BadInput(
                f"{self.name} shares d among its heads: heads must divide d; given d={self.d} and "
                f"heads={size.heads}; or give dk and dv, the numbers of a key and of a value"
            )
        size.dk, size.dv = size.dk or self.d // size.heads, size.dv or self.d // size.heads
        self.keys, self.values = size.heads * size.dk, size.heads * size.dv
        numbers = self.depth * size.heads * size.dk * size.dv
        if numbers > MOST_STORED:
            raise BadInput(
                f"{self.name} would store {numbers:,} numbers in matrices; at most {MOST_STORED:,}; "
                "take a smaller dk or dv"
            )

    def parts(self) -> dict[str, Part]:
        return {"matrix": Part((self.size.heads, self.size.dk, self.size.dv), self.span)}

    def shapes(self) -> dict[str, Weight]:
        d, keys, values = self.d, self.keys, self.values
        found = {} if self.bare else self.norms("norm")
        return found | {
            "w_q": dense(keys, d),
            "w_k": dense(keys, d),
            "w_v": dense(values, d),
            "w_o": dense(d, values),
        }

    def head_norms(self) -> dict[str, Weight]:
        """The weights of RMSNorm in each head, the same for all: head_norm (dv,); none where the layer is bare."""
        return {} if self.bare else {"head_norm": constant(self.size.dv, value=1.0)}

    def head_norm(self, w: Any, y: Array, m: Rows) -> Array:
        """RMSNorm in each head of y (heads, dv, …); y itself where the layer is bare."""
        if self.bare:
            return y
        return y / np.sqrt(within(y, y, m) / self.size.dv + EPSILON) * w.head_norm

    def split(self, a: Array, *sizes: int) -> list[Array]:
        """``a`` cut into pieces of heads·size rows, each as (heads, size, …)."""
        found, row, heads = [], 0, self.size.heads
        for size in sizes:
            found.append(a[row : row + heads * size].reshape(heads, size, *a.shape[1:]))
            row += heads * size
        return found

    def carry(
        self,
        s: Any,
        save: Save,
        m: Rows,
        key: Array,
        value: Array,
        decay: Any = 1.0,
        left: Array | None = None,
        right: Array | None = None,
    ) -> Array:
        """The heads' next matrices, as they are stored: (heads, dk, dv, …).

        s: the old ones; key, left, right (heads, dk, …), value (heads, dv, …), decay whatever spreads to a key.
        """
        none = np.zeros_like(key)
        left, right = none if left is None else left, none if right is None else right
        heads = zip(s, decay + none, left, right, key, value, strict=True)
        return save("matrix", np.stack([m.carried(*head) for head in heads]))

    def read_out(self, matrix: Array, query: Array, m: Rows) -> Array:
        """queryᵀ·S in each head: (heads, dv, …)."""
        return np.stack([m.read(one, q) for one, q in zip(matrix, query, strict=True)])

    def finish(self, w: Any, x: Array, y: Array, m: Rows) -> Array:
        """The layer's output for the heads' results y (heads, dv, …)."""
        return self.join(x, m.dot(w.w_o, m.flat(y)))


class LinearAttention(Matrix):
    """S' = S + φ(k) ⊗ v, n' = n + φ(k), y = φ(q)ᵀ·S' / (φ(q)ᵀ·n' + 10⁻⁶) in each head.

    q = W_q·x, k = W_k·x, v = W_v·x; φ is elu + 1, number by number: z + 1 for z > 0, else e^z. So d_φ = dk, all
    weights of the past are positive, and y is their mean; the 10⁻⁶ is the authors' code's. Stores dk·dv + dk
    numbers a head: matrix (heads, dk, dv), normaliser n (heads, dk). Fixed point keeps S in [−8, 8), n in [−64,
    64): n is positive, grows with every token and saturates. Weights: norm, w_q, w_k, w_v, w_o (``Matrix``).
    Source: Katharopoulos et al., ICML 2020.
    """

    name = "linear-attention"
    summary = "S' = S + f(k) v, n' = n + f(k), f = elu + 1, read f(q) S' / f(q) n'"
    formula = "heads (dk dv + dk)"
    source = "Katharopoulos et al. 2020"
    examples = (
        "linear-attention:d=1,p=8,bare=1",
        "linear-attention:d=4,heads=2,dk=1,layers=2,format=e4m3,seed=1",
    )

    def parts(self) -> dict[str, Part]:
        return super().parts() | {"normaliser": Part((self.size.heads, self.size.dk), span=64.0)}

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        x = self.norm(w, "norm", x, m)
        z = np.concatenate([m.dot(w.w_q, x), m.dot(w.w_k, x)])
        features = np.where(z > 0, z + 1.0, m.exp(np.minimum(z, 0.0)))
        return np.concatenate([features, m.dot(w.w_v, x)])

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        q, k, v = self.split(a, self.size.dk, self.size.dk, self.size.dv)
        total = within(q, save("normaliser", s.normaliser + k), m)
        matrix = self.carry(s.matrix, save, m, key=k, value=v)
        return self.finish(w, x, self.read_out(matrix, q, m) / (total + EPSILON), m)


class RetNet(Matrix):
    """S' = γ·R·S + k ⊗ v, y = qᵀ·S' in head h, γ = 1 − 2^(−5−h); then silu(W_g·x)·RMSNorm(y) in each head.

    q = W_q·x, k = W_k·x / √dk, v = W_v·x. R turns each pair of rows 2i, 2i + 1 of S by −θ_i, θ_i =
    10000^(−i/(n−1)) with n = dk / 2 pairs. This is the published rotation of q and k by t·θ_i (xPos without its
    scale, as in the authors' code), carried by the state instead of the position: outputs are equal, S is theirs
    turned back by t·θ. An odd dk leaves its last row alone; dk = 1 has no rotation. The paper's GroupNorm is
    RMSNorm in each head, as in the authors' code, with a weight. Stores dk·dv numbers a head, in fixed point in
    [−8, 8). Weights: norm, w_q, w_k, w_v, w_o (``Matrix``), w_g (heads·dv, d), head_norm (dv,). Source: Sun et
    al., Retentive Network, 2023.
    """

    name = "retnet"
    summary = "S' = g R S + k v, g = 1 - 2^(-5-h) in head h, rotations R"
    formula = "heads dk dv"
    source = "Sun et al. 2023"
    examples = ("retnet:d=2,p=4,bare=1", "retnet:d=6,heads=2,layers=2,format=bf16,seed=1")

    def shapes(self) -> dict[str, Weight]:
        return super().shapes() | {"w_g": dense(self.values, self.d)} | self.head_norms()

    def derive(self, w: Any, m: Rows) -> None:
        w.decay = m.column(1.0 - 2.0 ** (-5.0 - np.arange(self.size.heads)[:, None]))
        w.cos, w.sin = (m.column(values[:, None]) for values in turn(angles(self.size.dk // 2)))

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        x = self.norm(w, "norm", x, m)
        k = m.dot(w.w_k, x) * (1 / math.sqrt(self.size.dk))
        return np.concatenate([m.dot(w.w_q, x), k, m.dot(w.w_v, x), m.silu(m.dot(w.w_g, x))])

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        dk, dv = self.size.dk, self.size.dv
        q, k, v, gate = self.split(a, dk, dk, dv, dv)
        turned, end = s.matrix.copy(), dk - dk % 2
        first, second = s.matrix[:, 0:end:2], s.matrix[:, 1:end:2]
        turned[:, 0:end:2] = w.cos * first + w.sin * second
        turned[:, 1:end:2] = w.cos * second - w.sin * first
        matrix = self.carry(turned, save, m, key=k, value=v, decay=w.decay)
        return self.finish(w, x, gate * self.head_norm(w, self.read_out(matrix, q, m), m), m)


def angles(pairs: int) -> Array:
    """θ_i = 10000^(−i/(pairs−1)), i < pairs.

    >>> angles(2).round(6).tolist()
    [1.0, 0.0001]
    """
    return exp64(np.arange(pairs) * (-LOG_10000 / max(pairs - 1, 1)))


class GLA(Matrix):
    """S' = diag(α)·S + k ⊗ v, y = qᵀ·S' in each head; then silu(W_g·x + b_g)·RMSNorm(y) in each head.

    q = W_q·x / √dk, k = W_k·x, v = W_v·x, α = σ(A·(B·x) + b_a)^(1/16), one decay a row of S; the root is four
    square roots. The paper's LayerNorm is RMSNorm, as in the authors' code. Stores dk·dv numbers a head, in fixed
    point in [−8, 8). Weights: norm, w_q, w_k, w_v, w_o (``Matrix``), w_b (rank, d) = B, w_a (heads·dk, rank) = A,
    b_a, w_g (heads·dv, d), b_g, head_norm (dv,); with random ones α is about 0.96. The paper has dk = d /
    (2·heads), rank 16. Source: Yang et al., Gated Linear Attention Transformers, ICML 2024.
    """

    name = "gla"
    summary = "S' = diag(a) S + k v, a = sigmoid(A B x + b)^(1/16)"
    formula = "heads dk dv"
    source = "Yang et al. 2024"
    dimensions = HEADS | {"rank": ("rank of the decays' projection", 16)}
    examples = ("gla:d=1,p=8,rank=1,bare=1", "gla:d=4,heads=2,dk=1,rank=2,layers=2,format=e5m2,seed=1")

    def shapes(self) -> dict[str, Weight]:
        own = {
            "w_b": dense(self.size.rank, self.d),
            "w_a": dense(self.keys, self.size.rank),
            "b_a": constant(self.keys),
            "w_g": dense(self.values, self.d),
            "b_g": constant(self.values),
        }
        return super().shapes() | own | self.head_norms()

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        x = self.norm(w, "norm", x, m)
        q = m.dot(w.w_q, x) * (1 / math.sqrt(self.size.dk))
        decay = m.sigmoid(m.dot(w.w_a, m.dot(w.w_b, x), w.b_a))
        decay = np.sqrt(np.sqrt(np.sqrt(np.sqrt(decay))))
        gate = m.silu(m.dot(w.w_g, x, w.b_g))
        return np.concatenate([q, m.dot(w.w_k, x), m.dot(w.w_v, x), decay, gate])

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        dk, dv = self.size.dk, self.size.dv
        q, k, v, decay, gate = self.split(a, dk, dk, dv, dk, dv)
        matrix = self.carry(s.matrix, save, m, key=k, value=v, decay=decay)
        return self.finish(w, x, gate * self.head_norm(w, self.read_out(matrix, q, m), m), m)
