"""``commlb exact`` as a user types it: text, ranges, files, limits, refusals."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from commlb_cli import main

import commlb
from commlb.errors import BadInput
from commlb.growth import grow
from commlb.layers import Layers
from commlb.minimum import solve
from commlb.tasks import task_classes

PALINDROME = """
class Palindrome:
    alphabet = "ab"

    def __init__(self, n):
        self.length = n

    def answer(self, stream):
        return stream == stream[::-1]


class Stuck(Palindrome):
    def answer(self, stream):
        if len(set(stream)) == 1:
            raise RuntimeError("one letter only")
        return True
"""


def run(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        main(list(args))
    out, err = capsys.readouterr()
    return stop.value.code, out, err


@pytest.fixture
def palindrome(tmp_path):
    path = tmp_path / "my_task.py"
    path.write_text(PALINDROME)
    return f"{path}:Palindrome"


@pytest.mark.parametrize("task", sorted(task_classes()))
def test_every_task_fits_80_columns(capsys, task):
    code, out, err = run(capsys, "exact", task, "--n", "2")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "without error" in " ".join(out.split())


def test_a_users_task(capsys, palindrome):
    code, out, _ = run(capsys, "exact", palindrome, "--n", "8", "--json")
    assert code == 0
    cuts = json.loads(out)["result"]["cuts"]
    assert [cut["classes_at_least"] for cut in cuts] == [1, 2, 4, 8, 16, 9, 5, 3, 2]
    code, out, err = run(capsys, "exact", palindrome.replace("Palindrome", "Stuck"), "--n", "3")
    assert (code, out) == (2, "")
    assert "RuntimeError: one letter only" in err


def test_the_readme_s_own_task_runs(capsys, tmp_path):
    text = (Path(__file__).parent.parent / "README.md").read_text()
    (code,) = re.findall(r"```python\n# my_task.py\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "my_task.py").write_text(code)
    status, out, _ = run(capsys, "exact", f"{tmp_path / 'my_task.py'}:Palindrome", "--n", "12")
    assert status == 0
    assert "needs 64 states after 6 of 12 tokens" in " ".join(out.split())


def test_a_range_has_a_row_a_size_and_the_laws(capsys, tmp_path):
    target = tmp_path / "rows.csv"
    code, out, _ = run(capsys, "exact", "istree", "--n", "3:8", "--out", str(target))
    assert code == 0
    assert "n log n" in out
    assert "an observation" in out
    assert max(map(len, out.splitlines())) <= 80
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert len(rows) == sum(n for n in range(3, 9))
    code, out, _ = run(capsys, "exact", "dyck", "--n", "2:10:4", "--json")
    body = json.loads(out)["result"]
    assert body["sizes"] == [2, 6, 10]
    assert body["complete"] is True


def test_a_range_over_the_limit_keeps_what_was_finished(capsys):
    code, out, err = run(capsys, "exact", "index", "--n", "3:20", "--max-states", "3000")
    assert code == 4
    assert len(err.strip().splitlines()) == 1
    assert "Stopped (n = 11: " in " ".join(out.split())


def test_an_interrupt_in_a_range_keeps_what_was_finished():
    calls = []

    def stop(done, of):
        calls.append(done)
        if len(calls) > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        grow("index", range(2, 9), progress=stop)
    assert caught.value.partial.stopped == "interrupted"
    assert 1 <= len(caught.value.partial.results) < 7


def test_export_writes_an_automaton_that_solves_the_task(capsys, tmp_path):
    target = tmp_path / "dyck.json"
    code, _, _ = run(capsys, "exact", "dyck", "--n", "6", "--export", str(target))
    assert code == 0
    body = json.loads(target.read_text())
    result, merged = solve("dyck", 6)
    assert isinstance(merged, Layers)
    assert [layer["states"] for layer in body["layers"]] == [cut.classes_at_least for cut in result.cuts]
    task = task_classes()["dyck"].sized(6)
    for stream in ([0, 1, 3, 2, 0, 2], [0, 0, 2, 2, 0, 3], [2, 0, 2, 0, 2, 0], [0, 2, 1, 3, 1, 3]):
        state = 0
        for token, layer in zip(stream, body["layers"], strict=False):
            state = layer["following"][state][layer["alphabet"].index(repr(token))]
        assert body["layers"][-1]["answers"][state] == repr(int(task.solve(stream)))
    dot = tmp_path / "dyck.dot"
    assert run(capsys, "exact", "dyck", "--n", "6", "--export", str(dot))[0] == 0
    assert dot.read_text().startswith("digraph")


def test_pictures(capsys, tmp_path):
    one, several = tmp_path / "one.svg", tmp_path / "several.png"
    assert run(capsys, "exact", "ar", "--n", "2", "--keys", "free", "--plot", str(one))[0] == 0
    assert run(capsys, "exact", "counting", "--n", "2:4", "--plot", str(several))[0] == 0
    assert one.stat().st_size > 1000
    assert several.stat().st_size > 1000


def test_a_closed_form_that_is_wrong_is_noticed(monkeypatch, capsys):
    monkeypatch.setattr("commlb.tasks.index.Index.classes", lambda self, t: 3)
    code, out, err = run(capsys, "exact", "index", "--n", "3")
    assert (code, out) == (1, "")
    assert "closed form says 3" in err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("istree", "--n", "0"), "at least"),
        (("istree", "--n", "5:3"), "no range"),
        (("istree", "--n", "3:5:0"), "no range"),
        (("istree", "--n", "x"), "not a valid integer"),
        (("istre", "--n", "3"), "did you mean 'istree'"),
        (("istree", "--n", "4", "--depth", "3"), "has no option 'depth'"),
        (("dyck", "--n", "5"), "even"),
        (("nofile.py:T", "--n", "3"), "no file"),
        (("istree", "--n", "3", "--export", "x.txt"), "must end in"),
        (("istree", "--n", "3:4", "--export", "x.dot"), "one size"),
        (("istree", "--n", "4", "--timeout", "0"), "timeout"),
        (("mqar", "--n", "2", "--engine", "table"), "several answers"),
    ],
)
def test_refusals_are_one_line(capsys, args, words):
    code, out, err = run(capsys, "exact", *args)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert words in err


def test_a_limit_says_what_it_would_take(capsys):
    code, out, err = run(capsys, "exact", "istree", "--n", "9", "--max-states", "500")
    assert code == 4
    assert "layers that were finished: 1, 36" in out
    assert "--max-states" in err
    code, out, err = run(capsys, "exact", "istree", "--n", "9", "--max-memory", "2000", "--json")
    assert (code, out) == (4, "")
    assert "--max-memory" in err


def test_the_library_says_the_same():
    assert commlb.exact("istree", 7).minimum_bits == commlb.exact("istree", 7).bound.bits


class Parity:
    """A user's automaton, made in a notebook."""

    alphabet = (0, 1)

    def __init__(self, n):
        self.length = n

    def start(self):
        return 0

    def step(self, state, token, t):
        return state ^ token

    def answer(self, state):
        return state


