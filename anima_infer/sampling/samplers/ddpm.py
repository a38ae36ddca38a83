"""Ancestral samplers: below the next sigma, and noise back up to it."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import (
    Model,
)


def ddpm(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """The ancestral sampler of Ho et al. 2020, in variance-preserving variables."""
    for s, t in pairwise(sigmas):
        denoised = model(x, s)
        here, there = 1 / (1 + s**2), 1 / (1 + t**2)
        alpha = here / there
        eps = (x - denoised) / s
        mean = (x / (1 + s**2).sqrt() - (1 - alpha) * eps / (1 - here).sqrt()) / alpha.sqrt()
        if t > 0:
            mean = mean + ((1 - alpha) * (1 - there) / (1 - here)).sqrt() * noise(s, t)
        x = mean * (1 + t**2).sqrt()
    return x
