"""The minimum at every cut: closed forms, definitions by brute force, and independent programs."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import itertools
import math
import types

import brute
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commlb
from commlb.errors import BadInput, CommlbError, LimitError
from commlb.layers import unroll, unroll_machine
from commlb.merging import merge, merge_table
from commlb.minimum import cuts, exact, minimum
from commlb.records_exact import ExactPoint
from commlb.records_rows import to_csv
from commlb.tasks import task_classes
from commlb.tasks.ar import AssociativeRecall
from commlb.tasks.counting import Counting
from commlb.tasks.disjointness import Disjointness
from commlb.tasks.equality import Equality
from commlb.tasks.index import Index
from commlb.tasks.istree import IsTree

EXAMPLES = [task for cls in task_classes().values() for task in cls.examples()]


def alphabets_of(task):
    return [task.alphabet(t) for t in range(task.length)]


def counts(found, side="classes_at_least"):
    return [getattr(cut, side) for cut in found]


@pytest.mark.parametrize(
    ("keys", "pairs", "values", "classes"),
    [(2, 1, 2, 2), (3, 2, 2, 4), (4, 2, 2, 5), (5, 2, 2, 6), (4, 3, 2, 8), (3, 2, 3, 9), (4, 2, 3, 9)],
)
def test_free_keys_meet_covering_arrays(keys, pairs, values, classes):
    result = exact(AssociativeRecall(pairs, keys, values), budget=20_000)
    cut = result.cuts[2 * pairs]
    assert (cut.classes_at_least, cut.classes_at_most, cut.exact) == (classes, classes, True)
    assert result.promise
    assert cut.at_least_by == ("clique" if classes == values**pairs else f"no {classes - 1}-colouring")


def test_simple_graphs_need_less_than_their_rows():
    layers = unroll(brute.SimpleTree(4), [range(6)] * 3, [3])
    assert counts(minimum(layers)) == counts(minimum(layers), "classes_at_most")
    assert minimum(layers)[2].classes_at_least == 5  # of 7 partitions


def test_istree_meets_its_closed_form():
    assert counts(exact(IsTree(7)).cuts) == [1, 21, 141, 351, 302, 64, 2]
    for n in range(2, 9):
        assert counts(exact(IsTree(n)).cuts) == [IsTree(n).classes(t) for t in range(n)]


@pytest.mark.slow
@pytest.mark.parametrize("n", [9, 10])
def test_istree_of_more_vertices(n):
    assert counts(exact(IsTree(n)).cuts) == [IsTree(n).classes(t) for t in range(n)]


@pytest.mark.parametrize("n", range(1, 7))
def test_two_words_and_counting(n):
    for task in (Equality, Disjointness):
        assert exact(task(n)).cuts[n].classes_at_least == 2**n
    found = counts(exact(Counting(n, 3)).cuts)
    assert found[: n + 1] == [math.comb(t + 2, t) for t in range(n + 1)]
    assert counts(exact(Index(n, 3)).cuts)[: n + 1] == [3**t for t in range(n + 1)]


def test_dyck():
    dyck = brute.Dyck(2, 2)
    layers = unroll(dyck, [dyck.tokens] * 10, [10])
    assert counts(minimum(layers)) == [1, 3, 6, 3, 6, 3, 6, 3, 6, 3, 2]


@pytest.mark.parametrize("task", EXAMPLES, ids=repr)
def test_both_engines_and_brute_force_agree_on_every_task(task):
    alphabets = alphabets_of(task)
    if math.prod(map(len, alphabets)) > 3000:
        pytest.skip("brute force would take long")
    result = exact(task, budget=20_000)
    answers = brute.all_answers(task.automaton(), alphabets, task.answered_at)
    expected = brute.distinct_rows(answers, alphabets, task.answered_at)
    automaton = unroll(task.automaton(), alphabets, task.answered_at)
    assert list(merge(automaton).widths) == expected
    if task.total:
        assert counts(result.cuts) == counts(result.cuts, "classes_at_most") == expected
        machine = unroll_machine(task.machine(), alphabets, task.answered_at)
        assert merge(machine).widths == merge(automaton).widths
    if len(task.answered_at) == 1:
        table = exact(task, engine="table", budget=20_000)
        assert [(c.classes_at_least, c.classes_at_most) for c in table.cuts] == [
            (c.classes_at_least, c.classes_at_most) for c in result.cuts
        ]


@st.composite
def tables(draw, holes):
    """Alphabets and the answers of all streams, as numbers, −1 outside the promise."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    answers = draw(st.integers(1, 3))
    low = -1 if holes else 0
    entries = st.lists(
        st.integers(low, answers - 1), min_size=math.prod(sizes), max_size=math.prod(sizes)
    ).filter(lambda table: max(table) >= 0)
    return [range(size) for size in sizes], draw(entries), answers


