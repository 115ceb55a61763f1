"""The text that ``commlb reduce`` prints: what was run, the chains, the answers, the verdict; 80 columns."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR

import click

from commlb.machines.base import abridged
from commlb.protocol import show
from commlb.records import Bound, ReadOut, ReduceResult, spec
from commlb.records_coins import PublicCoins
from commlb.wording import FEW_RUNS, NO_ANSWER, counted, number, percent, percent_at_least, small
from commlb.wording_collide import asked, line_to_type

WIDTH = 79


def lines(result: ReduceResult) -> list[str]:
    """The result for a person: what was run, the chains with how each number is known, the verdict."""
    found = [*wrap(_headline(result), "", "  "), ""]
    found += _what(result)
    found += ["", *_check(result), ""]
    if result.reduction_check.holds:
        found += [*_alice_chain(result), "", *_task_chain(result), "", *_answers(result), ""]
        if result.readout:
            found += [*_readout(result.readout), ""]
        if result.public_coins:
            found += [*_coins(result.public_coins, result.machine.capacity_bits), ""]
        if result.collision or _must_collide(result):
            found += [*_collision(result), ""]
        if result.transcript:
            found += [*_transcript(result), ""]
    return [*found, *wrap(result.verdict, "", "")]


def wrap(words: str, first: str, later: str) -> list[str]:
    return click.wrap_text(words, WIDTH, first, later).splitlines()


def _headline(result: ReduceResult) -> str:
    alphabet = "" if result.symbols == 2 else f" over {result.symbols} symbols"
    return (
        f"{result.problem}, n = {result.n}{alphabet}, inside {result.task} by {result.reduction}; "
        f"machine {spec(result.machine)}"
    )


def _what(result: ReduceResult) -> list[str]:
    alice, bob, answer = result.description
    size = ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in result.parameters.items())
    size = f"{size}; " if size else ""
    size += f"{result.stream_length} tokens of {result.alphabet_size} kinds, cut after {result.cut}"
    lines = []
    for label, words in (
        ("Alice", alice),
        ("Bob", bob),
        ("answer", answer),
        ("size", size),
        ("also", result.remark),
        ("machine", result.machine.remark),
        ("source", result.source),
        ("seed", "" if result.seed is None else f"{result.seed} (inputs that are drawn)"),
    ):
        if words:
            lines += wrap(words, f"  {label:<8}", " " * 10)
    return lines


def _check(result: ReduceResult) -> list[str]:
    check = result.reduction_check
    if check.holds:
        every = f"; and so for every n {check.scope}".rstrip() if check.every_n else "; for this n"
        queries = f"{check.queries} of Bob's inputs"
        if isinstance(check.queries, int):
            queries = counted(check.queries, "query", "queries")
        told = "The answer is x_i"
        if result.problem != "INDEX":
            told = f"The answers tell {result.problem}(x, y)"
        how = f"layer walk of width {check.width}"
        if check.width is None:
            how = "the independent solver on every stream"
        words = f"{told} on all {check.inputs} inputs, for {queries}: {check.evidence} ({how}){every}."
        return wrap(words, "", "  ")
    found = check.counterexample
    if found is None:
        return ["The reduction could not be proved."]
    x = show(found.x, result.symbols)
    y = f"i = {found.y}" if isinstance(found.y, int) else f"y = {_cut(show(found.y, 2))}"
    words = (
        f"REFUSED: on x = {_cut(x)}, {y} the answer should be {found.expected}; obtained: {found.obtained}."
    )
    return wrap(words, "", "  ")


def _table(title: str, rows: list[tuple[str, float | int | None, str]]) -> list[str]:
    """Lines of (name, bits, how it is known), what does not fit beside put below."""
    lines = [f"{title:<40}{'bits':>10}  known by"] if title else []
    known: list[float] = []
    for name, bits, how in rows:
        # Capacities bound from above, all else that stands in a chain from below; equal numbers look equal.
        same = bits is not None and any(abs(bits - other) < 1e-9 for other in known)
        rounding = ROUND_CEILING if "capacity" in name and not same else ROUND_FLOOR
        shown = "unknown" if bits is None else number(bits, rounding)
        known += [] if bits is None else [bits]
        head = f"  {name:<38}{shown:>10}  "
        lines += wrap(how, head, " " * len(head)) if how else [head.rstrip()]
    return lines


def _how(evidence: str | None, confidence: float | None = None) -> str:
    return (evidence or "") + (f", {confidence:.0%} confidence" if confidence else "")


def _alice_chain(result: ReduceResult) -> list[str]:
    """INDEX <= … <= capacity for a machine that never errs, Fano <= … <= capacity for one that does."""
    message, machine, answers, information = (
        result.message, result.machine, result.answers, result.information,
    )  # fmt: skip
    title = "Over Alice's prefixes, at the cut"
    stored = f"formula: log2 |S|; {machine.storage_bits} bits stored"
    if machine.capacity_evidence == "upper bound":
        stored = f"at most; {machine.storage_bits} bits stored"
    if machine.capacity_evidence == "storage":
        stored = "the bits stored (|S| is not counted)"
    bound = result.bound
    must = (f"{result.problem}: without error must cross", bound.bits, f"proved: {bound.method}")
    states: list[tuple[str, float | None, str]] = [
        ("<= entropy", message.entropy_bits, _how(message.evidence)),
        ("<= reachable bits", message.reachable_bits, _how(message.evidence)),
        ("<= capacity bits", machine.capacity_bits, stored),
    ]
    if result.never_errs:
        return _table(title, [must, *states])
    room = [("capacity bits", machine.capacity_bits, stored)]
    if answers is None:
        return _table(title, [must, *room])
    each = "query by query" if answers.evidence == "exhaustive" else "from the mean error"
    rows: list[tuple[str, float | None, str]] = []
    if answers.fano_bits is not None:
        rows.append((f"Fano, {each}", answers.fano_bits, _how(answers.evidence, answers.confidence)))
    if information.bits is not None and information.evidence != "sampled":
        rows.append(("<= information passed", information.bits, _how(information.evidence)))
    if message.entropy_bits is None:
        states[:2] = [("<= information <= entropy <= reachable", None, "not all inputs were run")]
    name, bits, how = (first := [*rows, *states])[0]
    first[0] = (name.removeprefix("<= "), bits, how)
    return [*_table(title, first), *_table("", [must])]


def _task_chain(result: ReduceResult) -> list[str]:
    bound: Bound | None = result.task_bound
    if bound is None:
        return ["Over all prefixes of the task: no closed form is known."]
    rows: list[tuple[str, float | None, str]] = [
        ("any machine without error needs", bound.bits, f"{bound.evidence}: {bound.method}"),
        (
            "<= largest capacity bits" if result.machine.exact else "largest capacity of this machine",
            result.machine.largest_capacity_bits,
            f"{result.machine.capacity_evidence}, over all cuts",
        ),
    ]
    return _table("Over all prefixes of the task, worst cut", rows)


def _answers(result: ReduceResult) -> list[str]:
    answers, room = result.answers, number(result.machine.capacity_bits, ROUND_CEILING)
    if answers is None:
        return _no_answers(result)
    right = answers.trials - answers.errors
    sure = ""
    if answers.accuracy_at_least is not None:
        low = percent_at_least(answers.accuracy_at_least)
        sure = f"; at least {low} with {answers.confidence:.0%} confidence"
    if answers.evidence == "sampled" and answers.trials < FEW_RUNS:
        sure += "; few, since each run is long: --trials K runs more"
    rate = percent(answers.accuracy)
    how = answers.evidence
    if result.public_coins:
        how += ", the coins those of the seed" if how == "exhaustive" else ", fresh coins each trial"
    words = f"Answers: {right} right of {answers.trials}, {rate} ({how}{sure})."
    best = result.information.best_accuracy
    if best is not None and answers.ceiling_accuracy is not None and answers.evidence == "exhaustive":
        words += f" Best guess of x_i from the message: {percent(best)} (exhaustive)."
    if answers.ceiling_accuracy is not None:
        limit = percent(answers.ceiling_accuracy, up=True)
        words += f" Ceiling for {room} bits: {limit} (formula: Fano)."
    if result.problem == "DISJ":
        words += " Bob's sets that were run are the singletons, on which DISJ is INDEX."
    return wrap(words, "", "  ")


def _no_answers(result: ReduceResult) -> list[str]:
    if NO_ANSWER not in result.machine.remark:
        return ["Answers: none; the machine was not run (--trials K runs it)."]
    words, best = f"Answers: none; {NO_ANSWER}.", result.information.best_accuracy
    if best is not None:
        words += f" Best guess of x_i from the message: {percent(best)} (exhaustive)."
    elif result.readout is None:
        words += " --readout linear reads x off its state."
    return wrap(words, "", "  ")


def _readout(found: ReadOut) -> list[str]:
    """What a linear map read off the message, and the bits that must have crossed for it."""
    least, sure = number(found.information_bits, ROUND_FLOOR), f"{found.confidence:.0%} confidence"
    words = (
        f"Linear read-out of {counted(found.numbers, 'number')} of the state: fitted on {found.fitted_on:,} random "
        f"x, right on {percent(found.accuracy)} of the x_i of {found.trials:,} others. Information passed >= "
        f"{least} bits (sampled, {sure}; a lower bound: another read-out may tell more)."
    )
    return wrap(words, "", "  ")


def _must_collide(result: ReduceResult) -> bool:
    """Whether the machine has fewer states than Alice has inputs."""
    known = [result.machine.capacity_bits, result.message.reachable_bits]
    return any(bits is not None and bits < result.bound.bits - 1e-9 for bits in known)


def _collision(result: ReduceResult) -> list[str]:
    """Two inputs in one state, or the line that looks for them."""
    found = result.collision
    if found is None:
        told = "Two inputs in one state exist and were not found at once; to look for them:"
        return [told, *(f"  {line}" for line in line_to_type(result, WIDTH - 2))]
    x, x_other = (_middle_out(show(word, result.symbols), 22) for word in (found.x, found.x_other))
    state = found.state_hex if len(found.state_hex) <= 18 else f"{found.state_hex[:15]}…"
    words = (
        f"Collision: x = {x} and x' = {x_other} leave the machine in one state, 0x{state}; "
        f"at {asked(found, 20)} {result.problem} is {found.value} for x, {found.value_other} for x'; "
        f"the machine says {found.machine_value} for both."
    )
    return wrap(words, "", "  ")


def _coins(coins: PublicCoins, room: float) -> list[str]:
    """What a randomised machine errs on over fresh coins, beside its formula and what binds it."""
    lines = ["Public coins, read by both halves and no part of the message; fresh each trial:"]
    rows = []
    if coins.trials is not None and coins.errors is not None and coins.error_at_most is not None:
        sure = f"at most {percent(coins.error_at_most, up=True)} with {coins.confidence:.0%} confidence"
        rows.append(("all", f"{_wrong(coins.errors, coins.trials)}; {sure}; {coins.distribution}"))
        for on in coins.by_value:
            limit = f"at most {percent(on.error_at_most, up=True)} likewise"
            rows.append((f"f = {on.value}", f"{_wrong(on.errors, on.trials)}; {limit}"))
    if coins.formula is not None:
        found = coins.formula
        words = f"error {small(found.error)} = {found.formula} on {found.on}, none on {found.never_on}"
        rows.append(("formula", f"{words}. {found.source}"))
    if coins.bound is not None:
        bound = coins.bound
        must = f"{number(bound.bits, ROUND_FLOOR)} bits by any machine, with public coins or without"
        how = f"{bound.model}, {bound.evidence}: {bound.method}"
        rows.append(("needed", f"{must} ({how}); room here: {number(room, ROUND_CEILING)}"))
    for label, words in rows:
        lines += wrap(words, f"  {label:<8}", " " * 10)
    return lines


def _wrong(errors: int, trials: int) -> str:
    return f"{errors} wrong of {trials}, {percent(errors / trials)}"


def _transcript(result: ReduceResult) -> list[str]:
    run = result.transcript
    if run is None:
        return []
    held = "i" if result.problem == "INDEX" else "y"
    lines = wrap(f"Transcript for x = {_cut(run.x)}, {held} = {_cut(run.y)}", "", "  ")
    lines.append("      t party   token  in words; below it the state before -> after")
    last = -1
    for step in run.steps:
        if step.t > last + 1:
            lines.append(f"   … {step.t - last - 1} steps not shown …")
        if step.party == "Bob" and step.t == result.cut:
            lines += _message(result)
        last = step.t
        lines.append(_clip(f"  {step.t:>5} {step.party:<5} {step.token:>7}  {step.words}"))
        lines.append(f"{'':17}{_middle_out(step.before, WIDTH - 17)}")
        lines.append(f"{'':14}-> {_middle_out(step.after, WIDTH - 17)}")
    verdict = "right" if run.output == run.expected else "WRONG"
    lines.append(
        f"  Bob's tokens {' '.join(map(str, run.bob_tokens[:20]))}{' …' * (len(run.bob_tokens) > 20)}"
    )
    truth = f"{'x_i' if result.problem == 'INDEX' else result.problem + '(x, y)'} = {run.expected}"
    said = f"{run.task_answer}"
    if len(run.task_answers) > 1:
        said = f"{abridged(run.task_answers, most=20)}, of which {said} is read"
        if result.problem != "INDEX":
            said = abridged(run.task_answers, most=20)
    words = f"the machine answers {said}, read as {run.output}; {truth}: {verdict}"
    return [*lines, *wrap(words, "  ", "    ")]


def _cut(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "…"


def _message(result: ReduceResult) -> list[str]:
    run = result.transcript
    if run is None:
        return []
    digits, bits = run.message_hex, run.cost_bits
    if bits > 512:
        return [f"  ---- cut: message of {bits} bits ----", f"  hex   {digits[:48]}… (whole in --json)"]
    written = f"{int(digits, 16):0{bits}b}" if bits else ""
    lines = [f"  ---- cut: message of {counted(bits, 'bit')}, most significant first ----"]
    lines += [f"  hex   {digits[k : k + 64]}" for k in range(0, len(digits), 64)]
    return lines + [f"  bits  {written[k : k + 64]}" for k in range(0, len(written), 64)]


def _middle_out(words: str, width: int) -> str:
    half = (width - 3) // 2
    return words if len(words) <= width else f"{words[:half]} … {words[-half:]}"


def _clip(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
