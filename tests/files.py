"""True files of every kind that ``commlb check`` takes, and mutants of them."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
import random

import numpy as np

import commlb
from commlb import bounds, machines, matrices, reductions, sealed
from commlb.bits import to_hex
from commlb.matrices.files import save
from commlb.records import MachineInfo, to_json
from commlb.records_rows import to_csv
from commlb.records_witness import (
    CollideResult,
    Collision,
    DiscoverCut,
    DiscoverResult,
    Horizon,
    Table,
)  # fmt: skip

PROVENANCE = {"version": "0.1.0", "argv": ["collide"], "seed": 1}


def state(machine, prefix):
    states = machine.start(1)
    for t, token in enumerate(prefix):
        states = machine.step(states, np.array([token]), t)
    return states


def told(machine, cut):
    return MachineInfo(
        machine.name, dict(machine.parameters), machine.format, machine.precision_bits, machine.weights_digest,
        machine.remark(), machine.storage_bits, machine.capacity_bits(cut), machine.largest_capacity_bits(),
        machine.capacity_evidence, not machine.errs,
    )  # fmt: skip


def collision(task, n, spec, x, other, y, symbols=None, reduction=None):
    """A certificate by hand, as ``CollideResult``; true if the two inputs collide."""
    made = reductions.build(task, reduction, n, symbols, None)
    machine = machines.build(spec, made.task, made.cut)
    a, b, suffix = made.alice(x), made.alice(other), made.suffix(y)
    packed = [
        [machine.pack(state(machine, word[:t])).tobytes() for t in range(made.cut + 1)] for word in (a, b)
    ]
    first = next(t for t in range(made.cut) if a[t] != b[t]) + 1
    merged = next(t for t in range(first, made.cut + 1) if packed[0][t:] == packed[1][t:])
    after = machine.output(state(machine, [*a, *suffix]))
    answers = tuple((made.task.solve([*word, *suffix]),) for word in (a, b))
    found = Collision(
        task=made.task_name, task_size=dict(made.task.size), reduction=made.name, problem=made.problem.name, n=n,
        symbols=made.symbols, c=getattr(made, "c", None), table=None, cut=made.cut, machine=spec,
        weights_digest=machine.weights_digest, x=x, x_other=other, prefix=tuple(a), prefix_other=tuple(b),
        merged_at=merged, state_hex=to_hex(machine.pack(state(machine, a))[:, 0], machine.message_bits(made.cut)),
        state_bits=machine.message_bits(made.cut), y=y, suffix=tuple(suffix),
        solver=f"{type(made.task).__name__}.solve", answers=answers[0], answers_other=answers[1],
        value=made.problem.value(x, y), value_other=made.problem.value(other, y),
        machine_answers=(int(after[0]),),
        machine_value=int(made.conclude(np.array([[after[0]]]), np.array(y)[..., None])[0]), method="layers",
    )  # fmt: skip
    return CollideResult(
        task=found.task, task_size=found.task_size, reduction=found.reduction, problem=found.problem, n=n,
        symbols=found.symbols, c=found.c, cut=found.cut, stream_length=made.task.length,
        machine=told(machine, made.cut), method="layers", tried=(("layers", "found"),), collision=found,
        complete=False, horizons=(), expected_work=None, work=None, seed=None, evidence="exhaustive",
        verdict="They collide.",
    )  # fmt: skip


def first_collision(task, n, spec):
    """By a dictionary of states over all inputs."""
    made, seen = reductions.build(task, None, n, None, None), {}
    machine = machines.build(spec, made.task, made.cut)
    for x in itertools.product((0, 1), repeat=n):
        other = seen.setdefault(machine.pack(state(machine, made.alice(x))).tobytes(), x)
        if other != x:
            return other, x, next(i for i in range(n) if x[i] != other[i]) + 1
    raise AssertionError(spec)


def no_collision():
    found = collision("index", 5, "window:w=3", (0, 1, 0, 1, 1), (1, 1, 0, 1, 1), 1)
    made = reductions.build("index", None, 5, None, None)
    machine = machines.build("exact", made.task, made.cut)
    return dataclasses.replace(found, machine=told(machine, made.cut), collision=None, complete=True)


def with_horizons():
    """A window of 3 tells two streams apart for 3 tokens: with the fourth the changed one is gone."""
    found, machine = collision("index", 8, "window:w=3", (0,) * 8, (1,) + (0,) * 7, 1), "window:w=3"
    given = {
        "task": "index", "reduction": "plain", "n": 8, "symbols": 2, "machine": machine, "weights_digest": None,
        "storage_bits": found.machine.storage_bits, "precision_bits": None, "format": None, "position": 1,
        "symbol": 0, "other": 1, "continuation": "all 0", "seed": None, "steps": 4, "budget": 8,
    }  # fmt: skip
    horizons = [Horizon(**given), Horizon(**given | {"steps": None, "budget": 3})]
    rng = np.random.default_rng(5)
    x = rng.integers(2, size=8).tolist()
    horizons.append(
        Horizon(**given | {"continuation": "random", "seed": 5, "symbol": x[0], "other": 1 - x[0]})
    )
    return dataclasses.replace(found, horizons=tuple(horizons))


def star(n=4):
    """The reduction ``star`` as a table: INDEX with n − 1 bits inside IsTree(n), n ≥ 4."""
    bits, rows = n - 1, []

    def edge(u, v):
        return max(u, v) * (max(u, v) - 1) // 2 + min(u, v)

    for x in itertools.product((0, 1), repeat=bits):
        if not any(x):
            rows.append((edge(0, 1),) * (n - 2))
            continue
        first = x.index(1) + 1
        rows.append(tuple(edge(first if x[v - 1] else 0, v) for v in range(1, n) if v != first))
    return Table(
        bits, 2, n - 2, tuple(rows), tuple((edge(0, i),) for i in range(1, n)), ((False, True),) * bits,
        (0,) * bits,
    )  # fmt: skip


def discovered():
    """All cuts of IsTree(4), by hand: rows 1, 7, 7, 2 (theory, Sec. 3), VC 1, 3, 3, 0 at most."""
    table, cuts = star(4), []
    for t, rows, n in ((0, 1, 0), (1, 6, 2), (2, 7, 2)):
        cuts.append(DiscoverCut(t, rows, None, n, 2, float(n), float(n), "search", True, "exhaustive"))
    return table, cuts


def discover():
    from commlb.checking.common import due_after
    from commlb.checking.shattered import Counted, larger, tagged
    from commlb.tasks.istree import IsTree

    task, table = IsTree(4), star(4)
    streams = itertools.product(*(task.alphabet(t) for t in range(3)))
    counted = Counted(task, [tagged(due_after(task, 0, task.solve(list(s)))) for s in streams])
    cuts = []
    for t in range(3):
        columns = counted.columns(t)
        n = next(k for k in range(9) if not larger(columns, 2, k + 1))
        cuts.append(DiscoverCut(
            t, len(counted.rows(t)), len(columns), n, 2, float(n), float(n), "search", True, "exhaustive",
        ))  # fmt: skip
    return DiscoverResult(
        task="istree", task_size={"vertices": 4}, length=3, alphabet_size=6, cut=2, n=3, symbols=2, bits=3.0,
        optimal=True, upper_bound_bits=3.0, cuts=tuple(cuts), table=table, known={"two-hub": 1.0}, nodes=9,
        seed=None, evidence="exhaustive", complete=True, stopped=None, verdict="3 bits.",
    )  # fmt: skip


def bound_texts(folder):
    """A file of each kind of witness."""
    found = {}
    disj, gt = matrices.from_problem("DISJ", 3), matrices.from_problem("GT", 2)
    ring = matrices.dense([[0, 1, None], [None, 0, 1], [1, None, 0]])
    for name, matrix, bound in (
        ("rows", disj, bounds.distinct_rows(disj)),
        ("one-way", ring, bounds.one_way_fooling_set(ring)),
        ("colouring", ring, bounds.colouring(ring)),
        ("shattered", disj, bounds.shattered_set(disj, error=0.11)),
        ("fooling", disj, bounds.two_way_fooling_set(disj)),
        ("rank", gt, bounds.rank(gt, 3)),
        ("tree", gt, bounds.two_way(gt)),
        ("task", *(lambda m: (m, bounds.distinct_rows(m)))(matrices_of_task())),
    ):
        save(folder / "bound.json", matrix, bound)
        found[f"bound {name}"] = (folder / "bound.json").read_text()
    return found


def matrices_of_task():
    from commlb.matrices.cuts import of_task

    return of_task("istree", 2, 4)


def texts(folder):
    """A true file of each kind by its name, as text."""
    results = {
        "collide window": collision("index", 6, "window:w=3", (0, 1, 0, 1, 1, 0), (1, 1, 0, 1, 1, 0), 1),
        "collide random": collision("ar", 7, "random:bits=4", *first_collision("ar", 7, "random:bits=4")),
        "collide words": collision("equality", 4, "random:bits=2", *_words("random:bits=2")),
        "collide none": no_collision(),
        "collide horizons": with_horizons(),
    }
    found = {name: to_json("collide", result, PROVENANCE) for name, result in results.items()}
    found["discover"] = to_json("discover", discover(), PROVENANCE)
    reduced = commlb.reduce("index", 5, machine="random:bits=3", x=(0, 1, 1, 0, 1), i=2, seed=1)
    found["reduce"] = to_json("reduce", reduced, PROVENANCE)
    return found | bound_texts(folder)


def _words(spec):
    x, other, _ = first_collision("equality", 4, spec)
    return x, other, x


def rows():
    return [
        *commlb.curve("index", range(2, 8), ["window:w", "random:bits"], error=0.1, seeds=1).rows,
        *commlb.curve("ar", (2, 4, 6), ["window:w=3", "random:bits=5", "exact"], seeds=1).rows,
        *commlb.curve("index", 12, "random:bits=3", seeds=1, max_inputs=64, trials=200).rows,
        commlb.reduce("index", 5, machine="random:bits=3", seed=1).row(),
        *commlb.states("index", 4, machine="random:bits=3").rows(),
    ]


def rows_text():
    return to_csv(rows())


def paths(value, path=()):
    """Every place of a scalar in JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not isinstance(value, dict | list):
        yield path
    for key, part in inner:
        yield from paths(part, (*path, key))


