"""The text that ``commlb check --machine`` prints: what was tested, each test, the bits stored, the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from commlb_cli.text import WIDTH, wrap

from commlb.records import spec
from commlb.records_selftest import FAILS, OneTest, SelfTestResult, StoredBits
from commlb.wording import counted

NAMES, OUTCOMES = 15, 12
"""Columns of the names of tests and of their outcomes."""


def lines(result: SelfTestResult) -> list[str]:
    """What was tested, the tests with their outcomes, the bits that are stored, and the verdict."""
    found = [*_headline(result), ""]
    found += _tests(result.tests)
    if result.stored:
        found += ["", *_bits(result)]
    return [*found, "", *wrap(result.verdict, "", "")]


def _headline(result: SelfTestResult) -> list[str]:
    size = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in result.task_size.items())
    words = f"Self-test of {spec(result.machine)} on streams of {result.task}, n = {result.n} (the task's own size)"
    found = wrap(words, "", "  ")
    kinds = counted(result.alphabet_size, "kind")
    rows = [
        ("machine", result.machine.remark),
        ("streams", f"{size}: {counted(result.stream_length, 'token')} of {kinds}"),
        ("seed", f"{result.seed} (streams are drawn: what holds was found on these)"),
    ]
    if result.one_token_schedule:
        rows.append(("only", "one token a step, one stream alone (--one-token)"))
    for label, told in rows:
        if told:
            found += wrap(told, f"  {label:<8}", " " * 10)
    return found


def _tests(tests: Sequence[OneTest]) -> list[str]:
    """Each test with its outcome, what was done and found; the way out of a trap where it is named first."""
    found, told = [], set()
    for test in tests:
        first = f"  {test.test:<{NAMES}}{test.outcome:<{OUTCOMES}}"
        if test.outcome != FAILS:
            words = f"{test.done}: {test.found}" if test.found else test.done
            found += wrap(words, first, " " * len(first))
            continue
        found += wrap((test.trap or "").upper(), first, " " * len(first))
        advice = test.advice if test.trap not in told else ""
        told.add(test.trap)
        for label, words in (("done", test.done), ("found", test.found), ("do", advice)):
            if words:
                found += wrap(words, f"{' ' * (NAMES + 2)}{label:<{OUTCOMES}}", " " * len(first))
    return found


def _bits(result: SelfTestResult) -> list[str]:
    """Bits after each count of tokens, by kind where the machine is a model."""
    model = result.stored[0].recurrent_bits is not None
    heads = ["tokens", "recurrent", "KV", "position", "answer", "stored", "declared"] if model else []
    heads = heads or ["tokens", "used", "declared"]
    rows = [[f"{value:,}" for value in _row(one, model)] for one in result.stored]
    widths = [max(len(row[k]) for row in [heads, *rows]) for k in range(len(heads))]
    found = ["Bits of the state:" if model else "Bits of the message:"]
    for row in [heads, *rows]:
        line = "  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        found.append(line if len(line) <= WIDTH else line[: WIDTH - 1] + "…")
    if model:
        grows = result.growth_bits_per_token
        words = "It did not grow in the second half of the stream: bounded, as far as was run."
        if grows > 0:
            words = f"It grew by {counted(grows, 'bit')} a token in the second half of the stream."
        free = " Positions are functions of the number of tokens, free, and in no sum."
        found += wrap(words + (free if any(one.position_bits for one in result.stored) else ""), "  ", "  ")
    else:
        found += wrap("used: up to the highest bit set in any message that was met.", "  ", "  ")
    return found


def _row(one: StoredBits, model: bool) -> list[int]:
    if not model:
        return [one.tokens, one.stored_bits, one.declared_bits]
    kinds = (one.recurrent_bits, one.kv_bits, one.position_bits, one.answer_bits)
    return [one.tokens, *(bits or 0 for bits in kinds), one.stored_bits, one.declared_bits]
