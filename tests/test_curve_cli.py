"""``commlb curve`` as it is typed: text, JSON, files, ranges, errors and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from commlb_cli import main

import commlb
from commlb.records_rows import from_csv, to_csv
from commlb.sweep import curve


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_info:
        main(list(arguments))
    out, err = capsys.readouterr()
    return exit_info.value.code or 0, out, err


SCAN = (
    "curve",
    "index",
    "--n",
    "2:6:2",
    "--machine",
    "window:w",
    "--machine",
    "random:bits",
    "--error",
    "0.01",
)
CHAIN = (
    "curve",
    "istree",
    "--n",
    "4:32:log",
    "--machine",
    "exact",
    "--machine",
    "window:w=6",
    "--trials",
    "50",
)


ALL = ("curve", "istree", "--n", "2:4", "--machine", "exact", "--machine", "window:w=2", "--over", "all")


@pytest.mark.parametrize("command", [SCAN, CHAIN, ALL])
def test_text_fits_80_columns_and_says_how_it_is_known(capsys, command):
    code, out, err = run(capsys, *command)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "exhaustive" in out
    assert "bound" in out


def test_the_table_has_the_least_the_median_and_the_most_of_the_seeds(capsys):
    _, out, _ = run(capsys, *SCAN)
    bits = sorted(row.capacity_bits for row in curve("index", (6,), "random:bits", error="0.01").rows)
    table = out[out.index("random:bits") :].splitlines()
    line = next(line for line in table if line.split()[:1] == ["6"])
    assert [float(cell) for cell in line.split()[2:5]] == [bits[0], bits[2], bits[4]]


def test_refused_cells_end_with_4_and_their_reason(capsys):
    line = ("curve", "index", "--n", "4:14:5", "--machine", "random:bits=30", "--seeds", "1", "--trials", "0")
    code, out, err = run(capsys, *line, "--max-states", "40", "--max-inputs", "2")
    assert code == 4
    assert err.startswith(
        "commlb: 2 of 3 cells were refused, the first at n = 9, random:bits=30,seed=0: layer 6"
    )
    assert err.count("\n") == 1
    assert out.count("refused: see the note") == 2


def test_where_bob_changes_the_text_says_so(capsys):
    line = ("curve", "index", "--n", "4:8:4", "--machine", "window:w", "--error", "0.1", "--trials", "200")
    _, out, _ = run(capsys, *line, "--max-inputs", "16")
    assert "from n = 8 on it is the machine's own answers" in " ".join(out.split())


def test_a_share_is_called_one(capsys):
    _, out, _ = run(capsys, *SCAN, "--shard", "2/3")
    assert "share 2/3 of the cells, 6 rows" in " ".join(out.split())


def test_nothing_is_left_where_nothing_was_done(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.dataframe", None)
    out = tmp_path / "rows.csv"
    code, _, err = run(capsys, *SCAN, "--out", str(out), "--cluster", "local")
    assert code == 3
    assert "commlb[cluster]" in err
    assert not list(tmp_path.iterdir())


def test_doubling_ranges(capsys):
    _, out, _ = run(capsys, *CHAIN, "--json")
    assert json.loads(out)["result"]["sizes"] == [4, 8, 16, 32]


def test_json_is_the_result_of_the_library(capsys):
    code, out, err = run(capsys, *SCAN, "--json", "--seeds", "1")
    body = json.loads(out)
    assert (code, err, body["command"]) == (0, "", "curve")
    found = commlb.curve("index", (2, 4, 6), ["window:w", "random:bits"], error=0.01, seeds=1)
    assert body["result"]["verdict"] == found.verdict
    assert [row["digest"] for row in body["result"]["rows"]] == [row.digest for row in found.rows]
    assert body["provenance"]["seed"] == 0


def test_files_rows_times_and_pictures(capsys, tmp_path):
    out, svg = tmp_path / "rows.csv", tmp_path / "curve.svg"
    code, _, err = run(capsys, *SCAN, "--out", str(out), "--plot", str(svg), "--workers", "2")
    assert (code, err) == (0, "")
    rows = from_csv(out.read_text(), "rows")
    assert len(rows) == 18
    assert out.read_text() == to_csv(rows)
    assert b"<svg" in svg.read_bytes()
    assert (tmp_path / "rows.times.csv").exists()
    first = svg.read_bytes()
    code, _, err = run(capsys, *SCAN, "--out", str(out), "--plot", str(svg), "--resume")
    assert (code, err, svg.read_bytes()) == (0, "", first)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["index", "--n", "2:6", "--machine", "window:w"], 2, "leaves w open"),
        (["index", "--n", "6:2", "--machine", "exact"], 2, "is no range a:b, as 6 > 2"),
        (["index", "--n", "0:4:log", "--machine", "exact"], 2, "is no range"),
        (["index", "--n", "2:4:2:log", "--machine", "exact"], 2, "not a valid integer, nor a range"),
        (["index", "--n", "2:6"], 2, "Missing option '--machine'"),
        (["index", "--n", "2:6", "--machine", "exact", "--shard", "3/2"], 2, "1 <= i <= N"),
        (["index", "--n", "2:6", "--machine", "exact", "--shard", "x"], 2, "no share i/N"),
        (["index", "--n", "2:6", "--machine", "exact", "--resume"], 2, "give --out"),
        (["index", "--n", "2:6", "--machine", "exact", "--out", "rows.json"], 2, "must end in"),
        (["index", "--n", "2:6", "--machine", "exact", "--plot", "rows.gif"], 2, "must end in"),
        (["index", "--n", "2:6", "--machine", "exact", "--error", "x"], 2, "error must be"),
        (
            ["index", "--n", "2:6", "--machine", "exact", "--precision", "2:4", "--timeout", "-1"],
            2,
            "timeout must be",
        ),
        (
            ["index", "--n", "2:30", "--machine", "random:bits", "--error", "0", "--timeout", "0.1"],
            4,
            "--timeout",
        ),
        (["index", "--n", "1000000000", "--machine", "exact"], 4, "beyond the limit"),
    ],
    ids=str,
)
def test_errors_are_one_line(capsys, tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    found, _, err = run(capsys, "curve", *arguments)
    assert found == code
    assert said in err
    assert err.strip().count("\n") == 0
    assert not list(tmp_path.iterdir())


def test_a_bound_violated_ends_with_1_and_both_numbers(capsys, monkeypatch):
    from commlb.machines.window import Window

    monkeypatch.setattr(Window, "capacity_bits", lambda self, t: 0.5 * min(self.kept, t))
    code, out, err = run(capsys, *SCAN, "--json")
    assert (code, out) == (1, "")
    assert "has room for 1.0" in err
    assert "1.838" in err


def test_precisions_make_a_machine_each(capsys):
    line = (
        "curve",
        "index",
        "--n",
        "4",
        "--machine",
        "gru:d=1",
        "--precision",
        "2:8:3",
        "--seeds",
        "1",
        "--json",
    )
    _, out, _ = run(capsys, *line)
    assert [row["precision_bits"] for row in json.loads(out)["result"]["rows"]] == [2, 5, 8]


def test_an_interrupt_ends_with_130_and_keeps_rows(tmp_path):
    """As Ctrl-C at a terminal, which reaches the worker processes as well."""
    out = tmp_path / "rows.csv"
    code = (
        "import os, signal, sys, threading, time\n"
        "from commlb_cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background\n"
        "def stop():\n"
        "    out = sys.argv[1]\n"
        "    while not (os.path.exists(out) and open(out).read().count('\\n') > 4): time.sleep(0.02)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=stop, daemon=True).start()\n"
        "main('curve index --n 2:22 --machine random:bits --error 0.01 --workers 2 --out'.split() + sys.argv[1:])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 130, done.stderr
    assert "Stopped after" in done.stdout
    assert done.stderr.strip() == "commlb: interrupted"
    assert len(from_csv(out.read_text(), "rows")) >= 4
