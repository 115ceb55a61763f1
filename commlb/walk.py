"""Is a reduction right on all |Σ|^n inputs? Walked layer by layer, one query at a time, at a given n.

For a query i, the map x ↦ f(a(x)·b(i)) is a layered automaton: its nodes are tuples (Alice's encoder
state, tokens written, x_i once it is read, state of the task's automaton), and the automaton forgets what
no later letter from that encoder state can touch, so that layers stay small. If every node of the last layer
answers with its own x_i, the reduction is right for i on all inputs; if one does not, the path to it is an
input on which it fails.

This file is the plain form: names as they come, every layer walked. It accepts any reduction, finds
counterexamples, and is what ``commlb.proof`` is tested against.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import cached_property
from typing import Any

from commlb.errors import BadInput, LimitError, Malformed
from commlb.machines.base import BROKEN, UNDEFINED, Letter, LetterAutomaton
from commlb.records import Counterexample
from commlb.reductions.base import Encoder, Reduction
from commlb.reductions.bob import IndexReduction

MAX_MOVES = 1_000_000
"""Moves of Alice's transducer, over all steps, that are laid out at most."""

MAX_MARKS = 2**28
"""Moves times uses up to which it is kept what may still come from each encoder state."""

MAX_STEPS = 30_000_000
"""Automaton steps after which a walk gives up (about a minute)."""

Node = tuple[Encoder, int, int | None, Any]


Use = tuple[str, Hashable]
Partners = dict[Use, dict[Hashable, int]]
"""For each use, the arguments named in one letter with it, each with the last step that does so."""


class LastUse:
    """Which letters may still come after a given step: ``live(role, argument)`` (see ``Live``)."""

    def __init__(self, last: dict[Use, int], now: int, partners: tuple[Partners, ...] = ()):
        self.last, self.now, self.partners = last, now, partners

    def __call__(self, role: str, argument: Hashable) -> bool:
        return self.last.get((role, argument), -1) > self.now

    def arguments(self, role: str) -> Iterable[Any]:
        return [argument for (r, argument), step in self.last.items() if r == role and step > self.now]

    def together(self, role: str, argument: Hashable) -> set[Hashable]:
        """The arguments that may still be named in one letter with this one."""
        return {
            other
            for known in self.partners
            for other, step in known.get((role, argument), {}).items()
            if step > self.now
        }


class FromState(LastUse):
    """``LastUse`` from one of Alice's states on: what she may still write from there, and what Bob writes."""

    def __init__(self, every: LastUse, marks: int, numbers: dict[Use, int], bob: frozenset[Use]):
        super().__init__(every.last, every.now, every.partners)
        self.marks, self.numbers, self.bob = marks, numbers, bob

    def __call__(self, role: str, argument: Hashable) -> bool:
        use = (role, argument)
        number = self.numbers.get(use)
        return use in self.bob or (number is not None and bool(self.marks >> number & 1))

    def arguments(self, role: str) -> Iterable[Any]:
        return [argument for argument in super().arguments(role) if self(role, argument)]


def note_partners(letters: Iterable[Letter], step: int, partners: Partners) -> None:
    """Enter letters of two arguments, written at ``step``, into ``partners``."""
    for role, *arguments in letters:
        if len(arguments) == 2:
            a, b = arguments
            partners.setdefault((role, a), {})[b] = step
            partners.setdefault((role, b), {})[a] = step


def uses(letter: Letter) -> list[Use]:
    """The (role, argument) pairs that a letter touches."""
    return [(letter[0], argument) for argument in letter[1:]]


def is_well_written(reduction: Reduction, letters: list[Letter], t: int) -> bool:
    """Whether the letters become tokens that the task reads back as they were meant, from position t."""
    try:
        reduction.encode(letters, t)
    except Malformed:
        raise
    except BadInput:
        return False
    return True


