"""Files of discovered reductions: run, drawn, and refused in one line where anything is odd."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from commlb_cli import main
from tables import result, star, write

import commlb
from commlb import discovered, sealed
from commlb.errors import BadInput, CommlbError, LimitError
from commlb.records import to_json
from commlb.tasks import task_classes
from commlb.tasks.ar import AssociativeRecall
from commlb.tasks.istree import IsTree

TASK = """
class Word:
    '''Do the first and the last token agree?'''
    alphabet = ("no", "yes")
    def __init__(self, n):
        self.length = n
    def answer(self, stream):
        return "same" if stream[0] == stream[-1] else "other"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "my_task.py").write_text(TASK)
    for n in (3, 4):
        write(tmp_path / f"star{n}.json", result(star(n), IsTree(n + 1)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *arguments: str):
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    captured = capsys.readouterr()
    return stopped.value.code or 0, captured.out, captured.err


def test_reduce_runs_a_file_and_proves_it(folder, capsys):
    code, out, err = run(capsys, "reduce", "istree", "--reduction", "star4.json", "--json")
    body = json.loads(out)["result"]
    assert (code, err) == (0, "")
    check = body["reduction_check"]
    assert (check["holds"], check["evidence"], check["inputs"]) == (True, "exhaustive", "2^4")
    assert (body["reduction"], body["n"], body["cut"], body["task_size"]) == ("table", 4, 3, {"vertices": 5})
    assert (body["source"], body["message"]["reachable_states"]) == ("star4.json (commlb discover)", 16)
    code, out, _ = run(capsys, "reduce", "istree", "--reduction", "star4.json", "--x", "0101", "--i", "2")
    assert code == 0
    assert "exhaustive (the independent\n  solver on every stream); for this n." in out
    assert "edge v0-v2" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_a_false_table_is_refused_with_a_counterexample(folder, capsys):
    table = star(3)
    false = replace(table, suffixes=(table.suffixes[1], *table.suffixes[1:]))
    write(folder / "false.json", result(false, IsTree(4)))
    code, out, _ = run(capsys, "reduce", "istree", "--reduction", "false.json")
    assert code == 1
    assert "REFUSED: on x = 010, i = 1 the answer should be 0; obtained: 1" in out


def test_n_and_symbols_are_those_of_the_file(folder, capsys):
    assert commlb.reduce("istree", 4, reduction="star4.json", symbols=2).n == 4
    for arguments, words in (
        (("--n", "3"), "holds n = 4; given 3; leave --n out"),
        (("--symbols", "3"), "holds symbols = 2; given 3"),
        (("--c", "2"), "leave --c out"),
    ):
        code, out, err = run(capsys, "reduce", "istree", "--reduction", "star4.json", *arguments)
        assert (code, out) == (2, "")
        assert words in err


def test_states_takes_a_file(folder):
    found = commlb.states("istree", reduction="star4.json", information=True)
    assert found.cuts[-1].reachable_states == 16
    assert found.cuts[-1].per_input_bit == (1.0,) * 4
    assert commlb.states("istree", reduction="star4.json", over="all").cuts[2].minimum_states == 26


@pytest.mark.parametrize("cls", task_classes().values(), ids=lambda cls: cls.name)
def test_every_registered_task_is_made_again_from_its_size(cls):
    for task in cls.examples():
        assert discovered.registered(task.name, json.loads(json.dumps(task.size))) == task


def test_a_users_own_task_is_run_by_its_tables(folder, capsys):
    table = replace(
        star(3), n=1, cut=2, prefixes=((1, 0), (0, 1)), suffixes=((0, 0),),
        readings=(("other", "same"),), read_at=(0,),
    )  # fmt: skip
    task = IsTree(5)
    found = result(table, task, task="Word", task_size={"n": 4}, length=4, alphabet_size=2)
    write(folder / "found.json", found)
    for machine, errors in (("exact", 0), ("window:w=1", 1), ("window:w=2", 0)):
        made = commlb.reduce("my_task.py:Word", reduction="found.json", machine=machine)
        assert (made.task, made.task_size, made.answers.errors) == ("Word", {"n": 4}, errors)
        assert made.reduction_check.holds
    code, out, _ = run(
        capsys, "reduce", "my_task.py:Word", "--reduction", "found.json", "--x", "1", "--i", "1",
        "--n", "1", "--plot", "w.png", "--out", "w.csv",
    )  # fmt: skip
    assert code == 0
    assert "token yes" in out
    assert (folder / "w.png").stat().st_size > 10_000
    drawing = commlb.reduce("my_task.py:Word", reduction="found.json", x="1", i=1, draw=True).drawing
    assert (drawing.said, drawing.placed, drawing.tokens[0]) == ("same", False, ("Alice", "token", ("no",)))
    for task_name, words in (
        ("my_task.py:Wrod", "holds a reduction to Word; given the task my_task.py:Wrod"),
        ("my_task.py", "holds a reduction to Word"),
        ("istree", "holds a reduction to Word; given the task istree"),
        ("other.py:Word", "there is no file 'other.py'"),
    ):
        with pytest.raises(BadInput, match=words):
            commlb.reduce(task_name, reduction="found.json")
    for size in ({"n": 0}, {"n": "4"}, {"n": True}, {"m": 4}, {}, {"n": 4, "m": 1}):
        write(folder / "size.json", replace(found, task_size=size))
        with pytest.raises(BadInput, match=r"size\.json"):
            commlb.reduce("my_task.py:Word", reduction="size.json")


def test_a_task_of_ones_own_needs_a_file(folder):
    with pytest.raises(
        BadInput, match=r"no reduction to my_task.py:Word is registered; find one: commlb discover"
    ):
        commlb.reduce("my_task.py:Word", 4)
    with pytest.raises(BadInput, match="n, the number of Alice's symbols, is required"):
        commlb.reduce("istree")


def odd(**changed):
    """A change of the table."""
    return lambda body: body["result"]["table"].update(changed)


def result_with(**changed):
    return lambda body: body["result"].update(changed)


ODD = [
    (lambda body: body.update(schema="commlb/2"), "schema must be 'commlb/1'; given 'commlb/2'"),
    (lambda body: body.update(command="reduce"), "what commlb discover wrote; this is of 'reduce'"),
    (lambda body: body.update(result=[1]), r"result must be an object; given \[1\]"),
    (lambda body: body["result"].pop("nodes"), "result has no 'nodes'"),
    (result_with(more=1), "result has a key 'more' that is not known"),
    (result_with(table=None), "nothing is shattered there, so it holds no reduction"),
    (result_with(table=7), "table must be an object; given 7"),
    (result_with(task=7), "task must be a name; given 7"),
    (result_with(task="istre"), "holds a reduction to istre; given the task istree"),
    (result_with(task_size=None), "task_size must be an object"),
    (result_with(task_size={"vertices": "5"}), "vertices must be a whole number; given '5'"),
    (result_with(task_size={"vertices": True}), "vertices must be a whole number; given True"),
    (result_with(task_size={"vertices": 5.0}), "vertices must be a whole number; given 5.0"),
    (result_with(task_size={"vertices": 10**9}), "vertices must be at most 65536"),
    (result_with(task_size={"vertices": 1}), "vertices must be an integer of at least 2; given 1"),
    (result_with(task_size={"vertices": 5, "simple": 1}), "simple must be true or false; given 1"),
    (result_with(task_size={"vertices": 5, "simple": False}), "task_size of istree must give vertices"),
    (
        result_with(task_size={"vertices": 6}),
        "istree of this size has 5 tokens of 15 kinds, the file says 4 of 10",
    ),
    (result_with(task_size={"edges": 5}), "task_size of istree has vertices, simple; given edges"),
    (result_with(task_size={}), "task_size of istree must give vertices; given nothing"),
    (result_with(length=5), "the file says 5 of 10"),
    (result_with(alphabet_size=11), "the file says 4 of 11"),
    (result_with(length="4"), "length must be a whole number; given '4'"),
    (result_with(n=3), "n is 3 in the result and 4 in its table"),
    (result_with(cut=None), "cut must be a whole number; given None"),
    (odd(n="4"), "the table's n must be a whole number"),
    (odd(more=1), "table has a key 'more' that is not known"),
    (odd(prefixes=None), "prefixes must be a list of lists; given None"),
    (odd(prefixes=[[0, 1, 2], 3]), "prefixes must be a list of lists"),
    (odd(prefixes=[[0, 1, 2]]), "prefixes must have 16 rows; given 1"),
    (odd(suffixes=[[0], [1], [3], [6.0]]), "a token in row 3 of suffixes must be a whole number; given 6.0"),
    (odd(suffixes=[[0], [1], [3], [10]]), "row 3 of suffixes has 10 at position 3"),
    (odd(suffixes=[[0], [1], [3], [10**900]]), "row 3 of suffixes has 1000"),
    (odd(readings=[[False, True]] * 3), "readings must have 4 rows"),
    (odd(readings=[[False, None]] * 4), "readings hold answers; given None"),
    (odd(readings=[[False, {"a": 1}]] * 4), "readings hold answers; given {'a': 1}"),
    (odd(readings=[[False, [True]]] * 4), r"a number or a truth value; given \(True,\)"),
    (odd(readings=[[False, "yes"]] * 4), "a number or a truth value; given 'yes'"),
    (odd(readings=7), "readings must be a list of lists"),
    (odd(read_at=0), "read_at must be a list"),
    (odd(read_at=[0, 0, 0, 1]), r"read_at must hold 4 numbers in 0\.\.0"),
    (odd(read_at=[0, 0, 0, "0"]), "a place in read_at must be a whole number"),
]


@pytest.mark.parametrize(("change", "words"), ODD, ids=[words[:40] for _, words in ODD])
def test_whatever_is_odd_is_said_in_one_line(folder, change, words):
    body = json.loads(to_json("discover", result(star(4), IsTree(5)), {}))
    change(body)
    (folder / "odd.json").write_text(sealed.seal(body))
    with pytest.raises(BadInput, match=words) as caught:
        commlb.reduce("istree", reduction="odd.json")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert str(caught.value).count("'odd.json'") == 1


def test_files_that_are_none(folder, capsys):
    (folder / "bytes.json").write_bytes(b"\xff\xfe{}")
    (folder / "empty.json").write_text("")
    (folder / "dir.json").mkdir()
    text = (folder / "star4.json").read_text()
    (folder / "stale.json").write_text(text.replace("by hand", "by foot"))
    (folder / "cut.json").write_text(text[: len(text) // 2])
    (folder / "UPPER.JSON").write_text(text)
    assert commlb.reduce("istree", reduction="UPPER.JSON").n == 4
    for name, words in (
        ("none.json", "there is no file 'none.json'"),
        ("bytes.json", "is no text in UTF-8"),
        ("empty.json", "is no JSON"),
        ("dir.json", "cannot read 'dir.json'"),
        ("stale.json", "was changed after it was written"),
        ("cut.json", "is no JSON"),
    ):
        code, out, err = run(capsys, "reduce", "istree", "--reduction", name)
        assert (code, out) == (2, "")
        assert words in err
        assert err.count("\n") == 1
    with pytest.raises(BadInput, match="did you mean 'istree'"):
        commlb.reduce("istre", reduction="star4.json")
    with pytest.raises(BadInput, match="task must be a name"):
        commlb.reduce(7, reduction="star4.json")


def test_a_table_that_is_too_large_is_a_limit(folder):
    body = json.loads(to_json("discover", result(star(4), IsTree(5)), {}))
    body["result"]["n"] = body["result"]["table"]["n"] = 10**6
    (folder / "huge.json").write_text(sealed.seal(body))
    with pytest.raises(LimitError, match="a table has at most"):
        commlb.reduce("istree", reduction="huge.json")


def test_answers_that_are_atoms_are_numbers_in_a_file(folder):
    """AR with three values: readings are the value tokens."""
    task = AssociativeRecall(1, 1, 3, True)
    values = tuple(task.answers)
    table = replace(
        star(3), n=1, symbols=3, cut=2, prefixes=tuple((1, v) for v in values), suffixes=((1,),),
        readings=(values,), read_at=(0,),
    )  # fmt: skip
    write(folder / "ar.json", result(table, task))
    found = commlb.reduce("ar", reduction="ar.json", x="2", i=1)
    assert (found.symbols, found.transcript.output, found.task_size) == (3, 2, task.size)


def test_the_gadget_is_drawn(folder, capsys):
    for x, i in (("0101", 2), ("0101", 1), ("0000", 3)):
        drawing = commlb.reduce("istree", reduction="star4.json", x=x, i=i, draw=True).drawing
        assert drawing.vertices == (("v", ("v0", "v1", "v2", "v3", "v4")),)
        assert [party for party, _, _ in drawing.tokens] == ["Alice"] * 3 + ["Bob"]
    code, _, err = run(
        capsys, "reduce", "istree", "--reduction", "star4.json", "--x", "0101", "--i", "2", "--plot", "g.png",
        "--plot", "g.svg",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert (folder / "g.png").read_bytes()[:4] == b"\x89PNG"


def test_what_is_read_is_what_was_written(folder):
    found = discovered.read((folder / "star4.json").read_text(), "star4.json")
    assert found.table == star(4)
    assert asdict(found.table) == asdict(star(4))
    assert issubclass(BadInput, CommlbError)
