"""The text that ``commlb discover`` prints: a row a cut, the reduction itself, and what it proves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR

from commlb_cli.text import wrap

from commlb.records_witness import DiscoverCut, DiscoverResult, Table
from commlb.tasks import task_classes
from commlb.tasks.base import Task
from commlb.wording import counted, number

MOST_WORDS = 8
"""Words x whose prefixes are shown; of more, the first and the last ones."""

MOST_CUTS = 40
"""Cuts that are shown; of more, those where something was found that is not less than half of the best."""


def lines(result: DiscoverResult) -> list[str]:
    """The result for a person, 80 columns."""
    sizes = ", ".join(f"{key} = {value}" for key, value in result.task_size.items()).replace("_", " ")
    found = wrap(f"The largest INDEX instance inside {result.task}: {sizes}", "", "  ")
    tokens = f"{counted(result.length, 'token')} of {counted(result.alphabet_size, 'kind')}; "
    looked = f"all {len(result.cuts)} cuts" if len(result.cuts) > 1 else f"the cut {result.cuts[0].t} only"
    found += [*wrap(f"{tokens}{looked}; {result.nodes:,} nodes", "  ", "  "), ""]
    found.append(f"{'cut':>6} {'rows':>10} {'columns':>10}  {'found':>14} {'at most':>10}  known by")
    for cut in result.cuts:
        if len(result.cuts) <= MOST_CUTS or 2 * cut.bits >= result.bits:
            found += _row(cut, cut.t == result.cut)
    note = (
        "rows: classes of prefixes; columns: suffixes that differ on them; found: bits that are shattered "
        "(* the best), by exhaustion; at most: proved by the number of rows, or by a search to its end"
    )
    found += [*wrap(note, "  ", "  "), ""]
    if result.table is not None:
        found += [*_table(result, result.table), ""]
    if result.known:
        known = ", ".join(f"{name} {number(bits)}" for name, bits in result.known.items())
        found += wrap(f"registered reductions of this size, in bits: {known}", "", "  ")
    found += wrap(result.verdict, "", "")
    if result.stopped is not None:
        found += wrap(f"Not searched to the end: {result.stopped}.", "", "")
    return found


def next_lines(task: str, out: Sequence[str]) -> list[str]:
    """What to type next; nothing is wrapped, so that it can be copied."""
    written = next((path for path in out if path.lower().endswith(".json")), None)
    first = [] if written else ["Write it with --out found.json, and run it:"]
    return [*first, f"  commlb reduce {task} --reduction {written or 'found.json'}"]


def _row(cut: DiscoverCut, best: bool) -> list[str]:
    columns = "many" if cut.columns is None else f"{cut.columns:,}"
    bits = number(cut.bits, ROUND_FLOOR)
    if cut.symbols != 2:
        bits = f"{cut.n} of {cut.symbols}: {bits}"
    most = number(cut.upper_bound_bits, ROUND_FLOOR if cut.optimal else ROUND_CEILING)
    known = {"rows": "rows", "search": "search to its end"}.get(cut.upper_bound_by, cut.upper_bound_by)
    known = known if cut.optimal else f"{known}; open"
    return [f"{cut.t:>6} {cut.rows:>10,} {columns:>10}  {bits:>14}{'*' if best else ' '}{most:>10}  {known}"]


def _table(result: DiscoverResult, table: Table) -> list[str]:
    task = _task(result)
    prefixes = table.symbols**table.n
    suffixes = counted(table.n, "suffix", "suffixes")
    found = [f"The reduction: Alice's x as one of {prefixes:,} prefixes, Bob's i as one of {suffixes}"]
    words = list(itertools.islice(itertools.product(range(table.symbols), repeat=table.n), MOST_WORDS))
    if prefixes <= 2 * MOST_WORDS:
        words = list(itertools.product(range(table.symbols), repeat=table.n))
    for word, prefix in zip(words, table.prefixes, strict=False):
        found += wrap(_spelled(task, prefix, 0), f"  x = {_word(word, table.symbols)}  ", " " * 8)
    if len(words) < prefixes:
        last = _word((table.symbols - 1,) * table.n, table.symbols)
        found.append(f"  … {prefixes - len(words) - 1:,} more")
        found += wrap(_spelled(task, table.prefixes[-1], 0), f"  x = {last}  ", " " * 8)
    shared = len(set(zip(table.readings, table.read_at, strict=True))) == 1
    for i, suffix in enumerate(table.suffixes):
        read = "" if shared else f"; {_read(table, i)}"
        found += wrap(_spelled(task, suffix, table.cut) + read, f"  i = {i + 1:<3} ", " " * 8)
    if shared:
        found += wrap(_read(table, 0), "  ", "  ")
    if task is None:
        found.append("  (tokens by their places in the alphabets, from 0)")
    return found


def _read(table: Table, i: int) -> str:
    meanings = ", ".join(f"{answer!r} for {symbol}" for symbol, answer in enumerate(table.readings[i]))
    which = f"answer {table.read_at[i] + 1} after the cut" if table.read_at[i] else "the answer"
    return f"x_i is read from {which}: {meanings}"


def _word(word: Sequence[int], symbols: int) -> str:
    return ("" if symbols <= 10 else ",").join(map(str, word))


def _task(result: DiscoverResult) -> Task | None:
    """The registered task, which knows what its tokens mean; None for a user's own."""
    cls = task_classes().get(result.task)
    if cls is None or not isinstance(result.task_size, dict):
        return None
    try:
        return cls(**result.task_size)
    except TypeError:
        return None


def _spelled(task: Task | None, tokens: Sequence[int], t: int) -> str:
    """Tokens as a person writes them: edges as 0-3."""
    if task is None:
        return " ".join(map(str, tokens))
    words = []
    for place, token in enumerate(tokens, t):
        role, *named = task.letter(token, place)
        joined = "-".join(map(str, named))
        words.append(joined if role == "edge" else role if not named else f"{role} {joined}")
    texts = [word.split(" ")[-1] for word in words]
    roles = {word.split(" ")[0] for word in words if " " in word}
    if len(roles) <= 1 and all(" " in word for word in words):
        return " ".join([*roles, *texts])
    return ", ".join(words) if any(" " in word for word in words) else " ".join(words)
