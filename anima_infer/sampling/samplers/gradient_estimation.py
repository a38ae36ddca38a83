"""Euler with an estimate of the gradient from the last two slopes."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, slope


def gradient_estimation(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Euler with the change of the slope counted once more. Source: Permenter and Yuan 2023 (gamma 2)."""
    before: Tensor | None = None
    for s, t in pairwise(sigmas):
        denoised = model(x, s)
        d = slope(x, denoised, s)
        if t == 0:
            x = denoised
        else:
            x = x + d * (t - s)
            if before is not None:
                x = x + (d - before) * (t - s)
        before = d
    return x


def gradient_estimation_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``gradient_estimation`` with CFG++."""
    before: Tensor | None = None
    for s, t in pairwise(sigmas):
        denoised, unguided = model.both(x, s)
        d = slope(x, unguided, s)
        if t == 0:
            x = denoised
        else:
            x = denoised + d * t
            if before is not None:
                x = x + (d - before) * (t - s)
        before = d
    return x
