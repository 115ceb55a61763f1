"""Slow obvious twins of the caches: they keep the whole stream and work everything out again for each token.

One run at a time, float64, from a machine's weights by name; outputs (T, d) of the last layer.
"""

from __future__ import annotations

import numpy as np


def rms(x, weight):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-5) * weight


def softmax(scores):
    power = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return power / power.sum(axis=-1, keepdims=True)


def projected(weights, layer, x, bare, suffix="", heads=1):
    """q, k, v of all tokens, (H, T, d/H) each."""
    normed = x if bare else rms(x, weights[f"{layer}norm{suffix}"])
    split = np.split(normed @ weights[f"{layer}qkv{suffix}"].T, 3, axis=1)
    return [part.reshape(len(x), heads, -1).transpose(1, 0, 2) for part in split]


def attended(weights, layer, x, bare, a, v, suffix=""):
    """The layer's output from the weights a (H, T, T)."""
    y = (a @ v).transpose(1, 0, 2).reshape(x.shape) @ weights[f"{layer}out{suffix}"].T
    return y if bare else x + y


def alibi(heads):
    return 2.0 ** (-8 * np.arange(1, heads + 1) / heads)


def window_mask(length, w, sinks):
    """mask[t, j]: whether token t attends to token j."""
    t, j = np.ogrid[:length, :length]
    return (j <= t) & ((t - j < w) | (j < sinks))


def sliding_window(weights, stream, *, layers, w, sinks=0, heads=1, bare=False):
    """The whole T × T attention under a mask; distances count what the mask lets through."""
    x = weights["embedding"][stream]
    mask = window_mask(len(x), w, sinks)
    place = np.cumsum(mask, axis=1)
    distance = place[:, -1:] - place
    for n in range(layers):
        q, k, v = projected(weights, f"layers.{n}.", x, bare, heads=heads)
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[2]) - alibi(heads)[:, None, None] * distance
        x = attended(weights, f"layers.{n}.", x, bare, softmax(np.where(mask, scores, -np.inf)), v)
    return x


def tova(weights, stream, *, layers, n, heads=1, bare=False):
    """Row by row of the T × T attention; which tokens are kept is worked out again from the first on.

    Returns the outputs and for each layer the tokens kept after each.
    """
    x, kept_by_layer = weights["embedding"][stream], []
    for layer in range(layers):
        q, k, v = projected(weights, f"layers.{layer}.", x, bare, heads=heads)
        a, history = np.zeros((heads, len(x), len(x))), []
        for t in range(len(x)):
            kept = [*(history[-1] if history else []), t]
            scores = np.einsum("hi,hji->hj", q[:, t], k[:, kept]) / np.sqrt(q.shape[2])
            a[:, t, kept] = softmax(scores - alibi(heads)[:, None] * (t - np.array(kept)))
            mean = a[:, t, kept].mean(axis=0)
            best = np.argsort(mean)[::-1][:n]
            history.append(sorted(np.array(kept)[best].tolist()))
        x = attended(weights, f"layers.{layer}.", x, bare, a, v)
        kept_by_layer.append(history)
    return x, kept_by_layer


def transformer(weights, x, *, layers, heads, bare):
    """A causal Transformer with ALiBi on the places x (N, d)."""
    place = np.arange(len(x))
    distance = place[:, None] - place
    for layer in range(layers):
        q, k, v = projected(weights, "layers.0.", x, bare, f"_{layer}", heads)
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[2]) - alibi(heads)[:, None, None] * distance
        a = softmax(np.where(distance >= 0, scores, -np.inf))
        x = attended(weights, "layers.0.", x, bare, a, v, f"_{layer}")
    return x


def rmt(weights, stream, *, layers, m, segment, heads=1, bare=False):
    """Whole segments at once: (outputs, the memory after each segment)."""
    memory, outputs, memories = weights["layers.0.memory"], [], []
    for first in range(0, len(stream), segment):
        tokens = weights["embedding"][stream[first : first + segment]]
        y = transformer(
            weights, np.concatenate([memory, tokens, memory]), layers=layers, heads=heads, bare=bare
        )
        outputs.extend(y[m : m + len(tokens)])
        memory = y[-m:] if bare else rms(y[-m:], weights["norm"])
        memories.append(memory)
    return np.array(outputs), memories
