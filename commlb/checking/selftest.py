"""``commlb.selftest``: what must hold of any machine, tested on streams, whole states compared bit for bit."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

from commlb import machines
from commlb.checking.calls import CALLS, OWN
from commlb.checking.common import Refused
from commlb.checking.laws import LAWS
from commlb.checking.own import Numbered
from commlb.checking.stored import Stored
from commlb.checking.subject import Subject
from commlb.checking.traps import DROPPED, FOREIGN, RAISES, RANDOM, SHAPES, Trap
from commlb.errors import BadInput, CommlbError, LimitError, MissingExtra, require_at_least
from commlb.machines.base import Machine
from commlb.records_selftest import MachineTested, OneTest, SelfTestResult, StoredBits
from commlb.requests import as_int, check_sizes, registered_task
from commlb.tasks import task_classes
from commlb.tasks.base import Task
from commlb.userfile import load
from commlb.wording import counted

MOST_TOKENS = 4096
"""Of a stream: every test steps it several times, one token a step."""


def selftest(
    machine: str,
    *,
    task: str = "index",
    n: int = 12,
    seed: int | None = None,
    one_token: bool = False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> SelfTestResult:
    """Whether ``machine`` is one: the same in every run, split or whole, with nothing outside its state.

    ``machine``: a registered one, or the user's own (``my.py:build``, a config.json, an .onnx file), which is run.
    ``task``, ``n``: whose streams are drawn, and its own size; it may be the user's own, ``my.py:Name``.
    ``seed``: of the streams. ``one_token``: test only the schedule that the library itself runs, one token a step
    and one stream alone; leave out a model's own ways to take several tokens in one call, or several streams.

    Nothing that the machine says of itself is believed. What the user's code raises in a test is its outcome. A
    test that holds was run on a few streams and has found nothing; a trap that was caught is there.

    Raises ``BadInput`` for what is no machine, or no task; ``LimitError`` for streams beyond ``MOST_TOKENS``.

    >>> found = selftest("gru:d=2,p=4", n=5, seed=1)
    >>> found.holds, found.tests[3].test, found.tests[3].outcome, found.growth_bits_per_token
    (True, 'split', 'same bits', 0)
    """
    made, size = _task(task, as_int(n)), as_int(n)
    seed = secrets.randbits(32) if seed is None else as_int(seed)
    require_at_least("seed", seed, 0)
    subject = Subject(machine, made, seed, "build")
    try:
        subject.build()
    except Refused as error:
        raise BadInput(str(error)) from error
    except BadInput as error:
        if _trap(str(error)) is RAISES:
            raise
        return _result(subject, task, size, one_token, [_raised(subject, error)], (), 0)
    tests, stored, grows = _tested(subject, one_token, progress)
    return _result(subject, task, size, one_token, tests, stored, grows)


def _task(name: str, n: int) -> Task:
    """The task at its own size n."""
    check_sizes(n, None, None)
    require_at_least("n", n, 1)
    if isinstance(name, str) and ":" in name:
        loaded = load(name, n)
        made = loaded if isinstance(loaded, Task) else Numbered(loaded)
    else:
        made = task_classes()[registered_task(name, "check --machine")].sized(n)
    if made.length > MOST_TOKENS:
        raise LimitError(
            f"streams of {made.length:,} tokens; check --machine steps at most {MOST_TOKENS:,}, each several "
            "times; choose a smaller --n"
        )
    return made


def _tested(
    s: Subject, one_token: bool, progress: Callable[[int, int], None]
) -> tuple[list[OneTest], tuple[StoredBits, ...], int]:
    """All tests in order; the bits that are stored, where they could be counted."""
    counts: list[Stored] = []

    def bits(s: Subject) -> OneTest:
        counts.append(Stored(s))
        return counts[0].test()

    every = [*_every(s, one_token), ("bits", bits)]
    found = []
    for k, (name, test) in enumerate(every):
        progress(k, len(every))
        s.test, s.tokens = name, 0
        found.append(s.untested(ONE_TOKEN) if test is None else _one(s, test))
    progress(len(every), len(every))
    return found, tuple(counts[0].found) if counts else (), counts[0].grows if counts else 0


ONE_TOKEN = "--one-token: only what commlb itself runs"

Test = Callable[[Subject], OneTest]


def _every(s: Subject, one_token: bool) -> Iterator[tuple[str, Test | None]]:
    """The tests of a machine; of a model those of its own calls too."""
    yield from LAWS
    if s.model is not None:
        yield from OWN
        yield from ((name, None if one_token else test) for name, test in CALLS)


def _one(s: Subject, test: Test) -> OneTest:
    """One test; what the user's code raises in it is its outcome."""
    try:
        return test(s)
    except (MissingExtra, LimitError, MemoryError):
        raise
    except Exception as error:
        if not isinstance(error, CommlbError) and not machines.is_own(s.spec):
            raise  # a fault of the library, which is no finding about a machine
        return _raised(s, error)