def as_function(alphabets, table):
    known = dict(zip(itertools.product(*alphabets), table, strict=True))
    return lambda stream: commlb.UNDEFINED if known[stream] < 0 else known[stream]


@settings(max_examples=60)
@given(tables(holes=False))
def test_random_tables_have_as_many_classes_as_rows(drawn):
    alphabets, table, answers = drawn
    due = [len(alphabets)]
    opaque = brute.Opaque(as_function(alphabets, table))
    expected = brute.distinct_rows(brute.all_answers(opaque, alphabets, due), alphabets, due)
    merged, prefixes = merge_table(np.array(table), alphabets, range(answers))
    tree = unroll(opaque, alphabets, due)
    assert list(merged.widths) == counts(minimum(tree)) == expected
    assert prefixes == tree.widths == tuple(math.prod(map(len, alphabets[:t])) for t in range(due[0] + 1))
    for stream, answer in zip(itertools.product(*alphabets), table, strict=True):
        assert merged.run(stream) == (answer,)


@settings(max_examples=100)
@given(tables(holes=True))
def test_random_promises_have_the_chromatic_number_of_their_conflicts(drawn):
    alphabets, table, answers = drawn
    due = [len(alphabets)]
    opaque = brute.Opaque(as_function(alphabets, table))
    expected = brute.all_answers(opaque, alphabets, due)
    merged, prefixes = merge_table(np.array(table), alphabets, range(answers))
    tree = unroll(opaque, alphabets, due)
    assert prefixes == tree.widths
    assert merged.widths == merge(tree).widths
    assert list(merged.widths) == brute.distinct_rows(expected, alphabets, due)
    assert counts(cuts(merged)) == counts(cuts(merged), "classes_at_most")
    assert counts(cuts(merged)) == brute.minima(expected, alphabets, due)
    partly = cuts(merged, most_vertices=2, budget=10)
    for cut, truth in zip(partly, counts(cuts(merged)), strict=True):
        assert cut.classes_at_least <= truth <= cut.classes_at_most


@st.composite
def automata(draw):
    """Random automata with several answers due, some moves and answers outside the promise."""
    n, states, tokens = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    row = st.lists(st.integers(-1, states - 1), min_size=tokens, max_size=tokens)
    step = st.lists(row, min_size=states, max_size=states)
    says = draw(st.lists(st.integers(-1, 2), min_size=states, max_size=states))
    due = draw(st.sets(st.integers(0, n - 1)))
    return brute.Table([draw(step) for _ in range(n)], says), [range(tokens)] * n, sorted(due | {n})


@settings(max_examples=150)
@given(automata())
def test_random_automata_with_several_answers(drawn):
    automaton, alphabets, due = drawn
    expected = brute.all_answers(automaton, alphabets, due)
    if all(answer is commlb.UNDEFINED for answer in expected.values()):
        with pytest.raises(BadInput, match="no stream is within the promise"):
            unroll(automaton, alphabets, due)
        return
    layers = unroll(automaton, alphabets, due)
    merged = merge(layers)
    assert list(merged.widths) == brute.distinct_rows(expected, alphabets, due)
    assert counts(minimum(layers)) == counts(minimum(layers), "classes_at_most")
    assert counts(minimum(layers)) == brute.minima(expected, alphabets, due)
    for stream, answer in expected.items():
        assert layers.run(stream) == merged.run(stream) == answer


