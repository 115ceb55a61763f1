"""What modules of PyTorch keep to themselves and change as they step: state, although nobody passes it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from commlb.errors import BadInput
from commlb.models.base import State
from commlb.models.leaves import put_together, signature, take_apart

WATCHED = 3
"""Steps that are watched to see what changes."""

INNER = ("_parameters", "_modules", "_buffers", "training")


class Kept:
    """The attributes and buffers of a module, and of those inside it, that its steps change.

    ``find`` watches a few steps; from then on ``put`` sets them to what a state says before a step, and ``taken``
    takes them after it. What starts to change later is caught: ``taken`` looks at the version of every other
    tensor.
    """

    def __init__(self, torch: Any, module: Any):
        self._torch, self._module = torch, module
        self._first: dict[tuple[str, str], Any] = {}
        self._skeletons: dict[tuple[str, str], Any] = {}
        self._changing: list[tuple[str, str]] = []
        self._watched: list[tuple[Any, str, int, int]] = []
        self.names: set[str] = set()

    def find(self, step: Callable[[Any, int], Any], warm: bool) -> None:
        """Watch ``WATCHED`` steps from the start; the module is left as it was.

        ``warm``: a step before them is not watched; models of transformers set themselves up in their first call.
        """
        first = {key: copy.deepcopy(value) for key, value in self._attributes().items()}
        marks = {key: self._mark(value) for key, value in first.items()}
        state: Any = None
        for t in range(WATCHED + warm):
            state = step(state, t)
            found = {key: self._mark(value) for key, value in self._attributes().items()}
            if t >= warm:
                self._changing += [
                    key for key in found if key not in self._changing and found[key] != marks.get(key)
                ]
            marks = found
        self._first = {key: first.get(key) for key in self._changing}
        self.put(None)
        self._watch()

    def _attributes(self) -> dict[tuple[str, str], Any]:
        """Attributes that hold numbers or tensors, by module and name; those that nothing holds yet too."""
        found = {}
        for home, module in self._module.named_modules():
            for name, value in {**vars(module), **module._buffers}.items():
                if name not in INNER and not isinstance(
                    value, (self._torch.nn.Module, self._torch.nn.Parameter)
                ):
                    if name[:1] != "_" or isinstance(value, self._torch.Tensor):
                        found[home, name] = value
        return found

    def _is_leaf(self, name: str, value: Any) -> bool:
        return isinstance(value, (self._torch.Tensor, bool, int, float, np.ndarray))

    def _mark(self, value: Any) -> Any:
        """Something that differs if the value does."""
        leaves, skeleton = take_apart(value, self._is_leaf)
        parts = tuple(
            (name, leaf.shape, str(leaf.dtype), leaf.detach().cpu().reshape(-1).double().numpy().tobytes())
            if isinstance(leaf, self._torch.Tensor) and not leaf.is_complex()
            else (name, repr(leaf))
            for name, leaf in leaves.items()
        )
        return parts, repr(signature(skeleton, []))

    def _watch(self) -> None:
        """Note the identity and version of every tensor that does not change, weights among them."""
        self._watched = [
            (home, name, id(value), value._version)
            for path, home in self._module.named_modules()
            for name, value in {**vars(home), **home._buffers, **home._parameters}.items()
            if isinstance(value, self._torch.Tensor) and (path, name) not in self._changing
        ]

    def put(self, state: State | None) -> None:
        """Before the first token: what they were when the module was given; else ``give`` does it."""
        if state is None:
            for (home, name), value in self._first.items():
                setattr(self._module.get_submodule(home), name, copy.deepcopy(value))

    def give(self, leaves: Mapping[str, Any]) -> None:
        """Set them to the leaves of a state."""
        for home, name in self._changing:
            prefix = f"{home}.{name}" if home else name
            mine = {
                leaf[len(prefix) + 1 :] or "state": value
                for leaf, value in leaves.items()
                if _under(leaf, prefix)
            }
            value = put_together(self._skeletons[home, name], mine)
            setattr(self._module.get_submodule(home), name, value)

    def taken(self) -> dict[str, Any]:
        """Their leaves after a step, by the path of the module."""
        for module, name, identity, version in self._watched:
            value = getattr(module, name, None)
            if value is None or id(value) != identity or value._version != version:
                raise BadInput(
                    f"{type(self._module).__name__} changes its tensor {name}, which it did not in its first "
                    f"{WATCHED} "
                    "steps; return it as state"
                )
        found: dict[str, Any] = {}
        for home, name in self._changing:
            leaves, skeleton = take_apart(
                getattr(self._module.get_submodule(home), name, None), self._is_leaf
            )
            self._skeletons[home, name] = skeleton
            prefix = f"{home}.{name}" if home else name
            found |= {
                prefix if leaf == "state" else f"{prefix}.{leaf}": value for leaf, value in leaves.items()
            }
        self.names |= found.keys()
        return found


def _under(leaf: str, prefix: str) -> bool:
    return leaf == prefix or leaf.startswith(prefix + ".")
