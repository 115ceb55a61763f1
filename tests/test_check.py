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
from commlb import bounds, machines, matrices, records_horizons, sealed
from commlb.checker import check, check_all
from commlb.checking import sampled
from commlb.errors import BadInput
from commlb.fano import fano_bits
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
    "collide window", "collide random", "collide words", "collide none", "collide horizons", "discover",
    "reduce", "bound rows", "bound one-way", "bound colouring", "bound shattered", "bound fooling", "bound rank",
    "bound tree", "bound task",
)  # fmt: skip


def checked(folder, content, name="file.json", **given):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return check(path, **given)


def refused(folder, content, name="file.json", **given):
    """The reason, one line."""
    found = checked(folder, content, name, **given)
    assert not found.holds
    assert found.reason
    assert "\n" not in found.verdict
    assert len(found.verdict) < 1200
    assert found.verdict.startswith(f"'{found.file}' is refused: ")
    assert "Traceback" not in found.reason
    return found.reason


@pytest.mark.parametrize("name", NAMES)
def test_true_files_hold(name, texts, tmp_path):
    found = checked(tmp_path, texts[name])
    assert found.reason is None
    assert found.holds
    assert found.kind == name.split()[0]
    assert len(found.verified) >= 2
    assert found.taken_as_written


def test_true_rows_hold(rows, tmp_path):
    found = checked(tmp_path, to_csv(rows), "rows.csv")
    assert found.reason is None
    assert found.kind == "rows"
    said = {one.what: one.figure for one in found.verified}
    assert said["the rows"] == f"{len(rows)} rows"
    assert said["errors of the best guesses"]
    assert said["errors of the machine's answers"]


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
               "queries", "counterexample", "task_answer", "public_coins", "collision"},
    "bound": {"verdict", "source", "at_most"},
}  # fmt: skip
"""Of each kind the keys under which something is taken as written, at least for some values."""

DENSE = {"shape", "row_labels", "column_labels", "answers", "values"}
"""Of a matrix that is given in the file, there is nothing else to ask for these."""

TRUE_TOO = {
    "different",
    "clique",
    "colours",
    "pairs",
    "prefixes",
    "suffixes",
    "position",
    "budget",
    "symbols",
}
"""Where another value may be as true: another witness of a bound, a shorter budget, 0 symbols of any kind."""


