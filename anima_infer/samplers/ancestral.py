"""Ancestral samplers: below the next sigma, and noise back up to it."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.noise import StepNoise
from anima_infer.samplers.steps import Model, ancestral_step, lam, midpoint, renoise, sigma_of, slope


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


def dpm_2_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``dpm_2`` to below the next sigma, and noise back up to it."""
    for s, t in pairwise(sigmas):
        way = renoise(s, t)
        x = midpoint(model, x, s, way.down)
        if t > 0:
            x = way.scale * x + noise(s, t) * way.noise
    return x


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


def lcm(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Jump to the prediction and noise it again. Source: Luo et al. 2023, latent consistency models."""
    for s, t in pairwise(sigmas):
        x = model(x, s)
        if t > 0:
            x = t * noise(s, t) + (1 - t) * x
    return x


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
