"""Number formats against ml_dtypes and exact fractions: every code, and rounding in both arithmetics.

Also run with NUMBA_DISABLE_JIT=1, where the compiled kernels are plain Python, on fewer values.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commlb import bits
from commlb.errors import BadInput
from commlb.formats import FORMATS, Format, chosen, fixed, named
from commlb.kernels import cells
from commlb.machines.rnn.rows import Rows

ml_dtypes = pytest.importorskip("ml_dtypes")

THEIRS = {
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
    "e4m3": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
    "e2m3": ml_dtypes.float6_e2m3fn,
    "e3m2": ml_dtypes.float6_e3m2fn,
    "e2m1": ml_dtypes.float4_e2m1fn,
}
FIXED = [(p, span) for p in (1, 2, 5, 8, 15, 16, 17, 24, 31, 32) for span in (2.0**-30, 0.5, 4.0, 2.0**30)]
ARITHMETICS = [np.float32, np.float64]
WITHOUT_COMPILER = os.environ.get("NUMBA_DISABLE_JIT") == "1"
THIN = 29 if WITHOUT_COMPILER else 1
"""Every so manieth value is tried where kernels that would be compiled run number by number."""


@pytest.fixture(autouse=WITHOUT_COMPILER)
def rows_at_once(monkeypatch):
    """Codes are made of all numbers at once, however many."""
    monkeypatch.setattr(bits, "MANY", 2**40)


def canonical(values: np.ndarray) -> str:
    """A digest (long bytes that differ would hold pytest up) of the bits, so that a −0.0 or another NaN shows."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def all_numbers(form: Format) -> np.ndarray:
    """Its finite numbers, once each, in order."""
    values = form.decode(np.arange(2**form.bits, dtype=np.uint64))
    return np.unique(values[np.isfinite(values)])


def rounded(values: np.ndarray, form: Format, compiled: bool = False) -> np.ndarray:
    """``values`` as numbers of ``form``, in their own arithmetic."""
    m = Rows(values.dtype, compiled)
    shape = (1, -1) if compiled else (1, 1, -1)
    out = np.empty_like(values.reshape(shape))
    with np.errstate(all="ignore"):
        m.rounded(values.reshape(shape), form, out)
    return out.reshape(-1)


def probes(form: Format, dtype: type, seed: int = 0) -> np.ndarray:
    """Where rounding could go wrong: all numbers and midpoints and what lies beside them, and values at random."""
    rng = np.random.default_rng(seed)
    numbers = all_numbers(form)
    exact = np.concatenate([numbers, (numbers[1:] + numbers[:-1]) / 2])
    limit = np.finfo(dtype)
    last = (numbers[-1] - numbers[-2]) / 2
    beyond = np.array([1.0, 1.0 + 2.0**-20, 2.0, 2.5, 1e6]) * last + form.high
    with np.errstate(over="ignore"):
        centres = np.concatenate([exact, beyond, -beyond]).astype(dtype)
        low = np.nextafter(centres, dtype(-np.inf))
        high = np.nextafter(centres, dtype(np.inf))
        spread = form.high * np.exp2(rng.uniform(-60, 3, 4000)) * rng.choice([-1, 1], 4000)
        small = rng.uniform(-4, 4, 2000) * max(form.step, float(limit.tiny))
        noise = np.concatenate([spread, small, rng.normal(size=2000)]).astype(dtype)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, limit.max, limit.min, limit.tiny]
    tiny = [limit.smallest_subnormal, -limit.smallest_subnormal, -limit.tiny / 3]
    return np.concatenate([centres, low, high, noise, np.array(special + tiny, dtype)]).astype(dtype)


def by_table(values: np.ndarray, form: Format) -> np.ndarray:
    """The slow twin: the nearer of two neighbours in the list of all numbers, at a midpoint the even code."""
    numbers = all_numbers(form)
    exact = np.clip(np.where(np.isnan(values), 0, values).astype(np.float64), form.low, form.high)
    above = np.searchsorted(numbers, exact)
    upper, lower = numbers[above], numbers[np.maximum(above - 1, 0)]
    middle = (upper + lower) / 2
    even = np.where(form.encode(upper) % 2 == 0, upper, lower)
    near = np.where(exact > middle, upper, np.where(exact < middle, lower, even))
    near = np.where(exact == upper, upper, near) + 0.0
    return np.where(np.isnan(values), form.nan_value, near).astype(values.dtype)


