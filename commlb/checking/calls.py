"""What must hold of a model beside its steps here: its own states, several tokens in one call, its own batches."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from commlb.checking.subject import STREAMS, Subject, after, listed, points_of
from commlb.checking.traps import ADAPTER, CONTINUES, FORGETS, HIDDEN, IN_PLACE, MIXED, PREFILL, Trap
from commlb.errors import CommlbError
from commlb.models.base import DTYPES, POSITION, Model, State, Tensor
from commlb.models.machine import ModelMachine
from commlb.records_selftest import FAILS, ROUNDING, SAME, UNTESTED, OneTest

CLOSE = {"float64": 1e-5, "float32": 1e-4}
"""Of a tensor's largest number, what rounding may change it by, by its type. Many models compute parts in float32
even where their weights are float64: 2e-7 was measured on eleven families of transformers, 6e-7 in float32."""

CLOSE_ELSE = 3e-2

SMALL = 1e-3
"""Differences are measured by a tensor's own magnitude, but at least by this much of the largest in the state."""


@dataclass
class Gap:
    """How far states and outputs that should be equal are apart: at most, and by tensor beyond rounding."""

    largest: float = 0.0
    share: float = 0.0
    same_bits: bool = True
    beyond: tuple[str, ...] = ()
    where: str = ""

    @property
    def order(self) -> tuple[bool, bool, float]:
        """The larger, the worse."""
        return bool(self.beyond), not self.same_bits, self.share


Frozen = Mapping[str, tuple[str, tuple[int, ...], bytes]]


def frozen(state: State) -> Frozen:
    """A state's tensors as bytes, which nothing can write to."""
    return {
        name: (held.dtype, held.numbers.shape, np.ascontiguousarray(held.numbers).tobytes())
        for name, held in state.items()
    }


def own_steps(s: Subject) -> OneTest:
    """The model's own steps: no state that was given or made is changed later, and the machine's are the same."""
    machine, done = _machine(s), f"{s.length} steps of the model itself, its states kept and looked at again"
    model, state = machine.model.fresh(), None
    states: list[tuple[State, Frozen]] = []
    for t, token in enumerate(s.streams[0]):
        state, _ = model.step(state, machine.names[token], t)
        states.append((state, frozen(state)))
        s.tokens += 1
    for t, (kept, bits) in enumerate(states, 1):
        changed = [name for name, was in bits.items() if frozen(kept).get(name) != was]
        if changed:
            found = f"later steps change {listed('tensor', changed)} of the state {after(t)}"
            return s.compared(done, found, None, IN_PLACE)
        if any(place.form for place in machine.places):
            continue
        column = s.whole[0][t][:, 0]
        held = frozen(machine.states(column[:, None], t)[0])
        if unlike := [name for name in bits if held.get(name) != bits[name]]:
            found = f"{after(t)} the machine has another {listed('tensor', unlike)}"
            return s.compared(done, found, None, ADAPTER)
    return s.compared(done, "")


