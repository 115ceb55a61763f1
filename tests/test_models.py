"""What a model's state is made of: codes of numbers, nested objects taken apart, plain objects stepped."""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
import random
import struct
from typing import NamedTuple

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import commlb
from commlb.errors import BadInput
from commlb.models.base import DTYPES, tensor
from commlb.models.leaves import Hole, put_together, signature, take_apart
from commlb.models.plain import PlainModel, adapt

# Codes.

LETTERS = {
    "float64": "d", "float32": "f", "float16": "e", "bool": "?", "int8": "b", "int16": "h", "int32": "i",
    "int64": "q",
    "uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q",
}  # fmt: skip


@pytest.mark.parametrize("name", LETTERS)
def test_codes_are_what_struct_packs(name):
    made, letter = DTYPES[name], LETTERS[name]
    assert struct.calcsize(f"<{letter}") * 8 == made.bits
    if made.floating:
        numbers = [0.0, -0.0, 1.5, -2.0, float("inf"), float("-inf"), 6e-5]
    else:
        high = 1 if name == "bool" else 2 ** (made.bits - (name[0] == "i")) - 1
        numbers = [0, 1, high, -high - 1 if name[0] == "i" else high // 2]
    wanted = [int.from_bytes(struct.pack(f"<{letter}", number), "little") for number in numbers]
    codes = made.codes(np.array(numbers, made.array))
    assert codes.tolist() == wanted
    assert np.array_equal(made.numbers(codes), np.array(numbers, made.array))


@pytest.mark.parametrize("name", ["bfloat16", "float16", "int16", "uint16"])
def test_all_16_bit_codes_come_back(name):
    codes = np.arange(2**16, dtype=np.uint64)
    numbers = DTYPES[name].numbers(codes)
    assert DTYPES[name].codes(numbers).tolist() == codes.tolist()
    types = {"bfloat16": ml_dtypes.bfloat16, "float16": np.float16, "int16": "i2", "uint16": "u2"}
    with np.errstate(invalid="ignore"):  # NaNs that signal
        twin = codes.astype(np.uint16).view(types[name]).astype(np.float64)
        assert np.array_equal(numbers.astype(np.float64), twin, equal_nan=True)


@pytest.mark.parametrize("name", [name for name, made in DTYPES.items() if made.bits in (32, 64, 8)])
@given(data=st.data())
def test_random_codes_come_back(name, data):
    """NaNs with all their bits, and −0.0, too: what a model keeps is not touched."""
    made = DTYPES[name]
    most = 1 if name == "bool" else 2**made.bits - 1
    codes = data.draw(st.lists(st.integers(0, most), min_size=1, max_size=8))
    codes += [0, most] + ([1 << (made.bits - 1), 0x7FA00001 << (made.bits - 32)] if made.floating else [])
    given_codes = np.array(codes, np.uint64)
    assert made.codes(made.numbers(given_codes)).tolist() == codes


def test_types_that_are_no_numbers_are_refused():
    for array in (np.array(["a"]), np.array([None]), np.array([1j]), np.array([0], "M8[s]")):
        with pytest.raises(BadInput, match="are not stored here; known: float64"):
            tensor(array)


# Nested objects.


@dataclasses.dataclass
class Pair:
    h: object
    n: object


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    h: object
    n: object


class Named(NamedTuple):
    h: object
    n: object


class Both(Slotted):
    """Slots, and attributes beside them."""


def is_number(name, value):
    return isinstance(value, (int, float, np.ndarray)) and not isinstance(value, bool)


NUMBERS = st.one_of(st.integers(-9, 9), st.floats(allow_nan=False), st.just(None), st.sampled_from("ab"))
NESTED = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(
            st.one_of(st.sampled_from(["a", "b", "a.b", "1"]), st.integers(0, 1)), inner, max_size=3
        ),
        st.builds(Pair, inner, inner),
        st.builds(Slotted, inner, inner),
        st.builds(Named, inner, inner),
        st.builds(lambda x: collections.deque([x], 4), inner),
        st.builds(lambda x: collections.OrderedDict(z=x), inner),
    ),
    max_leaves=12,
)


