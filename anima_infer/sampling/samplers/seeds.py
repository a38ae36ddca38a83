"""SEEDS and exponential Heun: two or three stages inside a step."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, half_log_snr, offset_first_sigma, sigma_at


def seeds_2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SEEDS-2: two stages that share noise. Source: Gonzalez et al. 2023."""
    return _two_stages(model, x, sigmas, noise, r=0.5, eta=1.0, heun=False)


def exp_heun_2_x0(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Exponential Heun of order 2 for the data prediction."""
    return _two_stages(model, x, sigmas, noise, r=1.0, eta=0.0, heun=True)


def exp_heun_2_x0_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Exponential Heun of order 2 with noise."""
    return _two_stages(model, x, sigmas, noise, r=1.0, eta=1.0, heun=True)


def _two_stages(
    model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, r: float, eta: float, heun: bool
) -> Tensor:
    for sigma, sigma_next in pairwise(offset_first_sigma(sigmas, model.shift)):
        denoised = model(x, sigma)
        if sigma_next == 0:
            x = denoised
            continue
        lam, lam_next = half_log_snr(sigma), half_log_snr(sigma_next)
        h = lam_next - lam
        h_eta = h * (1 + eta)
        alpha = 1 - sigma_next
        sigma_mid = sigma_at(torch.lerp(lam, lam_next, r))
        u = (sigma_mid / sigma) * torch.exp(-r * h * eta) * x - (1 - sigma_mid) * torch.expm1(-r * h_eta) * denoised
        step_noise = torch.zeros(())
        if eta:
            step_noise = (-torch.expm1(-2 * r * h * eta)).sqrt() * noise(sigma, sigma_mid)
            u = u + step_noise * sigma_mid
        denoised_mid = model(u, sigma_mid)
        if heun:
            b2 = ((torch.expm1(-h_eta) + h_eta) / -h_eta) / r
            b1 = torch.expm1(-h_eta) - b2
            x = (sigma_next / sigma) * torch.exp(-h * eta) * x - alpha * (b1 * denoised + b2 * denoised_mid)
        else:
            mixed = torch.lerp(denoised, denoised_mid, 1 / (2 * r))
            x = (sigma_next / sigma) * torch.exp(-h * eta) * x - alpha * torch.expm1(-h_eta) * mixed
        if eta:
            step_noise = _continue_noise(step_noise, (r - 1) * h * eta, noise(sigma_mid, sigma_next))
            x = x + step_noise * sigma_next
    return x


def _continue_noise(step_noise: Tensor, log_fade: Tensor, fresh: Tensor) -> Tensor:
    """Return the noise of a step so far, faded, with fresh noise that keeps its variance."""
    return step_noise * torch.exp(log_fade) + (-torch.expm1(2 * log_fade)).sqrt() * fresh


def seeds_3(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SEEDS-3: three stages at thirds. Source: Gonzalez et al. 2023."""
    r1, r2 = 1 / 3, 2 / 3
    for sigma, sigma_next in pairwise(offset_first_sigma(sigmas, model.shift)):
        denoised = model(x, sigma)
        if sigma_next == 0:
            x = denoised
            continue
        lam, lam_next = half_log_snr(sigma), half_log_snr(sigma_next)
        h = lam_next - lam
        h_eta = 2 * h  # h * (1 + eta), eta is 1
        sigma1, sigma2 = sigma_at(torch.lerp(lam, lam_next, r1)), sigma_at(torch.lerp(lam, lam_next, r2))
        step_noise = (-torch.expm1(-2 * r1 * h)).sqrt() * noise(sigma, sigma1)
        u = (sigma1 / sigma) * torch.exp(-r1 * h) * x - (1 - sigma1) * torch.expm1(-r1 * h_eta) * denoised
        denoised1 = model(u + step_noise * sigma1, sigma1)
        step_noise = _continue_noise(step_noise, (r1 - r2) * h, noise(sigma1, sigma2))
        a32 = r2 / r1 * _phi(-r2 * h_eta)
        a31 = torch.expm1(-r2 * h_eta) - a32
        u = (sigma2 / sigma) * torch.exp(-r2 * h) * x - (1 - sigma2) * (a31 * denoised + a32 * denoised1)
        denoised2 = model(u + step_noise * sigma2, sigma2)
        step_noise = _continue_noise(step_noise, (r2 - 1) * h, noise(sigma2, sigma_next))
        b3 = _phi(-h_eta) / r2
        b1 = torch.expm1(-h_eta) - b3
        x = (sigma_next / sigma) * torch.exp(-h) * x - (1 - sigma_next) * (b1 * denoised + b3 * denoised2)
        x = x + step_noise * sigma_next
    return x


def _phi(z: Tensor) -> Tensor:
    return (torch.expm1(z) - z) / z
