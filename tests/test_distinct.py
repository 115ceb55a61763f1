"""Distinct keys and their sums, by sorting, by plain kernels and by compiled ones, against dictionaries."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import matrices

from commlb.errors import BadInput
from commlb.kernels import compiled, distinct, partition, parts

WORD = 2**64
WAYS = ["sorted", "plain", "compiled"]


@contextlib.contextmanager
def way(name: str, bucket: int = parts.BUCKET):
    """Run ``distinct`` in one of ``WAYS``, whatever N is, with buckets of about ``bucket`` keys."""
    with (
        np.errstate(over="ignore"),
        mock.patch.object(distinct, "FROM", 10**9 if name == "sorted" else 0),
        mock.patch.object(parts, "BUCKET", bucket),
        mock.patch.object(distinct, "compiled", compiled if name == "compiled" else lambda kernel: kernel),
    ):
        yield


def plain_unmix(values: list[int]) -> list[int]:
    """Words whose hashes are ``values``."""
    row = np.array(values, np.uint64)
    with np.errstate(over="ignore"):
        partition.unmix(row)
    return row.tolist()


@st.composite
def jobs(draw):
    n = draw(st.integers(0, 40))
    keys = draw(matrices(draw(st.integers(1, 4)), n))
    counts = draw(st.none() | st.integers(1, 3).flatmap(lambda limbs: matrices(limbs, n)))
    return keys, counts


def check(keys, counts, workspace=None):
    """``distinct`` and ``groups`` against the dictionary; returns what ``distinct`` gave."""
    before = keys.copy(), None if counts is None else counts.copy()
    ones = np.ones((1, keys.shape[1]), np.uint64)
    twin = reference.distinct(keys, ones if counts is None else counts)
    found, sums = distinct.distinct(keys, counts, workspace)
    assert found.dtype == sums.dtype == np.uint64
    assert found.shape == (len(keys), len(twin))
    assert sums.shape == (1 if counts is None else len(counts), len(twin))
    assert dict(zip(map(tuple, found.T.tolist()), reference.integers(sums), strict=True)) == twin
    columns, which = distinct.groups(keys, workspace)
    assert (columns == found).all()
    assert which.dtype == np.int64
    assert (columns[:, which] == keys).all()
    assert (keys == before[0]).all()
    assert counts is None or (counts == before[1]).all()
    return found, sums


@pytest.mark.parametrize("name", WAYS)
@settings(deadline=None, max_examples=150)
@given(job=jobs(), bucket=st.sampled_from([1, 4, 4096]))
def test_distinct_and_groups(name, job, bucket):
    with way(name, bucket):
        check(*job)


@settings(deadline=None, max_examples=60)
@given(job=jobs(), bucket=st.sampled_from([1, 4, 4096]))
def test_plain_and_compiled_give_the_same_order(job, bucket):
    results = []
    for name in ("plain", "compiled"):
        with way(name, bucket):
            results.append(distinct.distinct(*job))
    assert all((a == b).all() for a, b in zip(*results, strict=True))


HARD = {
    "no key": [],
    "one key": [5],
    "smallest and largest": [0, WORD - 1, 0, WORD - 1, WORD - 1],
    "all equal": [7] * 3000,
    "all distinct": list(range(3000)),
    "one bucket": plain_unmix([(5 << 54) + k for k in range(2000)] * 2),
    "one bucket, one slot": plain_unmix([(5 << 54) + (k << 20) for k in range(200)] * 2),
    "one key in half": [v for k in range(1500) for v in (9, k)],
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("hard", HARD)
@pytest.mark.parametrize("width", [1, 3])
def test_hard_sets(name, hard, width):
    keys = np.array([HARD[hard]], np.uint64)
    keys = np.vstack([keys, *[np.zeros_like(keys)] * (width - 1)])
    counts = np.full((2, keys.shape[1]), WORD - 1, np.uint64)
    with way(name, 1):
        check(keys, None)
        check(keys, counts)


@pytest.mark.parametrize("name", WAYS)
def test_keys_with_one_hash_are_told_apart(name):
    """w_0 = unmix(h) ^ mix(w_1) gives every w_1 the hash h."""
    (scrambled,) = plain_unmix([12345])
    second = [1, 2, 3, 2, 1]
    keys = np.array([[scrambled ^ reference.mix(w) for w in second], second], np.uint64)
    with way(name):
        _, sums = check(keys, None)
    assert sorted(sums[0].tolist()) == [1, 2, 2]


@pytest.mark.parametrize("name", WAYS)
def test_results_outlive_their_workspace(name):
    workspace = distinct.Workspace()
    rng = np.random.default_rng(1)
    with way(name, 4):
        first = check(rng.integers(0, 99, (2, 300)).astype(np.uint64), None, workspace)
        copies = [part.copy() for part in first]
        for n in (500, 20, 300):
            check(rng.integers(0, 99, (3, n)).astype(np.uint64), np.ones((2, n), np.uint64), workspace)
    assert all((part == copy).all() for part, copy in zip(first, copies, strict=True))


@pytest.mark.parametrize("name", WAYS)
def test_any_strides_and_arrays_that_may_not_be_written(name):
    keys = np.arange(240, dtype=np.uint64).reshape(80, 3) % np.uint64(50)
    counts = np.ones((1, 1), np.uint64).repeat(160, axis=1)[:, ::2]
    keys.setflags(write=False)
    counts.setflags(write=False)
    with way(name):
        check(keys.T, counts)
        check(keys.T[:1], None)


def test_either_side_of_the_threshold():
    rng = np.random.default_rng(2)
    for n in (distinct.FROM - 1, distinct.FROM):
        keys = rng.integers(0, n // 2, (1, n)).astype(np.uint64)
        with np.errstate(over="ignore"):
            found, sums = distinct.distinct(keys)
        twin, times = np.unique(keys, return_counts=True)
        order = np.argsort(found[0])
        assert (order == np.arange(len(order))).all() == (n < distinct.FROM)
        assert (found[0, order] == twin).all()
        assert (sums[0, order] == times).all()


@pytest.mark.parametrize("name", WAYS)
@settings(deadline=None, max_examples=80)
@given(data=st.data(), limbs=st.integers(1, 3), n=st.integers(0, 30))
def test_sums_by_group_and_dense_counts(name, data, limbs, n):
    which = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)), np.int64)
    values = data.draw(matrices(data.draw(st.integers(1, limbs)), n))
    start = data.draw(matrices(limbs, 6))
    twin = reference.add(which, values, start)
    ones = reference.add(which, np.ones((1, n), np.uint64), start)
    with way(name):
        twice = np.stack([start, start])
        distinct.sum_groups(which, np.stack([values, values]), twice)
        assert [reference.integers(out) for out in twice] == [twin, twin]
        flat = np.stack([start[0], start[0]])
        distinct.sum_groups(which, np.stack([values[0], values[0]]), flat)
        assert flat.tolist() == [reference.add(which, values[:1], start[:1])] * 2
        table = start.copy()
        distinct.dense_counts(which.astype(np.uint64), values, table)
        assert reference.integers(table) == twin
        table = start.copy()
        distinct.dense_counts(which.astype(np.uint64), None, table)
        assert reference.integers(table) == ones
    found, sums = distinct.dense_distinct(table)
    assert found.dtype == sums.dtype == np.uint64
    assert dict(zip(found[0].tolist(), reference.integers(sums), strict=True)) == {
        key: count for key, count in enumerate(ones) if count
    }


KEYS = np.zeros((1, 4), np.uint64)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: distinct.distinct(KEYS[0]),
        lambda: distinct.distinct(KEYS[:0]),
        lambda: distinct.groups(KEYS.astype(np.int64)),
        lambda: distinct.distinct(KEYS, KEYS[:, :3]),
        lambda: distinct.distinct(KEYS, KEYS[0]),
        lambda: distinct.sum_groups(np.array([0, 1, 2, 3]), KEYS, KEYS[:, :3].copy()),
        lambda: distinct.sum_groups(np.array([0, 0, 0, -1]), KEYS, KEYS.copy()),
        lambda: distinct.sum_groups(np.array([0, 0, 0]), KEYS, KEYS.copy()),
        lambda: distinct.sum_groups(np.zeros(4, np.int64), KEYS[None].repeat(2, axis=1), KEYS[None].copy()),
        lambda: distinct.dense_counts(KEYS[0] + np.uint64(4), None, KEYS.copy()),
        lambda: distinct.dense_counts(KEYS[0], KEYS.repeat(2, axis=0), KEYS.copy()),
    ],
)
def test_what_does_not_fit_is_refused(refused):
    with pytest.raises(BadInput, match="given"):
        refused()


def test_few_keys_load_no_numba():
    code = (
        "import sys, numpy as np\n"
        "from commlb.kernels import distinct\n"
        "keys = np.zeros((2, 1000), np.uint64)\n"
        "distinct.distinct(keys, keys), distinct.groups(keys)\n"
        "distinct.dense_counts(keys[0], keys, keys.copy())\n"
        "distinct.sum_groups(np.arange(9), keys[:, :9], keys)\n"
        "assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
