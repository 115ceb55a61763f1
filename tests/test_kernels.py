"""Each kernel as plain Python, compiled, and against its slow twin. Also run with NUMBA_DISABLE_JIT=1."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import matrices, words

import commlb
from commlb import kernels
from commlb.kernels import partition, windows


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
        reference.insert_windows(twin, window, text[:, t], 9)
        assert (table == twin).all()


def test_large_jobs_run_compiled_and_give_the_same():
    assert kernels.insert_windows(10) is windows.insert
    assert kernels.insert_windows(10**9) is kernels.compiled(windows.insert)
    small = commlb.reduce("cgram", 20, trials=100, seed=4)
    large = commlb.reduce("cgram", 20, trials=6000, seed=4)
    assert small.answers.errors == large.answers.errors == 0


BOTH = pytest.mark.parametrize("run", [lambda kernel: kernel, kernels.compiled], ids=["plain", "compiled"])


@BOTH
@settings(deadline=None)
@given(values=st.lists(words))
def test_mix_and_unmix(run, values):
    row = np.array(values, np.uint64)
    with np.errstate(over="ignore"):
        run(partition.mix)(row)
        assert row.tolist() == [reference.mix(z) for z in values]
        run(partition.unmix)(row)
    assert row.tolist() == values


@BOTH
@settings(deadline=None)
@given(hashed=st.lists(words), buckets=st.integers(1, 1000))
def test_scatter_and_gather(run, hashed, buckets):
    order = reference.bucket_order(hashed, buckets)
    row, sizes = np.array(hashed, np.uint64), np.zeros(buckets, np.int64)
    run(partition.sizes)(row, sizes)
    assert sizes.tolist() == [sum((z >> 32) * buckets // 2**32 == b for z in hashed) for b in range(buckets)]
    ends = np.cumsum(sizes)
    numbers, parted, back = (np.arange(len(row), dtype=np.uint64) for _ in range(3))
    places = ends - sizes
    run(partition.scatter)(row, places, numbers, parted)
    assert parted.tolist() == order
    assert (places == ends).all()
    run(partition.gather)(row, ends - sizes, parted, back)
    assert back.tolist() == list(range(len(row)))


@BOTH
@settings(deadline=None)
@given(columns=st.lists(st.tuples(*[st.integers(0, 2)] * 3)), scale=st.sampled_from([1, 2**32]))
def test_number_and_put(run, columns, scale):
    """Buckets are one for each first word; with ``scale`` all of a bucket's keys fall on one slot."""
    columns.sort(key=lambda column: column[0])
    keys = np.array(columns, np.uint64).reshape(-1, 3).T * np.uint64(scale)
    ends = np.array([sum(column[0] <= b for column in columns) for b in range(3)])
    table, group = np.zeros(4096, np.uint32), np.zeros(len(columns), np.uint32)
    found = run(partition.number)(keys, 0, ends, table, group)
    assert group.tolist() == reference.number(columns)
    assert found == len(set(columns))
    firsts = np.zeros(found, np.uint64)
    for w in range(3):
        run(partition.put)(group, keys[w], firsts)
        assert (firsts[group] == keys[w]).all()


@BOTH
@settings(deadline=None)
@given(data=st.data(), limbs=st.integers(1, 3), given_limbs=st.integers(1, 3), n=st.integers(0, 20))
def test_add_and_tally(run, data, limbs, given_limbs, n):
    which = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), np.uint32)
    values, out = data.draw(matrices(min(limbs, given_limbs), n)), data.draw(matrices(limbs, 4))
    tallied = out.copy()
    twin, ones = (reference.add(which, v, out) for v in (values, np.ones((1, n), np.uint64)))
    with np.errstate(over="ignore"):
        run(partition.add)(which, values, out)
        run(partition.tally)(which, tallied)
    assert reference.integers(out) == twin
    assert reference.integers(tallied) == ones
