"""Small pieces that everything leans on: packing, renaming, registries, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import fields

from commlb import bits
from commlb.errors import unknown_name
from commlb.machines import EXACT, build, machine_classes
from commlb.machines.random import mix
from commlb.symbolic import Atom, rename
from commlb.tasks.index import Index


@given(fields())
def test_pack_is_injective_and_unpack_its_inverse(drawn):
    widths, rows = drawn
    words = bits.pack(rows, widths)
    assert words.shape == (max(1, -(-sum(widths) // 64)), len(rows[0]))
    assert [row.tolist() for row in bits.unpack(words, widths)] == [row.tolist() for row in rows]
    value = 0
    offset = 0
    for row, width in zip(rows, widths, strict=True):
        value |= int(row[0]) << offset
        offset += width
    assert int(bits.to_hex(words[:, 0], max(1, sum(widths))), 16) == value


@given(st.integers(1, 2**80))
def test_bits_needed_is_exact(choices):
    assert 2 ** bits.bits_needed(choices) >= choices > 2 ** bits.bits_needed(choices) // 2


def test_mix_is_a_bijection_on_a_sample_and_matches_pure_integers():
    def slow(z):
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    words = np.random.default_rng(0).integers(0, 2**64, 500, np.uint64)
    assert mix(words).tolist() == [slow(int(word)) for word in words]
    assert len(set(mix(np.arange(5000, dtype=np.uint64)).tolist())) == 5000


def test_random_is_the_printed_function():
    task = Index(5, 2)
    machine = build("random:bits=10,seed=7", task, 5)
    golden = 0x9E3779B97F4A7C15

    def slow(z):
        return int(mix(np.array([z % 2**64], np.uint64))[0])

    state = 0
    states = machine.start(1)
    for t, token in enumerate([0, 1, 1, 0, 1]):
        state = slow(state + golden * (token + 1) + slow(7)) >> 54
        states = machine.step(states, np.array([token]), t)
        assert int(states[0, 0]) == state


def test_machines_are_found_in_their_files():
    known = ["bloom", "countmin", "fingerprint", "random", "reservoir", "store", "window"]
    assert [name for name in machine_classes() if name in known] == known
    assert {"elman", "gru", "lstm"} <= set(machine_classes())
    assert build(EXACT, Index(3), 3).name == EXACT


def test_unknown_names_suggest_only_what_is_near():
    assert "did you mean" not in str(unknown_name("task", "zzz", ["index"]))
    assert str(unknown_name("task", "INDEX", ["index"])).endswith("did you mean 'index'? Known: index")


def test_rename_reaches_into_tuples_and_sets():
    thing = (frozenset([(Atom("v", 1), 2)]), [Atom("v", 1)], Atom("w", 0))
    assert rename(thing, lambda atom: atom.family) == (frozenset([("v", 2)]), [Atom("v", 1)], "w")


def test_numbers_that_are_no_machine_parameters():
    for spec in ("random:bits=4,seed=99999999999999999999", "window:w=5"):
        assert build(spec, Index(3), 3).storage_bits > 0
    with pytest.raises(Exception, match="w must be an integer; given '²'"):
        build("window:w=²", Index(3), 3)
