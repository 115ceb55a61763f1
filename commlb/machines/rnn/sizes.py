"""The sizes of a recurrent network: its parameters, and what one layer stores, before any weight is drawn."""

from __future__ import annotations

from abc import abstractmethod
from types import SimpleNamespace
from typing import Any, ClassVar, Self

from commlb.errors import BadInput, require_at_least
from commlb.formats import FORMATS, Format, chosen
from commlb.machines.base import Machine
from commlb.machines.rnn.layout import Part
from commlb.tasks.base import Task

LARGEST = 4096
"""The largest d and other dimension of a network that runs."""

LARGEST_COUNTED = 2**20
"""The same of one whose state is only counted."""


class Sizes(Machine):
    """What a family of networks says of its sizes: parameters, checks, the parts of one layer's state."""

    formula: ClassVar[str]
    """The numbers that a layer stores, in the parameters."""
    source: ClassVar[str]
    dimensions: ClassVar[dict[str, tuple[str, int]]] = {}
    """The family's own parameters: what each means, and its default; 0 where d decides."""
    normed: ClassVar[bool] = False
    """Whether layers are residual, with norms; ``bare=1`` takes both away."""

    required = {"d": "width"}
    optional = {
        "p": "bits a number, fixed point, 1 to 32",
        "range": "fixed point holds [-range, range), a power of two; by default each part's own",
        "format": "of the numbers: " + ", ".join(FORMATS) + "; default float32",
        "layers": "number of layers, default 1",
        "seed": "of random weights, default 0",
        "weights": "a file .npz or .safetensors instead of a seed",
    }
    texts = frozenset({"format", "weights"})
    fractions = frozenset({"range"})

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        own = {
            key: f"{what}, default {default or 'from d'}" for key, (what, default) in cls.dimensions.items()
        }
        bare = (
            {"bare": "1: the recurrence alone, no norms and no residual sums; default 0"}
            if cls.normed
            else {}
        )
        cls.optional = own | bare | Sizes.optional

    def measure(self, task: Task, kinds: int, d: int, given: dict[str, Any], largest: int = LARGEST) -> None:
        """Take d and the other parameters out of ``given``, checked; seed and weights stay in it."""
        self.task = task
        self.parameters = {"d": d, **given} | ({} if "weights" in given else {"seed": given.get("seed", 0)})
        self.d, self.depth, self.largest = d, given.pop("layers", 1), largest
        bare = given.pop("bare", 0)
        if bare not in (0, 1):
            raise BadInput(f"bare must be 0 or 1; given {bare}")
        self.bare = bool(bare)
        self._form = chosen(given.pop("p", None), given.pop("range", None), given.pop("format", None))
        made = self._form(1.0)
        self.format, self.precision_bits, self.dtype = made.name, made.bits, made.dtype
        sizes = {key: given.pop(key, default) for key, (_, default) in self.dimensions.items()}
        for key, value in {"d": d, "layers": self.depth, **sizes}.items():
            if key in self.parameters or key == "layers":
                self._check_size(key, value)
        self.size = SimpleNamespace(**sizes)
        self._kinds = kinds
        self.prepare()

    @classmethod
    def counted(cls, task: Any, kinds: int, d: int, **given: Any) -> Self:
        """The network with its sizes alone: no weights are drawn, and it does not run.

        Of ``task`` only the length is looked at; tokens are of so many ``kinds``. Sizes go up to
        ``LARGEST_COUNTED``.
        """
        made = cls.__new__(cls)
        made.measure(task, kinds, d, given, LARGEST_COUNTED)
        return made

    def parts_stored(self) -> dict[str, tuple[Part, Format | None]]:
        """The parts of one layer's state, and the format of their numbers; None where they are integers."""
        return {
            name: (part, None if part.choices else self._form(part.span))
            for name, part in self.parts().items()
        }

    def _check_size(self, key: str, value: int) -> None:
        require_at_least(key, value, 1)
        if value > self.largest:
            raise BadInput(f"{key} must be at most {self.largest}; given {value}")

    def prepare(self) -> None:
        """Check the family's dimensions and derive others; ``self.size`` holds them by name."""

    @abstractmethod
    def parts(self) -> dict[str, Part]:
        """The arrays of one layer's state."""
