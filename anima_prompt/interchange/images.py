"""Prompts in image files: the metadata that front ends write into PNG, WebP, JPEG, AVIF and GIF files, and our own.

Opens and writes image files; knows nothing of rules. Pixels are never decoded.
"""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anima_prompt.atomic import write_atomically
from anima_prompt.errors import InputError
from anima_prompt.interchange.front_ends import read_texts
from anima_prompt.interchange.image_texts import image_texts
from anima_prompt.interchange.recorded import Recorded

if TYPE_CHECKING:
    from PIL.Image import Image

_USER_COMMENT, _MODEL, _EXIF = 0x9286, 0x0110, 0x8769
_MOST_BYTES = 256 * 1024 * 1024
_DAMAGE = (
    *(OSError, ValueError, SyntaxError, EOFError, LookupError, ArithmeticError, AttributeError, TypeError),
    *(RuntimeError, struct.error, zlib.error),
)
"""What Pillow and its plug-ins raise for damaged files."""


def read_image(path: Path) -> list[Recorded]:
    """Return the prompts in an image's metadata, none if it has none.

    Raises:
        InputError: the file is not a readable image, or its metadata is damaged.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than 256 MiB; give the original image")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF data, and of many pixels, which are not decoded
            with Image.open(path) as image:
                texts = image_texts(image, path)
    except Image.DecompressionBombError:
        raise InputError(f"{path}: has too many pixels to be opened safely; scale the image down") from None
    except UnidentifiedImageError:
        raise InputError(f"{path}: cannot be read as an image; give a PNG, WebP, JPEG, AVIF or GIF file") from None
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be read ({reason}); give an image file") from None
    except _DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}); the image may be damaged") from None
    return read_texts(texts, str(path))


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
