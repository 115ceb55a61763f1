"""The arithmetic of networks: exp and its kind to a few last places, sums in one order, plain as compiled.

Also run with NUMBA_DISABLE_JIT=1.
"""

from __future__ import annotations

import hashlib
import os
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commlb import machines
from commlb.errors import BadInput
from commlb.kernels import cells
from commlb.machines.rnn import network
from commlb.machines.rnn.rows import Rows
from commlb.registry import registered
from commlb.tasks.index import Index

FAMILIES = registered("commlb.machines.rnn", network.Network)

KINDS = [np.float32, np.float64]
MANY = 1_000 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 30_000
LIMITS = {np.float32: 86.0, np.float64: 700.0}
"""Within these, exp neither saturates nor comes near the end of the numbers."""

wide = np.longdouble
EXACT = {
    "exp": np.exp,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
}
"""In numbers with 11 bits more than float64, where the platform has them (x86)."""
PLACES = {"exp": 1.0, "sigmoid": 2.5, "tanh": 2.5, "softplus": 2.5}
"""The error in last places must stay below this."""
FALLS = {"exp": 0, "sigmoid": 0, "tanh": 2, "softplus": 1}
"""By how many last places a result may lie below that of a smaller x."""

EXTREMES = [0.0, -0.0, 88.0, -88.0, 87.0, -87.0, 89.0, -89.0, 709.0, -709.0, 708.0, -708.0, 710.0, -710.0]
EXTREMES += [np.inf, -np.inf, np.nan, -np.nan, 1e-30, -1e-30, 1e30, -1e30, 5e-324, 1e-310, 2e-40, -2e-40]


def ordinary(dtype: type, many: int = MANY) -> np.ndarray:
    rng = np.random.default_rng(1)
    small = rng.normal(size=many) * 10.0 ** rng.uniform(-30, 0, many)
    spread = rng.uniform(-LIMITS[dtype], LIMITS[dtype], many)
    return np.concatenate([spread, rng.normal(size=many) * 3, small]).astype(dtype)


def extreme(dtype: type) -> np.ndarray:
    limit = np.finfo(dtype)
    with np.errstate(all="ignore"):
        near = np.array(EXTREMES, dtype)
        around = [near, np.nextafter(near, dtype(np.inf)), np.nextafter(near, dtype(-np.inf))]
    return np.concatenate([*around, np.array([limit.max, limit.min, limit.tiny, -limit.tiny], dtype)])


def apply(name: str, values: np.ndarray, compiled: bool) -> np.ndarray:
    shape = (1, -1) if compiled else (1, 1, -1)
    return getattr(Rows(values.dtype, compiled), name)(values.reshape(shape)).reshape(-1)


def canonical(values: np.ndarray) -> str:
    """A digest (long bytes that differ would hold pytest up) of the bits, all NaNs being one, as stored."""
    return hashlib.sha256(np.where(np.isnan(values), values.dtype.type(np.nan), values).tobytes()).hexdigest()


@pytest.mark.skipif(np.finfo(wide).nmant < 60, reason="no wider numbers here")
@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("name", EXACT)
def test_accurate_to_a_few_last_places(name, dtype):
    values = ordinary(dtype)
    exact = EXACT[name](values.astype(wide))
    found = apply(name, values, compiled=False)
    place = np.spacing(np.abs(exact).astype(dtype)).astype(wide)
    assert np.max(np.abs(found.astype(wide) - exact) / place) < PLACES[name]


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("name", EXACT)
def test_rising(name, dtype):
    values = np.sort(ordinary(dtype))
    found = apply(name, values, compiled=False)
    fall = (found[:-1] - found[1:]) / np.spacing(np.abs(found[1:]))
    assert fall.max() <= FALLS[name]
    assert found[0] < found[-1]


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("name", [*EXACT, "silu"])
def test_plain_and_compiled_give_the_same_bits(name, dtype):
    values = np.concatenate([ordinary(dtype), extreme(dtype)])
    with np.errstate(all="ignore"):
        assert canonical(apply(name, values, False)) == canonical(apply(name, values, True))


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_the_ends(dtype, compiled):
    """exp gives neither 0 nor infinity, tanh and σ reach their limits and stay in them, NaN stays NaN."""
    values = extreme(dtype)
    number = ~np.isnan(values)
    with np.errstate(all="ignore"):
        found = {name: apply(name, values, compiled) for name in EXACT}
    for name, result in found.items():
        assert (np.isnan(result) == ~number).all(), name
    assert (found["exp"][number] > 0).all()
    assert np.isfinite(found["exp"][number]).all()
    assert (np.abs(found["tanh"][number]) <= 1).all()
    assert (found["tanh"][values > 40] == 1).all()
    assert (np.signbit(found["tanh"]) == np.signbit(values))[number].all()
    assert (found["sigmoid"][number] > 0).all()
    assert (found["sigmoid"][number] <= 1).all()
    assert (found["sigmoid"][values == 0] == 0.5).all()
    assert (found["exp"][values == 0] == 1).all()
    assert (found["softplus"][number] >= np.maximum(values[number], 0)).all()


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("name", EXACT)
def test_ordinary_numbers_raise_no_warnings(name, dtype):
    """Nor do infinities; only |x| near the greatest number does, in tanh, and steps are silent about it."""
    with np.errstate(all="ignore"):
        values = np.concatenate([ordinary(dtype, 300), np.array(EXTREMES, dtype)])
    apply(name, values, compiled=False)


