"""Trained networks out of packages, as machines: what ``--machine examples/trained.py:NAME`` takes.

NAME: ``g2p_en`` (the encoder of g2p-en 2.1.0: a GRU that reads a word letter by letter), ``chars2vec_50`` …
``_300`` (chars2vec 0.1.7: two LSTMs that read a word), ``textgenrnn`` (textgenrnn 2.0.0: the two LSTMs of a
character model); each in float32, or rounded after every letter where ``_p8`` (fixed point of 8 bits) or ``_bf16``
is added.

    pip install --no-deps g2p-en==2.1.0 chars2vec==0.1.7 textgenrnn==2.0.0 && pip install h5py
    commlb collide index --n 24 --machine examples/trained.py:g2p_en_p4 --out collision.json
    commlb check collision.json --machine examples/trained.py:g2p_en_p4

Weights are read from the installed files, none of which is imported or unpickled. A task's token k stands for the
letter k of the alphabet (modulo 26): x of INDEX is a word over a and b. The read-out of a task is none of theirs,
so it is all 0 and the answer always the first: what counts is the state.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import pickletools
import re
import string
from pathlib import Path

import numpy as np

from commlb.errors import MissingExtra
from commlb.machines.rnn.vector import GRU, LSTM
from commlb.machines.rnn.weights import dense, digest, spread

LETTERS = string.ascii_lowercase


def package_file(package: str, name: str) -> Path:
    """A file of an installed package, which is not imported. Raises ``MissingExtra`` (exit 3) if it is not "
    "there."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(f"to run the network of {package} (pip install --no-deps {package})", "trained")
    return Path(found.submodule_search_locations[0]) / name


def arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz or a Keras file by name; nothing in it is executed."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    try:
        import h5py
    except ModuleNotFoundError:
        raise MissingExtra("to read Keras weights", "trained") from None
    found: dict[str, np.ndarray] = {}
    with h5py.File(path, "r") as file:
        file.visititems(
            lambda name, held: found.__setitem__(name, held[()]) if hasattr(held, "shape") else None
        )
    return found


class Loaded:
    """A network of commlb with weights from elsewhere, whose embedding may have another width than its layers."""

    def __init__(self, task, cut, d, layers, weights, **given):
        self.loaded = weights
        super().__init__(task, cut, d, layers=layers, **given)
        zero = {name: np.zeros(self.wanted()[name].shape) for name in ("readout", "readout_bias")}
        self.weights = {
            name: np.asarray(weights.get(name, zero.get(name)), np.float64) for name in self.wanted()
        }
        self.weights_digest, self.parameters = digest(self.weights), {}
        self.use(compiled=True)

    def wanted(self):
        found, first = super().wanted(), self.loaded["embedding"]
        found["embedding"] = spread(*first.shape)
        found["layers.0.w_x"] = dense(len(self.loaded["layers.0.w_x"]), first.shape[1])
        return found

    def remark(self):
        return re.sub("; random weights of.*|; weights from.*", "; trained weights", super().remark())


class LoadedGRU(Loaded, GRU):
    pass


class LoadedLSTM(Loaded, LSTM):
    pass


@functools.cache
def g2p_weights() -> dict[str, np.ndarray]:
    return arrays(package_file("g2p_en", "checkpoint20.npz"))


def g2p_en(task, cut, **given):
    """The encoder, 256 numbers; <pad>, <unk> and </s> come before the letters in its embedding."""
    held = g2p_weights()
    rows = [3 + token % 26 for token in range(kinds(task))]
    names = {"w_x": "enc_w_ih", "w_h": "enc_w_hh", "b_x": "enc_b_ih", "b_h": "enc_b_hh"}
    weights = {f"layers.0.{ours}": held[theirs] for ours, theirs in names.items()}
    return LoadedGRU(task, cut, 256, 1, {"embedding": held["enc_emb"][rows], **weights}, **given)


