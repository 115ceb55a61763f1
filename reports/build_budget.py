"""The report budget: what the state of published recurrent models can hold, from their sizes alone."""

from __future__ import annotations

from decimal import ROUND_CEILING
from pathlib import Path
from typing import Any

from pages import as_csv, table, write_page

import commlb
from commlb.files import replace
from commlb.records_budget import BudgetResult, Fit
from commlb.wording import number
from commlb.wording_budget import in_bytes

HERE = Path(__file__).parent / "budget"

QUOTED = "sizes of its config.json, as quoted in public code"
MODELS: dict[str, tuple[str, str]] = {
    "mamba-2.8b": ("state-spaces/mamba-2.8b-hf", QUOTED),
    "mamba2-2.7b": (
        "state-spaces/mamba2-2.7b",
        "width, layers and ssm_cfg as quoted in public code; all else: defaults of mamba_ssm's Mamba2",
    ),
    "codestral-mamba-7b": (
        "mistralai/Mamba-Codestral-7B-v0.1",
        f"{QUOTED}; the defaults of transformers' Mamba2Config are the same",
    ),
    "falcon-mamba-7b": ("tiiuae/falcon-mamba-7b", QUOTED),
    "rwkv-4-14b": ("RWKV/rwkv-4-14b-pile", "width and layers of transformers' conversion script (up to 4.x)"),
    "xlstm-7b": ("NX-AI/xLSTM-7b", "defaults of transformers' xLSTMConfig, which names this checkpoint"),
    "recurrentgemma-2b": ("google/recurrentgemma-2b", QUOTED),
    "jamba-1.5-mini": ("ai21labs/AI21-Jamba-1.5-Mini", QUOTED),
    "zamba2-7b": (
        "Zyphra/Zamba2-7B",
        f"{QUOTED}, under the names of transformers 5.24; 112 Mamba heads = 2 · 3584 / 64; convolution of 4: "
        "default of transformers",
    ),
    "bamba-9b": (
        "ibm-ai-platform/Bamba-9B",
        f"in part {QUOTED}; heads of the keys and of Mamba, groups: defaults of transformers' BambaConfig",
    ),
    "qwen3-next-80b": (
        "Qwen/Qwen3-Next-80B-A3B-Instruct",
        f"in part {QUOTED}; head widths, key heads and context: defaults of transformers' Qwen3NextConfig, which "
        "names this checkpoint",
    ),
    "lfm2-350m": ("LiquidAI/LFM2-350M", QUOTED),
}
"""By the name of the config: the checkpoint, and where its numbers are from."""

FAMILIES: dict[str, tuple[str, str, str]] = {
    "rwkv-6-1.6b": ("rwkv6:d=2048,heads=32,layers=24", "RWKV/rwkv-6-world-1b6", QUOTED),
    "rwkv-7-1.5b": (
        "rwkv7:d=2048,heads=32,layers=24",
        "RWKV-7 World 1.5B",
        "sizes as its converters have them",
    ),
}
"""Models that transformers does not have, as our families: live numbers only."""

PICTURES = ("mamba2-2.7b", "recurrentgemma-2b", "jamba-1.5-mini", "rwkv-7-1.5b")
PAIRS = 64
"""Values of the associative recall beside that of bits."""


def build(folder: Path) -> None:
    """Rows, pictures and page."""
    from commlb.plots import save_budget

    found = results()
    replace(folder / "rows.csv", as_csv([row(name, result) for name, result in found.items()]).encode())
    for name in PICTURES:
        save_budget(found[name], folder / f"{name}.png", source="rows.csv")
    save_budget(found, folder / "models.png", source="rows.csv")
    write_page(
        folder,
        state=state_table(found),
        beyond=beyond_table(found),
        formats=formats_table(found),
        sources=sources_table(),
    )


def model_of(name: str) -> str:
    """What the command is given."""
    return FAMILIES[name][0] if name in FAMILIES else str(HERE / "configs" / f"{name}.json")


def results(**asked: Any) -> dict[str, BudgetResult]:
    """The budget of each model, as cached, or as asked."""
    return {name: commlb.budget(model_of(name), **asked) for name in [*MODELS, *FAMILIES]}


def fit(result: BudgetResult, task: str) -> Fit:
    """What the recurrent state, or the first room there is, can hold of a task."""
    return next(found for found in result.rooms[0].fits if found.task == task)


def row(name: str, result: BudgetResult) -> dict[str, Any]:
    """A model's numbers in one line."""
    if result.model is None:
        raise RuntimeError("the report asks for models")
    live = {kind.kind: kind.live_bits for kind in result.kinds}
    made: dict[str, Any] = {
        "model": name,
        "family": result.model.family,
        "layers": result.model.layers,
        "format": result.model.format,
        "recurrent_tensor_bits": result.recurrent_tensor_bits,
        "recurrent_live_bits": result.recurrent_bits,
        "of_which_convolution_live_bits": live.get("convolution", 0),
        "window_live_bits": result.window_bits,
        "kv_bits_per_token": result.kv_bits_per_token,
    }
    for found in result.rooms[0].fits:
        made[f"{found.task}_beyond_from_n"] = found.exceeds_n
    return made


def state_table(found: dict[str, BudgetResult]) -> str:
    """What each model keeps and carries."""
    lines = []
    for name, result in found.items():
        values = row(name, result)
        grows = f"{values['kv_bits_per_token']:,}" if values["kv_bits_per_token"] else ""
        window = f"{values['window_live_bits']:,}" if values["window_live_bits"] else ""
        lines.append(
            [
                name,
                values["layers"],
                values["format"],
                f"{values['recurrent_tensor_bits']:,}",
                f"{values['recurrent_live_bits']:,}",
                in_bytes(values["recurrent_live_bits"]),
                window,
                grows,
            ]
        )
    header = ["model", "layers", "format", "recurrent, kept", "live", "", "windows, full", "KV a token"]
    return table(header, lines)


def beyond_table(found: dict[str, BudgetResult]) -> str:
    """From which n on no machine with the recurrent state answers every query; and the ceilings at 4 n."""
    tasks = ("index", "counting", "istree")
    lines = []
    for name, result in found.items():
        fits = [fit(result, task) for task in tasks]
        tree = {made.times: made.ceiling_accuracy for made in fits[-1].ceilings}
        ceiling = number(100 * tree[4], ROUND_CEILING, 4)
        lines.append([name, *(f"{made.exceeds_n:,}" for made in fits), f"{ceiling} %"])
    header = [
        "model",
        "Index, AR: n",
        "Counting: n",
        "IsTree: vertices",
        "IsTree on 4 times as many: right, at most",
    ]
    return table(header, lines)


def formats_table(found: dict[str, BudgetResult]) -> str:
    """The first AR instance of 64 values beyond, as cached and in narrower formats."""
    lines = []
    formats = (None, "bf16", "e4m3", "e2m1")
    made = {form: results(task="ar", symbols=PAIRS, format=form) for form in formats}
    for name in found:
        lines.append([name, *(f"{fit(made[form][name], 'ar').exceeds_n:,}" for form in formats)])
    return table(["model", "as cached", "all in bf16", "e4m3", "e2m1"], lines)


def sources_table() -> str:
    """Where the numbers are from."""
    lines = [
        [
            f"[{name}](configs/{name}.json)",
            f"[{hub}](https://huggingface.co/{hub}/blob/main/config.json)",
            how,
        ]
        for name, (hub, how) in MODELS.items()
    ]
    lines += [[f"`{spec}`", hub, how] for spec, hub, how in FAMILIES.values()]
    return table(["config", "checkpoint", "numbers"], lines)
