"""Slow obvious twins of sLSTM, LRU, S4D, DSS and RG-LRU: one run, float64, closed forms where there are any.

Each takes the layer's inputs x (T, d), its weights by name and its machine, and gives the outputs (T, d) and the
last state's parts by name.
"""

from __future__ import annotations

import math

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def layer_norm(x, weight, bias):
    return np.array([(v - v.mean()) / math.sqrt(v.var() + 1e-5) * weight + bias for v in x])


def slstm(x, w, machine):
    """The equations without a stabiliser; c and n are set in its scale at the end, m from −∞ on."""
    d, heads = machine.d, machine.size.heads
    size = d // heads
    h, c, n, m = np.zeros(d), np.zeros(d), np.zeros(d), np.full(d, -np.inf)
    outputs = []
    for v in x:
        new = np.zeros(d)
        for j in range(d):
            head, place = divmod(j, size)
            own = h[head * size : (head + 1) * size]
            i, f, z, o = (
                w["w_x"][g * d + j] @ v + w["b"][g * d + j] + w["w_h"][head, g * size + place] @ own
                for g in range(4)
            )
            log_f = f if machine.size.forget == 2 else math.log(sigmoid(f))
            c[j] = math.exp(log_f) * c[j] + math.exp(i) * math.tanh(z)
            n[j] = math.exp(log_f) * n[j] + math.exp(i)
            m[j] = max(log_f + m[j], i)
            new[j] = sigmoid(o) * c[j] / n[j]
        h = new
        outputs.append(h)
    return np.array(outputs), {"h": h, "c": c * np.exp(-m), "n": n * np.exp(-m), "m": m}


def slstm_stabilised(x, w, start):
    """One head, the stabilised equations, m from ``start`` on: the outputs."""
    d = x.shape[1]
    h, c, n, m = np.zeros(d), np.zeros(d), np.zeros(d), np.full(d, float(start))
    outputs = []
    for v in x:
        i, f, z, o = (w["w_x"] @ v + w["b"] + w["w_h"][0] @ h).reshape(4, d)
        kept = np.log(sigmoid(f)) + m
        m = np.maximum(kept, i)
        c = np.exp(kept - m) * c + np.exp(i - m) * np.tanh(z)
        n = np.exp(kept - m) * n + np.exp(i - m)
        h = sigmoid(o) * c / n
        outputs.append(h)
    return np.array(outputs)


def glu_block(x, y, w, machine):
    mixed = gelu(y) @ w["out"].T + w["out_bias"]
    y = mixed[:, : machine.d] * sigmoid(mixed[:, machine.d :])
    return y if machine.bare else x + y


def normed(x, w, machine):
    return x if machine.bare else layer_norm(x, w["norm"], w["norm_bias"])


def lru(x, w, machine):
    """y_t = Re(C·Σ_j λ^(t−j)·γ·B·x_j) + D·x_t."""
    u = normed(x, w, machine)
    eigen = np.exp(-np.exp(w["nu_log"]) + 1j * np.exp(w["theta_log"]))
    driven = (u @ (w["B_re"] + 1j * w["B_im"]).T) * np.exp(w["gamma_log"])
    c, y = w["C_re"] + 1j * w["C_im"], []
    for t in range(len(x)):
        h = sum(eigen ** (t - j) * driven[j] for j in range(t + 1))
        y.append((c @ h).real + w["D"] * u[t])
    return glu_block(x, np.array(y), w, machine), {"re": h.real, "im": h.imag}


def convolved(u, kernel):
    """y_t = Σ_k kernel_k·u_(t−k), channel by channel; both (T, d)."""
    return np.array([sum(kernel[k] * u[t - k] for k in range(t + 1)) for t in range(len(u))])


def last_states(u, step, given):
    """Σ_k step^k·given·u_(T−1−k) for each channel: (d, M)."""
    length = len(u)
    return sum(step**k * given * u[length - 1 - k][:, None] for k in range(length))


