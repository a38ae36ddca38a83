"""Small previews of latents without decoding them: colors by a linear fit to the VAE."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from anima_infer.images import to_image
from anima_infer.model.vae import SCALE, Vae
from anima_prompt.interchange.images import save_image

_SAMPLES, _SIDE = 4, 16


class Preview:
    """Latents to small images, one pixel per latent."""

    @torch.inference_mode()
    def __init__(self, vae: Vae) -> None:
        """Fit 16 channels and a constant to the mean colors that the VAE decodes random latents to."""
        source = torch.Generator("cpu").manual_seed(0)
        z = torch.randn(_SAMPLES, vae.config.latent_channels, _SIDE, _SIDE, generator=source)
        z = torch.nn.functional.avg_pool2d(z, 3, 1, 1) * 2  # smooth, as images are
        pixels = vae.decode(z.to(vae.conv2.weight.device)).cpu()
        colors = torch.nn.functional.avg_pool2d(pixels, SCALE).permute(0, 2, 3, 1).reshape(-1, pixels.shape[1])
        rows = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
        rows = torch.cat((rows, torch.ones(len(rows), 1)), dim=1)
        self._map: Tensor = torch.linalg.lstsq(rows, colors).solution

    def pixels(self, latents: Tensor) -> Tensor:
        """Return (3, H, W) in [-1, 1] of latents (16, H, W)."""
        z = latents.detach().float().cpu()
        rows = torch.cat((z, torch.ones(1, *z.shape[1:])))
        return torch.einsum("chw,cr->rhw", rows, self._map)

    def save(self, latents: Tensor, path: Path) -> None:
        """Write a preview, enlarged to the size of the image."""
        small = to_image(self.pixels(latents))
        save_image(small.resize((small.width * SCALE, small.height * SCALE)), path)
