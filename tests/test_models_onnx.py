"""ONNX graphs as machines, against cells written in NumPy from the definitions of the operators."""

from __future__ import annotations

import itertools
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from commlb_cli import main  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

import commlb  # noqa: E402
from commlb.errors import BadInput, MissingExtra  # noqa: E402
from commlb.models import onnx_file  # noqa: E402
from commlb.models.adapting import adapted  # noqa: E402
from commlb.models.base import KV, RECURRENT  # noqa: E402
from commlb.models.onnx_graph import adapt  # noqa: E402
from commlb.models.onnx_states import paired  # noqa: E402
from commlb.tasks.index import Index  # noqa: E402

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
D, KINDS = 4, 16
RNG = np.random.default_rng(5)
W = {name: RNG.normal(size=size).astype(np.float32) for name, size in (
    ("wx", (KINDS, D)), ("wh", (D, D)), ("wo", (D, 2)), ("gw", (1, 3 * D, KINDS)), ("gr", (1, 3 * D, D)),
    ("gb", (1, 6 * D)), ("lw", (1, 4 * D, KINDS)), ("lr", (1, 4 * D, D)), ("lb", (1, 8 * D)),
)}  # fmt: skip


def port(name, dims, dtype=FLOAT):
    return helper.make_tensor_value_info(name, dtype, dims)


def graph(nodes, inputs, outputs, weights=(), opset=17, name="cell", ir=8):
    held = [numpy_helper.from_array(W[key] if isinstance(key, str) else key[1],
                                    key if isinstance(key, str) else key[0]) for key in weights]  # fmt: skip
    made = helper.make_graph(nodes, name, inputs, outputs, held)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


