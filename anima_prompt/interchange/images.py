"""Prompts in image files: the metadata that front ends write into PNG, WebP, JPEG, AVIF and GIF files, and our own.

Knows image files and where the texts lie in them; knows nothing of rules. Pixels are decoded only where no text
stands before them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anima_prompt.atomic import write_atomically
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
    """Return the prompts in a picture's metadata, none if it carries none.

    Raises:
        InputError: the file is no readable picture, or its metadata is damaged.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than 256 MiB; give the original picture")
        with Image.open(path) as image:
            texts = _texts(image)
    except Image.DecompressionBombError:
        raise InputError(f"{path}: has too many pixels to be opened safely; scale the picture down") from None
    except UnidentifiedImageError:
        raise InputError(f"{path}: cannot be read as a picture; give a PNG, WebP or JPEG file") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}); the picture may be damaged") from None
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
        raise InputError(f"{path}: its '{key}' metadata is no JSON; save the picture again") from None
    return read_workflow(data, str(path))


def _texts(image: Image) -> dict[str, str]:
    """Return the metadata texts by ComfyUI's and A1111's names."""
    found = _strings(image)
    if image.format == "PNG":
        if found.keys().isdisjoint(("parameters", "prompt", "workflow")):  # they may stand behind the pixels
            image.load()
            found |= _strings(image)
        return found
    exif: Any = image.getexif()
    inner = exif.get_ifd(_EXIF) if exif else {}
    comment = inner.get(_USER_COMMENT)
    if isinstance(comment, bytes):
        found["parameters"] = _user_comment(comment)
    for tag in (_MAKE, _MODEL, _DESCRIPTION):
        value = exif.get(tag)
        if isinstance(value, str):
            key, _, text = value.partition(":")
            if key.lower() in ("prompt", "workflow") and text.lstrip().startswith("{"):
                found[key.lower()] = text
    return found


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


# --- writing ---------------------------------------------------------------------------------------------------------

SUFFIXES = (".png", ".webp")
"""Of the image files that are written."""


def save_image(image: Image, path: Path, *, parameters: str = "", workflow: Mapping[str, Any] | None = None) -> None:
    """Write an image with its metadata, atomically.

    Args:
        image: to write.
        path: ``.png`` or ``.webp``.
        parameters: text that A1111-style programs read.
        workflow: ComfyUI API workflow that makes the image.

    Raises:
        InputError: the suffix is neither, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: suffix is '{path.suffix}'; expected one of {', '.join(SUFFIXES)}")
    data = (_png if suffix == ".png" else _webp)(image, parameters, workflow)
    try:
        write_atomically(path, data)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); free some space or choose another folder"
        ) from None


def _png(image: Image, parameters: str, workflow: Mapping[str, Any] | None) -> bytes:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    if parameters:
        info.add_itxt("parameters", parameters)
    if workflow:
        info.add_itxt("prompt", json.dumps(workflow, ensure_ascii=False))
    stream = BytesIO()
    image.save(stream, format="PNG", pnginfo=info, compress_level=4)
    return stream.getvalue()


def _webp(image: Image, parameters: str, workflow: Mapping[str, Any] | None) -> bytes:
    from PIL.Image import Exif

    exif = Exif()
    if parameters:
        exif.get_ifd(_EXIF)[_USER_COMMENT] = b"UNICODE\0" + parameters.encode("utf-16-be")
    if workflow:
        exif[_MODEL] = f"prompt:{json.dumps(workflow)}"  # this field is ASCII
    stream = BytesIO()
    image.save(stream, format="WEBP", lossless=True, exif=exif)
    return stream.getvalue()
