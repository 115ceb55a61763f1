"""Unrolled tasks: what they run, what they leave out, what they refuse."""

from __future__ import annotations

import itertools
import math

import pytest

import commlb
from commlb.errors import BadInput, OverLimit
from commlb.layers import Limits, tabulate, unroll, unroll_machine
from commlb.machines.base import BROKEN, UNDEFINED, Automaton
from commlb.tasks import task_classes

EXAMPLES = [task for cls in task_classes().values() for task in cls.examples()]


class Plain(Automaton):
    """An automaton by three functions."""

    def __init__(self, step, answer=lambda state: 0, start=0):
        self._step, self._answer, self._start = step, answer, start

    def start(self):
        return self._start

    def step(self, state, token, t):
        return self._step(state, token, t)

    def answer(self, state):
        return self._answer(state)


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_layers_answer_as_the_task_does(task):
    alphabets = [task.alphabet(t) for t in range(task.length)]
    if math.prod(map(len, alphabets)) > 3000:
        pytest.skip("many streams")
    found = [unroll(task.automaton(), alphabets, task.answered_at)]
    if task.total:
        found.append(unroll_machine(task.machine(), alphabets, task.answered_at))
    for stream in itertools.product(*alphabets):
        right = task.run(stream)
        if right is not UNDEFINED and len(task.answered_at) == 1:
            right = (right,)
        assert all(layers.run(stream) == right for layers in found)
    assert found[0].total_from == 0 or not task.total


def test_what_no_valid_stream_passes_is_left_out():
    def step(state, token, t):
        return BROKEN if state == "trap" else "trap" if token == "b" else "fine"

    layers = unroll(Plain(step, start="fine"), ["ab"] * 3, [3])
    assert layers.widths == (1, 1, 1, 2)
    assert [table.tolist() for table in layers.following] == [[[0, -1]], [[0, -1]], [[0, 1]]]
    assert layers.total_from == 0  # "b" is barred after every prefix alike


def test_an_answer_outside_the_promise_bars_the_state():
    layers = unroll(
        Plain(lambda s, token, t: token, lambda s: UNDEFINED if s == 1 else s), [(0, 1, 2)] * 2, [1, 2]
    )
    assert layers.widths == (1, 2, 2)
    assert layers.run((1, 0)) is UNDEFINED
    assert layers.run((2, 0)) == (2, 0)


def test_tokens_states_and_answers_may_be_anything_hashable():
    pairs = [("u", 1), frozenset("v"), None]
    layers = unroll(Plain(lambda s, token, t: (s, token), lambda s: s, ()), [pairs] * 2, [2])
    assert layers.run((None, pairs[1])) == (((((), None), pairs[1])),)


def test_limits_are_said_before_the_work():
    grow = Plain(lambda s, token, t: (s, token))
    with pytest.raises(
        OverLimit, match=r"states, layers 0 to 5: 63 needed, the limit is 40; .*--max-states"
    ) as caught:
        unroll(grow, [(0, 1)] * 20, [20], Limits(40))
    assert caught.value.finished == (1, 2, 4, 8, 16)
    with pytest.raises(OverLimit, match=r"bytes, layers 0 to .*--max-memory"):
        unroll(grow, [(0, 1)] * 20, [20], Limits(max_memory=10_000))
    machine = commlb.tasks.index.Index(30, 2)
    alphabets = [machine.alphabet(t) for t in range(31)]
    with pytest.raises(OverLimit, match="bytes, layers 0 to 10") as caught:
        unroll_machine(machine.machine(), alphabets, [31], Limits(max_memory=50_000))
    assert caught.value.finished == tuple(2**t for t in range(10))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: unroll(Plain(lambda s, a, t: [a]), ["ab"], [1]), r"state after position 0 is not hashable"),
        (
            lambda: unroll(Plain(lambda s, a, t: a, lambda s: [s]), ["ab"], [1]),
            r"answer \['a'\] is not hashable",
        ),
        (lambda: unroll(Plain(lambda s, a, t: a), [[[1], [2]]], [1]), "token at position 0 is not hashable"),
        (lambda: unroll(Plain(lambda s, a, t: a), ["aa"], [1]), "different tokens"),
        (lambda: unroll(Plain(lambda s, a, t: a), ["ab", ""], [2]), "alphabet at position 1"),
        (lambda: unroll(Plain(lambda s, a, t: a), ["ab"] * 2, [1]), "and after N"),
        (lambda: unroll(Plain(lambda s, a, t: a), ["ab"] * 2, [2, 3]), "at most N = 2"),
        (lambda: unroll(Plain(lambda s, a, t: BROKEN), ["ab"] * 2, [2]), "no stream is within the promise"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(BadInput, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_tabulate_counts_streams_first():
    table, answers = tabulate(lambda s: UNDEFINED if s == ("b", 1) else s[1], ["ab", (0, 1, 2)])
    assert (table.tolist(), answers) == ([0, 1, 2, 0, -1, 2], (0, 1, 2))
    with pytest.raises(OverLimit, match="states, one a stream: 8 needed, the limit is 7"):
        tabulate(lambda s: 0, ["ab"] * 3, Limits(7))
