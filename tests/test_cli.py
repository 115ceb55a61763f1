"""The command line through click's runner and as a process: output, files, errors and exit codes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commlb_cli import main

import commlb
from commlb.records_rows import MemoryPoint
from commlb.tasks import task_classes


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command line."""
    with pytest.raises(SystemExit) as exit_info:
        main(list(arguments))
    out, err = capsys.readouterr()
    return exit_info.value.code or 0, out, err


@pytest.mark.parametrize("task", ["index", "ar", "cgram", "counting", "istree"])
@pytest.mark.parametrize("machine", ["exact", "store", "window:w=3", "random:bits=5"])
def test_text_fits_80_columns_and_says_what_matters(capsys, task, machine):
    for n in ("6", "70"):
        code, out, err = run(
            capsys, "reduce", task, "--n", n, "--machine", machine, "--seed", "1", "--i", "2"
        )
        assert (code, err) == (0, "")
        assert max(map(len, out.splitlines())) <= 80
        for words in (
            "proved",
            "Over Alice's prefixes",
            "Over all prefixes",
            "Answers:",
            "cut: message",
            "x_i =",
        ):
            assert words in out


def test_the_first_thing_a_newcomer_types(capsys):
    code, out, _ = run(capsys, "reduce", "istree", "--n", "64")
    assert code == 0
    assert "67 vertices" in out
    assert "30 vertices" in out
    assert "2^64" in out
    assert "every n" in out


def test_json_is_the_result(capsys):
    code, out, err = run(capsys, "reduce", "ar", "--n", "9", "--symbols", "3", "--seed", "4", "--json")
    body = json.loads(out)
    assert (code, err) == (0, "")
    assert list(body) == ["schema", "command", "result", "provenance", "digest"]
    assert (body["schema"], body["command"]) == ("commlb/1", "reduce")
    result = commlb.reduce("ar", 9, symbols=3, seed=4)
    assert body["result"]["verdict"] == result.verdict
    assert body["result"]["bound"]["bits"] == result.bound.bits
    assert set(body["provenance"]) >= {
        "version",
        "argv",
        "seed",
        "libraries",
        "platform",
        "time",
        "wall_seconds",
    }


def test_out_by_suffix_is_replaced_in_one_step(capsys, tmp_path):
    for suffix in ("json", "jsonl", "csv"):
        path = tmp_path / f"row.{suffix}"
        path.write_text("old")
        code, _, _ = run(capsys, "reduce", "index", "--n", "5", "--out", str(path))
        assert code == 0
        if suffix == "csv":
            (row,) = csv.DictReader(path.read_text().splitlines())
            assert set(row) == set(MemoryPoint.__dataclass_fields__)
            assert (row["task"], row["n"], row["reachable_states"]) == ("index", "5", "32")
        else:
            lines = path.read_text().splitlines()
            assert json.loads("".join(lines))["result"]["n"] == 5
            assert (len(lines) == 1) == (suffix == "jsonl")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["row.csv", "row.json", "row.jsonl"]


def test_plot_writes_each_kind(capsys, tmp_path):
    paths = [str(tmp_path / f"p.{suffix}") for suffix in ("png", "svg", "pdf")]
    plots = [part for path in paths for part in ("--plot", path)]
    code, _, err = run(capsys, "reduce", "istree", "--n", "8", "--seed", "1", *plots)
    assert (code, err) == (0, "")
    assert [Path(path).read_bytes()[:4] for path in paths] == [b"\x89PNG", b"<?xm", b"%PDF"]


