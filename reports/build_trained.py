"""The report trained: real recurrent networks out of packages, which it needs, with h5py and onnxruntime."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pages import as_csv, on_file, table, write_page
from trained_outputs import G2P, Chars2Vec, SileroVAD, TextGenRNN, networks, rounding

import commlb
from commlb import machines
from commlb.colliding.horizons import study
from commlb.files import replace
from commlb.formats import FORMATS, chosen
from commlb.information import entropy
from commlb.kernels.distinct import distinct
from commlb.records import to_json
from commlb.records_horizons import to_csv
from commlb.tasks.index import Index

ROOT = Path(__file__).parent.parent
FILE = "examples/trained.py"
BITS = range(1, 17)
MINIFLOATS = ("bf16", "fp16", "e4m3", "e5m2", "e2m3", "e3m2", "e2m1")
STATES_BITS = (1, 2, 3, 4, 6, 8)
LONGEST = 4
HORIZONS = ("g2p_en", "chars2vec_50", "textgenrnn")
SEEDS = 20
"""Of the words that are tried as continuations."""

CERTIFICATES = {"g2p_en_p4": 200, "chars2vec_50_p4": 40, "textgenrnn_p3": 40}
"""Machine, and the bits of x."""


def build(folder: Path) -> None:
    """Rows, pictures, certificates and page."""
    with at_root():
        replace(folder / "outputs.csv", as_csv(outputs()).encode())
        replace(folder / "states.csv", as_csv([states(p) for p in STATES_BITS]).encode())
        replace(folder / "horizons.csv", to_csv(horizons()).encode())
        for name, n in CERTIFICATES.items():
            replace(folder / f"{name}.json", certificate(name, n).encode())
    draw(folder)
    page(folder)


@contextmanager
def at_root() -> Iterator[None]:
    """Machines are named from the root of the repository, as a reader names them."""
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        yield
    finally:
        os.chdir(before)


def all_networks() -> list[Any]:
    made = networks()
    first = G2P(made)
    widths = (50, 100, 150, 200, 300)
    return [
        first,
        *(Chars2Vec(made, width, first.words) for width in widths),
        TextGenRNN(made),
        SileroVAD(made),
    ]


def outputs() -> list[dict[str, Any]]:
    """A row a network and format: how many outputs are those of the state in float32."""
    rows = []
    for network in all_networks():
        whole = network.outputs(rounding(None, {}))
        for form in (*(f"p={p}" for p in BITS), *MINIFLOATS):
            is_fixed = form.startswith("p=")
            made = chosen(int(form[2:]), None, None) if is_fixed else chosen(None, None, form)
            found = network.outputs(rounding(made, network.spans))
            same = sum(one == other for one, other in zip(found, whole, strict=True))
            numbers = sum(network.state.values())
            bits = int(form[2:]) if is_fixed else FORMATS[form].bits
            rows.append({
                "network": network.name, "numbers": numbers, "format": form, "state_bits": numbers * bits,
                "outputs": len(whole), "unchanged": same, "output": network.output,
            })  # fmt: skip
    return rows


def states(p: int, longest: int = LONGEST) -> dict[str, Any]:
    """How many states all words of at most ``longest`` letters reach, and the entropy over the package's words."""
    machine = machines.build(f"{FILE}:g2p_en_p{p}", Index(longest, 26), longest)
    words, states = [machine.pack(machine.start(1))], machine.start(1)
    for t in range(longest):
        states = machine.step(np.repeat(states, 26, axis=1), np.tile(np.arange(26), states.shape[1]), t)
        messages = machine.pack(states)
        words.append(messages)
        kept, _ = distinct(messages)
        states = machine.unpack(kept) if t + 1 < longest else states
    keys, _ = distinct(np.hstack([distinct(some)[0] for some in words]))
    listed = G2P(networks()).words
    of_list = entropy(np.unique(reached(machine, listed), axis=1, return_counts=True)[1].tolist())
    return {
        "bits": p, "state_bits": 256 * p, "words": sum(26**k for k in range(longest + 1)), "states": keys.shape[1],
        "listed": len(listed), "entropy_bits": f"{of_list:.6f}",
    }  # fmt: skip


def reached(machine: Any, listed: list[str]) -> np.ndarray:
    """The messages after each word."""
    found = np.zeros((machine.pack(machine.start(1)).shape[0], len(listed)), np.uint64)
    for length in sorted({len(word) for word in listed}):
        places = [k for k, word in enumerate(listed) if len(word) == length]
        states = machine.start(len(places))
        for t in range(length):
            tokens = np.array([ord(listed[k][t]) - 97 for k in places])
            states = machine.step(states, tokens, t)
        found[:, places] = machine.pack(states)
    return found


def horizons() -> tuple[Any, ...]:
    """After how many common letters two words that differ in an early one are forgotten, by bits a number."""
    specs = [f"{FILE}:{name}_p{p}" for name, p in itertools.product(HORIZONS, (2, 3, 4, 6, 8))]
    return study("index", 200, specs)


def certificate(name: str, n: int) -> str:
    """A collision as ``collide --out`` writes it, but for the clock."""
    tried = (commlb.collide("index", n=n, machine=f"{FILE}:{name}", seed=seed) for seed in range(SEEDS))
    result = next((found for found in tried if found.collision is not None), None)
    if result is None:
        raise RuntimeError(f"no collision of {name} was found by {SEEDS} seeds")
    return to_json("collide", result, {"made_by": "python reports/build.py trained"}) + "\n"


