"""The budget of a model: closed forms and their inverses, states by hand, the command, hostile configs."""

from __future__ import annotations

import itertools
import json
import math
import random
import subprocess
import sys
import time
from decimal import Decimal

import pytest
from click.testing import CliRunner
from commlb_cli import cli, main
from more_tiny_models import HYBRID, PLAIN
from tiny_models import TINY

import commlb
from commlb.budgets import intervals
from commlb.budgets.closed_forms import LARGEST_N, form, within
from commlb.errors import BadInput
from commlb.fano import ceiling_accuracy
from commlb.machines import build, machine_classes
from commlb.machines.rnn.network import Network
from commlb.reductions import for_task
from commlb.tasks import task_classes
from commlb.tasks.index import Index

FORMS = [
    ("index", {}), ("index", {"symbols": 3}), ("index", {"symbols": 64}), ("ar", {}), ("ar", {"symbols": 5}),
    ("ar", {"keys": "free"}), ("ar", {"keys": "free", "types": 40}), ("cgram", {}), ("cgram", {"c": 3}),
    ("cgram", {"keys": "free"}), ("cgram", {"types": 50}), ("cgram", {"types": 50, "keys": "free", "c": 4}),
    ("counting", {}), ("counting", {"types": 7}), ("counting", {"types": 1}), ("istree", {}),
]  # fmt: skip


def sizes(closed, count=40):
    found = [closed.first + closed.step * k for k in range(count)]
    return [n for n in found if n <= closed.end]


@pytest.mark.parametrize(("task", "options"), FORMS)
def test_closed_forms_are_those_of_the_tasks(task, options):
    closed = form(task, **options)
    for n in [*sizes(closed), *([1000] if closed.end >= 1000 and task != "cgram" else [])]:
        low, high = closed.bits(n)
        sized = task_classes()[task].sized(n, **options)
        bits = sized.memory_bound().bits
        assert closed.stream(n) == sized.length
        assert low <= high
        assert float(low) == pytest.approx(bits, rel=1e-12, abs=1e-12)
        assert float(high) == pytest.approx(bits, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("task", "options"), FORMS)
def test_closed_forms_never_fall(task, options):
    closed = form(task, **options)
    last = closed.last[0]
    rng = random.Random(str(options))
    some = {closed.first + closed.step * k for k in range(60)}
    some |= {
        closed.first + closed.step * (10 ** rng.randrange(2, 16) + rng.randrange(100)) for _ in range(30)
    }
    if task == "istree":
        some |= set(range(690, 760, 7)) | {700, 701}
    bits = [closed.bits(n) for n in sorted(some) if n <= last]
    assert all(one[0] <= two[1] for one, two in itertools.pairwise(bits))


@pytest.mark.parametrize(("task", "options"), FORMS)
def test_the_inverse_is_the_largest_size_within(task, options):
    closed = form(task, **options)
    rng = random.Random(task)
    for bits in [*range(0, 80, 3), 1000, *(rng.randrange(10 ** rng.randrange(3, 13)) for _ in range(6))]:
        fits, exceeds = within(closed, bits)
        if fits is not None:
            assert closed.bits(fits)[1] <= bits
        else:
            assert closed.bits(closed.first)[1] > bits
        if exceeds is not None:
            assert closed.bits(exceeds)[0] > bits
            assert exceeds == (closed.first if fits is None else fits + closed.step)
        else:
            assert closed.bits(closed.last[0])[1] <= bits


def test_the_inverse_is_exact_in_integers():
    for bits in (1, 7, 100, 4096, 30000):
        for symbols in (3, 5, 10, 1000):
            fits, exceeds = within(form("index", symbols=symbols), bits)
            assert symbols ** (fits or 0) <= 2**bits < symbols**exceeds
    for bits in (2, 10, 100, 3000):
        fits, exceeds = within(form("counting"), bits)
        assert math.comb(2 * fits - 1, fits) <= 2**bits < math.comb(2 * exceeds - 1, exceeds)


def test_a_trillion_bits_take_no_time():
    started = time.perf_counter()
    for task, options in FORMS:
        fits, exceeds = within(form(task, **options), 10**13 + 7)
        assert exceeds is None or fits < exceeds
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize("n", [1, 2, 10, 1999, 2000, 2001, 2500, 4000])
def test_factorials_lie_in_their_intervals(n):
    exact = intervals.DIGITS.ln(Decimal(math.factorial(n)))
    low, high = intervals.ln_factorial(n)
    assert low <= exact <= high
    assert high - low < Decimal("1e-15")


