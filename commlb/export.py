"""The merged automaton as JSON or as a Graphviz picture, numbered in the same way every time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.errors import LimitError
from commlb.layers import Layers

MAX_DRAWN = 2000
"""States of the largest automaton that is drawn."""

TOTAL = "minimal: one state a class"
PROMISE = "distinct rows: under the promise fewer states may do at a cut"


def canonical(layers: Layers) -> Layers:
    """States renumbered in the order in which streams in dictionary order first reach them."""
    following, answered = list(layers.following), dict(layers.answered)
    order: NDArray[Any] = np.array([0])
    for t in range(layers.length + 1):
        if t in answered:
            answered[t] = answered[t][order]
        if t < layers.length:
            table = following[t][order]
            reached, first = np.unique(table[table >= 0], return_index=True)
            order = reached[np.argsort(first)]
            place = np.full(layers.widths[t + 1] + 1, -1, np.int32)
            place[order] = np.arange(len(order))
            following[t] = place[table]
    return Layers(layers.alphabets, tuple(following), answered, layers.answers)


def to_json_dict(layers: Layers) -> dict[str, Any]:
    """Layers 0 … N of merged ``layers`` with their states' answers and transitions, names as ``repr``.

    ``following[state][token]`` is a state of the next layer, −1 where the token is outside the promise;
    ``answers`` (absent where none is due) has one a state.

    >>> from commlb.merging import merge_table
    >>> equal, _ = merge_table(np.array([0, 1, 1, 0]), ["ab", "ab"], (True, False))
    >>> to_json_dict(equal)["layers"][1]
    {'t': 1, 'states': 2, 'alphabet': ["'a'", "'b'"], 'following': [[0, 1], [1, 0]]}
    """
    found = canonical(layers)
    rows = []
    for t, width in enumerate(found.widths):
        row: dict[str, Any] = {"t": t, "states": width}
        if t < found.length:
            row["alphabet"] = [repr(token) for token in found.alphabets[t]]
            row["following"] = found.following[t].tolist()
        if t in found.answered:
            row["answers"] = [repr(found.answers[k]) for k in found.answered[t]]
        rows.append(row)
    return {"states_are": PROMISE if found.total_from else TOTAL, "length": found.length, "layers": rows}


def to_dot(layers: Layers) -> str:
    """Merged ``layers`` for Graphviz: one rank a layer, tokens that lead the same way on one arrow.

    Raises ``LimitError`` beyond ``MAX_DRAWN`` states.
    """
    if sum(layers.widths) > MAX_DRAWN:
        states = sum(layers.widths)
        raise LimitError(
            f"a drawing holds at most {MAX_DRAWN:,} states, this one has {states:,}; write .json"
        )
    found = canonical(layers)
    lines = ["digraph minimum {", f"  // {PROMISE if found.total_from else TOTAL}", "  rankdir=LR;"]
    for t, width in enumerate(found.widths):
        nodes = []
        for state in range(width):
            answer = repr(found.answers[found.answered[t][state]]) if t in found.answered else ""
            shape = "box" if answer else "circle"
            nodes.append(f"s{t}_{state} [shape={shape}, label={_quoted(answer)}];")
        lines.append(f"  {{ rank=same; {' '.join(nodes)} }}")
    for t, table in enumerate(found.following):
        for state, row in enumerate(table.tolist()):
            arrows: dict[int, list[str]] = {}
            for token, after in zip(found.alphabets[t], row, strict=True):
                if after >= 0:
                    arrows.setdefault(after, []).append(repr(token))
            for after, tokens in arrows.items():
                lines.append(f"  s{t}_{state} -> s{t + 1}_{after} [label={_quoted(', '.join(tokens))}];")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    """A Graphviz string; JSON's escapes for quotes and backslashes are Graphviz's."""
    return json.dumps(text, ensure_ascii=False)
