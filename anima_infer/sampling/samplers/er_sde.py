"""Extended reverse-time SDE solver."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, offset_first_sigma

_POINTS = 200
"""Points of the numeric integrals."""


def er_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Extended reverse-time SDE solver of order 3. Source: Cui et al. 2023, ER-SDE-Solver-3."""
    sigmas = offset_first_sigma(sigmas, model.shift)
    previous: Tensor | None = None
    change_previous: Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = model(x, sigma)
        if sigma_next == 0:
            x = denoised
            continue
        level, level_next = _noise_to_signal(sigma), _noise_to_signal(sigma_next)
        r = _phi(level_next) / _phi(level)
        alpha = 1 - sigma_next
        x = alpha / (1 - sigma) * r * x + alpha * (1 - r) * denoised
        if previous is not None:
            h = level_next - level
            width = -h / _POINTS
            points = level_next + torch.arange(_POINTS, dtype=torch.float32) * width
            integral = (1 / _phi(points)).sum() * width
            change = (denoised - previous) / (level - _noise_to_signal(sigmas[i - 1]))
            x = x + alpha * (h + integral * _phi(level_next)) * change
            if change_previous is not None:
                moment = ((points - level) / _phi(points)).sum() * width
                second = (change - change_previous) / ((level - _noise_to_signal(sigmas[i - 2])) / 2)
                x = x + alpha * (h**2 / 2 + moment * _phi(level_next)) * second
            change_previous = change
        scale = torch.nan_to_num((level_next**2 - level**2 * r**2).sqrt(), nan=0.0)
        x = x + alpha * noise(sigma, sigma_next) * scale
        previous = denoised
    return x


def _noise_to_signal(sigma: Tensor) -> Tensor:
    return sigma / (1 - sigma)


def _phi(level: Tensor) -> Tensor:
    """Return the noise scale function of a noise-to-signal ratio, as in ComfyUI 0.29.0."""
    return level * ((level**0.3).exp() + 10)