def own_resumed(s: Subject) -> OneTest:
    """The model's own states, copied and resumed in a model built anew."""
    machine, t = _machine(s), max(1, s.length // 2)
    done = f"the model's own state {after(t)}, copied twice, each resumed in a model built anew"
    tokens = s.streams[0]
    whole = steps(machine.model, machine, tokens)
    s.tokens += 3 * s.length - 2 * t
    for _ in range(2):
        model = _machine_anew(s).model
        resumed = steps(model, machine, tokens[t:], copy.deepcopy(whole[t - 1][0]), t)
        for place, (one, other) in enumerate(zip(whole[t:], resumed, strict=True), t + 1):
            if frozen(one[0]) != frozen(other[0]):
                gap = apart(one, other)
                found = f"{after(place)} {listed('tensor', unequal(one[0], other[0]))}: not the same bits"
                return s.compared(done, found, gap.largest if math.isfinite(gap.largest) else None, HIDDEN)
    return s.compared(done, "")


Stepped = list[tuple[State, Any]]


def steps(
    model: Model, machine: ModelMachine, tokens: Sequence[int], state: State | None = None, t: int = 0
) -> Stepped:
    """(state, output) after each token."""
    found = []
    for place, token in enumerate(tokens, t):
        state, output = model.step(state, machine.names[token], place)
        found.append((state, output))
    return found


def continuation(s: Subject) -> OneTest:
    """All that follows a split in one call, against one token a step: forgetting is told from rounding.

    A tensor is forgotten if other numbers in it change what two steps give, and not one bit of what one call of the
    same two tokens gives: that needs no tolerance, however small its part in the sum is.
    """
    points = [t for t in s.splits() if s.length - t > 1]
    if not points:
        return s.untested("streams are too short to be split")
    found = _in_one_call(
        s, points, f"{points_of(points)}: what follows in one call, against one token a step"
    )
    if found.outcome == UNTESTED:
        return found
    if lost := forgotten(s, _machine(s), points[len(points) // 2]):
        read = f"one call does not read {listed('tensor', lost)} of the state before it, as steps do"
        words = f"{read}; {found.found}"
        return replace(
            found, outcome=FAILS, holds=False, found=words, trap=FORGETS.name, advice=FORGETS.advice
        )
    return found


def forgotten(s: Subject, machine: ModelMachine, t: int) -> list[str]:
    """The tensors of a state after t tokens that a call of two tokens does not read, and two steps do."""
    model = machine.model.fresh()
    tokens = s.streams[0][t : t + 2]
    state, others = (steps(model, machine, stream[:t])[-1][0] for stream in s.streams[:2])
    names = [machine.names[token] for token in tokens]

    def after_call(held: State) -> Outcome | None:
        made = model.many(copy.deepcopy(held), names, t)
        return made and outcome(*made)

    def after_steps(held: State) -> Outcome:
        return outcome(*steps(model, machine, tokens, copy.deepcopy(held), t)[-1])

    called, stepped = after_call(state), after_steps(state)
    found = []
    for name in [name for name in state if _changeable(state, others, name)][:MOST_CHANGED]:
        changed = {**state, name: others[name]}
        if after_call(changed) == called and after_steps(changed) != stepped:
            found.append(name)
        s.tokens += 2 * len(tokens)
    s.tokens += 2 * t
    return found


MOST_CHANGED = 64
"""Tensors whose numbers are changed, one at a time."""

Outcome = tuple[Frozen, bytes]


def outcome(state: State, output: Any) -> Outcome:
    """A state and an output as bytes."""
    return frozen(state), b"" if output is None else np.asarray(output).tobytes()


def _changeable(state: State, others: State, name: str) -> bool:
    """Whether a tensor has other numbers in another stream's state, and is no position."""
    one, other = frozen(state)[name], frozen(others).get(name)
    return state[name].kind != POSITION and other is not None and one[:2] == other[:2] and one != other


def prefill(s: Subject) -> OneTest:
    """The whole stream in one call, against one token a step."""
    return _in_one_call(s, [0], f"{s.length} tokens in one call, against one token a step")


def _in_one_call(s: Subject, points: Sequence[int], done: str) -> OneTest:
    """What follows each of ``points`` in one call, in the model's float64 twin where it has one that runs."""
    model, why = _machine(s).model, "it has no float64 twin"
    try:
        if (twin := model.double()) is not None:
            return _calls(s, points, twin, f"{done} in float64")
    except Exception:  # of the user's code, or of a library without such a product
        why = "its float64 twin does not run"
    return _calls(s, points, model, f"{done} ({why})")


def _calls(s: Subject, points: Sequence[int], model: Model, done: str) -> OneTest:
    machine, tokens = _machine(s), s.streams[0]
    whole = steps(model, machine, tokens)
    s.tokens += s.length
    worst, at, failed = Gap(), 0, 0
    for t in points:
        state = copy.deepcopy(whole[t - 1][0]) if t else None
        made = model.many(state, [machine.names[token] for token in tokens[t:]], t)
        if made is None:
            return s.untested("it takes one token at a time")
        s.tokens += s.length - t
        gap = apart(whole[-1], made)
        failed += bool(gap.beyond)
        if gap.order > worst.order:
            worst, at = gap, t
    where = f", after a split at {at}" if at else ""
    where += f"; at {failed} of {len(points)} splits" if failed and len(points) > 1 else ""
    return _outcome(s, done, worst, where, CONTINUES if points[0] else PREFILL)


def batch(s: Subject) -> OneTest:
    """Streams side by side in the model's own batch, one token a step, against each alone."""
    machine, done = _machine(s), f"{STREAMS} streams in one batch of the model, against each alone"
    worst = _batched(s, machine, machine.model)
    if worst is None:
        return s.untested("it takes one stream at a time")
    kind = ""
    with contextlib.suppress(Exception):  # a twin that does not run tells nothing
        twin = None if worst.same_bits else machine.model.double()
        if twin is not None and (finer := _batched(s, machine, twin)) is not None:
            kind = f"; in float64 {finer.largest:.1g}"
            worst = Gap(worst.largest, worst.share, False, finer.beyond, finer.where)
    return _outcome(s, done, worst, kind, MIXED)


def _batched(s: Subject, machine: ModelMachine, model: Model) -> Gap | None:
    made = model.batch([[machine.names[token] for token in stream] for stream in s.streams])
    if made is None:
        return None
    worst = Gap()
    for k, (stream, one) in enumerate(zip(s.streams, made, strict=True), 1):
        gap = apart(steps(model, machine, stream)[-1], one)
        gap.where = f" (stream {k})"
        s.tokens += 2 * s.length
        if gap.order > worst.order:
            worst = gap
    return worst


def _outcome(s: Subject, done: str, gap: Gap, where: str, trap: Trap) -> OneTest:
    """Same bits, rounding, or ``trap``, by how far apart things were."""
    if gap.same_bits:
        return OneTest(s.test, done, SAME, True, "", s.tokens)
    words = f"largest difference {gap.largest:.2g}, {gap.share:.2g} of the tensor's largest number{where}"
    if not gap.beyond:
        return OneTest(s.test, done, ROUNDING, True, words, s.tokens, gap.largest)
    words = f"{listed('tensor', gap.beyond)}, not the same{gap.where}: {words}"
    largest = gap.largest if math.isfinite(gap.largest) else None
    return OneTest(s.test, done, FAILS, False, words, s.tokens, largest, trap.name, trap.advice)


def apart(one: tuple[State, Any], other: tuple[State, Any]) -> Gap:
    """How far two states with their outputs are apart. Whole numbers and shapes must be the same."""
    ours, theirs = (_with_output(*each) for each in (one, other))
    gap, beyond = Gap(), []
    overall = max((_magnitude(held.numbers) for held in ours.values()), default=0.0)
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        a, b = ours.get(name), theirs.get(name)
        if a is None or b is None or a.numbers.shape != b.numbers.shape or a.dtype != b.dtype:
            gap.same_bits = False
            beyond.append(name)
            continue
        if np.array_equal(a.codes(), b.codes()):
            continue
        gap.same_bits = False
        size = _difference(a.numbers, b.numbers)
        share = size / (max(_magnitude(a.numbers), SMALL * overall) or 1.0)
        gap.largest, gap.share = max(gap.largest, size), max(gap.share, share)
        if not DTYPES[a.dtype].floating or not share <= CLOSE.get(a.dtype, CLOSE_ELSE):
            beyond.append(name)
    gap.beyond = tuple(beyond)
    return gap


def unequal(one: State, other: State) -> list[str]:
    ours, theirs = frozen(one), frozen(other)
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def _with_output(state: State, output: Any) -> dict[str, Tensor]:
    """The tensors of a state, and the model's output among them."""
    found = dict(state)
    if output is not None:
        array = np.asarray(output)
        if array.dtype.name in DTYPES:
            found["its output"] = Tensor(array, array.dtype.name)
    return found


def _magnitude(numbers: Any) -> float:
    sizes = np.abs(np.asarray(numbers, np.float64))
    sizes = sizes[np.isfinite(sizes)]
    return float(sizes.max(initial=0.0))


def _difference(one: Any, other: Any) -> float:
    """The largest difference; infinite where one of two numbers is not finite, and not the same."""
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    with np.errstate(invalid="ignore"):
        gaps = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    return float(np.nan_to_num(gaps, nan=np.inf, posinf=np.inf).max(initial=0.0))


def _machine(s: Subject) -> ModelMachine:
    if s.model is None:
        raise CommlbError("only models are tested by their own calls")
    return s.model


def _machine_anew(s: Subject) -> ModelMachine:
    made = s.anew()
    return made if isinstance(made, ModelMachine) else _machine(s)


OWN = (("own steps", own_steps), ("own copies", own_resumed))
CALLS = (("continuation", continuation), ("prefill", prefill), ("batch", batch))
