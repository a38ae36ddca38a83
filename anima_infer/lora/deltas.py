"""What a LoRA changes in one weight: LoRA, LoHa, LoKr, DoRA, full differences."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from anima_infer.errors import LoraError


@dataclass(slots=True)
class Delta:
    """The tensors of one module in a LoRA file, by role (``up``, ``down``, ``alpha``, ...; see ``ROLES``)."""

    tensors: dict[str, Tensor] = field(default_factory=dict)

    @property
    def rank(self) -> int | None:
        """Inner size; None for a form that has none."""
        t = self.tensors
        if "down" in t:
            return t["down"].shape[0]
        if "hada_w1_b" in t:
            return t["hada_w1_b"].shape[0]
        inner = t.get("lokr_w2_b", t.get("lokr_w1_b"))
        return None if inner is None else inner.shape[0]

    @property
    def alpha(self) -> float | None:
        """Numerator of the scale; None if the file has none."""
        return float(self.tensors["alpha"]) if "alpha" in self.tensors else None

    @property
    def scale(self) -> float:
        """Alpha / rank; 1 if either is missing."""
        return self.alpha / self.rank if self.alpha is not None and self.rank else 1.0

    @property
    def form(self) -> str:
        """LoRA, LoHa, LoKr or difference, followed by "with DoRA" where there is a magnitude."""
        t = self.tensors
        name = (
            "LoRA"
            if "up" in t
            else "LoHa"
            if "hada_w1_a" in t
            else "LoKr"
            if any("lokr" in role for role in t)
            else "difference"
        )
        return f"{name} with DoRA" if "dora_scale" in t else name

    def product(self, shape: torch.Size) -> Tensor:
        """Return the change of a weight before strength and scale, float32, in the weight's shape.

        Raises:
            LoraError: the LoRA is for a convolution.
        """
        t = {role: tensor.float() for role, tensor in self.tensors.items()}
        convolution = next((role for role in ("mid", "hada_t1", "lokr_t2") if role in t), None)
        if convolution is not None:
            raise LoraError(f"'{convolution}' is for a convolution; the networks of Anima that take LoRAs have none")
        if "up" in t:
            return (t["up"].flatten(1) @ t["down"].flatten(1)).reshape(shape)
        if "hada_w1_a" in t:
            return ((t["hada_w1_a"] @ t["hada_w1_b"]) * (t["hada_w2_a"] @ t["hada_w2_b"])).reshape(shape)
        w1 = t["lokr_w1"] if "lokr_w1" in t else t["lokr_w1_a"] @ t["lokr_w1_b"]
        w2 = t["lokr_w2"] if "lokr_w2" in t else t["lokr_w2_a"] @ t["lokr_w2_b"]
        return torch.kron(w1.contiguous(), w2.contiguous()).reshape(shape)

    def merged(self, weight: Tensor, strength: float) -> Tensor:
        """Return ``weight + strength * delta`` in the weight's dtype.

        Raises:
            LoraError: the sizes do not fit.
        """
        base = weight.float()
        t = self.tensors
        try:
            if "set_weight" in t:
                return t["set_weight"].to(weight)
            if "diff" in t:
                return (base + strength * t["diff"].to(base.device).float().reshape(base.shape)).to(weight.dtype)
            change = self.product(base.shape).to(base.device) * self.scale
            if "dora_scale" not in t:
                return (base + strength * change).to(weight.dtype)
            full = _with_magnitude(base, base + change, t["dora_scale"].to(base.device).float())
        except (RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())[:100]
            raise LoraError(f"sizes do not fit a weight of {tuple(weight.shape)} ({reason})") from None
        return (full if strength == 1 else base + strength * (full - base)).to(weight.dtype)

    def merged_bias(self, bias: Tensor, strength: float) -> Tensor:
        """Return ``bias + strength * delta`` in the bias's dtype."""
        return (bias.float() + strength * self.tensors["diff_b"].to(bias.device).float()).to(bias.dtype)


def _with_magnitude(base: Tensor, changed: Tensor, magnitude: Tensor) -> Tensor:
    """Return the changed weight scaled to DoRA's magnitude.

    Along the output axis the norm is that of the original weight, as in ComfyUI 0.29.0, not that of the changed one.
    """
    eps = torch.finfo(torch.float32).eps
    if magnitude.shape[0] == base.shape[0]:
        norm = base.flatten(1).norm(dim=1).reshape(-1, *[1] * (base.ndim - 1)) + eps
    else:
        norm = changed.transpose(0, 1).flatten(1).norm(dim=1).reshape(1, -1, *[1] * (base.ndim - 2)) + eps
    return changed * (magnitude / norm)
