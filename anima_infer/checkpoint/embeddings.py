"""Textual embeddings: ``embedding:NAME`` in a prompt stands for learned vectors.

Qwen reads the vectors under ``qwen3_06b``; the adapter those under ``t5xxl`` if there are any, and nothing otherwise.
Source: ComfyUI 0.29.0 (names, syntax).
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from anima_infer.checkpoint.file import WeightFile
from anima_infer.errors import CheckpointError

_REFERENCE = re.compile(r"(?:(?<=\s)|^)embedding:([^\s,]+)")
_QWEN, _T5 = "qwen3_06b", "t5xxl"
_SUFFIXES = (".safetensors", ".pt", ".bin")


@dataclass(frozen=True, slots=True)
class EmbeddingVectors:
    """One embedding: rows for the text encoder (N, its width), and for the adapter (M, its width) or None."""

    qwen: Tensor
    t5: Tensor | None = None


class Embeddings:
    """The embeddings in a folder, read when a prompt names them."""

    def __init__(self, folder: Path) -> None:
        """Use a folder; nothing is read yet."""
        self.folder = folder
        self._cache: dict[str, EmbeddingVectors] = {}

    def split(self, text: str, *, qwen_width: int, t5_width: int) -> list[str | EmbeddingVectors]:
        """Return a text cut into plain texts and embeddings, in order.

        Raises:
            CheckpointError: a named embedding does not exist, or is for another model.
        """
        pieces: list[str | EmbeddingVectors] = []
        end = 0
        for match in _REFERENCE.finditer(text):
            if match.start() > end:
                pieces.append(text[end : match.start()])
            name = match[1]
            if name not in self._cache:
                self._cache[name] = self._load(name, qwen_width, t5_width)
            pieces.append(self._cache[name])
            end = match.end()
        if end < len(text):
            pieces.append(text[end:])
        return pieces

    def _load(self, name: str, qwen_width: int, t5_width: int) -> EmbeddingVectors:
        path = self._path(name)
        file = WeightFile.open(path)
        qwen = _rows(file, _QWEN, qwen_width)
        if qwen is None:
            qwen = _single_tensor(file, qwen_width)
        if qwen is None:
            shapes = ", ".join(f"{key} {list(shape)}" for key, shape in list(file.shapes.items())[:4])
            raise CheckpointError(
                f"{path}: contains {shapes or 'nothing'}; expected '{_QWEN}' with rows of {qwen_width} values"
            )
        return EmbeddingVectors(qwen, _rows(file, _T5, t5_width))

    def _path(self, name: str) -> Path:
        root = self.folder.resolve()
        for suffix in ("", *_SUFFIXES):
            with suppress(OSError, ValueError):  # a name that no file can have
                path = (root / f"{name}{suffix}").resolve()
                if path.is_relative_to(root) and path.is_file() and path.suffix in _SUFFIXES:
                    return path
        available = sorted(path.stem for path in root.rglob("*") if path.suffix in _SUFFIXES)[:8]
        raise CheckpointError(
            f"embedding '{name[:80]}' is not in {self.folder}; available: {', '.join(available) or 'none'}"
        )


def _rows(file: WeightFile, key: str, width: int) -> Tensor | None:
    shape = file.shapes.get(key)
    if shape is None or shape[-1] != width or len(shape) > 2:
        return None
    return file.tensor(key).to(torch.float32).reshape(-1, width)


def _single_tensor(file: WeightFile, width: int) -> Tensor | None:
    """Return the rows of a file with one tensor of the right width, whatever its name; None for other files."""
    fitting = [key for key, shape in file.shapes.items() if len(shape) <= 2 and shape[-1:] == (width,)]
    return _rows(file, fitting[0], width) if len(fitting) == len(file.shapes) == 1 else None