def test_the_result_says_how_each_number_is_known():
    result = exact(IsTree(5))
    assert (result.engine, result.promise, result.exact, result.evidence) == (
        "layers",
        False,
        True,
        "exhaustive",
    )
    assert result.minimum_bits == result.at_most_bits == math.log2(26) == result.bound.bits
    assert {cut.at_least_by for cut in result.cuts} == {"distinct rows"}
    assert [cut.alphabet for cut in result.cuts] == [10, 10, 10, 10, 0]
    assert [cut.closed_form for cut in result.cuts] == [1, 10, 26, 16, 2]
    assert result.verdict == (
        "A machine that solves istree (vertices=5) without error needs 26 states after 2 of 4 tokens, "
        "at least 4.70043 bits, and no more there."
    )
    promise = exact(AssociativeRecall(2, 4, 2), budget=60)
    assert (promise.promise, promise.exact, promise.worst_cut) == (True, False, 3)
    assert "between" in promise.verdict
    assert "per cut" in promise.verdict


def test_a_registered_name_is_made_by_its_own_size(monkeypatch):
    sized = classmethod(lambda cls, n, extra=0: cls(n + extra))
    monkeypatch.setattr(IsTree, "sized", sized, raising=False)
    assert exact("istree", 5) == exact(IsTree(5)) == exact("istree", 3, extra=2)


def test_rows_are_one_a_cut():
    rows = exact(IsTree(4)).rows()
    lines = to_csv(rows).splitlines()
    assert lines[0].split(",") == [field.name for field in dataclasses.fields(ExactPoint)]
    assert len(lines) == 5
    assert lines[3].startswith("istree,vertices=4,3,6,layers,False,2,6,8,8,8,3.0,3.0,True,")
    assert len({row.digest for row in rows}) == 4
    assert rows == exact(IsTree(4)).rows()


def test_what_contradicts_a_closed_form_is_refused():
    class Wrong(IsTree):
        def classes(self, t):
            return super().classes(t) + (t == 2)

    with pytest.raises(CommlbError, match="26 to 26 classes after 2 tokens, its closed form says 27"):
        exact(Wrong(5))

    class Bold(IsTree):
        def memory_bound(self):
            return dataclasses.replace(super().memory_bound(), bits=5.0)

    with pytest.raises(CommlbError, match=r"at most 4.700440 bits, its closed bound says 5"):
        exact(Bold(5))


def test_limits_say_what_was_finished():
    with pytest.raises(LimitError, match="--max-states") as caught:
        exact(IsTree(7), max_states=400)
    assert caught.value.finished == (1, 21, 141)
    assert (caught.value.exit_code, caught.value.limit, caught.value.need) == (4, 400, 514)
    with pytest.raises(LimitError, match="--max-memory") as caught:
        exact(AssociativeRecall(3, 5, 2), max_memory=100_000)
    assert caught.value.finished == (1, 5, 10, 40, 40)
    with pytest.raises(LimitError, match="states, one a stream: 2,048 needed"):
        exact(Index(8, 2), engine="table", max_states=1000)
    with pytest.raises(LimitError, match="one state a layer"):
        exact(IsTree(10**5))
    with pytest.raises(LimitError, match="one a layer"):
        exact(IsTree(10**9))


