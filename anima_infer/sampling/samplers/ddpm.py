"""The ancestral sampler of denoising diffusion probabilistic models."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model


def ddpm(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """The ancestral sampler of Ho et al. 2020, in variance-preserving variables."""
    for sigma, sigma_next in pairwise(sigmas):
        denoised = model(x, sigma)
        alpha_bar, alpha_bar_next = 1 / (1 + sigma**2), 1 / (1 + sigma_next**2)
        alpha = alpha_bar / alpha_bar_next
        eps = (x - denoised) / sigma
        mean = (x / (1 + sigma**2).sqrt() - (1 - alpha) * eps / (1 - alpha_bar).sqrt()) / alpha.sqrt()
        if sigma_next > 0:
            variance = (1 - alpha) * (1 - alpha_bar_next) / (1 - alpha_bar)
            mean = mean + variance.sqrt() * noise(sigma, sigma_next)
        x = mean * (1 + sigma_next**2).sqrt()
    return x
