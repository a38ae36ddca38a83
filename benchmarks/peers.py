"""diffusers' Anima from the same weights, for parity tests and benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from anima_infer.checkpoint import diffusers_dit_name, diffusers_vae_name
from anima_infer.model.config import AdapterConfig, DitConfig, VaeConfig


class _Transforms:
    """The one function of torchvision that diffusers' transformer asks for, on a mask that is zero everywhere here."""

    class InterpolationMode:
        """Names of interpolations."""

        NEAREST = "nearest"

    class functional:  # noqa: N801  torchvision's name
        """Functions on tensors."""

        @staticmethod
        def resize(mask: Tensor, size: list[int], interpolation: str) -> Tensor:
            """Return the mask at another size."""
            return torch.nn.functional.interpolate(mask, size=size, mode=interpolation)


def _stand_in_for_torchvision() -> None:
    from diffusers.models.transformers import transformer_cosmos
    from diffusers.utils import is_torchvision_available

    if not is_torchvision_available():
        transformer_cosmos.transforms = _Transforms


def _filled(network: Any, weights: Mapping[str, Tensor], dtype: torch.dtype) -> Any:
    network.load_state_dict({name: tensor.to(dtype) for name, tensor in weights.items()}, strict=True, assign=True)
    return network.to(dtype).eval().requires_grad_(requires_grad=False)


def diffusers_dit(config: DitConfig, weights: Mapping[str, Tensor], dtype: torch.dtype = torch.float32) -> Any:
    """Return diffusers' transformer with weights of ours (names without prefix)."""
    from diffusers import CosmosTransformer3DModel

    _stand_in_for_torchvision()
    with torch.device("meta"):
        network = CosmosTransformer3DModel(
            in_channels=config.in_channels,
            out_channels=config.out_channels,
            num_attention_heads=config.heads,
            attention_head_dim=config.head_width,
            num_layers=config.blocks,
            text_embed_dim=config.context_width,
            adaln_lora_dim=config.adaln_width,
            max_size=(128, 240, 240),
            patch_size=(1, 2, 2),
            rope_scale=(1.0, 4.0, 4.0),
            concat_padding_mask=True,
            extra_pos_embed_type=None,
        )
    renamed = {diffusers_dit_name(name): tensor for name, tensor in weights.items() if "llm_adapter" not in name}
    return _filled(network, renamed, dtype)


def diffusers_adapter(config: AdapterConfig, weights: Mapping[str, Tensor], dtype: torch.dtype = torch.float32) -> Any:
    """Return diffusers' conditioner with weights of ours (names with ``llm_adapter.``)."""
    from diffusers import AnimaTextConditioner

    network = AnimaTextConditioner(
        source_dim=config.source_width,
        target_dim=config.target_width,
        model_dim=config.width,
        num_layers=config.blocks,
        num_attention_heads=config.heads,
        target_vocab_size=config.vocabulary,
    )
    start = "llm_adapter."
    return _filled(network, {n.removeprefix(start): t for n, t in weights.items() if n.startswith(start)}, dtype)


def diffusers_vae(config: VaeConfig, weights: Mapping[str, Tensor], dtype: torch.dtype = torch.float32) -> Any:
    """Return diffusers' VAE with weights of ours (the 3-D layout)."""
    from diffusers import AutoencoderKLQwenImage

    network = AutoencoderKLQwenImage(base_dim=config.width, z_dim=config.latent_channels)
    return _filled(network, {diffusers_vae_name(name): tensor for name, tensor in weights.items()}, dtype)


def velocity(dit: Any, x: Tensor, sigma: Tensor, context: Tensor) -> Tensor:
    """Return what diffusers' transformer makes of latents, B x 16 x H x W."""
    b, _, h, w = x.shape
    mask = torch.zeros(1, 1, h * 8, w * 8, dtype=x.dtype, device=x.device)
    made = dit(
        hidden_states=x[:, :, None],
        timestep=sigma.expand(b),
        encoder_hidden_states=context,
        padding_mask=mask,
        return_dict=False,
    )
    return made[0][:, :, 0]  # type: ignore[no-any-return]


def decoded(vae: Any, latents: Tensor) -> Tensor:
    """Return what diffusers' VAE makes of normalized latents, clamped to [-1, 1]."""
    mean = torch.tensor(vae.config.latents_mean, device=latents.device).view(1, -1, 1, 1, 1)
    std = torch.tensor(vae.config.latents_std, device=latents.device).view(1, -1, 1, 1, 1)
    z = (latents.float()[:, :, None] * std + mean).to(next(vae.parameters()).dtype)
    return vae.decode(z, return_dict=False)[0][:, :, 0].float()  # type: ignore[no-any-return]


def whole_image(dit: Any, vae: Any, cond: Tensor, uncond: Tensor, *, noise: Tensor, steps: int, scale: float) -> Tensor:
    """Render as diffusers' pipeline does: its scheduler, two passes a step, its decoder."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(sigmas=[1 - i / steps for i in range(steps)], device=noise.device)
    x = noise
    dtype = cond.dtype
    for t in scheduler.timesteps:
        sigma = (t / 1000).to(dtype)
        v_cond = velocity(dit, x.to(dtype), sigma, cond).float()
        v_uncond = velocity(dit, x.to(dtype), sigma, uncond).float()
        x = scheduler.step(v_uncond + scale * (v_cond - v_uncond), t, x, return_dict=False)[0]
    return decoded(vae, x)
