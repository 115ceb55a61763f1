"""A model by its config or by the name of a family: the tensors of its state."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from commlb.budgets.configs import Config, read, shown
from commlb.budgets.families import Layers
from commlb.budgets.slots import Layer, Slot, mamba, mamba2
from commlb.budgets.transformers import KNOWN, WRAPPED
from commlb.errors import BadInput, require_at_least, unknown_name
from commlb.formats import FORMATS, named
from commlb.machines import machine_classes, parameters
from commlb.machines.rnn.sizes import Sizes
from commlb.records_budget import CONVOLUTION, POSITION, RECURRENT, WINDOW

MAMBA_SSM = "the cache of mamba_ssm, by its code (not run here)"
OWN = "commlb's own machine: what later steps read, and no more"


UNREAD = {
    "per_layer_config": "gives layers sizes of their own",
    "use_bidirectional_attention": "makes it no model that reads token by token",
}
"""Keys that change what is kept, in ways that are not followed."""


@dataclass(frozen=True)
class Source:
    """A model as it was given: its layers, and the format of its numbers.

    ``bits``: by format's name; ``forced``: all numbers have the model's format, whatever a slot says.
    """

    name: str
    family: str
    layers: tuple[Layer, ...]
    shared: Layer
    positions: int | None
    keeper: str
    format: str
    format_from: str
    forced: bool = False
    defaults: dict[str, int | float | str] = field(default_factory=dict)
    remark: str = ""
    bits: dict[str, int] = field(default_factory=lambda: {name: form.bits for name, form in FORMATS.items()})

    def format_of(self, slot: Slot) -> str:
        """The format of a tensor's numbers."""
        if slot.bits is not None:
            return f"int{slot.bits}"
        return self.format if self.forced or slot.format is None else slot.format

    def number_bits(self, slot: Slot) -> int:
        """Bits of each of a tensor's numbers."""
        return self.bits[self.format_of(slot)] if slot.bits is None else slot.bits


def load(model: Any, format: str | None, tokens: int | None) -> Source:
    """The model that ``model`` names: a config.json, a directory with one, or a family with its sizes.

    Raises ``BadInput``, in one line, for whatever it is not.
    """
    if isinstance(model, Path):
        model = str(model)
    if not isinstance(model, str):
        raise BadInput(f"the model must be a file, a directory or NAME:d=…; given {type(model).__name__}")
    if not model:
        raise BadInput("the model's name is empty; give a config.json, a directory with one, or NAME:d=…")
    if format is not None:
        named(format)
    name = model.partition(":")[0]
    networks = {key: cls for key, cls in machine_classes().items() if issubclass(cls, Sizes)}
    if name in networks and not Path(model).exists():
        return of_family(networks[name], model, format, tokens)
    looks_like_a_file = any(mark in model for mark in "/\\.") or Path(model).exists()
    if not looks_like_a_file and ":" in model:
        raise unknown_name("network", name[:60], networks)
    if not looks_like_a_file:
        hint = f"there is no file '{model[:60]}'; a network is written NAME:d=…"
        raise BadInput(f"{hint}, NAME one of {', '.join(networks)}")
    return of_config(read(model), model, format)


def of_config(values: dict[str, Any], name: str, format: str | None) -> Source:
    """A config's model."""
    outer = c = Config(values, name)
    family = values.get("model_type")
    if family is None and "d_model" in values:
        kind, made = state_spaces(c)
        return _made(made, c, kind, name, format, MAMBA_SSM)
    if family is None:
        raise c.fail(
            'model_type is missing; add it, such as "mamba2" (of state-spaces\' own configs: d_model)'
        )
    if not isinstance(family, str):
        raise c.fail(f'model_type must be a name such as "mamba2"; given {shown(family)}')
    if family in WRAPPED:
        family, c = WRAPPED[family], c.inner("text_config")
    if family not in KNOWN:
        own = [key for key in machine_classes() if key.replace("-", "") == family.replace("_", "").lower()]
        found = str(unknown_name("model_type", family[:60], [*KNOWN, *WRAPPED]))
        more = f"; its state alone can be counted as {own[0]}:d=…" if own else ""
        raise outer.fail(found + more)
    for key, why in UNREAD.items():
        if c.values.get(key):
            raise c.fail(f"{key} is set, and {why}; such a config is not read")
    made = KNOWN[family](c)
    dtype = c if c.given("dtype", "torch_dtype")[1] is not None else outer
    return _made(made, dtype, family, name, format, made.keeper, c.defaults)


