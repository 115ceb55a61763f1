"""The chain of inequalities for one reduction, size and machine: what ``commlb reduce`` computes."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb import discovered, machines
from commlb.colliding.quick_collision import quick_collision
from commlb.errors import BadInput, CommlbError, LimitError, require_at_least
from commlb.fano import ceiling_accuracy, fano_bits
from commlb.information import CONFIDENCE, about_inputs, entropy, error_upper_limit
from commlb.linear_readout import FEWEST, check_readout, read_out
from commlb.machines.base import UNDEFINED, Machine
from commlb.problems import WordProblem
from commlb.proof import prove
from commlb.protocol import OneWayProtocol, check_work, exhaustive_work, parse_x, show, work_of
from commlb.randomised import public_coins
from commlb.records import (
    Answers,
    Drawing,
    Information,
    MachineInfo,
    Message,
    ReduceResult,
    spec,
)
from commlb.reductions.base import Reduction
from commlb.requests import as_int, check_sizes
from commlb.wording import verdict

MAX_ENUMERATED = 4096
"""Inputs up to which all of them are run through the machine."""

MAX_TRIALS = 1000
DEFAULT_WORK, MOST_DEFAULT_WORK, MAX_WORK, MAX_EXHAUSTED = 2**26, 2**29, 2**34, 2**32
"""State cells that trials may touch: aimed at, allowed for a single one, on request; and that all inputs may."""

MAX_DRAWN = 4000
"""Tokens of the longest stream that is drawn."""

MAX_COUNT_BITS = 1024
"""Longer counts of states are given by their logarithm only."""

UNKNOWN_MESSAGE = Message(None, None, None, None)
UNKNOWN_INFORMATION = Information(None, None, "unknown", None)


def reduce(
    task: str,
    n: int | None = None,
    *,
    reduction: str | None = None,
    symbols: int | None = None,
    c: int | None = None,
    machine: str = machines.EXACT,
    x: str | Sequence[int] | None = None,
    i: int | None = None,
    y: str | Sequence[int] | None = None,
    trials: int | None = None,
    seed: int | None = None,
    readout: str | None = None,
    draw: bool = False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> ReduceResult:
    """Run a two-party problem with ``n`` symbols as a one-way protocol through ``task`` and ``machine``.

    The reduction chosen says which problem: INDEX for most tasks, EQ for equality, DISJ for disjointness.

    ``reduction``: a registered name, or the file of a discovered one, ``found.json``, which says what n and the
    task's size are; ``task`` may then be your own, ``my_task.py:Name``.

    The reduction is proved for all inputs first. Then the machine runs: on all inputs if there are at most
    4096 and no ``trials`` are asked for, else on ``trials`` random ones. A randomised machine runs on all inputs
    with the coins of its seed, on random ones with fresh coins each. ``x`` (symbols, or text as on the
    command line) and Bob's ``i`` (from 1; INDEX) or ``y`` (n bits; EQ, DISJ) ask for one transcript; what is
    missing of the two is drawn. ``readout="linear"`` fits a linear map from the state to x on as many random x as
    there are trials, and scores it on others (``linear_readout.py``). ``draw`` adds what a picture needs;
    ``progress(done, of)`` hears of trials.

    Returns a frozen ``ReduceResult`` whose fields are the keys of the command's JSON. Raises ``BadInput``
    for what cannot be run and ``LimitError`` for what would take too long.

    >>> result = reduce("istree", n=64, trials=0)
    >>> result.task_size, result.reduction_check.evidence, result.message.reachable_bits
    ({'vertices': 67}, 'proved', 64.0)
    """
    n, symbols, c, i, trials, seed = map(as_int, (n, symbols, c, i, trials, seed))
    chosen = discovered.build(task, reduction, n, symbols, c)
    n = chosen.n
    if isinstance(x, str):
        x = parse_x(x, n, chosen.symbols)
    if trials is not None:
        require_at_least("trials", trials, 0)
    if seed is not None:
        require_at_least("seed", seed, 0)
    held = _bobs_input(chosen, i, y)
    x = None if x is None else [as_int(symbol) for symbol in x]
    if x is not None and (len(x) != n or not all(symbol in range(chosen.symbols) for symbol in x)):
        raise BadInput(f"x must be {n} symbols from 0..{chosen.symbols - 1}; given {list(x)[:20]}")
    check_sizes(n, symbols, c)
    check_readout(readout, trials)
    made = machines.build(machine, chosen.task, chosen.cut)
    return run(
        chosen, made, x=x, y=held, trials=trials, seed=seed, readout=readout, draw=draw, progress=progress
    )


def _bobs_input(chosen: Reduction, i: Any, y: Any) -> Any:
    """Bob's position or word as he is given it, checked; None if he is given neither."""
    problem = chosen.problem
    takes_word = isinstance(problem, WordProblem)
    if (i is not None and takes_word) or (y is not None and not takes_word):
        option = "--y with n bits" if takes_word else "--i with a position"
        raise BadInput(f"in {problem.name} Bob holds {problem.bob_holds}; give {option}")
    held = parse_x(y, chosen.n, 2, "y") if isinstance(y, str) else y
    if held is not None:
        held = tuple(as_int(bit) for bit in held)
    held = i if held is None else held
    if held is not None:
        problem.check(held)
    return held


