"""Bounded caches against the whole stream kept and masked, against PyTorch, and what they forget."""

from __future__ import annotations

import numpy as np
import pytest
import rnn_twins_caches as twins
from equality import LIMITS, equal

from commlb import bits, machines
from commlb.errors import BadInput
from commlb.machines.rnn import caches, segments
from commlb.tasks.index import Index

T, RUNS = 64, 2
TASK = Index(T - 1, 32)
STREAM = np.random.default_rng(5).integers(TASK.alphabet_size, size=(T, RUNS))

WINDOWS = [
    "sliding-window:d=6,w=5",
    "sliding-window:d=8,w=2,heads=4,layers=2,seed=1",
    "sliding-window:d=16,w=8,heads=16,seed=2",
    "sliding-window:d=4,w=99,heads=2,bare=1",
    "streaming-llm:d=6,w=5,sinks=1",
    "streaming-llm:d=8,w=2,sinks=3,heads=4,layers=2,seed=1",
    "streaming-llm:d=4,w=40,sinks=40,heads=2,layers=2,seed=2",
    "streaming-llm:d=4,w=7,heads=2,layers=2,bare=1",
]
OTHERS = [
    "tova:d=6,n=5",
    "tova:d=8,n=1,heads=2,layers=2,seed=1",
    "tova:d=8,n=9,heads=4,layers=2,seed=2",
    "tova:d=4,n=7,heads=2,bare=1",
    "rmt:d=6,m=3,segment=5",
    "rmt:d=4,m=2,segment=7,heads=2,layers=3,seed=1",
    "rmt:d=8,m=1,segment=1,heads=4,layers=2,seed=2",
    "rmt:d=4,m=3,segment=11,heads=2,bare=1",
]


def made(spec, form="float64", task=TASK):
    """The machine, its constant weights made random, so that none is 0 or 1."""
    machine = machines.build(f"{spec},format={form}", task, task.length - 1)
    rng = np.random.default_rng(9)
    for name, array in machine.weights.items():
        if (array == array.flat[0]).all() and array.size:
            machine.weights[name] = rng.uniform(0.5, 1.5, array.shape)
    return machine.use(compiled=False)


def twin(machine, stream):
    """What the machine's twin says of one run, the family's own arguments taken from it."""
    layers = machine.parameters.get("layers", 1)
    given = {"layers": layers, "bare": machine.bare, **vars(machine.size)}
    name = machine.name.replace("-", "_").replace("streaming_llm", "sliding_window")
    return getattr(twins, name)(machine.weights, stream, **given)


def error(machine, stream=STREAM):
    """The largest difference of outputs from the twin's, over their scale where that exceeds 1."""
    expected = [twin(machine, stream[:, run]) for run in range(stream.shape[1])]
    outputs = np.array([y[0] if isinstance(y, tuple) else y for y in expected]).transpose(1, 2, 0)
    return np.abs(machine.trace(stream) - outputs).max() / max(1.0, np.abs(outputs).max())


def states(machine, stream=STREAM):
    found = machine.start(stream.shape[1])
    for t, row in enumerate(stream):
        found = machine.step(found, row, t)
        yield t, found.copy()


def part(machine, state, layer, name):
    return state[machine.layout.layers[layer][name].rows]


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize("spec", WINDOWS + OTHERS)
def test_equal_to_the_twin(spec, form):
    machine = made(spec, form)
    equal(machine.name, "all tokens kept, in NumPy", form, error(machine))


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize(
    "spec", [spec for spec in WINDOWS if spec.startswith("sliding") and "bare" not in spec]
)
def test_sliding_window_equal_to_torch(spec, form):
    """torch's own RMSNorm and attention under a mask; transformers' window convention and ALiBi slopes."""
    torch = pytest.importorskip("torch")
    masks = pytest.importorskip("transformers.masking_utils")
    mpt = pytest.importorskip("transformers.models.mpt.modeling_mpt")
    functional = torch.nn.functional
    machine, kind = made(spec, form), getattr(torch, form)
    weights = {name: torch.tensor(array).to(kind) for name, array in machine.weights.items()}
    d, heads = machine.d, machine.size.heads
    slope = -mpt.build_mpt_alibi_tensor(heads, 2)[:, 0, 0].to(kind)
    assert torch.allclose(slope, torch.tensor(caches.slopes(heads)).to(kind), rtol=1e-6)
    allowed = masks.sliding_window_causal_mask_function(machine.size.w)
    places = torch.arange(T)
    band = allowed(0, 0, places[:, None], places)
    slope = torch.tensor(caches.slopes(heads)).to(kind)
    bias = (places - places[:, None]) * slope[:, None, None]
    bias = torch.where(band, bias, torch.tensor(-torch.inf, dtype=kind))
    x = weights["embedding"][torch.tensor(STREAM.T)]
    for k in range(machine.depth):
        normed = functional.rms_norm(x, (d,), weights[f"layers.{k}.norm"], eps=1e-5)
        split = functional.linear(normed, weights[f"layers.{k}.qkv"]).chunk(3, dim=2)
        q, key, v = (a.reshape(RUNS, T, heads, -1).transpose(1, 2) for a in split)
        y = functional.scaled_dot_product_attention(q, key, v, attn_mask=bias)
        x = x + functional.linear(y.transpose(1, 2).reshape(RUNS, T, d), weights[f"layers.{k}.out"])
    expected = x.numpy().transpose(1, 2, 0)
    far = np.abs(machine.trace(STREAM) - expected).max() / max(1, np.abs(expected).max())
    equal(machine.name, "torch, scaled_dot_product_attention", form, far)


