"""A Transformer that reads segment by segment, with memory tokens between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from commlb.machines.base import Array
from commlb.machines.rnn.caches import attention_shapes, check_heads, mix, slopes, weigh
from commlb.machines.rnn.layout import Part
from commlb.machines.rnn.network import Network, Save
from commlb.machines.rnn.rows import Rows
from commlb.machines.rnn.weights import Weight, constant, spread
from commlb.tasks.base import Task


class RMT(Network):
    """Recurrent memory transformer: a causal Transformer over [memory; segment; memory] gives the next memory.

    M (m rows of width d) stands before the tokens of a segment (read) and again behind them (write). In each of
    the L layers place i attends to all places j ≤ i of this sequence, in H heads: x_i + W_o·Σ_j a_j·v_j, a the
    softmax of q_i·k_j / √(d/H) − slope·(i − j) in each head (ALiBi), q, k, v = W·norm(x); no MLP. The output at a
    token is that of its place, which depends on the memory and on the segment so far. At the last token of a
    segment the outputs of the write places, under the final norm, become M; the first segment has learned M.

    Stores m·d numbers in all, whatever L, and the tokens of the segment so far, at most segment − 1 integers.
    Where in the segment a token is, t mod segment, is a function of t. Each token computes the segment again.
    Weights, in ``layers.0``: memory (m, d); for l = 0 … L − 1 norm_l (d,), qkv_l (3d, d), the rows of q, k, v one
    after the other, out_l (d, d); and the final norm (d,). Random memory is uniform of variance 1. Fixed point
    keeps M in [−4, 4). Source: Bulatov et al., NeurIPS 2022, as decoder with learned first memory and the final
    norm on the memory, as in the authors' code.
    """

    name = "rmt"
    summary = "attention over memory tokens and the segment; its end rewrites them"
    formula = "m d in all layers, and segment - 1 tokens"
    source = "Bulatov et al. 2022; Press et al. 2022"
    dimensions = {
        "m": ("memory tokens", 4),
        "segment": ("tokens of a segment", 8),
        "heads": ("attention heads", 1),
    }
    normed = True
    examples = (
        "rmt:d=1,m=2,segment=2,p=4,bare=1",
        "rmt:d=4,m=2,segment=3,heads=2,layers=2,format=bf16,seed=1",
    )

    def prepare(self) -> None:
        check_heads(self)
        self.inner, self.depth = self.depth, 1  # one recurrence around all layers

    def __init__(self, task: Task, cut: int, d: int, **given: Any):
        super().__init__(task, cut, d, **given)
        places = 2 * self.size.m + self.size.segment
        self.work_per_token += self.inner * places * places * d
        self.operations = 60 + 20 * self.inner * places

    def parts(self) -> dict[str, Part]:
        kept = self.size.segment - 1
        memory = {"memory": Part((self.size.m, self.d))}
        return memory | ({"segment": Part((kept,), choices=self._kinds)} if kept else {})

    def shapes(self) -> dict[str, Weight]:
        made = {"memory": spread(self.size.m, self.d, low=-(3**0.5), high=3**0.5)}
        for k in range(self.inner):
            made[f"norm_{k}"] = constant(self.d, value=1.0)
            made |= {f"{name}_{k}": weight for name, weight in attention_shapes(self.d).items()}
        return made

    def derive(self, w: Any, m: Rows) -> None:
        w.slope = m.column(slopes(self.size.heads))

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        return x

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        memory, r = self.size.m, s.t % self.size.segment
        last = r == self.size.segment - 1
        read = s.memory if s.t > r else np.broadcast_to(w.memory, s.memory.shape)
        past = s.segment[:r] if r else ()
        before = [m.gather(self._embedding, row.reshape(-1).astype(np.intp))[None] for row in past]
        y = np.concatenate([read, *before, x[None], *([read] if last else [])])
        for k in range(self.inner):
            y = self.layer(w, k, y, memory + r if k == self.inner - 1 else 0, m)
        save("memory", self.written(y[1:], m) if last else s.memory)
        if self.size.segment > 1:
            kept = [s.segment[:r], s.tokens.reshape(1, *x.shape[1:]), s.segment[r + 1 :]]
            save("segment", np.zeros_like(s.segment) if last else np.concatenate(kept))
        return y[0]

    def layer(self, w: Any, k: int, x: Array, first: int, m: Rows) -> Array:
        """Layer k on the places x (n, d, …): its outputs at the places from ``first`` on."""
        d, lanes = self.d, x.shape[2:]
        a = apart(m.dot(getattr(w, f"qkv_{k}"), self.norm(w, f"norm_{k}", together(x), m)), lanes)
        made = []
        for i in range(first, len(x)):
            distance = m.column(np.arange(i, -1, -1))
            weights = weigh(a[i, :d], a[: i + 1, d : 2 * d], distance, w.slope, m)
            made.append(mix(weights, a[: i + 1, 2 * d :], m))
        return self.join(x[first:], apart(m.dot(getattr(w, f"out_{k}"), together(np.array(made))), lanes))

    def written(self, y: Array, m: Rows) -> Array:
        """The memory from the outputs y (m, d, …) of the write places."""
        return apart(self.norm(self._top, "norm", together(y), m), y.shape[2:])


def together(x: Array) -> Array:
    """Places (n, d, …, runs) as if they were runs: (d, …, n·runs)."""
    return np.ascontiguousarray(np.moveaxis(x, 0, -2)).reshape(*x.shape[1:-1], -1)


def apart(x: Array, lanes: tuple[int, ...]) -> Array:
    """The inverse of ``together``: (n, d, …, runs), the last axes ``lanes``."""
    return np.moveaxis(x.reshape(*x.shape[:-1], -1, lanes[-1]), -2, 0)
