"""Models of Hugging Face's transformers: recurrent ones, hybrids, and Transformers, whose state grows.

State: what the model's cache holds, and what its modules keep to themselves. A config without weights gets random
ones; nothing is fetched, and no code that comes with a model is run.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from commlb.errors import BadInput, LimitError
from commlb.models.adapting import Described, needs
from commlb.models.base import KV, POSITION, RECURRENT, Model
from commlb.models.callers import Caller
from commlb.models.pytorch import TorchModel, count
from commlb.sealed import parse
from commlb.usercode import said, short

CACHES = ("cache", "cache_params", "past_key_values", "state")
"""What models call what they carry from one call to the next, over the years."""

MOST_WEIGHTS = 2**28
"""Random weights that are made for a config."""

MOST_LAYERS = 1000

MOST_CHARACTERS = 2**22
"""Of a config.json."""

PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


def adapt(given: Described, kinds: int) -> Model:
    """The model of a model, a config, a directory or a config.json. Raises ``BadInput`` for anything else."""
    transformers = needs("transformers", "to run a Hugging Face model")
    torch = needs("torch", "to run a Hugging Face model")
    with quietly(transformers):
        module, weights = _module(torch, transformers, given)
        model = HuggingFaceModel(torch, module, Calls(torch, module, given.embed, kinds), given)
    model.summary = f"{type(module).__name__} of transformers, {count(module):,} {weights}"
    return model


def _module(torch: Any, transformers: Any, given: Described) -> tuple[Any, str]:
    """The module, and whether its weights are random."""
    thing = given.thing
    if isinstance(thing, transformers.PreTrainedModel):
        return thing, "weights"
    if isinstance(thing, transformers.PretrainedConfig):
        return _random(torch, transformers, thing, given.seed)
    path = Path(thing)
    folder = path if path.is_dir() else path.parent
    file = path / "config.json" if path.is_dir() else path
    if not file.is_file():
        raise BadInput(
            f"there is no file '{file}': give a config.json of a Hugging Face model, or its directory"
        )
    if any((folder / name).is_file() for name in WEIGHTS) and file.name == "config.json":
        try:
            loaded, found = transformers.AutoModelForCausalLM.from_pretrained(
                str(folder),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except Exception as error:
            raise BadInput(f"transformers cannot load '{folder}': {said(error)}") from error
        if found.get("missing_keys"):
            missing = short(", ".join(sorted(found["missing_keys"])))
            raise BadInput(f"the weights in '{folder}' lack {missing}; give all of them")
        return loaded, f"weights from {folder.name}"
    if any((folder / name).is_file() for name in PICKLED) and file.name == "config.json":
        raise BadInput(
            f"the weights in '{folder}' are pickled, and not read; save the model with save_pretrained, which "
            "writes "
            "safetensors, or give the config alone for random weights"
        )
    return _random(torch, transformers, _config(transformers, file), given.seed)


def _config(transformers: Any, file: Path) -> Any:
    """The config object of a file, which is data: its ``model_type`` is looked up in transformers."""
    try:
        read = parse(file.read_text("utf-8-sig"), str(file), as_written=False, most=MOST_CHARACTERS)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read '{file}': {said(error)}") from None
    if not isinstance(read.get("model_type"), str):
        raise BadInput(f"'{file}' must be an object with a model_type, such as \"mamba\"")
    sizes = {key: _spelled(value) for key, value in read.items() if key != "model_type"}
    try:
        return transformers.AutoConfig.for_model(read["model_type"], **sizes)
    except Exception as error:
        raise BadInput(f"transformers makes no config of '{file}': {said(error)}") from error


def _spelled(value: Any) -> Any:
    """A value of a config; transformers writes infinities as {"__float__": "Infinity"}."""
    if isinstance(value, dict) and set(value) == {"__float__"} and isinstance(value["__float__"], str):
        return float(value["__float__"])
    if isinstance(value, list):
        return [_spelled(part) for part in value]
    return value


def _random(torch: Any, transformers: Any, config: Any, seed: int) -> tuple[Any, str]:
    """A model of random weights, which are counted before they are made, and its layers before those."""
    depth = getattr(config, "num_hidden_layers", 0)
    if isinstance(depth, int) and depth > MOST_LAYERS:
        raise LimitError(f"num_hidden_layers must be at most {MOST_LAYERS}; given {depth:,}; take fewer")
    try:
        with torch.device("meta"):
            size = count(transformers.AutoModelForCausalLM.from_config(config))
    except Exception as error:
        raise BadInput(f"transformers makes no language model of this config: {said(error)}") from error
    if size > MOST_WEIGHTS:
        raise LimitError(
            f"a model of {size:,} random weights; at most {MOST_WEIGHTS:,}; take smaller sizes, or commlb "
            "budget, which "
            "needs none"
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = transformers.AutoModelForCausalLM.from_config(config)
    return made, f"random weights of seed {seed}"


class HuggingFaceModel(TorchModel):
    """A model that takes ``input_ids`` and gives ``logits``. Keys and values are told by their names."""

    numbers_are_state, sets_itself_up = False, True

    def doubled(self) -> Any:
        made = super().doubled()
        if hasattr(made, "set_experts_implementation"):  # the grouped one has no float64
            made.set_experts_implementation("eager")
        return made

    def kind(self, name: str, value: Any) -> str:
        if name.rpartition(".")[2] in ("keys", "values") or ".key_cache." in name or ".value_cache." in name:
            return KV
        is_number = isinstance(value, self.torch.Tensor) and (value.is_floating_point() or value.is_complex())
        return RECURRENT if is_number else POSITION


class Calls(Caller):
    """Calls of a model: token ids of shape (1, T), the last call's cache, and positions where it takes them."""

    many, batch_axis = True, 0

    def __init__(self, torch: Any, module: Any, embed: Any, kinds: int):
        super().__init__(torch, module, embed, kinds)
        taken = inspect.signature(module.forward).parameters
        names = [name for name in CACHES if name in taken]
        if not names or getattr(module.config, "is_encoder_decoder", False):
            raise BadInput(
                f"{type(module).__name__} carries no state from one token to the next: give a causal model"
            )
        self.name = names[0]
        words = getattr(module.config, "vocab_size", kinds)
        if embed is None and words < kinds:
            raise BadInput(
                f"{type(module).__name__} has {words} tokens, the task {kinds}: raise vocab_size, or name them "
                "(tokens=)"
            )
        self.positions = [name for name in ("position_ids", "cache_position") if name in taken]
        self.explicit = False

    def _first(self) -> Any:
        """The cache to begin with: none, so that the model makes its own, but where it does not give that back."""
        if not self.explicit:
            return None
        from transformers import DynamicCache

        return DynamicCache(config=self.module.config)

    def __call__(self, tokens: Sequence[int], state: Any, t: int) -> tuple[Any, Any]:
        return self._run([list(tokens)], state, t)

    def side_by_side(self, tokens: Sequence[int], state: Any, t: int) -> tuple[Any, Any]:
        return self._run([[token] for token in tokens], state, t)

    def _run(self, rows: list[list[int]], state: Any, t: int) -> tuple[Any, Any]:
        torch = self.torch
        where = torch.arange(t, t + len(rows[0]))
        given: dict[str, Any] = {"use_cache": True}
        if self.embed is None:
            given["input_ids"] = torch.tensor(rows)
        else:
            given["inputs_embeds"] = torch.stack([self.vectors(row) for row in rows])
        for name in self.positions:
            given[name] = where[None] if name == "position_ids" else where
        cache = self._first() if state is None else state
        if cache is not None:
            given[self.name] = cache
        found = self.module(**given)
        new = next((found[name] for name in CACHES if found.get(name) is not None), cache)
        if new is None and not self.explicit:
            self.explicit = True
            return self._run(rows, None, t)
        return found["logits"][:, -1:], new


@contextlib.contextmanager
def quietly(transformers: Any) -> Iterator[None]:
    """No words of transformers about kernels that it lacks, nor about how it was called."""
    log = logging.getLogger("transformers")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
