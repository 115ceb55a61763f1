"""The exported automaton answers as the task does; the law of growth is found again."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from commlb.errors import BadInput, LimitError
from commlb.export import to_dot, to_json_dict
from commlb.layers import Layers
from commlb.merging import merge_table
from commlb.minimum import solve
from commlb.tasks.ar import AssociativeRecall
from commlb.tasks.istree import IsTree
from commlb.trends import fits


def follow(exported, stream):
    state = 0
    for layer, token in zip(exported["layers"], stream, strict=False):
        state = layer["following"][state][layer["alphabet"].index(repr(token))]
        if state < 0:
            return None
    return exported["layers"][-1]["answers"][state]


def test_the_exported_automaton_answers_as_the_task():
    task = IsTree(4)
    exported = json.loads(json.dumps(to_json_dict(solve(task)[1])))
    assert exported["states_are"] == "minimal: one state a class"
    assert [layer["states"] for layer in exported["layers"]] == [1, 6, 8, 2]
    for stream in itertools.product(range(6), repeat=3):
        assert follow(exported, stream) == repr(int(task.solve(stream)))


def test_under_a_promise_the_export_says_that_rows_are_not_the_minimum():
    task = AssociativeRecall(1, 2, 2)
    merged = solve(task)[1]
    exported = to_json_dict(merged)
    assert exported["states_are"].startswith("distinct rows")
    assert follow(exported, (1, 3, 1)) == "3"
    assert follow(exported, (1, 3, 2)) is None
    assert "distinct rows" in to_dot(merged)


def test_the_export_depends_on_the_task_only():
    merged, _ = merge_table(np.array([0, 1, 1, 0, 1, 0, 0, 1]), [(0, 1)] * 3, (0, 1))
    swap = np.array([1, 0], np.int32)
    following = list(merged.following)
    following[0], following[1] = swap[following[0]], following[1][::-1]
    other = Layers(merged.alphabets, tuple(following), merged.answered, merged.answers)
    assert other.run((0, 1, 1)) == merged.run((0, 1, 1))
    assert to_json_dict(other) == to_json_dict(merged)
    assert to_dot(other) == to_dot(merged)


def test_dot():
    merged, _ = merge_table(np.array([0, 1, 1, 1]), ['a"', "ab"], ("no", "yes"))
    assert to_dot(merged).splitlines() == [
        "digraph minimum {",
        "  // minimal: one state a class",
        "  rankdir=LR;",
        '  { rank=same; s0_0 [shape=circle, label=""]; }',
        '  { rank=same; s1_0 [shape=circle, label=""]; s1_1 [shape=circle, label=""]; }',
        """  { rank=same; s2_0 [shape=box, label="'no'"]; s2_1 [shape=box, label="'yes'"]; }""",
        """  s0_0 -> s1_0 [label="'a'"];""",
        """  s0_0 -> s1_1 [label="'\\"'"];""",
        """  s1_0 -> s2_0 [label="'a'"];""",
        """  s1_0 -> s2_1 [label="'b'"];""",
        """  s1_1 -> s2_1 [label="'a', 'b'"];""",
        "}",
    ]
    with pytest.raises(LimitError, match="at most 2,000 states"):
        to_dot(solve(IsTree(9))[1])


@pytest.mark.parametrize(
    ("law", "g"),
    [("log n", math.log2), ("n", float), ("n log n", lambda n: n * math.log2(n)), ("n^2", lambda n: n * n)],
)
def test_a_law_is_found_again(law, g):
    sizes = [3, 4, 6, 9, 14]
    found = fits(sizes, [2.5 * g(n) - 1 for n in sizes])
    assert (found[0].law, found[0].rms) == (law, 0.0)
    assert (found[0].a, found[0].b) == pytest.approx((2.5, -1))
    assert len(found) == 4
    assert all(fit.rms > 0.01 for fit in found[1:])
    assert {fit.evidence for fit in found} == {"observation"}


def test_fits_agree_with_numpy():
    sizes, bits = [2, 3, 5, 8], [1.0, 2.5, 3.0, 7.0]
    for fit in fits(sizes, bits):
        if fit.law == "n":
            assert (fit.a, fit.b) == pytest.approx(tuple(np.polyfit(sizes, bits, 1)))


def test_equal_residuals_go_to_the_slowest_law():
    assert fits([1, 2, 3], [4.0, 4.0, 4.0])[0].law == "log n"


@pytest.mark.parametrize("sizes", [[1, 2], [3, 3, 4], [0, 1, 2], [1, 2, 3, 4]])
def test_too_few_sizes(sizes):
    with pytest.raises(BadInput, match="at least 3 different sizes"):
        fits(sizes, [1.0, 2.0, 3.0])
