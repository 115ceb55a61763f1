"""The text that ``commlb check`` prints of files that hold: what was derived again and how, and what was not."""

from __future__ import annotations

from commlb_cli.text import wrap

from commlb.records_check import CheckReport, CheckResult

NAMES = {
    "collide": "collision",
    "discover": "discovered reduction",
    "bound": "bound",
    "reduce": "result of reduce",
    "rows": "rows",
    "horizons": "memory horizons",
}


def lines(report: CheckReport) -> list[str]:
    """A paragraph for each file that holds; those that are refused have a line on stderr."""
    found: list[str] = []
    for result in report.files:
        if result.holds:
            found += [*([""] if found else []), *_file(result)]
    if len(report.files) > 1:
        found += ["", *wrap(report.verdict, "", "")]
    return found


def _file(result: CheckResult) -> list[str]:
    found = [*wrap(f"{result.file}: {NAMES[result.kind or 'rows']}", "", "  "), ""]
    for one in result.verified:
        figure = f": {one.figure}" if one.figure else ""
        found += wrap(f"{one.what}, {one.how}{figure}", "  checked  ", " " * 11)
    for one in result.taken_as_written:
        found += wrap(one, "  taken    ", " " * 11)
    return [*found, "", *wrap(result.verdict, "", "")]
