"""Questions to the disk that always have an answer: no for a name that no file can have.

``Path.is_file`` and its kin fail on a name that is too long or holds a null character, and prompts stand where file
names do.
"""

from __future__ import annotations

import os
from pathlib import Path


def is_file(path: str | Path) -> bool:
    r"""Say whether this is a file.

    >>> is_file("1girl, " * 100), is_file("a\\0b")
    (False, False)
    """
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | Path) -> bool:
    """Say whether this is a folder."""
    return os.path.isdir(path)  # noqa: PTH112


def is_there(path: str | Path) -> bool:
    """Say whether there is a file or a folder of this name."""
    return os.path.exists(path)  # noqa: PTH110


def from_home(path: str | Path) -> Path:
    """Return a path with the home folder for a leading ``~``; where nobody has that name, the path as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111
