"""Each report's rows, rebuilt, are the rows on file; the text is what the rows make of it."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import io
import json
import math
import sys
from itertools import zip_longest
from pathlib import Path

import pytest

from commlb.records_rows import to_csv

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "reports"


@pytest.fixture(autouse=True)
def reports_path(monkeypatch):
    """As ``python reports/build.py`` finds its neighbours."""
    monkeypatch.syspath_prepend(str(REPORTS))


def build_module():
    spec = importlib.util.spec_from_file_location("reports_build", REPORTS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_report_folder_is_built_and_listed():
    folders = {path.name for path in REPORTS.iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert folders == set(build_module().REPORTS)
    listed = (REPORTS / "README.md").read_text()
    assert all(f"({name}/README.md)" in listed for name in folders)


ROWS = {
    "istree-64": ["rows.csv"],
    "exact-minima": ["rows.csv", "reductions.csv"],
    "retention": ["rows.csv", "symbols.csv"],
    "families": ["rows.csv", "symbols.csv", "ranges.csv", "stored.csv"],
    "budget": ["rows.csv"],
}
PICTURES = {
    "istree-64": ["two-hub.png", "hubs.png"],
    "exact-minima": ["istree.png", "istree-cuts.png"],
    "retention": ["window.png", "random.png", "hubs.png"],
    "families": ["families.png", "maps.png"],
    "budget": [
        "models.png",
        "mamba2-2.7b.png",
        "recurrentgemma-2b.png",
        "jamba-1.5-mini.png",
        "rwkv-7-1.5b.png",
    ],
}
MEASURED = {"families": ["equalities.csv"]}
"""What is not rebuilt: errors in the last digits, of libraries that are not always there."""


def same_rows(made: str, filed: str) -> None:
    """Equal cell by cell; of numbers the last digits may differ, as logarithms do from system to system.

    Then the digest of such a row differs too.
    """
    for new, old in zip_longest(csv.DictReader(io.StringIO(made)), csv.DictReader(io.StringIO(filed))):
        assert new.keys() == old.keys()
        differ = [key for key in new if new[key] != old[key] and key not in ("digest", "checksum")]
        assert differ or new == old
        assert all(math.isclose(float(new[key]), float(old[key]), abs_tol=2e-9) for key in differ), (new, old)


LONG = ("exact-minima", "families")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in ROWS]
)
def test_rebuilt_rows_and_text_are_those_on_file(name, tmp_path):
    for file in ["text.md", *MEASURED.get(name, [])]:
        (tmp_path / file).write_text((REPORTS / name / file).read_text())
    build_module().REPORTS[name](tmp_path)
    for file in ROWS[name]:
        same_rows((tmp_path / file).read_text(), (REPORTS / name / file).read_text())
    assert (tmp_path / "README.md").read_text() == (REPORTS / name / "README.md").read_text()
    for picture in PICTURES[name]:
        assert (tmp_path / picture).stat().st_size > 10_000
        assert (REPORTS / name / picture).read_bytes()[:4] == b"\x89PNG"


CURVES = REPORTS / "memory-versus-length"


@pytest.mark.parametrize(
    ("task", "kinds"),
    [
        ("index", ["chains"]),
        pytest.param("index", ["smallest", "precision"], marks=pytest.mark.slow),
        pytest.param("istree", ["chains", "smallest", "precision"], marks=pytest.mark.slow),
    ],
)
def test_curves_rebuilt_by_their_commands_are_those_on_file(task, kinds, tmp_path):
    """Two of the five tasks; the others are as many commands more."""
    build_module()
    lines = (CURVES / "commands.txt").read_text().splitlines()
    mine = [line for line in lines if any(f" {task}-{kind}.csv" in line for kind in kinds)]
    assert len(mine) == sum(3 if kind == "smallest" else 2 for kind in kinds)
    (tmp_path / "commands.txt").write_text("\n".join(mine))
    sys.modules["build_curves"].draw_rows(tmp_path, [task])
    assert not list(tmp_path.glob("*.times.csv"))
    for kind in kinds:
        same_rows((tmp_path / f"{task}-{kind}.csv").read_text(), (CURVES / f"{task}-{kind}.csv").read_text())
        assert (tmp_path / f"{task}-{kind}.png").stat().st_size > 10_000


def test_the_page_of_curves_and_its_heat_maps_are_what_rows_make(tmp_path):
    build_module()
    for file in ["text.md", "commands.txt", *(path.name for path in CURVES.glob("*-smallest.csv"))]:
        (tmp_path / file).write_text((CURVES / file).read_text())
    sys.modules["build_curves"].draw_page(tmp_path)
    assert (tmp_path / "README.md").read_text() == (CURVES / "README.md").read_text()
    same_rows((tmp_path / "symbols.csv").read_text(), (CURVES / "symbols.csv").read_text())


def test_no_row_of_the_curves_lies_below_its_bound():
    from commlb.ledger import read

    build_module()
    paths = sorted(CURVES.glob("*-*.csv"))
    rows = read(path for path in paths if path.name != "symbols.csv")
    assert {row.task for row in rows} == set(sys.modules["build_curves"].TASKS)
    for row in rows:
        assert row.evidence == "exhaustive"
        if row.error_target is not None and row.capacity_bits is not None:
            assert row.bound_bits <= row.capacity_bits + 1e-9
        if row.family == "window:w" and row.task == "index" and row.error_target is not None:
            assert row.capacity_bits == row.n


def test_every_picture_of_the_reports_is_in_its_page_and_in_the_gallery():
    gallery = (REPORTS / "README.md").read_text()
    for path in REPORTS.glob("*/*.png"):
        assert f"({path.name})" in (path.parent / "README.md").read_text()
        assert f"({path.parent.name}/{path.name})" in gallery


def test_rows_may_differ_in_last_digits_only():
    filed = "n,bits,digest\n7,8.455327220304560,aa\n"
    same_rows(filed.replace("560,aa", "561,bb"), filed)
    for old, new in (("7,", "8,"), ("8.4553", "8.4554"), ("aa", "bb"), ("aa\n", "aa\n8,1.0,cc\n")):
        with pytest.raises((AssertionError, AttributeError)):
            same_rows(filed.replace(old, new), filed)


def test_small_minima_are_those_on_file():
    """Of exact-minima what is quick: all tasks but the larger trees, and the reductions on few vertices."""
    from commlb.records_rows import to_csv

    build_module()
    minima = sys.modules["build_minima"]
    for file, rows in (
        ("rows.csv", [row for result in minima.istree(8) for row in result.rows()]),
        ("rows.csv", [row for *_, task in minima.cases() for row in minima.commlb.exact(task).rows()]),
        ("reductions.csv", minima.proved_rows(minima.proved(12))),
    ):
        made = to_csv(rows).splitlines()
        named = {tuple(line.split(",")[:3]) for line in made}
        filed = (REPORTS / "exact-minima" / file).read_text().splitlines()
        same_rows("\n".join(made), "\n".join(line for line in filed if tuple(line.split(",")[:3]) in named))


def test_the_picture_of_sizes_fits_and_is_the_same_each_time(tmp_path):
    from test_plots_states import check_texts

    from commlb.plots import save_sizes, sizes, style

    build_module()
    minima = sys.modules["build_minima"]
    reductions = minima.proved(20)
    title, sentence, panels = minima.picture(minima.istree(8), reductions)
    drawn = {curve.name: dict(zip(curve.at, curve.values, strict=True)) for curve in panels[0].curves}
    assert drawn["minimum of any machine"] == {
        vertices: drawn["closed form (Stirling numbers)"][vertices] for vertices in range(2, 9)
    }
    assert drawn["INDEX by two-hub"] == {vertices: vertices - 3 for vertices in range(4, 21)}
    assert drawn["INDEX by doubled"] == {vertices: (vertices - 2) / 2 for vertices in range(4, 21, 2)}
    assert drawn["INDEX by hubs"][20] == max(b * (20 - 2**b) for b in (1, 2, 3, 4)) == 36
    with style.settings():
        check_texts(sizes.figure(title, sentence, panels))
    for name in ("one.png", "two.png"):
        save_sizes(title, sentence, panels, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_the_page_of_benchmarks_is_what_its_rows_make(tmp_path):
    """No clock is run."""
    build_module()
    for file in ("text.md", "rows.csv", "machine.csv"):
        (tmp_path / file).write_text((REPORTS / "benchmarks" / file).read_text())
    sys.modules["build_benchmarks"].page(tmp_path)
    assert (tmp_path / "README.md").read_text() == (REPORTS / "benchmarks" / "README.md").read_text()


def test_the_page_of_cluster_is_what_its_rows_make(tmp_path):
    """No clock is run."""
    build_module()
    for file in ("text.md", "rows.csv", "machine.csv"):
        (tmp_path / file).write_text((REPORTS / "cluster" / file).read_text())
    sys.modules["build_cluster"].page(tmp_path)
    assert (tmp_path / "README.md").read_text() == (REPORTS / "cluster" / "README.md").read_text()


def test_the_page_of_adapters_is_what_its_rows_make(tmp_path):
    """No model is run."""
    build_module()
    for file in ("text.md", "rows.csv"):
        (tmp_path / file).write_text((REPORTS / "adapters" / file).read_text())
    sys.modules["build_adapters"].page(tmp_path)
    assert (tmp_path / "README.md").read_text() == (REPORTS / "adapters" / "README.md").read_text()


def test_the_page_of_trained_networks_is_what_its_files_make(tmp_path):
    """No network is run, and no package is needed."""
    build_module()
    for file in ("text.md", "outputs.csv", "states.csv", "horizons.csv"):
        (tmp_path / file).write_text((REPORTS / "trained" / file).read_text())
    sys.modules["build_trained"].page(tmp_path)
    assert (tmp_path / "README.md").read_text() == (REPORTS / "trained" / "README.md").read_text()


def families():
    build_module()
    return sys.modules["build_families"], sys.modules["families_stored"], REPORTS / "families"


def test_the_page_of_families_is_what_its_rows_make(tmp_path):
    made, _, folder = families()
    for path in folder.iterdir():
        if path.suffix in (".csv", ".md"):
            (tmp_path / path.name).write_text(path.read_text())
    made.page(tmp_path)
    assert (tmp_path / "README.md").read_text() == (folder / "README.md").read_text()


def test_some_families_are_those_on_file():
    """All in the slow test: here three of them and the baselines, three of other ranges, and all that is stored."""
    made, stored, folder = families()
    found = made.results(("lru", "gla", "tova"))
    for file, rows in (
        ("rows.csv", made.at_cut(found)),
        ("symbols.csv", made.as_csv(made.symbols(found))),
        ("ranges.csv", made.as_csv(made.ranges(("elman", "retnet", "rmt")))),
        ("stored.csv", made.as_csv(stored.stored())),
    ):
        place = rows.splitlines()[0].split(",").index("machine")
        filed = list(csv.reader(io.StringIO((folder / file).read_text())))
        named = {row[place] for row in csv.reader(io.StringIO(rows))}
        text = io.StringIO()
        csv.writer(text).writerows(row for row in filed if row[place] in named)
        same_rows(rows, text.getvalue())


def test_every_family_is_reported_in_at_most_16_bits():
    from commlb.machines.rnn.network import Network
    from commlb.registry import registered

    made, stored, folder = families()
    names = list(registered("commlb.machines.rnn", Network))
    assert sorted(made.SMALL) == sorted(stored.LARGER) == sorted(names)
    rows = made.on_file(folder / "rows.csv")
    assert {row["machine"] for row in rows} == {
        *(made.typed(name, made.RANGE, seed) for name in names for seed in range(8)), *made.BASELINES
    }  # fmt: skip
    networks = [row for row in rows if row["machine"] not in made.BASELINES]
    assert {row["capacity_bits"] for row in networks} == {"15.0", "16.0"}
    assert {row["evidence"] for row in rows} == {"exhaustive"}
    for row in made.on_file(folder / "stored.csv"):
        assert row["numbers"] == row["numbers_by_hand"]
        bits = stored.P * int(row["numbers"]) + int(row["integer_bits"])
        assert bits == int(row["state_bits"]) == int(row["capacity_bits"]) >= int(row["varying_bits"])


def agreed(rows, names):
    """Every family has an error within the limit in both formats, as often in one as in the other."""
    from equality import LIMITS

    assert list(dict.fromkeys(row["family"] for row in rows)) == list(names)
    forms = {}
    for row in rows:
        assert float(row["largest_error"]) < LIMITS[row["format"]]
        forms.setdefault((row["family"], row["implementation"]), []).append(row["format"])
    assert all(sorted(found) == sorted(LIMITS) for found in forms.values())
    return [[row[key] for key in ("family", "implementation", "format", "comparisons")] for row in rows]


def test_equalities_on_file_are_within_the_limits():
    made, _, folder = families()
    agreed(made.on_file(folder / "equalities.csv"), made.SMALL)


@pytest.mark.slow
def test_equalities_measured_again_are_of_the_same_things(tmp_path):
    for library in ("torch", "transformers", "xlstm"):
        pytest.importorskip(library)
    made, stored, folder = families()
    stored.measure(tmp_path / "equalities.csv")
    found, filed = (made.on_file(place / "equalities.csv") for place in (tmp_path, folder))
    assert agreed(found, made.SMALL) == agreed(filed, made.SMALL)


def test_errors_are_rounded_up():
    _, stored, _ = families()
    errors = (0.0, 1.301e-7, 2e-15, 9.91e-8, 9.99e-8, 1.0, 0.5)
    assert [stored.up(error) for error in errors] == [
        "0", "1.4e-7", "2.0e-15", "1.0e-7", "1.0e-7", "1.0e0", "5.0e-1"
    ]  # fmt: skip
    assert all(error <= float(stored.up(error)) <= 1.1 * error for error in errors)


PRINTED = [
    (
        "distinct_keys",
        "2^20 keys, words: 1,   5 % distinct, each once:     distinct 4.8 (1.0x)   groups 6.3 (1.3x)",
    ),
    ("layers", "18 bits: commlb 6.3 ns a successor; numpy 26 (4.1x), dict 491 (77x)"),
    ("exact_minimum", "INDEX n=16       CUDD build         20.1 ms       3.8 x   widest 65,536"),
    ("index_stream", "copied            374 Mtok/s     5.66 x in_place"),
]


@pytest.mark.parametrize(("program", "line"), PRINTED)
def test_what_benchmarks_print_is_read(program, line):
    build_module()
    found = [row[1:] for row in sys.modules["build_benchmarks"].read(program, line)]
    assert (
        found
        == {
            "distinct_keys": [
                ("2^20 keys, words: 1, 5 % distinct, each once", "distinct", "4.8", "ns a key", "1.0"),
                ("2^20 keys, words: 1, 5 % distinct, each once", "groups", "6.3", "ns a key", "1.3"),
            ],
            "layers": [
                ("18 bits", "commlb", "6.3", "ns a successor", "1"),
                ("18 bits", "numpy", "26", "ns a successor", "4.1"),
                ("18 bits", "dict", "491", "ns a successor", "77"),
            ],
            "exact_minimum": [("INDEX n=16, 65,536 classes", "CUDD build", "20.1", "ms", "3.8")],
            "index_stream": [
                ("Index, n = 1024, 16384 streams at once", "copied", "374", "Mtok/s", "5.66"),
            ],
        }[program]
    )


def test_readme_commands_are_where_ci_looks_for_them():
    import subprocess

    found = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "readme_commands.py"), str(ROOT / "README.md")],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    first, second = found.stdout.splitlines()
    assert first.endswith("commlb reduce istree --n 64")
    assert second.endswith("-m pytest")


WITNESSES = REPORTS / "witnesses"


def test_the_files_of_the_report_witnesses_hold():
    import commlb

    files = sorted(WITNESSES.glob("*.json"))
    assert len(files) == 12
    for file in files:
        found = commlb.check(file)
        assert found.holds, found.reason


@pytest.mark.slow
def test_the_report_witnesses_is_rebuilt():
    """All but IsTree on more than eight vertices, and walks of 56 bits."""
    build_module()
    witnesses = sys.modules["build_witnesses"]
    found = [*(tree for _, tree in witnesses.gadgets(8)), *witnesses.tasks()]
    made = to_csv([row for each in found for row in each.rows()]).splitlines()
    filed = (WITNESSES / "rows.csv").read_text().splitlines()
    assert set(made) <= set(filed)
    page = (WITNESSES / "README.md").read_text()
    assert witnesses.task_table(found[5:]) in page
    assert witnesses.tree_table({4 + k: tree for k, tree in enumerate(found[:5])}) in page
    del witnesses.COLLISIONS["random-56-bits"]
    for name, result in witnesses.collisions():
        filed = json.loads((WITNESSES / f"{name}.json").read_text())["result"]
        assert json.loads(json.dumps(dataclasses.asdict(result))) == filed
