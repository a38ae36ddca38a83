"""SA-Solver: stochastic Adams predictor and corrector. Source: Xue et al. 2023."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, lam, nudged
from anima_infer.sampling.schedule import percent_to_sigma


def sa_solver(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Stochastic Adams: predictor of order 3, corrector of order 4. Source: Xue et al. 2023."""
    return _sa_solver(model, x, sigmas, noise, evaluate_again=False)


def sa_solver_pece(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``sa_solver`` that asks the model again after each correction; two calls a step."""
    return _sa_solver(model, x, sigmas, noise, evaluate_again=True)


def _sa_solver(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, evaluate_again: bool) -> Tensor:
    first, last = percent_to_sigma(0.2, model.shift), percent_to_sigma(0.8, model.shift)
    sigmas = nudged(sigmas, model.shift)
    lams = lam(sigmas)
    count = len(sigmas)
    predictions: list[Tensor] = []  # D at every sigma so far, the newest last
    begun = x  # x before the step that led here
    drawn: Tensor | float = 0.0

    def tau(sigma: Tensor) -> float:
        return 1.0 if first >= sigma >= last else 0.0

    def adams(nodes: Tensor, values: list[Tensor], s: Tensor, t: Tensor, level: float) -> Tensor:
        weights = _adams_weights(nodes, lam(s), lam(t), t, level)
        return sum(w * value for w, value in zip(weights, values, strict=True))

    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        predictions = [*predictions, denoised][-4:]
        if i:
            before = sigmas[i - 1]
            level = tau(s)
            order = min(4, len(predictions), count - 1 - i)
            h = lams[i] - lams[i - 1]
            # the corrector repeats the step that led here, now with the prediction at its end
            x = (s / before) * torch.exp(-(level**2) * h) * begun
            x = x + adams(lams[i - order + 1 : i + 1], predictions[-order:], before, s, level) + drawn
            if evaluate_again:
                predictions[-1] = denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        level = tau(t)
        order = min(3, len(predictions), count - 2 - i)
        h = lams[i + 1] - lams[i]
        begun = x
        x = (t / s) * torch.exp(-(level**2) * h) * x
        x = x + adams(lams[i - order + 1 : i + 1], predictions[-order:], s, t, level)
        drawn = noise(s, t) * t * (-torch.expm1(-2 * level**2 * h)).sqrt() if level else 0.0
        x = x + drawn
    return x


def _adams_weights(nodes: Tensor, start: Tensor, end: Tensor, sigma: Tensor, tau: float) -> Tensor:
    """Return the weights of predictions at ``nodes`` (lams) for the step from ``start`` to ``end``.

    The integrals of (1 + tau^2) e^((1 + tau^2)(x - end)) x^p, p below the order, follow by parts; the
    Vandermonde system turns moments into weights.
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
