"""What must hold of every machine, through its start, step, pack, unpack and output, whatever is inside it."""

from __future__ import annotations

import numpy as np

from commlb.checking.subject import STREAMS, Subject, after, listed, points_of, same
from commlb.checking.traps import DROPPED, FOREIGN, HIDDEN, IN_PLACE, MIXED, RANDOM, STARTS, UNSEEDED
from commlb.machines.base import Array
from commlb.models.base import POSITION
from commlb.records_selftest import HOLDS, OneTest
from commlb.wording import counted

MEETINGS = 128
"""Streams in a batch, whose states and messages are put side by side; a model, which is slow, runs fewer."""


def start(s: Subject) -> OneTest:
    """One start state: asked for twice, in a machine built anew, and for several runs at once."""
    done = "one start state, asked for again, built anew, and for 3 runs"
    one = s.machine.start(1)
    for other in (s.machine.start(1), s.anew().start(1), *np.split(s.machine.start(3), 3, axis=1)):
        if not same(one, np.ascontiguousarray(other)):
            return s.compared(done, f"{s.parts(one, other, 0)}", s.gap(one, other), STARTS)
    return s.compared(done, "")


def determinism(s: Subject) -> OneTest:
    """The same stream twice in one machine, and in a machine built anew; what differs is named."""
    stream, done = s.streams[0], f"one stream of {s.length} tokens twice, and in a machine built anew"
    first = s.run(s.machine, stream)
    found, gap = s.differ(first, s.run(s.machine, stream))
    if found:
        return s.compared(done, f"run again: {found}", gap, HIDDEN)
    made = s.anew()
    found, gap = s.differ(first, s.run(made, stream))
    if not found:
        return s.compared(done, "")
    found = f"built anew: {found}"
    again, _ = s.differ(s.run(made, stream), s.run(s.anew(), stream))
    unlike = s.machine.weights_digest != made.weights_digest
    if unlike or again:
        drawn = "; its weights differ" if unlike else ""
        return s.compared(done, found + drawn, gap, UNSEEDED)
    return s.compared(done, found, gap, HIDDEN)


def input_left(s: Subject) -> OneTest:
    """A step leaves its input alone, gives no view of it, and gives the same when told to work in place."""
    done = f"{s.length} steps: the state given is as it was; in place gives the same"
    states = s.machine.start(1)
    for t, token in enumerate(s.streams[0]):
        tokens = np.array([token], np.int64)
        before, place = states.copy(), states.copy()
        after = s.machine.step(states, tokens, t)
        kept = after.copy()
        s.machine.step(place, tokens, t, out=place)
        s.tokens += 2
        if not same(before, states):
            found = f"at token {t + 1} {s.parts(before, states, t)} from what was given"
            return s.compared(done, found, s.gap(before, states), IN_PLACE)
        if not (same(kept, after) and same(kept, place)):
            other = place if same(kept, after) else after
            found = f"at token {t + 1}, in place, {s.parts(kept, other, t + 1)}"
            return s.compared(done, found, s.gap(kept, other), IN_PLACE)
        states = after
    return s.compared(done, "")


def message(s: Subject) -> OneTest:
    """States come back from their messages bit for bit, and no two states that were met have one message."""
    met = meetings(s)
    done = f"pack and unpack after each token of {counted(met[0].shape[1], 'stream')}: the state comes back"
    for t, states in enumerate(met):
        words = s.machine.pack(states)
        back = s.machine.unpack(words)
        if not same(np.ascontiguousarray(states), np.ascontiguousarray(back)):
            return s.compared(done, _lost(s, states, back, t), None, DROPPED)
        columns = [states[:, run].tobytes() for run in range(states.shape[1])]
        packed = [words[:, run].tobytes() for run in range(states.shape[1])]
        if len(set(columns)) != len(set(packed)):
            found = f"{after(t)} {len(set(columns))} states have {len(set(packed))} messages"
            return s.compared(done, found, None, DROPPED)
    return s.compared(done, "")


