"""Rows of CSV: what is written is read again, and nothing else is."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commlb.errors import BadInput
from commlb.records_rows import HEADER, REFUSED, MemoryPoint, from_csv, merged, to_csv, to_line

KINDS = {
    "str": st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8),
    "int": st.integers(-(10**30), 10**30),
    "float": st.floats(allow_nan=False, allow_infinity=False),
}


CHAIN = ("capacity_bits", "reachable_bits", "entropy_bits", "information_bits")


@st.composite
def points(draw):
    """Any row whose numbers a machine can have."""
    values = {}
    for column in dataclasses.fields(MemoryPoint):
        if column.init:
            kind, _, optional = str(column.type).partition(" | ")
            values[column.name] = draw(KINDS[kind] | st.none() if optional else KINDS[kind])
    values["command"] = draw(st.sampled_from(["reduce", "states", "curve"]))
    known = [name for name in CHAIN if values[name] is not None]
    values |= zip(known, sorted((values[name] for name in known), reverse=True), strict=True)
    if values["reachable_states"] is not None:
        values["reachable_states"] = abs(values["reachable_states"]) + 1
        values |= dict.fromkeys(CHAIN)
    if values["errors"] is not None:
        values["errors"] = abs(values["errors"])
        values["trials"] = values["errors"] + abs(values["trials"] or 0)
    return MemoryPoint(**values)


def point(**given):
    values = {
        "command": "curve", "task": "index", "task_size": "n=4", "reduction": "index", "problem": "INDEX",
        "n": 4, "symbols": 2, "c": None, "cut": 4, "stream_length": 5, "prefix_set": "alice",
        "machine": "window:w=4", "family": "window:w", "evidence": "exhaustive",
    }  # fmt: skip
    return MemoryPoint(**values | given)


@given(st.lists(points(), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_again(rows):
    text = to_csv(rows)
    assert from_csv(text, "rows.csv") == rows
    assert from_csv(text + text, "rows.csv") == rows * 2


@given(st.lists(points(), min_size=1, max_size=3), st.data())
@settings(max_examples=60, deadline=None)
def test_a_line_cut_short_is_left_out_or_refused_but_never_read(rows, data):
    text = to_csv(rows)
    cut = data.draw(st.integers(0, len(text)))
    assert from_csv(text[:cut], "rows.csv", forgive_last=True) == rows[: max(0, text[:cut].count("\n") - 1)]
    if cut and text[cut - 1] != "\n" and "\n" in text[:cut]:
        try:
            found = from_csv(text[:cut], "rows.csv")
        except BadInput:
            return
        assert found == rows[: len(found)]


def line(**changed):
    cells = to_line(point()).rstrip("\n").split(",")
    names = HEADER.rstrip("\n").split(",")
    for name, value in changed.items():
        cells[names.index(name)] = value
    return ",".join(cells) + "\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("n,machine\n", "must begin with the header"),
        (HEADER + "1,2\n", "line 2: a row has"),
        (HEADER + line(n="many"), "n must be an integer; given 'many'"),
        (HEADER + line(capacity_bits="nan"), "capacity_bits must be a finite number"),
        (HEADER + line(capacity_bits="1e999"), "capacity_bits must be a finite number"),
        (HEADER + line(n="5"), "was it changed?"),
        (HEADER + line(digest="0" * 16), "was it changed?"),
        (HEADER + '"', "no CSV"),
        (
            HEADER + line(capacity_bits="1.0", reachable_bits="2.0"),
            "reachable_bits 2.0 is above capacity_bits 1.0",
        ),
        (HEADER + line(entropy_bits="2.0", information_bits="2.5"), "information_bits 2.5 is above"),
        (HEADER + line(reachable_states="8", reachable_bits="2.0"), "is not log2 of 8"),
        (HEADER + line(errors="8", trials="2"), "8 errors in 2 trials"),
    ],
)
def test_what_is_no_row_is_refused(text, said):
    with pytest.raises(BadInput, match=said.replace("?", r"\?")):
        from_csv(text, "rows.csv")


def test_line_ends_of_other_systems_and_blank_lines_are_read():
    rows = [point(n=4), point(n=5)]
    assert from_csv(to_csv(rows).replace("\n", "\r\n") + "\r\n", "rows") == rows


def test_of_a_last_line_that_is_cut_off_the_message_says_so():
    with pytest.raises(BadInput, match="its last line is cut off: go on with it by curve --resume"):
        from_csv(to_csv([point()])[:-9], "rows.csv")


def test_rows_of_several_runs_are_one_table():
    rows = [point(n=n, family=f) for f in ("window:w", "random:bits") for n in (6, 4)]
    assert merged(rows) == merged(rows[::-1]) == merged(rows + rows)
    assert [(row.family, row.n) for row in merged(rows)] == [
        ("random:bits", 4), ("random:bits", 6), ("window:w", 4), ("window:w", 6)
    ]  # fmt: skip


def test_a_finished_row_stands_for_a_refused_one():
    refused, done = point(evidence=REFUSED, limits="few", machine=None), point(capacity_bits=4.0)
    part = point(evidence="sampled", limits="more")
    assert refused.digest == done.digest == part.digest
    assert merged([refused, done, part]) == merged([part, done, refused]) == [done]
    assert merged([refused, part]) == merged([part, refused]) == [part]


def test_rows_that_contradict_each_other_are_refused():
    with pytest.raises(BadInput, match="differ; one is wrong"):
        merged([point(capacity_bits=4.0), point(capacity_bits=5.0)])


def test_a_row_of_curve_is_named_by_what_was_asked():
    asked, measured = point(), point(machine="window:w=9", capacity_bits=3.0, cut=2, trials=7, remark="so")
    assert asked.digest == measured.digest
    changes = {
        "task": "ar", "n": 5, "symbols": 3, "c": 2, "prefix_set": "all", "family": "w", "error_target": 0.1,
        "seed": 1, "settings": "s",
    }  # fmt: skip
    others = {point(**{key: value}).digest for key, value in changes.items()}
    assert len({asked.digest, *others}) == 1 + len(changes)
    own = [point(family="gru:d=1,p,weights=a.npz", weights_digest=d).digest for d in ("1", "2")]
    assert len(set(own)) == 2
