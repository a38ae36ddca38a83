"""Improved pseudo linear multistep: Adams-Bashforth with up to four slopes."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, slope

_ADAMS_BASHFORTH = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))


def ipndm(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Adams-Bashforth up to order 4, as if steps were equal. Source: Zhang and Chen 2022, iPNDM."""
    slopes: list[Tensor] = []  # the newest first
    for sigma, sigma_next in pairwise(sigmas):
        denoised = model(x, sigma)
        slopes = [slope(x, denoised, sigma), *slopes[:3]]
        if sigma_next == 0:
            x = denoised
            continue
        weights = _ADAMS_BASHFORTH[len(slopes) - 1]
        x = x + (sigma_next - sigma) * sum(w * d for w, d in zip(weights, slopes, strict=True))
    return x


def ipndm_v(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Adams-Bashforth up to order 4 with corrections for unequal steps. Source: Zhang and Chen 2022, iPNDM.

    The corrections are those of ComfyUI 0.29.0. They are exact where steps are equal in order 3, nowhere in order 4,
    and not those of ``lms``, which integrates the same polynomials exactly.
    """
    slopes: list[Tensor] = []  # the newest first
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = model(x, sigma)
        slopes = [slope(x, denoised, sigma), *slopes[:3]]
        if sigma_next == 0:
            x = denoised
            continue
        steps = [sigmas[i + 1 - k] - sigmas[i - k] for k in range(len(slopes))]  # the newest first
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
