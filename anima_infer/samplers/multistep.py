"""Linear multistep solvers: up to four earlier slopes, weighted."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.noise import StepNoise
from anima_infer.samplers.steps import Model, slope

_ADAMS_BASHFORTH = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))


def ipndm(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Adams-Bashforth up to order 4, as if steps were equal. Source: Zhang and Chen 2022, iPNDM."""
    slopes: list[Tensor] = []
    for s, t in pairwise(sigmas):
        denoised = model(x, s)
        slopes = [slope(x, denoised, s), *slopes[:3]]
        if t == 0:
            x = denoised
            continue
        weights = _ADAMS_BASHFORTH[len(slopes) - 1]
        x = x + (t - s) * sum(w * d for w, d in zip(weights, slopes, strict=True))
    return x


def ipndm_v(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Adams-Bashforth up to order 4 with corrections for unequal steps. Source: Zhang and Chen 2022, iPNDM.

    The corrections are the reference's. They are exact where steps are equal in order 3, nowhere in order 4, and not
    those of ``lms``, which integrates the same polynomials exactly.
    """
    slopes: list[Tensor] = []
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        slopes = [slope(x, denoised, s), *slopes[:3]]
        if t == 0:
            x = denoised
            continue
        steps = [sigmas[i + 1 - k] - sigmas[i - k] for k in range(len(slopes))]  # the next one first
        x = x + steps[0] * sum(w * d for w, d in zip(_unequal_weights(*steps), slopes, strict=True))
    return x


def _unequal_weights(
    h: Tensor, h1: Tensor | None = None, h2: Tensor | None = None, h3: Tensor | None = None
) -> list[Tensor]:
    """Return the weights of slopes, the newest first, for a step h after the steps h1, h2, h3."""
    if h1 is None:
        return [torch.ones(())]
    weights = [1 + h / h1 / 2, -h / h1 / 2]
    if h2 is None:
        return weights
    third = (1 - h / (3 * (h + h1)) * (h * (h + h1)) / (h1 * (h1 + h2))) / 2
    weights = [weights[0] + third, weights[1] - third * (1 + h1 / h2), third * h1 / h2]
    if h3 is None:
        return weights
    fourth = (1 - h / (3 * (h + h1))) / 2 + (1 - h / (2 * (h + h1))) * h / (6 * (h + h1 + h2))
    fourth = fourth * h * (h + h1) * (h + h1 + h2) / (h1 * (h1 + h2) * (h1 + h2 + h3))
    q = h1 * (h1 + h2) / (h2 * (h2 + h3))
    change = (torch.ones(()), -(1 + h1 / h2 + q), h1 / h2 + q * (1 + h2 / h3), -q * h1 / h2)
    return [w + fourth * c for w, c in zip([*weights, torch.zeros(())], change, strict=True)]


def lms(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Linear multistep of order 4 over the true sigmas: Lagrange polynomials, integrated exactly."""
    from numpy.polynomial import Polynomial

    nodes, slopes = [float(s) for s in sigmas], list[Tensor]()
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        slopes = [slope(x, denoised, s), *slopes[:3]]
        if t == 0:
            x = denoised
            continue
        for j, d in enumerate(slopes):
            basis = Polynomial([1.0])
            for k in range(len(slopes)):
                if k != j:
                    basis = basis * Polynomial([-nodes[i - k], 1.0]) / (nodes[i - j] - nodes[i - k])
            area = basis.integ()
            x = x + float(area(nodes[i + 1]) - area(nodes[i])) * d
    return x


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
