"""The log of a training: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from anima_infer.errors import TrainingError
from anima_prompt.atomic import atomic_path


class Log:
    """A file of lines with a step each, flushed line by line."""

    def __init__(self, path: Path, *, resume_at: int) -> None:
        """Open the log; lines of steps after ``resume_at`` are dropped, since those steps come again.

        Raises:
            TrainingError: it cannot be read or written.
        """
        self.path = path
        try:
            kept = [line for line, step in _lines(path) if step <= resume_at] if resume_at else []
            with atomic_path(path) as temporary:
                temporary.write_text("".join(kept), encoding="utf-8", newline="\n")
            self._file = path.open("a", encoding="utf-8", newline="\n")
        except OSError as error:
            raise TrainingError(f"{path}: cannot be written ({error.strerror}); choose another output.folder") from None

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        """Add a line.

        Raises:
            TrainingError: it cannot be written.
        """
        try:
            self._file.write(json.dumps({"step": step, **values}) + "\n")
            self._file.flush()
        except OSError as error:
            raise TrainingError(
                f"{self.path}: cannot be written ({error.strerror}); free some space, then --resume"
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _lines(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the lines of a log with their steps; a line that was cut off is left out."""
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            yield line, int(json.loads(line)["step"])
        except (ValueError, KeyError, TypeError):
            continue
