"""Matrix states: their recurrence, and their reading. Arrays and forms are as in ``cells``."""

from __future__ import annotations

from typing import Any


def carry(s: Any, decay: Any, left: Any, right: Any, key: Any, value: Any, out: Any) -> None:
    """out = diag(decay)·S + left ⊗ (rightᵀ·S) + key ⊗ value, the recurrence of all matrix states.

    s, out (dk·dv, runs), S[k, v] at row k·dv + v; decay, left, right, key (dk, runs), value (dv, runs).
    """
    dk, dv = key.shape[0], value.shape[0]
    for v in range(dv):
        product = out[v]  # of k = 0, which is written last
        for r in range(s.shape[1]):
            product[r] = right[0, r] * s[v, r]
        for k in range(1, dk):
            for r in range(s.shape[1]):
                product[r] = product[r] + right[k, r] * s[k * dv + v, r]
        for k in range(dk - 1, -1, -1):
            i = k * dv + v
            for r in range(s.shape[1]):
                out[i, r] = (decay[k, r] * s[i, r] + left[k, r] * product[r]) + key[k, r] * value[v, r]


def read(s: Any, query: Any, out: Any) -> None:
    """out[v, r] = Σ_k query[k, r]·S[k, v], S laid out as in ``carry``; query (dk, runs), out (dv, runs)."""
    dk, dv = query.shape[0], out.shape[0]
    for v in range(dv):
        row = out[v]
        for r in range(s.shape[1]):
            row[r] = query[0, r] * s[v, r]
        for k in range(1, dk):
            for r in range(s.shape[1]):
                row[r] = row[r] + query[k, r] * s[k * dv + v, r]