class Transducer:
    """Alice laid out: per step j, the moves (e, t, x) → (e', letters, well written) from what is reachable.

    t is the number of tokens written before. Step n+1 holds the letters of ``finish``.
    """

    def __init__(self, reduction: Reduction):
        self.reduction = reduction
        self.moves: list[dict[tuple[Encoder, int, int], tuple[Encoder, list[Letter], bool]]] = [{}]
        self.last: dict[Use, int] = {}
        self.partners: Partners = {}
        reached: list[tuple[Encoder, int]] = [(reduction.start(), 0)]
        laid_out = 0
        for j in range(1, reduction.n + 2):
            moves = {}
            for e, t in reached:
                for x in range(reduction.symbols if j <= reduction.n else 1):
                    following, letters = (
                        reduction.emit(e, j, x) if j <= reduction.n else (e, reduction.finish(e))
                    )
                    moves[e, t, x] = (following, letters, is_well_written(reduction, letters, t))
                    self.last.update({use: j for letter in letters for use in uses(letter)})
                    note_partners(letters, j, self.partners)
            self.moves.append(moves)
            laid_out += len(moves)
            if laid_out > MAX_MOVES:
                raise LimitError(
                    f"Alice's transducer has more than {MAX_MOVES} moves by step {j} of {reduction.n}; "
                    "to walk it needs a smaller n or an encoder with fewer states"
                )
            reached = list(
                dict.fromkeys((e, t + len(letters)) for (_, t, _), (e, letters, _) in moves.items())
            )
        self.numbers = {use: number for number, use in enumerate(self.last)}

    @cached_property
    def later(self) -> list[dict[tuple[Encoder, int], int]] | None:
        """For each step j and state after it, the uses (bits, by ``numbers``) that letters of later steps make.

        None where that would be too much to keep.
        """
        if sum(map(len, self.moves)) * len(self.last) > MAX_MARKS:
            return None
        found: list[dict[tuple[Encoder, int], int]] = [{}]
        for moves in reversed(self.moves[1:]):
            after, before = found[-1], dict[tuple[Encoder, int], int]()
            for (e, t, _), (following, letters, _) in moves.items():
                marks = after.get((following, t + len(letters)), 0)
                for letter in letters:
                    for use in uses(letter):
                        marks |= 1 << self.numbers[use]
                before[e, t] = before.get((e, t), 0) | marks
            found.append(before)
        return found[::-1]

    def live(self, j: int, e: Encoder, t: int, every: LastUse, bob: frozenset[Use]) -> LastUse:
        """What may still come after step j from the encoder state e with t tokens written."""
        if self.later is None:
            return every
        return FromState(every, self.later[j].get((e, t), 0), self.numbers, bob)


def walk(reduction: IndexReduction, i: int, alice: Transducer) -> tuple[int, Counterexample | None]:
    """The largest layer for query i, and an input on which the answer is not x_i, if there is one."""
    automaton = reduction.task.automaton()
    n = reduction.n
    suffix = reduction.bob(i)
    last = dict(alice.last)
    bobs: Partners = {}
    for place, letter in enumerate(suffix, n + 2):
        last.update(dict.fromkeys(uses(letter), place))
        note_partners([letter], place, bobs)
    layers: list[dict[Node, tuple[Node, int] | None]] = [
        {(reduction.start(), 0, None, automaton.start()): None}
    ]
    steps, asked = 0, frozenset(use for letter in suffix for use in uses(letter))
    for j in range(1, n + 2):
        every, lives = LastUse(last, j, (alice.partners, bobs)), dict[tuple[Encoder, int], LastUse]()
        layer: dict[Node, tuple[Node, int] | None] = {}
        for node in layers[-1]:
            e, t, known, state = node
            for x in range(reduction.symbols if j <= n else 1):
                following, letters, good = alice.moves[j][e, t, x]
                to = following, t + len(letters)
                if to not in lives:
                    lives[to] = alice.live(j, *to, every, asked)
                after = automaton.project(_read(automaton, state if good else BROKEN, letters), lives[to])
                reached = (*to, x if j == i else known, after)
                layer.setdefault(reached, (node, x))
        layers.append(layer)
        steps += len(layer)
        if steps > MAX_STEPS:
            raise LimitError(f"the walk for i = {i} takes more than {MAX_STEPS} steps; try a smaller n")
    width = max(len(layer) for layer in layers)
    for node in layers[-1]:
        wrong = _wrong_answer(reduction, node, suffix)
        if wrong:
            found = _path(layers, node)
            return width, Counterexample(found, i, found[i - 1], wrong)
    return width, None


def _read(automaton: LetterAutomaton, state: Any, letters: list[Letter]) -> Any:
    for letter in letters:
        state = automaton.read(state, letter)
    return state


def _wrong_answer(reduction: IndexReduction, node: Node, suffix: list[Letter]) -> str:
    """What Bob gets from a node of the last layer if it is not x_i, else the empty string."""
    _, t, known, state = node
    automaton = reduction.task.automaton()
    whole = t == reduction.cut and (reduction.is_padded or t + len(suffix) == reduction.task.length)
    good = whole and (reduction.is_padded or is_well_written(reduction, suffix, t))
    answer = automaton.answer(_read(automaton, state if good else BROKEN, suffix))
    if answer is UNDEFINED:
        return "the stream is outside the task's promise"
    value = reduction.read(answer)
    return "" if value == known else str(value)


def _path(layers: list[dict[Node, tuple[Node, int] | None]], node: Node) -> tuple[int, ...]:
    """The input that leads to a node of the last layer."""
    symbols = []
    for layer in reversed(layers[1:]):
        step = layer[node]
        if step is not None:
            node, x = step
            symbols.append(x)
    return tuple(reversed(symbols[1:]))
