"""Layers on a local cluster of two workers against the enumeration in one process: equal, whatever happens."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

pytest.importorskip("dask")
pytest.importorskip("distributed")

import commlb
from commlb import cluster, machines, partitions, retention
from commlb.errors import BadInput, CommlbError, MissingExtra, OverLimit
from commlb.layers import Limits
from commlb.prefixes import of_task
from commlb.reachability import Enumeration
from commlb.records_rows import to_csv
from commlb.reductions import build
from commlb.tasks.istree import IsTree


@pytest.fixture(scope="module")
def client():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.cpu_count", lambda: 2)
        with cluster.connect("local") as found:
            yield found


@pytest.fixture
def address(client):
    return client.scheduler.address


@pytest.fixture
def mortal():
    """A cluster of its own for each test that kills, so that no other one waits for a worker to come back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.cpu_count", lambda: 2)
        with cluster.connect("local") as found:
            yield found


def wait_for_two(client):
    """Until there are two workers; one that is not brought back shows here, and not as a test that hangs."""
    until = time.monotonic() + 60
    while len(client.scheduler_info()["workers"]) < 2:
        assert time.monotonic() < until, "a killed worker did not come back within a minute"
        time.sleep(0.1)


@pytest.fixture
def small(monkeypatch):
    """Layers go over from four nodes on, in partitions of about 100 rows."""
    monkeypatch.setattr(cluster, "FROM", 4)
    monkeypatch.setattr(partitions, "PARTITION", 1)
    monkeypatch.setattr(partitions, "FEWEST", 100)


CASES = [
    ("index", 10, "random:bits=5", {}),
    ("index", 9, "gru:d=5,p=16", {}),  # keys of two words
    ("index", 8, "window:w=70", {}),
    ("index", 9, "random:bits=4", {"symbols": 256}),  # counts of two limbs
    ("istree", 7, "exact", {"reduction": "two-hub"}),  # controls
    ("istree", 8, "random:bits=3", {"reduction": "two-hub"}),  # states that several controls share
    ("istree", 8, "exact", {"reduction": "hubs"}),
    ("counting", 7, "exact", {}),
    ("ar", 3, "exact", {"over": "all"}),  # a promise: keys are distinct
    ("dyck", 8, "window:w=3", {}),
]


@pytest.mark.parametrize(("task", "n", "machine", "options"), CASES, ids=str)
def test_results_are_those_of_one_process(address, small, task, n, machine, options):
    here = commlb.states(task, n, machine=machine, **options)
    assert commlb.states(task, n, machine=machine, **options, cluster=address) == here
    assert max(cut.reachable_states for cut in here.cuts) > 4


def test_a_promise_of_simple_graphs(client, small):
    task = IsTree(5, simple=True)
    machine = machines.build("exact", task, task.length - 1)
    here = [partitions.Summary.of(layer) for layer in Enumeration(machine, of_task(task)).layers()]
    assert list(cluster.ClusterEnumeration(machine, of_task(task), client).layers()) == here
    assert any(found.nodes > found.states for found in here)


def test_large_partitions(address):
    """As it is used: 2^16 nodes and more, counted by the compiled kernel."""
    asked = {"machine": "window:w=70", "n": 18}
    assert commlb.states("index", **asked, cluster=address) == commlb.states("index", **asked)


def killed_after(client, layer: int, seconds: float):
    """A callback that kills a worker so many seconds after a layer is there; and whom it has killed."""
    gone = []

    def kill():
        pid = next(iter(client.run(os.getpid).values()))
        os.kill(pid, signal.SIGKILL)
        gone.append(pid)

    def heard(done, of):
        if done == layer:
            if seconds:
                threading.Timer(seconds, kill).start()
            else:
                kill()

    return heard, gone


MOMENTS = [
    (18, 0.0),
    (18, 0.05),
    *(pytest.param(21, s, marks=pytest.mark.slow) for s in (0.1, 0.2, 0.4, 0.8)),
]


@pytest.mark.parametrize(("n", "seconds"), MOMENTS)
def test_a_worker_may_be_killed_on_the_way(mortal, monkeypatch, n, seconds):
    client, address = mortal, mortal.scheduler.address
    monkeypatch.setattr(cluster, "FROM", 2**12)
    asked = {"machine": "random:bits=40", "n": n}
    here = commlb.states("index", **asked)
    heard, gone = killed_after(client, 16, seconds)
    assert commlb.states("index", **asked, progress=heard, cluster=address, timeout=200) == here
    assert len(gone) == 1


@pytest.mark.slow
def test_all_workers_may_be_killed_twice(mortal, monkeypatch):
    client, address = mortal, mortal.scheduler.address
    monkeypatch.setattr(cluster, "FROM", 2**12)
    asked = {"machine": "window:w=13", "n": 30}

    def kill_all(done, of):
        if done in (16, 22):
            wait_for_two(client)
            for pid in client.run(os.getpid).values():
                os.kill(pid, signal.SIGKILL)

    assert commlb.states("index", **asked, progress=kill_all, cluster=address, timeout=200) == commlb.states(
        "index", **asked
    )