@pytest.mark.parametrize("spec", WINDOWS)
def test_the_cache_holds_k_and_v_of_the_sinks_and_the_newest(spec):
    """For the first layer, from the weights: token after token in their order, zeros where none came yet."""
    machine = made(spec)
    size = machine.size
    _, k, v = twins.projected(
        machine.weights, "layers.0.", machine.weights["embedding"][STREAM[:, 1]], machine.bare
    )
    first = getattr(size, "sinks", 0)
    for t, state in states(machine):
        kept = [j for j in range(t + 1) if j < first or t - j < size.w - 1]
        for name, array in (("k", k[0]), ("v", v[0])):
            found = part(machine, state, 0, name)[:, 1].reshape(-1, machine.d)
            assert np.abs(found[: len(kept)] - array[kept]).max() < 1e-9
            assert not found[len(kept) :].any()


@pytest.mark.parametrize("spec", [spec for spec in OTHERS if spec.startswith("tova")])
def test_tova_keeps_the_positions_that_the_twin_keeps(spec):
    machine = made(spec)
    _, kept_by_layer = twin(machine, STREAM[:, 1])
    for t, state in states(machine):
        for layer, history in enumerate(kept_by_layer):
            found = part(machine, state, layer, "position")[:, 1]
            assert found[: t + 1].tolist() == history[t]
            assert not found[t + 1 :].any()


def test_tova_drops_the_oldest_of_equal_ones():
    """Four equal places in the first run; in the second run the second place has less, in one of two heads."""
    rows = caches.Rows(np.float32, compiled=True)
    weights = np.full((4, 2, 2), 0.25, np.float32)
    weights[1, :, 1] = 0.125
    assert caches.least(weights, rows).tolist() == [0, 1]


def test_tova_may_drop_the_newest():
    """As in the authors' code, where the newest token's own weight counts as any other."""
    _, kept = twins.tova(made("tova:d=8,n=3").weights, STREAM[:, 0], layers=1, n=3)
    assert any(t not in after for t, after in enumerate(kept[0]))


def test_tova_that_drops_nothing_is_a_window_that_holds_all():
    whole, window = (
        made(f"tova:d=4,n={T},heads=2,layers=2"),
        made(f"sliding-window:d=4,w={T + 1},heads=2,layers=2"),
    )
    assert whole.trace(STREAM).tobytes() == window.trace(STREAM).tobytes()


@pytest.mark.parametrize("spec", [spec for spec in OTHERS if spec.startswith("rmt")])
def test_rmt_holds_the_memory_and_the_tokens_of_the_segment(spec):
    machine = made(spec)
    size = machine.size
    _, memories = twin(machine, STREAM[:, 0])
    for t, state in states(machine):
        ended, r = divmod(t + 1, size.segment)
        memory = part(machine, state, 0, "memory")[:, 0].reshape(size.m, -1)
        assert np.abs(memory - (memories[ended - 1] if ended else 0)).max() < 1e-9
        if size.segment > 1:
            tokens = part(machine, state, 0, "segment")[:, 0].tolist()
            assert tokens == STREAM[t + 1 - r : t + 1, 0].tolist() + [0] * (size.segment - 1 - r)


def changed(at):
    """The stream, and it with one token changed in every run."""
    other = STREAM.copy()
    other[at] = (other[at] + 1) % TASK.alphabet(at).stop
    return other


@pytest.mark.parametrize("bare", [0, 1])
@pytest.mark.parametrize(("w", "layers"), [(2, 1), (5, 1), (4, 2), (3, 4)])
def test_a_window_of_w_in_L_layers_reaches_back_over_exactly_L_times_w_minus_1_tokens(w, layers, bare):
    """Outputs differ up to L(w − 1) tokens later, none after; the state is the same bit for bit from there on."""
    machine = made(f"sliding-window:d=4,w={w},layers={layers},bare={bare}")
    at, reach = 10, layers * (w - 1)
    differs = (machine.trace(STREAM) != machine.trace(changed(at))).any(axis=1)
    assert differs[at : at + reach + 1].all() if not bare else differs[at + reach].all()
    assert not differs[at + reach + 1 :].any()
    both = zip(states(machine), states(machine, changed(at)), strict=True)
    same = [machine.pack(a).tobytes() == machine.pack(b).tobytes() for (_, a), (_, b) in both]
    assert same == [t < at or t >= at + reach for t in range(T)]


