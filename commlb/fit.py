"""Whether what a reduction writes fits its task: at one n, and at every n.

Length, roles and tokens are looked at here; what the stream then answers is for the walk. For every n,
lengths are compared on the unknown n; numbers of atoms and positions are affine in the position and n, so
that a place in range at the first sizes and at one astronomic size is in range between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from commlb.alike import Alike, on_unknowns
from commlb.machines.base import Letter
from commlb.reductions.bob import IndexReduction
from commlb.symbolic import Atom, Undetermined, Unknown, rename
from commlb.walk import is_well_written

FAR = 10**30
"""A size beyond any constant that a gadget may hold."""

MOST_PROBES = 10_000
"""Letters up to which concrete and unknown runs are compared one by one."""

Spend = Callable[[int], None]


def fits(alike: Alike, n: int, spend: Spend) -> bool:
    """Whether at size n streams have their length, and the task reads each letter as it was meant.

    Raises ``Undetermined`` if the reduction at n does not do what it did on unknown integers.
    """
    reduction, whole = alike.at(n), _whole(alike, n)
    if whole != reduction.cut:
        return False
    if not reduction.is_padded and any(
        whole + len(query) != reduction.task.length for query in alike.queries
    ):
        return False
    return _roles_agree(alike, reduction, spend) and _ends_fit(alike, n, spend)


def fits_every_n(alike: Alike, spend: Spend) -> bool:
    """Whether lengths, tokens and the automaton are as they are at the sizes up to n₀, for all n beyond."""
    try:
        with on_unknowns():  # also for what cannot be done at an astronomic size
            if alike.reduction.is_padded or not _grows_alike(alike):
                return False
            near, far = (alike.at(n).task.automaton() for n in (alike.reduction.n, FAR))
            same = [{k: v for k, v in vars(one).items() if k != "_decode"} for one in (near, far)]
            if type(near) is not type(far) or same[0] != same[1]:
                return False
            lap = math.lcm(len(alike.schedule) - alike.period_start, alike.reduction.period)
            return all(_ends_fit(alike, FAR + k, spend) for k in range(lap))
    except Undetermined:
        return False


def _whole(alike: Alike, n: int) -> int:
    """Tokens that Alice writes."""
    states, written = alike.before(n + 1)
    return written + len(alike.ends[next(iter(states))])


def _grows_alike(alike: Alike) -> bool:
    """Whether task and cut are affine in n and differ by Bob's letters, for n of each residue mod the period.

    That the cut is what Alice writes is compared at the first sizes, and both are affine. The layout is
    asked too: one that runs through its atoms cannot be made for an unknown n, nor for an astronomic one.
    """
    for residue in range(alike.reduction.period):
        unknown = alike.with_unknown_n(residue)
        _ = unknown.atoms
        suffix = unknown.task.length - unknown.cut
        if any(suffix != len(query) for query in alike.queries):
            return False
    return True


def _ends_fit(alike: Alike, n: int, spend: Spend) -> bool:
    """Whether letters become tokens that are read back as they were meant, and are those of the unknown run.

    Looked at where each encoder state occurs first and last (and in between where that is cheap): numbers
    and positions are affine in j, and in i for Bob.
    """
    reduction, whole = alike.at(n), _whole(alike, n)
    if reduction.start() != alike.start:
        raise Undetermined("the start depends on n")
    symbols = range(reduction.symbols)
    for j in _probes(n, len(alike.schedule), n * len(alike.moves) * len(symbols)):
        states, written = alike.before(j)
        for e in states:
            for x in symbols:
                spend(1)
                _, following, letters = alike.moves[e][x]
                found = reduction.emit(e, j, x)
                if found[0] != following or _plain(found[1], j) != _plain(letters, j):
                    raise Undetermined("the reduction looks at the position")
                if not is_well_written(reduction, found[1], written):
                    return False
    states, written = alike.before(n + 1)
    for e in states:
        spend(1)
        if _plain(reduction.finish(e), n) != _plain(alike.ends[e], n):
            raise Undetermined("the reduction looks at n")
        if not is_well_written(reduction, reduction.finish(e), written):
            return False
    for i in _probes(n, reduction.period, n * max(map(len, alike.queries))):
        spend(len(alike.queries[0]))
        letters = reduction.bob(i)
        if _plain(letters, i) != _plain(alike.queries[i % reduction.period], i):
            raise Undetermined("Bob looks at his position")
        if not reduction.is_padded and not is_well_written(reduction, letters, whole):
            return False
    return True


def _plain(letters: Iterable[Letter], value: int) -> list[Letter]:
    """Letters with unknown indices put at ``value``."""

    def put(atom: Atom) -> Atom:
        return Atom(atom.family, atom.index.at(value)) if isinstance(atom.index, Unknown) else atom

    return [rename(tuple(letter), put) for letter in letters]


def _probes(n: int, margin: int, cost: int) -> Iterable[int]:
    """1 … n if that is cheap, else ``margin`` places at both ends and some between."""
    if cost <= MOST_PROBES:
        return range(1, n + 1)
    between = range(1, n + 1, max(1, n // 7))
    return sorted({*range(1, min(n, margin) + 1), *range(max(1, n - margin + 1), n + 1), *between})


def _roles_agree(alike: Alike, reduction: IndexReduction, spend: Spend) -> bool:
    """Whether the task expects, at each position of the prefix, a letter of the role that is written.

    Where roles do not follow positions, letters that are read back as meant at one are so at any.
    """
    if not reduction.task.roles_by_position:
        return True
    task, t = reduction.task, 0
    lap = len(alike.schedule) - alike.period_start
    firsts = [alike.moves[next(iter(states))][0][2] for states, _ in alike.schedule]
    roles = [[letter[0] for letter in letters] for letters in firsts]
    for place in range(reduction.n):
        if place >= alike.period_start:
            place = alike.period_start + (place - alike.period_start) % lap
        for role in roles[place]:
            if task.letter(task.alphabet(t).start, t)[0] != role:
                return False
            t += 1
    spend(reduction.n // 4)
    return True
