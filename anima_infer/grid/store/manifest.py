"""The manifest: one JSON line for every cell that was rendered or failed.

Lines are only ever appended, each after its image is in place. A line cut off by a crash is dropped when the manifest
is opened the next time.
"""

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
    """Return the lines of the manifest, the last one of each key; a last line that was cut off is ignored.

    Raises:
        GridError: another line is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return []
    *lines, cut_off = path.read_bytes().split(b"\n")
    del cut_off  # without an end of line
    latest: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            latest[entry["key"]] = entry
        except (ValueError, KeyError, TypeError):
            raise GridError(
                f"{path}:{number}: the line is damaged; delete it, and its image is rendered again"
            ) from None
    return list(latest.values())


class Manifest:
    """Appends lines; each is on the disk before the next one is written."""

    def __init__(self, folder: Path) -> None:
        """Open the manifest of a folder, and drop a last line that was cut off.

        Raises:
            GridError: it cannot be written.
        """
        self.path = folder / MANIFEST
        try:
            self._file = self.path.open("a+b", buffering=0)
            self._file.seek(0)
            content = self._file.read()
            complete = content.rfind(b"\n") + 1
            if complete != len(content):
                self._file.truncate(complete)
        except OSError as error:
            raise GridError(f"{self.path}: cannot be written ({error.strerror})") from None

    def add(self, entry: Mapping[str, Any]) -> None:
        """Append a line.

        Raises:
            GridError: it cannot be written.
        """
        line = (json.dumps(entry, ensure_ascii=False) + "\n").encode()
        try:
            written = self._file.write(line)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise GridError(
                f"{self.path}: cannot be written ({error.strerror}); free some space, then --resume"
            ) from None
        if written != len(line):
            raise GridError(f"{self.path}: cannot be written (no space left); free some space, then --resume")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
