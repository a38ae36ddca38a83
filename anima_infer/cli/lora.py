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
    """Print what a LoRA file holds."""
    lora = Lora.read(path, names_without_model())
    data = summary(lora)
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    for key, value in data.items():
        click.echo(f"{key:14} {_in_words(value)}")


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def summary(lora: Lora) -> dict[str, Any]:
    """Return kinds, ranks, alphas, targets, trigger words and training figures."""
    deltas = lora.deltas
    targets = Counter(
        f"{name.partition(':')[0]} {'.'.join(name.split('.')[2:] or [name.partition(':')[2]])}" for name in deltas
    )
    alphas = Counter("none" if delta.alpha is None else f"{delta.alpha:g}" for delta in deltas.values())
    return {
        "file": str(lora.path),
        "modules": len(deltas),
        "kinds": dict(Counter(delta.form for delta in deltas.values())),
        "ranks": dict(Counter("none" if delta.rank is None else str(delta.rank) for delta in deltas.values())),
        "alphas": dict(alphas),
        "targets": dict(sorted(targets.items())),
        "trigger words": triggers(lora.metadata),
        "training": {key: lora.metadata[key] for key in _TRAINING if key in lora.metadata},
    }


def triggers(metadata: dict[str, str]) -> list[str]:
    """Return the words that a LoRA's metadata speaks of: its own trigger phrase, or the commonest training tags."""
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
    """Write a LoRA under other names."""
    file = WeightFile.open(path)
    made = convert_names({name: file.raw(name) for name in file}, to)
    write_weights(output, made, file.metadata)
    click.echo(f"{output}: {counted(len(made), 'tensor')} in {to} names")


def merge(model: Path, uses: tuple[str, ...], output: Path) -> None:
    """Write a model's file with LoRAs in it; text-encoder parts cannot go into that file and are an error."""
    file = WeightFile.open(model)
    kind = next(iter(file.raw(name) for name in file)).dtype
    place = torch.device("cpu")
    dit = load_dit(file, dtype=kind, device=place)
    adapter = None
    try:
        adapter = load_adapter(file, dtype=kind, device=place)
    except CheckpointError:
        click.echo("note: the file has no adapter; its parts of a LoRA would not fit", err=True)
    merger = Merger(dit, adapter)
    wanted = [LoraUse.parse(use) for use in uses]
    merger.apply([(merger.read(use.path), use.strength, use.strength) for use in wanted])
    made = {f"net.{name}": tensor for name, tensor in dit.state_dict().items()}
    if adapter is not None:
        made |= {f"net.llm_adapter.{name}": tensor for name, tensor in adapter.state_dict().items()}
    write_weights(output, made, {"merged": ", ".join(f"{use.path.name}:{use.strength:g}" for use in wanted)})
    click.echo(f"{output}: {counted(len(made), 'tensor')}")


def extract(base: Path, tuned: Path, rank: int, output: Path) -> None:
    """Write the LoRA nearest to a difference."""
    parts = [find_part(WeightFile.open(path), "dit") for path in (base, tuned)]
    before, after = ({name: part.tensor(name) for name in part.names} for part in parts)
    made = extract_lora(before, after, rank)
    write_weights(output, made, {"extracted_from": f"{tuned.name} - {base.name}", "ss_network_dim": str(rank)})
    click.echo(f"{output}: {counted(len(made) // 2, 'module')} of rank {rank}")
