"""Each claim of the two tables names what shows it, and that is there: tests, reports, files; commands run."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
from pathlib import Path

import pytest
from commlb_cli import main

from commlb.tasks import task_classes

ROOT = Path(__file__).parent.parent
TABLES = ("README.md", "reports/README.md")
TEXTS = [*TABLES, *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "reports").glob("*/text.md")))]
FILLED = {"TASK": "index", "N": "8", "SPEC": "gru:d=2,p=4", "VERB": "reduce", "NAME": "gru"}
"""What stands in a command for whatever the reader takes."""


def claims() -> list[tuple[str, str, str]]:
    """File, claim and the last cell of each row of the claim tables."""
    found = []
    for name in TABLES:
        lines = (ROOT / name).read_text().splitlines()
        is_claims = False
        for line in lines:
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not cells:
                is_claims = False
            elif cells[0] == "claim":
                is_claims = True
            elif is_claims and not set(cells[0]) <= {"-", " "}:
                found.append((name, cells[0], cells[-1]))
    return found


CLAIMS = claims()
COMMANDS = sorted(
    {
        " ".join(span.split())
        for name in TEXTS
        for span in re.findall(
            r"`(commlb [^`]*)`", re.sub(r"```.*?```", "", (ROOT / name).read_text(), flags=re.S)
        )
    }
)


def shown_by(where: str) -> list[bool]:
    """For each thing that a cell names, whether it is there."""
    found = []
    for part in re.findall(r"`([^`]+)`", where):
        if part.startswith("commlb "):
            found.append(part in COMMANDS)
        elif part.startswith("commlb."):
            found.append(resolves(part))
        elif part.startswith(("pytest", "python ")):
            found += [(ROOT / word).exists() for word in part.split() if "/" in word]
        elif part.startswith("test_"):
            end = "" if part.endswith("…") else "[(]"
            pattern = re.compile(f"^def {re.escape(part.rstrip('…'))}{end}", re.M)
            found.append(any(pattern.search(path.read_text()) for path in (ROOT / "tests").glob("test_*.py")))
        elif "/" in part or part.endswith(".csv"):
            found.append(any(ROOT.glob(part)) or any((ROOT / "reports").glob(f"*/{part}")))
    for word in re.findall(
        r"\b[a-z]+(?:-[a-z0-9]+)+\b|\b(?:retention|families|benchmarks|cluster|witnesses|horizons)\b", where
    ):
        if (ROOT / "reports" / word).is_dir():
            found.append((ROOT / "reports" / word / "README.md").exists())
    return found


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    try:
        importlib.import_module(name)
    except ImportError:
        module, _, attribute = name.rpartition(".")
        return hasattr(importlib.import_module(module), attribute)
    return True


def test_there_are_claims():
    assert len(CLAIMS) > 60
    assert {name for name, *_ in CLAIMS} == set(TABLES)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim[1][:60])
def test_each_claim_names_what_shows_it(claim):
    _, text, where = claim
    found = shown_by(where)
    assert all(found), (text, where)
    assert found or "the same" in where, f"nothing shows: {text}"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_that_is_named_runs(command, tmp_path, monkeypatch, capsys):
    """Placeholders are filled; of what is only mentioned, or left out by …, the help must speak."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n# (my_\w+\.py)\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S)
    assert {name for name, _ in blocks} == {"my_task.py", "my_machine.py", "my_model.py"}
    for name, code in blocks:
        (tmp_path / name).write_text(code)
    shutil.copy(ROOT / "reports" / "witnesses" / "istree-6.json", tmp_path / "found.json")
    shutil.copy(ROOT / "reports" / "witnesses" / "window.json", tmp_path / "collision.json")
    words = shlex.split(re.sub(r"\b(TASK|N|SPEC|VERB|NAME)\b", lambda found: FILLED[found[0]], command))[1:]
    options = [word for word in words if word.startswith("--")] if "…" in words else []
    if options or (len(words) == 1 and words[0] not in ("list", "--help")):
        words = [words[0], "--help"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    said, errors = capsys.readouterr()
    assert not ended.value.code, errors
    assert said.strip()
    assert all(option in said for option in options)


@pytest.mark.parametrize(
    "task", [name for name in task_classes() if name in ("ar", "cgram", "counting", "istree")]
)
def test_commands_for_any_task_run_for_the_others(task, capsys):
    for command in COMMANDS:
        if " TASK " in command:
            words = shlex.split(command.replace("TASK", task).replace(" N", " 8"))[1:]
            with pytest.raises(SystemExit) as ended:
                main(words)
            assert not ended.value.code, capsys.readouterr().err
            assert capsys.readouterr().out.strip()
