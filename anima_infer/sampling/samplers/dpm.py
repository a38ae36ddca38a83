"""DPM-Solver: midpoint steps in log sigma."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import (
    Model,
    midpoint,
    renoise,
    slope,
)


def dpm_2_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``dpm_2`` to below the next sigma, and noise back up to it."""
    for s, t in pairwise(sigmas):
        way = renoise(s, t)
        x = midpoint(model, x, s, way.down)
        if t > 0:
            x = way.scale * x + noise(s, t) * way.noise
    return x


def dpm_2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Midpoint in log sigma. Source: Karras et al. 2022; Lu et al. 2022, DPM-Solver-2."""
    for s, t in pairwise(sigmas):
        x = midpoint(model, x, s, t)
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
