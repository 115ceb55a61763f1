"""Rows of small numbers, numbered: the inner loops of merging states, where there are few possible rows."""

from __future__ import annotations

from typing import Any


def mark(rows: Any, radices: Any, keys: Any, seen: Any) -> None:
    """keys[i] = the number whose digits are ``rows[i]``, and seen[keys[i]] = True.

    rows (N, m) with entries in 0 … radices[k]−1; radices (m,); keys (N,); seen (∏ radices,).
    """
    for i in range(len(rows)):
        key = 0
        for k in range(len(radices)):
            key = key * radices[k] + rows[i, k]
        keys[i] = key
        seen[key] = True


def fetch(keys: Any, number: Any, out: Any) -> None:
    """out[i] = number[keys[i]]; keys and out (N,)."""
    for i in range(len(keys)):
        out[i] = number[keys[i]]
