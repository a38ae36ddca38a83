"""Locks between processes: one writer at a time, on every system, released however the process ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from anima_prompt.errors import LockError

_HOLDER = ".holder"
_UNKNOWN = "another process"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock a file for this process while the body runs; the file and its folder are created.

    A second file, named ``path`` with ``.holder`` added, says who holds the lock: on Windows nobody else may read a
    locked file. It is deleted at the end; one that a killed process left means nothing, since its lock is gone.

    Raises:
        LockError: another process has locked the file (the message says which), or the file cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise LockError(
            f"{path.parent}: {_holder(path)} is writing to it; wait until it ends, or choose another folder"
        ) from None
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LockError(f"{path.parent}: cannot be written ({reason}); choose another folder") from None
    try:
        _note_holder(path)
        yield
    finally:
        with suppress(OSError):
            holder_path(path).unlink(missing_ok=True)
        lock.release()


def holder_path(path: Path) -> Path:
    """Return the file that says who has locked ``path``."""
    return path.with_name(path.name + _HOLDER)


def _note_holder(path: Path) -> None:
    since = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    with suppress(OSError):  # only a message would be less exact
        holder_path(path).write_text(
            f"process {os.getpid()} on {socket.gethostname()} (since {since})", encoding="utf-8"
        )


def _holder(path: Path) -> str:
    try:
        text = holder_path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return _UNKNOWN
    return " ".join(text.split())[:200] or _UNKNOWN
