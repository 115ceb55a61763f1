"""What a user might write: a machine or a model for each trap of the self-test, and honest ones."""

from __future__ import annotations

import random

import numpy as np

from commlb.machines.base import Machine
from commlb.models.base import POSITION, Model, tensor


class Honest:
    def initial(self):
        return np.zeros(3, np.float32), 0

    def step(self, state, token):
        h, k = state
        return np.tanh(np.float32(0.5) * h + np.float32(token) - np.arange(3, dtype=np.float32)), k + 1

    def readout(self, state):
        return int(state[0][0] > 0)


class Timed(Honest):
    def step(self, state, token, t):
        return Honest.step(self, (state[0] + np.float32(t), t), token)


class Attribute(Honest):
    """State in an attribute, forgotten at the start of each stream."""

    def initial(self):
        self.h = 0
        return 0

    def step(self, state, token):
        self.h = (3 * self.h + token + 1) % 17
        return state ^ self.h

    def readout(self, state):
        return state & 1


class Kept(Attribute):
    """State in an attribute, never forgotten."""

    h = 0

    def initial(self):
        return 0


class OutputOnly(Honest):
    """Only the answer depends on what is hidden."""

    def initial(self):
        self.seen = 0
        return np.zeros(1)

    def step(self, state, token):
        self.seen += token + 1
        return state + token

    def readout(self, state):
        return self.seen & 1


COUNTER = 0


class Counter(Honest):
    def initial(self):
        return 0

    def step(self, state, token):
        global COUNTER
        COUNTER += 1
        return (state + COUNTER) % 1009

    def readout(self, state):
        return state & 1


class Rng(Honest):
    def initial(self):
        return np.zeros(2)

    def step(self, state, token):
        return state + np.random.rand(2)

    def readout(self, state):
        return 0


class OwnRng(Rng):
    def __init__(self):
        self.rng = np.random.default_rng(1)

    def step(self, state, token):
        return state + self.rng.random(2)


class PythonRng(Rng):
    def step(self, state, token):
        return state + random.random()


class Unseeded(Honest):
    def __init__(self):
        self.w = np.random.default_rng().normal(size=3)

    def initial(self):
        return np.zeros(3)

    def step(self, state, token):
        return np.tanh(state + self.w * (1 + token))

    def readout(self, state):
        return int(state[0] > 0)


class Growing(Honest):
    def initial(self):
        return []

    def step(self, state, token):
        return [*state, np.int8(token)]

    def readout(self, state):
        return int(state[0])


class Mutates(Honest):
    """Writes into the arrays that it is given: they are the adapter's copies, so it is no trap here."""

    def step(self, state, token):
        h, k = state
        h *= np.float32(0.5)
        h += np.float32(token)
        return h, k + 1


class Declares(Honest):
    storage_bits = 96


class DeclaresRightly(Honest):
    storage_bits = 160


class Beyond(Honest):
    """Answers 0 and 1 in the trial runs, and 7 for some stream."""

    calls = 0

    def readout(self, state):
        Beyond.calls += 1
        return 7 if Beyond.calls > 40 else 0


class Ragged(Honest):
    """Another shape after a stream that starts with 1 1."""

    def initial(self):
        return np.zeros(1)

    def step(self, state, token):
        return np.zeros(2) if Ragged.seen(self) > 60 else state

    def seen(self):
        self.n = getattr(self, "n", 0) + 1
        return self.n

    def readout(self, state):
        return 0


class Late(Honest):
    n = 0

    def step(self, state, token):
        Late.n += 1
        if Late.n > 50:
            raise ValueError("no\nmore")
        return Honest.step(self, state, token)


class NotANumber(Honest):
    def step(self, state, token):
        return state[0] * np.float32("nan"), state[1] + 1


class Zeros(Honest):
    def step(self, state, token):
        return np.float32(-0.0) * np.ones(3, np.float32), state[1] + 1


class Last(Machine):
    name = "last"
    summary = "the last tokens"
    dtype = np.int64

    def __init__(self, task, cut):
        self.rows, self.widths = 2, [8, 8]

    def advance(self, states, tokens, t):
        states[1] = states[0]
        states[0] = tokens

    def output(self, states):
        return states[0] % 2


class Narrow(Last):
    """Packs all but the lowest bit of what it keeps, and says nothing."""

    def pack(self, states):
        return super().pack(states & ~1)


class Merges(Last):
    """Two states, one message; unpack gives the first one back."""

    def pack(self, states):
        return super().pack(np.where(states == 1, 0, states))

    def unpack(self, words):
        return super().unpack(words)


class Overflows(Last):
    def __init__(self, task, cut):
        self.rows, self.widths, self.n = 2, [8, 8], 0

    def advance(self, states, tokens, t):
        super().advance(states, tokens, t)
        if t > 3:
            states[0] += 300


class InPlace(Last):
    def step(self, states, tokens, t, out=None):
        self.advance(states, tokens, t)
        if out is None:
            return states.copy()
        out[...] = states
        return out


class Mixes(Last):
    def advance(self, states, tokens, t):
        super().advance(states, tokens, t)
        states[1] = states[0].sum() % 256


class Floats(Last):
    dtype = np.float32

    def __init__(self, task, cut):
        self.rows, self.widths = 1, [32]

    def advance(self, states, tokens, t):
        states[0] = states[0] / 3 + tokens

    def output(self, states):
        return (states[0] > 1).astype(np.int64)

    def pack(self, states):
        return np.ascontiguousarray(states).view(np.uint32).astype(np.uint64)

    def unpack(self, words):
        return words.astype(np.uint32).view(np.float32)


