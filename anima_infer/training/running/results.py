"""Result files: adapters in the spelling of four programs, full models in the release's layout, metadata."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from anima_infer.checkpoint import write_weights
from anima_infer.checkpoint.diffusers_names import diffusers_dit_name
from anima_infer.lora.names import spell_name
from anima_infer.training.methods.changes import Change, LoraChange
from anima_prompt.atomic import atomic_path

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def adapter_tensors(changes: Mapping[str, Change], *, spelling: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return the tensors of a trained adapter by their names in a file.

    Args:
        changes: by our names of modules (``dit:…``, ``adapter:…``, ``text:…``).
        spelling: ``kohya``, ``comfyui``, ``diffusers`` or ``peft``; the last two have no alpha, which is folded into
            the second factor.
        dtype: of the tensors; an alpha that is a whole number stays one.
    """
    tensors: dict[str, Tensor] = {}
    for module, change in changes.items():
        if spelling in ("diffusers", "peft"):
            assert isinstance(change, LoraChange)
            name = _foreign_name(module, spelling)
            tensors[f"{name}.lora_A.weight"] = change.down.detach().to(dtype)
            tensors[f"{name}.lora_B.weight"] = (change.up.detach() * change.scale).to(dtype)
            continue
        program = "sd-scripts" if spelling == "kohya" else "comfyui"
        for role, parameter in change.named_parameters():
            tensors[spell_name(module, role, program)] = parameter.detach().to(dtype)
        alpha = change.saved_alpha()
        tensors[spell_name(module, "alpha", program)] = alpha.to(dtype) if alpha.is_floating_point() else alpha
    return tensors


def _foreign_name(module: str, spelling: str) -> str:
    network, _, name = module.partition(":")
    if spelling == "peft":
        return (
            "base_model.model."
            + {"dit": name, "adapter": f"llm_adapter.{name}", "text": f"text_encoder.{name}"}[network]
        )
    if network == "dit":
        return f"transformer.{diffusers_dit_name(name)}"
    return f"text_conditioner.{name}" if network == "adapter" else f"text_encoder.{name}"


def peft_config(changes: Mapping[str, Change]) -> dict[str, Any]:
    """Return the ``adapter_config.json`` that PEFT reads beside an adapter; alpha is the rank of every module."""
    ranks = {_foreign_name(module, "peft").removeprefix("base_model.model."): c.rank for module, c in changes.items()}
    common = max(set(ranks.values()), key=list(ranks.values()).count)
    others = {name: rank for name, rank in ranks.items() if rank != common}
    return {
        "peft_type": "LORA",
        "r": common,
        "lora_alpha": common,
        "target_modules": sorted(ranks),
        "rank_pattern": others,
        "alpha_pattern": others,
        "lora_dropout": 0.0,
        "bias": "none",
    }


def write_adapter(
    path: Path, changes: Mapping[str, Change], *, spelling: str, dtype: str, metadata: Mapping[str, str]
) -> None:
    """Write an adapter, atomically; for PEFT with its configuration beside it.

    Raises:
        InferError: it cannot be written.
    """
    tensors = adapter_tensors(changes, spelling=spelling, dtype=DTYPES[dtype])
    write_weights(path, tensors, {**metadata, **_hashes(tensors)})
    if spelling == "peft":
        with atomic_path(path.with_name("adapter_config.json")) as temporary:
            temporary.write_text(json.dumps(peft_config(changes), indent=2) + "\n", encoding="utf-8")


def write_model(path: Path, weights: Mapping[str, Tensor], *, dtype: str, metadata: Mapping[str, str]) -> None:
    """Write a full model in the release's layout, atomically: ``net.`` before every name, the adapter in it.

    Raises:
        InferError: it cannot be written.
    """
    tensors = {f"net.{name}": tensor.detach().to("cpu", DTYPES[dtype]) for name, tensor in weights.items()}
    write_weights(path, tensors, metadata)


def _hashes(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the digest of names and values, so that equal results are recognized whatever their metadata."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return {"anima_train.tensors_sha256": digest.hexdigest()}


def delete_old(folder: Path, name: str, keep: int) -> None:
    """Delete the oldest results that were saved under way, all but ``keep``; 0 keeps all."""
    pattern = re.compile(re.escape(name) + r"-\d{6}\.safetensors")
    found = sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name))
    for path in found[:-keep] if keep else ():
        with suppress(OSError):
            path.unlink()