def count(thing):
    """Numbers in a nested object, by its repr's own structure: counted without taking it apart."""
    if isinstance(thing, (int, float)):
        return 1
    if isinstance(thing, dict):
        return sum(map(count, thing.values()))
    if isinstance(thing, (list, tuple, collections.deque)):
        return sum(map(count, thing))
    return 0 if thing is None or isinstance(thing, str) else count(thing.h) + count(thing.n)


@given(NESTED)
def test_take_apart_and_put_together_are_inverse(thing):
    before = copy.deepcopy(thing)
    leaves, skeleton = take_apart(thing, is_number)
    assert thing == before
    assert len(leaves) == count(thing)
    again = put_together(skeleton, leaves)
    assert again == before
    assert type(again) is type(before)
    other = put_together(skeleton, dict.fromkeys(leaves, 7))
    assert thing == before
    assert take_apart(other, is_number)[1] == skeleton
    assert set(take_apart(other, is_number)[0].values()) <= {7}


def test_leaves_with_one_path_stay_two():
    leaves, skeleton = take_apart({"a.b": 1, "a": {"b": 2}, 1: 3, "1": 4}, is_number)
    assert sorted(leaves.values()) == [1, 2, 3, 4]
    assert put_together(skeleton, leaves) == {"a.b": 1, "a": {"b": 2}, 1: 3, "1": 4}


def test_an_array_in_two_places_is_one_leaf():
    array = np.zeros(2)
    leaves, skeleton = take_apart([array, {"again": array}, np.zeros(2)], is_number)
    assert list(leaves) == ["0", "2"]
    again = put_together(skeleton, leaves)
    assert again[0] is again[1]["again"] is not again[2]


def test_slots_and_attributes_are_both_parts():
    thing = Both(1, 2)
    object.__setattr__(thing, "more", 3)
    leaves, skeleton = take_apart(thing, is_number)
    assert leaves == {"h": 1, "n": 2, "more": 3}
    assert put_together(skeleton, leaves).more == 3


def test_what_holds_itself_is_refused():
    loop = [1]
    loop.append(loop)
    held = Pair(0, None)
    held.n = {"back": held}
    for thing in (loop, held):
        with pytest.raises(BadInput, match=r"nested 32 deep.*does it hold itself"):
            take_apart(thing, is_number)


def test_what_nobody_can_compare_is_opaque():
    class Bag(set):
        pass

    class Box(dict):
        pass

    box = Box(a=1)
    box.hidden = [2]
    for thing in (random.Random(1), np.random.default_rng(1), {1, 2}, Bag(), iter([1]), len, lambda: 0, box,
                  np.ma.masked_array([1.0]), 1j, bytearray(b"x"), type):  # fmt: skip
        opaque = []
        signature(take_apart([thing], lambda name, value: False)[1], opaque)
        assert opaque == [thing] or opaque[0] is thing, thing
    opaque = []
    kept = [
        None,
        "x",
        (),
        {},
        [],
        collections.deque(),
        Pair(None, "a"),
        object(),
        enum.Enum("E", "A B").A,
        Hole("h"),
    ]
    signature(kept, opaque)
    assert [type(thing) for thing in opaque] == [object]


# Plain objects.


def stepped(thing, tokens, model=None, state=None, t=0):
    model, found = model or PlainModel(thing), []
    for k, token in enumerate(tokens, t):
        state, output = model.step(state, token, k)
        found.append((state, output))
    return found


def cell(start, step, readout=None):
    body = {"initial": lambda: start, "step": step} | ({"readout": readout} if readout else {})
    return type("Cell", (), {name: staticmethod(call) for name, call in body.items()})()


