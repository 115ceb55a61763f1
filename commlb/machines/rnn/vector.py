"""Networks whose state is a vector that a nonlinear map carries on: Elman, GRU, LSTM, sLSTM."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.kernels import cells
from commlb.machines.base import Array
from commlb.machines.rnn.layout import Part
from commlb.machines.rnn.network import Network, Save
from commlb.machines.rnn.rows import Rows
from commlb.machines.rnn.weights import Weight, constant, dense


class Elman(Network):
    """h' = tanh(W_x·x + b_x + W_h·h + b_h); the output is h'.

    Stores d numbers. Weights: w_x, w_h (d, d), b_x, b_h (d,), as in PyTorch's ``nn.RNN``.
    Source: Elman, Finding structure in time, Cognitive Science 14, 1990.
    """

    name = "elman"
    summary = "h' = tanh(W x + U h + b)"
    formula = "d"
    source = "Elman 1990"
    reads = "h"
    needs_input = False
    examples = ("elman:d=2,p=3", "elman:d=3,format=e4m3,layers=2,seed=1")

    def parts(self) -> dict[str, Part]:
        return {"h": Part((self.d,), span=1.0)}

    def shapes(self) -> dict[str, Weight]:
        d = self.d
        return {"w_x": dense(d, d), "w_h": dense(d, d), "b_x": constant(d), "b_h": constant(d)}

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        return m.dot(w.w_x, x, w.b_x + w.b_h)

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        return save("h", m.tanh(m.dot(w.w_h, s.h, a)))


class GRU(Network):
    """r, z = σ(W·x + b_x + U·h + b_h), n = tanh(W·x + b_x + r·(U·h + b_h)), h' = (1 − z)·n + z·h; the output is h'.

    Stores d numbers. Weights: w_x, w_h (3d, d), b_x, b_h (3d,), the rows of r, z and n one after the other, as in
    PyTorch's ``nn.GRU``. Source: Cho et al., EMNLP 2014, with PyTorch's place for r (reset after the product).
    """

    name = "gru"
    summary = "h' = (1 - z) n + z h, gates r and z"
    formula = "d"
    source = "Cho et al. 2014"
    reads = "h"
    needs_input = False
    examples = ("gru:d=2,p=3", "gru:d=3,format=bf16,seed=1")

    def parts(self) -> dict[str, Part]:
        return {"h": Part((self.d,), span=1.0)}

    def shapes(self) -> dict[str, Weight]:
        d = self.d
        return {
            "w_x": dense(3 * d, d),
            "w_h": dense(3 * d, d),
            "b_x": constant(3 * d),
            "b_h": constant(3 * d),
        }

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        return m.dot(w.w_x, x, w.b_x)

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        h = m.empty(self.d, a)
        m.run(cells.gru, a, m.dot(w.w_h, s.h, w.b_h), s.h, h)
        return save("h", h)


class LSTM(Network):
    """i, f, o = σ(W·x + b_x + U·h + b_h), g = tanh(…), c' = f·c + i·g, h' = o·tanh(c'); the output is h'.

    Stores 2d numbers, h and c. Weights: w_x, w_h (4d, d), b_x, b_h (4d,), the rows of i, f, g and o one after the
    other, as in PyTorch's ``nn.LSTM``. Fixed point keeps h in [−1, 1) and c in [−8, 8).
    Source: Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000.
    """

    name = "lstm"
    summary = "c' = f c + i g, h' = o tanh c'"
    formula = "2d"
    source = "Hochreiter and Schmidhuber 1997; Gers et al. 2000"
    reads = "h"
    needs_input = False
    examples = ("lstm:d=1,p=4", "lstm:d=2,format=e3m2,seed=2")

    def parts(self) -> dict[str, Part]:
        return {"h": Part((self.d,), span=1.0), "c": Part((self.d,), span=8.0)}

    def shapes(self) -> dict[str, Weight]:
        d = self.d
        return {
            "w_x": dense(4 * d, d),
            "w_h": dense(4 * d, d),
            "b_x": constant(4 * d),
            "b_h": constant(4 * d),
        }

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        return m.dot(w.w_x, x, w.b_x + w.b_h)

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        a = m.dot(w.w_h, s.h, a)
        c, h = m.empty(self.d, a), m.empty(self.d, a)
        m.run(cells.lstm_cell, a, s.c, c)
        m.run(cells.lstm_output, a, save("c", c), h)
        return save("h", h)


class SLSTM(Network):
    """c' = f·c + i·tanh(z), n' = f·n + i, h' = σ(o)·c'/n' with exponential gates; the output is h'.

    (ĩ, f̃, z, o) = W_x·x + b + W_h·h, W_h block-diagonal in ``heads`` blocks; log f = log σ(f̃), or f̃ itself with
    forget=2 (the paper has both). The stabiliser m' = max(log f + m, ĩ) makes i = exp(ĩ − m') and
    f = exp(log f + m − m') at most 1 (and they are kept at most 1 where m' is rounded, as in the authors' code).

    c and n are the sums of the unstabilised equations times e^−m, so c/n does not depend on m. At the start all
    is 0, and implementations start m at 0 or −∞: where n = 0 there is nothing to forget, so m' = ĩ, as from −∞ and
    as in the authors' code. Then n' = 1, and unless rounding comes between, n ≥ 1 from there on, since i or f is 1.
    Should a coarse format have rounded n' to 0, h' is σ(o)·c'.

    Stores 4d numbers: h in [−1, 1), c, n and m in [−8, 8) in fixed point. Weights: w_x (4d, d), b (4d,), w_h
    (heads, 4d/heads, d/heads), rows of ĩ, f̃, z and o one after the other, in w_h for each head, as in NX-AI's
    ``slstm_forward``. Source: Beck et al., xLSTM, 2024; the cell alone, without the block around it.
    """

    name = "slstm"
    summary = "c' = f c + i z, n' = f n + i, h' = o c' / n', exponential gates"
    formula = "4d"
    source = "Beck et al. 2024"
    dimensions = {"heads": ("blocks of W_h", 1), "forget": ("forget gate: 1 sigmoid, 2 exponential", 1)}
    reads = "h"
    needs_input = False
    examples = ("slstm:d=1,p=4", "slstm:d=2,heads=2,forget=2,format=e4m3,layers=2,seed=1")

    def prepare(self) -> None:
        if self.d % self.size.heads:
            raise BadInput(f"heads must divide d = {self.d}; given {self.size.heads}")
        if self.size.forget > 2:
            raise BadInput(f"forget must be 1 (sigmoid) or 2 (exponential); given {self.size.forget}")

    def parts(self) -> dict[str, Part]:
        found = {name: Part((self.d,), span=8.0) for name in "cnm"}
        return {"h": Part((self.d,), span=1.0), **found}

    def shapes(self) -> dict[str, Weight]:
        d, heads = self.d, self.size.heads
        limit = math.sqrt(3 * heads / d)
        blocks = Weight((heads, 4 * d // heads, d // heads), -limit, limit, product=True)
        return {"w_x": dense(4 * d, d), "w_h": blocks, "b": constant(4 * d)}

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        return m.dot(w.w_x, x, w.b)

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        heads = zip(w.w_h, np.split(s.h, self.size.heads), strict=True)
        back = [m.dot(block, h).reshape(4, -1, *h.shape[1:]) for block, h in heads]
        i, f, z, o = a.reshape(4, *s.h.shape) + np.concatenate(back, axis=1)
        kept = (f if self.size.forget == 2 else -m.softplus(-f)) + s.m
        kept = np.where(s.n == 0, i, kept)
        stabiliser = save("m", np.maximum(kept, i))
        i = np.minimum(m.exp(i - stabiliser), 1.0)
        f = np.minimum(m.exp(kept - stabiliser), 1.0)
        c = save("c", f * s.c + i * m.tanh(z))
        n = save("n", f * s.n + i)
        return save("h", m.sigmoid(o) * c / np.where(n == 0, m.dtype.type(1), n))
