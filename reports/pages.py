"""What the reports share: CSV, Markdown tables, and the page that text and tables make."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from commlb.files import replace


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write_page(folder: Path, **tables: str) -> None:
    """``README.md`` from ``text.md``: each ``<!-- name -->`` becomes the table of that name.

    Raises ``ValueError`` if the text has no place for a table.
    """
    text = (folder / "text.md").read_text(encoding="utf-8")
    for name, made in tables.items():
        mark = f"<!-- {name} -->"
        if mark not in text:
            raise ValueError(f"{folder.name}/text.md has no place for {mark}")
        text = text.replace(mark, made)
    replace(folder / "README.md", text.encode())


def on_file(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same columns as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
