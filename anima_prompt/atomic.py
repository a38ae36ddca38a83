"""Atomic writes: a temporary file in the same folder replaces the target only when it is complete.

Only regular files are replaced. A symbolic link stays a link: its target is replaced. Devices, FIFOs and the process's
own streams (``/dev/stdout``) are opened and written to. A new file is on the disk before it replaces the old one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from anima_prompt.safe_paths import name_problem, own_descriptor

_LONGEST_NAME = 180
"""Bytes of a file name to which a suffix can be added without passing the limit of 255."""
_WINDOWS = os.name == "nt"
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8) if _WINDOWS else ()
"""Seconds between attempts to replace a file: Windows refuses while a virus scanner or an indexer has it open."""


def temporary_path(path: Path) -> Path:
    """Return a path in the same folder that no other thread and no other process writes to."""
    name = os.fsencode(path.name)
    short = path.name if len(name) <= _LONGEST_NAME else hashlib.blake2b(name, digest_size=16).hexdigest()
    return path.with_name(f".{short}.{os.getpid()}.{threading.get_ident()}.part")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder that atomically replaces ``path`` on success; deleted on any error.

    Missing folders are created. A new file gets the default permissions (umask); a replaced file keeps its mode and,
    where the system allows it, its owner. A symbolic link stays: the file that it points to is replaced. Other hard
    links to the file keep the old content.

    Raises:
        OSError: ``path`` is read-only, reserved on Windows or not a regular file, a folder cannot be created, or the
            file cannot be written.
    """
    target = _replaceable(path)
    temporary = temporary_path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        yield temporary
        _flush(temporary)
        _copy_permissions(target, temporary)
        replace_file(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def replace_file(temporary: Path, target: Path) -> None:
    """Rename a complete temporary file to its final name.

    Raises:
        OSError: the rename failed; on Windows, another program still had ``target`` open after about two seconds.
    """
    for pause in _PAUSES:
        try:
            temporary.replace(target)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    temporary.replace(target)


def write_output(path: Path, text: str) -> None:
    r"""Write a text as UTF-8: replace a regular file or create a new one; open anything else and write to it.

    The process's own streams (``/dev/stdout``, ``/dev/fd/3``, or a file that standard output is redirected to) are
    appended to, so that earlier output survives. Lone surrogates become escapes such as ``\udce9``.

    Raises:
        OSError: the file or device cannot be written.
    """
    data = text.encode("utf-8", "backslashreplace")
    descriptor = _open_descriptor(path)
    if descriptor is not None:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        with os.fdopen(os.dup(descriptor), "wb") as output:
            output.write(data)
    elif _is_special(path):
        with path.open("ab", buffering=0) as output:
            _write_all(output.fileno(), data)
    else:
        write_atomically(path, data)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file's content, or create the file; an interruption leaves the old content.

    Raises:
        OSError: as :func:`atomic_path`.
    """
    with atomic_path(path) as temporary:
        if path.exists():  # nobody else may read the text before the mode of the old file is copied
            temporary.touch(mode=0o600)
        temporary.write_bytes(data)


def _replaceable(path: Path) -> Path:
    """Return the file to replace: ``path``, or the target of a symbolic link.

    Raises:
        OSError: it exists and is read-only, or is not a regular file.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    problem = name_problem(target.name) if _WINDOWS else ""
    if problem:  # 'NUL' and 'CON.txt' are devices there, and 'a.' is the file 'a'
        raise OSError(errno.EINVAL, f"the name {problem}", str(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if not mode & stat.S_IWUSR:  # a mode that root could ignore, and the read-only attribute of Windows
        raise PermissionError(errno.EACCES, "the file is read-only", str(path))
    return target


def _flush(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    with path.open("r+b") as stream:  # Windows flushes only what is open for writing
        os.fsync(stream.fileno())


def _copy_permissions(target: Path, temporary: Path) -> None:
    """Give the temporary file the mode and the owner of the file that it replaces."""
    try:
        old = target.stat()
    except FileNotFoundError:
        return
    new = temporary.stat()
    if hasattr(os, "chown") and (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        with suppress(OSError):  # only root may give files away
            os.chown(temporary, old.st_uid, old.st_gid)
    temporary.chmod(stat.S_IMODE(old.st_mode))


def _open_descriptor(path: Path) -> int | None:
    """Return the descriptor of the process's open stream that ``path`` names or leads to, or None."""
    named = own_descriptor(path)
    if named is not None:
        return named
    for descriptor in (1, 2):
        with suppress(OSError, ValueError):
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                return descriptor
    return None


def _is_special(path: Path) -> bool:
    """Return whether ``path`` exists and is neither a regular file nor a folder."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
