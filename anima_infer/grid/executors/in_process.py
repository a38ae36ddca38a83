"""Renders cells in this process, with one model in memory at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from anima_infer.errors import CheckpointError
from anima_infer.files import ModelFiles
from anima_infer.grid.executors.executor import Outcome
from anima_infer.grid.plan.batches import CellBatch
from anima_infer.grid.plan.cells import Cell
from anima_infer.grid.store.files import fingerprint
from anima_infer.lora import Notify
from anima_infer.models import Models
from anima_infer.render.renderer import RenderedImage, Renderer
from anima_infer.sampling.denoise import StepCallback
from anima_prompt.errors import AnimaPromptError
from anima_prompt.safe_paths import is_file

Loader = Callable[[ModelFiles], Models]
"""Loads a model from its files."""


class InProcess:
    """Renders one batch after the other, with one model in memory at a time."""

    def __init__(
        self,
        files: ModelFiles,
        *,
        load: Loader = Models.load,
        progress: StepCallback | None = None,
        compiled: bool = False,
        notify: Notify = lambda _: None,
    ) -> None:
        """Use a model, which is loaded when the first cell needs it.

        Args:
            files: of the run's model; checkpoints and LoRAs that cells name are searched in their folders.
            load: loads a model; with automatic dtype and device by default.
            progress: called after every step.
            compiled: compile every model that is loaded.
            notify: is told, in a line, what a user should know of a LoRA.
        """
        self._files, self._load, self._progress, self._compiled = files, load, progress, compiled
        self._notify = notify
        self._renderer: Renderer | None = None
        self._loaded: ModelFiles | None = None

    def identity(self, cells: Sequence[Cell]) -> dict[str, str]:
        """Return fingerprints of models and LoRAs."""
        files = self._files
        paths = [files.dit, files.text, files.vae, files.adapter, files.qwen_tokenizer, files.t5_tokenizer]
        prints = {
            part: fingerprint(_largest_file(path)) for part, path in zip(_PARTS, paths, strict=True) if path is not None
        }
        for checkpoint in dict.fromkeys(cell.checkpoint for cell in cells if cell.checkpoint):
            with suppress(CheckpointError):  # the run reports the missing file, and continues
                dit = files.with_checkpoint(checkpoint).dit
                if dit is not None:
                    prints[f"checkpoint {checkpoint}"] = fingerprint(_largest_file(dit))
        for use in dict.fromkeys(use for cell in cells for use in cell.job.loras):
            path = files.find_lora(use.path)
            if is_file(path):
                prints[f"LoRA {use.path}"] = fingerprint(path)
        return prints

    def run(self, batches: Iterable[CellBatch]) -> Iterator[Outcome]:
        """Yield outcomes, batch by batch.

        Raises:
            CheckpointError, SettingsError: the run's own model is missing or damaged. Where another checkpoint is, or
                where memory is too small, cells fail.
        """
        for batch in batches:
            start = time.perf_counter()
            checkpoint = batch.cells[0].checkpoint
            try:
                self._load_for(checkpoint)
            except (AnimaPromptError, RuntimeError) as error:
                if checkpoint is None and not isinstance(error, RuntimeError):
                    raise
                yield from (_failure(cell, error, 0.0) for cell in batch.cells)
                continue
            try:
                images = self._render(batch)
            except (AnimaPromptError, RuntimeError) as error:
                yield from self._render_one_by_one(batch, error, time.perf_counter() - start)
                continue
            seconds = (time.perf_counter() - start) / len(batch.cells)
            for cell, image in zip(batch.cells, images, strict=True):
                yield _outcome(cell, image, seconds)

    def _load_for(self, checkpoint: str | None) -> None:
        files = self._files.with_checkpoint(checkpoint) if checkpoint else self._files
        if self._renderer is None or files != self._loaded:
            self._renderer = None  # frees the previous model, which nothing else may reference
            self._renderer = Renderer(self._load(files), notify=self._notify)
            self._loaded = files
            if self._compiled:
                self._renderer.compile()

    def _render(self, batch: CellBatch) -> list[RenderedImage]:
        assert self._renderer is not None
        return self._renderer.render([cell.job for cell in batch.cells], progress=self._progress)

    def _render_one_by_one(self, batch: CellBatch, error: Exception, seconds: float) -> Iterator[Outcome]:
        """Yield the outcomes of a failed batch: its cells are rendered one by one, so that a bad one fails alone."""
        if len(batch.cells) > 1:
            yield from self.run(CellBatch(batch.number, (cell,)) for cell in batch.cells)
        else:
            yield _failure(batch.cells[0], error, seconds)


_PARTS = ("DiT", "text encoder", "VAE", "adapter", "Qwen tokenizer", "T5 tokenizer")


def _largest_file(path: Path) -> Path:
    """Return the path of a file, or of the largest file in a folder."""
    if path.is_file():
        return path
    return max((file for file in path.iterdir() if file.is_file()), key=lambda file: file.stat().st_size)


def _outcome(cell: Cell, rendered: RenderedImage, seconds: float) -> Outcome:
    return Outcome(cell, seconds, rendered.image, rendered.parameters, rendered.workflow)


def _failure(cell: Cell, error: Exception, seconds: float) -> Outcome:
    return Outcome(cell, seconds, error=" ".join(str(error).split()) or type(error).__name__)
