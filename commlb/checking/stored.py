"""The bits that are really there after so many tokens, beside those that are declared."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from commlb.checking.laws import meetings
from commlb.checking.subject import Subject
from commlb.checking.traps import DECLARED, OVERFULL, own_objects
from commlb.machines.base import Array
from commlb.models.base import KV, POSITION, RECURRENT, Tensor
from commlb.models.machine import ModelMachine
from commlb.models.places import growth
from commlb.records_selftest import HOLDS, OneTest, StoredBits
from commlb.wording import counted

COUNTS = (1, 12, 24)
"""Numbers of tokens after which bits are counted, beside the whole stream."""

SELF_DECLARED = ("storage_bits", "declared_bits", "state_bits")
"""What an object may say of itself."""


class Stored:
    """The bits after 1, 12, 24 and all tokens, as far as streams are long, and growth."""

    def __init__(self, s: Subject):
        self.s, self.grows = s, 0
        self.counts = sorted({t for t in COUNTS if t <= s.length} | {s.length})
        if s.model is not None:
            held = raw_states(s, s.model)
            self.found = [of_model(s.model, held[t - 1], t) for t in self.counts]
            self.grows = growth([kept(of_model(s.model, state, t)) for t, state in enumerate(held, 1)])
        else:
            self.met = meetings(s)
            self.found = [
                StoredBits(t, used(s.machine.pack(self.met[t])), s.machine.message_bits(t))
                for t in self.counts
            ]

    def test(self) -> OneTest:
        """Declared against real bits, and against what an object says of its own size."""
        s, done = self.s, f"bits of the state after {', '.join(map(str, self.counts))} tokens"
        for one in self.found:
            there = f"after {counted(one.tokens, 'token')} {counted(one.stored_bits, 'bit')}"
            if one.stored_bits > one.declared_bits or one.declared_bits > s.machine.storage_bits:
                words = f"{there}, {one.declared_bits:,} declared, in a storage of {s.machine.storage_bits:,}"
                return s.compared(done, words, None, OVERFULL)
        if words := self._miscounted() or self._said_of_itself():
            return s.compared(done, words, None, DECLARED)
        words = "as declared"
        if self.grows > 0:
            words = f"no bounded-state machine: grows by {counted(self.grows, 'bit')} a token"
        return OneTest(s.test, done, HOLDS, True, words, s.tokens)

    def _miscounted(self) -> str:
        """What the machine says of the sum of its widths, its parts, or the number of its states."""
        s, room = self.s, sum(self.s.machine.widths)
        if s.machine.storage_bits != room:
            return f"its storage_bits are {s.machine.storage_bits:,}, the sum of its widths is {room:,}"
        if s.model is not None:
            wrong = [one for one in self.found if kept(one) != s.model.bits(one.tokens)]
            return f"{kept(wrong[0]):,} bits, {s.model.bits(wrong[0].tokens):,} counted" if wrong else ""
        if not s.task.total:
            return ""
        for t in range(s.length):
            states = len({column.tobytes() for column in s.machine.pack(self.met[t]).T})
            if math.log2(states) > s.machine.capacity_bits(t) + 1e-9:
                room_bits = s.machine.capacity_bits(t)
                return f"after {t} tokens {states} states were met, and its capacity is {room_bits:g} bits"
        return ""

    def _said_of_itself(self) -> str:
        """What the user's own object says of its size, where it does."""
        for thing in own_objects(self.s.machine) if self.s.model is not None else []:
            for name in SELF_DECLARED:
                said = getattr(thing, name, None)
                if not isinstance(said, (int, np.integer)) or isinstance(said, bool):
                    continue
                wrong = [one for one in self.found if kept(one) != said]
                if wrong:
                    there = f"{kept(wrong[0]):,} after {counted(wrong[0].tokens, 'token')}"
                    return f"its {name} is {said:,}, and its tensors have {there}"
        return ""


def raw_states(s: Subject, machine: ModelMachine) -> list[Mapping[str, Tensor]]:
    """The states of the model's own steps along the first stream, unrounded."""
    state: Mapping[str, Tensor] | None = None
    found = []
    for t, token in enumerate(s.streams[0]):
        state, _ = machine.model.step(state, machine.names[token], t)
        found.append(state)
    s.tokens += s.length
    return found


def of_model(machine: ModelMachine, state: Mapping[str, Tensor], t: int) -> StoredBits:
    """The bits of the tensors that are there, by kind; numbers that are rounded take their format's."""
    forms = {place.name: place.form for place in machine.places}
    bits = dict.fromkeys((RECURRENT, KV, POSITION), 0)
    shapes = machine.tensors(t)
    for name, held in state.items():
        form = forms.get(name)
        kind = shapes[name].kind if name in shapes else held.kind
        bits[kind] += held.numbers.size * form.bits if form else held.bits
    answer = machine.widths[-1] if t in machine.task.answered_at else 0
    total = bits[RECURRENT] + bits[KV] + answer
    return StoredBits(t, total, machine.message_bits(t), bits[RECURRENT], bits[KV], bits[POSITION], answer)


def kept(one: StoredBits) -> int:
    """The bits of a model's state without the answer that is kept beside it."""
    return (one.recurrent_bits or 0) + (one.kv_bits or 0)


def used(words: Array) -> int:
    """Bits up to the highest that is used in any message."""
    rows = [int(row) for row in np.bitwise_or.reduce(words, axis=1)]
    return max((row.bit_length() + 64 * k for k, row in enumerate(rows) if row), default=0)
