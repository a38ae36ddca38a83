"""DPM-Solver++ of the reverse stochastic equation, in the half log signal-to-noise ratio."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, ancestral_step, half_log_snr, offset_first_sigma, sigma_at


def dpmpp_2m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(2M), midpoint. Source: Lu et al. 2022b."""
    return _dpmpp_2m_sde(model, x, sigmas, noise, heun=False)


def dpmpp_2m_sde_heun(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(2M) with the correction of Heun's method."""
    return _dpmpp_2m_sde(model, x, sigmas, noise, heun=True)


def _dpmpp_2m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, heun: bool) -> Tensor:
    previous: Tensor | None = None
    h_previous = torch.ones(())
    for sigma, sigma_next in pairwise(offset_first_sigma(sigmas, model.shift)):
        denoised = model(x, sigma)
        if sigma_next == 0:
            x = denoised
            continue
        h = half_log_snr(sigma_next) - half_log_snr(sigma)
        h_eta = 2 * h  # h * (1 + eta), eta is 1
        alpha = 1 - sigma_next
        x = (sigma_next / sigma) * torch.exp(-h) * x + alpha * -torch.expm1(-h_eta) * denoised
        if previous is not None:
            factor = torch.expm1(-h_eta) / h_eta + 1 if heun else -0.5 * torch.expm1(-h_eta)
            x = x + alpha * factor * (h / h_previous) * (denoised - previous)
        x = x + noise(sigma, sigma_next) * sigma_next * (-torch.expm1(-2 * h)).sqrt()
        previous, h_previous = denoised, h
    return x


def dpmpp_3m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(3M). Source: Lu et al. 2022b, third order."""
    history: list[tuple[Tensor, Tensor]] = []  # newest first: a prediction and the step after it
    for sigma, sigma_next in pairwise(offset_first_sigma(sigmas, model.shift)):
        denoised = model(x, sigma)
        if sigma_next == 0:
            x = denoised
            continue
        h = half_log_snr(sigma_next) - half_log_snr(sigma)
        h_eta = 2 * h
        alpha = 1 - sigma_next
        x = (sigma_next / sigma) * torch.exp(-h) * x + alpha * -torch.expm1(-h_eta) * denoised
        phi2 = torch.expm1(-h_eta) / h_eta + 1
        if len(history) == 1:
            ((d1, h1),) = history
            x = x + alpha * phi2 * (denoised - d1) / (h1 / h)
        elif history:
            (d1, h1), (d2, h2) = history
            r0, r1 = h1 / h, h2 / h
            a, b = (denoised - d1) / r0, (d1 - d2) / r1
            first, second = a + (a - b) * r0 / (r0 + r1), (a - b) / (r0 + r1)
            x = x + alpha * phi2 * first - alpha * (phi2 / h_eta - 0.5) * second
        x = x + noise(sigma, sigma_next) * sigma_next * (-torch.expm1(-2 * h)).sqrt()
        history = [(denoised, h), *history[:1]]
    return x


def dpmpp_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(S) with a midpoint and noise at both halves. Source: Lu et al. 2022b; r = 1/2."""
    for sigma, sigma_next in pairwise(offset_first_sigma(sigmas, model.shift)):
        denoised = model(x, sigma)
        if sigma_next == 0:
            x = denoised
            continue
        lam, lam_next = half_log_snr(sigma), half_log_snr(sigma_next)
        lam_mid = lam + (lam_next - lam) / 2
        sigma_mid = sigma_at(lam_mid)
        u = _ancestral_step_in_lam(x, denoised, (lam, lam_mid), (sigma, sigma_mid), noise)
        x = _ancestral_step_in_lam(x, model(u, sigma_mid), (lam, lam_next), (sigma, sigma_next), noise)
    return x


def _ancestral_step_in_lam(
    x: Tensor, denoised: Tensor, lams: tuple[Tensor, Tensor], ends: tuple[Tensor, Tensor], noise: StepNoise
) -> Tensor:
    """Return x after an ancestral step from the first to the second of ``lams``, which are those of ``ends``."""
    lam, lam_next = lams
    sigma, sigma_next = ends
    down, up = ancestral_step(torch.exp(-lam), torch.exp(-lam_next))
    h = -down.log() - lam
    alpha = 1 - sigma_next
    x = (alpha / (1 - sigma)) * torch.exp(-h) * x - alpha * torch.expm1(-h) * denoised
    return x + alpha * noise(sigma, sigma_next) * up
