"""ER-SDE-Solver."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, nudged

_ER_POINTS = 200


def er_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Extended reverse-time SDE solver of order 3. Source: Cui et al. 2023, ER-SDE-Solver-3."""
    sigmas = nudged(sigmas, model.shift)

    def ratio(sigma: Tensor) -> Tensor:  # sigma / alpha
        return sigma / (1 - sigma)

    def phi(level: Tensor) -> Tensor:
        return level * ((level**0.3).exp() + 10)

    before: Tensor | None = None
    change_before: Tensor | None = None
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        ls, lt = ratio(s), ratio(t)
        r = phi(lt) / phi(ls)
        alpha = 1 - t
        x = alpha / (1 - s) * r * x + alpha * (1 - r) * denoised
        if before is not None:
            dt = lt - ls
            width = -dt / _ER_POINTS
            points = lt + torch.arange(_ER_POINTS, dtype=torch.float32) * width
            total = (1 / phi(points)).sum() * width
            change = (denoised - before) / (ls - ratio(sigmas[i - 1]))
            x = x + alpha * (dt + total * phi(lt)) * change
            if change_before is not None:
                moment = ((points - ls) / phi(points)).sum() * width
                second = (change - change_before) / ((ls - ratio(sigmas[i - 2])) / 2)
                x = x + alpha * (dt**2 / 2 + moment * phi(lt)) * second
            change_before = change
        x = x + alpha * noise(s, t) * torch.nan_to_num((lt**2 - ls**2 * r**2).sqrt(), nan=0.0)
        before = denoised
    return x
