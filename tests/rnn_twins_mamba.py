"""Slow twins: the papers' equations in plain NumPy, one run at a time, in float64, for ``test_rnn_mamba``.

Each takes a network's weights by name and one run's tokens, and gives the last layer's output after every token,
before the last norm. Where a recurrence has a closed form, the sum over all earlier tokens stands here instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = Any
Weights = Mapping[str, Array]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def silu(x: Array) -> Array:
    return x * sigmoid(x)


def softplus(x: Array) -> Array:
    return np.log1p(np.exp(x))


def rms(x: Array, weight: Array) -> Array:
    return x * weight / np.sqrt(np.mean(x * x, -1, keepdims=True) + 1e-5)


def network(layer: Callable[..., Array], weights: Weights, tokens: Array, **size: int) -> Array:
    """All layers one after the other on the whole sequence (T, d)."""
    x = weights["embedding"][tokens]
    depth = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    for k in range(depth):
        head = f"layers.{k}."
        own = {name.removeprefix(head): value for name, value in weights.items() if name.startswith(head)}
        x = layer(x, own, **size)
    return x


def convolved(x: Array, taps: Array, bias: Array) -> Array:
    """Channel by channel, the newest token under the last tap."""
    out = np.empty_like(x)
    for c in range(x.shape[1]):
        out[:, c] = np.convolve(x[:, c], taps[c][::-1])[: len(x)] + bias[c]
    return out


def mamba(x: Array, w: Weights, N: int) -> Array:
    """y_t = Σ_{s ≤ t} C_t·exp(A·Σ_{s < r ≤ t} Δ_r)·Δ_s·B_s·u_s + D·u_t, channel by channel."""
    bare = "norm" not in w
    u, z = np.split((x if bare else rms(x, w["norm"])) @ w["in_proj"].T, 2, axis=1)
    u = silu(convolved(u, w["conv"], w["conv_bias"]))
    rank = w["dt_proj"].shape[1]
    low, key, query = np.split(u @ w["x_proj"].T, [rank, rank + N], axis=1)
    step = softplus(low @ w["dt_proj"].T + w["dt_bias"])
    past = np.cumsum(step, axis=0)
    y = w["D"] * u
    for c in range(u.shape[1]):
        rate = -np.exp(w["A_log"][c])
        for t in range(len(x)):
            kept = np.exp(rate * (past[t, c] - past[: t + 1, c, None])) * key[: t + 1]
            y[t, c] += (kept @ query[t]) @ (step[: t + 1, c] * u[: t + 1, c])
    y = (y * silu(z)) @ w["out_proj"].T
    return y if bare else x + y


def mamba2(x: Array, w: Weights, H: int, P: int, N: int, G: int) -> Array:
    """Attention with a decay: y = (L ∘ C·Bᵀ)·(Δ·u) + D·u, L[t, s] = exp(A·Σ_{s < r ≤ t} Δ_r), by heads."""
    bare = "norm" not in w
    inner = H * P
    mixed = (x if bare else rms(x, w["norm"])) @ w["in_proj"].T
    z, mixed, step = np.split(mixed, [inner, mixed.shape[1] - H], axis=1)
    mixed = silu(convolved(mixed, w["conv"], w["conv_bias"]))
    u, key, query = np.split(mixed, [inner, inner + G * N], axis=1)
    step = softplus(step + w["dt_bias"])
    y = np.empty_like(u)
    for h in range(H):
        mine, group = slice(h * P, (h + 1) * P), slice(h // (H // G) * N, (h // (H // G) + 1) * N)
        past = -np.exp(w["A_log"][h]) * np.cumsum(step[:, h])
        mask = np.tril(np.exp(np.minimum(past[:, None] - past[None], 0)))
        scores = mask * (query[:, group] @ key[:, group].T)
        y[:, mine] = scores @ (step[:, h, None] * u[:, mine]) + w["D"][h] * u[:, mine]
    y = y * silu(z)
    if not bare:
        size = inner // G
        y = np.hstack([rms(y[:, k : k + size], w["gate_norm"][k : k + size]) for k in range(0, inner, size)])
    y = y @ w["out_proj"].T
    return y if bare else x + y