NUMBERS = st.floats(-1e3, 1e3, width=32)


def naive_dot(w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Σ_j w[i, j]·x[j], one number at a time, from 0, in the order of j."""
    rows, columns, runs = *w.shape, x.shape[1]
    out = np.zeros((rows, runs), w.dtype)
    for i, j, r in product(range(rows), range(columns), range(runs)):
        out[i, r] = out[i, r] + w[i, j] * x[j, r]
    return out


def as_rows(x: np.ndarray, compiled: bool) -> np.ndarray:
    """(features…, runs), as the kernels take it."""
    return np.ascontiguousarray(x if compiled else x[..., None, :])


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_dot_adds_in_order(dtype, compiled):
    """Every shape up to 9 × 9: the unrolled loops leave out no row or column and keep the order."""
    rng, m = np.random.default_rng(2), Rows(dtype, compiled)
    for rows, columns in product(range(10), range(10)):
        w, x = rng.normal(size=(rows, columns)).astype(dtype), rng.normal(size=(columns, 3)).astype(dtype)
        x *= dtype(10.0) ** rng.integers(-3, 4, (columns, 1)).astype(dtype)
        found = m.dot(w, as_rows(x, compiled)).reshape(rows, 3)
        assert found.tobytes() == naive_dot(w, x).tobytes(), (rows, columns)


def test_another_order_gives_other_bits():
    """So the test above can tell: summed from the end, or in pairs, some shape differs."""
    rng = np.random.default_rng(2)
    w, x = rng.normal(size=(5, 9)).astype(np.float32), rng.normal(size=(9, 3)).astype(np.float32)
    assert naive_dot(w[:, ::-1].copy(), x[::-1].copy()).tobytes() != naive_dot(w, x).tobytes()
    fused = (w.astype(np.float64) @ x.astype(np.float64)).astype(np.float32)
    assert fused.tobytes() != naive_dot(w, x).tobytes()


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@given(rows=st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=3, max_size=3), x=NUMBERS)
def test_dot_of_any_numbers(compiled, rows, x):
    w = np.array(rows, np.float32)
    column = np.array([[x], [-1.0], [1.0 / 3]], np.float32)
    found = Rows(np.float32, compiled).dot(w, as_rows(column, compiled))
    assert found.reshape(3, 1).tobytes() == naive_dot(w, column).tobytes()


def each(name: str, x: np.ndarray) -> np.ndarray:
    """σ or tanh of each number alone, in the plain kernel."""
    return apply(name, np.ascontiguousarray(x).reshape(-1), compiled=False).reshape(x.shape)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_gated_cells_are_their_equations(d, compiled, dtype):
    rng, m = np.random.default_rng(d), Rows(dtype, compiled)
    a, b = (rng.normal(size=(3 * d, 7)).astype(dtype) for _ in range(2))
    h = rng.normal(size=(d, 7)).astype(dtype)

    def run(kernel, *arrays):
        out = m.empty(d, as_rows(h, compiled))
        m.run(kernel, *(as_rows(array, compiled) for array in arrays), out)
        return out.reshape(d, 7)

    r, z = each("sigmoid", a[:d] + b[:d]), each("sigmoid", a[d : 2 * d] + b[d : 2 * d])
    n = each("tanh", a[2 * d :] + r * b[2 * d :])
    assert run(cells.gru, a, b, h).tobytes() == ((1 - z) * n + z * h).tobytes()
    gates = np.concatenate([a, b[:d]])
    i, f, g, o = (gates[k * d : (k + 1) * d] for k in range(4))
    c = each("sigmoid", f) * h + each("sigmoid", i) * each("tanh", g)
    assert run(cells.lstm_cell, gates, h).tobytes() == c.tobytes()
    assert run(cells.lstm_output, gates, h).tobytes() == (each("sigmoid", o) * each("tanh", h)).tobytes()


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize(("dk", "dv"), [(1, 1), (1, 3), (3, 1), (2, 5), (5, 2), (4, 4)])
def test_matrix_states_are_their_equations(dk, dv, compiled, dtype):
    rng, m = np.random.default_rng(dk * 10 + dv), Rows(dtype, compiled)
    s = rng.normal(size=(dk, dv, 3)).astype(dtype)
    decay, left, right, key, query = (rng.normal(size=(dk, 3)).astype(dtype) for _ in range(5))
    value = rng.normal(size=(dv, 3)).astype(dtype)
    carried, read = np.empty_like(s), np.empty((dv, 3), dtype)
    for v, r in product(range(dv), range(3)):
        old, answer = right[0, r] * s[0, v, r], query[0, r] * s[0, v, r]
        for k in range(1, dk):
            old = old + right[k, r] * s[k, v, r]
            answer = answer + query[k, r] * s[k, v, r]
        read[v, r] = answer
        for k in range(dk):
            carried[k, v, r] = (decay[k, r] * s[k, v, r] + left[k, r] * old) + key[k, r] * value[v, r]
    args = [as_rows(array, compiled) for array in (s, decay, left, right, key, value)]
    assert m.carried(*args).tobytes() == carried.tobytes()
    assert m.read(args[0], as_rows(query, compiled)).tobytes() == read.tobytes()


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("dtype", KINDS)
def test_norms_are_their_equations(dtype, compiled):
    rng, m = np.random.default_rng(0), Rows(dtype, compiled)
    x, weight, bias = rng.normal(size=(5, 4)).astype(dtype), rng.normal(size=5), rng.normal(size=5)
    wide_x = x.astype(np.float64)
    rms = wide_x / np.sqrt((wide_x**2).mean(axis=0) + 1e-5) * weight[:, None]
    centred = wide_x - wide_x.mean(axis=0)
    layer = centred / np.sqrt(wide_x.var(axis=0) + 1e-5) * weight[:, None] + bias[:, None]
    rows, near = as_rows(x, compiled), 1e-12 if dtype is np.float64 else 1e-5
    found = m.rms_norm(rows, m.column(weight), 1e-5)
    assert found.dtype == dtype
    np.testing.assert_allclose(found.reshape(5, 4), rms, rtol=near, atol=near)
    found = m.layer_norm(rows, m.column(weight), m.column(bias), 1e-5)
    assert found.dtype == dtype
    np.testing.assert_allclose(found.reshape(5, 4), layer, rtol=near, atol=near)
    assert m.sum(rows).reshape(4).tobytes() == (((x[0] + x[1]) + x[2]) + x[3] + x[4]).tobytes()


@pytest.mark.parametrize("precision", ["format=float32", "format=float64", "format=e4m3", "p=4"])
@pytest.mark.parametrize("cls", FAMILIES.values(), ids=FAMILIES)
def test_steps_of_networks_are_silent_whatever_overflows(cls, precision):
    """With the largest weights: warnings are errors here; plain and compiled steps give the same bits."""
    name, _, text = cls.examples[0].partition(":")
    own = [part for part in text.split(",") if part.partition("=")[0] not in ("p", "format", "range")]
    made = machines.build(f"{name}:{','.join([*own, precision])}", Index(6, 4), 6)
    rng, most = np.random.default_rng(0), float(np.finfo(made.dtype).max)
    drawn, wanted = made.weights, made.wanted()
    made.weights = {key: rng.choice([-most, 0.0, most], array.shape) for key, array in drawn.items()}
    try:
        made.use(compiled=False)
    except BadInput:  # a family may refuse numbers of which it computes others; products take any
        made.weights |= {key: drawn[key] for key, weight in wanted.items() if not weight.product}
    found = []
    for compiled in (False, True):
        made.use(compiled)
        states = made.start(9)
        for t in range(7):
            states = made.step(states, np.arange(9) % 4, t)
        assert made.unpack(made.pack(states)).tobytes() == states.tobytes()
        found.append(states.tobytes() + made.output(states).tobytes())
        made.trace(np.zeros((2, 3), np.int64))
    assert found[0] == found[1]
