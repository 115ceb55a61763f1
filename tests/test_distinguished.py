"""Collisions by distinguished points. Also run with NUMBA_DISABLE_JIT=1."""

from __future__ import annotations

import itertools
import json
import math
import statistics

import numpy as np
import pytest

from commlb import machines, reductions
from commlb.colliding import trails
from commlb.colliding.birthday import Plan, expected_runs, planned
from commlb.colliding.distinguished import Found, _Search, search
from commlb.colliding.trails import Trails
from commlb.colliding.walks import LANES, MOST_STATES, Map, transducer
from commlb.errors import BadInput, OverLimit
from commlb.kernels import rho, special
from commlb.layers import Limits
from commlb.machines.base import Machine
from commlb.machines.random import GOLDEN, Random, mix
from commlb.sealed import seal


def pair(task, spec, n, reduction=None, symbols=None):
    made = reductions.build(task, reduction, n, symbols, None)
    return made, machines.build(spec, made.task, made.cut)


def final(machine, stream):
    """The packed state after one stream, a run alone."""
    states = machine.start(1)
    for t, token in enumerate(stream):
        states = machine.step(states, np.array([token]), t)
    return machine.pack(states).tolist()


def assert_collides(reduction, machine, found):
    assert found.x != found.x_other
    first, second = (reduction.alice(x) for x in (found.x, found.x_other))
    assert len(first) == reduction.cut
    assert final(machine, first) == final(machine, second)


CASES = [
    ("index", "random:bits=24", 30, None, None),
    ("index", "random:bits=20", 14, None, None),
    ("index", "random:bits=21,seed=7", 9, None, 8),
    ("index", "random:bits=16", 40, None, 3),
    ("ar", "random:bits=22", 25, None, 4),
    ("cgram", "random:bits=20", 20, None, None),
    ("counting", "random:bits=23", 23, None, None),
    ("istree", "random:bits=22", 24, "two-hub", None),
    ("istree", "random:bits=20", 24, "hubs", None),
    ("istree", "random:bits=16", 18, "doubled", None),
    ("copying", "random:bits=20", 20, None, None),
    ("triangle", "random:bits=18", 25, None, None),
    ("equality", "random:bits=18", 20, None, None),
    ("index", "gru:d=2,p=8", 20, None, None),
    ("index", "elman:d=1,p=16", 40, None, None),
    ("index", "window:w=18", 30, None, None),
    ("index", "window:w=3", 90, None, None),
    ("equality", "random:bits=1", 3, None, None),
    ("equality", "fingerprint:bits=16", 40, None, None),
    ("counting", "countmin:width=2,depth=2", 30, None, None),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[3]}-{case[1]}")
def test_what_is_found_collides_and_depends_on_no_worker(case):
    task, spec, n, reduction, symbols = case
    made, machine = pair(task, spec, n, reduction, symbols)
    heard = []
    found = search(made, machine, seed=1, announce=heard.append)
    assert_collides(made, machine, found)
    assert heard == [found.expected_runs]
    made, machine = pair(task, spec, n, reduction, symbols)
    assert search(made, machine, seed=1, workers=2) == found


@pytest.mark.parametrize("case", CASES[:13], ids=lambda case: f"{case[0]}-{case[3]}-{case[1]}")
def test_the_kernel_is_the_machine_compiled_and_plain(case):
    task, spec, n, reduction, symbols = case
    follow = Map(*pair(task, spec, n, reduction, symbols), seed=3)
    starts = follow.starts(5, 40)
    bound, most = 1 << follow.bits - 2, 9
    ends, lengths = follow.walk(starts, bound, most)
    assert set(lengths.tolist()) > {1, most}
    assert (lengths[ends >= bound] == most).all()
    for compile_it, lanes in ((True, LANES), (True, 7), (False, 3)):
        others, steps = np.zeros_like(ends), np.zeros_like(lengths)
        arguments = follow.kernel_arguments()[:-1]
        with np.errstate(over="ignore"):
            kernel = special(rho.walk, "float64", compile_it)
            kernel(starts, np.uint64(bound), most, *arguments, lanes, others, steps)
        assert (others == ends).all()
        assert (steps == lengths).all()


