"""Configs from the wild: whatever is in them, a budget or one clear line, and soon."""

from __future__ import annotations

import json
import math
import random
import time

import pytest
from more_tiny_models import HYBRID, PLAIN
from tiny_models import TINY

import commlb
from commlb.errors import BadInput


def config(path, **values):
    path.write_text(json.dumps(values))
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "config.json"


BASE = {"model_type": "mamba2", **TINY["mamba2"]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON"), ("{", "is no JSON"), ("[]", "one JSON object; given list"), ("3", "given int"),
        ('"mamba"', "given str"), ("null", "given NoneType"), ("[" * 100_000, "nest at most"),
        ('{"a":' * 100_000, "nest at most"), ('{"model_type": "mamba", "model_type": "mamba2"}', "stands twice"),
        ('{"hidden_size": ' + "9" * 5000 + "}", "at most 1000 digits"), ("{}", "model_type is missing"),
        ('{"model_type": 3}', "must be a name"), ('{"model_type": null, "x": 1}', "model_type is missing"),
        ('{"model_type": "mambo"}', "did you mean 'mamba'"), ('{"model_type": "rwkv7"}', "rwkv7:d="),
        ('{"model_type": "bert"}', "unknown model_type"),
        ('{"model_type": "qwen3_5"}', "text_config must be an object"),
        ('{"d_model": 8}', "n_layer is missing"),
        ('{"d_model": 8, "n_layer": 1, "ssm_cfg": 3}', "must be an object"),
        ('{"d_model": 8, "n_layer": 1, "ssm_cfg": {"layer": "Mamba3"}}', "must be Mamba1 or Mamba2"),
        ('{"d_model": 8, "n_layer": 1, "attn_layer_idx": [0]}', "without attention"),
    ],
)  # fmt: skip
def test_hostile_files(text, words, file):
    file.write_text(text)
    with pytest.raises(BadInput, match=words) as refused:
        commlb.budget(file)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1500


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xef\xbb\xbf{}", "byte order mark"), (b"\x00\xff\xfe\x80", "no text in UTF-8"),
        (b" " * (2**22 + 1), "bytes long"), (b"\x00" * 100, "is no JSON"),
    ],
)  # fmt: skip
def test_hostile_bytes(data, words, file):
    file.write_bytes(data)
    with pytest.raises(BadInput, match=words):
        commlb.budget(file)


def test_directories(tmp_path):
    with pytest.raises(BadInput, match=r"has no config\.json"):
        commlb.budget(tmp_path)
    config(tmp_path / "config.json", **BASE)
    assert commlb.budget(tmp_path).model.family == "mamba2"
    with pytest.raises(BadInput, match="no regular file"):
        commlb.budget("/dev/zero")
    with pytest.raises(BadInput, match="must be a file"):
        commlb.budget(3)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"num_heads": "4"}, "must be an integer from 1 to 2147483647; given '4'"), ({"num_heads": 0}, "given 0"),
        ({"num_heads": -4}, "given -4"), ({"num_heads": True}, "given true"), ({"num_heads": 4.0}, "given 4.0"),
        ({"num_heads": None}, "given null"), ({"num_heads": [4]}, "given a list of 1"),
        ({"num_heads": {}}, "an object"),
        ({"num_heads": 10**30}, "an integer of 31 digits"), ({"num_heads": 3}, "must be expand hidden_size = 64"),
        ({"n_groups": 3}, "must divide"), ({"num_hidden_layers": 10**6}, "at most 10,000"),
        ({"conv_kernel": math.nan}, "given nan"), ({"conv_kernel": math.inf}, "given inf"),
        ({"torch_dtype": "bf16"}, "did you mean 'bfloat16'"), ({"torch_dtype": 16}, "must be a name"),
        ({"dtype": "float16", "torch_dtype": "float32"}, "mean the same and differ"),
    ],
)  # fmt: skip
def test_hostile_values(changed, words, file):
    config(file, **BASE | changed)
    with pytest.raises(BadInput) as refused:
        commlb.budget(file)
    assert words in str(refused.value)


