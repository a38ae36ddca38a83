"""Euler with an estimate of the gradient from the last two slopes."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, slope


def gradient_estimation(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Euler that counts the change of the slope twice. Source: Permenter and Yuan 2023 (gamma 2)."""
    d_previous: Tensor | None = None
    for sigma, sigma_next in pairwise(sigmas):
        denoised = model(x, sigma)
        d = slope(x, denoised, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            x = x + d * (sigma_next - sigma)
            if d_previous is not None:
                x = x + (d - d_previous) * (sigma_next - sigma)
        d_previous = d
    return x


def gradient_estimation_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``gradient_estimation`` with CFG++."""
    d_previous: Tensor | None = None
    for sigma, sigma_next in pairwise(sigmas):
        denoised, unguided = model.predict_both(x, sigma)
        d = slope(x, unguided, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            x = denoised + d * sigma_next
            if d_previous is not None:
                x = x + (d - d_previous) * (sigma_next - sigma)
        d_previous = d
    return x
