"""From prompts to images that say how they were made: the job that the command line, grids and notebooks share.

Knows prompts, settings and metadata. Contexts are remembered by text, so that a grid encodes each text once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from anima_infer.errors import SettingsError
from anima_infer.images import open_image, to_image, to_mask, to_pixels
from anima_infer.lora import Lora, Merger
from anima_infer.model.inputs import Conditioning
from anima_infer.model.vae import decode
from anima_infer.models import Models
from anima_infer.sampling.denoise import StepCallback, denoise
from anima_infer.sampling.guided_model import StartImage
from anima_infer.sampling.settings import RenderSettings
from anima_prompt.dialects import Dialect
from anima_prompt.syntax import weighted_segments

if TYPE_CHECKING:
    from PIL.Image import Image
from anima_infer.render.job import Job, LoraUse
from anima_infer.render.metadata import file_names, make_workflow, parameters_text

_MOST_CONTEXTS = 4096
_TINY = 20_000_000  # parameters; the demo model has two million, the release two thousand million


@dataclass(frozen=True, slots=True)
class RenderedImage:
    """A finished image and the job that made it."""

    image: Image
    job: Job
    parameters: str
    workflow: dict[str, Any]


class Renderer:
    """Makes images with one loaded model."""

    def __init__(self, models: Models) -> None:
        """Take a model."""
        self.models = models
        self.merger = Merger(models.dit, models.encoder.adapter, models.encoder.text.model)
        self._loras: dict[Path, Lora] = {}
        self._contexts: dict[tuple[Any, ...], Conditioning] = {}

    def render(
        self,
        jobs: Sequence[Job],
        *,
        start: StartImage | None = None,
        progress: StepCallback | None = None,
        strip: int | None = None,
    ) -> list[RenderedImage]:
        """Return the images of jobs that share settings and LoRAs, made as one batch.

        Raises:
            SettingsError: the jobs differ in settings or LoRAs, or something in them is out of range.
            LoraError: a LoRA does not fit.
            InferError: the sampler failed.
        """
        first = jobs[0]
        if any((job.settings, job.loras) != (first.settings, first.loras) for job in jobs):
            raise SettingsError("jobs of one batch differ in settings or LoRAs; render them one after the other")
        self.use(first.loras)
        models, seeds = self.models, [job.seed for job in jobs]
        with _threads_that_pay(models.dit):
            conds = [self.context(job.prompt, job.dialect) for job in jobs]
            unconds = [self.context(job.negative, job.dialect, zero_if_empty=job.zero_if_empty) for job in jobs]
            with models.placement.using(models.dit):
                latents = denoise(models.dit, conds, unconds, first.settings, seeds, start=start, progress=progress)
            with models.placement.using(models.vae):
                pixels = decode(models.vae, latents, strip=strip)
        return [self._image(one, job) for one, job in zip(pixels, jobs, strict=True)]

    def compile(self) -> None:
        """Let PyTorch compile the DiT's blocks; the first image of each size then takes a minute longer."""
        for block in self.models.dit.blocks:
            block.compile(dynamic=False)

    def use(self, loras: Sequence[LoraUse]) -> None:
        """Make these LoRAs the active ones.

        Raises:
            CheckpointError: one cannot be read.
            LoraError: one does not fit.
        """
        chosen = []
        for use in loras:
            if use.path not in self._loras:
                self._loras[use.path] = self.merger.read(self.models.files.lora(use.path))
            chosen.append((self._loras[use.path], use.strength, use.strength if use.text is None else use.text))
        self.merger.apply(chosen)

    def context(self, text: str, dialect: Dialect = Dialect.COMFYUI, *, zero_if_empty: bool = False) -> Conditioning:
        """Return the context of a text under the active LoRAs; asked for again, the same object."""
        key = (text, dialect, zero_if_empty, self.merger.active)
        if key not in self._contexts:
            if len(self._contexts) >= _MOST_CONTEXTS:
                self._contexts.clear()
            segments = [(segment.text, float(segment.weight)) for segment in weighted_segments(text, dialect)]
            encoder = self.models.encoder
            with self.models.placement.using(encoder.text, encoder.adapter):
                self._contexts[key] = encoder.encode(segments, zero_if_empty=zero_if_empty)
        return self._contexts[key]

    @torch.inference_mode()
    def start_from(
        self, image: Path, settings: RenderSettings, mask: Path | None = None, *, strip: int | None = None
    ) -> StartImage:
        """Return an image to start from, scaled to the settings' size.

        Raises:
            SettingsError: a file cannot be read.
        """
        from PIL.Image import Resampling

        opened = open_image(image).convert("RGB").resize((settings.width, settings.height), Resampling.LANCZOS)
        vae = self.models.vae
        with self.models.placement.using(vae):
            latents = vae.encode(to_pixels(opened).to(vae.conv2.weight.device), strip=strip)
        shown: Tensor | None = None
        if mask is not None:
            shown = to_mask(open_image(mask), *latents.shape[-2:]).to(latents.device)
        return StartImage(latents, shown)

    def _image(self, pixels: Tensor, job: Job) -> RenderedImage:
        files = self.models.files
        return RenderedImage(
            to_image(pixels), job, parameters_text(job, _stem(files.dit)), make_workflow(job, file_names(files))
        )


@contextmanager
def _threads_that_pay(network: nn.Module) -> Iterator[None]:
    """Give a tiny model one thread: several wait for each other longer than they work, and hold up other programs."""
    before = torch.get_num_threads()
    few = sum(parameter.numel() for parameter in network.parameters()) < _TINY
    if few:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if few:
            torch.set_num_threads(before)


def _stem(path: Path | None) -> str:
    return path.stem if path is not None else "anima"