def at(body, path):
    for key in path:
        body = body[key]
    return body


def changed(body, path, value):
    """A copy of ``body`` with another value at ``path``, sealed anew."""
    body = copy.deepcopy(body)
    at(body, path[:-1])[path[-1]] = value
    return sealed.seal({key: value for key, value in body.items() if key != "digest"})


def others(value, rng):
    """Other values that stand where ``value`` stands."""
    if value is None:
        return [0, "x", -1]
    if isinstance(value, bool):
        return [not value, 1]
    if isinstance(value, int):
        return [value + 1, value - 1, -(10**30), 10**30, 0.5, str(value), value ^ (1 << rng.randrange(8))]
    if isinstance(value, float):
        return [value + 0.5, value - 0.25, -value - 1, 1e299, None]
    return [value + "x", "", 7, "os:system", "../../etc/passwd", None]


RAW = ("bit", "swap", "digest", "truncated", "key", "task", "nan", "huge")


def raw(text, kind, rng):
    """``text`` damaged, its digest left as it was (but for "digest")."""
    body = json.loads(text)
    if kind == "bit":
        data = bytearray(text.encode())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return bytes(data)
    if kind == "truncated":
        return text.encode()[: rng.randrange(len(text.encode()) - 1)]
    if kind == "digest":
        k = rng.randrange(64)
        digit = rng.choice([d for d in "0123456789abcdef" if d != body["digest"][k]])
        return _dumped(body | {"digest": body["digest"][:k] + digit + body["digest"][k + 1 :]})
    inside = list(paths(body["result"], ("result",)))
    if kind == "key":
        path = rng.choice([path for path in inside if isinstance(path[-1], str)])
        del at(body, path[:-1])[path[-1]]
    elif kind == "task":
        path = rng.choice([path for path in inside if isinstance(at(body, path), str)])
        at(body, path[:-1])[path[-1]] = rng.choice(["counting", "dyck", "nearest", "majority"])
    elif kind == "swap":
        lists = [
            p[:-1] for p in inside if isinstance(p[-1], int) and len(set(map(repr, at(body, p[:-1])))) > 1
        ]
        row = at(body, rng.choice(lists))
        a, b = rng.choice([(a, b) for a in range(len(row)) for b in range(a) if repr(row[a]) != repr(row[b])])
        row[a], row[b] = row[b], row[a]
    else:
        path = rng.choice([path for path in inside if isinstance(at(body, path), int | float)])
        value = (
            float(rng.choice(["nan", "inf"])) if kind == "nan" else rng.choice([10**400, 10**40, 10**1200])
        )
        at(body, path[:-1])[path[-1]] = value
    return _dumped(body)