def test_intervals_are_exact_at_powers_of_two_and_tight_elsewhere():
    assert intervals.log2_times(10**18, 2**20) == (Decimal(20 * 10**18),) * 2
    low, high = intervals.log2_times(7, 3)
    assert low < high
    assert 2 ** (float(high)) == pytest.approx(3**7)


@pytest.mark.parametrize(
    ("task", "options"), [(task, options) for task, options in FORMS if options.get("types") != 1]
)
def test_the_index_instance_fits_into_the_task(task, options):
    closed = form(task, **options)
    for n in sizes(closed, 30):
        inside = closed.index(n)
        if inside is None:
            continue
        cls = for_task(task)[inside.reduction]
        given = {"symbols": inside.symbols} if "symbols" in cls.options else {}
        if "c" in cls.options:
            given["c"] = closed.step
        made = cls(inside.n, **given).task
        size = {"index": "word_length", "ar": "pairs", "cgram": "text_length", "counting": "text_length"}
        assert getattr(made, size.get(task, "vertices")) <= n
        assert inside.n * math.log2(inside.symbols) <= float(closed.bits(n)[1]) + 1e-9
        if "types" in options and task in ("counting", "cgram"):
            assert made.types <= options["types"]


# States by hand.


def config(path, **values):
    path.write_text(json.dumps(values))
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "config.json"


def test_mamba_by_hand(file):
    config(
        file,
        model_type="mamba",
        hidden_size=2560,
        num_hidden_layers=64,
        state_size=16,
        conv_kernel=4,
        expand=2,
    )
    found = commlb.budget(file, task="index")
    live = 64 * 5120 * (16 + 3) * 32
    assert (found.recurrent_bits, found.recurrent_tensor_bits) == (live, 64 * 5120 * (16 + 4) * 32)
    assert found.is_bounded
    assert found.rooms[0].live_bits == live == found.rooms[0].fits[0].fits_n
    assert found.rooms[0].fits[0].exceeds_n == live + 1


def test_states_stay_in_float32_in_a_bf16_model_unless_asked(file):
    config(file, model_type="mamba", hidden_size=32, num_hidden_layers=1, dtype="bfloat16")
    found = commlb.budget(file)
    assert [t.format for t in found.tensors] == ["bf16", "float32"]
    forced = commlb.budget(file, format="e4m3")
    assert [t.format for t in forced.tensors] == ["e4m3", "e4m3"]
    assert forced.recurrent_bits == 64 * (3 + 16) * 8


def test_intermediate_size_wins_as_in_falcon_mamba_7b(file):
    config(
        file,
        model_type="falcon_mamba",
        hidden_size=4096,
        intermediate_size=8192,
        expand=16,
        num_hidden_layers=64,
    )
    assert commlb.budget(file).tensors[0].shape == (8192, 4)


def test_keys_and_values_grow_and_windows_do_not(file):
    config(file, **{"model_type": "gemma2", **PLAIN["gemma2"]}, dtype="float16")
    short, long = commlb.budget(file, tokens=5), commlb.budget(file, tokens=1000)
    assert [t.shape for t in short.tensors[::2]] == [(1, 5, 16)] * 3
    assert [t.shape for t in long.tensors[::2]] == [(1, 7, 16), (1, 1000, 16), (1, 7, 16)]
    assert long.kv_bits_per_token == 2 * 16 * 16
    assert long.window_bits == 2 * 2 * 7 * 16 * 16
    assert not long.is_bounded
    assert "no machine with a bounded state" in long.verdict


def test_without_a_number_of_tokens_growth_is_left_open(file):
    config(
        file,
        model_type="llama",
        hidden_size=8,
        num_attention_heads=2,
        num_hidden_layers=1,
        max_position_embeddings=None,
    )
    found = commlb.budget(file, n=100, task="ar")
    assert found.rooms == ()
    assert found.tensors[0].shape == (2, None, 4)
    assert found.tensors[0].live_bits is None
    assert "--tokens" in found.verdict


def test_the_context_is_that_of_the_config(file):
    config(file, **{"model_type": "jamba", **TINY["jamba"]}, max_position_embeddings=99)
    found = commlb.budget(file)
    assert found.tokens == 99
    assert [room.what for room in found.rooms] == ["recurrent state", "recurrent state and KV of 99 tokens"]
    assert found.rooms[1].live_bits == found.recurrent_bits + 99 * found.kv_bits_per_token