def s4d(x, w, machine):
    """The kernel K_k = Σ C·(e^Δλ − 1)/λ·e^(kΔλ) over all N eigenvalues, each and its conjugate; it is real."""
    u = normed(x, w, machine)
    half = -np.exp(w["log_A_real"]) + 1j * w["A_imag"]
    c = w["C"][..., 0] + 1j * w["C"][..., 1]
    eigen, weight = np.concatenate([half, half.conj()], 1), np.concatenate([c, c.conj()], 1)
    dt = np.exp(w["log_dt"])[:, None]
    given = (np.exp(dt * eigen) - 1) / eigen
    kernel = np.array([(weight * given * np.exp(k * dt * eigen)).sum(1) for k in range(len(x))])
    assert np.abs(kernel.imag).max() < 1e-12
    y = convolved(u, kernel.real) + w["D"] * u
    h = last_states(u, np.exp(dt * half), given[:, : half.shape[1]])
    return glu_block(x, y, w, machine), {"re": h.real, "im": h.imag}


def dss(x, w, machine):
    """The kernel K_k = Re Σ W·(e^Δλ − 1)/λ·e^(kΔλ) of Proposition 1."""
    u = normed(x, w, machine)
    eigen = -np.exp(w["Lambda_log_neg_re"]) + 1j * w["Lambda_im"]
    dt = np.exp(w["log_dt"])[:, None]
    given = (np.exp(dt * eigen) - 1) / eigen
    weight = w["W"][..., 0] + 1j * w["W"][..., 1]
    kernel = np.array([(weight * given * np.exp(k * dt * eigen)).sum(1).real for k in range(len(x))])
    y = gelu(convolved(u, kernel) + w["D"] * u) @ w["out"].T + w["out_bias"]
    h = last_states(u, np.exp(dt * eigen), given)
    return y if machine.bare else x + y, {"re": h.real, "im": h.imag}


def rg_lru(x, w, machine):
    """h_t = Σ_j (a_(j+1)·…·a_t)·v_j, v_0 = i_0·u_0 and v_j = √(1 − a_j²)·i_j·u_j."""
    width, heads, taps = machine.size.d_rnn, machine.size.heads, machine.size.w
    size = width // heads
    z = x if machine.bare else np.array([v / math.sqrt((v * v).mean() + 1e-6) * (1 + w["norm"]) for v in x])
    y, raw = gelu(z @ w["linear_y"].T + w["linear_y_bias"]), z @ w["linear_x"].T + w["linear_x_bias"]
    padded = np.concatenate([np.zeros((taps - 1, width)), raw])
    u = np.array(
        [w["conv_bias"] + sum(w["conv"][:, k] * padded[t + k] for k in range(taps)) for t in range(len(x))]
    )

    def gate(name, v):
        blocks = [v[k * size : (k + 1) * size] @ w[f"{name}_gate_weight"][k] for k in range(heads)]
        return sigmoid(np.concatenate(blocks) + w[f"{name}_gate_bias"].reshape(-1))

    a = np.array([np.exp(-8 * gate("recurrent", v) * np.log1p(np.exp(w["recurrent_param"]))) for v in u])
    v = np.array([gate("input", v) * v for v in u])
    v[1:] *= np.sqrt(1 - a[1:] ** 2)
    h = np.array([sum(np.prod(a[j + 1 : t + 1], axis=0) * v[j] for j in range(t + 1)) for t in range(len(x))])
    out = (h * y) @ w["linear_out"].T + w["linear_out_bias"]
    return out if machine.bare else x + out, {"h": h[-1], "conv": padded[len(padded) - taps + 1 :]}


TWINS = {"slstm": slstm, "lru": lru, "s4d": s4d, "dss": dss, "rg-lru": rg_lru}


def network(tokens, machine):
    """The last layer's outputs (T, d) for tokens (T,), and each layer's last state."""
    weights = {
        name: value.astype(machine.dtype).astype(np.float64) for name, value in machine.weights.items()
    }
    x, states = weights["embedding"][tokens], []
    for k in range(machine.depth):
        start = f"layers.{k}."
        own = {name.removeprefix(start): value for name, value in weights.items() if name.startswith(start)}
        x, state = TWINS[machine.name](x, own, machine)
        states.append(state)
    return x, states
