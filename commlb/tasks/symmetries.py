"""Generators of the permutations of tokens that keep a task, for ``Task.symmetries``."""

from __future__ import annotations

from collections.abc import Sequence


def mixing(things: Sequence[int]) -> list[dict[int, int]]:
    """Two permutations that generate all of ``things``: a swap of the first two and a turn of all.

    >>> mixing(range(3))
    [{0: 1, 1: 0}, {0: 1, 1: 2, 2: 0}]
    >>> mixing([4])
    []
    """
    if len(things) < 2:
        return []
    swap = {things[0]: things[1], things[1]: things[0]}
    turn = dict(zip(things, [*things[1:], things[0]], strict=True))
    return [swap, turn] if len(things) > 2 else [swap]


def on_edges(vertices: int, moves: Sequence[dict[int, int]]) -> list[dict[int, int]]:
    """What permutations of vertices do to edges {u, v}, u < v, written as v(v−1)/2 + u.

    >>> on_edges(3, [{0: 1, 1: 0}])
    [{0: 0, 1: 2, 2: 1}]
    """
    found = []
    for move in moves:
        edges = {}
        for v in range(vertices):
            for u in range(v):
                a, b = sorted((move.get(u, u), move.get(v, v)))
                edges[v * (v - 1) // 2 + u] = b * (b - 1) // 2 + a
        found.append(edges)
    return found