@pytest.mark.parametrize(
    ("task", "reduction", "plain"),
    [("index", None, True), ("ar", None, True), ("istree", "two-hub", False), ("istree", "hubs", False)],
)
def test_which_encoders_need_no_table(task, reduction, plain):
    follow = Map(*pair(task, "random:bits=16", 16, reduction), seed=0)
    assert follow.kernel_arguments()[4] == plain


@pytest.mark.parametrize(("task", "reduction"), [("istree", "hubs"), ("istree", "doubled"), ("ar", None)])
def test_the_tables_write_what_alice_writes(task, reduction):
    made, machine = pair(task, "random:bits=6", 6, reduction)
    follow = Map(made, machine, seed=0)
    assert follow.bits == 6
    for word in range(64):
        x = follow.x(word)
        assert len(x) == made.n
        states = follow.states(np.array([word], np.uint64))
        assert machine.pack(states).tolist() == final(machine, made.alice(x))
    assert len({follow.x(word) for word in range(64)}) == 64


def test_a_step_is_a_bijection_of_states_that_fit_a_word():
    class Keeps(Machine):
        """The input itself, as a number."""

        name, summary, rows, dtype = "keeps", "", 1, np.uint64
        widths = [12]

        def advance(self, states, tokens, t):
            states[0] |= tokens.astype(np.uint64) << np.uint64(t)

        def output(self, states):
            return states[0].astype(np.int64) & 1

    made = reductions.build("index", None, 12, None, None)
    follow = Map(made, Keeps(), seed=5)
    words = np.arange(2**12, dtype=np.uint64)
    after = follow.step(words)
    assert sorted(after.tolist()) == words.tolist()
    assert (Map(made, Keeps(), seed=6).step(words) != after).mean() > 0.99
    with pytest.raises(OverLimit, match=r"the limit is \d.*--max-work"):  # no two inputs have one state
        search(made, Keeps(), seed=0)


def test_the_mean_work_is_that_of_the_birthday_bound():
    """√(π/2·2^s/2), since two prefixes come together at any of 2 tokens in the mean, each a random map.

    Sixty seeds: the deviation of the mean of a Rayleigh variable is 0.52/√60 = 0.07 of its mean.
    """
    made, _ = pair("index", "random:bits=20", 20)
    runs = []
    for seed in range(60):
        found = search(made, Random(made.task, made.cut, 20, seed=seed), seed=seed)
        runs.append(found.runs / found.expected_runs * math.sqrt(2))
    assert 0.85 < statistics.mean(runs) < 1.35  # walks go on to their ends, and blocks to theirs


@pytest.mark.parametrize("n", [14, 16, 20])
def test_words_shorter_than_states_are_told_apart(n):
    """Most pairs of equal words are of different states then."""
    made, machine = pair("index", "random:bits=24,seed=1", n)
    assert planned(made, machine, n, known=True).d <= n - 14
    wrong = []
    real = _Search._have_one_state

    def counted(self, word, other):
        wrong.append(real(self, word, other))
        return wrong[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Search, "_have_one_state", counted)
        assert_collides(made, machine, search(made, machine, seed=1))
    assert wrong.count(False) > 1
    assert wrong[-1]


class Narrow(Machine):
    """32 bits are stored, but only five of them are ever used."""

    name, summary, rows, dtype = "narrow", "", 1, np.uint64
    widths = [32]

    def advance(self, states, tokens, t):
        z = mix(states[0] + GOLDEN * (tokens.astype(np.uint64) + np.uint64(1)))
        states[0] = z >> np.uint64(59)

    def output(self, states):
        return states[0].astype(np.int64) & 1