def _raised(s: Subject, error: Exception) -> OneTest:
    said = " ".join(str(error).split())[:300]
    if not isinstance(error, CommlbError):
        said = f"{type(error).__name__}: {said}"
    return s.compared("", said, None, _trap(said))


RAISED = (
    ("depends on the tokens", SHAPES),
    ("depend on the tokens", SHAPES),
    ("another form", SHAPES),
    ("unpack(pack(state))", DROPPED),
    ("draws random numbers", RANDOM),
    ("an answer of", FOREIGN),
    ("an output must be", FOREIGN),
)
"""What the library itself says of a machine that it stops, also where it is built, and the trap that it is."""


def _trap(said: str) -> Trap:
    return next((trap for words, trap in RAISED if words in said), RAISES)


def _result(
    s: Subject,
    task: str,
    n: int,
    one_token: bool,
    tests: list[OneTest],
    stored: tuple[StoredBits, ...],
    grows: int,
) -> SelfTestResult:
    failed = [test for test in tests if test.holds is False]
    traps = tuple(dict.fromkeys(test.trap for test in failed if test.trap))
    return SelfTestResult(
        machine=_described(s.spec, getattr(s, "machine", None)),
        task=task,
        task_size=s.task.size,
        n=n,
        stream_length=s.length,
        alphabet_size=s.task.alphabet_size,
        seed=s.seed,
        one_token_schedule=one_token,
        tests=tuple(tests),
        stored=stored,
        growth_bits_per_token=grows,
        traps=traps,
        holds=not failed,
        evidence="sampled",
        verdict=_verdict(s, tests, traps, grows),
    )


def _described(spec: str, made: Machine | None) -> MachineTested:
    if made is None:
        return MachineTested(spec, {}, None, None, None, "stopped while it was built", None)
    return MachineTested(
        name=made.name,
        parameters=dict(made.parameters),
        format=made.format,
        precision_bits=made.precision_bits,
        weights_digest=made.weights_digest,
        remark=made.remark(),
        storage_bits=made.storage_bits,
    )


def _verdict(s: Subject, tests: list[OneTest], traps: tuple[str, ...], grows: int) -> str:
    """One sentence: what was caught, or that nothing was; and whether the state is bounded."""
    failed = [test for test in tests if test.holds is False]
    run = [test for test in tests if test.holds is not None]
    if failed:
        text = f"{s.spec} fails {len(failed)} of {counted(len(run), 'test')}: {'; '.join(traps)}"
        if {test.test for test in failed} <= dict(CALLS).keys():
            text += (
                "; commlb itself steps one token at a time, each stream alone, where it holds: --one-token"
            )
    else:
        text = f"{s.spec} holds in all {counted(len(run), 'test')} that were run"
    if grows > 0:
        text += f"; it is no bounded-state machine: its state grows by {counted(grows, 'bit')} a token"
    return text + "."
