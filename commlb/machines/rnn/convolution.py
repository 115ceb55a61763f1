"""Short causal convolutions, channel by channel: the window of past inputs is part of the state."""

from __future__ import annotations

from typing import Any

import numpy as np

from commlb.machines.base import Array
from commlb.machines.rnn.layout import Part
from commlb.machines.rnn.network import Save
from commlb.machines.rnn.weights import Weight, constant, spread


def window(name: str, channels: int, width: int) -> dict[str, Part]:
    """The part ``name``: the last width − 1 inputs, oldest first; none for width 1."""
    return {name: Part((width - 1, channels))} if width > 1 else {}


def kernel(name: str, channels: int, width: int) -> dict[str, Weight]:
    """The weights: ``name`` (channels, width), the last column for the newest input, and ``name``_bias."""
    limit = (3 / width) ** 0.5
    return {name: spread(channels, width, low=-limit, high=limit), f"{name}_bias": constant(channels)}


def convolve(w: Any, s: Any, name: str, u: Array, save: Save) -> Array:
    """bias + Σ_k kernel[:, k]·(the k-th of the last ``width`` inputs, u the newest), u stored for later.

    u (channels, …). What is stored is read as it is stored, so u counts as rounded, unless the width is 1.
    """
    taps, out = getattr(w, name), getattr(w, f"{name}_bias")
    if taps.shape[1] == 1:
        return out + taps[:, 0] * u
    old = getattr(s, name)
    kept = save(name, np.concatenate([old[1:], u[None]]))
    out = out + taps[:, 0] * old[0]
    for k in range(1, taps.shape[1]):
        out = out + taps[:, k] * kept[k - 1]
    return out
