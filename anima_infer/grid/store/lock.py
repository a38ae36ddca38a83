"""A lock that lets one run at a time work in a grid's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anima_infer.errors import GridError
from anima_infer.grid.store.files import IMAGES, LOCK


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder for this process; the lock is released when the process ends, however it ends.

    Raises:
        GridError: another run has locked it, or the folder cannot be written.
    """
    import fcntl

    try:
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise GridError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise GridError(
            f"{folder}: another run is writing to it; wait until it ends, or choose another folder"
        ) from None
    try:
        yield
    finally:
        os.close(file)
