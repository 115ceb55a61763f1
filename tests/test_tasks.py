"""Laws that every task obeys: solver, automaton, projection, machine and window agree on every stream."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import run_one, stirling

from commlb.errors import BadInput
from commlb.machines import build
from commlb.machines.base import UNDEFINED
from commlb.symbolic import Atom
from commlb.tasks import task_classes
from commlb.tasks.base import Task
from commlb.tasks.cgram import CGram
from commlb.tasks.counting import Counting
from commlb.tasks.index import Index
from commlb.tasks.istree import IsTree, ends, stirling_row

EXAMPLES = [task for cls in task_classes().values() for task in cls.examples()]
MOST_STREAMS = 20_000


def streams(task: Task) -> list[tuple[int, ...]]:
    """All streams, or as many as are drawn with a fixed seed where they are too many."""
    alphabets = [task.alphabet(t) for t in range(task.length)]
    if math.prod(map(len, alphabets)) <= MOST_STREAMS:
        return list(itertools.product(*alphabets))
    rng = np.random.default_rng(7)
    return [tuple(int(rng.choice(a)) for a in alphabets) for _ in range(MOST_STREAMS // 4)]


@functools.lru_cache(maxsize=150_000)
def solve(task: Task, stream: tuple[int, ...]):
    """The independent solver's answer, solved once for all laws."""
    return task.solve(stream)


def all_streams(task: Task) -> list[tuple[int, ...]]:
    alphabets = [task.alphabet(t) for t in range(task.length)]
    if math.prod(map(len, alphabets)) > MOST_STREAMS:
        pytest.skip("too many streams to run all")
    return list(itertools.product(*alphabets))


def written(answer) -> int:
    """An answer as ``Machine.output`` writes it."""
    return -1 if answer is UNDEFINED else int(answer)


def each(answers) -> tuple:
    """The answers of ``solve``, one for each place where one is due."""
    return answers if isinstance(answers, tuple) else (answers,)


def due_from(task: Task, answers, cut: int):
    """The answers that are due after ``cut`` tokens or more."""
    return answers if answers is UNDEFINED else each(answers)[sum(t < cut for t in task.answered_at) :]


class Uses:
    """What the rest of one stream touches, plus whatever else is said to be live."""

    def __init__(self, letters, extra=()):
        self.named = {(letter[0], argument) for letter in letters for argument in letter[1:]} | set(extra)

    def __call__(self, role, argument):
        return (role, argument) in self.named

    def arguments(self, role):
        return [argument for r, argument in self.named if r == role]


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_automaton_agrees_with_the_independent_solver(task):
    for stream in streams(task):
        assert task.run(stream) == solve(task, stream), stream


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_projected_runs_answer_like_unprojected_ones(task):
    """Projected after every token to what the rest of this stream touches: the most that may be forgotten."""
    automaton = task.automaton()
    rng = np.random.default_rng(1)
    pool = [("query", 1), ("key", 1), ("ask", 1), ("ask", 2), ("edge", 0), ("edge", 1), ("threshold", 2)]
    for stream in streams(task):
        letters = [task.letter(token, t) for t, token in enumerate(stream)]
        extra = [use for use in pool if rng.random() < 0.5]
        tight = loose = whole = automaton.start()
        given = []
        for t, letter in enumerate(letters):
            whole = automaton.read(whole, letter)
            tight = automaton.project(automaton.read(tight, letter), Uses(letters[t + 1 :]))
            loose = automaton.project(automaton.read(loose, letter), Uses(letters[t + 1 :], extra))
            assert tight == automaton.project(whole, Uses(letters[t + 1 :])), (stream, t)
            if t + 1 in task.answered_at:
                assert automaton.answer(tight) == automaton.answer(loose), stream
                given.append(automaton.answer(tight))
        right = solve(task, stream)
        assert UNDEFINED in given if right is UNDEFINED else tuple(given) == each(right), stream


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_projection_is_a_congruence(task):
    """States that a projection merges stay merged under every live continuation, or answers would differ."""
    automaton = task.automaton()
    cut = task.length // 2
    alphabets = [task.alphabet(t) for t in range(task.length)]
    prefixes = list(itertools.islice(itertools.product(*alphabets[:cut]), 300))
    for suffix in itertools.islice(itertools.product(*alphabets[cut:]), 40):
        letters = [task.letter(token, t) for t, token in enumerate(suffix, cut)]
        classes: dict = {}
        for prefix in prefixes:
            state = automaton.start()
            for t, token in enumerate(prefix):
                state = automaton.step(state, token, t)
            answer = due_from(task, solve(task, prefix + suffix), cut)
            if answer is not UNDEFINED:
                known = classes.setdefault(automaton.project(state, Uses(letters)), answer)
                assert known == answer, (prefix, suffix)


