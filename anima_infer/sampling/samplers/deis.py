"""Diffusion exponential integrator sampler (DEIS)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, slope


def deis(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Exponential integrator of order 3 in variance-preserving time. Source: Zhang and Chen 2022, tAB-DEIS."""
    weights = _deis_weights([float(sigma) for sigma in sigmas])
    slopes: list[Tensor] = []  # the newest first
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = model(x, sigma)
        slopes = [slope(x, denoised, sigma), *slopes[:2]]
        if sigma_next <= 0:
            x = denoised
        elif i == 0:
            x = x + (sigma_next - sigma) * slopes[0]
        else:
            x = x + sum(w * d for w, d in zip(weights[i], slopes, strict=True))
    return x


def _deis_weights(sigmas: list[float]) -> list[list[float]]:
    """Return the weights of the slopes, the newest first, for every step.

    The time map is that of a variance-preserving model with sigmas 0.002 to 80, whatever the model: a fixed part of the
    method in ComfyUI 0.29.0. Integrals are sums over 10,000 points.
    """
    low, high, least, points = 0.002, 80.0, 1e-3, 10_000
    slope_of_beta = 2 * (math.log(low**2 + 1) / least - math.log(high**2 + 1)) / (least - 1)
    beta = math.log(high**2 + 1) - slope_of_beta / 2

    def time(sigma: float) -> float:
        return (math.sqrt(beta**2 + 2 * slope_of_beta * math.log(sigma**2 + 1)) - beta) / slope_of_beta

    times = [time(sigma) for sigma in sigmas]
    weights: list[list[float]] = []
    for i, (t, t_next) in enumerate(pairwise(times)):
        order = min(i + 1, 3)
        tau = torch.linspace(t, t_next, points, dtype=torch.float64)
        log_alpha = -0.5 * tau**2 * slope_of_beta - tau * beta
        alpha = log_alpha.exp()
        integrand = -0.5 * (-tau * slope_of_beta - beta) / (alpha * (1 - alpha)).sqrt()
        row = []
        for j in range(order):
            basis = torch.ones_like(tau)
            for k in range(order):
                if k != j:
                    basis = basis * (tau - times[i - k]) / (times[i - j] - times[i - k])
            row.append(float((integrand * basis).sum() * (t_next - t) / points))
        weights.append(row)
    return weights
