"""Multistep solvers of the reverse stochastic equation in lam."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.noise import StepNoise
from anima_infer.samplers.steps import Model, ancestral_step, lam, nudged, sigma_of


def dpmpp_2m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(2M), midpoint. Source: Lu et al. 2022b."""
    return _dpmpp_2m_sde(model, x, sigmas, noise, heun=False)


def dpmpp_2m_sde_heun(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(2M) with the correction of Heun's method."""
    return _dpmpp_2m_sde(model, x, sigmas, noise, heun=True)


def _dpmpp_2m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, heun: bool) -> Tensor:
    before: Tensor | None = None
    h_before = torch.ones(())
    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        h = lam(t) - lam(s)
        he = 2 * h  # eta is 1
        alpha = 1 - t
        x = (t / s) * torch.exp(-h) * x + alpha * -torch.expm1(-he) * denoised
        if before is not None:
            factor = torch.expm1(-he) / he + 1 if heun else -0.5 * torch.expm1(-he)
            x = x + alpha * factor * (h / h_before) * (denoised - before)
        x = x + noise(s, t) * t * (-torch.expm1(-2 * h)).sqrt()
        before, h_before = denoised, h
    return x


def dpmpp_3m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(3M)."""
    history: list[tuple[Tensor, Tensor]] = []  # newest first: D and the step that followed it
    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        h = lam(t) - lam(s)
        he = 2 * h
        alpha = 1 - t
        x = (t / s) * torch.exp(-h) * x + alpha * -torch.expm1(-he) * denoised
        phi2 = torch.expm1(-he) / he + 1
        if len(history) == 1:
            ((d1, h1),) = history
            x = x + alpha * phi2 * (denoised - d1) / (h1 / h)
        elif history:
            (d1, h1), (d2, h2) = history
            r0, r1 = h1 / h, h2 / h
            a, b = (denoised - d1) / r0, (d1 - d2) / r1
            first, second = a + (a - b) * r0 / (r0 + r1), (a - b) / (r0 + r1)
            x = x + alpha * phi2 * first - alpha * (phi2 / he - 0.5) * second
        x = x + noise(s, t) * t * (-torch.expm1(-2 * h)).sqrt()
        history = [(denoised, h), *history[:1]]
    return x


def dpmpp_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(S) with a midpoint and noise at both halves. Source: Lu et al. 2022b; r = 1/2."""
    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        here, there = lam(s), lam(t)
        middle = here + (there - here) / 2
        sigma = sigma_of(middle)
        u = _ancestral_in_lam(x, denoised, here, middle, s, noise, sigma)
        x = _ancestral_in_lam(x, model(u, sigma), here, there, s, noise, t)
    return x


def _ancestral_in_lam(
    x: Tensor, denoised: Tensor, here: Tensor, there: Tensor, s: Tensor, noise: StepNoise, to: Tensor
) -> Tensor:
    down, up = ancestral_step(torch.exp(-here), torch.exp(-there))
    h = -down.log() - here
    alpha = 1 - to
    return (alpha / (1 - s)) * torch.exp(-h) * x - alpha * torch.expm1(-h) * denoised + alpha * noise(s, to) * up


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