@pytest.mark.parametrize("task", [task for task in EXAMPLES if task.unread], ids=repr)
def test_what_nobody_reads_leaves_the_other_answers_alone(task):
    """All queries but one written in the role that nobody reads, projected to what the rest touches."""
    automaton, alias = task.automaton(), {role: name for name, role in task.unread.items()}
    for stream in streams(task)[::3]:
        right = solve(task, stream)
        for place, due in enumerate(task.answered_at if right is not UNDEFINED else ()):
            letters = [task.letter(token, t) for t, token in enumerate(stream)]
            for t in range(task.answered_at.start - 1, task.length):
                if t + 1 != due:
                    letters[t] = (alias[letters[t][0]], *letters[t][1:])
            assert [task.token(letter) for letter in letters] == list(stream)
            state = automaton.start()
            for t, letter in enumerate(letters[:due]):
                state = automaton.project(automaton.read(state, letter), Uses(letters[t + 1 :]))
            assert automaton.answer(state) == each(right)[place], (stream, due)


@pytest.mark.parametrize("task", [task for task in EXAMPLES if task.promise_ignores], ids=repr)
def test_what_the_promise_ignores_does_not_break_it(task):
    for stream in streams(task):
        other = tuple(
            task.alphabet(t)[0] if task.letter(token, t)[0] in task.promise_ignores else token
            for t, token in enumerate(stream)
        )
        assert (solve(task, other) is UNDEFINED) == (solve(task, stream) is UNDEFINED), stream


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_atoms_are_opaque(task):
    """Named, they are answered alike; of named points in space only those that are there can be asked for."""
    automaton = task.automaton()

    def named(letter):
        atoms = len(letter) - (letter[0] in task.plain)
        return (letter[0], *(Atom("a", a) for a in letter[1:atoms]), *letter[atoms:])

    for stream in streams(task)[:2000]:
        known = solve(task, stream)
        pairs = 2 * task.pairs if task.name == "nearest" else 0
        if pairs and not set(stream[pairs:]) <= set(stream[:pairs:2]):
            continue
        state, given = automaton.start(), []
        for t, token in enumerate(stream):
            state = automaton.read(state, named(task.letter(token, t)))
            if t + 1 in task.answered_at:
                given.append(automaton.answer(state))
        given = [answer.index if isinstance(answer, Atom) else answer for answer in given]
        assert UNDEFINED in given if known is UNDEFINED else tuple(given) == each(known), stream


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_exact_machine_is_tested_equal_to_the_automaton(task):
    """One batch of all streams within the promise; every answer; states are canonical up to the first.

    Canonical: equal iff the automaton's are. What an automaton keeps for the promise only, no machine needs.
    """
    plain = dataclasses.replace(task, simple=False) if getattr(task, "simple", False) else task
    automaton, machine = plain.automaton(), task.machine()
    good = [stream for stream in streams(task) if solve(task, stream) is not UNDEFINED]
    if task.name == "cgram":
        good = good[:1500]
    batch = np.array(good).T
    states = machine.start(batch.shape[1])
    slow = [automaton.start() for _ in good]
    for t in range(task.length):
        states = machine.step(states, batch[t], t, out=states)
        slow = [automaton.step(state, stream[t], t) for state, stream in zip(slow, good, strict=True)]
        packed = [tuple(column) for column in machine.pack(states).T.tolist()]
        if t + 1 in task.answered_at:
            place = task.answered_at.index(t + 1)
            wanted = [written(each(solve(task, stream))[place]) for stream in good]
            assert machine.output(states).tolist() == wanted, t + 1
        if t < getattr(task, "text_length", task.answered_at.start - 1):
            pairs = set(zip(packed, slow, strict=True))
            assert len(pairs) == len(set(packed)), "two automaton states share a machine state"
            assert len(pairs) == len(set(slow)), "the machine's state is not canonical"


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_letters_and_tokens_are_inverse(task):
    for t in range(task.length):
        for token in task.alphabet(t):
            assert task.token(task.letter(token, t)) == token


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_window_answers_are_never_wrong(task):
    """What a window claims to know holds; the whole stream decides everything."""
    for stream in streams(task)[:3000]:
        wanted = solve(task, stream)
        if wanted is UNDEFINED:
            continue
        asked = {"cgram": getattr(task, "c", 2) - 1, "counting": 2}.get(task.name, 1)
        for due, right in zip(task.answered_at, each(wanted), strict=True):
            for first in range(due - asked + 1):
                claimed = task.from_window(stream[first:due], first)
                assert claimed in (None, written(right)), (stream, first, due)
                assert claimed is not None or first > 0