def run(
    chosen: Reduction,
    made: Machine,
    *,
    x: Sequence[int] | None = None,
    y: Any = None,
    trials: int | None = None,
    seed: int | None = None,
    readout: str | None = None,
    draw: bool = False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> ReduceResult:
    """``reduce`` for a reduction and a machine that are already made, registered or not."""
    if draw and chosen.task.length > MAX_DRAWN:
        raise LimitError(
            f"a picture shows at most {MAX_DRAWN} tokens, this stream has {chosen.task.length}; lower --n"
        )
    if trials:
        check_work(chosen, made, trials, MAX_WORK)
    check = prove(chosen)
    protocol = OneWayProtocol(chosen, made)
    few = trials != 0 and chosen.n <= MAX_ENUMERATED and chosen.symbols**chosen.n <= MAX_ENUMERATED
    few = few and exhaustive_work(chosen, made) <= MAX_EXHAUSTED
    few = few and not (trials and made.randomised)  # sampled answers are over fresh coins, states are not
    if trials is None and (not few or not check.holds or chosen.problem.asked() is None):
        trials = _default_trials(chosen, made) if check.holds else 0
    runs = trials or 0
    if made.randomised and trials is None and check.holds:
        runs = _default_trials(chosen, made)
    drawn = runs > 0 or readout is not None
    wanted = x is not None or y is not None
    if seed is None and (drawn or ((draw or wanted) and (x is None or y is None))):
        seed = secrets.randbits(32)
    pair = _fill_in(chosen, x, y, seed) if check.holds and (draw or wanted) else None
    machine, bound = machine_info(made, chosen.cut), chosen.problem.bound()
    ceiling = None
    if chosen.problem.asks_positions:
        ceiling = ceiling_accuracy(machine.capacity_bits, chosen.n, chosen.symbols)
    message, information, answers = UNKNOWN_MESSAGE, UNKNOWN_INFORMATION, None
    coins = None
    if check.holds:
        tally = None
        if runs and made.answers_itself:
            tally = protocol.tally(runs, np.random.default_rng(seed), lambda done: progress(done, runs))
        coins = public_coins(chosen.problem, made, tally) if made.randomised else None
        sampled = tally if trials and made.answers_itself else None
        message, information, answers = _measure(protocol, ceiling, few, sampled)
    read = None
    if readout is not None and check.holds:
        samples = trials or max(FEWEST, _default_trials(chosen, made))
        read = read_out(protocol, samples, np.random.default_rng([seed or 0, 2]))
    return ReduceResult(
        task=chosen.task_name,
        task_size=chosen.task.size,
        reduction=chosen.name,
        problem=chosen.problem.name,
        n=chosen.n,
        symbols=chosen.symbols,
        c=getattr(chosen, "c", None),
        cut=chosen.cut,
        stream_length=chosen.task.length,
        alphabet_size=chosen.task.alphabet_size,
        parameters=chosen.parameters,
        description=chosen.describe(),
        remark=chosen.remark(),
        source=chosen.source,
        reduction_check=check,
        bound=bound,
        task_bound=chosen.task.memory_bound(),
        never_errs=_never_errs(made, answers) if check.holds else None,
        machine=machine,
        message=message,
        information=information,
        answers=answers,
        transcript=protocol.transcript(*pair) if wanted and pair else None,
        collision=quick_collision(chosen, made, spec(machine)) if check.holds else None,
        drawing=drawing(chosen, *pair) if draw and pair else None,
        seed=seed,
        verdict=verdict(machine, bound.bits, check, ceiling, answers, coins, information.bits, read)
        if check.holds
        else f"The reduction {chosen.name} is refused: it fails on the counterexample above.",
        public_coins=coins,
        readout=read,
    )


def machine_info(made: Machine, cut: int) -> MachineInfo:
    """What a machine may use, for a cut after ``cut`` tokens."""
    return MachineInfo(
        name=made.name,
        parameters=dict(made.parameters),
        format=made.format,
        precision_bits=made.precision_bits,
        weights_digest=made.weights_digest,
        remark=made.remark(),
        storage_bits=made.storage_bits,
        capacity_bits=made.capacity_bits(cut),
        largest_capacity_bits=made.largest_capacity_bits(),
        capacity_evidence=made.capacity_evidence,
        exact=not made.errs,
    )


def _default_trials(chosen: Reduction, made: Machine) -> int:
    """As many trials as ``DEFAULT_WORK`` allows, at most 1000; none if a single one is very long."""
    batch, work = work_of(chosen, made)
    return 0 if batch + work > MOST_DEFAULT_WORK else max(1, min(MAX_TRIALS, DEFAULT_WORK // work))


def _measure(
    protocol: OneWayProtocol,
    ceiling: float | None,
    few: bool,
    tally: NDArray[np.int64] | None,
) -> tuple[Message, Information, Answers | None]:
    """Message, information and answers, from all inputs where they are few, or from the runs in ``tally``."""
    chosen, made = protocol.reduction, protocol.machine
    n, symbols = chosen.n, chosen.symbols
    positions = chosen.problem.asks_positions
    all_bits = chosen.problem.bound().bits
    message, information, answers = UNKNOWN_MESSAGE, UNKNOWN_INFORMATION, None
    if few:
        xs, messages, errors = protocol.exhaust()
        errors = errors if made.answers_itself else None
        _, ids, counts = np.unique(messages, axis=1, return_inverse=True, return_counts=True)
        h = entropy(counts.tolist())
        message = Message(len(counts), float(np.log2(len(counts))), h, "exhaustive")
        each, best = about_inputs(xs, ids.reshape(-1), symbols)
        information = Information(h, tuple(each), "exhaustive", None, math.fsum(best) / n)
        if errors is not None and tally is None:
            runs, wrong = xs.shape[1] * len(errors), sum(errors)
            fano = None
            if positions:
                fano = math.fsum(fano_bits(count / xs.shape[1], symbols) for count in errors)
            answers = Answers(runs, wrong, 1 - wrong / runs, None, ceiling, fano, "exhaustive", None)
            _compare(answers, made)
    elif not made.errs:
        states = symbols**n if all_bits <= MAX_COUNT_BITS else None
        how = "proved; machine tested equal"
        message = Message(states, all_bits, all_bits, how)
        information = Information(all_bits, None, how, None)
    if tally is not None:
        trials, wrong = tally.sum(axis=0).tolist()
        limit = error_upper_limit(wrong, trials)
        fano = n * fano_bits(limit, symbols) if positions else None
        answers = Answers(trials, wrong, 1 - wrong / trials, 1 - limit, ceiling, fano, "sampled", CONFIDENCE)
        _compare(answers, made)
        if information.bits is None and fano is not None:
            information = Information(fano, None, "sampled", CONFIDENCE)
    return message, information, answers


def _never_errs(made: Machine, answers: Answers | None) -> bool | None:
    """Whether the machine is right on all of Alice's inputs, None if that is not known."""
    if not made.errs:
        return True
    if answers is None or (answers.errors == 0 and answers.evidence == "sampled"):
        return None
    return answers.errors == 0


def _compare(answers: Answers, made: Machine) -> None:
    """Theory and code against each other.

    No machine is right more often than its capacity allows, and none errs that keeps all it needs.
    """
    if not made.errs and answers.errors:
        raise CommlbError(
            f"{made.name} keeps all that its task needs and the reduction is proved, yet {answers.errors} of "
            f"{answers.trials} answers are wrong; one of them is wrong, please report it"
        )
    exhaustive = answers.evidence == "exhaustive"
    if (
        exhaustive
        and answers.ceiling_accuracy is not None
        and answers.accuracy > answers.ceiling_accuracy + 1e-12
    ):
        raise CommlbError(
            f"{made.name} answers {answers.accuracy:.6f} of all queries rightly, more than the "
            f"{answers.ceiling_accuracy:.6f} that its capacity allows; one of them is wrong, please report it"
        )


def _fill_in(
    chosen: Reduction, x: Sequence[int] | None, y: Any, seed: int | None
) -> tuple[tuple[int, ...], Any]:
    """x and y, what is missing drawn with the seed."""
    rng = np.random.default_rng([seed or 0, 1])
    if x is None:
        x = rng.integers(chosen.symbols, size=chosen.n).tolist()
    if y is None:
        drawn = chosen.problem.draw(np.array(x)[:, None], rng)[..., 0].tolist()
        y = tuple(drawn) if isinstance(drawn, list) else drawn
    return tuple(x), y


def drawing(chosen: Reduction, x: tuple[int, ...], y: Any) -> Drawing:
    """The stream a(x)·b(y) as a picture needs it."""
    task = chosen.task
    stream = [*chosen.alice(x), *chosen.suffix(y)]
    tokens = tuple(
        ("Alice" if t < chosen.cut else "Bob", *chosen.names(token, t)) for t, token in enumerate(stream)
    )
    answer = task.run(stream)
    if answer is not UNDEFINED and len(task.answered_at) > 1:
        after = sum(t > chosen.cut for t in task.answered_at)
        answer = answer[-after:][chosen.read_at(y)]
    code = -1 if answer is UNDEFINED else task.coded(answer)
    vertices = [(family.name, tuple(map(chosen.label, family.atoms()))) for family in chosen.layout]
    return Drawing(
        x=show(x, chosen.symbols),
        y=chosen.problem.show(y),
        expected=chosen.problem.value(x, y),
        task_answer=code,
        tokens=tokens,
        vertices=tuple(vertices) if chosen.draws_graph else (),
        problem=chosen.problem.name,
        placed=chosen.placed,
        said=task.said(code) if code >= 0 else "",
    )
