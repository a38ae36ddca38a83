"""Marks for tests of what not every system has."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest


def _can_link() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            (Path(folder) / "link").symlink_to("target")
        except OSError:
            return False
    return True


posix = pytest.mark.skipif(os.name != "posix", reason="a shell, modes or limits of POSIX")
links = pytest.mark.skipif(not _can_link(), reason="this user may not make symbolic links (Windows)")
