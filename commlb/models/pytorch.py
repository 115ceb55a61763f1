"""Modules of PyTorch: nn.RNN, nn.GRU, nn.LSTM, their cells, and modules of the user's with ``forward(x, state)``.

The state is what the module returns as its state, and whatever its modules keep to themselves: buffers, attributes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.machines.rnn.weights import digest
from commlb.models.adapting import Described, needs
from commlb.models.base import DTYPES, Model, State, Tensor
from commlb.models.callers import ANY, Cell, Layers, Own
from commlb.models.kept import Kept
from commlb.models.leaves import put_together, short, signature, take_apart


def adapt(given: Described, kinds: int) -> Model:
    """The model of a module. Raises ``BadInput`` for one that cannot be stepped one token at a time."""
    torch = needs("torch", "to run a PyTorch module")
    module = given.thing
    if isinstance(module, torch.nn.RNNBase):
        caller: Any = Layers(torch, module, given.embed, kinds)
    elif isinstance(module, torch.nn.RNNCellBase):
        caller = Cell(torch, module, given.embed, kinds)
    else:
        caller = Own(torch, module, given.embed, kinds)
    return TorchModel(torch, module, caller, given)


class TorchModel(Model):
    """A module, stepped in eval mode, on one thread, one token a call, in a batch of one.

    ``caller`` says how it is called: ``caller(tokens, state, t)`` is its output and its new state, any object that
    holds tensors; ``caller.many``: whether it takes several tokens in one call; ``caller.batch_axis``: the axis of
    the batch in tensors of the state, None where it takes one stream at a time.
    """

    sets_itself_up = False
    """Whether the first call changes what the module is, once and for all."""
    numbers_are_state = True
    """Whether Python's numbers in the state are state, and not functions of the position."""

    def __init__(self, torch: Any, module: Any, caller: Any, given: Described):
        self.torch, self.module, self.caller, self.given = torch, module.eval(), caller, given
        self._skeletons: dict[int, tuple[Any, Any]] = {}
        self._kinds: dict[tuple[int, str], Any] = {}
        if isinstance(given.readout, torch.nn.Module):
            given.readout.eval()
        self._kept = Kept(torch, module, self.sets_itself_up)
        before = digest(weights(torch, module))
        self._kept.find(lambda state, t: self._call([caller.any_token(t)], state, t)[1])
        self.weights_digest = digest(weights(torch, module))
        if self.weights_digest != before and not self.sets_itself_up:
            raise BadInput(f"{type(module).__name__} changes its weights as it steps: they would be state")
        self.summary = f"{type(module).__name__} of PyTorch, {count(module):,} weights"

    def step(self, state: State | None, token: int, t: int) -> tuple[State, Any]:
        return self._steps(state, [token], t)

    def many(self, state: State | None, tokens: Sequence[int], t: int) -> tuple[State, Any] | None:
        return self._steps(state, tokens, t) if self.caller.many else None

    def _steps(self, state: State | None, tokens: Sequence[int], t: int) -> tuple[State, Any]:
        """``tokens`` in one call, from the state after t tokens."""
        if state is None:
            self._kept.begin()
        output, new = self._call(tokens, self._object(state, t), t)
        return self._taken(new, t + len(tokens)), self._answer(output)

    def _call(self, tokens: Sequence[int], state: Any, t: int) -> tuple[Any, Any]:
        with scheduled(self.torch):
            before = self.torch.get_rng_state()
            found: tuple[Any, Any] = self.caller(tokens, state, t)
            if not self.torch.equal(before, self.torch.get_rng_state()):
                raise BadInput(
                    f"{type(self.module).__name__} draws random numbers as it steps: its state is no function "
                    "of its tokens"
                )
            return found

    def _answer(self, output: Any) -> Any:
        """The output at the last token as NumPy has it, through the user's ``readout``; None if there is none."""
        if self.given.readout is not None:
            with scheduled(self.torch):
                output = self.given.readout(output)
        if not isinstance(output, self.torch.Tensor):
            return output
        numbers = plain(self.torch, output)
        return numbers.reshape(-1, numbers.shape[-1])[-1] if numbers.ndim > 1 else numbers

    # The state as tensors, and back.

    def is_leaf(self, name: str, value: Any) -> bool:
        number = self.numbers_are_state and isinstance(value, (bool, int, float, np.ndarray, np.generic))
        return number or isinstance(value, self.torch.Tensor)

    def kind(self, name: str, value: Any) -> str:
        """What a leaf of the state is."""
        return "recurrent"

    def _taken(self, thing: Any, t: int) -> State:
        self._kept.look()
        kept = {
            f"{home}.{name}" if home else name: value for (home, name), value in self._kept.values().items()
        }
        leaves, skeleton = take_apart({"": thing, "self": kept}, self.is_leaf)
        opaque: list[Any] = []
        sign = signature(skeleton, opaque)
        if opaque and self.numbers_are_state:
            raise BadInput(
                f"its state must hold tensors and numbers alone; it holds a {type(opaque[0]).__name__}, whose bits "
                "nobody can count"
            )
        _, known = self._skeletons.setdefault(t, (skeleton, sign))
        if sign != known:
            raise BadInput(
                f"its state after {t} tokens has another form in one stream than in another; keep what differs "
                "in tensors"
            )
        found = {}
        for name, value in leaves.items():
            self._kinds[t, name] = value.dtype if isinstance(value, self.torch.Tensor) else type(value)
            found[name] = stored(self.torch, name, value, self.kind(name, value))
        return found

    def _object(self, state: State | None, t: int) -> Any:
        """The state as the module takes it, of copies; None before the first token."""
        if state is None:
            return None
        if t not in self._skeletons:
            self._learn(t)
        leaves = {name: self._restored(held, self._kinds[t, name]) for name, held in state.items()}
        whole = put_together(self._skeletons[t][0], leaves)
        self._kept.give(dict(zip(self._kept.changing, whole["self"].values(), strict=True)))
        return whole[""]

    def _learn(self, t: int) -> None:
        """What a state is made of after t tokens, from any stream: a state may come from another such model."""
        seen: State | None = None
        for s in range(t):
            seen, _ = self._steps(seen, [self.caller.any_token(s)], s)

    def _restored(self, held: Tensor, kind: Any) -> Any:
        if isinstance(kind, self.torch.dtype):
            made = self.torch.from_numpy(np.array(held.numbers))
            return self.torch.view_as_complex(made).clone() if kind.is_complex else made.to(kind)
        return np.array(held.numbers) if kind is np.ndarray else kind(held.numbers[()])

    # What the self-test asks for.

    def batch(self, streams: Sequence[Sequence[int]]) -> list[tuple[State, Any]] | None:
        axis = self.caller.batch_axis
        if axis is None or self._kept.changing:
            return None
        state: Any = None
        output: Any = None
        try:
            for t, tokens in enumerate(zip(*streams, strict=True)):
                with scheduled(self.torch):
                    output, state = self.caller.side_by_side(tokens, state, t)
        except (RuntimeError, TypeError, ValueError, IndexError):  # it is written for one stream
            return None
        if len(output) != len(streams):
            return None
        found: list[tuple[State, Any]] = []
        for run in range(len(streams)):
            leaves, _ = take_apart(state, self.is_leaf)
            alone = {
                name: stored(
                    self.torch, name, self._one(value, axis, run, len(streams)), self.kind(name, value)
                )
                for name, value in leaves.items()
            }
            found.append((alone, self._answer(output[run : run + 1])))
        return found

    def _one(self, value: Any, axis: int, run: int, runs: int) -> Any:
        """Stream ``run`` of a tensor of the state; what has no axis of that many streams is shared by all.

        Of a user's module the axis is the first of that many.
        """
        if axis == ANY and isinstance(value, self.torch.Tensor):
            axis = next((k for k, size in enumerate(value.shape) if size == runs), 0)
        has_axis = isinstance(value, self.torch.Tensor) and value.ndim > axis and value.shape[axis] == runs
        return value.narrow(axis, run, 1) if has_axis else value

    def double(self) -> Model | None:
        """None where a module makes tensors of a type of its own in its step, and so has no such twin."""
        try:
            made = self._again(self.doubled())
            made.step(None, self.caller.any_token(0), 0)
        except (RuntimeError, TypeError, ValueError):
            return None
        return made

    def doubled(self) -> Any:
        """The module in float64, with the tensors that are its plain attributes."""
        self._kept.begin()
        made = copy.deepcopy(self.module).double()
        for part in made.modules():
            for name, value in vars(part).items():
                if isinstance(value, self.torch.Tensor) and value.is_floating_point():
                    setattr(part, name, value.double())
        return made

    def fresh(self) -> Model:
        self._kept.begin()
        return self._again(copy.deepcopy(self.module))

    def _again(self, module: Any) -> Model:
        dtype = next((weight.dtype for weight in module.parameters()), self.torch.float32)

        def like(part: Any) -> Any:
            return copy.deepcopy(part).to(dtype) if isinstance(part, self.torch.nn.Module) else part

        given = replace(self.given, embed=like(self.given.embed), readout=like(self.given.readout))
        caller = type(self.caller)(self.torch, module, given.embed, self.caller.kinds)
        return type(self)(self.torch, module, caller, given)