Phase = enum.Enum("Phase", "ONE TWO")
FORMS = [
    ("int", 0, lambda s, x: s + x, {"state": ("int64", ())}),
    ("float", 0.0, lambda s, x: 0.5 * s + x, {"state": ("float64", ())}),
    ("bool", False, lambda s, x: bool(s ^ (x & 1)), {"state": ("bool", ())}),
    ("float32", np.float32(0), lambda s, x: s + np.float32(x), {"state": ("float32", ())}),
    ("array", np.zeros(3), lambda s, x: s * 0.5 + x, {"state": ("float64", (3,))}),
    ("no axes", np.array(0, np.int16), lambda s, x: np.asarray(s + np.int16(x)), {"state": ("int16", ())}),
    ("empty", (np.zeros((0, 2)), 1), lambda s, x: (s[0], s[1] + x), {"0": ("float64", (0, 2)), "1": ("int64", ())}),
    ("tuple", (0, 0.0), lambda s, x: (s[1] > 1, s[1] + x), {"0": ("bool", ()), "1": ("float64", ())}),
    ("dict", {"a": {"b": 0}}, lambda s, x: {"a": {"b": s["a"]["b"] + x}}, {"a.b": ("int64", ())}),
    ("dataclass", Pair(0, 1.0), lambda s, x: Pair(s.h + x, s.n), {"h": ("int64", ()), "n": ("float64", ())}),
    ("slots", Slotted(0, 1), lambda s, x: Slotted(s.n, s.h + x), {"h": ("int64", ()), "n": ("int64", ())}),
    ("named tuple", Named(0, 1), lambda s, x: s._replace(h=s.h + x), {"h": ("int64", ()), "n": ("int64", ())}),
    ("deque", collections.deque([0], 3), lambda s, x: (s.append(x), s)[1], None),
    ("a list that grows with t", [], lambda s, x: [*s, x], None),
    ("words beside", ("x", Phase.ONE, 0), lambda s, x: (s[0], s[1], s[2] + (s[1] is Phase.ONE) * x), None),
    ("bfloat16", np.zeros(2, ml_dtypes.bfloat16), lambda s, x: (s + np.full(2, x / 3, s.dtype)).astype(s.dtype),
     {"state": ("bfloat16", (2,))}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "step", "shapes"), [form[1:] for form in FORMS], ids=[form[0] for form in FORMS]
)
def test_forms_of_state(start, step, shapes):
    """The state after a stream is that of the object stepped by hand, and the object is stepped as it was made."""
    tokens, held = [1, 2, 3, 5], copy.deepcopy(start)
    found = stepped(cell(start, step), tokens)
    for token, (state, _) in zip(tokens, found, strict=True):
        held = step(held, token)
        leaves = take_apart(
            held, lambda name, value: isinstance(value, (int, float, np.generic, np.ndarray))
        )[0]
        assert {name: made.numbers.tolist() for name, made in state.items()} == {
            name: np.array(value).tolist() for name, value in leaves.items()
        }
        if shapes is not None:
            assert {name: (made.dtype, made.numbers.shape) for name, made in state.items()} == shapes


def test_steps_in_place_reach_no_older_state():
    def step(state, token):
        state["h"] += token
        state["l"].append(token)
        return state

    thing = cell({"h": np.zeros(2), "l": []}, step)
    found = [state for state, _ in stepped(thing, [1, 2, 3])]
    assert [state["h"].numbers.tolist() for state in found] == [[1, 1], [3, 3], [6, 6]]
    again = [
        state for state, _ in stepped(thing, [1, 2, 3])
    ]  # the object gave the same start state to both runs
    assert [state["h"].numbers.tolist() for state in again] == [[1, 1], [3, 3], [6, 6]]
    assert [len(state) for state in found] == [2, 3, 4]


def test_tied_arrays_stay_tied():
    def step(state, token):
        state[0][0] += token
        return [state[0], state[0]]

    model = PlainModel(cell([np.zeros(1)] * 2, step))
    found = stepped(None, [1, 2], model)
    assert [{name: held.numbers.tolist() for name, held in state.items()} for state, _ in found] == [
        {"0": [1.0]},
        {"0": [3.0]},
    ]


