"""Databases that are replaced while they are open: every version is a new file, and the newest one counts.

Windows refuses to replace a file that anybody has open, and this process itself may have it open: a vocabulary that
was read before an import answers until it is dropped. So nothing is renamed over an older version, which is deleted
when nobody has it open.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

_DIGITS = 16


def newest(folder: Path, stem: str) -> Path:
    """Return the file of the newest version; a name that does not exist if there is no version yet."""
    return max(_versions(folder, stem), default=_path(folder, stem, 0))


def following(folder: Path, stem: str) -> Path:
    """Return the file for a new version, later than all that exist whatever the clock says."""
    return _path(folder, stem, max(time.time_ns(), _number(newest(folder, stem)) + 1))


def delete_older(path: Path, stem: str) -> None:
    """Delete the versions before ``path``, except those that are still open on Windows; a later import does."""
    for version in _versions(path.parent, stem):
        if version < path:
            with suppress(OSError):
                version.unlink(missing_ok=True)


def _path(folder: Path, stem: str, number: int) -> Path:
    return folder / f"{stem}-{number:0{_DIGITS}x}.sqlite"


def _versions(folder: Path, stem: str) -> list[Path]:
    return list(folder.glob(f"{stem}-{'[0-9a-f]' * _DIGITS}.sqlite"))


def _number(path: Path) -> int:
    return int(path.stem[-_DIGITS:], 16)
