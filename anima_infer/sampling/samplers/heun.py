"""Solvers of the probability flow in sigma that remember nothing, or one slope."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, slope


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