LOOKS = ("capacity", "reachable", "entropy", "reduction", "reduction 2")
DRAWN = ("g2p-en", "chars2vec 50", "chars2vec 300", "textgenrnn", "silero-vad")


def draw(folder: Path) -> None:
    """Outputs unchanged, and what is left of words, against bits a number."""
    from commlb.plots import Curve, Sizes, save_sizes

    def curve(look: str, name: str, of: dict[int, float], note: str) -> Curve:
        return Curve(look, name, tuple(map(float, of)), tuple(of.values()), note)

    rows = [row for row in on_file(folder / "outputs.csv") if row["format"].startswith("p=")]
    lines = []
    for look, name in zip(LOOKS, DRAWN, strict=True):
        mine = {int(row["format"][2:]): row for row in rows if row["network"] == name}
        share = {p: 100 * int(row["unchanged"]) / int(row["outputs"]) for p, row in mine.items()}
        lines.append(curve(look, name, share, f"{share[8]:.0f} % of {mine[8]['outputs']} at p = 8"))
    panels = [Sizes(tuple(lines), "bits p of each number of the state, fixed point", "outputs unchanged, %")]
    sentence = "Each state is rounded to p bits after every token; unchanged: as with the state in float32."
    save_sizes(
        "Trained networks whose state is rounded", sentence, panels, folder / "outputs.png", "outputs.csv"
    )
    held = on_file(folder / "states.csv")
    words, listed = int(held[0]["words"]), int(held[0]["listed"])
    reach = {int(row["bits"]): math.log2(int(row["states"])) for row in held}
    told = {int(row["bits"]): float(row["entropy_bits"]) for row in held}
    lines = [
        curve(
            "reachable",
            "states reached, log2",
            reach,
            f"of log2 {words:,} = {math.log2(words):.2f} · exhaustive",
        ),
        curve(
            "entropy",
            "entropy over the list",
            told,
            f"of log2 {listed} = {math.log2(listed):.2f} · exhaustive",
        ),
    ]
    panels = [Sizes(tuple(lines), "bits p of each number of the state, fixed point")]
    sentence = f"All words of at most {LONGEST} letters, and the {listed} words that the package lists."
    save_sizes(
        "What the encoder of g2p-en keeps of a word", sentence, panels, folder / "states.png", "states.csv"
    )


def page(folder: Path) -> None:
    """The page, of the files as they are."""
    write_page(
        folder,
        outputs=outputs_table(on_file(folder / "outputs.csv")),
        states=table(
            ["bits a number", "bits of state", "states reached", "of words", "entropy over the list, bits", "of"],
            [
                [r["bits"], r["state_bits"], f"{int(r['states']):,}", f"{int(r['words']):,}",
                 f"{float(r['entropy_bits']):.3f}", f"{math.log2(int(r['listed'])):.3f}"]
                for r in on_file(folder / "states.csv")
            ],
        ),
        horizons=horizons_table(on_file(folder / "horizons.csv")),
    )  # fmt: skip


def horizons_table(rows: list[dict[str, str]]) -> str:
    """A line a network: by bits a number, the letters until two words meet, least and greatest of all that "
    "were run."""
    cells: dict[str, dict[int, str]] = {}
    for machine in dict.fromkeys(row["machine"] for row in rows):
        name, _, p = machine.rpartition("_p")
        mine = [row["steps"] for row in rows if row["machine"] == machine]
        met = [int(steps) for steps in mine if steps]
        words = f"{min(met)} to {max(met)}" if met and min(met) < max(met) else str(min(met)) if met else ""
        alone = f"unmerged in {len(mine) - len(met)} of {len(mine)}" if len(met) < len(mine) else ""
        cells.setdefault(name.rpartition(":")[2], {})[int(p)] = "; ".join(filter(None, (words, alone)))
    bits = sorted({p for held in cells.values() for p in held})
    return table(
        ["network", *(f"p = {p}" for p in bits)],
        [[name, *map(held.get, bits)] for name, held in cells.items()],
    )


def outputs_table(rows: list[dict[str, str]]) -> str:
    """A line a network: the least p from which on nothing changes, and the shares in between."""
    lines = []
    for name in dict.fromkeys(row["network"] for row in rows):
        mine = {row["format"]: row for row in rows if row["network"] == name}
        of = int(mine["p=1"]["outputs"])
        changed = [p for p in BITS if int(mine[f"p={p}"]["unchanged"]) < of]
        least = (
            str(max(changed) + 1) if changed and max(changed) < max(BITS) else "above 16" if changed else "1"
        )
        numbers = int(mine["p=1"]["numbers"])
        share = [
            f"{100 * int(mine[form]['unchanged']) / of:.0f}" for form in ("p=4", "p=6", "p=8", "bf16", "e4m3")
        ]
        lines.append([name, f"{32 * numbers:,}", mine["p=1"]["output"], of, least, *share])
    header = ["network", "bits stored, float32", "output", "outputs", "p from which on all are unchanged",
              "p=4, %", "p=6, %", "p=8, %", "bf16, %", "e4m3, %"]  # fmt: skip
    return table(header, lines)
