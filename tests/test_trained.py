"""Trained networks out of packages: their cells are the packages' equations, and the report's figures are "
"theirs."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
from commlb_cli import main

import commlb
from commlb import machines
from commlb.errors import MissingExtra
from commlb.formats import chosen
from commlb.tasks.index import Index

ROOT = Path(__file__).parent.parent
REPORT = ROOT / "reports" / "trained"
pytestmark = pytest.mark.trained

for package in ("h5py", "onnxruntime", "g2p_en", "chars2vec", "textgenrnn", "silero_vad"):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed", allow_module_level=True)


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    """Machines are named from the root of the repository."""
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT / "reports"))


@pytest.fixture
def said():
    return importlib.import_module("trained_outputs")


@pytest.fixture
def made(said):
    return said.networks()


def stepped(machine, word):
    states = machine.start(1)
    for t, letter in enumerate(word):
        states = machine.step(states, np.array([ord(letter) - 97]), t)
    return states[:, 0]


WORDS = ("a", "record", "permutations", "zzzzzzzzzzzzzzzzzzzz", "qaxwj")


def unrounded(part, numbers):
    return numbers


@pytest.mark.parametrize("word", WORDS)
def test_the_compiled_encoder_is_that_of_g2p_en(said, made, word):
    machine = machines.build("examples/trained.py:g2p_en", Index(40, 26), 40)
    expected = said.G2P(made).encode([word], unrounded, end=False)[0]
    np.testing.assert_allclose(stepped(machine, word)[:256], expected, atol=1e-5)


@pytest.mark.parametrize("width", [50, 100, 150, 200, 300])
def test_the_compiled_layers_are_those_of_chars2vec(said, made, width):
    machine = machines.build(f"examples/trained.py:chars2vec_{width}", Index(40, 26), 40)
    vectors = said.Chars2Vec(made, width, list(WORDS)).vectors(unrounded)
    for word, expected in zip(WORDS, vectors, strict=True):
        held = stepped(machine, word)[2 * width : 3 * width]  # h, c of the first layer; h of the second
        np.testing.assert_allclose(held, expected, atol=1e-5)


@pytest.mark.parametrize("word", WORDS)
def test_the_compiled_layers_are_those_of_textgenrnn(said, made, word):
    machine = machines.build("examples/trained.py:textgenrnn", Index(40, 26), 40)
    network = said.TextGenRNN(made)
    state = network.keras.start(1)
    table = network.held["embedding/embedding/embeddings:0"]
    for letter in word:
        network.keras.step(table[[network.vocabulary[letter]]], state, unrounded)
    np.testing.assert_allclose(stepped(machine, word)[:512], np.concatenate(state, axis=1)[0], atol=1e-4)


def test_textgenrnn_writes_words(said, made):
    """The layout of CuDNN's gates is right: what it writes greedily is English."""
    network = said.TextGenRNN(made)
    names = {place: letter for letter, place in network.vocabulary.items()}
    network.tokens = [network.vocabulary["<s>"]]
    for _ in range(40):
        network.tokens.append(network.outputs(unrounded)[-1])
    written = "".join(names[token] for token in network.tokens[1:])
    assert (
        sum(word in written for word in ("the", "someone", "please", "of", "state", "can", "to", "a ")) >= 3
    ), written


def test_silero_steps_to_speech_and_back(said, made):
    """Its c is beyond 8, so [-8, 8) would cut it; vowels are speech, silence is not."""
    probabilities, greatest = said.SileroVAD(made).trace(unrounded)
    assert 8 < greatest < 16
    assert 20 < sum(p > 0.5 for p in probabilities) < 150


def rows(name):
    with (REPORT / name).open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "form"), [("g2p-en", "p=4"), ("g2p-en", "p=10"), ("silero-vad", "p=8"), ("chars2vec 50", "p=8")]
)
def test_the_outputs_on_file_are_those_of_the_networks(said, made, name, form):
    """Within two of all: the last digits of BLAS differ from machine to machine."""
    first = said.G2P(made)
    network = {
        "g2p-en": lambda: first, "silero-vad": lambda: said.SileroVAD(made),
        "chars2vec 50": lambda: said.Chars2Vec(made, 50, first.words),
    }[name]()  # fmt: skip
    whole = network.outputs(said.rounding(None, {}))
    found = network.outputs(said.rounding(chosen(int(form[2:]), None, None), network.spans))
    same = sum(one == other for one, other in zip(found, whole, strict=True))
    filed = next(row for row in rows("outputs.csv") if (row["network"], row["format"]) == (name, form))
    assert abs(same - int(filed["unchanged"])) <= 2
    assert len(whole) == int(filed["outputs"])


def test_more_bits_change_less(said, made):
    """Not at every step, so all were run; over the range the shares rise."""
    for name in dict.fromkeys(row["network"] for row in rows("outputs.csv")):
        shares = [
            int(row["unchanged"])
            for row in rows("outputs.csv")
            if row["network"] == name and row["format"][:2] == "p="
        ]
        assert shares[15] >= shares[7] >= shares[0]


@pytest.mark.parametrize("p", [1, 2])
def test_states_of_all_short_words_are_those_of_a_dictionary(p):
    """All 703 words of at most two letters, one by one."""
    build = importlib.import_module("build_trained")
    machine = machines.build(f"examples/trained.py:g2p_en_p{p}", Index(2, 26), 2)
    words = ["".join(w) for n in range(3) for w in itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=n)]
    found = {stepped(machine, word).tobytes() for word in words}
    made = build.states(p, longest=2)
    assert (made["states"], made["words"]) == (len(found), 703)


@pytest.mark.parametrize("name", ["g2p_en_p4", "chars2vec_50_p4", "textgenrnn_p3"])
def test_certificates_hold_and_of_another_precision_do_not(name):
    machine = f"examples/trained.py:{name}"
    assert commlb.check(REPORT / f"{name}.json", machine=machine).holds
    assert not commlb.check(REPORT / f"{name}.json", machine=machine[:-1] + "5").holds


def test_from_the_command_line(capsys, tmp_path):
    out = tmp_path / "c.json"
    for words in (
        ["collide", "index", "--n", "24", "--machine", "examples/trained.py:g2p_en_p1", "--out", str(out)],
        ["check", str(out), "--machine", "examples/trained.py:g2p_en_p1"],
        ["check", "--machine", "examples/trained.py:chars2vec_50_p8", "--n", "6"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        said, errors = capsys.readouterr()
        assert not ended.value.code, errors
        assert said.strip()


def test_a_missing_package_is_named(made, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="pip install --no-deps g2p_en"):
        made.package_file("g2p_en", "checkpoint20.npz")
