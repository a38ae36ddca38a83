"""The sampler of latent consistency models."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import (
    Model,
)


def lcm(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Jump to the prediction and noise it again. Source: Luo et al. 2023, latent consistency models."""
    for s, t in pairwise(sigmas):
        x = model(x, s)
        if t > 0:
            x = t * noise(s, t) + (1 - t) * x
    return x
