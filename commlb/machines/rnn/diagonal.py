"""Networks whose recurrence is diagonal: LRU, S4D, DSS with complex states, RG-LRU with gated real ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.machines.base import Array
from commlb.machines.rnn.convolution import convolve, kernel, window
from commlb.machines.rnn.layout import Part
from commlb.machines.rnn.network import Network, Save
from commlb.machines.rnn.rows import Rows, exp64, turn
from commlb.machines.rnn.weights import Weight, constant, dense, spread


def square(rows: int, columns: int, variance: float) -> Weight:
    """A matrix; at random uniform, of this variance."""
    limit = math.sqrt(3 * variance)
    return Weight((rows, columns), -limit, limit, product=True)


class Complex(Network):
    """Layers x + mix(layer norm of x) whose states are complex: real and imaginary parts are stored apart.

    What is computed once of the weights, such as λ, is computed in float64 and then rounded to the arithmetic of
    the steps.
    """

    normed = True

    def prepare(self) -> None:
        if self.d == 1 and not self.bare:
            raise BadInput(
                f"{self.name} needs d of 2 or more, or bare=1: the layer norm of a single number is always 0"
            )

    def norms(self, name: str) -> dict[str, Weight]:
        return {name: constant(self.d, value=1.0), f"{name}_bias": constant(self.d)}

    def norm(self, w: Any, name: str, x: Array, m: Rows) -> Array:
        return x if self.bare else m.layer_norm(x, getattr(w, name), getattr(w, f"{name}_bias"), 1e-5)

    def mixing(self, outputs: int) -> dict[str, Weight]:
        """The weights behind the recurrence, and those of the norm."""
        found = {"D": spread(self.d), "out": dense(outputs, self.d), "out_bias": constant(outputs)}
        return found if self.bare else found | self.norms("norm")

    def glu(self, w: Any, y: Array, m: Rows) -> Array:
        """The first half of W·GELU(y) + b times σ of the second."""
        y = m.dot(w.out, m.gelu(y), w.out_bias)
        return y[: self.d] * m.sigmoid(y[self.d :])


def turned(w: Any, s: Any, inputs: tuple[Array, Array], save: Save) -> tuple[Array, Array]:
    """λ·h + inputs, stored: real and imaginary parts of the new state."""
    re = save("re", w.real * s.re - w.imaginary * s.im + inputs[0])
    im = save("im", w.real * s.im + w.imaginary * s.re + inputs[1])
    return re, im


class LRU(Complex):
    """h' = λ∘h + γ∘(B·x), y = Re(C·h') + D∘x; the output is x + GLU(GELU(y)), the recurrence reads the norm of x.

    λ = exp(−exp(nu_log) + i·exp(theta_log)) and γ = exp(gamma_log), one of each for N complex states; GELU is its
    tanh form; GLU(v) = p∘σ(q) with (p, q) = out·v + out_bias. Stores 2N numbers, real and imaginary parts re and
    im, in [−4, 4) in fixed point. With bare=1 the output is GLU(GELU(y)) and the recurrence reads x.

    Weights: nu_log, theta_log, gamma_log (N,), B_re, B_im (N, d), C_re, C_im (d, N), D (d,), as in the paper's
    code; out (2d, d), out_bias (2d,), and of the norm before it norm, norm_bias (d,). At random |λ| is from 0.51
    to 0.95, its angle from 0.14 to 3, both uniform in the logarithm of a logarithm and in the logarithm, and γ
    from 0.37 to 0.78, near the √(1 − |λ|²) from which training starts.
    Source: Orvieto et al., Resurrecting recurrent neural networks, 2023. A simplification: their block has a batch
    norm, this one a layer norm (ε = 10⁻⁵), before the recurrence.
    """

    name = "lru"
    summary = "h' = lambda h + gamma B x, complex and diagonal"
    formula = "2 N"
    source = "Orvieto et al. 2023"
    dimensions = {"N": ("complex states", 0)}
    examples = ("lru:d=1,N=2,p=4,bare=1", "lru:d=2,N=3,p=5,layers=2,seed=1")

    def prepare(self) -> None:
        super().prepare()
        self.size.N = self.size.N or self.d

    def parts(self) -> dict[str, Part]:
        return {"re": Part((self.size.N,)), "im": Part((self.size.N,))}

    def shapes(self) -> dict[str, Weight]:
        d, n = self.d, self.size.N
        return {
            "nu_log": spread(n, low=-3.0, high=-0.4),
            "theta_log": spread(n, low=-2.0, high=1.1),
            "gamma_log": spread(n, low=-1.0, high=-0.25),
            "B_re": square(n, d, 0.5 / d),
            "B_im": square(n, d, 0.5 / d),
            "C_re": dense(d, n),
            "C_im": dense(d, n),
        } | self.mixing(2 * d)

    def derive(self, w: Any, m: Rows) -> None:
        size = exp64(-exp64(w.nu_log))
        cos, sin = turn(exp64(w.theta_log))
        w.real, w.imaginary = (size * cos).astype(m.dtype), (size * sin).astype(m.dtype)
        w.gamma = exp64(w.gamma_log).astype(m.dtype)

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        x = self.norm(w, "norm", x, m)
        return np.concatenate([w.gamma * m.dot(w.B_re, x), w.gamma * m.dot(w.B_im, x), w.D * x])

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        n = self.size.N
        re, im = turned(w, s, (a[:n], a[n : 2 * n]), save)
        y = m.dot(w.C_re, re) - m.dot(w.C_im, im) + a[2 * n :]
        return self.join(x, self.glu(w, y, m))


class Channels(Complex):
    """A recurrence h' = λ̄∘h + β·x for each channel, with its own complex states, and y = Re(Σ c∘h') + D·x."""

    def hold(self, w: Any, re: Array, im: Array, c: Array, m: Rows) -> None:
        """Add λ̄ = exp(Δλ), β = (λ̄ − 1)/λ and c: zero-order hold over Δ = exp(log_dt); λ = re + i·im."""
        re, im, dt = np.asarray(re, np.float64), np.asarray(im, np.float64), exp64(w.log_dt[:, None])
        size, (cos, sin) = exp64(dt * re), turn(dt * im)
        real, imaginary, norm = size * cos, size * sin, re * re + im * im
        w.real, w.imaginary = real.astype(m.dtype), imaginary.astype(m.dtype)
        w.beta_re = (((real - 1.0) * re + imaginary * im) / norm).astype(m.dtype)
        w.beta_im = ((imaginary * re - (real - 1.0) * im) / norm).astype(m.dtype)
        w.c_re, w.c_im = np.ascontiguousarray(c[:, :, 0]), np.ascontiguousarray(c[:, :, 1])

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        x = self.norm(w, "norm", x, m)
        return np.concatenate([m.flat(w.beta_re * x[:, None]), m.flat(w.beta_im * x[:, None]), w.D * x])

    def carry(self, w: Any, a: Array, s: Any, save: Save, m: Rows) -> Array:
        """Store the new states; y (d, …)."""
        cells = len(a) - self.d >> 1
        given = a[:cells].reshape(s.re.shape), a[cells : 2 * cells].reshape(s.re.shape)
        re, im = turned(w, s, given, save)
        return m.sum(np.moveaxis(w.c_re * re - w.c_im * im, 1, 0)) + a[2 * cells :]


class S4D(Channels):
    """h' = λ̄∘h + β·x, y = 2·Re(Σ C∘h') + D·x for each channel; the output is x + GLU(GELU(y)), x read normed.

    λ = −exp(log_A_real) + i·A_imag, N/2 of them a channel, each for itself and its conjugate; Δ = exp(log_dt),
    λ̄ = exp(Δλ) and β = (λ̄ − 1)/λ (zero-order hold, B = 1); GELU is its tanh form; GLU(v) = p∘σ(q) with
    (p, q) = out·v + out_bias. Stores d·N numbers, the real and imaginary parts re and im of N/2 states a channel,
    in [−2, 2) in fixed point. With bare=1 the output is GLU(GELU(y)) and the recurrence reads x: the module S4D.

    Weights: log_dt (d,), log_A_real, A_imag (d, N/2), C (d, N/2, 2) with real and imaginary parts, D (d,), out
    (2d, d), out_bias (2d,), as in the authors' minimal S4D (output_linear.0 there), and norm, norm_bias (d,). At
    random Δ is from 0.1 to 0.7, Re λ from −1 to −0.3, Im λ from 0 to 3, so |λ̄| is from 0.5 to 0.97: steps larger
    than the 0.001 to 0.1 from which training starts, so that few bits a number do not lose each single token.
    Source: Gu, Gupta, Goel and Ré, On the parameterization and initialization of diagonal state space models,
    2022. Around the module, a choice of ours: a layer norm before it (ε = 10⁻⁵) and a residual sum.
    """

    name = "s4d"
    summary = "h' = exp(dt A) h + B x for each channel, conjugate pairs"
    formula = "d N"
    source = "Gu et al. 2022"
    dimensions = {"N": ("real numbers a channel, even", 64)}
    examples = ("s4d:d=1,N=4,p=4,bare=1", "s4d:d=2,N=2,format=bf16,layers=2,seed=1")

    def prepare(self) -> None:
        super().prepare()
        if self.size.N % 2:
            raise BadInput(f"N must be even, two numbers a complex state; given {self.size.N}")

    def parts(self) -> dict[str, Part]:
        shape = (self.d, self.size.N // 2)
        return {"re": Part(shape, span=2.0), "im": Part(shape, span=2.0)}

    def shapes(self) -> dict[str, Weight]:
        d, n = self.d, self.size.N // 2
        limit = math.sqrt(1.5 / n)
        return {
            "log_dt": spread(d, low=-2.3, high=-0.36),
            "log_A_real": spread(d, n, low=-1.2, high=0.0),
            "A_imag": spread(d, n, low=0.0, high=3.0),
            "C": spread(d, n, 2, low=-limit, high=limit),
        } | self.mixing(2 * d)

    def derive(self, w: Any, m: Rows) -> None:
        self.hold(w, -exp64(w.log_A_real), w.A_imag, 2 * w.C, m)

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        return self.join(x, self.glu(w, self.carry(w, a, s, save, m), m))


class DSS(Channels):
    """h' = λ̄∘h + β·x, y = Re(Σ W∘h') + D·x for each channel; the output is x + out·GELU(y) + bias, x read normed.

    The kind called DSS-EXP: λ = −exp(Lambda_log_neg_re) + i·Lambda_im, N of them, the same for all channels; Δ =
    exp(log_dt) for each channel, λ̄ = exp(Δλ), β = (λ̄ − 1)/λ; so the kernel is Re Σ W·(e^Δλ − 1)/λ·e^kΔλ. GELU is
    its tanh form. Stores 2·d·N numbers, the real and imaginary parts re and im of N states a channel, in [−2, 2)
    in fixed point. With bare=1 the output is out·GELU(y) + bias and the recurrence reads x: the module DSS.

    Weights: log_dt (d,), Lambda_log_neg_re, Lambda_im (N,), W (d, N, 2) with real and imaginary parts, D (d,),
    out (d, d), out_bias (d,), as in the authors' DSS with one step size for both parts (output_linear there), and
    norm, norm_bias (d,). At random as in S4D: |λ̄| from 0.5 to 0.97.
    Source: Gupta, Gu and Berant, Diagonal state spaces are as effective as structured state spaces, 2022. Around
    the module a layer norm before it (ε = 10⁻⁵) and a residual sum, where they put the norm behind the sum.
    """

    name = "dss"
    summary = "h' = exp(dt Lambda) h + B x for each channel, complex"
    formula = "2 d N"
    source = "Gupta et al. 2022"
    dimensions = {"N": ("complex states a channel", 64)}
    examples = ("dss:d=1,N=2,p=4,bare=1", "dss:d=2,N=2,p=6,layers=2,seed=1")

    def parts(self) -> dict[str, Part]:
        shape = (self.d, self.size.N)
        return {"re": Part(shape, span=2.0), "im": Part(shape, span=2.0)}

    def shapes(self) -> dict[str, Weight]:
        d, n = self.d, self.size.N
        limit = math.sqrt(3 / n)
        return {
            "log_dt": spread(d, low=-2.3, high=-0.36),
            "Lambda_log_neg_re": spread(n, low=-1.2, high=0.0),
            "Lambda_im": spread(n, low=0.0, high=3.0),
            "W": spread(d, n, 2, low=-limit, high=limit),
        } | self.mixing(d)

    def derive(self, w: Any, m: Rows) -> None:
        self.hold(w, -exp64(w.Lambda_log_neg_re), w.Lambda_im, w.W, m)

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        y = m.gelu(self.carry(w, a, s, save, m))
        return self.join(x, m.dot(w.out, y, w.out_bias))


class RGLRU(Network):
    """h' = a∘h + √(1 − a²)∘(i∘u), the output x + linear_out·(h'∘GELU(y)) + bias: the recurrent block of Griffin.

    Of z, the norm of x: y = linear_y·z + bias, and u is the convolution over w tokens of linear_x·z + bias. Of u,
    in ``heads`` blocks: i = σ(input gate), r = σ(recurrent gate), a = exp(−8·softplus(recurrent_param)∘r). GELU is
    its tanh form. At the first token of a stream √(1 − a²) counts as 1, as in RecurrentGemma's code (not in the
    paper); the position is free, so nothing is stored for it.
    Stores d_rnn + (w − 1)·d_rnn numbers, h and the convolution's window conv, both in [−4, 4) in fixed point. With
    bare=1 z is x and the output is the block's alone.

    Weights: linear_y, linear_x (d_rnn, d), linear_out (d, d_rnn) and their …_bias, conv (d_rnn, w), conv_bias,
    input_gate_weight, recurrent_gate_weight (heads, d_rnn/heads, d_rnn/heads) by head, input, output, …_gate_bias
    (heads, d_rnn/heads), recurrent_param (d_rnn,), as in transformers' ``RecurrentGemmaRecurrentBlock``; norm (d,).
    At random a is from 0.53 to 0.97 where r = ½.
    Source: De et al., Griffin, 2024. The norm is an RMSNorm with 1 + weight (ε = 10⁻⁶), as there; the gated MLP
    that follows each block there is left out: it stores nothing.
    """

    name = "rg-lru"
    summary = "h' = a h + sqrt(1 - a^2) i u, gates a and i, after a convolution"
    formula = "d_rnn + (w - 1) d_rnn"
    source = "De et al. 2024"
    dimensions = {
        "d_rnn": ("recurrent width", 0),
        "w": ("width of the convolution", 4),
        "heads": ("blocks of the gates", 1),
    }
    normed = True
    examples = ("rg-lru:d=1,w=4,p=4", "rg-lru:d=2,d_rnn=4,w=2,heads=2,layers=2,format=e4m3,seed=1")

    def prepare(self) -> None:
        self.size.d_rnn = self.size.d_rnn or self.d
        if self.size.d_rnn % self.size.heads:
            raise BadInput(f"heads must divide d_rnn = {self.size.d_rnn}; given {self.size.heads}")

    def parts(self) -> dict[str, Part]:
        return {"h": Part((self.size.d_rnn,)), **window("conv", self.size.d_rnn, self.size.w)}

    def norms(self, name: str) -> dict[str, Weight]:
        return {name: constant(self.d)}

    def norm(self, w: Any, name: str, x: Array, m: Rows) -> Array:
        return x if self.bare else m.rms_norm(x, 1.0 + getattr(w, name), 1e-6)

    def shapes(self) -> dict[str, Weight]:
        d, width, heads = self.d, self.size.d_rnn, self.size.heads
        block = width // heads
        limit = math.sqrt(3 / block)
        gate = Weight((heads, block, block), -limit, limit, product=True)
        return {
            "linear_y": dense(width, d),
            "linear_y_bias": constant(width),
            "linear_x": dense(width, d),
            "linear_x_bias": constant(width),
            **kernel("conv", width, self.size.w),
            "input_gate_weight": gate,
            "input_gate_bias": constant(heads, block),
            "recurrent_gate_weight": gate,
            "recurrent_gate_bias": constant(heads, block),
            "recurrent_param": spread(width, low=-5.0, high=-1.75),
            "linear_out": dense(d, width),
            "linear_out_bias": constant(d),
        } | ({} if self.bare else self.norms("norm"))

    def derive(self, w: Any, m: Rows) -> None:
        gates = zip(w.input_gate_weight, w.recurrent_gate_weight, strict=True)
        w.gates = [np.ascontiguousarray(np.concatenate([a.T, b.T])) for a, b in gates]
        w.gate_bias = np.stack([m.flat(w.input_gate_bias), m.flat(w.recurrent_gate_bias)])
        w.rate = -8.0 * m.softplus(w.recurrent_param)

    def inputs(self, w: Any, x: Array, m: Rows) -> Array:
        x = self.norm(w, "norm", x, m)
        y = m.gelu(m.dot(w.linear_y, x, w.linear_y_bias))
        return np.concatenate([y, m.dot(w.linear_x, x, w.linear_x_bias)])

    def cell(self, w: Any, x: Array, a: Array, s: Any, save: Save, m: Rows) -> Array:
        width = self.size.d_rnn
        u = convolve(w, s, "conv", a[width:], save)
        blocks = zip(w.gates, np.split(u, self.size.heads), strict=True)
        made = [m.dot(gate, part).reshape(2, -1, *u.shape[1:]) for gate, part in blocks]
        gates = m.sigmoid(np.concatenate(made, axis=1) + w.gate_bias)
        logarithm = gates[1] * w.rate
        given = gates[0] * u
        if s.t > 0:
            given = np.sqrt(1.0 - m.exp(2.0 * logarithm)) * given
        h = save("h", m.exp(logarithm) * s.h + given)
        return self.join(x, m.dot(w.linear_out, h * a[:width], w.linear_out_bias))
