"""Laws that every reduction obeys, alone and with every machine."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from reference import answers_right, inputs, queries, run_one, told

from commlb import machines
from commlb.errors import BadInput
from commlb.fano import ceiling_accuracy
from commlb.machines.rnn.network import Network
from commlb.protocol import OneWayProtocol
from commlb.reductions import build, reduction_classes
from commlb.reductions.index_to_istree import Hubs
from commlb.symbolic import rename

CLASSES = list(reduction_classes().values())
KINDS = machines.machine_classes().values()
MACHINES = ["exact", *(spec for cls in KINDS if not issubclass(cls, Network) for spec in cls.examples)]
NETWORKS = [cls.examples[0] for cls in KINDS if issubclass(cls, Network)]
"""One of each family: their own laws are in ``test_rnn``."""


def sizes(largest: int, cap: int = 5000):
    """Each reduction at n = 1 … largest, with the options it has, up to ``cap`` inputs."""
    found = []
    for cls in CLASSES:
        for n in range(1, largest + 1):
            found.append(cls(n))
            if "symbols" in cls.options:
                found += [cls(n, k) for k in (3, 5) if k**n <= cap]
            if "c" in cls.options:
                found += [cls(n, c=3), cls(n, c=5)]
    return found


@pytest.mark.parametrize("reduction", sizes(6, 300), ids=repr)
def test_right_on_all_inputs_and_queries_by_the_independent_solver(reduction):
    for x in inputs(reduction):
        for y in queries(reduction):
            assert answers_right(reduction, x, y), (x, y)


@pytest.mark.slow
@pytest.mark.parametrize("n", range(7, 13))
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)
def test_right_on_all_inputs_and_queries_up_to_12_bits(cls, n):
    reduction = cls(n)
    solve = reduction.task.solve
    asked = queries(reduction)
    if len(asked) > n:
        asked = [asked[k] for k in np.random.default_rng(n).integers(len(asked), size=n)]
    suffixes = [(y, reduction.suffix(y)) for y in asked]
    for x in itertools.product((0, 1), repeat=n):
        prefix = reduction.alice(x)
        for y, suffix in suffixes:
            assert told(reduction, solve(prefix + suffix), y) == reduction.problem.value(x, y)


@pytest.mark.parametrize("reduction", sizes(5, 300), ids=repr)
def test_batched_streams_are_alices_prefixes(reduction):
    xs = np.array(list(inputs(reduction))).T
    batch = np.array(list(reduction.stream(xs))).T.tolist()
    assert batch == [reduction.alice(x) for x in inputs(reduction)]
    assert all(len(prefix) == reduction.cut for prefix in batch)
    asked = queries(reduction)
    suffixes = [reduction.suffix(y) for y in asked]
    assert reduction.suffixes(np.array(asked).T).T.tolist() == suffixes
    assert {reduction.cut + len(suffix) for suffix in suffixes} == {reduction.task.length}


@pytest.mark.parametrize("reduction", sizes(5, 300), ids=repr)
def test_atoms_are_numbered_without_gap_or_clash(reduction):
    atoms = [atom for family in reduction.layout for atom in family.atoms()]
    numbers = [reduction.number(atom) for atom in atoms]
    assert numbers == list(range(reduction.first_number, reduction.first_number + reduction.atoms))
    assert [reduction.atom(number) for number in numbers] == atoms
    assert len({reduction.label(atom) for atom in atoms}) == len(atoms)


def serves(spec: str, task: str) -> bool:
    cls = machines.machine_classes().get(spec.partition(":")[0])
    return cls is None or not cls.serves or task in cls.serves


PAIRS = [(r, spec) for r in sizes(4, 100) for spec in MACHINES if serves(spec, r.task_name)]
PAIRS += [(cls(3), spec) for cls in CLASSES for spec in NETWORKS]


@pytest.mark.parametrize(("reduction", "spec"), PAIRS, ids=lambda v: v if isinstance(v, str) else repr(v))
def test_every_machine_keeps_the_laws(reduction, spec):
    """Pack and unpack, capacity, Fano's ceiling, batch equals single, step leaves its input alone."""
    machine = machines.build(spec, reduction.task, reduction.cut)
    protocol = OneWayProtocol(reduction, machine)
    xs, messages, errors = protocol.exhaust()
    assert (machine.pack(machine.unpack(messages)) == messages).all()
    used = int(sum(int(word) << 64 * k for k, word in enumerate(np.bitwise_or.reduce(messages, axis=1))))
    assert used.bit_length() <= machine.storage_bits
    capacity = machine.capacity_bits(reduction.cut)
    assert capacity <= machine.largest_capacity_bits() + 1e-9
    assert machine.largest_capacity_bits() <= machine.storage_bits + 1e-9
    distinct = len({tuple(column) for column in messages.T.tolist()})
    assert np.log2(distinct) <= capacity + 1e-9
    accuracy = 1 - sum(errors) / (xs.shape[1] * len(errors))
    if reduction.problem.asks_positions:
        assert accuracy <= ceiling_accuracy(capacity, reduction.n, reduction.symbols) + 1e-9
    if not machine.errs:
        assert sum(errors) == 0
        assert distinct == reduction.symbols**reduction.n
    x = tuple(xs[:, -1].tolist())
    due = reduction.task.answered_at
    for y in queries(reduction):
        alone = np.array([run_one(machine, reduction.alice(x) + reduction.suffix(y), due)]).T
        held = np.array(y)[..., None]
        assert reduction.conclude(alone, held)[0] == protocol.decode(messages[:, -1:], held)[0]
    tokens = np.array([reduction.alice(x)[0]])
    before = machine.start(1)
    kept = before.copy()
    after = machine.step(before, tokens, 0)
    assert (before == kept).all()
    assert (machine.step(before, tokens, 0, out=before) == after).all()


