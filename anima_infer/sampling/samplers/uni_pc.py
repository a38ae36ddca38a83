"""UniPC: the unified predictor-corrector. Source: Zhao et al. 2023."""

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


_UNI_PC_LAST = 0.001
"""What the last sigma of 0 is replaced by; the result is divided by 1 minus it."""


def _uni_pc(model: Model, x: Tensor, sigmas: Tensor, *, exponential: bool) -> Tensor:
    """Work in variance-preserving variables: x / sqrt(1 + s^2) = alpha data + sqrt(1 - alpha^2) noise.

    Levels are computed from ln alpha, as the paper's code does, to agree with it to float error.
    """
    scale = 1.0
    if sigmas[-1] == 0:
        sigmas = torch.cat((sigmas[:-1], torch.tensor([_UNI_PC_LAST])))
        scale = 1 - _UNI_PC_LAST
    alphas = 1 / (1 + sigmas**2).sqrt()
    variances = 1 - (2 * alphas.log()).exp()
    stds, levels = variances.sqrt(), alphas.log() - 0.5 * variances.log()
    steps = len(sigmas) - 1
    most = min(3, len(sigmas) - 2)
    x = x * alphas[0]
    predictions = [model(x / alphas[0], sigmas[0])]  # the newest last
    if most < 1:  # a single step: the reference leaves x as it is
        return x / alphas[-1] / scale
    for i in range(1, steps + 1):
        order = min(i, most, steps + 1 - i)
        h = levels[i] - levels[i - 1]
        ratios = [(levels[i - 1 - k] - levels[i - 1]) / h for k in range(1, order)]
        newest = predictions[-1]
        changes = [(predictions[-1 - k] - newest) / r for k, r in enumerate(ratios, start=1)]
        phi = torch.expm1(-h)
        b = torch.expm1(-h) if exponential else -h
        rows, right = _uni_pc_system([*ratios, torch.ones(())], -h, b)
        base = stds[i] / stds[i - 1] * x - alphas[i] * phi * newest
        guess = base
        if changes:
            half = torch.tensor([0.5])
            weights = half if order == 2 else torch.linalg.solve(rows[:-1, :-1], right[:-1])
            guess = base - alphas[i] * b * sum(w * c for w, c in zip(weights, changes, strict=True))
        if i == steps:
            x = guess
            break
        prediction = model(guess / alphas[i], sigmas[i])
        weights = torch.tensor([0.5]) if order == 1 else torch.linalg.solve(rows, right)
        changes.append(prediction - newest)
        x = base - alphas[i] * b * sum(w * c for w, c in zip(weights, changes, strict=True))
        predictions = [*predictions, prediction][-3:]
    return x / alphas[-1] / scale


def _uni_pc_system(ratios: list[Tensor], hh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    rows, right = [], []
    points = torch.stack(ratios)
    phi = torch.expm1(hh) / hh - 1
    factorial = 1
    for k in range(1, len(ratios) + 1):
        rows.append(points ** (k - 1))
        right.append(phi * factorial / b)
        factorial *= k + 1
        phi = phi / hh - 1 / factorial
    return torch.stack(rows), torch.stack(right)
