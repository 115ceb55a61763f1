"""Attention over a bounded cache: sliding window, StreamingLLM's sinks, TOVA."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.machines.base import Array
from commlb.machines.rnn.layout import Part
from commlb.machines.rnn.network import Network, Save
from commlb.machines.rnn.rows import Rows
from commlb.machines.rnn.weights import Weight, constant, dense

SPAN = 4.0
"""Fixed point keeps k and v in [−SPAN, SPAN)."""


def slopes(heads: int) -> Array:
    """ALiBi's slopes 2^(−8(h + 1) / H) of heads h = 0 … H − 1, H a power of two (Press et al. 2022).

    By square roots and products alone, so the same everywhere.

    >>> slopes(4).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    ratio = 2.0**-8
    for _ in range(heads.bit_length() - 1):
        ratio = math.sqrt(ratio)
    return np.array([ratio] * heads).cumprod()


def check_heads(machine: Network) -> None:
    """Refuse heads that ALiBi has no slopes for, or that d does not divide into."""
    heads, d = machine.size.heads, machine.d
    if heads & (heads - 1) or d % heads:
        raise BadInput(
            f"heads must be a power of two (ALiBi has slopes for these) that divides d; given {heads}, d={d}"
        )


def attention_shapes(d: int) -> dict[str, Weight]:
    """The weights of attention: ``qkv`` (3d, d), the rows of q, k and v one after the other, and ``out`` (d, d)."""
    return {"qkv": dense(3 * d, d), "out": dense(d, d)}


