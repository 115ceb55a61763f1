"""Each report's rows, rebuilt, are the rows on file; the text is what the rows make of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "reports"


def build_module():
    spec = importlib.util.spec_from_file_location("reports_build", REPORTS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_report_folder_is_built_and_listed():
    folders = {path.name for path in REPORTS.iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert folders == set(build_module().REPORTS)
    listed = (REPORTS / "README.md").read_text()
    assert all(f"({name}/README.md)" in listed for name in folders)


@pytest.mark.parametrize("name", ["istree-64"])
def test_rebuilt_rows_and_text_are_those_on_file(name, tmp_path):
    (tmp_path / "text.md").write_text((REPORTS / name / "text.md").read_text())
    build_module().REPORTS[name](tmp_path)
    for file in ("rows.csv", "README.md"):
        assert (tmp_path / file).read_text() == (REPORTS / name / file).read_text()
    for picture in ("two-hub.png", "hubs.png"):
        assert (tmp_path / picture).stat().st_size > 10_000
        assert (REPORTS / name / picture).read_bytes()[:4] == b"\x89PNG"


def test_readme_commands_are_where_ci_looks_for_them():
    import subprocess
    import sys

    found = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "readme_commands.py"), str(ROOT / "README.md")],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    first, second = found.stdout.splitlines()
    assert first.endswith("commlb reduce istree --n 64")
    assert second.endswith("-m pytest")
