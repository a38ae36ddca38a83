"""LoRAs merged into the weights of a file: the one place where a stored weight is changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from anima_infer.checkpoint import CheckpointPart, WeightFile, find_part
from anima_infer.errors import CheckpointError, LoraError
from anima_infer.lora.change import WeightChange
from anima_infer.lora.depth import Expansion, fit_to_model
from anima_infer.lora.file import Lora
from anima_infer.lora.names import block_of, summarize
from anima_infer.lora.rounding import COARSE, round_stochastically

_PLAIN = (torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
_QUANTIZATION = "_quantization_metadata"
_PARTS = {"dit": "DiT", "adapter": "adapter", "text": "text encoder"}


@dataclass(slots=True)
class MergedFile:
    """A file's tensors with LoRAs merged into them.

    Attributes:
        tensors: by the file's own names.
        metadata: of the file, without the description of layers that are no longer quantized.
        changed: number of tensors that were changed.
        rounded: number of changed tensors by coarse dtype, whose values were rounded at random.
        unpacked: quantized layers whose weights are no longer quantized.
        notes: what a user should know, a line each.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    changed: int = 0
    rounded: Counter[str] = field(default_factory=Counter)
    unpacked: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def merge_into_file(
    file: WeightFile, loras: Iterable[tuple[Lora, float]], *, dtype: torch.dtype | None = None, seed: int = 0
) -> MergedFile:
    """Return the tensors of a model's file with LoRAs merged in, in order; all other tensors stay as they are stored.

    Args:
        file: with the DiT, the adapter, the text encoder, or several of them.
        loras: each with its strength, which all parts share.
        dtype: of the changed tensors; None for that of the file. Quantized weights with scales become bfloat16.
        seed: of the rounding to a coarse dtype.

    Raises:
        CheckpointError: the file has no part of the model.
        LoraError: a LoRA does not fit.
    """
    parts = parts_with_loras(file)
    merged = MergedFile({name: file.raw(name) for name in file}, dict(file.metadata))
    fitted = [(_fitted(lora, file, parts, merged), strength) for lora, strength in loras]
    for module in dict.fromkeys(module for lora, _ in fitted for module in lora.deltas):
        network, _, name = module.partition(":")
        uses = [(lora, strength) for lora, strength in fitted if module in lora.deltas and strength]
        for leaf, tensor in _changed_tensors(parts[network], name, module, uses):
            stored = parts[network].names[f"{name}.{leaf}"]
            target = _target(merged, stored, dtype)
            merged.tensors[stored] = round_stochastically(tensor, target, name=stored, seed=seed)
            merged.rounded.update([str(target).removeprefix("torch.")] if target in COARSE else [])
            merged.changed += 1
    _forget_layers(merged)
    return merged


def parts_with_loras(file: WeightFile) -> dict[str, CheckpointPart]:
    """Return the parts of a file that LoRAs change: ``dit``, ``adapter`` and ``text``, those of them that it contains.

    Raises:
        CheckpointError: it contains none of them.
    """
    parts = {}
    errors = []
    for part in _PARTS:
        try:
            parts[part] = find_part(file, part)
        except CheckpointError as error:
            errors.append(error)
    if not parts:
        raise errors[0]
    return parts


def _fitted(lora: Lora, file: WeightFile, parts: dict[str, CheckpointPart], merged: MergedFile) -> Lora:
    """Return a LoRA for the file's number of blocks.

    Raises:
        LoraError: it changes modules that the file has not.
    """
    merged.notes += [f"{lora.path.name}: {note}" for note in lora.notes]
    if "dit" in parts:
        blocks = 1 + max((block_of(f"dit:{name}") or 0 for name in parts["dit"].names), default=-1)
        lora, note = fit_to_model(lora, blocks, Expansion.from_header(file.metadata))
        merged.notes += [note] if note else []
    for network, noun in _PARTS.items():
        modules = [name for name in lora.deltas if name.startswith(f"{network}:")]
        if modules and network not in parts:
            raise LoraError(
                f"{lora.path}: changes {len(modules)} modules of the {noun}, which {file.path.name} does not contain; "
                "pass a file with all parts that the LoRA changes"
            )
        absent = [name for name in modules if not _leaves(parts[network], name.partition(":")[2])]
        if absent:
            raise LoraError(f"{lora.path}: {len(absent)} modules not found in {file.path.name} ({summarize(absent)})")
    return lora


def _leaves(part: CheckpointPart, name: str) -> list[str]:
    return [leaf for leaf in ("weight", "bias") if f"{name}.{leaf}" in part.names]


def _changed_tensors(
    part: CheckpointPart, name: str, module: str, uses: Sequence[tuple[Lora, float]]
) -> list[tuple[str, Tensor]]:
    """Return the changed weight and bias of a module, float32; those of them that change."""
    weight = part.tensor(f"{name}.weight").float()
    change = WeightChange(weight.shape)
    changes_weight = False
    for lora, strength in uses:
        delta = lora.deltas[module]
        try:
            if delta.kind is not None:
                change.add(delta, strength, lambda: weight)
                changes_weight = True
            if "diff_b" in delta.tensors:
                change.add_bias(delta, strength, has_bias="bias" in _leaves(part, name))
        except LoraError as error:
            raise LoraError(f"{lora.path}: '{module}': {error}") from None
    changed = [("weight", change.apply_to(weight))] if changes_weight else []
    if change.bias is not None:
        changed.append(("bias", part.tensor(f"{name}.bias").float() + change.bias))
    return changed


def _target(merged: MergedFile, stored: str, dtype: torch.dtype | None) -> torch.dtype:
    """Return the dtype to write a changed tensor in; drop the scales of a quantized one."""
    old = merged.tensors[stored].dtype
    layer, _, leaf = stored.rpartition(".")
    if leaf != "weight":
        return dtype or (old if old in _PLAIN else torch.bfloat16)
    scales = [
        name
        for name in merged.tensors
        if name.startswith(f"{layer}.") and "." not in name[len(layer) + 1 :] and name[len(layer) + 1 :] not in _OWN
    ]
    if not scales and old in _PLAIN:
        return dtype or old
    merged.unpacked.add(layer)
    for name in scales:
        del merged.tensors[name]
    return dtype or torch.bfloat16


_OWN = ("weight", "bias")


def _forget_layers(merged: MergedFile) -> None:
    """Drop layers that are no longer quantized from the header's description."""
    if _QUANTIZATION not in merged.metadata:
        return
    description = json.loads(merged.metadata[_QUANTIZATION])
    layers = description.get("layers", {})
    for layer in list(layers):
        if any(name == layer or name.endswith(f".{layer}") for name in merged.unpacked):
            del layers[layer]
    merged.metadata[_QUANTIZATION] = json.dumps(description)
