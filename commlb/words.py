"""Is a reduction right on all pairs of words (x, y)? Walked over x_j and y_j together.

For a fixed y the task's automaton may forget what y's letters never touch, which keeps layers small. All y
are walked at once: step j branches over x_j and y_j, and the state is projected at step j to what may still
come if Bob's j-th letters are those of y_j; what his other letters touch is kept for both their values. The
node is (encoder state, tokens written, f's state on the pairs so far, projected automaton state). Then Bob's
letters are read from all nodes, again for both values of each bit. That he may now choose another y than the
one that was projected for only adds nodes, so if each last node answers with its own f, the reduction is
right.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

from commlb.errors import BadInput, LimitError
from commlb.machines.base import BROKEN, UNDEFINED, LetterAutomaton
from commlb.records import Counterexample, ReductionCheck
from commlb.reductions.base import Encoder
from commlb.reductions.bob import WordReduction
from commlb.walk import LastUse, Transducer, is_well_written, uses

MAX_NODES = 2_000_000
"""Nodes of all layers at which the walk gives up."""

MOST_PAIRS = 4**8
"""Pairs up to which all are tried where the walk leaves it open whether the reduction is right."""

PROBES = 50
"""Random x that are tried before the walk, with four y each; fewer for long words."""

Use = tuple[str, Hashable]


class Node(NamedTuple):
    """Where a pair of prefixes leads: Alice's encoder state and tokens, f's state, the task's state."""

    encoder: Encoder
    written: int
    value: int
    state: Any


class LiveWords:
    """What may still come (see ``Live``): Alice's letters after ``step``, Bob's with ``bit`` at ``step``."""

    def __init__(
        self, last: dict[Use, int], replies: dict[Use, set[tuple[int, int]]], step: int, bit: int | None
    ):
        self.last, self.replies, self.step, self.bit = last, replies, step, bit

    def __call__(self, role: str, argument: Hashable) -> bool:
        use = (role, argument)
        if self.last.get(use, -1) > self.step:
            return True
        return any(j != self.step or self.bit in (None, bit) for j, bit in self.replies.get(use, ()))

    def arguments(self, role: str) -> Iterable[Any]:
        return [argument for r, argument in {**self.last, **self.replies} if r == role and self(r, argument)]


def prove(reduction: WordReduction) -> ReductionCheck:
    """Whether the task's answer on a(x)·b(y) is f(x, y) for all x, y of n bits.

    A reduction that fails is refused with a pair on which it does. Raises ``LimitError`` where the walk takes
    too long, or leaves the matter open and the pairs are too many to try.
    """
    counterexample, right, walk = _find_failure(reduction, _probes(reduction.n)), False, _Walk(reduction)
    if counterexample is None:
        right = walk.alice() and walk.bob()
        counterexample = None if right else _find_failure(reduction, walk.suspects())
    if not right and counterexample is None and 4**reduction.n > MOST_PAIRS:
        raise LimitError(
            f"the walk leaves it open whether {reduction.name} is right, and 4^{reduction.n} pairs are too "
            "many to try; take n <= 8"
        )
    return ReductionCheck(
        holds=counterexample is None,
        evidence="counterexample" if counterexample else "proved" if right else "exhaustive",
        inputs=f"{reduction.symbols}^{reduction.n}",
        queries=reduction.problem.inputs_of_bob,
        width=walk.width,
        every_n=False,
        scope="",
        counterexample=counterexample,
    )