def test_every_registered_machine_is_under_the_laws():
    assert {spec.partition(":")[0] for _, spec in PAIRS} == {"exact", *machines.machine_classes()}


@pytest.mark.parametrize("spec", MACHINES)
def test_every_machine_refuses_the_tasks_that_it_does_not_serve(spec):
    for cls in CLASSES:
        if not serves(spec, cls.task_name):
            reduction = cls(3)
            with pytest.raises(BadInput, match=rf"works for the task .* only; given {cls.task_name}; take"):
                machines.build(spec, reduction.task, reduction.cut)


@pytest.mark.parametrize(("reduction", "spec"), [p for p in PAIRS if p[0].n == 3], ids=str)
def test_tossed_coins_are_those_of_one_seed_a_run_and_no_others_are_drawn(reduction, spec):
    """Run r of ``tossed`` is the machine with the r-th seed; a machine without coins leaves the rng alone."""
    machine, rng, runs = machines.build(spec, reduction.task, reduction.cut), np.random.default_rng(8), 6
    tossed = machine.tossed(rng, runs)
    if not machine.randomised:
        assert tossed is machine
        assert rng.bit_generator.state == np.random.default_rng(8).bit_generator.state
        return
    seeds = np.random.default_rng(8).integers(2**64, size=runs, dtype=np.uint64)
    xs = np.array(list(inputs(reduction))).T[:, -runs:]
    messages = OneWayProtocol(reduction, tossed).send(xs)
    name, _, values = spec.partition(":")
    given = [value for value in values.split(",") if not value.startswith("seed=")]
    y = queries(reduction)[-1]
    for r, seed in enumerate(seeds):
        alone = machines.build(f"{name}:{','.join([*given, f'seed={seed}'])}", reduction.task, reduction.cut)
        assert (OneWayProtocol(reduction, alone).send(xs[:, [r]]) == messages[:, [r]]).all()
        ys = np.repeat(np.array(y)[..., None], runs, axis=-1)
        told = OneWayProtocol(reduction, tossed).decode(messages, ys)[r]
        assert OneWayProtocol(reduction, alone).decode(messages[:, [r]], ys[..., :1])[0] == told


