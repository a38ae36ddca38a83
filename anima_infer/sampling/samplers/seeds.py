"""Exponential solvers with two or three stages inside a step."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, lam, nudged, sigma_of


def seeds_2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SEEDS-2: two stages, noise shared between them. Source: Gonzalez et al. 2023."""
    return _two_stages(model, x, sigmas, noise, r=0.5, eta=1.0, heun=False)


def exp_heun_2_x0(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Exponential Heun of order 2 for the data prediction."""
    return _two_stages(model, x, sigmas, noise, r=1.0, eta=0.0, heun=True)


def exp_heun_2_x0_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Exponential Heun of order 2 with noise."""
    return _two_stages(model, x, sigmas, noise, r=1.0, eta=1.0, heun=True)


def _two_stages(
    model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, r: float, eta: float, heun: bool
) -> Tensor:
    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        here, there = lam(s), lam(t)
        h = there - here
        he = h * (1 + eta)
        alpha = 1 - t
        middle = sigma_of(torch.lerp(here, there, r))
        u = (middle / s) * torch.exp(-r * h * eta) * x - (1 - middle) * torch.expm1(-r * he) * denoised
        drawn = torch.zeros(())
        if eta:
            drawn = (-torch.expm1(-2 * r * h * eta)).sqrt() * noise(s, middle)
            u = u + drawn * middle
        second = model(u, middle)
        if heun:
            b2 = ((torch.expm1(-he) + he) / -he) / r
            b1 = torch.expm1(-he) - b2
            x = (t / s) * torch.exp(-h * eta) * x - alpha * (b1 * denoised + b2 * second)
        else:
            mixed = torch.lerp(denoised, second, 1 / (2 * r))
            x = (t / s) * torch.exp(-h * eta) * x - alpha * torch.expm1(-he) * mixed
        if eta:
            fade = (r - 1) * h * eta
            drawn = drawn * torch.exp(fade) + (-torch.expm1(2 * fade)).sqrt() * noise(middle, t)
            x = x + drawn * t
    return x


def seeds_3(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SEEDS-3: three stages at thirds. Source: Gonzalez et al. 2023."""
    r1, r2 = 1 / 3, 2 / 3

    def phi(z: Tensor) -> Tensor:
        return (torch.expm1(z) - z) / z

    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        here, there = lam(s), lam(t)
        h = there - here
        he = 2 * h
        one, two = sigma_of(torch.lerp(here, there, r1)), sigma_of(torch.lerp(here, there, r2))
        drawn = (-torch.expm1(-2 * r1 * h)).sqrt() * noise(s, one)
        u = (one / s) * torch.exp(-r1 * h) * x - (1 - one) * torch.expm1(-r1 * he) * denoised + drawn * one
        d2 = model(u, one)
        fade = (r1 - r2) * h
        drawn = drawn * torch.exp(fade) + (-torch.expm1(2 * fade)).sqrt() * noise(one, two)
        a32 = r2 / r1 * phi(-r2 * he)
        a31 = torch.expm1(-r2 * he) - a32
        u = (two / s) * torch.exp(-r2 * h) * x - (1 - two) * (a31 * denoised + a32 * d2) + drawn * two
        d3 = model(u, two)
        fade = (r2 - 1) * h
        drawn = drawn * torch.exp(fade) + (-torch.expm1(2 * fade)).sqrt() * noise(two, t)
        b3 = phi(-he) / r2
        b1 = torch.expm1(-he) - b3
        x = (t / s) * torch.exp(-h) * x - (1 - t) * (b1 * denoised + b3 * d3) + drawn * t
    return x
