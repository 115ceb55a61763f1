"""What trained networks say, in NumPy, by their packages' own equations: independent of the cells in examples/.

Each class steps one network on all its streams at once; ``rounded`` is what its state becomes after each token.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from commlb.formats import Format
from commlb.machines.rnn.rows import Rows

Rounded = Callable[[str, np.ndarray], np.ndarray]
"""(Part of the state, its numbers) ↦ what is stored of them."""

ROWS = Rows(np.float64, True)


def networks() -> Any:
    """examples/trained.py, which knows where the weights are."""
    path = Path(__file__).parent.parent / "examples" / "trained.py"
    spec = importlib.util.spec_from_file_location("examples_trained", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def rounding(form: Callable[[float], Format] | None, spans: dict[str, float]) -> Rounded:
    """Each part to a format with its own range; None: nothing is rounded."""

    def rounded(part: str, numbers: np.ndarray) -> np.ndarray:
        if form is None:
            return numbers
        wide = np.array(numbers, np.float64).reshape(1, -1)
        ROWS.rounded(wide, form(spans[part]), wide)
        return wide.reshape(numbers.shape).astype(numbers.dtype)

    return rounded


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


class G2P:
    """g2p-en: a word ↦ its phonemes, by a GRU over letters, 256 numbers, and a GRU that spells them."""

    name, state = "g2p-en", {"h": 256}
    spans = {"h": 1.0}
    output = "all phonemes of a word"
    SPELLED = 20

    def __init__(self, made: Any):
        self.held = made.g2p_weights()
        path = made.package_file("g2p_en", "homographs.en")
        lines = [line for line in path.read_text("utf-8").splitlines() if line and line[0] != "#"]
        words = {line.split("|")[0].lower() for line in lines}
        self.words = sorted(word for word in words if word.isascii() and word.isalpha())

    def cell(self, x: np.ndarray, h: np.ndarray, side: str) -> np.ndarray:
        a = x @ self.held[f"{side}_w_ih"].T + self.held[f"{side}_b_ih"]
        b = h @ self.held[f"{side}_w_hh"].T + self.held[f"{side}_b_hh"]
        r, z = (sigmoid(a[:, k * 256 : (k + 1) * 256] + b[:, k * 256 : (k + 1) * 256]) for k in (0, 1))
        return (1 - z) * np.tanh(a[:, 512:] + r * b[:, 512:]) + z * h

    def encode(self, words: list[str], rounded: Rounded, end: bool = True) -> np.ndarray:
        """The states after words of one length, and </s>."""
        tokens = np.array([[3 + ord(letter) - 97 for letter in word] + [2] * end for word in words])
        h = np.zeros((len(words), 256), np.float32)
        for column in tokens.T:
            h = rounded("h", self.cell(self.held["enc_emb"][column], h, "enc"))
        return h

    def outputs(self, rounded: Rounded) -> list[Any]:
        found: dict[str, Any] = {}
        for length in sorted({len(word) for word in self.words}):
            some = [word for word in self.words if len(word) == length]
            h, last = self.encode(some, rounded), np.full(len(some), 2)
            spelled = []
            for _ in range(self.SPELLED):
                h = rounded("h", self.cell(self.held["dec_emb"][last], h, "dec"))
                last = (h @ self.held["fc_w"].T + self.held["fc_b"]).argmax(axis=1)
                spelled.append(last)
            for word, phonemes in zip(some, np.array(spelled).T.tolist(), strict=True):
                found[word] = tuple(phonemes[: phonemes.index(3)] if 3 in phonemes else phonemes)
        return [found[word] for word in self.words]


class Keras:
    """LSTM layers of Keras: i, f, g, o = W·x + U·h + b, with sigmoids."""

    def __init__(self, made: Any, held: dict[str, np.ndarray], names: Sequence[str]):
        self.layers = [
            {
                key.rpartition(".")[2]: np.ascontiguousarray(value, np.float32)
                for key, value in made.keras_lstm(held, name, 0).items()
            }
            for name in names
        ]
        self.d = len(self.layers[0]["b_h"]) // 4

    def start(self, runs: int) -> list[np.ndarray]:
        return [np.zeros((runs, self.d), np.float32) for _ in range(2 * len(self.layers))]

    def step(self, x: np.ndarray, state: list[np.ndarray], rounded: Rounded) -> list[np.ndarray]:
        """The outputs of the layers; ``state``, h and c of each, is changed."""
        found = []
        for k, w in enumerate(self.layers):
            a = x @ w["w_x"].T + w["b_x"] + state[2 * k] @ w["w_h"].T + w["b_h"]
            i, f, g, o = np.split(a, 4, axis=1)
            c = rounded("c", sigmoid(f) * state[2 * k + 1] + sigmoid(i) * np.tanh(g))
            state[2 * k], state[2 * k + 1] = rounded("h", sigmoid(o) * np.tanh(c)), c
            x = state[2 * k]
            found.append(x)
        return found


class Chars2Vec:
    """chars2vec: a word ↦ the last h of two LSTMs; the output looked at is the nearest other word of a list."""

    output = "the nearest other word"
    spans = {"h": 1.0, "c": 8.0}

    def __init__(self, made: Any, width: int, words: list[str]):
        self.name, self.words = f"chars2vec {width}", words
        self.state = {"h": 2 * width, "c": 2 * width}
        held, self.signs = made.chars2vec_weights(width)
        self.keras = Keras(made, held, made.lstm_names(held))

    def vectors(self, rounded: Rounded) -> np.ndarray:
        found = np.zeros((len(self.words), self.keras.d), np.float32)
        for length in sorted({len(word) for word in self.words}):
            places = [k for k, word in enumerate(self.words) if len(word) == length]
            state = self.keras.start(len(places))
            for t in range(length):
                x = np.eye(len(self.signs), dtype=np.float32)[[self.signs[self.words[k][t]] for k in places]]
                last = self.keras.step(x, state, rounded)[-1]
            found[places] = last
        return found

    def outputs(self, rounded: Rounded) -> list[Any]:
        found = self.vectors(rounded)
        apart = ((found[:, None] - found[None]) ** 2).sum(axis=2)
        np.fill_diagonal(apart, np.inf)
        return apart.argmin(axis=1).tolist()


PADS = 39
"""Empty tokens before <s>: the package reads 40 tokens anew for each character that it writes."""


class TextGenRNN:
    """textgenrnn: the next character, from two LSTMs and the average that attention has made; 869 numbers.

    The average over the whole text is carried on as itself and the logarithm of its weight.
    """

    name, output = "textgenrnn", "the greedy next character of a text, at each of its characters"
    state = {"h": 256, "c": 256, "average": 356, "weight": 1}
    spans = {"h": 1.0, "c": 8.0, "average": 4.0, "weight": 128.0}
    TEXT = "<s>the state of a machine is all that it knows of what it has read, and what it forgot is gone"

    def __init__(self, made: Any):
        self.held, self.vocabulary = made.textgenrnn_weights()
        self.keras = Keras(made, self.held, ("rnn_1", "rnn_2"))
        tokens = ["<s>", *self.TEXT.removeprefix("<s>")]
        self.tokens = [self.vocabulary[token] for token in tokens]

    def outputs(self, rounded: Rounded) -> list[Any]:
        padded, held = np.array([0] * PADS + self.tokens), self.held
        windows = np.lib.stride_tricks.sliding_window_view(padded, PADS + 1)
        state = self.keras.start(len(windows))
        average = np.zeros((len(windows), 356), np.float32)
        weight = np.full((len(windows), 1), -128, np.float32)
        for column in windows.T:
            x = held["embedding/embedding/embeddings:0"][column]
            y = np.concatenate([x, *self.keras.step(x, state, rounded)], axis=1)
            now = y @ held["attention/attention/attention_W:0"]
            weight = rounded("weight", np.logaddexp(weight, now))
            average = rounded("average", average + np.minimum(np.exp(now - weight), 1) * (y - average))
        scores = average @ held["output/output/kernel:0"] + held["output/output/bias:0"]
        return scores.argmax(axis=1).tolist()


class SileroVAD:
    """silero-vad: whether 32 ms of sound hold speech; the real graph, its state rounded between calls.

    The state is h and c of an LSTM of 128. Each call is given 64 samples of the sound before, which are no state
    here but a part of the token. The sound: noise, silence and vowels of three formants, from a seed.
    """

    name, output = "silero-vad", "speech or not (0.5), for each 32 ms of 200"
    state = {"h": 128, "c": 128}
    spans = {"h": 1.0, "c": 16.0}

    def __init__(self, made: Any):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        path = made.package_file("silero_vad", "data/silero_vad_16k_op15.onnx")
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.sound = sound(200 * 512)

    def trace(self, rounded: Rounded) -> tuple[list[float], float]:
        """Probabilities, and the greatest |c|."""
        h, c, greatest = np.zeros((1, 128), np.float32), np.zeros((1, 128), np.float32), 0.0
        found, padded = [], np.concatenate([np.zeros(64, np.float32), self.sound])
        for k in range(len(self.sound) // 512):
            given = {
                "input": padded[k * 512 : k * 512 + 576][None],
                "state": np.stack([h, c]),
                "sr": np.array(16000, np.int64),
            }
            probability, state = self.session.run(None, given)
            h, c = rounded("h", state[0]), rounded("c", state[1])
            greatest = max(greatest, float(np.abs(state[1]).max()))
            found.append(float(probability[0, 0]))
        return found, greatest

    def outputs(self, rounded: Rounded) -> list[Any]:
        return [probability > 0.5 for probability in self.trace(rounded)[0]]


def sound(samples: int, seed: int = 0) -> np.ndarray:
    """Stretches of silence, noise, and vowels: harmonics of a gliding pitch under three formants."""
    rng, t = np.random.default_rng(seed), np.arange(samples) / 16000
    found = 0.003 * rng.normal(size=samples)
    for k in range(samples // 8192):
        some = slice(k * 8192, (k + 1) * 8192)
        kind = k % 3
        if kind == 1:
            found[some] += 0.05 * rng.normal(size=8192)
        if kind == 2:
            pitch = rng.uniform(100, 180) * (1 + 0.1 * np.sin(6 * t[some]))
            phase = 2 * np.pi * np.cumsum(pitch) / 16000
            formants = rng.uniform([300, 900, 2200], [800, 2000, 3000])
            for harmonic in range(1, 30):
                heights = np.exp(-(((harmonic * pitch[:, None] - formants) / 150) ** 2)).sum(axis=1)
                found[some] += 0.2 * heights * np.sin(harmonic * phase)
    return found.astype(np.float32)
