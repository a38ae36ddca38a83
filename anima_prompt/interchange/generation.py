"""How an image was made, in names and numbers: the input of the writers of parameters and workflows."""

from __future__ import annotations

from dataclasses import dataclass

from anima_prompt.dialects import Dialect

SHIFT = 3.0
"""The model's own shift, which ComfyUI uses if no node sets another (ComfyUI 0.29.0)."""


@dataclass(frozen=True, slots=True)
class LoraEntry:
    """A LoRA by its file name in ComfyUI's folder, and its strengths on the model and on the text encoder."""

    name: str
    strength: float = 1.0
    text_strength: float = 1.0


@dataclass(frozen=True, slots=True)
class ApgSettings:
    """Adaptive projected guidance; a ``threshold`` of 0 sets no limit."""

    eta: float
    threshold: float
    momentum: float

    def __str__(self) -> str:
        return f"{self.eta:g}:{self.threshold:g}:{self.momentum:g}"


@dataclass(frozen=True, slots=True)
class StartFiles:
    """Image to start from and mask (white may change), by their file names.

    A mask with colors is read by its brightness; ComfyUI reads one channel.
    """

    image: str
    mask: str | None = None
    mask_is_gray: bool = True


@dataclass(frozen=True, slots=True)
class FileNames:
    """File names of DiT, text encoder and VAE in ComfyUI's folders."""

    dit: str
    text: str
    vae: str


@dataclass(frozen=True, slots=True)
class Generation:
    """Everything that an image depends on.

    Attributes:
        prompt, negative: texts in ``dialect``.
        seed: of the noise, 0 to 2^64 - 1.
        width, height: in pixels.
        steps, sampler, scheduler, guidance_scale, shift: as ComfyUI names them.
        files: of the model.
        dialect: of the texts.
        denoise: denoising strength.
        start_step, end_step: run these steps of the schedule only; None for the last one.
        skipped_sigmas: sigmas that ``denoise`` leaves out at the start of the whole schedule.
        zero_star: CFG-Zero* guidance.
        apg: adaptive projected guidance, None for none.
        interval: guidance range, fractions of the schedule.
        zero_if_empty: an empty negative prompt is encoded as in diffusers.
        loras: in the order of loading.
        start: image to start from, None for none.
        dtype: ``default``, ``bf16``, ``fp16``, ``fp32`` or ``fp8`` (stored in fp8).
        model: name of the model, for people.
        blocks: number of its DiT's blocks, which LoRAs are made for; None if it is not known.
        remarks: what readers should know of the files.
    """

    prompt: str
    negative: str
    seed: int
    width: int
    height: int
    steps: int
    sampler: str
    scheduler: str
    guidance_scale: float
    files: FileNames
    shift: float = SHIFT
    dialect: Dialect = Dialect.COMFYUI
    denoise: float = 1.0
    start_step: int = 0
    end_step: int | None = None
    skipped_sigmas: int = 0
    zero_star: bool = False
    apg: ApgSettings | None = None
    interval: tuple[float, float] = (0.0, 1.0)
    zero_if_empty: bool = False
    loras: tuple[LoraEntry, ...] = ()
    start: StartFiles | None = None
    dtype: str = "default"
    model: str = "anima"
    blocks: int | None = None
    remarks: tuple[str, ...] = ()
