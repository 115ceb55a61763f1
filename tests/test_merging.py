"""Rows numbered directly, in compiled loops, and through packed words: the same groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commlb import merging
from commlb.kernels import blocks, compiled
from commlb.merging import signatures


@st.composite
def numbered_rows(draw):
    radices = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    count = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    dtype = draw(st.sampled_from([np.uint8, np.int32, np.int64]))
    return np.array([rng.integers(radix, size=count) for radix in radices]).T.astype(dtype), radices


@pytest.mark.parametrize("direct", [2**16, -1], ids=["direct", "packed"])
@given(numbered_rows())
def test_rows_are_told_apart_and_given_back(direct, drawn):
    rows, radices = drawn
    before = merging.DIRECT
    merging.DIRECT = direct
    try:
        found, place = signatures(rows, radices)
    finally:
        merging.DIRECT = before
    assert (found[place] == rows).all()
    assert len(found) == len(np.unique(rows, axis=0))
    assert found.dtype == np.int32


@given(numbered_rows())
def test_the_loops_are_the_same_in_numpy_in_python_and_compiled(drawn):
    rows, radices = drawn
    results = []
    for mark, fetch in (
        (merging._mark, merging._fetch),
        (blocks.mark, blocks.fetch),
        (compiled(blocks.mark), compiled(blocks.fetch)),
    ):
        keys, seen = np.empty(len(rows), np.int64), np.zeros(int(np.prod(radices)), bool)
        mark(rows, np.array(radices, np.int64), keys, seen)
        out = np.empty(len(rows), np.uint16)
        fetch(keys, np.cumsum(seen) - 1, out)
        results.append((keys.tolist(), seen.tolist(), out.tolist()))
    assert results[0] == results[1] == results[2]
    assert results[0][0] == np.ravel_multi_index(tuple(rows.T.astype(np.int64)), radices).tolist()