@pytest.mark.parametrize("many", [2**40] if WITHOUT_COMPILER else [1, 2**40], ids=lambda k: f"from{k}")
@pytest.mark.parametrize("name", THEIRS)
def test_every_code_is_ml_dtypes_number(name, many, monkeypatch):
    """By compiled kernels and by plain ones."""
    monkeypatch.setattr(bits, "MANY", many)
    form, theirs = FORMATS[name], THEIRS[name]
    codes = np.arange(2**form.bits, dtype=np.uint64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = codes.astype(np.uint16 if form.bits == 16 else np.uint8).view(theirs).astype(np.float64)
    found = form.decode(codes)
    known = ~np.isnan(expected)
    assert (np.isnan(found) == ~known).all()
    assert canonical(found[known]) == canonical(expected[known])
    stored = np.isfinite(expected) & (codes != 2 ** (form.bits - 1))
    assert (form.encode(expected[stored]) == codes[stored]).all()
    if form.nan is not None:
        assert form.encode(np.array([np.nan, -np.nan])).tolist() == [form.nan] * 2
        assert np.isnan(form.decode(np.array([form.nan], np.uint64))).all()


@pytest.mark.parametrize("name", ["float32", "float64"])
@given(pattern=st.integers(0, 2**64 - 1))
def test_codes_of_float32_and_float64_are_their_bits(name, pattern):
    form = FORMATS[name]
    bits, word = (np.uint32, np.float32) if name == "float32" else (np.uint64, np.float64)
    number = np.array([pattern % 2**form.bits], bits).view(word)
    found = form.decode(number.view(bits).astype(np.uint64))
    if np.isnan(number[0]):
        assert np.isnan(found[0])
    else:
        assert found[0] == number[0]
        assert np.signbit(found[0]) == np.signbit(number[0])
    if np.isfinite(number[0]):
        assert int(form.encode(number)[0]) == pattern % 2**form.bits


@pytest.mark.parametrize("name", THEIRS)
def test_rounding_is_the_cast_of_ml_dtypes_but_saturates(name):
    """From float32: ties to even, subnormals; ours saturates, and has no −0.0 and one NaN."""
    form, theirs = FORMATS[name], THEIRS[name]
    values = probes(form, np.float32)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        cast = values.astype(theirs).astype(np.float32)
    expected = np.where(np.isfinite(cast), cast, np.copysign(np.float32(form.high), values))
    expected = np.where(np.isnan(values), np.float32(form.nan_value), expected) + np.float32(0)
    assert canonical(rounded(values, form)) == canonical(expected)
    assert canonical(rounded(values[::THIN], form, compiled=True)) == canonical(expected[::THIN])


def check_rounding(form: Format, dtype: type, compiled: bool = False) -> None:
    values = probes(form, dtype)[:: THIN if compiled else 1]
    found = rounded(values, form, compiled)
    assert canonical(found) == canonical(by_table(values, form))
    assert canonical(found) == canonical(form.decode(form.encode(found)).astype(dtype))


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("dtype", ARITHMETICS)
@pytest.mark.parametrize("name", THEIRS)
def test_rounding_takes_the_nearer_neighbour(name, dtype, compiled):
    check_rounding(FORMATS[name], dtype, compiled)


def by_fractions(values: np.ndarray, p: int, span: float) -> np.ndarray:
    """The slow twin of fixed point: exact fractions, which ``round`` takes half to even; then the ends."""
    most, step = 2 ** (p - 1), Fraction(span) / 2 ** (p - 1)
    ends = {np.inf: most, -np.inf: -most}
    exact = [0 if x != x else ends[x] if x in ends else round(Fraction(x) / step) for x in values.tolist()]
    return np.array([float(min(max(n, -most), most - 1) * step) for n in exact], values.dtype)


def check_fixed(p: int, span: float, dtype: type, compiled: bool = False) -> None:
    form, rng, most = fixed(p, span), np.random.default_rng(p), 2 ** (p - 1)
    whole = np.concatenate([rng.integers(-most - 2, most + 3, 60), [-most, most - 1, 0, 1, -1]])
    centres = np.concatenate([whole, whole + 0.5, whole - 0.5]) * form.step
    values = np.concatenate([centres, rng.uniform(-1.5 * span, 1.5 * span, 60), [0.0, -0.0, 1e300, -1e300]])
    with np.errstate(over="ignore"):
        near = values.astype(dtype)
    near = np.concatenate([near, np.nextafter(near, dtype(1e30)), np.nextafter(near, dtype(-1e30))])
    near = np.concatenate([near, np.array([np.inf, -np.inf, np.nan, -np.nan], dtype)])
    found = rounded(near, form, compiled)
    assert canonical(found) == canonical(by_fractions(near, p, span))
    assert canonical(form.decode(form.encode(found)).astype(dtype)) == canonical(found)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize(("p", "span"), FIXED)
def test_fixed_point_is_exact_fractions_rounded_half_to_even(p, span, compiled):
    for dtype in {fixed(p, span).dtype, np.float64}:
        check_fixed(p, span, dtype, compiled)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("name", ["float32", "float64"])
def test_float32_and_float64_pass_through(name, compiled):
    form = FORMATS[name]
    dtype, limit = form.dtype, np.finfo(form.dtype)
    word = np.uint32 if name == "float32" else np.uint64
    patterns = np.random.default_rng(0).integers(2**64 - 1, size=4000, dtype=np.uint64, endpoint=True)
    values = np.concatenate(
        [patterns.astype(word).view(dtype), np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan], dtype)]
    )
    expected = np.where(np.isnan(values), dtype(np.nan), np.clip(values, limit.min, limit.max)) + dtype(0)
    assert canonical(rounded(values, form, compiled)) == canonical(expected)
    assert int(form.encode(expected[-2:])[0]) == form.nan


