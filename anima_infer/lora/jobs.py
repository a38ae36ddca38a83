"""Jobs on LoRA files: names of another program, another number of blocks, the difference of two models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from anima_infer.errors import LoraError
from anima_infer.lora.file import Lora
from anima_infer.lora.names import spell_name

_TARGETS = ("sd-scripts", "comfyui")


def convert_names(lora: Lora, to: str) -> dict[str, Tensor]:
    """Return a LoRA's tensors under another program's names.

    A scale that stands outside the tensors becomes an alpha.

    Args:
        lora: a file.
        to: ``sd-scripts`` or ``comfyui`` (which diffusion-pipe writes too).

    Raises:
        LoraError: the other program has no name for a tensor, or ``to`` is unknown.
    """
    if to not in _TARGETS:
        raise LoraError(f"target is '{to}'; expected {' or '.join(_TARGETS)}")
    converted: dict[str, Tensor] = {}
    for module, delta in lora.deltas.items():
        if "magnitude" in delta.tensors:
            raise LoraError(
                f"{lora.path}: DoRA in the form of PEFT cannot be written for {to}, whose dora_scale is divided by "
                "other norms; merge it into a model, or extract it from one"
            )
        tensors = dict(delta.tensors)
        if delta.stated_scale is not None and delta.rank:
            tensors["alpha"] = torch.tensor(delta.stated_scale * delta.rank)
        converted |= {spell_name(module, role, to): tensor for role, tensor in tensors.items()}
    return converted


Weights = Mapping[str, Callable[[], Tensor]]
"""Readers of a network's weights, float32, by the network's names."""


@dataclass(slots=True)
class Extracted:
    """The LoRA of a difference.

    Attributes:
        tensors: in ComfyUI's names.
        modules: number of modules by kind of change (``LoRA``, ``diff``, ``diff_b``).
        left: names of weights that differ and are left out.
        error: share of the difference, by its norm, that the rank leaves out.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    modules: dict[str, int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    error: float = 0.0


def extract_lora(base: Mapping[str, Weights], tuned: Mapping[str, Weights], *, rank: int) -> Extracted:
    """Return the LoRA of a rank that is nearest to the difference of two models.

    Matrices become products of low rank by a truncated SVD; norms, biases and other vectors are kept whole.

    Args:
        base, tuned: weights of the networks ``dit``, ``adapter`` and ``text`` of two models.
        rank: of the products.

    Raises:
        LoraError: the models have different sizes, or do not differ.
    """
    if not base.keys() & tuned.keys() or any(base[n].keys() != tuned[n].keys() for n in base.keys() & tuned.keys()):
        raise LoraError("the two models have different weights; pass two models of the same size")
    result = Extracted()
    squares, missed = 0.0, 0.0
    for network in ("dit", "adapter", "text"):
        if network not in base or network not in tuned:
            result.left += [f"{network}:{name}" for name in (*base.get(network, ()), *tuned.get(network, ()))]
            continue
        for name, read in base[network].items():
            old, new = read(), tuned[network][name]()
            if old.shape != new.shape:
                raise LoraError(
                    f"'{name}' has shapes {tuple(old.shape)} and {tuple(new.shape)}; pass models of one size"
                )
            difference = new - old
            if not difference.any():
                continue
            squares += float(difference.square().sum())
            missed += _add_difference(result, f"{network}:{name}", difference, rank)
    if not result.tensors:
        raise LoraError("the two models do not differ; there is nothing to extract")
    result.error = (missed / squares) ** 0.5
    return result


def _add_difference(result: Extracted, name: str, difference: Tensor, rank: int) -> float:
    """Add the difference of one weight; return the square of the norm of what is left out."""
    module, _, leaf = name.rpartition(".")
    if difference.ndim == 1:
        role = "diff" if leaf == "weight" else "diff_b"
        result.tensors[spell_name(module, role, "comfyui")] = difference
        result.modules[role] = result.modules.get(role, 0) + 1
        return 0.0
    u, s, v = torch.svd_lowrank(difference, q=min(rank + 8, *difference.shape), niter=4)
    kept = min(rank, len(s))
    up, down = u[:, :kept] * s[:kept].sqrt(), (v[:, :kept] * s[:kept].sqrt()).T
    result.tensors[spell_name(module, "up", "comfyui")] = up.contiguous()
    result.tensors[spell_name(module, "down", "comfyui")] = down.contiguous()
    result.modules["LoRA"] = result.modules.get("LoRA", 0) + 1
    return float((difference - up @ down).square().sum())
