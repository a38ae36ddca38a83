"""Data-set folders for tests, from the mini-language of the rules' examples: one file a line."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw


def put_all(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files by relative path."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def image_bytes(color: str = "white", *, number: int = 0, size: int = 64, form: str = "PNG") -> bytes:
    """Return an image: a color, with a different figure for each number."""
    image = Image.new("RGB", (size, size), color)
    if number:
        draw = ImageDraw.Draw(image)
        for place in range(6):
            x, y = (number * 37 + place * 53) % 7 * size // 8, (number * 91 + place * 29) % 7 * size // 8
            draw.rectangle((x, y, x + size // 6, y + size // 6), fill=(40 * place, 255 - 40 * place, number * 77 % 256))
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def npz_of(ids: list[int]) -> bytes:
    """Return a text cache with some T5 ids, padded to 512 as sd-scripts writes it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("t5_input_ids.npy", _array([*ids, *[0] * (512 - len(ids))]))
        archive.writestr("t5_attn_mask.npy", _array([1] * len(ids) + [0] * (512 - len(ids))))
    return stream.getvalue()


def _array(numbers: list[int]) -> bytes:
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': ({len(numbers)},), }}"
    header = header.ljust(117) + "\n"
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(header))
        + header.encode()
        + struct.pack(f"<{len(numbers)}i", *numbers)
    )


def from_lines(folder: Path, text: str, encode: Any = None) -> dict[str, str]:
    """Write the files of an example; return its options."""
    options = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("--"):
            name, _, value = line.partition(" ")
            options[name.removeprefix("--")] = value
            continue
        name, _, content = line.partition(":")
        content = content.strip()
        data = content.encode().decode("unicode_escape").encode("latin-1") if "\\x" in content else content.encode()
        if name.endswith(".png"):
            data = image_bytes(content) if content else image_bytes(number=number)
        elif name.endswith(".npz"):
            data = npz_of(encode(content))
        put_all(folder, {name: data})
    return options