@contextmanager
def scheduled(torch: Any) -> Iterator[None]:
    """No gradients, one thread: the schedule on which bits are compared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_num_threads(threads)


def plain(torch: Any, value: Any) -> np.ndarray:
    """A tensor as NumPy has it: bfloat16 as float32, complex numbers as pairs; a copy."""
    value = value.detach().cpu()
    if value.is_complex():
        value = torch.view_as_real(value.resolve_conj())
    found: np.ndarray = (value.float() if value.dtype == torch.bfloat16 else value).numpy().copy()
    return found


def stored(torch: Any, name: str, value: Any, kind: str) -> Tensor:
    """A leaf of a state with its type. Raises ``BadInput`` for a type whose bits nobody can count."""
    if not isinstance(value, torch.Tensor):
        numbers = np.array(value)
        return Tensor(numbers, numbers.dtype.name, kind)
    numbers = plain(torch, value)
    dtype = "bfloat16" if value.dtype == torch.bfloat16 else numbers.dtype.name
    if dtype not in DTYPES:
        raise BadInput(
            f"the tensor {short(name)} is of {value.dtype}, which is not stored here; known: {', '.join(DTYPES)}"
        )
    return Tensor(numbers, dtype, kind)


def weights(torch: Any, module: Any) -> dict[str, np.ndarray]:
    """Parameters by name, as NumPy has them."""
    return {name: plain(torch, weight) for name, weight in module.named_parameters()}


def count(module: Any) -> int:
    return sum(weight.numel() for weight in module.parameters())
