"""A sorted table of token windows with their successors, one table a run."""

from __future__ import annotations

from typing import Any


def insert(table: Any, window: Any, successor: Any, many: Any) -> None:
    """Enter ``window`` → ``successor`` into each run's table; a window met again maps to ``many``.

    table (entries, width+1, runs), in place: sorted by window, token by token, free entries (first token
    0) last, at least one free unless the window is there. window (width, runs), tokens ≥ 1. successor
    (runs,).
    """
    entries, columns, runs = table.shape
    width = columns - 1
    for r in range(runs):
        low = 0
        high = entries
        while low < high:
            middle = (low + high) // 2
            before = False
            if table[middle, 0, r] != 0:
                for k in range(width):
                    if table[middle, k, r] != window[k, r]:
                        before = table[middle, k, r] < window[k, r]
                        break
            if before:
                low = middle + 1
            else:
                high = middle
        same = low < entries
        if same:
            for k in range(width):
                if table[low, k, r] != window[k, r]:
                    same = False
                    break
        if same:
            table[low, width, r] = many
            continue
        last = low
        while last < entries - 1 and table[last, 0, r] != 0:
            last += 1
        for place in range(last, low, -1):
            for k in range(columns):
                table[place, k, r] = table[place - 1, k, r]
        for k in range(width):
            table[low, k, r] = window[k, r]
        table[low, width, r] = successor[r]
