"""Tasks from a user's own file: both forms, and a clear line for whatever is wrong with them."""

from __future__ import annotations

import pytest

import commlb
from commlb.errors import BadInput
from commlb.minimum import exact
from commlb.userfile import load

PALINDROME = """
class Palindrome:
    alphabet = "ab"
    def __init__(self, n):
        self.length = n
    def answer(self, stream):
        return stream == stream[::-1]
"""

PARITY = """
from dataclasses import dataclass
from commlb import BROKEN
import beside

@dataclass
class Run:
    length: int
    def alphabet(self, t):
        return (0, 1) if t else (1,)
    def start(self):
        return beside.ZERO
    def step(self, state, token, t):
        return state ^ token
    def answer(self, state):
        return state

def Parity(n):
    return Run(n)

def Moore(n):
    made = Run(n)
    made.answered_at = range(1, n + 1)
    return made

class Alternating(Run):
    def step(self, state, token, t):
        return BROKEN if t and state == token else token
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "tasks.py").write_text(PALINDROME + PARITY)
    (tmp_path / "beside.py").write_text("ZERO = 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def classes(result):
    return [cut.classes_at_least for cut in result.cuts]


def test_a_function_of_the_whole_stream_is_tabulated(folder):
    result = commlb.exact(f"{folder}/tasks.py:Palindrome", 6)
    assert (result.task, result.task_size, result.engine) == ("Palindrome", {"n": 6}, "table")
    assert classes(result) == [1, 2, 4, 8, 5, 3, 2]
    assert [cut.machine_states for cut in result.cuts] == [2**t for t in range(7)]
    assert (result.alphabet_size, result.bound, result.promise) == (2, None, False)


@pytest.mark.parametrize("home", ["tasks.py", "./tasks.py", "tasks"])
def test_an_automaton_is_unrolled(folder, home):
    result = exact(f"{home}:Parity", 5)
    assert (result.engine, classes(result)) == ("layers", [1, 1, 2, 2, 2, 2])
    assert classes(exact(f"{home}:Parity", 5, engine="table")) == classes(result)
    assert classes(exact(f"{home}:Moore", 3)) == [1, 1, 2, 2]
    alternating = exact(f"{home}:Alternating", 4)
    assert alternating.promise is False  # after a 1 only one word may follow
    assert classes(alternating) == [1, 1, 1, 1, 1]


def test_the_path_is_as_it_was_before(folder):
    import sys

    before = list(sys.path)
    load("tasks.py:Parity", 3)
    assert sys.path == before


def test_a_promise_and_none(folder):
    (folder / "own.py").write_text(
        "import commlb\n"
        "class Sum:\n"
        "    length, alphabet = 2, (0, 1)\n"
        "    def __init__(self, n): self.n = n\n"
        "    def answer(self, s):\n"
        "        if s == (0, 0): return commlb.UNDEFINED\n"
        "        if self.n == 1 or s != (1, 1): return sum(s)\n"
    )
    result = exact("own.py:Sum", 1)
    assert result.promise
    assert [(c.classes_at_least, c.classes_at_most) for c in result.cuts] == [(1, 1), (2, 2), (2, 2)]
    with pytest.raises(
        BadInput, match=r"gave None on stream \(1, 1\); outside the promise .* commlb.UNDEFINED"
    ):
        exact("own.py:Sum", 2)


BODY = "class T:\n    def __init__(self, n): self.length = n\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\nclass Tee: pass\n", "unknown name in own.py 'T'"),
        ("1 / 0\n", "cannot import 'own.py': ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", "cannot import 'own.py': SystemExit: 3"),
        ("def f(:\n", "cannot import 'own.py': SyntaxError"),
        ("T = 3\n", r"T\(4\) raised TypeError: 'int' object is not callable"),
        ("class T: pass\n", r"T\(4\) raised TypeError"),
        (BODY, "T must have 'alphabet'"),
        (BODY + "    alphabet = 'ab'\n", "T must have 'answer'"),
        (BODY + "    alphabet = 'ab'\n    step = answer = 0\n", "T must have 'start'"),
        ("class T:\n    def __init__(self, n): self.alphabet = 'ab'\n", "T must have 'length'"),
        (
            "class T:\n    length, alphabet, answer = '4', 'ab', len\n    def __init__(self, n): pass\n",
            "T.length must be an integer of at least 1; given '4'",
        ),
        (BODY + "    alphabet, answer = 7, len\n", r"T: alphabet\(0\) raised TypeError"),
        (BODY + "    alphabet, answer = [[1], [2]], len\n", r"alphabet\(0\) raised TypeError: unhashable"),
        (BODY + "    alphabet, answer = 'aa', len\n", "alphabet at position 0 must hold different tokens"),
        (
            BODY + "    alphabet = 'ab'\n    def answer(self, s): return 1 / (s != tuple('abba'))\n",
            r"T: answer on stream \('a', 'b', 'b', 'a'\) raised ZeroDivisionError",
        ),
        (BODY + "    alphabet = 'ab'\n    def answer(self, s): return []\n", r"answer \[\] is not hashable"),
        (
            BODY + "    alphabet = 'ab'\n    def start(self): return 0\n"
            "    def step(self, s, a, t): return 1 // (t - 2)\n    def answer(self, s): return s\n",
            r"T: step\(-1, 'a', 2\) raised ZeroDivisionError",
        ),
        (
            BODY + "    alphabet = 'ab'\n    def start(self): return 0\n"
            "    def step(self, s, a, t): return {}\n    def answer(self, s): return s\n",
            "a state after position 0 is not hashable",
        ),
        (
            BODY + "    alphabet = 'ab'\n    def start(self): return 0\n"
            "    def step(self, s, a, t): return 0\n    def answer(self, s): return None\n",
            "T.answer gave None on state 0",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, monkeypatch, source, message):
    (tmp_path / "own.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=message) as caught:
        exact("own.py:T", 4)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere.py:T", "there is no file 'nowhere.py'"),
        ("no/where:T", "there is no file 'no/where'"),
        ("nowhere_at_all:T", "cannot import 'nowhere_at_all': ModuleNotFoundError"),
        ("own.py:", "is named path/to/file.py:Name"),
        (":T", "is named path/to/file.py:Name"),
        ("own.py:a.b", "is named path/to/file.py:Name"),
    ],
)
def test_what_is_not_there(spec, message):
    with pytest.raises(BadInput, match=message):
        exact(spec, 4)


def test_what_does_not_fit(folder):
    with pytest.raises(BadInput, match=r"tasks\.py:Parity takes n only; given keys"):
        exact("tasks.py:Parity", 4, keys=3)
    with pytest.raises(BadInput, match="Palindrome has no 'step'"):
        exact("tasks.py:Palindrome", 4, engine="layers")
    with pytest.raises(BadInput, match="Moore has several answers"):
        exact("tasks.py:Moore", 4, engine="table")


def test_a_task_written_as_the_registered_ones_is_one(folder):
    (folder / "own.py").write_text("from commlb.tasks.istree import IsTree\n")
    assert classes(exact("own.py:IsTree", 5)) == [1, 10, 26, 16, 2]
