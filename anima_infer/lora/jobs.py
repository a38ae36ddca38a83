"""Other jobs on LoRA files: names of another program, the difference of two models."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from anima_infer.errors import LoraError
from anima_infer.lora.names import generic_names, spelt, split_name


def converted(tensors: Mapping[str, Tensor], to: str) -> dict[str, Tensor]:
    """Return a LoRA's tensors under the names of another program.

    Args:
        tensors: of a LoRA file.
        to: ``sd-scripts`` or ``comfyui`` (also diffusion-pipe).

    Raises:
        LoraError: a name is not Anima's, or the form is unknown.
    """
    if to not in ("sd-scripts", "comfyui"):
        raise LoraError(f"form is '{to}'; expected sd-scripts or comfyui")
    names = generic_names()
    made: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        pieces = split_name(name)
        ours = names.find(pieces[0]) if pieces else None
        if pieces is None or ours is None:
            raise LoraError(f"'{name}' is no weight of a LoRA for Anima; nothing was converted")
        made[spelt(ours, pieces[1], to)] = tensor
    return made


def extracted(base: Mapping[str, Tensor], tuned: Mapping[str, Tensor], rank: int) -> dict[str, Tensor]:
    """Return the best LoRA of a rank for the difference of two models' matrices (truncated SVD), in ComfyUI's names.

    Raises:
        LoraError: the models have different weights, or no difference.
    """
    if base.keys() != tuned.keys():
        raise LoraError("the two models have different weights; give two of the same size")
    made: dict[str, Tensor] = {}
    for name, weight in base.items():
        if weight.ndim != 2 or not name.endswith(".weight"):
            continue
        difference = tuned[name].float() - weight.float()
        if not difference.any():
            continue
        u, s, v = torch.svd_lowrank(difference, q=min(rank + 8, *difference.shape), niter=4)
        keep = min(rank, len(s))
        stem = f"diffusion_model.{name.removesuffix('.weight')}"
        made[f"{stem}.lora_B.weight"] = (u[:, :keep] * s[:keep].sqrt()).contiguous()
        made[f"{stem}.lora_A.weight"] = (v[:, :keep] * s[:keep].sqrt()).T.contiguous()
    if not made:
        raise LoraError("the two models do not differ; there is nothing to extract")
    return made