def test_a_layer_that_does_not_fit_one_process(address):
    asked = {"machine": "random:bits=40", "n": 17}
    with pytest.raises(
        OverLimit, match=r"layer 15: bytes.*raise --max-memory, or take --cluster local"
    ) as over:
        commlb.states("index", **asked, max_memory=2**21)
    assert len(over.value.partial.cuts) == 15
    there = commlb.states("index", **asked, max_memory=2**21, cluster=address)
    assert there == commlb.states("index", **asked)


@pytest.mark.slow
def test_workers_write_to_disk_what_their_memory_does_not_hold(tmp_path):
    """33 million states of 24 bytes, and half as many before, on two workers of 900 MB."""
    import dask
    from distributed import Client, LocalCluster

    def spilled(dask_scheduler):
        return dask_scheduler.cumulative_worker_metrics.get(("memory-monitor", "disk-write", "bytes"), 0)

    of_workers = {"n_workers": 2, "threads_per_worker": 1, "memory_limit": "900MB", "silence_logs": 50}
    with (
        dask.config.set({"temporary-directory": str(tmp_path)}),
        LocalCluster(**of_workers, dashboard_address="127.0.0.1:0") as own,
        Client(own, set_as_default=False) as client,
    ):
        found = commlb.states("index", 25, machine="window:w=70", cluster=own.scheduler_address)
        assert client.run_on_scheduler(spilled) > 0
    assert [cut.reachable_states for cut in found.cuts] == [2**t for t in range(26)]
    assert [cut.entropy_bits for cut in found.cuts] == list(range(26))


def test_limits_hold_and_keep_what_was_finished(address, small):
    asked = {"machine": "random:bits=40", "n": 12, "cluster": address}
    with pytest.raises(OverLimit, match="layer 9: states: 512 needed, the limit is 500") as over:
        commlb.states("index", **asked, max_states=500)
    assert len(over.value.partial.cuts) == 9
    with pytest.raises(
        OverLimit, match=r"a partition of layer \d+: bytes: .* lower n or raise --max-mem"
    ) as over:
        commlb.states("index", **asked, max_memory=5000)
    assert len(over.value.partial.cuts) > 5
    limits, reduction = Limits(timeout=300), build("index", None, 12, None, None)

    def let_time_pass(done, of):
        if done == 8:
            object.__setattr__(limits, "started", limits.started - 300)

    machine = machines.build("random:bits=40", reduction.task, 12)
    with pytest.raises(OverLimit, match=r"layer 9: seconds: .* used, the limit is 300") as over:
        retention.run(reduction, machine, limits=limits, progress=let_time_pass, cluster=address)
    assert len(over.value.partial.cuts) == 9

    def stop(done, of):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stopped:
        commlb.states("index", **asked, progress=stop)
    assert len(stopped.value.partial.cuts) == 7


def test_a_merge_that_loses_a_prefix_is_noticed(client, small, monkeypatch):
    lossy = cluster.ClusterEnumeration._summary

    def one_less(self, parts, rows, t):
        found = lossy(self, parts, rows, t)
        return partitions.Summary(t, found.nodes, found.states, found.mass - (t == 6), found.spectrum)

    monkeypatch.setattr(cluster.ClusterEnumeration, "_summary", one_less)
    with pytest.raises(CommlbError, match="add up to 63, not to the 64 prefixes"):
        commlb.states("index", 8, machine="window:w=8", cluster=client.scheduler.address)


def test_partitions_fit_their_limits():
    rows = partitions.Rows(["w0", "w1"], ["c0"], b"")
    assert rows.partitions(100, 2, 2**32, 2) == 1
    assert rows.partitions(2**16, 2, 2**32, 2) == 2
    assert rows.partitions(2**16, 2, 2**32, 1000) == 4
    assert rows.partitions(10**9, 2, 2**32, 2) == -(-(10**9) // (partitions.PARTITION // 24))
    assert rows.partitions(10**6, 2, 2**22, 2) == -(-(10**6) // (2**21 // (24 + 2 * 84)))


@pytest.mark.slow
def test_a_cluster_elsewhere_and_the_death_of_its_scheduler(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as found:
        address = "tcp://{}:{}".format(*found.getsockname())
    dask = [sys.executable, "-m", "dask"]
    of_scheduler = [
        "scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        address.rpartition(":")[2],
        "--no-dashboard",
    ]
    commands = [of_scheduler, *[["worker", address, "--nthreads", "1", "--no-dashboard"]] * 2]
    quiet = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen([*dask, *command], **quiet) for command in commands[:1]]
    try:
        wait_for(address)
        with pytest.raises(BadInput, match="has no worker; start one"):
            commlb.states("index", 4, cluster=address)
        started += [subprocess.Popen([*dask, *command], **quiet) for command in commands[1:]]
        here = commlb.states("index", 18, machine="random:bits=40")
        assert commlb.states("index", 18, machine="random:bits=40", cluster=address) == here
        threading.Timer(2, started[0].kill).start()
        with pytest.raises(CommlbError, match="the scheduler of the cluster is gone"):
            commlb.states("index", 24, machine="random:bits=40", cluster=address)
    finally:
        for process in started:
            process.terminate()
            process.wait(timeout=60)


def wait_for(address: str) -> None:
    host, port = address.removeprefix("tcp://").split(":")
    for _ in range(300):
        with suppress(OSError):
            return socket.create_connection((host, int(port)), 1).close()
        time.sleep(0.1)
    raise TimeoutError(address)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nonsense", "not of the form"), ("", "not of the form"), ("http://localhost:1", "not of the form"),
        ("tcp://localhost:99999", "Port out of range"), ("tcp://127.0.0.1:1", "refused"), (7, "must be local"),
    ],
)  # fmt: skip
def test_bad_addresses(address, words):
    with pytest.raises(BadInput, match=words):
        commlb.states("index", 4, cluster=address)


