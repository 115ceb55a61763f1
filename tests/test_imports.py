"""Imports point one way, heavy libraries stay where they belong, and start-up stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [
    {"checking", "colliding", "shattering"},
    {"errors", "symbolic", "limbs", "files", "fano", "workers", "sealed", "colliding.trails", "usercode"},
    {
        "records",
        "records_coins",
        "records_rows",
        "records_witness",
        "records_check",
        "records_selftest",
        "records_horizons",
        "records_curve",
        "wording_curve",
        "ledger",
        "records_states",
        "records_exact",
        "records_bounds",
        "wording",
        "kernels",
        "bits",
        "formats",
        "registry",
        "trends",
    },
    {"machines.base"},
    {"problems", "tasks", "machines", "models"},
    {"reductions", "requests"},
    {"layers", "merging", "conflicts", "userfile", "export"},
    {"shattering.columns", "shattering.symmetry"},
    {"shattering.shattered", "shattering.hunt"},
    {"prefixes", "reachability", "colliding.walks", "colliding.birthday", "colliding.distinguished"},
    {
        "information",
        "linear_readout",
        "walk",
        "alike",
        "fit",
        "padding",
        "consistency",
        "words",
        "proof",
        "exhaustion",
        "protocol",
        "randomised",
        "sequential",
        "cluster",
        "partitions",
        "colliding.twins",
        "colliding.continuations",
        "colliding.certificates",
        "colliding.first_merge",
        "colliding.linear_maps",
        "colliding.quick_collision",
        "wording_collide",
    },
    {"chains", "minimum", "tabled", "discovered", "growth", "listing", "plots"},
    {"shattering.tables", "shattering.pursuit"},
    {"shattering.finding"},
    {"discovery"},
    {"retention", "families", "guesses", "colliding.horizons"},
    {"collisions"},
    {"matrices", "matrices.rank"},
    {"matrices.cuts", "matrices.sets", "matrices.files"},
    {"matrices.twoway"},
    {"bounds"},
    {"cells", "points", "thresholds", "grid"},
    {"sweep"},
    {
        "checking.common",
        "checking.schema",
        "checking.shattered",
        "checking.table",
        "checking.horizon",
        "checking.collision",
        "checking.part",
        "checking.witness",
        "checking.twoway",
        "checking.bound",
        "checking.counts",
        "checking.sampled",
        "checking.theorems",
        "checking.rows",
        "checking.reduce",
        "checking.own",
        "checking.traps",
        "checking.subject",
        "checking.laws",
        "checking.calls",
        "checking.stored",
        "checking.selftest",
    },
    {"checker"},
]
"""Each module may import from its own layer and those above it in this list."""

FILES = sorted((ROOT / "commlb").rglob("*.py"))


def module(path: Path) -> str:
    parts = path.relative_to(ROOT / "commlb").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "__init__"


def layer(name: str) -> int:
    found = [k for k, names in enumerate(LAYERS) if name in names]
    found += [k for k, names in enumerate(LAYERS) if name.split(".")[0] in names]
    assert found, f"{name} has no place in the architecture"
    return found[0]


def imported(path: Path, top_level: bool = False) -> set[str]:
    """Modules that a file imports, TYPE_CHECKING blocks left out."""
    tree = ast.parse(path.read_text())
    nodes = list(tree.body if top_level else ast.walk(tree))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_point_one_way(path):
    name = module(path)
    if name in ("__init__", "__main__"):
        return
    known = {module(file) for file in FILES}
    for found in imported(path):
        inner = found.removeprefix("commlb.")
        if found.startswith("commlb.") and inner in known:
            assert layer(inner) <= layer(name), f"{name} imports {inner}"
    if name.startswith("plots"):
        inner = {f for f in imported(path) if f.startswith("commlb.") and f.removeprefix("commlb.") in known}
        allowed = (
            "commlb.records",
            "commlb.records_states",
            "commlb.records_rows",
            "commlb.records_witness",
            "commlb.fano",
            "commlb.records_exact",
            "commlb.errors",
            "commlb.files",
            "commlb.trends",
            "commlb.wording",
            "commlb.plots",
        )
        assert all(f.startswith(allowed) for f in inner), inner


HOMES = [
    ("numba", "kernels"), ("matplotlib", "plots"), ("dask", "cluster"), ("distributed", "cluster"),
    ("pandas", "partitions"),
]  # fmt: skip


@pytest.mark.parametrize(("library", "home"), HOMES)
def test_heavy_libraries_have_one_home(library, home):
    users = {
        module(path).split(".")[0]
        for path in FILES
        if any(n.split(".")[0] == library for n in imported(path))
    }
    users |= {
        "cli" for path in (ROOT / "cli").glob("*.py") if library in {n.split(".")[0] for n in imported(path)}
    }
    assert users == {home}


def test_help_and_import_load_no_heavy_library():
    code = (
        "import sys, commlb, commlb_cli\n"
        "try: commlb_cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "try: commlb_cli.main(['reduce', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'numba', 'networkx', 'matplotlib', 'importlib.metadata'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_a_small_run_loads_no_numba_networkx_or_matplotlib():
    code = (
        "import sys, commlb\n"
        "commlb.reduce('istree', 64, seed=1)\n"
        "heavy = {'numba', 'networkx', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_states_without_a_cluster_loads_no_dask():
    code = (
        "import sys, commlb, commlb_cli\n"
        "commlb.states('index', 6)\n"
        "try: commlb_cli.main(['states', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'dask', 'distributed', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_every_file_is_short_enough_to_read():
    for path in [*FILES, *(ROOT / "cli").glob("*.py")]:
        assert len(path.read_text().splitlines()) <= 350, path