@given(st.sampled_from(sorted(THEIRS)), st.floats(width=32), st.floats(width=32))
def test_rounding_is_idempotent_and_monotonic(name, x, y):
    form = FORMATS[name]
    values = np.array(sorted([x, y]), np.float32)
    once = rounded(values, form)
    assert canonical(rounded(once, form)) == canonical(once)
    assert np.isnan(values).any() or once[0] <= once[1]


@pytest.mark.parametrize("form", [*FORMATS.values(), *(fixed(p, span) for p, span in FIXED)], ids=str)
def test_what_a_format_says_of_itself(form):
    """Its ends and its step are numbers of it, nothing lies beyond, and its NaN is beyond the greatest number."""
    own = np.array([form.low, form.high, form.step if form.high else 0.0, 0.0])
    assert (form.decode(form.encode(own)) == own).all()
    assert (form.encode(own) < 2**form.bits).all()
    assert own[:2].astype(form.dtype).tolist() == own[:2].tolist()
    if form.bits <= 16:
        numbers = all_numbers(form)
        assert (numbers[0], numbers[-1]) == (form.low, form.high)
        assert form.high == 0 or numbers[numbers > 0][0] == form.step
    assert np.dtype(form.dtype).itemsize * 8 >= form.bits
    assert (form.nan is None) == (form.nan_value == 0.0)
    if form.nan is not None:
        assert int(form.encode(np.array([form.high]))[0]) < form.nan < 2**form.bits


@pytest.mark.parametrize("form", [*FORMATS.values(), fixed(1, 4.0), fixed(8, 0.5), fixed(32, 1.0)], ids=str)
def test_codes_compiled_and_plain_are_the_same(form, monkeypatch):
    """Of numbers, of codes (all there are, or random ones), of any shape, into an array or a new one."""
    rng = np.random.default_rng(0)
    codes = rng.integers(2**form.bits - 1, size=600, dtype=np.uint64, endpoint=True)
    if form.bits <= 8:
        codes[: 2**form.bits] = np.arange(2**form.bits)
    plain = form.decode(codes)
    stored = np.where(np.isfinite(plain), plain, form.nan_value) + 0.0
    expected = form.encode(stored)
    assert canonical(form.decode(expected)) == canonical(stored)
    monkeypatch.setattr(bits, "MANY", 1)
    assert canonical(form.decode(codes)) == canonical(plain)
    for shape in [(600,), (3, 200), (2, 3, 100), (600, 1)]:
        for numbers in (stored, stored.astype(form.dtype)):
            found = form.encode(numbers.reshape(shape))
            assert found.dtype == np.uint64
            assert canonical(found) == canonical(expected.reshape(shape))
        assert form.decode(expected.reshape(shape)).shape == shape
    for width in (form.bits, 64):  # side by side from bit 5 on, also over the end of a word
        rows = stored.astype(form.dtype).reshape(6, 100)
        words, into = np.zeros((-(-(5 + 6 * width) // 64), 100), np.uint64), np.empty_like(rows)
        form.pack(rows, words, 5, width)
        fields = bits.unpack(words, [5, *[width] * 6])
        assert not fields[0].any()
        assert canonical(fields[1:]) == canonical(expected.reshape(6, 100))
        form.unpack(words, into, 5, width)
        assert canonical(into) == canonical(rows)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3)])
