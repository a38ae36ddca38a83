"""Atomic writes: a temporary file in the same folder replaces the target only when it is complete."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def temporary_path(path: Path) -> Path:
    """Return a path in the same folder that no other thread and no other process writes to."""
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder that atomically replaces ``path`` on success; deleted on any error.

    Missing folders are created. A new file gets the default permissions (umask).

    Raises:
        OSError: a folder cannot be created, or the file cannot be written or renamed.
    """
    temporary = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        yield temporary
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
