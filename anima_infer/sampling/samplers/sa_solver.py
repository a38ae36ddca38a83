"""SA-Solver: stochastic Adams predictor and corrector. Source: Xue et al. 2023."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, half_log_snr, offset_first_sigma
from anima_infer.sampling.schedule import percent_to_sigma


def sa_solver(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Stochastic Adams: predictor of order 3, corrector of order 4. Source: Xue et al. 2023."""
    return _sa_solver(model, x, sigmas, noise, evaluate_again=False)


def sa_solver_pece(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``sa_solver`` that asks the model again after each correction; two calls a step."""
    return _sa_solver(model, x, sigmas, noise, evaluate_again=True)


def _sa_solver(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, evaluate_again: bool) -> Tensor:
    first, last = percent_to_sigma(0.2, model.shift), percent_to_sigma(0.8, model.shift)
    sigmas = offset_first_sigma(sigmas, model.shift)
    lams = half_log_snr(sigmas)
    count = len(sigmas)
    predictions: list[Tensor] = []  # of the last sigmas, the newest last
    x_before = x  # x before the step that led to the current sigma
    step_noise: Tensor | float = 0.0

    def tau_at(sigma: Tensor) -> float:
        return 1.0 if first >= sigma >= last else 0.0

    def adams(nodes: Tensor, values: list[Tensor], sigma: Tensor, sigma_next: Tensor, tau: float) -> Tensor:
        weights = _adams_weights(nodes, half_log_snr(sigma), half_log_snr(sigma_next), sigma_next, tau)
        return sum(w * value for w, value in zip(weights, values, strict=True))

    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = model(x, sigma)
        predictions = [*predictions, denoised][-4:]
        if i:
            sigma_before = sigmas[i - 1]
            tau = tau_at(sigma)
            order = min(4, len(predictions), count - 1 - i)
            h = lams[i] - lams[i - 1]
            # the corrector repeats the last step, now with the prediction at its end
            x = (sigma / sigma_before) * torch.exp(-(tau**2) * h) * x_before
            x = x + adams(lams[i - order + 1 : i + 1], predictions[-order:], sigma_before, sigma, tau) + step_noise
            if evaluate_again:
                predictions[-1] = denoised = model(x, sigma)
        if sigma_next == 0:
            x = denoised
            continue
        tau = tau_at(sigma_next)
        order = min(3, len(predictions), count - 2 - i)
        h = lams[i + 1] - lams[i]
        x_before = x
        x = (sigma_next / sigma) * torch.exp(-(tau**2) * h) * x
        x = x + adams(lams[i - order + 1 : i + 1], predictions[-order:], sigma, sigma_next, tau)
        step_noise = 0.0
        if tau:
            step_noise = noise(sigma, sigma_next) * sigma_next * (-torch.expm1(-2 * tau**2 * h)).sqrt()
        x = x + step_noise
    return x


def _adams_weights(nodes: Tensor, start: Tensor, end: Tensor, sigma: Tensor, tau: float) -> Tensor:
    """Return the weights of the predictions at ``nodes`` (half log SNR) for the step from ``start`` to ``end``.

    The integrals of (1 + tau^2) e^((1 + tau^2)(x - end)) x^p, p below the order, follow by parts; the Vandermonde
    system turns these moments into weights.
    """
    order = len(nodes)
    m = 1 + tau**2
    powers = torch.arange(order, dtype=torch.float32)
    edge = end**powers - start**powers * torch.exp(-m * (end - start))
    parts = torch.zeros(order, order)
    for p in range(order):
        for q in range(p + 1):
            parts[p, q] = (-1) ** (p - q) * math.factorial(p) / math.factorial(q) * m ** (q - p)
    return (1 - sigma) * torch.linalg.solve(torch.vander(nodes, N=order, increasing=True).T, parts @ edge)