def test_configs_of_state_spaces(file):
    config(file, d_model=2560, n_layer=64, ssm_cfg={"layer": "Mamba2"}, vocab_size=50277)
    found = commlb.budget(file)
    assert [t.shape for t in found.tensors[:2]] == [(5376, 4), (80, 64, 128)]
    own = commlb.budget("mamba2:d=2560,layers=64,H=80,N=128")
    assert found.recurrent_bits == own.recurrent_bits == 64 * 32 * (80 * 64 * 128 + 3 * 5376)
    config(file, d_model=16, n_layer=2, ssm_cfg={})
    assert commlb.budget(file).tensors[1].shape == (32, 16)


def test_old_names_and_nested_text_models(file):
    text = {**HYBRID["qwen3_5_text"], "dtype": "bfloat16"}
    config(file, model_type="qwen3_5", text_config=text, vision_config={"hidden_size": 3})
    nested = commlb.budget(file).tensors
    config(file, model_type="qwen3_5_text", **text)
    assert commlb.budget(file).tensors == nested
    pattern = {k: v for k, v in HYBRID["nemotron_h"].items() if k != "layers_block_type"}
    config(file, model_type="nemotron_h", **pattern, hybrid_override_pattern="M-M*E")
    by_word = commlb.budget(file).tensors
    config(file, model_type="nemotron_h", **HYBRID["nemotron_h"])
    assert commlb.budget(file).tensors == by_word


NETWORKS = {name: cls for name, cls in machine_classes().items() if issubclass(cls, Network)}


@pytest.mark.parametrize("name", NETWORKS)
def test_families_by_name_have_the_bits_of_their_machines(name):
    task = Index(6)
    for spec in NETWORKS[name].examples:
        machine = build(spec, task, 6)
        more = ",vocab=7" if name == "rmt" else ""
        found = commlb.budget(spec + more, tokens=task.length, task="index")
        assert found.recurrent_bits == machine.layout.kept_bits - found.window_bits
        whole = sum(tensor.live_bits for tensor in found.tensors)
        assert whole <= found.recurrent_bits + found.window_bits


def test_all_networks_are_24():
    assert len(NETWORKS) == 24


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("tova:d=4", "add --tokens T"), ("rmt:d=4", "vocab=50257"), ("gru:d=4,p=8", "given twice"),
        ("gru:d=4,weights=a.npz", "nothing to do with weights"), ("gru", "needs d"), ("gru:d=0", "at least 1"),
        ("gru:d=99999999", "at most 1048576"), ("gru:d=4,x=3", "no parameter"), ("grru:d=4", "did you mean 'gru'"),
        ("gru:d=4,d=5", "twice"), ("mamba2:d=4,H=3,G=2", "must divide"), ("", "is empty"),
        ("nofile", "no file"),
    ],
)  # fmt: skip
def test_wrong_families_are_refused(spec, words):
    with pytest.raises(BadInput, match=words):
        commlb.budget(spec, format="bf16" if spec == "gru:d=4,p=8" else None)


# What so many bits can hold.


def test_ceilings_are_fanos():
    fit = commlb.budget("lstm:d=8,format=bf16", task="ar", symbols=16).rooms[0].fits[0]
    assert (fit.fits_n, fit.exceeds_n) == (64, 65)
    for made in fit.ceilings:
        assert made.task_n == 65 * made.times == made.index_n
        assert made.ceiling_accuracy == pytest.approx(ceiling_accuracy(256, made.index_n, 16), abs=1e-9)
        assert made.ceiling_accuracy >= ceiling_accuracy(256, made.index_n, 16)
    values = [made.ceiling_accuracy for made in fit.ceilings]
    assert values == sorted(values, reverse=True)


def test_what_a_task_needs_with_and_without_a_model():
    alone = commlb.budget(task="ar", n=4096)
    assert alone.needs[0].bits == 4096
    assert alone.model is None
    assert alone.needs[0].rooms == ()
    small = commlb.budget("lstm:d=8,format=bf16", task="ar", n=4096).needs[0].rooms[0]
    assert not small.has_room
    assert small.ceiling.ceiling_accuracy == pytest.approx(ceiling_accuracy(256, 4096))
    assert commlb.budget("lstm:d=8", task="ar", n=512).needs[0].rooms[0].has_room
    assert not commlb.budget("lstm:d=8", task="ar", n=513).needs[0].rooms[0].has_room


