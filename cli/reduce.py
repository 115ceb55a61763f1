"""``commlb reduce``: a reduction, run as a one-way protocol through a machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from commlb.records import Bound, ReduceResult

WIDTH = 79


def _complete(kind: str) -> Any:
    """Shell completion from the registry, looked up only when the shell asks."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from commlb.listing import names

        return [name for name in names()[kind] if name.startswith(incomplete)]

    return complete


@click.command("reduce")
@click.argument("task", shell_complete=_complete("task"))
@click.option("--n", type=int, required=True, help="Symbols that Alice holds.")
@click.option("--reduction", shell_complete=_complete("reduction"), help="Gadget; see commlb list.")
@click.option("--c", type=int, help="Length of the c-grams (cgram only, default 2).")
@click.option("--symbols", type=int, help="Alphabet of x (index, ar, cgram; default 2).")
@click.option(
    "--machine",
    default="exact",
    show_default=True,
    shell_complete=_complete("machine"),
    help="exact, store, window:w=8, random:bits=16,seed=1, …",
)
@click.option("--x", help="Alice's input: bits, or symbols with commas. Asks for a transcript.")
@click.option("--i", type=int, help="Bob's position, from 1. Asks for a transcript.")
@click.option("--trials", type=int, help="Random (x, i) to run; 0 for the proof alone.")
@click.option("--seed", type=int, help="Seed of all that is drawn; printed if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--out", metavar="FILE", help="Also write .json, .jsonl or a .csv row.")
@click.option(
    "--plot", "plots", multiple=True, metavar="FILE", help="Draw to .png, .svg or .pdf; repeatable."
)
def reduce_command(
    task: str, n: int, as_json: bool, out: str | None, plots: tuple[str, ...], **given: Any
) -> None:
    """Run INDEX inside TASK: prove the reduction, then count what crosses the cut.

    Alice turns x into the first part of a stream, Bob turns i into the rest; the machine's state between
    them is the only message. TASK is one of: index, ar, cgram, counting, istree (commlb list says more).

    Without --trials, all inputs are run if there are at most 4096, and up to 1000 random ones otherwise.

    \b
    Examples:
      commlb reduce istree --n 64
      commlb reduce istree --n 64 --reduction hubs --plot hubs.png
      commlb reduce index --n 24 --machine window:w=8 --trials 2000 --seed 1
      commlb reduce ar --n 4 --symbols 3 --x 0,2,1,1 --i 2
      commlb reduce cgram --n 100 --c 3 --json --out row.csv
    """
    started = time.perf_counter()
    from commlb_cli import output

    import commlb
    from commlb import files

    if out:
        files.check(out, output.RESULT_SUFFIXES)
    for path in plots:
        files.check(path, files.PICTURES)
    result = commlb.reduce(
        task, n, **_parsed(given, n), draw=bool(plots), progress=output.progress_on_terminal("trials")
    )
    if plots:
        from commlb.plots import save_reduce

        for path in plots:
            save_reduce(result, path)
    where = output.provenance(result.seed, started) if as_json or out else {}
    if out:
        output.save(out, "reduce", result, [result.row()], where)
    if as_json:
        from commlb.records import to_json

        click.echo(to_json("reduce", result, where))
    else:
        click.echo("\n".join(text(result)))
    if not result.reduction_check.holds:
        raise click.exceptions.Exit(1)


def _parsed(given: dict[str, Any], n: int) -> dict[str, Any]:
    """The library's arguments: x as a tuple of symbols."""
    if given["x"] is not None:
        from commlb.errors import require_at_least
        from commlb.protocol import parse_x

        require_at_least("n", n, 1)
        given["x"] = parse_x(given["x"], n, given["symbols"] or 2)
    return given


def text(result: ReduceResult) -> list[str]:
    """The result for a person: what was run, the chains with how each number is known, the verdict."""
    lines = [*_wrap(_headline(result), "", "  "), ""]
    lines += _what(result)
    lines += ["", *_check(result), ""]
    if result.reduction_check.holds:
        lines += [*_alice_chain(result), "", *_task_chain(result), "", *_answers(result), ""]
        if result.transcript:
            lines += [*_transcript(result), ""]
    return [*lines, *_wrap(result.verdict, "", "")]


def _wrap(words: str, first: str, later: str) -> list[str]:
    return click.wrap_text(words, WIDTH, first, later).splitlines()


def _headline(result: ReduceResult) -> str:
    from commlb.records import spec

    alphabet = "" if result.symbols == 2 else f" over {result.symbols} symbols"
    return (
        f"INDEX, n = {result.n}{alphabet}, inside {result.task} by {result.reduction}; "
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
        ("source", result.source),
        ("seed", "" if result.seed is None else str(result.seed)),
    ):
        if words:
            lines += _wrap(words, f"  {label:<8}", " " * 10)
    return lines