def test_walks_that_go_round_in_a_cycle_tell_a_pair_too():
    made = reductions.build("index", None, 40, None, None)
    given_up = 0
    for seed in range(5):
        follow = Map(made, Narrow(), seed)
        plan = planned(made, Narrow(), follow.bits, known=False)
        ends, _ = follow.walk(follow.starts(0, plan.block), plan.bound, plan.most)
        given_up += (ends >= plan.bound).any()
        assert_collides(made, Narrow(), search(made, Narrow(), seed=seed))
    assert given_up


def test_a_state_wider_than_a_word_is_hashed_and_compared_in_full():
    made, machine = pair("index", "gru:d=12,p=8", 70)
    assert machine.storage_bits > 64
    follow = Map(made, machine, seed=0)
    assert (follow.bits, follow.lead) == (64, 0)
    words = follow.starts(0, 6)
    words = np.append(words, words)
    packed = machine.pack(follow.states(words))
    same = (packed[:, :, None] == packed[:, None]).all(axis=0)
    after = follow.step(words)
    assert (same == (after[:, None] == after[None])).all()
    made, machine = pair("index", "window:w=70", 80)
    job = _Search(Map(made, machine, 0), Plan(1.0, 64, 1, 1), {}, None, Limits())
    assert job._have_one_state(5, 6)
    assert not job._have_one_state(5 << 20, 6 << 20)


def test_a_walk_that_begins_on_another_is_no_collision():
    made, machine = pair("index", "random:bits=20", 20)
    follow = Map(made, machine, seed=0)
    plan = planned(made, machine, follow.bits, known=True)
    job = _Search(follow, plan, {}, None, Limits())
    start = follow.starts(0, 1)
    later = follow.walk(start, 0, 5)[0]
    assert job._before_meeting(np.concatenate([follow.walk(start, 0, 5)[0], later]), 7) is None

    class Elsewhere(Map):
        """The second walk begins five steps after the first."""

        def starts(self, first, count):
            return start if first == 0 else later

    job.map = Elsewhere(made, machine, seed=0)
    lengths = np.array([9, 4] + [1] * (plan.block - 2))
    assert job._merging(1, 0, lengths) is None


def test_the_pair_before_the_meeting_is_found_from_any_distance():
    made, machine = pair("index", "random:bits=16", 16)
    follow = Map(made, machine, seed=2)
    job = _Search(follow, planned(made, machine, 16, known=True), {}, None, Limits())
    found = search(made, machine, seed=2)
    words = np.array([sum(bit << k for k, bit in enumerate(x)) for x in (found.x, found.x_other)], np.uint64)
    for steps in (1, 2, 3, 8, 13):
        assert sorted(job._before_meeting(words, steps)) == sorted(words.tolist())
    everything = np.arange(2**16, dtype=np.uint64)
    before = dict(zip(follow.step(everything).tolist(), everything.tolist(), strict=True))
    for back in range(1, 4):  # one word back on both sides, where there is one
        if all(int(w) in before for w in words):
            words = np.array([before[int(w)] for w in words], np.uint64)
            assert sorted(job._before_meeting(words, back + 1)) == sorted(
                sum(bit << k for k, bit in enumerate(x)) for x in (found.x, found.x_other)
            )


def test_trails_know_each_walk_by_its_end():
    kept = Trails(bound=100, block=3)
    kept.add(np.array([5, 100, 7], np.uint64), np.array([1, 9, 2]))
    assert (kept.runs, kept.walks) == (12, 3)
    assert list(kept.candidates(np.array([8, 8, 5], np.uint64))) == [(4, 3), (5, 0)]
    assert list(kept.candidates(np.array([101, 1, 2], np.uint64))) == [(3, None)]
    following = np.array([4, 5, 6])
    assert [kept.length(number, following) for number in range(6)] == [1, 9, 2, 4, 5, 6]


