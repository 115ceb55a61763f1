"""What a user's file gives as a model, and which adapter makes a ``Model`` of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from commlb.errors import BadInput
from commlb.models.base import Model
from commlb.usercode import require_installed

if TYPE_CHECKING:
    from commlb.tasks.base import Task


@dataclass(frozen=True)
class Described:
    """A model with what it does not say itself; made by ``commlb.model``."""

    thing: Any
    embed: Any = None
    readout: Any = None
    tokens: Sequence[int] | Callable[[int], int] | None = None
    answers: Sequence[int] | None = None
    states: Mapping[str, str] | None = None
    feeds: Mapping[str, Any] | None = None
    seed: int = 0


def model(
    thing: Any,
    *,
    embed: Any = None,
    readout: Any = None,
    tokens: Sequence[int] | Callable[[int], int] | None = None,
    answers: Sequence[int] | None = None,
    states: Mapping[str, str] | None = None,
    feeds: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Described:
    """A model of your own, with how tokens enter and how answers leave; what ``my.py:build`` may return.

    ``thing``: a ``torch.nn.Module`` (RNN, GRU, LSTM, their cells, or any with ``forward(x, state)``), a Hugging
    Face model, config object, directory or config.json, an .onnx file with state inputs and outputs, or an object
    with ``initial()``, ``step(state, token)`` and ``readout(state)``.

    ``embed``: token ↦ vector, an array (tokens, d), a module or a function; by default a Hugging Face model takes
    its ``input_ids``, a module whose input is wide enough one-hot vectors. ``tokens``: what the model calls the
    task's tokens, if not 0, 1, 2, … ``readout``: the model's output ↦ scores or an answer; by default the output
    itself. Scores are one for each of the task's answers, or one for each of the model's tokens; ``answers``: the
    places of the task's answers among them, if not those of their numbers. ``states``, ``feeds``: of an ONNX graph,
    which output each state input is in the next step, and constant inputs. ``seed``: of random weights, where a
    config has none.

    >>> class Parity:
    ...     def initial(self): return 0
    ...     def step(self, state, token): return state ^ (token & 1)
    ...     def readout(self, state): return state
    >>> model(Parity()).thing.step(1, 1)
    0
    """
    return Described(thing, embed, readout, tokens, answers, states, feeds, seed)


def needs(package: str, purpose: str) -> Any:
    """The package, imported now. Raises ``MissingExtra`` (exit 3, with the pip line) if it is not installed."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        require_installed(error, purpose)
        raise


def is_model(thing: Any) -> bool:
    """Whether an adapter takes it as it is: no function that has to be called first."""
    return isinstance(thing, Model) or adapter(thing) is not None


def adapted(given: Described, task: Task) -> Model:
    """The model that an adapter makes of what a user gave; a ``Model`` is one as it is.

    Raises ``BadInput`` for what no adapter takes.
    """
    if isinstance(given.thing, Model):
        return given.thing
    home = adapter(given.thing)
    if home is None:
        raise BadInput(f"no model: {_kind(given.thing)}; give {FORMS}")
    make: Callable[[Described, int], Model] = importlib.import_module(f"commlb.models.{home}").adapt
    names = token_names(given, task)
    return make(given, max(names) + 1)


FORMS = "a torch.nn.Module, a Hugging Face model, an .onnx file, or an object with initial, step and readout"


def adapter(thing: Any) -> str | None:
    """The module of ``commlb.models`` that takes ``thing``; None if none does."""
    if isinstance(thing, (str, Path)):
        path = Path(thing)
        return "onnx_graph" if path.suffix.lower() == ".onnx" else "hugging_face"
    transformers, torch, onnx, ort = map(sys.modules.get, ("transformers", "torch", "onnx", "onnxruntime"))
    if transformers and isinstance(thing, (transformers.PreTrainedModel, transformers.PretrainedConfig)):
        return "hugging_face"
    if torch and isinstance(thing, torch.nn.Module):
        return "pytorch"
    if (onnx and isinstance(thing, onnx.ModelProto)) or (ort and isinstance(thing, ort.InferenceSession)):
        return "onnx_graph"
    return "plain" if callable(getattr(thing, "step", None)) and not isinstance(thing, type) else None


def token_names(given: Described, task: Task) -> list[int]:
    """What the model calls each of the task's tokens."""
    kinds = task.vocab_size
    if given.tokens is None:
        return list(range(kinds))
    name = given.tokens if callable(given.tokens) else given.tokens.__getitem__
    found: list[Any] = [name(token) for token in range(min(kinds, _named(given.tokens, kinds)))]
    if len(found) < kinds:
        raise BadInput(f"tokens must name all {kinds} tokens of {task.name}; given {len(found)}")
    for name in found:
        if not isinstance(name, (int, np.integer)) or isinstance(name, bool) or name < 0:
            raise BadInput(f"tokens must be whole numbers from 0 on, the model's own; given {name!r}")
    return [int(name) for name in found]


def _named(tokens: Any, kinds: int) -> int:
    """How many tokens have a name."""
    return kinds if callable(tokens) else len(tokens)


def reader(given: Described, task: Task) -> Callable[[Any], int | None]:
    """A model's output ↦ one of the task's answers, or None where the model has no output."""
    answers = task.answers
    chosen = None if given.answers is None else list(given.answers)
    if chosen is not None and len(chosen) != len(answers):
        raise BadInput(
            f"answers must name one place of the output for each of {len(answers)} answers; given {len(chosen)}"
        )
    for place in chosen or ():
        if not isinstance(place, (int, np.integer)) or isinstance(place, bool) or place < 0:
            raise BadInput(f"answers must be places of the output, counted from 0; given {place!r}")

    def read(output: Any) -> int | None:
        if output is None:
            return None
        scores = np.asarray(output)
        flat = scores.reshape(-1)
        if len(flat) == 1 and scores.dtype.kind in "iub":
            if int(flat[0]) not in answers:
                raise BadInput(
                    f"an answer of {task.name} is one of {answers.start}..{answers.stop - 1}; given {int(flat[0])}"
                )
            return int(flat[0])
        places = chosen if chosen is not None else _places(len(flat), answers)
        if not places or max(places) >= len(flat) or flat.dtype.kind not in "iuf":
            raise BadInput(
                f"an output must be an answer (a whole number), {len(answers)} scores, or scores for all of the "
                f"model's tokens; given {flat.dtype} of shape {scores.shape}; give readout= to commlb.model"
            )
        return answers[int(np.argmax(flat[places]))]

    return read


def _places(scores: int, answers: range) -> list[int]:
    """Where the scores of the task's answers stand: all in order, or at the answers' own numbers."""
    if scores == len(answers):
        return list(range(scores))
    return list(answers) if scores > answers.stop - 1 and answers.start >= 0 else []


def _kind(thing: Any) -> str:
    return f"the class {thing.__name__}" if isinstance(thing, type) else type(thing).__name__
