"""Each kernel as plain Python, compiled, and against its slow twin. Also run with NUMBA_DISABLE_JIT=1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import insert_windows

import commlb
from commlb import kernels
from commlb.kernels import windows


@pytest.mark.parametrize(
    "kernel", [windows.insert, kernels.compiled(windows.insert)], ids=["plain", "compiled"]
)
@settings(deadline=None, max_examples=60)
@given(
    width=st.integers(1, 3),
    tokens=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=4, max_size=24),
)
def test_insert_windows(kernel, width, tokens):
    text = np.array(tokens).T.astype(np.uint8)
    runs, length = text.shape
    entries = max(1, length - width)
    table = np.zeros((entries, width + 1, runs), np.uint8)
    twin = table.copy()
    for t in range(width, length):
        window = np.ascontiguousarray(text[:, t - width : t].T)
        kernel(table, window, text[:, t], np.uint8(9))
        insert_windows(twin, window, text[:, t], 9)
        assert (table == twin).all()


def test_large_jobs_run_compiled_and_give_the_same():
    assert kernels.insert_windows(10) is windows.insert
    assert kernels.insert_windows(10**9) is kernels.compiled(windows.insert)
    small = commlb.reduce("cgram", 20, trials=100, seed=4)
    large = commlb.reduce("cgram", 20, trials=6000, seed=4)
    assert small.answers.errors == large.answers.errors == 0