def test_progress_ends_where_it_said():
    for task, engine in ((IsTree(4), None), (AssociativeRecall(2, 3, 2), None), (Index(3, 2), "table")):
        heard = []
        exact(task, engine=engine, progress=lambda *at, heard=heard: heard.append(at))
        assert heard == sorted(heard)
        assert heard[-1] == (3 * task.length, 3 * task.length)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: exact("istre", 4), "did you mean 'istree'"),
        (lambda: exact("istree"), "n, the size of istree, is required"),
        (lambda: exact("istree", 0), "n must be an integer of at least 1"),
        (lambda: exact(IsTree(4), 4), "made already"),
        (lambda: exact(IsTree(4), keys=4), "takes no n, keys"),
        (lambda: exact(IsTree(4), engine="trie"), "engine must be"),
        (lambda: merge_table(np.array([0, 1]), [(0, 1)] * 2, (0, 1)), "must hold 4 integers"),
        (lambda: merge_table(np.array([0, 1, 2, 0]), [(0, 1)] * 2, (0, 1)), r"entries must be in -1\.\.1"),
        (lambda: merge_table(np.array([-1] * 4), [(0, 1)] * 2, ()), "no stream is within the promise"),
    ],
)
def test_bad_input_is_refused_in_one_line(given, message):
    with pytest.raises(BadInput, match=message) as caught:
        given()
    assert "\n" not in str(caught.value)


def test_large_tables_are_numbered_by_the_compiled_loop_and_give_the_same():
    n = 14
    table = (np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1) & 1).reshape(-1)
    alphabets = [(0, 1)] * n + [range(n)]
    for dtype in (np.uint8, np.int32, np.int64):
        merged, prefixes = merge_table(table.astype(dtype), alphabets, (0, 1))
        assert merged.widths == (*(2**t for t in range(n + 1)), 2)
        assert prefixes == (*(2**t for t in range(n + 1)), n * 2**n)


@settings(max_examples=40)
@given(tables(holes=False))
def test_automata_lib_has_as_many_states(drawn):
    fa = pytest.importorskip("automata.fa.dfa")
    alphabets, table, _ = drawn
    merged, _ = merge_table(np.array(table) % 2, alphabets, range(2))
    states = {prefix for t in range(len(alphabets) + 1) for prefix in itertools.product(*alphabets[:t])}
    symbols = {str(token) for alphabet in alphabets for token in alphabet}
    inner = {
        prefix: {s: (*prefix, int(s)) if (*prefix, int(s)) in states else "sink" for s in symbols}
        for prefix in states
    }
    final = {s for s, a in zip(itertools.product(*alphabets), table, strict=True) if a % 2}
    dfa = fa.DFA(
        states={*states, "sink"},
        input_symbols=symbols,
        transitions=inner | {"sink": dict.fromkeys(symbols, "sink")},
        initial_state=(),
        final_states=final,
    ).minify()
    # a DFA does not know t: its dead states of all layers are one, and so are they and the sink
    dead = [all(a == 0 for a in row) for row in _rows_of(merged)]
    assert len(dfa.states) == len(dead) - sum(dead) + 1 or not final


def _rows_of(merged):
    """For each state of each layer, the answers (0 or 1) to all suffixes."""
    rows = [[[merged.answers[a]] for a in merged.answered[merged.length]]]
    for table in reversed(merged.following):
        rows.append([[a for after in row for a in rows[-1][after]] for row in table])
    return [row for layer in rows for row in layer]


@settings(max_examples=40)
@given(st.integers(1, 6).flatmap(lambda n: st.lists(st.integers(0, 1), min_size=2**n, max_size=2**n)))
def test_quasi_reduced_diagrams_are_as_wide(table):
    autoref = pytest.importorskip("dd.autoref")
    n = len(table).bit_length() - 1
    diagram = autoref.BDD()
    diagram.declare(*(f"x{t}" for t in range(n)))
    function = diagram.false
    for word, answer in zip(itertools.product((0, 1), repeat=n), table, strict=True):
        if answer:
            function |= diagram.cube({f"x{t}": bool(bit) for t, bit in enumerate(word)})
    layers = [{function}]
    for t in range(n):
        layers.append({diagram.let({f"x{t}": bit}, f) for f in layers[-1] for bit in (False, True)})
    merged, _ = merge_table(np.array(table), [(0, 1)] * n, (0, 1))
    assert merged.widths == tuple(map(len, layers))