def test_a_search_goes_on_from_its_file(tmp_path):
    made, machine = pair("index", "random:bits=28", 28)
    whole = search(made, machine, seed=3)
    file = tmp_path / "a.walks"
    stops = 1
    with pytest.raises(OverLimit, match=r"--max-work.*a\.walks") as error:
        search(made, machine, seed=3, resume=file, max_work=1000)
    assert error.value.need == round(whole.expected_runs)
    for work in itertools.count(2000, 7000):
        try:
            found = search(made, machine, seed=3, resume=file, max_work=work)
            break
        except OverLimit:
            stops += 1
    assert stops > 1
    assert found == whole
    assert search(made, machine, seed=3, resume=file, workers=2) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["a.walks"]


def test_interrupted_it_keeps_what_it_has(tmp_path):
    made, machine = pair("index", "random:bits=24", 24)
    file = tmp_path / "a.walks"
    whole = search(made, machine, seed=5)

    def interrupt(done, of):
        assert of == round(whole.expected_runs)
        if done > 1500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(made, machine, seed=5, resume=file, progress=interrupt, workers=2)
    assert file.stat().st_size > 500
    assert search(made, machine, seed=5, resume=file) == whole


def test_a_file_of_another_search_or_changed_is_refused(tmp_path):
    made, machine = pair("index", "random:bits=24", 24)
    file = tmp_path / "a.walks"
    with pytest.raises(OverLimit):
        search(made, machine, seed=0, resume=file, max_work=300)
    good = file.read_bytes()
    for other in (
        lambda: search(made, machine, seed=1, resume=file),
        lambda: search(*pair("index", "random:bits=24,seed=1", 24), seed=0, resume=file),
        lambda: search(*pair("index", "random:bits=22", 24), seed=0, resume=file),
        lambda: search(*pair("counting", "random:bits=24", 24), seed=0, resume=file),
    ):
        with pytest.raises(BadInput, match="another search"):
            other()
    rng = np.random.default_rng(0)
    changed = [b"", b"\n", b"{}\n", b"\xff" + good, good[1:], good[:-1], good + b"\0", good[:40], good * 2]
    for place in rng.integers(len(good), size=60).tolist():
        changed.append(good[:place] + bytes([good[place] ^ 1 << int(rng.integers(8))]) + good[place + 1 :])
    for content in changed:
        file.write_bytes(content)
        with pytest.raises(BadInput) as error:
            search(made, machine, seed=0, resume=file)
        assert "\n" not in str(error.value)
        assert "a.walks" in str(error.value)
    file.write_bytes(good)
    assert search(made, machine, seed=0, resume=file).runs > 300


@pytest.mark.parametrize("name", ["a.json", "none/a.walks", "."])
def test_where_walks_may_be_kept(tmp_path, name):
    with pytest.raises(BadInput, match=r"a\.json|none|walks"):
        search(*pair("index", "random:bits=20", 20), seed=0, resume=tmp_path / name)


