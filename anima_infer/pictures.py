"""Picture files: reading, and writing whole or not at all with the metadata that other programs read.

Knows nothing of tensors. Source: ComfyUI 0.29.0 (names of the metadata).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from anima_infer.errors import InferError, SettingsError

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
    graph = json.dumps(workflow, ensure_ascii=False) if workflow else ""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".png":
            info = PngImagePlugin.PngInfo()
            if parameters:
                info.add_itxt("parameters", parameters)
            if graph:
                info.add_itxt("prompt", graph)
            picture.save(beside, format="PNG", pnginfo=info, compress_level=4)
        else:
            exif = Image.Exif()
            if parameters:
                exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + parameters.encode("utf-16-be")
            if graph:
                exif[0x0110] = f"prompt:{json.dumps(workflow)}"  # this field is ASCII
            picture.save(beside, format="WEBP", lossless=True, exif=exif)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise InferError(
            f"{path}: cannot be written ({error.strerror or error}); free some space or choose another place"
        ) from None
