"""Symmetries are verified before they are used, and stabilisers fix what they should."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commlb.discovery import symmetries
from commlb.errors import BadInput
from commlb.layers import Limits
from commlb.minimum import engine_for, merged_automaton, task_of
from commlb.shattering.columns import columns
from commlb.shattering.shattered import choices, permuted
from commlb.shattering.symmetry import orbits, row_permutations, stabiliser
from commlb.tasks import task_classes
from commlb.userfile import UserTask

EXAMPLES = [task for cls in task_classes().values() for task in cls.examples()]


def layers_of(task):
    made = task_of(task)
    return merged_automaton(made, engine_for(made), Limits())[0]


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_what_a_task_offers_is_a_symmetry(task):
    layers = layers_of(task)
    if sum(layers.widths) > 3000:
        return
    found = columns(layers)
    for generator in task.symmetries():
        rows = row_permutations(layers, generator, task.name)
        for t in range(layers.length):
            made = choices(found[t], 2, range(len(layers.answers)))
            moved = permuted(made, rows[t])
            assert moved is not None
            assert sorted(moved) == list(range(len(made)))


def test_the_vertices_of_istree_have_few_orbits():
    task = task_of("istree", 7)
    layers = layers_of(task)
    rows = symmetries(task, layers)
    made = choices(columns(layers)[3], 2, [0, 1])
    moves = [permuted(made, one[3]) for one in rows]
    assert len(set(orbits(len(made), moves).tolist())) == 3  # 4+1+1+1, 3+2+1+1, 2+2+2+1


class Palindrome:
    length, alphabet = 4, "ab"

    def answer(self, stream):
        return stream == stream[::-1]


def user(symmetries_):
    made = Palindrome()
    made.symmetries = symmetries_
    return UserTask("Palindrome", 4, made)


FLIP = {"a": "b", "b": "a"}


@pytest.mark.parametrize("offered", [[FLIP], [[FLIP, {}, {}, FLIP]], lambda: [[{}, FLIP, FLIP, {}]], []])
def test_right_symmetries_of_a_user_are_taken(offered):
    task = user(offered)
    assert len(symmetries(task, layers_of(task))) == (1 if callable(offered) else len(offered))


@pytest.mark.parametrize(
    ("offered", "match"),
    [
        ([[FLIP, {}, {}, {}]], "no such symmetry"),
        ([{"a": "b"}], "does not permute"),
        ([{"a": "c", "b": "a"}], "does not permute"),
        ([[FLIP]], "a sequence of 4"),
        ([[FLIP, FLIP, FLIP, 3]], "made of mappings"),
        ([7], "a mapping of tokens"),
        (7, "symmetries raised"),
        ([{"a": [], "b": "a"}], "not hashable"),
        (lambda: 1 / 0, "symmetries raised ZeroDivisionError"),
    ],
)
def test_wrong_ones_are_refused(offered, match):
    task = user(offered)
    with pytest.raises(BadInput, match=match):
        symmetries(task, layers_of(task))


def closure(generators):
    """All elements of a small group."""
    start = tuple(range(len(generators[0])))
    found, layer = {start}, [start]
    while layer:
        layer = [tuple(int(g[i]) for i in p) for p in layer for g in generators]
        layer = [p for p in dict.fromkeys(layer) if p not in found]
        found |= set(layer)
    return found


@given(st.lists(st.permutations(range(5)), min_size=1, max_size=3), st.integers(0, 4), st.integers(0, 3))
def test_orbits_and_stabilisers_against_the_whole_group(drawn, point, seed):
    generators = [np.array(p) for p in drawn]
    group = closure(generators)
    label = orbits(5, generators)
    for i, j in itertools.product(range(5), repeat=2):
        assert (label[i] == label[j]) == any(p[i] == j for p in group)
    found = stabiliser(generators, point, np.random.default_rng(seed))
    assert all(tuple(p.tolist()) in group and p[point] == point for p in found)
    fixing = {p for p in group if p[point] == point}
    assert len(closure(found)) == len(fixing) if found else len(fixing) == 1