def weigh(q: Array, k: Array, distance: Array, slope: Array, m: Rows) -> Array:
    """The weights of n places in each head, softmax of q·k / √(d/H) − slope·distance: (n, H, …).

    q (d, …), k (n, d, …), distance (n, …) or (n, 1…), slope (H, 1…).
    """
    heads, lanes = len(slope), q.shape[1:]
    product = (k * q).reshape(len(k), heads, -1, *lanes)
    scores = m.sum(np.moveaxis(product, 2, 0)) / math.sqrt(len(q) // heads) - slope * distance[:, None]
    power = m.exp(np.ascontiguousarray(scores - np.max(scores, axis=0)))
    return power / m.sum(power)


def mix(weights: Array, v: Array, m: Rows) -> Array:
    """Σ_j weights[j, h]·v[j] with the channels of head h: (d, …) of weights (n, H, …) and v (n, d, …)."""
    parts = v.reshape(*weights.shape[:2], -1, *v.shape[2:])
    return m.sum(weights[:, :, None] * parts).reshape(v.shape[1:])


class SlidingWindow(Network):
    """Softmax attention over the last w tokens, the newest included, in H heads: x + W_o·Σ_j a_j·v_j.

    At token t, a = softmax over tokens j = t − w + 1 … t of q_t·k_j / √(d/H) − slope·δ_j in each head, with
    q, k, v = W·norm(x) and δ_j = t − j (ALiBi; slope 2^(−8(h + 1) / H) in head h = 0 … H − 1, H a power of two).
    One residual attention layer with RMSNorm before it; no MLP.

    Stores 2·(w − 1)·d numbers, the k and v of the last w − 1 tokens, oldest first: all that the next token reads
    besides its own. Public caches hold 2·w·d, the window of the newest token, the oldest of it dead by then.
    How many places are filled is min(t, w − 1), a function of t and so not stored. In L layers an output depends
    on the last L(w − 1) + 1 tokens. The newest k and v are read as rounded, as later tokens will read them.
    Weights: norm (d,), qkv (3d, d), the rows of q, k, v one after the other, out (d, d). Fixed point keeps k and v
    in [−4, 4). Source: Beltagy et al., Longformer, 2020; Press et al., ALiBi, ICLR 2022.
    """

    name = "sliding-window"
    summary = "softmax attention over the last w tokens"
    formula = "2(w - 1)d"
    source = "Beltagy et al. 2020; Press et al. 2022"
    dimensions = {"w": ("tokens attended to, the newest included", 8), "heads": ("attention heads", 1)}
    normed = True
    examples = (
        "sliding-window:d=1,w=3,p=4,bare=1",
        "sliding-window:d=4,w=3,heads=2,layers=2,format=bf16,seed=1",
    )

    def prepare(self) -> None:
        check_heads(self)
        if self.size.w < 2:
            raise BadInput(f"w must be at least 2, since w=1 stores nothing; given {self.size.w}")
        self.first = 0
        """How many of the first tokens stay for ever."""

    def parts(self) -> dict[str, Part]:
        kept = self.first + self.size.w - 1
        return {name: Part((kept, self.d), SPAN) for name in ("k", "v")}

    def shapes(self) -> dict[str, Weight]:
        return {"norm": constant(self.d, value=1.0)} | attention_shapes(self.d)

    def derive(self, w: Any, m: Rows) -> None:
        w.slope = m.column(slopes(self.size.heads))

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        return m.dot(w.qkv, self.norm(w, "norm", x, m))

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        d = self.d
        k, v = (self.extended(s, name, a[i * d : (i + 1) * d], save) for i, name in ((1, "k"), (2, "v")))
        distance = m.column(np.arange(len(k))[::-1])
        y = mix(weigh(a[:d], k, distance, w.slope, m), v, m)
        return self.join(x, m.dot(w.out, y))

    def extended(self, s: Any, name: str, new: Array, save: Save) -> Array:
        """The kept rows of a part in the order of their tokens, and ``new``, now stored as well."""
        old = getattr(s, name)
        if s.t < len(old):
            return save(name, np.concatenate([old[: s.t], new[None], old[s.t + 1 :]]))[: s.t + 1]
        stored = save(name, np.concatenate([old[: self.first], old[self.first + 1 :], new[None]]))
        return np.concatenate([old, stored[-1:]])


class StreamingLLM(SlidingWindow):
    """Softmax attention over the first ``sinks`` tokens and the last w, the newest included: as ``SlidingWindow``.

    δ_j counts kept tokens only, so that sinks are as near as the cache is long: positions are places in the cache,
    as the paper has it, and nothing of t is stored. Up to sinks + w tokens it is attention to all of them.

    Stores 2·(sinks + w − 1)·d numbers, the k and v of the sinks, then of the last w − 1 tokens. Public caches hold
    2·(sinks + w)·d, with the one token that no later one reads. The rest as there.
    Source: Xiao et al., Efficient streaming language models with attention sinks, ICLR 2024.
    """

    name = "streaming-llm"
    summary = "softmax attention over the first tokens and the last w"
    formula = "2(sinks + w - 1)d"
    source = "Xiao et al. 2023; Press et al. 2022"
    dimensions = {**SlidingWindow.dimensions, "sinks": ("first tokens that stay for ever", 4)}
    examples = (
        "streaming-llm:d=1,w=2,sinks=1,p=4,bare=1",
        "streaming-llm:d=4,w=3,sinks=2,heads=2,layers=2,format=e4m3,seed=1",
    )

    def prepare(self) -> None:
        super().prepare()
        self.first = self.size.sinks


class TOVA(Network):
    """Softmax attention over n kept tokens and the newest; then the one with the least weight goes (TOVA).

    Attention as in ``SlidingWindow``, with δ_j = t − position of j. Once n + 1 tokens are there, the one with the
    least weight a_j, averaged over heads, is dropped; of equal ones the oldest. It may be the newest itself.

    Stores 2·n·d numbers, k and v of the kept tokens, oldest first, and their n positions, integers in
    ⌈log₂ length⌉ bits each. How many places are filled, min(t, n), is a function of t. Weights and ranges as in
    ``SlidingWindow``; each layer drops tokens by its own weights.
    Source: Oren et al., Transformers are multi-state RNNs, EMNLP 2024.
    """

    name = "tova"
    summary = "softmax attention over n kept tokens; the least attended goes"
    formula = "2 n d, and n positions"
    source = "Oren et al. 2024; Press et al. 2022"
    dimensions = {"n": ("tokens kept", 8), "heads": ("attention heads", 1)}
    normed = True
    examples = ("tova:d=1,n=1,p=4,bare=1", "tova:d=4,n=3,heads=2,layers=2,format=fp16,seed=1")

    def prepare(self) -> None:
        check_heads(self)
        self.stored = self._form(SPAN)

    shapes, derive, inputs = SlidingWindow.shapes, SlidingWindow.derive, SlidingWindow.inputs

    def parts(self) -> dict[str, Part]:
        n = self.size.n
        return {
            "k": Part((n, self.d), SPAN),
            "v": Part((n, self.d), SPAN),
            "position": Part((n,), choices=self.task.length),
        }

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        d, t, n = self.d, s.t, self.size.n
        old, filled = {"k": s.k, "v": s.v, "position": s.position}, min(s.t, n)
        new = {name: self.as_stored(a[i * d : (i + 1) * d], m) for i, name in ((1, "k"), (2, "v"))}
        new["position"] = np.full_like(x[0], t)
        all_of = {name: np.concatenate([old[name][:filled], new[name][None]]) for name in old}
        weights = weigh(a[:d], all_of["k"], t - all_of["position"], w.slope, m)
        drop = least(weights, m)
        for name, rows in all_of.items():
            if t < n:
                save(name, np.concatenate([rows, old[name][t + 1 :]]))
            else:
                place = m.column(np.arange(n)).reshape(n, *(1,) * (rows.ndim - 1))
                save(name, np.where(place < drop, rows[:-1], rows[1:]))
        return self.join(x, m.dot(w.out, mix(weights, all_of["v"], m)))

    def as_stored(self, x: Array, m: Rows) -> Array:
        """x (d, …) as k and v would store it."""
        out = m.empty(len(x), x)
        m.rounded(x, self.stored, out)
        return out


def least(weights: Array, m: Rows) -> Array:
    """The place with the least sum over heads, the first of equal ones: (…) of weights (n, H, …)."""
    return np.argmin(m.sum(np.moveaxis(weights, 1, 0)), axis=0)
