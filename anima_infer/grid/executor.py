"""Where cells are rendered. The planner and the manifest know only this interface.

An executor takes batches and gives back outcomes, in any order; another machine, a ComfyUI server or many of either fit
behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from anima_infer.errors import CheckpointError, InferError
from anima_infer.grid.folder import fingerprint
from anima_infer.grid.plan import Batch, Cell
from anima_infer.models import Models
from anima_infer.pipeline import Progress
from anima_infer.render import Picture, Renderer
from anima_prompt.errors import AnimaPromptError
from anima_prompt.paths import is_file

if TYPE_CHECKING:
    from PIL.Image import Image

Load = Callable[[str | None], Models]
"""Loads the run's model (None), or the one that a cell names."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a cell: a picture with its metadata, or the reason why there is none.

    ``seconds`` is the cell's share of its batch.
    """

    cell: Cell
    seconds: float
    image: Image | None = None
    parameters: str = ""
    workflow: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


class Executor(Protocol):
    """Renders batches."""

    def identity(self, cells: Sequence[Cell]) -> dict[str, str]:
        """Return names and fingerprints of the files that the pictures depend on; a resumed run must find the same."""

    def run(self, batches: Iterable[Batch]) -> Iterator[Outcome]:
        """Yield an outcome for every cell of every batch. A failed cell is an outcome, no exception."""


class InProcess:
    """Renders one batch after the other with one model in memory at a time."""

    def __init__(self, load: Load, *, progress: Progress | None = None, compiled: bool = False) -> None:
        """Take a way to load models; nothing is loaded before it is needed."""
        self._load, self._progress, self._compiled = load, progress, compiled
        self._renderer: Renderer | None = None
        self._loaded: str | None = None

    def identity(self, cells: Sequence[Cell]) -> dict[str, str]:
        """Return fingerprints of models and LoRAs."""
        files = self._at(None).models.files
        paths = [files.dit, files.text, files.vae, files.adapter, files.qwen_tokenizer, files.t5_tokenizer]
        found = {part: path for part, path in zip(_PARTS, paths, strict=True) if path is not None}
        known = {part: fingerprint(_file_in(path)) for part, path in found.items()}
        for checkpoint in dict.fromkeys(cell.checkpoint for cell in cells if cell.checkpoint):
            with suppress(CheckpointError):  # the run says what is missing, and goes on
                dit = files.with_checkpoint(checkpoint).dit
                if dit is not None:
                    known[f"checkpoint {checkpoint}"] = fingerprint(_file_in(dit))
        for use in dict.fromkeys(use for cell in cells for use in cell.job.loras):
            path = files.lora(use.path)
            if is_file(path):
                known[f"LoRA {use.path}"] = fingerprint(path)
        return known

    def run(self, batches: Iterable[Batch]) -> Iterator[Outcome]:
        """Yield outcomes, batch by batch."""
        for batch in batches:
            began = time.perf_counter()
            try:
                renderer = self._at(batch.cells[0].checkpoint)
                pictures = renderer.render([cell.job for cell in batch.cells], progress=self._progress)
            except (InferError, AnimaPromptError, RuntimeError) as error:
                yield from self._failed(batch, error, time.perf_counter() - began)
                continue
            share = (time.perf_counter() - began) / len(batch.cells)
            for cell, picture in zip(batch.cells, pictures, strict=True):
                yield _outcome(cell, picture, share)

    def _at(self, checkpoint: str | None) -> Renderer:
        if self._renderer is None or checkpoint != self._loaded:
            self._renderer = None  # frees the one before
            self._renderer = Renderer(self._load(checkpoint))
            self._loaded = checkpoint
            if self._compiled:
                self._renderer.compile()
        return self._renderer

    def _failed(self, batch: Batch, error: Exception, seconds: float) -> Iterator[Outcome]:
        """Yield what can be saved of a batch: its cells one by one, so that a bad one takes no other with it."""
        if len(batch.cells) > 1:
            yield from self.run(Batch(batch.number, (cell,)) for cell in batch.cells)
        else:
            yield Outcome(batch.cells[0], seconds, error=" ".join(str(error).split()) or type(error).__name__)


_PARTS = ("DiT", "text encoder", "VAE", "adapter", "Qwen tokenizer", "T5 tokenizer")


def _file_in(path: Path) -> Path:
    """Return a file, or the largest one in a folder."""
    if path.is_file():
        return path
    return max((one for one in path.iterdir() if one.is_file()), key=lambda one: one.stat().st_size)


def _outcome(cell: Cell, picture: Picture, seconds: float) -> Outcome:
    return Outcome(cell, seconds, picture.image, picture.parameters, picture.workflow)


def batches_with(batches: Iterable[Batch], keys: Iterable[str]) -> list[Batch]:
    """Return the batches in which one of ``keys`` is, whole, so that their pictures come out the same to the bit."""
    wanted = set(keys)
    return [batch for batch in batches if any(cell.key in wanted for cell in batch.cells)]
