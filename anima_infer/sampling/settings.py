"""Settings of a render: size, steps, sampler, scheduler, guidance; checked when they are created."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from anima_infer.errors import SettingsError
from anima_infer.model.vae import SCALE
from anima_infer.sampling.guidance import Guidance
from anima_infer.sampling.samplers import SAMPLERS
from anima_infer.sampling.schedule import SHIFT, sigmas_for

MULTIPLE = 16
LEAST_SIDE, MOST_PIXELS = 64, 4096 * 4096


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """How an image is made. Defaults are those of ComfyUI 0.29.0's workflow for Anima.

    Attributes:
        width, height: in pixels, multiples of 16.
        steps: sampler steps.
        sampler, scheduler: names of ``SAMPLERS`` and ``SCHEDULERS``.
        guidance: how strongly the prompt is followed.
        shift: of the schedule; the model was trained with 3.
        denoise: denoising strength (image to image); 1 ignores the start image, 0 returns it.
        start_step, end_step: run these steps of the schedule only; None for the last one.
    """

    width: int = 1024
    height: int = 1024
    steps: int = 30
    sampler: str = "er_sde"
    scheduler: str = "simple"
    guidance: Guidance = field(default_factory=Guidance)
    shift: float = SHIFT
    denoise: float = 1.0
    start_step: int = 0
    end_step: int | None = None

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            SettingsError: one is outside what the model or the sampler can do.
        """
        for name, side in (("width", self.width), ("height", self.height)):
            if side % MULTIPLE or side < LEAST_SIDE:
                near = max(LEAST_SIDE, round(side / MULTIPLE) * MULTIPLE)
                raise SettingsError(
                    f"{name} is {side}; expected a multiple of {MULTIPLE} from {LEAST_SIDE}, such as {near}"
                )
        if self.width * self.height > MOST_PIXELS:
            raise SettingsError(
                f"size is {self.width}x{self.height}; expected at most 16.7 megapixels, such as 1024x1024"
            )
        if self.sampler not in SAMPLERS:
            raise SettingsError(f"sampler is '{self.sampler}'; expected one of {', '.join(sorted(SAMPLERS))}")
        if not 0 <= self.start_step <= (self.steps if self.end_step is None else self.end_step) <= self.steps:
            raise SettingsError(
                f"start_step is {self.start_step} and end_step {self.end_step}; "
                f"expected 0 <= start_step <= end_step <= {self.steps}"
            )
        self.sigmas()

    def sigmas(self) -> Tensor:
        """Return the sigmas of the run.

        Raises:
            SettingsError: steps, scheduler, shift or denoise are out of range.
        """
        sigmas = sigmas_for(self.steps, self.scheduler, sampler=self.sampler, denoise=self.denoise, shift=self.shift)
        if self.end_step is not None:
            sigmas = sigmas[: self.end_step + 1]
        return sigmas[self.start_step :]

    @property
    def latent_size(self) -> tuple[int, int]:
        """Height and width of the latents."""
        return (self.height // SCALE, self.width // SCALE)
