"""The only place that imports numba: arrays in, arrays out.

A kernel is one plain function. A small job runs it as it stands; a job large enough to repay the
compiler's start runs the same text compiled. Both give the same bits (tests run both).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from commlb.kernels import windows

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