def keras_lstm(held: dict[str, np.ndarray], name: str, layer: int) -> dict[str, np.ndarray]:
    """A Keras LSTM in our names; its gates i, f, g, o stand in the same order.

    Where biases have two halves the layer was CuDNN's, whose matrices Keras keeps gate by gate in another order:
    those of the input read column by column, those of the state transposed (Keras 2,
    ``preprocess_weights_for_loading``).
    """
    kernel, recurrent, bias = (
        held[f"{name}/{name}/{part}:0"] for part in ("kernel", "recurrent_kernel", "bias")
    )
    d = len(recurrent)
    if len(bias) == 8 * d:
        kernel = np.hstack([gate.T.reshape(gate.shape, order="F") for gate in np.hsplit(kernel, 4)])
        recurrent = np.hstack([gate.T for gate in np.hsplit(recurrent, 4)])
    return {
        f"layers.{layer}.w_x": kernel.T,
        f"layers.{layer}.w_h": recurrent.T,
        f"layers.{layer}.b_x": bias[: 4 * d],
        f"layers.{layer}.b_h": bias[4 * d :] if len(bias) > 4 * d else np.zeros(4 * d),
    }


def lstm_names(held: dict[str, np.ndarray]) -> list[str]:
    """The layers of a file of chars2vec, in the order of their numbers."""
    return sorted({name.partition("/")[0] for name in held}, key=lambda name: int(name.rpartition("_")[2]))


@functools.cache
def chars2vec_weights(width: int) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Weights, and the place of each sign, which lies in a pickle: its words are read one by one, none is "
    "obeyed."""
    folder = f"trained_models/eng_{width}"
    words = pickletools.genops(package_file("chars2vec", f"{folder}/model.pkl").read_bytes())
    found = [held for word, held, _ in words if word.name in ("BINUNICODE", "BININT1")]
    signs = {a: b for a, b in itertools.pairwise(found) if isinstance(a, str) and isinstance(b, int)}
    return arrays(package_file("chars2vec", f"{folder}/weights.h5")), signs


def chars2vec(task, cut, width, **given):
    """Two LSTMs on one-hot letters."""
    held, signs = chars2vec_weights(width)
    rows = np.eye(len(signs))[[signs[LETTERS[token % 26]] for token in range(kinds(task))]]
    first, second = lstm_names(held)
    layers = keras_lstm(held, first, 0) | keras_lstm(held, second, 1)
    return LoadedLSTM(task, cut, width, 2, {"embedding": rows, **layers}, **given)


@functools.cache
def textgenrnn_weights() -> tuple[dict[str, np.ndarray], dict[str, int]]:
    vocabulary = json.loads(package_file("textgenrnn", "textgenrnn_vocab.json").read_text("utf-8"))
    return arrays(package_file("textgenrnn", "textgenrnn_weights.hdf5")), vocabulary


def textgenrnn(task, cut, **given):
    """The two LSTMs of a character model, 512 numbers; its running average of attention is not among them."""
    held, vocabulary = textgenrnn_weights()
    rows = held["embedding/embedding/embeddings:0"][[vocabulary[LETTERS[k % 26]] for k in range(kinds(task))]]
    layers = keras_lstm(held, "rnn_1", 0) | keras_lstm(held, "rnn_2", 1)
    return LoadedLSTM(task, cut, 128, 2, {"embedding": rows, **layers}, **given)


def kinds(task) -> int:
    return max(task.alphabet(t).stop for t in range(task.length))


NETWORKS = {"g2p_en": g2p_en, "textgenrnn": textgenrnn} | {
    f"chars2vec_{width}": functools.partial(chars2vec, width=width) for width in (50, 100, 150, 200, 300)
}


def __getattr__(name: str):
    """Each network by its name, and with what its state is rounded to behind it: ``g2p_en_p4``, "
    "``textgenrnn_bf16``."""
    known = "|".join(NETWORKS)
    match = re.fullmatch(
        rf"({known})(?:_p([0-9]{{1,2}})|_(bf16|fp16|e4m3|e5m2|e2m3|e3m2|e2m1|float64))?", name
    )
    if match is None:
        raise AttributeError(name)
    network, p, form = match.groups()
    given = {"p": int(p)} if p else {"format": form} if form else {}

    def build(task, cut):
        return NETWORKS[network](task, cut, **given)

    return build