def test_the_position_is_a_third_argument():
    found = stepped(cell(0, lambda state, token, t: state + token * 10**t), [1, 2, 3])
    assert found[-1][0]["state"].numbers == 321
    for step, wanted in ((lambda s, x, t=9: s + t, 1), (lambda s, x, width=9: s + width, 18)):
        assert stepped(cell(0, step), [0, 0])[-1][0]["state"].numbers == wanted


def test_readouts():
    assert [output for _, output in stepped(cell(0, lambda s, x: s + x, lambda s: s % 2), [1, 1, 1])] == [
        1,
        0,
        1,
    ]
    assert [output for _, output in stepped(cell(0, lambda s, x: s + x), [1])] == [None]
    model = adapt(commlb.model(cell(0, lambda s, x: s + x), readout=lambda s: -s), 2)
    assert stepped(None, [1, 1], model)[-1][1] == -2


def test_a_fresh_model_has_nothing_of_the_old_one():
    class Hides:
        def __init__(self):
            self.seen = 0

        def initial(self):
            return 0

        def step(self, state, token):
            self.seen += token
            return self.seen

    model = PlainModel(Hides())
    (first, _), *_ = stepped(None, [5], model)
    (again, _), *_ = stepped(None, [5], model.fresh())
    (kept, _), *_ = stepped(None, [5], model)
    assert [int(state["state"].numbers) for state in (first, again, kept)] == [5, 5, 10]
    model.fresh().step(first, 1, 1)  # the form of a state is known to it

    class Locked(Hides):
        def __deepcopy__(self, memo):
            raise TypeError("holds a lock")

    locked = PlainModel(Locked())
    assert locked.fresh() is locked


BAD = [
    ("a string alone", "x", lambda s, x: s, "must hold numbers or arrays; given str"),
    ("a generator", (0, np.random.default_rng(1)), lambda s, x: s, "it holds a Generator, whose bits nobody"),
    ("Python's own generator", [0, random.Random(1)], lambda s, x: s, "it holds a Random, whose bits nobody"),
    ("a set", (0, {1}), lambda s, x: s, "it holds a set"),
    ("a function", (0, len), lambda s, x: s, "it holds a builtin_function_or_method"),
    ("a masked array", np.ma.masked_array([1.0]), lambda s, x: s, "must hold numbers or arrays; given MaskedArray"),
    ("a large integer", 1, lambda s, x: s << 40, "an integer beyond 64 bits, so it has no fixed size; given 12"),
    ("text in an array", np.array(["a"]), lambda s, x: s, "numbers of type <U1 are not stored"),
    ("complex numbers", np.zeros(2, complex), lambda s, x: s, "numbers of type complex128 are not stored"),
    ("itself", [0], lambda s, x: (s.append(s), s)[1], "does it hold itself"),
]  # fmt: skip


@pytest.mark.parametrize(("start", "step", "text"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_states_that_cannot_be_counted(start, step, text):
    with pytest.raises(BadInput, match=text) as caught:
        stepped(cell(start, step), [1, 1])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "step",
    [
        lambda s, x: [s[0], "odd" if x else "even"],
        lambda s, x: [*s[:1], *range(x)],
        lambda s, x: [s[0], None if x else 1],
        lambda s, x: {"a": 1} if x else [1],
        lambda s, x: [s[0], Phase.ONE if x else Phase.TWO],
    ],
    ids=["a word", "a length", "None", "another container", "a member"],
)
def test_forms_that_tell_of_tokens_are_refused(step):
    model = PlainModel(cell([0], step))
    stepped(None, [0, 0], model)
    with pytest.raises(BadInput, match="has another form in one stream than in another"):
        stepped(None, [1, 1], model)


def test_what_is_no_plain_object():
    for thing, text in (
        (object(), "object has no initial"),
        (type("S", (), {"initial": len})(), "S has no step"),
    ):
        with pytest.raises(BadInput, match=text):
            PlainModel(thing)
    with pytest.raises(BadInput, match="leave embed out"):
        adapt(commlb.model(cell(0, lambda s, x: s), embed=[1]), 2)