def test_the_file_says_what_it_holds(tmp_path):
    file, search = tmp_path / "a.walks", {"seed": 1}
    ends, lengths = np.array([2**63 + 1, 5], np.uint64), np.array([3, 2**31])
    trails.write(file, search, ends, lengths)
    read = trails.read(file, search, 2**31)
    assert [row.tolist() for row in read] == [ends.tolist(), lengths.tolist()]
    assert trails.seed(file) == 1
    assert trails.seed(tmp_path / "b.walks") is None
    with pytest.raises(BadInput, match="its seed is 1, asked for 2"):
        trails.read(file, {"seed": 2}, 2**31)
    with pytest.raises(BadInput, match="walks of 1 to 2147483647 steps"):
        trails.read(file, search, 2**31 - 1)
    line, payload = file.read_bytes().split(b"\n", 1)
    header = json.loads(line)
    for changes, message in [
        ({"walks": 10**15}, "cut off"),
        ({"walks": -2}, "cut off"),
        ({"walks": True}, "cut off"),
        ({"walks": None}, "cut off"),
        ({"sha256": "0" * 64}, "changed"),
        ({"sha256": 5}, "changed"),
        ({"schema": "commlb/1"}, "no file of walks"),
        ({"search": None}, "another search"),
        ({"search": {"seed": 1, "more": []}}, "another search"),
    ]:
        file.write_bytes(seal(header | changes, indent=None).encode() + b"\n" + payload)
        with pytest.raises(BadInput, match=message) as error:
            trails.read(file, search, 2**31)
        assert "\n" not in str(error.value)
    for content, message in [
        (b"", "no file of walks"),
        (line[:-9], "no file of walks"),
        (line[:-9] + b"\n", "no JSON"),
        (seal({"schema": trails.SCHEMA}, indent=None).encode() + b"\n", "must name the seed"),
        (seal({"schema": trails.SCHEMA, "search": {"seed": -1}}, indent=None).encode() + b"\n", "must name"),
    ]:
        file.write_bytes(content)
        with pytest.raises(BadInput, match=message):
            trails.seed(file)


@pytest.mark.parametrize(
    ("spec", "n", "message"),
    [
        ("random:bits=24", 13, "at least 14 bits of input; 13 symbols of 2 kinds give 13"),
        ("random:bits=64", 49, "at least 50 bits"),
        ("gru:d=4,p=8", 10, "raise n, or take the method layers"),
        ("lstm:d=64,format=float32", 40, "at least 64 bits"),
    ],
)
def test_too_few_inputs_are_refused(spec, n, message):
    with pytest.raises(BadInput, match=message):
        search(*pair("index", spec, n), seed=0)


def test_limits():
    made, machine = pair("index", "lstm:d=8,format=float32", 70)
    with pytest.raises(OverLimit, match=r"--max-work") as error:
        search(made, machine, seed=0)
    assert error.value.exit_code == 4
    with pytest.raises(OverLimit, match="--timeout"):
        search(made, machine, seed=0, max_work=10**9, limits=Limits(timeout=0.05), workers=2)
    for given in ({"max_work": 0}, {"workers": 0}, {"seed": -1}):
        with pytest.raises(BadInput):
            search(*pair("index", "random:bits=20", 20), **{"seed": 0} | given)


def test_an_encoder_of_too_many_states_is_refused():
    made = reductions.build("index", None, 14, None, None)

    class Whole(type(made)):
        """An encoder that keeps all that it read."""

        def emit(self, e, j, x):
            return (*e, x), super().emit((), j, x)[1]

    with pytest.raises(BadInput, match=f"at most {MOST_STATES} states; .* take the method layers"):
        transducer(Whole(14), [2] * 14)


@pytest.mark.parametrize("s", [8, 16, 32, 48, 56, 64, 72, 5000])
def test_plans(s):
    made, machine = pair("index", "random:bits=64", 64)
    machine.widths = [s]
    plan = planned(made, machine, min(s, 64), known=True)
    assert plan.expected_runs == expected_runs(s)
    assert plan.expected_runs == (
        pytest.approx(math.sqrt(math.pi / 2) * 2 ** (s / 2)) if s < 99 else math.inf
    )
    assert 0 <= plan.d < max(1, plan.bits)
    assert 1 <= plan.bound < 2**64
    if s <= 64:
        assert plan.expected_runs / 2**plan.d < 2**19  # ends are few enough to keep
    assert planned(made, machine, min(s, 64), known=False).d <= 5


def test_the_result_is_a_record():
    found = search(*pair("index", "random:bits=16", 16), seed=0)
    assert isinstance(found, Found)
    assert found.walks > 0
    assert found.expected_runs == expected_runs(16)
    assert found == search(*pair("index", "random:bits=16", 16), seed=0)
    assert found.x != search(*pair("index", "random:bits=16", 16), seed=1).x