def _check(result: ReduceResult) -> list[str]:
    check = result.reduction_check
    if check.holds:
        every = f"; and so for every n {check.scope}".rstrip() if check.every_n else "; for this n"
        words = (
            f"The answer is x_i on all {check.inputs} inputs, for all {check.queries} queries: "
            f"{check.evidence} (layer walk of width {check.width}){every}."
        )
        return _wrap(words, "", "  ")
    found = check.counterexample
    if found is None:
        return ["The reduction could not be proved."]
    from commlb.protocol import show

    x = show(found.x, result.symbols)
    words = (
        f"REFUSED: on x = {x if len(x) <= 200 else x[:200] + '…'}, i = {found.i} the answer should be "
        f"{found.expected}; obtained: {found.obtained}."
    )
    return _wrap(words, "", "  ")


def _table(title: str, rows: list[tuple[str, float | int | None, str]]) -> list[str]:
    """Lines of (name, bits, how it is known), what does not fit beside put below."""
    lines = [f"{title:<40}{'bits':>10}  known by"] if title else []
    for name, bits, how in rows:
        number = "unknown" if bits is None else f"{bits:.6g}"
        head = f"  {name:<38}{number:>10}  "
        lines += _wrap(how, head, " " * len(head)) if how else [head.rstrip()]
    return lines


def _how(evidence: str | None, confidence: float | None = None) -> str:
    return (evidence or "") + (f", {confidence:.0%} confidence" if confidence else "")


def _alice_chain(result: ReduceResult) -> list[str]:
    message, machine, answers = result.message, result.machine, result.answers
    bound = result.bound
    information = result.information
    stored = f"formula: log |S|; {machine.storage_bits} bits stored"
    if machine.capacity_evidence == "storage":
        stored = "the bits stored (|S| is not counted)"
    room = ("<= capacity bits", machine.capacity_bits, stored)
    kept: list[tuple[str, float | None, str]] = [
        ("<= entropy", message.entropy_bits, _how(message.evidence)),
        ("<= reachable bits", message.reachable_bits, _how(message.evidence)),
        room,
    ]
    must = ("INDEX: without error must cross", bound.bits, f"{bound.evidence}: {bound.method}")
    if result.never_errs or answers is None:
        if message.entropy_bits is None:
            kept = [room]
        return _table("Over Alice's prefixes, at the cut", [must, *kept])
    rows: list[tuple[str, float | None, str]] = [
        ("Fano: what the answers show", answers.fano_bits, _how(answers.evidence, answers.confidence))
    ]
    if information.evidence != "sampled":
        rows.append(("<= information passed", information.bits, _how(information.evidence)))
    if message.entropy_bits is None:
        kept = [("<= information <= entropy <= reachable", None, f"more than {_limit()} inputs to run"), room]
    lines = _table("Over Alice's prefixes, at the cut", [*rows, *kept])
    return [*lines, *_table("", [must])]


def _limit() -> int:
    from commlb.chains import MAX_ENUMERATED

    return MAX_ENUMERATED


def _task_chain(result: ReduceResult) -> list[str]:
    bound: Bound | None = result.task_bound
    if bound is None:
        return ["Over all prefixes of the task: no closed form is known."]
    rows: list[tuple[str, float | None, str]] = [
        ("any machine without error needs", bound.bits, f"{bound.evidence}: {bound.method}")
    ]
    if result.never_errs:
        rows.append(("<= capacity bits", result.machine.capacity_bits, ""))
    else:
        rows.append(("capacity bits of this machine", result.machine.capacity_bits, ""))
    return _table("Over all prefixes of the task, worst cut", rows)


def _answers(result: ReduceResult) -> list[str]:
    answers = result.answers
    if answers is None:
        return ["Answers: no runs (asked for none, or one takes long); --trials K runs some."]
    right = answers.trials - answers.errors
    words = (
        f"Answers: {right} right of {answers.trials}, {100 * answers.accuracy:.4g} % "
        f"({answers.evidence}); the ceiling for {result.machine.capacity_bits:.6g} bits is "
        f"{100 * answers.ceiling_accuracy:.4g} % (formula: Fano)."
    )
    return _wrap(words, "", "  ")


def _transcript(result: ReduceResult) -> list[str]:
    run = result.transcript
    if run is None:
        return []
    x = run.x if len(run.x) <= 200 else run.x[:200] + "…"
    lines = _wrap(f"Transcript for x = {x}, i = {run.i}", "", "  ")
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
    lines.append(
        f"  answer of the task {run.task_answer}, read as {run.output}; x_i = {run.expected}: {verdict}"
    )
    return lines


def _message(result: ReduceResult) -> list[str]:
    run = result.transcript
    if run is None:
        return []
    digits, bits = run.message_hex, run.cost_bits
    if bits > 512:
        return [f"  ---- cut: message of {bits} bits ----", f"  hex   {digits[:48]}… (whole in --json)"]
    written = f"{int(digits, 16):0{bits}b}" if bits else ""
    lines = [f"  ---- cut: message of {bits} bits ----"]
    lines += [f"  hex   {digits[k : k + 64]}" for k in range(0, len(digits), 64)]
    return lines + [f"  bits  {written[k : k + 64]}" for k in range(0, len(written), 64)]


def _middle_out(words: str, width: int) -> str:
    half = (width - 3) // 2
    return words if len(words) <= width else f"{words[:half]} … {words[-half:]}"


def _clip(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
