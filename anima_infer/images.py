"""Tensors to Pillow pictures and back.

Knows nothing of models and files. Source: ComfyUI 0.29.0 (pixel range, rounding).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image, PngImagePlugin
from torch import Tensor

from anima_infer.atomic import written_whole
from anima_infer.errors import InferError, SettingsError


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


ENDINGS = (".png", ".webp")


def open_picture(path: Path) -> Image.Image:
    """Open a picture.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture
    except (OSError, ValueError, SyntaxError) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"{path}: cannot be read as a picture ({reason}); give a PNG, WebP or JPEG") from None


def save_picture(
    picture: Image.Image, path: Path, *, parameters: str = "", workflow: Mapping[str, Any] | None = None
) -> None:
    """Write a picture with its metadata, whole or not at all.

    Args:
        picture: what to write.
        path: ``.png`` or ``.webp``; the ending decides.
        parameters: text that A1111-style readers find.
        workflow: ComfyUI API workflow that makes the picture.

    Raises:
        InferError: the file cannot be written.
        SettingsError: the ending is another one.
    """
    if path.suffix.lower() not in ENDINGS:
        raise SettingsError(f"{path}: ending is '{path.suffix}'; expected one of {', '.join(ENDINGS)}")
    try:
        with written_whole(path) as beside:
            if path.suffix.lower() == ".png":
                _write_png(picture, beside, parameters, workflow)
            else:
                _write_webp(picture, beside, parameters, workflow)
    except OSError as error:
        raise InferError(
            f"{path}: cannot be written ({error.strerror or error}); free some space or choose another place"
        ) from None


def _write_png(picture: Image.Image, path: Path, parameters: str, workflow: Mapping[str, Any] | None) -> None:
    info = PngImagePlugin.PngInfo()
    if parameters:
        info.add_itxt("parameters", parameters)
    if workflow:
        info.add_itxt("prompt", json.dumps(workflow, ensure_ascii=False))
    picture.save(path, format="PNG", pnginfo=info, compress_level=4)


def _write_webp(picture: Image.Image, path: Path, parameters: str, workflow: Mapping[str, Any] | None) -> None:
    exif = Image.Exif()
    if parameters:
        exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + parameters.encode("utf-16-be")
    if workflow:
        exif[0x0110] = f"prompt:{json.dumps(workflow)}"  # this field is ASCII
    picture.save(path, format="WEBP", lossless=True, exif=exif)
