"""Files of encoded images and captions, named by the digest of everything that they depend on.

A changed image, caption, model or option changes the name, so that an entry is never stale: it is found, or made anew.
Entries are written atomically; one that cannot be read is made anew too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from anima_infer.errors import TrainingError
from anima_prompt.atomic import atomic_path

VERSION = 1
"""Changes when entries get another meaning."""


class Cache:
    """A folder of entries."""

    def __init__(self, folder: Path) -> None:
        """Use a folder; it is created with the first entry."""
        self.folder = folder

    def path(self, key: str) -> Path:
        """Return the file of an entry."""
        return self.folder / f"{key}.safetensors"

    def read(self, key: str) -> dict[str, Tensor] | None:
        """Return an entry; None if there is none, or if it is damaged."""
        try:
            return load_file(self.path(key))
        except (OSError, SafetensorError, ValueError):
            return None

    def has(self, key: str) -> bool:
        """Return whether there is a whole entry; its header says how long it must be, so that no tensor is read."""
        try:
            with safe_open(self.path(key), framework="pt"):
                return True
        except (OSError, SafetensorError, ValueError):
            return False

    def write(self, key: str, tensors: Mapping[str, Tensor]) -> None:
        """Write an entry.

        Raises:
            TrainingError: it cannot be written.
        """
        try:
            with atomic_path(self.path(key)) as temporary:
                save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)
        except (OSError, SafetensorError) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise TrainingError(
                f"{self.folder}: an entry cannot be written ({reason}); free some space, or set data.cache"
            ) from None

    def prune(self, keys: Iterable[str]) -> int:
        """Delete entries and temporary files of other keys; return how many entries."""
        kept = {self.path(key).name for key in keys}
        count = 0
        for path in self.folder.glob("*.safetensors"):
            if path.name not in kept:
                with suppress(OSError):
                    path.unlink()
                    count += 1
        for path in self.folder.glob(".*.part"):
            with suppress(OSError):
                path.unlink()
        return count


def key_of(kind: str, *parts: object) -> str:
    """Return the name of an entry: its kind, and 24 hexadecimal digits of the digest of what it depends on."""
    digest = hashlib.sha256(repr((VERSION, *parts)).encode()).hexdigest()
    return f"{kind}-{digest[:24]}"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises:
        TrainingError: it cannot be read.
    """
    try:
        status = path.stat()
        return _digest(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror}); check the path") from None


@lru_cache(maxsize=4096)
def _digest(path: Path, size: int, changed: int) -> str:
    """Return the digest of a file; a model of gigabytes is read once, not once for every set of samples and result."""
    del size, changed  # part of the key alone
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
