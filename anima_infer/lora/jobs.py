"""Jobs on LoRA files: converting names to another program's, extracting a LoRA from two models."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from anima_infer.errors import LoraError
from anima_infer.lora.names import names_without_model, spell_name, split_name


def convert_names(tensors: Mapping[str, Tensor], to: str) -> dict[str, Tensor]:
    """Return a LoRA's tensors under another program's names.

    Args:
        tensors: of a LoRA file, by name.
        to: ``sd-scripts`` or ``comfyui`` (which diffusion-pipe writes too).

    Raises:
        LoraError: a name belongs to no module of Anima, or ``to`` is unknown.
    """
    if to not in ("sd-scripts", "comfyui"):
        raise LoraError(f"target is '{to}'; expected sd-scripts or comfyui")
    names = names_without_model()
    converted: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        spelling_and_role = split_name(name)
        module = names.find(spelling_and_role[0]) if spelling_and_role else None
        if spelling_and_role is None or module is None:
            raise LoraError(f"'{name}' is not a weight of a LoRA for Anima; nothing was converted")
        converted[spell_name(module, spelling_and_role[1], to)] = tensor
    return converted


def extract_lora(base: Mapping[str, Tensor], tuned: Mapping[str, Tensor], rank: int) -> dict[str, Tensor]:
    """Return the LoRA of a rank that is nearest to the difference of two models, in ComfyUI's names.

    Only matrices are compared; the approximation is a truncated SVD.

    Raises:
        LoraError: the models have different weights, or do not differ.
    """
    if base.keys() != tuned.keys():
        raise LoraError("the two models have different weights; pass two models of the same size")
    lora: dict[str, Tensor] = {}
    for name, weight in base.items():
        if weight.ndim != 2 or not name.endswith(".weight"):
            continue
        difference = tuned[name].float() - weight.float()
        if not difference.any():
            continue
        u, s, v = torch.svd_lowrank(difference, q=min(rank + 8, *difference.shape), niter=4)
        kept = min(rank, len(s))
        module = f"diffusion_model.{name.removesuffix('.weight')}"
        lora[f"{module}.lora_B.weight"] = (u[:, :kept] * s[:kept].sqrt()).contiguous()
        lora[f"{module}.lora_A.weight"] = (v[:, :kept] * s[:kept].sqrt()).T.contiguous()
    if not lora:
        raise LoraError("the two models do not differ; there is nothing to extract")
    return lora
