"""Textual embeddings: ``embedding:NAME`` in a prompt stands for learnt vectors.

Qwen reads the vectors under ``qwen3_06b``; the adapter those under ``t5xxl`` where there are any, nothing otherwise.
Source: what ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from anima_infer.checkpoint import WeightFile
from anima_infer.errors import CheckpointError

_REFERENCE = re.compile(r"(?:(?<=\s)|^)embedding:([^\s,]+)")
_QWEN, _T5 = "qwen3_06b", "t5xxl"
_ENDINGS = (".safetensors", ".pt", ".bin")


@dataclass(frozen=True, slots=True)
class Vectors:
    """One embedding: rows for the text encoder (N x its width), and for the adapter (M x its width) or None."""

    qwen: Tensor
    t5: Tensor | None = None


class Embeddings:
    """The embeddings in a folder."""

    def __init__(self, folder: Path) -> None:
        """Take a folder; files are read when a prompt names them."""
        self.folder = folder
        self._read: dict[str, Vectors] = {}

    def split(self, text: str, *, qwen_width: int, t5_width: int) -> list[str | Vectors]:
        """Return a segment's texts and embeddings, in order.

        Raises:
            CheckpointError: a named embedding is not there, or made for another model.
        """
        parts: list[str | Vectors] = []
        end = 0
        for match in _REFERENCE.finditer(text):
            if match.start() > end:
                parts.append(text[end : match.start()])
            parts.append(self._vectors(match[1], qwen_width, t5_width))
            end = match.end()
        if end < len(text):
            parts.append(text[end:])
        return parts

    def _vectors(self, name: str, qwen_width: int, t5_width: int) -> Vectors:
        if name not in self._read:
            self._read[name] = self._load(name, qwen_width, t5_width)
        return self._read[name]

    def _load(self, name: str, qwen_width: int, t5_width: int) -> Vectors:
        path = self._path(name)
        file = WeightFile.of(path)
        qwen = _rows(file, _QWEN, qwen_width)
        if qwen is None:
            qwen = _only(file, qwen_width)
        if qwen is None:
            shapes = ", ".join(f"{key} {list(shape)}" for key, shape in list(file.shapes.items())[:4])
            raise CheckpointError(f"{path}: holds {shapes or 'nothing'}; expected '{_QWEN}' with rows of {qwen_width}")
        return Vectors(qwen, _rows(file, _T5, t5_width))

    def _path(self, name: str) -> Path:
        root = self.folder.resolve()
        for ending in ("", *_ENDINGS):
            with suppress(OSError, ValueError):  # a name that no file can have
                path = (root / f"{name}{ending}").resolve()
                if path.is_relative_to(root) and path.is_file() and path.suffix in _ENDINGS:
                    return path
        there = sorted(path.stem for path in root.rglob("*") if path.suffix in _ENDINGS)[:8]
        raise CheckpointError(
            f"embedding '{name[:80]}' is not in {self.folder}; there are: {', '.join(there) or 'none'}"
        )


def _rows(file: WeightFile, key: str, width: int) -> Tensor | None:
    shape = file.shapes.get(key)
    if shape is None or shape[-1] != width or len(shape) > 2:
        return None
    return file.tensor(key).to(torch.float32).reshape(-1, width)


def _only(file: WeightFile, width: int) -> Tensor | None:
    """Return the rows of a file that holds one tensor of the right width, whatever its name."""
    fitting = [key for key, shape in file.shapes.items() if len(shape) <= 2 and shape[-1:] == (width,)]
    return _rows(file, fitting[0], width) if len(fitting) == len(file.shapes) == 1 else None
