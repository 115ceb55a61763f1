"""Symmetries of a task: permutations of its tokens that keep what it asks. None is believed unverified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput
from commlb.layers import Ids, Layers

Permutation = NDArray[np.int64]

ELEMENTS = 24
"""Random elements that generate a stabiliser, or a part of it."""


def row_permutations(layers: Layers, generator: Any, name: str = "the task") -> tuple[Permutation, ...]:
    """Where a permutation of tokens takes the states of each layer, 0 … N.

    ``generator``: a mapping of tokens, for all positions, or a sequence of N mappings, one a position; tokens
    that a mapping leaves out stay. Verified state by state: σ(δ(s, a)) = δ(σ(s), π(a)), also where a token may
    not stand, and answers follow a permutation of answers, one for each time an answer is due.
    Raises ``BadInput`` where that fails.

    >>> from commlb.layers import unroll_machine
    >>> from commlb.tasks.index import Index
    >>> task = Index(2, 2)
    >>> layers = unroll_machine(task.machine(), [task.alphabet(t) for t in range(3)], task.answered_at)
    >>> [list(map(int, rows)) for rows in row_permutations(layers, ({0: 1, 1: 0}, {0: 1, 1: 0}, {}))]
    [[0], [1, 0], [3, 2, 1, 0], [1, 0]]
    """
    moves = [generator] * layers.length if isinstance(generator, Mapping) else generator
    if not isinstance(moves, Sequence) or len(moves) != layers.length:
        raise BadInput(
            f"a symmetry of {name} must be a mapping of tokens, or a sequence of {layers.length} of them"
        )
    found = [np.zeros(1, np.int64)]
    for t, move in enumerate(moves):
        places = _places(layers.alphabets[t], move, t, name)
        following = layers.following[t]
        there = following[found[-1]][:, places]  # δ(σ(s), π(a))
        found.append(_carried(following, there, layers.widths[t + 1], f"after {t + 1} tokens", name))
    for t, answered in layers.answered.items():
        _carried(answered, answered[found[t]], len(layers.answers), f"in the answers after {t} tokens", name)
    return tuple(found)


def _places(alphabet: Sequence[Any], move: Any, t: int, name: str) -> Permutation:
    """Where each place of an alphabet goes."""
    if not isinstance(move, Mapping):
        raise BadInput(f"a symmetry of {name} must be made of mappings; given {type(move).__name__}")
    place = {token: k for k, token in enumerate(alphabet)}
    try:
        found = [place.get(move.get(token, token), -1) for token in alphabet]
    except TypeError as error:
        raise BadInput(f"a symmetry of {name} maps to what is not hashable ({error})") from error
    if sorted(found) != list(range(len(alphabet))):
        raise BadInput(f"a symmetry of {name} does not permute the tokens that may stand at position {t}")
    return np.array(found, np.int64)


def _carried(here: Ids, there: Ids, size: int, where: str, name: str) -> Permutation:
    """The one permutation of ``size`` numbers that takes ``here`` to ``there``, −1 to −1.

    Numbers that do not come up are given what is left, in order.
    """
    wrong = BadInput(f"{name} has no such symmetry: it fails {where}; correct it or leave it out")
    if ((here < 0) != (there < 0)).any():
        raise wrong
    found = np.full(size, -1, np.int64)
    found[here[here >= 0]] = there[here >= 0]
    if (found[here[here >= 0]] != there[here >= 0]).any():
        raise wrong
    free = np.setdiff1d(np.arange(size), found)
    if len(free) != np.count_nonzero(found < 0):
        raise wrong
    found[found < 0] = free
    return found


def orbits(size: int, generators: Sequence[Permutation]) -> Permutation:
    """For each of ``size`` points the least point of its orbit.

    >>> orbits(4, [np.array([1, 0, 2, 3]), np.array([0, 1, 3, 2])]).tolist()
    [0, 0, 2, 2]
    """
    label = np.arange(size)
    while True:
        before = label
        for g in generators:
            label = np.minimum(label, label[g])
            label[g] = np.minimum(label[g], label)
        label = label[label]
        if (label == before).all():
            return label


def stabiliser(generators: Sequence[Permutation], point: int, rng: np.random.Generator) -> list[Permutation]:
    """Elements of the group that fix ``point``: they generate its stabiliser, or, seldom, a part of it.

    Schreier's lemma on random elements of the group (product replacement; Celler et al. 1995). A part is as
    sound to search by as all: it only leaves more orbits.

    >>> swaps = [np.array([1, 0, 2]), np.array([0, 2, 1])]
    >>> found = stabiliser(swaps, 0, np.random.default_rng(1))
    >>> [g.tolist() for g in found]
    [[0, 2, 1]]
    """
    if not generators:
        return []
    back = _schreier_tree(generators, point)
    inverses = [np.argsort(g) for g in generators]
    pool = [generators[k % len(generators)] for k in range(max(10, len(generators)))]
    found: dict[bytes, Permutation] = {}
    identity = np.arange(len(generators[0]))
    for turn in range(4 * len(pool) + ELEMENTS):
        i, j = rng.choice(len(pool), 2, replace=False)
        pool[i] = pool[j][pool[i]] if rng.integers(2) else pool[i][pool[j]]
        if turn < 4 * len(pool):
            continue
        element = pool[i]
        while element[point] != point:
            element = inverses[back[int(element[point])]][element]
        if (element != identity).any():
            found.setdefault(element.tobytes(), element)
    return list(found.values())


def _schreier_tree(generators: Sequence[Permutation], point: int) -> dict[int, int]:
    """For each other point of the orbit a generator that reaches it from a point nearer to ``point``."""
    back: dict[int, int] = {point: -1}
    layer = [point]
    while layer:
        after = []
        for here in layer:
            for k, g in enumerate(generators):
                there = int(g[here])
                if there not in back:
                    back[there] = k
                    after.append(there)
        layer = after
    return back
