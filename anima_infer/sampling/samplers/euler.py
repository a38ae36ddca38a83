"""Euler's method, with its ancestral and CFG++ forms."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, ancestral_step, flow_ancestral_step, slope


def euler(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """First order. Source: Karras et al. 2022, algorithm 2 without churn."""
    for sigma, sigma_next in pairwise(sigmas):
        x = x + slope(x, model(x, sigma), sigma) * (sigma_next - sigma)
    return x


def euler_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Euler to below the next sigma, and noise back up to it. Source: Karras et al. 2022 in rectified flow."""
    for sigma, sigma_next in pairwise(sigmas):
        denoised = model(x, sigma)
        if sigma_next == 0:
            x = denoised
            continue
        step = flow_ancestral_step(sigma, sigma_next)
        x = (step.down / sigma) * x + (1 - step.down / sigma) * denoised
        x = step.scale * x + noise(sigma, sigma_next) * step.noise_scale
    return x


def euler_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Euler with CFG++. Source: Chung et al. 2024."""
    return _euler_cfg_pp(model, x, sigmas, noise, eta=0.0)


def euler_ancestral_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Ancestral Euler with CFG++."""
    return _euler_cfg_pp(model, x, sigmas, noise, eta=1.0)


def _euler_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, eta: float) -> Tensor:
    for sigma, sigma_next in pairwise(sigmas):
        denoised, unguided = model.predict_both(x, sigma)
        if sigma_next == 0:
            x = denoised
            continue
        d = (x - (1 - sigma) * unguided) / sigma
        alpha = 1 - sigma_next
        down, up = ancestral_step(sigma / (1 - sigma), sigma_next / alpha, eta)
        x = alpha * denoised + alpha * down * d
        if eta:
            x = x + alpha * noise(sigma, sigma_next) * up
    return x