@pytest.mark.parametrize("spec", ["store", "window:w=2"])
@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_machines_that_keep_tokens_answer_wherever_an_answer_is_due(task, spec):
    """From the kept tokens what they decide, else the default; in no more states than words of them."""
    good = [stream for stream in streams(task)[:2000] if solve(task, stream) is not UNDEFINED]
    batch = np.array(good).T
    for cut in {max(1, task.length // 2), max(1, task.length - 1), task.length}:
        machine = build(spec, task, cut)
        kept = machine.parameters.get("w", cut)
        states = machine.start(len(good))
        for t in range(task.length):
            states = machine.step(states, batch[t], t, out=states)
            packed = machine.pack(states)
            assert (machine.unpack(packed) == states).all()
            assert math.log2(len(set(map(tuple, packed.T.tolist())))) <= machine.capacity_bits(t + 1) + 1e-9
            if t + 1 in task.answered_at:
                first = max(0, min(t + 1, cut) - kept)
                known = [task.from_window(stream[first : t + 1], first) for stream in good]
                wanted = [task.default if answer is None else answer for answer in known]
                assert machine.output(states).tolist() == wanted
                if spec == "store":
                    place = task.answered_at.index(t + 1)
                    assert wanted == [written(each(solve(task, stream))[place]) for stream in good]


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_sizes_and_refusals(task):
    first = [task.alphabet(t)[0] for t in range(task.length)]
    machine = task.machine()
    assert task.memory_bound().bits <= machine.largest_capacity_bits() + 1e-9
    assert machine.largest_capacity_bits() <= machine.storage_bits + 1e-9
    with pytest.raises(BadInput, match="tokens"):
        task.solve(first[:-1])
    with pytest.raises(BadInput, match="position"):
        task.solve([task.alphabet(0).stop, *first[1:]])
    assert set(task.answers) >= {written(a) for s in streams(task)[:500] for a in each(solve(task, s))} - {-1}


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_a_single_run_equals_its_column_in_a_batch(task):
    chosen = streams(task)[:: max(1, len(streams(task)) // 50)]
    chosen = [stream for stream in chosen if solve(task, stream) is not UNDEFINED]
    machine = task.machine()
    states = machine.start(len(chosen))
    for t in range(task.length):
        states = machine.step(states, np.array([stream[t] for stream in chosen]), t)
    assert machine.output(states).tolist() == [run_one(machine, stream) for stream in chosen]


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_capacity_counts_the_states_of_every_position(task):
    """log₂ of the number of states reached by all promised streams, position by position."""
    machine = task.machine()
    good = [stream for stream in all_streams(task) if solve(task, stream) is not UNDEFINED]
    batch = np.array(good).T
    states = machine.start(batch.shape[1])
    largest = 0.0
    for t in range(task.length):
        reached = math.log2(len({tuple(column) for column in machine.pack(states).T.tolist()}))
        if machine.capacity_evidence == "formula" and t <= getattr(task, "text_length", task.length):
            assert machine.capacity_bits(t) == pytest.approx(reached, abs=1e-9), t
        assert reached <= machine.capacity_bits(t) + 1e-9
        largest = max(largest, machine.capacity_bits(t))
        states = machine.step(states, batch[t], t, out=states)
    assert machine.largest_capacity_bits() == pytest.approx(largest, abs=1e-9)


@pytest.mark.parametrize("cls", task_classes().values(), ids=lambda cls: cls.name)
def test_every_task_is_made_from_its_size_and_its_options(cls):
    known = set(inspect.signature(cls.of_size).parameters) - {"n"}
    assert set(cls.options) == known
    for n in (2, 4, 6):
        task = cls.sized(n)
        assert next(iter(task.size.values())) == n
        assert set(cls.options) <= known
    with pytest.raises(BadInput, match=f"{cls.name} has no option 'colour'; it takes: "):
        cls.sized(2, colour=3)
    with pytest.raises(BadInput, match="n must be an integer of at least 1; given 0"):
        cls.sized(0)


def test_options_say_which_variant_is_meant():
    assert cls_sizes("ar", 3) == {"pairs": 3, "keys": 3, "values": 2, "fixed": True}
    assert cls_sizes("ar", 3, keys="free", types=5, symbols=3) == {"pairs": 3, "keys": 5, "values": 3}
    assert cls_sizes("cgram", 6, c=3) == {"text_length": 6, "types": 4, "c": 3, "fixed": True}
    assert cls_sizes("istree", 4, simple=True) == {"vertices": 4, "simple": True}
    assert cls_sizes("dyck", 4, types=3, depth=1) == {"word_length": 4, "kinds": 3, "depth": 1}
    assert cls_sizes("nearest", 4) == {"pairs": 4, "dimension": 3}
    assert cls_sizes("triangle", 4) == {"vertices": 4, "tokens": 5}
    for name, options, words in (
        ("ar", {"keys": "loose"}, "keys must be fixed or free; given 'loose'"),
        ("mqar", {"types": 7}, "with fixed keys there are as many as pairs, 3; given 7"),
        ("cgram", {}, "fixed keys need a text_length that is a multiple of c = 2; given 3"),
        ("dyck", {}, "word_length must be even, or no word is well matched; given 3"),
    ):
        with pytest.raises(BadInput, match=words):
            task_classes()[name].sized(3, **options)


def cls_sizes(name: str, n: int, **options) -> dict:
    return task_classes()[name].sized(n, **options).size


Row = frozenset
"""What is read from the cut on, with the answer due then."""


def agree(row: Row, other: Row) -> bool:
    """Whether two rows have no continuation, allowed after both, with different answers."""
    known = dict(other)
    return all(known.get(read, answer) == answer for read, answer in row)


def rows(task: Task, cut: int, most: int = 60_000) -> set[Row]:
    """The distinct rows at a cut: per allowed prefix the answers due from the cut on, by what is read till then.

    Two prefixes with no valid suffix in common may still have to differ: in an answer that is due before the
    streams part.
    """
    alphabets = [task.alphabet(t) for t in range(task.length)]
    if math.prod(map(len, alphabets)) > most:
        pytest.skip("too many streams for a plain table")
    found: dict[tuple, dict] = {}
    for stream in itertools.product(*alphabets):
        answers = task.solve(stream)
        if answers is not UNDEFINED:
            several = answers if len(task.answered_at) > 1 else (answers,)
            row = found.setdefault(stream[:cut], {})
            row.update({stream[cut:t]: a for t, a in zip(task.answered_at, several, strict=True) if t >= cut})
    return {frozenset(row.items()) for row in found.values()}


def colouring(found: set[Row]) -> tuple[int, int]:
    """A clique of the conflict graph of rows, and a colouring of it, both greedy, by their sizes."""
    clique: list[Row] = []
    colours: list[list[Row]] = []
    for row in sorted(found, key=lambda row: (-len(row), sorted(row))):
        if not any(agree(row, other) for other in clique):
            clique.append(row)
        for members in colours:
            if all(agree(row, other) for other in members):
                members.append(row)
                break
        else:
            colours.append([row])
    return len(clique), len(colours)


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_closed_form_for_classes_is_what_brute_force_counts(task):
    """Distinct rows of a total task; with a promise, a clique and a colouring that meet."""
    if all(task.classes(t) is None for t in range(task.length + 1)):
        pytest.skip("no closed form")
    for cut in range(task.length + 1):
        claimed = task.classes(cut)
        if claimed is not None:
            found = rows(task, cut)
            assert claimed == len(found) if task.total else (claimed, claimed) == colouring(found), cut


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_memory_bound_is_at_most_a_colouring_of_the_conflict_graph(task):
    """At some cut, any machine without error needs at least as many states as the bound says.

    Greedy colouring gives as many classes as suffice at a cut; a valid lower bound at the worst cut is below
    the largest of these.
    """
    most = max(colouring(rows(task, cut))[1] for cut in range(task.length + 1))
    assert task.memory_bound().bits <= math.log2(most) + 1e-9


LARGER = [
    *(cls.sized(70) for cls in task_classes().values()),
    task_classes()["nearest"].sized(30, dimension=7),
    task_classes()["copying"].sized(70, symbols=5),
    task_classes()["mqar"].sized(70, keys="free", types=300, symbols=5),
    task_classes()["triangle"].sized(20, length=30),
    task_classes()["st-connectivity"].sized(40, length=30),
]


@pytest.mark.parametrize("task", LARGER, ids=repr)
def test_states_of_several_words_and_larger_sizes(task):
    """Drawn streams, half of them with the second part like the first; packed and unpacked on the way."""
    rng = np.random.default_rng(3)
    machine, half = task.machine(), task.length // 2
    good = []
    for k in range(40):
        stream = [int(rng.choice(task.alphabet(t))) for t in range(task.length)]
        if not task.total:
            pairs = 2 * getattr(task, "pairs", 0)
            keys = rng.permutation(task.alphabet(pairs))[: pairs // 2].tolist()
            free = len(task.alphabet(0)) > 1
            stream[:pairs:2] = keys if free else stream[:pairs:2]
            stream[pairs:] = rng.permutation(stream[:pairs:2]).tolist()
        elif k % 2 and task.length == 2 * half and task.alphabet(half) == task.alphabet(0):
            stream[half:] = stream[:half]
        good.append(stream)
    answers = [task.solve(stream) for stream in good]
    assert UNDEFINED not in answers
    states = machine.start(len(good))
    for t, tokens in enumerate(np.array(good).T):
        states = machine.step(states, tokens, t, out=states)
        states = machine.unpack(machine.pack(states))
        if t + 1 in task.answered_at:
            place = task.answered_at.index(t + 1)
            assert machine.output(states).tolist() == [written(each(answer)[place]) for answer in answers]
    assert task.memory_bound().bits <= machine.largest_capacity_bits() + 1e-9
    assert machine.largest_capacity_bits() <= machine.storage_bits + 1e-9


def test_closed_forms():
    """Theory Sec. 3: class counts at the worst cut."""
    assert [[stirling(n, k) for k in range(n + 1)] for n in range(6)] == [stirling_row(n) for n in range(6)]
    assert IsTree(7).memory_bound().bits == math.log2(351)
    for n, k, rows in ((2, 2, 3), (3, 3, 10), (4, 4, 35), (5, 5, 126), (2, 3, 6), (5, 6, 252)):
        assert Counting(n, k).memory_bound().bits == math.log2(rows)
    assert Index(5, 3).memory_bound().bits == 5 * math.log2(3)
    assert IsTree(2000).memory_bound().bits > 1000


def test_large_stirling_bound_is_below_the_exact_one(monkeypatch):
    exact = IsTree(700).memory_bound().bits
    monkeypatch.setattr("commlb.tasks.istree.EXACT_PARTITIONS", 10)
    loose = IsTree(700).memory_bound()
    assert "k^(N-k)" in loose.method
    assert 0.9 * exact < loose.bits <= exact


@given(st.integers(0, 2**45))
def test_edge_tokens_decode_alike_in_batch_and_alone(token):
    u, v = ends(np.array([token]))
    assert IsTree(4).letter(token, 0) == ("edge", int(u[0]), int(v[0]))
    assert 0 <= u[0] < v[0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Index(0), "word_length must be an integer of at least 1; given 0"),
        (lambda: Index(3, 1), "symbols must be"),
        (lambda: CGram(3, 2, 1), "c must be"),
        (lambda: CGram(2, 2, 3), "text_length must be at least c = 3"),
        (lambda: IsTree(1), "vertices must be"),
        (lambda: Counting(True, 2), "text_length must be"),
    ],
)
def test_bad_sizes_are_refused(make, words):
    with pytest.raises(BadInput, match=words):
        make()
