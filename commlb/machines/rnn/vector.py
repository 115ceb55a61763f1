"""Networks whose state is a vector that a nonlinear map carries on: Elman, GRU, LSTM, sLSTM."""

from __future__ import annotations

from typing import Any

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
