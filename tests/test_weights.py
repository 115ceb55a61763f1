"""Weights: the same from a seed everywhere, the same from a file, and every bad file refused in one line."""

from __future__ import annotations

import io
import itertools
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

from commlb import machines
from commlb.errors import BadInput, CommlbError, MissingExtra
from commlb.machines.rnn.weights import constant, dense, digest, draw, read, spread
from commlb.tasks.index import Index

safetensors_numpy = pytest.importorskip("safetensors.numpy")

WANTED = {"a": dense(2, 3), "b": spread(4), "layers.0.c": constant(1)}


def arrays(dtype: str = "<f8") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=weight.shape).astype(dtype) for name, weight in WANTED.items()}


def npz(path, **stored) -> str:
    np.savez(path, **stored)
    return str(path)


def safe(path, stored) -> str:
    safetensors_numpy.save_file(stored, path)
    return str(path)


def refused(path: object, *words: str) -> str:
    """The one line with which ``path`` is refused; it has all ``words``."""
    with pytest.raises(BadInput) as caught:
        read(str(path), WANTED)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in message
    assert len(message) < 500
    for word in (str(path), *words):
        assert word in message
    return message


def header(
    descr: str = "'<f8'", shape: str = "(2, 3)", order: str = "False", version: bytes = b"\x01\x00"
) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + version + struct.pack("<H" if version[0] == 1 else "<I", len(text)) + text


def zipped(path, members: list[tuple[str, bytes]], packed: int = zipfile.ZIP_STORED) -> str:
    with zipfile.ZipFile(path, "w", packed) as file:
        for name, content in members:
            file.writestr(name, content)
    return str(path)


def with_a(path, content: bytes, packed: int = zipfile.ZIP_STORED) -> str:
    """A file right in all but the array a, which has these bytes."""
    good = io.BytesIO()
    np.savez(good, **arrays())
    with zipfile.ZipFile(good) as file:
        rest = [(name, file.read(name)) for name in file.namelist() if name != "a.npy"]
    return zipped(path, [("a.npy", content), *rest], packed)


# From a seed.


def split_mix(z: int) -> int:
    """SplitMix64's finaliser on Python's integers."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**63, 2**64 - 1])
def test_drawn_numbers_are_split_mix(seed):
    made = draw(WANTED, seed)
    assert list(made) == list(WANTED)
    key = split_mix(seed)
    k = itertools.count(1)
    for name, weight in WANTED.items():
        assert made[name].shape == weight.shape
        assert made[name].dtype == np.float64
        for number in made[name].reshape(-1).tolist():
            share = (split_mix((0x9E3779B97F4A7C15 * next(k) + key) % 2**64) >> 11) / 2**53
            assert number == weight.low + (weight.high - weight.low) * share


def test_drawn_numbers_stay_as_they_are():
    """Written down once: neither this code nor another NumPy may change them. Seed 0 is SplitMix64's own stream."""
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert draw({"w": spread(3, low=0.0)}, 0)["w"].tolist() == [(word >> 11) / 2**53 for word in published]
    made = draw({"u": spread(2, 2), "v": spread(1, low=0.5)}, seed=7)
    found = [number.hex() for array in made.values() for number in array.reshape(-1).tolist()]
    assert found == GOLDEN
    machine = machines.build("gru:d=2,seed=1", Index(4, 2), 4)
    assert machine.weights_digest == GRU_DIGEST


GOLDEN = [
    "0x1.8ee247d302ae0p-5",
    "-0x1.9538216be8a88p-2",
    "0x1.c394841c3300cp-1",
    "0x1.886d40d0dba5ep-1",
    "0x1.a9e76cff84152p-1",
]
GRU_DIGEST = "3c1a4645f3ea49a0a2eeaca87cc71aa94ef63803a28e757a751ad210370e0d5f"


# From a file.


