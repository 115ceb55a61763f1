"""Networks on the command line: what a user may type wrong, each one line; and what JSON says of weights."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from commlb_cli import main

from commlb import machines
from commlb.formats import FORMATS, OTHER_NAMES
from commlb.tasks.index import Index


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command line."""
    with pytest.raises(SystemExit) as exit_info:
        main(list(arguments))
    out, err = capsys.readouterr()
    return exit_info.value.code or 0, out, err


def reduced(capsys, machine: str, *more: str) -> tuple[int, str, str]:
    return run(capsys, "reduce", "index", "--n", "6", "--seed", "1", "--machine", machine, *more)


BAD = [
    ("gruu:d=4", "did you mean 'gru'?"),
    ("GRU:d=4", "did you mean 'gru'?"),
    ("gru", "gru needs d (width); write gru:d=8"),
    ("gru:", "gru needs d (width)"),
    ("gru:p=8", "gru needs d (width)"),
    ("gru:d", "NAME:key=value"),
    ("gru:d=", "NAME:key=value"),
    ("gru:d=4,", "NAME:key=value"),
    ("gru:d=4,d=5", "gives d twice"),
    ("gru:d=4,q=1", "gru has no parameter 'q'; it takes: d, p, range, format, layers, seed, weights"),
    ("gru:d=4,layer=2", "did you mean 'layers'?"),
    ("gru:d=4,fromat=bf16", "did you mean 'format'?"),
    ("gru:d=4,D=4", "did you mean 'd'?"),
    ("gru:d=0", "d must be an integer of at least 1; given 0"),
    ("gru:d=-1", "d must be an integer of at least 1; given -1"),
    ("gru:d=99999", "d must be at most 4096; given 99999"),
    ("gru:d=x", "d must be an integer; given 'x'"),
    ("gru:d=2.5", "d must be an integer; given '2.5'"),
    ("gru:d=٤", "d must be an integer"),
    ("gru:d=1_0", "d must be an integer; given '1_0'"),
    (f"gru:d={'9' * 5000}", "d must have at most 20 digits; given 5000"),
    ("gru:d=4,p=0", "p must be 1 to 32 bits a number; given 0"),
    ("gru:d=4,p=-8", "given -8"),
    ("gru:d=4,p=33", "given 33; for more take format=float32 or float64"),
    ("gru:d=4,p=x", "p must be an integer"),
    ("gru:d=4,p=8,format=bf16", "given p=8 and format=bf16; leave one out"),
    ("gru:d=4,range=1", "range=1 without p"),
    ("gru:d=4,format=bf16,range=1", "range=1 without p"),
    *((f"gru:d=4,p=8,range={value}", "range must be a power of two") for value in (3, "nan", -1, 0, "1e400")),
    (f"gru:d=4,p=8,range={'9' * 400}", "range must be a power of two"),
    ("gru:d=4,p=8,range=x", "range must be a number; given 'x'"),
    ("gru:d=4,format=bf61", "unknown format 'bf61'; did you mean 'bf16'?"),
    ("gru:d=4,format=fp32", "unknown format 'fp32'; did you mean 'float32'?"),
    ("gru:d=4,format=BF16", "did you mean 'bf16'?"),
    ("gru:d=4,format=int8", "Known: bf16, e2m1"),
    ("gru:d=4,layers=0", "layers must be an integer of at least 1; given 0"),
    ("gru:d=4,layers=-2", "given -2"),
    ("gru:d=4,layers=99999", "layers must be at most 4096"),
    ("gru:d=4,seed=-1", "seed must be an integer of at least 0; given -1"),
    ("gru:d=4,seed=1,weights=w.npz", "given both; leave one out"),
    ("lstm:d=4096", "lstm would have 134,287,362 weights; at most 67,108,864; take a smaller d"),
    ("elman:d=1024,layers=40", "take a smaller d"),
    ("gru:d=4,weights=none.npz", "there is no file of weights 'none.npz'"),
    ("gru:d=4,weights=w.pt", "ends in .npz or .safetensors; given 'w.pt'"),
    ("gru:d=4,weights=folder.npz", "'folder.npz' is a folder"),
    ("gru:d=4,weights=text.npz", "it is no whole .npz file"),
    ("gru:d=4,weights=text.safetensors", "it is no whole .safetensors file"),
    ("gru:d=4,weights=d2.npz", "embedding must have shape (7, 4); it has (7, 2)"),
    ("lstm:d=2,weights=d2.npz", "layers.0.w_x must have shape (8, 2); it has (6, 2)"),
    ("gru:d=2,layers=2,weights=d2.npz", "lacks layers.1.w_x"),
    ("gru:d=2,weights=nan.npz", "readout must be finite"),
    ("gru:d=2,weights=huge.npz", "embedding must lie within ±3.4e+38"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with files of weights, good and bad, where commands run."""
    made = dict(machines.build("gru:d=2", Index(6), 6).weights)
    np.savez(tmp_path / "d2.npz", **made)
    np.savez(tmp_path / "nan.npz", **(made | {"readout": made["readout"] * np.nan}))
    np.savez(tmp_path / "huge.npz", **(made | {"embedding": made["embedding"] * 1e300}))
    (tmp_path / "folder.npz").mkdir()
    for name in ("text.npz", "text.safetensors"):
        (tmp_path / name).write_text("not weights\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("machine", "words"), BAD, ids=[machine[:40] for machine, _ in BAD])
def test_bad_machines_are_one_line(capsys, folder, machine, words):
    if "safetensors" in machine:
        pytest.importorskip("safetensors")
    for more in ((), ("--json",)):
        code, out, err = reduced(capsys, machine, *more)
        assert (code, out) == (2, "")
        assert words in err
        assert err.startswith("commlb: ")
        assert err.count("\n") == 1


def test_states_refuses_alike(capsys, folder):
    for machine, words in BAD[::6]:
        code, out, err = run(capsys, "states", "index", "--n", "6", "--machine", machine)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert words in err


def test_other_names_of_formats_are_suggested(capsys):
    assert not set(OTHER_NAMES) & set(FORMATS)
    for other, name in OTHER_NAMES.items():
        _, _, err = reduced(capsys, f"gru:d=1,format={other}")
        assert f"unknown format '{other}'; did you mean '{name}'?" in err


def test_without_the_library_the_extra_is_named(capsys, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    code, out, err = reduced(capsys, "gru:d=2,weights=text.safetensors")
    assert (code, out) == (3, "")
    assert "pip install 'commlb[safetensors]'" in err
    assert err.count("\n") == 1


FORMATS_TYPED = [
    ("gru:d=1", "float32", 32),
    ("elman:d=2,p=3", "p=3", 3),
    ("lstm:d=1,format=e4m3", "e4m3", 8),
    ("gru:d=1,format=float64,seed=4", "float64", 64),
    ("gru:d=1,p=32,range=0.5", "p=32", 32),
]


@pytest.mark.parametrize(
    ("machine", "form", "precision"), FORMATS_TYPED, ids=[m for m, _, _ in FORMATS_TYPED]
)
@pytest.mark.parametrize("command", ["reduce", "states"])
def test_json_says_which_weights_and_which_numbers(capsys, tmp_path, command, machine, form, precision):
    rows = tmp_path / "rows.csv"
    code, out, err = run(
        capsys, command, "index", "--n", "6", "--machine", machine, "--json", "--out", str(rows)
    )
    assert (code, err) == (0, "")
    said = json.loads(out)
    found = said["result"]["machine"]
    made = machines.build(machine, Index(6), 6)
    assert (found["format"], found["precision_bits"]) == (form, precision)
    assert found["storage_bits"] == made.storage_bits
    assert said["provenance"]["weights_digest"] == found["weights_digest"] == made.weights_digest
    for row in csv.DictReader(rows.read_text().splitlines()):
        assert (row["format"], row["precision_bits"]) == (form, str(precision))
        assert row["machine"] == (machine if "seed=" in machine else f"{machine},seed=0")
        assert row["weights_digest"] == made.weights_digest


def test_machines_without_weights_have_no_digest(capsys):
    for machine in ("exact", "window:w=3", "random:bits=4"):
        said = json.loads(reduced(capsys, machine, "--json")[1])
        assert said["provenance"]["weights_digest"] is None


def test_weights_from_a_file_are_the_machine_of_the_seed(capsys, folder):
    seeded, read = (
        json.loads(reduced(capsys, f"gru:d=2,{how}", "--json")[1]) for how in ("seed=0", "weights=d2.npz")
    )
    for part in ("message", "information", "answers"):
        assert seeded["result"][part] == read["result"][part]
    assert seeded["provenance"]["weights_digest"] == read["provenance"]["weights_digest"]


def test_text_fits_80_columns_with_a_long_path(capsys, folder):
    deep = folder / ("long" * 30)
    deep.mkdir()
    path = (folder / "d2.npz").rename(deep / "w.npz")
    code, out, err = reduced(capsys, f"gru:d=2,weights={path}")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80


def test_numbers_that_overflow_are_not_reported(folder):
    """In a process of its own, where a warning would be printed: stderr stays empty, and NaN is a state."""
    made = dict(machines.build("elman:d=2", Index(6), 6).weights)
    np.savez("large.npz", **{name: array * 1e38 for name, array in made.items()})
    command = [sys.executable, "-W", "always", "-m", "commlb", "states", "index", "--n", "6", "--machine"]
    for precision in ("", ",format=fp16", ",p=4"):
        done = subprocess.run(
            [*command, f"elman:d=2,weights=large.npz{precision}"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
