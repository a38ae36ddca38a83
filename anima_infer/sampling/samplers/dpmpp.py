"""DPM-Solver++ without a stochastic term: 2M, 2S ancestral."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import (
    Model,
    ancestral_step,
    lam,
    renoise,
    sigma_of,
    slope,
)


def dpmpp_2s_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2S) to below the next sigma, and noise back up to it. Source: Lu et al. 2022b."""
    for s, t in pairwise(sigmas):
        denoised = model(x, s)
        way = renoise(s, t)
        if way.down == 0:
            x = x + slope(x, denoised, s) * (way.down - s)
        else:
            middle = torch.tensor(0.9999) if s == 1 else sigma_of((lam(s) + lam(way.down)) / 2)
            u = (middle / s) * x + (1 - middle / s) * denoised
            x = (way.down / s) * x + (1 - way.down / s) * model(u, middle)
        if t > 0:
            x = way.scale * x + noise(s, t) * way.noise
    return x


def dpmpp_2s_ancestral_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2S) with CFG++; its noise is variance-exploding, in the reference too."""
    for s, t in pairwise(sigmas):
        denoised, unguided = model.both(x, s)
        down, up = ancestral_step(s, t)
        if down == 0:
            x = denoised
        else:
            h = s.log() - down.log()
            middle = (s.log() - h / 2).exp()
            u = middle / s * (x + denoised - unguided) - torch.expm1(-h / 2) * denoised
            later, unguided = model.both(u, middle)
            x = down / s * (x + denoised - unguided) - torch.expm1(-h) * later
        if t > 0:
            x = x + noise(s, t) * up
    return x


def dpmpp_2m(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2M) in the variance-exploding form. Source: Lu et al. 2022b."""
    before: Tensor | None = None
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        h = s.log() - t.log()
        guess = denoised
        if before is not None and t != 0:
            r = (sigmas[i - 1].log() - s.log()) / h
            guess = (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * before
        x = (t / s) * x - torch.expm1(-h) * guess
        before = denoised
    return x


def dpmpp_2m_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2M) with CFG++."""
    before: Tensor | None = None
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised, unguided = model.both(x, s)
        h = s.log() - t.log()
        mix = -torch.exp(-h) * unguided
        if before is not None and t != 0:
            r = (sigmas[i - 1].log() - s.log()) / h
            mix = mix - torch.expm1(-h) * (denoised - before) / (2 * r)
        x = denoised + mix + torch.exp(-h) * x
        before = unguided
    return x
