"""Refined exponential solver, multistep."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, ancestral_step, slope


def res_multistep(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Refined exponential solver, second order, multistep. Source: Zhang et al. 2023, algorithm 2."""
    return _res_multistep(model, x, sigmas, noise, eta=0.0)


def res_multistep_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``res_multistep`` with fresh noise at every step."""
    return _res_multistep(model, x, sigmas, noise, eta=1.0)


def res_multistep_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``res_multistep`` with CFG++."""
    return _res_multistep(model, x, sigmas, noise, eta=0.0, cfg_pp=True)


def res_multistep_ancestral_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``res_multistep_ancestral`` with CFG++."""
    return _res_multistep(model, x, sigmas, noise, eta=1.0, cfg_pp=True)


def _res_multistep(
    model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, eta: float, cfg_pp: bool = False
) -> Tensor:
    previous: Tensor | None = None
    down_previous: Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, direction = model.predict_both(x, sigma) if cfg_pp else (model(x, sigma),) * 2
        down, up = ancestral_step(sigma, sigma_next, eta)
        if down == 0 or previous is None or down_previous is None:
            x = denoised + slope(x, direction, sigma) * down
        else:
            x = x + denoised - direction
            t, t_next = -sigma.log(), -down.log()
            h = t_next - t
            c2 = (-sigmas[i - 1].log() + down_previous.log()) / h
            phi1 = torch.expm1(-h) / -h
            phi2 = (phi1 - 1) / -h
            b1, b2 = torch.nan_to_num(phi1 - phi2 / c2), torch.nan_to_num(phi2 / c2)
            x = torch.exp(-h) * x + h * (b1 * direction + b2 * previous)
        if sigma_next > 0 and up > 0:
            x = x + noise(sigma, sigma_next) * up
        previous, down_previous = direction, down
    return x