@pytest.mark.parametrize("suffix", ["npz", "safetensors", "NPZ", "packed.npz"])
@pytest.mark.parametrize("spec", ["gru:d=3", "lstm:d=2,p=6,layers=2", "elman:d=2,format=float64"])
def test_a_machine_read_from_its_own_weights_is_itself(tmp_path, spec, suffix):
    task = Index(6, 3)
    made = machines.build(f"{spec},seed=3", task, 6)
    path = tmp_path / f"w.{suffix}"
    if suffix == "safetensors":
        safe(path, dict(made.weights))
    else:
        with path.open("wb") as file:
            (np.savez_compressed if "packed" in suffix else np.savez)(file, **made.weights)
    again = machines.build(f"{spec},weights={path}", task, 6)
    assert again.weights_digest == made.weights_digest
    stream = np.random.default_rng(0).integers(3, size=(7, 20))
    assert made.trace(stream).tobytes() == again.trace(stream).tobytes()


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])
def test_every_order_of_bytes_and_of_axes(tmp_path, dtype):
    given = arrays(dtype)
    given["a"] = np.asfortranarray(given["a"])
    found = read(npz(tmp_path / "w.npz", **given), WANTED)
    for name, array in given.items():
        assert found[name].dtype == np.float64
        assert found[name].tolist() == array.astype(np.float64).tolist()
    assert digest(found) == digest({name: np.ascontiguousarray(given[name], np.float64) for name in WANTED})


def test_headers_of_version_2_and_members_in_any_order(tmp_path):
    number = arrays()["a"]
    path = with_a(tmp_path / "w.npz", header(version=b"\x02\x00") + number.tobytes())
    assert read(path, WANTED)["a"].tolist() == number.tolist()
    back = dict(reversed(arrays().items()))
    assert list(read(npz(tmp_path / "v.npz", **back), WANTED)) == list(WANTED)
    assert list(read(safe(tmp_path / "v.safetensors", back), WANTED)) == list(WANTED)


def test_digests_tell_names_shapes_and_numbers_apart():
    one = {"a": np.zeros((2, 3)), "b": np.zeros(1)}
    others = [
        {"a": np.zeros((3, 2)), "b": np.zeros(1)},
        {"a": np.zeros((2, 3)), "c": np.zeros(1)},
        {"a": np.zeros((2, 3)), "b": np.ones(1)},
    ]
    assert len({digest(weights) for weights in [one, *others]}) == 4
    assert digest(one) == digest({name: array.astype(">f4") for name, array in one.items()})


# What is no file of weights.


