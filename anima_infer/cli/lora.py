"""``anima-infer lora``."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click
import torch

from anima_infer.checkpoint import WeightFile, find_part, load_adapter, load_dit, write_weights
from anima_infer.errors import CheckpointError
from anima_infer.lora import Lora, Merger, convert_names, extract_lora, names_without_model
from anima_infer.render.job import LoraUse
from anima_prompt.numbers import counted

_WORDS = 12
_TRAINING = (
    "ss_base_model_version",
    "ss_network_dim",
    "ss_network_alpha",
    "ss_learning_rate",
    "ss_steps",
    "ss_epoch",
    "ss_num_train_images",
    "ss_resolution",
    "modelspec.title",
    "modelspec.author",
    "modelspec.architecture",
)


def inspect(path: Path, *, as_json: bool) -> None:
    """Print a summary of a LoRA file."""
    lora = Lora.read(path, names_without_model())
    data = summary(lora)
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    for key, value in data.items():
        click.echo(f"{key:14} {_to_text(value)}")


def _to_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def summary(lora: Lora) -> dict[str, Any]:
    """Return forms, ranks, alphas, targets, trigger words and training settings of a LoRA."""
    deltas = lora.deltas
    targets = Counter(
        f"{name.partition(':')[0]} {'.'.join(name.split('.')[2:] or [name.partition(':')[2]])}" for name in deltas
    )
    alphas = Counter("none" if delta.alpha is None else f"{delta.alpha:g}" for delta in deltas.values())
    return {
        "file": str(lora.path),
        "modules": len(deltas),
        "forms": dict(Counter(delta.form for delta in deltas.values())),
        "ranks": dict(Counter("none" if delta.rank is None else str(delta.rank) for delta in deltas.values())),
        "alphas": dict(alphas),
        "targets": dict(sorted(targets.items())),
        "trigger words": trigger_words(lora.metadata),
        "training": {key: lora.metadata[key] for key in _TRAINING if key in lora.metadata},
    }


def trigger_words(metadata: dict[str, str]) -> list[str]:
    """Return the trigger phrase in a LoRA's metadata, or else the most frequent training tags."""
    phrase = metadata.get("modelspec.trigger_phrase", "").strip()
    if phrase:
        return [phrase]
    try:
        folders = json.loads(metadata.get("ss_tag_frequency", "{}"))
        counts: Counter[str] = Counter()
        for tags in folders.values():
            counts.update({str(tag).strip(): int(count) for tag, count in tags.items()})
    except (ValueError, AttributeError, TypeError):
        return []
    return [tag for tag, _ in counts.most_common(_WORDS)]


def convert(path: Path, to: str, output: Path) -> None:
    """Write a LoRA with the names of another program."""
    file = WeightFile.open(path)
    converted = convert_names({name: file.raw(name) for name in file}, to)
    write_weights(output, converted, file.metadata)
    click.echo(f"{output}: {counted(len(converted), 'tensor')} with names of {to}")


def merge(model: Path, uses: tuple[str, ...], output: Path) -> None:
    """Write a model's file with LoRAs merged into it; a LoRA of the text encoder is an error, which is another file."""
    file = WeightFile.open(model)
    dtype = next(iter(file.raw(name) for name in file)).dtype
    device = torch.device("cpu")
    dit = load_dit(file, dtype=dtype, device=device)
    adapter = None
    try:
        adapter = load_adapter(file, dtype=dtype, device=device)
    except CheckpointError:
        click.echo("note: the file has no adapter; LoRAs of the adapter do not fit", err=True)
    merger = Merger(dit, adapter)
    loras = [LoraUse.parse(use) for use in uses]
    merger.apply([(merger.read(use.path), use.strength, use.strength) for use in loras])
    weights = {f"net.{name}": tensor for name, tensor in dit.state_dict().items()}
    if adapter is not None:
        weights |= {f"net.llm_adapter.{name}": tensor for name, tensor in adapter.state_dict().items()}
    write_weights(output, weights, {"merged": ", ".join(f"{use.path.name}:{use.strength:g}" for use in loras)})
    click.echo(f"{output}: {counted(len(weights), 'tensor')}")


def extract(base: Path, tuned: Path, rank: int, output: Path) -> None:
    """Write the LoRA of a rank that is nearest to the difference of two models."""
    parts = [find_part(WeightFile.open(path), "dit") for path in (base, tuned)]
    before, after = ({name: part.tensor(name) for name in part.names} for part in parts)
    lora = extract_lora(before, after, rank)
    write_weights(output, lora, {"extracted_from": f"{tuned.name} - {base.name}", "ss_network_dim": str(rank)})
    click.echo(f"{output}: {counted(len(lora) // 2, 'module')} of rank {rank}")
