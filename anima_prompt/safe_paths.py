"""``os.path`` checks that return False, never raise, for impossible names (too long, NUL byte).

``Path.is_file`` and its kin raise for such names, and a prompt can stand where a file name is expected. Reading refuses
devices, which may never end.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_FORBIDDEN = '<>:"/\\|?*'
_RESERVED = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {
    f"{name}{n}" for name in ("COM", "LPT") for n in "123456789¹²³"
}
"""Names of devices on Windows, with any suffix. Source: learn.microsoft.com, "Naming Files, Paths, and Namespaces"."""
_LONGEST = 200
"""Bytes of a name to which suffixes can be added without passing the limit of 255."""
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,6})")


def is_file(path: str | Path) -> bool:
    r"""Return whether the path is an existing file.

    >>> is_file("1girl, " * 100), is_file("a\\0b")
    (False, False)
    """
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | Path) -> bool:
    """Return whether the path is an existing folder."""
    return os.path.isdir(path)  # noqa: PTH112


def exists(path: str | Path) -> bool:
    """Return whether a file or a folder exists at the path."""
    return os.path.exists(path)  # noqa: PTH110


def is_link(path: str | Path) -> bool:
    """Return whether the path is a symbolic link, broken or not."""
    return os.path.islink(path)  # noqa: PTH114


def expand_home(path: str | Path) -> Path:
    """Return the path with a leading ``~`` expanded; unchanged if there is no such user."""
    return Path(os.path.expanduser(path))  # noqa: PTH111


def name_problem(name: str) -> str:
    """Return why a file's name cannot be used on every system, to follow "which"; empty if it can.

    >>> name_problem("my-tags"), name_problem("NUL"), name_problem("a."), name_problem("C:x")
    ('', 'is reserved on Windows', 'ends in a dot or a space', "contains ':'")
    """
    if not name:
        return "is empty"
    forbidden = next((char for char in name if char in _FORBIDDEN or ord(char) < 32), "")
    if forbidden:
        return f"contains {forbidden!a}"
    if name[-1] in ". ":
        return "ends in a dot or a space"
    if name.partition(".")[0].rstrip().upper() in _RESERVED:
        return "is reserved on Windows"
    return "has more than 200 bytes" if len(os.fsencode(name)) > _LONGEST else ""


def own_descriptor(path: str | Path) -> int | None:
    """Return N for ``/dev/fd/N``, ``/dev/stdin`` and the like; None for other paths, and on Windows.

    >>> own_descriptor("prompt.txt") is None
    True
    """
    if os.name != "posix":
        return None
    name = os.path.normpath(path)
    match = _DESCRIPTOR.fullmatch(name)
    return int(match[1]) if match else _STREAMS.get(name)


def read_utf8(path: Path, *, limit: int) -> str:
    """Return the text of a small UTF-8 file, such as a configuration; line ends become line feeds.

    Raises:
        OSError: as :func:`read_bytes`, or the file is larger than ``limit`` bytes.
        UnicodeDecodeError: it is not UTF-8.
    """
    data = read_bytes(path, limit=limit)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit // 1_000_000} MB")
    return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def read_bytes(path: Path, *, limit: int) -> bytes:
    """Return the content of a regular file, a FIFO or an open stream (``/dev/stdin``): at most ``limit`` + 1 bytes.

    Raises:
        OSError: the file cannot be read, or is a device or a socket.
    """
    try:
        mode = path.stat().st_mode
    except ValueError as error:
        raise OSError(errno.EINVAL, f"the name is impossible ({error})") from None
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISDIR(mode)) and own_descriptor(path) is None:
        raise OSError(errno.EINVAL, "is a device or a socket, which may never end")
    with path.open("rb") as stream:
        return stream.read(limit + 1)
