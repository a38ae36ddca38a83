"""``os.path`` checks that return False, never raise, for impossible names (too long, NUL byte).

``Path.is_file`` and its kin raise for such names, and a prompt can stand where a file name is expected.
"""

from __future__ import annotations

import os
from pathlib import Path


def is_file(path: str | Path) -> bool:
    r"""Return whether the path is an existing file.

    >>> is_file("1girl, " * 100), is_file("a\\0b")
    (False, False)
    """
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | Path) -> bool:
    """Return whether the path is an existing folder."""
    return os.path.isdir(path)  # noqa: PTH112


def exists(path: str | Path) -> bool:
    """Return whether a file or a folder exists at the path."""
    return os.path.exists(path)  # noqa: PTH110


def expand_home(path: str | Path) -> Path:
    """Return the path with a leading ``~`` expanded; unchanged if there is no such user."""
    return Path(os.path.expanduser(path))  # noqa: PTH111
