"""Golden files: streams written without commlb, and whole results that may not change unnoticed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import commlb
from commlb.reductions import reduction_classes

GOLDEN = Path(__file__).parent / "golden"


def load(name: str) -> list[dict]:
    body = json.loads((GOLDEN / name).read_text())
    assert body["provenance"]["written_by"].startswith("tests/golden/make.py")
    return body["cases"]


def test_streams_are_those_of_the_papers():
    cases = load("streams.json")
    assert {case["reduction"] for case in cases} == set(reduction_classes())
    for case in cases:
        options = {key: case[key] for key in ("symbols", "c") if case[key] is not None}
        if options["symbols"] == 2:
            del options["symbols"]
        reduction = reduction_classes()[case["reduction"]](len(case["x"]), **options)
        assert reduction.alice(case["x"]) == case["alice"], case
        assert reduction.suffix(case["y"]) == case["bob"], case


def agrees(found, golden) -> bool:
    """Equal, floating-point numbers up to the last few bits (libm differs between platforms)."""
    if isinstance(golden, dict):
        return set(found) == set(golden) and all(agrees(found[key], golden[key]) for key in golden)
    if isinstance(golden, list):
        return len(found) == len(golden) and all(map(agrees, found, golden))
    if isinstance(golden, float):
        return found == pytest.approx(golden, rel=1e-12)
    return found == golden


@pytest.mark.parametrize("case", load("results.json"), ids=lambda case: json.dumps(case["request"]))
def test_results_are_as_they_were(case):
    given = {key: tuple(v) if isinstance(v, list) else v for key, v in case["request"].items()}
    result = dataclasses.asdict(commlb.reduce(given.pop("task"), **given))
    result = json.loads(json.dumps(result))
    for key, golden in case["result"].items():
        assert agrees(result[key], golden), key
