"""Slow twins of the matrix states: one run, float64, and each family's sum over the past instead of its recurrence.

``outputs(machine, stream)`` gives the last layer's outputs (T, d) for the stream's T tokens; ``heads`` of a family
gives (T, heads·dv), before W_o, for a layer's input (T, d).
``made`` and what follows it are for the tests of both files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from commlb import machines
from commlb.machines.rnn.network import Network
from commlb.tasks.index import Index

LENGTH = 64
TASK = Index(LENGTH - 1, 16)
FORMS = ["float64", "float32"]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def silu(x: Any) -> Any:
    return x * sigmoid(x)


def softplus(x: Any) -> Any:
    return np.logaddexp(0, x)


def rms(x: np.ndarray, weight: Any, epsilon: float) -> np.ndarray:
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + epsilon) * weight


def outputs(machine: Any, stream: np.ndarray) -> np.ndarray:
    x = machine.weights["embedding"][stream]
    for k in range(machine.depth):
        start = f"layers.{k}."
        w = {name[len(start) :]: a for name, a in machine.weights.items() if name.startswith(start)}
        u = x if machine.bare else rms(x, w["norm"], 1e-5)
        y = HEADS[machine.name](w, u, machine.size) @ w["w_o"].T
        x = y if machine.bare else x + y
    return x


def cut(x: np.ndarray, size: Any) -> np.ndarray:
    """(T, heads·n) → (heads, T, n)."""
    return np.stack(np.split(x, size.heads, axis=1))


def glued(heads: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(heads, axis=1)


def attended(scores: Any, v: np.ndarray) -> np.ndarray:
    """y_t = Σ_{s ≤ t} scores(t, s)·v_s."""
    return np.array([sum(scores(t, s) * v[s] for s in range(t + 1)) for t in range(len(v))])


def linear_attention(w: Any, x: np.ndarray, size: Any) -> np.ndarray:
    """A mean of the values so far, weighted by φ(q_t)·φ(k_s)."""
    q, k, v = (cut(x @ w[name].T, size) for name in ("w_q", "w_k", "w_v"))

    def phi(z: np.ndarray) -> np.ndarray:
        return np.array([z_i + 1 if z_i > 0 else np.exp(z_i) for z_i in z])

    found = []
    for h in range(size.heads):

        def score(t: int, s: int, h: int = h) -> float:
            return float(phi(q[h, t]) @ phi(k[h, s]))

        total = attended(score, np.ones((len(x), 1)))
        found.append(attended(score, v[h]) / (total + 1e-6))
    return glued(found)


def retnet(w: Any, x: np.ndarray, size: Any) -> np.ndarray:
    """Attention with weights γ^(t−s)·Re⟨e^(itθ)·q_t, e^(isθ)·k_s⟩, pairs of coordinates as complex numbers."""
    q, k, v, gate = (cut(x @ w[name].T, size) for name in ("w_q", "w_k", "w_v", "w_g"))
    pairs = size.dk // 2
    theta = 1 / 10000 ** np.linspace(0, 1, pairs)
    found = []
    for h in range(size.heads):

        def placed(z: np.ndarray, t: int) -> np.ndarray:
            turned = (z[0 : 2 * pairs : 2] + 1j * z[1 : 2 * pairs : 2]) * np.exp(1j * t * theta)
            return np.concatenate([turned, z[2 * pairs :]])

        def score(t: int, s: int, h: int = h) -> float:
            product = placed(q[h, t], t) @ placed(k[h, s], s).conj()
            return (1 - 2.0 ** (-5 - h)) ** (t - s) * product.real / size.dk**0.5

        y = attended(score, v[h])
        if "head_norm" in w:
            y = rms(y, w["head_norm"], 1e-6)
        found.append(silu(gate[h]) * y)
    return glued(found)


def gla(w: Any, x: np.ndarray, size: Any) -> np.ndarray:
    """Attention with weights Σ_j q_t[j]·k_s[j]·exp(the sum of log α_r[j], s < r ≤ t)."""
    q, k, v = (cut(x @ w[name].T, size) for name in ("w_q", "w_k", "w_v"))
    log_decay = cut(-softplus(-(x @ w["w_b"].T @ w["w_a"].T + w["b_a"])) / 16, size)
    gate = cut(silu(x @ w["w_g"].T + w["b_g"]), size)
    found = []
    for h in range(size.heads):

        def score(t: int, s: int, h: int = h) -> float:
            kept = np.exp(log_decay[h, s + 1 : t + 1].sum(axis=0))
            return float((q[h, t] * k[h, s] * kept).sum() / size.dk**0.5)

        y = attended(score, v[h])
        if "head_norm" in w:
            y = rms(y, w["head_norm"], 1e-6)
        found.append(gate[h] * y)
    return glued(found)


def convolved(u: np.ndarray, taps: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Each channel's causal convolution with its taps, the last of them for the newest input."""
    full = [np.convolve(u[:, c], taps[c, ::-1])[: len(u)] for c in range(u.shape[1])]
    return np.stack(full, axis=1) + bias


