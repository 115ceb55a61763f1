"""The only place that imports numba: arrays in, arrays out.

A kernel is one plain function. A small job runs it as it stands; a job large enough to repay the
compiler's start runs the same text compiled. Both give the same bits (tests run both).
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

from commlb.kernels import cells, windows

WORTH_COMPILING = 200_000
"""Inner steps from which loading a compiled kernel (about a second) is repaid."""


@functools.cache
def compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """``kernel`` compiled, cached on disk, free of the interpreter lock."""
    import numba

    return numba.njit(cache=True, nogil=True)(kernel)


def insert_windows(work: int) -> Callable[..., Any]:
    """``windows.insert``, compiled when the whole job takes ``work`` ≥ ``WORTH_COMPILING`` calls of it."""
    return compiled(windows.insert) if work >= WORTH_COMPILING else windows.insert


@functools.cache
def special(kernel: Callable[..., Any], kind: str, compile_it: bool) -> Callable[..., Any]:
    """``kernel`` of ``cells``, ``codes`` or ``matrices`` in float32 or float64 (``kind``), compiled or plain.

    Its constants and the functions that it calls are globals of a copy of it. Division follows IEEE 754. Numba
    knows a stored kernel by its own file only, so what may change stands in one file with what calls it.
    """
    code: types.CodeType = kernel.__code__
    names = {**kernel.__globals__, **cells.constants(kind, compile_it)}
    for name in code.co_names:
        helper = names.get(name)
        if inspect.isfunction(helper) and helper.__module__.startswith(__name__):
            names[name] = special(helper, kind, compile_it)
    copy = types.FunctionType(code, names, kernel.__name__)
    if not compile_it:
        return copy
    import numba

    made: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="numpy")(copy)
    return made
