"""The manifest: one line for every cell that was tried, only ever added to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anima_infer.errors import GridError
from anima_infer.grid.store.files import MANIFEST

DONE, FAILED = "done", "failed"


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of the manifest, the last one for each key; a line that was cut off is left out.

    Raises:
        GridError: it is damaged elsewhere.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return []
    *lines, rest = path.read_bytes().split(b"\n")
    del rest  # a line without its end was cut off
    latest: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            latest[entry["key"]] = entry
        except (ValueError, KeyError, TypeError):
            raise GridError(f"{path}:{number}: is damaged; take the line out, its image is made again") from None
    return list(latest.values())


class Manifest:
    """Adds lines, each as a whole and on the disk before the next one."""

    def __init__(self, folder: Path) -> None:
        """Open the manifest of a folder and drop a line that was cut off.

        Raises:
            GridError: it cannot be written.
        """
        self.path = folder / MANIFEST
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            size = os.fstat(self._file).st_size
            content = os.pread(self._file, size, 0)
            whole = content.rfind(b"\n") + 1
            if whole != size:
                os.ftruncate(self._file, whole)
            os.lseek(self._file, 0, os.SEEK_END)
        except OSError as error:
            raise GridError(f"{self.path}: cannot be written ({error.strerror})") from None

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add a line.

        Raises:
            GridError: the disk is full.
        """
        line = (json.dumps(entry, ensure_ascii=False) + "\n").encode()
        try:
            written = os.write(self._file, line)
            os.fsync(self._file)
        except OSError as error:
            raise GridError(
                f"{self.path}: cannot be written ({error.strerror}); free some space, then --resume"
            ) from None
        if written != len(line):
            raise GridError(f"{self.path}: cannot be written (no space left); free some space, then --resume")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
