"""What ``commlb check`` takes holds, and nothing else: true files, damaged ones, and lies with a right digest."""

from __future__ import annotations

import ast
import dataclasses
import json
import time
from pathlib import Path

import files
import pytest
from click.testing import CliRunner
from commlb_cli import cli, main
from test_imports import ROOT, imported

import commlb
from commlb import sealed
from commlb.checker import check, check_all
from commlb.errors import BadInput
from commlb.records import to_json
from commlb.records_rows import to_csv

MUTANTS = 100


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return files.texts(tmp_path_factory.mktemp("true"))


@pytest.fixture(scope="module")
def rows():
    return files.rows()


NAMES = (
    "collide window", "collide random", "collide words", "collide none", "collide horizons", "discover", "reduce",
    "bound rows", "bound one-way", "bound colouring", "bound shattered", "bound fooling", "bound rank", "bound tree",
    "bound task",
)  # fmt: skip


def checked(folder, content, name="file.json", **given):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return check(path, **given)


def refused(folder, content, name="file.json", **given):
    """The reason, one line."""
    found = checked(folder, content, name, **given)
    assert not found.holds
    assert found.reason and "\n" not in found.verdict and len(found.verdict) < 1200
    assert found.verdict.startswith(f"'{found.file}' is refused: ")
    assert "unexpected" not in found.reason and "Traceback" not in found.reason
    return found.reason


@pytest.mark.parametrize("name", NAMES)
def test_true_files_hold(name, texts, tmp_path):
    found = checked(tmp_path, texts[name])
    assert found.reason is None
    assert found.holds and found.kind == name.split()[0] and len(found.verified) >= 2
    assert found.taken_as_written


def test_true_rows_hold(rows, tmp_path):
    found = checked(tmp_path, to_csv(rows), "rows.csv")
    assert found.reason is None and found.kind == "rows"
    said = {one.what: one.figure for one in found.verified}
    assert said["the rows"] == f"{len(rows)} rows"
    assert said["errors of the best guesses"] and said["errors of the machine's answers"]


@pytest.mark.parametrize("kind", files.RAW)
@pytest.mark.parametrize("name", ["collide random", "discover", "reduce", "bound rows"])
def test_damaged_files_are_refused_in_a_line(name, kind, texts, tmp_path):
    rng = files.generator(f"{name} {kind}")
    for _ in range(MUTANTS):
        refused(tmp_path, files.raw(texts[name], kind, rng))


@pytest.mark.parametrize("kind", files.RAW)
def test_damaged_rows_are_refused_in_a_line(kind, rows, tmp_path):
    rng, text = files.generator(kind), to_csv(rows[::4])
    for _ in range(MUTANTS):
        refused(tmp_path, files.raw_row(text, kind, rng), "rows.csv")


FREE = {
    "collide": {"verdict", "tried", "work", "expected_work", "seed", "evidence", "complete", "method"},
    "discover": {"verdict", "nodes", "seed", "known", "evidence"},
    "reduce": {"verdict", "drawing", "seed", "steps", "omitted_steps", "every_n", "scope", "width", "inputs",
               "queries", "holds", "counterexample", "evidence", "never_errs", "task_answer", "confidence",
               "accuracy_at_least", "public_coins", "collision"},
    "bound": {"verdict", "source", "at_most"},
}  # fmt: skip
"""Of each kind the keys under which something is taken as written, at least for some values."""

EQUIVALENT = {"machine", "remark"}


@pytest.mark.parametrize("name", NAMES)
def test_lies_with_a_right_digest_are_refused_field_by_field(name, texts, tmp_path):
    """Every scalar outside ``FREE`` changed in every way that ``files.others`` has, and the file sealed anew."""
    rng, body = files.generator(name), json.loads(texts[name])
    kind, held = name.split()[0], []
    every = list(files.paths(body["result"], ("result",)))
    for path in rng.sample(every, min(len(every), 150)):
        if FREE[kind] & {key for key in path[1:] if isinstance(key, str)}:
            continue
        value = files.at(body, path)
        for other in files.others(value, rng):
            if other == value and type(other) is type(value):
                continue
            found = checked(tmp_path, files.changed(body, path, other))
            if found.holds:
                held.append((path, value, other))
            else:
                assert "\n" not in found.verdict
    assert not held
