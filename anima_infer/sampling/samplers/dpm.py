"""DPM-Solver in the variance-exploding form: midpoint steps in log sigma, and the fast form."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, flow_ancestral_step, midpoint_step, slope


def dpm_2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Midpoint in log sigma. Source: Karras et al. 2022; Lu et al. 2022a, DPM-Solver-2."""
    for sigma, sigma_next in pairwise(sigmas):
        x = midpoint_step(model, x, sigma, sigma_next)
    return x


def dpm_2_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``dpm_2`` to below the next sigma, and noise back up to it."""
    for sigma, sigma_next in pairwise(sigmas):
        step = flow_ancestral_step(sigma, sigma_next)
        x = midpoint_step(model, x, sigma, step.down)
        if sigma_next > 0:
            x = step.scale * x + noise(sigma, sigma_next) * step.noise_scale
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
    for order, (log_sigma, log_next) in zip(orders, pairwise(logs), strict=True):
        x = _dpm_solver(model, x, log_sigma, log_next, order)
    return x


def _dpm_solver(model: Model, x: Tensor, log_sigma: Tensor, log_next: Tensor, order: int) -> Tensor:
    """Return x after a step of DPM-Solver-1, 2 or 3 between two logarithms of sigma."""
    sigma, sigma_next, h = log_sigma.exp(), log_next.exp(), log_sigma - log_next
    d = slope(x, model(x, sigma), sigma)
    if order == 1:
        return x - sigma_next * torch.expm1(h) * d
    r1, r2 = (1 / 2, 1.0) if order == 2 else (1 / 3, 2 / 3)
    sigma1 = (log_sigma - r1 * h).exp()
    u = x - sigma1 * torch.expm1(r1 * h) * d
    change = slope(u, model(u, sigma1), sigma1) - d
    if order == 2:
        return x - sigma_next * torch.expm1(h) * (d + change / (2 * r1))
    sigma2 = (log_sigma - r2 * h).exp()
    u = x - sigma2 * torch.expm1(r2 * h) * d - sigma2 * r2 / r1 * (torch.expm1(r2 * h) / (r2 * h) - 1) * change
    change = slope(u, model(u, sigma2), sigma2) - d
    return x - sigma_next * torch.expm1(h) * d - sigma_next / r2 * (torch.expm1(h) / h - 1) * change
