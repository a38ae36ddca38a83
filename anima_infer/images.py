"""Tensors to images and back; image files with the metadata that other programs read.

Files are written atomically. Knows nothing of models. Source: ComfyUI 0.29.0 (pixel range, rounding, metadata names).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, PngImagePlugin

from anima_infer.errors import InferError, SettingsError
from anima_prompt.atomic import atomic_path

if TYPE_CHECKING:  # sheets and reports need no tensors, and should not wait for torch
    from torch import Tensor

SUFFIXES = (".png", ".webp")
"""Of the image files that are written."""

_EXIF, _USER_COMMENT, _MODEL = 0x8769, 0x9286, 0x0110


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


def save_image(
    image: Image.Image, path: Path, *, parameters: str = "", workflow: Mapping[str, Any] | None = None
) -> None:
    """Write an image with its metadata, atomically.

    Args:
        image: to write.
        path: ``.png`` or ``.webp``.
        parameters: text that A1111-style programs read.
        workflow: ComfyUI API workflow that makes the image.

    Raises:
        InferError: the file cannot be written.
        SettingsError: the suffix is neither.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SettingsError(f"{path}: suffix is '{path.suffix}'; expected one of {', '.join(SUFFIXES)}")
    try:
        with atomic_path(path) as temporary:
            if suffix == ".png":
                _write_png(image, temporary, parameters, workflow)
            else:
                _write_webp(image, temporary, parameters, workflow)
    except OSError as error:
        raise InferError(
            f"{path}: cannot be written ({error.strerror or error}); free some space or choose another folder"
        ) from None


def _write_png(image: Image.Image, path: Path, parameters: str, workflow: Mapping[str, Any] | None) -> None:
    info = PngImagePlugin.PngInfo()
    if parameters:
        info.add_itxt("parameters", parameters)
    if workflow:
        info.add_itxt("prompt", json.dumps(workflow, ensure_ascii=False))
    image.save(path, format="PNG", pnginfo=info, compress_level=4)


def _write_webp(image: Image.Image, path: Path, parameters: str, workflow: Mapping[str, Any] | None) -> None:
    exif = Image.Exif()
    if parameters:
        exif.get_ifd(_EXIF)[_USER_COMMENT] = b"UNICODE\0" + parameters.encode("utf-16-be")
    if workflow:
        exif[_MODEL] = f"prompt:{json.dumps(workflow)}"  # this field is ASCII
    image.save(path, format="WEBP", lossless=True, exif=exif)
