"""Where the texts of an image file are: PNG chunks, EXIF, XMP, comments; and in which encoding.

Returns texts by name; knows nothing of what they say. Pixels are never decoded.
"""

from __future__ import annotations

import html
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_EXIF = 0x8769
_USER_COMMENT = 0x9286
_NAMED = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
}
_MOST_TEXT = 16 * 1024 * 1024
_MOST_CHUNKS = 100_000
_XMP_COMMENT = re.compile(r"<exif:UserComment>(.*?)</exif:UserComment>|exif:UserComment=\"([^\"]*)\"", re.DOTALL)
_XMP_TEXT = re.compile(r"<dc:description>(.*?)</dc:description>", re.DOTALL)


def image_texts(image: Image, path: Path) -> dict[str, str]:
    """Return the texts of an opened image by the names of chunks and fields."""
    texts = {str(key): _repaired(value) for key, value in image.info.items() if isinstance(value, str)}
    if image.format == "PNG":
        texts = dict(_png_texts(path)) | texts
    for key in ("comment", "XML:com.adobe.xmp", "xmp"):
        value = image.info.get(key)
        if isinstance(value, bytes):
            texts[key] = _decoded(value)
    texts |= _exif_texts(image)
    xmp = texts.pop("XML:com.adobe.xmp", None) or texts.pop("xmp", None)
    return texts | (_xmp_texts(xmp) if xmp else {})


def _repaired(text: str) -> str:
    """Return UTF-8 that was read as Latin-1 as the text that it is."""
    if text.isascii() or type(text) is not str:  # a chunk that names its encoding is a subclass
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text


# --- PNG -------------------------------------------------------------------------------------------------------------


def _png_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the texts of a PNG, those after the pixels too; a file that is cut off gives what it has."""
    with path.open("rb") as stream:
        stream.seek(8)
        for _ in range(_MOST_CHUNKS):
            head = stream.read(8)
            if len(head) < 8:
                return
            length, kind = struct.unpack(">I4s", head)
            if kind in (b"tEXt", b"iTXt", b"zTXt") and length <= _MOST_TEXT:
                found = _png_text(kind, stream.read(length))
                if found is not None:
                    yield found
                stream.seek(4, 1)
            else:
                stream.seek(length + 4, 1)


def _png_text(kind: bytes, data: bytes) -> tuple[str, str] | None:
    name, _, rest = data.partition(b"\0")
    key = name.decode("latin-1")
    if kind == b"tEXt":
        return key, _repaired(rest.decode("latin-1"))
    is_packed = kind == b"zTXt"
    if kind == b"iTXt":
        is_packed, rest = rest[:1] == b"\1", rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    else:
        rest = rest[1:]
    try:
        body = zlib.decompressobj().decompress(rest, _MOST_TEXT) if is_packed else rest
    except zlib.error:
        return None
    return key, _decoded(body)


# --- EXIF and XMP ----------------------------------------------------------------------------------------------------


def _exif_texts(image: Image) -> dict[str, str]:
    exif: Any = image.getexif()
    if not exif:
        return {}
    texts = {name: _field(exif.get(tag)) for tag, name in _NAMED.items()}
    inner = exif.get_ifd(_EXIF)
    comment = inner.get(_USER_COMMENT, exif.get(_USER_COMMENT))
    if isinstance(comment, bytes):
        texts["UserComment"] = decode_comment(comment)
    elif isinstance(comment, str):
        texts["UserComment"] = comment
    return {name: text for name, text in texts.items() if text}


def _field(value: object) -> str:
    if isinstance(value, tuple) and all(isinstance(item, int) for item in value):
        value = bytes(item % 256 for item in value)
    if isinstance(value, bytes):
        return _utf16(value) if b"\0" in value else _decoded(value)
    return _repaired(value).strip("\0") if isinstance(value, str) else ""


def decode_comment(data: bytes) -> str:
    r"""Return an EXIF comment as text; its first eight bytes name the encoding, or do not.

    >>> decode_comment(b"UNICODE\0" + "hat".encode("utf-16-le")), decode_comment(b"\0" * 8 + b"hat")
    ('hat', 'hat')
    """
    code, body = data[:8], data[8:]
    if code.startswith(b"UNICODE"):
        return _utf16(body)
    if code.startswith(b"JIS"):
        return body.decode("iso2022_jp", "replace").strip("\0")
    if code.startswith(b"ASCII") or code == b"\0" * 8:
        return _decoded(body)
    return _decoded(data)


def _decoded(data: bytes) -> str:
    """Return bytes as text: by their mark, as UTF-16 if every other byte is 0, as UTF-8, or else as Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data[:64].count(0) * 3 > len(data[:64]):
        return _utf16(data)
    try:
        return data.decode("utf-8-sig").strip("\0")
    except UnicodeDecodeError:
        return data.decode("latin-1").strip("\0")


def _utf16(data: bytes) -> str:
    """Return UTF-16 as text: by its mark, or else in the order that gives more ASCII (settings and commas are)."""
    if data.startswith(b"\xff\xfe"):
        return data[2:].decode("utf-16-le", "replace").strip("\0")
    if data.startswith(b"\xfe\xff"):
        return data[2:].decode("utf-16-be", "replace").strip("\0")
    if 0 not in data and data.isascii():  # the code says UTF-16, and the text is none
        return data.decode("ascii")
    both = [data[: len(data) // 2 * 2].decode(order, "replace").strip("\0") for order in ("utf-16-be", "utf-16-le")]
    counts = [sum(" " <= letter <= "~" or letter == "\n" for letter in text) for text in both]
    if 0 not in data and max(counts) * 8 < len(data):
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8")
    return both[0] if counts[0] >= counts[1] else both[1]


def _xmp_texts(xmp: str) -> dict[str, str]:
    texts = {}
    for name, pattern in (("XMP UserComment", _XMP_COMMENT), ("XMP description", _XMP_TEXT)):
        match = pattern.search(xmp)
        if match:
            inner = next(group for group in match.groups() if group is not None)
            texts[name] = html.unescape(re.sub(r"<[^>]*>", "", inner)).strip()
    return texts