def _made(
    made: Layers,
    c: Config,
    family: str,
    name: str,
    format: str | None,
    keeper: str,
    defaults: dict[str, int | float | str] | None = None,
) -> Source:
    given, where = c.dtype()
    if format is not None:
        given, where = format, "--format, for all numbers of the state"
    return Source(
        name=name,
        family=family,
        layers=made.layers,
        shared=made.shared,
        positions=made.positions,
        keeper=keeper,
        format=given,
        format_from=where,
        forced=format is not None,
        defaults=c.defaults if defaults is None else defaults,
    )


def state_spaces(c: Config) -> tuple[str, Layers]:
    """The family and the layers of a config of state-spaces/mamba: d_model, n_layer and ssm_cfg.

    The layer is Mamba1 unless ssm_cfg says Mamba2.
    ``allocate_inference_cache`` keeps w columns, and both states in the weights' dtype.
    """
    width, layers = c.size("d_model"), c.layers("n_layer")
    own = c.inner("ssm_cfg") if c.given("ssm_cfg")[1] is not None else Config({}, c.name)
    own.defaults = c.defaults
    layer = own.given("layer")[1] or "Mamba1"
    if layer not in ("Mamba1", "Mamba2"):
        raise c.fail(f"ssm_cfg.layer must be Mamba1 or Mamba2; given {shown(layer)}")
    if c.given("attn_layer_idx")[1]:
        raise c.fail(
            "attn_layer_idx has layers; of mamba_ssm's configs only those without attention are read"
        )
    inner, kernel = own.size("expand", default=2) * width, own.size("d_conv", default=4)
    if layer == "Mamba1":
        return "mamba", Layers((mamba(inner, own.size("d_state", default=16), kernel, wide=None),) * layers)
    ssm = own.size("d_ssm", follows=inner)
    head_dim = own.size("headdim", default=64)
    heads = own.divided("d_ssm", ssm, "headdim", head_dim)
    state, groups = own.size("d_state", default=128), own.size("ngroups", default=1)
    return "mamba2", Layers((mamba2(heads, head_dim, state, groups, kernel, wide=None),) * layers)


UNKNOWN_LENGTH, UNKNOWN_KINDS = 2**31 - 1, 2**31 - 2
"""Stand-ins for numbers that a family's state depends on, and that were not given."""


def of_family(cls: type[Sizes], spec: str, format: str | None, tokens: int | None) -> Source:
    """One of our networks with the sizes that ``spec`` gives, as machines are written; and ``vocab``, for RMT."""
    given = parameters(spec, cls, ("vocab",))
    own = sorted({"p", "format", "range"} & set(given))
    if format is not None and own:
        raise BadInput(
            f"the format of numbers is given twice, by --format and {own[0]} in '{spec}'; leave one out"
        )
    if format is not None:
        given["format"] = format
    if "weights" in given:
        raise BadInput(f"the state's size has nothing to do with weights; leave weights out of '{spec}'")
    kinds = given.pop("vocab", None)
    if kinds is not None:
        require_at_least("vocab", kinds, 2)
    stream = SimpleNamespace(length=UNKNOWN_LENGTH if tokens is None else tokens)
    made = cls.counted(stream, UNKNOWN_KINDS if kinds is None else kinds, **given)
    layer, bits = _slots(made, tokens is None, kinds is None)
    where = "--format" if format is not None else "the sizes given" if own else "default"
    return Source(
        name=spec,
        family=made.name,
        layers=(layer,) * made.depth,
        shared=(),
        positions=None,
        keeper=OWN,
        format=made.format or "float32",
        format_from=where,
        remark=f"a layer stores {made.formula} [{made.source}]",
        bits=bits,
    )


def _slots(made: Sizes, no_length: bool, no_kinds: bool) -> tuple[Layer, dict[str, int]]:
    """The parts of a layer as tensors, and the bits of their formats."""
    layer: Layer = ()
    bits = {}
    for name, (part, form) in made.parts_stored().items():
        if no_length and part.choices == UNKNOWN_LENGTH:
            raise BadInput(f"{made.name} keeps positions, of as many bits as the context has; add --tokens T")
        if no_kinds and part.choices == UNKNOWN_KINDS:
            raise BadInput(
                f"{made.name} keeps tokens; add how many kinds there are, such as {made.name}:vocab=50257"
            )
        if form is None:
            wide = max(1, (part.choices - 1).bit_length())
            kind = POSITION if part.choices == made.task.length else RECURRENT
            layer += (Slot(name, kind, part.shape, part.size, bits=wide),)
            continue
        bits[form.name] = form.bits
        if name in ("k", "v"):
            places, *shape = part.shape
            layer += (Slot(name, WINDOW, tuple(shape), part.size // places, most_tokens=places),)
        else:
            layer += (Slot(name, CONVOLUTION if name == "conv" else RECURRENT, part.shape, part.size),)
    return layer, bits
