"""From jobs to images with metadata, with one loaded model; the command line, grids and notebooks share it.

Conditionings are cached by text, so that a grid encodes each text once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from anima_infer.errors import SettingsError
from anima_infer.images import open_image, to_image, to_mask, to_pixels
from anima_infer.lora import ActiveLoras, Lora, Notify
from anima_infer.model.inputs import Conditioning
from anima_infer.model.vae import decode_each
from anima_infer.models import Models
from anima_infer.placement import one_thread_if_tiny
from anima_infer.sampling.denoise import StepCallback, denoise
from anima_infer.sampling.guided_model import StartImage
from anima_infer.sampling.settings import RenderSettings
from anima_prompt.dialects import Dialect
from anima_prompt.interchange.generation import StartFiles
from anima_prompt.interchange.workflow import WorkflowError, write_workflow
from anima_prompt.syntax import weighted_segments

if TYPE_CHECKING:
    from PIL.Image import Image
from anima_infer.render.job import Job, LoraUse
from anima_infer.render.metadata import describe, file_names, parameters_text, remarks_on

_MOST_CONDITIONINGS = 4096


@dataclass(frozen=True, slots=True)
class RenderedImage:
    """An image, the job that made it, and its metadata.

    Attributes:
        parameters: text that A1111-style programs read.
        workflow: ComfyUI API workflow that makes the image; empty if ComfyUI cannot make it.
        notes: what the workflow's user should know, and why it is empty.
    """

    image: Image
    job: Job
    parameters: str
    workflow: dict[str, Any]
    notes: tuple[str, ...] = ()


class Renderer:
    """Renders images with one loaded model."""

    def __init__(self, models: Models, *, notify: Notify = lambda _: None) -> None:
        """Use a model; ``notify`` is told, in a line, what a user should know of a LoRA."""
        self.models = models
        networks = (models.dit, models.encoder.adapter, models.encoder.text.model)
        self.loras = ActiveLoras(*networks, metadata=models.metadata, notify=notify)
        self._loras: dict[Path, Lora] = {}
        self._conditionings: dict[tuple[Any, ...], Conditioning] = {}

    def render(
        self,
        jobs: Sequence[Job],
        *,
        start: StartImage | None = None,
        start_files: StartFiles | None = None,
        progress: StepCallback | None = None,
        strip: int | None = None,
    ) -> list[RenderedImage]:
        """Return the images of jobs that share settings and LoRAs, rendered as one batch.

        Args:
            jobs: one for each image.
            start: image to start from.
            start_files: its file and that of its mask, for the metadata.
            progress: called after every call of the model.
            strip: latent rows that the VAE's widest layers see at a time; less memory, the same image. None for all.

        Raises:
            SettingsError: the jobs differ in settings or LoRAs, or a setting is out of range.
            LoraError: a LoRA does not fit.
            InferError: the sampler failed.
        """
        first = jobs[0]
        if any((job.settings, job.loras) != (first.settings, first.loras) for job in jobs):
            raise SettingsError("the jobs of a batch differ in settings or LoRAs; render them one after the other")
        self.apply_loras(first.loras)
        models, seeds = self.models, [job.seed for job in jobs]
        with one_thread_if_tiny(models.dit):
            conds = [self.encode(job.prompt, job.dialect) for job in jobs]
            unconds = [self.encode(job.negative, job.dialect, zero_if_empty=job.zero_if_empty) for job in jobs]
            with models.placement.using(models.dit):
                latents = denoise(models.dit, conds, unconds, first.settings, seeds, start=start, progress=progress)
            with models.placement.using(models.vae):
                pixels = decode_each(models.vae, latents, strip=strip)
        if start is not None and start_files is None:
            start_files = StartFiles("")
        return [self._rendered(image, job, start_files) for image, job in zip(pixels, jobs, strict=True)]

    def compile(self) -> None:
        """Let PyTorch compile the DiT's blocks; the first image of each size then takes a minute longer."""
        for block in self.models.dit.blocks:
            block.compile(dynamic=False)

    def apply_loras(self, loras: Sequence[LoraUse]) -> None:
        """Make these LoRAs the active ones.

        Raises:
            CheckpointError: one cannot be read.
            LoraError: one does not fit.
        """
        chosen = []
        for use in loras:
            if use.path not in self._loras:
                self._loras[use.path] = self.loras.read(self.models.files.find_lora(use.path))
            chosen.append(
                (self._loras[use.path], use.strength, use.strength if use.text_strength is None else use.text_strength)
            )
        self.loras.apply(chosen)

    def encode(self, text: str, dialect: Dialect = Dialect.COMFYUI, *, zero_if_empty: bool = False) -> Conditioning:
        """Return the conditioning of a text under the active LoRAs; the same object for the same arguments."""
        key = (text, dialect, zero_if_empty, self.loras.active)
        if key not in self._conditionings:
            if len(self._conditionings) >= _MOST_CONDITIONINGS:
                self._conditionings.clear()
            segments = [(segment.text, float(segment.weight)) for segment in weighted_segments(text, dialect)]
            encoder = self.models.encoder
            with self.models.placement.using(encoder.text, encoder.adapter):
                self._conditionings[key] = encoder.encode(segments, zero_if_empty=zero_if_empty)
        return self._conditionings[key]

    @torch.inference_mode()
    def load_start_image(
        self, image: Path, settings: RenderSettings, mask: Path | None = None, *, strip: int | None = None
    ) -> StartImage:
        """Return an image to start from, scaled to the settings' size.

        Args:
            image: file of the image.
            settings: of the render.
            mask: file of the mask; white may change. None for no mask.
            strip: latent rows that the VAE's widest layers see at a time; None for all.

        Raises:
            SettingsError: a file cannot be read.
        """
        from PIL.Image import Resampling

        scaled = open_image(image).convert("RGB").resize((settings.width, settings.height), Resampling.LANCZOS)
        vae = self.models.vae
        with self.models.placement.using(vae):
            latents = vae.encode(to_pixels(scaled).to(vae.conv2.weight.device), strip=strip)
        latent_mask: Tensor | None = None
        if mask is not None:
            latent_mask = to_mask(open_image(mask), *latents.shape[-2:]).to(latents.device)
        return StartImage(latents, latent_mask)

    def _rendered(self, pixels: Tensor, job: Job, start: StartFiles | None) -> RenderedImage:
        files = self.models.files
        generation = describe(
            job,
            file_names(files),
            start=start,
            dtype=_dtype_name(self.models.dit),
            model="" if files.dit is None else files.dit.stem,
            blocks=self.models.dit.config.blocks,
            remarks=remarks_on(files),
        )
        try:
            written = write_workflow(generation)
        except WorkflowError as error:
            return RenderedImage(to_image(pixels), job, parameters_text(generation), {}, (f"no workflow: {error}",))
        return RenderedImage(to_image(pixels), job, parameters_text(generation), written.nodes, written.notes)


def _dtype_name(network: torch.nn.Module) -> str:
    """Return the dtype that ComfyUI must be told of: fp8 storage, or one that is not the device's own choice."""
    weights = list(network.parameters())
    if any(weight.dtype == torch.float8_e4m3fn for weight in weights):
        return "fp8"
    first = next(weight for weight in weights if weight.is_floating_point())
    usual = torch.float32 if first.device.type in ("cpu", "meta") else torch.bfloat16
    names = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}
    return "default" if first.dtype == usual else names.get(first.dtype, "default")
