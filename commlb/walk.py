"""Is a reduction right on all |Σ|^n inputs? Walked layer by layer, one query at a time, at a given n.

For a query i, the map x ↦ f(a(x)·b(i)) is a layered automaton: its nodes are tuples (Alice's encoder
state, tokens written, x_i once it is read, state of the task's automaton), and the automaton forgets what
no later letter can touch, so that layers stay small. If every node of the last layer answers with its own
x_i, the reduction is right for i on all inputs; if one does not, the path to it is an input on which it
fails.

This file is the plain form: names as they come, every layer walked. It accepts any reduction, finds
counterexamples, and is what ``commlb.proof`` is tested against.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from commlb.errors import BadInput, LimitError, Malformed
from commlb.machines.base import BROKEN, UNDEFINED, Letter, LetterAutomaton
from commlb.records import Counterexample
from commlb.reductions.base import Encoder, Reduction
from commlb.reductions.bob import IndexReduction

MAX_MOVES = 1_000_000
"""Moves of Alice's transducer, over all steps, that are laid out at most."""

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
    steps = 0
    for j in range(1, n + 2):
        live = LastUse(last, j, (alice.partners, bobs))
        layer: dict[Node, tuple[Node, int] | None] = {}
        for node in layers[-1]:
            e, t, known, state = node
            for x in range(reduction.symbols if j <= n else 1):
                following, letters, good = alice.moves[j][e, t, x]
                after = automaton.project(_read(automaton, state if good else BROKEN, letters), live)
                reached = (following, t + len(letters), x if j == i else known, after)
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
