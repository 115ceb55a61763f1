"""Reductions as tables: the same streams as what they are tables of, proved and refused by exhaustion."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import inputs
from tables import as_table, registered, star

from commlb import chains, machines, retention
from commlb.errors import BadInput, LimitError
from commlb.exhaustion import MAX_CALLS
from commlb.prefixes import of_alice
from commlb.proof import prove
from commlb.protocol import OneWayProtocol
from commlb.records_witness import Table
from commlb.reductions import build, reduction_classes
from commlb.reductions.table import TableReduction, of_table
from commlb.tasks.disjointness import Disjointness
from commlb.tasks.index import Index
from commlb.tasks.istree import IsTree
from commlb.tasks.mqar import MQAR

PAIRS = registered()
IDS = [repr(made) for made, _ in PAIRS]


@pytest.mark.parametrize(("made", "table"), PAIRS, ids=IDS)
def test_a_table_is_what_it_is_a_table_of(made, table):
    found = of_table(table, made.task)
    check = prove(found)
    assert (check.holds, check.evidence, check.width, check.every_n) == (True, "exhaustive", None, False)
    assert (check.inputs, check.queries) == (f"{made.symbols}^{made.n}", made.n)
    xs = np.array(list(inputs(made))).T
    streams = np.array(list(found.stream(xs)))
    assert (streams == np.array(list(made.stream(xs)))).all()
    assert [found.alice(x) for x in inputs(made)] == streams.T.tolist()
    ys = np.arange(1, made.n + 1)
    assert (found.suffixes(ys) == made.suffixes(ys)).all()
    for spec in ("exact", "window:w=2", "random:bits=3"):
        machine = machines.build(spec, made.task, made.cut)
        ours, theirs = (OneWayProtocol(r, machine).exhaust() for r in (found, made))
        assert (ours[1] == theirs[1]).all()
        if spec != "random:bits=3":  # what is no answer of the task is read as 0 by a table
            assert ours[2] == theirs[2]


@pytest.mark.parametrize(("made", "table"), PAIRS, ids=IDS)
def test_prefixes_of_a_table_are_those_of_all_inputs(made, table):
    found = of_table(table, made.task)
    prefixes = of_alice(found)
    reached = {(): [(0, 0)]}
    for t, edges in enumerate(prefixes.layers):
        after: dict[tuple[int, ...], list] = {}
        for word, places in reached.items():
            for control, _ in places:
                for token, following, symbols in zip(
                    edges.tokens[control], edges.following[control], edges.symbols[control], strict=True
                ):
                    if following >= 0:
                        after.setdefault((*word, *symbols.tolist()), []).append((int(following), int(token)))
        reached = after
        for word, places in reached.items():
            tokens = {
                row[t] for row, x in zip(table.prefixes, inputs(made), strict=True) if x[: len(word)] == word
            }
            assert {token for _, token in places} == tokens
    assert list(prefixes.masses())[-1] == made.symbols**made.n


def test_a_table_writes_no_later_than_what_it_is_a_table_of():
    for name in ("two-hub", "star", "doubled"):
        made = build("istree", name, 5, None, None)
        found = of_alice(of_table(as_table(made, (False, True)), made.task))
        for ours, theirs in zip(found.layers, of_alice(made).layers, strict=True):
            assert ours.reads.stop <= theirs.reads.stop
            assert len(ours.tokens) <= len(theirs.tokens)


@pytest.mark.parametrize("n", range(3, 9))
def test_the_star_gadget(n):
    result = chains.run(of_table(star(n), IsTree(n + 1)), machines.build("exact", IsTree(n + 1), n - 1))
    assert result.reduction_check.holds
    assert (result.reduction, result.message.reachable_states, result.answers.errors) == ("table", 2**n, 0)
    assert "independent solver" in result.verdict


def test_readings_may_differ_from_position_to_position():
    """INDEX where 1 means no at i = 1, and which of two answers is read depends on i."""
    table = replace(star(3), readings=((True, False), (False, True), (False, True)))
    flipped = [table.prefixes[x ^ 4] for x in range(8)]
    made = of_table(replace(table, prefixes=tuple(flipped)), IsTree(4))
    assert prove(made).holds
    assert made.conclude(np.array([[1, 1, 0]]), np.array([1, 2, 1])).tolist() == [0, 1, 1]
    with pytest.raises(BadInput, match="depends on i"):
        made.answer(True)
    task = MQAR(2, 2, 2)
    rows = tuple((1, 3 + a, 2, 3 + b) for a, b in itertools.product((0, 1), repeat=2))
    pairs = Table(2, 2, 4, rows, ((2, 1), (2, 1)), ((3, 4), (3, 4)), (1, 0))
    assert prove(of_table(pairs, task)).holds
    assert of_table(pairs, task).conclude(np.array([[3, 4], [4, 3]]), np.array([1, 1])).tolist() == [1, 0]
    swapped = prove(of_table(replace(pairs, read_at=(0, 1)), task)).counterexample
    assert (swapped.x, swapped.y, swapped.expected, swapped.obtained) == ((0, 1), 1, 0, "1")


def test_several_answers_may_be_due_before_the_cut():
    """MQAR cut after the first query: one answer is past, the other is read."""
    task = MQAR(2, 2, 2)
    table = Table(1, 2, 5, ((1, 3, 2, 3, 1), (1, 3, 2, 4, 1)), ((2,),), ((3, 4),), (0,))
    made = of_table(table, task)
    assert prove(made).holds
    found = chains.run(made, machines.build("exact", task, 5), x=(1,), y=1, draw=True)
    assert (found.answers.errors, found.drawing.task_answer, found.transcript.output) == (0, 4, 1)


def test_singletons_of_disjointness_hold_index():
    words = list(itertools.product((0, 1), repeat=3))
    ones = tuple(tuple(int(j == i) for j in range(3)) for i in range(3))
    task = Disjointness(3)
    code = [task.alphabet(t).start for t in range(6)]
    assert code == [0] * 6
    assert prove(of_table(Table(3, 2, 3, tuple(words), ones, ((False, True),) * 3, (0,) * 3), task)).holds


@given(st.integers(0, 15), st.integers(0, 2), st.integers(0, 9))
def test_a_changed_token_is_refused_with_an_input_on_which_it_fails(row, place, token):
    table = star(4)
    rows = [list(prefix) for prefix in table.prefixes]
    rows[row][place] = token
    made = of_table(replace(table, prefixes=tuple(map(tuple, rows))), IsTree(5))
    check = prove(made)
    right = [
        made.task.solve([*rows[k], *table.suffixes[i]]) == bool(x[i])
        for k, x in enumerate(itertools.product((0, 1), repeat=4))
        for i in range(4)
    ]
    assert check.holds == all(right)
    if not check.holds:
        found = check.counterexample
        assert check.evidence == "counterexample"
        answer = made.task.solve([*made.alice(found.x), *made.suffix(found.y)])
        assert answer != bool(found.expected)
        assert right.index(False) == 4 * row + found.y - 1


def test_what_is_outside_the_promise_or_no_symbol_is_told():
    task = MQAR(1, 2, 3)
    table = Table(1, 2, 2, ((1, 3), (1, 5)), ((1,),), ((3, 4),), (0,))
    assert "stands for no symbol" in prove(of_table(table, task)).counterexample.obtained
    table = replace(table, prefixes=((1, 3), (2, 4)))
    assert "outside the task's promise" in prove(of_table(table, task)).counterexample.obtained


GOOD = Table(2, 2, 2, ((0, 0), (0, 1), (1, 0), (1, 1)), ((1,), (2,)), ((0, 1), (0, 1)), (0, 0))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"n": 0}, "n must be an integer of at least 1; given 0"),
        ({"n": True}, "n must be an integer"),
        ({"symbols": 1}, "symbols must be an integer of at least 2"),
        ({"n": 3}, "prefixes must have 8 rows; given 4"),
        ({"symbols": 3}, "prefixes must have 9 rows; given 4"),
        ({"cut": 0}, "cut must be an integer of at least 1"),
        ({"cut": 3}, "cut must be below the 3 tokens"),
        ({"cut": 1}, "row 0 of prefixes must have 1 token; given 2"),
        ({"prefixes": ((0, 0), (0, 1), (1, 0), (1, 2))}, r"row 3 of prefixes has 2 at position 1; .* 0\.\.1"),
        ({"prefixes": ((0, 0), (0, True), (1, 0), (1, 1))}, "has True at position 1"),
        ({"prefixes": ((0, 0), (0, -1), (1, 0), (1, 1))}, "has -1 at position 1"),
        ({"suffixes": ((1,), (3,))}, "row 1 of suffixes has 3 at position 2"),
        ({"suffixes": ((1,), (0,))}, "row 1 of suffixes has 0 at position 2"),
        ({"suffixes": ((1,),)}, "suffixes must have 2 rows"),
        ({"suffixes": ((1,), (1, 1))}, "row 1 of suffixes must have 1 token"),
        ({"readings": ((0, 1),)}, "readings must have 2 rows"),
        ({"readings": ((0, 1), (0, 0))}, "i = 2 must be 2 different answers"),
        ({"readings": ((0, 1), (0,))}, "i = 2 must be 2 different answers"),
        ({"readings": ((0, 1), (0, 2))}, "are not all answers of index"),
        ({"readings": ((0, 1), (0, "1"))}, "is a number or a truth value; given '1'"),
        ({"read_at": (0,)}, r"read_at must hold 2 numbers in 0\.\.0"),
        ({"read_at": (0, 1)}, "read_at must hold 2"),
        ({"read_at": (0, -1)}, "read_at must hold 2"),
        ({"read_at": (0, False)}, "read_at must hold 2"),
    ],
)
def test_a_table_that_does_not_fit_its_task_is_refused(changed, words):
    with pytest.raises(BadInput, match=words):
        of_table(replace(GOOD, **changed), Index(2))


def test_limits(monkeypatch):
    with pytest.raises(LimitError, match="at most 1,048,576 rows"):
        of_table(replace(GOOD, n=40), Index(2))
    monkeypatch.setattr("commlb.exhaustion.MAX_CALLS", 7)
    with pytest.raises(LimitError, match="takes 8 streams, the limit is 7"):
        prove(of_table(GOOD, Index(2)))
    assert MAX_CALLS == 2**22


def test_tables_are_not_registered_and_no_class_of_their_kind_is_proved():
    assert not any(issubclass(cls, TableReduction) for cls in reduction_classes().values())

    class Sly(TableReduction):
        def suffix(self, y):
            return [1]

    with pytest.raises(BadInput, match="which no proof looks at"):
        prove(Sly(2, 2, table=GOOD, inside=Index(2)))
    with pytest.raises(BadInput, match="must be those of the table"):
        TableReduction(3, 2, table=GOOD, inside=Index(2))


def test_states_of_a_table_are_those_of_its_reduction():
    made = build("istree", "two-hub", 5, None, None)
    table = of_table(as_table(made, (False, True)), made.task)
    for spec in ("exact", "window:w=3"):
        ours, theirs = (
            retention.run(r, machines.build(spec, r.task, r.cut), information=True).cuts
            for r in (table, made)
        )
        assert ours == theirs