def test_paths_that_are_refused(tmp_path):
    refused(tmp_path / "none.npz", "there is no file", "seed=")
    refused("w\0.npz", "there is no file")
    refused("w" * 300 + ".npz", "there is no file")
    refused(tmp_path / "w.txt", "ends in .npz or .safetensors")
    refused(tmp_path / "npz", "ends in .npz or .safetensors")
    (tmp_path / "folder.npz").mkdir()
    refused(tmp_path / "folder.npz", "is a folder")
    for suffix in ("npz", "safetensors"):
        empty = tmp_path / f"empty.{suffix}"
        empty.touch()
        refused(empty, "cannot read weights")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(tmp_path):
    path = tmp_path / "w.npz"
    npz(path, **arrays())
    path.chmod(0)
    refused(path, "Permission denied")


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_file_that_the_system_refuses(tmp_path, monkeypatch, suffix):
    """As the one above, also for root and on Windows."""
    path = tmp_path / f"w.{suffix}"
    path.touch()

    def refuse(*given, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(zipfile, "ZipFile", refuse)
    monkeypatch.setattr("safetensors.safe_open", refuse)
    assert refused(path).endswith("Permission denied")


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_names_and_shapes_that_do_not_fit(tmp_path, suffix):
    def written(stored):
        path = tmp_path / f"w.{suffix}"
        return npz(path, **stored) if suffix == "npz" else safe(path, stored)

    good = arrays()
    refused(written({"a": good["a"]}), "lacks b, layers.0.c", "it has a", "needs a, b, layers.0.c")
    refused(written({}), "lacks a, b, layers.0.c", "no arrays")
    refused(written(good | {"z": good["b"]}), "has z", "leave out")
    for shape in [(3, 2), (6,), (1, 2, 3), (2, 2), (0, 3)]:
        wrong = np.zeros(shape)
        refused(written(good | {"a": wrong}), "a must have shape (2, 3)", f"it has {shape}")
    refused(written(good | {"layers.0.c": np.array(1.0)}), "layers.0.c must have shape (1,)", "it has ()")
    for value in (np.nan, np.inf, -np.inf):
        wrong = good["b"].copy()
        wrong[1] = value
        refused(written(good | {"b": wrong}), "b must be finite", "1 of its 4 numbers")
    many = {f"w{k}": np.zeros(1) for k in range(60)}
    refused(written(many), "and 54 more")


@pytest.mark.parametrize(
    ("dtype", "word"),
    [
        ("<i8", "int64"),
        ("<i4", "int32"),
        ("|u1", "uint8"),
        ("<c16", "complex128"),
        ("|b1", "bool"),
        ("<U3", "text"),
        ("|S3", "text"),
        ("<M8[s]", "no plain array"),
        ([("x", "<f8")], "of another kind"),
        (np.dtype(np.longdouble), "float128"),
    ],
    ids=str,
)
def test_kinds_of_numbers_that_are_refused(tmp_path, dtype, word):
    if dtype == np.longdouble and np.dtype(np.longdouble).itemsize != 16:
        pytest.skip("no float128 here")
    wrong = np.zeros((2, 3), dtype)
    refused(npz(tmp_path / "w.npz", **(arrays() | {"a": wrong})), "a", word)


def test_safetensors_of_other_kinds_are_refused(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for dtype, word in ((np.int64, "I64"), (np.uint8, "U8"), (ml_dtypes.bfloat16, "bfloat16")):
        path = tmp_path / "w.safetensors"
        safe(path, arrays() | {"a": np.zeros((2, 3), dtype)})
        refused(path, "a must be float16, float32 or float64", f"it is {word}", "convert it to float32")


def test_numbers_beyond_the_arithmetic_are_refused(tmp_path):
    """Finite in float64, infinite in float32: the machine would not be the one in the file."""
    made = dict(machines.build("elman:d=2", Index(4, 2), 4).weights)
    made["layers.0.w_x"] = made["layers.0.w_x"] * 1e300
    path = npz(tmp_path / "w.npz", **made)
    with pytest.raises(BadInput, match=r"layers.0.w_x must lie within ±3.4e.38.*float32.*format=float64"):
        machines.build(f"elman:d=2,weights={path}", Index(4, 2), 4)
    machines.build(f"elman:d=2,format=float64,weights={path}", Index(4, 2), 4)


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    path = safe(tmp_path / "w.safetensors", arrays())
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(MissingExtra, match=r"pip install 'commlb\[safetensors\]'") as caught:
        read(path, WANTED)
    assert caught.value.exit_code == 3


# Files made to harm.


class Harm:
    def __reduce__(self):
        return os.abort, ()


def test_no_pickle_is_loaded(tmp_path):
    objects = np.array([[Harm()] * 3] * 2, dtype=object)
    refused(npz(tmp_path / "w.npz", **(arrays() | {"a": objects})), "a is a pickle, which is never loaded")
    for name in ("raw.npz", "raw.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps(Harm()))
        refused(tmp_path / name, "cannot read weights")
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    refused(tmp_path / "one.npz", "numpy.savez")
    refused(with_a(tmp_path / "p.npz", pickle.dumps(Harm())), "a is no plain array")


HUGE = "(1000000, 1000000)"


@pytest.mark.parametrize(
    "content",
    [
        header(shape=HUGE),
        header(shape=HUGE) + b"\0" * 2**16,
        header(shape="(" + "9" * 400 + ",)"),
        header(shape="(" + "9" * 1500 + ",)"),
        header(shape="(2, 3)") + b"\0" * 2**24,
        b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + b" " * 2**24,
        header(descr="'<f999'"),
        header(shape="(-2, -3)"),
        header(shape="(2, 3, )[0]"),
        header(shape="(2 3,)"),
        header(descr="__import__('os').abort()"),
        header(version=b"\x03\x00"),
        b"\x93NUMPY",
        b"",
        header() + b"\0" * 47,
        header() + b"\0" * 49,
        header()[:-3],
        b"(" * 9000,
    ],
    ids=lambda content: content[:12].hex(),
)
def test_no_header_asks_for_memory_or_is_evaluated(tmp_path, content):
    path = with_a(tmp_path / "w.npz", content, zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    refused(path)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_members_that_numpy_does_not_write(tmp_path):
    number = header() + arrays()["a"].tobytes()
    refused(with_a(tmp_path / "l.npz", number, zipfile.ZIP_LZMA), "packed in a way")
    good = with_a(tmp_path / "t.npz", number)
    with zipfile.ZipFile(good, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("a.npy", number)
    refused(good, "has a twice")
    good = with_a(tmp_path / "n.npz", number)
    with zipfile.ZipFile(good, "a") as file:
        file.writestr("notes.txt", "trained on a Tuesday\n")
    refused(good, "notes.txt")
    odd = with_a(tmp_path / "o.npz", number)
    with zipfile.ZipFile(odd, "a") as file:
        file.writestr("x\n\x1b[31m" + "y" * 500 + ".npy", number)
    assert refused(odd, "has ").isprintable()
    secret = bytearray((tmp_path / "l.npz").read_bytes())
    for start in (b"PK\x03\x04", b"PK\x01\x02"):
        secret[secret.find(start) + (6 if start[2] == 3 else 8)] |= 1
    (tmp_path / "s.npz").write_bytes(secret)
    refused(tmp_path / "s.npz")


def small_file(tmp_path, suffix: str) -> bytes:
    path = tmp_path / f"small.{suffix}"
    if suffix == "npz":
        npz(path, **arrays("<f4"))
    else:
        safe(path, arrays("<f4"))
    return path.read_bytes()


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_cut_short_anywhere(tmp_path, suffix):
    whole, path = small_file(tmp_path, suffix), tmp_path / f"w.{suffix}"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        refused(path)
    path.write_bytes(whole)
    read(str(path), WANTED)


@pytest.mark.parametrize("trials", [400, pytest.param(1500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_bytes_changed_at_random(tmp_path, suffix, trials):
    """Refused, or read as finite numbers of the right shapes; no other error, no warning, no memory."""
    whole, path = small_file(tmp_path, suffix), tmp_path / f"w.{suffix}"
    rng, read_well, messages = np.random.default_rng(trials), 0, set()
    for trial in range(trials):
        spoiled = bytearray(whole)
        for place in rng.integers(len(whole), size=1 + trial % 3):
            spoiled[place] ^= 1 << int(rng.integers(8)) if trial % 2 else int(rng.integers(1, 256))
        path.write_bytes(spoiled)
        try:
            found = read(str(path), WANTED)
        except CommlbError as error:
            messages.add(str(error).replace(str(path), ""))
        else:
            read_well += 1
            for name, weight in WANTED.items():
                assert found[name].shape == weight.shape
                assert np.isfinite(found[name]).all()
    assert 0 < read_well < trials
    assert all(message.isprintable() for message in messages)


def test_a_network_too_large_is_refused_before_any_work():
    for spec in ("lstm:d=4096", "gru:d=4096,layers=4096", "elman:d=1024,layers=40"):
        with pytest.raises(BadInput, match="weights; at most 67,108,864; take a smaller d"):
            machines.build(spec, Index(4, 2), 4)