class _Walk:
    """The layers of one reduction, with a pair of words that leads to each node."""

    def __init__(self, reduction: WordReduction):
        self.reduction, self.problem = reduction, reduction.problem
        self.automaton: LetterAutomaton = reduction.task.automaton()
        self.transducer = Transducer(reduction)
        self.replies: dict[Use, set[tuple[int, int]]] = {}
        for j, bit in itertools.product(range(1, reduction.n + 1), (0, 1)):
            for use in (use for letter in reduction.reply(j, bit) for use in uses(letter)):
                self.replies.setdefault(use, set()).add((j, bit))
        start = Node(reduction.start(), 0, self.problem.start(), self.automaton.start())
        self.layers: list[dict[Node, tuple[Node, int, int] | None]] = [{start: None}]
        self.width = self.steps = 0

    def _count(self, layer: Any) -> None:
        self.width = max(self.width, len(layer))
        self.steps += len(layer)
        if self.steps > MAX_NODES:
            raise LimitError(f"the walk has more than {MAX_NODES} nodes; try a smaller n")

    def alice(self) -> bool:
        """Walk Alice's steps and her last letters; whether all prefixes have the length of the cut."""
        n = self.reduction.n
        for j in range(1, n + 2):
            layer: dict[Node, tuple[Node, int, int] | None] = {}
            choices = itertools.product((0, 1), (0, 1)) if j <= n else [(0, 0)]
            for a, b in choices:
                live = LiveWords(self.transducer.last, self.replies, j, b if j <= n else None)
                for node in self.layers[-1]:
                    following, letters, good = self.transducer.moves[j][node.encoder, node.written, a]
                    state = node.state if good else BROKEN
                    for letter in letters:
                        state = self.automaton.read(state, letter)
                    state = self.automaton.project(state, live)
                    value = self.problem.step(node.value, a, b) if j <= n else node.value
                    reached = Node(following, node.written + len(letters), value, state)
                    layer.setdefault(reached, (node, a, b))
            self.layers.append(layer)
            self._count(layer)
        return all(node.written == self.reduction.cut for node in layer)

    def bob(self) -> bool:
        """Read Bob's letters from all last nodes; whether each answers with its own f."""
        n, t = self.reduction.n, self.reduction.cut
        last = {use: max(steps)[0] for use, steps in self.replies.items()}
        reached = {(node.value, node.state) for node in self.layers[-1]}
        for j in range(1, n + 1):
            live = LastUse(last, j)
            after = set()
            lengths = set()
            for bit in (0, 1):
                letters = self.reduction.reply(j, bit)
                lengths.add(len(letters))
                if not is_well_written(self.reduction, letters, t):
                    return False
                for value, state in reached:
                    for letter in letters:
                        state = self.automaton.read(state, letter)
                    after.add((value, self.automaton.project(state, live)))
            if len(lengths) > 1:
                return False
            reached, t = after, t + lengths.pop()
            self._count(reached)
        return t == self.reduction.task.length and all(
            self.automaton.answer(state) is not UNDEFINED
            and self.reduction.answer(self.automaton.answer(state)) == self.problem.end(value)
            for value, state in reached
        )

    def suspects(self) -> Iterable[tuple[tuple[int, ...], tuple[int, ...]]]:
        """The pair by which each last node was first reached, then all pairs if they are few."""
        for node in self.layers[-1]:
            pairs = []
            for layer in reversed(self.layers[1:]):
                step = layer[node]
                if step is not None:
                    node, a, b = step
                    pairs.append((a, b))
            yield tuple(a for a, _ in pairs[:0:-1]), tuple(b for _, b in pairs[:0:-1])
        if 4**self.reduction.n <= MOST_PAIRS:
            for x in itertools.product((0, 1), repeat=self.reduction.n):
                for y in itertools.product((0, 1), repeat=self.reduction.n):
                    yield x, y


def _probes(n: int) -> Iterable[tuple[tuple[int, ...], tuple[int, ...]]]:
    """A few pairs on which mistakes show: equal, one bit apart, singletons, random; a walk that has to find
    them may meet very wide layers.
    """
    rng = random.Random(n)
    for k in range(max(2, min(PROBES, 2000 // n))):
        x = tuple(rng.randrange(2) for _ in range(n))
        place = k % n
        yield x, x
        yield x, tuple(bit ^ (j == place) for j, bit in enumerate(x))
        yield x, tuple(int(j == place) for j in range(n))
        yield x, tuple(rng.randrange(2) for _ in range(n))


def _find_failure(
    reduction: WordReduction, pairs: Iterable[tuple[tuple[int, ...], tuple[int, ...]]]
) -> Counterexample | None:
    """The first of the pairs on which the task's right answer is not f(x, y)."""
    problem = reduction.problem
    for x, y in pairs:
        wanted = problem.value(x, y)
        answer = _answer(reduction, x, y)
        if answer is UNDEFINED:
            return Counterexample(x, y, wanted, "the stream is outside the task's promise")
        if reduction.answer(answer) != wanted:
            return Counterexample(x, y, wanted, str(reduction.answer(answer)))
    return None


def _answer(reduction: WordReduction, x: tuple[int, ...], y: tuple[int, ...]) -> Any:
    """What the task answers on a(x)·b(y); UNDEFINED if that is no stream of the task."""
    try:
        stream = reduction.alice(x) + reduction.suffix(y)
        return reduction.task.solve(stream) if len(stream) == reduction.task.length else UNDEFINED
    except BadInput:
        return UNDEFINED
