"""Read prompts from images: the metadata of A1111-style tools and ComfyUI in PNG, WebP and JPEG files.

Knows image files and the position of texts in them; knows nothing of rules. Pixels are only decoded if no text comes
before them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anima_prompt.errors import InputError
from anima_prompt.interchange.parameters import Recorded, read_parameters
from anima_prompt.interchange.workflow import read_workflow

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGES = (".png", ".webp", ".jpg", ".jpeg")
_USER_COMMENT, _DESCRIPTION, _MAKE, _MODEL = 0x9286, 0x010E, 0x010F, 0x0110
_EXIF = 0x8769
_MOST_BYTES = 256 * 1024 * 1024


def read_image(path: Path) -> list[Recorded]:
    """Return the prompts in the metadata of an image; an empty list without metadata.

    Raises:
        InputError: the file is not a readable image, or its metadata is damaged.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than 256 MiB; pass the original image")
        with Image.open(path) as image:
            texts = _texts(image)
    except Image.DecompressionBombError:
        raise InputError(f"{path}: has too many pixels to be opened safely; scale the image down") from None
    except UnidentifiedImageError:
        raise InputError(f"{path}: cannot be read as an image; pass a PNG, WebP or JPEG file") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}); the image may be damaged") from None
    if texts.get("parameters"):
        return [read_parameters(texts["parameters"])]
    for key in ("prompt", "workflow"):
        if texts.get(key):
            return _graph(texts[key], path, key)
    return []


def _graph(text: str, path: Path, key: str) -> list[Recorded]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{path}: its '{key}' metadata is not JSON; save the image again") from None
    return read_workflow(data, str(path))


def _texts(image: Image) -> dict[str, str]:
    """Return the metadata texts by ComfyUI's and A1111's names."""
    texts = _strings(image)
    if image.format == "PNG":
        if texts.keys().isdisjoint(("parameters", "prompt", "workflow")):  # they may come after the pixels
            image.load()
            texts |= _strings(image)
        return texts
    exif: Any = image.getexif()
    inner = exif.get_ifd(_EXIF) if exif else {}
    comment = inner.get(_USER_COMMENT)
    if isinstance(comment, bytes):
        texts["parameters"] = _user_comment(comment)
    for tag in (_MAKE, _MODEL, _DESCRIPTION):
        value = exif.get(tag)
        if isinstance(value, str):
            key, _, text = value.partition(":")
            if key.lower() in ("prompt", "workflow") and text.lstrip().startswith("{"):
                texts[key.lower()] = text
    return texts


def _strings(image: Image) -> dict[str, str]:
    return {key: value for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}


def _user_comment(data: bytes) -> str:
    """Return an EXIF comment as text; its first eight bytes name the encoding."""
    code, body = data[:8], data[8:]
    if code.startswith(b"UNICODE"):
        order = "utf-16-le" if body[1:2] == b"\0" else "utf-16-be"
        return body.decode(order, "replace").strip("\0")
    if code.startswith(b"ASCII"):
        return body.decode("utf-8", "replace").strip("\0")
    return data.decode("utf-8", "replace").strip("\0")
