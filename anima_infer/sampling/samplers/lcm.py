"""The sampler of latent consistency models."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model


def lcm(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Jump to the prediction, and add noise again. Source: Luo et al. 2023, latent consistency models."""
    for sigma, sigma_next in pairwise(sigmas):
        x = model(x, sigma)
        if sigma_next > 0:
            x = sigma_next * noise(sigma, sigma_next) + (1 - sigma_next) * x
    return x