def _lost(s: Subject, states: Array, back: Array, t: int) -> str:
    if states.shape == back.shape and states.dtype == back.dtype:
        for run in range(states.shape[1]):
            one, other = (np.ascontiguousarray(a[:, run : run + 1]) for a in (states, back))
            if not same(one, other):
                return f"{after(t)} {s.parts(one, other, t)} once unpacked"
    return f"{after(t)} unpack gives {back.dtype} of {back.shape} for {states.dtype} of {states.shape}"


def meetings(s: Subject) -> list[Array]:
    """The states along many streams side by side; of a model those along its own."""
    if s.model is not None:
        return [np.concatenate(states, axis=1) for states in zip(*s.whole, strict=True)]
    rng = np.random.default_rng(s.seed + 1)
    tokens = np.array([s.drawn(rng) for _ in range(MEETINGS)], np.int64).T
    found = [s.machine.start(MEETINGS)]
    for t, row in enumerate(tokens):
        found.append(s.machine.step(found[-1], row, t).copy())
    s.tokens += tokens.size
    return found


def split(s: Subject) -> OneTest:
    """Prefix, message, suffix in a machine built anew, against the whole: nothing but the message and t crosses."""
    points = s.splits()
    done = f"{points_of(points)}: message, suffix in a machine built anew; against the whole"
    for k, t in enumerate(points):
        stream, whole = s.streams[k % STREAMS], s.whole[k % STREAMS]
        made = s.anew()
        words = s.words(whole[t])
        found, gap = s.differ(whole[t:], s.run(made, stream[t:], made.unpack(words), t), t)
        if found:
            return s.compared(done, f"split after {t}: {found}", gap, HIDDEN)
    return s.compared(done, "")