MUTANTS = [
    ("merging", "[len(layers.answers) + 1]", "[len(layers.answers) + 1]; rows = rows * 0"),
    ("merging", "if t in layers.answered:", "if t == layers.length:"),
    ("merging", "after[layers.following[t]]", "after[layers.following[t]] * 0 + 1"),
    ("merging", "np.append(ids.astype(np.int32) + 1, np.int32(0))", "np.append(ids.astype(np.int32) + 1, 1)"),
    ("conflicts", "adjacent |= answers[members, None] != answers[members]", "pass"),
    ("conflicts", "later.adjacent[reached][:, reached]", "reached[:, None] != reached"),
    ("conflicts", "degree[:, None] < degree", "degree[:, None] <= degree"),
    ("conflicts", "return None, not stack, budget", "return None, True, budget"),
    ("conflicts", "min(used, len(classes) - 1)", "min(used - 1, len(classes) - 1)"),
    ("conflicts", "t >= total_from", "t >= 0"),
    ("conflicts", "t >= total_from", "t >= total_from - 1"),
    ("layers", "alive &= layers.answered[t] >= 0", "pass"),
    ("conflicts", "common == degree[:, None]", "common >= degree[:, None] - 1"),
    ("layers", "(allowed.any(axis=0) != allowed.all(axis=0)).any()", "False"),
]


@pytest.fixture(scope="module")
def small_tasks():
    """Random automata with a promise and several answers, and their true minima."""
    rng = np.random.default_rng(5)
    found = []
    while len(found) < 120:
        n, states, tokens = rng.integers(2, 5), int(rng.integers(2, 5)), int(rng.integers(2, 4))
        moves = rng.integers(-1, states, (n, states, tokens)).tolist()
        automaton = brute.Table(moves, rng.integers(-(len(found) % 2), 3, states).tolist())
        alphabets, due = [range(tokens)] * int(n), sorted({int(rng.integers(0, n)), int(n)})
        answers = brute.all_answers(automaton, alphabets, due)
        if any(answer is not commlb.UNDEFINED for answer in answers.values()):
            found.append((automaton, alphabets, due, brute.minima(answers, alphabets, due)))
    for keys, truth in ((4, [1, 1, 2, 7, 5, 2]), (5, [1, 1, 2, 8, 6, 2])):
        task = AssociativeRecall(2, keys, 2)
        found.append((task.automaton(), alphabets_of(task), task.answered_at, truth))
    return found


def first_wrong(modules, tasks, budget):
    """The first task for which the modules (possibly mutated) do not find the truth."""
    for automaton, alphabets, due, truth in tasks:
        try:
            layers = modules["layers"].unroll(automaton, alphabets, due)
            found = modules["minimum"].minimum(layers, budget=budget)
        except (BadInput, IndexError, ValueError, TypeError) as error:
            return error
        if any(
            not low <= true <= high
            for low, true, high in zip(counts(found), truth, counts(found, "classes_at_most"), strict=True)
        ):
            return found
        if budget > 100 and not all(cut.exact for cut in found):
            return found
    return None


def load(changed, old, new):
    """Fresh copies of the modules, one of them with ``old`` replaced."""
    made = {}
    for name in ("layers", "merging", "conflicts", "minimum"):
        source = inspect.getsource(importlib.import_module(f"commlb.{name}"))
        if name == changed:
            assert old in source, f"{name} no longer says {old!r}"
            source = source.replace(old, new)
        module = types.ModuleType(f"commlb.{name}")
        module.__dict__.update(made)
        exec(compile(source, name, "exec"), module.__dict__)  # dataclasses find their module by name
        for earlier in made.values():
            shared = {key: value for key, value in vars(earlier).items() if key in vars(module)}
            module.__dict__.update({k: v for k, v in shared.items() if not k.startswith("__")})
        made[name] = module
    return made


@pytest.mark.parametrize("budget", [200_000, 3])
def test_the_modules_as_they_are_find_the_truth(small_tasks, budget):
    assert first_wrong(load("", "", ""), small_tasks, budget) is None


@pytest.mark.parametrize(("name", "old", "new"), MUTANTS)
def test_mutants_are_caught(small_tasks, name, old, new):
    mutated = load(name, old, new)
    assert any(first_wrong(mutated, small_tasks, budget) is not None for budget in (200_000, 3))
