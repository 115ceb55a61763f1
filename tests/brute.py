"""The minimum of small tasks by its definition: all prefixes, all suffixes, conflict graphs coloured."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from commlb.machines.base import BROKEN, UNDEFINED, Automaton
from commlb.protocol import OneWayProtocol

Answers = dict[tuple, Any]


def all_answers(automaton: Automaton, alphabets: Sequence, answered_at: Sequence[int]) -> Answers:
    """For each stream the tuple of answers due, or UNDEFINED outside the promise."""
    found = {}
    for stream in itertools.product(*alphabets):
        state, answers = automaton.start(), []
        for t in range(len(stream) + 1):
            if t in answered_at and state is not BROKEN:
                answers.append(automaton.answer(state))
            if t < len(stream) and state is not BROKEN:
                state = automaton.step(state, stream[t], t)
        found[stream] = UNDEFINED if state is BROKEN or UNDEFINED in answers else tuple(answers)
    return found


def rows(answers: Answers, alphabets: Sequence, answered_at: Sequence[int], t: int) -> list[dict]:
    """For each prefix of t tokens within the promise: what may follow → the answer due then (None: not due).

    What may follow: the beginnings of suffixes, from none to all, that some valid suffix begins with.
    """
    due = sorted(answered_at)
    table: dict[tuple, dict] = {}
    for stream, given in answers.items():
        if given is not UNDEFINED:
            row = table.setdefault(stream[:t], {})
            for end in range(t, len(stream) + 1):
                row[stream[t:end]] = given[due.index(end)] if end in due else None
    return list(table.values())


def distinct_rows(answers: Answers, alphabets: Sequence, answered_at: Sequence[int]) -> list[int]:
    """At each cut the number of prefixes that differ in what may follow or in an answer."""
    return [
        len({frozenset(row.items()) for row in rows(answers, alphabets, answered_at, t)})
        for t in range(len(alphabets) + 1)
    ]


def minima(answers: Answers, alphabets: Sequence, answered_at: Sequence[int]) -> list[int]:
    """At each cut the chromatic number of the conflict graph of all prefixes.

    Two conflict if after something that may follow both, an answer is due that differs.
    """
    found = []
    for t in range(len(alphabets) + 1):
        different = list({frozenset(row.items()) for row in rows(answers, alphabets, answered_at, t)})
        graph = np.zeros((len(different), len(different)), bool)
        for p, q in itertools.combinations(range(len(different)), 2):
            left, right = dict(different[p]), dict(different[q])
            graph[p, q] = graph[q, p] = any(left[w] != right[w] for w in left.keys() & right.keys())
        found.append(chromatic_number(graph))
    return found


def chromatic_number(graph: np.ndarray) -> int:
    """The least k such that vertices, one after the other, can be coloured: plain backtracking."""
    size = len(graph)

    def colourable(colours: list[int], k: int) -> bool:
        v = len(colours)
        if v == size:
            return True
        for colour in range(min(k, max(colours, default=-1) + 2)):
            if not any(graph[v, u] and colours[u] == colour for u in range(v)):
                if colourable([*colours, colour], k):
                    return True
        return False

    return next(k for k in range(size + 1) if colourable([], k))


class Opaque(Automaton):
    """The prefix tree of a function: every prefix is its own state."""

    def __init__(self, function: Callable[[tuple], Any]):
        self.function = function

    def start(self) -> tuple:
        return ()

    def step(self, state: tuple, token: Any, t: int) -> tuple:
        return (*state, token)

    def answer(self, state: tuple) -> Any:
        return self.function(state)


class Table(Automaton):
    """A random automaton: ``moves[t][state][token]`` is a state or −1, ``says[state]`` an answer or −1."""

    def __init__(self, moves: Any, says: Any):
        self.moves, self.says = moves, says

    def start(self) -> int:
        return 0

    def step(self, state: int, token: int, t: int) -> Any:
        after = self.moves[t][state][token]
        return BROKEN if after < 0 else after

    def answer(self, state: int) -> Any:
        return UNDEFINED if self.says[state] < 0 else self.says[state]


class SimpleTree(Automaton):
    """IsTree on simple graphs: an edge that comes again is outside the promise. State: the edges."""

    def __init__(self, vertices: int):
        self.vertices = vertices
        self.edges = list(itertools.combinations(range(vertices), 2))

    def start(self) -> frozenset:
        return frozenset()

    def step(self, state: frozenset, token: int, t: int) -> Any:
        return BROKEN if token in state else state | {token}

    def answer(self, state: frozenset) -> bool:
        import networkx as nx

        graph = nx.Graph(self.edges[token] for token in state)
        return len(graph) == self.vertices and nx.is_tree(graph)


class Dyck(Automaton):
    """Brackets of k types, matched, nested at most d deep: "(0", ")0", … State: the open ones, or None."""

    def __init__(self, kinds: int, depth: int):
        self.depth = depth
        self.tokens = [(side, kind) for kind in range(kinds) for side in "()"]

    def start(self) -> tuple:
        return ()

    def step(self, state: tuple | None, token: tuple, t: int) -> tuple | None:
        if state is None:
            return None
        if token[0] == "(":
            return (*state, token[1]) if len(state) < self.depth else None
        return state[:-1] if state and state[-1] == token[1] else None

    def answer(self, state: tuple | None) -> bool:
        return state == ()


def best_guesses(chosen, machine):
    """States, the errors of the best guess of each x_i, and how many x lead to each state; by dictionaries."""
    xs = list(itertools.product(range(chosen.symbols), repeat=chosen.n))
    messages = OneWayProtocol(chosen, machine).send(np.array(xs).T)
    seen = defaultdict(list)
    for x, message in zip(xs, messages.T.tolist(), strict=True):
        seen[tuple(message)].append(x)
    errors = [
        sum(len(some) - max(Counter(x[i] for x in some).values()) for some in seen.values())
        for i in range(chosen.n)
    ]
    return len(seen), tuple(errors), sorted(map(len, seen.values()))