def test_a_number_beyond_floats(file):
    file.write_text(json.dumps(BASE).replace('"chunk_size": 8', '"chunk_size": 1e400'))
    assert commlb.budget(file).recurrent_bits  # a key that the state does not depend on
    file.write_text(json.dumps(BASE).replace('"state_size": 8', '"state_size": 1e400'))
    with pytest.raises(BadInput, match="given inf"):
        commlb.budget(file)


@pytest.mark.parametrize(
    ("family", "changed", "words"),
    [
        ("lfm2", {"layer_types": ["conv"] * 10**6}, "4,194,304 bytes"),
        ("lfm2", {"layer_types": ["conv"] * 10**5}, "1 to 10,000 entries; given a list of 100000"),
        ("lfm2", {"layer_types": ["conv"]}, "an entry a layer, 3; given 1"),
        ("lfm2", {"layer_types": ["convo"] * 3}, "kinds"),
        ("lfm2", {"layer_types": []}, "1 to 10,000"), ("lfm2", {"layer_types": "conv"}, "must be a list"),
        ("lfm2", {"num_attention_heads": 5}, "must divide hidden_size = 32"),
        ("bamba", {"attn_layer_indices": [2]}, "from 0 to 1; given 2"),
        ("bamba", {"mamba_d_head": 3}, "inner width"),
        ("bamba", {"attn_layer_indices": ["1"]}, "given '1'"), ("jamba", {"attn_layer_offset": 4}, "must be below"),
        ("zamba2", {"layers_block_type": None}, "its default has 54 layers, not 4"),
        ("rwkv", {"attention_hidden_size": 8}, "width of the state"), ("xlstm", {"num_heads": 7}, "must divide"),
        ("xlstm", {"qk_dim_factor": -1.0}, "number above 0"),
        ("xlstm", {"num_blocks": 3}, "mean the same and differ"),
        ("recurrent_gemma", {"attention_window_size": 1}, "from 2"),
        ("recurrent_gemma", {"block_types": ["attention", "rnn"]}, "kinds of layers"),
        ("qwen3_next", {"linear_num_value_heads": 3}, "must divide"),
        ("gemma2", {"sliding_window": None}, "gives no window"),
        ("qwen2", {"use_sliding_window": 1}, "true or false"),
        ("gemma3_text", {"use_bidirectional_attention": True}, "token by token"),
        ("llama", {"per_layer_config": {"0": {}}}, "is not read"),
        ("nemotron_h", {"layers_block_type": None, "hybrid_override_pattern": "MX"}, "a word over M"),
    ],
)  # fmt: skip
def test_hostile_values_of_families(family, changed, words, file):
    config(file, **{"model_type": family, **{**TINY, **HYBRID, **PLAIN}[family]} | changed)
    with pytest.raises(BadInput) as refused:
        commlb.budget(file)
    assert words in str(refused.value)


HOSTILE = [
    None, True, False, 0, -1, 1, 3, 2**31, 10**30, -(10**30), 0.5, 1e308, math.inf, math.nan, "", "4", "a" * 10**5,
    [], [1], [[]] * 100, ["mamba"], ["full_attention"] * 3, {}, {"layer": "Mamba2"}, "hybrid", [None], 10**400,
]  # fmt: skip


@pytest.mark.parametrize("family", {**TINY, **HYBRID, **PLAIN})
def test_mutants_are_counted_or_refused_in_one_line(family, file):
    """Any value in the place of any other: a result with sums that agree, or one line; nothing else, and soon."""
    rng = random.Random(family)
    whole = {"model_type": family, "torch_dtype": "bfloat16", **{**TINY, **HYBRID, **PLAIN}[family]}
    started = time.perf_counter()
    for _ in range(60):
        values = dict(whole)
        for key in rng.sample(sorted(values), rng.randrange(1, 4)):
            if rng.random() < 0.2:
                del values[key]
            else:
                values[key] = rng.choice(HOSTILE)
        config(file, **values)
        line, found = "", None
        try:
            found = commlb.budget(file, task="index", tokens=rng.choice([None, 5]))
        except BadInput as error:
            line = str(error)
        assert "\n" not in line
        assert len(line) < 1500
        if found is not None:
            assert found.recurrent_bits == sum(
                t.live_bits for t in found.tensors if t.kind not in ("kv", "window")
            )
            assert all(side is None or side > 0 for tensor in found.tensors for side in tensor.shape)
    assert time.perf_counter() - started < 20
