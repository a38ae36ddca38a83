"""Multistep solvers of the reverse stochastic equation in lam."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, ancestral_step, lam, nudged, sigma_of


def dpmpp_2m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(2M), midpoint. Source: Lu et al. 2022b."""
    return _dpmpp_2m_sde(model, x, sigmas, noise, heun=False)


def dpmpp_2m_sde_heun(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(2M) with the correction of Heun's method."""
    return _dpmpp_2m_sde(model, x, sigmas, noise, heun=True)


def _dpmpp_2m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, heun: bool) -> Tensor:
    before: Tensor | None = None
    h_before = torch.ones(())
    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        h = lam(t) - lam(s)
        he = 2 * h  # eta is 1
        alpha = 1 - t
        x = (t / s) * torch.exp(-h) * x + alpha * -torch.expm1(-he) * denoised
        if before is not None:
            factor = torch.expm1(-he) / he + 1 if heun else -0.5 * torch.expm1(-he)
            x = x + alpha * factor * (h / h_before) * (denoised - before)
        x = x + noise(s, t) * t * (-torch.expm1(-2 * h)).sqrt()
        before, h_before = denoised, h
    return x


def dpmpp_3m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(3M)."""
    history: list[tuple[Tensor, Tensor]] = []  # newest first: D and the step that followed it
    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        h = lam(t) - lam(s)
        he = 2 * h
        alpha = 1 - t
        x = (t / s) * torch.exp(-h) * x + alpha * -torch.expm1(-he) * denoised
        phi2 = torch.expm1(-he) / he + 1
        if len(history) == 1:
            ((d1, h1),) = history
            x = x + alpha * phi2 * (denoised - d1) / (h1 / h)
        elif history:
            (d1, h1), (d2, h2) = history
            r0, r1 = h1 / h, h2 / h
            a, b = (denoised - d1) / r0, (d1 - d2) / r1
            first, second = a + (a - b) * r0 / (r0 + r1), (a - b) / (r0 + r1)
            x = x + alpha * phi2 * first - alpha * (phi2 / he - 0.5) * second
        x = x + noise(s, t) * t * (-torch.expm1(-2 * h)).sqrt()
        history = [(denoised, h), *history[:1]]
    return x


def dpmpp_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(S) with a midpoint and noise at both halves. Source: Lu et al. 2022b; r = 1/2."""
    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        here, there = lam(s), lam(t)
        middle = here + (there - here) / 2
        sigma = sigma_of(middle)
        u = _ancestral_in_lam(x, denoised, here, middle, s, noise, sigma)
        x = _ancestral_in_lam(x, model(u, sigma), here, there, s, noise, t)
    return x


def _ancestral_in_lam(
    x: Tensor, denoised: Tensor, here: Tensor, there: Tensor, s: Tensor, noise: StepNoise, to: Tensor
) -> Tensor:
    down, up = ancestral_step(torch.exp(-here), torch.exp(-there))
    h = -down.log() - here
    alpha = 1 - to
    return (alpha / (1 - s)) * torch.exp(-h) * x - alpha * torch.expm1(-h) * denoised + alpha * noise(s, to) * up
