"""Facts about the VAE."""

from __future__ import annotations

import pytest
import torch

from anima_infer.models import Models


@torch.inference_mode()
@pytest.mark.parametrize("strip", [1, 2, 5])
def test_strips_of_the_encoder_change_nothing(models: Models, strip: int) -> None:
    pixels = torch.randn(1, 3, 104, 48, generator=torch.Generator().manual_seed(4)).clamp(-1, 1)
    whole, parts = models.vae.encode(pixels), models.vae.encode(pixels, strip=strip)
    torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("strip", [1, 3, 8])
def test_strips_change_nothing(models: Models, strip: int) -> None:
    latents = torch.randn(1, 16, 20, 6)
    whole, parts = models.vae.decode(latents), models.vae.decode(latents, strip=strip)
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_gradients_reach_the_latents(models: Models) -> None:
    with torch.inference_mode(mode=False):
        latents = torch.randn(1, 16, 4, 4, requires_grad=True)
        fresh = {name: tensor.clone() for name, tensor in models.vae.state_dict().items()}
        models.vae.load_state_dict(fresh, assign=True)
        models.vae.decode(latents).square().mean().backward()
        assert latents.grad is not None
        assert latents.grad.abs().sum() > 0
