"""Files that are not safetensors, told by their first bytes whatever they are called."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile, ZipFile

from anima_infer.checkpoint.header import MOST_HEADER_BYTES

PICKLE = "a PyTorch pickle"
_BYTES = 1024
_MODEL = "pass a .safetensors file of the model"
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GGUF", "a GGUF file, which is not supported; pass the .safetensors file of the model"),
    (0, b"lmgg", "a GGML file, which is not supported; pass the .safetensors file of the model"),
    (0, b"tjgg", "a GGML file, which is not supported; pass the .safetensors file of the model"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself; run 'git lfs pull', or download the file"),
    (0, b"\x89PNG\r\n", f"a PNG image; {_MODEL}"),
    (0, b"\xff\xd8\xff", f"a JPEG image; {_MODEL}"),
    (0, b"GIF8", f"a GIF image; {_MODEL}"),
    (8, b"WEBP", f"a WebP image; {_MODEL}"),
    (4, b"ftyp", f"a video or AVIF image; {_MODEL}"),
    (0, b"%PDF", f"a PDF document; {_MODEL}"),
    (0, b"\x89HDF", "a Keras or HDF5 file; pass the .safetensors file of the model"),
    (0, b"\x93NUMPY", "a NumPy array; pass the .safetensors file of the model"),
    (4, b"TFL3", "a TensorFlow Lite model; pass the .safetensors file of the model"),
    (0, b"7z\xbc\xaf", "a 7z archive; unpack it and pass the file inside"),
    (0, b"Rar!", "a RAR archive; unpack it and pass the file inside"),
    (0, b"\x1f\x8b", "a gzip archive; unpack it and pass the file inside"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive; unpack it and pass the file inside"),
    (257, b"ustar", "a tar archive; unpack it and pass the file inside"),
    (0, b"MZ", f"a Windows program; {_MODEL}"),
)
_HTML = (b"<!doctype", b"<html", b"<head", b"<?xml")
_ONNX_FIELDS = b"\x12\x1a\x22\x2a\x32\x3a\x42"
"""Tags of the fields of an ONNX model that may follow its first field, the version."""


def foreign_format(path: Path) -> str | None:
    """Return what a file is if it is not safetensors, and what to do; None if it may be safetensors.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(_BYTES)
    if not start:
        return "empty (0 bytes); the download failed, download it again"
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= MOST_HEADER_BYTES:
        return None
    for offset, signature, name in _SIGNATURES:
        if start.startswith(signature, offset):
            return name
    if start.startswith(b"PK"):
        return _zip_contents(path)
    if start[0] == 0x80 and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return PICKLE
    if start[0] == 8 and 0 < start[1] < 32 and start[2] in _ONNX_FIELDS:
        return "an ONNX model, which is not supported; pass the .safetensors file of the model"
    if not start.strip(b"\0"):
        return "filled with zeros; the download is incomplete, download it again"
    return _text_contents(start)


def _zip_contents(path: Path) -> str:
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
    except (BadZipFile, OSError, ValueError, RuntimeError):
        return "a damaged ZIP archive or PyTorch file; the download may be incomplete, download it again"
    if any(name.endswith("data.pkl") for name in names):
        return PICKLE
    if any(name.endswith(".npy") for name in names):
        return "an archive of NumPy arrays; pass the .safetensors file of the model"
    return "a ZIP archive; unpack it and pass the file inside"


def _text_contents(start: bytes) -> str | None:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:9].lower().startswith(_HTML):
        return "a web page, not the file itself; the link needs a login or is wrong, download the file again"
    if text.startswith((b"{", b"[")):
        return f"a JSON file, not weights; {_MODEL}"
    try:
        words = start[: _BYTES - 4].decode("utf-8")
    except UnicodeDecodeError:
        return None
    if all(char.isprintable() or char in "\t\r\n" for char in words):
        shown = " ".join(words.split())[:60]
        return f"a text file ('{shown}'), not weights; download the file again"
    return None
