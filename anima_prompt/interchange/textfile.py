"""Read and write text files without losing anything.

Knows sizes, encodings and safe replacement; knows nothing of prompts. A text file may contain a negative prompt below a
line of three hyphens.
"""

from __future__ import annotations

import errno
import re
import sys
from pathlib import Path

from anima_prompt.atomic import write_atomically, write_output
from anima_prompt.errors import InputError
from anima_prompt.safe_paths import read_bytes

MAX_BYTES = 16 * 1024 * 1024
"""Largest text that is read; the longest prompt in the wild is a thousandth of it."""

DIVIDER = "---"
_LONGEST_NAME = 255
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
        data = _read_stdin(limit) if source == "-" else read_bytes(Path(source), limit=limit)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{shortened(name)}: {reason[:1].lower()}{reason[1:]}; pass a readable text file") from None
    if len(data) > limit:
        raise InputError(f"{name}: larger than {limit // 1024 // 1024} MiB; split it into files of one prompt each")
    return decode(data, name)


def _read_stdin(limit: int) -> bytes:
    if sys.stdin is None:
        raise OSError(errno.EBADF, "is closed")
    return sys.stdin.buffer.read(limit + 1)


def decode(data: bytes, name: str) -> str:
    """Return UTF-8 bytes as text.

    Raises:
        InputError: the bytes are binary or in another encoding.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{name}: is UTF-16; save it as UTF-8")
    if b"\0" in data:
        raise InputError(f"{name}: is a binary file (byte 0 at offset {data.index(0)}); pass a text file")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise InputError(
            f"{name}: is not UTF-8 (byte 0x{byte:02x} at offset {error.start}); save it as UTF-8"
        ) from None


def write_text(path: Path, text: str, *, within: Path | None = None) -> None:
    """Replace the text of a file atomically, or create the file; an interruption leaves the old text.

    Args:
        within: the folder in which ``path`` was found. A symbolic link in it is followed if its target is inside the
            folder as well. None for a path that the user named: a link is followed wherever it leads.

    Raises:
        InputError: the file is read-only, is not a regular file, is outside ``within``, or the disk refuses it.
    """
    try:
        if within is not None and not path.resolve().is_relative_to(within.resolve()):
            raise InputError(
                f"{path}: is a symbolic link that leads out of {within}; not changed, name the file itself to change it"
            )
        write_atomically(path, text.encode("utf-8"))
    except (OSError, ValueError) as error:
        raise _write_error(path, error, "the file was not changed") from None


def write_report(path: Path, text: str) -> None:
    """Write results to a file, a device, a FIFO or an open stream; see :func:`anima_prompt.atomic.write_output`.

    Raises:
        InputError: it cannot be written.
    """
    try:
        write_output(path, text)
    except (OSError, ValueError) as error:
        raise _write_error(path, error, "choose another file") from None


def _write_error(path: Path, error: OSError | ValueError, next_step: str) -> InputError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return InputError(f"{shortened(str(path))}: cannot be written ({reason[:1].lower()}{reason[1:]}); {next_step}")


def shortened(name: str) -> str:
    """Return a name for a message, cut at 255 characters, because it may be a prompt instead of a file name."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:40]}..."


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
