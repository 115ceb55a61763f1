"""What modules of PyTorch keep to themselves and change as they step: state, although nobody passes it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.models.leaves import signature, take_apart

WATCHED = 3
"""Steps that are watched to see what changes."""

PLAIN = (bool, int, float, str, type(None))
CACHED = ("_flat_weights", "_flat_weight_refs", "_flat_weights_names", "_all_weights")
"""Weights again, which recurrent layers keep in a list."""


class Kept:
    """The attributes and buffers of a module, and of those inside it, that its steps change.

    ``find`` watches a few steps; from then on ``values`` are what it keeps after a step, ``give`` sets them before
    one, ``begin`` as they were when the module was given. What starts to change later is caught by ``look``, by the
    versions of all other tensors and the values of plain attributes.
    """

    def __init__(self, torch: Any, module: Any, sets_itself_up: bool):
        self._torch, self._module, self._warm = torch, module, sets_itself_up
        self._inner = {*vars(torch.nn.Module()), *CACHED}
        self._first: dict[tuple[str, str], Any] = {}
        self._watched: list[tuple[Any, str, Any]] = []
        self.changing: list[tuple[str, str]] = []

    def find(self, step: Callable[[Any, int], Any]) -> None:
        """Watch ``WATCHED`` steps from the start; the module is left as it was.

        A model that sets itself up in its first call has that call before them.
        """
        first = {key: _copied(value) for key, value in self._attributes().items()}
        marks = {key: self._mark(value) for key, value in first.items()}
        state: Any = None
        for t in range(WATCHED + self._warm):
            state = step(state, t)
            found = {key: self._mark(value) for key, value in self._attributes().items()}
            if t >= self._warm:
                changed = [key for key in found if found[key] != marks.get(key)]
                self.changing += [key for key in changed if key not in self.changing]
            marks = found
        self._first = {key: first.get(key) for key in self.changing}
        self.begin()
        self._watched = [
            (module, name, self._trace(value))
            for path, module in self._module.named_modules()
            for name, value in {**vars(module), **module._buffers, **module._parameters}.items()
            if (path, name) not in self.changing
            and self._trace(value) is not None
            and name not in self._inner
        ]

    def _attributes(self) -> dict[tuple[str, str], Any]:
        """Attributes by module and name, and buffers; of models that set themselves up only tensors are private."""
        found = {}
        for home, module in self._module.named_modules():
            for name, value in {**vars(module), **module._buffers}.items():
                is_tensor = isinstance(value, self._torch.Tensor)
                if name in self._inner or isinstance(
                    value, (self._torch.nn.Module, self._torch.nn.Parameter)
                ):
                    continue
                if is_tensor or name[:1] != "_" or not self._warm:
                    found[home, name] = value
        return found

    def _mark(self, value: Any) -> Any:
        """Something that differs if the value does."""
        leaves, skeleton = take_apart(
            value, lambda name, leaf: isinstance(leaf, (self._torch.Tensor, np.ndarray))
        )
        parts = []
        for name, leaf in leaves.items():
            if isinstance(leaf, self._torch.Tensor):
                leaf = leaf.detach().cpu()
                leaf = self._torch.view_as_real(leaf.resolve_conj()) if leaf.is_complex() else leaf
                leaf = leaf.double().numpy()
            parts.append((name, leaf.shape, leaf.tobytes()))
        return parts, repr(signature(skeleton, []))

    def _trace(self, value: Any) -> Any:
        """What is looked at in every step: of a tensor its identity and version, of a plain value the value."""
        if isinstance(value, self._torch.Tensor):
            return id(value), value._version
        return (value,) if isinstance(value, PLAIN) and not self._warm else None

    def begin(self) -> None:
        """What is kept as it was when the module was given."""
        self.give({key: _copied(value) for key, value in self._first.items()})

    def give(self, values: Mapping[tuple[str, str], Any]) -> None:
        for (home, name), value in values.items():
            setattr(self._module.get_submodule(home), name, value)

    def values(self) -> dict[tuple[str, str], Any]:
        """What is kept now."""
        return {
            (home, name): getattr(self._module.get_submodule(home), name, None)
            for home, name in self.changing
        }

    def look(self) -> None:
        """Refuse a module that changes what it did not change in the steps that were watched."""
        for module, name, trace in self._watched:
            if self._trace(getattr(module, name, None)) != trace:
                raise BadInput(
                    f"{type(self._module).__name__} changes its attribute {name}, which it did not in its first "
                    f"{WATCHED} steps; return it as state"
                )


def _copied(value: Any) -> Any:
    """A copy; of what cannot be copied, such as a tensor on its way to a gradient, the thing itself."""
    try:
        return copy.deepcopy(value)
    except (RuntimeError, TypeError):
        return value
