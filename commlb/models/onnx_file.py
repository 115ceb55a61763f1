"""ONNX graphs: read and looked through, and run in one way only."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commlb.errors import BadInput, LimitError
from commlb.machines.rnn.weights import digest
from commlb.models.adapting import needs
from commlb.models.base import Array
from commlb.usercode import said, short

PURPOSE = "to run ONNX graphs"

TYPES = {
    "float": "float32",
    "double": "float64",
    **{name: name for name in ("float16", "bfloat16", "bool")},
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
"""ONNX Runtime's words for types of tensors, and ours."""

RANDOM = {
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli",
}  # fmt: skip
"""Operators that draw numbers: what they draw is neither state nor token."""

MOST_BYTES = 2**31 - 1
"""Of a graph with its weights, which is one protobuf message."""


@dataclass(frozen=True)
class Port:
    """An input or output of a graph; ``dims`` are numbers, or of dynamic sizes their names, None without one."""

    name: str
    dtype: str
    dims: tuple[int | str | None, ...]

    def __str__(self) -> str:
        shown = ", ".join("?" if dim is None else str(dim) for dim in self.dims)
        return f"{self.name} ({self.dtype}, [{shown}])"


def proto(thing: Any) -> Any:
    """The ModelProto of a path, a ModelProto or an InferenceSession, with its weights in it.

    Weights beside the file are read as onnx reads them: from its own folder only.
    """
    onnx = needs("onnx", PURPOSE)
    if isinstance(thing, onnx.ModelProto):
        return thing
    if not isinstance(thing, (str, Path)):
        data, thing = getattr(thing, "_model_bytes", None), getattr(thing, "_model_path", None)
        if data:
            return onnx.load_from_string(data)
        if not thing:
            raise BadInput("this session does not say which graph it runs; give the path of the .onnx file")
    path = Path(thing)
    if not path.is_file():
        raise BadInput(f"there is no file '{path}'")
    try:
        return onnx.load(path)
    except Exception as error:  # protobuf's, onnx's and the file system's
        raise BadInput(f"'{path}' cannot be read as an ONNX graph: {said(error)}") from error


def looked_through(model: Any) -> None:
    """Refuse a graph that draws random numbers, or whose weights are in files beside it."""
    drawn = sorted({node.op_type for graph in graphs(model) for node in graph.node} & RANDOM)
    if drawn:
        raise BadInput(
            f"the graph draws random numbers ({', '.join(drawn)}), which are no state; export it for inference"
        )
    if any(held.data_location for _, held in tensors(model)):
        raise BadInput(
            "the weights of this ModelProto are in another file; give the path, or onnx.load(path)"
        )


def graphs(model: Any) -> Iterator[Any]:
    """The graph, those inside its nodes, and its functions: all that have nodes."""
    left = [model.graph, *model.functions]
    while left:
        graph = left.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                left += [attribute.g] if attribute.HasField("g") else attribute.graphs


def tensors(model: Any) -> Iterator[tuple[str, Any]]:
    """All weights with their names: initializers, and constants in nodes."""
    for k, graph in enumerate(graphs(model)):
        for held in getattr(graph, "initializer", ()):
            yield f"{k}.{held.name}", held
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield f"{k}.{node.output[0]}", attribute.t


def weights_digest(model: Any) -> str | None:
    """SHA-256 of all weights that are numbers; None if there are none."""
    to_array = needs("onnx.numpy_helper", PURPOSE).to_array
    found = {name: to_array(held) for name, held in tensors(model)}
    numbers = {name: array for name, array in found.items() if array.dtype.kind not in "OSU"}
    return digest(numbers) if numbers else None


class Session:
    """A graph as ONNX Runtime runs it here: on the CPU, one thread, one operator after the other, as written.

    Optimisations are off, so that sums are added in one order, whatever is beside them.
    """

    def __init__(self, model: Any):
        self._ort = needs("onnxruntime", PURPOSE)
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = self._ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = self._ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        if model.ByteSize() > MOST_BYTES:
            raise LimitError(
                f"the graph has {model.ByteSize():,} bytes; at most {MOST_BYTES:,}; take a smaller model"
            )
        try:
            data = model.SerializeToString()
            self._session = self._ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's classes have no base of their own
            raise _refused(model, error) from error
        self.inputs = [_port(given) for given in self._session.get_inputs()]
        self.outputs = [_port(given) for given in self._session.get_outputs()]
        self._raw = any(port.dtype == "bfloat16" for port in self.inputs + self.outputs)

    def run(self, fed: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs by name; bfloat16 enters and leaves as float32."""
        names = [port.name for port in self.outputs]
        if not self._raw:
            return dict(zip(names, self._session.run(names, dict(fed)), strict=True))
        types = {port.name: port.dtype for port in self.inputs}
        values = {name: self._value(array, types[name]) for name, array in fed.items()}
        found = self._session.run_with_ort_values(names, values)
        return {name: _array(value) for name, value in zip(names, found, strict=True)}

    def _value(self, array: Array, dtype: str) -> Any:
        if dtype != "bfloat16":
            return self._ort.OrtValue.ortvalue_from_numpy(array)
        onnx = needs("onnx", PURPOSE)
        upper = (np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16).astype(np.uint16)
        return self._ort.OrtValue.ortvalue_from_numpy_with_onnx_type(upper, onnx.TensorProto.BFLOAT16)


def _array(value: Any) -> Array:
    """The numbers of an output; NumPy has no bfloat16, so these are copied from where they lie."""
    if value.data_type() != "tensor(bfloat16)":
        return np.array(value.numpy())
    shape = tuple(value.shape())
    raw = ctypes.string_at(value.data_ptr(), 2 * int(np.prod(shape)))
    upper = np.frombuffer(raw, np.uint16).astype(np.uint32) << 16
    return upper.view(np.float32).reshape(shape)


def _port(given: Any) -> Port:
    kind = given.type.removeprefix("tensor(").removesuffix(")")
    if kind not in TYPES:
        raise BadInput(f"tensors of numbers enter and leave a graph here; {given.name} is {given.type}")
    return Port(given.name, TYPES[kind], tuple(given.shape))


def _refused(model: Any, error: Exception) -> BadInput:
    """Why ONNX Runtime does not take a graph: what is new or unknown to it is named."""
    onnx = needs("onnx", PURPOSE)
    known = onnx.defs.onnx_opset_version()
    opset = max((entry.version for entry in model.opset_import if not entry.domain), default=0)
    written = {(function.domain, function.name) for function in model.functions}
    used = {(node.domain, node.op_type) for graph in graphs(model) for node in graph.node}
    foreign = sorted(f"{domain}.{name}" for domain, name in used - written if not _is_standard(domain))
    text = str(error)
    if not len(model.graph.node):
        return BadInput("there is no graph in it; give an .onnx file as torch.onnx.export writes it")
    if opset > known or "released onnx opset" in text:
        return BadInput(
            f"its opset is {opset}, newer than this ONNX Runtime takes (onnx knows {known}); export with a lower "
            "opset_version, or update onnxruntime"
        )
    if foreign and ("not a registered" in text or "No opset import" in text or "No Op registered" in text):
        return BadInput(
            f"it has operators that are not ONNX's own, {short(', '.join(foreign))}; export it without them"
        )
    return BadInput(f"ONNX Runtime does not take the graph: {short(text.rpartition('] : ')[2])}")


def _is_standard(domain: str) -> bool:
    return domain in ("", "ai.onnx") or domain.startswith("ai.onnx.")
