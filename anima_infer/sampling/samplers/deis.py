"""DEIS."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, slope


def deis(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Exponential integrator of order 3 in variance-preserving time. Source: Zhang and Chen 2022, tAB-DEIS."""
    weights = _deis_weights([float(s) for s in sigmas])
    slopes: list[Tensor] = []
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        slopes = [slope(x, denoised, s), *slopes[:2]]
        if t <= 0:
            x = denoised
        elif i == 0:
            x = x + (t - s) * slopes[0]
        else:
            x = x + sum(w * d for w, d in zip(weights[i], slopes, strict=True))
    return x


def _deis_weights(sigmas: list[float]) -> list[list[float]]:
    """Return the weights of the newest, second and third slope for every step.

    The time map is that of a variance-preserving model with sigmas 0.002 to 80, whatever the model: a fixed part of the
    method as the reference has it. Integrals are sums over 10,000 points.
    """
    low, high, least, points = 0.002, 80.0, 1e-3, 10_000
    slope_of_beta = 2 * (math.log(low**2 + 1) / least - math.log(high**2 + 1)) / (least - 1)
    beta = math.log(high**2 + 1) - slope_of_beta / 2

    def time(sigma: float) -> float:
        return (math.sqrt(beta**2 + 2 * slope_of_beta * math.log(sigma**2 + 1)) - beta) / slope_of_beta

    times = [time(sigma) for sigma in sigmas]
    found: list[list[float]] = []
    for i, (here, there) in enumerate(pairwise(times)):
        order = min(i + 1, 3)
        tau = torch.linspace(here, there, points, dtype=torch.float64)
        log_alpha = -0.5 * tau**2 * slope_of_beta - tau * beta
        alpha = log_alpha.exp()
        integrand = -0.5 * (-tau * slope_of_beta - beta) / (alpha * (1 - alpha)).sqrt()
        row = []
        for j in range(order):
            basis = torch.ones_like(tau)
            for k in range(order):
                if k != j:
                    basis = basis * (tau - times[i - k]) / (times[i - j] - times[i - k])
            row.append(float((integrand * basis).sum() * (there - here) / points))
        found.append(row)
    return found
