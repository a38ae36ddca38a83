"""A denoiser in closed form that tells samplers apart, and runs with it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from anima_infer.sampling.noise import BrownianNoise, GaussianNoise, initial_noise
from anima_infer.sampling.samplers import ALIASES, BROWNIAN, SAMPLERS
from anima_infer.sampling.schedule import sigmas_for

SHAPE, SEED = (2, 16, 1, 4, 6), 1234


@dataclass(frozen=True)
class Run:
    """How a sampler is run."""

    scheduler: str
    steps: int
    cfg: float
    denoise: float = 1.0


class Analytic:
    """The denoiser that ComfyUI's samplers were asked with."""

    shift = 3.0

    def __init__(self, cfg: float, latents: Tensor, noise: Tensor, mask: Tensor | None) -> None:
        self.cfg, self.latents, self.noise, self.mask = cfg, latents, noise, mask

    def predict_both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        if self.mask is not None:
            x = x * self.mask + (sigma * self.noise + (1 - sigma) * self.latents) * (1 - self.mask)
        cond = 0.8 * torch.tanh(x / (1 + sigma)) + 0.1 * (1 - sigma) * torch.sin(3 * x)
        uncond = 0.5 * torch.tanh(x / (1 + sigma)) - 0.1 * torch.cos(2 * x) * sigma
        mixed = cond if self.cfg == 1 else uncond + (cond - uncond) * self.cfg
        if self.mask is not None:
            mixed = mixed * self.mask + self.latents * (1 - self.mask)
        return mixed, uncond

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.predict_both(x, sigma)[0]


def sample(name: str, run: Run, *, image: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    """Return the first of the two images that a sampler makes with the analytic denoiser."""
    noise = initial_noise(SHAPE, SEED)
    sigmas = sigmas_for(run.steps, run.scheduler, sampler=name, denoise=run.denoise)
    latents = torch.zeros(SHAPE) if image is None else image.expand(SHAPE)
    mask = None if mask is None else mask.expand(SHAPE)
    x = sigmas[0] * noise + (1 - sigmas[0]) * latents
    is_brownian = ALIASES.get(name, name) in BROWNIAN
    source = BrownianNoise(x, SEED, sigmas) if is_brownian else GaussianNoise(x, SEED)
    return SAMPLERS[name](Analytic(run.cfg, latents, noise, mask), x, sigmas, source)[:1]
