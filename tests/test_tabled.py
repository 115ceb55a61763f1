"""A user's own task by its tables: the machine, the automaton and the user's program say the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from reference import run_one

from commlb import machines
from commlb.errors import BadInput
from commlb.layers import unroll_machine
from commlb.machines.base import BROKEN, UNDEFINED
from commlb.minimum import exact
from commlb.prefixes import of_task
from commlb.tabled import tabled
from commlb.userfile import UserTask


class Palindrome:
    alphabet = "ab"

    def __init__(self, n):
        self.length = n

    def answer(self, stream):
        return stream == stream[::-1]


class Sorted(Palindrome):
    """Words out of abc whose letters do not fall; how many c they have."""

    alphabet = "abc"

    def answer(self, stream):
        return stream.count("c") if list(stream) == sorted(stream) else UNDEFINED


class Recall:
    """A word of two letters, then queries, each after the first another than before; answers in words."""

    length, answered_at = 4, (3, 4)

    def __init__(self, n):
        self.twice = n > 1

    def alphabet(self, t):
        return ("no", "yes", "maybe") if t < 2 else ("x", "y")

    def start(self):
        return ()

    def step(self, state, token, t):
        return BROKEN if t == 3 and token == state[2] and not self.twice else (*state, token)

    def answer(self, state):
        return state[0] if state[-1] == "x" else state[1]


class Running(Palindrome):
    """The parity so far, due after each token, and before the first."""

    alphabet = (0, 1)

    def __init__(self, n):
        super().__init__(n)
        self.answered_at = range(n + 1)

    def start(self):
        return 0

    def step(self, state, token, t):
        return state ^ token

    def answer(self, state):
        return state


CASES = [
    (Palindrome, 5), (Palindrome, 1), (Sorted, 4), (Recall, 1), (Recall, 2), (Running, 4),
]  # fmt: skip


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0].__name__}-{case[1]}")
def task(request):
    cls, n = request.param
    return tabled(UserTask(cls.__name__, n, cls(n)))


def streams(task):
    return itertools.product(*(task.alphabet(t) for t in range(task.length)))


def coded(task, answers):
    several = answers if len(task.answered_at) > 1 else (answers,)
    return [task.coded(answer) for answer in several]


def test_machine_and_automaton_give_the_users_answers_on_all_streams(task):
    machine = task.machine()
    outside = 0
    for stream in streams(task):
        right = task.solve(stream)
        assert task.run(stream) == right
        if right is UNDEFINED:
            outside += 1
            continue
        assert run_one(machine, stream, task.answered_at)[-len(task.answered_at) :] == [
            code for t, code in zip(task.answered_at, coded(task, right), strict=True) if t
        ]
    assert (outside == 0) == task.total


def test_batches_are_runs_one_by_one_and_packs_come_back(task):
    machine = task.machine()
    every = np.array(list(streams(task))).T
    states = machine.start(every.shape[1])
    for t, tokens in enumerate(every):
        before = states.copy()
        after = machine.step(states, tokens, t)
        assert (states == before).all()
        words = machine.pack(after)
        assert (machine.unpack(words) == after).all()
        assert int(words.max()).bit_length() <= machine.storage_bits
        states = after
    assert (machine.output(states) == [run_one(machine, stream) for stream in streams(task)]).all()


def test_the_machine_has_the_fewest_states(task):
    result = exact(task.user, engine=None)
    machine = task.machine()
    if task.total:
        alphabets = [task.alphabet(t) for t in range(task.length)]
        layers = unroll_machine(machine, alphabets, task.answered_at)
        assert list(layers.widths) == [cut.classes_at_least for cut in result.cuts]
    for cut in result.cuts[:-1]:
        assert 2 ** machine.capacity_bits(cut.t) >= cut.classes_at_most - 1e-9
    assert machine.largest_capacity_bits() <= machine.storage_bits


def test_windows_answer_what_their_tokens_decide(task):
    every = [(s, task.solve(s)) for s in streams(task)]
    valid = [(s, coded(task, right)) for s, right in every if right is not UNDEFINED]
    for place, end in enumerate(task.answered_at):
        for t in range(end + 1):
            said: dict[tuple[int, ...], set[int]] = {}
            for stream, codes in valid:
                said.setdefault(stream[t:end], set()).add(codes[place])
            for tokens, answers in said.items():
                found = task.from_window(tokens, t)
                assert found == (next(iter(answers)) if len(answers) == 1 else None)


def test_prefixes_are_those_that_can_be_completed(task):
    masses = list(of_task(task).masses())
    good = [stream for stream in streams(task) if task.solve(stream) is not UNDEFINED]
    assert masses == [len({stream[:t] for stream in good}) for t in range(task.length + 1)]


@pytest.mark.parametrize("spec", ["store", "window:w=1", "random:bits=4", "gru:d=2,p=4"])
def test_machines_of_every_kind_run_on_it(task, spec):
    machine = machines.build(spec, task, max(1, task.length - 1))
    stream = next(stream for stream in streams(task) if task.solve(stream) is not UNDEFINED)
    found = run_one(machine, stream, task.answered_at)
    assert all(answer in (-1, *task.answers) for answer in found)
    if spec == "store":
        right = coded(task, task.solve(stream))
        assert found[-1] == right[-1]


def test_answers_and_tokens_in_the_users_words():
    task = tabled(UserTask("Recall", 1, Recall(1)))
    assert [task.said(task.coded(word)) for word in ("no", "yes", "maybe")] == ["no", "yes", "maybe"]
    assert (task.spelled(2, 0), task.spelled(0, 3)) == ("maybe", "x")
    for answer in ("perhaps", 1, ["no"]):
        with pytest.raises(BadInput, match="Recall"):
            task.coded(answer)
    truths = tabled(UserTask("Palindrome", 3, Palindrome(3)))
    assert (truths.coded(False), truths.coded(True)) == (0, 1)
    with pytest.raises(BadInput, match="has no answer 1"):
        truths.coded(1)
    with pytest.raises(BadInput, match="made by the function or class"):
        type(truths).sized(3)
