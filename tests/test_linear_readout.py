"""The linear read-out: against an optimal Bob, against least squares by SciPy, and with its limits kept."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import commlb
from commlb import machines
from commlb.errors import BadInput
from commlb.linear_readout import _Ridge, bits_shown, read_out
from commlb.protocol import OneWayProtocol
from commlb.records import to_json
from commlb.reductions import build


def found(
    spec: str, n: int = 12, task: str = "index", symbols: int | None = None, runs: int = 2000, seed: int = 0
):
    chosen = build(task, None, n, symbols, None)
    made = machines.build(spec, chosen.task, chosen.cut)
    return read_out(OneWayProtocol(chosen, made), runs, np.random.default_rng(seed))


@pytest.mark.parametrize(("task", "w"), [("index", 6), ("ar", 12), ("copying", 6), ("counting", 6)])
def test_what_lies_open_in_the_state_is_read(task, w):
    """A state that holds all tokens: no error, and the bits that 2000 runs without error show."""
    read = found(f"window:w={w}", 6, task)
    assert read.errors == (0,) * 6
    assert read.information_bits == pytest.approx(bits_shown([0] * 6, 2000, 2))


def test_a_window_tells_the_last_symbols_and_nothing_of_the_others():
    read = found("window:w=4")
    assert read.errors[-4:] == (0,) * 4
    assert all(850 < wrong < 1150 for wrong in read.errors[:-4])  # 1000 on average, deviation 22
    assert 3.8 < read.information_bits <= 4


def test_what_a_hash_hides_is_not_read():
    read = found("random:bits=16")
    assert read.information_bits < 0.2  # the 12 bits are all there


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spec", ["gru:d=3,p=4", "lru:d=4,p=3", "window:w=3", "rwkv4:d=2,p=4"])
def test_never_more_than_the_message_holds(spec, seed):
    """I(X; S) is known from all inputs: 24 statements of 99 % confidence hold."""
    passed = commlb.reduce("index", n=8, machine=spec, trials=0)
    whole = commlb.states("index", n=8, machine=spec).cuts[-1].entropy_bits
    assert passed.n == 8
    assert found(spec, 8, seed=seed).information_bits <= whole


def test_limits_hold_as_often_as_they_say():
    """Errors drawn at a known rate: the bits that they show are at most those of that rate, 99 times of 100."""
    rng = np.random.default_rng(5)
    true, runs, held = 0.11, 500, 0
    for _ in range(400):
        wrong = int((rng.random(runs) < true).sum())
        held += bits_shown([wrong], runs, 2) <= 1 - (-(true * np.log2(true)) - (1 - true) * np.log2(1 - true))
    assert held >= 389  # 396 expected of 400; below 389 with chance 0.1 %


@pytest.mark.parametrize("shape", [(40, 5), (12, 30)])
def test_ridge_is_least_squares_with_a_penalty(shape):
    """Both forms, primal and dual, against the normal equations of the augmented system."""
    rng = np.random.default_rng(1)
    features, targets = rng.normal(size=shape), rng.normal(size=(shape[0], 3))
    features -= features.mean(axis=0)
    weights = _Ridge(features, targets).weights(0.1)
    augmented = np.vstack([features, np.sqrt(0.1 * shape[0]) * np.eye(shape[1])])
    aimed = np.vstack([targets - targets.mean(axis=0), np.zeros((shape[1], 3))])
    expected = np.linalg.lstsq(augmented, aimed, rcond=None)[0]
    np.testing.assert_allclose(weights[:-1], expected, atol=1e-9)
    np.testing.assert_allclose(weights[-1], targets.mean(axis=0))


def test_refused_where_it_would_mean_nothing():
    with pytest.raises(BadInput, match="EQ does not ask for them"):
        found("exact", 6, "equality")
    with pytest.raises(BadInput, match="a randomised one has other coins"):
        found("reservoir:k=2")
    with pytest.raises(BadInput, match="unknown read-out 'liner'; did you mean 'linear'"):
        commlb.reduce("index", n=4, readout="liner")


def test_in_reduce_it_is_said_and_checked(tmp_path):
    result = commlb.reduce("index", n=10, machine="gru:d=4,p=6", readout="linear", seed=3)
    assert result.readout.trials == result.readout.fitted_on
    assert result.readout.information_bits <= result.information.bits
    again = commlb.reduce("index", n=10, machine="gru:d=4,p=6", readout="linear", seed=3)
    assert again.readout == result.readout
    path = tmp_path / "r.json"
    path.write_text(to_json("reduce", result, {}))
    assert commlb.check(path).holds
    for changed, words in (
        ({"information_bits": result.readout.information_bits + 0.5}, "information_bits is written as"),
        ({"errors": (0,) * 10, "accuracy": 1.0, "information_bits": bits_shown([0] * 10, result.readout.trials, 2)},
         "the best guess errs on"),
        ({"errors": (0,) * 9}, "must be 10 counts"),
        ({"confidence": 0.999}, "confidence"),
        ({"evidence": "proved"}, "evidence"),
        ({"trials": 0}, "trials is out of range"),
    ):  # fmt: skip
        forged = dataclasses.replace(result, readout=dataclasses.replace(result.readout, **changed))
        path.write_text(to_json("reduce", forged, {}))
        told = commlb.check(path)
        assert not told.holds
        assert words in told.reason
    assert "readout" in json.loads(path.read_text())["result"]
