"""``anima-infer lora``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from anima_infer.checkpoint import CheckpointPart, WeightFile, write_weights
from anima_infer.errors import LoraError, SettingsError
from anima_infer.lora import BLOCKS_KEY, Lora, block_of, layout_of, remap_names
from anima_infer.lora.jobs import Weights, convert_names, extract_lora
from anima_infer.lora.merge import merge_into_file, parts_with_loras
from anima_infer.lora.names import summarize
from anima_infer.lora.scales import HEADER
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
    lora = Lora.read(path)
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
    """Return forms, ranks, alphas, scales, number of blocks, targets, trigger words and training settings of a LoRA."""
    deltas = lora.deltas
    targets = Counter(
        f"{name.partition(':')[0]} {'.'.join(name.split('.')[2:] or [name.partition(':')[2]])}" for name in deltas
    )
    alphas = Counter("none" if delta.alpha is None else f"{delta.alpha:g}" for delta in deltas.values())
    blocks = [block for name in deltas if (block := block_of(name)) is not None]
    return {
        "file": str(lora.path),
        "modules": len(deltas),
        "forms": dict(Counter(delta.form for delta in deltas.values())),
        "ranks": dict(Counter("none" if delta.rank is None else str(delta.rank) for delta in deltas.values())),
        "alphas": dict(alphas),
        "scales": dict(Counter(f"{delta.scale:g}" for delta in deltas.values())),
        "blocks": _layout(lora, blocks),
        "highest block": max(blocks, default=None),
        "targets": dict(sorted(targets.items())),
        "trigger words": trigger_words(lora.metadata),
        "training": {key: lora.metadata[key] for key in _TRAINING if key in lora.metadata},
        "notes": list(lora.notes),
    }


def _layout(lora: Lora, blocks: Iterable[int]) -> int | None:
    try:
        return layout_of(blocks, lora.metadata)
    except LoraError as error:
        raise LoraError(f"{lora.path}: {error}") from None


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
    lora = Lora.read(path)
    converted = convert_names(lora, to)
    _print_notes(lora)
    write_weights(output, converted, {key: value for key, value in lora.metadata.items() if key != HEADER})
    click.echo(f"{output}: {counted(len(converted), 'tensor')} with names of {to}")


def remap(path: Path, to: int, output: Path | None) -> None:
    """Write a LoRA for a model with another number of blocks."""
    file = WeightFile.open(path)
    Lora.read(path)  # a damaged or foreign file is refused
    try:
        moved = remap_names(file, file.metadata, to)
    except LoraError as error:
        raise LoraError(f"{path}: {error}") from None
    if moved.old == to and output is None:
        click.echo(f"{path}: is for {to} blocks already; nothing is written")
        return
    if output is None:
        output = path.with_name(f"{path.stem}-{to}-blocks.safetensors")
        if output.exists():
            raise SettingsError(f"{output}: exists; pass another file with --output")
    if not moved.names:
        raise LoraError(f"{path}: changes inserted blocks alone, which {to} blocks do not have; nothing is left")
    tensors = {new: file.raw(old) for old, new in moved.names.items()}
    write_weights(output, tensors, {**file.metadata, BLOCKS_KEY: str(to)})
    line = f"{output}: {counted(len(tensors), 'tensor')}, from {moved.old} to {to} blocks"
    if moved.dropped:
        blocks = counted(moved.dropped_blocks, "inserted block")
        line += f"; dropped: {blocks} ({counted(len(moved.dropped), 'tensor')})"
    click.echo(line)


def merge(model: Path, uses: tuple[str, ...], output: Path, *, dtype: str | None, seed: int) -> None:
    """Write a model's file with LoRAs merged into it; every other tensor is copied as it is."""
    from anima_infer.lora.rounding import DTYPES

    file = WeightFile.open(model)
    loras = [LoraUse.parse(use) for use in uses]
    chosen = [(Lora.read(use.path), use.strength) for use in loras]
    if any(use.text_strength not in (None, use.strength) for use in loras):
        raise SettingsError("two strengths; merging has one for all parts, as in style.safetensors:0.8")
    merged = merge_into_file(file, chosen, dtype=None if dtype is None else DTYPES[dtype], seed=seed)
    for note in merged.notes:
        click.echo(f"note: {note}", err=True)
    merged.metadata["merged"] = ", ".join(f"{use.path.name}:{use.strength:g}" for use in loras)
    write_weights(output, merged.tensors, merged.metadata)
    if merged.unpacked:
        layers = counted(len(merged.unpacked), "quantized layer")
        click.echo(f"note: {layers} of the file are written unquantized, as {dtype or 'bf16'}", err=True)
    if merged.rounded:
        kinds = ", ".join(f"{count} as {name}" for name, count in merged.rounded.items())
        click.echo(f"note: rounded stochastically with seed {seed}, so that small changes arrive: {kinds}", err=True)
    changed = counted(merged.changed, "tensor")
    click.echo(f"{output}: {changed} changed, {len(merged.tensors) - merged.changed} copied")


def extract(base: Path, tuned: Path, rank: int, output: Path) -> None:
    """Write the LoRA of a rank that is nearest to the difference of two models."""
    files = [WeightFile.open(path) for path in (base, tuned)]
    before, after = (parts_with_loras(file) for file in files)
    old, new = ({network: _readers(part) for network, part in parts.items()} for parts in (before, after))
    extracted = extract_lora(old, new, rank=rank)
    metadata = {"extracted_from": f"{tuned.name} - {base.name}", "ss_network_dim": str(rank)}
    if "dit" in after:
        blocks = (block_of(f"dit:{name}") for name in after["dit"].names)
        metadata[BLOCKS_KEY] = str(1 + max(block for block in blocks if block is not None))
    write_weights(output, extracted.tensors, metadata)
    words = {"LoRA": f"of rank {rank}", "diff": "as whole vectors", "diff_b": "of biases"}
    parts = ", ".join(f"{counted(count, 'module')} {words[kind]}" for kind, count in extracted.modules.items())
    click.echo(f"{output}: {parts}; the rank leaves out {extracted.error:.1%} of the difference (by norm)")
    left = [*extracted.left, *_outside(files[1], after)]
    if left:
        click.echo(f"note: left out: {counted(len(left), 'tensor')} ({summarize(left, 4)})", err=True)


def _readers(part: CheckpointPart) -> Weights:
    return {name: lambda name=name: part.tensor(name).float() for name in part.names}  # type: ignore[misc]


def _outside(file: WeightFile, parts: dict[str, CheckpointPart]) -> list[str]:
    """Return the names of tensors that belong to no part that LoRAs change, such as those of a VAE."""
    inside = {stored for part in parts.values() for stored in part.names.values()}
    layers = {name.rpartition(".")[0] for name in inside}
    return [name for name in file if name not in inside and name.rpartition(".")[0] not in layers]


def _print_notes(lora: Lora) -> None:
    for note in lora.notes:
        click.echo(f"note: {lora.path.name}: {note}", err=True)
