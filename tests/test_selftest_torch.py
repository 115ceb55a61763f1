"""The self-test on networks of PyTorch and transformers: what is known to forget is caught, what is sound holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_models import TINY

import commlb
from commlb.checking import traps
from commlb.records_selftest import FAILS, ROUNDING, SAME

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers warns of its own names that it will give up
pytest.importorskip("torch")
pytest.importorskip("transformers")

OWN = '''
import inspect
import sys
sys.path.insert(0, {tests!r})
import torch
import transformers
from tiny_models import config
from commlb.models.base import KV, Model, Tensor, tensor
from commlb.models.leaves import put_together, take_apart

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)


class Stepped(Model):
    """A model of transformers by its cache, taken apart; written apart from the library's adapter."""
    summary = "a twin"
    def __init__(self, dtype=torch.float32):
        self.dtype, self.forms = dtype, {{}}
        torch.manual_seed(0)
        self.net = transformers.AutoModelForCausalLM.from_config(config({family!r})).eval().to(dtype)
        self.taken = inspect.signature(self.net.forward).parameters
        self.key = next(key for key in ("cache", "past_key_values", "state") if key in self.taken)
    def step(self, state, token, t): return self.many(state, [token], t)
    def many(self, state, tokens, t):
        given = {{}}
        if state is not None:
            held = {{name: torch.from_numpy(one.numbers.copy()) for name, one in state.items()}}
            given[self.key] = put_together(self.forms[t], held)
        if "position_ids" in self.taken:
            given["position_ids"] = torch.arange(t, t + len(tokens))[None]
        with torch.no_grad():
            out = self.net(input_ids=torch.tensor([tokens]), use_cache=True, **given)
        leaves, form = take_apart(getattr(out, self.key), lambda name, value: isinstance(value, torch.Tensor))
        self.forms[t + len(tokens)] = form
        kept = {{name: tensor(one.detach().numpy().copy(), KV if "key" in name or "value" in name else "recurrent")
                 for name, one in leaves.items()}}
        return kept, out.logits[0, -1, :2].numpy().copy()
    def double(self): return {double}


def build(task, cut): return Stepped()
'''

DOUBLE = "Stepped(torch.float64) if self.dtype == torch.float32 else None"

FORGET = {"mamba": DOUBLE, "falcon_mamba": DOUBLE, "jamba": "None"}
HOLD = {
    "mamba2": DOUBLE,
    "rwkv": DOUBLE,
    "bamba": DOUBLE,
    "zamba2": DOUBLE,
    "lfm2": DOUBLE,
    "qwen3_next": "None",
}
SLOW = {"falcon_mamba", "bamba", "zamba2", "qwen3_next"}
"""Of jamba and qwen3_next there is no float64 twin: their experts' product has none on a CPU."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def look(family: str, double: str, **given):
    text = OWN.format(tests=str(Path(__file__).parent), family=family, double=double)
    Path("my.py").write_text(text)
    return commlb.selftest("my.py:build", n=8, seed=1, **given)


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in FORGET]
)
def test_the_families_that_forget_are_caught_by_name(family):
    result = look(family, FORGET[family])
    by_name = {test.test: test for test in result.tests}
    assert result.traps == (traps.FORGETS.name,), result.verdict
    assert by_name["continuation"].outcome == FAILS
    assert "recurrent_states" in by_name["continuation"].found
    assert by_name["prefill"].outcome in (SAME, ROUNDING), by_name["prefill"].found
    assert by_name["split"].outcome == by_name["own copies"].outcome == SAME
    assert look(family, FORGET[family], one_token=True).holds


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in HOLD]
)
def test_the_families_that_do_not_forget_hold(family):
    result = look(family, HOLD[family])
    assert result.holds, [test for test in result.tests if test.holds is False]
    by_name = {test.test: test for test in result.tests}
    assert by_name["continuation"].outcome in (SAME, ROUNDING)
    last = result.stored[-1]
    assert (result.growth_bits_per_token > 0) == (last.kv_bits > 0)


CELLS = '''
import numpy as np
import torch
torch.set_num_threads(1)

class Cell:
    """A cell of PyTorch whose state is kept in arrays."""
    kind, parts = torch.nn.GRUCell, 1
    def __init__(self):
        torch.manual_seed(0)
        self.cell = self.kind(16, 5).eval()
        self.read = torch.nn.Linear(5, 2)
        self.drop = torch.nn.Dropout(0.5).eval()
    def initial(self): return tuple(np.zeros(5, np.float32) for _ in range(self.parts))
    def step(self, state, token):
        given = [torch.from_numpy(part)[None] for part in state]
        with torch.no_grad():
            x = self.drop(torch.eye(16)[token][None])
            made = self.cell(x, given[0] if self.parts == 1 else tuple(given))
        return tuple(part[0].numpy().copy() for part in (made if self.parts > 1 else (made,)))
    def readout(self, state): return self.read(torch.from_numpy(state[0])).detach().numpy()