def test_sinks_are_read_for_ever():
    machine = made("streaming-llm:d=4,w=3,sinks=2")
    first, later = changed(1), changed(2)
    assert (machine.trace(STREAM) != machine.trace(first)).any(axis=1)[1:].all()
    assert not (machine.trace(STREAM) != machine.trace(later)).any(axis=1)[5:].any()


def test_rmt_carries_over_a_segment_by_its_memory_alone():
    """A token of a past segment is felt later; and from equal memory at a segment's end runs go on alike."""
    machine = made("rmt:d=4,m=1,segment=4")
    assert (machine.trace(STREAM) != machine.trace(changed(1))).any(axis=1)[1:].all()
    *_, (_, end) = states(machine, STREAM[:8])
    assert not part(machine, end, 0, "segment").any()


def test_integers_take_the_bits_they_need():
    """Beside numbers: TOVA's positions below the length, the tokens of RMT's segment."""
    assert made("tova:d=2,n=3,layers=2").layout.kept_bits == 2 * (12 * 64 + 3 * bits.bits_needed(T))
    machine = made("rmt:d=2,m=3,segment=5,layers=2")
    assert machine.layout.kept_bits == 6 * 64 + 4 * bits.bits_needed(machine._kinds)


def test_sixteen_bits_of_state():
    task = Index(15, 2)
    window, sinks = "sliding-window:d=1,w=3,p=4", "streaming-llm:d=1,w=2,sinks=1,p=4"
    for spec in (window, sinks, "tova:d=1,n=2,p=2", "rmt:d=1,m=2,segment=2,p=6"):
        machine = machines.build(spec, task, 15)
        assert machine.layout.kept_bits == 16


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("sliding-window:d=6,heads=4", "power of two"),
        ("tova:d=6,heads=3", "power of two"),
        ("rmt:d=2,heads=4", "divides d"),
        ("sliding-window:d=2,w=1", "w must be at least 2"),
        ("streaming-llm:d=2,sinks=0", "sinks must be an integer of at least 1"),
    ],
)
def test_refused(spec, why):
    with pytest.raises(BadInput, match=why):
        machines.build(spec, TASK, T - 1)


def longer_by_one(self):
    caches.check_heads(self)
    self.first = 0
    self.size.w += 1


def sinks_forgotten(self):
    caches.SlidingWindow.prepare(self)
    self.first = 0


def true_distance(self, w, x, a, s, save, m):
    """δ = t − j also for sinks: the jumping bias that StreamingLLM does not use."""
    d, t = self.d, s.t
    k, v = (self.extended(s, name, a[i * d : (i + 1) * d], save) for i, name in ((1, "k"), (2, "v")))
    places = [*range(min(self.first, t)), *range(max(self.first, t - self.size.w + 1), t + 1)][: len(k)]
    distance = m.column(t - np.array(places + [t] * (len(k) - len(places))))
    return self.join(x, m.dot(w.out, caches.mix(caches.weigh(a[:d], k, distance, w.slope, m), v, m)))


def least_of_the_first_head(weights, m):
    return np.argmin(weights[:, 0], axis=0)


def never_the_newest(weights, m):
    return np.argmin(m.sum(np.moveaxis(weights, 1, 0))[: max(1, len(weights) - 1)], axis=0)


def memory_not_normed(self, y, m):
    return y


def first_memory_again(self, w, x, a, s, save, m, honest=segments.RMT.cell):
    """Each segment starts from the learned memory, so that none is carried over."""
    s.t %= self.size.segment
    return honest(self, w, x, a, s, save, m)


@pytest.mark.parametrize(
    ("where", "name", "mistake", "spec"),
    [
        (caches.StreamingLLM, "prepare", sinks_forgotten, "streaming-llm:d=6,w=5,sinks=2"),
        (caches.StreamingLLM, "cell", true_distance, "streaming-llm:d=6,w=5,sinks=2"),
        (caches, "slopes", lambda heads: 2.0 ** -np.arange(1.0, heads + 1), "sliding-window:d=8,w=5,heads=4"),
        (caches, "least", least_of_the_first_head, "tova:d=8,n=4,heads=2"),
        (caches, "least", never_the_newest, "tova:d=8,n=3"),
        (segments.RMT, "written", memory_not_normed, "rmt:d=6,m=3,segment=5"),
        (segments.RMT, "cell", first_memory_again, "rmt:d=6,m=3,segment=5"),
    ],
)
def test_a_mistake_is_found(monkeypatch, where, name, mistake, spec):
    assert error(made(spec)) < 1e-9
    monkeypatch.setattr(where, name, mistake)
    assert error(made(spec)) > 1e-6


def test_a_window_one_too_long_is_found(monkeypatch):
    machine = made("sliding-window:d=6,w=5")
    monkeypatch.setattr(caches.SlidingWindow, "prepare", longer_by_one)
    longer = made("sliding-window:d=6,w=5")
    longer.size.w = 5
    assert error(machine) < 1e-9
    assert error(longer) > 1e-6