@pytest.mark.parametrize("most", [30, pytest.param(10**6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NAMES)
def test_lies_with_a_right_digest_are_refused_field_by_field(name, most, texts, tmp_path):
    """Scalars outside ``FREE`` changed in every way that ``files.others`` has, and the file sealed anew."""
    rng, body = files.generator(name), json.loads(texts[name])
    kind, held, refusals = name.split()[0], [], 0
    free = FREE[kind] | (DENSE if name in ("bound one-way", "bound colouring") else set())
    every = list(files.paths(body["result"], ("result",)))
    for path in rng.sample(every, min(len(every), most)):
        keys = {key for key in path[1:] if isinstance(key, str)}
        value = files.at(body, path)
        for other in files.others(value, rng) if not free & keys else ():
            if (other == value and type(other) is type(value)) or (other is None and kind == "reduce"):
                continue  # what a result of reduce leaves out is no lie
            found = checked(tmp_path, files.changed(body, path, other))
            assert "\n" not in found.verdict
            refusals += not found.holds
            if found.holds and not keys & TRUE_TOO:
                held.append((path, value, other))
    assert not held
    assert refusals >= 10


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_those_of_the_record(name, texts, tmp_path):
    """Each key left out, and one more in each object, with a right digest."""
    body = json.loads(texts[name])
    objects = {
        path[:k] for path in files.paths(body) for k in range(len(path)) if not isinstance(path[k], int)
    }
    for path in sorted(objects, key=str):
        if (
            path[:1] == ("provenance",)
            or "tree" in path
            or path[-1:] in (("task_size",), ("known",), ("parameters",))
        ):
            continue
        inside = files.at(body, path)
        if not path or not isinstance(inside, dict):
            continue
        for key in inside:
            less = {other: value for other, value in inside.items() if other != key}
            refused(tmp_path, files.changed(body, path, less))
        refused(tmp_path, files.changed(body, path, inside | {"extra": 1}))


def test_other_files_are_refused_by_what_they_are(tmp_path):
    curve = commlb.curve("index", (2, 3), "exact")
    reason = refused(tmp_path, to_json("curve", curve, {}))
    assert "check reads the rows of curve: curve … --out rows.csv" in reason
    reason = refused(tmp_path, to_json("exact", commlb.exact("index", 2), {}))
    assert reason.startswith(
        "check verifies results of collide, discover, bound, reduce, and rows; this is one of exact"
    )
    assert "must begin with the header" in refused(tmp_path, "a,b\n1,2\n", "rows.csv")
    assert refused(tmp_path, "", "rows.csv") == "it is empty"
    assert "no rows" in refused(
        tmp_path, to_csv(commlb.curve("index", 2, "exact").rows).splitlines()[0] + "\n", "r.csv"
    )
    assert "UTF-8" in refused(tmp_path, b"\xff\xfe{")


def lied(body, *changes):
    for path, value in changes:
        body = json.loads(files.changed(body, path, value))
    return sealed.seal({key: value for key, value in body.items() if key != "digest"})


@pytest.mark.parametrize(
    "task",
    [
        "../../etc/passwd",
        "os:system",
        "my.py:Name",
        "index\u0000",
        "x" * 10**6,
        "__import__('os')",
        "commlb.tasks",
    ],
)
def test_names_in_files_are_looked_up_and_nothing_else(task, texts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text("raise SystemExit('it was run')")
    for name, places in (
        ("collide window", [("task",), ("collision", "task")]),
        ("discover", [("task",)]),
        ("bound task", [("source", "name")]),
    ):
        changes = [(("result", *place), task) for place in places]
        assert len(refused(tmp_path, lied(json.loads(texts[name]), *changes))) < 300
    for spec in (task, f"{task}:w=3", "my.py:build", "gru:d=2,weights=my.py", "gru:d=2,weights=/etc/passwd"):
        reason = refused(
            tmp_path, lied(json.loads(texts["collide window"]), (("result", "collision", "machine"), spec))
        )
        assert "--machine" in reason


def test_sizes_beyond_all_measure_are_refused_quickly(texts, tmp_path):
    started = time.perf_counter()
    body = json.loads(texts["collide window"])
    for size in (10**30, 10**9, 2_000_000, -1):
        refused(tmp_path, lied(body, (("result", "n"), size)))
        refused(tmp_path, lied(body, (("result", "n"), size), (("result", "collision", "n"), size)))
        refused(tmp_path, lied(body, (("result", "symbols"), size)))
    for spec in (
        "gru:d=99999999999", "gru:d=2,layers=4000000", "bloom:bits=99999999999999999999,hashes=2",
        "countmin:width=9999999,depth=9999999", "random:bits=65", "window:w=99999999999999999999",
    ):  # fmt: skip
        refused(tmp_path, lied(body, (("result", "collision", "machine"), spec)))
    table = json.loads(texts["discover"])
    for key, size in (("n", 10**30), ("symbols", 10**30), ("cut", 10**30), ("n", 62), ("symbols", 2**62)):
        refused(tmp_path, lied(table, (("result", "table", key), size)))
    refused(tmp_path, lied(table, (("result", "task_size", "vertices"), 10**30)))
    refused(tmp_path, lied(table, (("result", "task_size", "vertices"), 10**6)))
    refused(tmp_path, lied(json.loads(texts["bound rows"]), (("result", "shape"), [10**30, 10**30])))
    refused(tmp_path, "[" * 10**6)
    refused(tmp_path, '{"a":' * 10**5)
    refused(tmp_path, '{"digest": "' + "x" * 10**7 + '"}')
    with open(tmp_path / "long.json", "wb") as file:
        file.truncate(2 * 10**8)
    assert "bytes; at most" in str(check(tmp_path / "long.json").reason)
    assert time.perf_counter() - started < 10


def test_a_certificate_takes_less_than_a_second(texts, tmp_path):
    for name in NAMES:
        started = time.perf_counter()
        checked(tmp_path, texts[name])
        assert time.perf_counter() - started < 1, name


def test_swapped_streams_are_a_collision_as_well_but_not_with_the_answers_as_they_were(texts, tmp_path):
    body = json.loads(texts["collide random"])
    given = body["result"]["collision"]
    keys = ("x", "prefix", "answers", "value")
    swap = [((("result", "collision", f"{key}{end}")), given[f"{key}{other}"]) for key in keys
            for end, other in (("", "_other"), ("_other", ""))]  # fmt: skip
    assert checked(tmp_path, lied(body, *swap)).holds
    for left_out in range(4):
        refused(tmp_path, lied(body, *(change for k, change in enumerate(swap) if k // 2 != left_out)))


def test_two_inputs_with_one_state_refute_that_there_are_none(tmp_path):
    found = files.collision("index", 5, "window:w=3", (0, 1, 0, 1, 1), (1, 1, 0, 1, 1), 1)
    none = dataclasses.replace(found, collision=None, complete=True)
    assert "no collision is claimed, yet" in refused(tmp_path, to_json("collide", none, {}))
    unknown = dataclasses.replace(none, complete=False, evidence="unknown")
    assert checked(tmp_path, to_json("collide", unknown, {})).holds
    for evidence, said in (
        ("exhaustive", "unknown where nothing"),
        ("proved; machine tested equal", "may err"),
    ):
        lie = dataclasses.replace(unknown, evidence=evidence)
        assert said in refused(tmp_path, to_json("collide", lie, {}))
    assert "some two collide" in refused(tmp_path, to_json("collide", none, {}), work=4)
    many = checked(tmp_path, to_json("collide", commlb.collide("index", 5), {}), work=4)
    assert many.holds
    assert "too many to be run here" in " ".join(many.taken_as_written)


ROW_LIES = {
    "capacity_bits": 99.5, "reachable_states": 3, "entropy_bits": 0.125, "information_bits": 0.125,
    "bound_bits": 0.5, "bound_formula": "n", "bound_source": "me", "errors": 1, "trials": 999,
    "best_accuracy": 0.99,
    "worst_error": 0.001, "cut": 1, "stream_length": 99, "task_size": "word_length=9;symbols=2", "problem": "EQ",
    "machine": "window:w=1", "format": "fp8", "precision_bits": 3, "weights_digest": "00", "evidence": "hearsay",
    "answered_by": "me", "answers_evidence": "hearsay", "n": 10**30, "symbols": 10**30, "c": 2, "seed": None,
    "settings": "x=1", "family": "random:bits", "task": "dyck", "reduction": "hubs", "engine_version": 2,
    "prefix_set": "nobody", "command": "guess", "confidence": 2.0, "searched_bits": -1.0, "error_target": 0.7,
    "limits": None, "remark": None, "minimum_bits": None,
}  # fmt: skip
"""A lie for each column; None where there is none to tell."""


def test_lies_in_rows_with_right_checksums_are_refused_column_by_column(rows, tmp_path):
    assert set(ROW_LIES) | {"reachable_bits", "digest", "checksum"} == {
        f.name for f in dataclasses.fields(rows[0])
    }
    exact = [row for row in rows if row.family == "window:w" and row.n == 6]
    for name, lie in ROW_LIES.items():
        if lie is None or getattr(exact[0], name) == lie:
            continue
        if name == "best_accuracy" and exact[0].machine == "window:w=6":
            lie = 0.5
        more = {"reachable_bits": None} if name == "reachable_states" else {}
        reason = refused(tmp_path, to_csv([dataclasses.replace(exact[0], **{name: lie}, **more)]), "rows.csv")
        assert "checksum" not in reason, name
    known = [row for row in rows if row.reachable_bits]
    lie = dataclasses.replace(known[0], reachable_states=None, reachable_bits=known[0].reachable_bits - 0.25)
    refused(tmp_path, to_csv([lie]), "rows.csv")


def test_rows_that_are_not_run_again_are_counted(rows, tmp_path):
    found = checked(tmp_path, to_csv(rows), "rows.csv", work=8)
    assert found.holds
    said = " ".join(found.taken_as_written)
    assert "with too many inputs: " in said
    assert "rows tested for consistency only" in said


def test_answers_too_good_for_the_room_are_refused_although_sampled(rows, tmp_path):
    sampled = [row for row in rows if row.answers_evidence == "sampled"]
    lie = dataclasses.replace(sampled[0], errors=0)
    assert "fewer than" in refused(tmp_path, to_csv([lie]), "rows.csv")


def test_a_task_of_the_users_own_is_run_only_if_it_is_named(tmp_path):
    (tmp_path / "mine.py").write_text(
        "class Same:\n    def __init__(self, n): self.length = 2 * n\n    alphabet = 'ab'\n"
        "    def answer(self, s): return s[: len(s) // 2] == s[len(s) // 2 :]\n"
    )
    table = files.Table(1, 2, 1, ((0,), (1,)), ((1,),), ((False, True),), (0,))
    cuts = [files.DiscoverCut(1, 2, 2, 1, 2, 1.0, 1.0, "rows", True, "exhaustive")]
    result = files.DiscoverResult(
        task="Same", task_size={"n": 1}, length=2, alphabet_size=2, cut=1, n=1, symbols=2, bits=1.0, optimal=True,
        upper_bound_bits=1.0, cuts=tuple(cuts), table=table, known={}, nodes=1, seed=None, evidence="exhaustive",
        complete=True, stopped=None, verdict="1 bit",
    )  # fmt: skip
    text = to_json("discover", result, {})
    assert "--task FILE.py:Name" in refused(tmp_path, text)
    found = checked(tmp_path, text, task=f"{tmp_path}/mine.py:Same")
    assert found.reason is None
    lie = dataclasses.replace(result, table=dataclasses.replace(table, suffixes=((0,),)))
    assert "which does not stand for" in refused(
        tmp_path, to_json("discover", lie, {}), task=f"{tmp_path}/mine.py:Same"
    )
    with pytest.raises(BadInput, match="there is no file"):
        checked(tmp_path, text, task="none.py:Same")


@pytest.mark.skipif(
    not hasattr(machines, "is_own"), reason="machines of the user's own come with another change"
)
def test_a_machine_of_the_users_own_is_run_only_if_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text(
        "from commlb.machines.window import Window\n\ndef build(task, cut):\n    return Window(task, cut, 2)\n"
    )
    found = files.collision("index", 5, "my.py:build", (0, 1, 0, 1, 1), (1, 1, 0, 1, 1), 1)
    text = to_json("collide", found, {})
    assert "--machine FILE.py:build" in refused(tmp_path, text)
    assert checked(tmp_path, text, machine=f"{tmp_path}/my.py:build").holds
    assert "machine.parameters" in refused(tmp_path, text, machine="window:w=3")
    with pytest.raises(BadInput):
        checked(tmp_path, text, machine="none.py:build")


def run(*args):
    """Exit code, stdout and stderr."""
    found = CliRunner().invoke(cli, ["check", *map(str, args)])
    return found.exit_code, found.stdout, found.stderr


def test_the_command_says_what_holds_and_refuses_in_a_line(texts, rows, tmp_path):
    (tmp_path / "a.json").write_text(texts["collide window"])
    (tmp_path / "b.csv").write_text(to_csv(rows[:3]))
    (tmp_path / "c.json").write_text(texts["discover"][:-30])
    code, out, err = run(tmp_path / "a.json", tmp_path / "b.csv")
    assert (code, err) == (0, "")
    assert "2 of 2 files hold." in out
    code, out, err = run(tmp_path / "c.json")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "c.json' is refused: " in err
    code, out, err = run(tmp_path / "a.json", tmp_path / "c.json")
    assert code == 1
    assert err.count("\n") == 1
    assert "1 of 2 files hold." in out
    code, out, err = run(tmp_path / "a.json", tmp_path / "c.json", "--json")
    body = json.loads(out)
    assert (code, err, body["command"], body["result"]["holds"]) == (1, "", "check", False)
    assert [file["holds"] for file in body["result"]["files"]] == [True, False]


@pytest.mark.parametrize("path", ["none.json", ".", "a\x00b", "x" * 5000])
def test_what_is_no_file_is_a_slip_of_the_user(path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["check", path])
    said = capsys.readouterr()
    assert (stopped.value.code, said.out) == (2, "")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("kind", files.RAW)
def test_the_command_refuses_damaged_files_in_a_line(kind, texts, tmp_path):
    rng = files.generator(f"command {kind}")
    for name in NAMES:
        (tmp_path / "a.json").write_bytes(files.raw(texts[name], kind, rng) if name != "none" else b"")
        code, out, err = run(tmp_path / "a.json")
        assert (code, out, err.count("\n")) == (1, "", 1)


MAKERS = (
    "proof", "walk", "layers", "merging", "minimum", "conflicts", "reachability", "prefixes", "protocol", "chains",
    "sweep", "points", "cells", "guesses", "thresholds", "retention", "bounds", "discovery", "collisions",
    "colliding", "exhaustion", "matrices", "shattering", "tabled", "information", "families", "grid",
)  # fmt: skip


def test_checks_import_none_of_the_makers_however_far():
    homes = {path: path.relative_to(ROOT).with_suffix("") for path in (ROOT / "commlb").rglob("*.py")}
    files_of = {".".join(home.parts).removesuffix(".__init__"): path for path, home in homes.items()}
    left = [name for name in files_of if name.startswith("commlb.check")]
    assert len(left) >= 10
    seen: set[str] = set()
    while left:
        name = left.pop()
        if name in seen or name not in files_of or name == "commlb":
            continue
        seen.add(name)
        left += imported(files_of[name])
    assert "commlb.machines.base" in seen
    assert "commlb.tasks.istree" not in seen
    everywhere = seen | {
        n for n in files_of if n.startswith(("commlb.tasks", "commlb.machines", "commlb.reductions"))
    }
    for name in sorted(everywhere):
        tops = {found.removeprefix("commlb.").split(".")[0] for found in imported(files_of[name])
                if found.startswith("commlb.")}  # fmt: skip
        assert not tops & set(MAKERS) or not name.split(".")[1].startswith("check"), (
            name,
            tops & set(MAKERS),
        )
    assert not {name.split(".")[1] for name in seen if "." in name} & set(MAKERS)


def test_checks_execute_nothing():
    for path in (ROOT / "commlb").glob("check*.py"):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        named = {call.id for call in calls if isinstance(call, ast.Name)}
        assert not named & {"eval", "exec", "compile", "__import__", "open", "import_module"}, path


def test_several_files_are_looked_for_before_any_work(tmp_path):
    with pytest.raises(BadInput, match="is no file"):
        check_all([str(tmp_path / "none.json"), str(Path(__file__))])


def test_rows_at_a_cut_go_by_the_answers_that_are_still_due(tmp_path):
    found = commlb.discover("copying", 3)
    assert max(cut.t for cut in found.cuts) > min(found.length, 3)
    assert checked(tmp_path, to_json("discover", found, {})).reason is None
    cuts = (*found.cuts[:-1], dataclasses.replace(found.cuts[-1], rows=found.cuts[-1].rows * 2))
    assert "rows are claimed" in refused(
        tmp_path, to_json("discover", dataclasses.replace(found, cuts=cuts), {})
    )


def test_an_answer_that_is_a_tuple_is_one_answer(tmp_path):
    (tmp_path / "mine.py").write_text(
        "class Both:\n    def __init__(self, n): self.length = 2 * n\n    alphabet = 'ab'\n"
        "    def answer(self, s): return s[0] == 'a', s[1:].count('b')\n"
    )
    own = f"{tmp_path}/mine.py:Both"
    found = commlb.discover(own, 2)
    text = to_json("discover", found, {})
    assert isinstance(found.table.readings[0][0], tuple)
    assert checked(tmp_path, text, task=own).reason is None
    body = json.loads(text)
    pair = body["result"]["table"]["readings"][0]
    lie = lied(body, (("result", "table", "readings", 0), pair[::-1]))
    assert "does not stand for" in refused(tmp_path, lie, task=own)


def test_a_matrix_of_rank_0_has_a_leaf(tmp_path):
    matrix = matrices.dense([[2, 2], [2, 2]])
    bounds.save(tmp_path / "rank.json", matrix, bounds.rank(matrix, 2))
    text = (tmp_path / "rank.json").read_text()
    assert json.loads(text)["result"]["bound"]["witness"]["rank"] == 0
    assert checked(tmp_path, text).reason is None
    refused(tmp_path, lied(json.loads(text), (("result", "bound", "witness", "leaves"), 0)))


def test_none_collide_is_refused_where_there_is_no_room_or_no_time(tmp_path):
    found = commlb.collide("index", 60, machine="window:w=8")
    assert not found.complete
    beside = dataclasses.replace(found, complete=True)
    assert "here are two" in refused(tmp_path, to_json("collide", beside, {}))
    none = dataclasses.replace(found, collision=None, complete=True, evidence="exhaustive")
    assert "some two collide" in refused(tmp_path, to_json("collide", none, {}))
    proved = commlb.collide("index", 60)
    assert checked(tmp_path, to_json("collide", proved, {})).reason is None
    run_all = dataclasses.replace(proved, complete=True, evidence="exhaustive")
    assert "nobody did" in refused(tmp_path, to_json("collide", run_all, {}))


def test_another_type_with_the_same_value_is_refused(texts, tmp_path):
    body = json.loads(texts["collide window"])
    size = body["result"]["task_size"]
    key = next(iter(size))
    for places in ([("task_size", key)], [("collision", "task_size", key)]):
        refused(tmp_path, lied(body, *(((("result", *place)), float(size[key])) for place in places)))
    found = refused(tmp_path, lied(body, (("result", "machine", "parameters", "w"), 3.0)))
    assert "machine.parameters" in found
    kernel = [(("result", *place), "kernel") for place in (("method",), ("collision", "method"))]
    assert "linear" in refused(tmp_path, lied(body, *kernel))
    table = json.loads(texts["discover"])
    for size in (4.0, True, "4"):
        refused(tmp_path, lied(table, (("result", "task_size", "vertices"), size)))
    assert refused(tmp_path, lied(table, (("result", "task_size"), {}))) == (
        "task_size of istree must give vertices"
    )


def test_rows_whose_last_line_has_no_newline_are_cut_off(rows, tmp_path):
    assert "cut off" in refused(tmp_path, to_csv(rows[:3])[:-1], "rows.csv")
    horizons = records_horizons.to_csv(
        commlb.collide("index", 8, machine="window:w=3", method="fading", seed=1).horizons
    )
    assert checked(tmp_path, horizons, "h.csv").reason is None
    assert "cut off" in refused(tmp_path, horizons[:-1], "h.csv")


def test_cuts_and_known_reductions_bind_a_search(texts, tmp_path):
    body = json.loads(texts["discover"])
    result = body["result"]
    assert "cuts must be all of" in refused(tmp_path, lied(body, (("result", "cuts"), result["cuts"][1:])))
    found = commlb.discover("istree", 5)
    assert checked(tmp_path, to_json("discover", found, {})).reason is None
    assert checked(tmp_path, to_json("discover", commlb.discover("istree", 5, cut=1), {})).reason is None
    other = commlb.discover("istree", 5, cut=1)
    cuts = (found.cuts[0], other.cuts[0], *(
        dataclasses.replace(cut, n=2, bits=2.0, upper_bound_bits=2.0, upper_bound_by="search")
        for cut in found.cuts[2:] if cut.rows >= 4
    ))  # fmt: skip
    cuts = (*cuts, *found.cuts[len(cuts) :])
    low = dataclasses.replace(other, cuts=cuts, known=found.known)
    assert "above the upper bound" in refused(tmp_path, to_json("discover", low, {}), work=1)
    fewer = (found.cuts[0], dataclasses.replace(found.cuts[1], rows=found.cuts[1].rows + 1), *found.cuts[2:])
    lie = dataclasses.replace(found, cuts=fewer)
    assert "by the formula" in refused(tmp_path, to_json("discover", lie, {}), work=1)


def test_what_reduce_sampled_is_bound_by_what_chance_gives(tmp_path):
    found = commlb.reduce("index", 6, machine="window:w=2", trials=500, seed=1)
    assert found.answers.evidence == "sampled"
    assert checked(tmp_path, to_json("reduce", found, {})).reason is None

    def said(**changes):
        answers = dataclasses.replace(found.answers, **changes)
        return refused(tmp_path, to_json("reduce", dataclasses.replace(found, answers=answers), {}))

    for lie in ({"confidence": 0.5}, {"accuracy_at_least": 0.7}, {"evidence": "hearsay"}, {"errors": 3},
                {"fano_bits": 5.5}, {"evidence": "exhaustive"}):  # fmt: skip
        said(**lie)
    errors, limit = 0, sampled.upper_limit(0, 500)
    fano = 6 * fano_bits(limit)
    answers = dataclasses.replace(
        found.answers, errors=errors, accuracy=1.0, accuracy_at_least=1 - limit, fano_bits=fano
    )
    lie = dataclasses.replace(found, answers=answers, never_errs=None)
    assert "chance does not give" in refused(tmp_path, to_json("reduce", lie, {}))
    check_of = dataclasses.replace(found.reduction_check, holds=False)
    for changes in (
        {"never_errs": True}, {"never_errs": None}, {"reduction_check": check_of},
        {"information": dataclasses.replace(found.information, confidence=0.9)},
        {"message": dataclasses.replace(found.message, evidence="hearsay")},
    ):  # fmt: skip
        refused(tmp_path, to_json("reduce", dataclasses.replace(found, **changes), {}))
    for spec in ("exact", "random:bits=9"):
        for n in (5, 40):
            true = commlb.reduce("index", n, machine=spec, seed=1)
            assert checked(tmp_path, to_json("reduce", true, {})).reason is None


def test_forged_certificates_that_agree_with_themselves_are_refused(tmp_path):
    """Two different states, and a query that does not tell the inputs apart: all else is as it would be."""
    import dataclasses

    import numpy as np

    import commlb
    from commlb import machines, reductions
    from commlb.records import to_json

    result = commlb.collide("index", 6, machine="window:w=3", method="layers")
    true, chosen = result.collision, reductions.build("index", None, 6, None, None)
    machine = machines.build("window:w=3", chosen.task, chosen.cut)
    place = next(k for k in range(6) if true.x[k] == true.x_other[k])
    states = machine.start(1)
    for t, token in enumerate([*true.prefix, *chosen.suffix(place + 1)]):
        states = machine.step(states, np.array([token]), t)
    said = int(machine.output(states)[0])
    asked = {"y": place + 1, "suffix": tuple(chosen.suffix(place + 1)), "value": true.x[place]}
    asked |= {"value_other": true.x[place], "answers": (true.x[place],), "answers_other": (true.x[place],)}
    asked |= {"machine_answers": (said,), "machine_value": said}
    last = (*true.x[:5], 1 - true.x[5])
    apart = {"x_other": last, "prefix_other": last, "merged_at": 7, "y": 6, "suffix": tuple(chosen.suffix(6))}
    apart |= {
        "value": true.x[5],
        "answers": (true.x[5],),
        "value_other": last[5],
        "answers_other": (last[5],),
    }
    apart |= {"machine_answers": (true.x[5],), "machine_value": true.x[5]}
    for changed, reason in ((asked, "on both inputs"), (apart, "two different states")):
        forged = dataclasses.replace(result, collision=dataclasses.replace(true, **changed))
        (tmp_path / "forged.json").write_text(to_json("collide", forged, {}))
        found = check(tmp_path / "forged.json")
        assert not found.holds
        assert reason in found.reason, found.reason
