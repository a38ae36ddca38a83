"""Euler's method, its ancestral and its CFG++ forms."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import (
    Model,
    ancestral_step,
    renoise,
    slope,
)


def euler_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Euler to below the next sigma, and noise back up to it. Source: Karras et al. 2022 in rectified flow."""
    for s, t in pairwise(sigmas):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        way = renoise(s, t)
        x = (way.down / s) * x + (1 - way.down / s) * denoised
        x = way.scale * x + noise(s, t) * way.noise
    return x


def euler_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Euler with CFG++. Source: Chung et al. 2024."""
    return _euler_cfg_pp(model, x, sigmas, noise, eta=0.0)


def euler_ancestral_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Ancestral Euler with CFG++."""
    return _euler_cfg_pp(model, x, sigmas, noise, eta=1.0)


def _euler_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, eta: float) -> Tensor:
    for s, t in pairwise(sigmas):
        denoised, unguided = model.both(x, s)
        if t == 0:
            x = denoised
            continue
        d = (x - (1 - s) * unguided) / s
        alpha = 1 - t
        down, up = ancestral_step(s / (1 - s), t / alpha, eta)
        x = alpha * denoised + alpha * down * d
        if eta:
            x = x + alpha * noise(s, t) * up
    return x


def euler(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """First order. Source: Karras et al. 2022, algorithm 2 without churn."""
    for s, t in pairwise(sigmas):
        x = x + slope(x, model(x, s), s) * (t - s)
    return x