class Lstm(Cell):
    kind, parts = torch.nn.LSTMCell, 2

class Trains(Cell):
    """Dropout is left on."""
    def __init__(self):
        super().__init__()
        self.drop.train()

class Unseeded(Cell):
    def __init__(self):
        torch.manual_seed(int(np.random.default_rng().integers(2**40)))
        self.cell, self.read = torch.nn.GRUCell(16, 5), torch.nn.Linear(5, 2)
        self.drop = torch.nn.Dropout(0.5).eval()

class Inside(Cell):
    """Half of an LSTM's state is left on the module."""
    kind = torch.nn.LSTMCell
    def initial(self):
        self.c = torch.zeros(1, 5)
        return super().initial()
    def step(self, state, token):
        with torch.no_grad():
            h, self.c = self.cell(torch.eye(16)[token][None], (torch.from_numpy(state[0])[None], self.c))
        return (h[0].numpy().copy(),)
'''


@pytest.mark.parametrize(
    ("name", "trap", "words"),
    [
        ("Cell", None, ""),
        ("Lstm", None, ""),
        ("Lstm:p=6", None, ""),
        ("Trains", traps.RANDOM, "the generator of PyTorch"),
        ("Unseeded", traps.UNSEEDED, "built anew"),
        ("Inside", traps.HIDDEN, "its attribute c"),
    ],
)
def test_cells_of_pytorch(folder, name, trap, words):
    (folder / "cells.py").write_text(CELLS)
    result = commlb.selftest(f"cells.py:{name}", n=8, seed=1)
    assert result.traps == ((trap.name,) if trap else ()), result.verdict
    if trap:
        assert any(words in test.found for test in result.tests if test.outcome == FAILS)


ADAPTED = """
import sys
sys.path.insert(0, {tests!r})
import numpy as np
import torch
from torch import nn
import commlb
from tiny_models import config

EYE = np.eye(16, dtype=np.float32)

def seeded(kind, *sizes, **given):
    torch.manual_seed(0)
    return kind(*sizes, **given)

def gru(task, cut): return seeded(nn.GRU, 16, 8)
def lstm(task, cut): return seeded(nn.LSTM, 16, 8, num_layers=2, dropout=0.5)

class Keeps(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.h = nn.GRUCell(16, 8), torch.zeros(1, 8)
    def forward(self, x, state=None):
        self.h = self.cell(x.reshape(1, -1), self.h)
        return self.h

class Drops(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(16, 8)
    def forward(self, x, state=None):
        x = nn.functional.dropout(x.reshape(1, -1), 0.5, training={training})
        h = self.cell(x, state)
        return h, h

def keeps(task, cut): return commlb.model(seeded(Keeps), embed=EYE)
def drops(task, cut): return commlb.model(seeded(Drops), embed=EYE)
def family(task, cut): return config({family!r})
"""


def adapted(name: str, family: str = "mamba", training: str = "self.training", **given):
    text = ADAPTED.format(tests=str(Path(__file__).parent), family=family, training=training)
    Path("nets.py").write_text(text)
    return commlb.selftest(f"nets.py:{name}", n=8, seed=1, **given)


@pytest.mark.parametrize(("name", "bits"), [("gru", 256), ("lstm", 1024), ("keeps", 256), ("drops", 256)])
def test_modules_hold_with_what_they_keep_to_themselves(name, bits):
    result = adapted(name)
    assert result.holds, [test for test in result.tests if test.holds is False]
    assert {one.recurrent_bits for one in result.stored} == {bits}
    assert result.growth_bits_per_token == 0


def test_dropout_that_eval_does_not_switch_off_is_caught():
    result = adapted("drops", training="True")
    assert result.traps == (traps.RANDOM.name,), result.verdict
    assert "Drops draws random numbers as it steps" in result.tests[0].found


FAILING = {
    "mamba": traps.FORGETS,
    "falcon_mamba": traps.FORGETS,
    "jamba": traps.FORGETS,
    "recurrent_gemma": traps.FORGETS,
    "rwkv": traps.MIXED,
}
"""What the library's own adapter for transformers shows, as the report of adapters measures it apart."""


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name not in ("mamba", "mamba2", "rwkv")))
        for name in TINY
    ],
)
def test_families_by_the_librarys_adapter(family):
    result = adapted("family", family)
    assert result.traps == ((FAILING[family].name,) if family in FAILING else ()), result.verdict
    assert {test.test for test in result.tests if test.holds is False} <= {"continuation", "batch"}
    if family in FAILING:
        assert "--one-token" in result.verdict
