"""IsTree's automata: how the edges so far join the vertices."""

from __future__ import annotations

from typing import Any

from commlb.machines.base import BROKEN, UNDEFINED, Letter, LetterAutomaton, Live


class PartitionAutomaton(LetterAutomaton):
    """State: the blocks of two or more vertices, or "cycle". N−1 edges without a cycle make a tree."""

    def start(self) -> Any:
        return frozenset()

    def read(self, state: Any, letter: Letter) -> Any:
        _, u, v = letter
        if state is BROKEN or u == v:
            return BROKEN
        if state == "cycle":
            return state
        joined = {u, v}
        apart = []
        for block in state:
            if u in block or v in block:
                if u in block and v in block:
                    return "cycle"
                joined |= block
            else:
                apart.append(block)
        return frozenset([*apart, frozenset(joined)])

    def answer(self, state: Any) -> Any:
        return UNDEFINED if state is BROKEN else state != "cycle"

    def project(self, state: Any, live: Live) -> Any:
        """Keep how the live vertices are joined. The number of components follows from the edge count."""
        if not isinstance(state, frozenset):
            return state
        kept = []
        for block in state:
            alive = [v for v in block if live("edge", v)]
            if len(alive) > 1:
                kept.append(frozenset(alive))
        return frozenset(kept)


class SimpleAutomaton(PartitionAutomaton):
    """State: that of the partition, and the edges that have come, which may not come again."""

    def start(self) -> Any:
        return (super().start(), frozenset())

    def read(self, state: Any, letter: Letter) -> Any:
        if state is BROKEN or frozenset(letter[1:]) in state[1]:
            return BROKEN
        after = super().read(state[0], letter)
        return BROKEN if after is BROKEN else (after, state[1] | {frozenset(letter[1:])})

    def answer(self, state: Any) -> Any:
        return UNDEFINED if state is BROKEN else super().answer(state[0])

    def project(self, state: Any, live: Live) -> Any:
        """Keep also the edges that could come again: both ends are live."""
        if state is BROKEN:
            return state
        again = frozenset([edge for edge in state[1] if all(live("edge", v) for v in edge)])
        return (super().project(state[0], live), again)
