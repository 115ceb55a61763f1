"""Matrix states: equal to their sums over the past, and wrong ones are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rnn_twins_matrix as twins
from equality import equal
from rnn_twins_matrix import FORMS, LENGTH, TASK, error, made, stream

from commlb import machines
from commlb.errors import BadInput
from commlb.machines.rnn import matrix
from commlb.machines.rnn.matrix import Matrix
from commlb.machines.rnn.network import Network

SPECS = [
    "linear-attention:d=8,heads=2,layers=2",
    "linear-attention:d=6,heads=3,dk=5,dv=4",
    "linear-attention:d=4,dk=3,dv=2,bare=1",
    "retnet:d=8,heads=2,layers=2",
    "retnet:d=6,heads=3,dk=5,dv=4",
    "retnet:d=4,dk=1,dv=2,bare=1",
    "gla:d=8,heads=2,layers=2",
    "gla:d=6,heads=3,dk=5,dv=4,rank=3",
    "gla:d=4,dk=3,dv=2,bare=1",
    "deltanet:d=8,heads=2,layers=2",
    "deltanet:d=6,heads=3,dk=5,dv=4,w=2",
    "deltanet:d=4,dk=3,dv=2,w=1,bare=1",
    "gated-deltanet:d=8,heads=2,layers=2",
    "gated-deltanet:d=6,heads=3,dk=5,dv=4,w=2",
    "gated-deltanet:d=4,dk=3,dv=2,w=1,bare=1",
    "mlstm:d=8,heads=2,layers=2",
    "mlstm:d=6,heads=3,dk=5,dv=4,w=2",
    "mlstm:d=8,heads=2,w=1,layers=2",
    "mlstm:d=6,heads=3,dk=5,dv=4,w=1",
    "mlstm:d=4,dk=3,dv=2,w=1,bare=1",
    "mlstm:d=4,dk=3,dv=2,w=3,bare=1",
]


def twin_error(machine: Network) -> float:
    tokens = stream()
    return error(machine.trace(tokens)[:, :, 0], twins.outputs(machine, tokens[:, 0]))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spec", SPECS)
def test_equal_to_the_sum_over_the_past(spec, form, tmp_path):
    machine = made(spec, form, tmp_path)
    equal(machine.name, "its sum over the past", form, twin_error(machine))


def before_it_is_written(self: Any, s: Any, save: Any, m: Any, **given: Any) -> Any:
    CARRY(self, s, save, m, **given)
    return s


def decayed_after(self: Any, s: Any, save: Any, m: Any, key: Any, decay: Any, **given: Any) -> Any:
    return CARRY(self, s, save, m, key=decay * key, decay=decay, **given)


def never_erased(self: Any, s: Any, save: Any, m: Any, left: Any, right: Any, **given: Any) -> Any:
    return CARRY(self, s, save, m, **given)


def erased_before_decay(self: Any, s: Any, save: Any, m: Any, left: Any, decay: Any, **given: Any) -> Any:
    return CARRY(self, s, save, m, left=left / decay, decay=decay, **given)


def never_forgotten(self: Any, s: Any, save: Any, m: Any, decay: Any, **given: Any) -> Any:
    return CARRY(self, s, save, m, **given)


CARRY = Matrix.carry
MUTANTS = [
    ("linear-attention", before_it_is_written),
    ("retnet", decayed_after),
    ("retnet", never_forgotten),
    ("gla", decayed_after),
    ("deltanet", never_erased),
    ("deltanet", before_it_is_written),
    ("gated-deltanet", erased_before_decay),
    ("gated-deltanet", decayed_after),
    ("mlstm", never_forgotten),
    ("mlstm", decayed_after),
]


@pytest.mark.parametrize(("family", "mutant"), MUTANTS)
def test_a_wrong_recurrence_is_seen(family, mutant, tmp_path, monkeypatch):
    """In bare layers: norms in each head would hide a factor, such as a decay of the newest token too."""
    monkeypatch.setattr(Matrix, "carry", mutant)
    assert twin_error(made(f"{family}:d=8,heads=2,bare=1", "float64", tmp_path)) > 1e-3


@pytest.mark.parametrize("family", twins.HEADS)
def test_a_transposed_state_is_seen(family, tmp_path, monkeypatch):
    right = Matrix.read_out
    monkeypatch.setattr(
        Matrix,
        "read_out",
        lambda self, s, q, m: right(self, np.ascontiguousarray(s.swapaxes(1, 2)), q, m),
    )
    assert twin_error(made(f"{family}:d=8,heads=2", "float64", tmp_path)) > 1e-3


def test_a_rotation_the_wrong_way_is_seen_and_one_by_no_angle_too(tmp_path, monkeypatch):
    turn = matrix.turn
    for sign in (-1.0, 0.0):
        monkeypatch.setattr(matrix, "turn", lambda x, sign=sign: (turn(x)[0], sign * turn(x)[1]))
        assert twin_error(made("retnet:d=8,heads=2", "float64", tmp_path)) > 1e-3


def test_angles_are_the_published_ones():
    for pairs in (0, 1, 2, 7, 64):
        angle = 1 / 10000 ** np.linspace(0, 1, pairs)
        cos, sin = matrix.turn(matrix.angles(pairs))
        assert np.allclose(cos, np.cos(angle), rtol=0, atol=1e-15)
        assert np.allclose(sin, np.sin(angle), rtol=1e-14, atol=1e-18)


@pytest.mark.parametrize("family", twins.HEADS)
def test_what_cannot_be_is_refused_in_one_line(family):
    for given, said in (
        ("d=3,heads=2", "heads must divide d"),
        ("d=4096,dk=4096,dv=4096,layers=2", "numbers in matrices"),
        ("d=2,dk=-1", "dk must be"),
    ):
        with pytest.raises(BadInput, match=said) as caught:
            machines.build(f"{family}:{given}", TASK, LENGTH - 1)
        assert "\n" not in str(caught.value)


def test_the_mlstm_refuses_the_norm_of_one_number():
    with pytest.raises(BadInput, match="dv=2 or bare=1"):
        machines.build("mlstm:d=2,heads=2", TASK, LENGTH - 1)
