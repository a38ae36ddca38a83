"""The files of a grid's folder: their names, atomic writes, hashes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from anima_infer.errors import GridError
from anima_prompt.atomic import write_atomically

GRID, MANIFEST, IMAGES, VOTES, LOCK = "grid.json", "manifest.jsonl", "images", "votes.sqlite3", ".lock"


def write_text(path: Path, text: str) -> None:
    """Write a text file, atomically.

    Raises:
        GridError: it cannot be written.
    """
    try:
        write_atomically(path, text.encode("utf-8"))
    except OSError as error:
        raise GridError(
            f"{path}: cannot be written ({error.strerror or error}); free some space or choose another folder"
        ) from None


def relative_path(path: Path, folder: Path) -> str | None:
    """Return a file's path from a folder, with slashes on every system; None if it is on another drive of Windows."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """Return a hash of a file's size, first and last 64 kB, which is quick for large files: 16 hexadecimal digits."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(65_536)
        file.seek(max(0, size - 65_536))
        return hashlib.sha256(str(size).encode() + head + file.read()).hexdigest()[:16]