BAD = [
    (["reduce", "istree"], 2, "n, the number of Alice's symbols, is required"),
    (["reduce", "istree", "--n", "0"], 2, "n must be an integer of at least 1; given 0"),
    (["reduce", "istree", "--n", "-3"], 2, "given -3"),
    (["reduce", "istree", "--n", "x"], 2, "not a valid integer"),
    (["reduce", "istree", "--n", "5_0"], 2, "not a valid integer"),
    (["reduce", "istree", "--n", "５"], 2, "not a valid integer"),
    (["reduce", "istree", "--n", "4", "--reduction", ""], 2, "unknown reduction to istree ''"),
    (["reduce", "index", "--n", "4", "--machine", "window:w=4,"], 2, "NAME:key=value"),
    (["reduce", "index", "--n", "4", "--out", ""], 2, "must end in one of"),
    (["reduce", "index", "--n", "3", "--symbols", "5000"], 4, "beyond the limit"),
    (["reduce", "istreee", "--n", "4"], 2, "did you mean 'istree'?"),
    (["reduce", "istree", "--n", "4", "--reduction", "twohub"], 2, "did you mean 'two-hub'?"),
    (["reduce", "index", "--n", "4", "--symbols", "1"], 2, "symbols must be an integer of at least 2"),
    (["reduce", "cgram", "--n", "4", "--c", "1"], 2, "c must be an integer of at least 2"),
    (["reduce", "istree", "--n", "4", "--c", "3"], 2, "--c has no meaning for istree"),
    (["reduce", "counting", "--n", "4", "--symbols", "3"], 2, "--symbols has no meaning for counting"),
    (["reduce", "index", "--n", "4", "--machine", "windo:w=2"], 2, "did you mean 'window'?"),
    (["reduce", "index", "--n", "4", "--machine", "window:w=0"], 2, "at least 1; given 0"),
    (["reduce", "index", "--n", "4", "--x", "011"], 2, "given 3 of them"),
    (["reduce", "index", "--n", "4", "--x", "0112"], 2, "largest symbol is 2"),
    (["reduce", "index", "--n", "4", "--x", "01a1"], 2, "given '01a1'"),
    (["reduce", "index", "--n", "4", "--i", "5"], 2, "i must be in 1..4"),
    (["reduce", "index", "--n", "4", "--trials", "-1"], 2, "trials must be"),
    (["reduce", "index", "--n", "4", "--plot", "x.gif"], 2, "must end in one of .png, .svg, .pdf"),
    (["reduce", "index", "--n", "4", "--plot", "no/such/folder/x.png"], 2, "no folder 'no/such/folder'"),
    (["reduce", "index", "--n", "4", "--out", "x.txt"], 2, "must end in one of .json, .csv, .jsonl"),
    (["reduce", "index", "--n", "4", "--out", "no/such/x.json"], 2, "there is no folder"),
    (["reduce", "index", "--n", "4", "--bogus"], 2, "No such option"),
    (["reduc", "index"], 2, "No such command"),
    (["reduce", "istree", "--n", "5000", "--trials", "1000000"], 4, "use fewer --trials"),
    (["reduce", "index", "--n", "9000", "--plot", "x.png"], 4, "a picture shows at most"),
    (["reduce", "index", "--n", "1000000000000"], 4, "beyond the limit"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "words"), BAD, ids=lambda v: " ".join(v) if isinstance(v, list) else ""
)
@pytest.mark.parametrize("as_json", [False, True])
def test_bad_input_is_one_line_with_its_exit_code(
    capsys, tmp_path, monkeypatch, arguments, code, words, as_json
):
    monkeypatch.chdir(tmp_path)
    found, out, err = run(capsys, *arguments, *(["--json"] if as_json and len(arguments) > 2 else []))
    assert found == code
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
    assert err.startswith("commlb: ")
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_leaves_nothing(capsys, tmp_path):
    target = tmp_path / "folder.json"
    target.mkdir()
    code, out, err = run(capsys, "reduce", "index", "--n", "4", "--out", str(target))
    assert (code, out) == (2, "")
    assert "it is a folder" in err
    assert [p.name for p in tmp_path.iterdir()] == ["folder.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission(capsys, tmp_path):
    tmp_path.chmod(0o500)
    code, _, err = run(capsys, "reduce", "index", "--n", "4", "--out", str(tmp_path / "x.json"))
    tmp_path.chmod(0o700)
    assert code == 2
    assert "not writable" in err


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    from commlb import files

    path = tmp_path / "x.json"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(commlb_error(), match="No space left"):
        files.replace(path, b"new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def commlb_error():
    from commlb.errors import BadInput

    return BadInput


def test_a_broken_reduction_exits_1(capsys, monkeypatch):
    from commlb.reductions.index_to_istree import TwoHub

    monkeypatch.setattr(TwoHub, "answer", lambda self, task_answer: 1 - int(task_answer))
    code, out, _ = run(capsys, "reduce", "istree", "--n", "20")
    assert code == 1
    assert "REFUSED: on x = " in out
    assert "refused" in out.splitlines()[-1]


def test_list(capsys):
    code, out, _ = run(capsys, "list")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    for name in ("istree/two-hub (default)", "istree/hubs", "window:w=", "store", "exact", "random:bits="):
        assert name in out
    code, out, err = run(capsys, "list", "--json")
    assert (code, err) == (0, "")
    body = json.loads(out)
    assert {entry["name"] for entry in body["result"]["bounds"]} >= {"INDEX", "istree", "counting"}
    assert [entry["name"] for entry in body["result"]["tasks"]] == sorted(task_classes())
    assert all(entry["source"] for group in body["result"].values() for entry in group)


def test_version_help_and_no_arguments(capsys):
    assert run(capsys, "--version")[1] == f"commlb {commlb.__version__}\n"
    assert "reduce istree --n 64" in run(capsys, "--help")[1]
    assert run(capsys)[0] == 0
    assert "Examples:" in run(capsys, "reduce", "--help")[1]


def test_debug_shows_the_traceback_and_keeps_the_exit_code(capsys):
    code, out, err = run(capsys, "reduce", "index", "--n", "0", "--debug")
    assert (code, out) == (2, "")
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("commlb: n must be")


def test_an_unforeseen_failure_is_one_line_and_no_verdict(capsys, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("commlb.chains.prove", fail)
    code, out, err = run(capsys, "reduce", "index", "--n", "3")
    assert (code, out) == (70, "")
    assert "unexpected ZeroDivisionError: oops; rerun with --debug" in err


def test_seed_is_printed_when_drawn_and_repeats_the_run(capsys):
    _, out, _ = run(capsys, "reduce", "index", "--n", "40", "--machine", "window:w=7")
    seed = out.split("  seed    ")[1].split()[0]
    assert run(capsys, "reduce", "index", "--n", "40", "--machine", "window:w=7", "--seed", seed)[1] == out


def test_module_and_closed_pipe():
    whole = subprocess.run(
        f"{sys.executable} -m commlb list | head -n 1", shell=True, capture_output=True, text=True, timeout=60
    )
    assert whole.stdout == "Tasks\n"
    assert whole.stderr == ""


@pytest.mark.parametrize("line", ["list", "reduce istree --n 5", "reduce istree --n 5 --json"])
def test_a_closed_pipe_is_silent_and_no_refusal(line):
    command = f"set -o pipefail; {sys.executable} -m commlb {line} | true"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stderr) == (0, "")


def test_lower_limits_are_rounded_down(capsys):
    _, out, _ = run(capsys, "reduce", "index", "--n", "24", "--trials", "2000", "--seed", "1")
    assert "at least 99.77 % with 99%" in " ".join(out.split())


def test_completion_knows_the_names():
    from click.testing import CliRunner
    from commlb_cli import cli

    environment = {"_COMMLB_COMPLETE": "bash_complete", "COMP_WORDS": "commlb reduce is", "COMP_CWORD": "2"}
    result = CliRunner().invoke(cli, [], env=environment, prog_name="commlb")
    assert "istree" in result.output


def test_list_of_one_name_says_all_that_is_known_of_it(capsys):
    code, out, _ = run(capsys, "list", "gru")
    assert code == 0
    assert "Stores d numbers" in out
    assert "elman" not in out
    assert ">>>" not in run(capsys, "list", "istree")[1]
    code, out, err = run(capsys, "list", "grru")
    assert (code, out) == (2, "")
    assert "did you mean 'gru'" in err
