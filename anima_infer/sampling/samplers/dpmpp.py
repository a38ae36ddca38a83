"""DPM-Solver++: 2M, and 2S with ancestral noise."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import (
    Model,
    ancestral_step,
    flow_ancestral_step,
    half_log_snr,
    sigma_at,
    slope,
)


def dpmpp_2m(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2M) in the variance-exploding form. Source: Lu et al. 2022b."""
    previous: Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = model(x, sigma)
        h = sigma.log() - sigma_next.log()
        extrapolated = denoised
        if previous is not None and sigma_next != 0:
            r = (sigmas[i - 1].log() - sigma.log()) / h
            extrapolated = (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * previous
        x = (sigma_next / sigma) * x - torch.expm1(-h) * extrapolated
        previous = denoised
    return x


def dpmpp_2m_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2M) with CFG++."""
    previous: Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, unguided = model.predict_both(x, sigma)
        h = sigma.log() - sigma_next.log()
        correction = -torch.exp(-h) * unguided
        if previous is not None and sigma_next != 0:
            r = (sigmas[i - 1].log() - sigma.log()) / h
            correction = correction - torch.expm1(-h) * (denoised - previous) / (2 * r)
        x = denoised + correction + torch.exp(-h) * x
        previous = unguided
    return x


def dpmpp_2s_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2S) to below the next sigma, and noise back up to it. Source: Lu et al. 2022b."""
    for sigma, sigma_next in pairwise(sigmas):
        denoised = model(x, sigma)
        step = flow_ancestral_step(sigma, sigma_next)
        if step.down == 0:
            x = x + slope(x, denoised, sigma) * (step.down - sigma)
        else:
            lam_mid = (half_log_snr(sigma) + half_log_snr(step.down)) / 2
            sigma_mid = torch.tensor(0.9999) if sigma == 1 else sigma_at(lam_mid)
            u = (sigma_mid / sigma) * x + (1 - sigma_mid / sigma) * denoised
            x = (step.down / sigma) * x + (1 - step.down / sigma) * model(u, sigma_mid)
        if sigma_next > 0:
            x = step.scale * x + noise(sigma, sigma_next) * step.noise_scale
    return x


def dpmpp_2s_ancestral_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2S) with CFG++; its noise is variance-exploding, as in ComfyUI 0.29.0."""
    for sigma, sigma_next in pairwise(sigmas):
        denoised, unguided = model.predict_both(x, sigma)
        down, up = ancestral_step(sigma, sigma_next)
        if down == 0:
            x = denoised
        else:
            h = sigma.log() - down.log()
            sigma_mid = (sigma.log() - h / 2).exp()
            u = sigma_mid / sigma * (x + denoised - unguided) - torch.expm1(-h / 2) * denoised
            denoised_mid, unguided = model.predict_both(u, sigma_mid)
            x = down / sigma * (x + denoised - unguided) - torch.expm1(-h) * denoised_mid
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * up
    return x