def test_information_stays_in_one_process():
    with pytest.raises(BadInput, match="one process only"):
        commlb.states("index", 4, information=True, cluster="local")


def run(capsys, *args):
    from commlb_cli import main

    with pytest.raises(SystemExit) as stop:
        main(list(args))
    out, err = capsys.readouterr()
    return stop.value.code, out, err


@pytest.mark.parametrize("missing", ["dask", "distributed"])
def test_without_the_extra(capsys, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra):
        commlb.states("index", 4, cluster="local")
    code, out, err = run(capsys, "states", "index", "--n", "4", "--cluster", "local")
    assert (code, out) == (3, "")
    assert err.strip() == (
        "commlb: for --cluster the extra 'cluster' is needed; install it: pip install 'commlb[cluster]'"
    )


def test_the_command_says_the_same_and_leaves_nothing(capsys, monkeypatch, tmp_path):
    folder, place = tmp_path / "temporary", tmp_path / "here"
    folder.mkdir(), place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.chdir(place)
    monkeypatch.setattr(cluster, "FROM", 4)
    args = ("states", "index", "--n", "8", "--machine", "random:bits=20")
    here = run(capsys, *args)
    assert run(capsys, *args, "--cluster", "local") == here
    assert here[0] == 0
    assert list(folder.iterdir()) == list(place.iterdir()) == []


@pytest.mark.slow
def test_a_script_without_its_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import commlb\ncommlb.states('index', 4, cluster='local')\n")
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert ran.returncode == 1
    assert "must call from under if __name__ == '__main__':" in ran.stderr.splitlines()[-1]
    script.write_text(
        "import commlb\nif __name__ == '__main__':\n    commlb.states('index', 4, cluster='local')\n"
    )
    subprocess.run([sys.executable, script], check=True, timeout=120, cwd=tmp_path)


@pytest.mark.slow
def test_ctrl_c_ends_the_workers_quietly(tmp_path):
    args = [sys.executable, "-m", "commlb", "states", "index", "--n", "26", "--machine", "random:bits=40"]
    ran = subprocess.Popen(
        [*args, "--cluster", "local"], cwd=tmp_path, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    time.sleep(6)
    os.killpg(ran.pid, signal.SIGINT)
    out, err = ran.communicate(timeout=60)
    assert ran.returncode == 130
    assert "Stopped after" in out
    assert err.strip().splitlines()[-1] == "commlb: interrupted"
    assert list(tmp_path.iterdir()) == []


def test_run_takes_objects(address, small):
    task = IsTree(4)
    machine = machines.build("random:bits=6", task, task.length - 1)
    there = retention.run(task, machine, over="all", limits=Limits(2**20), cluster=address)
    assert there == retention.run(task, machine, over="all")


# curve.

SWEEP = {"machine": ["random:bits", "window:w"], "error": "0.05", "seeds": 2}


def test_rows_of_curve_are_the_same_on_a_cluster(address, tmp_path):
    out, wanted = tmp_path / "rows.csv", to_csv(commlb.curve("index", range(2, 8), **SWEEP).rows)
    commlb.curve("index", range(2, 8), cluster=address, out=out, **SWEEP)
    assert out.read_text() == wanted


def test_a_worker_that_dies_costs_curve_no_row(mortal, tmp_path):
    client, address = mortal, mortal.scheduler.address
    wanted = to_csv(commlb.curve("index", range(2, 16), **SWEEP).rows)
    killed = []

    def kill(done, of, share):
        if done == 10:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    found = commlb.curve("index", range(2, 16), cluster=address, timeout=200, progress=kill, **SWEEP)
    assert killed
    assert to_csv(found.rows) == wanted


def test_curve_on_a_cluster_is_limited_in_time(address):
    with pytest.raises(OverLimit, match="--timeout") as stopped:
        commlb.curve("index", range(2, 20), cluster=address, timeout=1.0, **SWEEP)
    assert stopped.value.partial.rows


def test_curve_without_dask_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.dataframe", None)
    with pytest.raises(MissingExtra, match="cluster"):
        commlb.curve("index", (2, 3), cluster="local", **SWEEP)
