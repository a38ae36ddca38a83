"""Read and write text files without losing anything.

Knows sizes, encodings and safe replacement; knows nothing of prompts. A text file may hold a negative prompt below a
line of three hyphens.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from anima_prompt.atomic import atomic_path
from anima_prompt.errors import InputError

MAX_BYTES = 16 * 1024 * 1024
"""Largest text that is read; the longest prompt in the wild is a thousandth of it."""

DIVIDER = "---"
_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n)|([^\r\n]+)")


def read_text(source: str, *, limit: int = MAX_BYTES) -> str:
    """Return the text of a file, or of standard input for ``-``. A byte-order mark is dropped.

    Args:
        limit: most bytes that are read; more are an error.

    Raises:
        InputError: missing, a folder, too large, binary, or not UTF-8.
    """
    name = "standard input" if source == "-" else source
    try:
        data = sys.stdin.buffer.read(limit + 1) if source == "-" else _read_file(Path(source), limit)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        shown = name if len(name) <= 255 else f"{name[:40]}..."  # a prompt stands where a file is wanted
        raise InputError(f"{shown}: {reason}; give a readable text file") from None
    if len(data) > limit:
        raise InputError(f"{name}: larger than {limit // 1024 // 1024} MiB; split it into files of one prompt each")
    return decode(data, name)


def decode(data: bytes, name: str) -> str:
    """Return UTF-8 bytes as text.

    Raises:
        InputError: the bytes are binary or in another encoding.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{name}: is UTF-16; save it as UTF-8")
    if b"\0" in data:
        raise InputError(f"{name}: is a binary file (byte 0 at offset {data.index(0)}); give a text file")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise InputError(
            f"{name}: is not UTF-8 (byte 0x{byte:02x} at offset {error.start}); save it as UTF-8"
        ) from None


def write_text(path: Path, text: str) -> None:
    """Replace a file's text: write beside, then rename, so that an interruption leaves the old text.

    Raises:
        InputError: the folder or the disk does not take it.
    """
    target = path.resolve()
    try:
        with atomic_path(target) as beside, beside.open("w", encoding="utf-8", newline="") as stream:
            if target.exists():  # before there is a text that not everybody may read
                beside.chmod(target.stat().st_mode & 0o7777)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be written ({reason}); the file is as it was") from None


def lines_of(text: str, *, keep_ends: bool = False) -> list[str]:
    r"""Return the lines of a file: what an editor shows as lines, and no more.

    ``str.splitlines`` also cuts at U+2028, U+0085 and form feeds, which are text here, and legal inside JSON.

    >>> lines_of("1girl\r\nhat\u2028smile\n"), lines_of("1girl\r\nhat", keep_ends=True)
    (['1girl', 'hat\u2028smile'], ['1girl\r\n', 'hat'])
    """
    return [match[0] if keep_ends else match[1] or match[3] or "" for match in _LINE.finditer(text)]


def split_negative(text: str) -> tuple[str, str | None]:
    r"""Return the positive and the negative part of a text; the latter is None without a divider line.

    >>> split_negative("1girl\n---\nblurry\n")
    ('1girl', 'blurry')
    """
    lines = lines_of(text)
    for index, line in enumerate(lines):
        if line.strip() == DIVIDER:
            return "\n".join(lines[:index]), "\n".join(lines[index + 1 :])
    return text, None


def join_negative(positive: str, negative: str | None) -> str:
    """Return both parts in one text; the inverse of :func:`split_negative`."""
    return positive if negative is None else f"{positive}\n{DIVIDER}\n{negative}"


def _read_file(path: Path, limit: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(limit + 1)