def resumed(s: Subject) -> OneTest:
    """Two copies of a state, resumed one after the other in one machine, give what the whole gave."""
    points = sorted({1, s.length // 2, s.length - 1} - {0})
    done = f"{points_of(points)}: two copies of the state, each to the end"
    for t in points:
        for way in ("first", "second"):
            states = s.machine.unpack(s.words(s.whole[1][t]))
            found, gap = s.differ(s.whole[1][t:], s.run(s.machine, s.streams[1][t:], states, t), t)
            if found:
                found = f"the {way} copy taken after {t}: {found}"
                return s.compared(done, found, gap, HIDDEN)
    return s.compared(done, "")


def interleaved(s: Subject) -> OneTest:
    """Streams stepped in turn, a token each, in one machine, against each stream alone in a machine built anew."""
    done = f"{STREAMS} streams of {s.length} tokens in turn, a token each, against each alone"
    machine = s.anew()
    states = [machine.start(1) for _ in s.streams]
    runs = [[one.copy()] for one in states]
    for t in range(s.length):
        for k, stream in enumerate(s.streams):
            states[k] = machine.step(states[k], np.array([stream[t]], np.int64), t)
            runs[k].append(states[k].copy())
            s.tokens += 1
    alone = [s.run(s.anew(), stream) for stream in s.streams]
    for k, (one, other) in enumerate(zip(alone, runs, strict=True), 1):
        found, gap = s.differ(one, other)
        if found:
            return s.compared(done, f"stream {k}: {found}", gap, HIDDEN)
    return s.compared(done, "")


def side_by_side(s: Subject) -> OneTest:
    """Runs of one batch of the machine against each alone."""
    done = f"{STREAMS} streams in one batch of the machine, against each alone"
    states, runs = s.machine.start(STREAMS), []
    runs.append(states.copy())
    for t, tokens in enumerate(np.array(s.streams, np.int64).T):
        states = s.machine.step(states, np.ascontiguousarray(tokens), t)
        runs.append(states.copy())
    s.tokens += STREAMS * s.length
    for k, whole in enumerate(s.whole):
        found, gap = s.differ(whole, [np.ascontiguousarray(one[:, k : k + 1]) for one in runs])
        if found:
            return s.compared(done, f"stream {k + 1}: {found}", gap, MIXED)
    return s.compared(done, "")


def answers(s: Subject) -> OneTest:
    """Outputs where answers are due: whole numbers among the task's answers, or −1 for none; asked twice."""
    due = [t for t in s.task.answered_at if t <= s.length]
    done = f"answers of {STREAMS} streams, {counted(len(due), 'position')} each, asked twice"
    for whole in s.whole:
        for t in due:
            given = [np.asarray(s.machine.output(whole[t].copy())) for _ in range(2)]
            if given[0].shape != (1,) or given[0].dtype.kind not in "iub":
                return s.compared(done, f"{after(t)}: no whole number", None, FOREIGN)
            if not same(*given):
                return s.compared(done, f"{after(t)}: another when asked again", None, RANDOM)
            if int(given[0][0]) not in (-1, *s.task.answers):
                known = f"{s.task.answers.start}..{s.task.answers.stop - 1}"
                found = f"{after(t)} {int(given[0][0])}; the answers are {known}"
                return s.compared(done, found, None, FOREIGN)
    return OneTest(s.test, done, HOLDS, True, tokens=s.tokens)


def numbers(s: Subject) -> OneTest:
    """NaNs, infinities and −0.0 in states: numbers like others, compared by their bits, but worth knowing."""
    done = f"NaN, infinity, -0.0 in the states of {STREAMS} streams"
    seen: dict[str, int] = {}
    for whole in s.whole:
        for t, states in enumerate(whole):
            held = s.model.as_numbers(states) if s.model is not None else states
            if held.dtype.kind != "f":
                return s.untested("states are whole numbers")
            for name, there in (
                ("NaN", np.isnan(held)), ("infinity", np.isinf(held)), ("-0.0", np.signbit(held) & (held == 0)),
            ):  # fmt: skip
                if there.any():
                    seen.setdefault(name, t)
    found = ", ".join(f"{name} {after(t)}" for name, t in seen.items())
    if "NaN" in seen:
        found += "; what is NaN stays NaN in most networks, and remembers nothing"
    if "-0.0" in seen:
        found += "; -0.0 and 0.0 are two states, bit for bit"
    return OneTest(s.test, done, HOLDS, True, found or "none", s.tokens)


def position(s: Subject) -> OneTest:
    """Whether a step reads the position t, which is free: a state and a token stepped at two positions."""
    if s.model is not None:
        names = {
            name
            for t in range(1, s.length + 1)
            for name, held in s.model.tensors(t).items()
            if held.kind == POSITION
        }
        words = f"{listed('tensor', sorted(names))}, the same in every stream" if names else "none"
        return OneTest(
            s.test, "positions in the state, functions of t: free, and not stored", HOLDS, True, words
        )
    places = [t for t in range(1, s.length - 1) if s.streams[0][t] in s.task.alphabet(t + 1)]
    if not places:
        return s.untested("no token may stand at two positions")
    changed = 0
    for t in places:
        states, token = s.whole[0][t], s.streams[0][t : t + 1]
        one, other = (s.run(s.machine, token, states.copy(), place)[-1] for place in (t, t + 1))
        changed += not same(one, other)
    words = (
        "the step reads the position t, which is free" if changed else "the step does not read the position t"
    )
    return OneTest(s.test, f"{counted(len(places), 'step')} at t and at t + 1", HOLDS, True, words, s.tokens)


LAWS = (
    ("start", start),
    ("determinism", determinism),
    ("message", message),
    ("split", split),
    ("copies", resumed),
    ("in turn", interleaved),
    ("side by side", side_by_side),
    ("input", input_left),
    ("answers", answers),
    ("numbers", numbers),
    ("position", position),
)
"""By name, in order: what makes most others fail comes first."""