def elman(batch="batch", dtype=FLOAT, h="h", hn="hn"):
    """h' = tanh(x·Wx + h·Wh), scores h'·Wo."""
    nodes = [
        helper.make_node("MatMul", ["x", "wx"], ["a"]), helper.make_node("MatMul", [h, "wh"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["c"]), helper.make_node("Tanh", ["c"], [hn]),
        helper.make_node("MatMul", [hn, "wo"], ["scores"]),
    ]  # fmt: skip
    return graph(nodes, [port("x", [batch, KINDS]), port(h, [batch, D])],
                 [port(hn, [batch, D]), port("scores", [batch, 2])], ["wx", "wh", "wo"])  # fmt: skip


def gru(seq="seq", batch="batch"):
    node = helper.make_node("GRU", ["x", "gw", "gr", "gb", "", "initial_h"], ["y", "Y_h"], hidden_size=D)
    return graph([node], [port("x", [seq, batch, KINDS]), port("initial_h", [1, batch, D])],
                 [port("y", [seq, 1, batch, D]), port("Y_h", [1, batch, D])], ["gw", "gr", "gb"])  # fmt: skip


def lstm():
    node = helper.make_node(
        "LSTM", ["x", "lw", "lr", "lb", "", "h_0", "c_0"], ["", "h_n", "c_n"], hidden_size=D
    )
    return graph([node], [port("x", ["seq", 1, KINDS]), port("h_0", [1, 1, D]), port("c_0", [1, 1, D])],
                 [port("h_n", [1, 1, D]), port("c_n", [1, 1, D])], ["lw", "lr", "lb"])  # fmt: skip


def counter():
    """An int64 count of odd tokens, and whether it is odd."""
    nodes = [
        helper.make_node("Mod", ["id", "two"], ["bit"]), helper.make_node("Add", ["n", "bit"], ["n_out"]),
        helper.make_node("Mod", ["n_out", "two"], ["odd"]),
    ]  # fmt: skip
    return graph(nodes, [port("id", [1], INT64), port("n", [1], INT64)],
                 [port("odd", [1], INT64), port("n_out", [1], INT64)],
                 [("two", np.array([2], np.int64))])  # fmt: skip


def cache():
    """Keys that grow with the stream, [batch, past, D], and the mean of all of them."""
    nodes = [
        helper.make_node("MatMul", ["x", "wx"], ["k"]),
        helper.make_node("Concat", ["past_k", "k"], ["present_k"], axis=1),
        helper.make_node("ReduceMean", ["present_k"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "wo"], ["scores"]),
    ]
    return graph(nodes, [port("x", ["batch", 1, KINDS]), port("past_k", ["batch", "past", D])],
                 [port("scores", ["batch", 2]), port("present_k", ["batch", "total", D])],
                 ["wx", "wo"])  # fmt: skip


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elman_twin(h, token):
    return np.tanh(W["wx"][token] + h @ W["wh"])


def gru_twin(h, token):
    """The operator's definition: z, r, h in this order, the reset gate before the product."""
    (wz, wr, wh), (rz, rr, rh) = W["gw"][0].reshape(3, D, KINDS), W["gr"][0].reshape(3, D, D)
    bz, br, bh, cz, cr, ch = W["gb"][0].reshape(6, D)
    z = sigmoid(wz[:, token] + rz @ h + bz + cz)
    r = sigmoid(wr[:, token] + rr @ h + br + cr)
    return (1 - z) * np.tanh(wh[:, token] + rh @ (r * h) + ch + bh) + z * h


def lstm_twin(state, token):
    h, c = state
    wb, rb = W["lb"][0].reshape(2, 4, D)
    i, o, f, g = W["lw"][0].reshape(4, D, KINDS)[:, :, token] + W["lr"][0].reshape(4, D, D) @ h + wb + rb
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def adapted_to(model, kinds=KINDS, **options):
    return adapt(commlb.model(model, **options), kinds)


def along(model, tokens, state=None, t=0):
    output = None
    for k, token in enumerate(tokens, t):
        state, output = model.step(state, token, k)
    return state, output


STREAM = [3, 0, 15, 7, 7, 1, 12, 4]


def test_a_hand_written_cell_is_its_twin():
    model, h = adapted_to(elman()), np.zeros(D, np.float32)
    state, scores = along(model, STREAM)
    for token in STREAM:
        h = elman_twin(h, token)
    assert np.abs(state["h"].numbers[0] - h).max() < 1e-6
    assert np.abs(scores[0] - h @ W["wo"]).max() < 1e-5
    assert (state["h"].dtype, state["h"].kind, state["h"].bits) == ("float32", RECURRENT, 32 * D)


def test_operators_are_their_twins():
    state, y = along(adapted_to(gru()), STREAM)
    h = np.zeros(D)
    for token in STREAM:
        h = gru_twin(h, token)
    assert np.abs(state["initial_h"].numbers.reshape(-1) - h).max() < 1e-6
    assert np.array_equal(y.reshape(-1), state["initial_h"].numbers.reshape(-1))
    state, output = along(adapted_to(lstm()), STREAM)
    pair = np.zeros(D), np.zeros(D)
    for token in STREAM:
        pair = lstm_twin(pair, token)
    assert output is None
    for name, twin in zip(("h_0", "c_0"), pair, strict=True):
        assert np.abs(state[name].numbers.reshape(-1) - twin).max() < 1e-6


def test_integers_are_counted_exactly():
    model = adapted_to(counter())
    state, odd = along(model, STREAM)
    assert state["n"].numbers.tolist() == [sum(token % 2 for token in STREAM)] == [5]
    assert (odd.tolist(), state["n"].dtype, state["n"].bits) == ([1], "int64", 64)
    assert model.weights_digest != adapted_to(elman()).weights_digest


def test_keys_grow_from_nothing():
    model = adapted_to(cache())
    state, scores = along(model, STREAM)
    assert state["past_k"].kind == KV
    assert state["past_k"].numbers.shape == (1, len(STREAM), D)
    assert np.array_equal(state["past_k"].numbers[0], W["wx"][STREAM])  # products with one 1 are exact
    assert np.abs(scores[0] - W["wx"][STREAM].mean(0) @ W["wo"]).max() < 1e-6
    machine = build_from(model, 4)
    assert machine.growth_bits() == 32 * D
    assert [machine.bits(t, KV) for t in range(1, 5)] == [32 * D * t for t in range(1, 5)]
    assert "grows by 128 bits a token" in machine.remark()


def build_from(model, n):
    from commlb.models.adapting import reader
    from commlb.models.machine import ModelMachine

    task = Index(n)
    return ModelMachine(model, task, range(2 * n + 2), reader(commlb.model(None), task))


@pytest.mark.parametrize("make", [elman, gru, lstm, counter, cache])
def test_runs_resume_and_interleave(make):
    model = adapted_to(make())
    whole, output = along(model, STREAM)
    for cut in range(1, len(STREAM)):
        half, _ = along(model, STREAM[:cut])
        before = {name: held.numbers.copy() for name, held in half.items()}
        along(model, [2, 9])  # another run in between
        ended, found = along(model.fresh(), STREAM[cut:], half, cut)
        assert all(np.array_equal(ended[name].numbers, whole[name].numbers) for name in whole)
        assert found is output is None or np.array_equal(found, output)
        assert all(np.array_equal(before[name], half[name].numbers) for name in half)


def same(left, right):
    return all(np.abs(left[name].numbers - right[name].numbers).max() < 1e-6 for name in left)


def test_many_tokens_in_one_call():
    for make in (gru, lstm):
        model = adapted_to(make())
        half, _ = along(model, STREAM[:3])
        state, output = model.many(half, STREAM[3:], 3)
        whole, single = along(model, STREAM)
        assert same(state, whole)
        assert output is single is None or np.abs(output - single).max() < 1e-6
        assert output is None or output.shape == single.shape
    for make in (elman, counter, cache):
        assert adapted_to(make()).many(None, STREAM, 0) is None


def test_streams_side_by_side():
    streams = [STREAM, STREAM[::-1], [5] * len(STREAM)]
    for make in (elman, gru, cache):
        model = adapted_to(make())
        for (state, output), stream in zip(model.batch(streams), streams, strict=True):
            whole, single = along(model, stream)
            assert same(state, whole)
            assert output.shape == single.shape
            assert np.abs(output - single).max() < 1e-6
    for make in (lstm, counter):
        assert adapted_to(make()).batch(streams) is None
    assert adapted_to(elman(None)).batch(streams) is None  # no name says which size counts the streams


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_types_of_floats(dtype):
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    made = graph([helper.make_node("Add", ["x", "h"], ["h_out"])],
                 [port("x", [3], kind), port("h", [3], kind)], [port("h_out", [3], kind)])  # fmt: skip
    table = np.array([[0.1, 2, -3], [1e-5, 0.25, 7]], dtype)
    model = adapted_to(made, 2, embed=table, states={"h": "h_out"})
    state, _ = along(model, [0, 1, 1])
    assert state["h"].dtype == np.dtype(dtype).name
    assert np.array_equal(state["h"].numbers, table[0] + table[1] + table[1])


def test_bfloat16_and_truth_values():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    kind = TensorProto.BFLOAT16
    nodes = [
        helper.make_node("Cast", ["h"], ["f"], to=FLOAT), helper.make_node("Add", ["f", "x"], ["s"]),
        helper.make_node("Cast", ["s"], ["hn"], to=kind), helper.make_node("Not", ["b"], ["bn"]),
    ]  # fmt: skip
    made = graph(nodes, [port("x", [2]), port("h", [2], kind), port("b", [1], TensorProto.BOOL)],
                 [port("hn", [2], kind), port("bn", [1], TensorProto.BOOL)])  # fmt: skip
    model = adapted_to(made, 2, embed=np.array([[0.1, 3.0], [-1.7, 256.0]], np.float32))
    state, h = None, np.zeros(2, ml_dtypes.bfloat16)
    for t, token in enumerate([0, 1, 0]):
        state, _ = model.step(state, token, t)
        h = (h.astype(np.float32) + np.array([[0.1, 3.0], [-1.7, 256.0]], np.float32)[token]).astype(h.dtype)
        assert state["h"].codes().tolist() == h.view(np.uint16).tolist()
    assert (state["h"].bits, state["b"].bits, state["b"].numbers.tolist()) == (32, 8, [True])


def test_states_by_name_and_by_shape():
    def pairs(inputs, outputs, states=None):
        ports = [
            [onnx_file.Port(name, kind, dims) for name, kind, dims in side] for side in (inputs, outputs)
        ]
        return paired(*ports, states)

    f, s = ("float32", (1, 4)), ("float32", (1, 8))
    assert pairs([("x", *s), ("q", *f)], [("y", *f)]) == {"q": "y"}
    kv = [(f"past_key_values.0.{part}", "float32", (1, "past", 4)) for part in ("key", "value")]
    after = [(f"present.0.{part}", "float32", (1, "total", 4)) for part in ("key", "value")]
    assert pairs([("input_ids", "int64", (1, 1)), *kv], [("logits", *s), *after]) == dict(
        zip((name for name, *_ in kv), (name for name, *_ in after), strict=True)
    )
    for a, b in (
        ("state", "stateN"),
        ("h_in", "h_out"),
        ("prev_h", "next_h"),
        ("h0", "hn"),
        ("S.in", "S.out"),
    ):
        assert pairs([("x", *f), (a, *f)], [("y", *f), (b, *f)]) == {a: b}
    for inputs, outputs in (
        ([("x", *f), ("q", *f)], [("y", *f)]),
        ([("x", *s), ("q", *f)], [("y", *f), ("z", *f)]),
    ):
        with pytest.raises(
            BadInput, match=r"which inputs are its state\? write states=\{input: output\}.*inputs: .*q \("
        ):
            pairs(inputs, outputs)
    assert pairs([("x", *f), ("q", *f)], [("y", *f), ("z", *f)], {"q": "z"}) == {"q": "z"}
    with pytest.raises(BadInput, match="the graph has no state: its one input takes the tokens"):
        pairs([("q", *f)], [("y", *f)])
    with pytest.raises(BadInput, match=r"no output has type and shape.*\(float32, \[1, 8\]\)"):
        pairs([("x", *s)], [("y", *f)])
    for states, text in (
        ({"nope": "y"}, "the input 'nope'"), ({"q": "nope"}, "the output 'nope'"), ({}, "at least one"),
        ({"q": "y", "x": "y"}, "each output once"), ({"q": "w"}, "one type and shape"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=text):
            pairs([("x", *f), ("q", *f)], [("y", *f), ("w", *s)], states)


def test_feeds_are_constants_or_functions_of_the_position():
    node = [helper.make_node("Mul", ["x", "scale"], ["a"]), helper.make_node("Add", ["a", "h"], ["hn"])]
    made = graph(node, [port("x", [2]), port("h", [2]), port("scale", [1])], [port("hn", [2])])
    table = np.eye(2, dtype=np.float32)
    fixed = adapted_to(made, 2, embed=table, feeds={"scale": 3})
    assert along(fixed, [0, 1, 1])[0]["h"].numbers.tolist() == [3, 6]
    timed = adapted_to(made, 2, embed=lambda token: table[token], feeds={"scale": lambda t: 10.0**t})
    assert along(timed, [0, 1, 1])[0]["h"].numbers.tolist() == [1, 110]
    with pytest.raises(BadInput, match=r"scale \(float32, \[1\]\).*feeds=\{input: value\}"):
        adapted_to(made, 2, embed=table)
    for feeds, text in (
        ({"scal": 1}, "the input 'scal'; the graph has"), ({"scale": "three"}, "takes numbers; given 'three'"),
        ({"scale": [1, 2]}, r"does not take 2 numbers of shape \(2,\)"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=text):
            adapted_to(made, 2, embed=table, feeds=feeds)


def test_how_tokens_enter():
    with pytest.raises(BadInput, match=r"no room for one-hot vectors of 17 tokens; give embed="):
        adapted_to(elman(), KINDS + 1)
    with pytest.raises(BadInput, match=r"embed must be numbers of shape \(tokens, …\), 16 tokens"):
        adapted_to(elman(), embed=np.zeros((15, KINDS)))
    with pytest.raises(BadInput, match="does not take 3 numbers"):
        adapted_to(elman(), embed=np.zeros((KINDS, 3)))
    own = adapted_to(elman(), embed=np.eye(KINDS)[::-1])
    assert np.array_equal(along(own, [2])[0]["h"].numbers, along(adapted_to(elman()), [13])[0]["h"].numbers)


def test_readouts():
    model = adapted_to(elman(), readout=lambda scores: scores[0, ::-1])
    assert np.array_equal(along(model, [3])[1], along(adapted_to(elman()), [3])[1][0, ::-1])
    model = adapted_to(lstm(), readout=lambda out: out["h_n"].sum() > 0)
    state, answer = along(model, [3, 4])
    assert answer == (state["h_0"].numbers.sum() > 0)
    made = elman()
    made.graph.output.append(port("c", ["batch", D]))
    with pytest.raises(BadInput, match="the outputs scores, c; choose by readout=lambda out"):
        along(adapted_to(made), [3])
    assert along(adapted_to(made, readout=lambda out: out["c"].shape), [3])[1] == (1, D)


def test_sessions_and_files_are_the_same_model(tmp_path):
    import onnxruntime

    path = tmp_path / "cell.onnx"
    onnx.save(elman(), path)
    wanted = along(adapted_to(elman()), STREAM)[0]["h"].codes().tolist()
    sessions = [onnxruntime.InferenceSession(str(path)), onnxruntime.InferenceSession(path.read_bytes())]
    for thing in (path, str(path), *sessions):
        model = adapted_to(thing)
        assert along(model, STREAM)[0]["h"].codes().tolist() == wanted
        assert model.weights_digest == adapted_to(elman()).weights_digest


def test_files_that_are_no_graph(tmp_path):
    path = tmp_path / "bad.onnx"
    for content, text in ((b"hello", "cannot be read as an ONNX graph"), (b"", "there is no graph in it")):
        path.write_bytes(content)
        with pytest.raises(BadInput, match=text) as caught:
            adapted_to(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(BadInput, match="there is no file"):
        adapted_to(tmp_path / "none.onnx")
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(BadInput, match="cannot be read"):
        adapted_to(path)


def test_graphs_that_are_not_run():
    newest = onnx.defs.onnx_opset_version()
    made = elman()
    made.opset_import[0].version = newest + 50
    with pytest.raises(BadInput, match=rf"its opset is {newest + 50}, newer than"):
        adapted_to(made)
    for domain in ("my.ops", "com.example"):
        made = elman()
        made.graph.node[3].domain, made.graph.node[3].op_type = domain, "Squash"
        with pytest.raises(BadInput, match=rf"operators that are not ONNX's own, {domain}.Squash"):
            adapted_to(made)
    made = elman()
    made.graph.node[3].op_type = "Tahn"
    with pytest.raises(BadInput, match=r"ONNX Runtime does not take the graph: .*Tahn"):
        adapted_to(made)
    made = elman()
    made.graph.node[3].CopyFrom(helper.make_node("RandomNormalLike", ["c"], ["hn"]))
    with pytest.raises(BadInput, match=r"draws random numbers \(RandomNormalLike\)"):
        adapted_to(made)
    made = graph([helper.make_node("Identity", ["s"], ["s_out"])],
                 [port("s", [1], TensorProto.STRING), port("x", [2])],
                 [port("s_out", [1], TensorProto.STRING)])  # fmt: skip
    with pytest.raises(BadInput, match=r"s is tensor\(string\)"):
        adapted_to(made)
    made = graph([helper.make_node("Gather", ["table", "id"], ["e"]), helper.make_node("Add", ["e", "h"], ["hn"])],
                 [port("id", [1], INT64), port("h", [1, 2])], [port("hn", [1, 2])],
                 [("table", np.ones((3, 2), np.float32))])  # fmt: skip
    with pytest.raises(BadInput, match=r"the graph does not run: .*Gather"):
        adapted_to(made, 4)


def test_weights_beside_the_file_come_from_its_folder_only(tmp_path):
    path, inner = tmp_path / "here" / "cell.onnx", tmp_path / "here"
    inner.mkdir()
    onnx.save(elman(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    wanted = along(adapted_to(elman()), STREAM)[0]["h"].codes().tolist()
    assert along(adapted_to(path), STREAM)[0]["h"].codes().tolist() == wanted
    bare = onnx.load(path, load_external_data=False)
    with pytest.raises(BadInput, match="in another file; give the path"):
        adapted_to(bare)
    (inner / "weights.bin").rename(tmp_path / "weights.bin")
    for held in bare.graph.initializer:
        next(entry for entry in held.external_data if entry.key == "location").value = "../weights.bin"
    path.write_bytes(bare.SerializeToString())
    with pytest.raises(BadInput, match="cannot be read as an ONNX graph"):
        adapted_to(path)


def test_without_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    (tmp_path / "cell.onnx").write_bytes(b"")
    with pytest.raises(MissingExtra, match=r"pip install 'commlb\[onnx\]'"):
        adapted_to(tmp_path / "cell.onnx")


# From the command line.


@pytest.fixture
def folder(tmp_path, monkeypatch):
    onnx.save(elman(), tmp_path / "cell.onnx")
    onnx.save(gru(), tmp_path / "gru.onnx")
    (tmp_path / "my.py").write_text(
        "import numpy as np, commlb\n"
        "EYE = np.eye(16, dtype=np.float32)\n"
        "def build():\n"
        "    return commlb.model('gru.onnx', states={'initial_h': 'Y_h'}, embed=EYE, feeds={},\n"
        "                        readout=lambda y: y.reshape(-1)[:2])\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return stop.value.code or 0, "".join(capsys.readouterr())


def test_reduce_counts_the_states_of_the_twin(folder, capsys):
    """Rounded to p = 3 over ±1, states are few; the twin's, rounded by hand (no −0.0), are as many."""
    code, text = run(capsys, "reduce", "index", "--n", "8", "--machine", "cell.onnx:p=3,range=1", "--json")
    assert code == 0
    found = json.loads(text)["result"]
    reached = set()
    for x in itertools.product((0, 1), repeat=8):
        h = np.zeros(D, np.float32)
        for token in x:
            h = np.clip(np.rint(elman_twin(h, token) * 4) / 4 + 0.0, -1, 0.75).astype(np.float32)
        reached.add(h.tobytes())
    assert found["message"]["reachable_states"] == len(reached) < 256
    assert found["machine"]["capacity_bits"] == 3 * D


def test_reduce_runs_files_and_functions(folder, capsys):
    for machine, bits in (("cell.onnx", 32 * D), ("my.py:build", 32 * D), ("my.py:build:format=e4m3", 8 * D)):
        code, text = run(capsys, "reduce", "index", "--n", "6", "--machine", machine, "--json")
        assert code == 0, text
        found = json.loads(text)["result"]
        assert (found["machine"]["name"], found["machine"]["capacity_bits"]) == (
            machine.partition(":format")[0],
            bits,
        )
    code, text = run(capsys, "reduce", "index", "--n", "20", "--machine", "cell.onnx")
    assert (code, text.count("\n")) == (2, 1)
    assert "cell.onnx: the token input x (float32, [batch, 16]) takes floats" in text


SILERO = find_spec("silero_vad")


@pytest.mark.skipif(SILERO is None, reason="silero-vad is not installed")
class TestSilero:
    """The graph that the package ships: 512 samples of sound and 64 before them a step, at 16 kHz."""

    NAMES = ("silero_vad.onnx", "silero_vad_16k_op15.onnx")

    def model(self, name, kinds=4, **options):
        home = Path(SILERO.origin).parent / "data" / name
        sound = np.random.default_rng(1).normal(scale=0.3, size=(kinds, 576)).astype(np.float32)
        return adapt(commlb.model(home, **{"embed": sound, "feeds": {"sr": 16000}, **options}), kinds), sound

    @pytest.mark.parametrize("name", NAMES)
    def test_its_state_is_two_vectors(self, name):
        import onnxruntime

        model, sound = self.model(name)
        session = onnxruntime.InferenceSession(str(Path(SILERO.origin).parent / "data" / name))
        state, held = None, np.zeros((2, 1, 128), np.float32)
        for t, token in enumerate([0, 3, 1, 2]):
            state, speech = model.step(state, token, t)
            feed = {"input": sound[token][None], "state": held, "sr": np.array(16000)}
            wanted, held = session.run(["output", "stateN"], feed)
            assert np.abs(speech - wanted).max() < 1e-5
            assert np.abs(state["state"].numbers - held).max() < 1e-4
        assert (state["state"].numbers.shape, state["state"].bits) == ((2, 1, 128), 8192)
        assert len(model.weights_digest) == 64

    def test_what_it_needs_is_told(self):
        with pytest.raises(
            BadInput, match=r"beside the states state there are: input .*, sr \(int64, \[\]\); give"
        ):
            self.model("silero_vad.onnx", feeds={})
        with pytest.raises(BadInput, match=r"no room for one-hot vectors of 4 tokens; give embed="):
            self.model("silero_vad.onnx", embed=None)

    def test_it_is_a_machine(self):
        given = commlb.model(
            Path(SILERO.origin).parent / "data" / self.NAMES[1],
            embed=np.random.default_rng(1).normal(size=(16, 576)).astype(np.float32),
            feeds={"sr": 16000},
            readout=lambda speech: int(speech[0, 0] > 0.5),
        )
        machine = build_from(adapted(given, Index(3)), 3)
        assert (machine.bits(3), machine.growth_bits()) == (8192, 0)
