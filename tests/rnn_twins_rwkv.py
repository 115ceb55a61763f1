"""Slow twins: the papers' equations in plain NumPy, one run at a time, in float64, for ``test_rnn_rwkv``.

Each takes one layer's weights and its inputs (T, d), and gives its outputs; time mixing is written as a sum over
all earlier tokens, or with the paper's own matrix, the transpose of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = Any
Weights = Mapping[str, Array]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def layer_norm(x: Array, weight: Array, bias: Array, epsilon: float = 1e-5) -> Array:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon) * weight + bias


def before(x: Array) -> Array:
    return np.vstack([np.zeros_like(x[:1]), x[:-1]])


def lerp(x: Array, mix: Array) -> Array:
    """a + (b − a)·μ for this token a and the one before b."""
    return x + (before(x) - x) * mix


def network(name: str, weights: Weights, tokens: Array, **size: int) -> Array:
    """All layers, norms and sums included where the weights have norms."""
    time, channel, passed = TIME[name], CHANNEL[name], {}
    x = weights["embedding"][tokens]
    depth = 1 + max(int(key.split(".")[1]) for key in weights if key.startswith("layers."))
    for k in range(depth):
        head = f"layers.{k}."
        w = {key.removeprefix(head): value for key, value in weights.items() if key.startswith(head)}
        if "ln1" in w:
            x = x + time(layer_norm(x, w["ln1"], w["ln1_bias"]), w, passed, **size)
            x = x + channel(layer_norm(x, w["ln2"], w["ln2_bias"]), w)
        else:
            x = channel(time(x, w, passed, **size), w)
    return x


def channel4(x: Array, w: Weights) -> Array:
    k = np.maximum((x * w["ffn_mix_k"] + before(x) * (1 - w["ffn_mix_k"])) @ w["ffn_key"].T, 0) ** 2
    r = (x * w["ffn_mix_r"] + before(x) * (1 - w["ffn_mix_r"])) @ w["ffn_receptance"].T
    return sigmoid(r) * (k @ w["ffn_value"].T)


def channel5(x: Array, w: Weights) -> Array:
    k = np.maximum(lerp(x, w["ffn_mix_k"]) @ w["ffn_key"].T, 0) ** 2
    return sigmoid(lerp(x, w["ffn_mix_r"]) @ w["ffn_receptance"].T) * (k @ w["ffn_value"].T)


def channel7(x: Array, w: Weights) -> Array:
    return np.maximum(lerp(x, w["ffn_mix_k"]) @ w["ffn_key"].T, 0) ** 2 @ w["ffn_value"].T


def time4(x: Array, w: Weights, passed: Any) -> Array:
    """A mean of the values of all tokens i ≤ t with weights e^(k_i − (t−1−i)·s), and e^(u + k_t) for i = t."""
    r, k, v = (
        (x * w[f"mix_{mix}"] + before(x) * (1 - w[f"mix_{mix}"])) @ w[name].T
        for mix, name in (("r", "receptance"), ("k", "key"), ("v", "value"))
    )
    wkv = np.empty_like(v)
    for t in range(len(x)):
        age = np.arange(t - 1, -2, -1)[:, None]
        share = np.exp(k[: t + 1] - age * np.exp(w["time_decay"]))
        share[t] = np.exp(k[t] + w["time_first"])
        wkv[t] = (share * v[: t + 1]).sum(0) / share.sum(0)
    return (sigmoid(r) * wkv) @ w["output"].T


def time5(x: Array, w: Weights, passed: Any, heads: int) -> Array:
    shifted = {name: lerp(x, w[f"mix_{name}"]) for name in "rkvg"}
    decay = np.tile(np.exp(-np.exp(w["time_decay"])), (len(x), 1))
    return attention(shifted, decay, w, heads)


def time6(x: Array, w: Weights, passed: Any, heads: int) -> Array:
    base = lerp(x, w["mix_x"])
    downs = dict(zip("wkvrg", np.split(w["shift_A"], 5), strict=True))
    shifted = {
        name: lerp(x, w[f"mix_{name}"] + np.tanh(base @ downs[name].T) @ w[f"shift_B_{name}"].T)
        for name in "wkvrg"
    }
    speed = w["time_decay"] + np.tanh(shifted["w"] @ w["decay_A"].T) @ w["decay_B"].T
    return attention(shifted, np.exp(-np.exp(speed)), w, heads)


def attention(x: Mapping[str, Array], decay: Array, w: Weights, heads: int) -> Array:
    """y_t = Σ_{i < t} (r_t ∘ Π_{i < j < t} w_j)·k_i v_i + (r_t ∘ u)·k_t v_t, head by head."""
    r, k, v = x["r"] @ w["receptance"].T, x["k"] @ w["key"].T, x["v"] @ w["value"].T
    y = np.zeros_like(v)
    for own in np.split(np.arange(v.shape[1]), heads):
        for t in range(len(v)):
            for i in range(t):
                y[t, own] += (r[t, own] * decay[i + 1 : t, own].prod(0)) @ k[i, own] * v[i, own]
            y[t, own] += (r[t, own] * w["time_first"][own]) @ k[t, own] * v[t, own]
    g = x["g"] @ w["gate"].T
    return (g * sigmoid(g) * head_norms(y, w, heads)) @ w["output"].T


def head_norms(y: Array, w: Weights, heads: int) -> Array:
    if "ln_x" not in w:
        return y
    split = (np.split(array, heads, axis=-1) for array in (y, w["ln_x"], w["ln_x_bias"]))
    return np.hstack([layer_norm(*each, epsilon=64e-5) for each in zip(*split, strict=True)])


def time7(x: Array, w: Weights, passed: Any, heads: int) -> Array:
    """wkv_t = wkv_{t−1}·(diag(w) − κ̂ᵀ(a·κ̂)) + vᵀk̃, y = r·wkvᵀ, in the paper's layout (values first)."""
    shifted = {name: lerp(x, w[f"mix_{name}"]) for name in "rwkvag"}

    def low(name: str, inner: Callable[[Array], Array]) -> Array:
        return inner(shifted[name] @ w[f"{name}_A"].T) @ w[f"{name}_B"].T

    rate = sigmoid(low("a", lambda z: z) + w["a_bias"])
    decay = np.exp(-np.exp(-0.5) * sigmoid(low("w", np.tanh) + w["w_bias"]))
    r, k, v = (shifted[mix] @ w[name].T for mix, name in (("r", "receptance"), ("k", "key"), ("v", "value")))
    share = sigmoid(low("v", lambda z: z) + w["v_bias"])
    v = v + (passed.setdefault("v", v) - v) * share
    removal, new = k * w["k_k"], k * ((1 - w["k_a"]) + rate * w["k_a"])
    y, bonus = np.empty_like(v), np.empty_like(v)
    for own in np.split(np.arange(v.shape[1]), heads):
        state = np.zeros((len(own), len(own)))
        for t in range(len(x)):
            unit = removal[t, own] / np.linalg.norm(removal[t, own])
            state = state @ (np.diag(decay[t, own]) - np.outer(unit, rate[t, own] * unit))
            state = state + np.outer(v[t, own], new[t, own])
            y[t, own] = state @ r[t, own]
            bonus[t, own] = (r[t, own] @ (w["r_k"][own] * new[t, own])) * v[t, own]
    gate = low("g", sigmoid)
    return (gate * (head_norms(y, w, heads) + bonus)) @ w["output"].T


TIME = {"rwkv4": time4, "rwkv5": time5, "rwkv6": time6, "rwkv7": time7}
CHANNEL = {"rwkv4": channel4, "rwkv5": channel5, "rwkv6": channel5, "rwkv7": channel7}
