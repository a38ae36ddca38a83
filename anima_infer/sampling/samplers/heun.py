"""Heun's method, and its form with up to three slopes."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, slope


def heun(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Second order: mean of the slopes at both ends. Source: Karras et al. 2022, algorithm 2 without churn."""
    for sigma, sigma_next in pairwise(sigmas):
        d = slope(x, model(x, sigma), sigma)
        if sigma_next == 0:
            x = x + d * (sigma_next - sigma)
        else:
            x_next = x + d * (sigma_next - sigma)
            x = x + (d + slope(x_next, model(x_next, sigma_next), sigma_next)) / 2 * (sigma_next - sigma)
    return x


def heunpp2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Up to three slopes, weighted by their sigmas. Source: ComfyUI 0.29.0 (heunpp2)."""
    first = sigmas[0]
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        d = slope(x, model(x, sigma), sigma)
        h = sigma_next - sigma
        if sigma_next == sigmas[-1]:
            x = x + d * h
            continue
        x2 = x + d * h
        d2 = slope(x2, model(x2, sigma_next), sigma_next)
        sigma_after = sigmas[i + 2]
        if sigma_after == sigmas[-1]:
            w2 = sigma_next / (2 * first)
            x = x + ((1 - w2) * d + w2 * d2) * h
        else:
            x3 = x2 + d2 * (sigma_after - sigma_next)
            d3 = slope(x3, model(x3, sigma_after), sigma_after)
            w2, w3 = sigma_next / (3 * first), sigma_after / (3 * first)
            x = x + ((1 - w2 - w3) * d + w2 * d2 + w3 * d3) * h
    return x
