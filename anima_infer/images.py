"""Tensors to images and back. Knows nothing of models. Source: ComfyUI 0.29.0 (pixel range, rounding)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from anima_infer.errors import SettingsError

if TYPE_CHECKING:  # sheets and reports need no tensors, and should not wait for torch
    from torch import Tensor

# --- tensors ---------------------------------------------------------------------------------------------------------


def to_image(pixels: Tensor) -> Image.Image:
    """Return pixels (3, H, W) in [-1, 1] as an image: clamped, and truncated to 256 levels as in ComfyUI 0.29.0."""
    import torch

    levels = ((pixels.float() + 1) / 2).clamp(0, 1).mul(255).to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())


def to_pixels(image: Image.Image) -> Tensor:
    """Return an image as (1, 3, H, W) in [-1, 1], cropped round its center to multiples of 8; alpha is dropped."""
    import numpy as np
    import torch

    rgb = image.convert("RGB")
    width, height = rgb.width // 8 * 8, rgb.height // 8 * 8
    left, top = (rgb.width - width) // 2, (rgb.height - height) // 2
    values = np.asarray(rgb.crop((left, top, left + width, top + height)), dtype=np.float32)
    return torch.from_numpy(values / 255 * 2 - 1).permute(2, 0, 1)[None]


def to_mask(image: Image.Image, height: int, width: int) -> Tensor:
    """Return a mask image as (1, 1, height, width) in [0, 1]; white may change."""
    import numpy as np
    import torch

    gray = torch.from_numpy(np.asarray(image.convert("L"), dtype=np.float32) / 255)[None, None]
    return torch.nn.functional.interpolate(gray, size=(height, width), mode="bilinear")


# --- files -----------------------------------------------------------------------------------------------------------


def open_image(path: Path) -> Image.Image:
    """Read an image file.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, ValueError, SyntaxError) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"{path}: cannot be read as an image ({reason}); pass a PNG, WebP or JPEG") from None
