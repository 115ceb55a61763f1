"""ONNX graphs with state inputs and outputs, stepped by ONNX Runtime."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from commlb.errors import BadInput
from commlb.models.adapting import Described
from commlb.models.base import DTYPES, KV, RECURRENT, Array, Model, State, Tensor
from commlb.models.onnx_file import Port, Session, looked_through, proto, weights_digest
from commlb.models.onnx_states import paired
from commlb.usercode import short
from commlb.wording import counted

Shape = tuple[int, ...]


def adapt(given: Described, kinds: int) -> Model:
    """The model of an ONNX graph: a path, a ModelProto or an InferenceSession, whose tokens are below ``kinds``."""
    model = proto(given.thing)
    looked_through(model)
    return OnnxModel(model, given, kinds)


class OnnxModel(Model):
    """One step of a graph a token, from a state of zeros; its dynamic sizes are 1.

    A dynamic size of a state that is greater after a step than before it grows with the stream, as keys and values
    do: it starts at 0, and the tensor is of the kind ``KV``. ``states`` (else ``onnx_states.paired``) says what is
    state; ``feeds`` gives constants, or functions of the position, which is free; the one input left takes the
    tokens. Of integers: the token itself. Of floats: ``embed``, a token's vector, in the shape of the input, its
    last dynamic size whatever is left; without ``embed`` one-hot, if it has room for all tokens. The output is the
    one that is no state; where there are none or several, ``readout`` chooses from a dict of all.
    """

    trap: ClassVar[str] = (
        "an exported graph may have a fixed batch or length, or start from a state of its own in every call: only "
        "what enters and leaves it is state"
    )

    def __init__(self, model: Any, given: Described, kinds: int):
        self._model, self._given, self._kinds = model, given, kinds
        self._session = Session(model)
        self.weights_digest = weights_digest(model)
        self._ports = {port.name: port for port in self._session.inputs}
        feeds = dict(given.feeds or {})
        if unknown := [name for name in feeds if name not in self._ports]:
            raise BadInput(f"feeds names the input {unknown[0]!r}; the graph has {', '.join(self._ports)}")
        free = [port for port in self._session.inputs if port.name not in feeds]
        self._states = paired(free, self._session.outputs, given.states)
        self._feeds = {name: self._feed(self._ports[name], value) for name, value in feeds.items()}
        self._token = self._token_port([port for port in free if port.name not in self._states])
        self._vector = _vectors(given.embed, kinds, self._token)
        self._entered: dict[int, Array] = {}
        states = self._states.values()
        self._others = [port.name for port in self._session.outputs if port.name not in states]
        self._find_start()
        thing = given.thing
        name = Path(thing).name if isinstance(thing, (str, Path)) else model.graph.name or "a graph"
        self.summary = f"{short(name, 60)}, an ONNX graph with {counted(len(self._states), 'state tensor')}"

    def _token_port(self, left: Sequence[Port]) -> Port:
        if len(left) != 1:
            given = ", ".join(map(str, left)) or "none"
            raise BadInput(
                f"one input takes the tokens; beside the states {', '.join(self._states)} there are: {given}; give "
                "constant inputs by feeds={input: value} in commlb.model, further states by states={input: output}"
            )
        return left[0]

    def _feed(self, port: Port, value: Any) -> Callable[[int], Array]:
        """The value of a constant input, or of one that is a function of the position."""
        if callable(value):
            return lambda t: _shaped(value(t), port)
        constant = _shaped(value, port)
        return lambda t: constant

    def _find_start(self) -> None:
        """The shapes of the start state, by one step: with all dynamic sizes 1, or 0 where their names change."""
        ports = [self._ports[name] for name in self._states]
        sizes = {port.name: [1 if not isinstance(dim, int) else dim for dim in port.dims] for port in ports}
        try:
            found = self._run(self._zeros(sizes), self._enter(self._kinds - 1), 0)
        except BadInput:
            if not self._renamed(sizes):
                raise
            found = self._run(self._zeros(sizes), self._enter(self._kinds - 1), 0)
        self._kinds_of = dict.fromkeys(self._states, RECURRENT)
        for port in ports:
            after = found[self._states[port.name]].shape
            for axis, dim in enumerate(port.dims):
                if not isinstance(dim, int) and after[axis] > sizes[port.name][axis]:
                    sizes[port.name][axis], self._kinds_of[port.name] = 0, KV
                elif after[axis] != sizes[port.name][axis]:
                    raise BadInput(
                        f"the state {port} comes out of a step with shape {after}; it must keep its fixed sizes"
                    )
        self._start = self._zeros(sizes)
        first = self._run(self._start, self._enter(self._kinds - 1), 0)
        self._single = {name: first[name].shape for name in self._others}

    def _renamed(self, sizes: dict[str, list[int]]) -> bool:
        """Set dynamic sizes to 0 that have another name in the output; whether there are any."""
        outputs = {port.name: port for port in self._session.outputs}
        found = False
        for name, output in self._states.items():
            pairs = zip(self._ports[name].dims, outputs[output].dims, strict=True)
            for axis, (before, after) in enumerate(pairs):
                if isinstance(before, str) and isinstance(after, str) and before != after:
                    sizes[name][axis], found = 0, True
        return found

    def _zeros(self, sizes: Mapping[str, Sequence[int]]) -> dict[str, Array]:
        return {name: np.zeros(shape, DTYPES[self._ports[name].dtype].array) for name, shape in sizes.items()}

    def _enter(self, token: int) -> Array:
        """A token as the graph reads it; each is made once."""
        if token not in self._entered:
            self._entered[token] = self._vector(token)
        return self._entered[token]

    def _run(self, state: Mapping[str, Array], entered: Array, t: int, runs: int = 1) -> dict[str, Array]:
        fed = {name: feed(t) for name, feed in self._feeds.items()}
        batch = self._batch_size() if runs > 1 else None
        for name in fed:
            if batch in self._ports[name].dims and runs > 1:
                fed[name] = np.repeat(fed[name], runs, self._ports[name].dims.index(batch))
        try:
            return self._session.run({**state, self._token.name: entered, **fed})
        except Exception as error:  # ONNX Runtime's classes have no base of their own
            text = short(str(error).rpartition("] : ")[2])
            raise BadInput(f"the graph does not run: {text}") from error

    def _made(self, found: Mapping[str, Array]) -> State:
        return {
            name: Tensor(found[output], self._ports[name].dtype, self._kinds_of[name])
            for name, output in self._states.items()
        }

    def _read(self, found: Mapping[str, Array]) -> Any:
        output: Any = found[self._others[0]] if len(self._others) == 1 else found
        if self._given.readout is not None:
            return self._given.readout(output)
        if len(self._others) > 1:
            raise BadInput(
                f"the graph has the outputs {', '.join(self._others)}; choose by readout=lambda out: out[NAME] in "
                "commlb.model"
            )
        return output if self._others else None

    def step(self, state: State | None, token: int, t: int) -> tuple[State, Any]:
        held = self._start if state is None else {name: held.numbers for name, held in state.items()}
        found = self._run(held, self._enter(token), t)
        return self._made(found), self._read(found)

    # Several tokens, and several streams.

    def many(self, state: State | None, tokens: Sequence[int], t: int) -> tuple[State, Any] | None:
        """One call where the token input has one dynamic size that is no batch and that a token does not fill."""
        axis = self._sequence_axis()
        if axis is None or not tokens:
            return None
        held = self._start if state is None else {name: held.numbers for name, held in state.items()}
        entered = np.concatenate([self._enter(token) for token in tokens], axis)
        found, size = dict(self._run(held, entered, t)), self._token.dims[axis]
        for name in self._others:
            place = self._grown(name, found[name], size, len(tokens))
            if place is None:
                return None
            if place >= 0:
                found[name] = found[name].take([-1], place)
        return self._made(found), self._read(found)

    def batch(self, streams: Sequence[Sequence[int]]) -> list[tuple[State, Any]] | None:
        """Side by side where one dynamic size, of one name, is in the token input and in every state."""
        size, runs = self._batch_size(), len(streams)
        if size is None or runs < 2:
            return None
        axes = {name: self._ports[name].dims.index(size) for name in self._states}
        held = {name: np.repeat(array, runs, axes[name]) for name, array in self._start.items()}
        found: dict[str, Array] = {}
        for t, tokens in enumerate(zip(*streams, strict=True)):
            entered = [self._enter(token) for token in tokens]
            found = self._run(held, np.concatenate(entered, self._token.dims.index(size)), t, runs)
            held = {name: found[output] for name, output in self._states.items()}
        places = {name: self._grown(name, found[name], size, runs) for name in self._others} if found else {}
        if not found or any(place is None or place < 0 for place in places.values()):
            return None
        places |= {output: axes[name] for name, output in self._states.items()}
        alone = [{name: found[name].take([run], places[name] or 0) for name in found} for run in range(runs)]
        return [(self._made(one), self._read(one)) for one in alone]

    def _batch_size(self) -> str | None:
        """The name of the size that counts streams; None where no name says so."""
        common = {dim for dim in self._token.dims if isinstance(dim, str)}
        for name in self._states:
            common &= set(self._ports[name].dims)
        found = [dim for dim in common if self._entered_size(self._token.dims.index(dim)) == 1]
        return found[0] if len(found) == 1 else None

    def _sequence_axis(self) -> int | None:
        batch = self._batch_size()
        grows = any(callable(value) for value in (self._given.feeds or {}).values())
        for name, start in self._start.items():
            dims = zip(self._ports[name].dims, start.shape, strict=True)
            grows |= any(not isinstance(dim, int) and dim != batch and size == 1 for dim, size in dims)
        axes = [
            axis
            for axis, dim in enumerate(self._token.dims)
            if not isinstance(dim, int) and (dim is None or dim != batch) and self._entered_size(axis) == 1
        ]
        return axes[0] if len(axes) == 1 and not grows else None

    def _entered_size(self, axis: int) -> int:
        return int(self._enter(self._kinds - 1).shape[axis])

    def _grown(self, name: str, array: Array, size: Any, count: int) -> int | None:
        """The axis of an output with ``count`` parts where one call has 1: named, or the only one; −1: none."""
        port = next(port for port in self._session.outputs if port.name == name)
        if isinstance(size, str) and size in port.dims:
            return port.dims.index(size)
        single = self._single[name]
        changed = [axis for axis, (a, b) in enumerate(zip(single, array.shape, strict=True)) if a != b]
        if not changed:
            return -1
        fits = len(changed) == 1 and single[changed[0]] == 1 and array.shape[changed[0]] == count
        return changed[0] if fits else None

    def fresh(self) -> OnnxModel:
        return OnnxModel(self._model, self._given, self._kinds)


def _vectors(embed: Any, kinds: int, port: Port) -> Callable[[int], Array]:
    """token ↦ what enters, in the shape of the token input."""
    dtype = DTYPES[port.dtype]
    if callable(embed):
        return lambda token: _shaped(embed(token), port)
    if embed is not None:
        table = np.asarray(embed)
        if table.dtype.kind not in "iufb" or table.ndim < 2 or len(table) < kinds:
            raise BadInput(
                f"embed must be numbers of shape (tokens, …), {kinds} tokens or more; given {table.dtype} of shape "
                f"{table.shape}"
            )
        return lambda token: _shaped(table[token], port)
    if not dtype.floating:
        if kinds - 1 > (1 if port.dtype == "bool" else np.iinfo(dtype.array).max):
            raise BadInput(f"the token input {port} has no room for {kinds} tokens")
        return lambda token: _shaped(token, port)
    width = math.prod(dim for dim in port.dims if isinstance(dim, int))
    if width < max(kinds, 2):
        raise BadInput(
            f"the token input {port} takes floats and has no room for one-hot vectors of {kinds} tokens; give "
            "embed= to commlb.model: token -> vector, or an array (tokens, d)"
        )
    return lambda token: _shaped(np.arange(width) == token, port)


def _shaped(value: Any, port: Port) -> Array:
    """Numbers in the type and shape of an input: dynamic sizes are 1, the last of them whatever is left.

    >>> _shaped(np.ones(6), Port("x", "float32", ("batch", "t", 3))).shape
    (1, 2, 3)
    """
    array = np.asarray(value)
    if array.dtype.kind not in "iufb":
        raise BadInput(f"the input {port} takes numbers; given {short(repr(value), 60)}")
    shape = array.shape if _agrees(array.shape, port) else _filled(array.size, port)
    if shape is None:
        raise BadInput(f"the input {port} does not take {array.size} numbers of shape {array.shape}")
    return np.ascontiguousarray(array.reshape(shape), DTYPES[port.dtype].array).reshape(shape)


def _agrees(shape: Shape, port: Port) -> bool:
    return len(shape) == len(port.dims) and all(
        not isinstance(dim, int) or dim == size for dim, size in zip(port.dims, shape, strict=True)
    )


def _filled(size: int, port: Port) -> Shape | None:
    """The shape of ``size`` numbers; None if there is none."""
    fixed = math.prod(dim for dim in port.dims if isinstance(dim, int))
    shape = [dim if isinstance(dim, int) else 1 for dim in port.dims]
    dynamic = [axis for axis, dim in enumerate(port.dims) if not isinstance(dim, int)]
    if dynamic and fixed and size % fixed == 0:
        shape[dynamic[-1]] = size // fixed
    return tuple(shape) if math.prod(shape) == size else None
