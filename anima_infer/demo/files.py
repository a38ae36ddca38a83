"""Export of the demo model with the release's names."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from anima_infer.checkpoint import write_weights
from anima_infer.demo.trunk import Trunk
from anima_infer.model.vae import Vae


def release_layout(vae: Vae) -> dict[str, Tensor]:
    """Return the VAE's weights as in the release: causal 3-D kernels whose last time slice is live."""
    made: dict[str, Tensor] = {}
    for name, weight in vae.state_dict().items():
        if name.endswith("gamma"):
            made[name] = weight if ".1.norm" in name else weight[..., None]
        elif name.endswith("weight") and not any(part in name for part in (".resample.", ".to_qkv.", ".proj.")):
            depth = 3 if weight.shape[-1] == 3 else 1
            made[name] = F.pad(weight[:, :, None], (0, 0, 0, 0, depth - 1, 0))
        else:
            made[name] = weight
    return {name: tensor.detach().contiguous().clone() for name, tensor in made.items()}


def export(folder: Path, vae: Vae, trunk: Trunk) -> None:
    """Write the three files of a release, in float16."""
    net = {f"net.{name}": tensor for name, tensor in trunk.dit.state_dict().items()}
    net |= {f"net.llm_adapter.{name}": tensor for name, tensor in trunk.adapter.state_dict().items()}
    text = {f"model.{name}": tensor for name, tensor in trunk.text.model.state_dict().items()}
    files = {"anima-tiny": net, "qwen_3_06b_tiny": text, "qwen_image_vae_tiny": release_layout(vae)}
    for name, tensors in files.items():
        write_weights(folder / f"{name}.safetensors", {key: tensor.half() for key, tensor in tensors.items()})
