"""Tensors to Pillow pictures and back.

Knows nothing of models and files. Source: ComfyUI 0.29.0 (pixel range, rounding).
"""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor


def to_picture(pixels: Tensor) -> Image.Image:
    """Return 3 x H x W in [-1, 1] as a picture: clamped, and cut to 255 levels as ComfyUI does."""
    levels = ((pixels.float() + 1) / 2).clamp(0, 1).mul(255).to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())


def to_pixels(picture: Image.Image) -> Tensor:
    """Return a picture as 1 x 3 x H x W in [-1, 1], cropped round its centre to multiples of 8; alpha is dropped."""
    import numpy as np

    rgb = picture.convert("RGB")
    width, height = rgb.width // 8 * 8, rgb.height // 8 * 8
    left, top = (rgb.width - width) // 2, (rgb.height - height) // 2
    values = np.asarray(rgb.crop((left, top, left + width, top + height)), dtype=np.float32)
    return torch.from_numpy(values / 255 * 2 - 1).permute(2, 0, 1)[None]


def to_mask(picture: Image.Image, height: int, width: int) -> Tensor:
    """Return a mask picture as 1 x 1 x height x width in [0, 1]; white is what changes."""
    import numpy as np

    grey = torch.from_numpy(np.asarray(picture.convert("L"), dtype=np.float32) / 255)[None, None]
    return torch.nn.functional.interpolate(grey, size=(height, width), mode="bilinear")
