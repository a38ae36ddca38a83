"""Solvers of the probability flow in sigma that remember nothing, or one slope."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.noise import StepNoise
from anima_infer.samplers.steps import Model, midpoint, slope


def euler(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """First order. Source: Karras et al. 2022, algorithm 2 without churn."""
    for s, t in pairwise(sigmas):
        x = x + slope(x, model(x, s), s) * (t - s)
    return x


def heun(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Second order: mean of the slopes at both ends. Source: Karras et al. 2022, algorithm 2 without churn."""
    for s, t in pairwise(sigmas):
        d = slope(x, model(x, s), s)
        if t == 0:
            x = x + d * (t - s)
        else:
            there = x + d * (t - s)
            x = x + (d + slope(there, model(there, t), t)) / 2 * (t - s)
    return x


def heunpp2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Up to three slopes, weighted by their sigmas. Source: the reference's heunpp2."""
    first = sigmas[0]
    for i, (s, t) in enumerate(pairwise(sigmas)):
        d = slope(x, model(x, s), s)
        step = t - s
        if t == sigmas[-1]:
            x = x + d * step
            continue
        x2 = x + d * step
        d2 = slope(x2, model(x2, t), t)
        beyond = sigmas[i + 2]
        if beyond == sigmas[-1]:
            w2 = t / (2 * first)
            x = x + ((1 - w2) * d + w2 * d2) * step
        else:
            x3 = x2 + d2 * (beyond - t)
            d3 = slope(x3, model(x3, beyond), beyond)
            w2, w3 = t / (3 * first), beyond / (3 * first)
            x = x + ((1 - w2 - w3) * d + w2 * d2 + w3 * d3) * step
    return x


def dpm_2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Midpoint in log sigma. Source: Karras et al. 2022; Lu et al. 2022, DPM-Solver-2."""
    for s, t in pairwise(sigmas):
        x = midpoint(model, x, s, t)
    return x


def gradient_estimation(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Euler with the change of the slope counted once more. Source: Permenter and Yuan 2023 (gamma 2)."""
    before: Tensor | None = None
    for s, t in pairwise(sigmas):
        denoised = model(x, s)
        d = slope(x, denoised, s)
        if t == 0:
            x = denoised
        else:
            x = x + d * (t - s)
            if before is not None:
                x = x + (d - before) * (t - s)
        before = d
    return x


def gradient_estimation_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``gradient_estimation`` with CFG++."""
    before: Tensor | None = None
    for s, t in pairwise(sigmas):
        denoised, unguided = model.both(x, s)
        d = slope(x, unguided, s)
        if t == 0:
            x = denoised
        else:
            x = denoised + d * t
            if before is not None:
                x = x + (d - before) * (t - s)
        before = d
    return x


def dpm_fast(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """As many evaluations as there are steps, in jumps of three; ends at the last sigma above 0.

    Only the ends of ``sigmas`` count: the jumps are even in log sigma. Source: Lu et al. 2022a, DPM-Solver-fast.
    """
    count = len(sigmas) - 1
    jumps = count // 3 + 1
    orders = [3] * (jumps - 2) + [2, 1] if count % 3 == 0 else [3] * (jumps - 1) + [count % 3]
    last = sigmas[-1] if sigmas[-1] > 0 else sigmas[-2]
    logs = torch.linspace(float(sigmas[0].log()), float(last.log()), jumps + 1)
    for order, (here, there) in zip(orders, pairwise(logs), strict=True):
        x = _dpm_solver(model, x, here, there, order)
    return x


def _dpm_solver(model: Model, x: Tensor, here: Tensor, there: Tensor, order: int) -> Tensor:
    """Take a step of DPM-Solver-1, 2 or 3 between two logs of sigma."""
    s, t, h = here.exp(), there.exp(), here - there
    d = slope(x, model(x, s), s)
    if order == 1:
        return x - t * torch.expm1(h) * d
    r1, r2 = (1 / 2, 1.0) if order == 2 else (1 / 3, 2 / 3)
    s1 = (here - r1 * h).exp()
    u = x - s1 * torch.expm1(r1 * h) * d
    change = slope(u, model(u, s1), s1) - d
    if order == 2:
        return x - t * torch.expm1(h) * (d + change / (2 * r1))
    s2 = (here - r2 * h).exp()
    u = x - s2 * torch.expm1(r2 * h) * d - s2 * r2 / r1 * (torch.expm1(r2 * h) / (r2 * h) - 1) * change
    change = slope(u, model(u, s2), s2) - d
    return x - t * torch.expm1(h) * d - t / r2 * (torch.expm1(h) / h - 1) * change
