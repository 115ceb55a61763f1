"""Which inputs of an ONNX graph are its state, and which output each of them is in the next step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from commlb.errors import BadInput
from commlb.models.onnx_file import Port

HOW = "write states={input: output} in commlb.model"

BEFORE = re.compile(
    r"^(?:(?:past|prev|previous|initial|init|input|in|old|last)[_.])?(.+?)"
    r"(?:[_.](?:past|prev|previous|initial|init|input|in|old|last|t)|_?0)?$"
)
AFTER = re.compile(
    r"^(?:(?:present|next|new|final|output|out|updated|y)[_.])?(.+?)"
    r"(?:[_.](?:present|next|new|final|output|out|updated|1)|_?n)?$"
)
"""What is before and after a common name in names such as h_0 and h_n, state and stateN, past_x and present_x."""


def paired(
    inputs: Sequence[Port], outputs: Sequence[Port], states: Mapping[str, str] | None
) -> dict[str, str]:
    """Each state input's output in the next step: as ``states`` says; else by name; else by shape and type.

    By name: the two have one name in common, less words such as past and present (``BEFORE``, ``AFTER``), one type
    and shapes that agree. By shape and type: where no names agree, if no input and no output has two partners.
    Raises ``BadInput``, with all inputs and outputs, where that finds none or does not decide.
    """
    if states is not None:
        return _as_said(inputs, outputs, states)
    fitting = [(a, b) for a in inputs for b in outputs if fits(a, b)]
    named = [(a.name, b.name) for a, b in fitting if _one_name(a.name, b.name)]
    found = named or [(a.name, b.name) for a, b in fitting]
    if not found or len(inputs) == 1:
        why = "no output has type and shape of an input" if not found else "its one input takes the tokens"
        raise BadInput(
            f"the graph has no state: {why}; {_all(inputs, outputs)}; export a step that takes the state and gives "
            "the next one"
        )
    pairs = dict(found)
    if len(pairs) < len(found) or len(set(pairs.values())) < len(found) or len(pairs) == len(inputs):
        raise BadInput(f"which inputs are its state? {HOW}; {_all(inputs, outputs)}")
    return pairs


def fits(before: Port, after: Port) -> bool:
    """Whether an output may be an input of the next step: one type, one rank, equal sizes where both are known."""
    return (before.dtype, len(before.dims)) == (after.dtype, len(after.dims)) and all(
        a == b or not (isinstance(a, int) and isinstance(b, int))
        for a, b in zip(before.dims, after.dims, strict=True)
    )


def _as_said(inputs: Sequence[Port], outputs: Sequence[Port], states: Mapping[str, str]) -> dict[str, str]:
    ins, outs = {port.name: port for port in inputs}, {port.name: port for port in outputs}
    for a, b in states.items():
        if a not in ins or b not in outs:
            side, name, known = ("input", a, ins) if a not in ins else ("output", b, outs)
            raise BadInput(f"states names the {side} {name!r}; the graph has {', '.join(known)}")
        if not fits(ins[a], outs[b]):
            raise BadInput(
                f"states: an input and its output have one type and shape; given {ins[a]} and {outs[b]}"
            )
    if not states or len(set(states.values())) < len(states):
        raise BadInput("states must name at least one input, and each output once")
    return dict(states)


def _one_name(before: str, after: str) -> bool:
    """Whether the names are those of one state before and after a step.

    >>> pairs = [("h", "hn"), ("c_0", "c_n"), ("past_key_values.0.key", "present.0.key"), ("initial_h", "Y_h")]
    >>> [_one_name(a, b) for a, b in pairs], _one_name("h", "cn"), _one_name("state", "stateN")
    ([True, True, True, True], False, True)
    """
    return bool(_stems(before, BEFORE) & _stems(after, AFTER))


def _stems(name: str, pattern: re.Pattern[str]) -> set[str]:
    plain = re.sub("_?key_values[.]", "_", name.lower()).replace("present.", "present_")
    match = pattern.match(plain)
    return {plain, match[1]} if match else {plain}


def _all(inputs: Sequence[Port], outputs: Sequence[Port]) -> str:
    """Inputs and outputs, for an error.

    >>> _all([Port("x", "float32", (1, None))], [Port("y", "float32", (1, "b"))])
    'inputs: x (float32, [1, ?]); outputs: y (float32, [1, b])'
    """
    return f"inputs: {', '.join(map(str, inputs))}; outputs: {', '.join(map(str, outputs))}"
