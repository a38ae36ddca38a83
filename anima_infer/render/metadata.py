"""Metadata of a rendered image: how it was made, in the terms of the writers of parameters and workflows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from anima_infer.files import DEMO, RELEASE_FILES, ModelFiles
from anima_infer.render.job import Job, LoraUse
from anima_infer.sampling.samplers import ALIASES
from anima_infer.sampling.schedule import sigmas_for
from anima_prompt import __version__
from anima_prompt.interchange.generation import ApgSettings, FileNames, Generation, LoraEntry, StartFiles
from anima_prompt.interchange.parameters import write_parameters

DIT_FOLDERS = ("diffusion_models", "unet")
_LORA_FOLDERS = ("loras",)


def file_names(files: ModelFiles) -> FileNames:
    """Return the file names that a workflow loads; the release's for a file that is not known."""
    names = RELEASE_FILES | {
        part: comfyui_name(path, folders)
        for part, path, folders in (
            ("dit", files.dit, DIT_FOLDERS),
            ("text", files.text, ("text_encoders", "clip")),
            ("vae", files.vae, ("vae",)),
        )
        if path is not None and path.suffix
    }
    return FileNames(**names)


def comfyui_name(path: Path, folders: tuple[str, ...]) -> str:
    """Return a file's name in ComfyUI: with the folders below the one that ComfyUI searches.

    >>> comfyui_name(Path("ComfyUI/models/loras/styles/ink.safetensors"), ("loras",))
    'styles/ink.safetensors'
    """
    parts = path.parts
    place = max((index for index, part in enumerate(parts[:-1]) if part in folders), default=len(parts) - 2)
    return "/".join(parts[place + 1 :])


def remarks_on(files: ModelFiles) -> tuple[str, ...]:
    """Return what keeps ComfyUI from loading the model's files."""
    remarks = []
    if files.is_demo:
        remarks.append(f"the demo model {DEMO} cannot be loaded by ComfyUI")
    elif files.dit is not None and not files.dit.suffix:
        remarks.append(f"{files.dit} is a folder in the diffusers layout; ComfyUI loads {RELEASE_FILES['dit']} instead")
    if files.adapter is not None and files.adapter != files.dit and files.dit is not None and files.dit.suffix:
        remarks.append(f"the adapter {files.adapter.name} is a file of its own, which ComfyUI does not load")
    return tuple(remarks)


def start_files(image: Path, mask: Path | None = None) -> StartFiles:
    """Return the names of a start image and its mask.

    Raises:
        SettingsError: the mask cannot be read.
    """
    if mask is None:
        return StartFiles(image.name)
    from PIL import ImageChops

    from anima_infer.images import open_image

    red, green, blue = open_image(mask).convert("RGB").split()
    is_gray = not any(ImageChops.difference(red, other).getbbox() for other in (green, blue))
    return StartFiles(image.name, mask.name, mask_is_gray=is_gray)


def describe(
    job: Job,
    files: FileNames,
    *,
    start: StartFiles | None = None,
    dtype: str = "default",
    model: str = "",
    blocks: int | None = None,
    remarks: tuple[str, ...] = (),
) -> Generation:
    """Return how a job's image is made, in ComfyUI's names.

    Args:
        job: of the image.
        files: of the model.
        start: files of the start image and mask.
        dtype: see :class:`~anima_prompt.interchange.generation.Generation`.
        model: name of the model for people; by default that of the DiT's file.
        blocks: number of the DiT's blocks.
        remarks: on the files.
    """
    s, guidance = job.settings, job.settings.guidance
    sampler = ALIASES.get(s.sampler, s.sampler)
    apg = guidance.apg
    return Generation(
        prompt=job.prompt,
        negative=job.negative,
        seed=job.seed,
        width=s.width,
        height=s.height,
        steps=s.steps,
        sampler=sampler,
        scheduler=s.scheduler,
        guidance_scale=guidance.scale,
        files=files,
        shift=s.shift,
        dialect=job.dialect,
        denoise=s.denoise,
        start_step=s.start_step,
        end_step=s.end_step,
        skipped_sigmas=_skipped_sigmas(job),
        zero_star=guidance.zero_star,
        apg=None if apg is None else ApgSettings(apg.eta, apg.threshold, apg.momentum),
        interval=guidance.interval,
        zero_if_empty=job.zero_if_empty,
        loras=tuple(map(_lora_entry, job.loras)),
        start=start,
        dtype=dtype,
        model=model or Path(files.dit).stem,
        blocks=blocks,
        remarks=remarks,
    )


def parameters_text(generation: Generation) -> str:
    """Return the text that A1111-style programs write into images and read from them."""
    loras = tuple(replace(lora, name=Path(lora.name).stem) for lora in generation.loras)
    return write_parameters(replace(generation, loras=loras), version=f"anima-prompt {__version__}")


def _lora_entry(use: LoraUse) -> LoraEntry:
    text_strength = use.strength if use.text_strength is None else use.text_strength
    return LoraEntry(comfyui_name(use.path, _LORA_FOLDERS), use.strength, text_strength)


def _skipped_sigmas(job: Job) -> int:
    """Return how many sigmas of the whole schedule come before the first one that runs."""
    s = job.settings
    if not 0 < s.denoise <= 0.9999:
        return 0
    whole = sigmas_for(int(s.steps / s.denoise), s.scheduler, sampler=s.sampler, shift=s.shift)
    return max(0, len(whole) - (s.steps + 1))
