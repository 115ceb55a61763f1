"""``commlb plot``: files in, pictures and a line out; nothing is computed, everything else is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cells import cell, chains, over_all, precisions, thresholds
from commlb_cli import main

from commlb.records_rows import HEADER, MemoryPoint, to_csv


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["plot", *map(str, arguments)])
    said = capsys.readouterr()
    return int(stopped.value.code or 0), said.out, said.err


def write(folder: Path, name: str, rows: list[MemoryPoint]) -> Path:
    (folder / name).write_text(to_csv(rows))
    return folder / name


def test_a_picture_and_a_line_for_each_file(capsys, tmp_path):
    rows = write(tmp_path, "rows.csv", thresholds(range(2, 20)))
    one, other = tmp_path / "a.svg", tmp_path / "b.png"
    code, out, err = run(capsys, rows, "--plot", one, "--plot", other)
    assert (code, err) == (0, "")
    what = "curve of 180 rows, 4 machines; 30 cells refused (states: 2^24 needed); 29 cells without a machine"
    assert out == "".join(f"{path}: {what} that suffices\n" for path in (one, other))
    before = one.read_bytes()
    assert run(capsys, rows, "--plot", one)[0] == 0
    assert one.read_bytes() == before


def test_several_files_and_concatenations_are_one_table(capsys, tmp_path):
    rows = thresholds(range(2, 9))
    whole = write(tmp_path, "rows.csv", rows)
    halves = [write(tmp_path, f"{k}.csv", rows[k::2]) for k in range(2)]
    twice = tmp_path / "twice.csv"
    twice.write_bytes(b"\xef\xbb\xbf" + halves[1].read_bytes() + halves[0].read_bytes())
    pictures = set()
    for files in ([whole], halves, halves[::-1], [twice], [whole, twice]):
        code, said, _ = run(capsys, *files, "--plot", tmp_path / "a.svg")
        assert (code, "of 70 rows, 4 machines" in said) == (0, True)
        lines = (tmp_path / "a.svg").read_text().splitlines()
        pictures.add("".join(lines[: next(k for k, line in enumerate(lines) if "commlb 0" in line)]))
    assert len(pictures) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--machine", "gru"], "curve of 42 rows, 1 machine;"),
        (["--machine", "gru:d,p=8", "--machine", "exact", "--error", "0"], "curve of 28 rows, 2 machines;"),
        (["--n", "4:6", "--log-n", "--log-bits", "--wide"], "curve of 60 rows, 4 machines;"),
        (["--n", "5", "--error", "0.01"], "curve of 10 rows, 4 machines;"),
    ],
)
def test_rows_are_chosen(options, said, capsys, tmp_path):
    rows = write(tmp_path, "rows.csv", thresholds(range(2, 9), (0.0, 0.01)))
    code, out, _ = run(capsys, rows, "--plot", tmp_path / "a.png", *options)
    assert code == 0
    assert f": {said}" in out


@pytest.mark.parametrize("kind", ["chain", "curve", "accuracy"])
def test_kinds(kind, capsys, tmp_path):
    rows = write(tmp_path, "rows.csv", chains(range(4, 9), ["exact", "gru:d=3,p=8"]))
    code, out, _ = run(capsys, rows, "--plot", tmp_path / "a.pdf", "--kind", kind)
    assert (code, f"{kind} of 25 rows, 2 machines" in out) == (0, True)


def test_a_precision_shows_the_largest_size(capsys, tmp_path):
    rows = write(tmp_path, "rows.csv", precisions())
    _, out, _ = run(capsys, rows, "--plot", tmp_path / "a.png", "--kind", "precision")
    assert "precision of 72 rows, 3 machines; 3 cells refused" in out
    assert "72 rows left out (without a precision, or at a smaller n)" in out


def test_rows_of_reduce_and_states_are_drawn(capsys, tmp_path):
    for verb, more in (("reduce", ["--seed", "1"]), ("states", ["--information"])):
        out = tmp_path / f"{verb}.csv"
        with pytest.raises(SystemExit):
            main([verb, "index", "--n", "6", "--machine", "window:w=3", "--out", str(out), *more])
        capsys.readouterr()
        code, said, _ = run(capsys, out, "--plot", tmp_path / "a.png")
        assert (code, said.endswith(": chain of 1 row, 1 machine\n")) == (0, True)


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"", [], "holds no rows"),
        (HEADER.encode(), [], "holds no rows"),
        (b"n,bits\n1,2\n", [], "must begin with the header"),
        (b"\xff\xfe\x00", [], "is not UTF-8 text"),
        (to_csv(chains([4], ["exact"])).encode()[:-20], [], "a row has 42 cells"),
        (to_csv(chains([4], ["exact"]) + over_all([4])).encode(), [], "given alice, all; choose with --over"),
        (to_csv([cell(4, "exact"), cell(4, "exact", task="ar")]).encode(), [], "choose with --task"),
        (
            to_csv(chains([4], ["exact"])).encode(),
            ["--n", "5:9"],
            "none is left; they hold istree, n = 4 to 4",
        ),
        (to_csv(chains([4], ["exact"])).encode(), ["--kind", "precision"], "no row has precision_bits"),
        (to_csv(thresholds([4])).encode(), ["--kind", "chain"], "make a picture of kind curve"),
        (to_csv(thresholds([4])).encode(), ["--kind", "pie"], "is not one of"),
        (to_csv(thresholds([4])).encode(), ["--n", "9:2"], "is no range"),
        (to_csv(thresholds([4])).encode(), ["--error", "nan"], "none is left"),
    ],
)
def test_what_makes_no_picture_is_refused_in_one_line(content, options, said, capsys, tmp_path):
    (tmp_path / "rows.csv").write_bytes(content)
    code, out, err = run(capsys, tmp_path / "rows.csv", "--plot", tmp_path / "a.png", *options)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "a.png").exists()


def test_files_are_checked_before_work(capsys, tmp_path):
    rows = write(tmp_path, "rows.csv", chains([4], ["exact"]))
    for arguments, said in (
        ([rows], "Missing option '--plot'"),
        (["--plot", tmp_path / "a.png"], "Missing argument"),
        ([rows, "--plot", tmp_path / "a.gif"], "must end in one of"),
        ([tmp_path / "none.csv", "--plot", tmp_path / "a.gif"], "must end in one of"),
        ([tmp_path / "none.csv", "--plot", tmp_path / "a.png"], "No such file"),
        ([tmp_path, "--plot", tmp_path / "a.png"], "Is a directory"),
        (["a\0b", "--plot", tmp_path / "a.png"], "cannot read"),
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err


def test_one_prefix_set_or_task_of_several_is_chosen(capsys, tmp_path):
    rows = write(tmp_path, "rows.csv", chains([4, 5], ["exact"]) + over_all([4, 5]))
    assert (
        "curve of 4 rows, 2 machines" in run(capsys, rows, "--plot", tmp_path / "a.png", "--over", "all")[1]
    )
    assert "chain of 2 rows" in run(capsys, rows, "--plot", tmp_path / "a.png", "--over", "alice")[1]


def test_a_plot_imports_no_compiler_and_help_nothing_heavy(tmp_path):
    rows = write(tmp_path, "rows.csv", thresholds(range(2, 8)))
    code = (
        "import sys, commlb_cli\n"
        "try: commlb_cli.main(['plot', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'numpy', 'numba', 'networkx', 'matplotlib'} & set(sys.modules)\n"
        f"try: commlb_cli.main(['plot', {str(rows)!r}, '--plot', {str(tmp_path / 'a.png')!r}])\n"
        "except SystemExit as stopped: assert not stopped.code\n"
        "made = {'numba', 'commlb.kernels', 'commlb.machines', 'commlb.reductions', 'commlb.tasks'}\n"
        "assert not made & set(sys.modules), made & set(sys.modules)\n"
        "assert 'matplotlib' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)
    assert (tmp_path / "a.png").exists()