def test_window_answers_its_last_tokens_and_no_others():
    reduction = build("index", None, 8, None, None)
    _, _, errors = OneWayProtocol(reduction, machines.build("window:w=3", reduction.task, 8)).exhaust()
    assert errors == [128] * 5 + [0] * 3


def test_hubs_chooses_the_fewest_vertices():
    """Theory Sec. 4: b(N − 2^b) bits on N vertices, 30 of them for 64 bits."""
    assert (Hubs(64).task.vertices, build("istree", "two-hub", 64, None, None).task.vertices) == (30, 67)
    for n in range(1, 200):
        best = min(-(-n // b) + 2**b for b in range(1, 12))
        assert Hubs(n).task.vertices == best
        assert Hubs(n).block * Hubs(n).cut >= n
    most = {8: 8, 64: 192, 256: 1152, 1000: 6104}
    for vertices, bits in most.items():
        assert max(b * (vertices - 2**b) for b in range(1, 10)) == bits
        assert Hubs(bits).task.vertices <= vertices < Hubs(bits + 1).task.vertices


@pytest.mark.parametrize("block", [1, 2, 3])
def test_hubs_is_right_for_every_block_length(block):
    for n in (1, 4, 5):
        reduction = Hubs(n, block=block)
        assert all(answers_right(reduction, x, i) for x in inputs(reduction) for i in range(1, n + 1)), block


def test_two_hub_draws_a_simple_graph():
    reduction = build("istree", None, 9, None, None)
    for x in inputs(reduction):
        for i in (1, 5, 9):
            stream = reduction.alice(x) + reduction.suffix(i)
            assert len(set(stream)) == len(stream)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("istre", None, 3, None, None), "unknown task 'istre'; did you mean 'istree'"),
        (("istree", "two-hubs", 3, None, None), "did you mean 'two-hub'"),
        (("istree", None, 0, None, None), "n must be an integer of at least 1; given 0"),
        (("istree", None, 3, 3, None), "--symbols has no meaning for istree"),
        (("counting", None, 3, None, 2), "--c has no meaning for counting"),
        (("index", None, 3, 1, None), "symbols must be an integer of at least 2"),
        (("cgram", None, 3, None, 1), "c must be an integer of at least 2"),
    ],
)
def test_bad_requests_are_refused(arguments, words):
    with pytest.raises(BadInput, match=words):
        build(*arguments)


def test_streams_and_suffixes_refuse_what_is_not_an_input():
    reduction = build("index", None, 3, None, None)
    for x in ((0, 1), (0, 1, 2), (0, 1, -1)):
        with pytest.raises(BadInput, match="x must be 3 symbols"):
            reduction.alice(x)
    for i in (0, 4):
        with pytest.raises(BadInput, match=r"i must be in 1\.\.3"):
            reduction.suffix(i)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("windw:w=3", "did you mean 'window'"),
        ("window", "needs w"),
        ("window:w=0", "at least 1; given 0"),
        ("window:w", "NAME:key=value"),
        ("window:w=x", "w must be an integer; given 'x'"),
        ("window:w=1,w=2", "twice"),
        ("window:v=1", "no parameter 'v'; it takes: w"),
        ("exact:w=1", "no parameter 'w'; it takes: none"),
        ("random:bits=65", "1 to 64 bits"),
        ("random:bits=0", "at least 1"),
        ("random:bits=4,seed=-1", "seed must be"),
    ],
)
def test_bad_machines_are_refused(spec, words):
    reduction = build("index", None, 3, None, None)
    with pytest.raises(BadInput, match=words):
        machines.build(spec, reduction.task, reduction.cut)


def test_letters_survive_renaming():
    reduction = build("cgram", None, 3, None, 3)
    letters = reduction.bob(2)
    assert [rename(letter, reduction.number) for letter in letters] == [("ask", 2), ("ask", 2)]
