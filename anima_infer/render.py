"""From prompts to pictures that say how they were made: the job that the command line, grids and notebooks share.

Knows prompts, settings and metadata. Contexts are remembered by text, so that a grid encodes each text once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from anima_infer.dit import Context
from anima_infer.errors import SettingsError
from anima_infer.guidance import Guidance
from anima_infer.image import to_mask, to_picture, to_pixels
from anima_infer.lora import Lora, Merger
from anima_infer.models import FILES, Files, Models
from anima_infer.noise import MOST_SEED
from anima_infer.pictures import open_picture
from anima_infer.pipeline import Progress, Settings, Start, decode, denoise
from anima_prompt import __version__
from anima_prompt.dialects import Dialect
from anima_prompt.numbers import parse_number
from anima_prompt.profiles import DEFAULT_PROFILE, Profile, guess_profile, load_profile
from anima_prompt.syntax import weighted_segments

if TYPE_CHECKING:
    from PIL.Image import Image


_MOST_CONTEXTS = 4096
_TINY = 20_000_000  # parameters; the demo model has two million, the release two thousand million


@dataclass(frozen=True, slots=True)
class LoraUse:
    """A LoRA file and its strengths; ``text`` is that on the text encoder, the same if None."""

    path: Path
    strength: float = 1.0
    text: float | None = None

    @classmethod
    def parse(cls, text: str) -> LoraUse:
        """Return what ``path:0.8`` or ``path:0.8:0.5`` says.

        Raises:
            SettingsError: a strength is no number.

        >>> LoraUse.parse("style.safetensors:0.8").strength
        0.8
        """
        path, *figures = text.rsplit(":", 2) if text.count(":") > 1 else text.rsplit(":", 1)
        if figures and parse_number(figures[-1]) is None:
            if any(mark in figures[-1] for mark in "/\\.") or len(path) == 1:  # a path with a colon, and no strength
                return cls(Path(text))
            raise SettingsError(f"LoRA strength is '{figures[-1]}'; expected a number, as in style.safetensors:0.8")
        if len(figures) == 2 and parse_number(figures[0]) is None:
            path, figures = f"{path}:{figures[0]}", figures[1:]
        numbers = [float(figure) for figure in figures]
        return cls(Path(path), *numbers)


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that one picture depends on.

    Attributes:
        prompt, negative: texts in ``dialect``.
        settings: of the picture.
        seed: of its noise.
        loras: active ones, in order.
        dialect: how weights are read.
        zero_if_empty: what an empty negative prompt is, see ``Encoder.encode``.
    """

    prompt: str
    negative: str = ""
    settings: Settings = field(default_factory=Settings)
    seed: int = 0
    loras: tuple[LoraUse, ...] = ()
    dialect: Dialect = Dialect.COMFYUI
    zero_if_empty: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture and the job that made it."""

    image: Image
    job: Job
    parameters: str
    workflow: dict[str, Any]


class Renderer:
    """Makes pictures with one loaded model."""

    def __init__(self, models: Models) -> None:
        """Take a model."""
        self.models = models
        self.merger = Merger(models.dit, models.encoder.adapter, models.encoder.text.model)
        self._loras: dict[Path, Lora] = {}
        self._contexts: dict[tuple[Any, ...], Context] = {}

    def render(
        self,
        jobs: Sequence[Job],
        *,
        start: Start | None = None,
        progress: Progress | None = None,
        strip: int | None = None,
    ) -> list[Picture]:
        """Return the pictures of jobs that share settings and LoRAs, made as one batch.

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
        return [self._picture(one, job) for one, job in zip(pixels, jobs, strict=True)]

    def compile(self) -> None:
        """Let PyTorch compile the DiT's blocks; the first picture of each size then takes a minute longer."""
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

    def context(self, text: str, dialect: Dialect = Dialect.COMFYUI, *, zero_if_empty: bool = False) -> Context:
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
        self, picture: Path, settings: Settings, mask: Path | None = None, *, strip: int | None = None
    ) -> Start:
        """Return a picture to start from, scaled to the settings' size.

        Raises:
            SettingsError: a file cannot be read.
        """
        from PIL.Image import Resampling

        opened = open_picture(picture).convert("RGB").resize((settings.width, settings.height), Resampling.LANCZOS)
        vae = self.models.vae
        with self.models.placement.using(vae):
            latents = vae.encode(to_pixels(opened).to(vae.conv2.weight.device), strip=strip)
        shown: Tensor | None = None
        if mask is not None:
            shown = to_mask(open_picture(mask), *latents.shape[-2:]).to(latents.device)
        return Start(latents, shown)

    def _picture(self, pixels: Tensor, job: Job) -> Picture:
        files = self.models.files
        return Picture(
            to_picture(pixels), job, parameters_text(job, _stem(files.dit)), workflow_of(job, files_named(files))
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


def files_named(files: Files) -> dict[str, str]:
    """Return the file names that a workflow asks for; the release's where one is not known."""
    found = {"dit": files.dit, "text": files.text, "vae": files.vae}
    return {part: FILES[part] if path is None else path.name for part, path in found.items()}


def parameters_text(job: Job, model: str) -> str:
    """Return the text that A1111-style programs write into pictures, and read from them."""
    s = job.settings
    figures = {
        "Steps": s.steps,
        "Sampler": s.sampler,
        "Schedule type": s.scheduler,
        "CFG scale": f"{s.guidance.scale:g}",
        "Seed": job.seed,
        "Size": f"{s.width}x{s.height}",
        "Model": model,
        "Shift": f"{s.shift:g}",
    }
    if s.guidance.zero_star:
        figures["CFG-Zero*"] = "on"
    if s.guidance.apg is not None:
        figures["APG"] = str(s.guidance.apg)
    if s.guidance.interval != (0, 1):
        figures["Guidance interval"] = "{:g}-{:g}".format(*s.guidance.interval)
    if s.denoise < 1:
        figures["Denoising strength"] = f"{s.denoise:g}"
    if job.loras:
        figures["Loras"] = '"' + ", ".join(f"{use.path.stem}: {use.strength:g}" for use in job.loras) + '"'
    figures["Version"] = f"anima-prompt {__version__}"
    line = ", ".join(f"{key}: {value}" for key, value in figures.items())
    negative = f"\nNegative prompt: {job.negative}" if job.negative else ""
    return f"{job.prompt}{negative}\n{line}"


def workflow_of(job: Job, files: Mapping[str, str]) -> dict[str, Any]:
    """Return a ComfyUI API workflow that makes the picture of a job; text to image alone, no guidance interval."""
    s = job.settings
    nodes: dict[str, Any] = {}

    def node(kind: str, **inputs: Any) -> str:
        name = str(len(nodes) + 1)
        nodes[name] = {"class_type": kind, "inputs": inputs}
        return name

    model: list[Any] = [node("UNETLoader", unet_name=files["dit"], weight_dtype="default"), 0]
    clip: list[Any] = [node("CLIPLoader", clip_name=files["text"], type="stable_diffusion", device="default"), 0]
    for use in job.loras:
        text = use.strength if use.text is None else use.text
        loader = node(
            "LoraLoader",
            model=model,
            clip=clip,
            lora_name=use.path.name,
            strength_model=use.strength,
            strength_clip=text,
        )
        model, clip = [loader, 0], [loader, 1]
    if s.shift != 3:
        model = [node("ModelSamplingAuraFlow", model=model, shift=s.shift), 0]
    if s.guidance.apg is not None:
        apg = s.guidance.apg
        model = [node("APG", model=model, eta=apg.eta, norm_threshold=apg.threshold, momentum=apg.momentum), 0]
    if s.guidance.zero_star:
        model = [node("CFGZeroStar", model=model), 0]
    positive = node("CLIPTextEncode", clip=clip, text=job.prompt)
    negative = node("CLIPTextEncode", clip=clip, text=job.negative)
    empty = node("EmptyLatentImage", width=s.width, height=s.height, batch_size=1)
    sampled = node(
        "KSampler",
        model=model,
        positive=[positive, 0],
        negative=[negative, 0],
        latent_image=[empty, 0],
        seed=job.seed,
        steps=s.steps,
        cfg=s.guidance.scale,
        sampler_name=s.sampler,
        scheduler=s.scheduler,
        denoise=s.denoise,
    )
    vae = node("VAELoader", vae_name=files["vae"])
    decoded = node("VAEDecode", samples=[sampled, 0], vae=[vae, 0])
    node("SaveImage", images=[decoded, 0], filename_prefix="anima")
    return nodes


def usual_profile(files: Files) -> Profile:
    """Return the profile of a model that names none: the one beside it, the one its name speaks of, or base."""
    named = guess_profile(files.dit.stem) if files.dit is not None else None
    return load_profile(files.profile or named or DEFAULT_PROFILE)


def settings_for(profile: Profile, **given: Any) -> Settings:
    """Return a profile's settings with those that were given in their place; None says nothing.

    Raises:
        SettingsError: one is out of range.
    """
    width, height = profile.resolutions[0]
    chosen: dict[str, Any] = {
        "width": width,
        "height": height,
        "steps": profile.steps,
        "sampler": profile.sampler,
        "scheduler": profile.scheduler,
        "shift": float(profile.shift),
    }
    scale = given.pop("guidance_scale", None)
    guidance = Guidance(float(profile.guidance_scale) if scale is None else scale)
    extra = {key: given.pop(key) for key in ("zero_star", "apg", "interval") if given.get(key) is not None}
    if extra:
        guidance = replace(guidance, **extra)
    chosen |= {key: value for key, value in given.items() if value is not None}
    return Settings(guidance=guidance, **chosen)


def seeds_from(seed: int, count: int) -> Iterator[int]:
    """Yield ``count`` seeds upwards from ``seed``, round the end to 0.

    >>> list(seeds_from(2**64 - 1, 2))
    [18446744073709551615, 0]
    """
    for index in range(count):
        yield (seed + index) % (MOST_SEED + 1)