def test_a_class_or_an_object_of_ones_own_is_a_task():
    assert [cut.classes_at_least for cut in commlb.exact(Parity, 4).cuts] == [1, 2, 2, 2, 2]
    assert commlb.exact(Parity(5)).length == 5
    with pytest.raises(BadInput, match="size of the task"):
        commlb.exact(Parity)
    with pytest.raises(BadInput, match="must have 'length'"):
        commlb.exact(object())
    assert {"reduce", "states", "exact"} <= set(dir(commlb))


USERS = """
import commlb
from commlb.errors import BadInput

class Base:
    alphabet = "ab"
    def __init__(self, n): self.length = n

class Chatty(Base):
    def answer(self, stream):
        print("hello")
        return True

class Broken(Base):
    def answer(self, stream): return commlb.BROKEN if stream[0] == "a" else True

class Nan(Base):
    def answer(self, stream): return float("nan")

class Half(Base):
    def start(self): return 0
    def answer(self, stream): return True

class Exits(Base):
    def answer(self, stream): raise SystemExit(0)

class Lists(Base):
    def start(self): return []
    def step(self, state, token, t): return state
    def answer(self, state): return True

class Endless(Base):
    def alphabet(self, t):
        while True: yield t
    def answer(self, stream): return True

class Yields(Base):
    def answer(self, stream): yield True
"""


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("Nan", 2, "not equal to itself"),
        ("Half", 2, "'start' but no 'step'"),
        ("Exits", 2, "raised SystemExit"),
        ("Lists", 2, "start() is not hashable"),
        ("Endless", 4, "more than 1048576 tokens"),
        ("Yields", 2, "generator"),
    ],
)
def test_slips_of_users_are_one_line(capsys, tmp_path, name, code, words):
    (tmp_path / "own.py").write_text(USERS)
    status, out, err = run(capsys, "exact", f"{tmp_path / 'own.py'}:{name}", "--n", "3")
    assert (status, out) == (code, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_what_a_users_task_prints_is_no_result_and_broken_is_no_answer(capsys, tmp_path):
    (tmp_path / "own.py").write_text(USERS)
    _, out, err = run(capsys, "exact", f"{tmp_path / 'own.py'}:Chatty", "--n", "2", "--json")
    assert json.loads(out)["result"]["minimum_bits"] == 0.0
    assert "hello" in err
    _, out, _ = run(capsys, "exact", f"{tmp_path / 'own.py'}:Broken", "--n", "2", "--json")
    assert [cut["classes_at_least"] for cut in json.loads(out)["result"]["cuts"]] == [1, 1, 1]


def test_several_files_at_once(capsys, tmp_path):
    one, other = tmp_path / "a.csv", tmp_path / "b.json"
    assert run(capsys, "exact", "index", "--n", "2", "--out", str(one), "--out", str(other))[0] == 0
    assert one.exists()
    assert json.loads(other.read_text())["command"] == "exact"


def test_a_minimum_that_stays_is_said_to_stay():
    assert "is the same from n = 4 on" in grow("dyck", range(2, 13, 2)).verdict
    assert "is the same at each size" in grow("dyck", range(4, 13, 2)).verdict
    assert "n log n" in grow("istree", range(3, 8)).verdict