def test_no_numbers_have_no_codes(shape):
    for form in (FORMATS["e4m3"], fixed(4, 1.0)):
        assert form.encode(np.zeros(shape, np.float32)).shape == shape
        assert form.decode(np.zeros(shape, np.uint64)).shape == shape


def test_formats_that_are_refused():
    for p in (0, -1, 33):
        with pytest.raises(BadInput, match=f"given {p}"):
            fixed(p, 1.0)
    for span in (0.0, -1.0, 3.0, float("nan"), float("inf"), 2.0**31, 2.0**-31):
        with pytest.raises(BadInput, match="power of two"):
            fixed(8, span)
    with pytest.raises(BadInput, match="did you mean 'bf16'"):
        named("bf61")
    with pytest.raises(BadInput, match="leave one out"):
        chosen(8, None, "bf16")
    with pytest.raises(BadInput, match="without p"):
        chosen(None, 1.0, None)


# Mistakes in rounding that must be noticed: each takes the place of a kernel.


def ties_away(x, out, low, high, magic, least, nan, below, cut, one):
    half = one << below >> one
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            y = np.where(x[i, r] == x[i, r], x[i, r], nan)
            y = np.minimum(np.maximum(y, low), high)
            large = number_of((bits_of(y) + half) & cut)  # noqa: F821
            out[i, r] = np.where(np.abs(y) < least, (y + magic) - magic, large) + ZERO  # noqa: F821


def no_saturation(x, out, low, high, magic, least, nan, below, cut, one):
    half = (one << below >> one) - one
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            y = np.where(x[i, r] == x[i, r], x[i, r], nan)
            bits = bits_of(y)  # noqa: F821
            large = number_of((bits + half + ((bits >> below) & one)) & cut)  # noqa: F821
            out[i, r] = np.where(np.abs(y) < least, (y + magic) - magic, large) + ZERO  # noqa: F821


def negative_zero_kept(x, out, low, high, magic, least, nan, below, cut, one):
    half = (one << below >> one) - one
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            y = np.where(x[i, r] == x[i, r], x[i, r], nan)
            y = np.minimum(np.maximum(y, low), high)
            bits = bits_of(y)  # noqa: F821
            large = number_of((bits + half + ((bits >> below) & one)) & cut)  # noqa: F821
            out[i, r] = np.copysign(np.where(np.abs(y) < least, (y + magic) - magic, large), y)


def subnormals_flushed(x, out, low, high, magic, least, nan, below, cut, one):
    half = (one << below >> one) - one
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            y = np.where(x[i, r] == x[i, r], x[i, r], nan)
            y = np.minimum(np.maximum(y, low), high)
            bits = bits_of(y)  # noqa: F821
            large = number_of((bits + half + ((bits >> below) & one)) & cut)  # noqa: F821
            out[i, r] = np.where(np.abs(y) < least, ZERO, large) + ZERO  # noqa: F821


@pytest.mark.parametrize("dtype", ARITHMETICS)
@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("mutant", [ties_away, no_saturation, negative_zero_kept, subnormals_flushed])
def test_mistakes_in_rounding_are_noticed(monkeypatch, mutant, name, dtype):
    monkeypatch.setattr(cells, "round_float", mutant)
    with pytest.raises(AssertionError):
        check_rounding(FORMATS[name], dtype)


def fixed_without_saturation(x, out, low, high, magic):
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            y = np.where(x[i, r] == x[i, r], x[i, r], ZERO)  # noqa: F821
            out[i, r] = ((y + magic) - magic) + ZERO  # noqa: F821


def fixed_with_ties_up(x, out, low, high, magic):
    step = np.nextafter(magic, magic + magic) - magic
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            y = np.where(x[i, r] == x[i, r], x[i, r], ZERO)  # noqa: F821
            y = np.minimum(np.maximum(y, low), high)
            out[i, r] = np.minimum(np.floor(y / step + out.dtype.type(0.5)) * step, high) + ZERO  # noqa: F821


def fixed_with_negative_zero(x, out, low, high, magic):
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            y = np.where(x[i, r] == x[i, r], x[i, r], ZERO)  # noqa: F821
            y = np.minimum(np.maximum(y, low), high)
            out[i, r] = np.copysign((y + magic) - magic, y)


@pytest.mark.parametrize("p", [2, 8, 16])
@pytest.mark.parametrize("mutant", [fixed_without_saturation, fixed_with_ties_up, fixed_with_negative_zero])
def test_mistakes_in_fixed_point_are_noticed(monkeypatch, mutant, p):
    monkeypatch.setattr(cells, "round_fixed", mutant)
    with pytest.raises(AssertionError):
        check_fixed(p, 4.0, np.float32)