def deltanet(w: Any, x: np.ndarray, size: Any) -> np.ndarray:
    """The delta rule adds u_t = β_t·(v_t − what is read under k_t) under k_t: solved for u, then attention to u.

    What is read is Σ_{s<t} (the decays from s to t)·(k_s·k_t)·u_s. Without w_a there is no decay and no gate.
    """
    u = np.concatenate([x @ w[name].T for name in ("w_q", "w_k", "w_v")], axis=1)
    if size.w > 1:
        u = convolved(u, w["conv"], w["conv_bias"])
    keys = size.heads * size.dk
    q, k, v = (cut(part, size) for part in np.split(silu(u), [keys, 2 * keys], axis=1))
    q, k = (z / np.sqrt((z**2).sum(axis=-1, keepdims=True) + 1e-6) for z in (q, k))
    beta = sigmoid(x @ w["w_b"].T)
    gated = "w_a" in w
    log_decay = np.zeros_like(beta)
    if gated:
        log_decay = -np.exp(w["log_a"]) * softplus(x @ w["w_a"].T + w["b_a"])
    found = []
    for h in range(size.heads):
        past = np.cumsum(log_decay[:, h])
        decays = np.tril(np.exp(np.minimum(past[:, None] - past[None], 0)))
        system = np.eye(len(x)) + beta[:, h, None] * np.tril(decays * (k[h] @ k[h].T), -1)
        added = np.linalg.solve(system, beta[:, h, None] * v[h])
        y = (decays * (q[h] @ k[h].T)) @ added / size.dk**0.5
        if "head_norm" in w:
            y = rms(y, w["head_norm"], 1e-6)
        found.append(y * cut(silu(x @ w["w_z"].T), size)[h] if gated else y)
    return glued(found)


def mlstm(w: Any, x: np.ndarray, size: Any) -> np.ndarray:
    """Attention with weights q_t·k_s·exp(i_s + the sum of log σ(f_r), s < r ≤ t), the layer by its width w."""
    if size.w > 1:
        u = x @ w["w_u"].T
        c = silu(convolved(u, w["conv"], w["conv_bias"]))
        flat = [c @ w["w_q"].T, c @ w["w_k"].T, u @ w["w_v"].T]
        i, f = (np.concatenate(flat, axis=1) @ w[f"w_{g}"].T + w[f"b_{g}"] for g in "if")
    else:
        flat = [x @ w[f"w_{name}"].T for name in "qkv"]
        i, f = (15 * np.tanh((x @ w[f"w_{g}"].T + w[f"b_{g}"]) / 15) for g in "if")
    q, k, v = (cut(part, size) for part in flat)
    found = []
    for h in range(size.heads):
        rows = []
        for t in range(len(x)):
            kept = np.array([-softplus(-f[s + 1 : t + 1, h]).sum() for s in range(-1, t + 1)])
            logs = kept[1:] + i[: t + 1, h]
            top = max(kept[0], logs.max())
            scores = np.exp(logs - top) * (k[h, : t + 1] @ q[h, t]) / size.dk**0.5
            rows.append(scores @ v[h, : t + 1] / (max(abs(scores.sum()), np.exp(-top)) + 1e-6))
        y = np.array(rows)
        if "head_norm" in w:
            y = y - y.mean(axis=1, keepdims=True)
            y = rms(y, w["head_norm"].reshape(size.heads, -1)[h], 1e-6)
        found.append(y)
    if size.w > 1:
        return silu(x @ w["w_z"].T) * (glued(found) + w["skip"] * c)
    return sigmoid(x @ w["w_g"].T) * glued(found)


HEADS = {
    "linear-attention": linear_attention,
    "retnet": retnet,
    "gla": gla,
    "deltanet": deltanet,
    "gated-deltanet": deltanet,
    "mlstm": mlstm,
}


def made(spec: str, form: str, path: Any, fixed: Sequence[str] = (), diagonal: Sequence[str] = ()) -> Network:
    """The machine with all weights random, also those that are constant from a seed, but for those ``fixed``.

    Of weights named in ``diagonal`` only the 4 × 4 blocks on the diagonal are not 0.
    """
    machine = machines.build(f"{spec},format={form}", TASK, TASK.length - 1)
    rng, weights = np.random.default_rng(5), dict(machine.weights)
    for name, wanted in machine.wanted().items():
        own, a = name.rpartition(".")[2], weights[name]
        if wanted.low == wanted.high and own not in fixed:
            weights[name] = a + 0.3 * rng.standard_normal(a.shape)
        if own in diagonal:
            weights[name] = a * np.kron(np.eye(len(a) // 4), np.ones((4, 4)))
    np.savez(path / "weights.npz", **weights)
    return machines.build(f"{spec},format={form},weights={path / 'weights.npz'}", TASK, TASK.length - 1)


def stream(runs: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(TASK.alphabet_size, size=(LENGTH, runs))


def error(found: Any, expected: Any) -> float:
    """The largest difference, relative to the largest number expected if that is more than 1."""
    return float(np.abs(found - expected).max() / max(1, np.abs(expected).max()))


def state(machine: Network, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """The parts of all layers, "layer.part", after the tokens (T, runs)."""
    states = machine.start(tokens.shape[1])
    for t, row in enumerate(tokens):
        states = machine.step(states, row, t)
    return {
        f"{place.layer}.{place.name}": states[place.rows].reshape(*place.part.shape, -1)
        for place in machine.layout.places
    }