def test_a_lower_bound_is_called_one():
    fit = commlb.budget("mamba:d=64,layers=4", task="istree").rooms[0].fits[0]
    assert not fit.bound_is_minimum
    assert fit.formula == "(n-k) log2 k, best k"
    small = commlb.budget("gru:d=2,format=bf16", task="istree").rooms[0].fits[0]
    assert small.bound_is_minimum
    assert small.fits_n == max(
        n for n in range(2, 40) if task_classes()["istree"].sized(n).memory_bound().bits <= 32
    )


def test_a_closed_form_that_never_exceeds_is_told():
    fit = commlb.budget("mamba:d=64,layers=4", task="counting", types=2).rooms[0].fits[0]
    assert fit.exceeds_n is None
    assert fit.ceilings == ()
    assert "no size is above the room" in fit.remark


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"task": "dyck"}, "closed forms of index"), ({"task": "istre"}, "did you mean 'istree'"),
        ({"task": "index", "c": 3}, "option of none"), ({"symbols": 1}, "at least 2"), ({"c": 1}, "at least 2"),
        ({"task": "ar", "types": 5}, "leave --types out"), ({"task": "ar", "keys": "some"}, "fixed or free"),
        ({"n": 0}, "at least 1"), ({"n": LARGEST_N + 1, "task": "index"}, "at most"), ({"n": True}, "integer"),
        ({"n": 5, "task": "cgram"}, "multiple of 2"), ({"n": 200, "task": "cgram", "types": 50}, "at most 96"),
        ({"tokens": 0}, "at least 1"), ({"tokens": 10**16}, "at most"), ({"format": "bf17"}, "did you mean 'bf16'"),
        ({"format": "bfloat16"}, "did you mean 'bf16'"),
    ],
)  # fmt: skip
def test_wrong_requests_are_refused(asked, words):
    with pytest.raises(BadInput, match=words):
        commlb.budget("gru:d=4", **asked)


def test_a_model_or_a_size_must_be_given():
    with pytest.raises(BadInput, match="give a model"):
        commlb.budget(task="ar")
    with pytest.raises(BadInput, match="belong to a model"):
        commlb.budget(task="ar", n=4, tokens=4)


# The command.


@pytest.mark.parametrize("family", {**TINY, **HYBRID, **PLAIN})
def test_text_fits_80_columns_and_names_every_kind(family, file):
    config(file, model_type=family, **{**TINY, **HYBRID, **PLAIN}[family])
    result = CliRunner().invoke(cli, ["budget", str(file), "--n", "4096", "--symbols", "1024"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert max(len(line) for line in lines if str(file) not in line) <= 80
    assert "live bits" in result.output


def test_json_and_files(tmp_path, capsys):
    out, picture = tmp_path / "found.json", tmp_path / "found.svg"
    with pytest.raises(SystemExit) as done:
        main(["budget", "mamba:d=16", "--task", "ar", "--json", "--out", str(out), "--plot", str(picture)])
    assert done.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "commlb/1"
    assert found["command"] == "budget"
    assert found["result"]["recurrent_bits"] == 32 * 32 * (16 + 3)
    assert json.loads(out.read_text())["result"] == found["result"]
    first = picture.read_bytes()
    main_again = tmp_path / "again.svg"
    from commlb.plots import save_budget

    save_budget(commlb.budget("mamba:d=16", task="ar"), main_again, source="found.json")
    assert main_again.read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["gru:d=4", "--out", "rows.csv"], 2, ".json, .jsonl"),
        (["--task", "ar"], 2, "give a model"),
        (["--task", "ar", "--n", "5", "--plot", "a.png"], 2, "give one, or leave --plot out"),
        (["no/such.json"], 2, "there is no file"),
        (["gru:d=4", "--format", "bf17"], 2, "did you mean"),
    ],
)
def test_errors_are_one_line(arguments, code, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as done:
        main(["budget", *arguments])
    error = capsys.readouterr().err
    assert done.value.code == code
    assert words in error
    assert error.count("\n") == 1


def test_only_the_config_is_needed(file):
    config(file, model_type="jamba", **TINY["jamba"])
    code = (
        "import sys, commlb_cli\n"
        f"try: commlb_cli.main(['budget', {str(file)!r}])\n"
        "except SystemExit as done: assert done.code == 0\n"
        "heavy = {'torch', 'transformers', 'numba', 'networkx', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)
