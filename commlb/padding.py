"""What Bob writes beyond the letters whose answer is read: does it keep the task's promise?

Within the promise an unread letter changes no later answer (``Task.unread``), so the walk leaves such letters
out. That the whole stream keeps the promise is seen to here, on one stream a query: if the streams of two
inputs differ only in roles that the promise ignores (``Task.promise_ignores``), what holds for one of them
holds for all.
"""

from __future__ import annotations

import itertools

from commlb.errors import BadInput, LimitError, Malformed
from commlb.machines.base import UNDEFINED, Letter
from commlb.records import Counterexample
from commlb.reductions.bob import IndexReduction, RecoveringReduction
from commlb.walk import MAX_STEPS, Transducer

MOST_INPUTS = 4096
"""Inputs up to which all streams are tried where they differ in more than the promise ignores."""


def refusal(reduction: IndexReduction) -> Counterexample | None:
    """A query whose whole suffix does not fit the task, or breaks its promise after some prefix; else None.

    Raises ``Malformed`` if ``whole`` and ``bob`` do not belong together, ``LimitError`` if the suffixes are too
    long to look at, or the prefixes too different and too many.
    """
    if not reduction.is_padded:
        return None
    check_length(reduction)
    inputs: list[tuple[int, ...]] = [(0,) * reduction.n]
    if not reduction.task.total and not _prefixes_alike(reduction):
        if reduction.symbols**reduction.n > MOST_INPUTS:
            raise LimitError(
                "whether the promise is kept depends on x, and there are more than "
                f"{MOST_INPUTS} inputs; take a smaller n, or write the same keys for every x"
            )
        inputs = list(itertools.product(range(reduction.symbols), repeat=reduction.n))
    prefixes = [reduction.alice(x) for x in inputs]
    for i in range(1, reduction.n + 1):
        wrong = _misfit(reduction, i)
        for x, prefix in zip(inputs, prefixes, strict=True):
            if not wrong and reduction.task.solve(prefix + reduction.suffix(i)) is UNDEFINED:
                wrong = "the stream is outside the task's promise"
            if wrong:
                return Counterexample(x, i, x[i - 1], wrong)
    return None


def check_length(reduction: IndexReduction) -> None:
    """Refuse suffixes whose letters are too many to look at one by one."""
    letters = reduction.n * (reduction.task.length if reduction.is_padded else 0)
    if letters > MAX_STEPS // 4:
        raise LimitError(
            f"Bob's {reduction.n} suffixes with their prefixes have {letters} letters, the limit is "
            f"{MAX_STEPS // 4}; try a smaller n"
        )


def _prefixes_alike(reduction: IndexReduction) -> bool:
    """Whether Alice's prefixes differ only in arguments that the promise ignores."""
    ignored = reduction.task.promise_ignores

    def seen(letter: Letter) -> Letter:
        return (letter[0],) if letter[0] in ignored else letter

    return all(
        len({tuple(map(seen, letters)) for _, letters, _ in moves.values()}) <= 1
        for moves in Transducer(reduction).moves
    )


def _misfit(reduction: IndexReduction, i: int) -> str:
    """What is wrong with the suffix for i, by itself; empty if nothing is."""
    unread = reduction.task.unread
    whole = reduction.whole(i)
    read = [place for place, letter in enumerate(whole, 1) if letter[0] not in unread]
    if [whole[place - 1] for place in read] != reduction.bob(i):
        raise Malformed(
            f"reduction {reduction.name}: the letters of whole({i}) that are read are not bob({i})"
        )
    if reduction.cut + len(whole) != reduction.task.length:
        return f"the stream has {reduction.cut + len(whole)} tokens, the task {reduction.task.length}"
    if not read or reduction.cut + read[-1] not in reduction.task.answered_at:
        return "no answer is due where Bob reads one"
    try:
        reduction.encode(whole, reduction.cut)
    except Malformed:
        raise
    except BadInput as error:
        return str(error)
    if isinstance(reduction, RecoveringReduction):
        plain = [(unread.get(letter[0], letter[0]), *letter[1:]) for letter in whole]
        first = [(unread.get(letter[0], letter[0]), *letter[1:]) for letter in reduction.whole(1)]
        if plain != first:
            raise Malformed(f"reduction {reduction.name}: whole({i}) is another suffix than whole(1)")
    return ""
