"""Files that are written whole or not at all: beside their place first, then renamed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def path_beside(path: Path) -> Path:
    """Return a path in the same folder, which no other thread and no other process writes to."""
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path beside another to write to; it takes the other's place at the end, or goes if an error comes.

    Folders are made. What stood at the path stays until then; a new file has the rights that new files usually have.

    Raises:
        OSError: of the folders, the writing or the renaming.
    """
    beside = path_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        yield beside
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
