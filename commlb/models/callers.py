"""How modules of PyTorch are called: what they take for a token, what they return, and which is the state."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from commlb.errors import BadInput

STARTS = ("initial_state", "initial", "init_hidden", "init_state")
"""Methods of a user's module that give its state before the first token: of nothing, or of the batch size, 1."""


ANY = -1
"""The axis of the batch is seen in the shapes of the state."""


class Caller:
    """How a module is called, and how tokens become its input: ``vectors`` of shape (tokens, d)."""

    many = False
    batch_axis: int | None = None

    def __init__(self, torch: Any, module: Any, embed: Any, kinds: int):
        self.torch, self.module, self.embed, self.kinds = torch, module, embed, kinds
        if isinstance(embed, torch.nn.Module):
            embed.eval()
        self.dtype = next((weight.dtype for weight in module.parameters()), torch.float32)

    def any_token(self, t: int) -> int:
        """Some token, to see what a step changes."""
        return t % self.kinds

    def vectors(self, tokens: Sequence[int]) -> Any:
        torch, embed = self.torch, self.embed
        if embed is None:
            width = self.module.input_size
            if width < self.kinds:
                raise BadInput(
                    f"{type(self.module).__name__} reads vectors of {width} numbers, too few for one-hot "
                    "vectors of the "
                    f"{self.kinds} tokens; name an embedding: commlb.model(module, embed=…)"
                )
            return torch.nn.functional.one_hot(torch.tensor(tokens), width).to(self.dtype)
        if isinstance(embed, torch.nn.Module):
            found = embed(torch.tensor(tokens))
        elif callable(embed):
            found = torch.stack([torch.as_tensor(embed(token)).reshape(-1) for token in tokens])
        else:
            rows = torch.as_tensor(embed)
            if rows.ndim != 2 or len(rows) < self.kinds:
                raise BadInput(
                    f"embed must have a row for each of {self.kinds} tokens; given shape {tuple(rows.shape)}"
                )
            found = rows[torch.tensor(tokens)]
        return found.to(self.dtype)


class Layers(Caller):
    """nn.RNN, nn.GRU and nn.LSTM: a sequence and a state of shape (layers, batch, d); output: the last layer's."""

    many, batch_axis = True, 1

    def __init__(self, torch: Any, module: Any, embed: Any, kinds: int):
        super().__init__(torch, module, embed, kinds)
        if module.bidirectional:
            raise BadInput(
                f"a bidirectional {type(module).__name__} reads the end first: no streaming machine; take one "
                "direction"
            )

    def __call__(self, tokens: Sequence[int], state: Any, t: int) -> tuple[Any, Any]:
        x = self.vectors(tokens)
        y, new = self.module(x[None] if self.module.batch_first else x[:, None], state)
        return y.reshape(len(tokens), -1)[-1:], new

    def side_by_side(self, tokens: Sequence[int], state: Any, t: int) -> tuple[Any, Any]:
        x = self.vectors(tokens)
        y, new = self.module(x[:, None] if self.module.batch_first else x[None], state)
        return y.reshape(len(tokens), -1), new


class Cell(Caller):
    """nn.RNNCell, nn.GRUCell and nn.LSTMCell: a vector and a state of shape (batch, d); output: h."""

    batch_axis = 0

    def __call__(self, tokens: Sequence[int], state: Any, t: int) -> tuple[Any, Any]:
        new = self.module(self.vectors(tokens), state)
        return (new[0] if isinstance(new, tuple) else new), new

    side_by_side = __call__


class Own(Caller):
    """A module of the user's: ``forward(x, state)``, or ``forward(x)`` where it keeps its state to itself.

    x: with ``embed`` a vector of shape (1, d); else token ids, int64, of shape (1, 1), batch and time, where the
    module contains nn.RNN, nn.GRU or nn.LSTM, and of shape (1,) where it does not. Two things returned are output
    and state; another result is the new state (of ``forward(x)``: the output).
    """

    def __init__(self, torch: Any, module: Any, embed: Any, kinds: int):
        super().__init__(torch, module, embed, kinds)
        self.many = embed is None and any(isinstance(part, torch.nn.RNNBase) for part in module.modules())
        self.takes_state = _binds(module.forward, 2)
        start = next(
            (getattr(module, name) for name in STARTS if callable(getattr(module, name, None))), None
        )
        self.start = start
        if self.takes_state and (start is None or not _binds(start, 0)):
            self.batch_axis = ANY

    def first(self, runs: int = 1) -> Any:
        if self.start is None:
            return None
        return self.start() if _binds(self.start, 0) else self.start(runs)

    def side_by_side(self, tokens: Sequence[int], state: Any, t: int) -> tuple[Any, Any]:
        if self.embed is not None:
            x = self.vectors(tokens)
        else:
            x = self.torch.tensor([[token] for token in tokens] if self.many else list(tokens))
        found = self.module(x, self.first(len(tokens)) if state is None else state)
        return found if isinstance(found, tuple) and len(found) == 2 else (found, found)

    def __call__(self, tokens: Sequence[int], state: Any, t: int) -> tuple[Any, Any]:
        if self.embed is not None:
            x = self.vectors(tokens)
        else:
            x = self.torch.tensor([list(tokens)] if self.many else list(tokens))
        if not self.takes_state:
            return self.module(x), ()
        found = self.module(x, self.first() if state is None else state)
        if isinstance(found, tuple) and len(found) == 2:
            return found
        return found, found


def _binds(call: Callable[..., Any], arguments: int) -> bool:
    try:
        inspect.signature(call).bind(*range(arguments))
    except TypeError:
        return False
    return True