class Minus(Floats):
    """The message has +0.0 for -0.0."""

    def advance(self, states, tokens, t):
        states[0] = np.where(tokens > 0, -0.0, states[0] + 1)

    def pack(self, states):
        return super().pack(states + np.float32(0))


class Foreign(Last):
    def output(self, states):
        return 7 + states[0]


class Tossed(Last):
    """Answers by chance."""

    def output(self, states):
        return np.random.default_rng().integers(2**40, size=states.shape[1]) % 2


class Starts(Last):
    """Starts in another state where there are other runs beside it."""

    def start(self, runs):
        return np.full((2, runs), runs)


class Uneven(Last):
    def start(self, runs):
        return np.stack([np.arange(runs), np.zeros(runs, np.int64)])


class Storage(Last):
    storage_bits = 32


class MachineRng(Last):
    def __init__(self, task, cut):
        super().__init__(task, cut)
        self.rng = np.random.default_rng(0)

    def advance(self, states, tokens, t):
        states[:] = self.rng.integers(200, size=states.shape)


class Cell(Model):
    """h' = tanh(h/2 + token), with a convolution of two tokens: written once for each way to be called."""

    summary = "a cell"

    def __init__(self, task=None, cut=None, dtype=np.float32):
        self.dtype = dtype

    def next(self, h, old, token):
        return np.tanh(h * self.dtype(0.5) + self.dtype(token) * self.w() + self.dtype(0.25) * old)

    def w(self):
        return np.array([1.0, -0.5, 0.1], self.dtype)

    def parts(self, state):
        if state is None:
            return np.zeros(3, self.dtype), np.zeros(1, self.dtype)
        return state["h"].numbers, state["conv"].numbers

    def whole(self, h, old, t):
        return {"h": tensor(h), "conv": tensor(old), "offset": tensor(np.array(t), POSITION)}, h[:2] * 1

    def step(self, state, token, t):
        h, old = self.parts(state)
        return self.whole(self.next(h, old, token), np.full(1, token, self.dtype), t + 1)

    def many(self, state, tokens, t):
        h, old = self.parts(state)
        for token in tokens:
            h, old = self.next(h, old, token), np.full(1, token, self.dtype)
        return self.whole(h, old, t + len(tokens))

    def batch(self, streams):
        out = []
        for stream in streams:
            state, output = None, None
            for t, token in enumerate(stream):
                state, output = self.step(state, token, t)
            out.append((state, output))
        return out

    def double(self):
        return type(self)(dtype=np.float64)


class Rounds(Cell):
    """The same sums in another order when several tokens come at once."""

    def many(self, state, tokens, t):
        made, _ = super().many(state, tokens, t)
        h = made["h"].numbers
        h = np.nextafter(h, np.inf, dtype=self.dtype)
        return self.whole(h, made["conv"].numbers, t + len(tokens))

    def batch(self, streams):
        return [
            self.whole(np.nextafter(s["h"].numbers, np.inf, dtype=self.dtype), s["conv"].numbers, len(x))
            for (s, _), x in zip(super().batch(streams), streams, strict=True)
        ]


class Forgets(Cell):
    """Keeps its convolution buffer and starts h anew when several tokens come at once, as Mamba does."""

    def many(self, state, tokens, t):
        h, old = self.parts(state)
        if len(tokens) > 1:
            h = np.zeros(3, self.dtype)
        for token in tokens:
            h, old = self.next(h, old, token), np.full(1, token, self.dtype)
        return self.whole(h, old, t + len(tokens))


class ForgetsInOne(Forgets):
    def double(self):
        return None


class Prefills(Cell):
    """Reads a whole stream but for its first token."""

    def many(self, state, tokens, t):
        return super().many(state, tokens if state else tokens[1:], t)


class Places(Cell):
    """Takes the tokens of a continuation for the first ones."""

    def many(self, state, tokens, t):
        return super().many(state, tokens, 0)


class Shapeless(Cell):
    def many(self, state, tokens, t):
        made, out = super().many(state, tokens, t)
        return {**made, "conv": tensor(np.zeros(2, self.dtype))}, out


class Rows(Cell):
    """A batch whose rows are normalised together."""

    def batch(self, streams):
        found = super().batch(streams)
        mean = sum(state["h"].numbers for state, _ in found) / len(found)
        return [
            ({**state, "h": tensor((state["h"].numbers - mean).astype(self.dtype))}, out)
            for state, out in found
        ]


class Aliases(Cell):
    """Gives its one buffer out as every state."""

    def __init__(self, task=None, cut=None, dtype=np.float32):
        super().__init__(dtype=dtype)
        self.buffer = np.zeros(3, dtype)

    def step(self, state, token, t):
        h, old = self.parts(state)
        self.buffer[:] = self.next(h, old, token)
        return self.whole(self.buffer, np.full(1, token, self.dtype), t + 1)


class WritesBack(Cell):
    """Writes to the state that it was given."""

    def step(self, state, token, t):
        made = super().step(state, token, t)
        if state is not None:
            state["h"].numbers[:] = 0
        return made


class Explodes(Cell):
    """Overflows where several tokens come at once."""

    def many(self, state, tokens, t):
        made, out = super().many(state, tokens, t)
        return {**made, "h": tensor(made["h"].numbers * self.dtype(np.inf))}, out


class LameTwin(Cell):
    """Its float64 twin raises an error, as modules with a float32 tensor of their own do."""

    def step(self, state, token, t):
        if self.dtype == np.float64:
            raise RuntimeError("Float and Double")
        return super().step(state, token, t)


class LameForgets(LameTwin):
    many = Forgets.many
