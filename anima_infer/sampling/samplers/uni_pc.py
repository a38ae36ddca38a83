"""UniPC: unified predictor-corrector. Source: Zhao et al. 2023."""

from __future__ import annotations

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model


def uni_pc(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Unified predictor-corrector of order 3, B1(h) = h. Source: Zhao et al. 2023."""
    return _uni_pc(model, x, sigmas, exponential=False)


def uni_pc_bh2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Unified predictor-corrector of order 3, B2(h) = e^h - 1."""
    return _uni_pc(model, x, sigmas, exponential=True)


_LAST_SIGMA = 0.001
"""Replaces a last sigma of 0; the result is divided by 1 minus it."""


def _uni_pc(model: Model, x: Tensor, sigmas: Tensor, *, exponential: bool) -> Tensor:
    """Work in variance-preserving variables: x / sqrt(1 + sigma^2) = alpha data + sqrt(1 - alpha^2) noise.

    Half log SNRs are computed from ln alpha, as in ComfyUI 0.29.0, to agree with it to float error.
    """
    scale = 1.0
    if sigmas[-1] == 0:
        sigmas = torch.cat((sigmas[:-1], torch.tensor([_LAST_SIGMA])))
        scale = 1 - _LAST_SIGMA
    alphas = 1 / (1 + sigmas**2).sqrt()
    variances = 1 - (2 * alphas.log()).exp()
    stds, lams = variances.sqrt(), alphas.log() - 0.5 * variances.log()
    steps = len(sigmas) - 1
    most_order = min(3, len(sigmas) - 2)
    x = x * alphas[0]
    predictions = [model(x / alphas[0], sigmas[0])]  # the newest last
    if most_order < 1:  # a single step: ComfyUI 0.29.0 leaves x as it is
        return x / alphas[-1] / scale
    for i in range(1, steps + 1):
        order = min(i, most_order, steps + 1 - i)
        h = lams[i] - lams[i - 1]
        ratios = [(lams[i - 1 - k] - lams[i - 1]) / h for k in range(1, order)]
        newest = predictions[-1]
        changes = [(predictions[-1 - k] - newest) / r for k, r in enumerate(ratios, start=1)]
        phi = torch.expm1(-h)
        b = torch.expm1(-h) if exponential else -h
        rows, right = _linear_system([*ratios, torch.ones(())], -h, b)
        base = stds[i] / stds[i - 1] * x - alphas[i] * phi * newest
        predicted = base
        if changes:
            half = torch.tensor([0.5])
            weights = half if order == 2 else torch.linalg.solve(rows[:-1, :-1], right[:-1])
            predicted = base - alphas[i] * b * sum(w * c for w, c in zip(weights, changes, strict=True))
        if i == steps:
            x = predicted
            break
        prediction = model(predicted / alphas[i], sigmas[i])
        weights = torch.tensor([0.5]) if order == 1 else torch.linalg.solve(rows, right)
        changes.append(prediction - newest)
        x = base - alphas[i] * b * sum(w * c for w, c in zip(weights, changes, strict=True))
        predictions = [*predictions, prediction][-3:]
    return x / alphas[-1] / scale


def _linear_system(ratios: list[Tensor], h: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return the matrix and the right side that the weights of the changes solve."""
    rows, right = [], []
    points = torch.stack(ratios)
    phi = torch.expm1(h) / h - 1
    factorial = 1
    for k in range(1, len(ratios) + 1):
        rows.append(points ** (k - 1))
        right.append(phi * factorial / b)
        factorial *= k + 1
        phi = phi / h - 1 / factorial
    return torch.stack(rows), torch.stack(right)