def _dumped(body):
    return json.dumps(body, indent=2, ensure_ascii=False).encode()


def raw_row(text, kind, rng):
    """Rows of CSV, damaged."""
    lines = text.splitlines(keepends=True)
    if kind == "bit":
        data = bytearray(text.encode())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return bytes(data)
    if kind == "truncated":  # at the end of a row what is left is a file of fewer rows
        ends = set(itertools.accumulate(len(line.encode()) for line in lines[:-1]))
        return text.encode()[
            : rng.choice([k for k in range(len(text.encode()) - 1) if not {k, k + 1} & ends])
        ]
    names = lines[0].rstrip("\n").split(",")
    place = rng.randrange(1, len(lines))
    import csv
    import io

    cells = next(csv.reader([lines[place]]))
    column = rng.randrange(len(cells))
    if kind == "digest":
        cells[names.index(rng.choice(["digest", "checksum"]))] = f"{rng.getrandbits(64):016x}"
    elif kind == "key":
        del cells[column]
    elif kind == "task":
        cells[names.index("task")] = rng.choice(["counting", "dyck", "nearest", "majority"])
    elif kind == "swap":
        other = rng.choice([k for k in range(len(cells)) if cells[k] != cells[column]])
        cells[column], cells[other] = cells[other], cells[column]
    else:
        written = io.StringIO(text)
        kept = [k for k, name in enumerate(names) if name.endswith("bits") or name in ("n", "cut", "trials")]
        cells[rng.choice(kept)] = rng.choice(
            ["nan", "inf"] if kind == "nan" else ["1" + "0" * 400, "9" * 5000]
        )
        del written
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    lines[place] = out.getvalue()
    return "".join(lines).encode()


def generator(name):
    return random.Random(f"check {name}")
